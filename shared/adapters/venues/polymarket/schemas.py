"""The venue's JSON as typed structs, exactly as far as Twinleg reads it.

Rule 1: unknown fields are ignored and unknown words stay text; the venue adds both at will.
Rule 2: prices, sizes and hashes stay the verbatim strings of the wire, because the book
hash is over them; Gamma's numbers are decoded as exact decimals, never as floats.
Rule 3: a field is required only where nothing can be done without it.
Source: recorded frames and objects of 2026-07 to 2026-11, and the official SDKs' models.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Raw, Struct

# --- Gamma: catalogue ------------------------------------------------------------------------


class FeeScheduleRow(Struct, rename="camel"):
    exponent: Decimal
    rate: Decimal
    taker_only: bool = True
    rebate_rate: Decimal | None = None


class TagRow(Struct):
    slug: str | None = None
    label: str | None = None


class SeriesRow(Struct):
    id: str | None = None
    slug: str | None = None


class EventRow(Struct, rename="camel"):
    id: str = ""
    slug: str = ""
    title: str | None = None
    neg_risk_augmented: bool | None = None
    series: list[SeriesRow] | None = None
    tags: list[TagRow] | None = None


class GammaMarket(Struct, rename="camel"):
    """One market; ``outcomes``, ``clobTokenIds`` and ``outcomePrices`` are JSON inside strings."""

    condition_id: str
    outcomes: str
    id: str = ""
    slug: str = ""
    question: str | None = None
    description: str | None = None
    resolution_source: str | None = None
    group_item_title: str | None = None
    clob_token_ids: str | None = None
    outcome_prices: str | None = None
    end_date: str | None = None
    closed_time: str | None = None
    game_start_time: str | None = None
    active: bool | None = None
    closed: bool | None = None
    archived: bool | None = None
    accepting_orders: bool | None = None
    enable_order_book: bool | None = None
    order_price_min_tick_size: Decimal | None = None
    order_min_size: Decimal | None = None
    neg_risk: bool | None = None
    neg_risk_other: bool | None = None
    fees_enabled: bool | None = None
    fee_type: str | None = None
    fee_schedule: FeeScheduleRow | None = None
    seconds_delay: int | None = None
    version: str | None = None
    custom_liveness: int | None = None
    uma_resolution_status: str | None = None
    events: list[EventRow] | None = None
    tags: list[TagRow] | None = None


class MarketPage(Struct):
    """One page of ``GET /markets/keyset``; each market is decoded on its own."""

    markets: list[Raw]
    next_cursor: str | None = None


# --- CLOB: market data -----------------------------------------------------------------------


class LevelRow(Struct):
    price: str
    size: str


class PriceChangeRow(Struct):
    """New total ``size`` at ``price`` of one asset; ``hash`` is of its book afterwards."""

    asset_id: str
    price: str
    size: str
    side: str
    hash: str
    best_bid: str | None = None
    best_ask: str | None = None


class Frame(Struct):
    """Any object of the market channel: one struct, since each event uses a subset."""

    event_type: str | None = None
    market: str | None = None
    asset_id: str | None = None
    timestamp: str | None = None
    hash: str | None = None
    bids: list[LevelRow] | None = None
    asks: list[LevelRow] | None = None
    tick_size: str | None = None
    last_trade_price: str | None = None
    price_changes: list[PriceChangeRow] | None = None
    price: str | None = None
    size: str | None = None
    side: str | None = None
    old_tick_size: str | None = None
    new_tick_size: str | None = None
    winning_asset_id: str | None = None
    winning_outcome: str | None = None
    assets_ids: list[str] | None = None


class RestBook(Struct):
    market: str
    asset_id: str
    timestamp: str
    bids: list[LevelRow]
    asks: list[LevelRow]
    hash: str = ""
    min_order_size: str | None = None
    tick_size: str | None = None
    neg_risk: bool | None = None
    last_trade_price: str | None = None


class ClobFee(Struct):
    """``r`` rate, ``e`` exponent, ``to`` taker only."""

    r: Decimal | None = None
    e: Decimal | None = None
    to: bool | None = None


class ClobToken(Struct):
    t: str
    o: str = ""


class ClobMarketInfo(Struct):
    """``GET /clob-markets/{condition}`` with its short keys; ``nr`` is absent when false."""

    t: list[ClobToken]
    c: str = ""
    mts: Decimal | None = None
    mos: Decimal | None = None
    nr: bool | None = None
    fd: ClobFee | None = None
    ao: bool | None = None
    sd: int | None = None
    itode: bool | None = None


# --- CLOB: orders and trades -----------------------------------------------------------------


class PostedOrder(
    Struct,
    rename={
        "error_msg": "errorMsg",
        "order_id": "orderID",
        "making_amount": "makingAmount",
        "taking_amount": "takingAmount",
        "trade_ids": "tradeIDs",
    },
):
    """Answer of POST /order. Empty amounts mean zero only where the status is terminal."""

    success: bool | None = None
    error_msg: str | None = None
    order_id: str | None = None
    status: str | None = None
    making_amount: str | None = None
    taking_amount: str | None = None
    trade_ids: list[str] | None = None


class CancelAnswer(Struct):
    canceled: list[str]
    not_canceled: dict[str, str] | None = None


class OpenOrder(Struct):
    """An order as ``/data/order`` and the user channel tell it; ``status`` is an open word."""

    id: str
    status: str
    market: str = ""
    asset_id: str = ""
    side: str = ""
    original_size: str = ""
    size_matched: str | None = None
    price: str = ""
    order_type: str = ""
    type: str | None = None
    associate_trades: list[str] | None = None


class OrderPage(Struct):
    data: list[OpenOrder]
    next_cursor: str | None = None


class MakerOrder(Struct):
    order_id: str
    matched_amount: str
    price: str
    asset_id: str
    owner: str = ""
    maker_address: str = ""
    side: str | None = None
    outcome: str = ""


class Trade(Struct):
    """A trade of ours, as taker (top-level fields) or maker (an entry of ``maker_orders``)."""

    id: str
    market: str
    asset_id: str
    side: str
    size: str
    price: str
    status: str
    taker_order_id: str
    match_time: str | None = None
    matchtime: str | None = None
    timestamp: str | None = None
    last_update: str | None = None
    owner: str = ""
    trade_owner: str = ""
    trader_side: str | None = None
    transaction_hash: str | None = None
    maker_orders: list[MakerOrder] | None = None


class TradePage(Struct):
    data: list[Trade]
    next_cursor: str | None = None


class UserHead(Struct):
    """First look at a user-channel object: ``event_type`` is absent in some recordings."""

    event_type: str | None = None
    type: str | None = None


# --- account ---------------------------------------------------------------------------------


class BalanceAnswer(Struct):
    """Balance, and what each exchange contract may move of it (address to amount)."""

    balance: str
    allowances: dict[str, str] | None = None


class PositionRow(Struct, rename="camel"):
    """One row of the data API; ``size`` is shares."""

    asset: str
    condition_id: str
    size: Decimal
    outcome_index: int | None = None
    redeemable: bool | None = None
    cur_price: Decimal | None = None


class ActivityRow(Struct, rename="camel"):
    """One row of ``/activity``; ``usdcSize`` is pUSD, ``timestamp`` unix seconds."""

    condition_id: str
    type: str
    size: Decimal
    usdc_size: Decimal
    timestamp: int
    transaction_hash: str = ""
    asset: str = ""
    outcome_index: int | None = None


class GeoblockAnswer(Struct):
    blocked: bool
    country: str = ""
    region: str = ""


class ApiKeyAnswer(Struct, rename="camel"):
    api_key: str
    secret: str
    passphrase: str


class ClosedOnlyAnswer(Struct):
    closed_only: bool

"""The venue's JSON as typed structs, exactly as far as Twinleg reads it.

Rule 1: unknown fields are ignored and unknown words stay text; the venue adds both
without a version bump.
Rule 2: money, prices and counts stay the decimal *strings* of the wire here; only
``parsing`` turns them into integers. The few JSON integers are named with their unit.
Rule 3: a field is required only where nothing can be done without it.
Source: OpenAPI field list 3.30.0 and the official websocket examples of 2026-08-22.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from msgspec import UNSET, Raw, Struct, UnsetType

# --- REST: catalogue ---------------------------------------------------------------------


class PriceRangeRow(Struct):
    start: str
    end: str
    step: str


class Market(Struct):
    ticker: str
    event_ticker: str
    status: str
    close_time: str
    market_type: str = "binary"
    title: str = ""
    yes_sub_title: str = ""
    no_sub_title: str = ""
    open_time: str | None = None
    expected_expiration_time: str | None = None
    latest_expiration_time: str | None = None
    expiration_time: str | None = None
    settlement_timer_seconds: int = 0
    result: str = ""
    settlement_value_dollars: str | None = None
    settlement_ts: str | None = None
    fee_waiver_expiration_time: str | None = None
    early_close_condition: str | None = None
    strike_type: str | None = None
    floor_strike: Any = None
    cap_strike: Any = None
    functional_strike: str | None = None
    custom_strike: Any = None
    rules_primary: str = ""
    rules_secondary: str = ""
    mve_collection_ticker: str | None = None
    notional_value_dollars: str | None = None
    price_level_structure: str = ""
    price_ranges: list[PriceRangeRow] | None = None
    is_provisional: bool | None = None
    exchange_index: int | None = None
    settlement_bounds_type: str | None = None


class SettlementSource(Struct):
    name: str | None = None
    url: str | None = None


class EventRow(Struct):
    event_ticker: str
    series_ticker: str
    title: str = ""
    sub_title: str = ""
    category: str | None = None
    settlement_sources: list[SettlementSource] | None = None
    fee_type_override: str | None = None
    fee_multiplier_override: Decimal | None = None
    exchange_index: int | None = None


class SeriesRow(Struct):
    ticker: str
    fee_type: str = ""
    fee_multiplier: Decimal | None = None
    title: str = ""
    category: str | None = None
    categories: list[str] | None = None
    tags: list[str] | None = None
    settlement_sources: list[SettlementSource] | None = None


class MarketsPage(Struct):
    """``markets`` stay raw so that one unreadable market does not cost the page."""

    markets: list[Raw]
    cursor: str | None = None


class MarketReply(Struct):
    market: Raw


class EventsPage(Struct):
    events: list[Raw]
    cursor: str | None = None


class EventReply(Struct):
    event: Raw


class SeriesList(Struct):
    series: list[Raw]


class SeriesReply(Struct):
    series: Raw


class FeeChangeRow(Struct):
    """One announced change, of a series or of one event of it."""

    scheduled_ts: str | int
    series_ticker: str = ""
    event_ticker: str = ""


class SeriesFeeChanges(Struct):
    series_fee_change_arr: list[FeeChangeRow]


class EventFeeChanges(Struct):
    event_fee_changes: list[FeeChangeRow]
    cursor: str = ""


class BookLadders(Struct):
    """REST ladders: bids of both outcomes, each in the price of its own outcome."""

    yes_dollars: list[tuple[str, str]] | None = None
    no_dollars: list[tuple[str, str]] | None = None


class BookReply(Struct):
    orderbook_fp: BookLadders


class ShardStatus(Struct):
    exchange_index: int
    exchange_active: bool
    trading_active: bool


class ExchangeStatus(Struct):
    exchange_active: bool
    trading_active: bool
    exchange_index_statuses: list[ShardStatus] | None = None


# --- REST: portfolio ---------------------------------------------------------------------


class ShardBalance(Struct):
    exchange_index: int
    balance: str | int
    """Dollars when text, cents when a number (the field list does not say which)."""


class BalanceReply(Struct):
    balance: int
    """Cents."""
    balance_dollars: str | None = None
    balance_breakdown: list[ShardBalance] | None = None


class PositionRow(Struct):
    ticker: str
    position_fp: str
    """Signed contracts: negative is NO."""


class PositionsPage(Struct):
    market_positions: list[PositionRow]
    cursor: str | None = None


class FillRow(Struct):
    trade_id: str
    order_id: str
    count_fp: str
    yes_price_dollars: str
    is_taker: bool
    fee_cost: str
    ticker: str = ""
    market_ticker: str = ""
    outcome_side: str | None = None
    book_side: str | None = None
    side: str | None = None
    action: str | None = None
    ts: int | None = None
    ts_ms: int | None = None
    created_time: str | None = None


class FillsPage(Struct):
    fills: list[FillRow]
    cursor: str | None = None


class OrderRow(Struct):
    order_id: str
    ticker: str
    status: str
    fill_count_fp: str
    remaining_count_fp: str
    client_order_id: str = ""
    initial_count_fp: str | None = None
    exchange_index: int | None = None


class OrdersPage(Struct):
    orders: list[OrderRow]
    cursor: str | None = None


class OrderReply(Struct):
    order: OrderRow


class SettlementRow(Struct):
    ticker: str
    market_result: str
    yes_count_fp: str
    no_count_fp: str
    revenue: int
    """Cents paid out."""
    settled_time: str
    value: int | None = None
    """Cents that one YES contract paid; null is possible."""


class SettlementsPage(Struct):
    settlements: list[SettlementRow]
    cursor: str | None = None


class AsOfReply(Struct):
    as_of_time: str


# --- REST: orders V2 ---------------------------------------------------------------------


class CreateReply(Struct):
    order_id: str
    fill_count: str
    client_order_id: str = ""
    remaining_count: str | None = None
    average_fill_price: str | None = None
    average_fee_paid: str | None = None
    ts_ms: int | None = None


class CancelReply(Struct):
    order_id: str
    reduced_by: str
    client_order_id: str | None = None


# --- websocket -----------------------------------------------------------------------------


class Frame(Struct):
    """The envelope of every frame; the body stays raw until its type is known."""

    type: str
    id: int | None = None
    sid: int | None = None
    seq: int | None = None
    msg: Raw | UnsetType = UNSET
    sending_ts_ms: int | None = None


class SnapshotMsg(Struct):
    """A side's key is absent when that side is empty."""

    market_ticker: str
    yes_dollars_fp: list[tuple[str, str]] | None = None
    no_dollars_fp: list[tuple[str, str]] | None = None


class DeltaMsg(Struct):
    market_ticker: str
    price_dollars: str
    delta_fp: str
    side: str
    ts_ms: int | None = None
    client_order_id: str | None = None
    """Present when an order of ours caused the change."""


class TickerOnly(Struct):
    """Names the market of a body that could not be read otherwise."""

    market_ticker: str


class SubscribedMsg(Struct):
    channel: str
    sid: int


class ErrorMsg(Struct):
    code: int
    msg: str = ""
    market_ticker: str | None = None


class LifecycleMsg(Struct):
    market_ticker: str
    event_type: str
    result: str | None = None
    settlement_value_dollars: str | None = None
    close_ts: int | None = None
    price_ranges: list[PriceRangeRow] | None = None


class EventFeeMsg(Struct):
    event_ticker: str
    fee_type_override: str | None = None
    fee_multiplier_override: Decimal | None = None


class FillMsg(Struct):
    trade_id: str
    order_id: str
    market_ticker: str
    is_taker: bool
    yes_price_dollars: str
    count_fp: str
    fee_cost: str | None = None
    outcome_side: str | None = None
    book_side: str | None = None
    side: str | None = None
    action: str | None = None
    client_order_id: str | None = None
    post_position_fp: str | None = None
    ts: int | None = None
    ts_ms: int | None = None


class UserOrderMsg(Struct):
    order_id: str
    ticker: str
    status: str
    fill_count_fp: str
    remaining_count_fp: str
    client_order_id: str = ""


class MarketPositionMsg(Struct):
    market_ticker: str
    position_fp: str


class BucketRow(Struct, frozen=True):
    """Tokens a second, and how many may be there at once."""

    refill_rate: int
    bucket_capacity: int


class ApiKeyRow(Struct, frozen=True):
    api_key_id: str
    scopes: list[str] = []


class ApiKeysReply(Struct, frozen=True):
    """``GET /api_keys``."""

    api_keys: list[ApiKeyRow]


class LimitsReply(Struct, frozen=True):
    """``GET /account/limits``."""

    usage_tier: str
    read: BucketRow
    write: BucketRow

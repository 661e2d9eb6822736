"""The venue's JSON as typed structs, exactly as far as Twinleg reads it.

Rule 1: unknown fields are ignored and unknown words stay text.
Rule 2: money and quantities stay decimal text, or exact ``Decimal`` where the wire has a
JSON number; only ``parsing`` turns them into integers.
Rule 3: a field is required only where nothing can be done without it (the SDK declares
every field of a reply as optional).
Source: types of polymarket-us 2.4.1; the documents of docs.polymarket.us.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from msgspec import UNSET, Raw, Struct, UnsetType


class Amount(Struct):
    value: str
    currency: str = "USD"


# --- market data ---------------------------------------------------------------------------


class LevelRow(Struct):
    px: Amount
    qty: str


class BookData(Struct, rename="camel"):
    market_slug: str
    bids: list[LevelRow] | None = None
    offers: list[LevelRow] | None = None
    state: str = ""
    transact_time: str | None = None


class BookReply(Struct, rename="camel"):
    market_data: BookData


class SettlementReply(Struct):
    settlement: Decimal
    slug: str = ""


class MarketFrame(Struct, rename="camel"):
    """A frame of the markets socket; exactly one of the payloads is there."""

    request_id: str = ""
    subscription_type: str = ""
    market_data: BookData | None = None
    market_data_lite: Raw | UnsetType = UNSET
    trade: Raw | UnsetType = UNSET
    heartbeat: Raw | UnsetType = UNSET
    error: str | None = None


# --- catalogue -----------------------------------------------------------------------------


class MarketSide(Struct):
    description: str | None = None
    long: bool | None = None


class Market(Struct, rename="camel"):
    slug: str
    id: str | int | None = None
    question: str | None = None
    title: str | None = None
    subtitle: str | None = None
    description: str | None = None
    category: str | None = None
    event_slug: str | None = None
    active: bool | None = None
    closed: bool | None = None
    archived: bool | None = None
    status: str | None = None
    end_date: str | None = None
    order_price_min_tick_size: Decimal | None = None
    minimum_trade_qty: Decimal | None = None
    fee_coefficient: Decimal | None = None
    market_sides: list[MarketSide] | None = None
    asset_price_terms: Any = None
    tags: list[Any] | None = None


class MarketsPage(Struct):
    markets: list[Raw]


class MarketReply(Struct):
    market: Raw


# --- orders ----------------------------------------------------------------------------------


class Order(Struct, rename="camel"):
    id: str = ""
    market_slug: str = ""
    intent: str = ""
    type: str = ""
    price: Amount | None = None
    quantity: Decimal | None = None
    cum_quantity: Decimal | None = None
    leaves_quantity: Decimal | None = None
    tif: str = ""
    state: str = ""
    create_time: str | None = None
    commission_notional_total_collected: Amount | None = None


class Execution(Struct, rename="camel"):
    id: str = ""
    order: Order | None = None
    last_shares: str | None = None
    last_px: Amount | None = None
    type: str = ""
    text: str | None = None
    order_reject_reason: str | None = None
    transact_time: str | None = None
    trade_id: str | None = None
    aggressor: bool | None = None
    commission_notional_collected: Amount | None = None


class CreateReply(Struct):
    id: str = ""
    executions: list[Execution] | None = None


class OrderReply(Struct):
    order: Order


class OpenOrdersReply(Struct):
    orders: list[Order]


class OrderSnapshot(Struct):
    orders: list[Order]
    eof: bool = False


class OrderUpdate(Struct):
    execution: Execution


class PrivateFrame(Struct, rename="camel"):
    """A frame of the private socket. Positions and balances are read over REST instead."""

    request_id: str = ""
    subscription_type: str = ""
    order_subscription_snapshot: OrderSnapshot | None = None
    order_subscription_update: OrderUpdate | None = None
    position_subscription: Raw | UnsetType = UNSET
    account_balances_snapshot: Raw | UnsetType = UNSET
    account_balances_update: Raw | UnsetType = UNSET
    rfq_event: Raw | UnsetType = UNSET
    heartbeat: Raw | UnsetType = UNSET
    error: str | None = None


# --- account ---------------------------------------------------------------------------------


class Balance(Struct, rename="camel"):
    current_balance: Decimal
    currency: str = "USD"
    buying_power: Decimal | None = None


class BalancesReply(Struct):
    balances: list[Balance]


class Position(Struct, rename="camel"):
    net_position: str | None = None
    net_position_decimal: str | None = None


class PositionsPage(Struct, rename="camel"):
    positions: dict[str, Position]
    next_cursor: str = ""
    eof: bool = False


class TradeRow(Struct, rename="camel"):
    id: str
    market_slug: str
    price: Amount
    state: str = ""
    qty: str | None = None
    qty_decimal: str | None = None
    create_time: str | None = None
    is_aggressor: bool | None = None


class ResolutionRow(Struct, rename="camel"):
    market_slug: str
    before_position: Position | None = None
    side: str = ""
    update_time: str | None = None
    trade_id: str = ""


class Activity(Struct, rename="camel"):
    type: str
    trade: TradeRow | None = None
    position_resolution: ResolutionRow | None = None


class ActivitiesPage(Struct, rename="camel"):
    activities: list[Activity]
    next_cursor: str = ""
    eof: bool = False

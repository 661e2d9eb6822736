"""What an exchange tells its listeners, in the order in which it happened.

Public happenings (levels, prints, markets) go to everybody; the ones with an ``account``
belong to that account's private stream.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.domain.enums import BookSide, MarketStatus
from shared.domain.ids import MarketId
from shared.domain.instrument import Instrument
from shared.domain.units import PriceMicros, QtyMicros
from shared.exchange.orders import FillRecord, OrderRecord, PayoutRecord


@dataclass(frozen=True, slots=True)
class LevelMoved:
    """The displayed total of one YES level changed. ``qty`` is the new total, 0 = gone."""

    market_id: MarketId
    side: BookSide
    price: PriceMicros
    qty: QtyMicros
    delta: int
    ts_ns: int
    account: str = ""
    client_id: str = ""
    """Set when an order of ``account`` caused it (Kalshi echoes the client order id)."""


@dataclass(frozen=True, slots=True)
class TradePrinted:
    """A public print. ``taker_side`` BID = the taker bought YES."""

    trade_id: str
    market_id: MarketId
    yes_price: PriceMicros
    qty: QtyMicros
    taker_side: BookSide
    ts_ns: int


@dataclass(frozen=True, slots=True)
class MarketMoved:
    """A market appeared or its status changed; ``payout`` is known from DETERMINED on."""

    market_id: MarketId
    status: MarketStatus
    ts_ns: int
    is_new: bool = False
    payout: PriceMicros | None = None


@dataclass(frozen=True, slots=True)
class InstrumentMoved:
    """The grid or the fees of a listed market changed."""

    market_id: MarketId
    before: Instrument
    after: Instrument
    ts_ns: int


@dataclass(frozen=True, slots=True)
class OrderMoved:
    account: str
    order: OrderRecord
    ts_ns: int


@dataclass(frozen=True, slots=True)
class FillMade:
    account: str
    fill: FillRecord
    ts_ns: int


@dataclass(frozen=True, slots=True)
class FinalityMoved:
    """The status of a trade changed after its match (Polymarket)."""

    account: str
    fill: FillRecord
    ts_ns: int


@dataclass(frozen=True, slots=True)
class PayoutMade:
    account: str
    payout: PayoutRecord
    ts_ns: int


Happening = (
    LevelMoved
    | TradePrinted
    | MarketMoved
    | InstrumentMoved
    | OrderMoved
    | FillMade
    | FinalityMoved
    | PayoutMade
)

"""What is submitted to an exchange and what its records say afterwards.

Prices are of the leg named by ``outcome`` unless the name says ``yes_price``.
A record is a value: the exchange replaces it, readers may keep it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from shared.domain.enums import BookSide, Liquidity, Outcome, Side, TimeInForce
from shared.domain.ids import MarketId
from shared.domain.units import MICROS, PriceMicros, QtyMicros, UsdMicros


class SelfTrade(StrEnum):
    """What happens when an order meets a resting order of the same account."""

    CANCEL_TAKER = "taker_at_cross"
    CANCEL_MAKER = "maker"


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """One order as the exchange takes it.

    ``order_id`` is given where the venue derives it from the order (Polymarket digest);
    empty lets the exchange name it. ``budget_usd`` makes a BUY budget-denominated: it
    spends at most that (fee on top) and takes every share it can get for it at or below
    ``price_limit``; ``qty`` is then only what the sender expected.
    """

    account: str
    market_id: MarketId
    outcome: Outcome
    side: Side
    price_limit: PriceMicros
    qty: QtyMicros
    tif: TimeInForce
    order_id: str = ""
    client_id: str = ""
    budget_usd: UsdMicros | None = None
    post_only: bool = False
    reduce_only: bool = False
    self_trade: SelfTrade = SelfTrade.CANCEL_TAKER
    expires_ns: int = 0
    shard: int = -1

    @property
    def book_side(self) -> BookSide:
        """Side of the YES book on which the order stands: BUY YES and SELL NO are bids."""
        is_bid = (self.side is Side.BUY) is (self.outcome is Outcome.YES)
        return BookSide.BID if is_bid else BookSide.ASK

    @property
    def yes_limit(self) -> PriceMicros:
        return self.price_limit if self.outcome is Outcome.YES else of_other(self.price_limit)


def of_other(price: PriceMicros) -> PriceMicros:
    """Return the price of the other outcome."""
    assert 0 <= price <= MICROS, price
    return PriceMicros(MICROS - price)


class OrderStatus(StrEnum):
    RESTING = "resting"
    HELD = "held"
    """Taker delay running: funds reserved, not cancellable."""
    EXECUTED = "executed"
    """Nothing of it lives and something of it filled."""
    CANCELED = "canceled"
    """Nothing of it lives; ``qty_filled`` may still be positive (a partial fill before)."""


class TradeStatus(StrEnum):
    MATCHED = "matched"
    MINED = "mined"
    RETRYING = "retrying"
    CONFIRMED = "confirmed"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        return self in (TradeStatus.CONFIRMED, TradeStatus.FAILED)


class RefusalCode(StrEnum):
    """Why an order or a cancel was refused; servers translate to their venue's words."""

    UNKNOWN_ACCOUNT = "unknown_account"
    """No such account, or (Kalshi) the shard was never funded."""
    UNKNOWN_MARKET = "unknown_market"
    UNKNOWN_ORDER = "unknown_order"
    MARKET_INACTIVE = "market_inactive"
    TRADING_PAUSED = "trading_paused"
    OFF_GRID = "off_grid"
    BAD_SIZE = "bad_size"
    BELOW_MIN_SIZE = "below_min_size"
    BELOW_MIN_NOTIONAL = "below_min_notional"
    NO_CASH = "no_cash"
    NO_SHARES = "no_shares"
    DUPLICATE = "duplicate"
    POST_ONLY_CROSS = "post_only_cross"
    FOK_NOT_FILLED = "fok_not_filled"
    FAK_NOT_FILLED = "fak_not_filled"
    REDUCE_ONLY_IOC = "reduce_only_ioc"
    EXPIRED = "expired"
    NOT_CANCELLABLE = "not_cancellable"
    WRONG_SHARD = "wrong_shard"
    MARKET_LIMIT = "market_limit"
    GROUP_LIMIT = "group_limit"
    SELF_CROSS = "self_cross"
    COUNTER_STUCK = "counter_stuck"
    """Buys are refused because matched orders still count against free cash (F-047)."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The request changed nothing."""

    code: RefusalCode
    message: str


@dataclass(frozen=True, slots=True)
class OrderRecord:
    """The exchange's record of one order.

    ``cost_usd`` sums ``price * qty`` of the leg over its fills (spent on a BUY, received on
    a SELL), ``fee_usd`` the fees. ``qty_open`` is what still rests. ``accumulator`` is
    Kalshi's per-order rounding accumulator in micro-dollars. ``reason`` says why it ended.
    """

    seq: int
    order_id: str
    client_id: str
    account: str
    market_id: MarketId
    outcome: Outcome
    side: Side
    price_limit: PriceMicros
    qty: QtyMicros
    tif: TimeInForce
    status: OrderStatus
    qty_filled: QtyMicros
    qty_open: QtyMicros
    cost_usd: UsdMicros
    fee_usd: UsdMicros
    accumulator: int
    created_ns: int
    updated_ns: int
    budget_usd: UsdMicros | None = None
    reduce_only: bool = False
    expires_ns: int = 0
    shard: int = 0
    due_ns: int = 0
    reason: str = ""
    taker_fee_usd: UsdMicros = UsdMicros(0)
    taker_cost_usd: UsdMicros = UsdMicros(0)

    @property
    def is_live(self) -> bool:
        return self.status in (OrderStatus.RESTING, OrderStatus.HELD)

    @property
    def book_side(self) -> BookSide:
        is_bid = (self.side is Side.BUY) is (self.outcome is Outcome.YES)
        return BookSide.BID if is_bid else BookSide.ASK

    @property
    def yes_limit(self) -> PriceMicros:
        return self.price_limit if self.outcome is Outcome.YES else of_other(self.price_limit)


@dataclass(frozen=True, slots=True)
class FillRecord:
    """One execution of one account's order; a trade between two accounts makes two.

    ``amount_usd`` is exactly what moved for the leg (spent on a BUY, received on a SELL),
    fee apart. ``counter_order_id`` is the other side's order, empty for the crowd.
    """

    trade_id: str
    order_id: str
    client_id: str
    account: str
    market_id: MarketId
    outcome: Outcome
    side: Side
    price: PriceMicros
    qty: QtyMicros
    amount_usd: UsdMicros
    fee_usd: UsdMicros
    liquidity: Liquidity
    ts_ns: int
    status: TradeStatus
    counter_order_id: str = ""
    seq: int = 0
    """Number of the fill at this exchange; later fills have greater numbers."""
    net_yes_after: int = 0
    """YES minus NO contracts of the account in this market right after the fill."""
    status_ns: int = 0
    fate: str = ""
    """What a fault made of the trade (see finality.py), kept so that a restart continues it."""

    @property
    def yes_price(self) -> PriceMicros:
        return self.price if self.outcome is Outcome.YES else of_other(self.price)

    @property
    def book_side(self) -> BookSide:
        is_bid = (self.side is Side.BUY) is (self.outcome is Outcome.YES)
        return BookSide.BID if is_bid else BookSide.ASK

    @property
    def key(self) -> str:
        return f"{self.trade_id}/{self.order_id}"


@dataclass(frozen=True, slots=True)
class PayoutRecord:
    """One settled market credited to one account; ``payout`` is of one YES contract."""

    reference: str
    account: str
    market_id: MarketId
    payout: PriceMicros
    qty_yes: QtyMicros
    qty_no: QtyMicros
    cash_usd: UsdMicros
    ts_ns: int

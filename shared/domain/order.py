"""One order attempt: the ticket that asks for it, its fills, and what the venue said.

A ticket is immutable and complete: from it alone an adapter can build the bytes.
An attempt is settled only by evidence of the venue; ``Unknown`` is an outcome.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from shared.domain.enums import Liquidity, Outcome, Purpose, Side, TimeInForce, Venue
from shared.domain.ids import AttemptId, MarketId, PackageId
from shared.domain.units import PriceMicros, QtyMicros, UsdMicros


@dataclass(frozen=True, slots=True)
class LegTicket:
    """Permission to send one order, in the terms of the leg held.

    ``price_limit`` is the worst price of ``outcome`` (most we pay, least we take).
    ``qty`` is contracts. ``budget_usd`` is set for a budget-denominated FAK BUY only
    (Polymarket, leg 1): then the venue spends at most the budget and may return more
    than ``qty`` contracts, never more than ``qty_max``.
    """

    attempt_id: AttemptId
    package_id: PackageId
    leg: int
    purpose: Purpose
    attempt: int
    venue: Venue
    market_id: MarketId
    outcome: Outcome
    side: Side
    price_limit: PriceMicros
    qty: QtyMicros
    qty_max: QtyMicros
    tif: TimeInForce
    decided_mono_ns: int
    decided_wall_ns: int
    send_by_mono_ns: int
    budget_usd: UsdMicros | None = None
    reduce_only: bool = False
    is_opening: bool = False
    shard: int = 0


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution of ours. ``(venue, trade_id, order_id)`` identifies it for ever (I-02).

    ``price`` is of ``outcome`` (a Kalshi NO bought at YES price p is booked at 1 - p).
    ``fee`` is what the venue charged, positive = paid. ``is_final`` is False while a
    Polymarket trade may still fail on chain.
    """

    venue: Venue
    trade_id: str
    order_id: str
    attempt_id: AttemptId | None
    market_id: MarketId
    outcome: Outcome
    side: Side
    price: PriceMicros
    qty: QtyMicros
    fee: UsdMicros
    liquidity: Liquidity
    venue_ts_ns: int
    is_final: bool

    @property
    def key(self) -> str:
        return f"{self.venue.value}/{self.trade_id}/{self.order_id}"


class AckStatus(StrEnum):
    """What the venue's answer says about the order right now."""

    DONE = "done"
    """Nothing of it lives any more; ``cum_qty`` is final."""
    RESTING = "resting"
    HELD = "held"
    """Taker delay running: neither filled nor cancellable yet."""


@dataclass(frozen=True, slots=True)
class Acked:
    """The venue took the order. ``cum_qty`` may be zero (an unfilled IOC)."""

    attempt_id: AttemptId
    order_id: str
    status: AckStatus
    cum_qty: QtyMicros
    cost_usd: UsdMicros
    fills: tuple[Fill, ...] = ()


@dataclass(frozen=True, slots=True)
class Rejected:
    """The exact answer is on the refusal list: the order never entered the book."""

    attempt_id: AttemptId
    reason: str
    raw: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Everything else: timeout, 5xx, unreadable or unlisted answer. Only evidence settles it."""

    attempt_id: AttemptId
    reason: str
    raw: str = ""


SubmitOutcome = Acked | Rejected | Unknown


class EvidenceKind(StrEnum):
    FILLED = "filled"
    """The order exists, nothing of it lives, ``cum_qty > 0``."""
    ABSENT = "absent"
    """Proven to have no fill and no life (absence rules of the venue, or cancelled with 0)."""
    LIVE = "live"
    """It rests or is held."""
    UNPROVEN = "unproven"
    """The venue's answer proves nothing yet; ask again."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a venue's own records say about one attempt."""

    attempt_id: AttemptId
    kind: EvidenceKind
    order_id: str = ""
    cum_qty: QtyMicros = QtyMicros(0)
    fills: tuple[Fill, ...] = ()

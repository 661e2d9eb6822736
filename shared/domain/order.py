"""One order attempt: the ticket that asks for it, its fills, and what the venue said.

A ticket is immutable and complete: from it alone an adapter can build the bytes.
An attempt is settled only by evidence of the venue; ``Unknown`` is an outcome.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from shared.domain.enums import Liquidity, Outcome, Purpose, Side, TimeInForce, Venue
from shared.domain.fsm import StateSpec, Table
from shared.domain.ids import AttemptId, MarketId, PackageId
from shared.domain.units import (
    MICROS,
    PriceMicros,
    QtyMicros,
    UsdMicros,
    complement,
    cost_ceil,
    cost_floor,
)


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
    expires_wall_ns: int = 0
    """For a GTC order: it dies by itself at this unix time in nanoseconds; 0 = not stated."""


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
    cost_usd: UsdMicros | None = None
    """Exact money that moved without the fee, where the venue says so; else price x qty,
    rounded up for what we pay and down for what we receive."""

    @property
    def key(self) -> str:
        return f"{self.venue.value}/{self.trade_id}/{self.order_id}"

    @property
    def notional_usd(self) -> UsdMicros:
        """Micro-dollars paid (buy) or received (sell) without the fee, never negative."""
        assert self.qty > 0 and 0 <= self.price <= MICROS, (self.price, self.qty)
        if self.cost_usd is not None:
            assert self.cost_usd >= 0, self.cost_usd
            return self.cost_usd
        exact = cost_ceil if self.side is Side.BUY else cost_floor
        return exact(self.price, self.qty)

    @property
    def cash_usd(self) -> UsdMicros:
        """Signed cash effect, fee included: negative when we pay."""
        paid = -self.notional_usd if self.side is Side.BUY else self.notional_usd
        return UsdMicros(paid - self.fee)

    def in_terms_of(self, outcome: Outcome) -> Fill:
        """Return the same execution told for ``outcome``: buying NO at q sells YES at 1 - q.

        A venue with one net number per market cannot tell the two apart; the ticket can.
        The money differs by exactly one dollar a contract, and so does an explicit cost.
        """
        if outcome is self.outcome:
            return self
        other = Side.SELL if self.side is Side.BUY else Side.BUY
        cost = None if self.cost_usd is None else UsdMicros(self.qty - self.cost_usd)
        price = complement(self.price)
        return replace(self, outcome=outcome, side=other, price=price, cost_usd=cost)


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


class OrderState(StrEnum):
    """One attempt as the kernel believes it. Only evidence of the venue leaves UNKNOWN."""

    PLANNED = "planned"
    """Its id is in the envelope; no byte was sent."""
    SENT = "sent"
    HELD = "held"
    RESTING = "resting"
    CANCELLING = "cancelling"
    UNKNOWN = "unknown"
    DONE = "done"
    """Nothing of it lives; ``cum_qty`` is final (zero included)."""
    REJECTED = "rejected"
    ABSENT = "absent"
    """Proven never to have entered the book, or refused by our own dispatcher."""


class OrderEvent(StrEnum):
    SEND = "send"
    REFUSED_HERE = "refused_here"
    ACK_DONE = "ack_done"
    ACK_HELD = "ack_held"
    ACK_REST = "ack_rest"
    REJECT = "reject"
    LOSE = "lose"
    CANCEL = "cancel"
    PROVE_DONE = "prove_done"
    PROVE_ABSENT = "prove_absent"
    PROVE_LIVE = "prove_live"
    LATE_FILL = "late_fill"


def _order_row(
    kind: str, moves: dict[str, str], kept: str = ""
) -> StateSpec[OrderState, OrderEvent]:
    return StateSpec(
        kind,
        0,
        {OrderEvent(event): OrderState(state) for event, state in moves.items()},
        frozenset(OrderEvent(word) for word in kept.split()),
    )


_PROOFS = {"prove_done": "done", "prove_absent": "absent"}
_ANSWERS = {
    "ack_done": "done",
    "ack_held": "held",
    "ack_rest": "resting",
    "reject": "rejected",
    "lose": "unknown",
}
_FINAL_KEPT = (
    "ack_done ack_held ack_rest reject lose cancel prove_done prove_absent prove_live late_fill"
    " refused_here"
)

_REOPENED_KEPT = _FINAL_KEPT.replace(" late_fill", "")

ORDER_TABLE: Final[Table[OrderState, OrderEvent]] = Table(
    "order",
    {
        OrderState.PLANNED: _order_row(
            "gate",
            {
                "send": "sent",
                "refused_here": "absent",
                **_ANSWERS,
                **_PROOFS,
                "late_fill": "unknown",
            },
            "prove_live",
        ),
        OrderState.SENT: _order_row(
            "flight",
            {"refused_here": "absent", "cancel": "cancelling", **_ANSWERS, **_PROOFS},
            "late_fill prove_live",
        ),
        OrderState.HELD: _order_row(
            "flight", {"cancel": "cancelling", **_ANSWERS, **_PROOFS}, "late_fill prove_live"
        ),
        OrderState.RESTING: _order_row(
            "flight",
            {"cancel": "cancelling", "ack_done": "done", "lose": "unknown", **_PROOFS},
            "ack_held ack_rest reject late_fill prove_live",
        ),
        OrderState.CANCELLING: _order_row(
            "flight",
            {
                "ack_done": "done",
                "lose": "unknown",
                "reject": "rejected",
                "refused_here": "absent",
                **_PROOFS,
            },
            "cancel ack_held ack_rest late_fill prove_live",
        ),
        OrderState.UNKNOWN: _order_row(
            "unknown",
            {"ack_done": "done", "reject": "rejected", "refused_here": "absent", **_PROOFS},
            "ack_held ack_rest lose cancel late_fill prove_live",
        ),
        OrderState.DONE: _order_row("end", {}, _FINAL_KEPT),
        OrderState.REJECTED: _order_row("end", {"late_fill": "unknown"}, _REOPENED_KEPT),
        OrderState.ABSENT: _order_row("end", {"late_fill": "unknown"}, _REOPENED_KEPT),
    },
)
"""Late evidence is legal everywhere: a fill after a rejection reopens the attempt (F-017)."""

SETTLED_ORDER_STATES: Final = frozenset(
    {OrderState.DONE, OrderState.REJECTED, OrderState.ABSENT, OrderState.PLANNED}
)

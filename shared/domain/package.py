"""A package at run time: two legs, every attempt that it may send, and what it knows.

Net quantities are derived from attempts, never stored: the venue's cumulative quantity
and the fills seen are two witnesses of one execution, and the larger one is believed,
less what the chain voided. The life cycle itself is data in ``package_table.py``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from shared.domain.enums import Outcome, Purpose, Side, TimeInForce, Venue
from shared.domain.ids import AttemptId, MarketId, PackageId, PairId
from shared.domain.order import (
    ORDER_TABLE,
    SETTLED_ORDER_STATES,
    Fill,
    LegTicket,
    OrderEvent,
    OrderState,
)
from shared.domain.package_table import ENDS, NAKED_STATES, PackageState
from shared.domain.units import PriceMicros, QtyMicros, UsdMicros

HEDGE_SLOTS: Final = 4
UNWIND_SLOTS: Final = 8
"""Attempts that one envelope commit authorises beside the opening one."""


@dataclass(slots=True)
class Attempt:
    """One order id of the envelope. ``ticket`` is None until the slot is used."""

    attempt_id: AttemptId
    purpose: Purpose
    number: int
    ticket: LegTicket | None = None
    state: OrderState = OrderState.PLANNED
    order_id: str = ""
    order_hash: str = ""
    cum_qty: int = 0
    cost_usd: int = 0
    fills: dict[str, Fill] = field(default_factory=dict)
    voided: dict[str, Fill] = field(default_factory=dict)
    """Executions that the chain or the exchange took back; their cash was reversed."""
    touch: int = 0
    sent_wall_ns: int = 0
    is_doubted: bool = False
    """A trade failed that nobody saw the fill of: until the venue counts again, what was
    acknowledged may not stand any more."""
    sent_mono_ns: int = 0
    """Monotonic time of the first byte in this process; 0 before it, or sent by a former one."""
    ack_wall_ns: int = 0
    reason: str = ""

    def on(self, event: OrderEvent) -> bool:
        """Advance by the order table; say whether the state changed."""
        before = self.state
        self.state = ORDER_TABLE.advance(before, event)
        return self.state is not before

    @property
    def fills_qty(self) -> int:
        """Contracts of every fill seen, voided ones included."""
        return sum(f.qty for f in self.fills.values()) + self.voided_qty

    @property
    def voided_qty(self) -> int:
        return sum(f.qty for f in self.voided.values())

    @property
    def known_qty(self) -> int:
        """Contracts that are known to have executed and were not voided."""
        voided = self.voided_qty if self.voided else 0
        standing = sum([f.qty for f in self.fills.values()]) if self.fills else 0
        known = max(self.cum_qty - voided, standing)
        assert known >= 0, (self.attempt_id, known)
        return known

    @property
    def is_price_unknown(self) -> bool:
        """Whether more executed than there are fills for: the money of it is not known yet."""
        return self.known_qty != self.fills_qty - self.voided_qty

    @property
    def is_settled(self) -> bool:
        return self.state in SETTLED_ORDER_STATES and not self.is_doubted

    @property
    def signed_qty(self) -> int:
        """Known contracts signed by side in the outcome of its leg (see Leg)."""
        if self.ticket is None:
            return 0
        return self.known_qty if self.ticket.side is Side.BUY else -self.known_qty

    @property
    def cash_usd(self) -> int:
        """Signed cash of the fills seen, fees included; voided fills are not among them."""
        return sum(fill.cash_usd for fill in self.fills.values())

    @property
    def fees_usd(self) -> int:
        return sum(fill.fee for fill in self.fills.values())


@dataclass(frozen=True, slots=True)
class Leg:
    """One half of a package: ``outcome`` of one market, with the envelope's price bounds.

    ``price_limit`` is the worst opening price, ``price_worst`` the worst price that a
    hedge may pay, ``touch`` the best price at the decision.
    """

    market_id: MarketId
    venue: Venue
    outcome: Outcome
    price_limit: PriceMicros
    price_worst: PriceMicros
    touch: PriceMicros
    shard: int = 0


@dataclass(slots=True)
class Package:
    """Mutable only inside the engine; every change is written out as rows in the same step."""

    package_id: PackageId
    number: int
    kind: str
    pair_id: PairId
    pair_name: str
    polarity: str
    category: str
    source: str
    legs: tuple[Leg, Leg]
    leg_first: int
    qty: QtyMicros
    qty_max: QtyMicros
    entry_edge_micros: int
    expected_usd: UsdMicros
    cost_worst_usd: tuple[int, int]
    """Largest cash that each leg may take from its venue, fees and overfill included."""
    settle_worst_ns: int
    created_wall_ns: int
    created_mono_ns: int
    is_probe: bool
    breakdown: dict[str, str]
    versions: dict[str, str]
    state: PackageState = PackageState.PLANNED
    parent_id: PackageId | None = None
    attempts: dict[AttemptId, Attempt] = field(default_factory=dict)
    current: AttemptId | None = None
    timer_due_ns: int = 0
    active_used_ns: int = 0
    active_since_ns: int | None = None
    finality_used_ns: int = 0
    """Time spent waiting only for shares to become final; it has its own budget S."""
    wait_is_finality: bool = False
    backoffs: int = 0
    failed_trades: int = 0
    extra_attempts: int = 0
    pending_slots: list[Attempt] = field(default_factory=list)
    """Slots of an extension that is being committed; usable only once it is durable (I-04)."""
    unknown_alerted: bool = False
    evidence_asks: int = 0
    slots_pending: set[AttemptId] | None = None
    """Slots that the venues have not answered about since a restart; None: not asked yet."""
    may_hedge_now: bool = False
    """Set when a backoff ran out (or a tick refusal asks for an immediate rebuild)."""
    stuck_retry: bool = False
    """One attempt is allowed beyond the budget: the minutely retry of a stuck package."""
    unwind_any: bool = False
    """The operator ordered the unwind at any price."""
    wait_ns: int = 0
    coverage_ppm: int = 0
    """Depth of leg 2 inside its bound over the quantity, x 1e6, when leg 1 was sent."""
    hedge_chance_ppm: int = 0
    """Completion probability of the second leg when the package was planned."""
    is_completion_known: bool = False
    carried: tuple[int, int] = (0, 0)
    """Net contracts per leg that a REPAIR inherits from its ended parent."""
    carried_cash_usd: int = 0
    """Cash of those contracts that the parent's own result does not hold."""
    unhedged_max_usd: int = 0
    unhedged_ns: int = 0
    naked_since_ns: int | None = None
    paid_legs: dict[int, int] = field(default_factory=dict)
    """Leg to what one contract of it paid, micros; kept in the record, so that a restart
    between two payouts can still judge both."""
    payout_cash_usd: int = 0
    realised_usd: int | None = None
    ended_wall_ns: int | None = None
    adverse_since_ns: int | None = None
    thin_since_ns: int | None = None
    is_adverse: bool = False
    """The auto-unwind has triggered: any loss inside the bound is taken."""
    fencing: int = 0
    updated_wall_ns: int = 0
    hedged_wall_ns: int | None = None
    void_reason: str | None = None
    is_mirror: bool = False
    """Its legs are the complements of contracts that another package holds: buying one is
    told to the venue as selling what is held (EXIT children and their repairs)."""
    exited: tuple[int, int] = (0, 0)
    """Contracts per leg that EXIT children sold for it (of a child: handed to its parent)."""
    exit_rest_until_ns: int = 0
    """No EXIT child is tried before (monotonic); a restart forgets it."""

    @property
    def is_ended(self) -> bool:
        return self.state in ENDS

    @property
    def is_resting(self) -> bool:
        """Whether it waits for a resting order of leg 1 to be taken (maker, then taker)."""
        return self.state is PackageState.LEG1_HELD and self.rests

    @property
    def rests(self) -> bool:
        """Whether the current attempt is an opening order that rests in the book."""
        attempt = self.attempts.get(self.current) if self.current else None
        ticket = attempt.ticket if attempt is not None else None
        return ticket is not None and ticket.is_opening and ticket.tif is TimeInForce.GTC

    @property
    def is_naked(self) -> bool:
        """Whether it holds the naked slot: a leg is, or may be, without its other half."""
        return self.state in NAKED_STATES

    def net(self, leg: int) -> int:
        """Signed contracts of the leg's outcome; a complement held counts negative."""
        target = self.legs[leg]
        total = self.carried[leg] - self.exited[leg]
        for attempt in self.attempts.values():
            ticket = attempt.ticket
            if ticket is None or ticket.leg != leg:
                continue
            same = ticket.outcome is target.outcome
            total += attempt.signed_qty if same else -attempt.signed_qty
        return total

    def sets(self, leg: int) -> int:
        """Contracts of a leg's market that are held as YES and NO together, unpaid."""
        return 0 if leg in self.paid_legs else self.bought_sets(leg)

    def bought_sets(self, leg: int) -> int:
        """The same, whether they were paid or not.

        Undoing a leg that cannot be sold yet buys its complement: the two cancel out as a
        position and pay a dollar together at settlement. A netting venue has none.
        """
        target = self.legs[leg]
        if target.venue.is_netting or self.is_mirror:
            return 0
        own, other = max(0, self.carried[leg]), max(0, -self.carried[leg])
        own -= self.exited[leg]
        for attempt in self.attempts.values():
            ticket = attempt.ticket
            if ticket is None or ticket.leg != leg:
                continue
            if ticket.outcome is target.outcome:
                own += attempt.signed_qty
            else:
                other += attempt.signed_qty
        return max(0, min(own, other))

    @property
    def sets_usd(self) -> int:
        """Dollars that complete sets must still pay; a contract pays one dollar."""
        return self.sets(0) + self.sets(1)

    @property
    def result_usd(self) -> int:
        """What the package made so far: cash that moved and sets that must still pay."""
        return self.cash_usd + self.sets_usd

    @property
    def residual(self) -> int:
        """Contracts of leg 0 without a contract of leg 1 (negative: leg 1 is the longer)."""
        return self.net(0) - self.net(1)

    def used(self, purpose: Purpose) -> int:
        """Attempts of a purpose that reached, or may have reached, the wire."""
        return sum(
            1 for a in self.attempts.values() if a.purpose is purpose and a.ticket is not None
        )

    @property
    def has_unsettled(self) -> bool:
        return any(not attempt.is_settled for attempt in self.attempts.values())

    @property
    def cash_usd(self) -> int:
        """Signed cash of every fill and payout so far, fees included."""
        own = sum(a.cash_usd for a in self.attempts.values())
        return own + self.payout_cash_usd + self.carried_cash_usd

    @property
    def fees_usd(self) -> int:
        return sum(a.fees_usd for a in self.attempts.values())

    def unhedged_usd(self) -> int:
        """Dollars at risk without a hedge: residual contracts at the cost of their leg."""
        residual = self.residual
        leg = self.legs[0] if residual >= 0 else self.legs[1]
        return -(-abs(residual) * leg.price_limit // 1_000_000)

    def all_fills_final(self) -> bool:
        """Whether every known execution has its fills, and the chain confirmed all of them."""
        for attempt in self.attempts.values():
            if not attempt.is_settled:
                return False
            if attempt.known_qty != attempt.fills_qty - attempt.voided_qty:
                return False
            if any(not fill.is_final for fill in attempt.fills.values()):
                return False
        return True

    def provisional_by_market(self) -> dict[MarketId, int]:
        """Dollars of executions that the chain may still void, by market."""
        out: dict[MarketId, int] = {}
        for attempt in self.attempts.values():
            for fill in attempt.fills.values():
                if not fill.is_final:
                    out[fill.market_id] = out.get(fill.market_id, 0) + fill.notional_usd
        return out

    def provisional_usd(self) -> int:
        """Dollars of executions that the chain may still void."""
        return sum(self.provisional_by_market().values())

"""The last gate before bytes: lease, age, freeze, envelope, size, rate, encoded content.

Asked twice: when a send is prepared, and again by the adapter immediately before the
first byte, because the process may have been frozen in between (F-068). Every answer is
None or the reason in words; a reason means that nothing is sent.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from shared.domain.events import Halt
from shared.domain.instrument import Instrument
from shared.domain.order import LegTicket
from shared.domain.risk import TICKET_LIFE_NS, RiskApproved
from shared.domain.units import NS_PER_MS, NS_PER_S, UsdMicros, cost_ceil, format_micros
from trader_task.envelopes import Envelopes

LEASE_OPENING_NS: Final = 20 * NS_PER_S
LEASE_OPENING_HELD_NS: Final = 25 * NS_PER_S
"""On a market with a taker delay."""
LEASE_REDUCING_NS: Final = 2 * NS_PER_S
LAG_OPENING_NS: Final = 100 * NS_PER_MS
"""An event that waited longer than this opens nothing (F-012)."""

ORDERS_A_SECOND: Final = 20
OPENINGS_A_SECOND: Final = 5
RESERVED_FOR_REDUCING: Final = 4
"""20 % of the order rate is never spent on openings (I-23)."""

COST_HARD_MAX: Final = UsdMicros(250_000_000)
PRICE_HARD_MIN: Final = 10_000
PRICE_HARD_MAX: Final = 990_000


@dataclass(slots=True)
class Permission:
    """What this process may do right now; written by lease, control and shut-down."""

    lease_until_mono_ns: int = 0
    is_frozen: bool = False
    is_stopping: bool = False
    is_passive: bool = True
    """True until recovery took the lease: sends are impossible."""
    halts: Callable[[], Iterable[Halt]] = tuple
    """Halts in force now; one taken after the approval still holds an opening back (I-18)."""
    is_wanted: Callable[[LegTicket], bool] = lambda ticket: True
    """Whether the package of an opening still waits to send it; it may have ended meanwhile."""
    unfit: Callable[[LegTicket], str] = lambda ticket: ""
    """Why an order does not fit any more since its approval (grid, residual, doubt); else empty."""

    def why_not(self, ticket: LegTicket, instrument: Instrument, mono_ns: int) -> str | None:
        if self.is_passive:
            return "start-up is not finished"
        if self.is_frozen:
            return "frozen: cancels and reads only"
        if self.is_stopping and ticket.is_opening:
            return "shutting down"
        if ticket.is_opening:
            scopes = ("global", f"venue:{ticket.venue.value}")
            if any(halt.scope in scopes for halt in self.halts()):
                return "halted since it was approved"
            if not self.is_wanted(ticket):
                return "its package has ended meanwhile"
        needed = LEASE_REDUCING_NS
        if ticket.is_opening:
            held = instrument.taker_delay_ns > 0
            needed = LEASE_OPENING_HELD_NS if held else LEASE_OPENING_NS
        left = self.lease_until_mono_ns - mono_ns
        if left < needed:
            return f"lease too short: {left // NS_PER_MS} ms left, {needed // NS_PER_MS} needed"
        return self.unfit(ticket) or None


@dataclass(slots=True)
class Throttle:
    """Orders and openings of the last second; openings leave a reserve to reducing."""

    _orders: deque[int] = field(default_factory=deque)
    _openings: deque[int] = field(default_factory=deque)

    def why_not(self, is_opening: bool, mono_ns: int) -> str | None:
        for times in (self._orders, self._openings):
            while times and mono_ns - times[0] >= NS_PER_S:
                times.popleft()
        if is_opening and len(self._openings) >= OPENINGS_A_SECOND:
            return f"rate: {OPENINGS_A_SECOND} packages a second"
        limit = ORDERS_A_SECOND - (RESERVED_FOR_REDUCING if is_opening else 0)
        return f"rate: {limit} orders a second" if len(self._orders) >= limit else None

    def take(self, is_opening: bool, mono_ns: int) -> None:
        self._orders.append(mono_ns)
        if is_opening:
            self._openings.append(mono_ns)
        assert len(self._orders) <= ORDERS_A_SECOND, "asked before taken"


class SendGate:
    """Joins permission, envelopes and throttle into one answer about one ticket."""

    def __init__(self, permission: Permission, envelopes: Envelopes) -> None:
        self.permission = permission
        self._envelopes = envelopes
        self._throttle = Throttle()

    def why_not(
        self, approved: RiskApproved[LegTicket], instrument: Instrument, mono_ns: int
    ) -> str | None:
        """Return why the ticket must not be sent at ``mono_ns``, or None. Changes nothing."""
        ticket = approved.value
        if mono_ns > ticket.send_by_mono_ns:
            late = (mono_ns - ticket.send_by_mono_ns) // NS_PER_MS
            return f"late: {late} ms after send-by"
        if mono_ns - approved.approved_mono_ns > TICKET_LIFE_NS:
            return "late: the ticket is older than 250 ms"
        return (
            self.permission.why_not(ticket, instrument, mono_ns)
            or self._envelopes.why_not(ticket)
            or hard_check(ticket)
            or self._throttle.why_not(ticket.is_opening, mono_ns)
        )

    def pass_through(self, ticket: LegTicket, mono_ns: int) -> None:
        """Use the permission up; called once, directly before the first byte."""
        self._envelopes.mark_on_wire(ticket)
        self._throttle.take(ticket.is_opening, mono_ns)


def hard_check(ticket: LegTicket) -> str | None:
    """Return which limit in code an order breaks, whatever configuration says, or None."""
    if ticket.qty <= 0 or ticket.qty_max < ticket.qty:
        return "hard limit: no quantity"
    cost = ticket.budget_usd if ticket.budget_usd is not None else None
    if cost is None:
        cost = cost_ceil(ticket.price_limit, ticket.qty)
    if ticket.is_opening and cost > COST_HARD_MAX:
        return f"hard limit: costs {format_micros(cost)}, most is {format_micros(COST_HARD_MAX)}"
    if ticket.is_opening and not PRICE_HARD_MIN < ticket.price_limit < PRICE_HARD_MAX:
        return "hard limit: opening price outside 0.01 to 0.99"
    return None


def decoded_difference(ticket: LegTicket, decoded: Mapping[str, str]) -> str | None:
    """Compare the order read back from its own bytes with the ticket (I-05, F-027).

    ``decoded`` holds text: market_id, outcome, side, price, and qty or budget as exact
    decimals. Returns what differs, or None.
    """
    is_budget = ticket.budget_usd is not None
    wanted = {
        "market_id": str(ticket.market_id),
        "outcome": ticket.outcome.value,
        "side": ticket.side.value,
        "price": format_micros(ticket.price_limit),
        "qty": "" if is_budget else format_micros(ticket.qty),
        "budget": format_micros(ticket.budget_usd) if ticket.budget_usd is not None else "",
    }
    for name, value in wanted.items():
        found = decoded.get(name, "")
        if found != value:
            return f"{name} is {found or 'missing'}, ticket says {value or 'none'}"
    return None

"""The invariants of the fault catalogue, judged in every simulated step.

End-state checks are not enough: the machine heals itself, so a wrong hedge is trimmed
later and the end looks clean. I-03 to I-11 are judged at the moment of sending, against
the world's hidden truth.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from shared.domain.enums import Purpose, Venue
from shared.domain.ids import AttemptId, PackageId
from shared.domain.order import LegTicket
from shared.domain.package import Package
from shared.domain.package_table import PackageState
from shared.domain.risk import TICKET_LIFE_NS
from shared.domain.units import NS_PER_MS, NS_PER_S
from shared.drivers.sim_venue import ABSENCE_NS, ACCOUNT, LOST_AFTER_NS, SimVenue
from shared.engine.kernel import Kernel
from shared.exchange.orders import TradeStatus

if TYPE_CHECKING:
    from shared.drivers.sim_trader import SimTrader

ACTIVE_MAX_NS: Final = 14_150 * NS_PER_MS
TIMER_SLACK_NS: Final = 50 * NS_PER_MS
DUST: Final = 10_000
RESTING: Final = frozenset({PackageState.HEDGED, PackageState.SETTLING, PackageState.STUCK_KNOWN})
"""States in which a package may be found once faults are off and time has passed (I-16)."""


@dataclass(frozen=True, slots=True)
class Violation:
    checker: str
    text: str


@dataclass(slots=True)
class Checkers:
    venues: dict[Venue, SimVenue]
    violations: list[Violation] = field(default_factory=list)
    sent: set[AttemptId] = field(default_factory=set)
    edges: set[tuple[str, str]] = field(default_factory=set)
    active_max_ns: int = 0
    lease_truth: dict[int, int] = field(default_factory=dict)
    """Epoch to the end of the lease that was really granted."""
    allowance_ns: int = 0
    """Time in which the process itself stood still; no deadline can hold there."""
    last_states: dict[PackageId, PackageState] = field(default_factory=dict)

    def fail(self, checker: str, text: str) -> None:
        if len(self.violations) < 20:
            self.violations.append(Violation(checker, text))

    # --- at the wire ---------------------------------------------------------------------

    def before_send(self, trader: SimTrader, ticket: LegTicket) -> None:
        attempt = ticket.attempt_id
        if attempt in self.sent:
            self.fail("I-03", f"{attempt} reaches the wire twice")
        self.sent.add(attempt)
        if attempt not in trader.store.envelope_ids:
            self.fail("I-04", f"{attempt} is in no committed envelope")
        row = trader.store.tables["packages"].get((ticket.package_id,))
        if row is not None:
            if ticket.qty > row["qty_max_micros"]:
                self.fail("I-04", f"{attempt} is larger than its envelope")
            self._check_price(row, ticket)
        now = trader.mono()
        if trader.is_fenced or self.lease_truth.get(trader.epoch, 0) <= now:
            self.fail("I-06", f"{attempt} is sent without the lease")
        if ticket.is_opening and now - ticket.decided_mono_ns > TICKET_LIFE_NS:
            self.fail("I-05", f"{attempt} opens on an old ticket")
        if trader.kernel.state.is_frozen:
            self.fail("I-18", f"{attempt} is sent while frozen")
        if ticket.is_opening and any(
            halt.scope in ("global", f"venue:{ticket.venue.value}")
            for halt in trader.kernel.state.halts.values()
        ):
            self.fail("I-18", f"{attempt} opens while halted")
        package = trader.kernel.state.packages[ticket.package_id]
        self._check_alone(package, ticket)
        self._check_size(package, ticket)

    def _check_price(self, row: dict[str, object], ticket: LegTicket) -> None:
        if ticket.purpose is Purpose.UNWIND:
            return
        envelope = row["envelope"]
        assert isinstance(envelope, dict)
        leg = envelope["legs"][ticket.leg]
        worst = leg["price_limit"] if ticket.is_opening else leg["price_worst"]
        if ticket.price_limit > worst:
            self.fail("I-04", f"{ticket.attempt_id} pays more than its envelope allows")

    def _check_alone(self, package: Package, ticket: LegTicket) -> None:
        """No attempt of the package may be in flight or alive at a venue (I-03, I-09)."""
        for other in package.attempts:
            if other == ticket.attempt_id or other not in self.sent:
                continue
            for venue in self.venues.values():
                order = venue.exchange.order_by_client_id(ACCOUNT, other)
                if order is not None and order.is_live:
                    self.fail("I-09", f"{ticket.attempt_id} goes while {other} lives")
                sent = venue.sent.get(other, 0)
                is_young = venue.now() - sent < LOST_AFTER_NS + ABSENCE_NS
                if other in venue.in_transit and is_young:
                    self.fail("I-09", f"{ticket.attempt_id} goes while {other} is under way")

    def _check_size(self, package: Package, ticket: LegTicket) -> None:
        """Reducing never exceeds the true residual, never sells what is not final (I-10, I-11)."""
        if ticket.purpose is Purpose.OPEN or package.carried != (0, 0):
            return
        if any(
            other in venue.in_transit
            for other in package.attempts
            for venue in self.venues.values()
        ):
            return
        # A failure may be known (evidence) or not (told late): the larger residual bounds.
        residual = max(
            abs(self._true_net(package, 0, told) - self._true_net(package, 1, told))
            for told in (False, True)
        )
        if ticket.qty > residual + DUST:
            checker = "I-10" if ticket.purpose is Purpose.HEDGE else "I-11"
            self.fail(checker, f"{ticket.attempt_id}: {ticket.qty} for a residual of {residual}")

    def _true_net(self, package: Package, leg: int, told: bool) -> int:
        target = package.legs[leg]
        total = 0
        for attempt in package.attempts:
            venue = self.venues[target.venue]
            order = venue.exchange.order_by_client_id(ACCOUNT, attempt)
            if order is None or order.market_id != target.market_id:
                continue
            for fill in venue.exchange.fills_of(order.order_id):
                if fill.status is TradeStatus.FAILED and (
                    not told or fill.trade_id in venue.told_failed
                ):
                    continue
                same = fill.outcome is target.outcome
                bought = fill.side.value == "buy"
                total += fill.qty if same is bought else -fill.qty
        return total

    # --- after every step ----------------------------------------------------------------

    def after_step(self, kernel: Kernel, now_ns: int) -> None:
        state = kernel.state
        for package in state.packages.values():
            last = self.last_states.get(package.package_id)
            if last is not package.state:
                self.last_states[package.package_id] = package.state
                self.edges.add((last.value if last else "", package.state.value))
            if package.is_ended:
                continue
            if state.pairs:
                self._check_timer(package, now_ns)
            used = package.active_used_ns
            if package.active_since_ns is not None and not package.wait_is_finality:
                used += now_ns - package.active_since_ns
            self.active_max_ns = max(self.active_max_ns, used)

    def _check_timer(self, package: Package, now_ns: int) -> None:
        if package.timer_due_ns == 0:
            self.fail("I-15", f"{package.package_id} waits in {package.state.value} unarmed")
        elif now_ns > package.timer_due_ns + TIMER_SLACK_NS:
            self.fail("I-15", f"{package.package_id} is held past its deadline")

    def after_restart(self, trader: SimTrader) -> None:
        """Every halt of the record stands in the new process before it may do anything."""
        held = {(h.scope, h.reason.value) for h in trader.kernel.state.halts.values()}
        for halt in set(trader.store.halts) - held:
            self.fail("I-18", f"the halt {halt} was lost in a restart")

    def is_at_rest(self, trader: SimTrader | None) -> bool:
        if trader is None:
            return False
        state = trader.kernel.state
        for venue in self.venues.values():
            paid = {payout.reference for payout in venue.exchange.payouts(ACCOUNT)}
            if not paid <= state.payouts_posted:
                return False
        return all(package.state in RESTING for package in state.live_packages())

    # --- after the faults stopped ----------------------------------------------------------

    def at_end(self, trader: SimTrader) -> None:
        state = trader.kernel.state
        if state.ledger.total() != 0:
            self.fail("I-02", f"the ledger sums to {state.ledger.total()}")
        self._check_truth(trader)
        for package in state.live_packages():
            if package.state not in RESTING:
                name = f"{package.package_id} is still {package.state.value}"
                self.fail("I-16", name)
            if package.state is PackageState.HEDGED and abs(package.residual) > 1_000_000:
                self.fail("I-10", f"{package.package_id} is hedged with {package.residual} left")
        if self.active_max_ns > ACTIVE_MAX_NS + NS_PER_S + self.allowance_ns:
            self.fail("I-07", f"exposed for {self.active_max_ns // NS_PER_MS} ms")

    def _check_truth(self, trader: SimTrader) -> None:
        """Cash and positions equal the venue's, micro-exact; no fill lost or doubled."""
        state = trader.kernel.state
        for venue in self.venues.values():
            booked = state.ledger.balance(f"cash:{venue.venue.value}")
            cash = venue.exchange.cash(ACCOUNT)
            if booked != cash:
                self.fail("I-17", f"{venue.venue.value}: {booked} booked, {cash} at the venue")
            for fill in venue.exchange.fills(ACCOUNT):
                if fill.status is TradeStatus.FAILED:
                    continue  # matched and voided before anybody told us: it moved nothing
                key = f"{venue.venue.value}/{fill.trade_id}/{fill.order_id}"
                if not state.ledger.has(f"fill/{key}"):
                    self.fail("I-14", f"{key} was lost")
            for attempt, count in venue.executions.items():
                if count > 1:
                    self.fail("I-03", f"{attempt} executed {count} times")

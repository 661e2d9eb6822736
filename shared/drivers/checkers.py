"""The invariants of the fault catalogue, judged in every simulated step.

End-state checks are not enough: the machine heals itself, so a wrong hedge is trimmed
later and the end looks clean. I-03 to I-12 are judged at the moment of sending, against
the world's hidden truth. One module a subject: ``checkers_wire``, ``checkers_opening``,
``checkers_life``, ``checkers_money``; this one joins them for the driver.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shared.domain import commands as cm
from shared.domain.enums import Venue
from shared.domain.events import AccountSnapshot, Event, StateLoaded
from shared.domain.ids import PackageId
from shared.domain.order import LegTicket
from shared.domain.package_table import PackageState
from shared.domain.risk import RiskApproved
from shared.domain.units import NS_PER_S
from shared.drivers.checkers_life import RESTING, LifeChecker
from shared.drivers.checkers_money import MoneyChecker
from shared.drivers.checkers_opening import OpeningChecker
from shared.drivers.checkers_truth import Truth, Violation
from shared.drivers.checkers_wire import WireChecker
from shared.drivers.sim_venue import ACCOUNT, SimVenue

if TYPE_CHECKING:
    from shared.drivers.sim_trader import SimTrader

HOLD_MAX_NS: Final = NS_PER_S
LOOK_EVERY: Final = 32
"""Packages move only in a step that says so; deadlines are looked at now and then."""


class Checkers:
    """Every invariant of one run; ``violations`` is what they found."""

    def __init__(self, venues: dict[Venue, SimVenue]) -> None:
        self.truth = Truth(venues)
        self.opening = OpeningChecker(self.truth)
        self.wire = WireChecker(self.truth, self.opening)
        self.life = LifeChecker(self.truth)
        self.money = MoneyChecker(self.truth, self.opening)
        self.violations: list[Violation] = self.truth.violations

    # --- what the driver tells -------------------------------------------------------------

    @property
    def allowance_ns(self) -> int:
        return self.truth.allowance_ns

    @allowance_ns.setter
    def allowance_ns(self, value: int) -> None:
        self.truth.allowance_ns = value

    @property
    def lease_truth(self) -> dict[int, int]:
        return self.wire.lease_truth

    @property
    def last_states(self) -> dict[PackageId, PackageState]:
        return self.life.last_states

    @property
    def edges(self) -> set[tuple[str, str]]:
        return self.life.edges

    @property
    def active_max_ns(self) -> int:
        return self.life.active_max_ns

    def on_start(self, epoch: int) -> None:
        """A process has just been started under this epoch."""
        self.life.on_start(epoch)
        self.money.posted.clear()

    def after_restart(self, trader: SimTrader) -> None:
        """Every halt of the record stands in the new process before it may do anything."""
        held = {(h.scope, h.reason.value) for h in trader.kernel.state.halts.values()}
        for halt in set(trader.store.halts) - held:
            self.truth.fail("I-18", f"the halt {halt} was lost in a restart")

    # --- while it runs ---------------------------------------------------------------------

    def before_commit(self, command: cm.CommitEnvelope) -> None:
        self.life.on_commit(command)

    def before_send(self, trader: SimTrader, approved: RiskApproved[LegTicket]) -> None:
        self.wire.judge(trader, approved)

    def on_rows(self, out: list[cm.Command]) -> None:
        """Take every posting, also of a process that is working off what queued up."""
        for command in out:
            if isinstance(command, cm.WriteRows) and command.table == "ledger_postings":
                self.money.on_postings(command.rows)

    def after_step(self, trader: SimTrader, event: Event, out: list[cm.Command]) -> None:
        """Judge what one step of a living, unfenced process has done."""
        self.life.on_stamp(event.stamp)
        is_account = isinstance(event.body, AccountSnapshot)
        if not out and event.stamp.seq % LOOK_EVERY and not is_account:
            return
        if isinstance(event.body, StateLoaded):
            self.money.sums = dict(trader.kernel.state.ledger.balances)
        elif is_account or event.stamp.seq % LOOK_EVERY == 0:
            self.money.check_balances(trader)
        for package in self.life.after_step(trader.kernel, event.stamp.mono_ns):
            self.money.on_state(package, self.life.clocks[package.package_id].was_stuck)
        if event.stamp.seq % LOOK_EVERY == 0:
            self.life.check_resting(trader, HOLD_MAX_NS)

    # --- the end ---------------------------------------------------------------------------

    def is_at_rest(self, trader: SimTrader | None) -> bool:
        if trader is None:
            return False
        state = trader.kernel.state
        for venue in self.truth.venues.values():
            paid = {payout.reference for payout in venue.exchange.payouts(ACCOUNT)}
            if not paid <= state.payouts_posted:
                return False
        return all(package.state in RESTING for package in state.live_packages())

    def at_end(self, trader: SimTrader) -> None:
        """Faults have been off for long: everything is proven, at rest, and adds up."""
        self.money.at_end(trader)
        self.life.at_end(trader)


__all__ = ["Checkers", "Violation"]

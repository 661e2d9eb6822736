"""Time and order of things, after every step: I-07, I-15, I-16, I-21, I-24, I-26.

Exposure is measured here by its own clock; the kernel's own budgets are not believed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shared.domain.enums import Venue
from shared.domain.events import Stamp
from shared.domain.ids import AttemptId, PackageId
from shared.domain.package import Package
from shared.domain.package_table import ACTIVE_STATES, PackageState
from shared.domain.units import NS_PER_MS, NS_PER_S
from shared.drivers.checkers_truth import Truth
from shared.engine.kernel import Kernel
from shared.exchange.orders import TradeStatus

if TYPE_CHECKING:
    from shared.domain.commands import CommitEnvelope
    from shared.drivers.sim_trader import SimTrader

PS = PackageState
ACTIVE_MAX_NS: Final = 14_150 * NS_PER_MS
FINALITY_MAX_NS: Final = 62 * NS_PER_S
ACK_NS: Final = 250 * NS_PER_MS
HELD_NS: Final = 2 * NS_PER_S
"""Beyond the declared delay a held order has two seconds to say what became of it."""
MAKER_NS: Final = 9 * NS_PER_S
"""The maker variant lets one opening order rest for eight seconds."""
SLACK_NS: Final = 50 * NS_PER_MS
RESTING: Final = frozenset({PS.HEDGED, PS.SETTLING, PS.STUCK_KNOWN})
"""States in which a package may be found once faults are off and time has passed (I-16)."""
_IN_FLIGHT: Final = frozenset({PS.LEG1_SENT, PS.LEG1_HELD, PS.LEG2_SENT, PS.UNWIND_SENT})
_MAY_LIVE: Final = frozenset(
    {
        PS.JOURNALLED,
        PS.LEG1_CANCELLING,
        PS.LEG1_UNKNOWN,
        PS.LEG2_CANCELLING,
        PS.LEG2_UNKNOWN,
        PS.UNWIND_UNKNOWN,
        PS.RECOVERING,
        PS.STUCK_UNKNOWN,
        PS.CONFIRM_UNKNOWN,
    }
)
"""Cancelling or unproven: an order may still rest there (I-24)."""


@dataclass(slots=True)
class Clock:
    """How long one package has been exposed, by the checker's own count."""

    active_ns: int = 0
    finality_ns: int = 0
    since_ns: int = 0
    is_active: bool = False
    is_finality: bool = False
    was_stuck: bool = False


class LifeChecker:
    def __init__(self, truth: Truth) -> None:
        self.truth = truth
        self.clocks: dict[PackageId, Clock] = {}
        self.last_states: dict[PackageId, PackageState] = {}
        self.edges: set[tuple[str, str]] = set()
        self.active_max_ns = 0
        self.numbers: set[int] = set()
        self.highest_number = 0
        self.highest_epoch = 0
        self.ids: dict[AttemptId, PackageId] = {}
        self.last_stamp = Stamp(0, 0, 0)

    # --- time that never goes back -------------------------------------------------------

    def on_start(self, epoch: int) -> None:
        """A new process begins: its epoch is higher, its clocks start anew."""
        if epoch <= self.highest_epoch:
            self.truth.fail("I-26", f"epoch {epoch} after {self.highest_epoch}")
        self.highest_epoch = epoch
        self.last_states.clear()
        self.last_stamp = Stamp(0, 0, 0)
        for clock in self.clocks.values():
            clock.is_active = False

    def on_stamp(self, stamp: Stamp) -> None:
        last = self.last_stamp
        if stamp.seq <= last.seq or stamp.mono_ns < last.mono_ns:
            self.truth.fail("I-26", f"{stamp} after {last}")
        self.last_stamp = stamp

    def on_commit(self, command: CommitEnvelope) -> None:
        """Numbers of committed packages only rise; an attempt id is used by one package."""
        number = command.package["number"]
        if not command.is_extension:
            if number <= self.highest_number:
                self.truth.fail("I-26", f"package {number} after {self.highest_number}")
            self.highest_number = number
        for row in command.attempts:
            owner = self.ids.setdefault(row["attempt_id"], command.package_id)
            if owner != command.package_id:
                self.truth.fail("I-26", f"{row['attempt_id']} names two packages")

    # --- after every step ----------------------------------------------------------------

    def after_step(self, kernel: Kernel, now_ns: int) -> list[Package]:
        """Judge every package; return those whose state has just changed."""
        changed = []
        for package in kernel.state.packages.values():
            last = self.last_states.get(package.package_id)
            if last is not package.state:
                self.last_states[package.package_id] = package.state
                self.edges.add((last.value if last else "", package.state.value))
                self._turn_clock(package, now_ns)
                self._finality(package)
                changed.append(package)
            elif package.state is PS.UNWIND_WAIT and (
                self.clocks[package.package_id].is_finality is not package.wait_is_finality
            ):
                # Left and entered again in one step: it waits for something else now.
                self._turn_clock(package, now_ns)
            if package.is_ended:
                continue
            if kernel.state.pairs:
                self._timer(package, now_ns)
            self._exposure(package, now_ns)
        return changed

    def _turn_clock(self, package: Package, now_ns: int) -> None:
        clock = self.clocks.setdefault(package.package_id, Clock())
        if clock.is_active:
            span = now_ns - clock.since_ns
            if clock.is_finality:
                clock.finality_ns += span
            else:
                clock.active_ns += span
        state = package.state
        clock.is_active = state in ACTIVE_STATES or state is PS.UNWIND_WAIT
        clock.is_finality = state is PS.UNWIND_WAIT and package.wait_is_finality
        clock.since_ns = now_ns
        clock.was_stuck |= state in (PS.STUCK_KNOWN, PS.STUCK_UNKNOWN)

    def _exposure(self, package: Package, now_ns: int) -> None:
        clock = self.clocks[package.package_id]
        if clock.was_stuck:
            return  # a person was paged, its pair is halted: the bound has done its work
        span = now_ns - clock.since_ns if clock.is_active else 0
        active = clock.active_ns + (0 if clock.is_finality else span)
        waited = clock.finality_ns + (span if clock.is_finality else 0)
        self.active_max_ns = max(self.active_max_ns, active)
        slack = NS_PER_S + self.truth.allowance_ns
        if active > ACTIVE_MAX_NS + slack:
            self.truth.fail("I-07", f"{package.package_id} exposed {active // NS_PER_MS} ms")
        if waited > FINALITY_MAX_NS + slack:
            text = f"{package.package_id} waited {waited // NS_PER_MS} ms for finality"
            self.truth.fail("I-07", text)

    def _timer(self, package: Package, now_ns: int) -> None:
        if package.timer_due_ns == 0:
            self.truth.fail("I-15", f"{package.package_id} waits in {package.state.value} unarmed")
        elif now_ns > package.timer_due_ns + SLACK_NS:
            self.truth.fail("I-15", f"{package.package_id} is held past its deadline")

    def _finality(self, package: Package) -> None:
        """HEDGED and FLAT need every Polymarket trade final (I-21)."""
        if package.state not in (PS.HEDGED, PS.FLAT):
            return
        for leg, target in enumerate(package.legs):
            if target.venue is not Venue.POLYMARKET:
                continue
            for venue, fill in self.truth.fills_of(package, leg):
                told = fill.status is not TradeStatus.FAILED or fill.trade_id in venue.told_failed
                if not fill.status.is_final or not told:
                    text = f"{package.package_id} is {package.state.value} on {fill.status.value}"
                    self.truth.fail("I-21", text)

    def check_resting(self, trader: SimTrader, hold_ns: int) -> None:
        """No order of ours rests but where its package is cancelling or unproven (I-24)."""
        for venue in self.truth.venues.values():
            for order in venue.exchange.live_orders():
                owner = self.ids.get(AttemptId(order.client_id))
                package = trader.kernel.state.packages.get(owner) if owner else None
                if package is None or package.state in _MAY_LIVE:
                    continue
                age = venue.now() - venue.sent.get(AttemptId(order.client_id), venue.now())
                wait = HELD_NS if package.state is PS.LEG1_HELD else ACK_NS
                if package.is_resting:
                    wait = MAKER_NS
                limit = wait + hold_ns + SLACK_NS + self.truth.allowance_ns
                if package.state not in _IN_FLIGHT or age > limit:
                    text = f"{order.client_id} rests in {package.state.value} for {age} ns"
                    self.truth.fail("I-24", text)

    # --- after the faults stopped ----------------------------------------------------------

    def at_end(self, trader: SimTrader) -> None:
        for package in trader.kernel.state.live_packages():
            if package.state not in RESTING:
                self.truth.fail("I-16", f"{package.package_id} is still {package.state.value}")
            if package.state is PS.HEDGED and abs(package.residual) > 1_000_000:
                text = f"{package.package_id} is hedged with {package.residual} left"
                self.truth.fail("I-10", text)

"""How long a package may stay in its state, and the timer that says when that is over."""

from __future__ import annotations

from typing import Final

from shared.domain.package import Package
from shared.domain.package_table import PACKAGE_TABLE, PackageState
from shared.domain.units import NS_PER_MS, NS_PER_S
from shared.engine.state import State, Turn

PS = PackageState
MAKER_REST_NS: Final = 8 * NS_PER_S
"""How long an opening order of the maker variant may rest before it is taken back."""
FLIGHT: Final = frozenset(
    {PS.LEG1_SENT, PS.LEG2_SENT, PS.UNWIND_SENT, PS.LEG1_CANCELLING, PS.LEG2_CANCELLING}
)
"""States in which an order is on the wire: its answer is due within ``T_ack`` and the hold."""


def deadline_ns(state: State, turn: Turn, package: Package) -> int:
    """Return how long the package may stay in its state, from now, in nanoseconds."""
    now = package.state
    if now in (PS.RETRY_WAIT, PS.UNWIND_WAIT):
        return max(package.wait_ns, NS_PER_MS)
    if now in FLIGHT:
        return state.config.hedge_timeout_ms * NS_PER_MS + _hold_ns(state, package)
    if now is PS.LEG1_HELD and package.rests:
        return MAKER_REST_NS
    if now is PS.LEG1_HELD:
        return _hold_ns(state, package) + 2 * NS_PER_S
    if now is PS.HEDGED:
        return max(package.settle_worst_ns - turn.wall, 0) + 24 * 3600 * NS_PER_S
    if now in (PS.LEG1_UNKNOWN, PS.LEG2_UNKNOWN, PS.UNWIND_UNKNOWN, PS.RECOVERING):
        return state.config.unknown_max_s * NS_PER_S
    return PACKAGE_TABLE.rows[now].deadline_ns


def _hold_ns(state: State, package: Package) -> int:
    if package.current is None:
        return 0
    ticket = package.attempts[package.current].ticket
    return state.instruments[ticket.market_id].taker_delay_ns if ticket else 0


def set_timer(state: State, turn: Turn, package: Package, wait_ns: int) -> None:
    package.timer_due_ns = turn.mono + wait_ns
    turn.arm(f"pkg:{package.package_id}", package.timer_due_ns)


def rearm(state: State, turn: Turn, package: Package) -> None:
    """After a restart every live package needs its timer, moved or not (I-15, M-38)."""
    if not package.is_ended and package.timer_due_ns == 0:
        set_timer(state, turn, package, deadline_ns(state, turn, package))

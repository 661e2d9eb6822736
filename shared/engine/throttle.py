"""Repeat-execution throttle: a pair that keeps missing or unwinding rests (FAULTS section 7)."""

from __future__ import annotations

from collections import deque
from typing import Final

from shared.domain.enums import HaltReason
from shared.domain.package import Package
from shared.domain.units import NS_PER_S
from shared.engine.halts import GLOBAL, raise_halt
from shared.engine.state import PairView, State, Turn

WINDOW_NS: Final = 600 * NS_PER_S
REST_NS: Final = 1_800 * NS_PER_S
DAY_NS: Final = 86_400 * NS_PER_S
MISSES_MAX: Final = 3
UNWINDS_MAX: Final = 2
UNWINDS_DAY_MAX: Final = 5


def note_miss(state: State, turn: Turn, package: Package) -> None:
    """Leg 1 went out and got nothing: depth that vanishes when hit is bait (F-014)."""
    was_sent = any(attempt.sent_wall_ns for attempt in package.attempts.values())
    view = state.pairs.get(package.pair_id)
    if view is None or not was_sent:
        return
    view.misses_ns.append(turn.mono)
    if _recent(view.misses_ns, turn.mono, WINDOW_NS) >= MISSES_MAX:
        view.misses_ns.clear()
        _rest(state, turn, view, f"{MISSES_MAX} misses in 10 min")


def note_unwind(state: State, turn: Turn, package: Package) -> None:
    """A package had to be undone: twice rests the pair, five times a day pauses everything."""
    state.unwinds_ns.append(turn.mono)
    view = state.pairs.get(package.pair_id)
    if view is not None:
        view.unwinds_ns.append(turn.mono)
        if _recent(view.unwinds_ns, turn.mono, WINDOW_NS) >= UNWINDS_MAX:
            view.unwinds_ns.clear()
            _rest(state, turn, view, f"{UNWINDS_MAX} unwinds in 10 min")
    if _recent(state.unwinds_ns, turn.mono, DAY_NS) >= UNWINDS_DAY_MAX:
        note = f"{UNWINDS_DAY_MAX} unwinds in a day"
        raise_halt(state, turn, GLOBAL, HaltReason.UNWINDS, note=note)
        state.unwinds_ns.clear()


def _recent(times: deque[int], now_ns: int, window_ns: int) -> int:
    return sum(1 for at in times if now_ns - at <= window_ns)


def _rest(state: State, turn: Turn, view: PairView, why: str) -> None:
    # A longer rest for another reason stands.
    if view.rest_until_ns > turn.mono + REST_NS:
        return
    view.rest_until_ns = turn.mono + REST_NS
    view.rest_reason = why
    turn.decide(
        state, "pair", str(view.pair.pair_id), "resting", why, pair=view.pair, severity="p3"
    )

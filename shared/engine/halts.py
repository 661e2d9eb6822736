"""Halts: PAUSE stops opening, KILL stops everything but cancels and reads.

A halt binds from the step that takes it (I-18). Automatic halts lift themselves once
their cause has been gone for 30 s; all others need a person (``enums.lift_of``).
"""

from __future__ import annotations

from collections import deque
from typing import Final

from shared.domain.commands import CancelEverything, DropHalt, PersistHalt
from shared.domain.enums import HaltReason, Lift, Venue, lift_of
from shared.domain.events import Halt
from shared.domain.ids import MarketId
from shared.domain.pairing import MatchedPair
from shared.domain.units import NS_PER_S
from shared.engine.state import State, Turn

AUTO_LIFT_NS: Final = 30 * NS_PER_S
GLOBAL: Final = "global"
_PAGING: Final = frozenset(
    {
        HaltReason.STUCK,
        HaltReason.DIVERGED,
        HaltReason.FAILED_SETTLEMENTS,
        HaltReason.RECONCILE_DIFFERENCE,
        HaltReason.JOURNAL_BEHIND,
        HaltReason.CRASH_LOOP,
        HaltReason.FREEZE,
    }
)


def raise_halt(
    state: State,
    turn: Turn,
    scope: str,
    reason: HaltReason,
    *,
    actor: str = "kernel",
    note: str = "",
) -> bool:
    """Put a halt in force and make it durable; False when it already stands."""
    key = (scope, reason.value)
    if key in state.halts:
        return False
    halt = Halt(scope, reason, actor, turn.wall, is_freeze=reason is HaltReason.FREEZE, note=note)
    state.halts[key] = halt
    state.halt_trips.setdefault(key, deque(maxlen=2)).append(turn.mono)
    turn.emit(PersistHalt(halt))
    _announce(state, turn, halt)
    return True


def take(state: State, turn: Turn, halt: Halt) -> bool:
    """Accept a halt from outside (command, other store); it is already durable there."""
    key = (halt.scope, halt.reason.value)
    if key in state.halts:
        return False
    state.halts[key] = halt
    state.halt_trips.setdefault(key, deque(maxlen=2)).append(turn.mono)
    turn.emit(PersistHalt(halt))
    _announce(state, turn, halt)
    if halt.is_freeze:
        for venue in sorted(state.venues):
            turn.emit(CancelEverything(venue))
    return True


def _announce(state: State, turn: Turn, halt: Halt) -> None:
    turn.decide(
        state,
        "halt",
        halt.scope,
        "frozen" if halt.is_freeze else "halted",
        halt.reason.value,
        params={"actor": halt.actor, "note": halt.note},
        severity="p1" if halt.reason in _PAGING else "p2",
    )


def lift(state: State, turn: Turn, scope: str, reason: str, *, actor: str, note: str) -> bool:
    """Remove one halt; the caller has checked that its cause is gone and its gesture given."""
    halt = state.halts.pop((scope, reason), None)
    if halt is None:
        return False
    turn.emit(DropHalt(scope, reason, actor, note))
    turn.decide(
        state,
        "halt",
        scope,
        "resumed",
        reason,
        params={"actor": actor, "note": note},
        severity="p3",
    )
    return True


def hold_while(
    state: State,
    turn: Turn,
    scope: str,
    reason: HaltReason,
    *,
    bad: bool,
    good_for_ns: int,
    note: str,
) -> None:
    """Keep an automatic halt in step with its cause: raise at once, lift after 30 s of health."""
    assert lift_of(reason) is Lift.AUTO, reason
    if bad:
        raise_halt(state, turn, scope, reason, note=note)
    elif (scope, reason.value) in state.halts and good_for_ns >= AUTO_LIFT_NS:
        lift(state, turn, scope, reason.value, actor="kernel", note="healthy for 30 s")


def covering(state: State, pair: MatchedPair, venues: tuple[Venue, Venue]) -> list[Halt]:
    """Return every halt that forbids opening on a pair, widest scope first."""
    if not state.halts:
        return []
    markets: tuple[MarketId, MarketId] = (pair.a, pair.b)
    shards = [state.instruments[m].shard for m in markets if m in state.instruments]
    scopes = (
        GLOBAL,
        *(f"venue:{venue.value}" for venue in venues),
        f"pair:{pair.pair_id}",
        f"category:{pair.category}",
        f"series:{pair.series_id}",
        *(f"market:{market}" for market in markets),
        *(f"shard:{shard}" for shard in shards[:1]),
    )
    return [halt for scope in scopes for halt in state.halts_on(scope)]

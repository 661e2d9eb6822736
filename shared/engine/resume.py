"""May a halt be lifted? Its cause must be gone, and a second trip in an hour rests (F-092).

The gesture (signed button, password, typed word) was checked outside; the kernel checks
the cause, and says by name what still stands in the way.
"""

from __future__ import annotations

from typing import Final

from shared.domain.enums import HaltReason, Lift, lift_of
from shared.domain.events import Halt, HaltLifted
from shared.domain.package_table import PackageState
from shared.domain.units import NS_PER_S
from shared.engine import exposure, halts, reconciler
from shared.engine.accounting import FAILED_WINDOW_NS
from shared.engine.state import State, Turn

AGAIN_NS: Final = 3_600 * NS_PER_S
REST_NS: Final = 1_800 * NS_PER_S
_BY_HAND: Final = frozenset({HaltReason.OPERATOR, HaltReason.FREEZE, HaltReason.STOP_MONTH})
"""Taken by a person, or lifted by an acknowledgement: they trip nothing."""
_STUCK: Final = frozenset({PackageState.STUCK_KNOWN, PackageState.STUCK_UNKNOWN})
_DIFFERENCES: Final = frozenset({HaltReason.RECONCILE_DIFFERENCE, HaltReason.FOREIGN_POSITION})


def on_lift(state: State, turn: Turn, event: HaltLifted) -> None:
    """Lift every halt of a scope whose cause is gone; refuse the others, each by its reason."""
    for key in [key for key in state.halts if key[0] == event.scope]:
        halt = state.halts[key]
        why = refusal(state, turn, halt)
        if why:
            params = {"actor": event.actor, "halt": halt.reason.value}
            turn.decide(state, "halt", event.scope, "resume_refused", why, params=params)
            continue
        halts.lift(state, turn, *key, actor=event.actor, note=event.reason)
        _settle(state, event.scope, halt.reason)


def refusal(state: State, turn: Turn, halt: Halt) -> str:
    """Return what still stands in the way of lifting a halt; empty when nothing does."""
    if lift_of(halt.reason) is Lift.AUTO:
        return f"{halt.reason.value} lifts itself once its cause is gone"
    lasting = _cause(state, turn, halt)
    if lasting or halt.reason in _BY_HAND:
        return lasting
    trips = list(state.halt_trips.get((halt.scope, halt.reason.value), ()))
    if len(trips) > 1 and trips[-1] - trips[-2] <= AGAIN_NS and turn.mono - trips[-1] < REST_NS:
        left = (REST_NS - (turn.mono - trips[-1])) // NS_PER_S
        return f"tripped twice within an hour: {left} s of rest left"
    return ""


def _cause(state: State, turn: Turn, halt: Halt) -> str:
    name = halt.scope.partition(":")[2]
    if halt.reason is HaltReason.STUCK:
        for package in state.live_packages():
            if package.state in _STUCK and name in ("", str(package.pair_id)):
                return f"package {package.number} is still stuck"
        return ""
    view = next((v for v in state.venues.values() if v.venue.value == name), None)
    if view is None:
        return ""
    if halt.reason in _DIFFERENCES and view.account is not None:
        text = reconciler.difference(state, view.account)
        return f"the account still differs: {text}" if text else ""
    if halt.reason is HaltReason.FAILED_SETTLEMENTS:
        recent = [at for at in view.failed_trades_ns if turn.mono - at <= FAILED_WINDOW_NS]
        return f"{len(recent)} trades failed in the last 10 min" if len(recent) > 1 else ""
    return ""


def _settle(state: State, scope: str, reason: HaltReason) -> None:
    """What a lifted halt leaves behind: differences are looked for anew, a month begins anew."""
    if reason is HaltReason.STOP_MONTH:
        # The typed acknowledgement accepts the loss: from here the month is measured again.
        state.equity_base["month"] = exposure.equity_usd(state)
    if scope.startswith("venue:"):
        for view in state.venues.values():
            if scope == f"venue:{view.venue.value}":
                view.difference_since_ns, view.difference_text = 0, ""

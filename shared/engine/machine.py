"""Moving packages: one event at a time through the table, then what the new state demands.

Everything that affects *transitions* is in ``domain/package_table.py``; this module holds
what happens on entering a state: send, wait, ask, choose, or end. Every entry is written
out as a row and said out loud as a decision in the same step.
"""

from __future__ import annotations

from shared.domain.enums import HaltReason
from shared.domain.order import OrderEvent, OrderState
from shared.domain.package import Package
from shared.domain.package_table import (
    ACTIVE_STATES,
    ENDS,
    PACKAGE_TABLE,
    UNKNOWN_ALERT_NS,
    PackageEvent,
    PackageState,
)
from shared.domain.units import NS_PER_S
from shared.engine import attempts, deadlines, endings, inquiry, rows
from shared.engine.decision import decide
from shared.engine.halts import raise_halt
from shared.engine.state import State, Turn

PS = PackageState
PE = PackageEvent


def feed(state: State, turn: Turn, package: Package, event: PackageEvent, reason: str = "") -> bool:
    """Give one event to a package; return whether its state changed.

    Raises:
        IllegalTransitionError: the table does not know the pair; nothing has changed.
    """
    before = package.state
    after = PACKAGE_TABLE.advance(before, event)
    if not PACKAGE_TABLE.is_move(before, event):
        if event is PE.TIMEOUT:
            _kept_timeout(state, turn, package)
        return False
    _leave(state, turn, package, after)
    package.state = after
    package.updated_wall_ns = turn.wall
    turn.decide(
        state,
        "package",
        str(package.package_id),
        after.value,
        reason or event.value,
        package=package,
        params={"from": before.value, "event": event.value, "number": str(package.number)},
        severity="p1" if after in (PS.STUCK_KNOWN, PS.STUCK_UNKNOWN, PS.DIVERGED) else None,
    )
    _enter(state, turn, package)
    turn.write("packages", rows.package_row(package, state.mode, state.run_id))
    if package.kind == "exit" and (package.is_ended or package.state is PS.HEDGED):
        state.exits_done.append(package.package_id)
    return True


def offer(
    state: State, turn: Turn, package: Package, event: PackageEvent, reason: str = ""
) -> bool:
    """Like ``feed`` for broadcast events, which a state may not know: those are ignored."""
    if not PACKAGE_TABLE.is_legal(package.state, event):
        return False
    return feed(state, turn, package, event, reason)


def _leave(state: State, turn: Turn, package: Package, after: PackageState) -> None:
    before = package.state
    if package.active_since_ns is not None:
        span = turn.mono - package.active_since_ns
        if before is PS.UNWIND_WAIT and package.wait_is_finality:
            package.finality_used_ns += span
        else:
            package.active_used_ns += span
        package.active_since_ns = None
    if before is PS.RETRY_WAIT:
        package.may_hedge_now = True
    package.evidence_asks = 0
    package.unknown_alerted = False


def _is_active(package: Package, after: PackageState) -> bool:
    """Time counts against A while a tradeable residual is known, waits included."""
    return after in ACTIVE_STATES or after is PS.UNWIND_WAIT


def _enter(state: State, turn: Turn, package: Package) -> None:
    now = package.state
    endings.track_exposure(turn, package)
    endings.learn_completion(state, turn, package)
    if _is_active(package, now) and package.active_since_ns is None:
        package.active_since_ns = turn.mono
    if now in ENDS:
        endings.end(state, turn, package)
        return
    if now is PS.EXPOSED:
        event, reason = decide(state, turn, package)
        feed(state, turn, package, event, reason)
        return
    deadlines.set_timer(state, turn, package, deadlines.deadline_ns(state, turn, package))
    if now is PS.JOURNALLED or now in (PS.LEG2_SENT, PS.UNWIND_SENT):
        attempts.submit(state, turn, package)
    elif now in (PS.LEG1_CANCELLING, PS.LEG2_CANCELLING):
        attempts.cancel_current(state, turn, package)
    elif now in inquiry.UNKNOWN or now is PS.STUCK_UNKNOWN:
        _seek(state, turn, package)
    elif now in (PS.HEDGED_PROV, PS.FLAT_PROV):
        settle_finality(state, turn, package)
    if now is PS.HEDGED and package.hedged_wall_ns is None:
        package.hedged_wall_ns = turn.wall
    if now in (PS.STUCK_KNOWN, PS.STUCK_UNKNOWN):
        raise_halt(state, turn, f"pair:{package.pair_id}", HaltReason.STUCK, note=now.value)


def on_timer(state: State, turn: Turn, package: Package) -> None:
    """The package's deadline timer fired; early and repeated ones re-arm and do nothing."""
    if package.is_ended or package.timer_due_ns == 0:
        return
    if turn.mono < package.timer_due_ns:
        turn.arm(f"pkg:{package.package_id}", package.timer_due_ns)
        return
    if package.state is PS.STUCK_KNOWN:
        _retry_stuck(state, turn, package)
        return
    if package.is_resting:
        feed(state, turn, package, PE.R_REST, "nobody took it in time")
        return
    current = package.attempts.get(package.current) if package.current else None
    if current is not None and package.state in deadlines.FLIGHT | {PS.JOURNALLED, PS.LEG1_HELD}:
        _lose(state, turn, package)
    feed(state, turn, package, PE.TIMEOUT, "no answer in time")


def _lose(state: State, turn: Turn, package: Package) -> None:
    assert package.current is not None
    attempt = package.attempts[package.current]
    if attempt.on(OrderEvent.LOSE):
        attempt.reason = "no answer in time"
        turn.write("orders", rows.attempt_row(package, attempt))


def _kept_timeout(state: State, turn: Turn, package: Package) -> None:
    """A kept TIMEOUT pages and re-arms: a human is responsible now."""
    deadlines.set_timer(state, turn, package, deadlines.deadline_ns(state, turn, package))
    turn.decide(
        state,
        "package_overdue",
        str(package.package_id),
        package.state.value,
        "still waiting for a person or a venue",
        package=package,
        severity="p1",
    )
    if package.state is PS.STUCK_UNKNOWN:
        _seek(state, turn, package)


def _retry_stuck(state: State, turn: Turn, package: Package) -> None:
    """Every 60 s one more hedge or unwind is tried; its slots are committed first (I-04)."""
    deadlines.set_timer(state, turn, package, deadlines.deadline_ns(state, turn, package))
    if state.is_frozen:
        return
    attempts.request_extension(state, turn, package)


def begin(
    state: State,
    turn: Turn,
    package: Package,
    reason: str = "edge above the minimum, every gate passed",
) -> None:
    """Start a new package in PLANNED with its 100 ms for the commit."""
    assert package.state is PS.PLANNED and package.timer_due_ns == 0
    deadlines.set_timer(state, turn, package, deadlines.deadline_ns(state, turn, package))
    turn.decide(
        state,
        "package",
        str(package.package_id),
        PS.PLANNED.value,
        reason,
        package=package,
        params={
            "edge_micros": str(package.entry_edge_micros),
            "qty_micros": str(package.qty),
            "number": str(package.number),
        },
    )


def start_exposed(state: State, turn: Turn, package: Package) -> None:
    """Begin a REPAIR: it has no leg 1 of its own, only a residual to be worked off."""
    assert package.kind == "repair" and package.state is PS.PLANNED
    package.state = PS.EXPOSED
    _enter(state, turn, package)
    turn.write("packages", rows.package_row(package, state.mode, state.run_id))


def on_extension(state: State, turn: Turn, package: Package) -> None:
    """The extension is durable: a stuck package tries once more."""
    if not attempts.take_extension(package):
        return
    if package.state is PS.STUCK_KNOWN:
        package.stuck_retry = True
        feed(state, turn, package, PE.TIMEOUT, "trying once more")


def _seek(state: State, turn: Turn, package: Package) -> None:
    """Ask for evidence now and again until it settles everything."""
    every = package.state in (PS.RECOVERING, PS.STUCK_UNKNOWN)
    asked = attempts.ask_evidence(state, turn, package, every_slot=every)
    for attempt in package.attempts.values():
        if attempt.state is OrderState.RESTING and attempt.ticket is not None:
            package.current = attempt.attempt_id
            attempts.cancel_current(state, turn, package)
    if package.state is PS.CONFIRM_UNKNOWN:
        is_open = inquiry.ask_finality(state, turn, package)
        if not is_open and asked == 0:
            # All is final and settled here, and still in doubt: the venues say it once more.
            inquiry.ask_all(turn, package)
    if asked == 0 and package.state is not PS.CONFIRM_UNKNOWN:
        package.slots_pending = set()
        conclude(state, turn, package)
        return
    package.evidence_asks += 1
    turn.arm(f"ev:{package.package_id}", turn.mono + inquiry.next_ask_ns(package))


def on_evidence_timer(state: State, turn: Turn, package: Package) -> None:
    if package.is_ended:
        return
    if package.state in inquiry.UNKNOWN or package.state is PS.STUCK_UNKNOWN:
        alert = UNKNOWN_ALERT_NS.get(package.state)
        waited = turn.mono - (package.timer_due_ns - state.config.unknown_max_s * NS_PER_S)
        if alert is not None and waited >= alert and not package.unknown_alerted:
            package.unknown_alerted = True
            turn.decide(
                state,
                "package_unknown",
                str(package.package_id),
                package.state.value,
                "the venue has not said what became of an order",
                package=package,
                severity="p2",
            )
        _seek(state, turn, package)
    elif package.state in (PS.HEDGED_PROV, PS.FLAT_PROV):
        inquiry.ask_finality(state, turn, package)


def conclude(state: State, turn: Turn, package: Package) -> bool:
    """Give the verdict over all attempts, once every one of them is settled."""
    if package.has_unsettled or package.state not in inquiry.UNKNOWN | {
        PS.STUCK_UNKNOWN,
        PS.STUCK_KNOWN,
    }:
        return False
    if package.state is PS.RECOVERING and (package.slots_pending is None or package.slots_pending):
        return False
    if package.state is PS.CONFIRM_UNKNOWN and not package.all_fills_final():
        return False
    verdict = inquiry.verdict(state, package)
    return offer(state, turn, package, verdict, "the venues' own records")


def settle_finality(state: State, turn: Turn, package: Package) -> None:
    """S_CONF when every execution has its fills and the chain confirmed them all."""
    if package.state in (PS.RETRY_WAIT, PS.UNWIND_WAIT, PS.STUCK_KNOWN):
        if package.all_fills_final():
            feed(state, turn, package, PE.S_CONF, "every share is final: choose again")
        return
    if package.state not in (PS.HEDGED_PROV, PS.FLAT_PROV):
        conclude(state, turn, package)
        return
    if package.all_fills_final():
        feed(state, turn, package, PE.S_CONF, "every trade is final")
    else:
        turn.arm(f"ev:{package.package_id}", turn.mono + inquiry.FINALITY_ASK_NS)

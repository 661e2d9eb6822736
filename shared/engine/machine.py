"""Moving packages: one event at a time through the table, then what the new state demands.

Everything that affects *transitions* is in ``domain/package_table.py``; this module holds
what happens on entering a state: send, wait, ask, choose, or end. Every entry is written
out as a row and said out loud as a decision in the same step.
"""

from __future__ import annotations

from typing import Final

from shared.domain.commands import AskEvidence
from shared.domain.enums import HaltReason, Purpose
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
from shared.domain.units import NS_PER_MS, NS_PER_S, QtyMicros
from shared.engine import attempts, hedger, rows, throttle
from shared.engine.halts import raise_halt
from shared.engine.state import ENDED_KEPT_MAX, State, Turn

PS = PackageState
PE = PackageEvent
EVIDENCE_FIRST_NS: Final = 500 * NS_PER_MS
EVIDENCE_SLOW_NS: Final = 30 * NS_PER_S
EXTENSION_WAIT_NS: Final = 100 * NS_PER_MS
FINALITY_ASK_NS: Final = 20 * NS_PER_S
"""A provisional trade that the user stream has not settled by then is asked about over REST."""
_FLIGHT: Final = frozenset(
    {PS.LEG1_SENT, PS.LEG2_SENT, PS.UNWIND_SENT, PS.LEG1_CANCELLING, PS.LEG2_CANCELLING}
)
_UNKNOWN: Final = frozenset(
    {PS.LEG1_UNKNOWN, PS.LEG2_UNKNOWN, PS.UNWIND_UNKNOWN, PS.RECOVERING, PS.CONFIRM_UNKNOWN}
)
DOUBTFUL: Final = frozenset({PS.RECOVERING, PS.CONFIRM_UNKNOWN, PS.STUCK_UNKNOWN})
"""States in which the venue's records are believed over everything remembered."""


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
    _track_exposure(turn, package)
    _learn_completion(state, package)
    if _is_active(package, now) and package.active_since_ns is None:
        package.active_since_ns = turn.mono
    if now in ENDS:
        _end(state, turn, package)
        return
    if now is PS.EXPOSED:
        _decide(state, turn, package)
        return
    _set_timer(state, turn, package, deadline_ns(state, turn, package))
    if now is PS.JOURNALLED or now in (PS.LEG2_SENT, PS.UNWIND_SENT):
        attempts.submit(state, turn, package)
    elif now in (PS.LEG1_CANCELLING, PS.LEG2_CANCELLING):
        attempts.cancel_current(state, turn, package)
    elif now in _UNKNOWN or now is PS.STUCK_UNKNOWN:
        _seek(state, turn, package)
    elif now in (PS.HEDGED_PROV, PS.FLAT_PROV):
        settle_finality(state, turn, package)
    if now is PS.HEDGED and package.hedged_wall_ns is None:
        package.hedged_wall_ns = turn.wall
    if now in (PS.STUCK_KNOWN, PS.STUCK_UNKNOWN):
        raise_halt(state, turn, f"pair:{package.pair_id}", HaltReason.STUCK, note=now.value)


def _decide_blind(state: State, turn: Turn, package: Package) -> None:
    """A late fill reopened an attempt: nothing opposite is sent before it is settled (I-09)."""
    attempts.ask_evidence(state, turn, package, every_slot=False)
    budget = hedger.budget_left_ns(state, turn, package)
    package.wait_is_finality = False
    package.wait_ns = max(min(EVIDENCE_FIRST_NS, budget), NS_PER_MS)
    event = PE.D_WAIT if budget > 0 and not package.stuck_retry else PE.D_STUCK
    package.stuck_retry = False
    feed(state, turn, package, event, "an order is unproven again")


def _learn_completion(state: State, package: Package) -> None:
    """Feed the hedge outcome back once: hedged inside the bound, or given up (CONTRACTS)."""
    hedged = package.state is PS.HEDGED_PROV
    given_up = package.state in (PS.UNWIND_SENT, PS.STUCK_KNOWN, PS.STUCK_UNKNOWN)
    if package.is_completion_known or package.coverage_ppm == 0 or not (hedged or given_up):
        return
    package.is_completion_known = True
    second = package.legs[1 - package.leg_first]
    state.completion.update(second.venue, package.category, package.coverage_ppm, success=hedged)


def _decide(state: State, turn: Turn, package: Package) -> None:
    """Rule of the step state: exactly one decision, in the step that entered it."""
    if package.has_unsettled:
        _decide_blind(state, turn, package)
        return
    choice = hedger.choose(state, turn, package)
    package.wait_ns = choice.wait_ns
    package.wait_is_finality = choice.event is PE.D_WAIT and hedger.awaits_finality(package)
    if choice.event is PE.D_BACKOFF:
        package.backoffs += 1
    if choice.plan is not None:
        plan = choice.plan
        slot = attempts.free_slot(package, plan.purpose)
        if slot is None:
            attempts.request_extension(state, turn, package)
            package.wait_ns = EXTENSION_WAIT_NS
            feed(state, turn, package, PE.D_WAIT, "one more attempt is being committed first")
            return
        ticket = attempts.build_ticket(
            state,
            turn,
            package,
            slot,
            leg=plan.leg,
            outcome=plan.outcome,
            side=plan.side,
            price_limit=plan.price_limit,
            qty=QtyMicros(min(plan.qty, package.qty_max)),
            tif=plan.tif,
            reduce_only=plan.reduce_only,
        )
        attempts.use_slot(state, package, slot, ticket)
        package.may_hedge_now = False
        package.stuck_retry = False
        if plan.purpose is Purpose.UNWIND and package.used(Purpose.UNWIND) == 1:
            throttle.note_unwind(state, turn, package)
    elif choice.event is PE.D_STUCK:
        package.stuck_retry = False
    feed(state, turn, package, choice.event, choice.reason)


def deadline_ns(state: State, turn: Turn, package: Package) -> int:
    """Return how long the package may stay in its state, from now, in nanoseconds."""
    now = package.state
    if now in (PS.RETRY_WAIT, PS.UNWIND_WAIT):
        return max(package.wait_ns, NS_PER_MS)
    if now in _FLIGHT:
        return state.config.hedge_timeout_ms * NS_PER_MS + _hold_ns(state, package)
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


def _set_timer(state: State, turn: Turn, package: Package, wait_ns: int) -> None:
    package.timer_due_ns = turn.mono + wait_ns
    turn.arm(f"pkg:{package.package_id}", package.timer_due_ns)


def rearm(state: State, turn: Turn, package: Package) -> None:
    """After a restart every live package needs its timer, moved or not (I-15, M-38)."""
    if not package.is_ended and package.timer_due_ns == 0:
        _set_timer(state, turn, package, deadline_ns(state, turn, package))


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
    current = package.attempts.get(package.current) if package.current else None
    if current is not None and package.state in _FLIGHT | {PS.JOURNALLED, PS.LEG1_HELD}:
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
    _set_timer(state, turn, package, deadline_ns(state, turn, package))
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
    _set_timer(state, turn, package, deadline_ns(state, turn, package))
    if state.is_frozen:
        return
    attempts.request_extension(state, turn, package)


def begin(state: State, turn: Turn, package: Package) -> None:
    """Start a new package in PLANNED with its 100 ms for the commit."""
    assert package.state is PS.PLANNED and package.timer_due_ns == 0
    _set_timer(state, turn, package, deadline_ns(state, turn, package))
    turn.decide(
        state,
        "package",
        str(package.package_id),
        PS.PLANNED.value,
        "edge above the minimum, every gate passed",
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
        ask_finality(state, turn, package)
    if asked == 0 and package.state is not PS.CONFIRM_UNKNOWN:
        package.slots_pending = set()
        conclude(state, turn, package)
        return
    package.evidence_asks += 1
    wait = min(EVIDENCE_FIRST_NS << min(package.evidence_asks // 8, 6), EVIDENCE_SLOW_NS)
    turn.arm(f"ev:{package.package_id}", turn.mono + wait)


def on_evidence_timer(state: State, turn: Turn, package: Package) -> None:
    if package.is_ended:
        return
    if package.state in _UNKNOWN or package.state is PS.STUCK_UNKNOWN:
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
        ask_finality(state, turn, package)


def conclude(state: State, turn: Turn, package: Package) -> bool:
    """Give the verdict over all attempts, once every one of them is settled."""
    if package.has_unsettled or package.state not in _UNKNOWN | {
        PS.STUCK_UNKNOWN,
        PS.STUCK_KNOWN,
    }:
        return False
    if package.state is PS.RECOVERING and (package.slots_pending is None or package.slots_pending):
        return False
    if package.state is PS.CONFIRM_UNKNOWN and not package.all_fills_final():
        return False
    verdict = _verdict(state, package)
    return offer(state, turn, package, verdict, "the venues' own records")


def _verdict(state: State, package: Package) -> PackageEvent:
    nothing = all(attempt.known_qty == 0 for attempt in package.attempts.values())
    if nothing and PACKAGE_TABLE.is_legal(package.state, PE.E_NOFILL):
        return PE.E_NOFILL
    deficit, surplus = (1, 0) if package.residual > 0 else (0, 1)
    size = abs(package.residual)
    if size and (
        hedger.legal_qty(state, package, deficit, size)
        or hedger.reduce_qty(state, package, surplus, size)
    ):
        return PE.E_NAKED
    if min(package.net(0), package.net(1)) >= hedger.DUST_QTY:
        return PE.E_MATCHED
    return PE.E_ZERO


def settle_finality(state: State, turn: Turn, package: Package) -> None:
    """S_CONF when every execution has its fills and the chain confirmed them all."""
    if package.state not in (PS.HEDGED_PROV, PS.FLAT_PROV):
        conclude(state, turn, package)
        return
    if package.all_fills_final():
        feed(state, turn, package, PE.S_CONF, "every trade is final")
    else:
        turn.arm(f"ev:{package.package_id}", turn.mono + FINALITY_ASK_NS)


def ask_finality(state: State, turn: Turn, package: Package) -> None:
    """Ask again about attempts whose fills are missing or provisional."""
    tickets = tuple(
        attempt.ticket
        for attempt in package.attempts.values()
        if attempt.ticket is not None
        and (
            attempt.known_qty != attempt.fills_qty - attempt.voided_qty
            or any(not fill.is_final for fill in attempt.fills.values())
        )
    )
    if tickets:
        turn.emit(AskEvidence(package.package_id, tickets))
        turn.arm(f"ev:{package.package_id}", turn.mono + FINALITY_ASK_NS)


def _track_exposure(turn: Turn, package: Package) -> None:
    """Measure how much was unhedged, and for how long; shown, reported, never decided on."""
    unhedged = package.unhedged_usd() if package.is_naked else 0
    package.unhedged_max_usd = max(package.unhedged_max_usd, unhedged)
    if unhedged and package.naked_since_ns is None:
        package.naked_since_ns = turn.mono
    elif not unhedged and package.naked_since_ns is not None:
        package.unhedged_ns += turn.mono - package.naked_since_ns
        package.naked_since_ns = None


def _end(state: State, turn: Turn, package: Package) -> None:
    turn.drop(f"pkg:{package.package_id}")
    turn.drop(f"ev:{package.package_id}")
    package.timer_due_ns = 0
    package.ended_wall_ns = turn.wall
    package.realised_usd = package.cash_usd
    for period in ("day", "week", "month"):
        # Every end counts, an unwind's loss as much as a settlement's gain.
        state.realised[period] = state.realised.get(period, 0) + package.realised_usd
    if package.state is PS.ABORTED:
        throttle.note_miss(state, turn, package)
    assert package.state is not PS.FLAT or package.all_fills_final()
    ended = [p for p in state.packages.values() if p.is_ended]
    for old in ended[: max(0, len(ended) - ENDED_KEPT_MAX)]:
        del state.packages[old.package_id]
        for attempt_id in old.attempts:
            state.attempts.pop(attempt_id, None)

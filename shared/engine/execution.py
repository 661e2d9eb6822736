"""What became of orders: answers, fills, finality and evidence, in any order and repeated.

An answer is a *result* only while its package waits for exactly that attempt; later it is
evidence. Nothing here decides what to do next: it settles attempts and tells the machine.
"""

from __future__ import annotations

from typing import Final

from shared.domain.commands import AskEvidence
from shared.domain.enums import HaltReason, Venue
from shared.domain.events import (
    AttemptAnswered,
    AttemptSending,
    EnvelopeCommitted,
    EnvelopeFailed,
    FillSeen,
    OrderTimes,
    SendRefused,
    TradeFinality,
)
from shared.domain.order import (
    Acked,
    AckStatus,
    Fill,
    OrderEvent,
    OrderState,
    Rejected,
    Unknown,
)
from shared.domain.package import Attempt, Package
from shared.domain.package_table import PackageEvent, PackageState
from shared.domain.units import NS_PER_MS, NS_PER_S
from shared.engine import (
    accounting,
    attempts,
    exit_plan,
    exits,
    last_gate,
    machine,
    reconciler,
    refusals,
    rows,
)
from shared.engine.halts import raise_halt
from shared.engine.repair import open_repair
from shared.engine.state import State, Turn

PS = PackageState
PE = PackageEvent
ORPHAN_NS: Final = 10 * NS_PER_S
"""A fill of an order that nobody here sent is foreign after this long (I-13)."""
DOUBT_NS: Final = 60 * NS_PER_S
"""The same while orders of ours there are unproven; after a restart that is the rule."""
WAITING: Final = frozenset(
    {
        PS.JOURNALLED,
        PS.LEG1_SENT,
        PS.LEG1_HELD,
        PS.LEG1_CANCELLING,
        PS.LEG2_SENT,
        PS.LEG2_CANCELLING,
        PS.UNWIND_SENT,
    }
)
_ACK_EVENT: Final = {
    AckStatus.DONE: OrderEvent.ACK_DONE,
    AckStatus.HELD: OrderEvent.ACK_HELD,
    AckStatus.RESTING: OrderEvent.ACK_REST,
}


def on_committed(state: State, turn: Turn, event: EnvelopeCommitted) -> None:
    repair = state.waiting_repairs.pop(event.package_id, None)
    if repair is not None:
        state.packages[repair.package_id] = repair
        machine.start_exposed(state, turn, repair)
        return
    package = state.packages.get(event.package_id)
    if package is None:
        return
    if package.state is PS.PLANNED:
        is_exit = package.kind == exit_plan.KIND
        gate = exits.refusal if is_exit else last_gate.refusal
        refused = gate(state, turn, package)
        if refused:
            package.void_reason = refused
            machine.feed(state, turn, package, PE.GATE_FAIL, refused)
            return
        if is_exit:
            exits.start(state, turn, package)
        machine.feed(state, turn, package, PE.J_OK, "the envelope is durable")
    else:
        machine.on_extension(state, turn, package)


def on_commit_failed(state: State, turn: Turn, event: EnvelopeFailed) -> None:
    package = state.packages.get(event.package_id)
    if package is not None and package.state is PS.PLANNED:
        package.void_reason = event.reason
        machine.feed(state, turn, package, PE.J_FAIL, event.reason)


def on_sending(state: State, turn: Turn, event: AttemptSending) -> None:
    """The first byte of an attempt leaves in this instant."""
    found = attempts.find_attempt(state, event.attempt_id, "")
    if found is None:
        return
    package, attempt = found
    attempt.sent_wall_ns = turn.wall
    attempt.sent_mono_ns = turn.mono
    if package.state is PS.JOURNALLED and package.current == event.attempt_id:
        machine.feed(state, turn, package, PE.SENT, "first byte of leg 1")


def on_refused(state: State, turn: Turn, event: SendRefused) -> None:
    """Our own dispatcher did not send: before leg 1 the package ends, later it chooses again."""
    found = attempts.find_attempt(state, event.attempt_id, "")
    if found is None:
        return
    package, attempt = found
    attempt.on(OrderEvent.REFUSED_HERE)
    attempt.reason = event.reason
    package.may_hedge_now |= event.reason in last_gate.UNFIT
    turn.write("orders", rows.attempt_row(package, attempt))
    if package.state is PS.JOURNALLED:
        machine.feed(state, turn, package, PE.GATE_FAIL, event.reason)
    elif package.state in WAITING and package.current == event.attempt_id:
        machine.feed(state, turn, package, PE.R_NONE, event.reason)
    else:
        machine.conclude(state, turn, package)


def on_answer(state: State, turn: Turn, event: AttemptAnswered) -> None:
    outcome = event.outcome
    found = attempts.find_attempt(state, outcome.attempt_id, "")
    if found is None:
        return
    package, attempt = found
    waited_for = package.state in WAITING and package.current == attempt.attempt_id
    known_before = attempt.known_qty
    attempt.ack_wall_ns = turn.wall
    if attempt.ticket is not None:
        breaker = state.venue(attempt.ticket.venue).breaker
        hold_ns = state.instruments[attempt.ticket.market_id].taker_delay_ns
        breaker.record(
            ok=not isinstance(outcome, Unknown),
            now_ns=turn.mono,
            latency_ns=turn.mono - attempt.sent_mono_ns if attempt.sent_mono_ns else None,
            budget_ns=state.config.hedge_timeout_ms * NS_PER_MS + hold_ns,
        )
    result = _take_answer(state, turn, package, attempt, outcome)
    turn.write("orders", rows.attempt_row(package, attempt))
    _adopt_orphans(state, turn)
    after(state, turn, package, attempt, known_before, result if waited_for else None)


def _take_answer(
    state: State,
    turn: Turn,
    package: Package,
    attempt: Attempt,
    outcome: Acked | Rejected | Unknown,
) -> PackageEvent:
    """Fold an answer into its attempt and return it as a package result."""
    if isinstance(outcome, Rejected):
        attempt.reason = outcome.reason
        attempt.on(OrderEvent.REJECT)
        ticket = attempt.ticket
        if ticket is not None:
            refusals.heed(state, turn, package, ticket.venue, ticket.market_id, outcome.reason)
        return PE.R_NONE if attempt.known_qty == 0 else PE.R_FILL
    if isinstance(outcome, Unknown):
        attempt.reason = outcome.reason
        attempt.on(OrderEvent.LOSE)
        return PE.R_UNK
    attempt.order_id = attempt.order_id or outcome.order_id
    attempts.bind_order_id(state, attempt.attempt_id, outcome.order_id)
    attempt.cum_qty = max(attempt.cum_qty, outcome.cum_qty)
    attempt.cost_usd = max(attempt.cost_usd, outcome.cost_usd)
    for fill in outcome.fills:
        accounting.book_fill(state, turn, fill, package, attempt)
    attempt.on(_ACK_EVENT[outcome.status])
    if attempt.ticket is not None and attempt.is_price_unknown:
        unseen = state.venue(attempt.ticket.venue).failed_unseen_ns
        attempt.is_doubted |= unseen >= attempt.sent_mono_ns > 0
    if outcome.status is AckStatus.HELD:
        return PE.R_HELD
    if outcome.status is AckStatus.RESTING:
        # A resting opening order waits to be taken; whatever part of it traded ends the wait.
        waits = package.rests and package.current == attempt.attempt_id and not attempt.known_qty
        return PE.R_HELD if waits else PE.R_REST
    return PE.R_FILL if attempt.known_qty else PE.R_NONE


def after(
    state: State,
    turn: Turn,
    package: Package,
    attempt: Attempt,
    known_before: int,
    result: PackageEvent | None,
) -> None:
    """Tell the machine: a result, else new evidence, else perhaps a verdict."""
    grew = attempt.known_qty > known_before
    shrank = attempt.known_qty < known_before
    if result is not None:
        machine.feed(state, turn, package, result, attempt.reason or "the venue answered")
        return
    if machine.conclude(state, turn, package):
        return
    if package.is_ended:
        if grew or shrank:
            open_repair(state, turn, package)
        return
    if package.state in WAITING and package.current == attempt.attempt_id:
        if attempt.is_settled:
            event = PE.R_FILL if attempt.known_qty else PE.R_NONE
            machine.feed(state, turn, package, event, "the venue's own record")
        elif grew and package.is_resting:
            machine.feed(state, turn, package, PE.R_REST, "a part traded: the rest is taken back")
        return
    if grew:
        machine.offer(state, turn, package, PE.FILL_SEEN, "a fill outside the current verdict")
    elif shrank:
        machine.offer(state, turn, package, PE.S_FAIL, "less stands than was acknowledged")
    if package.state in (PS.HEDGED_PROV, PS.FLAT_PROV):
        machine.settle_finality(state, turn, package)


def on_fill(state: State, turn: Turn, event: FillSeen) -> None:
    fill = event.fill
    if fill.key in state.fills:
        if fill.is_final:
            on_finality(state, turn, TradeFinality(fill.venue, fill.trade_id, True))
        return
    found = attempts.find_attempt(state, fill.attempt_id, fill.order_id)
    if found is None:
        if fill.key not in state.orphans:
            state.orphans[fill.key] = (fill, turn.mono)
            reconciler.doubt_market(state, turn, fill.market_id, only_gates=True)
        return
    _take_fill(state, turn, fill, *found)


def _take_fill(state: State, turn: Turn, fill: Fill, package: Package, attempt: Attempt) -> None:
    known_before = attempt.known_qty
    if not accounting.book_fill(state, turn, fill, package, attempt):
        return
    if attempt.order_id == "" and fill.order_id:
        attempt.order_id = fill.order_id
        attempts.bind_order_id(state, attempt.attempt_id, fill.order_id)
    if attempt.state in (OrderState.REJECTED, OrderState.ABSENT, OrderState.PLANNED):
        attempt.on(OrderEvent.LATE_FILL)
    ticket = attempt.ticket
    if ticket is not None and attempt.known_qty >= ticket.qty and not attempt.is_settled:
        # The whole order executed: nothing of it can live any more.
        attempt.on(OrderEvent.PROVE_DONE)
    turn.write("orders", rows.attempt_row(package, attempt))
    after(state, turn, package, attempt, known_before, None)


def _adopt_orphans(state: State, turn: Turn) -> None:
    """A fill may overtake the answer that names its order; try the waiting ones again."""
    for key in list(state.orphans):
        fill, _ = state.orphans[key]
        found = attempts.find_attempt(state, fill.attempt_id, fill.order_id)
        if found is not None:
            del state.orphans[key]
            _take_fill(state, turn, fill, *found)


def check_orphans(state: State, turn: Turn) -> None:
    """Fills that nobody here ordered: booked, then that venue is halted (F-064)."""
    _adopt_orphans(state, turn)
    for key in list(state.orphans):
        fill, seen = state.orphans[key]
        patience = DOUBT_NS if _is_in_doubt(state, fill.venue) else ORPHAN_NS
        if turn.mono - seen < patience:
            continue
        del state.orphans[key]
        accounting.book_fill(state, turn, fill, None, None)
        scope = f"venue:{fill.venue.value}"
        raise_halt(state, turn, scope, HaltReason.FOREIGN_POSITION, note=fill.order_id[:60])
        reconciler.doubt_market(state, turn, fill.market_id, only_gates=False)


def _is_in_doubt(state: State, venue: Venue) -> bool:
    """Whether orders of ours at a venue are unproven: the fill may belong to one of them."""
    return any(
        (package.has_unsettled or package.slots_pending)
        and any(leg.venue is venue for leg in package.legs)
        for package in state.live_packages()
    )


def on_finality(state: State, turn: Turn, event: TradeFinality) -> None:
    keys = state.fills_by_trade.get(event.trade_id, [])
    if not keys:
        state.finality_early[event.trade_id] = event.is_final
        if not event.is_final:
            _doubt_counts(state, turn, event.venue)
        return
    for key in keys:
        fill = state.fills[key]
        if fill.venue is not event.venue:
            continue
        package = accounting.package_of(state, fill)
        if event.is_final:
            if accounting.finalise(state, turn, key) and package is not None:
                machine.settle_finality(state, turn, package)
            continue
        if not accounting.void_fill(state, turn, key, package) or package is None:
            continue
        if package.is_ended:
            open_repair(state, turn, package)
        else:
            machine.offer(state, turn, package, PE.S_FAIL, "a trade failed on chain")
            machine.conclude(state, turn, package)


def _doubt_counts(state: State, turn: Turn, venue: Venue) -> None:
    """A trade of ours failed, and its fill was never seen: some acknowledged count is too high.

    Whose it was only the venue can say: every attempt there that knows its quantity but not
    its fills is asked about, and nothing is sent for its package before the answer. One that
    has ended is asked about too: what it is believed to hold, its repair works off.
    """
    state.venue(venue).failed_unseen_ns = turn.mono
    for package in list(state.packages.values()):
        doubted = []
        for attempt in package.attempts.values():
            ticket = attempt.ticket
            if ticket is not None and ticket.venue is venue and attempt.is_price_unknown:
                attempt.is_doubted = True
                doubted.append(ticket)
        if doubted:
            turn.emit(AskEvidence(package.package_id, tuple(doubted), turn.mono))


def on_times(state: State, turn: Turn, event: OrderTimes) -> None:
    found = attempts.find_attempt(state, event.attempt_id, "")
    if found is None:
        return
    package, attempt = found
    attempt.sent_wall_ns = event.sent_wall_ns or attempt.sent_wall_ns
    attempt.ack_wall_ns = event.ack_wall_ns or attempt.ack_wall_ns
    turn.write("orders", rows.attempt_row(package, attempt))

"""What the venues' own records say of attempts: the only thing that settles an unknown.

Evidence is believed over memory where a package is in doubt, and only adds elsewhere. An
order found alive that nobody waits for is cancelled; what it filled is evidence too.
"""

from __future__ import annotations

from shared.domain.commands import CancelOrder
from shared.domain.events import EvidenceFound
from shared.domain.order import Evidence, EvidenceKind, OrderEvent, OrderState
from shared.domain.package import Attempt, Package
from shared.domain.package_table import PackageState
from shared.engine import accounting, attempts, execution, inquiry, machine, rows
from shared.engine.state import State, Turn

PS = PackageState


def on_evidence(state: State, turn: Turn, event: EvidenceFound) -> None:
    package = state.packages.get(event.package_id)
    if package is None:
        return
    for evidence in event.evidence:
        attempt = package.attempts.get(evidence.attempt_id)
        if attempt is None or _is_outdated(attempt, evidence, event.asked_mono_ns):
            continue
        _take_evidence(state, turn, package, attempt, evidence)
    if package.slots_pending:
        package.slots_pending -= {
            found.attempt_id for found in event.evidence if _settles(package, found)
        }
    machine.conclude(state, turn, package)
    if package.state in (PS.HEDGED_PROV, PS.FLAT_PROV):
        machine.settle_finality(state, turn, package)


def _is_outdated(attempt: Attempt, evidence: Evidence, asked_mono_ns: int | None) -> bool:
    """Whether an absence answers a question put before its order was even decided.

    After a restart unused slots are asked about too; an answer may wait in a queue while one of
    them goes out. That it was absent then proves nothing of it now (I-09).
    """
    if evidence.kind is not EvidenceKind.ABSENT or attempt.ticket is None or asked_mono_ns is None:
        return False
    return asked_mono_ns <= attempt.ticket.decided_mono_ns


def _take_evidence(
    state: State, turn: Turn, package: Package, attempt: Attempt, evidence: Evidence
) -> None:
    known_before = attempt.known_qty
    if evidence.kind is EvidenceKind.UNPROVEN:
        return
    if evidence.kind is EvidenceKind.ABSENT:
        if attempt.ticket is None:
            return
        moved = attempt.on(OrderEvent.PROVE_ABSENT)
        _believe(package, attempt, evidence)
        if not moved and attempt.known_qty == known_before:
            return
    else:
        _ensure_ticket(state, package, attempt, evidence)
        attempt.order_id = attempt.order_id or evidence.order_id
        attempts.bind_order_id(state, attempt.attempt_id, evidence.order_id)
        for fill in evidence.fills:
            known = state.fills.get(fill.key)
            if known is None:
                accounting.book_fill(state, turn, fill, package, attempt)
            elif fill.is_final and not known.is_final:
                accounting.finalise(state, turn, fill.key)
        _believe(package, attempt, evidence)
        if evidence.kind is EvidenceKind.FILLED:
            attempt.on(OrderEvent.PROVE_DONE)
        else:
            attempt.on(OrderEvent.PROVE_LIVE)
            _cancel_if_stray(state, turn, package, attempt)
    turn.write("orders", rows.attempt_row(package, attempt))
    execution.after(state, turn, package, attempt, known_before, None)


def _settles(package: Package, evidence: Evidence) -> bool:
    """Whether an answer leaves no doubt about its slot.

    A fill that we hold and the venue does not count any more has failed; until that word
    arrives on its own (and is reversed in the books) nothing may be concluded.
    """
    attempt = package.attempts.get(evidence.attempt_id)
    if attempt is None or evidence.kind is EvidenceKind.UNPROVEN:
        return False
    return evidence.kind is EvidenceKind.LIVE or attempt.known_qty == evidence.cum_qty


def _believe(package: Package, attempt: Attempt, evidence: Evidence) -> None:
    """Take over what the venue says still stands of an order, voided executions apart.

    A restart may have lost the word that a trade failed: while the package is in doubt the
    venue's figure is believed even where it is less than what was acknowledged once.
    """
    stands = evidence.cum_qty + attempt.voided_qty
    if package.state in inquiry.DOUBTFUL or attempt.is_doubted:
        attempt.cum_qty = stands
        attempt.is_doubted = False
    else:
        attempt.cum_qty = max(attempt.cum_qty, stands)
    assert attempt.known_qty >= 0


def _cancel_if_stray(state: State, turn: Turn, package: Package, attempt: Attempt) -> None:
    """An order found alive that nobody waits for is cancelled; its fills are evidence.

    A cancel may be refused or lost, so every finding asks for it again.
    """
    if attempt.ticket is None or attempt.is_settled:
        return
    is_awaited = package.state in execution.WAITING and package.current == attempt.attempt_id
    if is_awaited and attempt.state is not OrderState.UNKNOWN:
        return
    attempt.on(OrderEvent.CANCEL)
    instrument = state.instruments[attempt.ticket.market_id]
    turn.emit(CancelOrder(attempt.ticket, attempt.order_id, instrument))


def _ensure_ticket(state: State, package: Package, attempt: Attempt, evidence: Evidence) -> None:
    """A slot that its row called unused was sent after all: believe the venue (M-12)."""
    if attempt.ticket is not None:
        return
    ticket = attempts.guess_ticket(package, attempt)
    if evidence.fills:
        first = evidence.fills[0]
        leg = 0 if package.legs[0].market_id == first.market_id else 1
        ticket = attempts.retarget(package, ticket, leg, first)
    attempt.ticket = ticket
    attempt.state = OrderState.UNKNOWN
    state.attempts[attempt.attempt_id] = package.package_id

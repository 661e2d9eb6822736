"""Using the slots of an envelope: from a decision to a sealed ticket on its way out.

Every order of a package is one of its committed slots (I-04): the opening slot, four
hedges, eight unwinds, and extensions that were committed on their own. The id of a slot
follows from (package, usual leg, purpose, number), never from a clock or a draw.
"""

from __future__ import annotations

from dataclasses import replace

from shared.domain.commands import AskEvidence, CancelOrder, CommitEnvelope, SubmitLeg
from shared.domain.enums import Outcome, Purpose, Side, TimeInForce, Venue
from shared.domain.ids import AttemptId, RunId, derive_attempt_id
from shared.domain.order import Fill, LegTicket, OrderEvent
from shared.domain.package import HEDGE_SLOTS, UNWIND_SLOTS, Attempt, Package
from shared.domain.risk import TICKET_LIFE_NS, approve
from shared.domain.units import PriceMicros, QtyMicros, UsdMicros
from shared.engine import rows
from shared.engine.state import State, Turn


def make_slots(package: Package) -> None:
    """Derive the thirteen attempt ids that the envelope authorises."""
    assert not package.attempts
    _add_slot(package, package.leg_first, Purpose.OPEN, 0)
    for number in range(HEDGE_SLOTS):
        _add_slot(package, 1 - package.leg_first, Purpose.HEDGE, number)
    for number in range(UNWIND_SLOTS):
        _add_slot(package, package.leg_first, Purpose.UNWIND, number)
    assert len(package.attempts) == 1 + HEDGE_SLOTS + UNWIND_SLOTS


def _add_slot(package: Package, leg: int, purpose: Purpose, number: int) -> Attempt:
    attempt_id = derive_attempt_id(package.package_id, leg, purpose, number)
    attempt = Attempt(attempt_id, purpose, number)
    package.attempts[attempt_id] = attempt
    return attempt


def request_extension(state: State, turn: Turn, package: Package) -> None:
    """Ask for the commit of one more hedge and one more unwind slot; at most one at a time."""
    if package.pending_slots:
        return
    for purpose, leg in (
        (Purpose.HEDGE, 1 - package.leg_first),
        (Purpose.UNWIND, package.leg_first),
    ):
        number = sum(1 for a in package.attempts.values() if a.purpose is purpose)
        attempt_id = derive_attempt_id(package.package_id, leg, purpose, number)
        package.pending_slots.append(Attempt(attempt_id, purpose, number))
    turn.emit(
        CommitEnvelope(
            package.package_id,
            rows.package_row(package, state.mode, state.run_id),
            tuple(rows.attempt_row(package, attempt) for attempt in package.pending_slots),
            None,
            None,
            is_extension=True,
        )
    )


def take_extension(package: Package) -> bool:
    """The extension is durable: its slots may be used. False when none was pending."""
    if not package.pending_slots:
        return False
    for attempt in package.pending_slots:
        package.attempts[attempt.attempt_id] = attempt
    package.pending_slots.clear()
    package.extra_attempts += 1
    return True


def free_slot(package: Package, purpose: Purpose) -> Attempt | None:
    """Return the first unused slot of a purpose, or None when the envelope is used up."""
    for attempt in package.attempts.values():
        if attempt.purpose is purpose and attempt.ticket is None:
            return attempt
    return None


def build_ticket(
    state: State,
    turn: Turn,
    package: Package,
    slot: Attempt,
    *,
    leg: int,
    outcome: Outcome,
    side: Side,
    price_limit: PriceMicros,
    qty: QtyMicros,
    tif: TimeInForce,
    qty_max: QtyMicros | None = None,
    budget_usd: UsdMicros | None = None,
    reduce_only: bool = False,
    is_opening: bool | None = None,
) -> LegTicket:
    """Make the complete, immutable order of one slot.

    ``qty_max`` is the most it can execute (more than ``qty`` only for a budget buy).
    The first order of an EXIT child opens nothing: ``is_opening`` says so.
    """
    target = package.legs[leg]
    most = qty_max if qty_max is not None else qty
    assert slot.ticket is None and 0 < qty <= most <= package.qty_max, (qty, most, package.qty_max)
    assert 0 < price_limit < 1_000_000, price_limit
    return LegTicket(
        attempt_id=slot.attempt_id,
        package_id=package.package_id,
        leg=leg,
        purpose=slot.purpose,
        attempt=slot.number,
        venue=target.venue,
        market_id=target.market_id,
        outcome=outcome,
        side=side,
        price_limit=price_limit,
        qty=qty,
        qty_max=most,
        tif=tif,
        decided_mono_ns=turn.mono,
        decided_wall_ns=turn.wall,
        send_by_mono_ns=turn.mono + TICKET_LIFE_NS,
        budget_usd=budget_usd,
        reduce_only=reduce_only,
        is_opening=slot.purpose is Purpose.OPEN if is_opening is None else is_opening,
        shard=target.shard,
    )


def use_slot(state: State, package: Package, slot: Attempt, ticket: LegTicket) -> None:
    """Bind a ticket to its slot and make it the package's current attempt."""
    assert slot.ticket is None and slot.attempt_id == ticket.attempt_id
    assert not package.has_unsettled, "an attempt is still live or unknown (I-03, I-09)"
    slot.ticket = ticket
    book = state.books.get(ticket.market_id)
    touch = book.touch(ticket.outcome, ticket.side) if book else None
    slot.touch = touch[0] if touch else 0
    package.current = slot.attempt_id
    state.attempts[slot.attempt_id] = package.package_id


def submit(state: State, turn: Turn, package: Package) -> None:
    """Send the current attempt: its row first, then the sealed ticket."""
    assert package.current is not None
    attempt = package.attempts[package.current]
    assert attempt.ticket is not None
    attempt.on(OrderEvent.SEND)
    turn.write("orders", rows.attempt_row(package, attempt))
    versions = tuple(sorted(package.versions.items()))
    sealed = approve(attempt.ticket, mono_ns=turn.mono, versions=versions)
    turn.emit(SubmitLeg(sealed, state.instruments[attempt.ticket.market_id]))


def cancel_current(state: State, turn: Turn, package: Package) -> None:
    """Ask for the cancel of what rests, and for evidence of what became of it."""
    assert package.current is not None
    attempt = package.attempts[package.current]
    assert attempt.ticket is not None
    attempt.on(OrderEvent.CANCEL)
    instrument = state.instruments[attempt.ticket.market_id]
    turn.emit(CancelOrder(attempt.ticket, attempt.order_id, instrument))
    turn.emit(AskEvidence(package.package_id, (attempt.ticket,), turn.mono))


def ask_evidence(state: State, turn: Turn, package: Package, *, every_slot: bool) -> int:
    """Ask the venues about every attempt that is not settled; return how many were asked.

    With ``every_slot`` (after a restart) unused slots are asked too wherever the venue can
    be asked by our own id: a row lags the wire (M-12). Polymarket knows orders by digest
    only, so its unused slots are proven by the local wire log that recovery merged. Even
    a settled slot is asked: the word that its trade failed may have been lost.
    """
    tickets: list[LegTicket] = []
    if every_slot and package.slots_pending is None:
        tickets = [
            ticket
            for attempt in package.attempts.values()
            if (ticket := _askable(state, package, attempt)) is not None
        ]
        package.slots_pending = {ticket.attempt_id for ticket in tickets}
    else:
        pending = package.slots_pending or set() if every_slot else set()
        for attempt in package.attempts.values():
            ticket = attempt.ticket
            if ticket is not None and not attempt.is_settled:
                tickets.append(ticket)
            elif attempt.attempt_id in pending:
                tickets.append(ticket or guess_ticket(package, attempt))
    if tickets:
        turn.emit(AskEvidence(package.package_id, tuple(tickets), turn.mono))
    return len(tickets)


def _askable(state: State, package: Package, attempt: Attempt) -> LegTicket | None:
    if attempt.ticket is not None:
        return attempt.ticket
    ticket = guess_ticket(package, attempt)
    by_id = ticket.venue is Venue.KALSHI or state.mode.startswith("paper")
    return ticket if by_id else None


def guess_ticket(package: Package, attempt: Attempt) -> LegTicket:
    """Describe an unused slot well enough to be asked about by id; it is never sent."""
    index = package.leg_first if attempt.purpose is not Purpose.HEDGE else 1 - package.leg_first
    leg = package.legs[index]
    return LegTicket(
        attempt_id=attempt.attempt_id,
        package_id=package.package_id,
        leg=index,
        purpose=attempt.purpose,
        attempt=attempt.number,
        venue=leg.venue,
        market_id=leg.market_id,
        outcome=leg.outcome,
        side=Side.SELL if attempt.purpose is Purpose.UNWIND else Side.BUY,
        price_limit=leg.price_worst,
        qty=package.qty,
        qty_max=package.qty_max,
        tif=TimeInForce.IOC,
        decided_mono_ns=package.created_mono_ns,
        decided_wall_ns=package.created_wall_ns,
        send_by_mono_ns=0,
        shard=leg.shard,
    )


def bind_order_id(state: State, attempt_id: AttemptId, order_id: str) -> None:
    if order_id:
        state.by_order_id[order_id] = attempt_id


def find_attempt(
    state: State, attempt_id: AttemptId | None, order_id: str
) -> tuple[Package, Attempt] | None:
    """Return the package and attempt that an execution belongs to, by our id or the venue's."""
    found = attempt_id if attempt_id in state.attempts else state.by_order_id.get(order_id)
    if found is None:
        return None
    package = state.packages.get(state.attempts[found])
    if package is None:
        return None
    return package, package.attempts[found]


def retarget(package: Package, ticket: LegTicket, leg: int, fill: Fill) -> LegTicket:
    """Return a guessed ticket corrected by an execution that the venue reports for it."""
    target = package.legs[leg]
    return replace(
        ticket,
        leg=leg,
        venue=target.venue,
        market_id=target.market_id,
        outcome=fill.outcome,
        side=fill.side,
        shard=target.shard,
    )


def run_of(state: State) -> RunId:
    assert state.run_id, "the run id arrives with StateLoaded"
    return RunId(state.run_id)

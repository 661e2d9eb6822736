"""What a person may order about one package: hold, flatten, resolve.

The table decides which state knows which verb; a refused verb says why and changes nothing.
``resolve`` is a verdict that a person proves: it must agree with the figures that the same
person gives for every unproven order, or it is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.domain.enums import Liquidity
from shared.domain.errors import DomainError
from shared.domain.events import OperatorVerb
from shared.domain.order import Fill, LegTicket, OrderEvent
from shared.domain.package import Attempt, Package
from shared.domain.package_table import PACKAGE_TABLE, PackageEvent, PackageState
from shared.domain.units import MICROS, PriceMicros, QtyMicros, UsdMicros
from shared.engine import accounting, attempts, inquiry, machine, rows
from shared.engine.state import State, Turn

PE = PackageEvent
VERDICTS: Final = {
    "nofill": PE.E_NOFILL,
    "zero": PE.E_ZERO,
    "matched": PE.E_MATCHED,
    "naked": PE.E_NAKED,
}
"""Words of ``twinleg package resolve --verdict`` and the evidence event each stands for."""
_RESOLVABLE: Final = frozenset({PackageState.STUCK_UNKNOWN, PackageState.STUCK_KNOWN})
FILLED: Final = "filled:"
"""Payload keys ``filled:ATTEMPT_ID``: ``trade_id order_id price_micros qty_micros fee_micros``."""


@dataclass(frozen=True, slots=True)
class Told:
    """One execution that a person read at the venue."""

    attempt: Attempt
    trade_id: str
    order_id: str
    price: int
    qty: int
    fee: int


def on_verb(state: State, turn: Turn, event: OperatorVerb) -> None:
    """Act on a verb, or refuse it with the reason; a refusal changes nothing."""
    package = state.packages.get(event.package_id)
    try:
        if package is None:
            raise DomainError("no such package in memory")
        match event.verb:
            case "hold":
                _move(state, turn, package, PE.H_HOLD, event)
            case "flatten":
                _flatten(state, turn, package, event)
            case "resolve":
                _resolve(state, turn, package, event.payload)
            case _:
                raise DomainError(f"unknown verb {event.verb!r}")
    except DomainError as refusal:
        turn.decide(
            state,
            "verb",
            str(event.package_id),
            "refused",
            f"{event.verb}: {refusal}",
            package=package,
            severity="p3",
        )


def _move(
    state: State, turn: Turn, package: Package, kind: PackageEvent, event: OperatorVerb
) -> None:
    if not PACKAGE_TABLE.is_legal(package.state, kind):
        raise DomainError(f"a package that is {package.state.value} does not know it")
    machine.feed(state, turn, package, kind, f"operator: {event.verb}")


def _flatten(state: State, turn: Turn, package: Package, event: OperatorVerb) -> None:
    """Widen the price of the way out to anything, then try once more."""
    if not PACKAGE_TABLE.is_legal(package.state, PE.H_UNWIND):
        raise DomainError(f"a package that is {package.state.value} does not know it")
    package.unwind_any = True
    package.stuck_retry = True
    _move(state, turn, package, PE.H_UNWIND, event)


def _resolve(state: State, turn: Turn, package: Package, payload: dict[str, str]) -> None:
    """Take a person's evidence for every unproven order, and with it the verdict."""
    verdict = VERDICTS.get(payload.get("verdict", ""))
    evidence = payload.get("evidence", "").strip()
    if verdict is None:
        raise DomainError(f"the verdict must be one of {' '.join(VERDICTS)}")
    if not evidence:
        raise DomainError("evidence must be stated")
    if package.state not in _RESOLVABLE:
        raise DomainError(f"a package that is {package.state.value} is not resolved by hand")
    told = [_told(package, key, text) for key, text in payload.items() if key.startswith(FILLED)]
    _check(state, package, told, verdict)
    for item in told:
        _book(state, turn, package, item)
    for attempt in package.attempts.values():
        if not attempt.is_settled:
            # What is known of it stands; beyond that the person vouches for nothing more.
            attempt.on(OrderEvent.PROVE_DONE if attempt.known_qty else OrderEvent.PROVE_ABSENT)
            attempt.reason = f"resolved by hand: {evidence}"[:200]
            turn.write("orders", rows.attempt_row(package, attempt))
    assert not package.has_unsettled, "every attempt was settled by the person's word"
    package.slots_pending = set()
    turn.decide(
        state,
        "verb",
        str(package.package_id),
        "resolved",
        evidence[:300],
        package=package,
        params={"verdict": payload["verdict"], "told": str(len(told))},
        severity="p2",
    )
    if PACKAGE_TABLE.is_legal(package.state, verdict):
        machine.feed(state, turn, package, verdict, "operator: resolve")


def _told(package: Package, key: str, text: str) -> Told:
    """Read one ``filled:`` entry. Raises DomainError for anything that cannot be a fill."""
    name = key.removeprefix(FILLED)
    attempt = next((a for a in package.attempts.values() if a.attempt_id == name), None)
    words = text.split()
    if attempt is None or attempt.ticket is None:
        raise DomainError(f"{name} is no order of this package that was sent")
    if len(words) != 5 or not all(word.isascii() and word.isdigit() for word in words[2:]):
        raise DomainError(f"{name}: trade id, order id, price, quantity and fee are needed")
    price, qty, fee = (int(word) for word in words[2:])
    if not 0 < price < MICROS or not 0 < qty <= attempt.ticket.qty_max or fee > qty:
        raise DomainError(f"{name}: price, quantity or fee is outside the order's own terms")
    return Told(attempt, words[0], words[1], price, qty, fee)


def _check(state: State, package: Package, told: list[Told], verdict: PackageEvent) -> None:
    """Refuse figures that contradict what is known, or that make another verdict true."""
    nets = [package.net(0), package.net(1)]
    known = sum(attempt.known_qty for attempt in package.attempts.values())
    for item in told:
        ticket = item.attempt.ticket
        assert ticket is not None
        if item.attempt.is_settled:
            raise DomainError(f"{ticket.attempt_id} is proven already")
        if _fill(ticket, item, 0).key in state.fills:
            raise DomainError(f"trade {item.trade_id} is booked already")
        if item.attempt.known_qty + item.qty > ticket.qty_max:
            raise DomainError(f"{ticket.attempt_id}: more than it could execute")
        sign = 1 if ticket.outcome is package.legs[ticket.leg].outcome else -1
        nets[ticket.leg] += sign * (item.qty if ticket.side.value == "buy" else -item.qty)
        known += item.qty
    true = inquiry.verdict_of(state, package, (nets[0], nets[1]), nothing=known == 0)
    if verdict is not true and not (verdict is PE.E_ZERO and true is PE.E_NOFILL):
        words = next(word for word, event in VERDICTS.items() if event is true)
        raise DomainError(f"these figures leave {nets[0]} and {nets[1]} micros: that is {words!r}")


def _fill(ticket: LegTicket, item: Told, wall_ns: int) -> Fill:
    return Fill(
        venue=ticket.venue,
        trade_id=item.trade_id,
        order_id=item.order_id,
        attempt_id=ticket.attempt_id,
        market_id=ticket.market_id,
        outcome=ticket.outcome,
        side=ticket.side,
        price=PriceMicros(item.price),
        qty=QtyMicros(item.qty),
        fee=UsdMicros(item.fee),
        liquidity=Liquidity.TAKER,
        venue_ts_ns=wall_ns,
        is_final=True,
    )


def _book(state: State, turn: Turn, package: Package, item: Told) -> None:
    """Post a told execution under the venue's own key, so that its own report is a repeat."""
    ticket = item.attempt.ticket
    assert ticket is not None
    item.attempt.order_id = item.attempt.order_id or item.order_id
    attempts.bind_order_id(state, item.attempt.attempt_id, item.order_id)
    booked = accounting.book_fill(
        state, turn, _fill(ticket, item, turn.wall), package, item.attempt
    )
    assert booked, "checked to be new"

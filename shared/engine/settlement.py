"""Results and payouts: the ledger takes the cash, packages learn what their legs paid."""

from __future__ import annotations

from typing import Final

from shared.domain.enums import HaltReason, Outcome
from shared.domain.events import PayoutSeen
from shared.domain.package import Package
from shared.domain.package_table import PACKAGE_TABLE, PackageEvent, PackageState
from shared.domain.units import MICROS, ceil_div, floor_div
from shared.engine import accounting, machine, rows
from shared.engine.halts import raise_halt
from shared.engine.state import State, Turn

PE = PackageEvent
_WAITING: Final = frozenset({PackageState.RETRY_WAIT, PackageState.UNWIND_WAIT})


def on_payout(state: State, turn: Turn, event: PayoutSeen) -> None:
    if not accounting.book_payout(state, turn, event):
        return
    state.resolved.setdefault(event.market_id, event.payout)
    turn.decide(
        state,
        "payout",
        str(event.market_id),
        "paid",
        event.reference,
        params={"cash_micros": str(event.cash), "payout_micros": str(event.payout)},
        severity="p4",
    )
    for package in list(state.packages.values()):
        for index, leg in enumerate(package.legs):
            if leg.market_id != event.market_id or index in package.paid_legs:
                continue
            if not package.is_ended or _ended_without(state, package, index):
                _pay_leg(state, turn, package, index, event.payout)


def _ended_without(state: State, package: Package, index: int) -> bool:
    """Whether a package ended, holds nothing in a leg, and nobody works off the rest of it.

    It learns the price for what may come to light later: contracts that a failed trade
    gives back have been paid by then, and no order could move them any more.
    """
    known = (*state.waiting_repairs.values(), *state.packages.values())
    has_child = any(child.parent_id == package.package_id for child in known)
    return package.is_ended and package.net(index) == 0 and not has_child


def _pay_leg(state: State, turn: Turn, package: Package, index: int, payout: int) -> None:
    """Note what a contract of one leg paid; the ledger already holds the cash."""
    per_contract = payout if package.legs[index].outcome is Outcome.YES else MICROS - payout
    assert 0 <= per_contract <= MICROS
    package.paid_legs[index] = per_contract
    credit(package)
    turn.write("packages", rows.package_row(package, state.mode, state.run_id))
    if not package.is_ended:
        finish(state, turn, package)


def credit(package: Package) -> None:
    """Reckon what the paid legs brought, from all that is known to be held by now.

    After a restart the payout may be read before the executions that it pays.
    """
    total = 0
    for index, per_contract in package.paid_legs.items():
        held = package.net(index)
        if package.is_mirror:
            # Its contracts are those that its parent sold: the parent is credited too many.
            total -= floor_div(held * (MICROS - per_contract), MICROS)
            continue
        if package.legs[index].venue.is_netting:
            # Sold beyond what was held (after a bust) it owes what a contract pays.
            total += floor_div(held * per_contract, MICROS)
            continue
        # Complete sets pay their dollar whatever the result; a complement the other side.
        total += package.bought_sets(index) + floor_div(max(held, 0) * per_contract, MICROS)
        total += floor_div(max(-held, 0) * (MICROS - per_contract), MICROS)
    package.payout_cash_usd = total


def is_paid(package: Package) -> bool:
    """Whether every leg that holds something was paid, and at least one was."""
    holding = [index for index in (0, 1) if package.net(index) != 0]
    return bool(package.paid_legs) and all(index in package.paid_legs for index in holding)


def look_again(state: State, turn: Turn) -> None:
    """A leg was paid while its package could not take it: it takes it as soon as it can.

    The result may never have been told; what is paid waits for no better price any more.
    """
    for package in state.live_packages():
        if not package.paid_legs or package.state is PackageState.FLAT_PROV:
            continue
        if package.state in _WAITING:
            machine.offer(state, turn, package, PE.M_RESOLVED, "a leg was paid already")
        finish(state, turn, package)


def finish(state: State, turn: Turn, package: Package) -> None:
    """End the package once every leg that held something was paid."""
    if package.paid_legs:
        credit(package)
    holding = [index for index in (0, 1) if package.net(index) != 0]
    if package.state is PackageState.FLAT_PROV and not holding:
        # Sets that were bought to undo a leg were paid before their trades were told final.
        machine.feed(state, turn, package, PE.PAID_OK, "its sets were paid")
        return
    if not holding or any(index not in package.paid_legs for index in holding):
        return
    if any(a.known_qty != a.fills_qty - a.voided_qty for a in package.attempts.values()):
        return  # what an execution cost is not known yet: the sweep will say it
    event = PE.PAID_OK
    if len(holding) == 2 and sum(package.paid_legs[index] for index in (0, 1)) != MICROS:
        event = PE.PAID_DIV
    if not PACKAGE_TABLE.is_legal(package.state, event):
        return
    machine.feed(state, turn, package, event, "every leg was paid")
    if event is PE.PAID_DIV:
        scope = f"series:{_series(state, package)}"
        raise_halt(state, turn, scope, HaltReason.DIVERGED, note=package.pair_name)
        turn.write("divergences", _divergence_row(state, turn, package))


def _divergence_row(state: State, turn: Turn, package: Package) -> dict[str, object]:
    """Return what was seen: what one YES of each market paid, and what the dollar missed.

    The loss is rounded up, against us; it is negative when both legs paid.
    """
    first, second = package.legs
    paid = [package.paid_legs[index] for index in (0, 1)]
    yes = [
        each if leg.outcome is Outcome.YES else MICROS - each
        for leg, each in zip((first, second), paid, strict=True)
    ]
    hedged = min(abs(package.net(0)), abs(package.net(1)))
    view = state.pairs.get(package.pair_id)
    assert sum(paid) != MICROS and hedged > 0
    return {
        "divergence_id": str(package.package_id),
        "pair_id": package.pair_id,
        "package_id": package.package_id,
        "market_a": first.market_id,
        "market_b": second.market_id,
        "payout_a_micros": yes[0],
        "payout_b_micros": yes[1],
        "category": view.pair.category if view else "",
        "series_id": _series(state, package),
        "settlement_source": view.pair.settlement_source if view else "",
        "loss_usd_micros": ceil_div((MICROS - sum(paid)) * hedged, MICROS),
        "detected_ns": turn.wall,
        "note": package.pair_name,
    }


def _series(state: State, package: Package) -> str:
    view = state.pairs.get(package.pair_id)
    return view.pair.series_id if view else package.pair_id

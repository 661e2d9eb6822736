"""REPAIR packages: what becomes known after an end is worked off by a package of its own.

An end absorbs everything (I-20), so a late fill or a voided trade never reopens it; the
residual it leaves goes into a new package that starts exposed, with its own committed slots.
"""

from __future__ import annotations

from shared.domain.commands import CommitEnvelope
from shared.domain.ids import derive_package_id
from shared.domain.package import Package
from shared.domain.package_table import PackageEvent
from shared.engine import attempts, hedger, machine, rows, settlement
from shared.engine.state import State, Turn


def open_repair(state: State, turn: Turn, parent: Package) -> None:
    """Late evidence after an end: the residual becomes a REPAIR package (I-13).

    Evidence may come in parts. What comes while a repair is under way is added to it; what
    comes after that has ended too is late evidence of the repair, and opens the next one.
    """
    child = _repair_of(state, parent)
    if child is not None:
        _carry_over(state, turn, parent, child)
        return
    settlement.credit(parent)
    if settlement.is_paid(parent):
        _correct_result(state, turn, parent)
        return
    if abs(parent.residual) < hedger.DUST_QTY:
        return
    state.package_number += 1
    repair = Package(
        package_id=derive_package_id(attempts.run_of(state), state.package_number),
        number=state.package_number,
        kind="repair",
        parent_id=parent.package_id,
        pair_id=parent.pair_id,
        pair_name=parent.pair_name,
        polarity=parent.polarity,
        category=parent.category,
        source=parent.source,
        legs=parent.legs,
        leg_first=parent.leg_first,
        qty=parent.qty,
        qty_max=parent.qty_max,
        entry_edge_micros=0,
        expected_usd=parent.expected_usd,
        cost_worst_usd=parent.cost_worst_usd,
        settle_worst_ns=parent.settle_worst_ns,
        created_wall_ns=turn.wall,
        created_mono_ns=turn.mono,
        is_probe=False,
        breakdown={},
        versions=state.versions(),
        carried=(parent.net(0), parent.net(1)),
        is_mirror=parent.is_mirror,
        carried_cash_usd=parent.result_usd - (parent.realised_usd or 0),
    )
    attempts.make_slots(repair)
    state.waiting_repairs[repair.package_id] = repair
    turn.emit(
        CommitEnvelope(
            repair.package_id,
            rows.package_row(repair, state.mode, state.run_id),
            tuple(rows.attempt_row(repair, a) for a in repair.attempts.values()),
            None,
            None,
            is_extension=True,
        )
    )
    turn.decide(
        state,
        "repair",
        str(parent.package_id),
        "opened",
        "an execution became known after the package had ended",
        package=repair,
        severity="p1",
    )


def _correct_result(state: State, turn: Turn, parent: Package) -> None:
    """Everything held was paid already: what comes to light changes money, not contracts."""
    off = parent.result_usd - (parent.realised_usd or 0)
    if off == 0:
        return
    parent.realised_usd = parent.result_usd
    for period in ("day", "week", "month"):
        state.realised[period] = state.realised.get(period, 0) + off
    turn.write("packages", rows.package_row(parent, state.mode, state.run_id))
    turn.decide(
        state,
        "repair",
        str(parent.package_id),
        "corrected",
        "an execution became known after its market had paid",
        package=parent,
        params={"usd_micros": str(off)},
        severity="p2",
    )


def _repair_of(state: State, parent: Package) -> Package | None:
    """Return the repair that works off a package's late evidence, ended or not."""
    known = (*state.waiting_repairs.values(), *state.packages.values())
    mine = (p for p in known if p.parent_id == parent.package_id and p.kind == "repair")
    return next(mine, None)


def _carry_over(state: State, turn: Turn, parent: Package, child: Package) -> None:
    carried = (parent.net(0), parent.net(1))
    if carried == child.carried:
        return
    child.carried = carried
    child.carried_cash_usd = parent.result_usd - (parent.realised_usd or 0)
    turn.write("packages", rows.package_row(child, state.mode, state.run_id))
    if child.package_id in state.waiting_repairs:
        return
    if child.is_ended:
        open_repair(state, turn, child)
        return
    machine.offer(state, turn, child, PackageEvent.FILL_SEEN, "more late evidence of its parent")

"""Leaving a hedged package early: an EXIT child sells both legs when that is worth more.

The child runs the same machine as any package, with mirrored legs: to buy the complement
of a leg is to sell the leg. When both halves are sold it is hedged in its own terms; what
it sold and earned is then handed to its parent, which ends (EXITED_EARLY) or keeps the
rest (HEDGED). Worth more means: proceeds after fees exceed a dollar a contract less carry
and less the pair's expected settlement loss (ARCHITECTURE section 6).
"""

from __future__ import annotations

from typing import Final

from shared.domain.commands import CommitEnvelope
from shared.domain.enums import Purpose, Side, TimeInForce
from shared.domain.package import Package
from shared.domain.package_table import PackageEvent, PackageState
from shared.domain.risk import approve
from shared.domain.units import MICROS, NS_PER_S, PriceMicros, UsdMicros
from shared.engine import attempts, exit_plan, exposure, machine, rows, settlement
from shared.engine.exit_plan import KIND
from shared.engine.hedger import DUST_QTY
from shared.engine.state import State, Turn

PS = PackageState
PE = PackageEvent
LEASE_NS: Final = 20 * NS_PER_S
WHY: Final = "sold it is worth more than held"
REST_NS: Final = 30 * NS_PER_S
"""An exit that came to nothing is not tried again on the same package before."""


def on_second(state: State, turn: Turn) -> None:
    """Look for hedged packages that are worth more sold; at most one exit begins a second."""
    if state.is_frozen or not state.is_recovered or not state.is_journal_up:
        return
    if state.lease_until_ns - turn.mono < LEASE_NS:
        return
    for package in state.live_packages():
        if package.state is not PS.HEDGED or package.kind != "normal":
            continue
        if turn.mono < package.exit_rest_until_ns or _has_child(state, package):
            continue
        if min(package.net(0), package.net(1)) < DUST_QTY:
            _release(state, turn, package, PE.CHILD_DONE)  # sold while it was in doubt
            continue
        child = exit_plan.plan(state, turn, package)
        if child is not None and exposure.usage(state, turn).naked < state.config.naked_slots:
            package.exit_rest_until_ns = turn.mono + REST_NS
            _begin(state, turn, child)
            return


def _begin(state: State, turn: Turn, child: Package) -> None:
    """Register the child, bind its first sale and ask for the commit (reducing only)."""
    first = child.legs[child.leg_first]
    slot = attempts.free_slot(child, Purpose.OPEN)
    assert slot is not None and child.is_mirror
    ticket = attempts.build_ticket(
        state,
        turn,
        child,
        slot,
        leg=child.leg_first,
        outcome=first.outcome.other,
        side=Side.SELL,
        price_limit=PriceMicros(MICROS - first.price_limit),
        qty=child.qty,
        tif=TimeInForce.IOC,
        reduce_only=first.venue.is_netting,
        is_opening=False,
    )
    state.package_number = child.number
    state.packages[child.package_id] = child
    attempts.use_slot(state, child, slot, ticket)
    machine.begin(state, turn, child, WHY)
    sealed = approve(ticket, mono_ns=turn.mono, versions=tuple(sorted(child.versions.items())))
    turn.emit(
        CommitEnvelope(
            child.package_id,
            rows.package_row(child, state.mode, state.run_id),
            tuple(rows.attempt_row(child, attempt) for attempt in child.attempts.values()),
            sealed,
            state.instruments[first.market_id],
            is_extension=True,
        )
    )


def refusal(state: State, turn: Turn, child: Package) -> str:
    """Return why a committed child may not begin after all; empty when it may."""
    parent = parent_of(state, child)
    if parent is None or parent.state is not PS.HEDGED:
        return "its parent is not hedged any more"
    if not all(exit_plan.is_sellable(state, turn, leg) for leg in parent.legs):
        return "a book is not fresh any more"
    return ""


def start(state: State, turn: Turn, child: Package) -> None:
    """The child's envelope is durable: its parent is exiting from this step on."""
    parent = parent_of(state, child)
    assert parent is not None
    machine.feed(state, turn, parent, PE.EXIT_GO, WHY)


def work_off(state: State, turn: Turn) -> None:
    """Children that came to rest in this step hand what they sold to their parents."""
    while state.exits_done:
        child = state.packages.get(state.exits_done.pop(0))
        parent = parent_of(state, child) if child is not None else None
        if child is None or parent is None:
            continue
        if child.state is PS.HEDGED:
            # Both halves are sold: its complements and its parent's contracts pay each other.
            _hand_over(state, turn, child, parent)
            machine.feed(state, turn, child, PE.PAID_OK, "both halves are sold")
            continue
        if child.paid_legs:
            # The market paid meanwhile: child and parent were each credited, with its sign.
            _release(state, turn, parent, PE.CHILD_KEPT)
            continue
        _hand_over(state, turn, child, parent)
        left = min(parent.net(0), parent.net(1))
        _release(state, turn, parent, PE.CHILD_DONE if left < DUST_QTY else PE.CHILD_KEPT)


def _hand_over(state: State, turn: Turn, child: Package, parent: Package) -> None:
    """Move contracts sold and cash earned from the child's account to its parent's."""
    sold, cash = (child.net(0), child.net(1)), child.cash_usd
    for package in (parent, child):
        package.exited = (package.exited[0] + sold[0], package.exited[1] + sold[1])
    parent.carried_cash_usd += cash
    child.carried_cash_usd -= cash
    if child.realised_usd is not None:
        for period in state.realised:
            state.realised[period] -= cash
        child.realised_usd = UsdMicros(child.realised_usd - cash)
    for package in (parent, child):
        turn.write("packages", rows.package_row(package, state.mode, state.run_id))


def _release(state: State, turn: Turn, parent: Package, event: PackageEvent) -> None:
    """Tell the parent that its exit has ended, wherever it stands by now."""
    if parent.state is PS.HEDGED and event is PE.CHILD_DONE:
        machine.feed(state, turn, parent, PE.EXIT_GO, "its exit had ended already")
    machine.offer(state, turn, parent, event, "the exit has ended")
    machine.conclude(state, turn, parent)
    if event is PE.CHILD_KEPT:
        settlement.finish(state, turn, parent)


def on_restart(state: State, turn: Turn) -> None:
    """After a restart parents and children agree again on whether an exit is under way."""
    for package in state.live_packages():
        if package.kind == KIND:
            parent = parent_of(state, package)
            if parent is not None and parent.state is PS.HEDGED:
                machine.feed(state, turn, parent, PE.EXIT_GO, "an exit was under way")
    for package in state.live_packages():
        if package.state is PS.EXITING and not _has_child(state, package):
            machine.feed(state, turn, package, PE.CHILD_KEPT, "no exit is under way")


def _has_child(state: State, parent: Package) -> bool:
    return any(p.parent_id == parent.package_id and p.kind == KIND for p in state.live_packages())


def parent_of(state: State, child: Package) -> Package | None:
    return state.packages.get(child.parent_id) if child.parent_id else None

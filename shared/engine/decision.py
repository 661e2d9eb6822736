"""The step state: from a residual to one decision, with the slot and ticket that it needs."""

from __future__ import annotations

from typing import Final

from shared.domain.enums import Purpose
from shared.domain.package import Package
from shared.domain.package_table import PackageEvent
from shared.domain.units import NS_PER_MS, QtyMicros
from shared.engine import attempts, hedger, plans, throttle
from shared.engine.inquiry import EVIDENCE_FIRST_NS
from shared.engine.state import State, Turn

PE = PackageEvent
EXTENSION_WAIT_NS: Final = 100 * NS_PER_MS
Decision = tuple[PackageEvent, str]
"""The event that carries the decision into the table, and its reason."""


def decide(state: State, turn: Turn, package: Package) -> Decision:
    """Return exactly one decision for a package that has just become EXPOSED.

    A decision that sends has bound a ticket to a committed slot already; without a free
    slot the extension is requested first and the package waits for it.
    """
    if package.has_unsettled:
        return _decide_blind(state, turn, package)
    choice = hedger.choose(state, turn, package)
    package.wait_ns = choice.wait_ns
    package.wait_is_finality = choice.event is PE.D_WAIT and plans.awaits_finality(state, package)
    if choice.event is PE.D_BACKOFF:
        package.backoffs += 1
    if choice.plan is not None:
        if not _bind_ticket(state, turn, package, choice.plan):
            attempts.request_extension(state, turn, package)
            package.wait_ns = EXTENSION_WAIT_NS
            return PE.D_WAIT, "one more attempt is being committed first"
    elif choice.event is PE.D_STUCK:
        package.stuck_retry = False
    return choice.event, choice.reason


def _decide_blind(state: State, turn: Turn, package: Package) -> Decision:
    """A late fill reopened an attempt: nothing opposite is sent before it is settled (I-09)."""
    attempts.ask_evidence(state, turn, package, every_slot=False)
    budget = hedger.budget_left_ns(state, turn, package)
    package.wait_is_finality = False
    package.wait_ns = max(min(EVIDENCE_FIRST_NS, budget), NS_PER_MS)
    event = PE.D_WAIT if budget > 0 and not package.stuck_retry else PE.D_STUCK
    package.stuck_retry = False
    return event, "an order is unproven again"


def _bind_ticket(state: State, turn: Turn, package: Package, plan: plans.OrderPlan) -> bool:
    """Make the planned order in the next free slot of its purpose; False when none is left."""
    slot = attempts.free_slot(package, plan.purpose)
    if slot is None:
        return False
    plan = plans.told(package, plan)
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
    return True

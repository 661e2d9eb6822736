"""The chooser: what to do with a residual, one decision a step (FAULTS section 4).

Pure over state and the event's stamp. Rules are tried in order and the first that fits
wins; only moves that shrink the residual exist. Hedging and unwinding are compared by
what one contract is worth afterwards: hedged it pays a dollar at settlement, unwound it
pays its price now; the cost already sunk is the same on both sides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.domain.enums import Purpose
from shared.domain.package import Package
from shared.domain.package_table import PackageEvent
from shared.domain.units import MICROS, NS_PER_MS, NS_PER_S
from shared.engine import plans
from shared.engine.state import State, Turn

DUST_QTY: Final = 10_000
"""0.01 contract: the least that counts as holding a leg."""
LOSS_TIERS: Final = ((2 * NS_PER_S, 20_000), (5 * NS_PER_S, 50_000), (1 << 62, 100_000))
"""(exposed for less than, loss allowed a contract in micros): 2 c, then 5 c, then 10 c."""
LEASE_REDUCE_NS: Final = 2 * NS_PER_S


@dataclass(frozen=True, slots=True)
class Choice:
    event: PackageEvent
    reason: str
    plan: plans.OrderPlan | None = None
    wait_ns: int = 0


def choose(state: State, turn: Turn, package: Package) -> Choice:
    """Return the decision for a package in EXPOSED."""
    residual = package.residual
    deficit, surplus = (1, 0) if residual > 0 else (0, 1)
    size = abs(residual)
    if not _is_tradeable(state, package, deficit, surplus, size):
        return _rest(package)
    if state.is_frozen:
        return Choice(PackageEvent.D_STUCK, "freeze is in force")
    if state.lease_until_ns - turn.mono < LEASE_REDUCE_NS:
        return Choice(PackageEvent.D_STUCK, "the trading lease is ending")
    budget = budget_left_ns(state, turn, package)
    hedge = plans.hedge(state, package, deficit, size)
    unwind = plans.unwind(state, package, surplus, size)
    if hedge is not None and (
        unwind is None or hedge.value_per_contract >= unwind.value_per_contract
    ):
        choice = _hedge_now_or_later(state, package, hedge, budget)
        if choice is not None:
            return choice
    if unwind is not None and budget > 0:
        spare = _loss_allowed(state, turn, package) - _unwind_loss(package, surplus, unwind)
        if spare >= 0:
            plan = plans.no_dearer(state, package, unwind, spare)
            return Choice(PackageEvent.D_UNWIND, "the cheaper way out", plan)
    if budget > 0 and not package.stuck_retry:
        wait = min(NS_PER_S, budget)
        return Choice(PackageEvent.D_WAIT, "no way out within bounds yet", wait_ns=wait)
    return Choice(PackageEvent.D_STUCK, "no reachable price within the envelope")


def ways_out(
    state: State, package: Package, deficit: int, surplus: int, size: int
) -> list[plans.OrderPlan]:
    """Return the hedge and the unwind that today's books allow, whatever they cost."""
    assert size > 0 and {deficit, surplus} == {0, 1}, (size, deficit, surplus)
    both = (
        plans.hedge(state, package, deficit, size),
        plans.unwind(state, package, surplus, size),
    )
    return [plan for plan in both if plan is not None]


def _rest(package: Package) -> Choice:
    """Rule 1: nothing tradeable is left; the tail, if any, goes to the dust book."""
    both = min(package.net(0), package.net(1)) >= DUST_QTY
    if both:
        return Choice(PackageEvent.D_MATCHED, "both legs hold the same quantity")
    return Choice(PackageEvent.D_FLAT, "nothing is held")


def budget_left_ns(state: State, turn: Turn, package: Package) -> int:
    """Return what is left of the active-exposure budget A (of S, when only finality is awaited)."""
    if package.stuck_retry:
        return 1
    if plans.awaits_finality(state, package):
        return state.config.finality_wait_s * NS_PER_S - package.finality_used_ns
    used = package.active_used_ns
    if package.active_since_ns is not None:
        used += turn.mono - package.active_since_ns
    return state.config.active_exposure_ms * NS_PER_MS - used


def exposed_ns(turn: Turn, package: Package) -> int:
    """Return how long a residual has been known, waits for finality included."""
    used = package.active_used_ns + package.finality_used_ns
    if package.active_since_ns is not None:
        used += turn.mono - package.active_since_ns
    return used


def _is_tradeable(state: State, package: Package, deficit: int, surplus: int, size: int) -> bool:
    if size == 0:
        return False
    return (
        plans.legal_qty(state, package, deficit, size) > 0
        or plans.reduce_qty(state, package, surplus, size) > 0
    )


def _hedge_now_or_later(
    state: State, package: Package, plan: plans.OrderPlan, budget_ns: int
) -> Choice | None:
    """First hedge at once, later ones after a backoff that must fit in the budget."""
    if package.used(Purpose.HEDGE) == 0 or package.may_hedge_now or package.stuck_retry:
        return Choice(PackageEvent.D_HEDGE, "hedge on what really filled", plan)
    wait_ms = min(
        state.config.backoff_first_ms << min(package.backoffs, 10), state.config.backoff_max_ms
    )
    wait = wait_ms * NS_PER_MS
    if wait >= budget_ns:
        return None
    return Choice(PackageEvent.D_BACKOFF, f"next hedge in {wait_ms} ms", wait_ns=wait)


def _loss_allowed(state: State, turn: Turn, package: Package) -> int:
    """Return the loss a contract, micros, that an unwind may cost at this age of exposure."""
    if package.unwind_any:
        return MICROS
    age = exposed_ns(turn, package)
    if package.stuck_retry or package.is_adverse or package.used(Purpose.UNWIND) >= 2:
        age = 1 << 61
    allowed = next(loss for limit, loss in LOSS_TIERS if age < limit)
    whole = state.config.package_loss_max_usd_micros * MICROS // max(abs(package.residual), 1)
    return min(allowed, whole)


def _unwind_loss(package: Package, leg: int, plan: plans.OrderPlan) -> int:
    """Return cost less proceeds a contract, micros, fees on both sides included."""
    return plans.average_cost(package, leg) - plan.value_per_contract

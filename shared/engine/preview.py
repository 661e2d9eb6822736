"""What flattening a package would cost now, before a person says yes. Reads only."""

from __future__ import annotations

from shared.domain.package import Package
from shared.domain.units import MICROS, ceil_div
from shared.engine import hedger, plans
from shared.engine.state import State


def flatten_preview(state: State, package: Package) -> dict[str, object] | None:
    """Return the one order that flattening would send on today's books, and its loss.

    None when nothing is left to reduce or no price can be reached. ``loss_usd_micros`` is
    what the contracts cost less what they would be worth afterwards (a hedged one a dollar
    at settlement), fees included, rounded against us; negative is a gain.
    """
    residual = package.residual
    if residual == 0 or any(leg.market_id not in state.instruments for leg in package.legs):
        return None
    deficit, surplus = (1, 0) if residual > 0 else (0, 1)
    ways = hedger.ways_out(state, package, deficit, surplus, abs(residual))
    if not ways:
        return None
    best = max(ways, key=lambda plan: plan.value_per_contract)
    loss = plans.average_cost(package, surplus) - best.value_per_contract
    best = plans.told(package, best)
    leg = package.legs[best.leg]
    return {
        "action": best.purpose.value,
        "venue": leg.venue.value,
        "market_id": str(leg.market_id),
        "outcome": best.outcome.value,
        "side": best.side.value,
        "qty_micros": int(best.qty),
        "price_limit_micros": int(best.price_limit),
        "loss_usd_micros": ceil_div(loss * best.qty, MICROS),
    }

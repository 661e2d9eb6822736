"""A finished envelope against every hard limit, its own worst case included (I-08, I-30).

The second of two paths to the same rule: sizing shrank every room before, and this one is
asked once more at the last gate, after the commit (``last_gate``).
"""

from __future__ import annotations

from shared.domain.enums import GateCode, Venue
from shared.domain.package import Package
from shared.domain.units import MICROS
from shared.engine import exposure
from shared.engine.exposure import Usage
from shared.engine.gates import Gate
from shared.engine.limits import shard_free
from shared.engine.state import State


def over_limits(state: State, package: Package, total: Usage) -> Gate | None:
    """Return the limit that the envelope breaks, or None (pair of ``limits.size_limits``).

    ``total`` is the use of everything else; the envelope counts at its worst (I-08).
    """
    for found in (_over_leg(state, package, total), _over_caps(state, package, total)):
        if found is not None:
            return found
    return None


def _over_leg(state: State, package: Package, total: Usage) -> Gate | None:
    config = state.config
    for index, leg in enumerate(package.legs):
        cost = package.cost_worst_usd[index]
        used = total.by_market.get(leg.market_id, 0)
        name = {"venue": leg.venue.value}
        if used + cost > config.per_contract_exposure_usd_micros:
            most = config.per_contract_exposure_usd_micros
            return GateCode.CONTRACT_LIMIT, {**_used(used, most), **name}
        used = total.by_venue.get(leg.venue, 0)
        if used + cost > config.capital_per_venue_usd_micros:
            return GateCode.VENUE_LIMIT, {
                **_used(used, config.capital_per_venue_usd_micros),
                **name,
                "name": leg.venue.value,
            }
        free = exposure.cash_free_usd(state, total, leg.venue)
        if free is None or cost > free:
            need = {"free_micros": str(free or 0), "need_micros": str(cost)}
            return GateCode.CASH_SHORT, {**name, **need}
        shard = shard_free(state, total, state.instruments[leg.market_id])
        if shard is not None and cost > shard:
            need = {"free_micros": str(shard), "need_micros": str(cost), "shard": str(leg.shard)}
            return GateCode.SHARD_UNFUNDED, {**name, **need}
    return None


def _over_caps(state: State, package: Package, total: Usage) -> Gate | None:
    config = state.config
    capital = 2 * config.capital_per_venue_usd_micros
    both = sum(package.cost_worst_usd)
    for code, name, used, ppm in (
        (
            GateCode.CATEGORY_LIMIT,
            package.category,
            total.by_category.get(package.category, 0),
            config.category_cap_ppm,
        ),
        (
            GateCode.SOURCE_LIMIT,
            package.source,
            total.by_source.get(package.source, 0),
            config.source_cap_ppm,
        ),
    ):
        if used + both > capital * ppm // MICROS:
            return code, {**_used(used, capital * ppm // MICROS), "name": name}
    chain = sum(
        cost
        for leg, cost in zip(package.legs, package.cost_worst_usd, strict=True)
        if leg.venue is Venue.POLYMARKET
    )
    if total.provisional + chain > config.provisional_max_usd_micros:
        return GateCode.PROVISIONAL_LIMIT, _used(
            total.provisional, config.provisional_max_usd_micros
        )
    days = exposure.lock_days(package.settle_worst_ns, package.created_wall_ns)
    locked = total.lock_usd_days + both * days
    if locked > config.lock_days_max * capital:
        return GateCode.LOCK_LIMIT, {
            "days": str(locked // capital),
            "max_days": str(config.lock_days_max),
        }
    return _over_day(state, package, total)


def _over_day(state: State, package: Package, total: Usage) -> Gate | None:
    """The worst case of what is not hedged yet and the day's loss stay inside the day stop."""
    base = state.equity_base.get("day", 0)
    if base <= 0:
        return None
    stop = base * state.config.stop_day_ppm // MICROS
    lost = max(0, -state.realised.get("day", 0))
    if total.loss_worst + exposure.loss_worst_usd(package) + lost > stop:
        midnight = (package.created_wall_ns // exposure.DAY_NS + 1) * exposure.DAY_NS
        return GateCode.STOP_DAY, {
            "down_ppm": str(lost * MICROS // base),
            "stop_ppm": str(state.config.stop_day_ppm),
            "resets_ns": str(midnight),
        }
    return None


def _used(used: int, most: int) -> dict[str, str]:
    return {"used_micros": str(used), "max_micros": str(most)}

"""What the open packages use of every limit, unknown outcomes counted at their worst (I-08)."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.domain.enums import Venue
from shared.domain.ids import MarketId, PairId
from shared.domain.package import Package
from shared.domain.units import MICROS, NS_PER_S, UsdMicros
from shared.engine.state import State, Turn

DAY_NS = 24 * 3600 * NS_PER_S


@dataclass(slots=True)
class Usage:
    """Sums over all packages that are not at an end, in micro-dollars of cost."""

    by_market: dict[MarketId, int] = field(default_factory=dict)
    by_venue: dict[Venue, int] = field(default_factory=dict)
    reserved: dict[Venue, int] = field(default_factory=dict)
    """Cash that packages in flight may still take; already-paid cash has left the account."""
    by_category: dict[str, int] = field(default_factory=dict)
    by_source: dict[str, int] = field(default_factory=dict)
    pairs: set[PairId] = field(default_factory=set)
    naked: int = 0
    provisional: int = 0
    lock_usd_days: int = 0


def usage(state: State, turn: Turn) -> Usage:
    """Fold every live package into one Usage."""
    total = Usage()
    for package in state.live_packages():
        _add(state, turn, package, total)
    return total


def _add(state: State, turn: Turn, package: Package, total: Usage) -> None:
    costs = leg_costs(package)
    for index, leg in enumerate(package.legs):
        cost = costs[index]
        total.by_market[leg.market_id] = total.by_market.get(leg.market_id, 0) + cost
        total.by_venue[leg.venue] = total.by_venue.get(leg.venue, 0) + cost
        if package.is_naked:
            left = max(0, package.cost_worst_usd[index] - _paid(package, index))
            total.reserved[leg.venue] = total.reserved.get(leg.venue, 0) + left
    both = sum(costs)
    total.by_category[package.category] = total.by_category.get(package.category, 0) + both
    total.by_source[package.source] = total.by_source.get(package.source, 0) + both
    total.pairs.add(package.pair_id)
    total.naked += package.is_naked
    total.provisional += package.provisional_usd()
    days = lock_days(package.settle_worst_ns, turn.wall)
    total.lock_usd_days += both * days


def leg_costs(package: Package) -> tuple[int, int]:
    """Return what each leg costs: worst case while naked, what was paid afterwards."""
    if package.is_naked:
        return package.cost_worst_usd
    return _paid(package, 0), _paid(package, 1)


def _paid(package: Package, leg: int) -> int:
    paid = 0
    for attempt in package.attempts.values():
        if attempt.ticket is not None and attempt.ticket.leg == leg:
            paid -= attempt.cash_usd
    return max(0, paid)


def lock_days(settle_worst_ns: int, wall_ns: int) -> int:
    """Return whole days to the worst-case settlement, rounded up."""
    return max(0, -(-(settle_worst_ns - wall_ns) // DAY_NS))


def cash_free_usd(state: State, total: Usage, venue: Venue) -> UsdMicros | None:
    """Return cash that nothing has claimed; None while the account is unread.

    The venue's own figure and our books must both cover it: the smaller one counts.
    """
    account = state.venue(venue).account
    if account is None:
        return None
    booked = state.ledger.balance(f"cash:{venue.value}")
    return UsdMicros(min(account.cash, booked) - total.reserved.get(venue, 0))


def equity_usd(state: State) -> int:
    """Return cash + hedged contracts at the dollar they must pay + the rest at exit value."""
    cash = sum(v for k, v in state.ledger.balances.items() if k.startswith("cash:"))
    value = 0
    for package in state.live_packages():
        matched = max(0, min(package.net(0), package.net(1)))
        value += max(0, matched - package.payout_cash_usd)
        value += _exit_value(state, package, matched)
    return cash + value


def _exit_value(state: State, package: Package, matched: int) -> int:
    value = 0
    for index, leg in enumerate(package.legs):
        excess = package.net(index) - matched
        book = state.books.get(leg.market_id)
        if excess <= 0 or book is None:
            continue
        levels = book.sell_levels(leg.outcome)
        if levels:
            value += excess * levels[0][0] // MICROS
    return value

"""What the open packages use of every limit, unknown outcomes counted at their worst (I-08)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from shared.domain.enums import Outcome, Venue
from shared.domain.ids import MarketId, PackageId, PairId, venue_of
from shared.domain.package import Package
from shared.domain.units import MICROS, NS_PER_S, UsdMicros
from shared.engine.state import State, Turn

DAY_NS = 24 * 3600 * NS_PER_S
LOSS_MAX_PER_CONTRACT: Final = 100_000
"""10 c: what a hedge or an unwind may at worst lose a contract (I-30)."""
LOSS_MAX_USD: Final = 50_000_000


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
    provisional_by_market: dict[MarketId, int] = field(default_factory=dict)
    lock_usd_days: int = 0
    loss_worst: int = 0
    """What packages that are not hedged yet may lose at most, each by its own bound."""


def usage(state: State, turn: Turn, *, without: PackageId | None = None) -> Usage:
    """Fold every live package into one Usage; ``without`` leaves one out (the judged one)."""
    total = Usage()
    for package in state.live_packages():
        if package.package_id != without:
            _add(state, turn, package, total)
    for venue, locked in sets_usd(state).items():
        total.by_venue[venue] = total.by_venue.get(venue, 0) + locked
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
    for market, usd in package.provisional_by_market().items():
        total.provisional += usd
        total.provisional_by_market[market] = total.provisional_by_market.get(market, 0) + usd
    if package.is_naked:
        total.loss_worst += loss_worst_usd(package)
    days = lock_days(package.settle_worst_ns, turn.wall)
    total.lock_usd_days += both * days


def leg_costs(package: Package) -> tuple[int, int]:
    """Return what each leg costs: worst case while naked, what was paid afterwards.

    An execution that is known by its quantity alone (its fills were lost, or a restart came
    between) has an unknown price: its leg keeps counting at the worst.
    """
    if package.is_mirror:
        return 0, 0
    if package.is_naked:
        return package.cost_worst_usd
    paid = [_paid(package, leg) for leg in (0, 1)]
    for attempt in package.attempts.values():
        if attempt.ticket is not None and attempt.is_price_unknown:
            leg = attempt.ticket.leg
            paid[leg] = max(paid[leg], package.cost_worst_usd[leg])
    return paid[0], paid[1]


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
    free = min(account.cash, booked) - total.reserved.get(venue, 0)
    return UsdMicros(free - provisional_proceeds_usd(state, venue))


def provisional_proceeds_usd(state: State, venue: Venue) -> int:
    """Return cash of sales that the chain may still void: no collateral for anything new."""
    return sum(
        fill.cash_usd
        for package in state.packages.values()
        for attempt in package.attempts.values()
        for fill in attempt.fills.values()
        if fill.venue is venue and not fill.is_final and fill.cash_usd > 0
    )


def equity_usd(state: State) -> int:
    """Return cash + hedged contracts at the dollar they must pay + the rest at exit value."""
    cash = sum(v for k, v in state.ledger.balances.items() if k.startswith("cash:"))
    value = sum(sets_usd(state).values())
    for package in state.live_packages():
        if package.is_mirror:
            # What it sold is still counted as its parent's: a dollar a contract off.
            value -= max(abs(package.net(0)), abs(package.net(1)))
            continue
        matched = max(0, min(package.net(0), package.net(1)))
        value += max(0, matched - package.payout_cash_usd)
        value += _exit_value(state, package, matched)
    return cash + value


def sets_usd(state: State) -> dict[Venue, int]:
    """Return the dollars locked in complete sets by venue: YES and NO of one market pay one.

    They stand until the market settles (merging them earlier is not available: the venue's
    relayer is not wired), riskless but locked.
    """
    out: dict[Venue, int] = {}
    for market in state.positions.markets():
        venue = venue_of(market)
        if venue.is_netting:
            continue
        yes = state.positions.of(market, Outcome.YES).qty
        pairs = min(yes, state.positions.of(market, Outcome.NO).qty)
        if pairs:
            out[venue] = out.get(venue, 0) + pairs
    return out


def dust_usd(state: State) -> dict[MarketId, int]:
    """Return contracts of ended packages that no venue takes any more, at a dollar each.

    A tail below the venue's smallest order stays in its account until the market settles;
    anything larger is no dust and shows as a difference or belongs to a package.
    """
    held: dict[tuple[MarketId, Outcome], int] = {}
    for package in state.live_packages():
        for index, leg in enumerate(package.legs):
            net = package.net(index)
            outcome = leg.outcome if net >= 0 else leg.outcome.other
            held[leg.market_id, outcome] = held.get((leg.market_id, outcome), 0) + abs(net)
    out: dict[MarketId, int] = {}
    for market in state.positions.markets():
        instrument = state.instruments.get(market)
        yes, no = (state.positions.of(market, outcome).qty for outcome in Outcome)
        pairs = min(yes, no) if not venue_of(market).is_netting else 0
        for outcome, qty in ((Outcome.YES, yes), (Outcome.NO, no)):
            tail = qty - pairs - held.get((market, outcome), 0)
            if instrument is not None and 0 < tail < instrument.min_qty:
                out[market] = out.get(market, 0) + tail
    return out


def loss_worst_usd(package: Package) -> int:
    """Return the most that a package may lose: its leg's cost, 10 c a contract, $50 (I-30)."""
    per_contract = LOSS_MAX_PER_CONTRACT * package.qty_max // MICROS
    return min(max(package.cost_worst_usd), per_contract, LOSS_MAX_USD)


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

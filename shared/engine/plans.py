"""The two ways out of a residual as orders: buy what is missing, or undo what is too much.

Pure over state. A mirrored package (an EXIT child) thinks in the complements of contracts
that another package holds; ``told`` words its plan as the order on what is really held.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from shared.domain import depth, fee_bounds
from shared.domain.book import Book
from shared.domain.enums import (
    BookState,
    Liquidity,
    MarketStatus,
    Outcome,
    Purpose,
    Side,
    TimeInForce,
    Venue,
)
from shared.domain.errors import DomainError
from shared.domain.instrument import Instrument
from shared.domain.package import HEDGE_SLOTS, UNWIND_SLOTS, Package
from shared.domain.units import MICROS, PriceMicros, QtyMicros, UsdMicros, floor_to_step
from shared.engine.state import State


@dataclass(frozen=True, slots=True)
class OrderPlan:
    """Terms of the one order that a decision sends."""

    leg: int
    purpose: Purpose
    outcome: Outcome
    side: Side
    price_limit: PriceMicros
    qty: QtyMicros
    tif: TimeInForce
    reduce_only: bool
    value_per_contract: int
    """What one contract is worth afterwards, micros, fees paid; for comparing plans."""
    price_there: PriceMicros = PriceMicros(0)
    """Worst price of the depth that the plan counted on; ``price_limit`` adds a cushion."""


def awaits_finality(state: State, package: Package) -> bool:
    """Whether the surplus is made of Polymarket shares that the chain has not confirmed.

    A REPAIR works off what its parent left: the parent's executions are what it would sell.
    """
    if package.is_mirror:
        return False  # what was sold too much is bought back; nothing has to be final for it
    surplus = 0 if package.residual > 0 else 1
    return package.legs[surplus].venue is Venue.POLYMARKET and any(
        not fill.is_final
        for source in _lineage(state, package)
        for attempt in source.attempts.values()
        if attempt.ticket is not None and attempt.ticket.leg == surplus
        for fill in attempt.fills.values()
    )


def _lineage(state: State, package: Package) -> Iterator[Package]:
    """Yield a package and, for a REPAIR, those whose executions it carries; oldest last."""
    found: Package | None = package
    while found is not None:
        yield found
        parent = found.parent_id if found.kind == "repair" else None
        found = state.packages.get(parent) if parent is not None else None


def legal_qty(state: State, package: Package, leg: int, size: int) -> int:
    """Return the largest buy of a leg's outcome that its venue takes, at most ``size``."""
    target = package.legs[leg]
    instrument = state.instruments[target.market_id]
    qty = floor_to_step(size, instrument.qty_step)
    price = MICROS - target.touch if package.is_mirror else target.price_worst
    if qty < instrument.min_qty or qty * price < instrument.min_notional_usd * MICROS:
        return 0
    return qty


def reduce_qty(state: State, package: Package, leg: int, size: int) -> int:
    """Return how much of a leg can be reduced by size rules alone (netting venues: to a lot)."""
    target = package.legs[leg]
    instrument = state.instruments[target.market_id]
    qty = floor_to_step(size, instrument.qty_step)
    if target.venue.is_netting:
        return qty
    if qty < instrument.min_qty or qty * target.touch < instrument.min_notional_usd * MICROS:
        return 0
    return qty


def is_open(state: State, leg_market: Instrument) -> bool:
    """Whether an order can reach the market at all: open, unresolved, venue not down."""
    feed = state.venue(leg_market.venue).feed
    return (
        leg_market.status is MarketStatus.ACTIVE
        and leg_market.market_id not in state.resolved
        and (feed is None or feed.is_connected)
    )


def _usable_book(state: State, package: Package, leg: int) -> tuple[Book, Instrument] | None:
    target = package.legs[leg]
    book = state.books.get(target.market_id)
    instrument = state.instruments[target.market_id]
    if book is None or book.is_crossed() or not is_open(state, instrument):
        return None
    if book.state not in (BookState.SYNCED, BookState.STALE):
        return None
    return book, instrument


def hedge(state: State, package: Package, leg: int, size: int) -> OrderPlan | None:
    """Plan buying the missing contracts inside the worst price, in contracts, never dollars."""
    usable = _usable_book(state, package, leg)
    qty = legal_qty(state, package, leg, size)
    slots = HEDGE_SLOTS + package.failed_trades + package.extra_attempts
    if usable is None or qty == 0 or package.used(Purpose.HEDGE) >= slots:
        return None
    book, instrument = usable
    target = package.legs[leg]
    levels = book.buy_levels(target.outcome)
    got = depth.walk(levels, QtyMicros(qty), Side.BUY, limit=target.price_worst)
    if got.filled == 0:
        return None
    fee = _fee(instrument, Side.BUY, got)
    value = (got.filled - got.cost_usd - fee) * MICROS // got.filled
    limit = _limit_price(state, instrument, target.outcome, Side.BUY, got.worst_price)
    bound = on_grid(instrument, target.outcome, Side.BUY, target.price_worst)
    limit = PriceMicros(min(limit, bound))
    tif = TimeInForce.GTC if target.venue is Venue.POLYMARKET else TimeInForce.IOC
    return OrderPlan(
        leg, Purpose.HEDGE, target.outcome, Side.BUY, limit, QtyMicros(qty), tif, False, value
    )


def unwind(state: State, package: Package, leg: int, size: int) -> OrderPlan | None:
    """Plan selling the surplus (netting: reduce-only; Polymarket final shares, else complement)."""
    usable = _usable_book(state, package, leg)
    held = max(0, package.net(leg))
    qty = reduce_qty(state, package, leg, min(size, held))
    slots = UNWIND_SLOTS + package.extra_attempts
    if usable is None or qty == 0 or package.used(Purpose.UNWIND) >= slots:
        return None
    book, instrument = usable
    target = package.legs[leg]
    is_netting = target.venue.is_netting
    if is_netting or package.is_mirror or not awaits_finality(state, package):
        outcome, side = target.outcome, Side.SELL
        levels = book.sell_levels(outcome)
    else:
        outcome, side = target.outcome.other, Side.BUY
        levels = book.buy_levels(outcome)
    if side is Side.SELL and not is_netting and not package.is_mirror:
        # An EXIT of it may have sold them already: never more than the account holds (I-21).
        owned = state.positions.of(target.market_id, outcome).qty
        qty = reduce_qty(state, package, leg, min(qty, max(0, owned)))
    got = depth.walk(levels, QtyMicros(qty), side)
    if got.filled == 0:
        return None
    filled = floor_to_step(got.filled, instrument.qty_step)
    if (side is Side.BUY and filled < instrument.min_qty) or filled == 0:
        return None
    fee = _fee(instrument, side, got)
    money = got.cost_usd - fee if side is Side.SELL else got.filled - got.cost_usd - fee
    limit = _limit_price(state, instrument, outcome, side, got.worst_price)
    tif = TimeInForce.GTC if side is Side.BUY else TimeInForce.IOC
    return OrderPlan(
        leg,
        Purpose.UNWIND,
        outcome,
        side,
        limit,
        QtyMicros(filled),
        tif,
        is_netting,
        money * MICROS // got.filled,
        got.worst_price,
    )


def told(package: Package, plan: OrderPlan) -> OrderPlan:
    """Return the plan as the order that the venue is sent.

    For a mirrored package buying NO at q is selling the YES that is held at 1 - q, which
    can only reduce; undoing that buys it back. Nothing else has another wording.
    """
    if not package.is_mirror:
        return plan
    side = Side.SELL if plan.side is Side.BUY else Side.BUY
    venue = package.legs[plan.leg].venue
    is_shares = venue is Venue.POLYMARKET and side is Side.BUY
    return replace(
        plan,
        outcome=plan.outcome.other,
        side=side,
        price_limit=PriceMicros(MICROS - plan.price_limit),
        tif=TimeInForce.GTC if is_shares else TimeInForce.IOC,
        reduce_only=venue.is_netting and side is Side.SELL,
    )


def no_dearer(state: State, package: Package, plan: OrderPlan, spare: int) -> OrderPlan:
    """Return the plan with its cushion cut to the loss that is still allowed, micros a contract.

    The cushion reaches for depth that moves away meanwhile; it must not buy more loss than
    the bound of this age (I-30). A person's order at any price keeps it whole.
    """
    if package.unwind_any:
        return plan
    instrument = state.instruments[package.legs[plan.leg].market_id]
    if plan.side is Side.SELL:
        floor = on_grid(
            instrument, plan.outcome, Side.SELL, PriceMicros(max(plan.price_there - spare, 1))
        )
        return replace(plan, price_limit=PriceMicros(max(plan.price_limit, floor)))
    most = min(plan.price_there + spare, MICROS - 1)
    ceiling = on_grid(instrument, plan.outcome, Side.BUY, PriceMicros(most))
    return replace(plan, price_limit=PriceMicros(min(plan.price_limit, ceiling)))


def _fee(instrument: Instrument, side: Side, got: depth.Walk) -> int:
    """Return the fee bound of a walk; an unknown formula counts as all the money."""
    try:
        return fee_bounds.bound(instrument.fees, Liquidity.TAKER, side, got.takes)
    except DomainError:
        return got.cost_usd


def _limit_price(
    state: State, instrument: Instrument, outcome: Outcome, side: Side, worst: PriceMicros
) -> PriceMicros:
    """Return ``worst`` plus the configured ticks of cushion, on the grid of this moment.

    A book may still show prices of a finer grid than the one in force: rounded to the side
    that reaches them (buys up, sells down), against us; the envelope bounds the result.
    """
    yes_worst = worst if outcome is Outcome.YES else PriceMicros(MICROS - worst)
    step = instrument.step_at(yes_worst)
    cushion = state.config.price_cap_ticks * step
    reach = worst + cushion if side is Side.BUY else worst - cushion
    reach = min(max(reach, step), MICROS - step)
    other = Side.SELL if side is Side.BUY else Side.BUY
    return on_grid(instrument, outcome, other, PriceMicros(reach))


def on_grid(
    instrument: Instrument, outcome: Outcome, side: Side, price: PriceMicros
) -> PriceMicros:
    """Round a leg price to the grid: down for a buy, up for a sale (never worse than given)."""
    if outcome is Outcome.YES:
        return instrument.to_grid(price, up=side is Side.SELL)
    yes = instrument.to_grid(PriceMicros(MICROS - price), up=side is Side.BUY)
    return PriceMicros(MICROS - yes)


def average_cost(package: Package, leg: int) -> int:
    """Return what a contract of a leg cost, fees included, rounded up; its limit when unknown."""
    qty = money = 0
    outcome = package.legs[leg].outcome
    for attempt in package.attempts.values():
        if attempt.ticket is None or attempt.ticket.leg != leg:
            continue
        for fill in attempt.fills.values():
            # A complement bought to undo the leg is no cost of it: told as the sale it is.
            told = fill.in_terms_of(outcome)
            if told.side is Side.BUY:
                qty += told.qty
                money -= told.cash_usd
    if qty == 0:
        return package.legs[leg].price_limit
    return -(-money * MICROS // qty)


def reserve_usd(qty: int, price: int) -> UsdMicros:
    """Return the dollars that ``qty`` contracts at ``price`` may take, rounded up."""
    return UsdMicros(-(-qty * price // MICROS))

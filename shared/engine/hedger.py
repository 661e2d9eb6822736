"""The chooser: what to do with a residual, one decision a step (FAULTS section 4).

Pure over state and the event's stamp. Rules are tried in order and the first that fits
wins; only moves that shrink the residual exist. Hedging and unwinding are compared by
what one contract is worth afterwards: hedged it pays a dollar at settlement, unwound it
pays its price now; the cost already sunk is the same on both sides.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from shared.domain import depth, fees
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
from shared.domain.package_table import PackageEvent
from shared.domain.units import (
    MICROS,
    NS_PER_MS,
    NS_PER_S,
    PriceMicros,
    QtyMicros,
    UsdMicros,
    floor_to_step,
)
from shared.engine.state import State, Turn

DUST_QTY: Final = 10_000
"""0.01 contract: the least that counts as holding a leg."""
LOSS_TIERS: Final = ((2 * NS_PER_S, 20_000), (5 * NS_PER_S, 50_000), (1 << 62, 100_000))
"""(exposed for less than, loss allowed a contract in micros): 2 c, then 5 c, then 10 c."""
LEASE_REDUCE_NS: Final = 2 * NS_PER_S


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


@dataclass(frozen=True, slots=True)
class Choice:
    event: PackageEvent
    reason: str
    plan: OrderPlan | None = None
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
    hedge = _hedge_plan(state, package, deficit, size)
    unwind = _unwind_plan(state, package, surplus, size)
    if hedge is not None and (
        unwind is None or hedge.value_per_contract >= unwind.value_per_contract
    ):
        choice = _hedge_now_or_later(state, package, hedge, budget)
        if choice is not None:
            return choice
    if unwind is not None and budget > 0:
        spare = _loss_allowed(state, turn, package) - _unwind_loss(package, surplus, unwind)
        if spare >= 0:
            plan = _no_dearer(state, package, unwind, spare)
            return Choice(PackageEvent.D_UNWIND, "the cheaper way out", plan)
    if budget > 0 and not package.stuck_retry:
        wait = min(NS_PER_S, budget)
        return Choice(PackageEvent.D_WAIT, "no way out within bounds yet", wait_ns=wait)
    return Choice(PackageEvent.D_STUCK, "no reachable price within the envelope")


def ways_out(
    state: State, package: Package, deficit: int, surplus: int, size: int
) -> list[OrderPlan]:
    """Return the hedge and the unwind that today's books allow, whatever they cost."""
    assert size > 0 and {deficit, surplus} == {0, 1}, (size, deficit, surplus)
    plans = (
        _hedge_plan(state, package, deficit, size),
        _unwind_plan(state, package, surplus, size),
    )
    return [plan for plan in plans if plan is not None]


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
    if awaits_finality(package):
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


def awaits_finality(package: Package) -> bool:
    """Whether the surplus is made of Polymarket shares that the chain has not confirmed."""
    surplus = 0 if package.residual > 0 else 1
    return package.legs[surplus].venue is Venue.POLYMARKET and any(
        not fill.is_final
        for attempt in package.attempts.values()
        if attempt.ticket is not None and attempt.ticket.leg == surplus
        for fill in attempt.fills.values()
    )


def _is_tradeable(state: State, package: Package, deficit: int, surplus: int, size: int) -> bool:
    if size == 0:
        return False
    return (
        legal_qty(state, package, deficit, size) > 0
        or reduce_qty(state, package, surplus, size) > 0
    )


def legal_qty(state: State, package: Package, leg: int, size: int) -> int:
    """Return the largest buy of a leg's outcome that its venue takes, at most ``size``."""
    target = package.legs[leg]
    instrument = state.instruments[target.market_id]
    qty = floor_to_step(size, instrument.qty_step)
    if qty < instrument.min_qty or qty * target.price_worst < instrument.min_notional_usd * MICROS:
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


def _hedge_plan(state: State, package: Package, leg: int, size: int) -> OrderPlan | None:
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


def _unwind_plan(state: State, package: Package, leg: int, size: int) -> OrderPlan | None:
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
    if is_netting or not awaits_finality(package):
        outcome, side = target.outcome, Side.SELL
        levels = book.sell_levels(outcome)
    else:
        outcome, side = target.outcome.other, Side.BUY
        levels = book.buy_levels(outcome)
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


def _no_dearer(state: State, package: Package, plan: OrderPlan, spare: int) -> OrderPlan:
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
        return fees.bound(instrument.fees, Liquidity.TAKER, side, got.takes)
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


def _hedge_now_or_later(
    state: State, package: Package, plan: OrderPlan, budget_ns: int
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
    if package.stuck_retry or package.used(Purpose.UNWIND) >= 2:
        age = 1 << 61
    allowed = next(loss for limit, loss in LOSS_TIERS if age < limit)
    whole = state.config.package_loss_max_usd_micros * MICROS // max(abs(package.residual), 1)
    return min(allowed, whole)


def _unwind_loss(package: Package, leg: int, plan: OrderPlan) -> int:
    """Return cost less proceeds a contract, micros, fees on both sides included."""
    return average_cost(package, leg) - plan.value_per_contract


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

"""The bound against the dearest way in which an order can really fill, found by trying all."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import pairwise, product

import pytest

from shared.domain.enums import FeeType, Liquidity, Side
from shared.domain.fee_bounds import FILLS_MAX, bound
from shared.domain.fees import charge_pico, kalshi_schedule, polymarket_schedule
from shared.domain.instrument import DECI_CENT, LINEAR_CENT, FeeSchedule, PriceRange
from shared.domain.units import MICROS, PriceMicros, QtyMicros
from tests.support.dearest_split import dearest_pico
from tests.support.markets import ct, kalshi_market, px

TAKER, MAKER, BUY, SELL = Liquidity.TAKER, Liquidity.MAKER, Side.BUY, Side.SELL
LOT = 10_000
QUADRATIC = FeeType.KALSHI_QUADRATIC


@cache
def compositions(lots: int) -> tuple[tuple[int, ...], ...]:
    """Every ordered way to fill ``lots`` lots."""
    if lots == 0:
        return ((),)
    return tuple(
        (first, *rest) for first in range(1, lots + 1) for rest in compositions(lots - first)
    )


def total_pico(
    schedule: FeeSchedule, side: Side, price: PriceMicros, fills: tuple[int, ...]
) -> int:
    total = held = 0
    for lots in fills:
        fee, held = charge_pico(schedule, TAKER, side, price, QtyMicros(lots * LOT), held)
        total += fee
    return total


def schedules() -> Iterator[FeeSchedule]:
    for multiplier, precision, quantum in product(
        (0, MICROS // 2, MICROS), (100, 10_000), (1, 100)
    ):
        yield kalshi_schedule(QUADRATIC, multiplier, precision=precision, trade_fee_quantum=quantum)


TAILS = ("0.001", "0.013", "0.053", "0.06", "0.1237", "0.171", "0.5", "0.8351", "0.95", "0.999")


@pytest.mark.parametrize("schedule", list(schedules()), ids=lambda s: s.version.split(":", 1)[1])
def test_no_split_costs_more_than_the_bound_and_none_is_needed_to_reach_it(
    schedule: FeeSchedule,
) -> None:
    quantum = max(schedule.precision, schedule.trade_fee_quantum)
    for text, side, lots in product(TAILS, (BUY, SELL), (1, 4, 7)):
        price, qty = px(text), QtyMicros(lots * LOT)
        dearest = max(total_pico(schedule, side, price, way) for way in compositions(lots))
        most = bound(schedule, TAKER, side, [(price, qty)])
        assert dearest <= most * MICROS, (text, side, lots)
        # Old and new quantum, cents and centicents: never further off than a quantum a lot.
        assert most * MICROS - dearest <= lots * quantum * MICROS, (text, side, lots)


def test_where_a_lot_pays_a_centicent_by_itself_the_bound_is_within_one_of_the_charge() -> None:
    schedule = kalshi_schedule(QUADRATIC)
    for tick, lots in product(range(174, 827), (1, 37, 100, 1_000, 50_000)):
        price, qty = PriceMicros(tick * 1_000), QtyMicros(lots * LOT)
        most = bound(schedule, TAKER, BUY, [(price, qty)])
        paid = total_pico(schedule, BUY, price, (lots,)) // MICROS
        assert most - paid in (0, 100), (tick, lots)


def test_on_whole_cents_no_lot_leaves_anything_behind() -> None:
    schedule = kalshi_schedule(QUADRATIC, MICROS // 2)
    for cents, lots in product(range(1, 100), (1, 100, 50_000)):
        price, qty = PriceMicros(cents * 10_000), QtyMicros(lots * LOT)
        paid = total_pico(schedule, BUY, price, (lots,)) // MICROS
        assert bound(schedule, TAKER, BUY, [(price, qty)], step=10_000) - paid in (0, 100)
    free = kalshi_schedule(FeeType.KALSHI_FREE)
    assert bound(free, TAKER, BUY, [(px("0.05"), ct("100"))]) == 0
    assert bound(free, TAKER, BUY, [(px("0.001"), ct("0.27"))]) == 27 * 90


def test_the_most_small_fills_are_as_dear_as_the_bound_says() -> None:
    """Free of the formula at 0.001, each lot of 0.00001 is lifted to a centicent: 64 times."""
    free = kalshi_schedule(FeeType.KALSHI_FREE)
    paid = total_pico(free, BUY, px("0.001"), (1,) * FILLS_MAX) // MICROS
    assert paid == FILLS_MAX * 90
    most = bound(free, TAKER, BUY, [(px("0.001"), ct("0.64"))])
    assert most == paid


def test_polymarket_bound_is_one_truncated_fill_a_level_exactly() -> None:
    takes = [(px("0.66"), ct("7.575758")), (px("0.71"), ct("21.126758"))]
    schedule = polymarket_schedule(50_000)
    assert bound(schedule, TAKER, BUY, takes) == 85_000 + 217_490
    assert bound(schedule, MAKER, BUY, takes) == 0
    # So little that a step of price moves less money than truncation does: the model, cut.
    crumbs = [(px("0.66"), ct("0.01"))]
    assert bound(schedule, TAKER, BUY, crumbs) == 110
    assert bound(schedule, TAKER, BUY, crumbs, step=100) == 112


GRIDS = [LINEAR_CENT, DECI_CENT, (PriceRange(PriceMicros(0), PriceMicros(MICROS), 100),)]


@pytest.mark.parametrize("grid", GRIDS, ids=["cent", "deci", "centi"])
@pytest.mark.parametrize("qty", ["0.01", "0.64", "7.5"])
def test_cost_with_bound_never_falls_along_a_grid(grid: tuple[PriceRange, ...], qty: str) -> None:
    step = kalshi_market(grid=grid).finest_step()
    assert step == grid[0].step
    prices = [PriceMicros(p) for p in range(step, MICROS, step)]
    for schedule in (*schedules(), polymarket_schedule(70_000), polymarket_schedule(250_000, 2)):
        cost = [
            p * ct(qty) + MICROS * bound(schedule, TAKER, BUY, [(p, ct(qty))], step=step)
            for p in prices
        ]
        assert all(lower <= higher for lower, higher in pairwise(cost)), schedule.version


@pytest.mark.parametrize("lots", [1, 100, 1_000, 10_000])
def test_a_real_split_comes_within_two_quanta_of_the_bound(lots: int) -> None:
    """Nobody could ask for less: what is found is a way that the venue may really fill."""
    for text in ("0.06", "0.2", "0.333", "0.5", "0.74"):
        schedule = kalshi_schedule(QUADRATIC)
        most = bound(schedule, TAKER, BUY, [(px(text), QtyMicros(lots * LOT))])
        found = dearest_pico(schedule, BUY, px(text), lots, FILLS_MAX)
        assert 0 <= most * MICROS - found <= 2 * 100 * MICROS, text

"""Fee laws over grids, lots and splits: exact charges, sound and tight bounds."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.enums import FeeType, Liquidity, Side
from shared.domain.fee_bounds import FILLS_MAX, bound
from shared.domain.fee_schedules import polymarket_us_schedule
from shared.domain.fees import (
    POLYMARKET_QUANTUM,
    charge,
    charge_pico,
    is_known,
    kalshi_schedule,
    model_fraction,
    polymarket_schedule,
)
from shared.domain.instrument import FeeSchedule
from shared.domain.units import MICROS, PriceMicros, QtyMicros
from tests.support.exact_fees import kalshi_fill, polymarket_fill

LOT = 10_000
CENTICENT = 100
TAKER = Liquidity.TAKER

prices = st.integers(1, MICROS // CENTICENT - 1).map(lambda n: PriceMicros(n * CENTICENT))
lots = st.integers(1, 50_000).map(lambda n: QtyMicros(n * LOT))
small_lots = st.integers(1, 60).map(lambda n: QtyMicros(n * LOT))
sides = st.sampled_from(list(Side))
multipliers = st.sampled_from([0, 350_000, 500_000, MICROS, 2 * MICROS])
kalshi = st.builds(
    kalshi_schedule,
    st.sampled_from(
        [
            FeeType.KALSHI_QUADRATIC,
            FeeType.KALSHI_QUADRATIC_MAKER,
            FeeType.KALSHI_QUADRATIC_COMBO_MAKER,
            FeeType.KALSHI_FREE,
        ]
    ),
    multipliers,
    precision=st.sampled_from([100, 10_000]),
    trade_fee_quantum=st.sampled_from([1, 100]),
)
polymarket = st.builds(
    polymarket_schedule,
    st.sampled_from([0, 30_000, 40_000, 50_000, 70_000, 250_000]),
    st.sampled_from([1, 2]),
)
polymarket_us = st.builds(
    polymarket_us_schedule, st.sampled_from([0, 50_000, 69_500, 100_000, 250_000])
)


def kalshi_rate(schedule: FeeSchedule, liquidity: Liquidity) -> Fraction:
    """The printed coefficient that applies, restated."""
    coefficient = {
        (FeeType.KALSHI_QUADRATIC, "taker"): "0.07",
        (FeeType.KALSHI_QUADRATIC_MAKER, "taker"): "0.07",
        (FeeType.KALSHI_QUADRATIC_COMBO_MAKER, "taker"): "0.07",
        (FeeType.KALSHI_QUADRATIC_MAKER, "maker"): "0.0175",
        (FeeType.KALSHI_QUADRATIC_COMBO_MAKER, "maker"): "0.035",
    }.get((schedule.fee_type, liquidity.value), "0")
    return Fraction(coefficient) * schedule.multiplier_ppm / MICROS


@settings(max_examples=300, deadline=None)
@given(
    kalshi,
    st.sampled_from(list(Liquidity)),
    sides,
    st.lists(st.tuples(prices, lots), min_size=1, max_size=6),
)
def test_kalshi_charge_is_the_exact_rule(
    schedule: FeeSchedule,
    liquidity: Liquidity,
    side: Side,
    fills: list[tuple[PriceMicros, QtyMicros]],
) -> None:
    held, reference = 0, Fraction(0)
    for price, qty in fills:
        got = charge(schedule, liquidity, side, price, qty, held)
        held = got.accumulator
        fee, reference = kalshi_fill(
            Fraction(qty, MICROS),
            Fraction(price, MICROS),
            is_buy=side is Side.BUY,
            rate=kalshi_rate(schedule, liquidity),
            precision=Fraction(schedule.precision, MICROS),
            quantum=Fraction(schedule.trade_fee_quantum, MICROS),
            accumulator=reference,
        )
        assert Fraction(got.fee_usd, MICROS) == fee
        assert Fraction(held, MICROS**2) == reference


@settings(max_examples=300, deadline=None)
@given(polymarket, sides, prices, st.integers(0, 500 * MICROS))
def test_polymarket_charge_is_the_exact_rule(
    schedule: FeeSchedule, side: Side, price: PriceMicros, qty: int
) -> None:
    got = charge(schedule, TAKER, side, price, QtyMicros(qty))
    rate = Fraction(schedule.rate_ppm, MICROS)
    exact = polymarket_fill(Fraction(qty, MICROS), Fraction(price, MICROS), rate, schedule.exponent)
    assert Fraction(got.fee_usd, MICROS) == exact
    assert charge(schedule, Liquidity.MAKER, side, price, QtyMicros(qty)).fee_usd == 0


def test_full_grid_of_one_contract_is_the_exact_rule() -> None:
    """Every centicent price, several quantities from the smallest lot to 500 contracts."""
    schedule, curve = kalshi_schedule(FeeType.KALSHI_QUADRATIC), polymarket_schedule(50_000)
    for ticks in range(1, 10_000):
        price = PriceMicros(ticks * CENTICENT)
        p = Fraction(ticks, 10_000)
        qty = QtyMicros((1, 100, 2_727, 50_000)[ticks % 4] * LOT)
        count = Fraction(qty, MICROS)
        fee, _ = kalshi_fill(count, p, is_buy=True)
        assert charge(schedule, TAKER, Side.BUY, price, qty).fee_usd == fee * MICROS
        exact = polymarket_fill(count, p, Fraction(1, 20))
        assert charge(curve, TAKER, Side.BUY, price, qty).fee_usd == exact * MICROS


def test_every_quantity_up_to_500_contracts_is_the_exact_rule() -> None:
    """Every lot from 0.01 to 500, its price walking over all centicents of the grid."""
    schedule, curve = kalshi_schedule(FeeType.KALSHI_QUADRATIC), polymarket_schedule(50_000)
    for n in range(1, 50_001):
        ticks = n * 7_919 % 9_999 + 1
        price, p = PriceMicros(ticks * CENTICENT), Fraction(ticks, 10_000)
        qty, count = QtyMicros(n * LOT), Fraction(n, 100)
        fee, _ = kalshi_fill(count, p, is_buy=True)
        assert charge(schedule, TAKER, Side.BUY, price, qty).fee_usd == fee * MICROS
        exact = polymarket_fill(count, p, Fraction(1, 20))
        assert charge(curve, TAKER, Side.BUY, price, qty).fee_usd == exact * MICROS


@settings(max_examples=400, deadline=None)
@given(
    kalshi | polymarket | polymarket_us,
    sides,
    st.lists(st.tuples(prices, st.lists(small_lots, min_size=1, max_size=16)), max_size=4),
    st.lists(lots, max_size=1),
)
def test_bound_covers_every_split_and_is_at_most_fills_max_quanta_above(
    schedule: FeeSchedule,
    side: Side,
    parts: list[tuple[PriceMicros, list[QtyMicros]]],
    large: list[QtyMicros],
) -> None:
    """``parts`` is a plan: each level with the fills into which it happens to be split."""
    if large and parts:
        parts[0][1].append(large[0])
    takes = [(price, QtyMicros(sum(fills))) for price, fills in parts]
    if not takes or sum(len(fills) for _, fills in parts) > FILLS_MAX:
        return
    total = held = 0
    for price, fills in parts:
        for qty in fills:
            fee, held = charge_pico(schedule, TAKER, side, price, qty, held)
            total += fee
    most = bound(schedule, TAKER, side, takes) * MICROS
    is_curve = schedule.fee_type is FeeType.POLYMARKET_CURVE
    quantum = (
        POLYMARKET_QUANTUM if is_curve else max(schedule.precision, schedule.trade_fee_quantum)
    )
    assert total <= most <= total + FILLS_MAX * quantum * MICROS


@settings(max_examples=200, deadline=None)
@given(kalshi, sides, prices, st.integers(1, 64), small_lots)
def test_bound_for_n_fills_covers_n_equal_fills(
    schedule: FeeSchedule, side: Side, price: PriceMicros, n: int, each: QtyMicros
) -> None:
    total = held = 0
    for _ in range(n):
        fee, held = charge_pico(schedule, TAKER, side, price, each, held)
        total += fee
    most = bound(schedule, TAKER, side, [(price, QtyMicros(n * each))], fills_max=n) * MICROS
    quantum = max(schedule.precision, schedule.trade_fee_quantum) * MICROS
    assert total <= most <= total + n * quantum


@settings(max_examples=200, deadline=None)
@given(kalshi | polymarket | polymarket_us, st.sampled_from(list(Liquidity)), prices, lots)
def test_model_is_symmetric_in_price(
    schedule: FeeSchedule, liquidity: Liquidity, price: PriceMicros, qty: QtyMicros
) -> None:
    other = PriceMicros(MICROS - price)
    assert is_known(schedule)
    assert model_fraction(schedule, liquidity, price, qty) == model_fraction(
        schedule, liquidity, other, qty
    )


@settings(max_examples=200, deadline=None)
@given(
    kalshi | polymarket | polymarket_us,
    st.lists(prices, min_size=2, max_size=6, unique=True),
    lots,
)
def test_cost_with_bound_rises_with_price(
    schedule: FeeSchedule, some: list[PriceMicros], qty: QtyMicros
) -> None:
    all_in = [
        price * qty // MICROS + bound(schedule, TAKER, Side.BUY, [(price, qty)], step=CENTICENT)
        for price in sorted(some)
    ]
    assert all(lower <= higher for lower, higher in pairwise(all_in))

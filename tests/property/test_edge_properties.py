"""Edge laws: never a phantom edge, monotone in price, maximal in size, touch check sound."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.book import Book, Level
from shared.domain.depth import walk
from shared.domain.edge import best, best_display, could_clear, quote
from shared.domain.enums import FeeType, Liquidity, Outcome, Polarity, Side, Verdict
from shared.domain.fees import kalshi_schedule, model_fraction, polymarket_schedule
from shared.domain.frictions import FrictionPack
from shared.domain.ids import derive_pair_id
from shared.domain.instrument import FeeSchedule, Instrument
from shared.domain.pairing import MatchedPair
from shared.domain.units import MICROS, PriceMicros, QtyMicros, UsdMicros
from tests.support.markets import kalshi_market, polymarket_market

LOT = 10_000
K, P = kalshi_market(), polymarket_market()

prices = st.integers(1, 999).map(lambda n: PriceMicros(n * 1_000))
lots = st.integers(1, 400).map(lambda n: QtyMicros(n * LOT))
ladders = st.dictionaries(prices, lots, min_size=0, max_size=4)
schedules = st.sampled_from(
    [
        kalshi_schedule(FeeType.KALSHI_QUADRATIC),
        kalshi_schedule(FeeType.KALSHI_QUADRATIC, MICROS // 2),
        kalshi_schedule(FeeType.KALSHI_FREE),
        polymarket_schedule(0),
        polymarket_schedule(50_000),
        polymarket_schedule(70_000),
        polymarket_schedule(250_000, 2),
    ]
)
packs = st.builds(
    FrictionPack,
    per_package_usd=st.sampled_from([UsdMicros(0), UsdMicros(20_000)]),
    per_contract_micros=st.sampled_from([0, 700]),
    cost_ppm=st.sampled_from([0, 1_000]),
    capital_rate_ppm=st.sampled_from([0, 40_000]),
)
days = st.sampled_from([0, 1, 30, 400])
thresholds = st.sampled_from([-50_000, 0, 1, 25_000, 60_000])
outcomes = st.sampled_from(list(Outcome))


def book_with(market: Instrument, outcome: Outcome, ladder: dict[PriceMicros, QtyMicros]) -> Book:
    """A book on which ``outcome`` can be bought at exactly ``ladder``."""
    book = Book(market.market_id)
    levels: list[Level] = list(ladder.items())
    if outcome is Outcome.YES:
        book.replace([], levels, 1)
    else:
        book.replace([(PriceMicros(MICROS - p), q) for p, q in levels], [], 1)
    assert sorted(book.buy_levels(outcome)) == sorted(levels)
    return book


@settings(max_examples=250, deadline=None)
@given(ladders, ladders, schedules, schedules, packs, days, thresholds, outcomes, outcomes, lots)
def test_best_is_maximal_and_the_touch_check_never_misses_it(
    ladder_a: dict[PriceMicros, QtyMicros],
    ladder_b: dict[PriceMicros, QtyMicros],
    fees_a: FeeSchedule,
    fees_b: FeeSchedule,
    pack: FrictionPack,
    horizon: int,
    threshold: int,
    outcome_a: Outcome,
    outcome_b: Outcome,
    qty_max: QtyMicros,
) -> None:
    a, b = replace(K, fees=fees_a), replace(P, fees=fees_b)
    book_a, book_b = book_with(a, outcome_a, ladder_a), book_with(b, outcome_b, ladder_b)
    found = best(book_a, book_b, a, b, outcome_a, outcome_b, qty_max, threshold, pack, horizon)

    def surplus(qty: int) -> int | None:
        """Net above the threshold, in pico-dollars, of exactly ``qty``."""
        one = quote(book_a, book_b, a, b, outcome_a, outcome_b, QtyMicros(qty), pack, horizon)
        return None if one is None else one.net_usd * MICROS - threshold * qty

    if found is None:
        # Nothing anywhere, at level ends or the largest size, beats the threshold by more
        # than the roundings (a micro-dollar a part, a Kalshi quantum a leg).
        ends = level_ends(ladder_a) | level_ends(ladder_b) | {qty_max, QtyMicros(LOT)}
        for qty in ends:
            value = surplus(qty) if 0 < qty <= qty_max else None
            assert value is None or value <= 220 * MICROS, qty
        return
    assert could_clear(book_a, book_b, fees_a, fees_b, outcome_a, outcome_b, threshold)
    assert found.net_per_contract_micros >= threshold
    assert LOT <= found.qty <= qty_max and found.qty % LOT == 0
    reached = surplus(found.qty)
    assert reached is not None
    for other in (found.qty - LOT, found.qty + LOT, *level_ends(ladder_a), *level_ends(ladder_b)):
        if 0 < other <= qty_max:
            value = surplus(other)
            assert value is None or value <= reached + 220 * MICROS, other


def level_ends(ladder: dict[PriceMicros, QtyMicros]) -> set[QtyMicros]:
    total, ends = 0, set()
    for price in sorted(ladder):
        total += ladder[price]
        ends.add(QtyMicros(total))
    return ends


@settings(max_examples=120, deadline=None)
@given(
    st.dictionaries(prices, st.integers(1, 9).map(lambda n: QtyMicros(n * LOT)), max_size=3),
    st.dictionaries(prices, st.integers(1, 9).map(lambda n: QtyMicros(n * LOT)), max_size=3),
    schedules,
    schedules,
    thresholds,
)
def test_best_equals_brute_force_over_every_lot(
    ladder_a: dict[PriceMicros, QtyMicros],
    ladder_b: dict[PriceMicros, QtyMicros],
    fees_a: FeeSchedule,
    fees_b: FeeSchedule,
    threshold: int,
) -> None:
    """Lot by lot with Fraction: the last lot whose own net edge clears ends the quantity."""

    def per_lot(ladder: dict[PriceMicros, QtyMicros], fees: FeeSchedule) -> list[Fraction]:
        costs = []
        for price in sorted(ladder):
            fee = model_fraction(fees, Liquidity.TAKER, price, QtyMicros(MICROS))
            costs += [Fraction(price, MICROS) + fee] * (ladder[price] // LOT)
        return costs

    a, b = replace(K, fees=fees_a), replace(P, fees=fees_b)
    book_a, book_b = book_with(a, Outcome.YES, ladder_a), book_with(b, Outcome.NO, ladder_b)
    clearing = 0
    for x, y in zip(per_lot(ladder_a, fees_a), per_lot(ladder_b, fees_b), strict=False):
        if 1 - x - y < Fraction(threshold, MICROS):
            break
        clearing += 1
    found = best(
        book_a, book_b, a, b, Outcome.YES, Outcome.NO, QtyMicros(MICROS), threshold,
        FrictionPack(), 0,
    )  # fmt: skip
    if found is not None:
        assert found.qty == clearing * LOT
    elif clearing:
        # Only the head-room of the fee bounds (64 quanta) can have eaten it.
        exact = quote(
            book_a, book_b, a, b, Outcome.YES, Outcome.NO, QtyMicros(clearing * LOT),
            FrictionPack(), 0, fills_max=1,
        )  # fmt: skip
        assert exact is not None
        assert exact.net_usd * MICROS - threshold * exact.qty <= 2 * 66 * 100 * MICROS


@settings(max_examples=400, deadline=None)
@given(prices, prices, schedules, schedules, thresholds)
def test_touch_check_is_the_exact_marginal_edge(
    price_a: PriceMicros,
    price_b: PriceMicros,
    fees_a: FeeSchedule,
    fees_b: FeeSchedule,
    threshold: int,
) -> None:
    one = QtyMicros(MICROS)
    book_a = book_with(K, Outcome.YES, {price_a: one})
    book_b = book_with(P, Outcome.NO, {price_b: one})
    spent = Fraction(price_a + price_b, MICROS)
    for fees, price in ((fees_a, price_a), (fees_b, price_b)):
        spent += model_fraction(fees, Liquidity.TAKER, price, one)
    expected = 1 - spent >= Fraction(threshold, MICROS)
    assert could_clear(book_a, book_b, fees_a, fees_b, Outcome.YES, Outcome.NO, threshold) is (
        expected
    )


@settings(max_examples=150, deadline=None)
@given(prices, prices, lots, schedules, schedules, packs, days)
def test_identical_prices_never_show_an_edge(
    bid: PriceMicros,
    ask: PriceMicros,
    size: QtyMicros,
    fees_a: FeeSchedule,
    fees_b: FeeSchedule,
    pack: FrictionPack,
    horizon: int,
) -> None:
    if bid >= ask:
        return
    a, b = replace(K, fees=fees_a), replace(P, fees=fees_b)
    book_a, book_b = Book(a.market_id), Book(b.market_id)
    for book in (book_a, book_b):
        book.replace([(bid, size)], [(ask, size)], 1)
    for outcome in Outcome:
        shown = best_display(book_a, book_b, a, b, outcome, outcome.other, pack, horizon)
        assert shown is not None and shown.net_usd <= 0
        assert best(
            book_a, book_b, a, b, outcome, outcome.other, size, 1, pack, horizon
        ) is None  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(prices, prices, prices, lots, schedules, schedules, packs, days)
def test_edge_falls_when_any_price_rises(
    low: PriceMicros,
    high: PriceMicros,
    other: PriceMicros,
    size: QtyMicros,
    fees_a: FeeSchedule,
    fees_b: FeeSchedule,
    pack: FrictionPack,
    horizon: int,
) -> None:
    low, high = min(low, high), max(low, high)
    a, b = replace(K, fees=fees_a), replace(P, fees=fees_b)
    steady_a = book_with(a, Outcome.YES, {other: size})
    steady_b = book_with(b, Outcome.NO, {other: size})
    nets = []
    for price in (low, high):
        moved_a = book_with(a, Outcome.YES, {price: size})
        moved_b = book_with(b, Outcome.NO, {price: size})
        on_a = quote(moved_a, steady_b, a, b, Outcome.YES, Outcome.NO, size, pack, horizon)
        on_b = quote(steady_a, moved_b, a, b, Outcome.YES, Outcome.NO, size, pack, horizon)
        assert on_a is not None and on_b is not None
        nets.append((on_a.net_usd, on_b.net_usd))
    assert nets[0][0] >= nets[1][0] and nets[0][1] >= nets[1][1]


@settings(max_examples=60, deadline=None)
@given(lots, st.sampled_from(list(Polarity)))
def test_a_package_pays_the_same_in_both_worlds_and_a_round_trip_leaves_nothing(
    size: QtyMicros, polarity: Polarity
) -> None:
    pair = MatchedPair(
        derive_pair_id(K.market_id, P.market_id),
        K.market_id,
        P.market_id,
        polarity,
        Verdict.CONFIRMED,
        name="pair",
        rules_hash_a="h",
        rules_hash_b="h",
        score_ppm=MICROS,
        category="economics",
        series_id="TEST",
        settlement_source="test",
    )
    for outcome_a, outcome_b in pair.packages():
        for settles_a in Outcome:  # what market A settles to decides what B settles to
            settles_b = pair.outcome_on_b(settles_a)
            paid = size * (outcome_a is settles_a) + size * (outcome_b is settles_b)
            assert paid == size
        book_a = book_with(K, outcome_a, {PriceMicros(480_000): size})
        book_b = book_with(P, outcome_b, {PriceMicros(490_000): size})
        found = quote(book_a, book_b, K, P, outcome_a, outcome_b, size, FrictionPack(), 0)
        assert found is not None
        bought = [walk(book_a.buy_levels(outcome_a), found.qty).filled]
        bought.append(walk(book_b.buy_levels(outcome_b), found.qty).filled)
        assert bought[0] - bought[1] == 0, "equal contracts on both legs: no exposure"
        # What was bought can be sold back whole where a mirror of the book bids for it.
        for outcome in (outcome_a, outcome_b):
            mirror = book_with(K, outcome.other, {PriceMicros(520_000): size})
            sold = walk(mirror.sell_levels(outcome), found.qty, Side.SELL)
            assert bought[0] - sold.filled == 0 and sold.worst_price == 480_000

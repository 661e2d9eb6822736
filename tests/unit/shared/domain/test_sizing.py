"""Sizing: exact quantities, venue minima, hedgeable partials and every cap."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.domain.edge import EdgeQuote, quote
from shared.domain.enums import GateCode, Outcome, TimeInForce
from shared.domain.frictions import FrictionPack
from shared.domain.instrument import LINEAR_CENT, PriceRange
from shared.domain.sizing import (
    SizeLimits,
    clamp,
    coverage_ppm,
    exact_n_step,
    hedge_step,
    is_legal_qty,
    least_legal_qty,
    legal_qty,
    opening_tif,
    partials_hedgeable,
    unit_cost,
)
from shared.domain.units import MICROS, QtyMicros, UsdMicros
from tests.support.markets import (
    book_of,
    ct,
    even_grid,
    kalshi_market,
    polymarket_market,
    px,
    usd,
)

K, P = kalshi_market(), polymarket_market(grid=LINEAR_CENT)


def package(qty: str = "100") -> EdgeQuote:
    """YES at 0.46 on Kalshi and NO at 0.45 on Polymarket."""
    a, b = book_of(K, "", "0.46x1000"), book_of(P, "0.55x1000", "")
    found = quote(a, b, K, P, Outcome.YES, Outcome.NO, ct(qty), FrictionPack(), 1)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("tick", "step"),
    [
        ("0.1", "1"),
        ("0.01", "1"),
        ("0.005", "2"),
        ("0.0025", "4"),
        ("0.001", "10"),
        ("0.0001", "100"),
    ],
)
def test_exact_quantities_cost_whole_cents_on_every_price_of_the_tick(tick: str, step: str) -> None:
    market = polymarket_market(grid=even_grid(tick))
    found = exact_n_step(market, px("0.5"))
    assert found == ct(step)
    for n in range(1, MICROS // px(tick)):
        assert n * px(tick) * found % (10_000 * MICROS) == 0
    assert exact_n_step(kalshi_market(grid=even_grid(tick)), px("0.5")) == ct("0.01")


def test_finer_side_of_a_tapered_grid_decides() -> None:
    grid = (
        PriceRange(px("0"), px("0.04"), 1_000),
        PriceRange(px("0.04"), px("1"), 10_000),
    )
    market = polymarket_market(grid=grid)
    assert exact_n_step(market, px("0.03")) == exact_n_step(market, px("0.97")) == ct("10")
    assert hedge_step(K, px("0.5"), market, px("0.03")) == ct("10")


def test_legal_quantities_obey_lot_minimum_and_notional() -> None:
    assert legal_qty(P, px("0.5"), ct("7.575758")) == ct("7.57")
    assert legal_qty(P, px("0.5"), ct("7.575758"), is_budget=True) == ct("7")
    assert legal_qty(P, px("0.5"), ct("4.99")) == 0, "five shares"
    assert legal_qty(P, px("0.1"), ct("9.99")) == 0, "one dollar"
    assert legal_qty(P, px("0.1"), ct("10")) == ct("10")
    assert legal_qty(K, px("0.1"), ct("0.019")) == ct("0.01")
    assert not is_legal_qty(K, px("0.1"), ct("0.015"))
    assert not is_legal_qty(K, px("0.1"), QtyMicros(0))


def test_least_package_is_legal_on_both_and_one_step_less_is_not() -> None:
    for price_a, price_b in (("0.46", "0.45"), ("0.9", "0.03"), ("0.02", "0.97")):
        least = least_legal_qty(K, px(price_a), P, px(price_b))
        less = QtyMicros(least - hedge_step(K, px(price_a), P, px(price_b)))
        assert is_legal_qty(K, px(price_a), least) and is_legal_qty(P, px(price_b), least)
        assert not is_legal_qty(P, px(price_b), less)


def test_partials_of_polymarket_hedge_on_kalshi_but_not_the_other_way() -> None:
    assert partials_hedgeable(P, K, px("0.5"))
    assert opening_tif(P, K, px("0.5")) is TimeInForce.IOC
    assert not partials_hedgeable(K, P, px("0.5"))
    assert opening_tif(K, P, px("0.5")) is TimeInForce.FOK
    whole = replace(K, qty_step=ct("5"))
    assert partials_hedgeable(whole, P, px("0.3"))
    assert not partials_hedgeable(whole, P, px("0.1")), "below one dollar"


def test_coverage_counts_depth_inside_the_bound() -> None:
    levels = [(px("0.45"), ct("30")), (px("0.46"), ct("30")), (px("0.47"), ct("99"))]
    assert coverage_ppm(levels, ct("40"), px("0.46")) == 1_500_000
    assert coverage_ppm(levels, ct("40"), px("0.44")) == 0
    assert coverage_ppm(levels, ct("40"), px("0.46"), own={px("0.46"): ct("20")}) == MICROS


def test_without_caps_depth_alone_decides() -> None:
    assert clamp(package("100.55"), K, P, SizeLimits()) == (ct("100"), None)
    assert clamp(package("4.99"), K, P, SizeLimits()) == (0, GateCode.SIZE_BELOW_VENUE_MIN)


def test_every_cap_binds_by_name() -> None:
    offer = package("100")
    unit_a = unit_cost(px("0.46"), offer.fee_a_usd, ct("100"))
    unit_b = unit_cost(px("0.45"), offer.fee_b_usd, ct("100"))
    room_a, room_b = UsdMicros(unit_a * 20), UsdMicros(unit_b * 20)
    both = UsdMicros(room_a + room_b)
    plenty = usd("1000000")
    for limits, code in (
        (SizeLimits(contract_room_usd=(room_a, plenty)), GateCode.CONTRACT_LIMIT),
        (SizeLimits(contract_room_usd=(plenty, room_b)), GateCode.CONTRACT_LIMIT),
        (SizeLimits(shard_cash_usd=(room_a, None)), GateCode.SHARD_UNFUNDED),
        (SizeLimits(cash_usd=(None, room_b)), GateCode.CASH_SHORT),
        (SizeLimits(venue_room_usd=(room_a, plenty)), GateCode.VENUE_LIMIT),
        (SizeLimits(category_room_usd=both), GateCode.CATEGORY_LIMIT),
        (SizeLimits(source_room_usd=both), GateCode.SOURCE_LIMIT),
        (SizeLimits(provisional_room_usd=both), GateCode.PROVISIONAL_LIMIT),
        (SizeLimits(inventory_qty=ct("20.5")), GateCode.CONTRACT_LIMIT),
    ):
        assert clamp(offer, K, P, limits) == (ct("20"), code), limits
    none_left = SizeLimits(cash_usd=(usd("-5"), None))
    assert clamp(offer, K, P, none_left) == (0, GateCode.CASH_SHORT)
    tight = SizeLimits(category_room_usd=both, source_room_usd=usd("10"))
    assert clamp(offer, K, P, tight)[1] is GateCode.SOURCE_LIMIT


def test_the_exposure_cap_holds_at_the_worst_price_allowed() -> None:
    offer = package("1000")
    limits = SizeLimits(contract_room_usd=(usd("250"), usd("250")))
    qty, code = clamp(offer, K, P, limits, price_limit_a=px("0.48"))
    assert code is GateCode.CONTRACT_LIMIT
    fee_share = -(-offer.fee_a_usd * MICROS // offer.qty)
    assert qty * (px("0.48") + fee_share) <= usd("250") * MICROS
    assert (qty + ct("1")) * (px("0.48") + fee_share) > usd("250") * MICROS

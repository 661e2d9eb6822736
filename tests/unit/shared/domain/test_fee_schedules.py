"""Waivers, expiry, confirmation and hashes of fee schedules; frictions from configuration."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.domain.config import DEFAULT_CONFIG
from shared.domain.enums import FeeType, Liquidity, Side
from shared.domain.fee_bounds import bound
from shared.domain.fee_schedules import (
    WAIVER_MARGIN_NS,
    as_charged,
    expires_ns,
    is_usable,
    kalshi_schedule,
    polymarket_us_schedule,
)
from shared.domain.fees import charge
from shared.domain.frictions import FrictionPack
from shared.domain.units import format_micros, half_even_div
from tests.support.markets import ct, px
from tests.support.matching_texts import entries

NOW = 1_790_000_000_000_000_000
DAY = 86_400 * 10**9


def test_a_waiver_counts_only_while_it_outlasts_the_hedge() -> None:
    schedule = kalshi_schedule(FeeType.KALSHI_QUADRATIC, waived_until_ns=NOW)
    instrument = replace(entries()[0][0].instrument, fees=schedule)
    waived = as_charged(instrument, NOW - WAIVER_MARGIN_NS - 1)
    assert waived.fees.rate_ppm == 0 and instrument.fees.rate_ppm > 0
    assert as_charged(instrument, NOW - WAIVER_MARGIN_NS) is instrument


def test_the_earlier_of_age_and_expiry_ends_a_schedule() -> None:
    schedule = kalshi_schedule(FeeType.KALSHI_QUADRATIC)
    assert expires_ns(schedule, DAY) == 0
    assert expires_ns(replace(schedule, as_of_ns=NOW), DAY) == NOW + DAY
    assert expires_ns(replace(schedule, as_of_ns=NOW, expires_ns=NOW + 5), DAY) == NOW + 5


def test_polymarket_us_is_refused_for_real_money_until_confirmed_and_dated() -> None:
    claim = polymarket_us_schedule(50_000, as_of_ns=NOW)
    assert is_usable(claim, is_live=False) and not is_usable(claim, is_live=True)
    undated = polymarket_us_schedule(50_000, is_confirmed=True)
    assert not is_usable(undated, is_live=True)
    assert is_usable(polymarket_us_schedule(69_500, is_confirmed=True, as_of_ns=NOW), is_live=True)


def test_hash_follows_the_formula_and_scope_but_not_the_time() -> None:
    schedule = kalshi_schedule(FeeType.KALSHI_QUADRATIC)
    assert schedule.version_hash == replace(schedule, as_of_ns=NOW).version_hash
    for other in (replace(schedule, multiplier_ppm=5), replace(schedule, scope="series:X")):
        assert other.version_hash != schedule.version_hash


def test_every_friction_of_the_configuration_is_in_the_pack() -> None:
    config = replace(
        DEFAULT_CONFIG,
        friction_per_package_usd_micros=1,
        friction_withdrawal_usd_micros=2,
        friction_bridge_ppm=300,
        friction_fx_ppm=40,
        capital_rate_ppm=40_000,
        holding_rate_ppm=32_500,
    )
    pack = FrictionPack.from_config(config)
    assert (pack.per_package_usd, pack.cost_ppm, pack.carry_rate_ppm) == (3, 340, 7_500)
    assert pack.version_hash != FrictionPack.from_config(DEFAULT_CONFIG).version_hash


@pytest.mark.parametrize(
    ("contracts", "price", "dollars"),
    [
        # The venue's fee page of September 2026: its schedule by price and its examples.
        (100, "0.01", "0.07"),
        (100, "0.10", "0.63"),
        (100, "0.25", "1.3"),
        (100, "0.37", "1.62"),
        (100, "0.50", "1.74"),
        (100, "0.83", "0.98"),
        (100, "0.99", "0.07"),
        (1_000, "0.10", "6.26"),
        (1_000, "0.65", "15.81"),
        (1_000, "0.30", "14.6"),
        (1_000, "0.50", "17.38"),
    ],
)
def test_gotcha_us_fee_is_rounded_to_a_cent_half_to_even(
    contracts: int, price: str, dollars: str
) -> None:
    schedule = polymarket_us_schedule(69_500, as_of_ns=NOW)
    paid = charge(schedule, Liquidity.TAKER, Side.BUY, px(price), ct(str(contracts)))
    assert format_micros(paid.fee_usd) == dollars
    most = bound(schedule, Liquidity.TAKER, Side.BUY, [(px(price), ct(str(contracts)))])
    assert paid.fee_usd <= most <= paid.fee_usd + 10_000
    assert charge(schedule, Liquidity.MAKER, Side.BUY, px(price), ct("100")).fee_usd == 0


def test_gotcha_us_fee_of_an_order_never_passes_the_rounded_sum_of_its_fills() -> None:
    schedule = polymarket_us_schedule(69_500, as_of_ns=NOW)
    charged, held = [], 0
    for _ in range(4):  # each fill alone is 0.5 x 0.5 x 0.0695 = 1.7375 cents, rounded 2
        one = charge(schedule, Liquidity.TAKER, Side.BUY, px("0.5"), ct("1"), accumulator=held)
        charged.append(one.fee_usd // 10_000)
        held = one.accumulator
    assert charged == [2, 1, 2, 2] and sum(charged) == 7  # 6.95 cents


@pytest.mark.parametrize(
    ("top", "bottom", "whole"),
    [(5, 10, 0), (15, 10, 2), (25, 10, 2), (26, 10, 3), (24, 10, 2), (-5, 10, 0), (-15, 10, -2)],
)
def test_half_even(top: int, bottom: int, whole: int) -> None:
    assert half_even_div(top, bottom) == whole

"""Frictions: gas, conversion and carry land in the edge, rounded against us."""

from __future__ import annotations

from dataclasses import replace

from shared.domain.book import Book
from shared.domain.config import Config
from shared.domain.edge import quote
from shared.domain.enums import Outcome
from shared.domain.frictions import FrictionPack
from shared.domain.units import QtyMicros, UsdMicros
from tests.support.markets import ct, kalshi_market, polymarket_market, px, usd

K, P = kalshi_market(), polymarket_market()


def test_gas_is_per_package_and_fx_is_a_share_of_cost() -> None:
    pack = FrictionPack(per_package_usd=usd("0.05"), per_contract_micros=200, cost_ppm=1_500)
    assert pack.friction(ct("100"), usd("90")) == usd("0.05") + usd("0.02") + usd("0.135")
    assert pack.friction(QtyMicros(1), UsdMicros(1)) == usd("0.05") + 1 + 1


def test_carry_is_simple_interest_less_what_the_venues_pay() -> None:
    pack = FrictionPack(capital_rate_ppm=40_000, holding_rate_ppm=30_000)
    assert pack.carry(usd("365"), 10) == usd("0.1")
    assert pack.carry(UsdMicros(1), 1) == 1, "rounded up"
    assert FrictionPack(capital_rate_ppm=1, holding_rate_ppm=2).carry(usd("100"), 99) == 0
    assert FrictionPack(capital_rate_ppm=40_000).carry(usd("100"), 0) == 0


def test_version_names_every_figure_and_config_feeds_it() -> None:
    config = Config(
        capital_rate_ppm=50_000,
        friction_per_package_usd_micros=3,
        friction_per_contract_usd_micros=4,
    )
    pack = FrictionPack.from_config(config)
    assert (pack.per_package_usd, pack.per_contract_micros, pack.capital_rate_ppm) == (3, 4, 50_000)
    assert pack.version == FrictionPack.from_config(config).version == "fr:3:4:0:50000:0"
    assert FrictionPack().version != pack.version


def test_an_expected_rebate_is_shown_and_changes_no_sum() -> None:
    book_a, book_b = Book(K.market_id), Book(P.market_id)
    book_a.replace([], [(px("0.45"), ct("100"))], 1)
    book_b.replace([(px("0.5"), ct("100"))], [], 1)
    plain = FrictionPack(capital_rate_ppm=40_000)
    hopeful = replace(plain, rebate_ppm=180_000)
    quotes = [
        quote(book_a, book_b, K, P, Outcome.YES, Outcome.NO, ct("100"), pack, 30)
        for pack in (plain, hopeful)
    ]
    without, with_rebate = quotes
    assert without is not None and with_rebate is not None
    assert P.fees.rate_ppm == 50_000 and with_rebate.fee_b_usd == usd("1.25")
    assert with_rebate.expected_rebate_usd == usd("0.225"), "18 % of 1.25, Kalshi gives none"
    assert replace(with_rebate, expected_rebate_usd=usd("0")) == without
    shown = with_rebate.breakdown()
    assert shown.pop("expected_rebate") == "0.225"
    assert shown == without.breakdown()
    assert plain.version_hash == hopeful.version_hash
    assert Config(taker_rebate_ppm=180_000).taker_rebate_ppm == hopeful.rebate_ppm
    assert FrictionPack.from_config(Config(taker_rebate_ppm=7)).rebate_ppm == 7

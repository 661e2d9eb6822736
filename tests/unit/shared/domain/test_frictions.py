"""Frictions: gas, conversion and carry land in the edge, rounded against us."""

from __future__ import annotations

from shared.domain.config import Config
from shared.domain.frictions import FrictionPack
from shared.domain.units import QtyMicros, UsdMicros
from tests.support.markets import ct, usd


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

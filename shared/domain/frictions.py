"""Every cost of a package that is not a venue fee: gas, conversion, transfers, capital.

All parts are rounded up to a micro-dollar, against us. Rewards and rebates that a venue
may pay later are shown elsewhere and never counted, but for interest that both venues
pay on positions, which lowers the rate at which locked capital is charged.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from shared.domain.config import Config
from shared.domain.units import MICROS, QtyMicros, UsdMicros, ceil_div

DAYS_A_YEAR: Final = 365


@dataclass(frozen=True, slots=True)
class FrictionPack:
    """One version of the frictions.

    Attributes:
        per_package_usd: Gas, relayer and withdrawal share of one package.
        per_contract_micros: Dollars per contract x 1e6.
        cost_ppm: Bridge, on-ramp and FX spread as a share of the money put in.
        capital_rate_ppm: What locked capital could earn elsewhere, a year.
        holding_rate_ppm: What the venues pay on it meanwhile, a year.
        as_of_ns: When the figures were read (wall clock); 0 for constants.
    """

    per_package_usd: UsdMicros = UsdMicros(0)
    per_contract_micros: int = 0
    cost_ppm: int = 0
    capital_rate_ppm: int = 0
    holding_rate_ppm: int = 0
    rebate_ppm: int = 0
    """Polymarket taker fees expected back; shown, never counted, so no part of the version."""
    as_of_ns: int = 0

    def __post_init__(self) -> None:
        parts = (self.per_package_usd, self.per_contract_micros, self.cost_ppm)
        assert min(parts) >= 0, self
        assert min(self.capital_rate_ppm, self.holding_rate_ppm, self.as_of_ns) >= 0, self
        assert 0 <= self.rebate_ppm <= MICROS, self

    @staticmethod
    def from_config(config: Config) -> FrictionPack:
        """Return the pack that the configuration states."""
        return FrictionPack(
            per_package_usd=UsdMicros(
                config.friction_per_package_usd_micros + config.friction_withdrawal_usd_micros
            ),
            per_contract_micros=config.friction_per_contract_usd_micros,
            cost_ppm=config.friction_bridge_ppm + config.friction_fx_ppm,
            capital_rate_ppm=config.capital_rate_ppm,
            holding_rate_ppm=config.holding_rate_ppm,
            rebate_ppm=config.taker_rebate_ppm,
        )

    @property
    def version(self) -> str:
        """Deterministic text of the figures, stored on edges, packages and fills."""
        return (
            f"fr:{self.per_package_usd}:{self.per_contract_micros}:{self.cost_ppm}"
            f":{self.capital_rate_ppm}:{self.holding_rate_ppm}"
        )

    @property
    def version_hash(self) -> str:
        """Sixteen hex digits over the figures."""
        return sha256(self.version.encode()).hexdigest()[:16]

    @property
    def carry_rate_ppm(self) -> int:
        """Net yearly price of locked capital; interest above it is not counted as a gain."""
        return max(0, self.capital_rate_ppm - self.holding_rate_ppm)

    def expected_rebate(self, polymarket_fees_usd: UsdMicros) -> UsdMicros:
        """Return what may come back of Polymarket's taker fees, floored; in no sum of ours."""
        assert polymarket_fees_usd >= 0
        return UsdMicros(polymarket_fees_usd * self.rebate_ppm // MICROS)

    def friction(self, qty: QtyMicros, cost_usd: UsdMicros) -> UsdMicros:
        """Return gas, conversion and transfers of one package of ``qty`` contracts."""
        assert qty >= 0 and cost_usd >= 0
        per_contract = ceil_div(self.per_contract_micros * qty, MICROS)
        return UsdMicros(
            self.per_package_usd + per_contract + ceil_div(self.cost_ppm * cost_usd, MICROS)
        )

    def carry(self, cost_usd: UsdMicros, days: int) -> UsdMicros:
        """Return the price of keeping ``cost_usd`` locked for ``days`` (simple interest)."""
        assert cost_usd >= 0 and days >= 0
        return UsdMicros(ceil_div(cost_usd * self.carry_rate_ppm * days, DAYS_A_YEAR * MICROS))

"""One package at one quantity, with its full breakdown, kept for display and audit.

Every part is in total micro-dollars; what is paid was rounded up, what is left down.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.domain.enums import Outcome
from shared.domain.units import (
    MICROS,
    PriceMicros,
    QtyMicros,
    UsdMicros,
    ceil_div,
    floor_div,
    format_micros,
)


@dataclass(frozen=True, slots=True)
class EdgeQuote:
    """One package at one quantity, in total micro-dollars; fees are pre-trade bounds.

    ``gross_usd`` is the dollar returned minus both legs at their touch; ``slippage_usd``
    is what walking deeper than the touch adds. ``cost_*_usd`` are without fees.
    """

    outcome_a: Outcome
    outcome_b: Outcome
    qty: QtyMicros
    gross_usd: UsdMicros
    fee_a_usd: UsdMicros
    fee_b_usd: UsdMicros
    friction_usd: UsdMicros
    slippage_usd: UsdMicros
    carry_usd: UsdMicros
    net_usd: UsdMicros
    cost_a_usd: UsdMicros
    cost_b_usd: UsdMicros
    worst_a: PriceMicros
    worst_b: PriceMicros
    touch_a: PriceMicros
    touch_b: PriceMicros
    net_per_contract_micros: int
    """Dollars per contract x 1e6, floored."""
    annual_ppm: int
    """Net over money put in (fees included), scaled to a year by simple interest, floored."""
    profit_fee_usd: UsdMicros = UsdMicros(0)
    """Worst of the two legs' profit fees: exactly one leg wins."""
    expected_rebate_usd: UsdMicros = UsdMicros(0)
    """What the venue may pay back later; shown beside the sum, in no part of it."""

    def breakdown(self) -> dict[str, str]:
        """Return cents per contract as exact decimals, costs negative; parts sum to ``net``.

        ``expected_rebate`` stands beside the sum where there is one: shown, never counted.
        Costs are rounded up to 0.0001 cents and net is the floored one, so the gross line
        carries the few millionths of a dollar that rounding leaves.
        """
        parts = {
            "fee_a": self.fee_a_usd,
            "fee_b": self.fee_b_usd,
            "frictions": UsdMicros(self.friction_usd + self.profit_fee_usd),
            "slippage": self.slippage_usd,
            "carry": self.carry_usd,
        }
        per_contract = {k: -ceil_div(v * MICROS, self.qty) for k, v in parts.items()}
        gross = self.net_per_contract_micros - sum(per_contract.values())
        rows = {"gross": gross, **per_contract, "net": self.net_per_contract_micros}
        assert sum(rows.values()) == 2 * self.net_per_contract_micros
        if self.expected_rebate_usd:
            rows["expected_rebate"] = floor_div(self.expected_rebate_usd * MICROS, self.qty)
        return {name: format_micros(micros * 100) for name, micros in rows.items()}

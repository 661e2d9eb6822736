"""What a package's fills add up to: held, cash, locked and realised edge, exposure over time.

Pure arithmetic over rows of the record, in integers. A fill that failed on chain counts
nothing. A fill of the leg's other outcome (a complement bought to unwind) takes from the
leg and, with what it completes, is worth exactly a dollar a contract.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from shared.domain.package_table import STATUS_GROUPS, PackageState
from shared.domain.units import MICROS, ceil_div, floor_div

Row = Mapping[str, Any]

_HEDGED: Final = STATUS_GROUPS["hedged"]


@dataclass(slots=True)
class LegFigures:
    """One leg so far; quantities in micro-contracts, money in micro-dollars."""

    bought: int = 0
    bought_cost: int = 0
    net: int = 0
    fees: int = 0

    @property
    def average_px(self) -> int | None:
        """Average price paid, micro-dollars per contract, rounded up; None before a fill."""
        if self.bought == 0:
            return None
        return ceil_div(self.bought_cost * MICROS, self.bought)


@dataclass(slots=True)
class Figures:
    legs: tuple[LegFigures, LegFigures] = field(
        default_factory=lambda: (LegFigures(), LegFigures())
    )
    cash: int = 0
    """Signed, fees included; negative is paid."""
    completed: int = 0
    """Contracts of complements bought, each worth a dollar with the one it completes."""

    def add(self, fill: Row, outcomes: tuple[str, str]) -> None:
        """Count one fill; one without a leg (not ours to attribute) moves cash alone."""
        cost: int = fill["cost_usd_micros"]
        qty: int = fill["qty_micros"]
        assert qty > 0 and cost >= 0, fill["fill_key"]
        is_buy = fill["side"] == "buy"
        self.cash += (-cost if is_buy else cost) - fill["fee_usd_micros"]
        if fill["leg"] not in (0, 1):
            return
        leg = self.legs[fill["leg"]]
        leg.fees += fill["fee_usd_micros"]
        if fill["outcome"] != outcomes[fill["leg"]]:
            leg.net -= qty if is_buy else -qty
            self.completed += qty if is_buy else -qty
            return
        leg.net += qty if is_buy else -qty
        if is_buy:
            leg.bought += qty
            leg.bought_cost += cost

    @property
    def hedged_qty(self) -> int:
        return max(0, min(self.legs[0].net, self.legs[1].net))

    @property
    def locked_usd(self) -> int:
        """What is left when every hedged contract has paid its dollar."""
        return self.hedged_qty + self.completed + self.cash

    @property
    def unhedged_usd(self) -> int:
        """Cost of the contracts that the other leg does not cover, rounded up."""
        residual = self.legs[0].net - self.legs[1].net
        leg = self.legs[0] if residual > 0 else self.legs[1]
        return ceil_div(abs(residual) * (leg.average_px or 0), MICROS)


def outcomes_of(package: Row) -> tuple[str, str]:
    return package["outcome_a"], package["outcome_b"]


def figures_of(package: Row, fills: Sequence[Row], failed: Collection[str]) -> Figures:
    """Add up the fills of one package, without those that failed."""
    figures = Figures()
    for fill in fills:
        if fill["fill_key"] not in failed:
            figures.add(fill, outcomes_of(package))
    return figures


def realised_edge(package: Row, figures: Figures) -> int | None:
    """Return micro-dollars per contract, rounded down; None while there is nothing to say.

    Booked where the package has a result, locked while both legs are held.
    """
    qty = max(figures.legs[0].bought, figures.legs[1].bought)
    if qty == 0:
        return None
    if package["realised_usd_micros"] is not None:
        return floor_div(package["realised_usd_micros"] * MICROS, qty)
    if PackageState(package["state"]) in _HEDGED and figures.hedged_qty:
        return floor_div(figures.locked_usd * MICROS, figures.hedged_qty)
    return None

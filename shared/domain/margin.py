"""Marginal net edge: what one more contract adds, in exact integers, and where it ends.

Theory: with sane fees (``fees.is_known``) the all-in cost of one more contract never falls
along a ladder, so the marginal net edge only falls; the last contract at or above the
threshold ends the largest quantity worth taking, and that quantity also has the largest
surplus over the threshold.
"""

from __future__ import annotations

from collections.abc import Sequence

from shared.domain.enums import Liquidity
from shared.domain.events import Level
from shared.domain.fees import UNIT_FEE_SCALE, unit_fee
from shared.domain.frictions import DAYS_A_YEAR, FrictionPack
from shared.domain.instrument import FeeSchedule
from shared.domain.units import MICROS, PriceMicros


class Margin:
    """Marginal net edge of one more contract at a pair of prices, in exact integers.

    Scale: micro-dollars per contract x UNIT_FEE_SCALE x 365 x 1e6, which makes the yearly
    carry rate and every parts-per-million share a whole number.
    """

    __slots__ = ("_factor", "_fees", "_frictions", "_keep", "_share")

    def __init__(
        self,
        fees_a: FeeSchedule,
        fees_b: FeeSchedule,
        frictions: FrictionPack,
        days: int,
        min_net_edge_micros: int,
    ) -> None:
        assert days >= 0
        year = DAYS_A_YEAR * MICROS
        self._fees = (fees_a, fees_b)
        self._keep = (MICROS - min_net_edge_micros - frictions.per_contract_micros) * year
        # Charged on every dollar of cost and fee put in: itself, conversion, carry.
        self._factor = year + frictions.carry_rate_ppm * days
        self._share = frictions.cost_ppm * DAYS_A_YEAR
        self._frictions = frictions

    def unit_cost(self, leg: int, price: PriceMicros) -> int:
        """Return price plus fee, grown by carry and conversion, of one contract of a leg."""
        fee = unit_fee(self._fees[leg], Liquidity.TAKER, price)
        return (price * UNIT_FEE_SCALE + fee) * self._factor + price * UNIT_FEE_SCALE * self._share

    def profit_share(self, leg: int, price: PriceMicros) -> int:
        ppm = self._fees[leg].profit_fee_ppm
        return (MICROS - price) * ppm * DAYS_A_YEAR * UNIT_FEE_SCALE

    def clears(self, price_a: PriceMicros, price_b: PriceMicros) -> bool:
        profit = max(self.profit_share(0, price_a), self.profit_share(1, price_b))
        spent = self.unit_cost(0, price_a) + self.unit_cost(1, price_b) + profit
        return spent <= self._keep * UNIT_FEE_SCALE


def clearing_qty(
    levels_a: Sequence[Level], levels_b: Sequence[Level], margin: Margin, qty_max: int
) -> int:
    """Return how many contracts clear, walking both ladders side by side."""
    total = i = j = used_a = used_b = 0
    while total < qty_max and i < len(levels_a) and j < len(levels_b):
        (price_a, size_a), (price_b, size_b) = levels_a[i], levels_b[j]
        if not margin.clears(price_a, price_b):
            break
        step = min(size_a - used_a, size_b - used_b, qty_max - total)
        assert step > 0
        total, used_a, used_b = total + step, used_a + step, used_b + step
        if used_a == size_a:
            i, used_a = i + 1, 0
        if used_b == size_b:
            j, used_b = j + 1, 0
    return total

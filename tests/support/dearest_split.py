"""The dearest way in which one Kalshi order can fill, searched for among real splits.

A knapsack over fill sizes: up to N - 1 fills of at most ``SMALL`` lots and one that takes
the rest. A fill whose gross fee stays below the balance precision leaves all of it behind
(nothing is rebated on it), so it is worth that; any other is worth its trade fee. Large
fills go first, so that nothing rebates the small ones. What is found is a way that a venue
could really fill; its cost is then charged fill by fill with the exact rule.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final

import numpy as np

from shared.domain.enums import Liquidity, Side
from shared.domain.fees import charge_pico
from shared.domain.instrument import FeeSchedule
from shared.domain.units import MICROS, PriceMicros, QtyMicros
from tests.support.exact_fees import kalshi_fill

LOT: Final = 10_000
SMALL: Final = 12


def dearest_pico(
    schedule: FeeSchedule, side: Side, price: PriceMicros, lots: int, fills_max: int
) -> int:
    """Return the fees of the dearest split found, in pico-dollars (a taker's, whole lots)."""
    sizes = range(1, min(SMALL, lots) + 1)
    worth = {k: _worth(schedule, side, price, k) for k in sizes}
    best = _paid(schedule, side, price, [lots])
    reach = min(lots, SMALL * (fills_max - 1))
    value = np.full(reach + 1, -1, dtype=np.int64)
    value[0] = 0
    steps: list[np.ndarray] = []
    for _ in range(min(fills_max, lots) - 1):
        grown, taken = np.full(reach + 1, -1, dtype=np.int64), np.zeros(reach + 1, dtype=np.int8)
        for k in sizes:
            moved = value[: reach + 1 - k] + worth[k]
            better = (value[: reach + 1 - k] >= 0) & (moved > grown[k:])
            grown[k:][better], taken[k:][better] = moved[better], k
        value = grown
        steps.append(taken)
        best = max(best, _best_here(schedule, side, price, lots, value, steps))
    return best


def _best_here(
    schedule: FeeSchedule,
    side: Side,
    price: PriceMicros,
    lots: int,
    value: np.ndarray,
    steps: list[np.ndarray],
) -> int:
    """Charge the best way that has exactly ``len(steps)`` small fills and one for the rest."""
    rate = schedule.rate_ppm * schedule.multiplier_ppm
    # The model is linear: what the rest is worth falls by the same for each lot taken off.
    per_lot = rate * LOT * price * (MICROS - price) // MICROS**3
    score = np.where(value >= 0, value - per_lot * np.arange(len(value)), -(2**62))
    used = int(score[: lots + 1].argmax())
    if value[used] < 0:
        return 0
    way, left = [], used
    for taken in reversed(steps):
        way.append(int(taken[left]))
        left -= way[-1]
    assert left == 0
    rest = [lots - used] if lots > used else []
    return _paid(schedule, side, price, rest + sorted(way, reverse=True))


def _worth(schedule: FeeSchedule, side: Side, price: PriceMicros, lots: int) -> int:
    rate = Fraction(schedule.rate_ppm * schedule.multiplier_ppm, MICROS**2)
    gross, _ = kalshi_fill(
        Fraction(lots * LOT, MICROS),
        Fraction(price, MICROS),
        is_buy=side is Side.BUY,
        rate=rate,
        precision=Fraction(schedule.precision, MICROS),
        quantum=Fraction(schedule.trade_fee_quantum, MICROS),
    )
    if gross < Fraction(schedule.precision, MICROS):
        return int(gross * MICROS**2)
    model = rate * Fraction(lots * LOT * price * (MICROS - price), MICROS**3)
    quanta = -(-model * MICROS // schedule.trade_fee_quantum)
    return int(quanta) * schedule.trade_fee_quantum * MICROS


def _paid(schedule: FeeSchedule, side: Side, price: PriceMicros, way: list[int]) -> int:
    total = held = 0
    for lots in way:
        qty = QtyMicros(lots * LOT)
        fee, held = charge_pico(schedule, Liquidity.TAKER, side, price, qty, held)
        total += fee
    return total

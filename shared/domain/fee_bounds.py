"""The most that a venue can charge for a plan, before it is known how the plan will fill.

Theory (Kalshi). Let q be the balance precision and t the trade-fee quantum. A fill whose
gross fee reaches q takes every whole q of rounding back at once, so after it less than q
is still owed; only *small* fills (gross fee below q) leave all their rounding behind. The
fees of n fills, s of them small, hence bring the cash onto the last multiple of q below::

    model + n (t - grain of a lot's model) + s (q - least off q - a lot's model) + q

A small fill is never smaller than one lot: its own model is part of what it is charged,
and what it leaves is a multiple of what one lot's money can lack to q. Where a lot pays q
by itself, or a lot's money never lacks anything, no fill is small. Neither n nor s exceeds
the lots that are bought, so that a single lot is bounded by exactly its charge, and the
shrinking allowance never outweighs the growing cost when a price rises.

Theory (Polymarket). Truncation is superadditive: one fill a level is the dearest split, so
its charge *is* the bound.

Unit inside: pico-dollars. Twins: test_fee_bounds.py, test_fee_properties.py
"""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd
from typing import Final

from shared.domain.enums import FeeType, Liquidity, Side
from shared.domain.events import Level
from shared.domain.fee_schedules import KALSHI_FILL_STEP, POLYMARKET_QUANTUM
from shared.domain.fees import coefficient, model_micros
from shared.domain.instrument import FeeSchedule
from shared.domain.units import MICROS, UsdMicros, ceil_div

FILLS_MAX: Final = 64
"""Most fills one order is reckoned with before the trade (configuration ``fills_max``)."""
# Bound once: looking a member up on its enum costs ten times the comparison (Python 3.11).
_CURVE: Final = FeeType.POLYMARKET_CURVE
_CENT_CURVE: Final = FeeType.POLYMARKET_US_CURVE
_BUY: Final = Side.BUY
_PER_FOUR: Final = MICROS**4


def bound(
    schedule: FeeSchedule,
    liquidity: Liquidity,
    side: Side,
    takes: Sequence[Level],
    fills_max: int = FILLS_MAX,
    *,
    step: int | None = None,
) -> UsdMicros:
    """Return the most that one order filling ``takes`` in up to ``fills_max`` fills can cost.

    Polymarket US: no order pays more than its exact sum rounded to a cent, half to even;
    half up is never less than that and keeps the bound rising with every price.

    Args:
        schedule: As it applies now.
        liquidity: Of all the fills; an order of both kinds is bounded by the sum of both.
        side: BUY or SELL of the leg.
        takes: Price of the leg and contracts, a level each.
        fills_max: Fills to allow for; at least one a level.
        step: The market's finest price step. Given, cost plus bound of a BUY never falls
            when a price rises by steps; None bounds these very prices, as closely as may be.

    Raises:
        UnknownFeeError: as ``charge``.
    """
    assert fills_max >= 1 and (step is None or step > 0)
    if schedule.fee_type is _CURVE:
        return _curve_bound(schedule, liquidity, takes, step)
    if schedule.fee_type is _CENT_CURVE:
        numerator, denominator = model_micros(schedule, liquidity, takes)
        cent = denominator * schedule.trade_fee_quantum
        return UsdMicros((2 * numerator + cent) // (2 * cent) * schedule.trade_fee_quantum)
    precision = schedule.precision * MICROS
    trade_fees, allowance = _kalshi_parts(schedule, liquidity, takes, fills_max, step)
    notional = sum([price * qty for price, qty in takes])
    line = trade_fees + allowance + precision
    if side is _BUY:
        fee = ((notional + line - 1) // precision) * precision - notional
    else:
        fee = notional - ((notional - line) // precision + 1) * precision
    assert (
        trade_fees <= fee < line and (notional + (fee if side is _BUY else -fee)) % precision == 0
    )
    return UsdMicros(ceil_div(fee, MICROS))


def _curve_bound(
    schedule: FeeSchedule, liquidity: Liquidity, takes: Sequence[Level], step: int | None
) -> UsdMicros:
    """Sum one truncated fill a level; by the micro-dollar where truncation outweighs a step."""
    total = 0
    for take in takes:
        numerator, denominator = model_micros(schedule, liquidity, (take,))
        grows = step is None or take[1] * step >= POLYMARKET_QUANTUM * MICROS
        quantum = POLYMARKET_QUANTUM if grows else 1
        total += numerator // (denominator * quantum) * quantum
    assert total >= 0
    return UsdMicros(total)


def _kalshi_parts(
    schedule: FeeSchedule,
    liquidity: Liquidity,
    takes: Sequence[Level],
    fills_max: int,
    step: int | None,
) -> tuple[int, int]:
    """Return (most trade fees, most rounding that small fills leave), in pico-dollars."""
    rate, quantum = coefficient(schedule, liquidity), schedule.trade_fee_quantum
    precision = schedule.precision * MICROS
    lots_all, model, grain = 0, 0, _PER_FOUR * quantum
    left: list[tuple[int, int]] = []
    for price, qty in takes:
        # Off the venue's lot nothing is known of the smallest fill.
        lot = KALSHI_FILL_STEP if qty % KALSHI_FILL_STEP == 0 else 1
        lots = qty // lot
        unit = rate * lot * price * (MICROS - price)
        lots_all, model, grain = lots_all + lots, model + unit * lots, gcd(grain, unit)
        least = max(unit // MICROS**3, quantum * MICROS) if rate else 0
        if least < precision:
            off = gcd(lot * (price if step is None else step), precision)
            if precision - off > least:
                left.append((precision - off - least, lots))
    fills = min(max(fills_max, len(takes)), lots_all)
    if step is None or step * KALSHI_FILL_STEP >= quantum * MICROS:
        # Each ceiling adds less than a quantum: at most what one lot's model leaves of it.
        ceilings = fills * (_PER_FOUR * quantum - grain)
        trade_fees = (model + ceilings) // (_PER_FOUR * quantum) * quantum * MICROS
    else:  # a step of price moves less than ceilings could hide: take them whole
        trade_fees = ceil_div(model, MICROS**3) + fills * quantum * MICROS
    # The large fill after which small ones stay is not small itself.
    allowance, free = 0, max(0, fills - 1)
    for most, lots in sorted(left, reverse=True):
        small = min(free, lots)
        allowance, free = allowance + small * most, free - small
    assert 0 <= allowance <= fills * precision
    return trade_fees, allowance

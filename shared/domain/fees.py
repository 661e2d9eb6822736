"""What a venue charges for one fill, exactly, and the budget that a fee leaves.

Theory. Kalshi (fee rounding as documented since September 2026), for ONE fill::

    model        = rate * multiplier * count * p * (1 - p)
    trade_fee    = ceil(model, trade_fee_quantum)
    rounding_fee = what the cash movement lacks to land on ``precision`` (never in our favour)
    accumulator += rounding_fee                      (one per ORDER, over all its fills)
    rebate       = whole ``precision`` taken back from it, never making the net fee negative
    fee          = trade_fee + rounding_fee - rebate

Polymarket: ``rate * count * (p(1-p))**exponent`` truncated to 10 micro-dollars per fill,
takers only; on top of a BUY, deducted from a SELL.

Polymarket US: the same curve with exponent 1, takers only, rounded to a cent half to even
per fill, and over the fills of one ORDER never above that rounding of their exact sum.
The maker's rebate is not reckoned with.

Unit inside: pico-dollars (1e-12), in which price x quantity is a whole number; results
are micro-dollars, rounded up. On a venue's own grid nothing is left to round.
Rule: an unknown formula raises; it is never guessed and never zero.
Twins: tests/unit/shared/domain/test_fees.py, tests/property/test_fee_properties.py
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Final, NamedTuple

from shared.domain.enums import FeeType, Liquidity, Side
from shared.domain.errors import DomainError, UnknownFeeError
from shared.domain.events import Level
from shared.domain.fee_schedules import (
    POLYMARKET_QUANTUM,
    effective,
    is_known,
    kalshi_schedule,
    polymarket_schedule,
)
from shared.domain.instrument import FeeSchedule
from shared.domain.units import (
    MICROS,
    PriceMicros,
    QtyMicros,
    UsdMicros,
    ceil_div,
    half_even_div,
)

__all__ = [
    "POLYMARKET_QUANTUM",
    "UNIT_FEE_SCALE",
    "FeeCharge",
    "budget_exact",
    "budget_for",
    "charge",
    "charge_pico",
    "coefficient",
    "effective",
    "is_known",
    "kalshi_schedule",
    "model_fraction",
    "model_micros",
    "polymarket_schedule",
    "profit_fee",
    "unit_fee",
]

UNIT_FEE_SCALE: Final = 10**18
"""``unit_fee`` answers in micro-dollars per contract times this."""
_CENT: Final = 10_000
# Bound once: looking a member up on its enum costs ten times the comparison (Python 3.11).
_CURVE: Final = FeeType.POLYMARKET_CURVE
_CENT_CURVE: Final = FeeType.POLYMARKET_US_CURVE
_CHARGED_BITS: Final = 64
"""Low bits of a cent curve's accumulator: what the order was charged so far, micro-dollars."""
_QUADRATIC: Final = FeeType.KALSHI_QUADRATIC
_WITH_MAKER: Final = FeeType.KALSHI_QUADRATIC_MAKER
_COMBO_MAKER: Final = FeeType.KALSHI_QUADRATIC_COMBO_MAKER
_FREE: Final = FeeType.KALSHI_FREE
_PER_FOUR: Final = MICROS**4
_TAKER: Final = Liquidity.TAKER
_BUY: Final = Side.BUY


class FeeCharge(NamedTuple):
    """Fee of one fill and the order's accumulator to pass with its next fill.

    ``accumulator`` is opaque to callers: pico-dollars of rounding not yet rebated.
    """

    fee_usd: UsdMicros
    accumulator: int


def charge(
    schedule: FeeSchedule,
    liquidity: Liquidity,
    side: Side,
    price: PriceMicros,
    qty: QtyMicros,
    accumulator: int = 0,
) -> FeeCharge:
    """Return the venue's charge for one fill; positive is paid.

    Args:
        schedule: As it applies now (see ``effective`` for waivers).
        liquidity: Whether our order took or made in this fill.
        side: BUY or SELL of the leg.
        price: Of the leg traded, not of YES.
        qty: Contracts of this fill.
        accumulator: From the previous fill of the same order; 0 for the first.

    Raises:
        UnknownFeeError: the formula is not known (``flat`` included).
    """
    fee_pico, carried = charge_pico(schedule, liquidity, side, price, qty, accumulator)
    return FeeCharge(UsdMicros(-(-fee_pico // MICROS)), carried)


def charge_pico(
    schedule: FeeSchedule,
    liquidity: Liquidity,
    side: Side,
    price: PriceMicros,
    qty: QtyMicros,
    accumulator: int = 0,
) -> tuple[int, int]:
    """Return (fee, accumulator) of one fill in pico-dollars, exact off the grid as well."""
    assert 0 <= price <= MICROS and qty >= 0 and accumulator >= 0, (price, qty, accumulator)
    kind, quantum = schedule.fee_type, schedule.trade_fee_quantum
    if schedule.exponent == 1:  # nearly always: one fill is worth a shorter way
        numerator = coefficient(schedule, liquidity) * qty * price * (MICROS - price)
        denominator = _PER_FOUR
    else:
        numerator, denominator = model_micros(schedule, liquidity, ((price, qty),))
    if kind is _CURVE:
        return numerator // (denominator * POLYMARKET_QUANTUM) * POLYMARKET_QUANTUM * MICROS, 0
    if kind is _CENT_CURVE:
        return _charge_cents(numerator, denominator, quantum, accumulator)
    trade_fee = -(-numerator // (denominator * quantum)) * quantum * MICROS  # rounded up
    revenue = -price * qty if side is _BUY else price * qty
    precision = schedule.precision * MICROS
    # Python's remainder is never negative: exactly what floor() leaves behind.
    rounding_fee = (revenue - trade_fee) % precision
    gross = trade_fee + rounding_fee
    accumulator += rounding_fee
    owed = accumulator if accumulator < gross else gross
    rebate = owed - owed % precision
    fee = gross - rebate
    assert fee >= 0 and (revenue - fee) % precision == 0
    return fee, accumulator - rebate


def _charge_cents(
    numerator: int, denominator: int, quantum: int, accumulator: int
) -> tuple[int, int]:
    """Return (fee, accumulator) of one fill of a cent curve, fee in pico-dollars.

    The accumulator holds the exact sum of the order's fills over ``denominator`` (which is
    the same for every fill) above ``_CHARGED_BITS``, and what was charged below them.
    """
    summed = (accumulator >> _CHARGED_BITS) + numerator
    charged = accumulator & ((1 << _CHARGED_BITS) - 1)
    ceiling = half_even_div(summed, denominator * quantum) * quantum
    fee = min(half_even_div(numerator, denominator * quantum) * quantum, max(0, ceiling - charged))
    charged += fee
    assert fee >= 0 and charged < 1 << _CHARGED_BITS, (fee, charged)
    return fee * MICROS, (summed << _CHARGED_BITS) | charged


def model_fraction(
    schedule: FeeSchedule, liquidity: Liquidity, price: PriceMicros, qty: QtyMicros
) -> Fraction:
    """Return the unrounded formula in dollars; for display and tests."""
    numerator, denominator = model_micros(schedule, liquidity, ((price, qty),))
    return Fraction(numerator, denominator * MICROS)


def unit_fee(schedule: FeeSchedule, liquidity: Liquidity, price: PriceMicros) -> int:
    """Return the model's fee of one contract, micro-dollars x ``UNIT_FEE_SCALE``, rounded up.

    Exact for Kalshi and for exponent 1, where the scale swallows every denominator; the
    marginal cost that edges are walked with, so kept to a few multiplications. Insane
    numbers of a known type are for ``is_known`` (and every bound) to refuse.

    Raises:
        UnknownFeeError: the formula is not known (``flat`` included).
    """
    if schedule.exponent == 1:
        return _coefficient(schedule, liquidity) * price * (MICROS - price)
    numerator, denominator = model_micros(schedule, liquidity, ((price, QtyMicros(MICROS)),))
    return ceil_div(numerator * UNIT_FEE_SCALE, denominator)


def profit_fee(schedule: FeeSchedule, cost_usd: UsdMicros, qty: QtyMicros) -> UsdMicros:
    """Return the venue's share of the profit if this leg wins, rounded up."""
    assert 0 <= schedule.profit_fee_ppm < MICROS and qty >= 0
    return UsdMicros(ceil_div(max(0, qty - cost_usd) * schedule.profit_fee_ppm, MICROS))


def budget_exact(
    schedule: FeeSchedule,
    price: PriceMicros,
    max_spend_usd: UsdMicros,
    amount_usd: UsdMicros | None = None,
    builder_ppm: int = 0,
) -> Fraction:
    """Return the notional (dollars) whose cost with its Polymarket fee is ``max_spend_usd``.

    ``max_spend / (1 + rate (p(1-p))**e / p + builder)``, but no more than ``amount_usd``.

    Raises:
        DomainError: not a Polymarket curve, or no price to divide by.
    """
    if schedule.fee_type is not _CURVE or not 0 < price < MICROS:
        raise DomainError(f"no fee-adjusted budget for {schedule.fee_type.value} at {price}")
    assert max_spend_usd >= 0 and builder_ppm >= 0
    p = Fraction(price, MICROS)
    per_dollar = Fraction(schedule.rate_ppm, MICROS) * (p * (1 - p)) ** schedule.exponent / p
    adjusted = Fraction(max_spend_usd, MICROS) / (1 + per_dollar + Fraction(builder_ppm, MICROS))
    return adjusted if amount_usd is None else min(adjusted, Fraction(amount_usd, MICROS))


def budget_for(
    schedule: FeeSchedule,
    price: PriceMicros,
    max_spend_usd: UsdMicros,
    amount_usd: UsdMicros | None = None,
    builder_ppm: int = 0,
) -> UsdMicros:
    """Return ``budget_exact`` cut to whole cents, the form that a FAK BUY must have."""
    exact = budget_exact(schedule, price, max_spend_usd, amount_usd, builder_ppm)
    cents = exact * 100
    budget = UsdMicros(cents.numerator // cents.denominator * _CENT)
    assert 0 <= budget <= max_spend_usd
    return budget


def model_micros(
    schedule: FeeSchedule, liquidity: Liquidity, takes: Sequence[Level]
) -> tuple[int, int]:
    """Return the unrounded fee of all takes as micro-dollars (numerator, denominator).

    Raises:
        UnknownFeeError: the formula is not known (``flat`` included).
    """
    rate = coefficient(schedule, liquidity)
    kind = schedule.fee_type
    if (kind is _CURVE or kind is _CENT_CURVE) and schedule.exponent != 1:
        exponent = schedule.exponent
        bend = sum([qty * (price * (MICROS - price)) ** exponent for price, qty in takes])
        return rate * bend, MICROS ** (2 + 2 * exponent)
    return rate * sum([qty * price * (MICROS - price) for price, qty in takes]), _PER_FOUR


def coefficient(schedule: FeeSchedule, liquidity: Liquidity) -> int:
    """Return what ``count * p(1-p)`` is multiplied by, in parts per million squared.

    Raises:
        UnknownFeeError: the formula is not known (``flat`` included).
    """
    if not is_known(schedule):
        raise UnknownFeeError(f"no known fee formula: {schedule.version}")
    return _coefficient(schedule, liquidity)


def _coefficient(schedule: FeeSchedule, liquidity: Liquidity) -> int:
    kind = schedule.fee_type
    if kind is _QUADRATIC:
        return schedule.rate_ppm * schedule.multiplier_ppm if liquidity is _TAKER else 0
    if kind is _CURVE or kind is _CENT_CURVE:
        return schedule.rate_ppm * MICROS if liquidity is _TAKER else 0
    if kind is _WITH_MAKER or kind is _COMBO_MAKER:
        rate = schedule.rate_ppm if liquidity is _TAKER else schedule.maker_rate_ppm
        return rate * schedule.multiplier_ppm
    if kind is _FREE:
        return 0
    raise UnknownFeeError(f"no known fee formula: {schedule.version}")

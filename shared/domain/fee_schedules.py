"""Fee schedules as data: how a venue's words become one, whether it is usable, when waived.

Rates are the venues' printed ones; multipliers, overrides and Polymarket rates come from
their interfaces (those win over print). The arithmetic is in ``fees.py``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from shared.domain.enums import FeeType
from shared.domain.instrument import FeeSchedule, Instrument
from shared.domain.units import MICROS, NS_PER_S

KALSHI_TAKER_PPM: Final = 70_000
KALSHI_MAKER_PPM: Final = 17_500
KALSHI_COMBO_MAKER_PPM: Final = 35_000
POLYMARKET_QUANTUM: Final = 10
"""Polymarket truncates each fill's fee to five decimals of a dollar."""

KALSHI_FILL_STEP: Final = 10_000
"""Kalshi fills in hundredths of a contract (micro-contracts), whoever stands opposite."""

POLYMARKET_US_QUANTUM: Final = 10_000
"""Polymarket US rounds each fill's fee to a cent, half to even (docs.polymarket.us/fees)."""

WAIVER_MARGIN_NS: Final = 60 * NS_PER_S
"""A waiver that ends sooner is not reckoned with: the hedge may fill after its end."""

KALSHI_TYPES: Final = frozenset(
    {
        FeeType.KALSHI_QUADRATIC,
        FeeType.KALSHI_QUADRATIC_MAKER,
        FeeType.KALSHI_QUADRATIC_COMBO_MAKER,
        FeeType.KALSHI_FREE,
    }
)

# Bound once: looking a member up on its enum costs ten times the comparison (Python 3.11).
_QUADRATIC: Final = FeeType.KALSHI_QUADRATIC
_QUADRATIC_MAKER: Final = FeeType.KALSHI_QUADRATIC_MAKER
_COMBO_MAKER: Final = FeeType.KALSHI_QUADRATIC_COMBO_MAKER
_FREE: Final = FeeType.KALSHI_FREE
_CURVE: Final = FeeType.POLYMARKET_CURVE
_CENT_CURVE: Final = FeeType.POLYMARKET_US_CURVE


def kalshi_schedule(
    fee_type: FeeType,
    multiplier_ppm: int = MICROS,
    *,
    precision: int = 100,
    trade_fee_quantum: int = 1,
    source: str = "",
    as_of_ns: int = 0,
    waived_until_ns: int = 0,
) -> FeeSchedule:
    """Return Kalshi's schedule for a series' ``fee_type`` and multiplier.

    Rates are those of the fee schedule in force since July 2026: 7 % for takers, a quarter
    of it for makers in maker-fee series, half of it for makers of combos.
    """
    maker = {
        FeeType.KALSHI_QUADRATIC_MAKER: KALSHI_MAKER_PPM,
        FeeType.KALSHI_QUADRATIC_COMBO_MAKER: KALSHI_COMBO_MAKER_PPM,
    }
    return FeeSchedule(
        fee_type=fee_type,
        rate_ppm=KALSHI_TAKER_PPM,
        maker_rate_ppm=maker.get(fee_type, 0),
        multiplier_ppm=multiplier_ppm,
        precision=precision,
        trade_fee_quantum=trade_fee_quantum,
        source=source,
        as_of_ns=as_of_ns,
        waived_until_ns=waived_until_ns,
    )


def polymarket_schedule(
    rate_ppm: int, exponent: int = 1, *, source: str = "", as_of_ns: int = 0
) -> FeeSchedule:
    """Return Polymarket's schedule for a market's ``fd`` rate and exponent."""
    return FeeSchedule(
        fee_type=FeeType.POLYMARKET_CURVE,
        rate_ppm=rate_ppm,
        exponent=exponent,
        precision=1,
        trade_fee_quantum=POLYMARKET_QUANTUM,
        source=source,
        as_of_ns=as_of_ns,
    )


def is_known(schedule: FeeSchedule) -> bool:
    """Say whether the formula is known and its numbers are sane (else: do not trade).

    Sane: no negative number, and less than one dollar of fee per dollar of ``p(1-p)``, so
    that paying more can never cost less in all.
    """
    kind, rate, maker = schedule.fee_type, schedule.rate_ppm, schedule.maker_rate_ppm
    multiplier = schedule.multiplier_ppm
    if rate < 0 or maker < 0 or multiplier < 0:
        return False
    if schedule.precision <= 0 or schedule.trade_fee_quantum <= 0:
        return False
    # By identity, commonest first: a set of members would hash them, and this runs for
    # every fill and every bound.
    if kind is _QUADRATIC or kind is _QUADRATIC_MAKER or kind is _COMBO_MAKER or kind is _FREE:
        return (rate if rate > maker else maker) * multiplier < MICROS * MICROS
    if kind is _CURVE:
        return 1 <= schedule.exponent <= 4 and rate * schedule.exponent < MICROS
    if kind is _CENT_CURVE:
        return schedule.exponent == 1 and rate < MICROS
    return False


def effective(schedule: FeeSchedule, wall_ns: int) -> FeeSchedule:
    """Return the schedule as it applies at ``wall_ns``: rate zero while a waiver runs."""
    assert wall_ns >= 0
    if schedule.waived_until_ns <= wall_ns or not is_known(schedule):
        return schedule
    return replace(schedule, rate_ppm=0, maker_rate_ppm=0)


def polymarket_us_schedule(
    coefficient_ppm: int, *, is_confirmed: bool = False, source: str = "", as_of_ns: int = 0
) -> FeeSchedule:
    """Return Polymarket US's schedule for a configured, dated coefficient.

    Sources disagree on the figure, so it is a claim until the configuration confirms it;
    an unconfirmed or undated one is refused for real money (``is_usable``).
    """
    return FeeSchedule(
        fee_type=FeeType.POLYMARKET_US_CURVE,
        rate_ppm=coefficient_ppm,
        precision=1,
        trade_fee_quantum=POLYMARKET_US_QUANTUM,
        source=source,
        as_of_ns=as_of_ns,
        venue="polymarket_us",
        is_confirmed=is_confirmed and as_of_ns > 0,
    )


def is_usable(schedule: FeeSchedule, *, is_live: bool) -> bool:
    """Say whether a package may be opened by it: known, and for real money confirmed."""
    return is_known(schedule) and (schedule.is_confirmed or not is_live)


def has_same_terms(a: FeeSchedule, b: FeeSchedule) -> bool:
    """Say whether both charge alike: formula, scope, waiver, expiry and confirmation."""
    if (a.waived_until_ns, a.expires_ns) != (b.waived_until_ns, b.expires_ns):
        return False
    return a.version_hash == b.version_hash


def expires_ns(schedule: FeeSchedule, age_max_ns: int) -> int:
    """Return when it may no longer be opened by; 0 = never (undated constants)."""
    assert age_max_ns > 0
    aged = schedule.as_of_ns + age_max_ns if schedule.as_of_ns else 0
    ends = [end for end in (aged, schedule.expires_ns) if end]
    return min(ends, default=0)


def as_charged(instrument: Instrument, wall_ns: int) -> Instrument:
    """Return the instrument with the fees an order sent now will be charged (waivers)."""
    fees = effective(instrument.fees, wall_ns + WAIVER_MARGIN_NS)
    return instrument if fees is instrument.fees else replace(instrument, fees=fees)

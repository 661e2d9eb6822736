"""Integer money, prices and quantities, and the only places that divide them.

Every amount is an integer count of millionths: ``PriceMicros`` is dollars per
contract, ``QtyMicros`` contracts, ``UsdMicros`` dollars, each times 1_000_000.
Rule 1: no float enters or leaves this module.
Rule 2: every division names its rounding; callers choose the side that hurts us.
Rule 3: text is parsed exactly or refused; nothing is rounded while parsing.
Twin: tests/unit/shared/domain/test_units.py
"""

from __future__ import annotations

import re
from typing import Final, NewType

PriceMicros = NewType("PriceMicros", int)
"""Dollars per contract x 1e6, ``0 <= price <= 1_000_000``, of the leg held."""
QtyMicros = NewType("QtyMicros", int)
"""Contracts x 1e6."""
UsdMicros = NewType("UsdMicros", int)
"""Dollars x 1e6; signed, positive is ours."""

MICROS: Final = 1_000_000
ONE_DOLLAR: Final = PriceMicros(MICROS)
NS_PER_MS: Final = 1_000_000
NS_PER_S: Final = 1_000_000_000

# Longest accepted text: 13 integer digits and 12 decimals; anything longer is not money.
_DECIMAL = re.compile(r"(-?)(\d{1,13})(?:\.(\d{1,12}))?\Z", re.ASCII)


def ceil_div(numerator: int, denominator: int) -> int:
    """Return ``numerator / denominator`` rounded towards plus infinity."""
    assert denominator > 0, denominator
    return -(-numerator // denominator)


def floor_div(numerator: int, denominator: int) -> int:
    """Return ``numerator / denominator`` rounded towards minus infinity."""
    assert denominator > 0, denominator
    return numerator // denominator


def half_even_div(numerator: int, denominator: int) -> int:
    """Return ``numerator / denominator`` rounded to the nearest, a half to the even one."""
    assert denominator > 0, denominator
    quotient, rest = divmod(numerator, denominator)
    doubled = 2 * rest
    return quotient + int(doubled > denominator or (doubled == denominator and quotient % 2 == 1))


def cost_ceil(price: PriceMicros, qty: QtyMicros) -> UsdMicros:
    """Return ``price * qty`` in micro-dollars rounded up: use it for what we pay."""
    return UsdMicros(ceil_div(price * qty, MICROS))


def cost_floor(price: PriceMicros, qty: QtyMicros) -> UsdMicros:
    """Return ``price * qty`` in micro-dollars rounded down: use it for what we receive."""
    return UsdMicros(floor_div(price * qty, MICROS))


def complement(price: PriceMicros) -> PriceMicros:
    """Return the price of the other outcome of the same market (1 - price)."""
    assert 0 <= price <= MICROS, price
    return PriceMicros(MICROS - price)


def floor_to_step(qty: int, step: int) -> int:
    """Return the largest multiple of ``step`` that is not above ``qty`` (``qty >= 0``)."""
    assert qty >= 0 and step > 0, (qty, step)
    return qty - qty % step


def ceil_to_step(qty: int, step: int) -> int:
    """Return the smallest multiple of ``step`` that is not below ``qty`` (``qty >= 0``)."""
    assert qty >= 0 and step > 0, (qty, step)
    return ceil_div(qty, step) * step


def parse_micros(text: str) -> int:
    """Return the decimal ``text`` as exact millionths.

    Args:
        text: Plain decimal such as ``"0.0172"`` or ``"-54.00"``. No exponent, no
            sign but minus, no spaces, no NaN.

    Raises:
        ValueError: not a plain decimal, or finer than one millionth (trailing
            zeros are allowed).

    >>> parse_micros("0.0172")
    17200
    >>> parse_micros("-54.00")
    -54000000
    """
    match = _DECIMAL.match(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"not a plain decimal: {text!r:.60}")
    sign, whole, fraction = match.group(1), match.group(2), match.group(3) or ""
    if fraction[6:].strip("0"):
        raise ValueError(f"finer than one millionth: {text!r:.60}")
    micros = int(whole) * MICROS + int((fraction[:6]).ljust(6, "0") or "0")
    return -micros if sign else micros


def format_micros(micros: int) -> str:
    """Return exact decimal text without trailing zeros, the wire form of any amount.

    >>> format_micros(17200)
    '0.0172'
    >>> format_micros(-54000000)
    '-54'
    """
    whole, fraction = divmod(abs(micros), MICROS)
    text = str(whole) if fraction == 0 else f"{whole}.{fraction:06d}".rstrip("0")
    return f"-{text}" if micros < 0 else text

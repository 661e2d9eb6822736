"""The venues' fee rules restated with Fraction, as slowly and literally as documented.

The reference for the integer code: it shares nothing with it but the rule's text.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor


def kalshi_fill(
    count: Fraction,
    price: Fraction,
    *,
    is_buy: bool,
    rate: Fraction = Fraction(7, 100),
    precision: Fraction = Fraction(1, 10_000),
    quantum: Fraction = Fraction(1, 1_000_000),
    accumulator: Fraction = Fraction(0),
) -> tuple[Fraction, Fraction]:
    """Return (net fee, accumulator) of one fill; ``rate`` includes the multiplier."""
    model = rate * count * price * (1 - price)
    trade_fee = ceil(model / quantum) * quantum
    revenue = -price * count if is_buy else price * count
    aligned = floor((revenue - trade_fee) / precision) * precision
    rounding_fee = (revenue - trade_fee) - aligned
    accumulator += rounding_fee
    whole = floor(accumulator / precision) * precision
    affordable = floor((trade_fee + rounding_fee) / precision) * precision
    rebate = min(whole, affordable)
    return trade_fee + rounding_fee - rebate, accumulator - rebate


def polymarket_fill(
    shares: Fraction, price: Fraction, rate: Fraction, exponent: int = 1
) -> Fraction:
    """Return the taker fee of one fill, cut to five decimals."""
    return Fraction(floor(rate * shares * (price * (1 - price)) ** exponent * 100_000), 100_000)

# ruff: noqa: E501  (patterns are kept whole)
"""Numbers that a claim compares with, as intervals: ``>`` is not ``>=``.

Values are exact (``Fraction``). An interval keeps the unit that stands beside the number;
an end that is open to one side is None. Both ways a number can be bounded are read:
"above 4.3%" and "4.3% or more".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

_NUMBER: Final = r"\$?(?P<{0}>\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?|\d+(?:\.\d+)?)\s?(?P<{0}u>k\b|thousand\b|m\b|mm\b|million\b|b\b|bn\b|billion\b|trillion\b)?"
_SCALE: Final = {
    "k": 1_000, "thousand": 1_000, "m": 10**6, "mm": 10**6, "million": 10**6,
    "b": 10**9, "bn": 10**9, "billion": 10**9, "trillion": 10**12,
}  # fmt: skip
_UNIT: Final = (
    r"\s?(?P<unit>%|percent(?:age points?)?|bps|basis points?|inches|inch|°f|°c|°|degrees|mw|times|seats|points"
    r"|pips|jobs|miles)?"
)
_OVER: Final = (
    r"(?:above|more than|greater than|higher than|over|exceeds?|exceeding|strictly above|>)"
)
_FLOOR: Final = r"(?:at least|no less than|not less than|a minimum of|>=|≥)"
_UNDER: Final = r"(?:below|less than|lower than|fewer than|under|<)"
_CEIL: Final = r"(?:at most|no more than|not more than|up to|<=|≤)"
_PATTERNS: Final = (
    ("between", re.compile(r"(?:between\s+(?=[^.]{1,40} and )|(?<![\w.-])(?=\$?[\d.,]+\s?(?:[km%]|bps)?\s*(?:\(\w+\))?\s*(?:-|to)\s?\$?\d)|between\s+)" + _NUMBER.format("a") + r"(?:\s?%|\s?bps)?\s*(?P<ai>\((?:inclusive|exclusive)\))?\s*(?:-|to|and)\s*" + _NUMBER.format("b") + r"\s?(?:%)?\s*(?P<bi>\((?:inclusive|exclusive)\))?" + _UNIT)),
    ("floor", re.compile(_NUMBER.format("a") + _UNIT + r"\s*(?:\+|(?:or|and) (?:more|higher|above|greater|over|older|better)\b)")),
    ("ceil", re.compile(_NUMBER.format("a") + _UNIT + r"\s*(?:or|and) (?:less|lower|fewer|below|under|younger)\b")),
    ("floor", re.compile(_FLOOR + r"\s+" + _NUMBER.format("a") + _UNIT)),
    ("ceil", re.compile(_CEIL + r"\s+" + _NUMBER.format("a") + _UNIT)),
    ("over", re.compile(_OVER + r"\s*(?:exactly )?" + _NUMBER.format("a") + _UNIT)),
    ("under", re.compile(_UNDER + r"\s*" + _NUMBER.format("a") + _UNIT)),
    ("exact", re.compile(r"(?:exactly|equal to)\s+" + _NUMBER.format("a") + _UNIT)),
)  # fmt: skip
INTERVALS_MAX: Final = 8
_UNITS: Final = {
    "percent": "%", "percentage point": "%", "percentage points": "%", "basis point": "bps",
    "basis points": "bps", "inch": "inches", "degrees": "°", "°f": "°", "°c": "°c",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Interval:
    """Values that pay YES. An end is (value, is it included); None is unbounded."""

    low: tuple[Fraction, bool] | None
    high: tuple[Fraction, bool] | None
    unit: str
    span: str

    def same_values(self, other: Interval) -> bool:
        return self.low == other.low and self.high == other.high

    def complements(self, other: Interval) -> bool:
        """Say whether exactly one of the two holds for every value."""
        for a, b in ((self, other), (other, self)):
            if a.low is None and b.high is None and a.high is not None and b.low is not None:
                return a.high[0] == b.low[0] and a.high[1] != b.low[1]
        return False

    def on_steps(self, step: Fraction) -> Interval:
        """Return the interval of the multiples of ``step`` inside, with included ends.

        For quantities that only move in steps, "1 to 25" and "25" hold the same values.
        """
        low, high = self.low, self.high
        if low is not None:
            n = low[0] / step
            first = -(-n.numerator // n.denominator)
            low = (step * (first + 1 if first * step == low[0] and not low[1] else first), True)
        if high is not None:
            n = high[0] / step
            last = n.numerator // n.denominator
            high = (step * (last - 1 if last * step == high[0] and not high[1] else last), True)
        return Interval(low, high, self.unit, self.span)


def value_of(digits: str, scale: str | None) -> Fraction:
    """Return the exact value of a written number with its scale word."""
    return Fraction(digits.replace(",", "")) * _SCALE.get((scale or "").strip(), 1)


def intervals(folded: str) -> tuple[tuple[Interval, ...], str]:
    """Return the intervals of a folded text, and the text without them."""
    found: list[tuple[int, Interval]] = []
    rest = folded
    for kind, pattern in _PATTERNS:
        while len(found) < INTERVALS_MAX and (m := pattern.search(rest)) is not None:
            found.append((m.start(), _interval(kind, m)))
            rest = rest[: m.start()] + " " * (m.end() - m.start()) + rest[m.end() :]
    found.sort(key=lambda pair: pair[0])
    return tuple(i for _, i in found), rest


def _interval(kind: str, m: re.Match[str]) -> Interval:
    groups = m.groupdict()
    unit = _UNITS.get(groups.get("unit") or "", groups.get("unit") or "")
    if not unit and "$" in m[0]:
        unit = "$"
    if not unit and "%" in m[0]:
        unit = "%"
    a = value_of(m["a"], m["au"])
    if kind == "between":
        b = value_of(m["b"], m["bu"])
        if m["bu"] and not m["au"] and a < b / 100:
            a = value_of(m["a"], m["bu"])
        low, high = (a, m["ai"] != "(exclusive)"), (b, m["bi"] != "(exclusive)")
        return Interval(low, high, unit, m[0])
    if kind == "exact":
        return Interval((a, True), (a, True), unit, m[0])
    if kind in ("floor", "over"):
        return Interval((a, kind == "floor"), None, unit, m[0])
    return Interval(None, (a, kind == "ceil"), unit, m[0])

"""Words of gate sentences: how raw parameters (text with a unit in the name) are shown.

Integers end in ``_micros``, ``_ppm``, ``_ms``, ``_s`` or ``_ns``. Rounding here is for display
only; decisions are taken on the raw numbers elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal

from shared.domain.enums import Venue
from shared.domain.units import MICROS, NS_PER_S

Raw = Mapping[str, str]
Word = Callable[[Raw], str]
"""Reads raw parameters and answers the display text; raises when one is missing."""
Severity = Literal["info", "warn", "critical"]

NAME: Final = re.compile(r"\{([a-z_]+)\}")
_VENUES: Final = {
    Venue.KALSHI.value: "Kalshi",
    Venue.POLYMARKET.value: "Polymarket",
    Venue.POLYMARKET_US.value: "Polymarket US",
}


@dataclass(frozen=True, slots=True)
class GateText:
    """One entry: the sentence, its short form for a status cell, and what can be done.

    ``words`` says how each ``{name}`` of the texts comes from raw parameters; a name
    without an entry is taken as it is.
    """

    sentence: str
    short: str
    severity: Severity
    advice: str
    words: Mapping[str, Word] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the display parameters, in order of first use."""
        return tuple(dict.fromkeys(NAME.findall(f"{self.sentence} {self.short}")))


def text(name: str) -> Word:
    return lambda raw: raw[name]


def phrase(name: str) -> Word:
    """An enum word as words: ``feed_stale`` becomes ``feed stale``."""
    return lambda raw: raw[name].replace("_", " ")


def venue(name: str = "venue") -> Word:
    return lambda raw: _VENUES.get(raw[name], raw[name])


def count(name: str) -> Word:
    return lambda raw: f"{int(raw[name]):,}"


def cents(name: str) -> Word:
    """Micro-dollars per contract as cents, two decimals, half away from zero (display only)."""
    return lambda raw: _fixed(int(raw[name]), 10_000)


def cents_lost(name: str) -> Word:
    return lambda raw: _fixed(abs(int(raw[name])), 10_000)


def cents_short(wanted: str, given: str) -> Word:
    """How far ``given`` stays below ``wanted``, both micro-dollars per contract."""
    return lambda raw: _fixed(int(raw[wanted]) - int(raw[given]), 10_000)


def dollars(name: str) -> Word:
    return lambda raw: _fixed(int(raw[name]), MICROS)


def contracts(name: str) -> Word:
    """Micro-contracts; whole numbers without decimals, else at most two."""
    return lambda raw: _fixed(int(raw[name]), MICROS).removesuffix(".00")


def percent(name: str) -> Word:
    """Parts per million as percent, one decimal."""
    return lambda raw: _fixed(int(raw[name]), 10_000, places=1)


def milliseconds(name: str) -> Word:
    return lambda raw: f"{abs(int(raw[name])):,}"


def seconds(name: str) -> Word:
    """Milliseconds as seconds, one decimal."""
    return lambda raw: _fixed(int(raw[name]), 1_000, places=1)


def minutes(name: str) -> Word:
    """Seconds as whole minutes, rounded down: time left is never overstated."""
    return lambda raw: f"{int(raw[name]) // 60:,}"


def hours(name: str) -> Word:
    """Seconds as whole hours, rounded up: an age is never understated."""
    return lambda raw: f"{-(-int(raw[name]) // 3600):,}"


def time_of_day(name: str) -> Word:
    return lambda raw: _moment(raw[name]).strftime("%H:%M:%S UTC")


def day(name: str) -> Word:
    return lambda raw: _moment(raw[name]).strftime("%-d %b %Y")


def _moment(ns: str) -> datetime:
    return datetime.fromtimestamp(int(ns) // NS_PER_S, UTC)


def _fixed(value: int, unit: int, *, places: int = 2) -> str:
    scale = 10**places
    rounded = (abs(value) * scale * 2 + unit) // (2 * unit)
    sign = "-" if value < 0 and rounded else ""
    whole, fraction = divmod(rounded, scale)
    return f"{sign}{whole:,}.{fraction:0{places}d}"

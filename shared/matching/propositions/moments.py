# ruff: noqa: E501  (patterns are kept whole)
"""Dates in a text, and the window of time that a claim is about.

Days are ordinals (``date.toordinal``) of the calendar the text itself uses; a window ends
at the start of ``end_day`` (exclusive), so that "before Jan 1, 2026" and "by Dec 31, 2025,
11:59 PM ET" are equal. A clock time inside a day is kept apart, in UTC minutes where the
text names its zone. What the text does not say is None, never a guess; a year that is
missing comes from the venue's own closing time and is marked ``is_year_inferred``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from shared.domain.units import NS_PER_S

_NAMES: Final = (
    "january february march april may june july august september october november december"
)
MONTHS: Final = {
    name[:n]: i + 1 for i, name in enumerate(_NAMES.split()) for n in {3, 4, len(name)}
}
_MONTH: Final = (
    r"(?P<{0}>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DAY: Final = r"(?P<{0}>[0-3]?\d)(?:st|nd|rd|th)?(?![\d:.%]|,\d)"
_YEAR: Final = r"(?P<{0}>20[0-4]\d)(?!\d|-\d)"
_DATE: Final = re.compile(
    r"\b(?:"
    r"(?P<iso>20\d\d-[01]\d-[0-3]\d)(?:t[0-9:.]+z)?"
    r"|" + _MONTH.format("m1") + r"\s+" + _DAY.format("d1") + r"(?:,?\s+" + _YEAR.format("y1") + r")?"
    r"|" + _DAY.format("d2") + r"\s+(?:of\s+)?" + _MONTH.format("m2")
    + r"(?:,?\s+" + _YEAR.format("y2") + r")?"
    r"|" + _MONTH.format("m3") + r",?\s+(?:of\s+)?" + _YEAR.format("y3")
    + r"|(?P<season>20[0-4]\d\s?-\s?(?:20)?[0-4]\d)(?![\d-])"
    r"|" + _YEAR.format("y4")
    + r"|(?P<this>this year)"
    r"|(?<=before )" + _MONTH.format("m5") + r"(?![a-z])"
    r"|(?<=in )" + _MONTH.format("m6") + r"(?![a-z])"
    r"|(?<=end of )" + _MONTH.format("m7") + r"(?![a-z])"
    r")"
)  # fmt: skip
_CLOCK: Final = re.compile(
    r"\b(?P<h>[0-2]?\d):(?P<min>[0-5]\d)(?::(?P<s>[0-5]\d))?\s*(?P<half>am|pm|a\.m\.|p\.m\.)?"
    r"\s*(?P<zone>et|est|edt|utc|gmt|pt|ct)?\b|\b(?P<noon>noon)\b"
)
_ZONE_MIN: Final = {"et": 240, "edt": 240, "est": 300, "utc": 0, "gmt": 0, "pt": 420, "ct": 300}
"""Minutes behind UTC. ET means summer or winter time alike: both sides of a pair that say
ET mean the same, and a difference of one hour is never what separates a day."""
_LEAD: Final = re.compile(
    r"\b(before|by|on or before|until|till|through|prior to|no later than|between|from|after|since"
    r"|as of|on|in|during|at the end of|end of|by the end of|by end of|for|of|and|to|within)"
    r"(?: the)?(?: (?:end|first|last) (?:and the last )?(?:day|second)? ?of)?\W*$"
)


@dataclass(frozen=True, slots=True)
class Moment:
    """One date in a text. ``day`` and ``month`` are 0 where only more is said."""

    year: int
    month: int
    day: int
    start: int
    end: int
    lead: str
    is_year_inferred: bool = False

    def first_day(self) -> int:
        return date(self.year, self.month or 1, self.day or 1).toordinal()

    def after_day(self) -> int:
        """Return the ordinal of the first day after the day, month or year named."""
        if self.day:
            return self.first_day() + 1
        if self.month:
            return (date(self.year, self.month, 28) + timedelta(days=4)).replace(day=1).toordinal()
        return date(self.year + 1, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Window:
    """When the thing must happen. ``mode``: by (any time until), on (one moment or day),
    in (a period). ``minute_utc`` is the clock time that the text gives to the end or moment."""

    mode: str
    start_day: int | None
    end_day: int | None
    minute_utc: int | None
    span: str

    @property
    def is_known(self) -> bool:
        return self.end_day is not None


UNKNOWN: Final = Window("", None, None, None, "")


def moments(folded: str, close_ns: int, today_ns: int = 0) -> tuple[Moment, ...]:
    """Return the dates of a folded text in order; those without any usable year are left out."""
    close = datetime.fromtimestamp(close_ns // NS_PER_S, tz=UTC) if close_ns else None
    found: list[Moment] = []
    for match in _DATE.finditer(folded):
        moment = _moment(match, close, _lead(folded, match.start()))
        if moment is not None:
            found.append(moment)
    return tuple(found)


def _lead(folded: str, at: int) -> str:
    before = _LEAD.search(folded[max(0, at - 60) : at])
    return before[1] if before else ""


def _moment(match: re.Match[str], close: datetime | None, lead: str) -> Moment | None:
    g = match.groupdict()
    inferred = False
    if g["iso"]:
        year, month, day = (int(x) for x in g["iso"].split("-"))
    elif g["season"]:
        tail = re.findall(r"\d+", g["season"])
        if int(tail[1][-2:]) != (int(tail[0][-2:]) + 1) % 100:
            return None
        year, month, day = int(tail[0]) + 1, 0, 0
        lead = "season"
    elif g["this"]:
        if close is None:
            return None
        year, month, day, inferred = (close - timedelta(days=2)).year, 0, 0, True
    else:
        name = next((g[m] for m in ("m1", "m2", "m3", "m5", "m6", "m7") if g[m]), "")
        month = MONTHS[name] if name else 0
        day = int(g["d1"] or g["d2"] or 0)
        said = g["y1"] or g["y2"] or g["y3"] or g["y4"]
        if not said and close is None:
            return None
        year = int(said) if said else _year_near(close, month, day, bool(g["m5"]))
        inferred = not said
    try:
        date(year, month or 1, day or 1)
    except ValueError:
        return None
    return Moment(year, month, day, match.start(), match.end(), lead, inferred)


def _year_near(close: datetime | None, month: int, day: int, is_before: bool) -> int:
    """Return the year that puts a day nearest to the closing time."""
    assert close is not None and month
    aim = close + timedelta(days=1) if is_before else close
    options = (aim.year - 1, aim.year, aim.year + 1)
    middle = day or 15
    return min(
        options,
        key=lambda y: abs((date(y, month, min(middle, 28)) - aim.date()).days),
    )


def clock_minute(folded: str) -> int | None:
    """Return the last clock time of a text in UTC minutes of the day; None without one."""
    last: int | None = None
    for m in _CLOCK.finditer(folded):
        if m["noon"]:
            last = 12 * 60 + 240
            continue
        if not m["half"] and not m["zone"]:
            continue
        hour = (
            int(m["h"]) % 12 + (12 if (m["half"] or "")[:1] == "p" else 0)
            if m["half"]
            else int(m["h"])
        )
        last = hour * 60 + int(m["min"]) + _ZONE_MIN.get(m["zone"] or "et", 240)
    return last


_UNTIL: Final = ("before", "by", "on or before", "until", "till", "through", "prior to", "no later than",
                 "by the end of", "by end of", "within")  # fmt: skip
_SNAP: Final = ("on", "as of", "at the end of", "end of")


def window(folded: str, found: tuple[Moment, ...]) -> Window:
    """Return the window of a claim from its dates; ``UNKNOWN`` when they state none."""
    usable = [m for m in found if m.lead not in ("season", "after", "since", "of", "for")]
    if not usable:
        usable = [m for m in found if m.lead in ("of", "for") and m.month]
    if not usable:
        return UNKNOWN
    span = folded[max(0, usable[0].start - 12) : usable[-1].end + 24]
    minute = clock_minute(folded)
    is_day_end = minute is not None and minute % 1440 in (1439, 239, 299)  # 11:59 PM
    if minute is not None and minute % 1440 in (1439, 0, 239, 240, 299, 300):
        minute = None  # the end of the day itself
    first, last = usable[0], usable[-1]
    is_range = first is not last and (
        first.lead in ("between", "from")
        or folded[first.end : last.start].strip(" ,") in ("-", "and")
    )
    if is_range or (len(usable) > 1 and last.lead in ("and", "to")):
        return Window("by", first.first_day(), last.after_day(), minute, span)
    chosen = next((m for m in usable if m.lead in _UNTIL), last)
    if chosen.lead in ("before", "prior to"):
        end = chosen.after_day() if is_day_end and chosen.day else chosen.first_day()
        return Window("by", None, end, minute, span)
    if chosen.lead in _UNTIL:
        return Window("by", None, chosen.after_day(), minute, span)
    if chosen.day or chosen.lead in _SNAP:
        return Window(
            "on", chosen.first_day() if chosen.day else None, chosen.after_day(), minute, span
        )
    return Window("in", chosen.first_day(), chosen.after_day(), minute, span)


def editions(found: tuple[Moment, ...]) -> frozenset[int]:
    """Return the years that a text names (the second year of a season)."""
    return frozenset(
        m.year - (m.lead in ("before", "prior to") and m.day <= 1 and m.month <= 1)
        for m in found
        if not m.is_year_inferred or m.lead == "in"
    )


_SUPER_BOWL: Final = re.compile(r"super bowl ([ivxlc]+)\b")
_ROMAN: Final = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}
_BEFORE_FIRST_BOWL: Final = 1966


def numbered_editions(folded: str) -> frozenset[int]:
    """Return the years of contests that are counted instead of dated: Super Bowl LX is 2026's."""
    found = set()
    for match in _SUPER_BOWL.finditer(folded):
        digits = [_ROMAN[letter] for letter in match[1]]
        pairs = zip(digits, [*digits[1:], 0], strict=True)
        found.add(_BEFORE_FIRST_BOWL + sum(-d if d < after else d for d, after in pairs))
    return frozenset(found)

# ruff: noqa: E501  (patterns are kept whole)
"""Short names of pairs for screens: at most 28 characters, threshold and date never cut."""

from __future__ import annotations

import re
from datetime import date
from fractions import Fraction
from typing import Final

from shared.matching.propositions import Kind, Proposition
from shared.matching.propositions.thresholds import Interval
from shared.matching.text import plain

NAME_MAX: Final = 28
_LEAD: Final = re.compile(r"^(?:will (?:the )?|who will |what will |how many |the )", re.IGNORECASE)
_DATE: Final = re.compile(
    r",? ?(?:\b(?:before|by|on|in|at|during|for|of|after)\b )?(?:the )?(?:end of )?\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
    r"[a-z]*\.?(?: \d{1,2}(?:st|nd|rd|th)?)?(?:,? 20\d\d)?\b(?:,? (?:at )?[\d:]+ utc)?|,? ?\b(?:in |before |by )?20\d\d(?:-\d\d)?\b|\?",
    re.IGNORECASE,
)  # fmt: skip
_NUMBER: Final = re.compile(
    r"\b(?:be |rise |trade |hit |is |go )*(?:above|below|more than|less than|at least|over|under|between)? ?\$?\d[\d,.]*\s?(?:%|bps|inches|MW|pips)?(?: (?:or|and) (?:more|less|higher|lower|\$?\d[\d,.]*))?\b%?",
    re.IGNORECASE,
)


def pair_name(a: Proposition, b: Proposition) -> str:
    """Return the name of a pair: what it is about, its threshold and its date."""
    tail = " ".join(t for t in (_values(a), _when(a)) if t)
    room = NAME_MAX - (len(tail) + 1 if tail else 0)
    head = _game_head(a) if a.kind is Kind.GAME else _head(a, b)
    if len(head) > room:
        cut = head[: max(0, room - 1)]
        whole = cut.rsplit(" ", 1)[0]
        head = (whole if len(whole) >= room // 2 else cut).rstrip(" ,:-") + (
            "…" if room > 1 else ""
        )
    name = " ".join(t for t in (head, tail) if t)[:NAME_MAX]
    return name or "pair"


def _head(a: Proposition, b: Proposition) -> str:
    """Return the shorter of both questions without date, threshold and filler."""
    heads = [_bare(p.market.question, has_value=bool(p.values)) for p in (a, b)]
    usable = [h for h in heads if len(h) >= HEAD_MIN] or heads
    head = min(usable, key=len)
    return head[:1].upper() + head[1:]


HEAD_MIN: Final = 5
_FILLER: Final = re.compile(
    r"\b(?:the )?(?:price|number|spot price|level|amount) of (?:the )?|\bconcurrent |\(.*?\)|^(?:it|there) "
    r"|\b(?:be|trade|rise|hit|exceed|end|finish)s?(?: (?:by|up|at|above|below|over|under|more than|the))?$"
)


def _bare(question: str, *, has_value: bool) -> str:
    head = _DATE.sub("", _LEAD.sub("", plain(question).replace("**", "")))
    if has_value:
        head = _NUMBER.sub(" ", head, count=1)
    for _ in range(2):
        head = _FILLER.sub("", re.sub(r"\s+", " ", head).strip(" ,:-?"))
    return head.strip(" ,:-")


def _game_head(a: Proposition) -> str:
    assert a.sides is not None
    label = plain(a.market.label)
    pick = "" if label.startswith("~") else label
    if not a.sides.second:
        return pick or a.sides.first.title()
    first, second = (s.split()[-1].title() for s in (a.sides.first, a.sides.second))
    game = f"{first} v {second}"
    return game if not pick or pick.split()[-1] == first else f"{pick.split()[-1]}: {game}"


def _values(a: Proposition) -> str:
    if not a.values:
        return ""
    value = a.values[0]
    return _interval(value)


def _interval(v: Interval) -> str:
    low, high = v.low, v.high
    if low and high:
        if low[0] == high[0]:
            return _unit(low[0], v.unit)
        return f"{_short(low[0])}-{_unit(high[0], v.unit)}"
    if low:
        return (">=" if low[1] else ">") + _unit(low[0], v.unit)
    assert high is not None
    return ("<=" if high[1] else "<") + _unit(high[0], v.unit)


def _unit(value: Fraction, unit: str) -> str:
    number = _short(value)
    if unit == "$":
        return f"${number}"
    return f"{number}{unit}" if unit in ("%", "bps", "°") else number


def _short(value: Fraction) -> str:
    """Return an exact short text: 108,000 is 108k, 4.3 stays 4.3."""
    whole = value.denominator == 1
    if whole and abs(value) >= 1_000_000 and value.numerator % 10_000 == 0:
        return f"{value.numerator / 1_000_000:g}M"
    if whole and abs(value) >= 10_000 and value.numerator % 1_000 == 0:
        return f"{value.numerator // 1_000}k"
    if whole:
        return f"{value.numerator:,}" if abs(value) >= 10_000 else str(value.numerator)
    return f"{float(value):g}" if abs(value) < 10_000 else f"{float(value):.2f}"


def _when(a: Proposition) -> str:
    if a.kind is Kind.GAME and a.day:
        when = date.fromordinal(a.day)
        return f"{when:%b} {when.day}"
    if a.window.end_day is None:
        return str(max(a.years)) if a.years else ""
    end = date.fromordinal(a.window.end_day)
    if a.window.mode == "by" and end.day == 1 and end.month == 1:
        return str(end.year - 1)
    last = date.fromordinal(a.window.end_day - 1)
    text = f"{last:%b} {last.day}"
    minute = a.window.minute_utc
    if minute is not None:
        text += f" {minute % 1440 // 60:02d}:{minute % 60:02d}"
    return text

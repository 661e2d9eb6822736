# ruff: noqa: E501  (patterns are kept whole)
"""Times that a whole text gives beside its claim: own contradictions, event days, deadlines."""

from __future__ import annotations

import re
from typing import Final

from shared.domain.enums import Venue
from shared.matching.market_text import MarketText, tagged_date
from shared.matching.propositions import moments as when
from shared.matching.propositions.clauses import Clause
from shared.matching.text import SENTENCE_MAX, fold


def contradicts(
    market: MarketText, text: str, claim: tuple[when.Moment, ...], title: tuple[when.Moment, ...]
) -> bool:
    """Say whether the title speaks of a year that neither claim (``text``) nor rules know.

    Where the sentence that pays names a year, that one counts; else any of the rules.
    """
    said = when.editions(title) | when.numbered_editions(fold(market.question))
    known = when.editions(claim) | when.numbered_editions(text)
    if not known:
        known = when.editions(when.moments(fold(market.rules), market.close_ns))
    return bool(said) and bool(known) and not said & known


def other_month(claim: tuple[when.Moment, ...], title: tuple[when.Moment, ...]) -> bool:
    """Say whether claim and title put one meeting into different months."""
    one, two = ({(m.year, m.month) for m in dates if m.month} for dates in (claim, title))
    return bool(one) and bool(two) and not one & two


_TAKES_PLACE: Final = re.compile(
    r"(?:scheduled (?:for|on|to (?:take place|be held) (?:on|in \w+ on))|takes? place on|be held (?:on|in \w+ on)"
    r"|presented on|originally scheduled for) (?P<d>.{6,40})"
)


def event_days(split: tuple[str, ...], close: int) -> frozenset[int]:
    """Return the ordinals of the days on which sentences say that the thing takes place."""
    found: set[int] = set()
    for sentence in split:
        said = _TAKES_PLACE.search(fold(sentence[:SENTENCE_MAX]))
        if said is not None:
            days = [m for m in when.moments(said["d"], close) if m.day and m.start <= 8]
            found.update(m.first_day() for m in days[:1])
    return frozenset(found)


_CODE_START: Final = re.compile(r"-\d\d[A-Z]{3}\d\d([0-2]\d)([0-5]\d)(?=[A-Z])")
_TEXT_START: Final = re.compile(
    r"scheduled (?:for|on|to \w+ on) [^.:]{3,40}? at (?P<t>\d{1,2}:\d\d ?(?:am|pm) et)\b"
)


def start_minute(market: MarketText, rules: str) -> int | None:
    """Return when a game starts, in UTC minutes after its eastern midnight, where it is said.

    Kalshi's event codes carry the eastern time; Polymarket's texts write it with its zone.
    """
    coded = _CODE_START.search(market.event_code)
    if coded is not None:
        return int(coded[1]) * 60 + int(coded[2]) + 240
    said = _TEXT_START.search(rules)
    return when.clock_minute(said["t"]) if said is not None else None


def deadline(window: when.Window, clauses: dict[str, Clause], close: int) -> int | None:
    """Return the deadline of the claim, else the one of the clause for an open result."""
    if window.mode == "by" and window.end_day is not None:
        return window.end_day
    clause = clauses.get("no_result")
    if clause is None:
        return None
    text = fold(clause.span)
    until = when.window(text, when.moments(text, close))
    return until.end_day if until.mode == "by" else None


def tag_year(market: MarketText) -> frozenset[int]:
    """Return the year that the code of a Kalshi event carries, or nothing."""
    if market.venue is not Venue.KALSHI:
        return frozenset()
    year, _, _ = tagged_date(market.event_code)
    return frozenset({year}) if year else frozenset()

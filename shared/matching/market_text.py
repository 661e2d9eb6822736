"""What the matcher reads of one market, the same for every venue and for labelled rows."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from shared.domain.enums import Venue
from shared.domain.units import NS_PER_S
from shared.matching.text import fold
from shared.ports.venue import CatalogueMarket

YES_NO: Final = ("Yes", "No")
RAW_KEYS: Final = ("outcomes", "groupItemTitle", "marketSides")
"""What is read of a venue's raw object; listings without the rest of it are enough."""
_TAG_YEAR: Final = re.compile(r"[A-Z]{2,}(\d\d)$")
_TAG_DATE: Final = re.compile(
    r"(\d\d)(?:(JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)(\d\d)?|$)"
)


@dataclass(frozen=True, slots=True)
class MarketText:
    """Texts and times of one market. ``outcomes[0]`` is what YES means.

    ``event_code`` is the venue's id of the event: the last resort for the edition of a
    contest or the day of a game when no text states it. ``close_ns`` 0 means unknown.
    """

    market_id: str
    venue: Venue
    question: str
    label: str
    event_title: str
    rules: str
    source: str
    outcomes: tuple[str, str] = ("Yes", "No")
    close_ns: int = 0
    event_code: str = ""
    series: str = ""
    category: str = ""
    tags: tuple[str, ...] = ()

    @property
    def is_yes_no(self) -> bool:
        return tuple(fold(o) for o in self.outcomes) == ("yes", "no")


TITLE_MAX: Final = 400
RULES_MAX: Final = 12_000
"""Characters read of a title and of a rules text; the longest real ones have 190 and 9,000."""


def bounded(market: MarketText) -> tuple[MarketText, bool]:
    """Return a market with its texts cut to what is read, and whether anything was cut.

    Market text is untrusted: without a bound, a long one could cost minutes to read.
    """
    cut = replace(
        market,
        question=market.question[:TITLE_MAX],
        label=market.label[:TITLE_MAX],
        event_title=market.event_title[:TITLE_MAX],
        rules=market.rules[:RULES_MAX],
        source=market.source[:TITLE_MAX],
        outcomes=(market.outcomes[0][:TITLE_MAX], market.outcomes[1][:TITLE_MAX]),
    )
    return cut, cut != market


def from_catalogue(market: CatalogueMarket) -> MarketText:
    """Return the texts of a listed market."""
    instrument = market.instrument
    outcomes = YES_NO
    label = market.outcome_label
    if instrument.venue is Venue.POLYMARKET_US:
        outcomes = _sides(market.raw.get("marketSides"))
        label = ""
    elif instrument.venue is not Venue.KALSHI:
        outcomes = _outcomes(market.raw.get("outcomes"))
        label = str(market.raw.get("groupItemTitle") or "")
    return MarketText(
        market_id=instrument.market_id,
        venue=instrument.venue,
        question=market.question,
        label=label,
        event_title=market.event_title,
        rules=market.rules_text,
        source=market.resolution_source,
        outcomes=outcomes,
        close_ns=instrument.close_ns,
        event_code=instrument.event_id if instrument.venue is Venue.KALSHI else "",
        series=instrument.series_id,
        category=instrument.category,
        tags=market.tags,
    )


def _sides(sides: Any) -> tuple[str, str]:
    """Return what the long and the short side are called; Yes and No where neither is said."""
    names: dict[bool, str] = {}
    for side in sides if isinstance(sides, list) else ():
        if isinstance(side, dict) and isinstance(side.get("long"), bool):
            names[side["long"]] = str(side.get("description") or "")
    if not names.get(True) or not names.get(False):
        return YES_NO
    return names[True], names[False]


def from_row(row: Mapping[str, Any], *, titles_only: bool = False) -> tuple[MarketText, MarketText]:
    """Return (Kalshi side, Polymarket side) of a labelled row.

    A row without an outcome label carries it only as the ending of its ticker.
    """
    kalshi, other = row["kalshi"], row["polymarket"]
    return kalshi_of(kalshi, titles_only=titles_only), polymarket_of(other, titles_only=titles_only)


def kalshi_of(raw: Mapping[str, Any], *, titles_only: bool = False) -> MarketText:
    """Return the texts of a Kalshi market object or labelled side."""
    ticker = str(raw.get("ticker") or "")
    event = str(raw.get("event_ticker") or "") or ticker
    rules = "" if titles_only else _join(raw.get("rules_primary"), raw.get("rules_secondary"))
    return MarketText(
        market_id=f"kalshi:{ticker}",
        venue=Venue.KALSHI,
        question=str(raw.get("title") or ""),
        label=str(raw.get("yes_sub_title") or "") or "~" + ticker.rsplit("-", 1)[-1],
        event_title=str(raw.get("event_title") or ""),
        rules=rules,
        source="",
        close_ns=_ns(raw.get("close_time")),
        event_code=event,
        series=ticker.split("-", 1)[0],
        category=str(raw.get("category") or ""),
    )


def polymarket_of(raw: Mapping[str, Any], *, titles_only: bool = False) -> MarketText:
    """Return the texts of a Polymarket market object or labelled side."""
    native = raw.get("condition_id") or raw.get("conditionId")
    native = native or raw.get("market_id") or raw.get("id") or "?"
    event = _event(raw)
    return MarketText(
        market_id=f"polymarket:{native}",
        venue=Venue.POLYMARKET,
        question=str(raw.get("question") or ""),
        label=str(raw.get("group_item_title") or raw.get("groupItemTitle") or ""),
        event_title=str(raw.get("event_title") or event.get("title") or ""),
        rules="" if titles_only else str(raw.get("description") or ""),
        source=str(raw.get("resolution_source") or raw.get("resolutionSource") or ""),
        outcomes=_outcomes(raw.get("outcomes")),
        close_ns=_ns(raw.get("end_date") or raw.get("endDate")),
        series=str(event.get("slug") or ""),
    )


def _event(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the event that a Gamma market object carries, or nothing."""
    events = raw.get("events")
    first = events[0] if isinstance(events, list) and events else None
    return first if isinstance(first, dict) else {}


def _join(*texts: Any) -> str:
    """Join rule texts, leaving out one that repeats what an earlier one says."""
    kept: list[str] = []
    for text in texts:
        if text and not any(str(text) in earlier for earlier in kept):
            kept.append(str(text))
    return "\n\n".join(kept)


def _outcomes(value: Any) -> tuple[str, str]:
    """Read two outcome names; anything else counts as Yes and No, as most markets are."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return YES_NO
    if isinstance(value, (list, tuple)) and len(value) == 2:
        return str(value[0]), str(value[1])
    return YES_NO


def _ns(value: Any) -> int:
    if not value:
        return 0
    try:
        when = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError:
        return 0
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return int(when.timestamp()) * NS_PER_S


def tagged_date(event_code: str) -> tuple[int, int, int]:
    """Return (year, month, day) that an event code carries; 0 for what it does not.

    ``KXNBA-25`` is (2025, 0, 0); ``KXNBAGAME-26JAN23PHXATL`` is (2026, 1, 23). A part that
    is nothing but a date goes before one that ends in two digits.
    """
    parts = event_code.split("-")[1:]
    months = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split()
    for part in parts:
        found = _TAG_DATE.match(part)
        if found is None or not 20 <= int(found[1]) < 40:
            continue
        month = months.index(found[2]) + 1 if found[2] else 0
        day = int(found[3]) if month and found[3] and int(found[3]) <= 31 else 0
        return 2000 + int(found[1]), month, day
    ending = _TAG_YEAR.search(parts[0]) if parts else None
    if ending is not None and 20 <= int(ending[1]) < 40:
        return 2000 + int(ending[1]), 0, 0
    return 0, 0, 0

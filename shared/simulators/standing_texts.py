"""How a row of the standing catalogue becomes both sides of a question.

A row is plain data: texts with ``{fields}`` of the month. ``k_`` belongs to Kalshi,
``p_`` to Polymarket.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from shared.domain.enums import FeeType
from shared.exchange.seeded import draw_between, stream_key
from shared.simulators.calendar_month import Month
from shared.simulators.questions import KalshiSide, Kinship, PolymarketSide, Question


@dataclass(frozen=True, slots=True)
class K:
    """Kalshi side of a row."""

    series: str
    suffix: str
    title: str
    sub: str
    primary: str
    secondary: str
    category: str
    source: str
    url: str
    strike_type: str = "custom"
    floor: float | None = None
    multiplier_ppm: int = 1_000_000
    has_maker_fee: bool = False
    event_title: str = ""


@dataclass(frozen=True, slots=True)
class P:
    """Polymarket side of a row."""

    slug: str
    question: str
    description: str
    url: str
    tags: tuple[str, ...]
    fee_type: str = "general_fees"
    rate_ppm: int = 50_000
    tick_micros: int = 10_000
    outcomes: tuple[str, str] = ("Yes", "No")


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    kinship: Kinship
    k: K | None
    p: P | None
    chance: float = 0.5
    words: dict[str, str] = field(default_factory=dict)


def question_of(row: Row, month: Month, seed: int) -> Question:
    """Return the question of a row in a month; its chance moves a little with the month."""
    words = month.words | row.words
    key = f"{row.name}-{words['slug']}"
    stream = stream_key(seed, f"standing/{key}")
    chance = min(0.93, max(0.07, row.chance + draw_between(stream, 0, -60, 60) / 1_000))
    other = min(0.93, max(0.07, chance + draw_between(stream, 1, -50, 50) / 1_000))
    return Question(
        key=key,
        kinship=row.kinship,
        open_ns=month.start_ns,
        close_ns=month.end_ns,
        chance=chance,
        kalshi=None if row.k is None else _kalshi(row.k, words),
        polymarket=None if row.p is None else _polymarket(row.p, words),
        other_key=f"{key}/other" if row.kinship is Kinship.TRAP else "",
        other_chance=other,
    )


def _fill(text: str, words: dict[str, Any]) -> str:
    return text.format_map(words)


def _kalshi(k: K, words: dict[str, str]) -> KalshiSide:
    title = _fill(k.title, words)
    return KalshiSide(
        series=k.series,
        event=f"{k.series}-{words['tag']}",
        suffix=k.suffix,
        series_title=_fill(k.event_title or k.title, words).split(" in ")[0].rstrip("?"),
        event_title=_fill(k.event_title or k.title, words),
        title=title,
        yes_sub_title=_fill(k.sub, words),
        rules_primary=_fill(k.primary, words),
        rules_secondary=_fill(k.secondary, words),
        category=k.category,
        source_name=k.source,
        source_url=k.url,
        strike_type=k.strike_type,
        floor_strike=k.floor,
        fee_type=FeeType.KALSHI_QUADRATIC_MAKER if k.has_maker_fee else FeeType.KALSHI_QUADRATIC,
        multiplier_ppm=k.multiplier_ppm,
        shard=2 if k.category == "Crypto" else 0,
        frequency="monthly",
    )


def _polymarket(p: P, words: dict[str, str]) -> PolymarketSide:
    question = _fill(p.question, words)
    return PolymarketSide(
        slug=f"{p.slug}-{words['slug']}",
        event_slug=f"{p.slug}-event-{words['slug']}",
        event_title=question.rstrip("?"),
        question=question,
        description=_fill(p.description, words),
        resolution_source=p.url,
        tags=p.tags,
        fee_type=p.fee_type,
        rate_ppm=p.rate_ppm,
        tick_micros=p.tick_micros,
        outcomes=p.outcomes,
    )

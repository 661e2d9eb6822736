"""The simulated venues' questions as catalogue entries, without a server in between."""

from __future__ import annotations

import json
from collections.abc import Iterator

from shared.ports.venue import CatalogueMarket
from shared.simulators.calendar_month import Month
from shared.simulators.questions import KalshiSide, PolymarketSide, Question
from shared.simulators.rolling_families import indexes_alive, makers, rolling_question
from shared.simulators.standing_pairs import PAIRS
from shared.simulators.standing_singles import KALSHI_SINGLES, POLYMARKET_SINGLES
from shared.simulators.standing_texts import question_of
from shared.simulators.standing_traps import TRAPS
from shared.simulators.venue_objects import kalshi_market, polymarket_market

SEED = 7
NOON_NS = 1_789_560_000 * 10**9
"""2026-09-16 12:00 UTC."""


def questions(now_ns: int = NOON_NS, seed: int = SEED) -> Iterator[Question]:
    """Yield the standing questions of the month and the rolling ones alive."""
    month = Month.at(now_ns)
    for row in (*PAIRS, *TRAPS, *KALSHI_SINGLES, *POLYMARKET_SINGLES):
        yield question_of(row, month, seed)
    for family in range(len(makers())):
        for index in indexes_alive(now_ns, family, now_ns):
            question = rolling_question(seed, family, index)
            if question.close_ns > now_ns:
                yield question


def kalshi_entry(question: Question, side: KalshiSide) -> CatalogueMarket:
    listed = kalshi_market(question, side)
    return CatalogueMarket(
        instrument=listed.instrument,
        event_title=f"{side.event_title} ({side.yes_sub_title})",
        question=side.title,
        outcome_label=side.yes_sub_title,
        rules_text=f"{side.rules_primary}\n\n{side.rules_secondary}",
        resolution_source=side.source_name,
        tags=side.tags,
        raw=listed.raw,
    )


def polymarket_entry(question: Question, side: PolymarketSide) -> CatalogueMarket:
    listed = polymarket_market(SEED, question, side)
    assert json.loads(listed.raw["outcomes"]) == list(side.outcomes)
    return CatalogueMarket(
        instrument=listed.instrument,
        event_title=side.event_title,
        question=side.question,
        outcome_label=side.outcomes[0],
        rules_text=side.description,
        resolution_source=side.resolution_source,
        tags=side.tags,
        raw=listed.raw,
    )


def entries(now_ns: int = NOON_NS) -> tuple[list[CatalogueMarket], list[CatalogueMarket]]:
    """Return everything that both venues list, (Kalshi, Polymarket)."""
    kalshi: list[CatalogueMarket] = []
    polymarket: list[CatalogueMarket] = []
    for question in questions(now_ns):
        if question.kalshi is not None:
            kalshi.append(kalshi_entry(question, question.kalshi))
        if question.polymarket is not None:
            polymarket.append(polymarket_entry(question, question.polymarket))
    return kalshi, polymarket

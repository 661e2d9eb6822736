"""Judges pairs of listed markets: each market read once, rules first, then an opinion.

The ranker is asked only about pairs that the rules confirm: it can lower a verdict and
nothing else, so there is no reason to pay for its opinion of any other.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from shared.domain.enums import Verdict
from shared.domain.units import NS_PER_S
from shared.matching.market_text import MarketText, from_catalogue
from shared.matching.propositions import Proposition, parse
from shared.matching.verdicts import Judgement, accepted_tails, judge, source_key, weigh
from shared.ports.language_model import (
    AskedMarket,
    Opinion,
    Ranker,
    RankerUnavailableError,
    RankRequest,
)
from shared.ports.matching import Ruling, RulingKind
from shared.ports.venue import CatalogueMarket
from shared.services.pair_rows import judged_row

AT_ONCE: Final = 8
"""Questions to a ranker under way at the same time."""
_PARSED_MAX: Final = 20_000
_parsed: OrderedDict[tuple[str, str, str], Proposition] = OrderedDict()
"""Propositions by (market, rules hash, question), kept between runs of one warm process."""


async def judge_pairs(
    pairs: Sequence[tuple[CatalogueMarket, CatalogueMarket]],
    allowed: Sequence[Ruling],
    accept_score_ppm: int,
    now_ns: int,
    *,
    ranker: Ranker | None = None,
    needs_opinion: bool = False,
) -> list[dict[str, Any]]:
    """Return the row of every pair, in order."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(a: CatalogueMarket, b: CatalogueMarket) -> dict[str, Any]:
        x, y = from_catalogue(a), from_catalogue(b)
        read = parsed(x, a.instrument.rules_hash), parsed(y, b.instrument.rules_hash)
        note = source_note(a, b, read, allowed)
        result = judge(*read, accept_score_ppm, source_note=note)
        if ranker is not None and result.verdict is Verdict.CONFIRMED:
            async with gate:
                opinion = await ask(ranker, (a, b), (x, y), result)
            result = weigh(result, opinion, accept_score_ppm, is_required=needs_opinion)
        elif needs_opinion:
            result = weigh(result, None, accept_score_ppm, is_required=True)
        return judged_row(a, b, read, result, now_ns)

    rows: list[dict[str, Any]] = []
    step = 1_000
    for start in range(0, len(pairs), step):
        rows += await asyncio.gather(*(one(a, b) for a, b in pairs[start : start + step]))
    assert len(rows) == len(pairs)
    return rows


def parsed(market: MarketText, rules_hash: str) -> Proposition:
    """Return what a market claims, read once per text and kept for the next pair with it."""
    key = (market.market_id, rules_hash, market.question)
    known = _parsed.get(key)
    if known is None or known.market.rules != market.rules:
        known = _parsed[key] = parse(market)
        if len(_parsed) > _PARSED_MAX:
            _parsed.popitem(last=False)
    return known


def source_note(
    a: CatalogueMarket,
    b: CatalogueMarket,
    read: tuple[Proposition, Proposition],
    allowed: Sequence[Ruling],
) -> str:
    """Return who allowlisted these two sources, or this pair, and why; empty when nobody."""
    markets = {a.instrument.market_id, b.instrument.market_id}
    sources = {source_key(side) for side in read}
    for ruling in allowed:
        names = {ruling.a, ruling.b}
        if ruling.kind is RulingKind.PAIR and names == markets:
            return f"{ruling.actor}, {ruling.reason}"
        if ruling.kind is RulingKind.SOURCE and names == sources:
            return f"{ruling.actor}, {ruling.reason}"
    return ""


async def ask(
    ranker: Ranker,
    markets: tuple[CatalogueMarket, CatalogueMarket],
    texts: tuple[MarketText, MarketText],
    result: Judgement,
) -> Opinion | None:
    """Return the ranker's opinion, None when it has none: then the caller treats it so."""
    a, b = (_asked(market, text) for market, text in zip(markets, texts, strict=True))
    try:
        return await ranker.rank(RankRequest(a, b, accepted_tails(result)))
    except RankerUnavailableError:
        return None


def _asked(market: CatalogueMarket, text: MarketText) -> AskedMarket:
    close_ns = market.instrument.close_ns
    closes = datetime.fromtimestamp(close_ns // NS_PER_S, UTC).isoformat() if close_ns else ""
    return AskedMarket(
        title=text.question,
        outcome=text.label or text.outcomes[0],
        rules=text.rules,
        source=text.source,
        closes=closes,
        rules_hash=market.instrument.rules_hash,
    )

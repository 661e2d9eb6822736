"""Runs the matcher over the record: candidates, rules, opinions, verdicts, the active set.

Three steps, each of which the state machine runs by itself and ``run`` one after the other:
``find`` names the pairs worth comparing; ``rank`` judges some of them by the rules and asks
for a second opinion; ``settle`` stores what may be stored. ``settle`` has the last word: a
judgement on terms that a market no longer has is dropped, a pair or series that a person
blocked is blocked, a person's own verdict stands, and a pair that waits for a person waits.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from shared.domain.config import Config
from shared.domain.enums import MarketStatus, Venue, Verdict
from shared.domain.ids import MarketId
from shared.matching import candidates
from shared.matching.evaluation import evaluate, universe
from shared.matching.market_text import from_catalogue
from shared.ports.language_model import Embedder, Ranker
from shared.ports.matching import PairRulings, Ruling, RulingKind, RulingList
from shared.ports.stores import CatalogueStore, LiveFlags, Row
from shared.ports.venue import CatalogueMarket
from shared.services.pair_judging import judge_pairs
from shared.services.pair_rows import (
    CONFIRMED,
    REVIEW,
    RULES,
    changed_term,
    lower_changed,
    lowered,
)

__all__ = ["evaluate", "find", "rank", "run", "settle", "universe"]

POINTER: Final = "pairs"
ACCEPT_PPM: Final = Config().llm_accept_score_ppm
_ENDED: Final = (MarketStatus.CLOSED, MarketStatus.DETERMINED, MarketStatus.SETTLED)

Pair = tuple[MarketId, MarketId]


def find(
    store: CatalogueStore,
    now_ns: int,
    *,
    embedder: Embedder | None = None,
    venues: Collection[Venue] = tuple(Venue),
) -> Iterator[Pair]:
    """Yield the pairs worth comparing, of every two of ``venues`` that list markets.

    The venue that comes first in ``Venue`` is A, so that Kalshi is A whenever it is one.

    Raises:
        StoreError: the record did not answer.
    """
    assert now_ns > 0
    open_by_venue = {
        venue: [from_catalogue(m) for m in store.list_titles(venue.value) if _trades(m, now_ns)]
        for venue in Venue
        if venue in venues
    }
    for first, second in itertools.combinations(open_by_venue, 2):
        one, two = open_by_venue[first], open_by_venue[second]
        if not one or not two:
            continue
        for i, j in candidates.pairs(one, two, embedder=embedder):
            yield MarketId(one[i].market_id), MarketId(two[j].market_id)


async def rank(
    store: CatalogueStore,
    pairs: Sequence[Pair],
    rulings: Sequence[Ruling],
    now_ns: int,
    *,
    accept_score_ppm: int = ACCEPT_PPM,
    ranker: Ranker | None = None,
    needs_opinion: bool = False,
) -> list[dict[str, Any]]:
    """Return the rows of the pairs as rules and ranker see them; stores nothing.

    A pair whose market ended or is unknown is left out. ``needs_opinion`` (live mode): what
    the rules confirm waits for a person where the ranker has no opinion.
    """
    assert now_ns > 0 and 0 < accept_score_ppm <= 1_000_000
    wanted = sorted({market for pair in pairs for market in pair})
    known = await asyncio.to_thread(store.markets_by_id, wanted)
    present = [
        (known[a], known[b])
        for a, b in pairs
        if a in known and b in known and _trades(known[a], now_ns) and _trades(known[b], now_ns)
    ]
    allowed = [r for r in rulings if r.list is RulingList.ALLOW]
    return await judge_pairs(
        present, allowed, accept_score_ppm, now_ns, ranker=ranker, needs_opinion=needs_opinion
    )


def settle(
    store: CatalogueStore,
    rulings: PairRulings,
    judged: Sequence[Row],
    now_ns: int,
    *,
    flags: LiveFlags | None = None,
) -> dict[str, int]:
    """Store verdicts and what changed since; return counts by verdict.

    With ``flags`` the pointer that the trader polls is set to the version of the set.

    Raises:
        StoreError: the record did not answer.
    """
    assert now_ns > 0
    rows = _known(store)
    named = {m for row in rows.values() for m in _markets(row)}
    named |= {m for row in judged for m in _markets(row)}
    known = store.markets_by_id(sorted(named))
    changed = _lower(store, rows, known, now_ns)
    rows = _known(store)
    blocks = [r for r in rulings.list_rulings() if r.list is RulingList.BLOCK]
    counts: Counter[str] = Counter(candidates=len(judged))
    fresh: dict[str, Row] = {}
    for row in judged:
        old = rows.get(str(row["id"]))
        verdict = _settled(row, old, blocks, known)
        if verdict is not None:
            fresh[str(row["id"])] = verdict
        shown = verdict or (row if old is None else old)
        counts[str(shown["verdict"])] += 1
    blocked = {**rows, **fresh}.values()
    barred = [r for row in blocked if (r := _blocked(row, blocks, known, now_ns))]
    for row in barred:
        fresh.pop(str(row["id"]), None)
    changed += store.save_verdicts(list(fresh.values()))
    changed += store.save_verdicts(barred, overrule=True)
    counts["changed"] = changed
    if flags is not None:
        flags.put_pointer(POINTER, store.load_pair_set()[0])
    return dict(counts)


def run(
    store: CatalogueStore,
    rulings: PairRulings,
    now_ns: int,
    *,
    accept_score_ppm: int = ACCEPT_PPM,
    flags: LiveFlags | None = None,
    embedder: Embedder | None = None,
    venues: Collection[Venue] = tuple(Venue),
) -> dict[str, int]:
    """Find, rank by the rules alone and settle in one process; return counts by verdict.

    Raises:
        StoreError: the record did not answer.
    """
    pairs = list(find(store, now_ns, embedder=embedder, venues=venues))
    listed = rulings.list_rulings()
    judged = asyncio.run(rank(store, pairs, listed, now_ns, accept_score_ppm=accept_score_ppm))
    return settle(store, rulings, judged, now_ns, flags=flags)


def _known(store: CatalogueStore) -> dict[str, Row]:
    """Return the pairs that a run may change, by id.

    Ended pairs only grow in number and never come back but by a new judgement, which the
    store merges by id; they are not read.
    """
    verdicts = [v for v in Verdict if v is not Verdict.DEACTIVATED]
    return {str(row["id"]): row for v in verdicts for row in store.list_pairs(verdict=v.value)}


def _markets(row: Row) -> Pair:
    return MarketId(row["market_a_id"]), MarketId(row["market_b_id"])


def _trades(market: CatalogueMarket, now_ns: int) -> bool:
    """Leave out what trades no more. An unknown closing time (0) stays."""
    i = market.instrument
    return i.status not in _ENDED and not 0 < i.close_ns <= now_ns


def _lower(
    store: CatalogueStore,
    rows: Mapping[str, Row],
    known: Mapping[MarketId, CatalogueMarket],
    now_ns: int,
) -> int:
    """Lower pairs with an ended market and pairs with changed terms; return how many."""
    ended = [
        lowered(row, Verdict.DEACTIVATED, f"closed: {', '.join(gone)}", now_ns)
        for row in rows.values()
        if row["verdict"] in (CONFIRMED, REVIEW)
        if (gone := [m for m in _markets(row) if m not in known or not _trades(known[m], now_ns)])
    ]
    gone_ids = {row["id"] for row in ended}
    left = [row for row in rows.values() if row["id"] not in gone_ids]
    instruments = {market: listed.instrument for market, listed in known.items()}
    down, again = lower_changed(left, instruments, now_ns)
    changed = store.save_verdicts([*ended, *down], overrule=True)
    return changed + store.save_verdicts(again)


def _settled(
    row: Row, old: Row | None, blocks: Sequence[Ruling], known: Mapping[MarketId, CatalogueMarket]
) -> Row | None:
    """Return what a judgement makes of a pair, None where it changes nothing."""
    instruments = {m: known[m].instrument for m in _markets(row) if m in known}
    if len(instruments) < 2 or changed_term(row, instruments) is not None:
        return None  # judged on something else; the next run judges it again
    if old is None and row["verdict"] == Verdict.REJECTED.value:
        return None  # most candidates; each run finds the same again
    if old is not None and old["actor"] != RULES:
        return None
    if old is not None and old["needs_person"] and row["verdict"] == CONFIRMED:
        reason = f"{old['reason']}" if old["verdict"] == REVIEW else "waits for a confirmation"
        return {**row, "verdict": REVIEW, "reason": reason, "needs_person": True}
    return row


def _blocked(
    row: Row, blocks: Sequence[Ruling], known: Mapping[MarketId, CatalogueMarket], now_ns: int
) -> Row | None:
    """Return the blocked row of a pair that a ruling names, None of any other."""
    ruling = blocking(row, blocks, known)
    if ruling is None or (row["verdict"] == Verdict.REJECTED.value and row["actor"] != RULES):
        return None
    reason = f"{ruling.kind.value} blocked by {ruling.actor}: {ruling.reason}"
    if row["verdict"] == Verdict.BLOCKED.value and row["reason"] == reason:
        return None
    return lowered(row, Verdict.BLOCKED, reason, now_ns)


def blocking(
    row: Row, blocks: Sequence[Ruling], known: Mapping[MarketId, CatalogueMarket]
) -> Ruling | None:
    """Return the ruling that blocks a pair by its markets or by their series."""
    a, b = _markets(row)
    names: dict[RulingKind, set[tuple[str, str]]] = {RulingKind.PAIR: {(a, b), (b, a)}}
    if a in known and b in known:
        one, two = series_of(known[a]), series_of(known[b])
        names[RulingKind.SERIES] = {(one, two), (two, one)}
    return next((r for r in blocks if (r.a, r.b) in names.get(r.kind, set())), None)


def series_of(market: CatalogueMarket) -> str:
    """Return ``venue:series`` of a market, as rulings name a series."""
    return f"{market.instrument.venue.value}:{market.instrument.series_id}"

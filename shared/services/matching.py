"""Runs the matcher over the record: candidates, rules, verdicts, the active set of pairs.

The order of a run: pairs whose market closed leave the active set; pairs whose rule text
changed go back to review; then every candidate is judged and stored. Rows that a person
decided are never changed here, and a blocked pair or series stays blocked.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from shared.domain.config import Config
from shared.domain.enums import MarketStatus, Venue, Verdict
from shared.domain.ids import MarketId, derive_pair_id
from shared.matching import candidates
from shared.matching.evaluation import evaluate, universe
from shared.matching.market_text import MarketText, from_catalogue
from shared.matching.pair_names import pair_name
from shared.matching.propositions import Proposition, parse
from shared.matching.verdicts import Judgement, judge
from shared.ports.language_model import Embedder
from shared.ports.stores import CatalogueStore, LiveFlags, Row
from shared.ports.venue import CatalogueMarket

__all__ = ["evaluate", "run", "universe"]

RULES: Final = "rules"
POINTER: Final = "pairs"
EVIDENCE_MAX: Final = 24
ACCEPT_PPM: Final = Config().llm_accept_score_ppm
_LIVE: Final = (Verdict.CONFIRMED.value, Verdict.REVIEW.value)
_PARSED_MAX: Final = 20_000
_parsed: OrderedDict[tuple[str, str, str], Proposition] = OrderedDict()
"""Propositions by (market, rules hash, question), kept between runs of one warm process."""


def run(
    store: CatalogueStore,
    now_ns: int,
    *,
    accept_score_ppm: int = ACCEPT_PPM,
    flags: LiveFlags | None = None,
    blocked_series: Collection[tuple[str, str]] = (),
    embedder: Embedder | None = None,
    second_venue: Venue = Venue.POLYMARKET,
) -> dict[str, int]:
    """Judge every candidate pair of Kalshi and the other venue; return counts by verdict.

    ``blocked_series`` names (Kalshi series, Polymarket series) that are never confirmed.
    With ``flags`` the pointer that the trader polls is set to the version of the set.

    Raises:
        StoreError: the record did not answer.
    """
    assert now_ns > 0 and 0 < accept_score_ppm <= 1_000_000
    first = _open(store.list_markets(Venue.KALSHI.value), now_ns)
    second = _open(store.list_markets(second_venue.value), now_ns)
    rows = _known(store)
    by_id = {m.instrument.market_id: m for m in (*first, *second)}
    changed = store.save_verdicts([*_closed(rows, by_id, now_ns), *_edited(rows, by_id, now_ns)])
    counts: Counter[str] = Counter()
    fresh: list[Row] = []
    texts_a, texts_b = [from_catalogue(m) for m in first], [from_catalogue(m) for m in second]
    for i, j in candidates.pairs(texts_a, texts_b, embedder=embedder):
        counts["candidates"] += 1
        row = _judged(first[i], second[j], texts_a[i], texts_b[j], accept_score_ppm, now_ns)
        old = rows.get(str(row["id"]))
        if old is None and row["verdict"] == Verdict.REJECTED.value:
            counts[Verdict.REJECTED.value] += 1
            continue
        if old is not None and old["actor"] != RULES:
            counts[str(old["verdict"])] += 1
            continue
        if (first[i].instrument.series_id, second[j].instrument.series_id) in blocked_series:
            row = {
                **row,
                "verdict": Verdict.BLOCKED.value,
                "reason": "the pair of series is blocked",
            }
        counts[str(row["verdict"])] += 1
        fresh.append(row)
    changed += store.save_verdicts(fresh)
    counts["changed"] = changed
    if flags is not None:
        flags.put_pointer(POINTER, store.load_pair_set()[0])
    return dict(counts)


def _known(store: CatalogueStore) -> dict[str, Row]:
    """Return the pairs that a run may change, by id.

    Ended pairs only grow in number and never come back but by a new judgement, which the
    store merges by id; they are not read.
    """
    verdicts = [v for v in Verdict if v is not Verdict.DEACTIVATED]
    return {str(row["id"]): row for v in verdicts for row in store.list_pairs(verdict=v.value)}


def _open(markets: Sequence[CatalogueMarket], now_ns: int) -> list[CatalogueMarket]:
    """Leave out what trades no more. An unknown closing time (0) stays."""
    ended = (MarketStatus.CLOSED, MarketStatus.DETERMINED, MarketStatus.SETTLED)
    return [
        m
        for m in markets
        if m.instrument.status not in ended and not 0 < m.instrument.close_ns <= now_ns
    ]


def _closed(
    rows: Mapping[str, Row], by_id: Mapping[MarketId, CatalogueMarket], now_ns: int
) -> list[Row]:
    """Return rows that end the active life of pairs with a market that trades no more."""
    found: list[Row] = []
    for row in rows.values():
        if row["verdict"] not in _LIVE or row["actor"] != RULES:
            continue
        gone = [m for m in (row["market_a_id"], row["market_b_id"]) if m not in by_id]
        if gone:
            found.append(_again(row, Verdict.DEACTIVATED, f"closed: {', '.join(gone)}", now_ns))
    return found


def _edited(
    rows: Mapping[str, Row], by_id: Mapping[MarketId, CatalogueMarket], now_ns: int
) -> list[Row]:
    """Return rows that send pairs with another rules text back to review."""
    found: list[Row] = []
    for row in rows.values():
        if row["verdict"] != Verdict.CONFIRMED.value or row["actor"] != RULES:
            continue
        sides = (("market_a_id", "rules_hash_a"), ("market_b_id", "rules_hash_b"))
        for market, old_hash in sides:
            current = by_id.get(row[market])
            if current is not None and current.instrument.rules_hash != row[old_hash]:
                reason = f"rules text changed: {row[market]}"
                found.append(_again(row, Verdict.REVIEW, reason, now_ns))
                break
    return found


def _again(row: Row, verdict: Verdict, reason: str, now_ns: int) -> Row:
    kept = {k: v for k, v in row.items() if k not in ("active_flag", "created_ns")}
    return {**kept, "verdict": verdict.value, "reason": reason, "updated_ns": now_ns}


def _judged(
    a: CatalogueMarket, b: CatalogueMarket, x: MarketText, y: MarketText, accept: int, now_ns: int
) -> dict[str, Any]:
    """Return the row of ``market_pairs`` for a pair; A is the Kalshi market."""
    left, right = _parse(x, a.instrument.rules_hash), _parse(y, b.instrument.rules_hash)
    result = judge(left, right, accept)
    return _row(a, b, (left, right), result, now_ns)


def _parse(market: MarketText, rules_hash: str) -> Proposition:
    key = (market.market_id, rules_hash, market.question)
    known = _parsed.get(key)
    if known is None:
        known = _parsed[key] = parse(market)
        if len(_parsed) > _PARSED_MAX:
            _parsed.popitem(last=False)
    return known


def _row(
    a: CatalogueMarket,
    b: CatalogueMarket,
    read: tuple[Proposition, Proposition],
    result: Judgement,
    now_ns: int,
) -> dict[str, Any]:
    x, y = a.instrument, b.instrument
    # what a person must look at first stands first; the store keeps a bounded number
    ordered = sorted(result.findings, key=lambda f: (f.passes, not f.is_tail))
    return {
        "id": derive_pair_id(x.market_id, y.market_id),
        "market_a_id": x.market_id,
        "market_b_id": y.market_id,
        "polarity": result.polarity.value,
        "verdict": result.verdict.value,
        "llm_score_ppm": result.score_ppm,
        "rules_passed": result.rules_passed,
        "evidence": [f.as_dict() for f in ordered[:EVIDENCE_MAX]],
        "rules_hash_a": x.rules_hash,
        "rules_hash_b": y.rules_hash,
        "actor": RULES,
        "reason": result.reason,
        "name": pair_name(*read),
        "category": x.category,
        "series_id": x.series_id,
        "settlement_source": x.settlement_source or y.settlement_source,
        "updated_ns": now_ns,
    }

"""Rows of ``market_pairs``: what is judged, what is lowered, and why it is kept lowered.

``actor`` of a row that nobody decided by hand is ``rules``. A row carries the terms of both
markets that it was judged on, so that any later change of text, source, close time, price
grid or fee scope is seen, whoever confirmed it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from shared.domain.enums import Verdict
from shared.domain.ids import MarketId, derive_pair_id
from shared.domain.instrument import Instrument
from shared.domain.pairing import NEEDS_PERSON, TEXT, Terms
from shared.matching.pair_names import pair_name
from shared.matching.propositions import Proposition
from shared.matching.verdicts import Judgement
from shared.ports.stores import Row
from shared.ports.venue import CatalogueMarket

RULES: Final = "rules"
EVIDENCE_MAX: Final = 24
CONFIRMED: Final = Verdict.CONFIRMED.value
REVIEW: Final = Verdict.REVIEW.value
SIDES: Final = (
    ("market_a_id", "rules_hash_a", "terms_a"),
    ("market_b_id", "rules_hash_b", "terms_b"),
)


def judged_row(
    a: CatalogueMarket,
    b: CatalogueMarket,
    read: tuple[Proposition, Proposition],
    result: Judgement,
    now_ns: int,
) -> dict[str, Any]:
    """Return the row of a judged pair; A is the market of the venue that comes first."""
    x, y = a.instrument, b.instrument
    assert x.market_id != y.market_id and now_ns > 0
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
        "terms_a": terms_row(x),
        "terms_b": terms_row(y),
        "needs_person": False,
    }


def terms_row(instrument: Instrument) -> dict[str, Any]:
    """Return the terms of a market as the record keeps them with a pair."""
    terms = Terms.of(instrument)
    return {
        "rules_hash": terms.rules_hash,
        "source": terms.source,
        "close_ns": terms.close_ns,
        "grid": [[piece.start, piece.end, piece.step] for piece in terms.grid],
        "fees": terms.fees,
    }


def changed_term(row: Row, known: Mapping[MarketId, Instrument]) -> tuple[str, MarketId] | None:
    """Name the gravest term of a pair that its markets no longer have, and the market.

    A market that is not among ``known`` has not changed. Of a row without terms only the
    hashes of the texts are compared.
    """
    found: list[tuple[str, MarketId]] = []
    for market_column, hash_column, terms_column in SIDES:
        now = known.get(row[market_column])
        if now is None:
            continue
        if now.rules_hash != row[hash_column]:
            found.append((TEXT, now.market_id))
        elif row[terms_column] is not None:
            what = _difference(row[terms_column], terms_row(now))
            if what:
                found.append((what, now.market_id))
    grave = [each for each in found if each[0] in NEEDS_PERSON]
    return next(iter(grave or found), None)


_NAMES: Final = (
    ("rules_hash", TEXT),
    ("source", "settlement source"),
    ("close_ns", "close time"),
    ("grid", "price grid"),
    ("fees", "fee scope"),
)


def _difference(before: Row, now: Row) -> str:
    return next((name for key, name in _NAMES if before[key] != now[key]), "")


def lowered(
    row: Row, verdict: Verdict, reason: str, now_ns: int, *, needs_person: bool = False
) -> dict[str, Any]:
    """Return a row lowered by the rules; never to confirmed."""
    assert verdict is not Verdict.CONFIRMED
    waits = needs_person or bool(row["needs_person"])
    return {**plain(row), "verdict": verdict.value, "reason": reason, "actor": RULES} | {
        "updated_ns": now_ns,
        "needs_person": waits,
    }


def plain(row: Row) -> dict[str, Any]:
    """Return the columns of a stored row that can be stored again."""
    return {k: v for k, v in row.items() if k not in ("active_flag", "created_ns")}


def lower_changed(
    rows: Iterable[Row], known: Mapping[MarketId, Instrument], now_ns: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return (rows that go back to review, rows that confirm themselves again).

    Changed text, source or close time: review until a person confirms. A changed price grid
    or fee scope: review as well, and confirmed again at once with the new metadata, which
    are loaded here; by whoever had confirmed it.
    """
    down: list[dict[str, Any]] = []
    again: list[dict[str, Any]] = []
    for row in rows:
        found = changed_term(row, known) if row["verdict"] == CONFIRMED else None
        if found is None:
            continue
        what, market = found
        grave = what in NEEDS_PERSON
        reason = f"{what} changed: {market}"
        down.append(lowered(row, Verdict.REVIEW, reason, now_ns, needs_person=grave))
        if not grave:
            terms = {
                column: terms_row(known[row[market_column]])
                for market_column, _, column in SIDES
                if row[market_column] in known
            }
            loaded = f"{reason}; the new one is loaded"
            again.append({**plain(row), **terms, "reason": loaded, "updated_ns": now_ns})
    assert all(row["verdict"] == REVIEW for row in down)
    return down, again

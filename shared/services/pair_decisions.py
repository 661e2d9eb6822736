"""What a person decides about pairs: confirm, review, reject, deactivate, block, allowlist.

A person confirms only what the rules leave open. What they refuse on the texts of now is
refused to everybody, and so is a pair whose text is not known or whose series is blocked.
Lowering is always possible. Every decision carries who, why and when, and the record keeps
the history of verdicts.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from shared.domain.enums import Verdict
from shared.domain.errors import DomainError
from shared.domain.ids import MarketId
from shared.ports.matching import PairRulings, Ruling, RulingKind, RulingList
from shared.ports.stores import CatalogueStore, Row
from shared.services import matching
from shared.services.pair_rows import plain

LOWERED: Final = (Verdict.REVIEW, Verdict.REJECTED, Verdict.DEACTIVATED)


@dataclass(frozen=True, slots=True)
class Person:
    """Who decides, why, and when (wall clock). ``name`` is never ``rules``."""

    name: str
    reason: str
    at_ns: int

    def __post_init__(self) -> None:
        assert self.name and self.name != "rules" and self.at_ns > 0
        if not self.reason.strip():
            raise DomainError("a decision needs its reason")


def find_pair(store: CatalogueStore, pair_id: str) -> Row:
    """Return the row of a pair. Raises DomainError when there is none."""
    found = next((row for row in store.list_pairs() if row["id"] == pair_id), None)
    if found is None:
        raise DomainError(f"there is no pair {pair_id}")
    return found


def confirm(
    store: CatalogueStore,
    rulings: PairRulings,
    pair_id: str,
    person: Person,
    *,
    accept_score_ppm: int = matching.ACCEPT_PPM,
) -> Row:
    """Confirm a pair on the texts and terms of now; returns the row as stored.

    Raises:
        DomainError: the rules refuse it, a text is not known, a market does not trade, or
            the pair or its series is blocked.
    """
    row = find_pair(store, pair_id)
    pair = MarketId(row["market_a_id"]), MarketId(row["market_b_id"])
    known = store.markets_by_id(pair)
    missing = [m for m in pair if m not in known or not known[m].rules_text]
    if missing:
        raise DomainError(f"the rules text of {', '.join(missing)} is not known yet")
    listed = rulings.list_rulings()
    block = matching.blocking(row, [r for r in listed if r.list is RulingList.BLOCK], known)
    if block is not None:
        raise DomainError(f"its {block.kind.value} is blocked by {block.actor}: {block.reason}")
    judged = asyncio.run(
        matching.rank(store, [pair], listed, person.at_ns, accept_score_ppm=accept_score_ppm)
    )
    if not judged:
        raise DomainError("a market of it does not trade any more")
    if judged[0]["verdict"] == Verdict.REJECTED.value:
        raise DomainError(f"the rules refuse it: {judged[0]['reason']}")
    decided = {**judged[0], **_by(person, Verdict.CONFIRMED), "needs_person": False}
    store.save_verdicts([decided])
    return decided


def lower(store: CatalogueStore, pair_id: str, verdict: Verdict, person: Person) -> Row:
    """Take a pair back to review, reject or deactivate it; returns the row as stored."""
    assert verdict in LOWERED, verdict
    decided = {**plain(find_pair(store, pair_id)), **_by(person, verdict), "needs_person": True}
    store.save_verdicts([decided])
    return decided


def rule(
    store: CatalogueStore,
    rulings: PairRulings,
    kind: RulingKind,
    a: str,
    b: str,
    person: Person,
    *,
    listed: RulingList,
) -> int:
    """Put two markets, series or sources on a list; returns how many verdicts changed.

    A block takes effect at once; an allowlisted source counts from the next judgement.
    """
    if a == b or not a.strip() or not b.strip():
        raise DomainError("a ruling names two different things")
    if listed is RulingList.BLOCK and kind is RulingKind.SOURCE:
        raise DomainError("sources are allowlisted, not blocked: block the series")
    if listed is RulingList.ALLOW and kind is RulingKind.SERIES:
        raise DomainError("series are blocked, not allowlisted: allow the pair or the sources")
    rulings.put_ruling(Ruling(listed, kind, a, b, person.name, person.reason, person.at_ns))
    return matching.settle(store, rulings, [], person.at_ns).get("changed", 0)


def unrule(
    store: CatalogueStore,
    rulings: PairRulings,
    kind: RulingKind,
    a: str,
    b: str,
    person: Person,
    *,
    listed: RulingList,
) -> int:
    """Take a ruling off its list; returns how many pairs went to review.

    Blocked pairs wait in review for a person. Pairs that only an allowed source had
    confirmed are lowered too, for nothing speaks for them any more.

    Raises:
        DomainError: there is no such ruling.
    """
    gone = Ruling(listed, kind, a, b, person.name, person.reason, person.at_ns)
    kept = rulings.list_rulings()
    if gone.key not in {ruling.key for ruling in kept}:
        raise DomainError("there is no such ruling")
    touched = [
        row
        for verdict in (Verdict.BLOCKED, Verdict.CONFIRMED)
        for row in store.list_pairs(verdict=verdict.value)
        if _stands_on(row, gone, store)
    ]
    back = [
        {**plain(row), **_by(person, Verdict.REVIEW), "actor": "rules", "needs_person": True}
        for row in touched
    ]
    # Lowered before the list is shorter: a crash between leaves a pair in review.
    changed = store.save_verdicts(back, overrule=True)
    rulings.delete_ruling(gone)
    return changed


def _stands_on(row: Row, ruling: Ruling, store: CatalogueStore) -> bool:
    """Whether a pair has its verdict from a ruling."""
    if ruling.list is RulingList.ALLOW:
        allowed = any(str(f["reason"]).startswith("allowlisted: ") for f in row["evidence"])
        return row["verdict"] == Verdict.CONFIRMED.value and allowed
    pair = MarketId(row["market_a_id"]), MarketId(row["market_b_id"])
    is_named = matching.blocking(row, [ruling], store.markets_by_id(pair)) is not None
    return row["verdict"] == Verdict.BLOCKED.value and is_named


def _by(person: Person, verdict: Verdict) -> dict[str, object]:
    return {
        "verdict": verdict.value,
        "actor": person.name,
        "reason": person.reason,
        "updated_ns": person.at_ns,
    }

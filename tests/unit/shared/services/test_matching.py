"""The matching run over a record: what is confirmed, what leaves, who decides."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from shared.adapters.stores.memory import MemoryCatalogue, MemoryFlags
from shared.contracts.api_v1 import PairFinding
from shared.domain.enums import MarketStatus, Polarity, Verdict
from shared.domain.ids import derive_pair_id
from shared.ports.language_model import Agreement, Opinion, RankerUnavailableError, RankRequest
from shared.ports.matching import Ruling, RulingKind, RulingList
from shared.services import matching
from shared.services.pair_rows import plain, terms_row
from shared.simulators.questions import Kinship, Question
from tests.support.matching_texts import (
    NOON_NS,
    entries,
    kalshi_entry,
    polymarket_entry,
    questions,
)

LATER_NS = NOON_NS + 60 * 10**9


@pytest.fixture
def store() -> MemoryCatalogue:
    catalogue = MemoryCatalogue()
    for listed in entries():
        catalogue.upsert_markets(listed, NOON_NS)
    return catalogue


def pair_of(question: Question) -> str:
    assert question.kalshi is not None and question.polymarket is not None
    a = kalshi_entry(question, question.kalshi).instrument.market_id
    b = polymarket_entry(question, question.polymarket).instrument.market_id
    return derive_pair_id(a, b)


def row_of(store: MemoryCatalogue, question: Question) -> dict[str, Any]:
    return dict(next(r for r in store.list_pairs() if r["id"] == pair_of(question)))


def verdict_of(store: MemoryCatalogue, question: Question) -> str:
    return str(row_of(store, question)["verdict"])


def of_kinship(*kinships: Kinship) -> list[Question]:
    return [q for q in questions() if q.kinship in kinships]


def test_every_true_pair_is_confirmed_with_its_polarity(store: MemoryCatalogue) -> None:
    counts = matching.run(store, store.matching, NOON_NS)
    rows = {row["id"]: row for row in store.list_pairs(verdict="confirmed")}
    for question in of_kinship(Kinship.PAIR, Kinship.INVERSE):
        row = rows.pop(pair_of(question), None)
        assert row is not None, question.key
        inverse = question.kinship is Kinship.INVERSE
        assert row["polarity"] == (Polarity.INVERSE if inverse else Polarity.SAME).value
    assert rows == {}, "nothing else is confirmed"
    assert counts["confirmed"] >= 15


def test_no_trap_is_confirmed(store: MemoryCatalogue) -> None:
    matching.run(store, store.matching, NOON_NS)
    confirmed = {row["id"] for row in store.list_pairs(verdict="confirmed")}
    assert not confirmed & {pair_of(q) for q in of_kinship(Kinship.TRAP)}


def test_rows_carry_evidence_names_and_hashes(store: MemoryCatalogue) -> None:
    matching.run(store, store.matching, NOON_NS)
    rows = store.list_pairs(verdict="confirmed")
    for row in rows:
        assert 0 < len(row["name"]) <= 28
        assert row["evidence"] and all(PairFinding(**finding) for finding in row["evidence"])
        assert row["rules_hash_a"] and row["rules_hash_b"] and row["actor"] == "rules"
        assert row["llm_score_ppm"] >= 920_000 and row["rules_passed"]
    assert len({row["name"] for row in rows}) == len(rows), sorted(r["name"] for r in rows)


def test_running_again_changes_nothing(store: MemoryCatalogue) -> None:
    matching.run(store, store.matching, NOON_NS)
    version = store.load_pair_set()[0]
    assert matching.run(store, store.matching, LATER_NS)["changed"] == 0
    assert store.load_pair_set()[0] == version


def test_a_changed_rules_text_goes_to_review_and_is_judged_again(store: MemoryCatalogue) -> None:
    matching.run(store, store.matching, NOON_NS)
    question = of_kinship(Kinship.PAIR)[0]
    assert question.kalshi is not None
    listed = kalshi_entry(question, question.kalshi)
    text = listed.rules_text.replace("above 4.3%", "above 4.4%")
    edited = replace(
        listed, rules_text=text, instrument=replace(listed.instrument, rules_hash="edited")
    )
    store.upsert_markets([edited], LATER_NS)
    matching.run(store, store.matching, LATER_NS)
    row = next(r for r in store.list_pairs() if r["id"] == pair_of(question))
    assert row["verdict"] == Verdict.REJECTED.value
    assert row["rules_hash_a"] == "edited"


def test_a_closed_market_takes_its_pair_out(store: MemoryCatalogue) -> None:
    matching.run(store, store.matching, NOON_NS)
    question = of_kinship(Kinship.PAIR)[0]
    assert question.kalshi is not None
    listed = kalshi_entry(question, question.kalshi)
    closed = replace(listed, instrument=replace(listed.instrument, status=MarketStatus.SETTLED))
    store.upsert_markets([closed], LATER_NS)
    matching.run(store, store.matching, LATER_NS)
    row = next(r for r in store.list_pairs() if r["id"] == pair_of(question))
    assert row["verdict"] == Verdict.DEACTIVATED.value


def test_pairs_past_their_close_leave_without_a_crawl(store: MemoryCatalogue) -> None:
    matching.run(store, store.matching, NOON_NS)
    matching.run(store, store.matching, NOON_NS + 3_600 * 10**9)
    rolling = {pair_of(q) for q in of_kinship(Kinship.PAIR) if q.is_rolling}
    live = {p.pair_id for p in store.load_pair_set()[1]}
    assert rolling and not rolling & live


@pytest.mark.parametrize("verdict", [Verdict.BLOCKED, Verdict.REJECTED, Verdict.REVIEW])
def test_a_person_wins(store: MemoryCatalogue, verdict: Verdict) -> None:
    matching.run(store, store.matching, NOON_NS)
    row = dict(store.list_pairs(verdict="confirmed")[0])
    row.pop("active_flag", None)
    store.save_verdicts([{**row, "verdict": verdict.value, "actor": "ana", "reason": "by hand"}])
    matching.run(store, store.matching, LATER_NS)
    now = next(r for r in store.list_pairs() if r["id"] == row["id"])
    assert (now["verdict"], now["actor"]) == (verdict.value, "ana")


def test_a_blocked_pair_of_series_is_never_confirmed(store: MemoryCatalogue) -> None:
    question = of_kinship(Kinship.PAIR)[0]
    assert question.kalshi is not None and question.polymarket is not None
    a = f"kalshi:{question.kalshi.series}"
    b = f"polymarket:{question.polymarket.event_slug}"
    store.matching.put_ruling(
        Ruling(RulingList.BLOCK, RulingKind.SERIES, a, b, "ana", "floors differ", NOON_NS)
    )
    matching.run(store, store.matching, NOON_NS)
    assert verdict_of(store, question) == "blocked"
    # the crawl forgets nothing: new markets of the series, and a pair never seen before
    for listed in entries():
        store.upsert_markets(listed, LATER_NS)
    matching.run(store, store.matching, LATER_NS)
    assert verdict_of(store, question) == "blocked"


def test_a_blocked_pair_stays_blocked_whoever_had_confirmed_it(store: MemoryCatalogue) -> None:
    question = of_kinship(Kinship.PAIR)[0]
    matching.run(store, store.matching, NOON_NS)
    row = row_of(store, question)
    store.save_verdicts([{**plain(row), "actor": "ana", "reason": "looked at"}])
    ruling = Ruling(
        RulingList.BLOCK,
        RulingKind.PAIR,
        row["market_b_id"],
        row["market_a_id"],
        "ana",
        "wrong after all",
        LATER_NS,
    )
    store.matching.put_ruling(ruling)
    matching.run(store, store.matching, LATER_NS)
    blocked = row_of(store, question)
    assert blocked["verdict"] == "blocked"
    assert blocked["reason"] == "pair blocked by ana: wrong after all"
    assert matching.run(store, store.matching, LATER_NS)["changed"] == 0


def test_f100_changed_terms_of_a_confirmed_pair_wait_for_a_person() -> None:
    question = of_kinship(Kinship.PAIR)[0]
    assert question.kalshi is not None
    listed = kalshi_entry(question, question.kalshi)
    changes: tuple[dict[str, Any], ...] = (
        {"close_ns": listed.instrument.close_ns + 7},
        {"settlement_source": "somebody else"},
        {"rules_hash": "same words, new hash"},
    )
    for number, change in enumerate(changes):
        at_ns = LATER_NS + number
        fresh = MemoryCatalogue()
        for each in entries():
            fresh.upsert_markets(each, NOON_NS)
        matching.run(fresh, fresh.matching, NOON_NS)
        assert verdict_of(fresh, question) == "confirmed"
        edited = replace(listed, instrument=replace(listed.instrument, **change))
        fresh.upsert_markets([edited], at_ns)
        for _ in range(2):
            matching.run(fresh, fresh.matching, at_ns)
            row = row_of(fresh, question)
            assert (row["verdict"], row["needs_person"]) == ("review", True), change
            assert "changed: kalshi:" in row["reason"]


def test_a_changed_grid_or_fee_confirms_itself_and_keeps_its_actor(store: MemoryCatalogue) -> None:
    question = of_kinship(Kinship.PAIR)[0]
    assert question.kalshi is not None
    matching.run(store, store.matching, NOON_NS)
    store.save_verdicts([{**plain(row_of(store, question)), "actor": "ana"}])
    listed = kalshi_entry(question, question.kalshi)
    fees = replace(listed.instrument.fees, rate_ppm=80_000)
    edited = replace(listed, instrument=replace(listed.instrument, fees=fees))
    store.upsert_markets([edited], LATER_NS)
    assert matching.run(store, store.matching, LATER_NS)["changed"] == 2, "down and up again"
    row = row_of(store, question)
    assert (row["verdict"], row["actor"]) == ("confirmed", "ana")
    assert row["terms_a"] == terms_row(edited.instrument)
    assert row["reason"].startswith("fee scope changed") and not row["needs_person"]


def test_a_judgement_on_terms_that_are_gone_is_dropped(store: MemoryCatalogue) -> None:
    question = of_kinship(Kinship.PAIR)[0]
    assert question.kalshi is not None
    pairs = list(matching.find(store, NOON_NS))
    judged = asyncio.run(matching.rank(store, pairs, (), NOON_NS))
    listed = kalshi_entry(question, question.kalshi)
    edited = replace(listed, instrument=replace(listed.instrument, rules_hash="edited since"))
    store.upsert_markets([edited], LATER_NS)
    matching.settle(store, store.matching, judged, LATER_NS)
    known = {r["id"] for r in store.list_pairs()}
    assert pair_of(question) not in known and len(known) >= 10


class Sceptic:
    """A ranker that knows a counterexample, or answers nothing at all."""

    def __init__(self, *, is_down: bool = False) -> None:
        self.is_down = is_down
        self.asked = 0

    async def rank(self, request: RankRequest) -> Opinion:
        self.asked += 1
        if self.is_down:
            raise RankerUnavailableError("timeout")
        fields = {"window": Agreement.SAME}
        return Opinion(990_000, Polarity.SAME, fields, "alike", "a postponed game", "m", "1")


@pytest.mark.parametrize(
    ("is_down", "is_live", "confirmed"), [(False, False, 0), (True, True, 0), (True, False, 15)]
)
def test_an_opinion_only_lowers_and_live_needs_one(
    store: MemoryCatalogue, is_down: bool, is_live: bool, confirmed: int
) -> None:
    ranker = Sceptic(is_down=is_down)
    pairs = list(matching.find(store, NOON_NS))
    ranked = matching.rank(store, pairs, (), NOON_NS, ranker=ranker, needs_opinion=is_live)
    counts = matching.settle(store, store.matching, asyncio.run(ranked), NOON_NS)
    found = counts.get("confirmed", 0)
    assert found >= confirmed if confirmed else found == 0
    assert 15 <= ranker.asked < len(pairs), "only what the rules confirm is asked about"


def test_the_pointer_follows_the_set(store: MemoryCatalogue) -> None:
    flags = MemoryFlags()
    matching.run(store, store.matching, NOON_NS, flags=flags)
    assert flags.get_pointer("pairs") == store.load_pair_set()[0]

"""The matching run over a record: what is confirmed, what leaves, who decides."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.adapters.stores.memory import MemoryCatalogue, MemoryFlags
from shared.contracts.api_v1 import PairFinding
from shared.domain.enums import MarketStatus, Polarity, Verdict
from shared.domain.ids import derive_pair_id
from shared.services import matching
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


def of_kinship(*kinships: Kinship) -> list[Question]:
    return [q for q in questions() if q.kinship in kinships]


def test_every_true_pair_is_confirmed_with_its_polarity(store: MemoryCatalogue) -> None:
    counts = matching.run(store, NOON_NS)
    rows = {row["id"]: row for row in store.list_pairs(verdict="confirmed")}
    for question in of_kinship(Kinship.PAIR, Kinship.INVERSE):
        row = rows.pop(pair_of(question), None)
        assert row is not None, question.key
        inverse = question.kinship is Kinship.INVERSE
        assert row["polarity"] == (Polarity.INVERSE if inverse else Polarity.SAME).value
    assert rows == {}, "nothing else is confirmed"
    assert counts["confirmed"] >= 15


def test_no_trap_is_confirmed(store: MemoryCatalogue) -> None:
    matching.run(store, NOON_NS)
    confirmed = {row["id"] for row in store.list_pairs(verdict="confirmed")}
    assert not confirmed & {pair_of(q) for q in of_kinship(Kinship.TRAP)}


def test_rows_carry_evidence_names_and_hashes(store: MemoryCatalogue) -> None:
    matching.run(store, NOON_NS)
    rows = store.list_pairs(verdict="confirmed")
    for row in rows:
        assert 0 < len(row["name"]) <= 28
        assert row["evidence"] and all(PairFinding(**finding) for finding in row["evidence"])
        assert row["rules_hash_a"] and row["rules_hash_b"] and row["actor"] == "rules"
        assert row["llm_score_ppm"] >= 920_000 and row["rules_passed"]
    assert len({row["name"] for row in rows}) == len(rows), sorted(r["name"] for r in rows)


def test_running_again_changes_nothing(store: MemoryCatalogue) -> None:
    matching.run(store, NOON_NS)
    version = store.load_pair_set()[0]
    assert matching.run(store, LATER_NS)["changed"] == 0
    assert store.load_pair_set()[0] == version


def test_a_changed_rules_text_goes_to_review_and_is_judged_again(store: MemoryCatalogue) -> None:
    matching.run(store, NOON_NS)
    question = of_kinship(Kinship.PAIR)[0]
    assert question.kalshi is not None
    listed = kalshi_entry(question, question.kalshi)
    text = listed.rules_text.replace("above 4.3%", "above 4.4%")
    edited = replace(
        listed, rules_text=text, instrument=replace(listed.instrument, rules_hash="edited")
    )
    store.upsert_markets([edited], LATER_NS)
    matching.run(store, LATER_NS)
    row = next(r for r in store.list_pairs() if r["id"] == pair_of(question))
    assert row["verdict"] == Verdict.REJECTED.value
    assert row["rules_hash_a"] == "edited"


def test_a_closed_market_takes_its_pair_out(store: MemoryCatalogue) -> None:
    matching.run(store, NOON_NS)
    question = of_kinship(Kinship.PAIR)[0]
    assert question.kalshi is not None
    listed = kalshi_entry(question, question.kalshi)
    closed = replace(listed, instrument=replace(listed.instrument, status=MarketStatus.SETTLED))
    store.upsert_markets([closed], LATER_NS)
    matching.run(store, LATER_NS)
    row = next(r for r in store.list_pairs() if r["id"] == pair_of(question))
    assert row["verdict"] == Verdict.DEACTIVATED.value


def test_pairs_past_their_close_leave_without_a_crawl(store: MemoryCatalogue) -> None:
    matching.run(store, NOON_NS)
    matching.run(store, NOON_NS + 3_600 * 10**9)
    rolling = {pair_of(q) for q in of_kinship(Kinship.PAIR) if q.is_rolling}
    live = {p.pair_id for p in store.load_pair_set()[1]}
    assert rolling and not rolling & live


@pytest.mark.parametrize("verdict", [Verdict.BLOCKED, Verdict.REJECTED, Verdict.REVIEW])
def test_a_person_wins(store: MemoryCatalogue, verdict: Verdict) -> None:
    matching.run(store, NOON_NS)
    row = dict(store.list_pairs(verdict="confirmed")[0])
    row.pop("active_flag", None)
    store.save_verdicts([{**row, "verdict": verdict.value, "actor": "ana", "reason": "by hand"}])
    matching.run(store, LATER_NS)
    now = next(r for r in store.list_pairs() if r["id"] == row["id"])
    assert (now["verdict"], now["actor"]) == (verdict.value, "ana")


def test_a_blocked_pair_of_series_is_never_confirmed(store: MemoryCatalogue) -> None:
    question = of_kinship(Kinship.PAIR)[0]
    assert question.kalshi is not None and question.polymarket is not None
    series = (question.kalshi.series, question.polymarket.event_slug)
    matching.run(store, NOON_NS, blocked_series=[series])
    row = next(r for r in store.list_pairs() if r["id"] == pair_of(question))
    assert row["verdict"] == Verdict.BLOCKED.value


def test_the_pointer_follows_the_set(store: MemoryCatalogue) -> None:
    flags = MemoryFlags()
    matching.run(store, NOON_NS, flags=flags)
    assert flags.get_pointer("pairs") == store.load_pair_set()[0]

"""What the record does for the matching pipeline, run against Postgres and memory alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from shared.adapters.stores.catalogue_rows import terms_row
from shared.adapters.stores.memory import MemoryCatalogue
from shared.adapters.stores.memory_matching import MemoryMatching
from shared.adapters.stores.postgres_catalogue import PostgresCatalogue
from shared.adapters.stores.postgres_matching import PostgresMatching
from shared.domain.divergence import BASE_PPM
from shared.domain.enums import MarketStatus, Venue
from shared.domain.pairing import Terms
from shared.domain.units import PriceMicros
from shared.ports.matching import Ruling, RulingKind, RulingList
from tests.support.catalogue import listed, verdict_row

pytestmark = pytest.mark.postgres

K, P = Venue.KALSHI, Venue.POLYMARKET
MINUTE = 60 * 10**9


@dataclass
class Record:
    catalogue: PostgresCatalogue | MemoryCatalogue
    matching: PostgresMatching | MemoryMatching


@pytest.fixture(params=["memory", "postgres"])
def record(request: pytest.FixtureRequest) -> Iterator[Record]:
    if request.param == "memory":
        memory = MemoryCatalogue()
        yield Record(memory, memory.matching)
        return
    dsn = request.getfixturevalue("postgres_dsn")
    catalogue, matching = PostgresCatalogue(dsn), PostgresMatching(dsn)
    yield Record(catalogue, matching)
    catalogue.close()
    matching.close()


def test_only_what_changed_is_named_and_the_age_of_fees_is_no_change(record: Record) -> None:
    one, two = listed(K, "K1"), listed(K, "K2")
    ids = {m.instrument.market_id for m in (one, two)}
    assert record.catalogue.store_listing([one, two], 5) == ids
    assert record.catalogue.store_listing([one, two], 6) == set()
    fees = replace(one.instrument.fees, as_of_ns=99)
    aged = replace(one, instrument=replace(one.instrument, fees=fees), raw={"volume": "7"})
    edited = replace(two, rules_text="other")
    assert record.catalogue.store_listing([aged, edited], 7) == {two.instrument.market_id}
    stored = {m.instrument.market_id: m for m in record.catalogue.list_markets("kalshi")}
    assert stored[one.instrument.market_id].instrument.fees.as_of_ns == 99
    assert stored[two.instrument.market_id].rules_text == "other"


def test_what_a_crawl_did_not_see_is_closed_and_opens_again_when_listed(record: Record) -> None:
    one, two = listed(K, "K1"), listed(K, "K2")
    record.catalogue.store_listing([one, two, listed(P, "0xa")], 5)
    record.catalogue.store_listing([one], 10)
    assert record.catalogue.close_unseen("kalshi", 10) == 1
    assert record.catalogue.close_unseen("kalshi", 10) == 0
    assert [m.instrument.native_id for m in record.catalogue.list_markets("kalshi")] == ["K1"]
    assert len(record.catalogue.list_markets("polymarket")) == 1
    record.catalogue.store_listing([two], 11)
    assert len(record.catalogue.list_markets("kalshi")) == 2


def test_a_feed_changes_the_instrument_and_drops_a_text_it_does_not_know(record: Record) -> None:
    one = listed(K, "K1")
    record.catalogue.store_listing([one], 5)
    paused = replace(one.instrument, status=MarketStatus.PAUSED)
    assert record.catalogue.apply_instrument(paused, 6)
    assert not record.catalogue.apply_instrument(paused, 7)
    assert not record.catalogue.apply_instrument(listed(K, "unknown").instrument, 7)
    (stored,) = record.catalogue.list_markets("kalshi")
    assert stored == replace(one, instrument=paused)
    edited = replace(paused, rules_hash="edited")
    assert record.catalogue.apply_instrument(edited, 8)
    (stored,) = record.catalogue.list_markets("kalshi")
    assert stored.instrument == edited and stored.rules_text == ""
    assert record.catalogue.store_listing([one], 9) == {one.instrument.market_id}
    assert list(record.catalogue.list_markets("kalshi")) == [one]


def test_titles_and_single_markets_are_read_without_the_rest(record: Record) -> None:
    raw = {"outcomes": '["A", "B"]', "marketSides": [{"long": True}], "groupItemTitle": "g"}
    markets = [replace(listed(P, f"0x{n:04}"), raw=raw) for n in range(700)]
    record.catalogue.store_listing(markets, 5)
    titles = list(record.catalogue.list_titles("polymarket"))
    assert [t.question for t in titles] == [m.question for m in markets]
    assert {t.rules_text for t in titles} == {""}
    assert all(t.raw == raw for t in titles)
    wanted = markets[3].instrument.market_id
    assert record.catalogue.markets_by_id([wanted, listed(K, "no").instrument.market_id]) == {
        wanted: markets[3]
    }


def test_a_lowered_verdict_overrules_a_person_and_waits_for_one(record: Record) -> None:
    a, b = listed(K, "K1"), listed(P, "0xa")
    record.catalogue.store_listing([a, b], 5)
    terms = terms_row(Terms.of(a.instrument))
    by_hand = verdict_row(a, b, actor="me", terms_a=terms)
    record.catalogue.save_verdicts([by_hand])
    held = verdict_row(a, b, verdict="review", reason="changed", needs_person=True)
    assert record.catalogue.save_verdicts([held]) == 0
    assert record.catalogue.save_verdicts([held], overrule=True) == 1
    assert record.catalogue.save_verdicts([verdict_row(a, b)]) == 0, "rules do not confirm it"
    again = verdict_row(a, b, verdict="review", reason="judged anew")
    assert record.catalogue.save_verdicts([again]) == 1
    assert record.catalogue.save_verdicts([verdict_row(a, b)]) == 0, "it still waits"
    assert record.catalogue.save_verdicts([by_hand]) == 1
    (pair,) = record.catalogue.load_pair_set()[1]
    assert pair.verdict.value == "confirmed" and pair.terms_a == Terms.of(a.instrument)
    with pytest.raises(AssertionError):
        record.catalogue.save_verdicts([verdict_row(a, b)], overrule=True)


def test_rulings_are_kept_by_name_whatever_the_order(record: Record) -> None:
    ruling = Ruling(RulingList.BLOCK, RulingKind.SERIES, "b", "a", "me", "why", 1)
    record.matching.put_ruling(ruling)
    record.matching.put_ruling(replace(ruling, a="a", b="b", reason="better", at_ns=2))
    (kept,) = record.matching.list_rulings()
    assert (kept.a, kept.b, kept.reason, kept.at_ns) == ("a", "b", "better", 2)
    assert not record.matching.delete_ruling(replace(ruling, kind=RulingKind.PAIR))
    assert record.matching.delete_ruling(ruling)
    assert record.matching.list_rulings() == []


def test_a_crawl_is_gone_on_with_by_one_run_at_a_time(record: Record) -> None:
    store = record.matching
    begun = store.take_crawl("kalshi", "one", 1_000, MINUTE)
    assert begun is not None and begun.cursor == "" and begun.started_ns == 1_000
    assert store.take_crawl("kalshi", "two", 2_000, MINUTE) is None, "it is leased"
    assert store.save_crawl(replace(begun, cursor="page 7", listed=700, updated_ns=2_000))
    again = store.take_crawl("kalshi", "one", 3_000, MINUTE)
    assert again is not None and (again.cursor, again.listed) == ("page 7", 700)
    taken = store.take_crawl("kalshi", "two", 3_000 + MINUTE, MINUTE)
    assert taken is not None and (taken.cursor, taken.started_ns) == ("page 7", 1_000)
    assert not store.save_crawl(replace(again, cursor="page 9")), "another run has it now"
    done = replace(taken, finished_ns=5 * MINUTE, leased_until_ns=0)
    assert store.save_crawl(done) and list(store.list_crawls()) == [done]
    fresh = store.take_crawl("kalshi", "three", 6 * MINUTE, MINUTE)
    assert fresh is not None and (fresh.cursor, fresh.listed) == ("", 0)
    assert fresh.started_ns == 6 * MINUTE


def test_one_run_of_the_pipeline_at_a_time(record: Record) -> None:
    store = record.matching
    assert store.keep_run("one", 1_000, MINUTE) and store.keep_run("one", 2_000, MINUTE)
    assert not store.keep_run("two", 3_000, MINUTE)
    store.end_run("two", 4_000)
    assert not store.keep_run("two", 5_000, MINUTE), "only the run itself ends it"
    store.end_run("one", 6_000)
    assert store.keep_run("two", 7_000, MINUTE)
    assert store.keep_run("three", 8_000 + MINUTE, MINUTE), "a dead one is waited out"
    assert list(store.list_crawls()) == []


def test_pairs_with_a_verdict_are_known(record: Record) -> None:
    a, b = listed(K, "K1"), listed(P, "0xa")
    row = verdict_row(a, b, verdict="rejected")
    record.catalogue.save_verdicts([row])
    assert record.catalogue.known_pairs([row["id"], "pr_other"]) == {row["id"]}


def test_f102_results_of_pairs_raise_the_charge_of_their_series(record: Record) -> None:
    a, b, c, d = listed(K, "K1"), listed(P, "0xa"), listed(K, "K2"), listed(P, "0xb")
    record.catalogue.store_listing([a, b, c, d], 5)
    record.catalogue.save_verdicts(
        [
            verdict_row(a, b, series_id="S"),
            verdict_row(c, d, series_id="S", polarity="inverse"),
            verdict_row(a, d, series_id="S", verdict="review"),
        ]
    )
    pairs = {p.pair_id: p for p in record.catalogue.load_pair_set()[1]}
    assert {p.divergence_ppm for p in pairs.values()} == {BASE_PPM}
    for market, payout in ((a, 1_000_000), (b, 1_000_000), (c, 0), (d, 1_000_000)):
        record.matching.note_settlement(market.instrument.market_id, PriceMicros(payout), 6)
    entered = record.matching.check_settled(7)
    assert len(entered) == 2 and not any(e.has_diverged for e in entered)
    assert record.matching.check_settled(8) == []
    assert record.matching.series_record() == {"S": (2, 0)}
    # the venue corrects its result: what settled alike did not
    record.matching.note_settlement(b.instrument.market_id, PriceMicros(500_000), 9)
    (corrected,) = record.matching.check_settled(10)
    assert corrected.has_diverged and corrected.payout_b == 500_000
    assert record.matching.series_record() == {"S": (2, 1)}
    assert {p.divergence_ppm for p in record.catalogue.load_pair_set()[1]} == {1_000_000}

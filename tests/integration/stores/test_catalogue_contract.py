"""What every CatalogueStore does, run against Postgres and against memory alike."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from shared.adapters.stores.memory import MemoryCatalogue
from shared.adapters.stores.postgres_catalogue import PostgresCatalogue
from shared.domain.enums import MarketStatus, Venue
from shared.domain.errors import StoreError
from tests.support.catalogue import listed, verdict_row

pytestmark = pytest.mark.postgres

K, P = Venue.KALSHI, Venue.POLYMARKET
Catalogue = PostgresCatalogue | MemoryCatalogue


@pytest.fixture(params=["memory", "postgres"])
def catalogue(request: pytest.FixtureRequest) -> Iterator[Catalogue]:
    if request.param == "memory":
        yield MemoryCatalogue()
        return
    dsn = request.getfixturevalue("postgres_dsn")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("INSERT INTO fencing VALUES (1, 3, 'us', '{}', 1)")
    made = PostgresCatalogue(dsn)
    yield made
    made.close()


def test_markets_come_back_as_they_were_listed(catalogue: Catalogue) -> None:
    markets = [
        listed(K, "K1"),
        listed(K, "K2", tradeable=False, refusal="scalar"),
        listed(P, "0xa"),
    ]
    assert catalogue.upsert_markets(markets, seen_ns=5) == 3
    assert list(catalogue.list_markets("kalshi")) == markets[:2]
    assert list(catalogue.list_markets("polymarket")) == markets[2:]
    assert list(catalogue.list_markets("polymarket_us")) == []


def test_the_last_listing_counts_and_closed_ones_are_left_out(catalogue: Catalogue) -> None:
    catalogue.upsert_markets([listed(K, "K1"), listed(K, "K1", title="newer")], seen_ns=5)
    assert [m.instrument.title for m in catalogue.list_markets("kalshi")] == ["newer"]
    catalogue.upsert_markets([listed(K, "K1", status=MarketStatus.SETTLED)], seen_ns=6)
    assert list(catalogue.list_markets("kalshi")) == []
    assert len(catalogue.list_markets("kalshi", only_open=False)) == 1


def test_many_markets_in_one_call(catalogue: Catalogue) -> None:
    markets = [listed(K, f"K{n:04d}") for n in range(1_203)]
    assert catalogue.upsert_markets(markets, seen_ns=5) == 1_203
    assert list(catalogue.list_markets("kalshi")) == markets
    assert catalogue.upsert_markets([], seen_ns=5) == 0


def test_pair_set_holds_confirmed_and_review_with_their_instruments(catalogue: Catalogue) -> None:
    a, b, c = listed(K, "K1"), listed(P, "0xa"), listed(P, "0xb")
    catalogue.upsert_markets([a, b, c], seen_ns=5)
    rows = [
        verdict_row(a, b),
        verdict_row(a, c, verdict="review", polarity="inverse"),
        verdict_row(b, c, verdict="rejected"),
    ]
    before = catalogue.load_pair_set()[0]
    assert catalogue.save_verdicts(rows) == 3
    version, pairs, instruments = catalogue.load_pair_set()
    assert version > before
    assert {(p.a, p.b, p.verdict.value, p.polarity.value) for p in pairs} == {
        (a.instrument.market_id, b.instrument.market_id, "confirmed", "same"),
        (a.instrument.market_id, c.instrument.market_id, "review", "inverse"),
    }
    assert {i.market_id: i for i in instruments} == {
        m.instrument.market_id: m.instrument for m in (a, b, c)
    }
    assert all(p.score_ppm == 970_000 and p.name == "CPI ≥ 3.0 · Sep 25" for p in pairs)


def test_the_same_verdict_again_changes_nothing(catalogue: Catalogue) -> None:
    a, b = listed(K, "K1"), listed(P, "0xa")
    catalogue.save_verdicts([verdict_row(a, b)])
    version = catalogue.load_pair_set()[0]
    assert catalogue.save_verdicts([verdict_row(a, b, updated_ns=999)]) == 0
    assert catalogue.load_pair_set()[0] == version
    assert catalogue.list_pairs()[0]["updated_ns"] == 100


def test_a_human_verdict_outlasts_the_rules(catalogue: Catalogue) -> None:
    a, b = listed(K, "K1"), listed(P, "0xa")
    catalogue.save_verdicts([verdict_row(a, b, verdict="review")])
    assert catalogue.save_verdicts([verdict_row(a, b, verdict="blocked", actor="operator")]) == 1
    assert catalogue.save_verdicts([verdict_row(a, b, verdict="confirmed", updated_ns=7)]) == 0
    row = catalogue.list_pairs()[0]
    assert (row["verdict"], row["actor"], row["active_flag"]) == ("blocked", "operator", False)
    assert catalogue.save_verdicts([verdict_row(a, b, actor="operator")]) == 1
    assert catalogue.list_pairs()[0]["active_flag"] is True


def test_pairs_are_listed_newest_first_by_verdict(catalogue: Catalogue) -> None:
    a, b, c = listed(K, "K1"), listed(P, "0xa"), listed(P, "0xb")
    catalogue.save_verdicts(
        [verdict_row(a, b, updated_ns=1), verdict_row(a, c, updated_ns=2, verdict="review")]
    )
    assert [r["updated_ns"] for r in catalogue.list_pairs()] == [2, 1]
    assert [r["verdict"] for r in catalogue.list_pairs(verdict="review")] == ["review"]
    assert catalogue.list_pairs()[0]["evidence"] == verdict_row(a, c)["evidence"]


def test_a_changed_market_of_a_pair_makes_a_new_version(catalogue: Catalogue) -> None:
    a, b = listed(K, "K1"), listed(P, "0xa")
    catalogue.upsert_markets([a, b, listed(K, "K2")], seen_ns=5)
    catalogue.save_verdicts([verdict_row(a, b)])
    version = catalogue.load_pair_set()[0]
    catalogue.upsert_markets([a, b, listed(K, "K2", title="not in a pair")], seen_ns=6)
    assert catalogue.load_pair_set()[0] == version
    catalogue.upsert_markets([listed(P, "0xa", rules_hash="b" * 16)], seen_ns=7)
    assert catalogue.load_pair_set()[0] > version


def test_proof_marks_the_pair_and_the_first_one_counts(catalogue: Catalogue) -> None:
    a, b = listed(K, "K1"), listed(P, "0xa")
    catalogue.save_verdicts([verdict_row(a, b)])
    pair = catalogue.load_pair_set()[1][0]
    assert not pair.is_proven
    catalogue.mark_proven(pair.pair_id, 50, 3)
    catalogue.mark_proven(pair.pair_id, 60, 3)
    assert catalogue.load_pair_set()[1][0].is_proven


@pytest.mark.parametrize(
    "changes", [{"verdict": "maybe"}, {"polarity": "opposite"}, {"unknown_column": 1}]
)
def test_bad_verdict_rows_are_refused(catalogue: Catalogue, changes: dict[str, object]) -> None:
    a, b = listed(K, "K1"), listed(P, "0xa")
    with pytest.raises(StoreError, match="refused"):
        catalogue.save_verdicts([verdict_row(a, b) | changes])
    row = verdict_row(a, b)
    del row["rules_hash_a"]
    with pytest.raises(StoreError, match="missing column rules_hash_a"):
        catalogue.save_verdicts([row])
    assert list(catalogue.list_pairs()) == []


def test_market_text_with_bytes_that_postgres_refuses(postgres_dsn: str) -> None:
    catalogue = PostgresCatalogue(postgres_dsn)
    a, b = listed(K, "K1", rules_text="a\x00b", raw={"t": "\ud800"}), listed(P, "0xa")
    catalogue.upsert_markets([a, b], seen_ns=5)
    assert catalogue.list_markets("kalshi")[0].rules_text == "a\ufffdb"
    catalogue.save_verdicts([verdict_row(a, b, reason="x\x00y")])
    assert catalogue.list_pairs()[0]["reason"] == "x\ufffdy"
    catalogue.close()


def test_every_verdict_is_kept_as_history(postgres_dsn: str) -> None:
    catalogue = PostgresCatalogue(postgres_dsn)
    a, b = listed(K, "K1"), listed(P, "0xa")
    for verdict, actor in (("review", "rules"), ("confirmed", "operator"), ("blocked", "operator")):
        catalogue.save_verdicts([verdict_row(a, b, verdict=verdict, actor=actor)])
    with psycopg.connect(postgres_dsn) as connection:
        rows = connection.execute(
            "SELECT verdict, actor FROM market_pair_history ORDER BY entry_id"
        ).fetchall()
    assert rows == [("review", "rules"), ("confirmed", "operator"), ("blocked", "operator")]
    catalogue.close()


def test_a_fenced_off_trader_proves_nothing(postgres_dsn: str) -> None:
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute("INSERT INTO fencing VALUES (1, 3, 'us', '{}', 1)")
    catalogue = PostgresCatalogue(postgres_dsn)
    a, b = listed(K, "K1"), listed(P, "0xa")
    catalogue.save_verdicts([verdict_row(a, b)])
    with pytest.raises(StoreError, match="has taken over"):
        catalogue.mark_proven(catalogue.load_pair_set()[1][0].pair_id, 5, 2)
    assert not catalogue.load_pair_set()[1][0].is_proven
    catalogue.close()


def test_event_spans_its_markets(postgres_dsn: str) -> None:
    catalogue = PostgresCatalogue(postgres_dsn)
    catalogue.upsert_markets([listed(K, "K1", close_ns=9_000), listed(K, "K2", close_ns=7_000)], 5)
    catalogue.upsert_markets([listed(K, "K1", close_ns=8_000)], 6)
    with psycopg.connect(postgres_dsn) as connection:
        rows = connection.execute(
            "SELECT id, slug_or_ticker, end_time_ns, start_time_ns FROM events"
        ).fetchall()
        seen = connection.execute(
            "SELECT first_seen_ns, last_seen_ns FROM markets WHERE id = 'kalshi:K1'"
        ).fetchone()
    assert rows == [("kalshi:KXCPI-25SEP", "KXCPI-25SEP", 9_000, None)]
    assert seen == (5, 6)
    catalogue.close()

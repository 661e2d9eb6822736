"""A matching run over the real record: verdicts, evidence, versions, and what leaves."""

from __future__ import annotations

import pytest

from shared.adapters.stores.postgres_catalogue import PostgresCatalogue
from shared.adapters.stores.postgres_matching import PostgresMatching
from shared.domain.enums import Polarity, Verdict
from shared.services import matching
from tests.support.matching_texts import NOON_NS, entries

pytestmark = pytest.mark.postgres


def test_a_run_confirms_keeps_still_and_lets_go(postgres_dsn: str) -> None:
    store, rulings = PostgresCatalogue(postgres_dsn), PostgresMatching(postgres_dsn)
    for listed in entries():
        store.upsert_markets(listed, NOON_NS)
    counts = matching.run(store, rulings, NOON_NS)
    version, pairs, instruments = store.load_pair_set()
    confirmed = [p for p in pairs if p.verdict is Verdict.CONFIRMED]
    assert len(confirmed) == counts["confirmed"] >= 15
    assert {p.polarity for p in confirmed} == {Polarity.SAME, Polarity.INVERSE}
    known = {i.market_id: i.rules_hash for i in instruments}
    assert all(known[p.a] == p.rules_hash_a and known[p.b] == p.rules_hash_b for p in pairs)
    assert matching.run(store, rulings, NOON_NS + 1)["changed"] == 0
    assert store.load_pair_set()[0] == version
    matching.run(store, rulings, NOON_NS + 3_600 * 10**9)
    left = {p.pair_id for p in store.load_pair_set()[1]}
    assert left < {p.pair_id for p in pairs}, "rolling pairs are past their close"
    row = store.list_pairs(verdict="deactivated")[0]
    assert row["reason"].startswith("closed: ") and row["evidence"]
    store.close()
    rulings.close()

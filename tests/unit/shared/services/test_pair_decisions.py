"""What a person may decide about pairs, what rules refuse to everybody, and what lasts."""

from __future__ import annotations

import asyncio
import copy
import functools
from dataclasses import replace

import pytest

from shared.adapters.stores.memory import MemoryCatalogue
from shared.domain.enums import Verdict
from shared.domain.errors import DomainError
from shared.ports.matching import RulingKind, RulingList
from shared.services import matching, pair_decisions
from shared.services.pair_decisions import Person
from shared.services.pair_rows import plain
from tests.support.matching_texts import NOON_NS, entries

ANA = Person("ana", "read both texts", NOON_NS + 5)
BLOCK, ALLOW = RulingList.BLOCK, RulingList.ALLOW


@functools.cache
def matched() -> MemoryCatalogue:
    catalogue = MemoryCatalogue()
    for listed in entries():
        catalogue.upsert_markets(listed, NOON_NS)
    matching.run(catalogue, catalogue.matching, NOON_NS)
    return catalogue


@pytest.fixture
def store() -> MemoryCatalogue:
    return copy.deepcopy(matched())


def first(store: MemoryCatalogue, verdict: str = "confirmed") -> str:
    return str(store.list_pairs(verdict=verdict)[0]["id"])


def verdict_of(store: MemoryCatalogue, pair: str) -> tuple[str, str]:
    row = pair_decisions.find_pair(store, pair)
    return str(row["verdict"]), str(row["actor"])


def test_lowered_by_hand_stays_and_only_a_person_confirms_again(store: MemoryCatalogue) -> None:
    pair = first(store)
    for verdict in pair_decisions.LOWERED:
        pair_decisions.lower(store, pair, verdict, ANA)
        matching.run(store, store.matching, NOON_NS + 9)
        assert verdict_of(store, pair) == (verdict.value, "ana")
    pair_decisions.confirm(store, store.matching, pair, ANA)
    assert verdict_of(store, pair) == ("confirmed", "ana")
    row = pair_decisions.find_pair(store, pair)
    assert row["reason"] == "read both texts" and row["updated_ns"] == ANA.at_ns
    assert row["terms_a"] and not row["needs_person"]


def test_changed_text_can_be_confirmed_by_a_person_once_it_is_known(
    store: MemoryCatalogue,
) -> None:
    pair = first(store)
    market = pair_decisions.find_pair(store, pair)["market_a_id"]
    listed = store.markets_by_id([market])[market]
    edited = replace(listed.instrument, rules_hash="edited")
    store.apply_instrument(edited, NOON_NS + 1)
    matching.run(store, store.matching, NOON_NS + 2)
    with pytest.raises(DomainError, match="not known yet"):
        pair_decisions.confirm(store, store.matching, pair, ANA)
    store.upsert_markets([replace(listed, instrument=edited)], NOON_NS + 3)
    matching.run(store, store.matching, NOON_NS + 4)
    assert verdict_of(store, pair) == ("review", "rules")
    pair_decisions.confirm(store, store.matching, pair, ANA)
    matching.run(store, store.matching, NOON_NS + 6)
    assert verdict_of(store, pair) == ("confirmed", "ana")


def test_what_the_rules_refuse_nobody_confirms(store: MemoryCatalogue) -> None:
    pairs = list(matching.find(store, NOON_NS))[:200]
    judged = asyncio.run(matching.rank(store, pairs, (), NOON_NS))
    rejected = next(row for row in judged if row["verdict"] == "rejected")
    store.save_verdicts([{**plain(rejected), "verdict": "review"}])
    with pytest.raises(DomainError, match="rules refuse it"):
        pair_decisions.confirm(store, store.matching, rejected["id"], ANA)
    with pytest.raises(DomainError, match="no pair"):
        pair_decisions.confirm(store, store.matching, "pr_unknown", ANA)


@pytest.mark.parametrize("kind", [RulingKind.PAIR, RulingKind.SERIES])
def test_a_block_acts_at_once_and_its_end_asks_a_person(
    store: MemoryCatalogue, kind: RulingKind
) -> None:
    pair = first(store)
    row = pair_decisions.find_pair(store, pair)
    ids = [row["market_a_id"], row["market_b_id"]]
    if kind is RulingKind.SERIES:
        known = store.markets_by_id(ids)
        ids = [matching.series_of(known[m]) for m in ids]
    assert pair_decisions.rule(store, store.matching, kind, *ids, ANA, listed=BLOCK) >= 1
    assert verdict_of(store, pair)[0] == "blocked"
    with pytest.raises(DomainError, match="is blocked by ana"):
        pair_decisions.confirm(store, store.matching, pair, ANA)
    assert pair_decisions.unrule(store, store.matching, kind, *ids, ANA, listed=BLOCK) >= 1
    matching.run(store, store.matching, NOON_NS + 9)
    assert verdict_of(store, pair) == ("review", "rules")
    assert pair_decisions.find_pair(store, pair)["needs_person"]
    with pytest.raises(DomainError, match="no such ruling"):
        pair_decisions.unrule(store, store.matching, kind, *ids, ANA, listed=BLOCK)


def test_differing_sources_need_the_allowlist(store: MemoryCatalogue) -> None:
    """Another exchange's price: refused; allowlisted it is a person's to confirm; refused again.

    The sentence that pays names the exchange too, so the rules alone still do not confirm it.
    """
    pair = next(
        str(row["id"])
        for row in store.list_pairs(verdict="confirmed")
        if row["market_a_id"].startswith("kalshi:KXBTC15-")
    )
    market = pair_decisions.find_pair(store, pair)["market_b_id"]
    listed = store.markets_by_id([market])[market]
    text = listed.rules_text.replace("Coinbase", "Binance").replace("coinbase", "binance")
    assert text != listed.rules_text
    edited = replace(
        listed,
        rules_text=text,
        resolution_source="https://www.binance.com",
        instrument=replace(listed.instrument, rules_hash="binance"),
    )
    fresh = MemoryCatalogue()
    for each in entries():
        fresh.upsert_markets(each, NOON_NS)
    fresh.upsert_markets([edited], NOON_NS)
    sources = ("coinbase", "binance")
    matching.run(fresh, fresh.matching, NOON_NS + 1)
    assert pair not in {row["id"] for row in fresh.list_pairs(verdict="confirmed")}
    pair_decisions.rule(fresh, fresh.matching, RulingKind.SOURCE, *sources, ANA, listed=ALLOW)
    matching.run(fresh, fresh.matching, NOON_NS + 2)
    row = pair_decisions.find_pair(fresh, pair)
    assert row["verdict"] == "review"
    (source,) = (f for f in row["evidence"] if f["code"] == "SOURCE")
    assert source["reason"] == "allowlisted: ana, read both texts"
    pair_decisions.confirm(fresh, fresh.matching, pair, ANA)
    assert verdict_of(fresh, pair) == ("confirmed", "ana")
    kind = RulingKind.SOURCE
    assert pair_decisions.unrule(fresh, fresh.matching, kind, *sources, ANA, listed=ALLOW) == 1
    assert verdict_of(fresh, pair) == ("review", "rules")
    with pytest.raises(DomainError, match="rules refuse it"):
        pair_decisions.confirm(fresh, fresh.matching, pair, ANA)


def test_rulings_that_mean_nothing_are_refused(store: MemoryCatalogue) -> None:
    for kind, listed, a, b in (
        (RulingKind.PAIR, BLOCK, "x", "x"),
        (RulingKind.SOURCE, BLOCK, "ap", "fox"),
        (RulingKind.SERIES, ALLOW, "kalshi:A", "polymarket:b"),
    ):
        with pytest.raises(DomainError):
            pair_decisions.rule(store, store.matching, kind, a, b, ANA, listed=listed)
    with pytest.raises(DomainError, match="reason"):
        Person("ana", "  ", 1)
    assert Verdict.CONFIRMED not in pair_decisions.LOWERED

"""The crawl of one venue: whole, broken off and taken up, and what it closes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from shared.adapters.stores.memory import MemoryCatalogue
from shared.domain.enums import Venue
from shared.domain.errors import StoreError
from shared.domain.ids import MarketId
from shared.ports.event_log import StoredObject
from shared.ports.venue import CatalogueMarket
from shared.services import catalogue
from tests.support.matching_texts import NOON_NS, entries

GONE = MarketId("kalshi:GONE")


class Listing:
    """Pages of two markets; breaks after the numbers in ``breaks``, once each."""

    venue = Venue.KALSHI

    def __init__(self, markets: Sequence[CatalogueMarket], breaks: Sequence[int] = ()) -> None:
        self._markets = markets
        self._breaks = list(breaks)
        self.resume_cursor = ""

    async def list_markets(self, *, resume_from: str = "") -> AsyncIterator[CatalogueMarket]:
        for number in range(int(resume_from or 0), len(self._markets)):
            self.resume_cursor = str(number - number % 2)
            if number in self._breaks:
                self._breaks.remove(number)
                raise StoreError("page lost")
            yield self._markets[number]
        self.resume_cursor = ""


class Archive:
    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.is_down = False

    def put(self, name: str, blob: bytes) -> None:
        if self.is_down:
            raise StoreError("no bucket")
        self.objects[name] = blob

    def get(self, name: str) -> bytes:
        return self.objects[name]

    def list_objects(self, prefix: str = "") -> Sequence[StoredObject]:
        return []


async def crawl(
    source: Listing, store: MemoryCatalogue, *, at_ns: int = NOON_NS, **options: Any
) -> catalogue.SyncReport:
    run_id = options.pop("run_id", "one")
    now = options.pop("now", lambda: at_ns)
    return await catalogue.sync(source, store, store.matching, run_id=run_id, now=now, **options)


async def test_everything_listed_is_stored() -> None:
    markets, store = entries()[0], MemoryCatalogue()
    report = await crawl(Listing(markets), store)
    assert (report.venue, report.listed, report.closed) == ("kalshi", len(markets), 0)
    assert len(store.list_markets("kalshi")) == len(markets)


async def test_a_broken_listing_goes_on_where_it_stopped() -> None:
    markets, store = entries()[0], MemoryCatalogue()
    report = await crawl(Listing(markets, breaks=[7]), store)
    assert report.resumed == 1
    assert len(store.list_markets("kalshi")) == len(markets)


async def test_a_listing_that_stays_broken_fails_and_closes_nothing() -> None:
    markets, store = entries()[0], MemoryCatalogue()
    store.upsert_markets(markets, NOON_NS)
    broken = Listing(markets, breaks=[3, 3, 3])
    with pytest.raises(StoreError):
        await crawl(broken, store)
    assert len(store.list_markets("kalshi")) == len(markets)


async def test_what_a_whole_listing_leaves_out_is_closed() -> None:
    markets, store = entries()[0], MemoryCatalogue()
    store.upsert_markets(markets, NOON_NS)
    report = await crawl(Listing(markets[3:]), store, at_ns=NOON_NS + 1)
    assert report.closed == 3
    assert len(store.list_markets("kalshi")) == len(markets) - 3


async def test_a_run_out_of_time_leaves_the_rest_to_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(catalogue, "BATCH", 4)
    markets, store = entries()[0], MemoryCatalogue()
    gone = replace(markets[0], instrument=replace(markets[0].instrument, market_id=GONE))
    store.upsert_markets([gone], NOON_NS - 5)
    source, clock = Listing(markets), count(NOON_NS)
    states = []
    for number in range(len(markets)):
        report = await crawl(
            source, store, now=lambda: next(clock), budget_ns=1, run_id=f"run {number}"
        )
        states.append(report.state)
        assert (report.closed == 1) is (report.state == "done")
        if report.state == "done":
            break
    assert states.count("more") >= len(markets) // 4 - 1 and states[-1] == "done"
    (kept,) = store.matching.list_crawls()
    assert kept.cursor == "" and kept.finished_ns and kept.listed >= len(markets)
    assert {m.instrument.market_id for m in store.list_markets("kalshi")} == {
        m.instrument.market_id for m in markets
    }


async def test_one_crawl_of_a_venue_at_a_time() -> None:
    markets, store = entries()[0], MemoryCatalogue()
    store.matching.take_crawl("kalshi", "another", NOON_NS, catalogue.LEASE_NS)
    assert (await crawl(Listing(markets), store)).state == "busy"
    assert not store.list_markets("kalshi")
    later = NOON_NS + catalogue.LEASE_NS
    assert (await crawl(Listing(markets), store, at_ns=later)).state == "done"


async def test_raw_objects_of_what_changed_are_kept_with_their_hashes() -> None:
    markets, store, archive = entries()[0], MemoryCatalogue(), Archive()
    await crawl(Listing(markets), store, archive=archive)
    rows = [row for blob in archive.objects.values() for row in catalogue.read_raw(blob)]
    assert {(m, h) for m, h, _ in rows} == {
        (m.instrument.market_id, m.instrument.rules_hash) for m in markets
    }
    assert [raw for _, _, raw in rows] == [m.raw for m in markets]
    assert all(name.startswith("catalogue/kalshi/20") for name in archive.objects)
    before = len(archive.objects)
    edited = replace(markets[2], rules_text="other words")
    report = await crawl(
        Listing([*markets[:2], edited, *markets[3:]]), store, at_ns=NOON_NS + 1, archive=archive
    )
    assert report.changed == 1 and len(archive.objects) == before + 1
    archive.is_down = True
    report = await crawl(Listing(markets), store, at_ns=NOON_NS + 2, archive=archive)
    assert (report.state, report.unarchived) == ("done", 1)


async def test_an_empty_listing_closes_nothing() -> None:
    markets, store = entries()[0], MemoryCatalogue()
    store.upsert_markets(markets, NOON_NS)
    assert (await crawl(Listing([]), store, at_ns=NOON_NS + 9)).closed == 0
    assert len(store.list_markets("kalshi")) == len(markets)

"""The crawl of one venue: whole, broken off and taken up, and what it closes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest

from shared.adapters.stores.memory import MemoryCatalogue
from shared.domain.enums import Venue
from shared.domain.errors import StoreError
from shared.ports.venue import CatalogueMarket
from shared.services import catalogue
from tests.support.matching_texts import NOON_NS, entries


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


async def test_everything_listed_is_stored() -> None:
    markets, store = entries()[0], MemoryCatalogue()
    report = await catalogue.sync(Listing(markets), store, NOON_NS)
    assert (report.venue, report.listed, report.closed) == ("kalshi", len(markets), 0)
    assert len(store.list_markets("kalshi")) == len(markets)


async def test_a_broken_listing_goes_on_where_it_stopped() -> None:
    markets, store = entries()[0], MemoryCatalogue()
    report = await catalogue.sync(Listing(markets, breaks=[7]), store, NOON_NS)
    assert report.resumed == 1
    assert len(store.list_markets("kalshi")) == len(markets)


async def test_a_listing_that_stays_broken_fails_and_closes_nothing() -> None:
    markets, store = entries()[0], MemoryCatalogue()
    store.upsert_markets(markets, NOON_NS)
    broken = Listing(markets, breaks=[3, 3, 3])
    with pytest.raises(StoreError):
        await catalogue.sync(broken, store, NOON_NS)
    assert len(store.list_markets("kalshi")) == len(markets)


async def test_what_a_whole_listing_leaves_out_is_closed() -> None:
    markets, store = entries()[0], MemoryCatalogue()
    store.upsert_markets(markets, NOON_NS)
    report = await catalogue.sync(Listing(markets[3:]), store, NOON_NS + 1)
    assert report.closed == 3
    assert len(store.list_markets("kalshi")) == len(markets) - 3

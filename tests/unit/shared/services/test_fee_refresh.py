"""Fees read again: changed, unchanged, unknown and not listed any more."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest

from shared.adapters.stores.memory import MemoryCatalogue
from shared.domain.enums import FeeType, Venue
from shared.domain.fee_schedules import kalshi_schedule
from shared.domain.instrument import FeeSchedule
from shared.ports.venue import CatalogueMarket
from shared.services import fee_refresh, matching
from tests.support.matching_texts import NOON_NS, entries


class Listing:
    venue = Venue.KALSHI
    resume_cursor = ""

    def __init__(self, markets: Sequence[CatalogueMarket]) -> None:
        self._markets = markets

    async def list_markets(self, *, resume_from: str = "") -> AsyncIterator[CatalogueMarket]:
        for market in self._markets:
            yield market


def with_fees(market: CatalogueMarket, fees: FeeSchedule) -> CatalogueMarket:
    return replace(market, instrument=replace(market.instrument, fees=fees))


@pytest.fixture
def store() -> MemoryCatalogue:
    found = MemoryCatalogue()
    for markets in entries():
        found.upsert_markets(markets, NOON_NS)
    matching.run(found, found.matching, NOON_NS)
    return found


def fees_of(store: MemoryCatalogue) -> dict[str, FeeSchedule]:
    return {i.market_id: i.fees for i in store.load_pair_set()[2] if i.venue is Venue.KALSHI}


async def test_same_formula_is_only_dated_anew(store: MemoryCatalogue) -> None:
    dated = [with_fees(m, replace(m.instrument.fees, as_of_ns=NOON_NS + 9)) for m in entries()[0]]
    report = await fee_refresh.refresh(Listing(dated), store, NOON_NS + 9)
    assert report.changes == () and report.missing == () and report.read == len(fees_of(store)) > 0
    assert {fees.as_of_ns for fees in fees_of(store).values()} == {NOON_NS + 9}


async def test_a_changed_formula_is_stored_and_reported(store: MemoryCatalogue) -> None:
    target = min(fees_of(store))
    new = kalshi_schedule(FeeType.KALSHI_QUADRATIC, 2_000_000, source="event X")
    listing = [with_fees(m, new) if m.instrument.market_id == target else m for m in entries()[0]]
    report = await fee_refresh.refresh(Listing(listing), store, NOON_NS + 9)
    (change,) = report.changes
    assert (change.market_id, change.after, change.source) == (target, new.version, "event X")
    assert change.before_hash != change.after_hash == new.version_hash
    assert fees_of(store)[target] == new


async def test_fees_that_became_unknown_are_stored_as_unknown(store: MemoryCatalogue) -> None:
    unknown = FeeSchedule(FeeType.UNKNOWN)
    listing = [with_fees(m, unknown) for m in entries()[0]]
    report = await fee_refresh.refresh(Listing(listing), store, NOON_NS + 9)
    assert report.unknown == report.read == len(report.changes)
    assert set(fees_of(store).values()) == {unknown}


async def test_what_is_not_listed_is_named_and_left_to_expire(store: MemoryCatalogue) -> None:
    before = fees_of(store)
    report = await fee_refresh.refresh(Listing([]), store, NOON_NS + 9)
    assert report.missing == tuple(sorted(before)) and fees_of(store) == before

"""Crawls one venue's listing into the record: page by page, resumable, bounded memory.

A market that a finished crawl no longer lists is stored as closed, so that its pairs
leave the active set; an unfinished crawl closes nothing. What is kept in memory is one
batch of markets and the ids seen.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from shared.domain.enums import MarketStatus
from shared.domain.errors import StoreError, WireError
from shared.ports.stores import CatalogueStore
from shared.ports.venue import CatalogueMarket, CatalogueSource

BATCH: Final = 500
ATTEMPTS: Final = 3
"""How often a broken listing is taken up again where it stopped before the crawl fails."""

log = logging.getLogger("twinleg.catalogue")


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a crawl did. ``listed`` counts markets read, ``closed`` those no longer listed."""

    venue: str
    listed: int
    stored: int
    closed: int
    resumed: int


async def sync(source: CatalogueSource, store: CatalogueStore, now_ns: int) -> SyncReport:
    """Read everything that ``source`` lists and store it.

    Raises:
        StoreError, WireError: the listing broke ``ATTEMPTS`` times, or the record failed;
            what was read until then stays stored.
    """
    assert now_ns > 0
    venue = source.venue.value
    seen: set[str] = set()
    listed = stored = attempt = 0
    cursor = ""
    while True:
        batch: list[CatalogueMarket] = []
        try:
            async for market in source.list_markets(resume_from=cursor):
                listed += 1
                seen.add(market.instrument.market_id)
                batch.append(market)
                if len(batch) >= BATCH:
                    stored += await _store(store, batch, now_ns)
                    batch = []
                    log.info("%s: %d markets read", venue, listed)
            stored += await _store(store, batch, now_ns)
            break
        except (StoreError, WireError) as error:
            stored += await _store(store, batch, now_ns)
            attempt += 1
            following = str(getattr(source, "resume_cursor", ""))
            if attempt >= ATTEMPTS or not following:
                raise
            log.warning("%s: resumed after %d markets: %s", venue, listed, error)
            cursor = following
    closed = await _close_vanished(store, venue, seen, now_ns)
    assert closed >= 0 and stored <= listed
    return SyncReport(venue, listed, stored, closed, attempt)


async def _store(store: CatalogueStore, batch: Sequence[CatalogueMarket], now_ns: int) -> int:
    if not batch:
        return 0
    return await asyncio.to_thread(store.upsert_markets, batch, now_ns)


async def _close_vanished(store: CatalogueStore, venue: str, seen: set[str], now_ns: int) -> int:
    """Store as closed what is open in the record and was not listed by a whole crawl."""
    open_markets = await asyncio.to_thread(store.list_markets, venue)
    gone = [m for m in open_markets if m.instrument.market_id not in seen]
    closed = [
        replace(m, instrument=replace(m.instrument, status=MarketStatus.CLOSED)) for m in gone
    ]
    for start in range(0, len(closed), BATCH):
        await _store(store, closed[start : start + BATCH], now_ns)
    return len(closed)

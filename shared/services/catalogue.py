"""Crawls one venue's listing into the record: page by page, resumable, in bounded memory.

A crawl keeps its cursor in the record under a lease: a process that dies, or that stops
because its time is over, is followed by another that goes on at the same page. In memory
is one batch of markets. Only markets that say something new are written; their raw objects
go to the archive. A market that a finished crawl did not see is closed, so that its pairs
leave the active set; an unfinished crawl closes nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

import msgspec
import zstandard

from shared.domain.errors import StoreError, WireError
from shared.domain.ids import MarketId
from shared.domain.units import NS_PER_S
from shared.ports.event_log import ObjectStore
from shared.ports.matching import Crawl, CrawlStore
from shared.ports.stores import CatalogueStore
from shared.ports.venue import CatalogueMarket, CatalogueSource

BATCH: Final = 500
ATTEMPTS: Final = 3
"""How often a broken listing is taken up again where it stopped before the crawl fails."""
LEASE_NS: Final = 120 * NS_PER_S
"""How long a crawl waits for a process that says nothing before another goes on with it."""
RAW_PREFIX: Final = "catalogue"

log = logging.getLogger("twinleg.catalogue")


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a run of a crawl did; counts are of the whole crawl, over all its runs.

    ``listed`` counts markets read (a page read again counts again), ``changed`` those that
    were new or said something new, ``closed`` those no longer listed. ``state``: ``done``;
    ``more``, the time of this run is over; ``busy``, another run is at it.
    """

    venue: str
    state: str
    listed: int = 0
    changed: int = 0
    closed: int = 0
    resumed: int = 0
    unarchived: int = 0


async def sync(
    source: CatalogueSource,
    store: CatalogueStore,
    crawls: CrawlStore,
    *,
    run_id: str,
    now: Callable[[], int],
    archive: ObjectStore | None = None,
    budget_ns: int = 0,
) -> SyncReport:
    """Read what ``source`` lists, or go on reading it, and store it.

    Args:
        run_id: Who crawls; the same id takes its own crawl up again at once.
        now: The wall clock.
        archive: Where raw objects of changed markets go; None keeps none.
        budget_ns: Stop at a batch's end after so long, 0 for never.

    Raises:
        StoreError, WireError: the listing broke ``ATTEMPTS`` times, or the record failed;
            what was read until then stays stored, and the next run goes on there.
    """
    venue, begun_ns = source.venue.value, now()
    taken = await asyncio.to_thread(crawls.take_crawl, venue, run_id, begun_ns, LEASE_NS)
    if taken is None:
        return SyncReport(venue, "busy")
    run = _Run(source, store, crawls, taken, now, archive)
    while True:
        try:
            until_ns = begun_ns + budget_ns if budget_ns else 0
            is_done = await run.read(until_ns)
            break
        except (StoreError, WireError) as error:
            run.resumed += 1
            if run.resumed >= ATTEMPTS or not getattr(source, "resume_cursor", ""):
                await run.leave()
                raise
            log.warning("%s: resumed after %d markets: %s", venue, run.crawl.listed, error)
    if not is_done:
        await run.leave()
        return run.report("more", 0)
    closed = await run.finish()
    assert closed >= 0
    return run.report("done", closed)


class _Run:
    """One process's part of a crawl."""

    def __init__(
        self,
        source: CatalogueSource,
        store: CatalogueStore,
        crawls: CrawlStore,
        crawl: Crawl,
        now: Callable[[], int],
        archive: ObjectStore | None,
    ) -> None:
        self._source, self._store, self._crawls = source, store, crawls
        self._now, self._archive = now, archive
        self.crawl = crawl
        self.resumed = 0
        self.unarchived = 0

    async def read(self, until_ns: int) -> bool:
        """Read on from the cursor to the end (True) or until the time is over (False)."""
        batch: list[CatalogueMarket] = []
        async for market in self._source.list_markets(resume_from=self.crawl.cursor):
            batch.append(market)
            if len(batch) < BATCH:
                continue
            await self._keep(batch)
            batch = []
            if until_ns and self._now() >= until_ns:
                return False
        await self._keep(batch)
        return True

    async def _keep(self, batch: Sequence[CatalogueMarket]) -> None:
        """Store a batch, then the cursor of the page that its last market came from."""
        if not batch:
            return
        now_ns = self._now()
        changed = await asyncio.to_thread(self._store.store_listing, batch, now_ns)
        await self._archive_raw([m for m in batch if m.instrument.market_id in changed])
        self.crawl = replace(
            self.crawl,
            cursor=str(getattr(self._source, "resume_cursor", "")) or self.crawl.cursor,
            listed=self.crawl.listed + len(batch),
            changed=self.crawl.changed + len(changed),
            updated_ns=now_ns,
            leased_until_ns=now_ns + LEASE_NS,
        )
        await self._save()
        seconds = max(1, (now_ns - self.crawl.started_ns) // NS_PER_S)
        log.info(
            "%s: %d markets read, %d changed, %d a second",
            self.crawl.venue,
            self.crawl.listed,
            self.crawl.changed,
            self.crawl.listed // seconds,
        )

    async def leave(self) -> None:
        """Let another run go on at once."""
        self.crawl = replace(self.crawl, updated_ns=self._now(), leased_until_ns=0)
        await self._save()

    async def finish(self) -> int:
        """End the crawl and close what it did not see; a crawl that saw nothing closes nothing."""
        closed = 0
        if self.crawl.listed:
            crawl = self.crawl
            closed = await asyncio.to_thread(
                self._store.close_unseen, crawl.venue, crawl.started_ns
            )
        now_ns = self._now()
        self.crawl = replace(
            self.crawl, cursor="", updated_ns=now_ns, finished_ns=now_ns, leased_until_ns=0
        )
        await self._save()
        return closed

    async def _save(self) -> None:
        """Raises StoreError when another run has taken the crawl over meanwhile."""
        if not await asyncio.to_thread(self._crawls.save_crawl, self.crawl):
            raise StoreError(f"{self.crawl.venue}: another run has taken the crawl over")

    async def _archive_raw(self, changed: Collection[CatalogueMarket]) -> None:
        """Keep the raw objects; one that cannot be kept is counted, its market is stored."""
        if self._archive is None or not changed:
            return
        blob = raw_blob(changed)
        name = raw_name(self.crawl.venue, self._now(), blob)
        try:
            await asyncio.to_thread(self._archive.put, name, blob)
        except StoreError as error:
            self.unarchived += len(changed)
            log.warning("%s: raw objects not kept: %s", self.crawl.venue, error)

    def report(self, state: str, closed: int) -> SyncReport:
        crawl = self.crawl
        return SyncReport(
            crawl.venue,
            state,
            crawl.listed,
            crawl.changed,
            closed,
            self.resumed,
            self.unarchived,
        )


def raw_blob(markets: Collection[CatalogueMarket]) -> bytes:
    """Return raw objects as compressed JSON lines, each with the id and hash it belongs to."""
    encoder = msgspec.json.Encoder(order="deterministic")
    lines = (
        encoder.encode({"id": i.market_id, "rules_hash": i.rules_hash, "raw": m.raw})
        for m in markets
        for i in (m.instrument,)
    )
    return zstandard.ZstdCompressor(level=6).compress(b"\n".join(lines) + b"\n")


def raw_name(venue: str, now_ns: int, blob: bytes) -> str:
    """Return ``catalogue/<venue>/<day>/<time>-<digest>``: equal content, equal name a second."""
    moment = datetime.fromtimestamp(now_ns // NS_PER_S, UTC)
    digest = hashlib.sha256(blob).hexdigest()[:16]
    return f"{RAW_PREFIX}/{venue}/{moment:%Y-%m-%d}/{moment:%H%M%S}-{digest}.jsonl.zst"


def read_raw(blob: bytes) -> list[tuple[MarketId, str, dict[str, object]]]:
    """Return (market, rules hash, raw object) of every line of an archived object."""
    text = zstandard.ZstdDecompressor().decompress(blob)
    rows = [msgspec.json.decode(line) for line in text.splitlines()]
    return [(MarketId(row["id"]), row["rules_hash"], row["raw"]) for row in rows]

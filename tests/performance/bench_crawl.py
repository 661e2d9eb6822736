"""A routine crawl of Polymarket's catalogue: generated markets over HTTP, into Postgres.

    python -m tests.performance.bench_crawl 200000    (the real size, about ten minutes)

The client, its rate limits, parsing, store and archive are the real ones. The crawl is cut
in the middle by its time budget and gone on with by another run, as functions do; then the
same catalogue is crawled again, when nothing has changed. Marks: every market in the record
once, nothing written the second time, and a memory that does not grow with the catalogue:
the peak of the whole is at most twice that of a tenth of it.
"""

from __future__ import annotations

import asyncio
import logging
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from shared.adapters.stores.embedded_postgres import EmbeddedPostgres
from shared.adapters.stores.migrate import migrate
from shared.adapters.stores.postgres_catalogue import PostgresCatalogue
from shared.adapters.stores.postgres_matching import PostgresMatching
from shared.adapters.venues.polymarket.access import Hosts
from shared.adapters.venues.polymarket.catalogue import PolymarketCatalogue
from shared.ports.event_log import StoredObject
from shared.services import catalogue
from tests.support.small_edition import free_port
from trader_task.clock import SystemClock

MARKETS: Final = 20_000
"""In ``make bench``; every figure but the seconds is the same at ten times the size."""
GROWTH_MAX: Final = 2.0
ROOT: Final = Path(__file__).resolve().parents[2]


class Counted:
    """An archive that counts what it is given."""

    def __init__(self) -> None:
        self.objects = self.bytes = 0

    def put(self, name: str, blob: bytes) -> None:
        self.objects += 1
        self.bytes += len(blob)

    def get(self, name: str) -> bytes:
        raise NotImplementedError

    def list_objects(self, prefix: str = "") -> Sequence[StoredObject]:
        return []


def main() -> int:
    markets = int(sys.argv[1]) if len(sys.argv) > 1 else MARKETS
    logging.basicConfig(level=logging.WARNING)
    folder = Path(tempfile.mkdtemp(prefix="tlcrawl-"))
    postgres = EmbeddedPostgres(folder / "pg")
    postgres.start()
    try:
        peaks = []
        for number, size in enumerate((markets // 10, markets)):
            dsn = postgres.dsn("postgres")
            if number:
                _empty(dsn)
            else:
                migrate(dsn)
            peaks.append(_measure(dsn, size))
        grown = peaks[1] / peaks[0]
        print(f"peak memory {peaks[0]:.0f} MB at a tenth, {peaks[1]:.0f} MB whole: {grown:.2f} x")
        return 0 if grown <= GROWTH_MAX else 1
    finally:
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _empty(dsn: str) -> None:
    import psycopg

    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("TRUNCATE markets, events, crawls")


def _measure(dsn: str, markets: int) -> float:
    """Crawl in this process; returns its peak memory in MB."""
    port = free_port()
    argv = [sys.executable, "-m", "tests.performance.generated_gamma", str(markets), str(port)]
    server = subprocess.Popen(argv, cwd=ROOT)
    try:
        _wait(f"http://127.0.0.1:{port}/markets")
        asyncio.run(_crawl(dsn, port, markets))
    finally:
        server.terminate()
        server.wait(timeout=10)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024


def _wait(url: str) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except urllib.error.URLError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


async def _crawl(dsn: str, port: int, markets: int) -> None:
    base = f"http://127.0.0.1:{port}"
    hosts = Hosts(clob=base, gamma=base, data=base, ws="", geoblock="")
    store, record, archive = PostgresCatalogue(dsn), PostgresMatching(dsn), Counted()
    budget_ns = markets * 1_000_000_000 // 4_000  # ends about in the middle
    for what in ("first", "again"):
        begun, cpu, runs, objects = time.monotonic(), time.process_time(), 0, archive.objects
        while True:
            source = PolymarketCatalogue(hosts, SystemClock())
            report = await catalogue.sync(
                source,
                store,
                record,
                run_id=f"{what}-{runs}",
                now=time.time_ns,
                archive=archive,
                budget_ns=budget_ns,
            )
            await source.aclose()
            runs += 1
            if report.state == "done":
                break
        seconds, used = time.monotonic() - begun, time.process_time() - cpu
        print(
            f"{what}: {report.listed:,} read in {runs} runs, {report.changed:,} changed,"
            f" {report.closed} closed; {seconds:.1f} s ({report.listed / seconds:,.0f} a second),"
            f" {used:.1f} s of processor, {archive.objects - objects} raw objects",
            flush=True,
        )
        assert report.listed >= markets and report.closed == 0
        assert report.changed == (markets if what == "first" else 0), report
    stored = sum(1 for _ in store.list_titles("polymarket"))
    assert stored == markets, (stored, markets)
    store.close()
    record.close()


if __name__ == "__main__":
    sys.exit(main())

"""Order submission over our warm connection against httpx: same server, same bytes.

    python -m tests.performance.bench_orders

The server runs in a process of its own and answers at once, so what is measured is the
client: from the call to the whole answer, including the permission right before the write.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import httpx
import uvloop

from shared.adapters.venues.order_connection import OrderConnection
from shared.adapters.venues.polymarket.access import Credentials, Hosts
from shared.adapters.venues.polymarket.execution import PolymarketExecution
from shared.adapters.venues.rehearsal import Rehearsal
from shared.domain.enums import Venue
from shared.simulators.keys import make_documents
from tests.support.kalshi_world import SystemTime

QUIET_S: Final = 0.05
PATH: Final = "/trade-api/v2/portfolio/events/orders"
BODY: Final = json.dumps(
    {"ticker": "KXRATE-26DEC-H0", "count": "10.00", "price": "0.4200"}
).encode()
HEADERS: Final = {
    "Accept": "application/json",
    "Content-Type": "application/json",
    "KALSHI-ACCESS-KEY": "7d3f2a52-7f0e-4a40-9f0f-2b0ad5a6a001",
    "KALSHI-ACCESS-TIMESTAMP": "1790000000000",
    "KALSHI-ACCESS-SIGNATURE": "s" * 88,
}


async def measure(once: Callable[[], Awaitable[int]], rounds: int) -> list[int]:
    spent = []
    for _ in range(rounds):
        start = time.perf_counter_ns()
        status = await once()
        spent.append(time.perf_counter_ns() - start)
        assert status == 201, status
    return spent


def row(what: str, spent: list[int]) -> dict[str, Any]:
    ordered = sorted(spent)
    return {
        "what": what,
        "p50_us": statistics.median(ordered) / 1_000,
        "p99_us": ordered[len(ordered) * 99 // 100] / 1_000,
    }


def run(rounds: int = 3_000) -> dict[str, Any]:
    """Return both rows and the ratio of their medians."""
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.performance.order_echo"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        own, other = uvloop.run(compare(f"http://127.0.0.1:{port}", rounds))
    finally:
        server.terminate()
        server.wait(timeout=10)
    quiet = uvloop.run(rehearse(max(20, rounds // 30)))
    rows = [row("warm connection (h11)", own), row("httpx", other)]
    ratio = rows[1]["p50_us"] / rows[0]["p50_us"]
    return {"bench": "orders", "rows": rows, "ratio": ratio, "quiet_us": quiet, "is_met": ratio > 1}


async def rehearse(rounds: int) -> dict[str, float]:
    """Return the p50 of building and signing an order after quiet, in microseconds.

    ``cold`` finds the path as 50 ms of quiet left it, ``rehearsed`` as the dry runs do
    that go on meanwhile; turns alternate against drift.
    """
    _, private = make_documents()
    hosts = Hosts(*("http://127.0.0.1:9",) * 5)
    credentials = Credentials.from_secret(private["polymarket"])
    desk = PolymarketExecution(hosts, credentials, SystemTime(), lambda market: None)
    order = Rehearsal(Venue.POLYMARKET, time.time_ns())
    spent: dict[str, list[int]] = {"cold": [], "rehearsed": []}
    for turn in range(rounds):
        kind = ("cold", "rehearsed")[turn % 2]
        beside = asyncio.create_task(desk._stay_ready()) if kind == "rehearsed" else None
        await asyncio.sleep(QUIET_S)
        start = time.perf_counter_ns()
        desk._rehearse(order)
        spent[kind].append(time.perf_counter_ns() - start)
        if beside is not None:
            beside.cancel()
            await asyncio.gather(beside, return_exceptions=True)
    await desk.aclose()
    return {kind: statistics.median(rows) / 1_000 for kind, rows in spent.items()}


async def compare(base: str, rounds: int) -> tuple[list[int], list[int]]:
    """Return nanoseconds of ours and of httpx; turns alternate against drift."""
    wire = OrderConnection(base)
    client = httpx.AsyncClient(base_url=base, trust_env=False, timeout=2.0)

    async def ours() -> int:
        answer = await wire.send("POST", PATH, HEADERS, BODY, lambda: None)
        assert answer is not None
        return answer[0]

    async def theirs() -> int:
        return (await client.post(PATH, content=BODY, headers=HEADERS)).status_code

    await measure(ours, 200)
    await measure(theirs, 200)
    own: list[int] = []
    other: list[int] = []
    for _ in range(10):
        own += await measure(ours, rounds // 10)
        other += await measure(theirs, rounds // 10)
    await wire.aclose()
    await client.aclose()
    return own, other


def main() -> int:
    result = run()
    print(f"{'order submission':28} {'p50 us':>9} {'p99 us':>9}")
    for one in result["rows"]:
        print(f"{one['what']:28} {one['p50_us']:9.1f} {one['p99_us']:9.1f}")
    print(f"httpx / ours: {result['ratio']:.2f}")
    cold, warm = result["quiet_us"]["cold"], result["quiet_us"]["rehearsed"]
    print(f"built and signed after 50 ms of quiet: {cold:.0f} us, with dry runs {warm:.0f} us")
    print(json.dumps(result))
    return 0 if result["is_met"] else 1


if __name__ == "__main__":
    sys.exit(main())

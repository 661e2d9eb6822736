"""A cut connection through the whole seam: cut, noticed, healed; and the switches."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.venues.polymarket.catalogue import PolymarketCatalogue
from shared.adapters.venues.polymarket.market_data import PolymarketMarketData
from shared.domain.enums import BookState, Venue
from shared.domain.events import BookMarked, BookReplaced, EventBody
from shared.domain.ids import MarketId
from shared.domain.instrument import Instrument
from shared.ports.clock import Clock
from shared.ports.venue import MarketData
from tests.support.kalshi_world import SystemTime
from tests.support.simulators_process import Simulators

MARKETS = 6


@pytest.fixture
def simulators(tmp_path: Path) -> Iterator[Simulators]:
    made = Simulators(tmp_path / "sim")
    yield made
    made.kill()


class Watch:
    """What a feed says about its books, as the kernel would hear it."""

    def __init__(self, feed: MarketData, instruments: list[Instrument]) -> None:
        self.feed, self.instruments = feed, instruments
        self.state: dict[MarketId, BookState] = {}
        self.doubts = 0
        self.replaced: Counter[MarketId] = Counter()

    def hear(self, body: EventBody) -> None:
        if isinstance(body, BookMarked):
            self.state[body.market_id] = body.state
            self.doubts += body.state is not BookState.SYNCED
        elif isinstance(body, BookReplaced):
            self.replaced[body.market_id] += 1

    def is_whole(self) -> bool:
        return len(self.state) == len(self.instruments) and all(
            state is BookState.SYNCED for state in self.state.values()
        )


def post(base: str, path: str, body: dict[str, Any], method: str = "POST") -> dict[str, Any]:
    request = urllib.request.Request(
        base + path,
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
        method=method,
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return dict(json.load(answer))


async def until(condition: Callable[[], bool], seconds: int = 20) -> None:
    for _ in range(seconds * 50):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"not within {seconds} s")


def first(instruments: list[Instrument]) -> list[Instrument]:
    return sorted(instruments, key=lambda i: i.market_id)[:MARKETS]


@pytest.mark.parametrize("venue", [Venue.KALSHI, Venue.POLYMARKET])
async def test_a_dropped_connection_is_noticed_and_healed(
    simulators: Simulators, venue: Venue
) -> None:
    clock: Clock = SystemTime()
    kalshi = simulators.connect_kalshi(clock)
    polymarket = PolymarketMarketData(simulators.hosts(), clock)
    if venue is Venue.KALSHI:
        listed = first([m.instrument async for m in kalshi.catalogue.list_markets()])
        watch = Watch(kalshi.market_data, listed)
    else:
        catalogue = PolymarketCatalogue(simulators.hosts(), clock)
        listed = first([m.instrument async for m in catalogue.list_markets()])
        await catalogue.aclose()
        watch = Watch(polymarket, listed)
    await watch.feed.watch(watch.instruments)
    task = asyncio.create_task(watch.feed.run(watch.hear))
    try:
        await until(watch.is_whole)
        assert watch.doubts == 0
        base = simulators.bases[venue.value]
        dropped = await asyncio.to_thread(post, base, "/__sim__/drop", {"venue": venue.value})
        assert dropped["dropped"] >= 1
        await until(lambda: watch.doubts >= 1)
        await until(watch.is_whole)
        assert all(watch.replaced[i.market_id] >= 2 for i in watch.instruments)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.gather(kalshi.close(), polymarket.aclose())


def test_faults_are_switched_by_their_catalogue_keys(simulators: Simulators) -> None:
    base = simulators.bases["kalshi"]
    on = post(base, "/__sim__/faults", {"key": "k.ws.cut", "duration_ms": 60_000, "ppm": 1})
    assert [f["key"] for f in on["faults"]] == ["k.ws.cut"]
    assert post(base, "/__sim__/faults", {"key": "k.ws.cut"}, "DELETE") == {"faults": []}
    with pytest.raises(urllib.error.HTTPError) as refused:
        post(base, "/__sim__/faults", {"key": "pg.down"})
    assert refused.value.code == 400 and b"F-077" in refused.value.read()

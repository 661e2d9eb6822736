"""Hundreds of markets on both simulated venues whose books move at a given rate.

    python -m tests.performance.load_world --markets 500 --rate 1000 --seconds 20

Prints one JSON line with the addresses, moves books after the first line on stdin, and
prints a second JSON line at the end: changes made, CPU seconds, seconds passed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import uvloop
from aiohttp import web

from shared.domain.enums import BookSide, Venue
from shared.domain.ids import MarketId, market_id
from shared.domain.units import NS_PER_S, PriceMicros, QtyMicros
from shared.exchange.matching_core import Exchange
from shared.simulators import kalshi_server, polymarket_server
from shared.simulators.catalogue import SimEvent, SimMarket, SimSeries
from shared.simulators.keys import AccountDirectory, KalshiAccount
from shared.simulators.world import World
from tests.support import kalshi_world, polymarket_world
from tests.support.kalshi_world import KEY_ID, load_public_key

TICK: Final = 10_000
BEST: Final = ((BookSide.BID, 400_000), (BookSide.BID, 390_000), (BookSide.ASK, 420_000))


def kalshi_market(number: int, close_ns: int) -> SimMarket:
    ticker = f"KXLOAD-26DEC-M{number}"
    base = kalshi_world.sim_market(kalshi_world.RATE, close_ns)
    instrument = replace(
        base.instrument,
        market_id=market_id(Venue.KALSHI, ticker),
        native_id=ticker,
        series_id="KXLOAD",
        event_id="KXLOAD-26DEC",
    )
    return replace(
        base,
        market_id=instrument.market_id,
        native_id=ticker,
        instrument=instrument,
        event_id="KXLOAD-26DEC",
        series_id="KXLOAD",
        raw=kalshi_world.raw_market(ticker, close_ns),
    )


def make_markets(count: int) -> tuple[list[SimMarket], list[SimMarket]]:
    close_ns = time.time_ns() + 86_400 * NS_PER_S
    kalshi = [kalshi_market(n, close_ns) for n in range(count)]
    raws = [polymarket_world.gamma_object(2 * n + 1) for n in range(count)]
    return kalshi, [polymarket_world.sim_market(raw) for raw in raws]


class LoadLife:
    """A source of life that lists the markets and moves nothing by itself."""

    name = "load"
    assumptions: Sequence[str] = ()

    def __init__(self, count: int, depth: int = 1) -> None:
        self.depth = depth
        self.kalshi, self.polymarket = make_markets(count)

    def start(self, world: World, now_ns: int) -> None:
        ticker = self.kalshi[0].native_id
        ids = tuple(m.market_id for m in self.kalshi)
        event = kalshi_world.raw_event(ticker)
        world.add_event(SimEvent("KXLOAD-26DEC", Venue.KALSHI, event, ids))
        world.add_series(SimSeries("KXLOAD", kalshi_world.raw_series(ticker)))
        first = self.polymarket[0]
        ids = tuple(m.market_id for m in self.polymarket)
        world.add_event(SimEvent("77", Venue.POLYMARKET, first.raw["events"][0], ids))
        for market in (*self.kalshi, *self.polymarket):
            world.add_market(market, now_ns)
            # Depth that never moves below the touch: what hashing and snapshots really cost.
            deep = range(2, self.depth + 1)
            size = QtyMicros(50_000_000)
            levels = {PriceMicros(p): size for _, p in BEST[:2]}
            levels |= {PriceMicros(BEST[0][1] - n * TICK): size for n in deep}
            asks = {PriceMicros(BEST[2][1]): size}
            asks |= {PriceMicros(BEST[2][1] + n * TICK): size for n in deep}
            world.exchanges[market.venue].set_book(market.market_id, levels, asks, now_ns)

    def next_due_ns(self) -> int | None:
        return None

    def step(self, now_ns: int) -> None:
        del now_ns

    def recall(self, market_ids: Sequence[MarketId]) -> None:
        del market_ids


async def move(world: World, life: LoadLife, rate: int, seconds: float) -> int:
    """Change ``rate`` levels a second, both venues in turn; returns how many were changed."""
    rng = random.Random(1)
    venues: list[tuple[Exchange, list[SimMarket]]] = [
        (world.exchanges[Venue.KALSHI], life.kalshi),
        (world.exchanges[Venue.POLYMARKET], life.polymarket),
    ]
    start, done = time.perf_counter(), 0
    while (passed := time.perf_counter() - start) < seconds:
        due = int(passed * rate)
        for _ in range(min(due - done, 200)):
            exchange, markets = venues[done & 1]
            side, price = BEST[rng.randrange(3)]
            # Counted up, so that no change repeats the size that the level has already.
            size = QtyMicros((done % 9_999_991 + 100) * 1_000_000)
            market = markets[rng.randrange(len(markets))].market_id
            exchange.set_level(market, side, PriceMicros(price), size, world.now_ns())
            done += 1
        await asyncio.sleep(0.001 if due - done < 200 else 0)
    return done


async def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--markets", type=int, default=500)
    parser.add_argument("--rate", type=int, default=1_000)
    parser.add_argument("--depth", type=int, default=1, help="levels a side, at most 30")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--public-key", required=True)
    options = parser.parse_args(argv)
    life = LoadLife(options.markets, min(30, options.depth))
    world = World(life)
    world.start()
    account = KalshiAccount("member", KEY_ID, load_public_key(options.public_key), ())
    directory = AccountDirectory([account], [])
    bases = {}
    for venue, server in ((Venue.KALSHI, kalshi_server), (Venue.POLYMARKET, polymarket_server)):
        app = server.create_app(world, world.exchanges[venue], directory)
        runner = web.AppRunner(app, shutdown_timeout=0.5)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        bases[venue.value] = f"http://127.0.0.1:{runner.addresses[0][1]}"
    print(json.dumps(bases), flush=True)
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, sys.stdin.readline)
    before = resource.getrusage(resource.RUSAGE_SELF)
    start = time.perf_counter()
    done = await move(world, life, options.rate, options.seconds)
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    seconds = time.perf_counter() - start
    print(json.dumps({"changes": done, "cpu_s": cpu, "seconds": seconds}), flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)


if __name__ == "__main__":
    uvloop.run(main())

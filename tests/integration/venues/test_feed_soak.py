"""Both feeds over real sockets under random faults: right books at the end, nothing leaked.

Runs for TWINLEG_SOAK_S seconds (6 unless set; the long tier sets five minutes).
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import time
from pathlib import Path

from shared.adapters.venues.polymarket.market_data import PolymarketMarketData
from shared.domain.enums import BookSide, BookState, Venue
from shared.domain.ids import market_id
from tests.support.kalshi_world import COIN, MATCH, RATE, Lab, kalshi_lab
from tests.support.polymarket_world import Collected, Venue1, gamma_object, polymarket_venue
from tests.support.soak_faults import Storm

SECONDS = float(os.environ.get("TWINLEG_SOAK_S", "6"))
HEAL_S = 40
TICKERS = (RATE, COIN, MATCH)


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def kalshi_is_right(lab: Lab) -> bool:
    for link in lab.venue.market_data._links:
        for ticker, book in link.stream.books.items():
            view = lab.exchange.book(market_id(Venue.KALSHI, ticker))
            if book.state is not BookState.SYNCED or book.levels() != (view.bids, view.asks):
                return False
    return True


def describe(lab: Lab, feed: PolymarketMarketData, venue: Venue1) -> str:
    """Return what is wrong with which book, for the message of a failure."""
    rows = []
    for link in lab.venue.market_data._links:
        for ticker, book in link.stream.books.items():
            view = lab.exchange.book(market_id(Venue.KALSHI, ticker))
            is_equal = book.levels() == (view.bids, view.asks)
            rows.append(f"{ticker} {book.state.value} {book.reason!r} equal={is_equal}")
    now = venue.clock.mono_ns()
    for market, track in feed.channel.by_market.items():
        view = venue.exchange.book(market)
        held = track.book and (tuple(track.book.bids()), tuple(track.book.asks()))
        benched_s = max(0, track.benched_until - now) // 10**9
        rows.append(
            f"{market[-6:]} {track.state.value} benched={benched_s}s"
            f" equal={held == (view.bids, view.asks)}"
        )
    return "\n".join(rows)


def polymarket_is_right(feed: PolymarketMarketData, venue: Venue1) -> bool:
    for market, track in feed.channel.by_market.items():
        view = venue.exchange.book(market)
        if track.book is None or track.state is not BookState.SYNCED:
            return False
        if (tuple(track.book.bids()), tuple(track.book.asks())) != (view.bids, view.asks):
            return False
    return True


KALSHI_CHANCES = {
    "k.ws.drop": 20_000,
    "ws.dup": 200_000,
    "ws.reorder": 50_000,
    "ws.replay_old_generation": 1_000_000,
    "k.ws.end_sub": 3_000,
    "k.ws.freeze": 1_000_000,
    "k.ws.flip": 1_000_000,
    "k.ws.negative": 10_000,
    "ts.shift": 500_000,
    "ws.garbage": 20_000,
    "k.ws.cut": 20_000,
    "burst": 1_000_000,
    "lat": 1_000_000,
    "partition": 1_000_000,
    "k.pause": 1_000_000,
}
POLYMARKET_CHANCES = {
    "p.ws.drop": 20_000,
    "ws.dup": 200_000,
    "ws.reorder": 20_000,
    "ws.replay_old_generation": 1_000_000,
    "p.ws.freeze": 1_000_000,
    "p.ws.flip": 20_000,
    "p.ws.multi": 50_000,
    "ts.shift": 500_000,
    "ws.garbage": 20_000,
    "p.ws.cut": 20_000,
    "p.rest.shell": 1_000_000,
    "burst": 1_000_000,
    "lat": 1_000_000,
    "partition": 1_000_000,
}
BREAKING = ("p.ws.drop", "p.ws.flip", "p.ws.multi", "p.ws.freeze", "ws.reorder", "ws.garbage")
RARE = {key: 1 for key in BREAKING if key != "p.ws.freeze"}
REST_MS = dict.fromkeys(BREAKING, 20_000)
"""What breaks hashes is rare and far apart: four in a minute bench a market for ten."""


class Weather:
    """Both venues' storms, and how often each key of the tables struck."""

    def __init__(self, lab: Lab, venue: Venue1, rng: random.Random) -> None:
        short = {"lasts_ms": (200, 3_000), "pause_ms": (200, 3_000)}
        self._worlds = (lab.world, venue.world)
        self.storms = (
            Storm(
                lab.world.faults,
                rng,
                KALSHI_CHANCES,
                lambda: lab.world.drop_connections(Venue.KALSHI),
                **short,
            ),
            Storm(
                venue.world.faults,
                rng,
                POLYMARKET_CHANCES,
                lambda: venue.world.drop_connections(Venue.POLYMARKET),
                most=RARE,
                rest_ms=REST_MS,
                **short,
            ),
        )

    def step(self) -> None:
        for world, storm in zip(self._worlds, self.storms, strict=True):
            storm.step(world.now_ns())

    def calm(self) -> None:
        for storm in self.storms:
            storm.calm()

    def missing(self) -> set[str]:
        """Return the keys that struck at neither venue; a shell needs a REST read in time."""
        keys = {key for storm in self.storms for key in storm.chances} - {"p.rest.shell"}
        return {key for key in keys if not any(storm.hits[key] for storm in self.storms)}


async def disturb(lab: Lab, venue: Venue1, rng: random.Random, seconds: float) -> Weather:
    """Move books all the time under random faults; cut every connection now and then."""
    weather, ends, next_cut = Weather(lab, venue, rng), time.monotonic() + seconds, 0.0
    while time.monotonic() < ends:
        side = rng.choice([BookSide.BID, BookSide.ASK])
        price = rng.randint(36, 40) if side is BookSide.BID else rng.randint(44, 48)
        size = rng.choice([0, rng.randint(1, 500)])
        lab.set_level(rng.choice(TICKERS), side, price, size)
        venue.level(rng.randrange(3), side, price * 10_000, size * 1_000_000)
        weather.step()
        lab.world.step(lab.world.now_ns())
        if time.monotonic() > next_cut:
            lab.world.drop_connections(Venue.KALSHI)
            venue.world.drop_connections(Venue.POLYMARKET)
            next_cut = time.monotonic() + rng.uniform(5.0, 30.0)
        await asyncio.sleep(0.005)
    weather.calm()
    lab.world.step(lab.world.now_ns())
    return weather


async def one_life(seconds: float, seed: int) -> Weather:
    raws = [gamma_object(n) for n in (1, 3, 5)]
    async with kalshi_lab() as lab, polymarket_venue(raws) as venue:
        for ticker in TICKERS:
            lab.set_book(ticker, {40: 10}, {44: 10})
        for number in range(3):
            venue.book(number, {"0.40": "10"}, {"0.44": "10"})
        listed = await lab.instruments()
        feed, sink = PolymarketMarketData(venue.hosts, venue.clock), Collected()
        await lab.venue.market_data.watch([listed[t] for t in TICKERS])
        await feed.watch([venue.instrument(n) for n in range(3)])
        tasks = [
            asyncio.create_task(lab.venue.market_data.run(sink)),
            asyncio.create_task(feed.run(sink)),
        ]
        try:
            weather = await disturb(lab, venue, random.Random(seed), seconds)
            for _ in range(HEAL_S * 20):
                if kalshi_is_right(lab) and polymarket_is_right(feed, venue):
                    break
                await asyncio.sleep(0.05)
            else:
                raise AssertionError(describe(lab, feed, venue))
            assert not any(task.done() for task in tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await feed.aclose()
    return weather


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0.02)
    gc.collect()


async def test_books_end_equal_and_no_task_or_file_is_left() -> None:
    await one_life(0.5, seed=1)  # loads whatever is loaded once
    await settle()
    tasks, files = len(asyncio.all_tasks()), open_files()
    weather = await one_life(SECONDS, seed=2)
    await settle()
    assert len(asyncio.all_tasks()) <= tasks, asyncio.all_tasks()
    assert open_files() <= files, "a socket was left open"
    assert sum(storm.hits.total() for storm in weather.storms) > 0
    if SECONDS >= 240:
        assert not weather.missing(), "every fault of the feed strikes in a long soak"

"""Both feeds over real sockets that keep being cut: right books at the end, nothing leaked.

Runs for TWINLEG_SOAK_S seconds (6 unless set; the long tier sets a minute or more).
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

SECONDS = float(os.environ.get("TWINLEG_SOAK_S", "6"))
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


def polymarket_is_right(feed: PolymarketMarketData, venue: Venue1) -> bool:
    for market, track in feed.channel.by_market.items():
        view = venue.exchange.book(market)
        if track.book is None or track.state is not BookState.SYNCED:
            return False
        if (tuple(track.book.bids()), tuple(track.book.asks())) != (view.bids, view.asks):
            return False
    return True


async def disturb(lab: Lab, venue: Venue1, rng: random.Random, seconds: float) -> int:
    """Move books all the time and cut every connection now and then; returns the cuts."""
    ends, cuts, next_cut = time.monotonic() + seconds, 0, time.monotonic() + 1.0
    while time.monotonic() < ends:
        side = rng.choice([BookSide.BID, BookSide.ASK])
        price = rng.randint(36, 40) if side is BookSide.BID else rng.randint(44, 48)
        size = rng.choice([0, rng.randint(1, 500)])
        lab.set_level(rng.choice(TICKERS), side, price, size)
        venue.level(rng.randrange(3), side, price * 10_000, size * 1_000_000)
        if time.monotonic() > next_cut:
            lab.world.drop_connections(Venue.KALSHI)
            venue.world.drop_connections(Venue.POLYMARKET)
            cuts += 1
            next_cut = time.monotonic() + rng.uniform(0.5, 3.0)
        await asyncio.sleep(0.005)
    return cuts


async def one_life(seconds: float, seed: int) -> int:
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
            cuts = await disturb(lab, venue, random.Random(seed), seconds)
            async with asyncio.timeout(40):
                while not (kalshi_is_right(lab) and polymarket_is_right(feed, venue)):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            assert not any(task.done() for task in tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await feed.aclose()
    return cuts


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0.02)
    gc.collect()


async def test_books_end_equal_and_no_task_or_file_is_left() -> None:
    await one_life(0.5, seed=1)  # loads whatever is loaded once
    await settle()
    tasks, files = len(asyncio.all_tasks()), open_files()
    cuts = await one_life(SECONDS, seed=2)
    assert cuts >= 1
    await settle()
    assert len(asyncio.all_tasks()) <= tasks, asyncio.all_tasks()
    assert open_files() <= files, "a socket was left open"

"""Our feed against the simulated venue over real sockets: catalogue, books, lifecycle."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from shared.adapters.venues.kalshi.market_data import KalshiMarketData
from shared.adapters.venues.kalshi.signing import Signer
from shared.adapters.venues.kalshi.venue import connect_kalshi
from shared.domain.enums import BookSide, BookState, MarketStatus, Venue
from shared.domain.events import (
    BookChanged,
    BookMarked,
    BookProved,
    BookReplaced,
    EventBody,
    FeedStatus,
    MarketResolved,
    MarketStatusChanged,
)
from shared.domain.ids import market_id
from shared.domain.units import MICROS
from shared.simulators.kalshi_server.streams import StreamHub
from tests.support.kalshi_world import (
    COIN,
    KEY_ID,
    MATCH,
    RAIN,
    RATE,
    Lab,
    SystemTime,
    cents,
    contracts,
    kalshi_lab,
)


class Books:
    """Books rebuilt from the bodies alone, as the kernel would."""

    def __init__(self) -> None:
        self.bids: dict[str, dict[int, int]] = {}
        self.asks: dict[str, dict[int, int]] = {}
        self.state: dict[str, BookState] = {}
        self.bodies: list[EventBody] = []

    def __call__(self, body: EventBody) -> None:
        self.bodies.append(body)
        if isinstance(body, BookReplaced):
            self.bids[body.market_id] = dict(body.bids)
            self.asks[body.market_id] = dict(body.asks)
        elif isinstance(body, BookChanged):
            for change in body.changes:
                sides = self.bids if change.side is BookSide.BID else self.asks
                ladder = sides[body.market_id]
                if change.qty:
                    ladder[change.price] = change.qty
                else:
                    ladder.pop(change.price, None)
            bids, asks = self.bids[body.market_id], self.asks[body.market_id]
            assert not bids or not asks or max(bids) < min(asks)
        elif isinstance(body, BookMarked):
            self.state[body.market_id] = body.state

    def equals(self, lab: Lab, ticker: str) -> bool:
        key = market_id(Venue.KALSHI, ticker)
        book = lab.exchange.book(key)
        return (
            self.state.get(key) is BookState.SYNCED
            and self.bids[key] == dict(book.bids)
            and self.asks[key] == dict(book.asks)
        )

    def count(self, kind: type) -> int:
        return sum(isinstance(body, kind) for body in self.bodies)


@asynccontextmanager
async def feed(lab: Lab, *tickers: str) -> AsyncIterator[Books]:
    books = Books()
    listed = await lab.instruments()
    await lab.venue.market_data.watch([listed[ticker] for ticker in tickers])
    running = asyncio.create_task(lab.venue.market_data.run(books))
    try:
        yield books
        assert not running.done(), running
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def until(condition: Callable[[], bool], seconds: float = 8.0) -> None:
    """Wait for something that is due soon; the bound only ends a broken test."""
    for _ in range(int(seconds / 0.02)):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("did not happen")


async def test_catalogue_joins_events_series_and_pages_to_the_end() -> None:
    async with kalshi_lab() as lab:
        found = [m async for m in lab.venue.catalogue.list_markets()]
        assert sorted(m.instrument.native_id for m in found) == sorted((RATE, RAIN, COIN, MATCH))
        rate = next(m for m in found if m.instrument.native_id == RATE)
        assert rate.event_title == "Event KXRATE-26DEC"
        assert rate.resolution_source == "Bureau of Outcomes"
        assert rate.instrument.category == "Economics" and rate.instrument.tradeable
        assert rate.instrument.fees.fee_type.value == "quadratic"
        assert "resolves to Yes" in rate.rules_text and rate.raw["ticker"] == RATE
        assert len(rate.instrument.rules_hash) == 64
        coin = next(m for m in found if m.instrument.native_id == COIN)
        assert coin.instrument.shard == 2


async def test_stream_follows_the_exchange_through_trades_and_moves() -> None:
    async with kalshi_lab() as lab:
        for ticker in (RATE, COIN):
            lab.set_book(ticker, {40: 100, 39: 50}, {42: 10})
        async with feed(lab, RATE, COIN) as books:
            await until(lambda: books.equals(lab, RATE) and books.equals(lab, COIN))
            for step in range(60):
                lab.set_level(RATE, BookSide.BID, 30 + step % 9, step % 7)
                lab.set_level(COIN, BookSide.ASK, 50 + step % 9, step % 5)
            await until(lambda: books.equals(lab, RATE) and books.equals(lab, COIN))
            assert books.count(BookReplaced) == 2
            await until(lambda: books.count(FeedStatus) >= 2)
            last = [b for b in books.bodies if isinstance(b, FeedStatus)][-1]
            assert last.is_connected
            assert last.clock_offset_ns is not None and abs(last.clock_offset_ns) < 500_000_000
            assert last.latency_ns is not None and last.latency_ns < 2_000_000_000


async def test_empty_side_and_later_subscription() -> None:
    async with kalshi_lab() as lab:
        lab.set_book(RATE, {}, {42: 10})
        async with feed(lab, RATE) as books:
            await until(lambda: books.equals(lab, RATE))
            listed = await lab.instruments()
            await lab.venue.market_data.watch([listed[RATE], listed[MATCH]])
            lab.set_book(MATCH, {20: 3}, {})
            await until(lambda: books.equals(lab, MATCH) and books.equals(lab, RATE))
            await lab.venue.market_data.watch([listed[MATCH]])
            lab.set_book(MATCH, {21: 4}, {})
            await until(lambda: books.equals(lab, MATCH))


async def test_f013_dropped_connection_is_stale_at_once_and_heals() -> None:
    async with kalshi_lab() as lab:
        lab.set_book(RATE, {40: 100}, {42: 10})
        async with feed(lab, RATE) as books:
            await until(lambda: books.equals(lab, RATE))
            assert lab.world.drop_connections(Venue.KALSHI) == 1
            key = market_id(Venue.KALSHI, RATE)
            await until(lambda: books.state[key] is BookState.STALE)
            lab.set_book(RATE, {41: 7}, {43: 9})
            await until(lambda: books.equals(lab, RATE))
            connected = [b.is_connected for b in books.bodies if isinstance(b, FeedStatus)]
            assert False in connected


async def test_f005_quiet_book_is_proved_by_rest() -> None:
    async with kalshi_lab() as lab:
        lab.set_book(RATE, {40: 100}, {42: 10})
        async with feed(lab, RATE) as books:
            await until(lambda: books.equals(lab, RATE))
            await lab.venue.market_data.request_snapshot(market_id(Venue.KALSHI, RATE))
            await until(lambda: books.count(BookProved) == 1)


async def test_rest_that_lastingly_differs_makes_the_book_stale_and_asks_again() -> None:
    async with kalshi_lab() as lab:
        lab.set_book(RATE, {40: 100}, {42: 10})
        async with feed(lab, RATE) as books:
            await until(lambda: books.equals(lab, RATE))
            # A level that the stream never told about, as after a silent freeze.
            market = lab.exchange.market(market_id(Venue.KALSHI, RATE))
            assert market is not None
            market.ladder.set_crowd(BookSide.BID, cents(38), contracts(5))
            key = market_id(Venue.KALSHI, RATE)
            await lab.venue.market_data.request_snapshot(key)
            await asyncio.sleep(0.5)
            # The snapshot is two seconds fresh: a REST answer may simply lag behind it.
            assert books.state[key] is BookState.SYNCED and books.count(BookProved) == 0
            await asyncio.sleep(1.7)
            await lab.venue.market_data.request_snapshot(key)
            await until(lambda: books.count(BookReplaced) == 2)
            assert BookState.STALE in [b.state for b in books.bodies if isinstance(b, BookMarked)]
            await until(lambda: books.equals(lab, RATE))


async def test_f008_flipped_no_prices_freeze_the_feed_until_rest_agrees(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Below one half a flipped ladder does not cross: only REST can tell."""
    true_snapshot = StreamHub.snapshot

    def flipped(self: StreamHub, ticker: str, *, yes_price: bool) -> object:
        return true_snapshot(self, ticker, yes_price=not yes_price)

    key = market_id(Venue.KALSHI, RATE)
    async with kalshi_lab() as lab:
        lab.set_book(RATE, {30: 100}, {42: 10, 43: 5})
        with monkeypatch.context() as patch:
            patch.setattr(StreamHub, "snapshot", flipped)
            async with feed(lab, RATE) as books:
                await until(lambda: books.state.get(key) is BookState.FROZEN)
                patch.undo()
                await until(lambda: books.equals(lab, RATE))
        assert lab.venue.tally.counts["convention"] >= 1


async def test_lifecycle_pauses_determines_and_settles() -> None:
    async with kalshi_lab() as lab:
        lab.set_book(RATE, {40: 100}, {42: 10})
        async with feed(lab, RATE) as books:
            await until(lambda: books.equals(lab, RATE))
            key, now = market_id(Venue.KALSHI, RATE), lab.world.now_ns()
            lab.exchange.change_status(key, MarketStatus.PAUSED, now)
            await until(lambda: MarketStatusChanged(key, MarketStatus.PAUSED) in books.bodies)
            lab.exchange.change_status(key, MarketStatus.ACTIVE, now)
            await until(lambda: MarketStatusChanged(key, MarketStatus.ACTIVE) in books.bodies)
            lab.resolve(RATE, 100)
            await until(lambda: MarketResolved(key, cents(100)) in books.bodies)
            await until(lambda: MarketStatusChanged(key, MarketStatus.SETTLED) in books.bodies)
            resolved = [b for b in books.bodies if isinstance(b, MarketResolved)]
            assert [r.payout for r in resolved] == [MICROS]


async def test_scalar_result_is_read_from_the_market_object() -> None:
    async with kalshi_lab() as lab:
        lab.set_book(RATE, {40: 100}, {42: 10})
        async with feed(lab, RATE) as books:
            await until(lambda: books.equals(lab, RATE))
            lab.resolve(RATE, 50)
            key = market_id(Venue.KALSHI, RATE)
            await until(lambda: MarketResolved(key, cents(50)) in books.bodies)


async def test_f028_one_paused_shard_pauses_its_markets_only() -> None:
    async with kalshi_lab() as lab:
        for ticker in (RATE, COIN):
            lab.set_book(ticker, {40: 100}, {42: 10})
        lab.exchange.paused_shards.add(2)
        async with feed(lab, RATE, COIN) as books:
            coin = market_id(Venue.KALSHI, COIN)
            await until(lambda: MarketStatusChanged(coin, MarketStatus.PAUSED) in books.bodies)
            rate = market_id(Venue.KALSHI, RATE)
            assert MarketStatusChanged(rate, MarketStatus.PAUSED) not in books.bodies


async def test_a_cancelled_feed_ends_whenever_it_is_cancelled() -> None:
    async with kalshi_lab() as lab:
        lab.set_book(RATE, {40: 100}, {42: 10})
        listed = list((await lab.instruments()).values())
        for step in range(24):
            venue = connect_kalshi(lab.endpoints, KEY_ID, lab.private_key_pem, SystemTime())
            await venue.market_data.watch(listed)
            jobs = [
                asyncio.create_task(venue.market_data.run(lambda _: None)),
                asyncio.create_task(venue.execution.run_user_stream(lambda _: None)),
            ]
            await asyncio.sleep(step * 0.005)
            for job in jobs:
                job.cancel()
            done, pending = await asyncio.wait(jobs, timeout=5)
            assert len(done) == 2 and not pending, step
            await venue.close()


async def test_many_markets_are_spread_over_connections() -> None:
    async with kalshi_lab() as lab:
        venue = lab.venue
        data = KalshiMarketData(
            lab.endpoints,
            Signer.from_pem(KEY_ID, lab.private_key_pem),
            venue.rest,
            venue.catalogue,
            SystemTime(),
            venue.tally,
            markets_per_connection=2,
        )
        for ticker in (RATE, COIN, RAIN, MATCH):
            lab.set_book(ticker, {40: 100}, {42: 10})
        books = Books()
        running = asyncio.create_task(data.run(books))
        await asyncio.sleep(0.1)
        await data.watch(list((await lab.instruments()).values()))
        await until(lambda: all(books.equals(lab, t) for t in (RATE, COIN, RAIN, MATCH)))
        assert lab.world.drop_connections(Venue.KALSHI) == 2
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

"""Adapter and simulated venue over real loopback sockets: catalogue, books, proofs, results."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.adapters.venues.polymarket.catalogue import PolymarketCatalogue
from shared.adapters.venues.polymarket.market_data import PolymarketMarketData
from shared.adapters.venues.polymarket.wire_book import WireBook
from shared.domain.enums import BookSide, BookState, Outcome, Side, TimeInForce, Venue
from shared.domain.events import (
    BookChanged,
    BookMarked,
    BookProved,
    BookReplaced,
    FeedStatus,
    InstrumentChanged,
    MarketResolved,
)
from shared.domain.units import PriceMicros, QtyMicros
from shared.exchange.orders import OrderRecord, OrderRequest
from tests.support.polymarket_world import Collected, Venue1, gamma_object, polymarket_venue

BIDS = {"0.44": "300", "0.43": "120.5"}
ASKS = {"0.46": "200", "0.47": "1000"}


@asynccontextmanager
async def streaming(venue: Venue1) -> AsyncIterator[tuple[PolymarketMarketData, Collected]]:
    feed, sink = PolymarketMarketData(venue.hosts, venue.clock), Collected()
    task = asyncio.create_task(feed.run(sink))
    try:
        yield feed, sink
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await feed.aclose()


def local_equals_exchange(feed: PolymarketMarketData, venue: Venue1, number: int = 0) -> bool:
    market = venue.markets[number].market_id
    book = feed.channel.by_market[market].book
    view = venue.exchange.book(market)
    return isinstance(book, WireBook) and book.bids() == view.bids and book.asks() == view.asks


async def test_lists_every_market_over_keyset_pages() -> None:
    raws = [gamma_object(n) for n in range(1, 231)]
    async with polymarket_venue(raws) as venue:
        catalogue = PolymarketCatalogue(venue.hosts, venue.clock)
        seen = [market async for market in catalogue.list_markets()]
        await catalogue.aclose()
    assert [m.instrument.native_id for m in seen] == [r["conditionId"] for r in raws]
    assert seen[0].instrument.yes_token == str(10**40 + 2) and seen[0].instrument.tradeable
    assert seen[0].outcome_label == "Day 1" and seen[0].event_title == "Harbour bridge opening"
    assert not catalogue.errors and catalogue.resume_cursor == ""


async def test_streams_verified_books_and_follows_every_change() -> None:
    async with polymarket_venue([gamma_object(1), gamma_object(2)]) as venue:
        venue.book(0, BIDS, ASKS)
        venue.book(1, BIDS, ASKS)
        async with streaming(venue) as (feed, sink):
            await feed.watch([venue.instrument(0), venue.instrument(1)])
            await sink.until(lambda s: len(s.of(BookReplaced)) >= 2)
            for step in range(1, 60):
                venue.level(step % 2, BookSide.ASK, 460_000, 200_000_000 + step * 10_000)
                venue.level(step % 2, BookSide.BID, 440_000 - (step % 5) * 10_000, step * 1_000_000)
            await sink.until(lambda s: local_equals_exchange(feed, venue, 0))
            await sink.until(lambda s: local_equals_exchange(feed, venue, 1))
            assert len(sink.of(BookChanged)) >= 100
            assert not feed.channel.errors
            states = {b.state for b in sink.of(BookMarked)}
            assert states == {BookState.SYNCED}
            await sink.until(lambda s: any(f.is_connected for f in s.of(FeedStatus)))


async def test_trades_keep_the_hash_chain_over_a_changed_last_trade_price() -> None:
    async with polymarket_venue([gamma_object(1)]) as venue:
        venue.book(0, BIDS, ASKS)
        async with streaming(venue) as (feed, sink):
            await feed.watch([venue.instrument(0)])
            await sink.until(lambda s: bool(s.of(BookReplaced)))
            taken = venue.exchange.submit(
                OrderRequest(
                    account="operator",
                    market_id=venue.markets[0].market_id,
                    outcome=Outcome.YES,
                    side=Side.BUY,
                    price_limit=PriceMicros(470_000),
                    qty=QtyMicros(500_000_000),
                    tif=TimeInForce.GTC,
                ),
                venue.world.now_ns(),
            )
            assert isinstance(taken, OrderRecord) and taken.qty_filled == 500_000_000
            venue.level(0, BookSide.BID, 450_000, 5_000_000)
            await sink.until(lambda s: local_equals_exchange(feed, venue))
            assert not feed.channel.errors
            book = feed.channel.by_market[venue.markets[0].market_id].book
            assert book is not None and book.last_trade_price == "0.47"


async def test_f003_reconnects_after_a_drop_and_marks_the_gap() -> None:
    async with polymarket_venue([gamma_object(1)]) as venue:
        venue.book(0, BIDS, ASKS)
        async with streaming(venue) as (feed, sink):
            await feed.watch([venue.instrument(0)])
            await sink.until(lambda s: bool(s.of(BookReplaced)))
            await sink.until(lambda s: any(f.is_connected for f in s.of(FeedStatus)))
            assert venue.world.drop_connections(Venue.POLYMARKET) == 1
            await sink.until(lambda s: any(b.state is BookState.STALE for b in s.of(BookMarked)))
            assert any(not f.is_connected for f in sink.of(FeedStatus))
            venue.level(0, BookSide.ASK, 460_000, 77_000_000)
            await sink.until(lambda s: local_equals_exchange(feed, venue))
            assert sink.of(BookMarked)[-1].state is BookState.SYNCED


async def test_snapshot_on_request_proves_or_repairs_the_book() -> None:
    async with polymarket_venue([gamma_object(1)]) as venue:
        venue.book(0, BIDS, ASKS)
        async with streaming(venue) as (feed, sink):
            await feed.watch([venue.instrument(0)])
            await sink.until(lambda s: bool(s.of(BookReplaced)))
            market = venue.markets[0].market_id
            await feed.request_snapshot(market)
            await sink.until(lambda s: bool(s.of(BookProved)))
            # An unreadable frame that names the token puts the book in doubt; REST repairs it.
            token = venue.instrument(0).yes_token
            sink.bodies.clear()
            for body in feed.channel.feed(f'{{"asset_id":"{token}","bids":[', 1, [token]):
                sink(body)
            feed._kick.set()
            assert sink.of(BookMarked)[0].state is BookState.GAPPED
            await sink.until(lambda s: bool(s.of(BookReplaced)))
            assert sink.of(BookMarked)[-1].state is BookState.SYNCED


async def test_f052_fee_change_and_f102_resolution_reach_the_kernel() -> None:
    raw = gamma_object(1, rate=0.03)
    async with polymarket_venue([raw]) as venue:
        venue.book(0, BIDS, ASKS)
        async with streaming(venue) as (feed, sink):
            await feed.watch([venue.instrument(0)])
            await sink.until(lambda s: bool(s.of(InstrumentChanged)))
            raw["feeSchedule"] = {"exponent": 1, "rate": 0.05, "takerOnly": True}
            feed._metadata.wake()
            await sink.until(
                lambda s: s.of(InstrumentChanged)[-1].instrument.fees.rate_ppm == 50_000
            )
            venue.resolve(0, 1_000_000)
            await sink.until(lambda s: bool(s.of(MarketResolved)))
            assert [m.payout for m in sink.of(MarketResolved)] == [1_000_000]


async def test_watch_replaces_the_set_of_markets() -> None:
    async with polymarket_venue([gamma_object(1), gamma_object(2)]) as venue:
        venue.book(0, BIDS, ASKS)
        venue.book(1, BIDS, ASKS)
        async with streaming(venue) as (feed, sink):
            await feed.watch([venue.instrument(0)])
            await sink.until(lambda s: bool(s.of(BookReplaced)))
            await feed.watch([venue.instrument(1)])
            await sink.until(
                lambda s: s.of(BookReplaced)[-1].market_id == venue.markets[1].market_id
            )
            sink.bodies.clear()
            venue.level(0, BookSide.ASK, 460_000, 1_000_000)
            venue.level(1, BookSide.ASK, 460_000, 2_000_000)
            await sink.until(lambda s: bool(s.of(BookChanged)))
            await sink.until(lambda s: local_equals_exchange(feed, venue, 1))
            assert {b.market_id for b in sink.of(BookChanged)} == {venue.markets[1].market_id}

"""The live feed and the catalogue over real sockets against the simulated venue."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from shared.domain.enums import BookState, MarketStatus, Venue
from shared.domain.events import (
    BookMarked,
    BookProved,
    BookReplaced,
    EventBody,
    FeedStatus,
    MarketResolved,
    MarketStatusChanged,
)
from shared.domain.ids import MarketId, market_id
from shared.simulators.polymarket_us_server.limits import OBSERVED
from tests.support.kalshi_world import cents, contracts
from tests.support.polymarket_us_world import MATCH, RAIN, RATE, SLUGS, Lab, polymarket_us_lab


class Heard:
    """What the feed said, with the books that follow from it."""

    def __init__(self) -> None:
        self.bodies: list[EventBody] = []
        self.books: dict[MarketId, BookReplaced] = {}
        self.states: dict[MarketId, BookState] = {}

    def take(self, body: EventBody) -> None:
        self.bodies.append(body)
        if isinstance(body, BookReplaced):
            self.books[body.market_id] = body
        elif isinstance(body, BookMarked):
            self.states[body.market_id] = body.state

    def is_synced(self, slug: str) -> bool:
        return self.states.get(market_id(Venue.POLYMARKET_US, slug)) is BookState.SYNCED

    def best_ask(self, slug: str) -> int:
        book = self.books.get(market_id(Venue.POLYMARKET_US, slug))
        return min(price for price, _ in book.asks) if book and book.asks else 0


async def until(is_so: Callable[[], object], seconds: float = 8.0) -> None:
    for _ in range(int(seconds / 0.02)):
        if is_so():
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"not within {seconds} s")


@asynccontextmanager
async def feed(lab: Lab, *slugs: str) -> AsyncIterator[Heard]:
    heard = Heard()
    await lab.venue.market_data.watch([lab.instrument(slug) for slug in slugs])
    running = asyncio.create_task(lab.venue.market_data.run(heard.take))
    try:
        await until(lambda: all(heard.is_synced(slug) for slug in slugs))
        yield heard
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_the_catalogue_lists_every_market_with_its_own_terms() -> None:
    async with polymarket_us_lab() as lab:
        listed = {m.instrument.native_id: m async for m in lab.venue.catalogue.list_markets()}
        assert sorted(listed) == sorted(SLUGS)
        match = listed[MATCH]
        assert match.outcome_label == "Ann" and match.question == f"Will {MATCH} come out?"
        ours = lab.instrument(MATCH)
        assert match.instrument.grid == ours.grid
        assert match.instrument.qty_step == ours.qty_step == contracts(1)
        assert match.instrument.fees.rate_ppm == 69_500
        assert match.instrument.event_id == f"{MATCH}-event" and match.instrument.tradeable


async def test_books_follow_the_exchange_and_are_proved_when_asked() -> None:
    async with polymarket_us_lab() as lab:
        lab.set_book(RATE, {40: 100}, {42: 10})
        async with feed(lab, RATE, RAIN) as heard:
            assert heard.best_ask(RATE) == cents(42)
            lab.set_book(RATE, {40: 100}, {43: 10})
            await until(lambda: heard.best_ask(RATE) == cents(43))
            before = sum(isinstance(b, BookProved) for b in heard.bodies)
            await lab.venue.market_data.request_snapshot(lab.instrument(RATE).market_id)
            await until(lambda: sum(isinstance(b, BookProved) for b in heard.bodies) > before)
            await until(lambda: any(isinstance(b, FeedStatus) for b in heard.bodies))


async def test_a_cut_connection_is_said_and_mended() -> None:
    async with polymarket_us_lab() as lab:
        lab.set_book(RATE, {40: 100}, {42: 10})
        async with feed(lab, RATE) as heard:
            lab.world.drop_connections(Venue.POLYMARKET_US)
            await until(lambda: heard.states[lab.instrument(RATE).market_id] is BookState.GAPPED)
            lab.set_book(RATE, {40: 100}, {44: 10})
            await until(lambda: heard.is_synced(RATE) and heard.best_ask(RATE) == cents(44))


async def test_gotcha_2_a_frozen_feed_is_found_and_replaced() -> None:
    async with polymarket_us_lab() as lab:
        lab.set_book(RATE, {40: 100}, {42: 10})
        async with feed(lab, RATE) as heard:
            lab.switch_on("u.ws.freeze")
            lab.set_book(RATE, {40: 100}, {45: 10})
            await asyncio.sleep(0.2)
            assert heard.best_ask(RATE) == cents(42), "nothing was told"
            market = lab.instrument(RATE).market_id
            frozen = BookMarked(market, BookState.FROZEN, "REST shows another book")
            await until(lambda: frozen in heard.bodies, 15)
            # A new connection begins with a whole book.
            await until(lambda: heard.best_ask(RATE) == cents(45))


async def test_pauses_and_results_are_told() -> None:
    async with polymarket_us_lab() as lab:
        lab.set_book(RATE, {40: 100}, {42: 10})
        async with feed(lab, RATE) as heard:
            market = lab.instrument(RATE).market_id
            lab.exchange.change_status(market, MarketStatus.PAUSED, lab.world.now_ns())
            paused = MarketStatusChanged(market, MarketStatus.PAUSED)
            await until(lambda: paused in heard.bodies)
            lab.resolve(RATE, 100)
            await until(lambda: MarketResolved(market, cents(100)) in heard.bodies)


async def test_gotcha_us_the_observed_throttle_does_not_stop_the_feed() -> None:
    async with polymarket_us_lab(public=OBSERVED) as lab:
        lab.set_book(RATE, {40: 100}, {42: 10})
        async with feed(lab, *SLUGS) as heard:
            for _ in range(12):
                for slug in SLUGS:
                    await lab.venue.market_data.request_snapshot(lab.instrument(slug).market_id)
                await asyncio.sleep(0.05)
            assert all(heard.is_synced(slug) for slug in SLUGS)
            assert sum(isinstance(b, BookProved) for b in heard.bodies) >= 12
            assert lab.venue.tally.counts["public_429"] == 0

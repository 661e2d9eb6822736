"""Faults of private frames, of finality and of what streams and books say, over sockets."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from shared.adapters.venues.polymarket.market_data import PolymarketMarketData
from shared.domain.enums import BookSide, BookState, Side
from shared.domain.events import BookMarked, BookReplaced, FillSeen, TradeFinality
from shared.domain.order import Acked, EvidenceKind, Rejected
from shared.domain.units import PriceMicros, QtyMicros, UsdMicros
from shared.exchange.fault_plan import WIRED
from tests.contract.kalshi.test_feed import feed as kalshi_feed
from tests.contract.kalshi.test_feed import until
from tests.integration.venues.test_kalshi_faults import listening, open_lab, place, strike
from tests.integration.venues.test_polymarket_faults import buy
from tests.integration.venues.test_polymarket_faults import strike as strike_p
from tests.integration.venues.test_polymarket_market_data import streaming
from tests.integration.venues.test_polymarket_trading import (
    ASKS,
    BIDS,
    ticket,
    trading,
)
from tests.integration.venues.test_polymarket_trading import (
    listening as listening_p,
)
from tests.integration.venues.test_polymarket_trading import (
    place as place_p,
)
from tests.support.kalshi_world import RATE, contracts, kalshi_lab
from tests.support.polymarket_world import FAST, gamma_object, polymarket_venue


@pytest.mark.parametrize("key", ["k.user.drop", "k.user.dup"])
async def test_f050_private_frames_lost_or_doubled_are_one_fill_each(key: str) -> None:
    async with open_lab() as (lab, wanted), listening(lab) as seen:
        await asyncio.sleep(0.3)
        strike(lab, key)
        asked = wanted(4)
        assert isinstance(await place(lab, asked), Acked)
        await until(lambda: any(isinstance(b, FillSeen) for b in seen))
        await asyncio.sleep(0.3)
        fills = [b.fill for b in seen if isinstance(b, FillSeen)]
        assert [(f.qty, f.attempt_id) for f in fills] == [(contracts(4), asked.attempt_id)]


@pytest.mark.parametrize("key", ["p.user.drop", "p.user.dup"])
async def test_f050_user_events_lost_or_doubled_are_one_fill_each(key: str) -> None:
    async with polymarket_venue([gamma_object(1)]) as venue:
        venue.book(0, BIDS, ASKS)
        async with trading(venue) as execution, listening_p(execution) as sink:
            strike_p(venue, key)
            await buy(execution, venue)
            await sink.until(lambda s: bool(s.of(TradeFinality)))
            keys = [(b.fill.key, b.fill.is_final) for b in sink.of(FillSeen)]
            assert len({key for key, _ in keys}) == 1 and len(keys) == len(set(keys)) <= 2
            assert [b.is_final for b in sink.of(TradeFinality)] == [True]


async def test_f046_f054_f058_fates_of_trades_reach_the_kernel() -> None:
    slow = replace(FAST, confirmed_min_ns=900_000_000, confirmed_max_ns=1_000_000_000)
    async with polymarket_venue([gamma_object(1)], finality=slow) as venue:
        venue.book(0, BIDS, {"0.46": "10", "0.47": "1000"})
        async with trading(venue) as execution, listening_p(execution) as sink:
            strike_p(venue, "p.fail_part", most=1)
            asked, outcome = await buy(execution, venue)
            assert isinstance(outcome, Acked)
            await sink.until(lambda s: len(s.of(TradeFinality)) == 2)
            assert sorted(b.is_final for b in sink.of(TradeFinality)) == [False, True]
            (proof,) = await execution.find_evidence([asked])
            assert (proof.kind, proof.cum_qty) == (
                EvidenceKind.FILLED,
                outcome.cum_qty - 10_000_000,
            )
            strike_p(venue, "p.settle_lag", amount=60_000, most=1)
            await buy(execution, venue, 1, budget_usd=UsdMicros(5_000_000))
            sale = ticket(venue, 2, side=Side.SELL, price_limit=PriceMicros(440_000))
            refused = await place_p(execution, venue, replace(sale, qty=QtyMicros(95_000_000)))
            assert isinstance(refused, Rejected), "the late shares cannot be sold yet"
            strike_p(venue, "p.ghost", most=1)
            venue.book(0, BIDS, {"0.47": "1000"})
            await buy(execution, venue, 3, budget_usd=UsdMicros(5_000_000))
            venue.book(0, {"0.47": "300"}, {"0.49": "500"})
            await sink.until(lambda s: len(s.of(TradeFinality)) == 3)
            assert not sink.of(TradeFinality)[-1].is_final, "the maker was worse off: reverted"


async def test_f008_another_convention_freezes_the_feed_until_it_is_over() -> None:
    async with kalshi_lab() as lab:
        lab.set_book(RATE, {30: 100}, {42: 10, 43: 5})
        strike(lab, "k.ws.flip")
        async with kalshi_feed(lab, RATE) as books:
            await until(lambda: BookState.FROZEN in books.state.values())
            lab.world.faults.switch_off("k.ws.flip")
            await until(lambda: books.equals(lab, RATE), 15.0)


async def test_f004_a_subscription_that_the_venue_ends_is_stale_at_once() -> None:
    async with kalshi_lab() as lab:
        lab.set_book(RATE, {40: 100}, {42: 10})
        async with kalshi_feed(lab, RATE) as books:
            await until(lambda: books.equals(lab, RATE))
            strike(lab, "k.ws.end_sub", most=1)
            lab.set_level(RATE, BookSide.ASK, 43, 5)
            await until(
                lambda: (
                    BookState.STALE in [b.state for b in books.bodies if isinstance(b, BookMarked)]
                )
            )
            await until(lambda: books.equals(lab, RATE))


async def test_f006_f007_a_wrong_size_drops_the_book_and_a_shell_never_replaces_it() -> None:
    async with polymarket_venue([gamma_object(1)]) as venue:
        venue.book(0, BIDS, ASKS)
        async with streaming(venue) as (feed, sink):
            await feed.watch([venue.instrument(0)])
            await sink.until(lambda s: bool(s.of(BookReplaced)))
            strike_p(venue, "p.rest.shell")
            strike_p(venue, "p.ws.flip", most=1)
            venue.level(0, BookSide.ASK, 460_000, 77_000_000)
            await sink.until(lambda s: any(b.state is BookState.GAPPED for b in s.of(BookMarked)))
            await asyncio.sleep(0.5)
            shells = [b for b in sink.of(BookReplaced) if b.asks and b.asks[0][0] == 990_000]
            venue.world.faults.switch_off("p.rest.shell")
            await sink.until(lambda s: s.of(BookMarked)[-1].state is BookState.SYNCED)
            book = feed.channel.by_market[venue.markets[0].market_id].book
            view = venue.exchange.book(venue.markets[0].market_id)
            assert book is not None and (book.bids(), book.asks()) == (view.bids, view.asks)
            assert not shells, "a shell is no quote"
            assert isinstance(feed, PolymarketMarketData)


def test_every_key_of_the_table_is_exercised_by_some_test() -> None:
    folder = Path(__file__).resolve().parents[2]
    text = "\n".join(p.read_text() for p in folder.rglob("test_*.py"))
    missing = {key for key in WIRED if f'"{key}"' not in text and f'"{key}/' not in text}
    assert not missing, missing

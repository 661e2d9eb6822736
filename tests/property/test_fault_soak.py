"""Thirty virtual minutes of every feed fault of the table, through the simulators' own code.

In process and in virtual time: the real exchange, the real subscriptions and frames of the
simulated venues, the real fault pipes, and our stream cores behind them. Whenever a book is
SYNCED and nothing of it is lost on the way, it equals the exchange's; at the end all do.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from shared.adapters.venues.kalshi.errors import WireTally
from shared.adapters.venues.kalshi.stream import BookStream, Step
from shared.adapters.venues.polymarket.book_keeper import parse_rest_book
from shared.adapters.venues.polymarket.stream import MarketChannel
from shared.domain.enums import BookSide, BookState, Venue
from shared.domain.ids import MarketId, market_id
from shared.domain.units import NS_PER_MS, NS_PER_S, PriceMicros, QtyMicros
from shared.simulators.fault_frames import FramePipe
from shared.simulators.kalshi_server.sessions import Session
from shared.simulators.kalshi_server.streams import StreamHub
from shared.simulators.keys import AccountDirectory
from shared.simulators.polymarket_server.channel_events import Peer
from shared.simulators.polymarket_server.desk import Desk
from shared.simulators.polymarket_server.sockets import Channels
from shared.simulators.world import World
from tests.support import kalshi_world, polymarket_world
from tests.support.kalshi_world import COIN, RATE
from tests.support.polymarket_world import gamma_object
from tests.support.soak_faults import Storm

MINUTES = 30
STEP_MS = 100
STEPS = MINUTES * 60 * 1_000 // STEP_MS
START_NS = 1_800_000_000 * NS_PER_S

KALSHI_CHANCES = {
    "k.ws.drop": 60_000,
    "ws.dup": 200_000,
    "ws.reorder": 100_000,
    "ws.replay_old_generation": 1_000_000,
    "k.ws.end_sub": 20_000,
    "k.ws.freeze": 1_000_000,
    "k.ws.negative": 40_000,
    "ts.shift": 500_000,
    "ws.garbage": 50_000,
    "k.ws.cut": 30_000,
}
POLYMARKET_CHANCES = {
    "p.ws.drop": 15_000,
    "ws.dup": 200_000,
    "ws.reorder": 15_000,
    "ws.replay_old_generation": 1_000_000,
    "p.ws.freeze": 1_000_000,
    "p.ws.flip": 15_000,
    "p.ws.multi": 100_000,
    "ts.shift": 500_000,
    "ws.garbage": 15_000,
    "p.ws.cut": 30_000,
}
"""Four broken hashes in a minute bench a market for ten, so that these are rarer."""


class Line:
    """What our side of a connection gets, and whether the newest of each market came last.

    Two Polymarket messages of one millisecond that change places cannot be told apart, even
    by their hashes: such a book is a message behind until the next one.
    """

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.is_cut = False
        self._newest: dict[str, bytes] = {}
        self._last: dict[str, bytes] = {}
        self._market_of: dict[bytes, str] = {}

    def watch(self, pipe: FramePipe) -> None:
        """Note every data frame that goes into the pipe."""
        passed = pipe.data

        def data(frame: bytes, names: Any = (), *, is_private: bool = False) -> None:
            market = names[0] if names else ""
            self._newest[market] = frame
            self._market_of[frame] = market
            passed(frame, names, is_private=is_private)

        pipe.data = data  # type: ignore[method-assign]

    def take(self) -> list[bytes]:
        taken, self.frames[:] = list(self.frames), []
        for frame in taken:
            market = self._market_of.get(frame)
            if market is not None:
                self._last[market] = frame
        if len(self._market_of) > 1_000:
            self._market_of.clear()
        return taken

    def is_whole(self) -> bool:
        """Say whether everything was delivered, the newest frame of each market last."""
        return not self.frames and self._last == self._newest

    def cut(self) -> None:
        self.is_cut = True


class Clock:
    def __init__(self) -> None:
        self.ns = START_NS

    def __call__(self) -> int:
        return self.ns


class KalshiSide:
    """One connection of the simulated Kalshi and the books that we build from it."""

    def __init__(self, seed: int) -> None:
        self.rng, self.clock = random.Random(seed), Clock()
        self.world = World(kalshi_world.StillLife(), seed=seed, clock=self.clock)
        self.world.start()
        self.exchange = self.world.exchanges[Venue.KALSHI]
        self.hub = StreamHub(self.world, self.exchange)
        self.exchange.subscribe(self.hub.on_happening)
        self.world.on_drop(Venue.KALSHI, self.drop)
        self.tickers = (RATE, COIN)
        for ticker in self.tickers:
            self.level(ticker, BookSide.BID, 40, 100)
            self.level(ticker, BookSide.ASK, 45, 100)
        self.stream = BookStream(WireTally(), with_lifecycle=False, yes_priced=True)
        instruments = {t: kalshi_world.sim_market(t, 10**19).instrument for t in self.tickers}
        self.stream.watch(instruments, self.clock.ns)
        self.session: Session | None = None
        self.line = Line()

    def level(self, ticker: str, side: BookSide, cents: int, contracts: int) -> None:
        key = market_id(Venue.KALSHI, ticker)
        price, qty = PriceMicros(cents * 10_000), QtyMicros(contracts * 1_000_000)
        self.exchange.set_level(key, side, price, qty, self.clock.ns)

    def drop(self) -> int:
        self.line.cut()
        return 1

    def open(self) -> None:
        self.line = Line()
        self.session = Session(self.hub, "member", None)
        pipe = FramePipe(
            self.world, Venue.KALSHI, self.hub._generations, self.line.frames.append, self.line.cut
        )
        self.line.watch(pipe)
        self.session.pipe = pipe
        self.hub.sessions[self.session] = None
        self.hub.changed()
        self.obey(self.stream.open(self.clock.ns))

    def close(self, reason: str) -> None:
        assert self.session is not None
        self.hub.sessions.pop(self.session, None)
        self.hub.changed()
        self.session = None
        self.stream.close(reason)

    def obey(self, step: Step) -> None:
        """Pass on the commands that the client sent; a wish to reconnect cuts the line."""
        for text in step.sends:
            assert self.session is not None
            self.session.command(text if isinstance(text, str) else text.decode())
        if step.reconnect:
            self.line.cut()

    def step(self, hear: Callable[[bytes], None] = lambda _frame: None) -> None:
        self.clock.ns += STEP_MS * NS_PER_MS
        self.world.step(self.clock.ns)
        if self.session is None:
            self.open()
        for _ in range(self.rng.randint(0, 4)):
            side = self.rng.choice([BookSide.BID, BookSide.ASK])
            cents = self.rng.randint(36, 40) if side is BookSide.BID else self.rng.randint(45, 49)
            size = self.rng.choice([0, self.rng.randint(1, 900)])
            self.level(self.rng.choice(self.tickers), side, cents, size)
        generation = self.stream.generation
        for frame in self.line.take():
            hear(frame)
            if not self.line.is_cut:
                self.obey(self.stream.receive(generation, frame, self.clock.ns))
        if not self.line.is_cut:
            self.obey(self.stream.tick(self.clock.ns))
        if self.line.is_cut:
            self.close("cut")

    def is_equal(self, ticker: str) -> bool:
        view = self.exchange.book(market_id(Venue.KALSHI, ticker))
        return self.stream.books[ticker].levels() == (view.bids, view.asks)

    def is_usable(self, ticker: str) -> bool:
        """Say whether we hold the book for good and its newest frame was delivered."""
        is_whole = self.session is not None and self.line.is_whole()
        return is_whole and self.stream.books[ticker].state is BookState.SYNCED


@pytest.mark.parametrize("seed", [1, 2])
def test_kalshi_books_survive_every_feed_fault_of_the_table(seed: int) -> None:
    side = KalshiSide(seed)
    storm = Storm(side.world.faults, random.Random(seed), KALSHI_CHANCES, side.drop)
    proven = 0
    for _ in range(STEPS):
        storm.step(side.clock.ns)
        side.step()
        for ticker in side.tickers:
            if side.is_usable(ticker):
                assert side.is_equal(ticker), (side.clock.ns, ticker)
                proven += 1
    storm.calm()
    assert set(KALSHI_CHANCES) <= {key for key, count in storm.hits.items() if count}, storm.hits
    assert proven > STEPS, "the books must be usable most of the time"
    for _ in range(60 * 1_000 // STEP_MS):
        side.step()
    for ticker in side.tickers:
        assert side.stream.books[ticker].state is BookState.SYNCED
        assert side.is_equal(ticker)


class PolymarketSide:
    """One connection of the simulated Polymarket and the books that we build from it."""

    def __init__(self, seed: int) -> None:
        self.rng, self.clock = random.Random(seed), Clock()
        raws = [gamma_object(n) for n in (1, 3)]
        self.markets = [polymarket_world.sim_market(raw) for raw in raws]
        event = polymarket_world.SimEvent(
            "77", Venue.POLYMARKET, raws[0]["events"][0], tuple(m.market_id for m in self.markets)
        )
        life = polymarket_world.StillLife(self.markets, event)
        self.world = World(life, seed=seed, clock=self.clock)
        self.world.start()
        self.exchange = self.world.exchanges[Venue.POLYMARKET]
        self.channels = Channels(Desk(self.world, self.exchange, AccountDirectory((), ())))
        self.world.on_drop(Venue.POLYMARKET, self.drop)
        for number in range(2):
            self.level(number, BookSide.BID, 44, 300)
            self.level(number, BookSide.ASK, 46, 200)
        self.channel = MarketChannel()
        self.channel.watch([m.instrument for m in self.markets])
        self.tokens = [m.instrument.yes_token for m in self.markets]
        self.peer: Peer | None = None
        self.line = Line()

    def level(self, number: int, side: BookSide, cents: int, shares: int) -> None:
        key = self.markets[number].market_id
        price, qty = PriceMicros(cents * 10_000), QtyMicros(shares * 1_000_000)
        self.exchange.set_level(key, side, price, qty, self.clock.ns)

    def drop(self) -> int:
        self.line.cut()
        return 1

    def open(self) -> None:
        self.line = Line()
        nobody: Any = SimpleNamespace(transport=None)
        self.peer = Peer(nobody, nobody)
        self.peer.pipe = FramePipe(
            self.world,
            Venue.POLYMARKET,
            self.channels._generations,
            self.line.frames.append,
            self.line.cut,
        )
        self.line.watch(self.peer.pipe)
        self.channels._peers[self.peer] = None
        self.channels._market_message(self.peer, {"type": "market", "assets_ids": self.tokens})

    def close(self) -> None:
        assert self.peer is not None
        self.channels._peers.pop(self.peer, None)
        self.channels._unsubscribe(self.peer, set(self.tokens))
        self.peer = None
        self.channel.lost(self.tokens, "cut")

    def step(self, number: int) -> None:
        self.clock.ns += STEP_MS * NS_PER_MS
        self.world.step(self.clock.ns)
        if self.peer is None:
            self.open()
        for _ in range(self.rng.randint(0, 3)):
            side = self.rng.choice([BookSide.BID, BookSide.ASK])
            cents = self.rng.randint(40, 44) if side is BookSide.BID else self.rng.randint(46, 49)
            size = self.rng.choice([0, self.rng.randint(1, 900)])
            self.level(self.rng.randrange(2), side, cents, size)
        for frame in self.line.take():
            if not self.line.is_cut:
                self.channel.feed(frame, self.clock.ns, self.tokens)
        self.channel.settle(self.clock.ns)
        if number % (5_000 // STEP_MS) == 0:
            self.prove()
        if self.channel.frozen:
            self.channel.frozen.clear()
            self.line.cut()
        if self.line.is_cut:
            self.close()

    def prove(self) -> None:
        """Let the cross-check by REST have its turn."""
        for market in self.markets:
            pair = self.channels._desk.market_books(market.market_id)
            assert pair is not None
            self.channel.judge_rest(
                parse_rest_book(json.dumps(pair.yes.rest_view()).encode()), self.clock.ns
            )

    def is_equal(self, market: MarketId) -> bool:
        track, view = self.channel.by_market[market], self.exchange.book(market)
        assert track.book is not None
        return (tuple(track.book.bids()), tuple(track.book.asks())) == (view.bids, view.asks)

    def is_usable(self, market: MarketId) -> bool:
        is_whole = self.peer is not None and self.line.is_whole()
        is_told = market not in self.channels._merged
        track = self.channel.by_market[market]
        return is_whole and is_told and track.state is BookState.SYNCED and not track.claim


@pytest.mark.parametrize("seed", [1, 2])
def test_polymarket_books_survive_every_feed_fault_of_the_table(seed: int) -> None:
    side = PolymarketSide(seed)
    storm = Storm(side.world.faults, random.Random(seed), POLYMARKET_CHANCES, side.drop)
    proven = 0
    for number in range(STEPS):
        storm.step(side.clock.ns)
        side.step(number)
        for market in side.markets:
            if side.is_usable(market.market_id):
                assert side.is_equal(market.market_id), (number, market.native_id)
                proven += 1
    storm.calm()
    assert set(POLYMARKET_CHANCES) <= {k for k, count in storm.hits.items() if count}, storm.hits
    assert proven > STEPS // 2, "the books must be usable much of the time"
    # Four broken hashes in a minute bench a market for ten.
    for number in range(11 * 60 * 1_000 // STEP_MS):
        side.step(number)
    for market in side.markets:
        assert side.channel.by_market[market.market_id].state is BookState.SYNCED
        assert side.is_equal(market.market_id)


def test_the_same_seed_makes_the_same_frames() -> None:
    def run(seed: int) -> list[bytes]:
        side = KalshiSide(seed)
        storm = Storm(side.world.faults, random.Random(seed), KALSHI_CHANCES, side.drop)
        told: list[bytes] = []
        for _ in range(600):
            storm.step(side.clock.ns)
            side.step(told.append)
        return told

    assert run(5) == run(5) != run(6)

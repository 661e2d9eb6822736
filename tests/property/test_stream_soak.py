"""Thirty virtual minutes of a bad network: every book ends equal to the venue's own.

In process, over the stream cores alone, seeded. The network drops, doubles, holds back and
cuts; the venue answers what is asked of it. No wall clock is involved.
"""

from __future__ import annotations

import json
import random
from collections import deque
from typing import Any

import pytest

from shared.adapters.venues.kalshi.errors import WireTally
from shared.adapters.venues.kalshi.stream import BookStream, Step
from shared.adapters.venues.polymarket.book_keeper import parse_rest_book
from shared.adapters.venues.polymarket.stream import MarketChannel
from shared.domain.enums import BookSide, BookState
from shared.domain.ids import MarketId
from shared.domain.units import NS_PER_S, parse_micros
from shared.exchange.matching_core import BookView
from shared.simulators.polymarket_server.token_books import MarketBooks
from tests.support.kalshi_world import COIN, RATE, sim_market
from tests.support.polymarket_world import gamma_object
from tests.support.polymarket_world import sim_market as polymarket_market

MINUTES = 30
STEP_MS = 50
STEPS = MINUTES * 60 * 1_000 // STEP_MS
START_NS = 1_000 * NS_PER_S
QUIET_STEPS = 60 * 1_000 // STEP_MS
"""The last minute is fault-free, so that everything under way can heal."""


class KalshiVenue:
    """The venue's books, one subscription, and a network that misbehaves by seed."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.now = START_NS
        self.books: dict[str, dict[str, dict[int, int]]] = {
            t: {"yes": {40: 10_000}, "no": {45: 10_000}} for t in (RATE, COIN)
        }
        self.stream = BookStream(WireTally(), with_lifecycle=False, yes_priced=True)
        self.instruments = {t: sim_market(t, 10**19).instrument for t in self.books}
        self.stream.watch(self.instruments, self.now)
        self.wire: deque[tuple[int, str]] = deque()
        self.seq, self.sid = 0, 0
        self.is_open = False
        self.frozen_until = 0
        self.is_tail_lost = False
        """The newest frame was dropped; nobody can know before the next one arrives."""
        self.faults = dict.fromkeys(("drop", "dup", "gap", "freeze", "cut"), 0)
        self.is_faulty = True

    def open(self) -> None:
        self.sid, self.seq, self.is_open = self.sid + 1, 0, True
        self.wire.clear()
        self.obey(self.stream.open(self.now))

    def cut(self) -> None:
        self.is_open = False
        self.obey(self.stream.close("cut"))

    def obey(self, step: Step) -> None:
        """Answer the commands that the client sent."""
        for command in map(json.loads, step.sends):
            params = command["params"]
            if command["cmd"] == "subscribe" and "orderbook_delta" in params["channels"]:
                msg = {"channel": "orderbook_delta", "sid": self.sid}
                self.put({"type": "subscribed", "id": command["id"], "msg": msg}, is_safe=True)
                for ticker in params["market_tickers"]:
                    self.snapshot(ticker)
            elif params.get("action") == "get_snapshot":
                for ticker in params["market_tickers"]:
                    self.snapshot(ticker)
        if step.reconnect and self.is_open:
            self.cut()

    def put(self, frame: dict[str, Any], *, is_safe: bool = False) -> None:
        """Put a frame on the wire; here the network drops and doubles."""
        text = json.dumps(frame)
        luck = self.rng.random()
        if self.is_faulty and not is_safe and luck < 0.004:
            self.faults["drop"] += 1
            self.is_tail_lost = True
            return
        self.is_tail_lost = False
        self.wire.append((self.now, text))
        if self.is_faulty and not is_safe and luck > 0.996:
            self.faults["dup"] += 1
            self.wire.append((self.now, text))

    def framed(self, kind: str, msg: dict[str, Any]) -> None:
        self.seq += 1
        if self.is_faulty and self.rng.random() < 0.0005:
            self.seq += 1
            self.faults["gap"] += 1
        self.put({"type": kind, "sid": self.sid, "seq": self.seq, "msg": msg})

    def snapshot(self, ticker: str) -> None:
        book = self.books[ticker]
        sides = {
            f"{side}_dollars_fp": [[f"0.{p:02d}00", f"{q / 100:.2f}"] for p, q in rows.items()]
            for side, rows in book.items()
        }
        self.framed("orderbook_snapshot", {"market_ticker": ticker, "market_id": "m", **sides})

    def trade(self) -> None:
        """Move one level of one book, never across the other side."""
        ticker = self.rng.choice([RATE, COIN])
        side = self.rng.choice(["yes", "no"])
        price = self.rng.randint(36, 40) if side == "yes" else self.rng.randint(45, 49)
        rows = self.books[ticker][side]
        size = self.rng.choice([0, 0, self.rng.randint(1, 90_000)])
        delta = size - rows.get(price, 0)
        if not delta:
            return
        if size:
            rows[price] = size
        else:
            rows.pop(price)
        if not self.is_open:
            return
        self.framed(
            "orderbook_delta",
            {
                "market_ticker": ticker,
                "market_id": "m",
                "price_dollars": f"0.{price:02d}00",
                "delta_fp": f"{delta / 100:.2f}",
                "side": side,
                "ts_ms": self.now // 1_000_000,
            },
        )

    def step(self) -> None:
        self.now += STEP_MS * 1_000_000
        if not self.is_open:
            self.open()
        if self.is_faulty and self.rng.random() < 0.0005:
            self.faults["cut"] += 1
            self.cut()
            return
        if self.is_faulty and self.rng.random() < 0.0005:
            self.faults["freeze"] += 1
            self.frozen_until = self.now + self.rng.randint(1, 8) * NS_PER_S
        for _ in range(self.rng.randint(0, 3)):
            self.trade()
        generation = self.stream.generation
        while self.wire and self.now >= self.frozen_until and self.is_open:
            _, text = self.wire.popleft()
            self.obey(self.stream.receive(generation, text, self.now))
        if self.is_open:
            self.obey(self.stream.tick(self.now))

    def truth(self, ticker: str) -> tuple[dict[int, int], dict[int, int]]:
        book = self.books[ticker]
        return (
            {p * 10_000: q * 10_000 for p, q in book["yes"].items()},
            {p * 10_000: q * 10_000 for p, q in book["no"].items()},
        )


@pytest.mark.parametrize("seed", [1])
def test_kalshi_books_end_equal_after_thirty_bad_minutes(seed: int) -> None:
    venue = KalshiVenue(seed)
    proven = 0
    for number in range(STEPS):
        venue.is_faulty = number < STEPS - QUIET_STEPS
        venue.step()
        for ticker, book in venue.stream.books.items():
            is_idle = not venue.wire and venue.is_open and not venue.is_tail_lost
            if is_idle and book.state is BookState.SYNCED:
                # A book that we would trade on is the venue's, whatever happened before.
                assert (book.bids, book.asks) == venue.truth(ticker), (number, ticker)
                proven += 1
    assert all(venue.faults.values()), venue.faults
    assert proven > STEPS // 2, "the books must be usable most of the time"
    for ticker, book in venue.stream.books.items():
        assert book.state is BookState.SYNCED, (ticker, book.reason)
        assert (book.bids, book.asks) == venue.truth(ticker)


class PolymarketVenue:
    """The venue's mirrored books of some markets, and the same bad network.

    It drops less than Kalshi's: four broken hashes in a minute bench a market for long.
    """

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.now = START_NS
        markets = [polymarket_market(gamma_object(n)) for n in (1, 3)]
        self.instruments = [market.instrument for market in markets]
        view = BookView(((440_000, 300_000_000),), ((460_000, 200_000_000),), START_NS)  # type: ignore[arg-type]
        self.books = [MarketBooks(i.market_id, i, view) for i in self.instruments]
        self.tokens = [i.yes_token for i in self.instruments]
        self.channel = MarketChannel()
        self.channel.watch(self.instruments)
        self.frozen_until = 0
        self.held: deque[tuple[str, str]] = deque()
        self.tail_lost: set[str] = set()
        self.faults = dict.fromkeys(("drop", "dup", "freeze", "cut"), 0)
        self.is_faulty = True

    def feed(self, text: str) -> None:
        self.channel.feed(text, self.now, self.tokens)

    def open(self) -> None:
        self.held.clear()
        self.tail_lost.clear()
        views = [book.yes.stream_view(is_initial=True) for book in self.books]
        self.feed(json.dumps(views))

    def step(self) -> None:
        self.now += STEP_MS * 1_000_000
        if self.is_faulty and self.rng.random() < 0.0005:
            self.faults["cut"] += 1
            self.channel.lost(self.tokens, "cut")
            self.open()
            return
        if self.is_faulty and self.rng.random() < 0.0005:
            self.faults["freeze"] += 1
            self.frozen_until = self.now + self.rng.randint(1, 8) * NS_PER_S
        for _ in range(self.rng.randint(0, 2)):
            self.move()
        while self.held and self.now >= self.frozen_until:
            self.feed(self.held.popleft()[1])

    def move(self) -> None:
        book = self.rng.choice(self.books)
        side = self.rng.choice([BookSide.BID, BookSide.ASK])
        price = self.rng.randint(40, 44) if side is BookSide.BID else self.rng.randint(46, 49)
        size = self.rng.choice([0, self.rng.randint(1, 900) * 1_000_000])
        frame = book.move(side, price * 10_000, size, self.now)
        self.deliver(f"polymarket:{book.yes.market}", json.dumps(frame))

    def deliver(self, market: str, text: str) -> None:
        luck = self.rng.random()
        if self.is_faulty and luck < 0.0008:
            self.faults["drop"] += 1
            self.tail_lost.add(market)
            return
        self.tail_lost.discard(market)
        self.held.append((market, text))
        if self.is_faulty and luck > 0.996:
            self.faults["dup"] += 1
            self.held.append((market, text))

    def prove(self) -> None:
        """Let the cross-check by REST have its turn."""
        for book in self.books:
            raw = json.dumps(book.yes.rest_view()).encode()
            self.channel.judge_rest(parse_rest_book(raw), self.now)

    def is_equal(self, book: MarketBooks) -> bool:
        track = self.channel.by_market[MarketId(f"polymarket:{book.yes.market}")]
        assert track.book is not None
        ours = (dict(track.book.bids()), dict(track.book.asks()))
        return ours == tuple(
            {parse_micros(row["price"]): parse_micros(row["size"]) for row in rows}
            for rows in book.yes.levels()
        )


@pytest.mark.parametrize("seed", [1])
def test_polymarket_books_end_equal_after_thirty_bad_minutes(seed: int) -> None:
    venue = PolymarketVenue(seed)
    venue.open()
    proven = 0
    for number in range(STEPS):
        venue.is_faulty = number < STEPS - QUIET_STEPS
        venue.step()
        if number % (5_000 // STEP_MS) == 0:
            venue.prove()
        for book in venue.books:
            market = f"polymarket:{book.yes.market}"
            is_idle = not venue.held and market not in venue.tail_lost
            if is_idle and venue.channel.by_market[MarketId(market)].state is BookState.SYNCED:
                assert venue.is_equal(book), (number, market)
                proven += 1
    assert all(venue.faults.values()), venue.faults
    assert proven > STEPS // 2, "the books must be usable most of the time"
    for book in venue.books:
        track = venue.channel.by_market[MarketId(f"polymarket:{book.yes.market}")]
        assert track.state is BookState.SYNCED, track
        assert venue.is_equal(book)

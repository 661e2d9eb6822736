"""Writes websocket frames for the stream's tests, with a running sequence number."""

from __future__ import annotations

import json
from typing import Any

from shared.adapters.venues.kalshi.errors import WireTally
from shared.adapters.venues.kalshi.stream import BookStream, Step
from shared.domain.enums import BookState
from shared.domain.events import BookMarked
from tests.support.kalshi_world import COIN, RATE, sim_market

SID = 7
NOW = 1_000_000_000_000
INSTRUMENTS = {ticker: sim_market(ticker, 10**19).instrument for ticker in (RATE, COIN)}


class Wire:
    """A stream that is open, subscribed and fed in order unless told otherwise."""

    def __init__(self, *, with_lifecycle: bool = False, yes_priced: bool = True) -> None:
        self.tally = WireTally()
        self.stream = BookStream(self.tally, with_lifecycle=with_lifecycle, yes_priced=yes_priced)
        self.now = NOW
        self.seq = 0
        self.stream.watch(INSTRUMENTS, self.now)
        self.opened = self.stream.open(self.now)
        self.commands = [json.loads(c) for c in self.opened.sends]
        book = next(c for c in self.commands if "orderbook_delta" in c["params"]["channels"])
        self.send(type="subscribed", id=book["id"], msg={"channel": "orderbook_delta", "sid": SID})

    def send(self, **frame: Any) -> Step:
        return self.raw(json.dumps(frame))

    def raw(self, data: str | bytes) -> Step:
        return self.stream.receive(self.stream.generation, data, self.now)

    def next(self, kind: str, msg: Any, *, seq: int | None = None, **more: Any) -> Step:
        """Send one frame of the book subscription with the next sequence number."""
        if seq is None:
            self.seq += 1
            seq = self.seq
        return self.send(type=kind, sid=SID, seq=seq, msg=msg, **more)

    def snapshot(self, ticker: str = RATE, *, seq: int | None = None, **sides: Any) -> Step:
        msg = {"market_ticker": ticker, "market_id": "m", **(sides or DEFAULT_SIDES)}
        return self.next("orderbook_snapshot", msg, seq=seq)

    def delta(
        self, price: str, delta: str, side: str = "yes", ticker: str = RATE, **more: Any
    ) -> Step:
        msg = {
            "market_ticker": ticker,
            "market_id": "m",
            "price_dollars": price,
            "delta_fp": delta,
            "side": side,
            "ts_ms": 1_790_000_000_000,
        }
        return self.next("orderbook_delta", msg, **more)

    def both_synced(self) -> None:
        self.snapshot(RATE)
        self.snapshot(COIN)
        assert self.states() == {RATE: BookState.SYNCED, COIN: BookState.SYNCED}

    def states(self) -> dict[str, BookState]:
        return {ticker: book.state for ticker, book in self.stream.books.items()}


DEFAULT_SIDES = {
    "yes_dollars_fp": [["0.3900", "50.00"], ["0.4000", "100.00"]],
    "no_dollars_fp": [["0.4200", "10.00"], ["0.4500", "7.50"]],
}


def marks(step: Step) -> list[tuple[str, BookState]]:
    return [
        (body.market_id.split(":")[1], body.state)
        for body in step.bodies
        if isinstance(body, BookMarked)
    ]


def asked(step: Step) -> list[str]:
    """Return the tickers of get_snapshot commands."""
    found: list[str] = []
    for command in map(json.loads, step.sends):
        if command["params"].get("action") == "get_snapshot":
            assert command["params"]["sids"] == [SID]
            found += command["params"]["market_tickers"]
    return found

"""Both tokens' books of every market, with the hashes that the venue would send.

A YES bid at p is a NO ask at 1 - p. A hash covers the whole book, its time, tick and last
trade price; the time never runs backwards, whatever order happenings come in.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left, insort
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from shared.domain import units
from shared.domain.enums import BookSide, Outcome
from shared.domain.ids import MarketId
from shared.domain.instrument import Instrument
from shared.domain.units import MICROS
from shared.exchange.matching_core import BookView

Levels = list[dict[str, str]]

format_micros = lru_cache(maxsize=65_536)(units.format_micros)
"""The texts of the same prices and sizes are asked for several times in every change."""


@dataclass(slots=True)
class _Side:
    """One side of a book with every level's texts, made once when it changes."""

    prices: list[int] = field(default_factory=list)
    texts: dict[int, tuple[str, str]] = field(default_factory=dict)
    encoded: dict[int, str] = field(default_factory=dict)

    def put(self, price: int, qty: int) -> None:
        if qty == 0:
            if price in self.texts:
                del self.texts[price]
                del self.encoded[price]
                del self.prices[bisect_left(self.prices, price)]
            return
        if price not in self.texts:
            insort(self.prices, price)
        row = self.texts[price] = (format_micros(price), format_micros(qty))
        self.encoded[price] = f'{{"price":"{row[0]}","size":"{row[1]}"}}'

    def joined(self, *, descending: bool) -> str:
        """Return the levels as the inside of a JSON array."""
        order = reversed(self.prices) if descending else self.prices
        encoded = self.encoded
        return ",".join([encoded[price] for price in order])

    def rows(self, *, descending: bool) -> list[tuple[str, str]]:
        order = reversed(self.prices) if descending else self.prices
        return [self.texts[price] for price in order]


class TokenBook:
    """One token's book in its own terms."""

    def __init__(self, market: str, token: str, instrument: Instrument) -> None:
        self.market, self.token = market, token
        self.min_size = format_micros(instrument.min_qty)
        self.tick = format_micros(instrument.grid[0].step)
        self.neg_risk = instrument.neg_risk
        self.last_trade = ""
        self.ts_ms = 0
        self.bids, self.asks = _Side(), _Side()

    def best(self) -> tuple[str, str]:
        """Return (best bid, best ask); "0" and "1" where a side is empty."""
        bid = format_micros(self.bids.prices[-1]) if self.bids.prices else "0"
        ask = format_micros(self.asks.prices[0]) if self.asks.prices else "1"
        return bid, ask

    def hash(self) -> str:
        bids, asks = self.bids.joined(descending=False), self.asks.joined(descending=True)
        flag = "true" if self.neg_risk else "false"
        text = (
            f'{{"market":"{self.market}","asset_id":"{self.token}","timestamp":"{self.ts_ms}",'
            f'"hash":"","bids":[{bids}],"asks":[{asks}],"min_order_size":"{self.min_size}",'
            f'"tick_size":"{self.tick}","neg_risk":{flag},'
            f'"last_trade_price":"{self.last_trade}"}}'
        )
        return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    def levels(self) -> tuple[Levels, Levels]:
        """Return (bids ascending, asks descending) as the wire has them."""
        bids = [{"price": p, "size": s} for p, s in self.bids.rows(descending=False)]
        asks = [{"price": p, "size": s} for p, s in self.asks.rows(descending=True)]
        return bids, asks

    def rest_view(self) -> dict[str, Any]:
        """Return the body of ``GET /book``."""
        bids, asks = self.levels()
        return {
            "market": self.market,
            "asset_id": self.token,
            "timestamp": str(self.ts_ms),
            "hash": self.hash(),
            "bids": bids,
            "asks": asks,
            "min_order_size": self.min_size,
            "tick_size": self.tick,
            "neg_risk": self.neg_risk,
            "last_trade_price": self.last_trade,
        }

    def stream_view(self, *, is_initial: bool) -> dict[str, Any]:
        """Return a ``book`` event; tick and last trade are told in the initial one only."""
        bids, asks = self.levels()
        view: dict[str, Any] = {
            "market": self.market,
            "asset_id": self.token,
            "timestamp": str(self.ts_ms),
            "hash": self.hash(),
            "bids": bids,
            "asks": asks,
        }
        if is_initial:
            view["tick_size"] = self.tick
        view["event_type"] = "book"
        if is_initial:
            view["last_trade_price"] = self.last_trade
        return view


class MarketBooks:
    """The pair of mirrored books of one market."""

    def __init__(self, market: MarketId, instrument: Instrument, view: BookView) -> None:
        native = market.split(":", 1)[1]
        self.yes = TokenBook(native, instrument.yes_token, instrument)
        self.no = TokenBook(native, instrument.no_token, instrument)
        for side, levels in ((BookSide.BID, view.bids), (BookSide.ASK, view.asks)):
            for price, qty in levels:
                self._put(side, price, qty)
        self.touch(view.ts_ns)

    def of(self, outcome: Outcome) -> TokenBook:
        return self.yes if outcome is Outcome.YES else self.no

    def touch(self, ts_ns: int) -> None:
        ms = max(self.yes.ts_ms, ts_ns // 1_000_000)
        self.yes.ts_ms = self.no.ts_ms = ms

    def _put(self, side: BookSide, price: int, qty: int) -> None:
        assert 0 < price < MICROS and qty >= 0, (price, qty)
        if side is BookSide.BID:
            self.yes.bids.put(price, qty)
            self.no.asks.put(MICROS - price, qty)
        else:
            self.yes.asks.put(price, qty)
            self.no.bids.put(MICROS - price, qty)

    def put(self, side: BookSide, price: int, qty: int, ts_ns: int) -> None:
        """Set a level of both tokens."""
        self._put(side, price, qty)
        self.touch(ts_ns)

    def move(self, side: BookSide, price: int, qty: int, ts_ns: int) -> dict[str, Any]:
        """Set a level and return the ``price_change`` event of both tokens."""
        self.put(side, price, qty, ts_ns)
        is_bid = side is BookSide.BID
        return {
            "market": self.yes.market,
            "price_changes": [
                _change(self.yes, price, qty, "BUY" if is_bid else "SELL"),
                _change(self.no, MICROS - price, qty, "SELL" if is_bid else "BUY"),
            ],
            "timestamp": str(self.yes.ts_ms),
            "event_type": "price_change",
        }

    def change_tick(self, step: int) -> tuple[str, str]:
        """Use another tick from now on; return (old, new) as text."""
        old, new = self.yes.tick, format_micros(step)
        self.yes.tick = self.no.tick = new
        return old, new

    def traded(self, yes_price: int, ts_ns: int) -> None:
        self.yes.last_trade = format_micros(yes_price)
        self.no.last_trade = format_micros(MICROS - yes_price)
        self.touch(ts_ns)


def _change(book: TokenBook, price: int, qty: int, side: str) -> dict[str, str]:
    bid, ask = book.best()
    return {
        "asset_id": book.token,
        "price": format_micros(price),
        "size": format_micros(qty),
        "side": side,
        "hash": book.hash(),
        "best_bid": bid,
        "best_ask": ask,
    }

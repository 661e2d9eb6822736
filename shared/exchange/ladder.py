"""The resting orders of one market, in YES terms, in price-time priority.

Each level is a queue of entries, first come first served. The crowd (liquidity of the
simulated world, nobody's account) queues like everybody: what it adds stands behind what
is already there, what it withdraws leaves from the back.
Rule 1: a quantity is positive or the entry does not exist.
Rule 2: after every public call no bid is at or above an ask.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from shared.domain.enums import BookSide
from shared.domain.units import MICROS

CROWD: Final = ""
"""Order id of liquidity that belongs to no account."""


@dataclass(slots=True)
class Entry:
    order_id: str
    qty: int


def other(side: BookSide) -> BookSide:
    return BookSide.ASK if side is BookSide.BID else BookSide.BID


class Ladder:
    """Both sides of one book. Prices are YES micro-dollars, quantities micro-contracts."""

    def __init__(self) -> None:
        self._levels: dict[BookSide, dict[int, list[Entry]]] = {BookSide.BID: {}, BookSide.ASK: {}}
        # Ascending prices of each side; the best bid is the last, the best ask the first.
        self._prices: dict[BookSide, list[int]] = {BookSide.BID: [], BookSide.ASK: []}

    def best(self, side: BookSide) -> int | None:
        prices = self._prices[side]
        if not prices:
            return None
        return prices[-1] if side is BookSide.BID else prices[0]

    def total(self, side: BookSide, price: int) -> int:
        return sum(entry.qty for entry in self._levels[side].get(price, ()))

    def crowd_total(self, side: BookSide, price: int) -> int:
        entries = self._levels[side].get(price, ())
        return sum(entry.qty for entry in entries if entry.order_id == CROWD)

    def levels(self, side: BookSide) -> list[tuple[int, int]]:
        """Return (price, total) best first."""
        prices = self._prices[side]
        ordered = reversed(prices) if side is BookSide.BID else iter(prices)
        return [(price, self.total(side, price)) for price in ordered]

    def crosses(self, side: BookSide, limit: int) -> bool:
        """Say whether an order on ``side`` at ``limit`` would meet resting liquidity."""
        best = self.best(other(side))
        if best is None:
            return False
        return best <= limit if side is BookSide.BID else best >= limit

    def walk(self, taker_side: BookSide, limit: int) -> Iterator[tuple[int, Entry]]:
        """Yield (price, entry) in the order in which a taker meets them, best price first."""
        resting = other(taker_side)
        prices = self._prices[resting]
        ordered = list(prices) if taker_side is BookSide.BID else list(reversed(prices))
        for price in ordered:
            if (price > limit) if taker_side is BookSide.BID else (price < limit):
                return
            for entry in list(self._levels[resting].get(price, ())):
                yield price, entry

    def add(self, side: BookSide, price: int, order_id: str, qty: int) -> None:
        """Queue an entry behind everything at its price."""
        assert 0 < price < MICROS and qty > 0, (price, qty)
        assert not self.crosses(side, price), (side, price)
        entries = self._levels[side].get(price)
        if entries is None:
            self._levels[side][price] = [Entry(order_id, qty)]
            insort(self._prices[side], price)
        elif order_id == CROWD and entries[-1].order_id == CROWD:
            entries[-1].qty += qty
        else:
            entries.append(Entry(order_id, qty))

    def reduce(self, side: BookSide, price: int, order_id: str, qty: int) -> None:
        """Take ``qty`` from the oldest entries of ``order_id`` at a price."""
        assert qty > 0
        entries = self._levels[side][price]
        left = qty
        for entry in entries:
            if entry.order_id == order_id and left > 0:
                taken = min(entry.qty, left)
                entry.qty -= taken
                left -= taken
        assert left == 0, (side, price, order_id, qty, left)
        self._drop_empty(side, price)

    def set_crowd(self, side: BookSide, price: int, qty: int) -> int:
        """Make the crowd's quantity at a price ``qty`` in all; return the signed change.

        What leaves, leaves from the back: an account behind it moves up, one before it
        keeps its place.
        """
        assert qty >= 0 and 0 < price < MICROS, (price, qty)
        before = self.crowd_total(side, price)
        if qty > before:
            self.add(side, price, CROWD, qty - before)
        elif qty < before:
            left = before - qty
            for entry in reversed(self._levels[side][price]):
                if entry.order_id == CROWD and left > 0:
                    taken = min(entry.qty, left)
                    entry.qty -= taken
                    left -= taken
            assert left == 0
            self._drop_empty(side, price)
        return qty - before

    def remove(self, side: BookSide, price: int, order_id: str) -> int:
        """Remove every entry of an order at a price; return how much it was."""
        assert order_id != CROWD
        gone = sum(e.qty for e in self._levels[side].get(price, ()) if e.order_id == order_id)
        if gone:
            self.reduce(side, price, order_id, gone)
        return gone

    def _drop_empty(self, side: BookSide, price: int) -> None:
        entries = [entry for entry in self._levels[side][price] if entry.qty > 0]
        if entries:
            self._levels[side][price] = entries
            return
        del self._levels[side][price]
        prices = self._prices[side]
        del prices[bisect_left(prices, price)]

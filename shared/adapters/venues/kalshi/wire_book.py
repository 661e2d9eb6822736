"""One market's book as the websocket tells it: signed size changes on two ladders.

Pure. Prices are YES prices in micros, sizes contracts in micros. A change that would
make a size negative raises; nothing is clamped. Best prices are kept, so that the
crossed check costs nothing on a deep book.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from shared.domain.enums import BookSide, BookState
from shared.domain.errors import WireError
from shared.domain.events import Level
from shared.domain.units import MICROS, PriceMicros, QtyMicros, complement


class Comparison(StrEnum):
    """What a REST read says about a book."""

    EQUAL = "equal"
    DIFFERENT = "different"
    FLIPPED = "flipped"
    """The ask ladder is the other side's prices read as ours (F-008)."""


class WireBook:
    """Ladders of one market with their continuity state."""

    __slots__ = (
        "asked_ns",
        "asks",
        "best_ask",
        "best_bid",
        "bids",
        "changed_ns",
        "has_snapshot",
        "own",
        "published_ns",
        "reason",
        "state",
        "version",
    )

    def __init__(self) -> None:
        self.bids: dict[PriceMicros, QtyMicros] = {}
        self.asks: dict[PriceMicros, QtyMicros] = {}
        self.own: dict[tuple[BookSide, PriceMicros], int] = {}
        """Our own resting size in each level, as far as the stream has said."""
        self.best_bid: int = 0
        self.best_ask: int = MICROS
        self.state = BookState.STALE
        self.reason = "no snapshot yet"
        self.has_snapshot = False
        self.asked_ns: int | None = None
        """Monotonic time at which a snapshot was last asked for; None when not asked."""
        self.changed_ns = 0
        """Monotonic time of the last frame of this market that was applied."""
        self.published_ns = 0
        """Monotonic time at which it was last handed out whole."""
        self.version = 0
        """Grows with every frame of this market that was applied."""

    @property
    def is_crossed(self) -> bool:
        return bool(self.bids) and bool(self.asks) and self.best_bid >= self.best_ask

    def replace(self, bids: Iterable[Level], asks: Iterable[Level]) -> None:
        """Take a whole new book."""
        self.bids, self.asks = dict(bids), dict(asks)
        assert all(qty > 0 for qty in self.bids.values())
        assert all(qty > 0 for qty in self.asks.values())
        self.best_bid = max(self.bids, default=0)
        self.best_ask = min(self.asks, default=MICROS)
        self.has_snapshot = True
        self.version += 1

    def forget(self) -> None:
        """Drop the content: what follows needs a snapshot."""
        self.bids, self.asks = {}, {}
        self.best_bid, self.best_ask = 0, MICROS
        self.has_snapshot = False

    def change(self, side: BookSide, price: PriceMicros, delta: int) -> QtyMicros:
        """Add a signed size to one level and return its new absolute size (0 = gone).

        Raises:
            WireError: the level would become negative; the book is left as it was.
        """
        assert 0 < price < MICROS, price
        ladder = self.bids if side is BookSide.BID else self.asks
        size = ladder.get(price, 0) + delta
        if size < 0:
            raise WireError("negative_size", f"{side.value} {price} {delta}")
        self.version += 1
        if size > 0:
            ladder[price] = QtyMicros(size)
            if side is BookSide.BID:
                self.best_bid = max(self.best_bid, price)
            else:
                self.best_ask = min(self.best_ask, price)
            return QtyMicros(size)
        ladder.pop(price, None)
        if side is BookSide.BID and price == self.best_bid:
            self.best_bid = max(self.bids, default=0)
        elif side is BookSide.ASK and price == self.best_ask:
            self.best_ask = min(self.asks, default=MICROS)
        return QtyMicros(0)

    def note_own(self, side: BookSide, price: PriceMicros, delta: int) -> None:
        """Learn from a change that one of our orders caused.

        An order of ours that takes shrinks the level of others and changes nothing here.
        Should another's trade eat our order unsaid, the level is understated, never over.
        """
        left = max(0, self.own.get((side, price), 0) + delta)
        if left:
            self.own[(side, price)] = left
        else:
            self.own.pop((side, price), None)

    def of_others(self, side: BookSide, price: PriceMicros, size: int) -> QtyMicros:
        """Return the part of a level that is not our own."""
        return QtyMicros(max(0, size - self.own.get((side, price), 0)))

    def levels(self) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        """Return (bids best first, asks best first) without our own resting orders."""
        bids = ((p, self.of_others(BookSide.BID, p, q)) for p, q in self.bids.items())
        asks = ((p, self.of_others(BookSide.ASK, p, q)) for p, q in self.asks.items())
        return (
            tuple(sorted(((p, q) for p, q in bids if q), reverse=True)),
            tuple(sorted((p, q) for p, q in asks if q)),
        )

    def compare(self, bids: Iterable[Level], asks: Iterable[Level]) -> Comparison:
        """Compare with a book read elsewhere (YES terms).

        FLIPPED needs more levels that agree in mirrored than in plain reading.
        """
        other_asks = dict(asks)
        if dict(bids) == self.bids and other_asks == self.asks:
            return Comparison.EQUAL
        return Comparison.FLIPPED if self.likeness(asks) < 0 else Comparison.DIFFERENT

    def likeness(self, asks: Iterable[Level]) -> int:
        """Return how many ask levels agree as they are, minus how many agree mirrored."""
        levels = dict(asks)
        plain = sum(1 for price, qty in levels.items() if self.asks.get(price) == qty)
        mirrored = sum(
            1 for price, qty in levels.items() if self.asks.get(complement(price)) == qty
        )
        return plain - mirrored

"""One market's book as the last whole frame told it, with its continuity."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.domain.enums import BookState
from shared.domain.events import Level
from shared.domain.units import PriceMicros, QtyMicros


@dataclass(slots=True)
class WireBook:
    """Levels in YES terms. Times are monotonic but ``venue_ts_ns``."""

    bids: dict[PriceMicros, QtyMicros] = field(default_factory=dict)
    asks: dict[PriceMicros, QtyMicros] = field(default_factory=dict)
    state: BookState = BookState.STALE
    reason: str = "no book yet"
    has_book: bool = False
    venue_ts_ns: int = 0
    version: int = 0
    changed_ns: int = 0
    """When a frame of this market last arrived."""
    asked_ns: int | None = None
    """When a book was last asked for; None when nothing is awaited."""
    doubts: int = 0
    """REST reads in a row that showed another book."""

    def is_same(self, bids: tuple[Level, ...], asks: tuple[Level, ...]) -> bool:
        return self.bids == dict(bids) and self.asks == dict(asks)

    def take(self, bids: tuple[Level, ...], asks: tuple[Level, ...], ts_ns: int) -> None:
        self.bids, self.asks = dict(bids), dict(asks)
        self.venue_ts_ns = ts_ns
        self.has_book = True
        self.version += 1


def is_crossed(bids: tuple[Level, ...], asks: tuple[Level, ...]) -> bool:
    """Say whether the best bid is at or above the best ask (F-009)."""
    if not bids or not asks:
        return False
    return max(price for price, _ in bids) >= min(price for price, _ in asks)

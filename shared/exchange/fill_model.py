"""What an order meets when it arrives: the book of that moment, less what we already took.

The model. An order sent at t reaches the venue at t + outbound latency (seeded from the
attempt, so a replay draws the same) and walks the book *seen then*, level by level, at
the level's own prices. Liquidity that we took is away for ``recovery_ns``: in the real
book nobody knows that we were there, so without this one stale level could be hit twice.
What the model cannot know: hidden queue changes between our feed and the venue, other
takers in the same millisecond, and how makers would have answered us.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.domain.enums import BookSide
from shared.domain.ids import MarketId
from shared.domain.units import NS_PER_MS, NS_PER_S
from shared.exchange.seeded import draw_between, stream_key


@dataclass(frozen=True, slots=True)
class LatencySettings:
    """One-way times in nanoseconds: to the venue (its engine included) and back."""

    outbound_min_ns: int = 12 * NS_PER_MS
    outbound_max_ns: int = 45 * NS_PER_MS
    inbound_min_ns: int = 5 * NS_PER_MS
    inbound_max_ns: int = 15 * NS_PER_MS

    def draw(self, seed: int, name: str) -> tuple[int, int]:
        """Return (outbound, inbound) of one named request."""
        key = stream_key(seed, f"latency/{name}")
        out = draw_between(key, 0, self.outbound_min_ns, self.outbound_max_ns)
        back = draw_between(key, 1, self.inbound_min_ns, self.inbound_max_ns)
        assert out >= 0 and back >= 0
        return out, back


@dataclass(slots=True)
class Depletion:
    """Quantities that we took from levels of a book that does not know it."""

    recovery_ns: int = 5 * NS_PER_S
    _taken: dict[tuple[MarketId, BookSide, int], list[tuple[int, int]]] = field(
        default_factory=dict
    )

    def take(self, market: MarketId, side: BookSide, yes_price: int, qty: int, now_ns: int) -> None:
        assert qty > 0 and self.recovery_ns > 0
        self._taken.setdefault((market, side, yes_price), []).append((now_ns, qty))

    def missing(self, market: MarketId, side: BookSide, yes_price: int, now_ns: int) -> int:
        """Return how much of a level is still gone: all of it until its recovery is over."""
        key = (market, side, yes_price)
        entries = [
            (at, qty) for at, qty in self._taken.get(key, ()) if now_ns - at < self.recovery_ns
        ]
        if not entries:
            self._taken.pop(key, None)
            return 0
        self._taken[key] = entries
        return sum(qty for _, qty in entries)

    def remaining(
        self, market: MarketId, side: BookSide, levels: Mapping[int, int], now_ns: int
    ) -> dict[int, int]:
        """Return the levels with what is still gone taken off; empty ones vanish."""
        left = {
            price: qty - self.missing(market, side, price, now_ns) for price, qty in levels.items()
        }
        return {price: qty for price, qty in left.items() if qty > 0}

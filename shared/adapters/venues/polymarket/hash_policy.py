"""How often a book is held against the venue's hash.

Ordinarily after every change. Hashing costs in proportion to the depth of the book, so a
burst over many deep books would cost more than there is time: then the hash of a market
may wait, at most 100 ms, and never beyond a submit. What is waited for is the newest claim
only, since the hash covers the whole book after the change that carries it.
"""

from __future__ import annotations

from typing import Final

from shared.domain.units import NS_PER_MS, NS_PER_S

WAIT_MAX_NS: Final = 100 * NS_PER_MS
"""Longest time that changes of one market go unverified."""
LEVELS_PER_S: Final = 1_500_000
"""Levels hashed a second before it counts as pressure: about a quarter of a core."""
BURST_LEVELS: Final = LEVELS_PER_S // 10
CANDIDATES_MAX: Final = 64
"""Prices remembered while waiting, any of which may have become the last trade price."""


class HashBudget:
    """Levels that may still be hashed now; refilled with time, in debt after forced work."""

    def __init__(self, levels_per_s: int = LEVELS_PER_S, burst: int = BURST_LEVELS) -> None:
        assert levels_per_s > 0 and burst > 0
        self._rate, self._burst = levels_per_s, burst
        self._left = burst
        self._at_ns = 0

    def spend(self, levels: int, mono_ns: int) -> None:
        """Take the cost of one hash, whether or not it is there."""
        self._refill(mono_ns)
        self._left -= levels

    def is_pressed(self, mono_ns: int) -> bool:
        """Say whether the budget is used up."""
        self._refill(mono_ns)
        return self._left <= 0

    def _refill(self, mono_ns: int) -> None:
        passed = max(0, mono_ns - self._at_ns)
        self._at_ns = max(self._at_ns, mono_ns)
        self._left = min(self._burst, self._left + passed * self._rate // NS_PER_S)

"""Token buckets as the venues meter requests; pure, the time is always passed in.

Tokens refill continuously. Amounts are exact integers: one token is ``NS_PER_S * per_s``
units, so that "50 in 10 seconds" needs no fraction. Times are monotonic nanoseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from shared.domain.units import NS_PER_S

RESERVE_DIVISOR: Final = 5
"""A fifth of every bucket stays for hedges, unwinds and cancels (F-024, I-23)."""
STRIKES_MAX: Final = 6
"""Backoff doubles with each refusal in a row up to 64 times the ordinary wait."""


class TokenBucket:
    """``refill`` tokens every ``per_s`` seconds, at most ``capacity`` at once."""

    def __init__(self, refill: int, capacity: int, now_ns: int, *, per_s: int = 1) -> None:
        assert refill > 0 and capacity > 0 and per_s > 0
        self._refill, self._capacity, self._per_s = refill, capacity, per_s
        self._level = capacity * self._unit
        self._at_ns = now_ns
        self._strikes = 0

    @property
    def _unit(self) -> int:
        return NS_PER_S * self._per_s

    @property
    def reserve(self) -> int:
        """Tokens that openings must leave, rounded up."""
        return -(-self._capacity // RESERVE_DIVISOR)

    @property
    def capacity(self) -> int:
        return self._capacity

    def _advance(self, now_ns: int) -> None:
        passed = max(0, now_ns - self._at_ns)
        self._level = min(self._capacity * self._unit, self._level + passed * self._refill)
        self._at_ns = max(self._at_ns, now_ns)

    def level(self, now_ns: int) -> int:
        """Return whole tokens that are there, rounded down; below zero while backing off."""
        self._advance(now_ns)
        return self._level // self._unit

    def has(self, cost: int, now_ns: int, *, leave: int = 0) -> bool:
        self._advance(now_ns)
        return self._level >= (cost + leave) * self._unit

    def take(self, cost: int, now_ns: int, *, leave: int = 0) -> bool:
        """Take ``cost`` tokens if ``leave`` remain afterwards; never goes below zero."""
        assert cost >= 0 and leave >= 0, (cost, leave)
        if not self.has(cost, now_ns, leave=leave):
            return False
        self._level -= cost * self._unit
        assert self._level >= leave * self._unit
        return True

    def wait_ns(self, cost: int, now_ns: int) -> int:
        """Return how long until ``cost`` tokens are there (0 = now), rounded up."""
        self._advance(now_ns)
        missing = cost * self._unit - self._level
        return 0 if missing <= 0 else -(-missing // self._refill)

    def refused(self, cost: int, now_ns: int, *, jitter_ppm: int = 0) -> None:
        """The venue said 429: its bucket is emptier than ours, so ours is emptied.

        The next ``cost`` tokens are there after cost/refill, doubled for each refusal in a
        row, plus up to ``jitter_ppm`` millionths of that (drawn by the caller).
        """
        assert cost > 0 and 0 <= jitter_ppm <= 1_000_000
        self._advance(now_ns)
        wait = cost << self._strikes
        debt = (wait - cost) * self._unit + wait * self._unit * jitter_ppm // 1_000_000
        self._level = min(self._level, -debt)
        self._strikes = min(self._strikes + 1, STRIKES_MAX)

    def accepted(self) -> None:
        """The venue took a request: the next refusal starts from the shortest wait."""
        self._strikes = 0

    def change_rate(self, refill: int, capacity: int, now_ns: int) -> None:
        """Adopt the figures that the venue states for us; a fuller level is cut off."""
        assert refill > 0 and capacity > 0
        self._advance(now_ns)
        self._refill, self._capacity = refill, capacity
        self._level = min(self._level, capacity * self._unit)


def window_bucket(limit: int, window_s: int, now_ns: int) -> TokenBucket:
    """Return a bucket that can never exceed ``limit`` requests in any window.

    A bucket lets through at most capacity + window x refill in one window; half of the
    limit is given to each, so that a burst is possible and the sum is the limit.
    """
    assert limit >= 2 and window_s > 0
    half = limit // 2
    return TokenBucket(half, limit - half, now_ns, per_s=window_s)


def take_all(
    buckets: Sequence[TokenBucket], cost: int, now_ns: int, *, is_reserved: bool = False
) -> bool:
    """Take ``cost`` from every bucket or from none; ``is_reserved`` leaves each its fifth."""
    leaves = [bucket.reserve if is_reserved else 0 for bucket in buckets]
    if not all(b.has(cost, now_ns, leave=keep) for b, keep in zip(buckets, leaves, strict=True)):
        return False
    for bucket in buckets:
        taken = bucket.take(cost, now_ns)
        assert taken, "the tokens were there a moment ago"
    return True


def wait_all_ns(buckets: Sequence[TokenBucket], cost: int, now_ns: int) -> int:
    """Return how long until every bucket has ``cost`` tokens."""
    return max((bucket.wait_ns(cost, now_ns) for bucket in buckets), default=0)

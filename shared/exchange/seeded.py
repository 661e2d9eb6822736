"""Repeatable randomness without state: a hash of (seed, words) where others keep a generator.

Rule: a draw is a pure function of its arguments, so the same (seed, name, index) gives
the same value in every process, in any order of asking, before and after a restart.
Source: SplitMix64 finaliser (Steele, Lea, Flood 2014) over a BLAKE2b key of the name.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Final

_MASK: Final = (1 << 64) - 1
_GOLDEN: Final = 0x9E3779B97F4A7C15


@lru_cache(maxsize=65_536)
def stream_key(seed: int, name: str) -> int:
    """Return the 64-bit key of a named stream of draws."""
    digest = hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big")


def draw(key: int, index: int) -> int:
    """Return the ``index``-th 64-bit value of a stream; any integer index is fine."""
    z = (key + (index + 1) * _GOLDEN) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


def draw_below(key: int, index: int, bound: int) -> int:
    """Return a value in ``[0, bound)``; the modulo bias is below 2**-32 for our bounds."""
    assert 0 < bound <= 1 << 32, bound
    return draw(key, index) % bound


def draw_between(key: int, index: int, low: int, high: int) -> int:
    """Return a value in ``[low, high]``."""
    assert low <= high, (low, high)
    return low + draw(key, index) % (high - low + 1)


def draw_hit(key: int, index: int, ppm: int) -> bool:
    """Return True with a chance of ``ppm`` in a million."""
    assert 0 <= ppm <= 1_000_000, ppm
    return draw(key, index) % 1_000_000 < ppm

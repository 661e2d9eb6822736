"""Round trips and clock offsets of a venue, measured with plain reads."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from shared.domain.units import NS_PER_S
from shared.ports.clock import Clock

READINGS: Final = 7
OFFSET_MAX_NS: Final = NS_PER_S
"""A clock further off than this risks refused signatures (and F-094 halts)."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Median round trip and the smallest clock offset that all readings allow, nanoseconds."""

    round_trip_ns: int
    offset_ns: int


async def measure(read_second: Callable[[], Awaitable[int]], clock: Clock) -> Measured:
    """Read the venue's unix second a few times.

    A reading ``v`` between ``sent`` and ``received`` proves only that the offset (venue
    minus ours) is at least ``v - received`` and below ``v + 1 s - sent``.

    Raises:
        StoreError, WireError: from the reading.
    """
    trips, low, high = [], -(1 << 62), 1 << 62
    for _ in range(READINGS):
        sent, start = clock.wall_ns(), clock.mono_ns()
        second = await read_second()
        trips.append(clock.mono_ns() - start)
        low = max(low, second * NS_PER_S - clock.wall_ns())
        high = min(high, (second + 1) * NS_PER_S - sent)
    trips.sort()
    assert trips[0] >= 0, trips
    if low > high:
        # Our own clock moved while we read: the middle is as good as anything.
        return Measured(trips[READINGS // 2], (low + high) // 2)
    return Measured(trips[READINGS // 2], min(max(0, low), high))

"""How far the venue's clock is from ours and how late its frames arrive.

``GET /time`` answers in whole seconds: a reading ``v`` taken between our ``sent`` and
``received`` proves only ``v - received <= offset < v + 1 s - sent``. Several readings
narrow that interval; the offset reported is the value inside it nearest to zero, so that
a clock is called wrong only when it is proven wrong.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from shared.domain.units import NS_PER_S

SPAN_NS: Final = 60 * NS_PER_S


class ClockOffset:
    """Venue clock minus ours, in nanoseconds, over the readings of the last minute."""

    def __init__(self) -> None:
        self._bounds: deque[tuple[int, int, int]] = deque(maxlen=64)

    def saw(self, venue_s: int, sent_wall_ns: int, received_wall_ns: int, mono_ns: int) -> None:
        """Take one reading; a reading during which our own clock stepped back is dropped."""
        if received_wall_ns < sent_wall_ns:
            return
        low = venue_s * NS_PER_S - received_wall_ns
        high = (venue_s + 1) * NS_PER_S - sent_wall_ns
        assert low < high, (low, high)
        self._bounds.append((mono_ns, low, high))

    def value_ns(self, mono_ns: int) -> int | None:
        """Return the offset, or None without a reading in the last minute."""
        while self._bounds and mono_ns - self._bounds[0][0] > SPAN_NS:
            self._bounds.popleft()
        if not self._bounds:
            return None
        low = max(bound[1] for bound in self._bounds)
        high = min(bound[2] for bound in self._bounds)
        if low > high:
            # The clock moved within the minute: only the newest reading still holds.
            _, low, high = self._bounds[-1]
        return min(max(0, low), high)

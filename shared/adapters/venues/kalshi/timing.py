"""How late the feed is and how far the venue's clock is from ours, from its own stamps.

A frame stamped ``s`` by the venue and received at ``r`` by us gives ``s - r`` = clock
offset minus the time under way. The largest of these over half a minute belongs to the
fastest frame; half of the shortest ping round trip is about its time under way.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from shared.domain.units import NS_PER_S

_SPAN_NS: Final = 30 * NS_PER_S


class ClockWatch:
    """All times in nanoseconds; ``mono`` for windows, ``wall`` for comparisons."""

    def __init__(self) -> None:
        self._leads: deque[tuple[int, int]] = deque()  # (mono, s - r), best first
        self._trips: deque[tuple[int, int]] = deque()  # (mono, round trip), shortest first
        self._last_lead: tuple[int, int] | None = None

    def saw_stamp(self, venue_ns: int, wall_ns: int, mono_ns: int) -> None:
        """Take one frame's venue stamp and our receive time."""
        lead = venue_ns - wall_ns
        self._last_lead = (mono_ns, lead)
        while self._leads and self._leads[-1][1] <= lead:
            self._leads.pop()
        self._leads.append((mono_ns, lead))

    def saw_round_trip(self, trip_ns: int, mono_ns: int) -> None:
        """Take one ping's round-trip time."""
        assert trip_ns >= 0, trip_ns
        while self._trips and self._trips[-1][1] >= trip_ns:
            self._trips.pop()
        self._trips.append((mono_ns, trip_ns))

    def clock_offset_ns(self, mono_ns: int) -> int | None:
        """Return the venue's clock minus ours, or None without stamps in the window."""
        _expire(self._leads, mono_ns)
        _expire(self._trips, mono_ns)
        if not self._leads:
            return None
        under_way = self._trips[0][1] // 2 if self._trips else 0
        return self._leads[0][1] + under_way

    def latency_ns(self, mono_ns: int) -> int | None:
        """Return the age of the newest stamp at its receipt, corrected for the offset."""
        offset = self.clock_offset_ns(mono_ns)
        if offset is None or self._last_lead is None or mono_ns - self._last_lead[0] > _SPAN_NS:
            return None
        return max(0, offset - self._last_lead[1])


def _expire(window: deque[tuple[int, int]], mono_ns: int) -> None:
    while window and mono_ns - window[0][0] > _SPAN_NS:
        window.popleft()

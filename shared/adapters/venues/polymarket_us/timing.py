"""Which of the venue's stamps may judge its clock and the age of its feed.

``transactTime`` says when the book last changed, not when the frame was sent: the first
frame of a quiet market may carry a stamp that is hours old. Only a stamp that moved since
the former frame of the same market, in the same life of the connection, is a change that
was just told.
"""

from __future__ import annotations

from shared.adapters.venues.kalshi.timing import ClockWatch


class StampFilter:
    """Feeds a ``ClockWatch`` with the stamps that mean something."""

    def __init__(self) -> None:
        self.watch = ClockWatch()
        self._last: dict[str, int] = {}

    def forget(self) -> None:
        """A new connection begins: its first frames are snapshots."""
        self._last.clear()

    def saw(self, slug: str, venue_ns: int, wall_ns: int, mono_ns: int) -> bool:
        """Take a frame's stamp; returns whether it was counted."""
        former = self._last.get(slug)
        self._last[slug] = max(venue_ns, former or 0)
        if former is None or venue_ns <= former or venue_ns <= 0:
            return False
        self.watch.saw_stamp(venue_ns, wall_ns, mono_ns)
        return True

"""The one door into the kernel: stamps every body once and queues it.

Rule 1: a body gets (seq, mono_ns, wall_ns) here and nowhere else; the order of the queue
is the truth, and ``seq`` never goes back.
Rule 2: while the queue is full, level changes of one (market, side, price) collapse to
the last value, a whole book replaces the changes before it, and a repeated freshness
proof or heartbeat is dropped while an older one still waits.
Rule 3: order, account and control bodies are never dropped, merged or reordered (I-29).

A collapsed entry keeps the place and the stamp of its first change: the kernel sees the
newer value under the older time, which can only make a book look staler than it is. A
mark (gap, staleness, synced again) closes the entry of its market, so nothing ever moves
to the other side of a mark. At most one open entry a market bounds the memory.
Twin: tests/property/test_ingress_collapse.py
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from shared.domain.enums import BookSide, Venue
from shared.domain.events import (
    BookChanged,
    BookMarked,
    BookProved,
    BookReplaced,
    Event,
    EventBody,
    FeedStatus,
    LevelChanged,
    Stamp,
)
from shared.domain.ids import MarketId
from shared.domain.units import PriceMicros, QtyMicros
from shared.ports.clock import Clock


@dataclass(slots=True)
class _Collapsed:
    """What one market's book became while the queue was full."""

    stamp: Stamp
    market_id: MarketId
    venue_ts_ns: int
    base: BookReplaced | None = None
    levels: dict[tuple[BookSide, PriceMicros], QtyMicros] = field(default_factory=dict)

    def replace(self, body: BookReplaced) -> int:
        """Forget what came before a whole book; returns how many values that were."""
        replaced = len(self.levels) + (self.base is not None)
        self.base, self.venue_ts_ns = body, body.venue_ts_ns
        self.levels.clear()
        return replaced

    def merge(self, body: BookChanged) -> int:
        """Take level changes in; returns how many older values they replaced."""
        replaced = 0
        for change in body.changes:
            key = (change.side, change.price)
            replaced += key in self.levels
            self.levels[key] = change.qty
        self.venue_ts_ns = body.venue_ts_ns
        return replaced

    def to_event(self) -> Event:
        if self.base is None:
            changes = tuple(LevelChanged(s, p, q) for (s, p), q in self.levels.items())
            return Event(self.stamp, BookChanged(self.market_id, changes, self.venue_ts_ns))
        bids, asks = dict(self.base.bids), dict(self.base.asks)
        for (side, price), qty in self.levels.items():
            ladder = bids if side is BookSide.BID else asks
            if qty > 0:
                ladder[price] = qty
            else:
                ladder.pop(price, None)
        body = BookReplaced(
            self.market_id, tuple(bids.items()), tuple(asks.items()), self.venue_ts_ns
        )
        return Event(self.stamp, body)


class Ingress:
    """A bounded queue of stamped events with one consumer.

    ``wake`` is called when an event is put; it must not block. ``put`` is the ``Sink`` of
    every adapter: it never blocks and never raises.
    """

    def __init__(self, clock: Clock, capacity: int, wake: Callable[[], None] | None = None) -> None:
        assert capacity > 0, capacity
        self._clock = clock
        self._capacity = capacity
        self._wake = wake
        self._queue: deque[Event | _Collapsed] = deque()
        self._open: dict[MarketId, _Collapsed] = {}
        self._proved: set[MarketId] = set()
        self._feeds: set[Venue] = set()
        self._seq = 0
        self.collapsed_count = 0
        self.depth_max = 0

    def set_wake(self, wake: Callable[[], None]) -> None:
        self._wake = wake

    def start_after(self, seq: int) -> None:
        """Continue numbering after ``seq`` (a checkpoint); numbers never go back (I-26)."""
        assert seq >= self._seq, (seq, self._seq)
        self._seq = seq

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def seq(self) -> int:
        return self._seq

    def put(self, body: EventBody) -> None:
        """Stamp and queue one body; collapses market data when the queue is full."""
        if len(self._queue) >= self._capacity and self._collapse(body):
            return
        stamp = self._next_stamp()
        if isinstance(body, BookReplaced | BookMarked):
            # A barrier: later changes of this market must stay behind it.
            self._open.pop(body.market_id, None)
            self._proved.discard(body.market_id)
        elif isinstance(body, FeedStatus) and not body.is_connected:
            self._feeds.discard(body.venue)
        self._queue.append(Event(stamp, body))
        self.depth_max = max(self.depth_max, len(self._queue))
        if self._wake is not None:
            self._wake()

    def take(self) -> Event | None:
        """Return the next event, or None when the queue is empty."""
        if not self._queue:
            self._proved.clear()
            self._feeds.clear()
            return None
        entry = self._queue.popleft()
        if isinstance(entry, _Collapsed):
            if self._open.get(entry.market_id) is entry:
                del self._open[entry.market_id]
            return entry.to_event()
        return entry

    def oldest_age_ns(self) -> int:
        """Return how long the next event has waited (0 when nothing waits)."""
        if not self._queue:
            return 0
        return max(0, self._clock.mono_ns() - self._queue[0].stamp.mono_ns)

    def _collapse(self, body: EventBody) -> bool:
        """Merge market data into what waits already; False when it must be queued."""
        if isinstance(body, BookChanged | BookReplaced):
            entry = self._open.get(body.market_id)
            if entry is None:
                entry = _Collapsed(self._next_stamp(), body.market_id, body.venue_ts_ns)
                self._open[body.market_id] = entry
                self._queue.append(entry)
                self.depth_max = max(self.depth_max, len(self._queue))
                if self._wake is not None:
                    self._wake()
            merged = entry.replace(body) if isinstance(body, BookReplaced) else entry.merge(body)
            self.collapsed_count += merged
            return True
        # A proof or a heartbeat says "as of now"; dropping a repeat while an older one
        # still waits makes a book look staler, never fresher.
        if isinstance(body, BookProved):
            if body.market_id in self._proved:
                self.collapsed_count += 1
                return True
            self._proved.add(body.market_id)
        elif isinstance(body, FeedStatus) and body.is_connected:
            if body.venue in self._feeds:
                self.collapsed_count += 1
                return True
            self._feeds.add(body.venue)
        return False

    def _next_stamp(self) -> Stamp:
        self._seq += 1
        return Stamp(self._seq, self._clock.mono_ns(), self._clock.wall_ns())

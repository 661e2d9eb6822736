"""What leaves one websocket, through the faults in force: lost, doubled, late, spoilt.

One ``FramePipe`` for each connection. Control frames (acknowledgements, PONG) pass as they
are; a partition alone stops those as well, and ends the connection when it is over, as a
long silence ends a TCP connection.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from shared.domain.enums import Venue
from shared.exchange.fault_plan import FaultWindow
from shared.simulators.fault_requests import LETTERS
from shared.simulators.world import World

KEPT: Final = 16
"""Frames of a connection that a later one may get again."""
GARBAGE: Final = {
    "cut": b'{"type":"orderbook_delta","event_type":"price_change","msg":{"market_',
    "deep": b"[" * 2_000,
    "nan": b'{"type":"orderbook_delta","event_type":"book","price":NaN,"timestamp":1e999}',
    "binary": bytes(range(1, 32)) * 4,
    "enum": b'{"type":"a_word_of_next_year","event_type":"a_word_of_next_year","sid":1}',
}


class Generations:
    """The last frames of earlier connections of a server (F-003)."""

    def __init__(self) -> None:
        self.frames: deque[bytes] = deque(maxlen=KEPT)


class FramePipe:
    """Passes frames of one connection to ``put``; ``abort`` cuts it."""

    def __init__(
        self,
        world: World,
        venue: Venue,
        generations: Generations,
        put: Callable[[bytes], None],
        abort: Callable[[], None],
    ) -> None:
        self._world, self._faults = world, world.faults
        self._letter = LETTERS[venue]
        self._venue = venue.value
        self._generations = generations
        self._put, self._abort = put, abort
        self._held: bytes | None = None
        self._is_new = True
        self._was_parted = False
        self._losing = 0

    def control(self, frame: bytes) -> None:
        """Pass an acknowledgement or a PONG."""
        if self._faults.is_on and self._is_parted():
            return
        self._greet()
        self._put(frame)

    def _greet(self) -> None:
        """Before anything else a new connection may get frames of an old one."""
        is_new, self._is_new = self._is_new, False
        if not is_new or not self._faults.is_on:
            return
        window = self._faults.hit("ws.replay_old_generation", self._world.now_ns(), self._venue)
        if window is not None:
            for late in list(self._generations.frames)[-max(1, window.size) :]:
                self._put(late)

    def data(self, frame: bytes, names: Sequence[str] = (), *, is_private: bool = False) -> None:
        """Pass one data frame; ``names`` are what a window may narrow itself to."""
        if not self._faults.is_on:
            self._release()
            self._put(frame)
            return
        names = (*names, self._venue)
        if self._is_parted() or self._is_lost(names, is_private=is_private):
            return
        self._greet()
        now_ns, faults = self._world.now_ns(), self._faults
        if window := faults.hit("ws.garbage", now_ns, *names):
            self._put(GARBAGE[window.shape])
        if self._held is None and faults.fires("ws.reorder", now_ns, *names):
            self._held = frame
            return
        key = f"{self._letter}.user.dup" if is_private else "ws.dup"
        self._put(frame)
        self._generations.frames.append(frame)
        self._release()
        if faults.fires(key, now_ns, *names):
            self._put(frame)

    def _release(self) -> None:
        """Send a frame that was held back, after its successor."""
        if self._held is not None:
            held, self._held = self._held, None
            self._put(held)

    def _is_lost(self, names: Sequence[str], *, is_private: bool) -> bool:
        now_ns, letter = self._world.now_ns(), self._letter
        frozen = self._faults.open_window(f"{letter}.ws.freeze", now_ns)
        if frozen is not None and (not frozen.only or frozen.only in names):
            return self._faults.fires(f"{letter}.ws.freeze", now_ns, *names)
        if self._losing > 0 and not is_private:
            self._losing -= 1
            return True
        if is_private:
            return self._faults.fires(f"{letter}.user.drop", now_ns, *names)
        if window := self._faults.hit(f"{letter}.ws.drop", now_ns, *names):
            self._losing = max(0, window.size - 1)
            return True
        return False

    def is_parted(self) -> bool:
        """Say whether nothing passes in one direction at least."""
        return self._partition() is not None

    def is_deaf(self) -> bool:
        """Say whether what the client sends does not arrive."""
        window = self._partition()
        return window is not None and window.shape in ("both", "out")

    def _partition(self) -> FaultWindow | None:
        """Return the partition of this venue that is under way."""
        window = self._faults.open_window("partition", self._world.now_ns())
        return window if window is not None and window.only in ("", self._venue) else None

    def _is_parted(self) -> bool:
        window = self._partition()
        if window is None:
            if self._was_parted:
                self._abort()
            return self._was_parted
        if window.shape not in ("both", "in"):
            return False
        self._was_parted = True
        return self._faults.fires("partition", self._world.now_ns(), self._venue)

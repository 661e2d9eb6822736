"""Timers of the kernel: named, replaceable, on the monotonic clock.

The event loop's own timers may fire a little early (uvloop rounds to milliseconds), and a
timer that reaches the kernel before its deadline would be ignored there and lost. So each
firing is checked against the monotonic clock and re-armed for the rest (F-069).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from shared.domain.events import EventBody, TimerFired
from shared.domain.units import NS_PER_S
from shared.ports.clock import Clock


class Timers:
    """Delivers ``TimerFired(timer_id)`` to ``sink`` at or after its due time, once."""

    def __init__(self, clock: Clock, sink: Callable[[EventBody], None]) -> None:
        self._clock = clock
        self._sink = sink
        self._armed: dict[str, tuple[int, asyncio.TimerHandle]] = {}

    def __len__(self) -> int:
        return len(self._armed)

    def arm(self, timer_id: str, due_mono_ns: int) -> None:
        """Arm or replace a timer; a due time in the past fires in the next loop turn."""
        self.drop(timer_id)
        delay = max(0, due_mono_ns - self._clock.mono_ns())
        handle = asyncio.get_running_loop().call_later(delay / NS_PER_S, self._fire, timer_id)
        self._armed[timer_id] = (due_mono_ns, handle)

    def drop(self, timer_id: str) -> None:
        armed = self._armed.pop(timer_id, None)
        if armed is not None:
            armed[1].cancel()

    def drop_all(self) -> None:
        for timer_id in list(self._armed):
            self.drop(timer_id)

    def _fire(self, timer_id: str) -> None:
        due, _ = self._armed.pop(timer_id)
        if self._clock.mono_ns() < due:
            self.arm(timer_id, due)
            return
        self._sink(TimerFired(timer_id))

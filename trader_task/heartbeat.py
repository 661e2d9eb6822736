"""A heartbeat along the road that alerts take (F-088).

An alert path that died is found out by the heartbeats it did not take, not by the alert
that nobody read. The bus is the first mile of every alert; what stands behind it
acknowledges on its own.
Twin: tests/unit/trader_task/test_heartbeat.py
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from shared.domain.enums import HaltReason
from shared.domain.events import EventBody, Halt, HaltTaken, Stamp
from shared.ports.clock import Clock
from trader_task.decisions import Decisions

BEAT_S: Final = 60.0
MISSED_MAX: Final = 3


class Heartbeat:
    """Sends one beat a turn; the third that was not taken pauses trading."""

    def __init__(
        self,
        decisions: Decisions,
        clock: Clock,
        seq: Callable[[], int],
        sink: Callable[[EventBody], None],
    ) -> None:
        self._decisions = decisions
        self._clock = clock
        self._seq = seq
        self._sink = sink

    async def beat(self) -> None:
        wall = self._clock.wall_ns()
        missed = self._decisions.beat(Stamp(self._seq(), self._clock.mono_ns(), wall))
        if missed < MISSED_MAX:
            return
        note = f"{missed} heartbeats were not taken: nobody would hear an alert"
        self._sink(HaltTaken(Halt("global", HaltReason.ALERT_PATH, "trader", wall, note=note)))

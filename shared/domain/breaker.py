"""Circuit breaker with hysteresis: trips on an error rate, half-opens with one small package."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from shared.domain.fsm import StateSpec, Table
from shared.domain.units import NS_PER_S

WINDOW: Final = 20
"""Outcomes judged; FAULTS section 7: an error rate of 5 % of 20 opens the breaker."""
TRIP_ERRORS: Final = 2
"""More than one error in the window: one in twenty is the 5 % that is still allowed."""
REST_NS: Final = 60 * NS_PER_S


class BreakerState(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class BreakerEvent(StrEnum):
    OK = "ok"
    TRIP = "trip"
    TIMER = "timer"


def _row(
    moves: dict[BreakerEvent, BreakerState], kept: frozenset[BreakerEvent]
) -> StateSpec[BreakerState, BreakerEvent]:
    return StateSpec("breaker", REST_NS, moves, kept)


BREAKER_TABLE: Final[Table[BreakerState, BreakerEvent]] = Table(
    "breaker",
    {
        BreakerState.CLOSED: _row(
            {BreakerEvent.TRIP: BreakerState.OPEN}, frozenset({BreakerEvent.OK, BreakerEvent.TIMER})
        ),
        BreakerState.OPEN: _row(
            {BreakerEvent.TIMER: BreakerState.HALF_OPEN},
            frozenset({BreakerEvent.OK, BreakerEvent.TRIP}),
        ),
        BreakerState.HALF_OPEN: _row(
            {BreakerEvent.OK: BreakerState.CLOSED, BreakerEvent.TRIP: BreakerState.OPEN},
            frozenset({BreakerEvent.TIMER}),
        ),
    },
)


@dataclass(slots=True)
class Breaker:
    """Counts answers of one venue's order path; ``now_ns`` is monotonic."""

    state: BreakerState = BreakerState.CLOSED
    opened_ns: int = 0
    _recent: deque[bool] = field(default_factory=lambda: deque(maxlen=WINDOW))

    def record(self, *, ok: bool, now_ns: int) -> None:
        self._recent.append(ok)
        errors = sum(1 for good in self._recent if not good)
        tripped = not ok and (errors >= TRIP_ERRORS or self.state is BreakerState.HALF_OPEN)
        event = BreakerEvent.TRIP if tripped else BreakerEvent.OK
        if not ok and not tripped:
            return
        before, self.state = self.state, BREAKER_TABLE.advance(self.state, event)
        if self.state is BreakerState.OPEN and before is not BreakerState.OPEN:
            self.opened_ns = now_ns
        if self.state is BreakerState.CLOSED and before is BreakerState.HALF_OPEN:
            self._recent.clear()

    def tick(self, now_ns: int) -> None:
        if self.state is BreakerState.OPEN and now_ns - self.opened_ns >= REST_NS:
            self.state = BREAKER_TABLE.advance(self.state, BreakerEvent.TIMER)

    @property
    def may_open(self) -> bool:
        """False while open; half-open allows one small package at a time."""
        return self.state is not BreakerState.OPEN

    @property
    def failures(self) -> int:
        """Failures among the last ``WINDOW`` outcomes."""
        return sum(1 for good in self._recent if not good)

    @property
    def error_rate_pct(self) -> float | None:
        if not self._recent:
            return None
        return 100.0 * sum(1 for good in self._recent if not good) / len(self._recent)

"""Circuit breaker with hysteresis: trips on errors or slowness, half-opens with one small package.

It opens at once and closes only after a rest and a success (hysteresis); a second trip
within an hour rests half an hour, so that nothing opens and closes in turns (F-084, F-092).
"""

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
AGAIN_NS: Final = 3_600 * NS_PER_S
REST_AGAIN_NS: Final = 1_800 * NS_PER_S
P95: Final = 18
"""Index of the 95th percentile among ``WINDOW`` sorted figures."""
SLOW_FACTOR: Final = 2
"""A 95th percentile above twice the time allowed for an answer opens the breaker."""


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
    rest_ns: int = REST_NS
    """How long it stays open this time."""
    _trips: int = 0
    _latencies: deque[int] = field(default_factory=lambda: deque(maxlen=WINDOW))
    _recent: deque[bool] = field(default_factory=lambda: deque(maxlen=WINDOW))

    def record(
        self, *, ok: bool, now_ns: int, latency_ns: int | None = None, budget_ns: int = 0
    ) -> None:
        """Take one answer: whether it proved anything, how long it took, how long it may."""
        self._recent.append(ok)
        if latency_ns is not None and budget_ns > 0:
            self._latencies.append(latency_ns)
        errors = sum(1 for good in self._recent if not good)
        failed = not ok and (errors >= TRIP_ERRORS or self.state is BreakerState.HALF_OPEN)
        slow = budget_ns > 0 and self.p95_ns() > SLOW_FACTOR * budget_ns
        if not ok and not failed and not slow:
            return
        event = BreakerEvent.TRIP if failed or slow else BreakerEvent.OK
        before, self.state = self.state, BREAKER_TABLE.advance(self.state, event)
        if self.state is BreakerState.OPEN and before is not BreakerState.OPEN:
            self._open(now_ns)
        if self.state is BreakerState.CLOSED and before is BreakerState.HALF_OPEN:
            self._recent.clear()

    def _open(self, now_ns: int) -> None:
        is_again = self._trips > 0 and now_ns - self.opened_ns <= AGAIN_NS
        self.rest_ns = REST_AGAIN_NS if is_again else REST_NS
        self._trips += 1
        self.opened_ns = now_ns
        self._latencies.clear()

    def p95_ns(self) -> int:
        """Return the 95th percentile of the last ``WINDOW`` answers; 0 with fewer."""
        if len(self._latencies) < WINDOW:
            return 0
        return sorted(self._latencies)[P95]

    def tick(self, now_ns: int) -> None:
        if self.state is BreakerState.OPEN and now_ns - self.opened_ns >= self.rest_ns:
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

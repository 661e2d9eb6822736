"""Decision events: each change of verdict becomes a row, a log line and a bus event.

The row goes with the other rows of its step; the bus is fed from a queue in a thread, so
that no decision ever waits for the network. A bus that fails is retried; beyond the bound
of the queue the oldest bus copies are dropped and counted, the rows are not.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from collections.abc import Mapping
from typing import Any, Final

import structlog

from shared.contracts.events_v1 import DecisionEvent, DecisionVersions
from shared.domain.commands import RecordDecision
from shared.domain.events import Stamp
from shared.ports.messaging import EventBus

log = structlog.get_logger("decision")

_NAMESPACE: Final = uuid.UUID("0c7b9f52-3f0e-5d2b-8a44-91d6a8c1d0e7")
QUEUE_MAX: Final = 5_000
BATCH: Final = 10
"""PutEvents takes at most ten entries."""
SEVERITIES: Final = frozenset({"p1", "p2", "p3", "p4"})


class Decisions:
    """Turns RecordDecision into events with deterministic ids and delivers them."""

    def __init__(self, run_id: str, build: str) -> None:
        self._run_id = run_id
        self._build = build
        self._queue: deque[DecisionEvent] = deque()
        self._wake = asyncio.Event()
        self._own = 0
        self.dropped = 0
        self.delivered = 0
        self.beats_missed = 0
        """Heartbeats put since the bus last took one."""

    def set_run(self, run_id: str) -> None:
        self._run_id = run_id

    def record(self, decision: RecordDecision, stamp: Stamp, index: int) -> dict[str, Any]:
        """Queue one decision for the bus and return its row.

        The id follows from (run, seq, index): a replay names the same events.
        """
        event = self._event(decision, stamp, f"{stamp.seq}/{index}")
        return self._accept(event)

    def record_own(self, decision: RecordDecision, stamp: Stamp) -> dict[str, Any]:
        """Like ``record`` for what the process itself decides between steps."""
        self._own += 1
        return self._accept(self._event(decision, stamp, f"{stamp.wall_ns}/own/{self._own}"))

    def beat(self, stamp: Stamp) -> int:
        """Send a heartbeat the way that alerts go; return how many went unanswered before it.

        Silence must mean failure (F-088): an alert path that is dead is found out by the
        heartbeats that the bus did not take, not by the alert that nobody read.
        """
        missed = self.beats_missed
        self.beats_missed += 1
        self._own += 1
        beat = RecordDecision("heartbeat", "trader", "alive", "", severity=None)
        self._enqueue(self._event(beat, stamp, f"{stamp.wall_ns}/own/{self._own}"))
        return missed

    def _accept(self, event: DecisionEvent) -> dict[str, Any]:
        self._enqueue(event)
        level = "error" if event.severity == "p1" else "info"
        getattr(log, level)(
            event.kind,
            subject=event.subject,
            verdict=event.verdict,
            reason=event.reason,
            package_id=event.package_id,
            **{f"p_{name}": value for name, value in event.params.items()},
        )
        return row_of(event)

    def _enqueue(self, event: DecisionEvent) -> None:
        if len(self._queue) >= QUEUE_MAX:
            self._queue.popleft()
            self.dropped += 1
        self._queue.append(event)
        self._wake.set()

    def _event(self, decision: RecordDecision, stamp: Stamp, key: str) -> DecisionEvent:
        versions = dict(decision.versions)
        severity = decision.severity if decision.severity in SEVERITIES else None
        return DecisionEvent(
            event_id=str(uuid.uuid5(_NAMESPACE, f"{self._run_id}/{key}")),
            seq=stamp.seq,
            wall_ns=stamp.wall_ns,
            kind=decision.kind,
            subject=decision.subject,
            package_id=decision.package_id,
            verdict=decision.verdict,
            reason=decision.reason,
            params={str(k): str(v) for k, v in decision.params.items()},
            versions=DecisionVersions(
                build=versions.get("build", self._build),
                config=versions.get("config", ""),
                fees=versions.get("fees", ""),
                frictions=versions.get("frictions", ""),
                rules=versions.get("rules", ""),
            ),
            severity=severity,  # type: ignore[arg-type]
        )

    async def deliver(self, bus: EventBus) -> None:
        """Feed the bus until cancelled; failures are retried with growing pauses."""
        pause = 1.0
        while True:
            if not self._queue:
                self._wake.clear()
                await self._wake.wait()
            batch = [self._queue[i] for i in range(min(BATCH, len(self._queue)))]
            try:
                await asyncio.to_thread(bus.put_events, [event.model_dump() for event in batch])
            except Exception as error:  # the record has them; the bus may come back
                log.warning("bus refused", error=str(error), waiting=len(self._queue))
                await asyncio.sleep(pause)
                pause = min(pause * 2, 30.0)
                continue
            pause = 1.0
            self.delivered += len(batch)
            if any(event.kind == "heartbeat" for event in batch):
                self.beats_missed = 0
            for sent in batch:
                if self._queue and self._queue[0] is sent:
                    self._queue.popleft()


def row_of(event: DecisionEvent) -> dict[str, Any]:
    """Return the row of table ``decisions``."""
    row: dict[str, Any] = event.model_dump()
    assert isinstance(row["params"], Mapping) and isinstance(row["versions"], Mapping)
    return row

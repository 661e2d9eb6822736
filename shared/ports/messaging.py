"""Messages between processes: the control queue in, decision events out, alerts.

All sync (called in a thread by asyncio code). Delivery is at least once: a consumer
remembers ``command_id`` and ``event_id``. Order holds within one target of the queue.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from shared.contracts.events_v1 import ControlCommand


@dataclass(frozen=True, slots=True)
class Received:
    """One message as it arrived; ``body`` is JSON text that may be malformed."""

    body: str
    receipt: str
    """Given back to ``acknowledge``; valid for this delivery only."""
    attempts: int = 1
    """How often this message was delivered, this time included; 0 when not known."""


class CommandQueue(Protocol):
    """The control queue to the trader (SQS FIFO)."""

    def send(self, command: ControlCommand) -> None:
        """Queue a command; a repeated ``command_id`` is delivered once. Raises StoreError."""
        ...

    def receive(self, max_n: int = 10, wait_s: int = 1) -> Sequence[Received]:
        """Wait up to ``wait_s`` seconds for up to ``max_n`` (at most 10) messages.

        An unacknowledged one comes again. Raises StoreError.
        """
        ...

    def acknowledge(self, receipt: str) -> None:
        """Remove a message for good. Raises StoreError."""
        ...


class EventBus(Protocol):
    """Decision events to whoever listens (EventBridge)."""

    def put_events(self, details: Sequence[Mapping[str, Any]]) -> None:
        """Publish details in the shape of ``events_v1.DecisionEvent``.

        Raises:
            StoreError: at least one was not taken; publishing all again is harmless.
        """
        ...

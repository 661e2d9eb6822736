"""Bulk objects: event-log segments and artefacts, written once and never changed.

A segment replays alone (it starts with a checkpoint and a schema version), so a listing
by name is the log: names sort in time order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class StoredObject:
    name: str
    size: int
    """Bytes."""


class ObjectStore(Protocol):
    """One bucket of immutable objects (S3). Sync; called in a thread."""

    def put(self, name: str, blob: bytes) -> None:
        """Store an object once; the same bytes again are fine.

        Raises:
            StoreError: other bytes are already stored under the name, or no answer.
        """
        ...

    def get(self, name: str) -> bytes:
        """Raises StoreError when absent."""
        ...

    def list_objects(self, prefix: str = "") -> Sequence[StoredObject]:
        """Return every object whose name starts with ``prefix``, by name."""
        ...

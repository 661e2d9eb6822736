"""Documents that a venue publishes about its interface, and what was seen of them before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from shared.domain.enums import Venue


@dataclass(frozen=True, slots=True)
class WatchedDocument:
    """One published text. ``relied_on`` are words without which our adapter is wrong."""

    venue: Venue
    name: str
    url: str
    relied_on: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return f"{self.venue.value}/{self.name}"


@dataclass(frozen=True, slots=True)
class SeenDocument:
    """``text`` as it was at ``read_wall_ns``; ``sha256`` is over its bytes."""

    sha256: str
    text: str
    read_wall_ns: int


class DocumentSource(Protocol):
    async def fetch(self, url: str) -> str:
        """Return the document's text. Raises StoreError when it cannot be read whole."""
        ...


class DocumentMemory(Protocol):
    """What was read last; survives restarts."""

    def load(self, key: str) -> SeenDocument | None:
        """Return the last reading; None when there is none or it cannot be read."""
        ...

    def save(self, key: str, seen: SeenDocument) -> None:
        """Keep a reading. Raises StoreError."""
        ...

"""Secrets by name; values never enter a log, an event, a row or a traceback (I-27)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class SecretStore(Protocol):
    """Named documents of text fields (Secrets Manager). ``name`` is one of names.secret."""

    def read(self, name: str) -> Mapping[str, str]:
        """Return the current version. Raises StoreError with the name alone when absent."""
        ...

    def exists(self, name: str) -> bool: ...

    def write(self, name: str, fields: Mapping[str, str]) -> None:
        """Create the secret or store a new current version. Raises StoreError."""
        ...

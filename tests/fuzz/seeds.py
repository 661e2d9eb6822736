"""One fuzz target: a name, the parser under it, and inputs to begin from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shared.domain.errors import DomainError, StoreError, WireError

OWN_ERRORS = (WireError, DomainError, StoreError)
"""What a parser may raise. Everything else that escapes is a finding."""


@dataclass(frozen=True, slots=True)
class Target:
    """``parse`` takes any bytes; it raises an own error or nothing."""

    name: str
    parse: Callable[[bytes], None]
    seeds: tuple[bytes, ...]

    def run(self, data: bytes) -> None:
        """Parse one input; own errors are fine, anything else escapes."""
        try:
            self.parse(data)
        except OWN_ERRORS:
            return

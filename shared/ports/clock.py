"""Time as a capability, so that everything above adapters can run on virtual time."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    def mono_ns(self) -> int:
        """Monotonic nanoseconds; only differences mean anything."""
        ...

    def wall_ns(self) -> int:
        """Unix nanoseconds of the host's wall clock; may step."""
        ...

    async def sleep(self, seconds: float) -> None: ...

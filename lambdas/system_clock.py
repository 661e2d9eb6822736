"""The host's clocks behind the ``Clock`` port."""

from __future__ import annotations

import asyncio
import time


class SystemClock:
    """Monotonic and wall clock of the host, in nanoseconds."""

    def mono_ns(self) -> int:
        return time.monotonic_ns()

    def wall_ns(self) -> int:
        return time.time_ns()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

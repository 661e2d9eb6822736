"""The live snapshot: taken from the kernel each second, compressed and stored in a thread.

Taking it must happen on the loop (the kernel belongs to it) and is short; turning it into
bytes and storing it does not. A store that fails costs that second's snapshot only: the
dashboard then says how old the last one is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
import structlog
import zstandard

from shared.ports.clock import Clock
from shared.ports.stores import LiveFlags

log = structlog.get_logger("snapshot")

LEVEL: Final = 3


class SnapshotWriter:
    """Takes and stores one snapshot a turn; keeps the last one for local commands."""

    def __init__(
        self, take: Callable[[int], Mapping[str, Any]], flags: LiveFlags, clock: Clock
    ) -> None:
        self._take = take
        self._flags = flags
        self._clock = clock
        self._last: bytes | None = None
        self._storing: asyncio.Task[None] | None = None
        self.written = 0
        self.failed = 0

    @property
    def last(self) -> bytes | None:
        """JSON of the last snapshot, stored or not."""
        return self._last

    async def write_once(self) -> None:
        """Take one snapshot; store it unless the one before is still on its way."""
        snapshot = self._take(self._clock.wall_ns())
        self._last = blob = await asyncio.to_thread(msgspec.json.encode, snapshot)
        if self._storing is not None and not self._storing.done():
            self.failed += 1
            return
        self._storing = asyncio.create_task(self._store(int(snapshot["seq"]), blob))

    async def _store(self, seq: int, blob: bytes) -> None:
        try:
            await asyncio.to_thread(self._put, seq, blob)
            self.written += 1
        except Exception as error:  # the next second tries again
            self.failed += 1
            log.warning("snapshot not stored", error=str(error)[:300])

    def _put(self, seq: int, blob: bytes) -> None:
        self._flags.put_snapshot(seq, zstandard.ZstdCompressor(level=LEVEL).compress(blob))

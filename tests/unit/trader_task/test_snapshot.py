"""The dashboard's snapshot never waits for its store, and neither do local commands."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable

import zstandard

from tests.support.trader_fakes import MemoryFlags
from tests.support.virtual_clock import VirtualClock
from trader_task.snapshot import SnapshotWriter


class SlowFlags(MemoryFlags):
    def __init__(self) -> None:
        super().__init__()
        self.free = threading.Event()

    def put_snapshot(self, seq: int, blob: bytes) -> None:
        self.free.wait(5)
        super().put_snapshot(seq, blob)


async def until(is_so: Callable[[], bool]) -> None:
    for _ in range(1_000):
        if is_so():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("never")


async def test_a_store_that_hangs_delays_nothing_here() -> None:
    flags = SlowFlags()
    seqs = iter(range(1, 10))
    writer = SnapshotWriter(lambda wall: {"seq": next(seqs)}, flags, VirtualClock())
    for _ in range(3):
        await writer.write_once()
    assert writer.last == b'{"seq":3}'
    assert writer.failed == 2, "the second and third were skipped, and counted"
    flags.free.set()
    await until(lambda: writer.written == 1)
    await writer.write_once()
    await until(lambda: writer.written == 2)
    assert flags.snapshot is not None and flags.snapshot[0] == 4
    assert json.loads(zstandard.ZstdDecompressor().decompress(flags.snapshot[1])) == {"seq": 4}


async def test_a_store_that_refuses_costs_that_second_only() -> None:
    flags = MemoryFlags()
    flags.down = True
    writer = SnapshotWriter(lambda wall: {"seq": 1}, flags, VirtualClock())
    await writer.write_once()
    await until(lambda: writer.failed == 1)
    flags.down = False
    await writer.write_once()
    await until(lambda: writer.written == 1)
    assert flags.snapshot is not None

"""Recording: everything in order, sealed beside the trader, and never in trading's way."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from shared.drivers import segment as segments
from shared.drivers.replay import replay
from shared.drivers.segment import RAW_SUFFIX, SUFFIX, segments_of
from shared.ports.event_log import StoredObject
from tests.support.recorded_desk import recorded_desk
from tests.support.virtual_clock import VirtualClock
from trader_task import recorder as module
from trader_task.recorder import Recorder

pytestmark = pytest.mark.usefixtures("inline_threads")
_, STEPS = recorded_desk()


class Objects:
    def __init__(self) -> None:
        self.stored: dict[str, bytes] = {}

    def put(self, name: str, blob: bytes) -> None:
        self.stored[name] = blob

    def get(self, name: str) -> bytes:
        return self.stored[name]

    def list_objects(self, prefix: str = "") -> Sequence[StoredObject]:
        return []


class Rig:
    def __init__(self, folder: Path, run: str = "paper_sim-1", objects: Objects | None = None):
        self.folder = folder
        self.clock = VirtualClock()
        self.reports: list[tuple[str, str, str, str | None]] = []
        self.recorder = Recorder(
            folder,
            build="test",
            mode="paper_sim",
            clock=self.clock,
            report=lambda *said: self.reports.append(said),
            objects=objects,
        )
        self.recorder.begin(run)
        self.task = asyncio.create_task(self.recorder.run())

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.recorder.close()

    def raw(self) -> list[str]:
        return sorted(p.stem for p in self.folder.rglob(f"*{RAW_SUFFIX}"))

    async def sealing(self) -> None:
        """Wait for the sealing process that is under way."""
        task = self.recorder._sealing
        if task is not None:
            async with asyncio.timeout(60):
                await task


def sealed_checkpoints(folder: Path) -> list[Path]:
    return list(folder.rglob("*.next"))


async def test_what_was_noted_is_replayed_after_the_next_start(tmp_path: Path) -> None:
    objects = Objects()
    first = Rig(tmp_path, "paper_sim-1")
    for event, commands in STEPS:
        first.recorder.note(event, commands)
        await first.clock.advance(0.1)
    await first.stop()
    assert first.raw() == ["000000"] and first.recorder.recorded == len(STEPS)

    second = Rig(tmp_path, "paper_sim-2", objects)
    await second.clock.advance(1)
    await second.sealing()
    await second.stop()
    found = replay(segments_of(tmp_path))
    assert found.is_sound and found.events == len(STEPS)
    (name,) = objects.stored
    assert name == f"paper_sim-1/000000{SUFFIX}"
    assert objects.stored[name] == (tmp_path / name).read_bytes()
    assert first.reports == second.reports == []
    assert sealed_checkpoints(tmp_path) == [], "nothing follows a run that ended"


async def test_an_old_file_is_closed_and_sealed_while_the_next_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ROTATE_NS", 2 * 10**9)
    rig = Rig(tmp_path)
    for event, commands in STEPS:
        rig.recorder.note(event, commands)
        await rig.clock.advance(0.3)
    await rig.sealing()
    await rig.clock.advance(1)
    await rig.sealing()
    assert segments_of(tmp_path), "sealed during the run"
    await rig.stop()
    late = Rig(tmp_path, "paper_sim-2")
    await late.clock.advance(1)
    await late.sealing()
    await late.stop()
    found = replay(segments_of(tmp_path))
    assert found.is_sound and found.events == len(STEPS) and found.segments > 2


async def test_a_disk_that_refuses_ends_recording_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(segments.SegmentWriter, "write_events", refuse)
    rig = Rig(tmp_path)
    rig.recorder.note(*STEPS[0])
    await rig.clock.advance(1)
    rig.recorder.note(*STEPS[1])
    await rig.clock.advance(1)
    assert rig.recorder.is_broken and rig.recorder.waiting == 0
    assert rig.reports == [("recording_stopped", "paper_sim-1", "No space left on device", "p2")], (
        "said once"
    )
    await rig.stop()


async def test_memory_is_bounded_when_the_disk_does_not_keep_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PENDING_MAX", 10)
    rig = Rig(tmp_path)
    for event, commands in STEPS[:12]:
        rig.recorder.note(event, commands)
    assert rig.recorder.is_broken and rig.recorder.waiting == 0
    assert rig.reports[0][2] == "10 events wait for the disk"
    await rig.stop()


async def test_a_log_that_cannot_be_sealed_is_set_aside_once(tmp_path: Path) -> None:
    run = tmp_path / "paper_sim-0"
    run.mkdir()
    (run / f"000003{RAW_SUFFIX}").write_bytes(b"not a log")
    rig = Rig(tmp_path)
    await rig.clock.advance(1)
    await rig.sealing()
    await rig.clock.advance(1)
    await rig.sealing()
    assert [report[0] for report in rig.reports] == ["log_not_sealed"]
    assert [p.name for p in run.iterdir()] == ["000003.unsealed"]
    await rig.stop()


async def test_the_oldest_segments_leave_a_full_disk_first(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.recorder._keep_bytes = 250
    for number in range(4):
        path = tmp_path / "old-1" / f"{number:06d}{SUFFIX}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x" * 100)
        import os

        os.utime(path, (number, number))
    rig.recorder._prune()
    assert [p.stem for p in segments_of(tmp_path)] == ["000002", "000003"]
    await rig.stop()

"""The event log of a running trader: every event that the kernel took, in its order.

``note`` only appends to a list, so that recording costs the loop nothing that can be felt
and never blocks it. A thread encodes, compresses and writes; a process beside the trader
seals what is closed (``shared.drivers.sealing``), and sealed segments go to the object
store. Recording may fail, trading may not: a disk that refuses ends recording for this
run, is said out loud, and nothing else happens.
Twin: tests/unit/trader_task/test_recorder.py
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import structlog

from shared.domain.commands import Command
from shared.domain.events import Event
from shared.drivers.event_codec import encode_event
from shared.drivers.sealing import CHECKPOINT_SUFFIX
from shared.drivers.segment import RAW_SUFFIX, SUFFIX, Header, SegmentWriter
from shared.ports.clock import Clock
from shared.ports.event_log import ObjectStore

log = structlog.get_logger("recorder")

FLUSH_S: Final = 0.25
ROTATE_NS: Final = 600 * 10**9
ROTATE_BYTES: Final = 32 * 1024 * 1024
PENDING_MAX: Final = 200_000
"""Events that may wait for a slow disk; beyond, memory matters more than the log."""
KEEP_BYTES: Final = 4 * 1024**3
"""Sealed segments kept on this disk; older ones go first."""

Report = Callable[[str, str, str, str | None], None]
"""(kind, subject, reason, severity)."""


class Recorder:
    """Writes one run. ``objects`` None keeps the log on this disk alone."""

    def __init__(
        self,
        folder: Path,
        *,
        build: str,
        mode: str,
        clock: Clock,
        report: Report,
        objects: ObjectStore | None = None,
        keep_bytes: int = KEEP_BYTES,
    ) -> None:
        self._folder = folder
        self._build = build
        self._mode = mode
        self._clock = clock
        self._report = report
        self._objects = objects
        self._keep_bytes = keep_bytes
        self._pending: list[tuple[Event, Sequence[Command]]] = []
        self._writer: SegmentWriter | None = None
        self._number = 0
        self._opened_ns = 0
        self._sealing: asyncio.Task[None] | None = None
        self.run_id = ""
        self.is_broken = False
        self.recorded = 0
        self.sealed = 0

    @property
    def waiting(self) -> int:
        return len(self._pending)

    def begin(self, run_id: str) -> None:
        """Name the run; events noted before are written under this name too."""
        assert not self.run_id and run_id
        self.run_id = run_id

    def note(self, event: Event, commands: Sequence[Command]) -> None:
        """Keep one event and what it led to; both are immutable, so only names are kept."""
        if self.is_broken:
            return
        self._pending.append((event, commands))
        if len(self._pending) > PENDING_MAX:
            self._break(f"{PENDING_MAX} events wait for the disk")

    async def run(self) -> None:
        """Write until cancelled; a torn tail is what a kill costs."""
        while True:
            await self._clock.sleep(FLUSH_S)
            if self.run_id:
                await self._write_pending()
                self._seal_closed()

    async def close(self) -> None:
        """Write what waits and close the file; the next start seals it."""
        if self.run_id:
            await self._write_pending()
        if self._writer is not None:
            writer, self._writer = self._writer, None
            await asyncio.to_thread(writer.close)
        if self._sealing is not None:
            self._sealing.cancel()

    async def _write_pending(self) -> None:
        batch, self._pending = self._pending, []
        if self.is_broken or not batch:
            return
        try:
            await asyncio.to_thread(self._write, batch)
        except OSError as error:
            self._break(f"{error.strerror or error}")
            return
        self.recorded += len(batch)

    def _write(self, batch: list[tuple[Event, Sequence[Command]]]) -> None:
        """In a thread: encode, append, flush; close what is old or large enough."""
        if self._writer is None:
            header = Header(self._build, self.run_id, self._mode, self._number, is_raw=True)
            path = self._folder / self.run_id / f"{self._number:06d}{RAW_SUFFIX}"
            self._writer = SegmentWriter(path, header)
            self._opened_ns = self._clock.mono_ns()
        self._writer.write_events([encode_event(event, commands) for event, commands in batch])
        self._writer.flush()
        age_ns = self._clock.mono_ns() - self._opened_ns
        if age_ns >= ROTATE_NS or self._writer.size >= ROTATE_BYTES:
            self._writer.close()
            self._writer = None
            self._number += 1

    def _break(self, reason: str) -> None:
        """End recording for this run: a log with a hole would not replay."""
        self.is_broken = True
        self._pending.clear()
        self._report("recording_stopped", self.run_id, reason, "p2")

    # --- beside the trader -----------------------------------------------------------------

    def _seal_closed(self) -> None:
        if self._sealing is not None and not self._sealing.done():
            return
        runs = [p for p in self._folder.glob("*") if p.is_dir() and self._closed(p)]
        if runs:
            self._sealing = asyncio.create_task(self._seal(runs))

    def _closed(self, run: Path) -> list[Path]:
        """Return the raw files of a run that nobody writes any more."""
        raw = run.glob(f"*{RAW_SUFFIX}")
        if run.name != self.run_id:
            return list(raw)
        return [path for path in raw if int(path.stem) < self._number]

    async def _seal(self, runs: list[Path]) -> None:
        for run in runs:
            but = str(self._number) if run.name == self.run_id else "-1"
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "trader_task.seal_log",
                str(run),
                but,
                stdout=asyncio.subprocess.PIPE,
                preexec_fn=lambda: os.nice(10),
            )
            out, _ = await process.communicate()
            for line in out.decode(errors="replace").splitlines():
                await self._sealed(run, json.loads(line))
        await asyncio.to_thread(self._prune)

    async def _sealed(self, run: Path, answer: dict[str, str]) -> None:
        if "error" in answer:
            # The file stays as it is, set aside, so that it is not tried again for ever.
            self._report("log_not_sealed", run.name, answer["error"], "p2")
            for raw in self._closed(run):
                raw.rename(raw.with_suffix(".unsealed"))
            return
        self.sealed += 1
        if answer["damage"]:
            self._report("log_damaged", run.name, answer["damage"], "p3")
        if self._objects is not None:
            path = Path(answer["path"])
            blob = await asyncio.to_thread(path.read_bytes)
            try:
                await asyncio.to_thread(self._objects.put, f"{run.name}/{path.name}", blob)
            except Exception as error:  # the segment stays on this disk
                log.warning("segment not uploaded", name=path.name, error=str(error)[:300])

    def _prune(self) -> None:
        """Drop the oldest sealed segments beyond what this disk may hold.

        Kept checkpoints go with the runs that ended: nothing follows them any more.
        """
        for kept in self._folder.rglob(f"*{CHECKPOINT_SUFFIX}"):
            if kept.parent.name != self.run_id and not self._closed(kept.parent):
                kept.unlink()
        found = sorted(self._folder.rglob(f"*{SUFFIX}"), key=lambda path: path.stat().st_mtime)
        total = sum(path.stat().st_size for path in found)
        for path in found:
            if total <= self._keep_bytes:
                return
            total -= path.stat().st_size
            path.unlink()

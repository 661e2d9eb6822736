"""The record, written behind the decisions: batched to Postgres, or to the fsynced spill.

Rule 1: the rows of one kernel step go together, in order, in one transaction.
Rule 2: while anything waits in the spill, new rows go behind it; the spill is replayed in
order and emptied before the journal counts as up again, hence before any new package.
Rule 3: rows that Postgres refuses for what they say are put aside with their reason, said
out loud, and never retried into the way of the rest.
Rule 4: a newer trader's fencing number ends writing for good.
Twin: tests/unit/trader_task/test_writer.py
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import structlog

from shared.domain.errors import FencedError, JournalError, RowRefusedError
from shared.domain.events import EventBody, JournalHealth
from shared.ports.stores import Journal
from trader_task.durable_log import DurableLog

log = structlog.get_logger("writer")

Row = Mapping[str, Any]
Unit = tuple[tuple[str, tuple[Row, ...]], ...]
"""(table, rows) of one kernel step."""

BATCH_ROWS: Final = 500
REPLAY_UNITS: Final = 100
WRITE_TIMEOUT_S: Final = 5.0
PROBE_S: Final = 1.0
SAMPLE_TABLES: Final = frozenset({"edges", "orderbooks"})
SAMPLES_SPILLED_MAX: Final = 20_000


class RecordWriter:
    """One writer task over one journal and one spill.

    ``sink`` takes JournalHealth; ``report(kind, reason, severity)`` makes a decision event;
    ``on_fenced`` ends trading. ``commits_idle`` is awaited before each batch, so that no row
    of a package overtakes the commit of its envelope.
    """

    def __init__(
        self,
        journal: Journal,
        spill: DurableLog,
        *,
        sink: Callable[[EventBody], None],
        report: Callable[[str, str, str | None], None],
        on_fenced: Callable[[str], None],
    ) -> None:
        self._journal = journal
        self._spill = spill
        self._sink = sink
        self._report = report
        self._on_fenced = on_fenced
        self._queue: deque[Unit] = deque()
        self._queued_rows = 0
        self._wake = asyncio.Event()
        self._commits = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._busy = asyncio.Lock()
        self._samples_spilled = 0
        self.fencing = 0
        self.is_down = False
        self.is_fenced = False
        self.rows_written = 0
        self.samples_dropped = 0

    @property
    def queued_rows(self) -> int:
        return self._queued_rows

    def commit_began(self) -> None:
        self._commits += 1
        self._idle.clear()

    def commit_ended(self) -> None:
        self._commits -= 1
        assert self._commits >= 0
        if self._commits == 0:
            self._idle.set()

    def put(self, unit: Unit) -> None:
        """Queue the rows of one step; never blocks."""
        if not unit or self.is_fenced:
            return
        self._queue.append(unit)
        self._queued_rows += sum(len(rows) for _, rows in unit)
        self._wake.set()

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            if self.is_down:
                await self._wait(PROBE_S)
            else:
                await self._wait(None)
            await self.flush()

    async def flush(self) -> None:
        """Write, or spill, everything that is queued now."""
        async with self._busy:
            if self.is_down:
                await self._spill_queue()
                await self._replay_and_rise()
            while self._queue and not self.is_down and not self.is_fenced:
                await self._idle.wait()
                units = self._take()
                try:
                    await self._write(units)
                except FencedError as error:
                    self._fenced(str(error))
                except JournalError as error:
                    self._queue.extendleft(reversed(units))
                    self._queued_rows += _rows_of(units)
                    self._mark_down(str(error))
                    await self._spill_queue()

    async def spill_now(self, reason: str, unit: Unit) -> None:
        """Make one unit durable on disk at once, ahead of what is queued, and count as down.

        For extensions of an open package (reducing only) when Postgres does not answer; does
        not wait for a write in flight. Raises OSError when the disk refuses too.
        """
        self._mark_down(reason)
        await asyncio.to_thread(self._spill.append, [_record_of(unit)])
        self._wake.set()

    async def replay_left_over(self) -> str:
        """Replay what a former process spilled; returns what was damaged, or "".

        Raises:
            JournalError: Postgres does not take it; the spill is kept as it was.
        """
        async with self._busy:
            return await self._replay()

    async def close(self, seconds: float) -> None:
        """Write what is queued within ``seconds``, and spill what is left."""
        try:
            async with asyncio.timeout(seconds):
                await self.flush()
        except TimeoutError:
            log.warning("closing with rows unwritten", rows=self._queued_rows)
        if self._queue and not self.is_fenced:
            await self._spill_queue()

    # --- inside the lock ---------------------------------------------------------------

    def _take(self) -> list[Unit]:
        units: list[Unit] = []
        rows = 0
        while self._queue and rows < BATCH_ROWS:
            unit = self._queue.popleft()
            units.append(unit)
            rows += sum(len(r) for _, r in unit)
        self._queued_rows -= rows
        return units

    async def _write(self, units: list[Unit]) -> None:
        """Store units in one transaction; refused ones are found one by one and put aside."""
        try:
            await self._store(_join(units))
        except RowRefusedError as error:
            if len(units) == 1:
                await self._put_aside(units[0], str(error))
                return
            for unit in units:
                await self._write([unit])
            return
        self.rows_written += _rows_of(units)

    async def _store(self, batches: list[tuple[str, list[Row]]]) -> None:
        try:
            async with asyncio.timeout(WRITE_TIMEOUT_S):
                await self._journal.write_batch(batches, self.fencing)
        except TimeoutError:
            raise JournalError(f"no answer in {WRITE_TIMEOUT_S:.0f} s") from None

    async def _ping(self) -> None:
        try:
            async with asyncio.timeout(WRITE_TIMEOUT_S):
                await self._journal.ping()
        except TimeoutError:
            raise JournalError(f"no answer in {WRITE_TIMEOUT_S:.0f} s") from None

    def _mark_down(self, reason: str) -> None:
        if not self.is_down:
            self.is_down = True
            log.warning("journal down, spilling", reason=reason)
            self._sink(JournalHealth(False))
            self._report("journal_down", reason, "p2")

    async def _spill_queue(self) -> None:
        """Make everything queued durable on disk; samples beyond a bound are counted away.

        Raises OSError when the disk refuses; then everything is still queued.
        """
        units = list(self._queue)
        records: list[dict[str, Any]] = []
        samples = dropped = 0
        for unit in units:
            kept: list[tuple[str, tuple[Row, ...]]] = []
            for table, rows in unit:
                if table in SAMPLE_TABLES:
                    if self._samples_spilled + samples >= SAMPLES_SPILLED_MAX:
                        dropped += len(rows)
                        continue
                    samples += len(rows)
                kept.append((table, rows))
            if kept:
                records.append(_record_of(tuple(kept)))
        if records:
            await asyncio.to_thread(self._spill.append, records)
        for _ in units:
            self._queue.popleft()
        self._queued_rows -= _rows_of(units)
        self._samples_spilled += samples
        self.samples_dropped += dropped

    async def _replay_and_rise(self) -> None:
        try:
            damage = await self._replay()
        except FencedError as error:
            self._fenced(str(error))
            return
        except JournalError as error:
            log.info("journal still down", reason=str(error))
            return
        if damage:
            self._report("spill_damaged", damage, "p1")
        self.is_down = False
        self._samples_spilled = 0
        log.info("journal up again")
        self._sink(JournalHealth(True))
        self._report("journal_up", "spill replayed", None)

    async def _replay(self) -> str:
        """Write the spill in order, then remove it. An empty spill still proves Postgres."""
        while True:
            read = await asyncio.to_thread(self._spill.read)
            units = [_unit_of(record) for record in read.records]
            await self._ping()
            for start in range(0, len(units), REPLAY_UNITS):
                await self._write(units[start : start + REPLAY_UNITS])
            keep = "record.damaged.jsonl" if read.damage else ""
            is_done = await asyncio.to_thread(
                lambda: self._spill.clear(read.size, keep_as=keep)  # noqa: B023 - awaited here
            )
            if is_done:
                return "" if read.is_torn_tail else read.damage

    async def _put_aside(self, unit: Unit, reason: str) -> None:
        record = {**_record_of(unit), "reason": reason}
        aside = DurableLog(self._spill.directory, "refused.jsonl")
        await asyncio.to_thread(aside.append, [record])
        is_sample = all(table in SAMPLE_TABLES for table, _ in unit)
        log.error("rows refused by the record", reason=reason, tables=[t for t, _ in unit])
        self._report("rows_refused", reason, None if is_sample else "p1")

    def _fenced(self, reason: str) -> None:
        self.is_fenced = True
        self._queue.clear()
        self._queued_rows = 0
        self._on_fenced(reason)

    async def _wait(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            pass
        else:
            # A few milliseconds gather the rows of neighbouring steps into one transaction.
            await asyncio.sleep(0.005)
        self._wake.clear()


def _rows_of(units: Sequence[Unit]) -> int:
    return sum(len(rows) for unit in units for _, rows in unit)


def _join(units: Sequence[Unit]) -> list[tuple[str, list[Row]]]:
    """Concatenate units; neighbouring rows of one table become one batch, order kept."""
    batches: list[tuple[str, list[Row]]] = []
    for unit in units:
        for table, rows in unit:
            if batches and batches[-1][0] == table:
                batches[-1][1].extend(rows)
            else:
                batches.append((table, list(rows)))
    return batches


def _record_of(unit: Unit) -> dict[str, Any]:
    return {"kind": "rows", "unit": [[table, [dict(r) for r in rows]] for table, rows in unit]}


def _unit_of(record: Mapping[str, Any]) -> Unit:
    return tuple((str(table), tuple(rows)) for table, rows in record["unit"])

"""The record: batched, spilled while Postgres is away, replayed before it counts as up."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from shared.domain.errors import RowRefusedError
from shared.domain.events import EventBody, JournalHealth
from tests.support.trader_fakes import MemoryJournal
from trader_task.durable_log import DurableLog
from trader_task.writer import RecordWriter, Unit


class Rig:
    def __init__(self, directory: Path) -> None:
        self.journal = MemoryJournal()
        self.journal.fencing = 3
        self.bodies: list[EventBody] = []
        self.reports: list[tuple[str, str, str | None]] = []
        self.fenced: list[str] = []
        self.spill = DurableLog(directory, "record.jsonl")
        self.writer = self.make()

    def make(self) -> RecordWriter:
        writer = RecordWriter(
            self.journal,
            self.spill,
            sink=self.bodies.append,
            report=lambda *a: self.reports.append(a),
            on_fenced=self.fenced.append,
        )
        writer.fencing = 3
        return writer


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def unit(number: int) -> Unit:
    return (("fills", ({"fill_key": str(number)},)), ("ledger_postings", ({"posting_id": number},)))


async def test_rows_of_one_step_share_a_transaction(rig: Rig) -> None:
    rig.writer.put(unit(1))
    await rig.writer.flush()
    (batch,) = rig.journal.batches
    assert [table for table, _ in batch] == ["fills", "ledger_postings"]


async def test_f078_outage_spills_and_replays_in_order(rig: Rig) -> None:
    rig.writer.put(unit(1))
    rig.journal.down = "gone"
    await rig.writer.flush()
    rig.writer.put(unit(2))
    await rig.writer.flush()
    assert rig.bodies == [JournalHealth(False)] and rig.writer.is_down
    assert len(rig.spill.read().records) == 2 and not rig.journal.batches
    rig.journal.down = ""
    rig.writer.put(unit(3))
    await rig.writer.flush()
    assert rig.bodies[-1] == JournalHealth(True) and not rig.writer.is_down
    assert [row["fill_key"] for row in rig.journal.rows("fills")] == ["1", "2", "3"]
    assert not rig.spill.exists()


async def test_spill_of_a_killed_process_is_replayed(rig: Rig) -> None:
    rig.writer.put(unit(1))
    rig.journal.down = "gone"
    await rig.writer.flush()
    path = rig.spill.directory / rig.spill.name
    path.write_bytes(path.read_bytes() + b'1234abcd {"kind":"ro')  # killed while appending
    rig.journal.down = ""
    successor = rig.make()
    assert await successor.replay_left_over() == ""  # a torn tail was never acknowledged
    assert [row["fill_key"] for row in rig.journal.rows("fills")] == ["1"]
    assert (rig.spill.directory / "record.damaged.jsonl").exists()


async def test_refused_rows_are_put_aside_and_the_rest_is_stored(rig: Rig) -> None:
    def refuse(table: str, row: object) -> RowRefusedError | None:
        bad = table == "fills" and isinstance(row, dict) and row["fill_key"] == "2"
        return RowRefusedError("refused: no such column") if bad else None

    rig.journal.refuse = refuse  # type: ignore[assignment]
    for number in (1, 2, 3):
        rig.writer.put(unit(number))
    await rig.writer.flush()
    assert [row["fill_key"] for row in rig.journal.rows("fills")] == ["1", "3"]
    assert not rig.writer.is_down
    assert [kind for kind, _, _ in rig.reports] == ["rows_refused"]
    aside = DurableLog(rig.spill.directory, "refused.jsonl").read()
    assert len(aside.records) == 1 and "no such column" in aside.records[0]["reason"]


async def test_i06_a_newer_trader_ends_writing(rig: Rig) -> None:
    rig.journal.fencing = 4
    rig.writer.put(unit(1))
    await rig.writer.flush()
    assert rig.fenced and rig.writer.is_fenced and not rig.journal.batches
    rig.writer.put(unit(2))
    await rig.writer.flush()
    assert not rig.journal.batches and not rig.spill.exists()


async def test_rows_wait_for_a_commit_under_way(rig: Rig) -> None:
    rig.writer.commit_began()
    rig.writer.put(unit(1))
    flushing = asyncio.create_task(rig.writer.flush())
    await asyncio.sleep(0.01)
    assert not rig.journal.batches
    rig.writer.commit_ended()
    await flushing
    assert rig.journal.batches


async def test_close_spills_what_cannot_be_written(rig: Rig) -> None:
    rig.journal.down = "gone"
    rig.writer.put(unit(1))
    await rig.writer.close(1.0)
    assert len(rig.spill.read().records) == 1


async def test_samples_beyond_the_bound_are_counted_away(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trader_task.writer.SAMPLES_SPILLED_MAX", 1)
    rig.journal.down = "gone"
    for number in range(3):
        rig.writer.put((("edges", ({"pair_id": str(number)},)),))
    rig.writer.put(unit(9))
    await rig.writer.flush()
    assert rig.writer.samples_dropped == 2
    assert len(rig.spill.read().records) == 2


async def test_f081_a_full_disk_keeps_the_rows_queued(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.journal.down = "gone"
    rig.writer.put(unit(1))
    append = rig.spill.append

    def full(records: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(rig.spill, "append", full)
    with pytest.raises(OSError, match="no space"):
        await rig.writer.flush()
    assert rig.writer.queued_rows == 2
    monkeypatch.setattr(rig.spill, "append", append)
    await rig.writer.flush()
    assert rig.writer.queued_rows == 0 and len(rig.spill.read().records) == 1

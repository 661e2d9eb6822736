"""F-081: a torn or altered record stops reading, and says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from trader_task.durable_log import DurableLog


@pytest.fixture
def log(tmp_path: Path) -> DurableLog:
    return DurableLog(tmp_path / "spill", "record.jsonl")


def raw(log: DurableLog) -> Path:
    return log.directory / log.name


def test_records_come_back_in_order(log: DurableLog) -> None:
    log.append([{"n": 1}, {"n": 2}])
    log.append([{"n": 3}])
    read = log.read()
    assert [r["n"] for r in read.records] == [1, 2, 3]
    assert not read.damage


def test_f081_torn_tail_keeps_what_was_acknowledged(log: DurableLog) -> None:
    log.append([{"n": 1}])
    log.append([{"n": 2}])
    raw(log).write_bytes(raw(log).read_bytes()[:-5])
    read = log.read()
    assert [r["n"] for r in read.records] == [1]
    assert read.is_torn_tail and "line 2" in read.damage


def test_f081_altered_record_stops_reading(log: DurableLog) -> None:
    log.append([{"n": 1}, {"n": 2}, {"n": 3}])
    raw(log).write_bytes(raw(log).read_bytes().replace(b'{"n":2}', b'{"n":9}'))
    read = log.read()
    assert [r["n"] for r in read.records] == [1]
    assert read.damage and not read.is_torn_tail


@pytest.mark.parametrize("junk", [b"\x00\x00\x00", b"zzzz {}\n", b"00000000 []\n", b"\xff\xfe\n"])
def test_junk_is_never_a_record(log: DurableLog, junk: bytes) -> None:
    log.append([{"n": 1}])
    raw(log).write_bytes(raw(log).read_bytes() + junk)
    assert [r["n"] for r in log.read().records] == [1]
    assert log.read().damage


def test_clear_refuses_a_log_that_grew(log: DurableLog) -> None:
    log.append([{"n": 1}])
    size = log.read().size
    log.append([{"n": 2}])
    assert not log.clear(size)
    assert len(log.read().records) == 2
    assert log.clear(log.read().size) and not log.exists()


def test_damaged_log_is_kept_aside(log: DurableLog) -> None:
    log.append([{"n": 1}])
    assert log.clear(log.read().size, keep_as="kept")
    assert (log.directory / "kept").exists() and not log.exists()

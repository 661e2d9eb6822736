"""Files of JSON records that survive kill -9 and power loss.

One append-only file of lines ``crc32 json``, each fsynced before its caller goes on. A
torn or altered line fails its checksum: reading stops there, says so, and the whole file
is kept aside, for nothing behind a bad record may be trusted (F-081); the venues are asked
for the rest. Two files are kept so: the spill of the record while Postgres is away, and
the wire log of follow-up orders.
Twin: tests/unit/trader_task/test_durable_log.py
"""

from __future__ import annotations

import json
import os
import threading
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class LogRead:
    """What a log held: good records in order, and what was wrong after them (or "")."""

    records: tuple[dict[str, Any], ...]
    damage: str
    is_torn_tail: bool
    """The damage is a last line cut short: its append never returned, nobody relied on it."""
    size: int
    """Bytes read; ``clear`` refuses when the file has grown since."""


class DurableLog:
    """An fsynced list of JSON records. Threads of one process may share it."""

    def __init__(self, directory: Path, name: str) -> None:
        self.directory = directory
        self.name = name
        self._path = directory / name
        self._lock = threading.Lock()

    def exists(self) -> bool:
        return self._path.exists() and self._path.stat().st_size > 0

    def append(self, records: Sequence[dict[str, Any]]) -> None:
        """Add records and fsync once; when it returns they survive kill -9 and power loss.

        Raises:
            OSError: the disk refused; nothing may be assumed stored.
        """
        data = b"".join(_encode(record) for record in records)
        with self._lock:
            self.directory.mkdir(parents=True, exist_ok=True)
            is_new = not self._path.exists()
            with open(self._path, "ab") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            if is_new:
                _sync_directory(self.directory)

    def read(self) -> LogRead:
        """Return the good records from the start to the first bad one."""
        with self._lock:
            try:
                data = self._path.read_bytes()
            except FileNotFoundError:
                return LogRead((), "", False, 0)
        records: list[dict[str, Any]] = []
        lines = data.split(b"\n")
        for number, line in enumerate(lines, start=1):
            record = _decode(line) if line else {}
            # The newline is part of a record: without it the last write was cut short.
            if record is None or (line and number == len(lines)):
                damage = f"line {number} of {self.name} is cut short or fails its checksum"
                return LogRead(tuple(records), damage, number == len(lines), len(data))
            if record:
                records.append(record)
        return LogRead(tuple(records), "", False, len(data))

    def clear(self, size: int, *, keep_as: str = "") -> bool:
        """Remove the file after its use; with ``keep_as`` it is renamed beside instead.

        Returns False, and changes nothing, when the file is not ``size`` bytes long: it grew
        after it was read, so it must be read again.
        """
        with self._lock:
            if not self._path.exists():
                return True
            if self._path.stat().st_size != size:
                return False
            if keep_as:
                self._path.rename(self.directory / keep_as)
            else:
                self._path.unlink()
            _sync_directory(self.directory)
            return True


def _encode(record: dict[str, Any]) -> bytes:
    body = json.dumps(record, separators=(",", ":"), sort_keys=True).encode()
    assert b"\n" not in body
    return b"%08x %s\n" % (zlib.crc32(body), body)


def _decode(line: bytes) -> dict[str, Any] | None:
    mark, _, body = line.partition(b" ")
    try:
        if int(mark, 16) != zlib.crc32(body):
            return None
        record = json.loads(body)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def _sync_directory(directory: Path) -> None:
    """Make a created, renamed or removed name durable."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

"""Segments of the event log: files of checksummed blocks that replay alone.

A file is the line ``TWLOG1`` and then blocks: kind (1 byte), length and CRC-32 of the
payload (4 bytes each, big endian), payload (zstd). The first block is the header (JSON:
schema, build, run, mode, number), then a checkpoint unless the run begins here, then any
number of event blocks, and, once sealed, an end block with counts, the bounds in time, the
events per market and the digest of the kernel after the last event.
What was flushed stays readable: a torn tail costs the block that was being written, a
damaged block ends reading there with its place and reason, never with a wrong event.
Twin: tests/unit/shared/drivers/test_segment.py
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import IO, Any, Final

import msgspec
import zstandard

from shared.domain.events import Event
from shared.drivers.event_codec import SCHEMA, LogError, decode_event

MAGIC: Final = b"TWLOG1\n"
SUFFIX: Final = ".twlog"
RAW_SUFFIX: Final = ".raw"
BLOCK_MAX: Final = 64 * 1024 * 1024
_FRAME: Final = struct.Struct(">BII")
_BLOBS: Final = msgspec.msgpack.Decoder(list[bytes])
_FAST: Final = 3
_DENSE: Final = 12


class Block(IntEnum):
    HEADER = 1
    CHECKPOINT = 2
    EVENTS = 3
    END = 4


@dataclass(frozen=True, slots=True)
class Header:
    build: str
    run_id: str
    mode: str
    number: int
    """0, 1, 2 … within a run; number 0 begins with the run and has no checkpoint."""
    is_raw: bool = False
    """As the trader writes it: no checkpoint yet, so it cannot be replayed alone."""
    schema: int = SCHEMA


@dataclass(frozen=True, slots=True)
class End:
    """What a sealed segment holds; also its row in an index."""

    events: int
    first_seq: int
    last_seq: int
    first_wall_ns: int
    last_wall_ns: int
    state: str
    """``digest_state`` after the last event."""
    markets: dict[str, int] = field(default_factory=dict)
    """Book events per market."""


@dataclass(frozen=True, slots=True)
class Damage:
    """Where reading stopped, and why."""

    path: str
    offset: int
    reason: str

    def __str__(self) -> str:
        return f"{self.path} at byte {self.offset}: {self.reason}"


class SegmentWriter:
    """Appends blocks to one file; ``flush`` makes them durable. One writer a file."""

    def __init__(self, path: Path, header: Header, checkpoint: bytes | None = None) -> None:
        is_alone = header.number == 0 or checkpoint is not None
        assert is_alone or header.is_raw, header
        self.path = path
        self.size = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: IO[bytes] = path.open("xb")
        self._file.write(MAGIC)
        self._zstd = zstandard.ZstdCompressor(level=_DENSE if checkpoint is not None else _FAST)
        self._write(Block.HEADER, json.dumps(asdict(header), sort_keys=True).encode())
        if checkpoint is not None:
            self._write(Block.CHECKPOINT, checkpoint)

    def write_events(self, encoded: list[bytes]) -> None:
        """Append encoded events as one block."""
        if encoded:
            self._write(Block.EVENTS, msgspec.msgpack.encode(encoded))

    def close(self, end: End | None = None) -> None:
        """Seal with ``end`` when it is known, and make everything durable."""
        if end is not None:
            self._write(Block.END, json.dumps(asdict(end), sort_keys=True).encode())
        self.flush()
        self._file.close()

    def flush(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())

    def _write(self, kind: Block, payload: bytes) -> None:
        packed = self._zstd.compress(payload)
        assert len(packed) < BLOCK_MAX, kind
        self._file.write(_FRAME.pack(kind, len(packed), zlib.crc32(packed)))
        self._file.write(packed)
        self.size += _FRAME.size + len(packed)


class Segment:
    """One file for reading. ``damage`` is set once reading met it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damage: Damage | None = None
        self.end: End | None = None
        self.checkpoint: bytes | None = None
        self._blocks = self._read()
        first = next(self._blocks, None)
        if first is None or first[0] is not Block.HEADER:
            raise LogError(str(self.damage or Damage(path.name, 0, "no header")))
        self.header = _header(path, first[1])

    def events(self) -> Iterator[tuple[Event, bytes]]:
        """Yield events with the stored digest of their commands, up to the end or damage.

        ``checkpoint`` is set before the first event is yielded.
        """
        for event, digest, _ in self.raw_events():
            yield event, digest

    def raw_events(self) -> Iterator[tuple[Event, bytes, bytes]]:
        """Yield events, digests, and the bytes that both were read from."""
        for kind, payload in self._blocks:
            if kind is Block.CHECKPOINT:
                self.checkpoint = payload
            elif kind is Block.END:
                self.end = _end(self.path, payload)
            elif kind is Block.EVENTS:
                for blob in _BLOBS.decode(payload):
                    yield *decode_event(blob), blob

    def load_checkpoint(self) -> bytes | None:
        """Read the checkpoint now, before any event. Raises LogError when it is missing."""
        if self.header.number == 0 or self.checkpoint is not None:
            return self.checkpoint
        if self.header.is_raw:
            raise LogError(f"{self.path.name}: not sealed yet, it cannot be replayed alone")
        kind, payload = next(self._blocks, (None, b""))
        if kind is not Block.CHECKPOINT:
            raise LogError(str(self.damage or Damage(self.path.name, 0, "no checkpoint")))
        self.checkpoint = payload
        return payload

    def _read(self) -> Iterator[tuple[Block, bytes]]:
        inflate = zstandard.ZstdDecompressor()
        with self.path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                self.damage = Damage(self.path.name, 0, "not an event log")
                return
            while True:
                offset = file.tell()
                frame = file.read(_FRAME.size)
                if not frame:
                    return
                reason = ""
                if len(frame) < _FRAME.size:
                    reason = "torn block"
                else:
                    kind, length, checksum = _FRAME.unpack(frame)
                    payload = file.read(length) if length < BLOCK_MAX else b""
                    if kind not in Block.__members__.values() or length >= BLOCK_MAX:
                        reason = "no block begins here"
                    elif len(payload) < length:
                        reason = "torn block"
                    elif zlib.crc32(payload) != checksum:
                        reason = "checksum differs"
                if reason:
                    self.damage = Damage(self.path.name, offset, reason)
                    return
                try:
                    opened = inflate.decompress(payload, max_output_size=16 * BLOCK_MAX)
                except zstandard.ZstdError as error:
                    self.damage = Damage(self.path.name, offset, str(error))
                    return
                yield Block(kind), opened


def _header(path: Path, payload: bytes) -> Header:
    try:
        found = msgspec.json.decode(payload, type=Header)
    except msgspec.MsgspecError as error:
        raise LogError(f"{path.name}: unreadable header: {error}") from None
    if found.schema > SCHEMA:
        raise LogError(
            f"{path.name}: schema {found.schema}, written by build {found.build};"
            f" this build reads up to {SCHEMA}"
        )
    return found


def _end(path: Path, payload: bytes) -> End:
    try:
        return msgspec.json.decode(payload, type=End)
    except msgspec.MsgspecError as error:
        raise LogError(f"{path.name}: unreadable end: {error}") from None


def segments_of(folder: Path) -> list[Path]:
    """Return the segment files below a folder (or the one file given), oldest first.

    Runs are ordered by their epoch, the number that ends their names.
    """
    if folder.is_file():
        return [folder]
    return sorted(folder.rglob(f"*{SUFFIX}"), key=lambda path: (_epoch(path.parent.name), path))


def log_of(folder: Path) -> list[Path]:
    """Return sealed segments and, behind those of their run, what is not sealed yet."""
    if folder.is_file():
        return [folder]
    raw = folder.rglob(f"*{RAW_SUFFIX}")
    return sorted(
        [*segments_of(folder), *raw], key=lambda path: (_epoch(path.parent.name), path.stem)
    )


def _epoch(run_id: str) -> int:
    digits = run_id.rpartition("-")[2]
    return int(digits) if digits.isdigit() else -1


def segment_name(run_id: str, number: int) -> str:
    """Return the name of a segment: names of one run sort in their order."""
    assert run_id and "/" not in run_id, run_id
    return f"{run_id}/{number:06d}{SUFFIX}"


def index_row(segment: Segment) -> dict[str, Any]:
    """Return header and end of a sealed segment as one row."""
    assert segment.end is not None
    return {**asdict(segment.header), **asdict(segment.end)}

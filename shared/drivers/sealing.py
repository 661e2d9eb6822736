"""From the trader's raw files to segments that replay alone, verified on the way.

The trader only appends encoded events; it never stops to copy its memory. Sealing is done
beside it: the raw file is replayed from where the segment before ended, every digest is
compared, and the events are written again, densely, behind the checkpoint they start from.
A log that was sealed is a log that was replayed once already.
Twin: tests/unit/shared/drivers/test_sealing.py
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from shared.domain.events import BookChanged, BookReplaced, Event
from shared.drivers.checkpoint import read_checkpoint, write_checkpoint
from shared.drivers.event_codec import LogError, digest_of, digest_state
from shared.drivers.segment import RAW_SUFFIX, SUFFIX, End, Segment, SegmentWriter
from shared.engine.kernel import Kernel

BLOCK_EVENTS: Final = 1_000
CHECKPOINT_SUFFIX: Final = ".next"
"""Beside a sealed segment: where the one after it starts; goes when that is sealed."""


@dataclass(frozen=True, slots=True)
class Sealed:
    path: Path
    end: End
    damage: str
    """What was lost of the raw file: a torn tail after a kill, else empty."""


def seal_run(folder: Path, *, but: int | None = None) -> Iterator[Sealed]:
    """Seal every raw file of a run in order; ``but`` is the number still being written.

    Raises:
        LogError: a replay decided otherwise, or a segment before is missing. Raw files stay.
    """
    for raw in sorted(folder.glob(f"*{RAW_SUFFIX}")):
        if but is not None and int(raw.stem) >= but:
            return
        yield seal(raw)


def seal(raw: Path) -> Sealed:
    """Seal one raw file; it is removed once its sealed form is durable."""
    source = Segment(raw)
    kernel = _start(raw, source)
    checkpoint = None if source.header.number == 0 else write_checkpoint(kernel)
    sealed, half = raw.with_suffix(SUFFIX), raw.with_suffix(".half")
    half.unlink(missing_ok=True)
    writer = SegmentWriter(half, replace(source.header, is_raw=False), checkpoint)
    try:
        end = _copy(source, writer, kernel)
    except LogError:
        writer.close()
        half.unlink()
        raise
    writer.close(end)
    following = raw.with_suffix(CHECKPOINT_SUFFIX)
    following.write_bytes(write_checkpoint(kernel))
    half.replace(sealed)
    raw.unlink()
    _path(raw, source.header.number - 1, CHECKPOINT_SUFFIX).unlink(missing_ok=True)
    return Sealed(sealed, end, str(source.damage or ""))


def _path(raw: Path, number: int, suffix: str) -> Path:
    return raw.with_name(f"{number:06d}{suffix}")


def _start(raw: Path, source: Segment) -> Kernel:
    """Return the kernel where the segment before ended."""
    number = source.header.number
    if number == 0:
        return Kernel(source.header.build)
    kept = _path(raw, number - 1, CHECKPOINT_SUFFIX)
    with contextlib.suppress(FileNotFoundError):
        return read_checkpoint(kept.read_bytes())
    before = _path(raw, number - 1, SUFFIX)
    if not before.exists():
        raise LogError(f"{raw.name}: the segment before it is missing, so it cannot be sealed")
    segment = Segment(before)
    stored = segment.load_checkpoint()
    kernel = Kernel(segment.header.build) if stored is None else read_checkpoint(stored)
    for event, _ in segment.events():
        kernel.step(event)
    return kernel


def _copy(source: Segment, writer: SegmentWriter, kernel: Kernel) -> End:
    markets: Counter[str] = Counter()
    block: list[bytes] = []
    first: Event | None = None
    last: Event | None = None
    count = 0
    for event, expected, blob in source.raw_events():
        commands = kernel.step(event)
        if (digest_of(commands) if commands else b"") != expected:
            names = ", ".join(type(command).__name__ for command in commands) or "no command"
            seq = event.stamp.seq
            raise LogError(f"{source.path.name}: on replay event {seq} led to {names}")
        first, last, count = first or event, event, count + 1
        if isinstance(event.body, BookReplaced | BookChanged):
            markets[event.body.market_id] += 1
        block.append(blob)
        if len(block) >= BLOCK_EVENTS:
            writer.write_events(block)
            block = []
    writer.write_events(block)
    return End(
        events=count,
        first_seq=first.stamp.seq if first else -1,
        last_seq=last.stamp.seq if last else -1,
        first_wall_ns=first.stamp.wall_ns if first else 0,
        last_wall_ns=last.stamp.wall_ns if last else 0,
        state=digest_state(kernel.state),
        markets=dict(sorted(markets.items())),
    )

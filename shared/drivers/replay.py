"""Stepping a kernel through a log, and proving that it decides the same again.

The commands of every event are digested and compared with what the log says; the first
event that leads to other commands is named, and nothing after it is believed. Between two
segments the state must be the one that the next segment's checkpoint holds.
Twin: tests/unit/shared/drivers/test_replay.py
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from shared.domain.commands import Command
from shared.domain.events import Event
from shared.drivers.checkpoint import read_checkpoint
from shared.drivers.event_codec import digest_of, digest_state
from shared.drivers.segment import Damage, Segment
from shared.engine.kernel import Kernel


@dataclass(frozen=True, slots=True)
class Divergence:
    """The first event at which a replay does something else than the log says."""

    path: str
    seq: int
    body: str
    expected: str
    got: str
    commands: tuple[str, ...]

    def __str__(self) -> str:
        led = ", ".join(self.commands) or "no command"
        return (
            f"{self.path}: event {self.seq} ({self.body}) led to {led}"
            f" [{self.got or 'none'}], the log says [{self.expected or 'none'}]"
        )


@dataclass(slots=True)
class Replay:
    """What a replay of one or many segments found."""

    segments: int = 0
    events: int = 0
    commands: int = 0
    divergence: Divergence | None = None
    damages: list[Damage] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    """Places where a segment is missing or does not follow from the one before."""

    @property
    def is_sound(self) -> bool:
        return self.divergence is None and not self.damages and not self.gaps


Observer = Callable[[Kernel, Event, Sequence[Command]], None]


def replay(
    paths: Sequence[Path], *, verify: bool = True, observe: Observer | None = None
) -> Replay:
    """Replay segments in the order given; see the module docstring.

    A damaged segment is used up to its damage; the next one starts from its own checkpoint.
    Raises LogError when a file is no log, or of a build or schema that this one cannot read.
    """
    found = Replay()
    kernel: Kernel | None = None
    before: Segment | None = None
    for path in paths:
        segment = Segment(path)
        kernel = _start(found, segment, before, kernel, verify)
        found.segments += 1
        _run(found, segment, kernel, verify, observe)
        if segment.damage is not None:
            found.damages.append(segment.damage)
        elif verify and segment.end is not None:
            state = digest_state(kernel.state)
            if found.divergence is None and state != segment.end.state:
                found.gaps.append(f"{path.name}: the state after its last event differs")
        if found.divergence is not None:
            break
        before = segment
    return found


def _start(
    found: Replay, segment: Segment, before: Segment | None, kernel: Kernel | None, verify: bool
) -> Kernel:
    """Return the kernel a segment starts from, and note what does not follow."""
    follows = (
        before is not None
        and before.damage is None
        and before.header.run_id == segment.header.run_id
        and before.header.number + 1 == segment.header.number
    )
    if segment.header.is_raw and follows and kernel is not None:
        return kernel  # not sealed yet: it goes on from the segment before it
    checkpoint = segment.load_checkpoint()
    fresh = Kernel(segment.header.build) if checkpoint is None else read_checkpoint(checkpoint)
    if before is None or before.header.run_id != segment.header.run_id:
        if segment.header.number != 0 and before is not None:
            found.gaps.append(f"{segment.path.name}: the segments before it are missing")
        return fresh
    missing = segment.header.number - before.header.number - 1
    if missing:
        found.gaps.append(f"{segment.path.name}: {missing} segments before it are missing")
    elif verify and before.damage is None and kernel is not None:
        ended, starts = digest_state(kernel.state), digest_state(fresh.state)
        if ended != starts:
            found.gaps.append(f"{segment.path.name}: does not start where the last one ended")
    return fresh


def _run(
    found: Replay, segment: Segment, kernel: Kernel, verify: bool, observe: Observer | None
) -> None:
    for event, expected in segment.events():
        commands = kernel.step(event)
        found.events += 1
        found.commands += len(commands)
        if observe is not None:
            observe(kernel, event, commands)
        if not verify:
            continue
        got = digest_of(commands) if commands else b""
        if got != expected:
            found.divergence = Divergence(
                segment.path.name,
                event.stamp.seq,
                type(event.body).__name__,
                expected.hex(),
                got.hex(),
                tuple(type(command).__name__ for command in commands),
            )
            return

"""A package from its edge to hedged on the kernel's desk, with every event and command kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from shared.domain import events as ev
from shared.domain.commands import Command
from shared.domain.enums import Venue
from shared.drivers.event_codec import encode_event
from shared.drivers.segment import RAW_SUFFIX, Header, SegmentWriter
from shared.engine.kernel import Kernel
from tests.support.kernel_desk import Desk

Step = tuple[ev.Event, list[Command]]


class _Recorded(Kernel):
    """A kernel that keeps what it was given and what it answered."""

    __slots__ = ("steps",)

    def __init__(self, build: str) -> None:
        super().__init__(build)
        self.steps: list[Step] = []

    def step(self, event: ev.Event) -> list[Command]:
        out = super().step(event)
        self.steps.append((event, list(out)))
        return out


def recorded_desk(more: Callable[[Desk], None] | None = None) -> tuple[Desk, list[Step]]:
    """Return the desk after one hedged package (and ``more``), and all steps since its start."""
    desk = Desk(kernel=_Recorded("test"))
    first = desk.open_edge()
    desk.sending(first)
    desk.answer(first)
    hedge = desk.tickets()[-1]
    desk.sending(hedge)
    desk.answer(hedge)
    for price in (50, 51, 52):
        desk.book(Venue.KALSHI, price, price + 2)
        desk.pass_time(1_000, seconds=True)
    if more is not None:
        more(desk)
    assert isinstance(desk.kernel, _Recorded)
    return desk, desk.kernel.steps


def write_raw(folder: Path, steps: list[Step], cuts: tuple[int, ...], run: str = "r-1") -> None:
    """Write steps as raw files of a run, a new file at each cut."""
    bounds = [0, *cuts, len(steps)]
    for number in range(len(bounds) - 1):
        part = steps[bounds[number] : bounds[number + 1]]
        path = folder / run / f"{number:06d}{RAW_SUFFIX}"
        writer = SegmentWriter(path, Header("test", run, "paper_sim", number, is_raw=True))
        writer.write_events([encode_event(event, commands) for event, commands in part])
        writer.close()

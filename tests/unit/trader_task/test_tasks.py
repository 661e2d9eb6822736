"""M-41: a failing task is said out loud and started again; an outage is not a crash."""

from __future__ import annotations

import asyncio

from shared.domain.errors import StoreError
from tests.support.virtual_clock import VirtualClock
from trader_task.tasks import Tasks


class Rig:
    def __init__(self, *errors: BaseException | None) -> None:
        self.clock = VirtualClock()
        self.errors = list(errors)
        self.runs = 0
        self.reports: list[tuple[str, bool]] = []
        self.tasks = Tasks(
            self.clock, lambda name, trace, third: self.reports.append((name, third))
        )

    async def work(self) -> None:
        self.runs += 1
        error = self.errors.pop(0) if self.errors else asyncio.CancelledError()
        if isinstance(error, asyncio.CancelledError):
            await asyncio.Event().wait()
        if error is not None:
            raise error


async def test_restarted_and_the_third_failure_in_a_minute_is_told() -> None:
    rig = Rig(RuntimeError("1"), RuntimeError("2"), None)
    rig.tasks.start("feed", rig.work)
    await rig.clock.advance(10)
    assert rig.runs == 4
    assert rig.reports == [("feed", False), ("feed", False), ("feed", True)]
    await rig.tasks.stop()


async def test_an_outage_is_waited_out_and_never_counted() -> None:
    rig = Rig(*(StoreError("away") for _ in range(6)))
    rig.tasks.start("control", rig.work)
    await rig.clock.advance(120)
    assert rig.runs == 7 and rig.reports == []
    await rig.tasks.stop()


async def test_every_repeats_with_a_pause() -> None:
    rig = Rig()
    turns: list[int] = []

    async def turn() -> None:
        turns.append(rig.clock.mono_ns())

    rig.tasks.every("halts", 1.0, turn)
    await rig.clock.advance(3.5)
    assert len(turns) == 4
    await rig.tasks.stop("halts")
    await rig.clock.advance(3)
    assert len(turns) == 4

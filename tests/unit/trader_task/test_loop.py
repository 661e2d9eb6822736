"""F-069, F-075: the loop stops after a raising step, survives a raising command."""

from __future__ import annotations

import asyncio

from shared.domain.commands import Command
from shared.domain.enums import HaltReason
from shared.domain.events import Event, HaltTaken, SecondTicked, TimerFired
from tests.support.trader_fakes import ScriptedKernel
from tests.support.virtual_clock import VirtualClock, settle
from trader_task.ingress import Ingress
from trader_task.loop import Loop
from trader_task.timers import Timers


class Rig:
    def __init__(self, kernel: ScriptedKernel, execute=lambda event, commands: None) -> None:  # type: ignore[no-untyped-def]
        self.clock = VirtualClock()
        self.kernel = kernel
        self.ingress = Ingress(self.clock, 100)
        self.fatal: list[str] = []
        self.reported: list[str] = []
        self.loop = Loop(
            kernel,
            self.ingress,
            self.clock,
            execute=execute,
            report=lambda event, trace: self.reported.append(trace),
            on_fatal=lambda event, trace: self.fatal.append(trace),
        )


async def test_events_are_stepped_in_order_without_being_awaited() -> None:
    rig = Rig(ScriptedKernel())
    for number in range(3):
        rig.ingress.put(TimerFired(str(number)))
    await settle()
    assert rig.kernel.bodies() == [TimerFired("0"), TimerFired("1"), TimerFired("2")]
    assert [e.stamp.seq for e in rig.kernel.events] == [1, 2, 3]


async def test_f075_a_raising_step_ends_stepping_for_good() -> None:
    def react(event: Event) -> list[Command]:
        raise RuntimeError("broken invariant")

    rig = Rig(ScriptedKernel(react))
    rig.ingress.put(SecondTicked())
    rig.ingress.put(SecondTicked())
    await settle()
    assert len(rig.kernel.events) == 1 and "broken invariant" in rig.fatal[0]
    rig.ingress.put(SecondTicked())
    await settle()
    assert len(rig.kernel.events) == 1


async def test_f075_third_failed_command_in_a_minute_pauses() -> None:
    def execute(event: Event, commands: object) -> None:
        if isinstance(event.body, SecondTicked):
            raise RuntimeError("no such command")

    rig = Rig(ScriptedKernel(), execute)
    for _ in range(2):
        rig.ingress.put(SecondTicked())
    await settle()
    assert len(rig.reported) == 2 and not any(isinstance(b, HaltTaken) for b in rig.kernel.bodies())
    rig.ingress.put(SecondTicked())
    await settle()
    last = rig.kernel.bodies()[-1]
    assert isinstance(last, HaltTaken) and last.halt.reason is HaltReason.CRASH_LOOP


async def test_three_failures_in_more_than_a_minute_do_not_pause() -> None:
    def execute(event: Event, commands: object) -> None:
        raise RuntimeError("no such command")

    rig = Rig(ScriptedKernel(), execute)
    for _ in range(3):
        rig.ingress.put(SecondTicked())
        await settle()
        rig.clock.move(31)
    assert rig.loop.failures == 3
    assert not any(isinstance(b, HaltTaken) for b in rig.kernel.bodies())


async def test_a_burst_does_not_starve_the_event_loop() -> None:
    rig = Rig(ScriptedKernel())
    for number in range(2_000):
        rig.ingress.put(TimerFired(str(number)))
    turns = 0
    while len(rig.ingress):
        turns += 1
        await asyncio.sleep(0)
    assert turns > 3
    assert len(rig.kernel.events) == 2_000


async def test_f069_a_timer_that_fires_early_is_armed_again() -> None:
    clock = VirtualClock()
    fired: list[object] = []
    timers = Timers(clock, fired.append)
    timers.arm("a", clock.mono_ns() + 2_000_000)
    await asyncio.sleep(0.01)
    assert not fired and len(timers) == 1, "real time passed, the monotonic clock did not"
    clock.move(0.002)
    await asyncio.sleep(0.01)
    assert fired == [TimerFired("a")] and len(timers) == 0


async def test_f069_arming_again_replaces_and_dropping_forgets() -> None:
    clock = VirtualClock()
    fired: list[object] = []
    timers = Timers(clock, fired.append)
    timers.arm("a", clock.mono_ns())
    timers.arm("a", clock.mono_ns())
    timers.arm("b", clock.mono_ns())
    timers.drop("b")
    timers.drop("never")
    await asyncio.sleep(0.005)
    assert fired == [TimerFired("a")]

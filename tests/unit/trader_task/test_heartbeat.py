"""F-088: three heartbeats that nobody took pause trading; one that was taken forgets them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from shared.domain.commands import RecordDecision
from shared.domain.enums import HaltReason
from shared.domain.events import EventBody, HaltTaken, Stamp
from tests.support.virtual_clock import VirtualClock
from trader_task.decisions import Decisions
from trader_task.heartbeat import Heartbeat

pytestmark = pytest.mark.usefixtures("inline_threads")


class Bus:
    def __init__(self) -> None:
        self.down = False
        self.taken: list[Mapping[str, Any]] = []

    def put_events(self, events: Sequence[Mapping[str, Any]]) -> None:
        if self.down:
            raise OSError("bus away")
        self.taken.extend(events)


async def deliver(decisions: Decisions, bus: Bus) -> None:
    """Let the delivery run until it has nothing left to do, or waits."""
    task = asyncio.create_task(decisions.deliver(bus))
    for _ in range(20):
        await asyncio.sleep(0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_f088_three_missed_heartbeats_pause_and_a_taken_one_forgets_them() -> None:
    bus, decisions, bodies = Bus(), Decisions("run", "build"), list[EventBody]()
    heart = Heartbeat(decisions, VirtualClock(), lambda: 7, bodies.append)
    bus.down = True
    for _ in range(3):
        await heart.beat()
        await deliver(decisions, bus)
    assert bodies == [], "the third is only now under way"
    await heart.beat()
    (body,) = bodies
    assert isinstance(body, HaltTaken) and body.halt.reason is HaltReason.ALERT_PATH
    assert body.halt.scope == "global" and not body.halt.is_freeze
    bus.down = False
    await deliver(decisions, bus)
    assert [event["kind"] for event in bus.taken] == ["heartbeat"] * 4
    bodies.clear()
    for _ in range(3):
        await heart.beat()
        await deliver(decisions, bus)
    assert bodies == [] and decisions.beats_missed == 0


async def test_other_events_do_not_stand_for_a_heartbeat() -> None:
    bus, decisions = Bus(), Decisions("run", "build")
    stamp = Stamp(1, 1, 1)
    decisions.beat(stamp)
    decisions.record(RecordDecision("fill", "x", "buy", ""), stamp, 0)
    bus.down = True
    await deliver(decisions, bus)
    assert decisions.beats_missed == 1

"""I-18: a halt stands in every store that can hold it, and survives each of them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from shared.domain.enums import HaltReason
from shared.domain.events import EventBody, Halt, HaltTaken
from tests.support.trader_fakes import MemoryControl, MemoryFlags
from tests.support.virtual_clock import VirtualClock
from trader_task.halts import Halts

pytestmark = pytest.mark.usefixtures("inline_threads")


class Rig:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.flags, self.control = MemoryFlags(), MemoryControl()
        self.clock = VirtualClock()
        self.bodies: list[EventBody] = []
        self.halts = self.make()

    def make(self) -> Halts:
        return Halts(self.flags, self.control, self.directory, self.clock, self.bodies.append)

    def halt(self, scope: str = "global", *, is_freeze: bool = False) -> Halt:
        return Halt(scope, HaltReason.OPERATOR, "me", self.clock.wall_ns(), is_freeze)


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


async def test_persisted_in_both_stores(rig: Rig) -> None:
    await rig.halts.persist(rig.halt())
    assert rig.flags.halts and rig.control.halts and rig.halts.unsaved == 0


async def test_f086_both_stores_down_the_file_survives_a_restart(rig: Rig) -> None:
    rig.flags.down = rig.control.down = True
    saving = asyncio.create_task(rig.halts.persist(rig.halt()))
    await rig.clock.advance(5)
    assert not saving.done() and rig.halts.unsaved == 2
    saving.cancel()
    rig.flags.down = rig.control.down = False
    assert [h.scope for h in await rig.make().read_all()] == ["global"]


async def test_stores_that_come_back_get_the_halt(rig: Rig) -> None:
    rig.flags.down = True
    saving = asyncio.create_task(rig.halts.persist(rig.halt()))
    await rig.clock.advance(2)
    assert rig.control.halts and not rig.flags.halts
    rig.flags.down = False
    await rig.clock.advance(2)
    assert saving.done() and rig.flags.halts


async def test_the_stricter_of_two_stores_wins(rig: Rig) -> None:
    rig.flags.put_halt(rig.halt())
    rig.control.put_halt(rig.halt(is_freeze=True))
    (halt,) = await rig.halts.read_all()
    assert halt.is_freeze


async def test_a_store_that_cannot_be_read_stops_start_up(rig: Rig) -> None:
    rig.control.down = True
    with pytest.raises(Exception, match="down"):
        await rig.halts.read_all()


async def test_poll_takes_over_what_others_wrote_once(rig: Rig) -> None:
    rig.control.put_halt(rig.halt("venue:kalshi"))
    rig.flags.down = True
    await rig.halts.poll()
    await rig.halts.poll()
    (body,) = rig.bodies
    assert isinstance(body, HaltTaken) and body.halt.scope == "venue:kalshi"


async def test_a_store_that_forgot_lifts_nothing(rig: Rig) -> None:
    await rig.halts.persist(rig.halt())
    rig.flags.halts.clear()
    rig.control.halts.clear()
    await rig.halts.poll()
    assert rig.halts.known() and not rig.bodies


async def test_a_lifted_halt_does_not_come_back_from_a_slow_store(rig: Rig) -> None:
    halt = rig.halt()
    await rig.halts.persist(halt)
    rig.clock.move(1)
    await rig.halts.drop("global", "operator", "me", "fine")
    assert not rig.flags.halts and not rig.control.halts and not rig.halts.known()
    rig.flags.put_halt(halt)
    await rig.halts.poll()
    assert not rig.bodies
    rig.clock.move(1)
    rig.flags.put_halt(rig.halt())  # a new one, after the resume
    await rig.halts.poll()
    assert len(rig.bodies) == 1


async def test_an_unreadable_file_is_a_halt(rig: Rig) -> None:
    (rig.directory / "halts.json").write_text("{broken")
    (halt,) = await rig.halts.read_all()
    assert halt.scope == "global" and "unreadable" in halt.note

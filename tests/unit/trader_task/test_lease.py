"""I-06, F-073, F-086: one trader trades, judged by monotonic time."""

from __future__ import annotations

import asyncio

import pytest

from shared.domain.events import EventBody, LeaseSeen
from tests.support.trader_fakes import MemoryFlags, MemoryJournal
from tests.support.virtual_clock import VirtualClock, settle
from trader_task.gate import Permission
from trader_task.lease import LEASE_NS, LeaseKeeper, LeaseLost

pytestmark = pytest.mark.usefixtures("inline_threads")
S = 10**9


class Host:
    def __init__(self, flags: MemoryFlags, journal: MemoryJournal, clock: VirtualClock, name: str):
        self.bodies: list[EventBody] = []
        self.permission = Permission()
        self.clock = clock
        self.lease = LeaseKeeper(
            flags,
            journal,
            clock,
            self.permission,
            holder=name,
            build="b",
            sink=self.bodies.append,
        )

    def left(self) -> float:
        return (self.permission.lease_until_mono_ns - self.clock.mono_ns()) / S


@pytest.fixture
def flags() -> MemoryFlags:
    return MemoryFlags()


@pytest.fixture
def journal() -> MemoryJournal:
    return MemoryJournal()


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


async def test_epoch_and_fencing_are_one_number(
    flags: MemoryFlags, journal: MemoryJournal, clock: VirtualClock
) -> None:
    journal.fencing = 41  # the live store was rebuilt, Postgres remembers
    host = Host(flags, journal, clock, "a")
    assert await host.lease.take(is_handover=False, versions={}) == 42
    assert flags.lease is not None and flags.lease.epoch == journal.fencing == 42
    assert host.bodies == [LeaseSeen(42, clock.mono_ns() + LEASE_NS)]


async def test_f073_successor_waits_35_s_from_the_last_renewal_seen(
    flags: MemoryFlags, journal: MemoryJournal, clock: VirtualClock
) -> None:
    old, new = Host(flags, journal, clock, "old"), Host(flags, journal, clock, "new")
    await old.lease.take(is_handover=False, versions={})
    taking = asyncio.create_task(new.lease.take(is_handover=False, versions={}))
    await clock.advance(10)
    await old.lease.renew_once()  # still alive: the count starts again
    await clock.advance(34)
    assert not taking.done()
    await clock.advance(3)
    assert taking.done() and old.left() < 0, "the old lease ended before the new one began"
    with pytest.raises(LeaseLost):
        await old.lease.renew_once()
    assert old.bodies[-1] == LeaseSeen(1, 0)


async def test_handover_within_one_supervisor_is_immediate(
    flags: MemoryFlags, journal: MemoryJournal, clock: VirtualClock
) -> None:
    first, second = Host(flags, journal, clock, "parent"), Host(flags, journal, clock, "parent")
    await first.lease.take(is_handover=False, versions={})
    assert await second.lease.take(is_handover=True, versions={}) == 2


async def test_handover_does_not_cover_another_supervisor(
    flags: MemoryFlags, journal: MemoryJournal, clock: VirtualClock
) -> None:
    first, second = Host(flags, journal, clock, "one"), Host(flags, journal, clock, "two")
    await first.lease.take(is_handover=False, versions={})
    taking = asyncio.create_task(second.lease.take(is_handover=True, versions={}))
    await clock.advance(30)
    assert not taking.done()
    taking.cancel()


async def test_clean_release_needs_no_wait(
    flags: MemoryFlags, journal: MemoryJournal, clock: VirtualClock
) -> None:
    first, second = Host(flags, journal, clock, "one"), Host(flags, journal, clock, "two")
    await first.lease.take(is_handover=False, versions={})
    await first.lease.release()
    assert first.permission.lease_until_mono_ns == 0
    assert await second.lease.take(is_handover=False, versions={}) == 2


async def test_f086_store_away_the_lease_runs_out_and_comes_back(
    flags: MemoryFlags, journal: MemoryJournal, clock: VirtualClock
) -> None:
    host = Host(flags, journal, clock, "a")
    await host.lease.take(is_handover=False, versions={})
    keeping = asyncio.create_task(host.lease.keep())
    await clock.advance(6)
    assert host.left() > 27
    flags.down = True
    await clock.advance(11)
    assert host.left() < 20, "openings are off within ten seconds"
    await clock.advance(20)
    assert host.left() < 0 and host.bodies[-1] == LeaseSeen(1, 0)
    flags.down = False
    await clock.advance(3)
    assert host.left() > 26, "nobody took it meanwhile, so it is ours again"
    keeping.cancel()
    await settle()


async def test_f067_wall_clock_steps_do_not_move_the_lease(
    flags: MemoryFlags, journal: MemoryJournal, clock: VirtualClock
) -> None:
    host = Host(flags, journal, clock, "a")
    await host.lease.take(is_handover=False, versions={})
    clock.step_wall(-3600)
    assert host.left() == 30
    clock.step_wall(7200)
    assert host.left() == 30


async def test_slow_store_shortens_the_lease(
    flags: MemoryFlags, journal: MemoryJournal, clock: VirtualClock
) -> None:
    host = Host(flags, journal, clock, "a")
    await host.lease.take(is_handover=False, versions={})
    renew = flags.renew_lease

    def slow(lease):  # type: ignore[no-untyped-def]
        clock.move(4)
        return renew(lease)

    flags.renew_lease = slow  # type: ignore[method-assign]
    await host.lease.renew_once()
    assert host.left() == 26


async def test_stopping_leaves_enough_to_reduce_but_not_to_open(
    flags: MemoryFlags, journal: MemoryJournal, clock: VirtualClock
) -> None:
    host = Host(flags, journal, clock, "a")
    await host.lease.take(is_handover=False, versions={})
    host.lease.stop_openings()
    assert host.bodies[-1] == LeaseSeen(1, clock.mono_ns() + 19 * S)
    await host.lease.renew_once()
    assert isinstance(host.bodies[-1], LeaseSeen) and len(host.bodies) == 2


async def test_release_after_a_renewal_whose_answer_was_lost(
    flags: MemoryFlags, journal: MemoryJournal, clock: VirtualClock
) -> None:
    host = Host(flags, journal, clock, "a")
    await host.lease.take(is_handover=False, versions={})
    assert flags.lease is not None
    flags.renew_lease(flags.lease)
    await host.lease.release()
    assert flags.lease.is_released

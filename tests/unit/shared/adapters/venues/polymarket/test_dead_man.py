"""Heartbeats exactly while an order may rest: in virtual time, against a scripted venue."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from shared.adapters.venues.polymarket.dead_man import DeadMan
from shared.domain.errors import StoreError
from tests.support.virtual_clock import VirtualClock, settle

ORDER = "0x" + "aB" * 32


@dataclass
class Row:
    id: str


@dataclass
class Desk:
    """A venue that gives out ids, may expect another one, may be away."""

    expected: str = ""
    live: list[Row] = field(default_factory=lambda: [Row(ORDER.lower())])
    heard: list[str] = field(default_factory=list)
    away: int = 0

    async def heartbeat(self, beat_id: str) -> tuple[str, bool]:
        self.heard.append(beat_id)
        if self.away:
            self.away -= 1
            raise StoreError("away")
        if beat_id != self.expected:
            return self.expected, False
        self.expected = f"id{len(self.heard)}"
        return self.expected, True

    async def open_orders(self) -> list[Row]:
        return self.live


class Bench:
    def __init__(self, desk: Desk) -> None:
        self.desk, self.clock = desk, VirtualClock()
        rest: Any = desk
        self.man = DeadMan(rest, self.clock)

    async def __aenter__(self) -> Bench:
        self.task = asyncio.create_task(self.man.run())
        await settle()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def test_nothing_rests_so_nothing_is_sent() -> None:
    async with Bench(Desk()) as bench:
        await bench.clock.advance(60)
        assert bench.desk.heard == [] and not bench.man.is_needed


async def test_a_beat_at_once_and_each_five_seconds_with_the_id_given_last() -> None:
    async with Bench(Desk()) as bench:
        bench.man.may_rest(ORDER)
        await bench.clock.advance(11)
        assert bench.desk.heard == ["", "id1", "id2"]


async def test_it_ends_with_the_last_order_and_begins_again_with_the_next() -> None:
    async with Bench(Desk()) as bench:
        bench.man.may_rest(ORDER)
        await bench.clock.advance(1)
        bench.man.ended(ORDER.upper().replace("0X", "0x"))
        await bench.clock.advance(60)
        assert len(bench.desk.heard) == 1
        bench.man.may_rest(ORDER)
        await bench.clock.advance(1)
        assert bench.desk.heard == ["", "id1"]


async def test_an_order_that_the_venue_no_longer_lists_is_forgotten() -> None:
    async with Bench(Desk(live=[])) as bench:
        bench.man.may_rest(ORDER)
        await bench.clock.advance(4)
        assert bench.man.is_needed  # too young to be listed
        await bench.clock.advance(8)
        assert not bench.man.is_needed


async def test_another_id_that_the_venue_expects_is_used_at_once() -> None:
    async with Bench(Desk(expected="other")) as bench:
        bench.man.may_rest(ORDER)
        await bench.clock.advance(1)
        assert bench.desk.heard == ["", "other"] and bench.man.beats == 1


@pytest.mark.parametrize("away", [1, 3])
async def test_a_failed_beat_is_repeated_within_the_venue_s_patience(away: int) -> None:
    async with Bench(Desk(away=away)) as bench:
        bench.man.may_rest(ORDER)
        await bench.clock.advance(away + 0.5)
        assert bench.man.beats == 1 and len(bench.desk.heard) == away + 1

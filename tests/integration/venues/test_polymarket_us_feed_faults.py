"""Frames lost, doubled, mixed up and spoilt: the book is right again, or said not to be."""

from __future__ import annotations

import asyncio
import random

import pytest

from shared.domain.enums import BookState
from shared.domain.events import BookMarked, BookReplaced
from tests.contract.polymarket_us.test_feed import Heard, feed, until
from tests.support.polymarket_us_world import RAIN, RATE, Lab, polymarket_us_lab


def is_true(lab: Lab, heard: Heard, slug: str) -> bool:
    """Say whether our book is the exchange's own, and called good."""
    market = lab.instrument(slug).market_id
    ours, theirs = heard.books.get(market), lab.exchange.book(market)
    return (
        ours is not None
        and heard.is_synced(slug)
        and dict(ours.bids) == dict(theirs.bids)
        and dict(ours.asks) == dict(theirs.asks)
    )


async def move(lab: Lab, steps: int, seed: int = 1) -> None:
    """Move both books as a busy market does."""
    rng = random.Random(seed)
    for _ in range(steps):
        for slug in (RATE, RAIN):
            middle = rng.randrange(20, 80)
            bids = {middle - n: rng.randrange(1, 90) for n in range(1, 4)}
            asks = {middle + n: rng.randrange(1, 90) for n in range(1, 4)}
            lab.set_book(slug, bids, asks)
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("key", "form", "ppm"),
    [
        ("ws.dup", "", 1_000_000),
        ("ws.reorder", "", 300_000),
        ("u.ws.drop", "", 300_000),
        ("ts.shift", "", 300_000),
        ("ws.garbage", "cut", 300_000),
        ("ws.garbage", "deep", 300_000),
        ("ws.garbage", "nan", 300_000),
        ("ws.garbage", "binary", 300_000),
        ("ws.garbage", "enum", 300_000),
    ],
)
async def test_f001_f003_f011_f095_spoilt_frames_leave_no_wrong_book_behind(
    key: str, form: str, ppm: int
) -> None:
    async with polymarket_us_lab() as lab:
        await move(lab, 1)
        async with feed(lab, RATE, RAIN) as heard:
            lab.switch_on(key, form=form, ppm=ppm)
            await move(lab, 60)
            assert lab.world.faults.hits(key) >= 3
            lab.world.faults.switch_off(key)
            # No frame comes any more: what was lost at the end must be noticed without one.
            await until(lambda: is_true(lab, heard, RATE) and is_true(lab, heard, RAIN), 20)
            await move(lab, 5, seed=2)
            await until(lambda: is_true(lab, heard, RATE) and is_true(lab, heard, RAIN))


async def test_f003_frames_of_a_former_connection_are_outlived() -> None:
    async with polymarket_us_lab() as lab:
        await move(lab, 1)
        async with feed(lab, RATE, RAIN) as heard:
            await move(lab, 5)
            lab.switch_on("ws.replay_old_generation")
            lab.world.drop_connections(lab.instrument(RATE).venue)
            market = lab.instrument(RATE).market_id
            await until(lambda: heard.states[market] is BookState.GAPPED)
            lab.set_book(RATE, {10: 5}, {12: 5})
            await until(lambda: lab.world.faults.hits("ws.replay_old_generation") > 0)
            lab.world.faults.switch_off("ws.replay_old_generation")
            await until(lambda: is_true(lab, heard, RATE) and is_true(lab, heard, RAIN), 20)


async def test_f083_a_partition_of_the_feed_is_said_before_ten_seconds() -> None:
    async with polymarket_us_lab() as lab:
        await move(lab, 1)
        async with feed(lab, RATE, RAIN) as heard:
            lab.switch_on("partition", form="in")
            lab.set_book(RATE, {10: 5}, {12: 5})
            await until(lambda: not heard.is_synced(RATE) and not heard.is_synced(RAIN), 10)
            marks = [b for b in heard.bodies if isinstance(b, BookMarked)]
            assert marks[-1].state is BookState.GAPPED and "silent" in marks[-1].reason
            lab.world.faults.switch_off("partition")
            await until(lambda: is_true(lab, heard, RATE) and is_true(lab, heard, RAIN), 20)


async def test_f003_a_book_that_repeats_is_proof_not_a_change() -> None:
    async with polymarket_us_lab() as lab:
        await move(lab, 1)
        async with feed(lab, RATE, RAIN) as heard:
            before = sum(isinstance(body, BookReplaced) for body in heard.bodies)
            lab.switch_on("ws.dup")
            lab.set_book(RATE, {10: 5}, {12: 5})
            await until(lambda: is_true(lab, heard, RATE))
            await asyncio.sleep(0.2)
            after = sum(isinstance(body, BookReplaced) for body in heard.bodies)
            assert after - before == 1

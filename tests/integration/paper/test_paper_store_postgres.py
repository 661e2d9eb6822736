"""The paper venue over its Postgres tables: durable before told, loss of the database."""

from __future__ import annotations

import asyncio

import pytest
from psycopg_pool import AsyncConnectionPool

from shared.adapters.venues.paper.settings import PaperSettings
from shared.adapters.venues.paper.store import ATTEMPTS, PostgresPaperStore
from shared.domain.enums import Venue
from shared.domain.errors import StoreError
from shared.domain.order import Acked, EvidenceKind, Rejected
from shared.exchange.records import FILLS, ORDERS, Record
from tests.support.markets import ct, usd
from tests.unit.shared.adapters.venues.paper.test_paper_venue import SURE, Desk

pytestmark = pytest.mark.postgres


async def test_records_come_back_as_they_were_saved(postgres_dsn: str) -> None:
    async with AsyncConnectionPool(postgres_dsn, min_size=1, max_size=2) as pool:
        store = PostgresPaperStore(pool)
        rows = [
            Record(ORDERS, "o1", {"qty": 5_000_000, "reason": "", "budget_usd": None}),
            Record(FILLS, "t1/o1", {"price": 420_000}),
            Record(ATTEMPTS, "a2", {"reason": "no_cash", "at_ns": 1_800_000_000 * 10**9}),
        ]
        await store.save(Venue.KALSHI, rows)
        await store.save(Venue.KALSHI, [Record(ORDERS, "o1", {"qty": 7})])
        await store.save(Venue.POLYMARKET, [Record(ORDERS, "o1", {"qty": 9})])
        found = {(r.table, r.key): r.document for r in await store.load(Venue.KALSHI)}
        assert found == {
            (ORDERS, "o1"): {"qty": 7},
            (FILLS, "t1/o1"): {"price": 420_000},
            (ATTEMPTS, "a2"): {"reason": "no_cash", "at_ns": 1_800_000_000 * 10**9},
        }


async def test_an_account_lives_on_in_a_new_process(postgres_dsn: str) -> None:
    async with AsyncConnectionPool(postgres_dsn, min_size=1, max_size=2) as pool:
        store = PostgresPaperStore(pool)
        desk = Desk(Venue.POLYMARKET, store=store, settings=PaperSettings(finality=SURE))  # type: ignore[arg-type]
        await desk.venue.open()
        filled = desk.encoded("buy no 20 @ 0.60 ioc")
        missed = desk.encoded("sell yes 9 @ 0.40 ioc")
        assert isinstance(await sent(desk, filled), Acked)
        assert isinstance(await sent(desk, missed), Rejected)
        before = await desk.venue.fetch_snapshot()
        again = Desk(Venue.POLYMARKET, store=PostgresPaperStore(pool))  # type: ignore[arg-type]
        again.clock.move(5)
        await again.venue.open()
        after = await again.venue.fetch_snapshot()
        assert after.cash == before.cash < usd("5000")
        assert after.positions == before.positions
        evidence = await again.venue.find_evidence([filled.ticket, missed.ticket])
        assert [(e.kind, e.cum_qty) for e in evidence] == [
            (EvidenceKind.FILLED, ct("20")),
            (EvidenceKind.ABSENT, 0),
        ]


async def test_a_lost_database_is_a_store_error(empty_dsn: str) -> None:
    async with AsyncConnectionPool(empty_dsn, min_size=1, max_size=1) as pool:
        store = PostgresPaperStore(pool)
        with pytest.raises(StoreError):
            await store.load(Venue.KALSHI)
        with pytest.raises(StoreError):
            await store.save(Venue.KALSHI, [Record(ORDERS, "o1", {})])


async def sent(desk: Desk, order):  # type: ignore[no-untyped-def]
    """Send over a store that needs real time for its answer."""
    task = asyncio.create_task(desk.venue.send(order, lambda: None))
    for _ in range(200):
        await desk.clock.advance(0.02)
        await asyncio.sleep(0.01)
        if task.done():
            return task.result()
    raise AssertionError("no answer")

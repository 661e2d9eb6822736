"""Our own executions: each is told once, with its owner if there is one, and none is lost."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from shared.adapters.venues.polymarket_us import capabilities as cap
from shared.adapters.venues.polymarket_us.account import read_trade
from shared.adapters.venues.polymarket_us.errors import WireTally
from shared.adapters.venues.polymarket_us.evidence import AttemptMemory, Trade
from shared.adapters.venues.polymarket_us.parsing import OrderFacts, read_order
from shared.adapters.venues.polymarket_us.schemas import Order, TradeRow
from shared.adapters.venues.polymarket_us.signing import Signer
from shared.adapters.venues.polymarket_us.user_stream import UserStream
from shared.domain.enums import Venue
from shared.domain.events import EventBody, FillSeen, TradeFinality
from shared.domain.ids import AttemptId
from tests.support.polymarket_us_world import KEY_ID, RATE, SEED
from tests.support.virtual_clock import VirtualClock
from tests.unit.shared.adapters.venues.polymarket_us.test_answers import FILL, ORDER
from tests.unit.shared.adapters.venues.polymarket_us.test_execution import wanted

TRADE = {
    "id": "t1",
    "marketSlug": RATE,
    "price": {"value": "0.42", "currency": "USD"},
    "state": "TRADE_STATE_CLEARED",
    "qtyDecimal": "2.0000",
    "createTime": "2026-11-18T00:00:01Z",
    "isAggressor": True,
}


class Account:
    """What the records show: trades, and orders by their id."""

    def __init__(self) -> None:
        self.trades: list[Trade] = []
        self.voided: list[str] = []
        self.orders: dict[str, OrderFacts] = {}

    async def read_trades(
        self, since_wall_ns: int, *, slug: str = "", on_voided: Callable[[str], None]
    ) -> list[Trade]:
        del since_wall_ns, slug
        for trade_id in self.voided:
            on_voided(trade_id)
        return list(self.trades)

    async def read_order(self, order_id: str) -> OrderFacts | None:
        return self.orders.get(order_id)


class Bench:
    def __init__(self) -> None:
        self.clock, self.tally, self.account = VirtualClock(), WireTally(), Account()
        self.memory = AttemptMemory(0, 0)
        self.seen: list[EventBody] = []
        self.stream = UserStream(
            cap.Endpoints("http://g.test", "http://a.test"),
            Signer.from_secret(KEY_ID, SEED),
            self.account,  # type: ignore[arg-type]
            self.memory,
            self.clock,
            self.tally,
            random.Random(1),
        )
        self.stream._sink = self.seen.append
        self.stream._connection.life = 1

    def hear(self, execution: Mapping[str, Any], life: int = 1) -> None:
        update = {"orderSubscriptionUpdate": {"execution": execution}}
        self.stream._on_frame(life, json.dumps(update))

    @property
    def fills(self) -> list[tuple[str, AttemptId | None, int]]:
        told = [body.fill for body in self.seen if isinstance(body, FillSeen)]
        return [(fill.trade_id, fill.attempt_id, fill.fee) for fill in told]


def order_facts(**changes: object) -> OrderFacts:
    return read_order(msgspec.convert({**ORDER, **changes}, Order, strict=False))


async def test_a_frame_that_repeats_is_one_fill_and_one_of_a_former_life_none() -> None:
    bench, asked = Bench(), wanted()
    bench.memory.link("o1", asked.attempt_id)
    bench.hear(FILL, life=0)
    assert bench.fills == []
    bench.hear(FILL)
    bench.hear(FILL)
    assert bench.fills == [("t1", asked.attempt_id, 30_000)]


async def test_an_execution_waits_for_its_owner_and_after_two_seconds_is_nobodys() -> None:
    bench, asked = Bench(), wanted()
    bench.hear(FILL)
    bench.stream._retry_waiting()
    bench.clock.move(1.0)
    bench.stream._retry_waiting()
    assert bench.fills == [] and bench.stream._sweep_now.is_set()
    bench.memory.link("o1", asked.attempt_id)
    bench.stream._retry_waiting()
    assert bench.fills == [("t1", asked.attempt_id, 30_000)]

    other = Bench()
    other.hear(FILL)
    for _ in range(3):  # looked at again and again, its wait is counted from the first time
        other.clock.move(0.9)
        other.stream._retry_waiting()
    assert other.fills == [("t1", None, 30_000)] and other.stream._waiting == []


async def test_a_fill_that_no_frame_told_is_found_in_the_records() -> None:
    bench, asked = Bench(), wanted()
    bench.memory.link("o1", asked.attempt_id)
    bench.memory.note_order(order_facts(cumQuantity=0, leavesQuantity=2, state="ORDER_STATE_NEW"))
    bench.account.trades = [read_trade(msgspec.convert(TRADE, TradeRow, strict=False))]
    bench.account.orders["o1"] = order_facts()
    await bench.stream._sweep()
    await bench.stream._sweep()
    assert bench.fills == [("t1", asked.attempt_id, 30_000)]
    assert bench.tally.counts["unexplained_trade"] == 0
    bench.hear(FILL)
    assert len(bench.fills) == 1, "its frame comes at last and is no second fill"


async def test_a_trade_that_fits_nothing_of_ours_is_counted() -> None:
    bench = Bench()
    bench.account.trades = [read_trade(msgspec.convert(TRADE, TradeRow, strict=False))]
    await bench.stream._sweep()
    assert bench.fills == [] and bench.tally.counts["unexplained_trade"] == 1


async def test_a_busted_trade_is_told_once_and_only_if_it_was_told_before() -> None:
    bench, asked = Bench(), wanted()
    bench.memory.link("o1", asked.attempt_id)
    bench.hear(FILL)
    bench.account.voided = ["t1", "a-strangers"]
    await bench.stream._sweep()
    await bench.stream._sweep()
    failed = [body for body in bench.seen if isinstance(body, TradeFinality)]
    assert failed == [TradeFinality(Venue.POLYMARKET_US, "t1", is_final=False)]


async def test_what_cannot_be_read_starts_a_sweep_and_a_refusal_a_new_connection() -> None:
    bench = Bench()
    for frame in ("", "[]", "{", '{"orderSubscriptionUpdate":{"execution":{"id":"x"}}}'):
        bench.stream._sweep_now.clear()
        bench.stream._on_frame(1, frame)
        assert bench.stream._sweep_now.is_set(), frame
    bench.stream._on_frame(1, '{"error":"no such subscription","requestId":"orders-1"}')
    assert bench.stream._connection._replace.is_set() and bench.tally.counts["user_error"] == 1

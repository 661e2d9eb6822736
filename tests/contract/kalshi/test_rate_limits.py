"""The simulated venue meters as documented, and our adapter lives within it."""

from __future__ import annotations

import asyncio

import aiohttp

from shared.domain.enums import Outcome, Side, Venue
from shared.domain.order import Acked, Rejected, SubmitOutcome
from shared.exchange.fault_plan import FaultWindow
from shared.simulators.kalshi_server.limits import TIERS
from tests.support.kalshi_world import COIN, RATE, Lab, kalshi_lab, ticket

ORDERS = "/trade-api/v2/portfolio/events/orders"


async def raw_orders(lab: Lab, count: int, body: bytes) -> list[tuple[int, str]]:
    """Send signed orders without any budget of ours; returns (status, text)."""
    rest = lab.venue.rest
    answers = [
        await rest.send(rest.build("POST", ORDERS.removeprefix("/trade-api/v2"), body=body))
        for _ in range(count)
    ]
    return [(answer.status, answer.body.decode()) for answer in answers if answer is not None]


async def test_429_has_the_documented_body_and_each_shard_its_own_bucket() -> None:
    async with kalshi_lab() as lab:
        answers = await raw_orders(lab, 14, b'{"exchange_index":2}')
        refused = [row for row in answers if row[0] == 429]
        assert {text for _, text in refused} == {'{"error":"too many requests"}'}
        assert [status for status, _ in answers[:10]] == [400] * 10
        other = await raw_orders(lab, 1, b'{"exchange_index":3}')
        assert other[0][0] == 400, "another shard has a bucket of its own"
        unnamed = await raw_orders(lab, 1, b"{}")
        assert unnamed[0][0] == 429, "without a shard every bucket is charged"


async def test_cancels_cost_two_tokens() -> None:
    async with kalshi_lab() as lab:
        rest = lab.venue.rest
        path = ORDERS.removeprefix("/trade-api/v2") + "/none"
        query = {"exchange_index": 2, "market_ticker": COIN}
        statuses = [
            getattr(await rest.send(rest.build("DELETE", path, query=query)), "status", 0)
            for _ in range(50)
        ]
        assert statuses.count(404) >= 50 - 2


async def test_the_adapter_adopts_the_limits_of_its_account() -> None:
    async with kalshi_lab(tier="premier") as lab:
        await lab.venue.execution.warm()
        budget = lab.venue.rest.budget
        assert budget.tier == "premier"
        assert budget.reads.capacity == TIERS["premier"].read - 40
        assert budget.writes(7, 0).capacity == 2 * TIERS["premier"].write - 10


async def test_f024_a_429_is_a_refusal_then_the_hedge_waits_cost_over_refill() -> None:
    async with kalshi_lab() as lab:
        lab.set_book(RATE, {40: 1000}, {42: 1000})
        now = lab.world.now_ns()
        lab.world.faults.switch_on(FaultWindow("k.bucket", now, now + 600_000_000_000))
        outcome = await place_known(lab)
        assert isinstance(outcome, Rejected) and outcome.reason == "rate_limited"
        lab.world.faults.switch_off("k.bucket")
        again = await place_known(lab)
        assert isinstance(again, Rejected) and again.reason.startswith("local")
        clock = lab.venue.rest.clock
        wait = lab.venue.rest.budget.writes(0, clock.mono_ns()).wait_ns(10, clock.mono_ns())
        assert 0 < wait <= 150_000_000
        await clock.sleep(wait / 1e9)
        assert isinstance(await place_known(lab), Acked)


async def place_known(lab: Lab) -> SubmitOutcome:
    """Place one hedge with an instrument that was read from the world, not over the wire."""
    market = lab.world.find_native(Venue.KALSHI, RATE)
    assert market is not None
    wanted = ticket(market.instrument, Outcome.YES, Side.BUY, 42, 1)
    encoded = lab.venue.execution.encode(wanted, market.instrument)
    outcome = await lab.venue.execution.send(encoded, lambda: None)
    assert outcome is not None
    return outcome


async def test_i23_no_429_without_a_fault_whatever_is_asked_at_once() -> None:
    async with kalshi_lab() as lab:
        lab.set_book(RATE, {40: 1000}, {42: 1000})
        account = lab.venue.account
        await lab.venue.execution.warm()
        outcomes = [await place_known(lab) for _ in range(20)]
        reads = await asyncio.gather(*(account.read_orders() for _ in range(55)))
        assert len(reads) == 55
        assert all(
            isinstance(o, Acked) or (isinstance(o, Rejected) and o.reason.startswith("local"))
            for o in outcomes
        )
        assert lab.venue.rest.budget.refusals == 0


async def test_reads_answered_429_are_asked_again() -> None:
    async with kalshi_lab() as lab:
        now = lab.world.now_ns()
        lab.world.faults.switch_on(FaultWindow("k.bucket", now, now + 60_000_000))
        await lab.venue.account.read_orders()
        assert lab.venue.rest.budget.refusals >= 1


async def test_endpoint_costs_are_listed_and_strangers_are_not_metered() -> None:
    async with kalshi_lab() as lab, aiohttp.ClientSession() as http:
        body = await lab.venue.rest.get_bytes("/account/endpoint_costs")
        assert b'"cost":2' in body
        for _ in range(60):
            url = lab.endpoints.rest + "/trade-api/v2/exchange/status"
            async with http.get(url) as answer:
                assert answer.status == 200

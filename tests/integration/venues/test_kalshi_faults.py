"""Faults of the catalogue at the simulated Kalshi, and what our adapter makes of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest

from shared.domain.enums import Outcome, Side, TimeInForce, Venue
from shared.domain.errors import StoreError, WireError
from shared.domain.events import EventBody, FillSeen, TradeFinality
from shared.domain.order import (
    Acked,
    AckStatus,
    EvidenceKind,
    LegTicket,
    Rejected,
    SubmitOutcome,
    Unknown,
)
from shared.domain.units import NS_PER_S
from shared.exchange.fault_plan import FaultWindow
from tests.support.kalshi_world import (
    ACCOUNT,
    RATE,
    Lab,
    contracts,
    kalshi_lab,
    ticket,
)


def strike(lab: Lab, key: str, seconds: float = 60.0, **more: object) -> None:
    """Put a fault in force from now on."""
    now = lab.world.now_ns()
    until = now + int(seconds * NS_PER_S)
    lab.world.faults.switch_on(FaultWindow(key, now, until, **more))  # type: ignore[arg-type]


async def place(lab: Lab, wanted: LegTicket) -> SubmitOutcome:
    instrument = (await lab.instruments())[wanted.market_id.split(":")[1]]
    order = lab.venue.execution.encode(wanted, instrument)
    outcome = await lab.venue.execution.send(order, lambda: None)
    assert outcome is not None
    return outcome


async def until(condition: Callable[[], bool], seconds: float = 12.0) -> None:
    """Wait for something that is due; the bound only ends a broken test."""
    for _ in range(int(seconds / 0.02)):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("did not happen")


@asynccontextmanager
async def open_lab() -> AsyncIterator[tuple[Lab, Callable[..., LegTicket]]]:
    """A lab with a book, its clock running, and a maker of tickets of its market."""
    async with kalshi_lab() as lab:
        lab.set_book(RATE, {40: 100}, {42: 30, 43: 90})
        rate = (await lab.instruments())[RATE]
        life = asyncio.create_task(lab.world.run())

        def wanted(qty: int = 10, price: int = 42, **more: object) -> LegTicket:
            return ticket(rate, Outcome.YES, Side.BUY, price, qty, **more)  # type: ignore[arg-type]

        try:
            yield lab, wanted
        finally:
            life.cancel()
            await asyncio.gather(life, return_exceptions=True)


@asynccontextmanager
async def listening(lab: Lab) -> AsyncIterator[list[EventBody]]:
    seen: list[EventBody] = []
    stream = asyncio.create_task(lab.venue.execution.run_user_stream(seen.append))
    try:
        yield seen
    finally:
        stream.cancel()
        await asyncio.gather(stream, return_exceptions=True)


@pytest.mark.parametrize(
    ("key", "form", "reason"),
    [
        ("k.limit", "", "market_limit"),
        ("k.group", "", "group_limit"),
        ("k.stp", "refused", "self_cross"),
    ],
)
async def test_f031_limits_of_the_venue_are_refusals(key: str, form: str, reason: str) -> None:
    async with open_lab() as (lab, wanted):
        strike(lab, key, form=form, most=1)
        refused = await place(lab, wanted())
        assert isinstance(refused, Rejected) and refused.reason == reason
        assert not lab.exchange.orders(ACCOUNT)
        assert isinstance(await place(lab, wanted()), Acked), "nothing lasts on our side"


async def test_f031_what_self_trade_prevention_kept_of_a_fill_or_kill_is_a_fill() -> None:
    async with open_lab() as (lab, wanted):
        strike(lab, "k.stp", amount=40)
        asked = wanted(tif=TimeInForce.FOK)
        kept = await place(lab, asked)
        assert isinstance(kept, Acked) and kept.status is AckStatus.DONE
        assert kept.cum_qty == contracts(4) and kept.cost_usd == 4 * 420_000
        [proof] = await lab.venue.execution.find_evidence([asked])
        assert (proof.kind, proof.cum_qty) == (EvidenceKind.FILLED, contracts(4))


async def test_f031_our_own_resting_order_stops_a_fill_or_kill_part_way() -> None:
    """Without any fault: the venue's documented behaviour, met by our own order."""
    async with open_lab() as (lab, wanted):
        rate = (await lab.instruments())[RATE]
        resting = ticket(rate, Outcome.NO, Side.BUY, 57, 5, tif=TimeInForce.GTC)
        lab.set_book(RATE, {40: 100}, {42: 6})
        assert isinstance(await place(lab, resting), Acked)
        part = await place(lab, wanted(20, 43, tif=TimeInForce.FOK))
        assert isinstance(part, Acked) and part.cum_qty == contracts(6)


async def test_f032_a_busted_trade_is_told_as_failed_after_two_readings() -> None:
    async with open_lab() as (lab, wanted), listening(lab) as seen:
        cash = lab.exchange.cash(ACCOUNT)
        strike(lab, "k.bust", amount=1_500)
        assert isinstance(await place(lab, wanted()), Acked)
        assert isinstance(await place(lab, wanted(2, 43)), Acked)
        lab.world.faults.switch_off("k.bust")
        kept = await place(lab, wanted(3, 43))
        assert isinstance(kept, Acked)
        await until(lambda: sum(isinstance(b, TradeFinality) for b in seen) == 2, 25.0)
        failed = [b for b in seen if isinstance(b, TradeFinality)]
        fills = {b.fill.trade_id: b.fill for b in seen if isinstance(b, FillSeen)}
        assert {fills[f.trade_id].qty for f in failed} == {contracts(10), contracts(2)}
        assert not any(f.is_final for f in failed) and failed[0].venue is Venue.KALSHI
        position = lab.exchange.position(ACCOUNT, fills[failed[0].trade_id].market_id)
        assert position.yes == contracts(3)
        spent = sum(f.amount_usd + f.fee_usd for f in lab.exchange.fills(ACCOUNT)[-1:])
        assert lab.exchange.cash(ACCOUNT) == cash - spent


async def test_f032_f065_records_that_lag_are_no_bust() -> None:
    async with open_lab() as (lab, wanted), listening(lab) as seen:
        assert isinstance(await place(lab, wanted()), Acked)
        await until(lambda: any(isinstance(b, FillSeen) for b in seen))
        strike(lab, "rest.cut_page", form="stale", amount=120_000)
        await asyncio.sleep(12.5)
        assert not [b for b in seen if isinstance(b, TradeFinality)]
        assert lab.venue.tally.counts["trade_busted"] == 0


async def test_f032_a_repriced_trade_is_counted_and_its_cash_does_not_add_up() -> None:
    async with open_lab() as (lab, wanted), listening(lab) as seen:
        strike(lab, "k.bust", form="reprice", amount=500)
        assert isinstance(await place(lab, wanted()), Acked)
        await until(lambda: lab.venue.tally.counts["trade_repriced"] == 1)
        [told] = [b.fill for b in seen if isinstance(b, FillSeen)]
        assert not [b for b in seen if isinstance(b, TradeFinality)]
        booked = 3_000_000_000 - told.qty * told.price // 10**6 - told.fee
        snapshot = await lab.venue.account.fetch_snapshot()
        assert booked - snapshot.cash == 200_000, "two cents each: the reconciler will see it"


async def test_f032_an_amended_settlement_is_a_second_payout_of_the_difference() -> None:
    async with open_lab() as (lab, wanted):
        assert isinstance(await place(lab, wanted()), Acked)
        lab.resolve(RATE, 100)
        [first] = await lab.venue.account.fetch_payouts(0)
        assert first.cash == 10_000_000
        assert await lab.venue.account.fetch_payouts(0) == [first]
        lab.exchange.amend_payout(first.market_id, 0, lab.world.now_ns())  # type: ignore[arg-type]
        again = await lab.venue.account.fetch_payouts(0)
        assert [p.cash for p in again] == [10_000_000, -10_000_000]
        assert again[0] == first and again[1].reference != first.reference
        assert again[1].qty_yes == again[1].qty_no == 0
        assert await lab.venue.account.fetch_payouts(0) == again, "told again, never anew"


@pytest.mark.parametrize(("form", "reason"), [("writes", "forbidden"), ("all", "unauthorised")])
async def test_f066_a_revoked_key_is_a_refusal_and_reads_fail(form: str, reason: str) -> None:
    async with open_lab() as (lab, wanted):
        asked = wanted()
        rate = (await lab.instruments())[RATE]
        order = lab.venue.execution.encode(asked, rate)
        strike(lab, "403_all", form=form)
        outcome = await lab.venue.execution.send(order, lambda: None)
        assert isinstance(outcome, Rejected) and outcome.reason == reason
        assert not lab.exchange.orders(ACCOUNT)
        if form == "all":
            with pytest.raises(StoreError, match="401"):
                await lab.venue.account.fetch_snapshot()
            [proof] = await lab.venue.execution.find_evidence([asked])
            assert proof.kind is EvidenceKind.UNPROVEN
        else:
            await lab.venue.account.fetch_snapshot()


@pytest.mark.parametrize(("form", "landed"), [("both", False), ("out", False), ("in", True)])
async def test_f083_a_partition_leaves_the_order_unknown_until_it_is_over(
    form: str, landed: bool
) -> None:
    async with open_lab() as (lab, wanted):
        asked = wanted()
        rate = (await lab.instruments())[RATE]
        await lab.venue.execution.warm()
        order = lab.venue.execution.encode(asked, rate)
        strike(lab, "partition", form=form)
        outcome = await lab.venue.execution.send(order, lambda: None)
        assert isinstance(outcome, Unknown)
        assert bool(lab.exchange.orders(ACCOUNT)) is landed
        lab.world.faults.switch_off("partition")
        [proof] = await lab.venue.execution.find_evidence([asked])
        expected = EvidenceKind.FILLED if landed else EvidenceKind.UNPROVEN
        assert proof.kind is expected


async def test_f084_answers_ten_times_slower_are_answers_still() -> None:
    async with open_lab() as (lab, wanted):
        await lab.venue.execution.warm()
        strike(lab, "lat", amount=300)
        asked = [wanted(1, 43) for _ in range(3)]
        rate = (await lab.instruments())[RATE]
        for one in asked:
            order = lab.venue.execution.encode(one, rate)
            outcome = await lab.venue.execution.send(order, lambda: None)
            assert isinstance(outcome, Acked) and outcome.cum_qty == contracts(1)
        strike(lab, "lat", amount=6_000)
        late = wanted(1, 43)
        order = lab.venue.execution.encode(late, rate)
        outcome = await lab.venue.execution.send(order, lambda: None)
        assert isinstance(outcome, Unknown), "past two seconds the connection is given up"


async def test_f099_fields_more_are_ignored_fields_less_stop_that_route() -> None:
    async with open_lab() as (lab, wanted):
        asked = wanted()
        assert isinstance(await place(lab, asked), Acked)
        strike(lab, "schema", form="extra")
        snapshot = await lab.venue.account.fetch_snapshot()
        assert len(snapshot.positions) == 1
        [proof] = await lab.venue.execution.find_evidence([asked])
        assert proof.kind is EvidenceKind.FILLED and proof.cum_qty == contracts(10)
        for form in ("gone", "410"):
            strike(lab, "schema", form=form)
            with pytest.raises((StoreError, WireError)):
                await lab.venue.account.fetch_snapshot()
            [proof] = await lab.venue.execution.find_evidence([asked])
            assert proof.kind is EvidenceKind.UNPROVEN, form
        lab.world.faults.switch_off("schema")
        [proof] = await lab.venue.execution.find_evidence([asked])
        assert proof.kind is EvidenceKind.FILLED


async def test_f099_a_new_required_field_is_a_refusal() -> None:
    async with open_lab() as (lab, wanted):
        strike(lab, "schema", form="required")
        outcome = await place(lab, wanted())
        assert isinstance(outcome, Rejected) and outcome.reason == "invalid_parameters"
        assert not lab.exchange.orders(ACCOUNT)


async def test_faults_are_switched_over_http_and_an_adversary_busts_one_trade() -> None:
    async with open_lab() as (lab, wanted), aiohttp.ClientSession() as http:
        base = lab.endpoints.rest
        async with http.get(f"{base}/__sim__/keys") as answer:
            keys = {row["key"]: row for row in (await answer.json())["keys"]}
        assert keys["k.bust"]["forms"] == ["bust", "reprice"] and not keys["crash"]["available"]
        body = {"key": "k.partial", "amount": 30, "most": 1, "duration_ms": 60_000}
        async with http.post(f"{base}/__sim__/faults", json=body) as answer:
            assert (await answer.json())["faults"][0]["amount"] == 30
        part = await place(lab, wanted())
        assert isinstance(part, Acked) and part.cum_qty == contracts(3)
        trade = lab.exchange.fills(ACCOUNT)[0].trade_id
        bust = {"trade_id": trade, "status": "bust"}
        async with http.post(f"{base}/__sim__/trade", json=bust) as answer:
            assert await answer.json() == {"moved": True}
        assert lab.exchange.position(ACCOUNT, wanted().market_id).is_empty
        async with http.post(f"{base}/__sim__/trade", json=bust) as answer:
            assert answer.status == 409
        async with http.get(f"{base}/__sim__/faults") as answer:
            assert [w["hits"] for w in (await answer.json())["faults"]] == [1]

"""Our adapter against the simulated venue over real sockets: orders, cancels, evidence, money."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from uuid import uuid4

import pytest

from shared.adapters.venues.kalshi.venue import connect_kalshi
from shared.domain.enums import Outcome, Side, TimeInForce, Venue
from shared.domain.errors import StoreError
from shared.domain.events import EventBody, FillSeen
from shared.domain.ids import AttemptId, market_id
from shared.domain.order import (
    Acked,
    AckStatus,
    EvidenceKind,
    LegTicket,
    Rejected,
    SubmitOutcome,
    Unknown,
)
from shared.domain.units import format_micros
from shared.simulators.kalshi_server.order_routes import OrderRoutes
from tests.support.kalshi_world import (
    ACCOUNT,
    COIN,
    KEY_ID,
    RATE,
    Lab,
    SystemTime,
    cents,
    contracts,
    kalshi_lab,
    ticket,
)


async def place(lab: Lab, wanted: LegTicket) -> SubmitOutcome:
    instrument = (await lab.instruments())[wanted.market_id.split(":")[1]]
    order = lab.venue.execution.encode(wanted, instrument)
    outcome = await lab.venue.execution.send(order, lambda: None)
    assert outcome is not None
    return outcome


async def test_ioc_filled_partly_and_not_at_all() -> None:
    async with kalshi_lab() as lab:
        lab.set_book(RATE, {40: 100}, {42: 10, 43: 5})
        rate = (await lab.instruments())[RATE]
        full = await place(lab, ticket(rate, Outcome.YES, Side.BUY, 42, 4))
        assert isinstance(full, Acked) and full.status is AckStatus.DONE
        assert (full.cum_qty, full.cost_usd) == (contracts(4), 4 * 420_000)
        part = await place(lab, ticket(rate, Outcome.YES, Side.BUY, 43, 20))
        assert isinstance(part, Acked)
        # Six at 42 and five at 43: paid is the average the venue reports, never the limit.
        assert part.cum_qty == contracts(11)
        assert abs(part.cost_usd - (6 * 420_000 + 5 * 430_000)) <= 11 * 50
        none = await place(lab, ticket(rate, Outcome.YES, Side.BUY, 40, 1))
        assert isinstance(none, Acked) and none.cum_qty == 0 and none.cost_usd == 0
        assert lab.exchange.position(ACCOUNT, rate.market_id).yes == contracts(15)


async def test_f027_buying_no_gains_no_at_the_no_price() -> None:
    async with kalshi_lab() as lab:
        lab.set_book(RATE, {40: 100}, {42: 10})
        rate = (await lab.instruments())[RATE]
        wanted = ticket(rate, Outcome.NO, Side.BUY, 60, 7)
        body = json.loads(lab.venue.execution.encode(wanted, rate).payload)
        assert (body["side"], body["price"], body["count"]) == ("ask", "0.4000", "7.00")
        outcome = await place(lab, wanted)
        assert isinstance(outcome, Acked) and outcome.cum_qty == contracts(7)
        assert outcome.cost_usd == 7 * 600_000
        assert lab.exchange.position(ACCOUNT, rate.market_id).no == contracts(7)


async def test_reduce_only_never_flips_the_position() -> None:
    async with kalshi_lab() as lab:
        lab.set_book(RATE, {40: 100}, {42: 10})
        rate = (await lab.instruments())[RATE]
        await place(lab, ticket(rate, Outcome.YES, Side.BUY, 42, 3))
        sell = ticket(rate, Outcome.YES, Side.SELL, 40, 9, reduce_only=True)
        outcome = await place(lab, sell)
        assert isinstance(outcome, Acked) and outcome.cum_qty == contracts(3)
        assert lab.exchange.position(ACCOUNT, rate.market_id).is_empty


async def test_fok_unfilled_and_bad_price_are_refusals() -> None:
    async with kalshi_lab() as lab:
        lab.set_book(RATE, {40: 100}, {42: 10})
        rate = (await lab.instruments())[RATE]
        killed = await place(lab, ticket(rate, Outcome.YES, Side.BUY, 42, 11, tif=TimeInForce.FOK))
        assert isinstance(killed, Rejected) and killed.reason == "fok_unfilled"
        filled = await place(lab, ticket(rate, Outcome.YES, Side.BUY, 42, 10, tif=TimeInForce.FOK))
        assert isinstance(filled, Acked) and filled.cum_qty == contracts(10)


async def test_f026_unfunded_shard_is_a_refusal_of_that_shard() -> None:
    async with kalshi_lab(cash=1) as lab:
        lab.set_book(COIN, {40: 100}, {42: 100})
        coin = (await lab.instruments())[COIN]
        assert coin.shard == 2
        outcome = await place(lab, ticket(coin, Outcome.YES, Side.BUY, 42, 50))
        assert isinstance(outcome, Rejected) and outcome.reason == "shard_unfunded"


async def test_f022_duplicate_id_means_landed_and_evidence_finds_it() -> None:
    async with kalshi_lab() as lab:
        lab.set_book(RATE, {40: 100}, {42: 10})
        rate = (await lab.instruments())[RATE]
        wanted = ticket(rate, Outcome.YES, Side.BUY, 42, 2)
        assert isinstance(await place(lab, wanted), Acked)
        again = await place(lab, wanted)
        assert isinstance(again, Unknown)
        [proof] = await lab.venue.execution.find_evidence([wanted])
        assert proof.kind is EvidenceKind.FILLED and proof.cum_qty == contracts(2)
        assert sum(fill.qty for fill in proof.fills) == contracts(2)
        assert lab.exchange.position(ACCOUNT, rate.market_id).yes == contracts(2)


async def test_f024_openings_leave_write_budget_for_reducing() -> None:
    async with kalshi_lab() as lab:
        lab.set_book(RATE, {40: 1000}, {42: 1000})
        rate = (await lab.instruments())[RATE]
        opening = replace(ticket(rate, Outcome.YES, Side.BUY, 42, 1), is_opening=True)
        # At once: one after the other, a slow machine gives the bucket time to refill.
        desk = lab.venue.execution
        orders = [
            desk.encode(replace(opening, attempt_id=AttemptId(str(uuid4()))), rate)
            for _ in range(9)
        ]
        outcomes = await asyncio.gather(*(desk.send(order, lambda: None) for order in orders))
        assert sum(isinstance(outcome, Acked) for outcome in outcomes) >= 7
        refused = [o for o in outcomes if isinstance(o, Rejected)]
        assert refused and all(o.reason.startswith("local") for o in refused)
        hedge = await place(lab, ticket(rate, Outcome.NO, Side.BUY, 60, 1))
        assert isinstance(hedge, Acked)


async def test_may_send_refusal_sends_nothing() -> None:
    async with kalshi_lab() as lab:
        lab.set_book(RATE, {40: 100}, {42: 10})
        rate = (await lab.instruments())[RATE]
        order = lab.venue.execution.encode(ticket(rate, Outcome.YES, Side.BUY, 42, 2), rate)
        assert await lab.venue.execution.send(order, lambda: "lease too short") is None
        assert lab.exchange.orders(ACCOUNT) == []


async def test_resting_order_is_cancelled_and_cancel_says_so() -> None:
    async with kalshi_lab() as lab:
        lab.set_book(COIN, {40: 100}, {42: 10})
        coin = (await lab.instruments())[COIN]
        wanted = ticket(coin, Outcome.YES, Side.BUY, 41, 2, tif=TimeInForce.GTC)
        order = lab.venue.execution.encode(wanted, coin)
        outcome = await lab.venue.execution.send(order, lambda: None)
        assert isinstance(outcome, Acked) and outcome.status is AckStatus.RESTING
        [live] = await lab.venue.execution.find_evidence([wanted])
        assert live.kind is EvidenceKind.LIVE
        assert await lab.venue.execution.cancel(order, outcome.order_id)
        assert await lab.venue.execution.cancel(order, outcome.order_id)  # already gone: proven
        [gone] = await lab.venue.execution.find_evidence([wanted])
        assert gone.kind is EvidenceKind.ABSENT


async def test_cancel_finds_the_order_id_by_our_own_id() -> None:
    async with kalshi_lab() as lab:
        lab.set_book(COIN, {40: 100}, {42: 10})
        coin = (await lab.instruments())[COIN]
        order = lab.venue.execution.encode(
            ticket(coin, Outcome.YES, Side.BUY, 41, 2, tif=TimeInForce.GTC), coin
        )
        await lab.venue.execution.send(order, lambda: None)
        assert await lab.venue.execution.cancel(order, "")


async def test_f030_cancel_everything_is_one_by_one_and_counts() -> None:
    async with kalshi_lab() as lab:
        listed = await lab.instruments()
        for ticker in (RATE, COIN):
            lab.set_book(ticker, {40: 100}, {42: 10})
            order = lab.venue.execution.encode(
                ticket(listed[ticker], Outcome.YES, Side.BUY, 41, 2, tif=TimeInForce.GTC),
                listed[ticker],
            )
            await lab.venue.execution.send(order, lambda: None)
        assert await lab.venue.execution.cancel_everything() == 2
        assert await lab.venue.execution.cancel_everything() == 0
        # Nothing is locked by it: only the kill switch's sweep does that.
        wanted = ticket(listed[RATE], Outcome.YES, Side.BUY, 42, 1)
        assert isinstance(await place(lab, wanted), Acked)
        assert await lab.venue.execution.sweep_everything()
        locked = await place(lab, ticket(listed[RATE], Outcome.YES, Side.BUY, 42, 1))
        assert isinstance(locked, Rejected) and locked.reason.startswith("local")


async def test_f015_lost_answer_is_unknown_and_settled_by_evidence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The server executes the order and cuts the connection instead of answering."""
    executed = OrderRoutes.create_order

    async def lose_the_answer(self: OrderRoutes, request):  # type: ignore[no-untyped-def]
        await executed(self, request)
        request.transport.abort()
        await asyncio.sleep(1)

    monkeypatch.setattr(OrderRoutes, "create_order", lose_the_answer)
    async with kalshi_lab() as lab:
        lab.set_book(RATE, {40: 100}, {42: 10})
        rate = (await lab.instruments())[RATE]
        wanted = ticket(rate, Outcome.YES, Side.BUY, 42, 2)
        outcome = await place(lab, wanted)
        assert isinstance(outcome, Unknown) and outcome.reason.startswith("connection")
        [proof] = await lab.venue.execution.find_evidence([wanted])
        assert proof.kind is EvidenceKind.FILLED
        assert [f.attempt_id for f in proof.fills] == [wanted.attempt_id]


async def test_f016_lost_request_is_unproven_until_the_rules_allow_absence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def lose_the_request(self: OrderRoutes, request):  # type: ignore[no-untyped-def]
        request.transport.abort()
        await asyncio.sleep(1)

    monkeypatch.setattr(OrderRoutes, "create_order", lose_the_request)
    async with kalshi_lab() as lab:
        rate = (await lab.instruments())[RATE]
        wanted = ticket(rate, Outcome.YES, Side.BUY, 42, 2)
        assert isinstance(await place(lab, wanted), Unknown)
        [proof] = await lab.venue.execution.find_evidence([wanted])
        assert proof.kind is EvidenceKind.UNPROVEN


async def test_f021_fills_arrive_once_each_with_their_own_fees() -> None:
    async with kalshi_lab() as lab:
        lab.set_book(RATE, {40: 100}, {42: 3, 43: 2})
        rate = (await lab.instruments())[RATE]
        seen: list[EventBody] = []
        stream = asyncio.create_task(lab.venue.execution.run_user_stream(seen.append))
        await asyncio.sleep(0.3)
        wanted = ticket(rate, Outcome.YES, Side.BUY, 43, 5)
        await place(lab, wanted)
        await _until(lambda: len(seen) >= 2)
        await asyncio.sleep(0.5)
        stream.cancel()
        fills = [body.fill for body in seen if isinstance(body, FillSeen)]
        assert sorted((f.price, f.qty) for f in fills) == [
            (cents(42), contracts(3)),
            (cents(43), contracts(2)),
        ]
        assert len({f.key for f in fills}) == 2
        assert {f.attempt_id for f in fills} == {wanted.attempt_id}
        own = lab.exchange.fills(ACCOUNT)
        assert sum(f.fee for f in fills) == sum(f.fee_usd for f in own) > 0


async def test_f050_fills_missed_while_disconnected_come_from_the_sweep() -> None:
    async with kalshi_lab() as lab:
        lab.set_book(RATE, {40: 100}, {42: 10})
        rate = (await lab.instruments())[RATE]
        await place(lab, ticket(rate, Outcome.NO, Side.BUY, 60, 2))
        seen: list[EventBody] = []
        stream = asyncio.create_task(lab.venue.execution.run_user_stream(seen.append))
        await _until(lambda: len(seen) == 1)
        assert lab.world.drop_connections(Venue.KALSHI) >= 1
        await place(lab, ticket(rate, Outcome.NO, Side.BUY, 60, 3))
        await _until(lambda: len(seen) == 2)
        stream.cancel()
        fills = [body.fill for body in seen if isinstance(body, FillSeen)]
        assert [(f.outcome, f.side, f.qty) for f in fills] == [
            (Outcome.NO, Side.BUY, contracts(2)),
            (Outcome.NO, Side.BUY, contracts(3)),
        ]


async def test_account_snapshot_equals_the_exchange_to_the_micro_dollar() -> None:
    async with kalshi_lab() as lab:
        lab.set_book(RATE, {40: 100}, {42: 10})
        rate = (await lab.instruments())[RATE]
        await place(lab, ticket(rate, Outcome.NO, Side.BUY, 60, 7))
        snapshot = await lab.venue.account.fetch_snapshot()
        by_shard = lab.exchange.cash_by_shard(ACCOUNT)
        assert dict(snapshot.cash_by_shard) == by_shard
        assert snapshot.cash == sum(by_shard.values())
        [position] = snapshot.positions
        assert (position.market_id, position.qty_yes, position.qty_no) == (
            rate.market_id,
            0,
            contracts(7),
        )


async def test_payouts_are_what_the_exchange_paid() -> None:
    async with kalshi_lab() as lab:
        listed = await lab.instruments()
        for ticker in (RATE, COIN):
            lab.set_book(ticker, {40: 100}, {42: 10})
        await place(lab, ticket(listed[RATE], Outcome.NO, Side.BUY, 60, 7))
        await place(lab, ticket(listed[COIN], Outcome.YES, Side.BUY, 42, 3))
        assert list(await lab.venue.account.fetch_payouts(0)) == []
        lab.resolve(RATE, 0)
        lab.resolve(COIN, 0)
        payouts = {p.market_id: p for p in await lab.venue.account.fetch_payouts(0)}
        won = payouts[market_id(Venue.KALSHI, RATE)]
        assert (won.payout, won.qty_no, won.qty_yes) == (0, contracts(7), 0)
        assert format_micros(won.cash) == "7"
        lost = payouts[market_id(Venue.KALSHI, COIN)]
        assert (lost.payout, lost.qty_yes, lost.cash) == (0, contracts(3), 0)
        assert won.reference != lost.reference
        assert (await lab.venue.account.fetch_snapshot()).positions == ()


async def test_unreachable_venue_is_a_store_error_and_nothing_sent() -> None:
    async with kalshi_lab() as lab:
        rate = (await lab.instruments())[RATE]
        wanted = ticket(rate, Outcome.YES, Side.BUY, 42, 2)
        order = lab.venue.execution.encode(wanted, rate)
    # The server is gone now; the client was closed with it, so a new one is made.
    venue = connect_kalshi(lab.endpoints, KEY_ID, lab.private_key_pem, SystemTime())
    with pytest.raises(StoreError):
        await venue.account.fetch_snapshot()
    outcome = await venue.execution.send(order, lambda: None)
    assert outcome is None, "not a byte left, so nothing is unknown"
    [proof] = await venue.execution.find_evidence([wanted])
    assert proof.kind is EvidenceKind.UNPROVEN
    await venue.close()


async def _until(condition, seconds: float = 8.0) -> None:  # type: ignore[no-untyped-def]
    """Wait for something that is due soon; the bound only ends a broken test."""
    for _ in range(int(seconds / 0.02)):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("did not happen")

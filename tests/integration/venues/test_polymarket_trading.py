"""Orders, fills, finality, evidence and payouts against the simulated venue on loopback."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from shared.adapters.venues.polymarket.account import PolymarketAccount
from shared.adapters.venues.polymarket.execution import PolymarketExecution
from shared.adapters.venues.polymarket.rest import PolymarketRest
from shared.domain.enums import Outcome, Purpose, RunMode, Side, TimeInForce, Venue
from shared.domain.errors import StoreError
from shared.domain.events import FillSeen, TradeFinality
from shared.domain.fees import charge
from shared.domain.ids import derive_attempt_id, derive_package_id, derive_run_id
from shared.domain.order import (
    Acked,
    AckStatus,
    EvidenceKind,
    LegTicket,
    Rejected,
    SubmitOutcome,
    Unknown,
)
from shared.domain.units import NS_PER_S, PriceMicros, QtyMicros, UsdMicros
from tests.support.polymarket_world import SLOW, Collected, Venue1, gamma_object, polymarket_venue

BIDS = {"0.44": "300", "0.43": "120.5"}
ASKS = {"0.46": "200", "0.47": "1000"}
PACKAGE = derive_package_id(derive_run_id(RunMode.VENUE_SIM, 3), 1)


def ticket(venue: Venue1, attempt: int = 0, number: int = 0, **changes: Any) -> LegTicket:
    base = LegTicket(
        attempt_id=derive_attempt_id(PACKAGE, 0, Purpose.OPEN, attempt),
        package_id=PACKAGE,
        leg=0,
        purpose=Purpose.OPEN,
        attempt=attempt,
        venue=Venue.POLYMARKET,
        market_id=venue.markets[number].market_id,
        outcome=Outcome.YES,
        side=Side.BUY,
        price_limit=PriceMicros(470_000),
        qty=QtyMicros(100_000_000),
        qty_max=QtyMicros(110_000_000),
        tif=TimeInForce.IOC,
        decided_mono_ns=time.monotonic_ns(),
        decided_wall_ns=time.time_ns(),
        send_by_mono_ns=time.monotonic_ns() + 250_000_000,
    )
    return replace(base, **changes)


@asynccontextmanager
async def trading(venue: Venue1, **secret: Any) -> AsyncIterator[PolymarketExecution]:
    execution = PolymarketExecution(
        venue.hosts, venue.credentials(**secret), venue.clock, venue.instrument_of
    )
    try:
        yield execution
    finally:
        await execution.aclose()


@asynccontextmanager
async def listening(execution: PolymarketExecution) -> AsyncIterator[Collected]:
    sink = Collected()
    task = asyncio.create_task(execution.run_user_stream(sink))
    for _ in range(200):
        if execution.user.is_up:
            break
        await asyncio.sleep(0.01)
    try:
        yield sink
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def yes() -> str | None:
    return None


async def place(
    execution: PolymarketExecution, venue: Venue1, asked: LegTicket
) -> SubmitOutcome | None:
    instrument = venue.instrument_of(asked.market_id)
    assert instrument is not None
    return await execution.send(execution.encode(asked, instrument), yes)


@pytest.mark.parametrize("signature_type", [0, 3])
async def test_f035_budget_buy_gets_more_shares_at_a_better_price(signature_type: int) -> None:
    async with polymarket_venue([gamma_object(1), gamma_object(2)]) as venue:
        venue.book(1, BIDS, ASKS)
        async with (
            trading(venue, signature_type=signature_type) as execution,
            listening(execution) as sink,
        ):
            await execution.warm()
            asked = ticket(venue, number=1, budget_usd=UsdMicros(47_000_000))
            outcome = await place(execution, venue, asked)
            assert isinstance(outcome, Acked) and outcome.status is AckStatus.DONE
            # 47 dollars at 0.46 instead of 0.47: 102.17 shares instead of 100.
            assert outcome.cum_qty == 102_173_913 and outcome.cost_usd == 47_000_000
            (fill,) = outcome.fills
            assert fill.price == 460_000 and fill.qty == outcome.cum_qty and not fill.is_final
            assert fill.order_id == outcome.order_id and fill.attempt_id == asked.attempt_id
            (record,) = venue.exchange.fills_of(outcome.order_id)
            assert fill.fee == record.fee_usd and fill.cost_usd == record.amount_usd
            fees = venue.instrument(1).fees
            assert fill.fee == charge(fees, fill.liquidity, fill.side, fill.price, fill.qty).fee_usd
            await sink.until(lambda s: bool(s.of(TradeFinality)))
            assert sink.of(TradeFinality) == [
                TradeFinality(Venue.POLYMARKET, fill.trade_id, is_final=True)
            ]
            seen = [body.fill for body in sink.of(FillSeen)]
            assert {f.key for f in seen} == {fill.key}
            told = {(f.price, f.qty, f.fee, f.cost_usd, f.outcome, f.attempt_id) for f in seen}
            expected = (fill.price, fill.qty, fill.fee, fill.cost_usd, fill.outcome)
            assert told == {(*expected, asked.attempt_id)}


async def test_f021_several_levels_are_several_fills_told_once_each() -> None:
    async with polymarket_venue([gamma_object(1)]) as venue:
        venue.book(0, BIDS, ASKS)
        async with trading(venue) as execution, listening(execution) as sink:
            asked = ticket(venue, budget_usd=UsdMicros(115_000_000), qty_max=QtyMicros(260_000_000))
            outcome = await place(execution, venue, asked)
            assert isinstance(outcome, Acked) and outcome.fills == ()
            records = venue.exchange.fills_of(outcome.order_id)
            assert len(records) == 2 and outcome.cum_qty == sum(r.qty for r in records)
            await sink.until(lambda s: len(s.of(TradeFinality)) == 2)
            fills = {body.fill.key: body.fill for body in sink.of(FillSeen)}
            assert len(fills) == 2
            assert sum(f.qty for f in fills.values()) == outcome.cum_qty
            assert sum(f.cost_usd or 0 for f in fills.values()) == outcome.cost_usd
            assert {f.price for f in fills.values()} == {460_000, 470_000}


async def test_resting_limit_buy_of_no_is_cancelled() -> None:
    async with polymarket_venue([gamma_object(1)]) as venue:
        venue.book(0, BIDS, ASKS)
        async with trading(venue) as execution:
            asked = ticket(
                venue, outcome=Outcome.NO, price_limit=PriceMicros(500_000), tif=TimeInForce.GTC
            )
            order = execution.encode(asked, venue.instrument())
            assert order.decoded == {
                "market_id": asked.market_id,
                "outcome": "no",
                "side": "buy",
                "price": "0.5",
                "qty": "100",
                "budget": "",
            }
            outcome = await execution.send(order, yes)
            assert isinstance(outcome, Acked) and outcome.status is AckStatus.RESTING
            assert outcome.order_id == order.order_hash
            (evidence,) = await execution.find_evidence([asked])
            assert evidence.kind is EvidenceKind.LIVE and evidence.cum_qty == 0
            assert await execution.cancel(order, outcome.order_id)
            assert not await execution.cancel(order, outcome.order_id)


async def test_f051_partly_filled_limit_rests_until_cancelled() -> None:
    async with polymarket_venue([gamma_object(1)]) as venue:
        venue.book(0, BIDS, {"0.46": "40"})
        async with trading(venue) as execution:
            asked = ticket(venue, price_limit=PriceMicros(460_000), tif=TimeInForce.GTC)
            order = execution.encode(asked, venue.instrument())
            outcome = await execution.send(order, yes)
            assert isinstance(outcome, Acked) and outcome.status is AckStatus.RESTING
            assert outcome.cum_qty == 40_000_000
            assert await execution.cancel_everything() == 1
            (evidence,) = await execution.find_evidence([asked])
            assert evidence.kind is EvidenceKind.FILLED and evidence.cum_qty == 40_000_000


async def test_f046_shares_cannot_be_sold_before_they_are_final() -> None:
    async with polymarket_venue([gamma_object(1)], finality=SLOW) as venue:
        venue.book(0, BIDS, ASKS)
        async with trading(venue) as execution:
            bought = await place(execution, venue, ticket(venue, budget_usd=UsdMicros(46_000_000)))
            assert isinstance(bought, Acked) and bought.cum_qty == 100_000_000
            sale = ticket(
                venue, 1, side=Side.SELL, price_limit=PriceMicros(440_000), purpose=Purpose.UNWIND
            )
            refused = await place(execution, venue, sale)
            assert isinstance(refused, Rejected) and refused.reason == "not_enough_balance"


async def test_final_shares_are_sold_with_the_fee_deducted() -> None:
    async with polymarket_venue([gamma_object(1)]) as venue:
        venue.book(0, BIDS, ASKS)
        async with trading(venue) as execution, listening(execution) as sink:
            await place(execution, venue, ticket(venue, budget_usd=UsdMicros(46_000_000)))
            await sink.until(lambda s: bool(s.of(TradeFinality)))
            sale = ticket(venue, 1, side=Side.SELL, price_limit=PriceMicros(440_000))
            sold = await place(execution, venue, sale)
            assert isinstance(sold, Acked) and sold.status is AckStatus.DONE
            assert sold.cum_qty == 100_000_000 and sold.cost_usd == 44_000_000
            assert sold.fills[0].side is Side.SELL and sold.fills[0].fee > 0


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"price_limit": PriceMicros(400_000), "budget_usd": UsdMicros(4_000_000)},
            "fak_not_filled",
        ),
        ({"tif": TimeInForce.FOK, "budget_usd": UsdMicros(900_000_000)}, "fok_not_filled"),
        ({"tif": TimeInForce.GTC, "qty": QtyMicros(90_000_000_000)}, "not_enough_balance"),
    ],
)
async def test_listed_refusals_are_rejections(changes: dict[str, Any], reason: str) -> None:
    async with polymarket_venue([gamma_object(1)]) as venue:
        venue.book(0, BIDS, ASKS)
        async with trading(venue) as execution:
            outcome = await place(execution, venue, ticket(venue, **changes))
            assert isinstance(outcome, Rejected) and outcome.reason == reason


async def test_f034_duplicated_is_unknown_and_evidence_finds_the_fill() -> None:
    async with polymarket_venue([gamma_object(1)]) as venue:
        venue.book(0, BIDS, ASKS)
        async with trading(venue) as execution:
            asked = ticket(venue, budget_usd=UsdMicros(46_000_000))
            order = execution.encode(asked, venue.instrument())
            assert isinstance(await execution.send(order, yes), Acked)
            again = await execution.send(order, yes)
            assert isinstance(again, Unknown) and "Duplicated" in again.reason
            (evidence,) = await execution.find_evidence([asked])
            assert evidence.kind is EvidenceKind.FILLED and evidence.cum_qty == 100_000_000
            assert evidence.order_id == order.order_hash and len(evidence.fills) == 1


def losing_answers(app: web.Application) -> None:
    """Execute POST /order, then break the connection instead of answering (F-033)."""

    @web.middleware
    async def lose(request: web.Request, handler: Any) -> web.StreamResponse:
        answer: web.StreamResponse = await handler(request)
        if request.method == "POST" and request.path == "/order":
            assert request.transport is not None
            request.transport.abort()
        return answer

    app.middlewares.append(lose)


async def test_f033_lost_answer_is_unknown_until_the_digest_is_found() -> None:
    async with polymarket_venue([gamma_object(1)], wrap=losing_answers) as venue:
        venue.book(0, BIDS, ASKS)
        async with trading(venue) as execution, listening(execution) as sink:
            asked = ticket(venue, budget_usd=UsdMicros(46_000_000))
            outcome = await place(execution, venue, asked)
            assert isinstance(outcome, Unknown)
            (evidence,) = await execution.find_evidence([asked])
            assert evidence.kind is EvidenceKind.FILLED and evidence.cum_qty == 100_000_000
            await sink.until(lambda s: bool(s.of(FillSeen)))
            assert sink.of(FillSeen)[0].fill.attempt_id == asked.attempt_id


async def test_f016_absence_needs_time_and_two_looks() -> None:
    async with polymarket_venue([gamma_object(1)]) as venue, trading(venue) as execution:
        fresh = ticket(venue, budget_usd=UsdMicros(46_000_000))
        (evidence,) = await execution.find_evidence([fresh])
        assert evidence.kind is EvidenceKind.UNPROVEN
        old = replace(fresh, decided_wall_ns=time.time_ns() - 20 * NS_PER_S)
        kinds = []
        for _ in range(3):
            (evidence,) = await execution.find_evidence([old])
            kinds.append(evidence.kind)
            await asyncio.sleep(0.6)
        assert kinds == [EvidenceKind.UNPROVEN, EvidenceKind.UNPROVEN, EvidenceKind.ABSENT]


async def test_refused_permission_sends_nothing() -> None:
    async with polymarket_venue([gamma_object(1)]) as venue:
        venue.book(0, BIDS, ASKS)
        async with trading(venue) as execution:
            order = execution.encode(
                ticket(venue, budget_usd=UsdMicros(46_000_000)), venue.instrument()
            )
            assert await execution.send(order, lambda: "lease is short") is None
            assert venue.exchange.order(order.order_hash) is None


async def test_f039_held_order_is_acknowledged_as_held_then_fills() -> None:
    async with polymarket_venue([gamma_object(1, secondsDelay=1)]) as venue:
        venue.book(0, BIDS, ASKS)
        async with trading(venue) as execution, listening(execution) as sink:
            asked = ticket(venue, budget_usd=UsdMicros(46_000_000))
            outcome = await place(execution, venue, asked)
            assert isinstance(outcome, Acked) and outcome.status is AckStatus.HELD
            assert outcome.cum_qty == 0
            (evidence,) = await execution.find_evidence([asked])
            assert evidence.kind is EvidenceKind.LIVE
            await sink.until(lambda s: bool(s.of(FillSeen)))
            assert sink.of(FillSeen)[0].fill.qty == 100_000_000


async def test_f039_cancel_everything_outlasts_a_hold() -> None:
    async with polymarket_venue([gamma_object(1, secondsDelay=1)]) as venue:
        venue.book(0, BIDS, {"0.46": "40"})
        async with trading(venue) as execution:
            asked = ticket(venue, price_limit=PriceMicros(460_000), tif=TimeInForce.GTC)
            held = await place(execution, venue, asked)
            assert isinstance(held, Acked) and held.status is AckStatus.HELD
            # After the hold 40 shares fill and the rest of the order stands, to be cancelled.
            assert await execution.cancel_everything() == 1
            (evidence,) = await execution.find_evidence([asked])
            assert evidence.kind is EvidenceKind.FILLED and evidence.cum_qty == 40_000_000


async def test_f053_failed_trade_is_told_after_two_readings_and_voids_the_evidence() -> None:
    failing = replace(
        SLOW, confirmed_min_ns=300_000_000, confirmed_max_ns=400_000_000, failed_ppm=1_000_000
    )
    async with polymarket_venue([gamma_object(1)], finality=failing) as venue:
        venue.book(0, BIDS, ASKS)
        async with trading(venue) as execution, listening(execution) as sink:
            asked = ticket(venue, budget_usd=UsdMicros(46_000_000))
            outcome = await place(execution, venue, asked)
            assert isinstance(outcome, Acked)
            await sink.until(lambda s: bool(s.of(TradeFinality)))
            assert not sink.of(TradeFinality)[0].is_final
            first = (await execution.find_evidence([asked]))[0]
            await asyncio.sleep(1.05)
            second = (await execution.find_evidence([asked]))[0]
            assert (first.kind, second.kind) == (EvidenceKind.UNPROVEN, EvidenceKind.ABSENT)


async def test_f050_drop_of_the_user_channel_loses_and_doubles_nothing() -> None:
    async with polymarket_venue([gamma_object(1)]) as venue:
        venue.book(0, BIDS, ASKS)
        async with trading(venue) as execution, listening(execution) as sink:
            assert venue.world.drop_connections(Venue.POLYMARKET) == 1
            await place(execution, venue, ticket(venue, budget_usd=UsdMicros(46_000_000)))
            await sink.until(lambda s: bool(s.of(TradeFinality)))
            assert len({b.fill.key for b in sink.of(FillSeen)}) == 1
            assert len(sink.of(TradeFinality)) == 1


async def test_snapshot_and_payout_of_both_outcomes() -> None:
    async with polymarket_venue([gamma_object(1), gamma_object(2)]) as venue:
        venue.book(0, BIDS, ASKS)
        venue.book(1, BIDS, ASKS)
        account = PolymarketAccount(
            venue.hosts, venue.credentials(), venue.clock, venue.instrument_of
        )
        async with trading(venue) as execution, listening(execution) as sink:
            await place(execution, venue, ticket(venue, budget_usd=UsdMicros(46_000_000)))
            loser = ticket(
                venue,
                1,
                number=1,
                outcome=Outcome.NO,
                price_limit=PriceMicros(560_000),
                budget_usd=UsdMicros(56_000_000),
            )
            await place(execution, venue, loser)
            await sink.until(lambda s: len(s.of(TradeFinality)) == 2)
            snapshot = await account.fetch_snapshot()
            held = {p.market_id: (p.qty_yes, p.qty_no) for p in snapshot.positions}
            assert held == {
                venue.markets[0].market_id: (100_000_000, 0),
                venue.markets[1].market_id: (0, 100_000_000),
            }
            assert snapshot.cash == venue.exchange.cash("operator")
            venue.resolve(0, 1_000_000)
            venue.resolve(1, 1_000_000)
            payouts = {p.market_id: p for p in await account.fetch_payouts(0)}
            won, lost = (payouts[m.market_id] for m in venue.markets)
            assert (won.payout, won.qty_yes, won.cash) == (1_000_000, 100_000_000, 100_000_000)
            assert (lost.payout, lost.qty_no, lost.cash) == (1_000_000, 100_000_000, 0)
            assert len({p.reference for p in payouts.values()}) == 2
            # A new process after the market left the catalogue still learns what it paid.
            venue.world.forget_market(venue.markets[0].market_id)
            later = PolymarketAccount(
                venue.hosts, venue.credentials(), venue.clock, venue.instrument_of
            )
            assert won in await later.fetch_payouts(0)
            await later.aclose()
            assert not (await account.fetch_snapshot()).positions
            state = await account.read_state()
            assert not state.is_region_blocked and not state.is_closed_only
        await account.aclose()


async def test_wrong_key_is_refused_everywhere() -> None:
    async with polymarket_venue([gamma_object(1)]) as venue:
        venue.book(0, BIDS, ASKS)
        async with trading(venue, api_secret="A" * 43 + "=") as execution:
            outcome = await place(execution, venue, ticket(venue, budget_usd=UsdMicros(46_000_000)))
            assert isinstance(outcome, Rejected) and outcome.reason == "unauthorized"
            with pytest.raises(StoreError, match="401"):
                await execution.cancel_everything()


async def test_order_signed_by_another_key_is_refused() -> None:
    async with polymarket_venue([gamma_object(1)]) as venue:
        venue.book(0, BIDS, ASKS)
        stranger = "0x" + "11" * 32
        secret = {k: v for k, v in venue.secret.items() if k != "eoa"} | {"private_key": stranger}
        venue.secret = secret
        async with trading(venue) as execution:
            order = execution.encode(
                ticket(venue, budget_usd=UsdMicros(46_000_000)), venue.instrument()
            )
            body = execution._sign(order, venue.instrument())
            honest = PolymarketRest(venue.hosts, venue.clock, execution._credentials)
            execution._credentials.signer.address = venue.account.eoa
            answer = await honest.post_order(body, yes)
            await honest.aclose()
            assert answer is not None
            assert (answer[0], json.loads(answer[1])) == (400, {"error": "invalid signature"})


async def test_api_key_is_derived_when_it_exists_already() -> None:
    async with polymarket_venue([gamma_object(1)]) as venue:
        rest = PolymarketRest(venue.hosts, venue.clock, venue.credentials())
        api = await rest.create_or_derive_api_key()
        await rest.aclose()
        assert (api.api_key, api.secret) == (venue.account.api_key, venue.account.secret)


async def test_a_resting_order_with_an_end_is_taken_as_gtd() -> None:
    async with polymarket_venue([gamma_object(1)]) as venue, trading(venue) as execution:
        venue.book(0, BIDS, ASKS)
        asked = ticket(venue, price_limit=PriceMicros(440_000), tif=TimeInForce.GTC)
        asked = replace(asked, expires_wall_ns=asked.decided_wall_ns + 150 * NS_PER_S)
        order = execution.encode(asked, venue.instrument())
        outcome = await execution.send(order, yes)
        assert isinstance(outcome, Acked) and outcome.status is AckStatus.RESTING
        record = venue.exchange.order(order.order_hash)
        assert record is not None
        assert 0 <= record.expires_ns - asked.expires_wall_ns < NS_PER_S
        venue.exchange.advance(record.expires_ns)
        assert not await execution._rest.open_orders()


async def test_heartbeats_keep_a_resting_order_alive_and_stop_with_it() -> None:
    async with polymarket_venue([gamma_object(1)]) as venue, trading(venue) as execution:
        venue.book(0, BIDS, ASKS)
        async with listening(execution):
            assert execution.dead_man.beats == 0
            asked = ticket(venue, price_limit=PriceMicros(440_000), tif=TimeInForce.GTC)
            order = execution.encode(asked, venue.instrument())
            assert isinstance(await execution.send(order, yes), Acked)
            for _ in range(200):
                if execution.dead_man.beats:
                    break
                await asyncio.sleep(0.01)
            assert execution.dead_man.beats == 1 and execution.dead_man.is_needed
            pulses = venue.pulses
            # The venue's own watcher: quiet for less than ten seconds is fine, longer is not.
            pulses.look(venue.world.now_ns() + 9 * NS_PER_S)
            assert await execution._rest.open_orders()
            pulses.look(venue.world.now_ns() + 11 * NS_PER_S)
            assert not await execution._rest.open_orders()


async def test_an_immediate_order_arms_nothing() -> None:
    async with polymarket_venue([gamma_object(1)]) as venue, trading(venue) as execution:
        venue.book(0, BIDS, ASKS)
        asked = ticket(venue, budget_usd=UsdMicros(10_000_000))
        order = execution.encode(asked, venue.instrument())
        assert isinstance(await execution.send(order, yes), Acked)
        assert not execution.dead_man.is_needed and not venue.pulses.armed


async def test_an_opening_is_not_sent_on_a_book_that_fails_its_hash() -> None:
    async with polymarket_venue([gamma_object(1)]) as venue:
        venue.book(0, BIDS, ASKS)
        asked_about: list[str] = []

        def is_book_true(market: str) -> bool:
            asked_about.append(market)
            return False

        execution = PolymarketExecution(
            venue.hosts,
            venue.credentials(),
            venue.clock,
            venue.instrument_of,
            is_book_true=is_book_true,
        )
        opening = ticket(venue, budget_usd=UsdMicros(10_000_000), is_opening=True)
        order = execution.encode(opening, venue.instrument())
        assert await execution.send(order, yes) is None
        assert venue.exchange.order(order.order_hash) is None
        # What reduces is sent all the same: its limit protects it, waiting does not.
        hedge = ticket(venue, attempt=1, budget_usd=UsdMicros(10_000_000))
        outcome = await execution.send(execution.encode(hedge, venue.instrument()), yes)
        assert isinstance(outcome, Acked) and len(asked_about) == 2
        await execution.aclose()

"""Our adapter against the simulated venue over real sockets: orders, cancels, evidence, money."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from shared.domain.enums import Outcome, Side, TimeInForce
from shared.domain.errors import StoreError
from shared.domain.events import EventBody, FillSeen
from shared.domain.order import (
    Acked,
    AckStatus,
    Evidence,
    EvidenceKind,
    LegTicket,
    Rejected,
    SubmitOutcome,
    Unknown,
)
from shared.domain.units import PriceMicros, format_micros
from tests.support.kalshi_world import cents, contracts
from tests.support.polymarket_us_world import (
    ACCOUNT,
    RAIN,
    RATE,
    Lab,
    polymarket_us_lab,
    ticket,
)


async def place(lab: Lab, wanted: LegTicket) -> SubmitOutcome:
    order = lab.venue.execution.encode(wanted, lab.instrument(wanted.market_id.split(":")[1]))
    outcome = await lab.venue.execution.send(order, lambda: None)
    assert outcome is not None
    return outcome


async def prove(lab: Lab, wanted: LegTicket) -> Evidence:
    [evidence] = await lab.venue.execution.find_evidence([wanted])
    return evidence


async def test_ioc_filled_wholly_partly_and_not_at_all() -> None:
    async with polymarket_us_lab() as lab:
        lab.set_book(RATE, {40: 100}, {42: 10, 43: 5})
        rate = lab.instrument(RATE)
        full = await place(lab, ticket(rate, Outcome.YES, Side.BUY, 42, 4))
        assert isinstance(full, Acked) and full.status is AckStatus.DONE
        assert (full.cum_qty, full.cost_usd) == (contracts(4), 4 * 420_000)
        part = await place(lab, ticket(rate, Outcome.YES, Side.BUY, 43, 20))
        assert isinstance(part, Acked) and part.cum_qty == contracts(11)
        assert part.cost_usd == 6 * 420_000 + 5 * 430_000
        assert [fill.qty for fill in part.fills] == [contracts(6), contracts(5)]
        none = await place(lab, ticket(rate, Outcome.YES, Side.BUY, 40, 1))
        assert isinstance(none, Acked) and none.cum_qty == 0 and none.cost_usd == 0
        assert lab.exchange.position(ACCOUNT, rate.market_id).yes == contracts(15)
        spent = sum(fill.notional_usd + fill.fee for fill in (*full.fills, *part.fills))
        assert lab.exchange.cash(ACCOUNT) == 1_000_000_000 - spent


async def test_gotcha_us_price_is_always_of_yes() -> None:
    async with polymarket_us_lab() as lab:
        lab.set_book(RATE, {40: 100}, {42: 10})
        rate = lab.instrument(RATE)
        wanted = ticket(rate, Outcome.NO, Side.BUY, 60, 7)
        body = json.loads(lab.venue.execution.encode(wanted, rate).payload)
        assert (body["intent"], body["price"]["value"], body["quantity"]) == (
            "ORDER_INTENT_BUY_SHORT",
            "0.4",
            7,
        )
        outcome = await place(lab, wanted)
        assert isinstance(outcome, Acked) and outcome.cum_qty == contracts(7)
        assert outcome.cost_usd == 7 * 600_000 and outcome.fills[0].price == cents(60)
        assert lab.exchange.position(ACCOUNT, rate.market_id).no == contracts(7)
        closing = ticket(rate, Outcome.NO, Side.SELL, 58, 7, reduce_only=True)
        back = await place(lab, closing)
        assert isinstance(back, Acked) and back.cum_qty == contracts(7)
        assert lab.exchange.position(ACCOUNT, rate.market_id).is_empty


async def test_closing_more_than_is_held_is_refused_not_a_flip() -> None:
    async with polymarket_us_lab() as lab:
        lab.set_book(RATE, {40: 100}, {42: 10})
        rate = lab.instrument(RATE)
        await place(lab, ticket(rate, Outcome.YES, Side.BUY, 42, 3))
        sell = ticket(rate, Outcome.YES, Side.SELL, 40, 9, reduce_only=True)
        assert isinstance(await place(lab, sell), Rejected)
        assert lab.exchange.position(ACCOUNT, rate.market_id).yes == contracts(3)


async def test_fok_rests_nothing_and_gtc_is_cancelled_by_proof() -> None:
    async with polymarket_us_lab() as lab:
        lab.set_book(RATE, {40: 100}, {42: 10})
        rate = lab.instrument(RATE)
        killed = await place(lab, ticket(rate, Outcome.YES, Side.BUY, 42, 11, tif=TimeInForce.FOK))
        assert isinstance(killed, Acked) and killed.cum_qty == 0
        whole = await place(lab, ticket(rate, Outcome.YES, Side.BUY, 42, 10, tif=TimeInForce.FOK))
        assert isinstance(whole, Acked) and whole.cum_qty == contracts(10)
        wanted = ticket(rate, Outcome.YES, Side.BUY, 41, 5, tif=TimeInForce.GTC)
        resting = await place(lab, wanted)
        assert isinstance(resting, Acked) and resting.status is AckStatus.RESTING
        assert (await prove(lab, wanted)).kind is EvidenceKind.LIVE
        order = lab.venue.execution.encode(wanted, rate)
        assert await lab.venue.execution.cancel(order, resting.order_id)
        gone = await prove(lab, wanted)
        assert gone.kind is EvidenceKind.ABSENT and gone.order_id == resting.order_id


async def test_gotcha_us_a_refused_order_has_an_id_all_the_same() -> None:
    async with polymarket_us_lab(cash=1) as lab:
        lab.set_book(RATE, {40: 100}, {42: 100})
        rate = lab.instrument(RATE)
        poor = await place(lab, ticket(rate, Outcome.YES, Side.BUY, 42, 50))
        assert isinstance(poor, Rejected) and poor.reason == "refused"
        # Resting orders are answered with an id alone: only reading it tells.
        wanted = ticket(rate, Outcome.YES, Side.BUY, 41, 50, tif=TimeInForce.GTC)
        quiet = await place(lab, wanted)
        assert isinstance(quiet, Rejected)
        assert (await prove(lab, wanted)).kind is EvidenceKind.ABSENT


async def test_gotcha_us_lost_answer_is_found_by_the_private_stream_not_sent_again() -> None:
    async with polymarket_us_lab() as lab:
        lab.set_book(RATE, {40: 100}, {42: 10})
        rate = lab.instrument(RATE)
        heard: list[EventBody] = []
        stream = asyncio.create_task(lab.venue.execution.run_user_stream(heard.append))
        try:
            await asyncio.sleep(0.4)
            lab.switch_on("u.ack_lost", 0.5)
            wanted = ticket(rate, Outcome.YES, Side.BUY, 42, 2)
            assert isinstance(await place(lab, wanted), Unknown)
            await asyncio.sleep(0.3)
            found = await prove(lab, wanted)
            assert found.kind is EvidenceKind.FILLED and found.cum_qty == contracts(2)
            [fill] = found.fills
            assert (fill.attempt_id, fill.fee) == (wanted.attempt_id, 30_000)
            [said] = [body for body in heard if isinstance(body, FillSeen)]
            assert said.fill.key == fill.key and said.fill.attempt_id == wanted.attempt_id
        finally:
            stream.cancel()
            await asyncio.gather(stream, return_exceptions=True)
        assert lab.exchange.position(ACCOUNT, rate.market_id).yes == contracts(2)


async def test_a_fill_that_the_stream_never_told_is_rebuilt_from_trade_and_order() -> None:
    async with polymarket_us_lab() as lab:
        lab.set_book(RATE, {40: 100}, {42: 2, 43: 9})
        rate = lab.instrument(RATE)
        wanted = ticket(rate, Outcome.YES, Side.BUY, 43, 5, tif=TimeInForce.GTC)
        # A resting order is answered with its id alone, and nobody listens to the stream.
        outcome = await place(lab, wanted)
        assert isinstance(outcome, Unknown), "its fills are not known yet"
        proof = await prove(lab, wanted)
        assert proof.kind is EvidenceKind.FILLED and proof.cum_qty == contracts(5)
        assert sorted(fill.price for fill in proof.fills) == [cents(42), cents(43)]
        paid = sum(fill.notional_usd + fill.fee for fill in proof.fills)
        assert lab.exchange.cash(ACCOUNT) == 1_000_000_000 - paid


@pytest.mark.parametrize(("fault", "form"), [("u.5xx", "landed"), ("u.body", "html")])
async def test_gotcha_us_server_errors_leave_the_order_unknown(fault: str, form: str) -> None:
    async with polymarket_us_lab() as lab:
        lab.set_book(RATE, {40: 100}, {42: 10})
        rate = lab.instrument(RATE)
        lab.switch_on(fault, form=form)
        wanted = ticket(rate, Outcome.YES, Side.BUY, 42, 2)
        assert isinstance(await place(lab, wanted), Unknown)
        # It was carried out: a trade of ours that nothing explains forbids any verdict.
        assert lab.exchange.position(ACCOUNT, rate.market_id).yes == contracts(2)
        for _ in range(3):
            assert (await prove(lab, wanted)).kind is EvidenceKind.UNPROVEN


async def test_gotcha_us_absence_needs_six_seconds_and_two_reads_a_second_apart() -> None:
    async with polymarket_us_lab() as lab:
        lab.set_book(RATE, {40: 100}, {42: 10})
        rate = lab.instrument(RATE)
        lab.switch_on("u.req_lost", 0.5)
        wanted = ticket(rate, Outcome.YES, Side.BUY, 42, 2)
        assert isinstance(await place(lab, wanted), Unknown)
        assert (await prove(lab, wanted)).kind is EvidenceKind.UNPROVEN
        await asyncio.sleep(6.2)
        assert (await prove(lab, wanted)).kind is EvidenceKind.UNPROVEN, "the first clean read"
        assert (await prove(lab, wanted)).kind is EvidenceKind.UNPROVEN, "too soon after it"
        await asyncio.sleep(1.1)
        assert (await prove(lab, wanted)).kind is EvidenceKind.ABSENT


@pytest.mark.parametrize(
    ("fault", "reason"), [("u.bucket", "rate_limited"), ("u.stopgap", "latency_stopgap")]
)
async def test_gotcha_us_the_stopgap_has_the_words_of_a_rate_limit_and_is_none(
    fault: str, reason: str
) -> None:
    async with polymarket_us_lab() as lab:
        lab.set_book(RATE, {40: 100}, {42: 10})
        rate = lab.instrument(RATE)
        lab.switch_on(fault, 0.4)
        outcome = await place(lab, ticket(rate, Outcome.YES, Side.BUY, 42, 1))
        assert isinstance(outcome, Rejected) and outcome.reason == reason
        assert lab.exchange.orders(ACCOUNT) == []
        budget = lab.venue.rest.budget
        assert budget.refusals == (1 if reason == "rate_limited" else 0)


async def test_openings_leave_requests_for_hedges() -> None:
    async with polymarket_us_lab() as lab:
        lab.set_book(RATE, {40: 1_000}, {42: 1_000})
        rate = lab.instrument(RATE)
        opening = [
            replace(ticket(rate, Outcome.YES, Side.BUY, 42, 1), is_opening=True) for _ in range(30)
        ]
        outcomes = await asyncio.gather(*(place(lab, wanted) for wanted in opening))
        refused = [o for o in outcomes if isinstance(o, Rejected)]
        assert refused and all(o.reason.startswith("local:") for o in refused)
        hedge = await place(lab, ticket(rate, Outcome.NO, Side.BUY, 60, 1))
        assert isinstance(hedge, Acked) and hedge.cum_qty == contracts(1)


async def test_account_shows_cash_positions_and_payouts_as_the_books_do() -> None:
    async with polymarket_us_lab() as lab:
        for slug in (RATE, RAIN):
            lab.set_book(slug, {40: 100}, {42: 100})
        rate, rain = lab.instrument(RATE), lab.instrument(RAIN)
        await place(lab, ticket(rate, Outcome.YES, Side.BUY, 42, 10))
        await place(lab, ticket(rain, Outcome.NO, Side.BUY, 60, 4))
        snapshot = await lab.venue.account.fetch_snapshot()
        # A short is proceeds and a dollar of margin at the venue; here it is NO that was bought.
        assert snapshot.cash == lab.exchange.cash(ACCOUNT)
        held = {p.market_id: (p.qty_yes, p.qty_no) for p in snapshot.positions}
        assert held == {
            rate.market_id: (contracts(10), 0),
            rain.market_id: (0, contracts(4)),
        }
        assert await lab.venue.account.fetch_payouts(0) == []
        lab.resolve(RATE, 100)
        lab.resolve(RAIN, 0)
        payouts = {p.market_id: p for p in await lab.venue.account.fetch_payouts(0)}
        assert payouts[rate.market_id].cash == 10_000_000
        assert payouts[rain.market_id].cash == 4_000_000
        assert len({p.reference for p in payouts.values()}) == 2
        later = lab.world.now_ns() + 1
        assert await lab.venue.account.fetch_payouts(later) == []


async def test_cancel_everything_and_the_kill_switch() -> None:
    async with polymarket_us_lab() as lab:
        lab.set_book(RATE, {40: 100}, {42: 10})
        rate = lab.instrument(RATE)
        for price in (38, 39):
            wanted = ticket(rate, Outcome.YES, Side.BUY, price, 5, tif=TimeInForce.GTC)
            assert isinstance(await place(lab, wanted), Acked)
        assert await lab.venue.execution.cancel_everything() == 2
        assert await lab.venue.execution.cancel_everything() == 0
        last = ticket(rate, Outcome.YES, Side.BUY, 37, 5, tif=TimeInForce.GTC)
        await place(lab, last)
        assert await lab.venue.execution.sweep_everything()
        assert (await prove(lab, last)).kind is EvidenceKind.ABSENT


async def test_the_order_id_is_durable_before_the_answer_is_passed_on() -> None:
    async with polymarket_us_lab() as lab:
        lab.set_book(RATE, {40: 100}, {42: 10})
        wanted = ticket(lab.instrument(RATE), Outcome.YES, Side.BUY, 42, 2)
        outcome = await place(lab, wanted)
        assert isinstance(outcome, Acked)
        assert lab.remembered == {wanted.attempt_id: outcome.order_id}


async def test_warm_needs_a_right_key() -> None:
    async with polymarket_us_lab() as lab:
        await lab.venue.execution.warm()
        lab.venue.rest._signer.key_id = "someone-else"  # type: ignore[union-attr]
        with pytest.raises(StoreError, match="401"):
            await lab.venue.execution.warm()
        lab.set_book(RATE, {40: 100}, {42: 10})
        refused = await place(lab, ticket(lab.instrument(RATE), Outcome.YES, Side.BUY, 42, 1))
        assert isinstance(refused, Rejected) and refused.reason == "unauthorised"


async def test_a_price_off_the_tick_is_refused_here() -> None:
    async with polymarket_us_lab() as lab:
        rate = lab.instrument(RATE)
        wanted = replace(
            ticket(rate, Outcome.YES, Side.BUY, 42, 1), price_limit=PriceMicros(423_000)
        )
        with pytest.raises(Exception, match="off the grid"):
            lab.venue.execution.encode(wanted, rate)
        assert format_micros(wanted.price_limit) == "0.423"

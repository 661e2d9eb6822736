"""Faults of the catalogue at the simulated Polymarket US, and what our adapter makes of them."""

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
    Evidence,
    EvidenceKind,
    LegTicket,
    Rejected,
    SubmitOutcome,
    Unknown,
)
from tests.support.kalshi_world import contracts
from tests.support.polymarket_us_world import ACCOUNT, RATE, Lab, polymarket_us_lab, ticket

Maker = Callable[..., LegTicket]


@asynccontextmanager
async def open_lab() -> AsyncIterator[tuple[Lab, Maker]]:
    """A lab with a book, its clock running, and a maker of tickets of its market."""
    async with polymarket_us_lab() as lab:
        lab.set_book(RATE, {40: 100}, {42: 30, 43: 90})
        rate = lab.instrument(RATE)
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
        connection = lab.venue.execution._stream._connection
        await until(lambda: connection.is_open)
        await asyncio.sleep(0.4)  # its subscriptions are on their way
        yield seen
    finally:
        stream.cancel()
        await asyncio.gather(stream, return_exceptions=True)


async def place(lab: Lab, wanted: LegTicket) -> SubmitOutcome:
    order = lab.venue.execution.encode(wanted, lab.instrument(RATE))
    outcome = await lab.venue.execution.send(order, lambda: None)
    assert outcome is not None
    return outcome


async def prove(lab: Lab, wanted: LegTicket) -> Evidence:
    [proof] = await lab.venue.execution.find_evidence([wanted])
    return proof


async def prove_absent(lab: Lab, wanted: LegTicket) -> None:
    """Ask as often as it takes; nothing but UNPROVEN may come before ABSENT."""
    for _ in range(24):
        proof = await prove(lab, wanted)
        if proof.kind is EvidenceKind.ABSENT:
            return
        assert proof.kind is EvidenceKind.UNPROVEN
        await asyncio.sleep(0.5)
    raise AssertionError("never proven")


async def until(condition: Callable[[], bool], seconds: float = 15.0) -> None:
    """Wait for something that is due; the bound only ends a broken test."""
    for _ in range(int(seconds / 0.02)):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("did not happen")


def told(seen: list[EventBody]) -> list[FillSeen]:
    return [body for body in seen if isinstance(body, FillSeen)]


def held(lab: Lab) -> int:
    return lab.exchange.position(ACCOUNT, lab.instrument(RATE).market_id).yes


# --- orders ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "form"),
    [
        ("u.ack_lost", ""),
        ("u.5xx", "landed"),
        ("u.body", "no_id"),
        ("u.body", "cut"),
        ("u.body", "html"),
        ("u.body", "empty"),
        ("tcp", "reset"),
    ],
)
async def test_f019_an_order_that_landed_is_found_whatever_its_answer_said(
    key: str, form: str
) -> None:
    async with open_lab() as (lab, wanted), listening(lab) as seen:
        lab.switch_on(key, form=form, most=1)
        asked = wanted()
        assert isinstance(await place(lab, asked), Unknown)
        await until(lambda: bool(told(seen)))
        proof = await prove(lab, asked)
        assert (proof.kind, proof.cum_qty) == (EvidenceKind.FILLED, contracts(10))
        [fill] = [body.fill for body in told(seen)]
        assert fill.attempt_id == asked.attempt_id and held(lab) == contracts(10)


async def test_f019_an_answer_with_nothing_but_the_id_is_completed_by_the_records() -> None:
    async with open_lab() as (lab, wanted):
        lab.switch_on("u.body", form="id_only", most=1)
        asked = wanted()
        outcome = await place(lab, asked)
        assert isinstance(outcome, Unknown), "its fills are not known yet"
        proof = await prove(lab, asked)
        assert proof.kind is EvidenceKind.FILLED and proof.cum_qty == contracts(10)


@pytest.mark.parametrize(("key", "form"), [("u.5xx", "lost"), ("u.req_lost", "")])
async def test_f018_an_order_that_never_landed_is_proven_absent_by_time(
    key: str, form: str
) -> None:
    async with open_lab() as (lab, wanted):
        lab.switch_on(key, form=form, most=1)
        asked = wanted()
        assert isinstance(await place(lab, asked), Unknown)
        await prove_absent(lab, asked)
        assert held(lab) == 0


async def test_f017_an_order_that_lands_late_is_never_called_absent() -> None:
    async with open_lab() as (lab, wanted), listening(lab) as seen:
        lab.switch_on("u.req_late", amount=6_500, most=1)
        asked = wanted()
        assert isinstance(await place(lab, asked), Unknown)
        for _ in range(20):
            proof = await prove(lab, asked)
            assert proof.kind is not EvidenceKind.ABSENT
            if proof.kind is EvidenceKind.FILLED:
                break
            await asyncio.sleep(0.4)
        else:
            raise AssertionError("never found")
        await until(lambda: len(told(seen)) == 1)
        assert held(lab) == contracts(10)


async def test_f085_the_answer_of_another_order_is_nobodys() -> None:
    async with open_lab() as (lab, wanted), listening(lab) as seen:
        first = wanted(2, 43)
        assert isinstance(await place(lab, first), Acked)
        lab.switch_on("http.swap", most=2)
        second = wanted(3, 43)
        # The first one under the window only gives the fault something to swap with.
        outcomes = [await place(lab, second), await place(lab, third := wanted(4, 43))]
        assert any(isinstance(outcome, Unknown) for outcome in outcomes)
        await until(lambda: len(told(seen)) >= 3)
        proofs = [await prove(lab, asked) for asked in (first, second, third)]
        assert [p.cum_qty for p in proofs] == [contracts(2), contracts(3), contracts(4)]
        assert len({p.order_id for p in proofs}) == 3 and held(lab) == contracts(9)


async def test_f014_a_book_that_fades_fills_nothing_and_f010_a_moved_grid_refuses() -> None:
    async with open_lab() as (lab, wanted):
        lab.switch_on("fade", most=1)
        none = await place(lab, wanted())
        assert isinstance(none, Acked) and none.cum_qty == 0 and none.status is AckStatus.DONE
        lab.set_book(RATE, {40: 100}, {42: 30})
        lab.switch_on("tick_change", most=1)
        refused = await place(lab, wanted())
        assert isinstance(refused, Rejected) and refused.reason == "off_grid"
        assert held(lab) == 0


@pytest.mark.parametrize(("form", "reason"), [("writes", ""), ("all", "unauthorised")])
async def test_f066_a_revoked_key_opens_nothing_and_reads_fail(form: str, reason: str) -> None:
    async with open_lab() as (lab, wanted):
        asked = wanted()
        lab.switch_on("403_all", form=form)
        outcome = await place(lab, asked)
        if form == "writes":
            assert isinstance(outcome, Unknown), "403 is not among the published answers"
            await lab.venue.account.fetch_snapshot()
        else:
            assert isinstance(outcome, Rejected) and outcome.reason == reason
            with pytest.raises(StoreError, match="401"):
                await lab.venue.account.fetch_snapshot()
            assert (await prove(lab, asked)).kind is EvidenceKind.UNPROVEN
        assert held(lab) == 0


async def test_f025_a_clock_outside_the_window_is_a_refusal() -> None:
    async with open_lab() as (lab, wanted):
        lab.switch_on("skew")
        refused = await place(lab, wanted())
        assert isinstance(refused, Rejected) and refused.reason == "unauthorised"
        lab.switch_on("skew", amount=-25_000)
        assert isinstance(await place(lab, wanted()), Acked), "within the documented 30 s"


# --- connections and records -------------------------------------------------------------------


@pytest.mark.parametrize(("form", "landed"), [("both", False), ("out", False), ("in", True)])
async def test_f083_a_partition_leaves_the_order_unknown_until_it_is_over(
    form: str, landed: bool
) -> None:
    async with open_lab() as (lab, wanted):
        asked = wanted()
        await lab.venue.execution.warm()
        lab.switch_on("partition", form=form)
        assert isinstance(await place(lab, asked), Unknown)
        assert bool(held(lab)) is landed
        lab.world.faults.switch_off("partition")
        async with listening(lab):
            proof = await prove(lab, asked)
            # Without a frame of the private socket, which replays nothing, a trade that
            # nothing explains forbids every verdict.
            assert proof.kind is EvidenceKind.UNPROVEN
            if not landed:
                await prove_absent(lab, asked)


async def test_f083_a_partition_is_noticed_on_both_sockets_and_outlived() -> None:
    async with open_lab() as (lab, wanted), listening(lab) as seen:
        lab.switch_on("partition", form="both")
        await until(lambda: lab.venue.tally.counts["user_stream_lost"] > 0)
        lab.world.faults.switch_off("partition")
        outcome = await place(lab, wanted(3, 43))
        assert isinstance(outcome, Acked) and outcome.cum_qty == contracts(3)
        resting = wanted(6, 41, tif=TimeInForce.GTC)
        assert isinstance(await place(lab, resting), Acked)
        lab.set_book(RATE, {39: 10}, {41: 6})
        await until(lambda: resting.attempt_id in {b.fill.attempt_id for b in told(seen)})


async def test_f084_answers_that_are_slower_are_answers_still() -> None:
    async with open_lab() as (lab, wanted):
        await lab.venue.execution.warm()
        lab.switch_on("lat", amount=600)
        outcome = await place(lab, wanted(1, 43))
        assert isinstance(outcome, Acked) and outcome.cum_qty == contracts(1)
        lab.switch_on("lat", amount=60_000)
        assert isinstance(await place(lab, wanted(1, 43)), Unknown), "given up"


@pytest.mark.parametrize("form", ["error", "cut", "stale", "shortened"])
async def test_f065_records_that_lag_or_break_prove_nothing(form: str) -> None:
    async with open_lab() as (lab, wanted):
        lab.switch_on("u.ack_lost", most=1)
        asked = wanted()
        assert isinstance(await place(lab, asked), Unknown)
        lab.switch_on("rest.cut_page", form=form)
        for _ in range(3):
            assert (await prove(lab, asked)).kind is EvidenceKind.UNPROVEN
            await asyncio.sleep(0.5)
        if form in ("error", "cut"):
            with pytest.raises(StoreError):
                await lab.venue.account.fetch_snapshot()


async def test_f099_fields_more_are_ignored_fields_less_stop_that_route() -> None:
    async with open_lab() as (lab, wanted):
        asked = wanted()
        assert isinstance(await place(lab, asked), Acked)
        lab.switch_on("schema", form="extra")
        assert len((await lab.venue.account.fetch_snapshot()).positions) == 1
        proof = await prove(lab, asked)
        assert proof.kind is EvidenceKind.FILLED and proof.cum_qty == contracts(10)
        for form in ("gone", "410"):
            lab.switch_on("schema", form=form)
            with pytest.raises((StoreError, WireError)):
                await lab.venue.account.fetch_snapshot()
            assert (await prove(lab, asked)).kind is EvidenceKind.UNPROVEN, form
        lab.world.faults.switch_off("schema")
        assert (await prove(lab, asked)).kind is EvidenceKind.FILLED
        lab.switch_on("schema", form="required")
        refused = await place(lab, wanted(1, 43))
        assert isinstance(refused, Rejected) and refused.reason == "invalid_order"


# --- the private socket ------------------------------------------------------------------------


async def test_f050_frames_that_repeat_are_one_fill() -> None:
    async with open_lab() as (lab, wanted), listening(lab) as seen:
        lab.switch_on("u.user.dup")
        assert isinstance(await place(lab, wanted(4, 43)), Acked)
        await until(lambda: lab.world.faults.hits("u.user.dup") > 0)
        await asyncio.sleep(0.5)
        assert len(told(seen)) == 1 and held(lab) == contracts(4)


async def test_f050_a_fill_whose_frames_are_lost_is_told_by_the_sweep() -> None:
    async with open_lab() as (lab, wanted), listening(lab) as seen:
        resting = wanted(6, 41, tif=TimeInForce.GTC)
        assert isinstance(await place(lab, resting), Acked)
        lab.switch_on("u.user.drop")
        lab.set_book(RATE, {39: 10}, {41: 6})
        await until(lambda: held(lab) == contracts(6))
        lab.world.faults.switch_off("u.user.drop")
        await until(lambda: bool(told(seen)))
        [fill] = [body.fill for body in told(seen)]
        assert (fill.attempt_id, fill.qty) == (resting.attempt_id, contracts(6))
        charged = sum(row.fee_usd for row in lab.exchange.fills(ACCOUNT))
        assert fill.fee == charged
        assert lab.venue.tally.counts["unexplained_trade"] == 0


async def test_f064_a_strangers_trade_in_the_account_is_counted_not_claimed() -> None:
    async with open_lab() as (lab, _wanted), listening(lab) as seen:
        lab.switch_on("foreign_fill", only=ACCOUNT)
        await until(lambda: held(lab) != 0)
        lab.world.faults.switch_off("foreign_fill")
        await until(lambda: bool(told(seen)) or lab.venue.tally.counts["unexplained_trade"] > 0)
        assert not [body for body in told(seen) if body.fill.attempt_id is not None]


async def test_f032_a_busted_trade_is_told_as_failed() -> None:
    async with open_lab() as (lab, wanted), listening(lab) as seen:
        cash = lab.exchange.cash(ACCOUNT)
        lab.switch_on("u.bust", amount=1_000, most=1)
        asked = wanted()
        assert isinstance(await place(lab, asked), Acked)
        assert isinstance(await place(lab, wanted(3, 43)), Acked)
        await until(lambda: any(isinstance(body, TradeFinality) for body in seen), 25.0)
        [failed] = [body for body in seen if isinstance(body, TradeFinality)]
        fills = {body.fill.trade_id: body.fill for body in told(seen)}
        assert failed.venue is Venue.POLYMARKET_US and not failed.is_final
        assert fills[failed.trade_id].qty == contracts(10) and held(lab) == contracts(3)
        left = [row for row in lab.exchange.fills(ACCOUNT) if row.trade_id != failed.trade_id]
        assert lab.exchange.cash(ACCOUNT) == cash - sum(r.amount_usd + r.fee_usd for r in left)
        # What the venue then shows of the order contradicts what was told: no verdict.
        assert (await prove(lab, asked)).kind is EvidenceKind.UNPROVEN
        await asyncio.sleep(6)
        assert sum(isinstance(body, TradeFinality) for body in seen) == 1, "told once"


async def test_faults_are_switched_over_http_and_an_adversary_busts_one_trade() -> None:
    async with open_lab() as (lab, wanted), aiohttp.ClientSession() as http:
        base = lab.endpoints.api
        async with http.get(f"{base}/__sim__/keys") as answer:
            keys = {row["key"]: row for row in (await answer.json())["keys"]}
        assert keys["u.bust"]["available"] and keys["ws.dup"]["server"] == "all"
        assert isinstance(await place(lab, wanted()), Acked)
        bust = {"trade_id": lab.exchange.fills(ACCOUNT)[0].trade_id, "status": "bust"}
        async with http.post(f"{base}/__sim__/trade", json=bust) as answer:
            assert await answer.json() == {"moved": True}
        assert held(lab) == 0
        async with http.post(f"{base}/__sim__/trade", json=bust) as answer:
            assert answer.status == 409

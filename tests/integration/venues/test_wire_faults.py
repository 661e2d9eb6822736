"""Every fault of a request, an answer or a pause, over real sockets and through our adapters.

Unknown stays unknown, a refusal is a refusal, and the venue's own records settle the rest.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from shared.adapters.venues.polymarket.account import PolymarketAccount
from shared.domain.enums import MarketStatus, Outcome, Side, TimeInForce
from shared.domain.errors import StoreError, WireError
from shared.domain.events import FillSeen
from shared.domain.order import (
    Acked,
    AckStatus,
    EvidenceKind,
    LegTicket,
    Rejected,
    SubmitOutcome,
    Unknown,
)
from shared.domain.units import NS_PER_S, PriceMicros, UsdMicros
from shared.simulators.world_faults import is_thursday_pause
from tests.integration.venues.test_kalshi_faults import listening, open_lab, place, strike, until
from tests.integration.venues.test_polymarket_faults import buy
from tests.integration.venues.test_polymarket_faults import strike as strike_p
from tests.integration.venues.test_polymarket_trading import (
    ASKS,
    BIDS,
    ticket,
    trading,
)
from tests.integration.venues.test_polymarket_trading import (
    listening as listening_p,
)
from tests.integration.venues.test_polymarket_trading import (
    place as place_p,
)
from tests.support.kalshi_world import ACCOUNT, COIN, RATE, contracts
from tests.support.kalshi_world import ticket as kalshi_ticket
from tests.support.polymarket_world import gamma_object, polymarket_venue

FILLED, UNPROVEN = EvidenceKind.FILLED, EvidenceKind.UNPROVEN
LANDED = ("k.ack_lost", "k.5xx/landed", "k.body/soft_reject", "k.body/cut", "k.body/html")
LANDED += ("k.body/empty", "tcp/reset")


@pytest.mark.parametrize("fault", [*LANDED, "k.req_lost", "k.5xx/lost", "tcp/half_open"])
async def test_f015_f016_f018_f019_f082_what_was_not_answered_is_unknown(fault: str) -> None:
    key, _, form = fault.partition("/")
    async with open_lab() as (lab, wanted):
        strike(lab, key, form=form, most=1)
        asked = wanted()
        outcome = await place(lab, asked)
        assert isinstance(outcome, Unknown), outcome
        [proof] = await lab.venue.execution.find_evidence([asked])
        assert proof.kind is (FILLED if fault in LANDED else UNPROVEN)
        assert bool(lab.exchange.orders(ACCOUNT)) is (fault in LANDED)


async def test_f017_a_request_that_lands_late_is_found_when_it_has() -> None:
    async with open_lab() as (lab, wanted), listening(lab) as seen:
        strike(lab, "k.req_late", amount=3_000, most=1)
        asked = wanted()
        assert isinstance(await place(lab, asked), Unknown)
        [proof] = await lab.venue.execution.find_evidence([asked])
        assert proof.kind is UNPROVEN
        await asyncio.sleep(3.2)
        [proof] = await lab.venue.execution.find_evidence([asked])
        assert (proof.kind, proof.cum_qty) == (FILLED, contracts(10))
        for _ in range(300):
            if seen:
                break
            await asyncio.sleep(0.02)
        assert [b.fill.attempt_id for b in seen if isinstance(b, FillSeen)] == [asked.attempt_id]


async def test_f020_wrong_counts_are_checked_by_reading_the_order() -> None:
    async with open_lab() as (lab, wanted):
        strike(lab, "k.bad_counts", most=1)
        outcome = await place(lab, wanted())
        assert isinstance(outcome, Acked) and outcome.cum_qty == contracts(10)
        assert lab.venue.tally.counts["create_counts"] == 1


async def test_f085_the_answer_of_another_order_is_unknown() -> None:
    async with open_lab() as (lab, wanted):
        strike(lab, "http.swap", most=1)
        first, second = wanted(2), wanted(3)
        assert isinstance(await place(lab, first), Acked)
        assert isinstance(await place(lab, second), Unknown)
        [proof] = await lab.venue.execution.find_evidence([second])
        assert (proof.kind, proof.cum_qty) == (FILLED, contracts(3))


async def test_f025_a_skewed_clock_is_a_refusal_that_leaves_nothing() -> None:
    async with open_lab() as (lab, wanted):
        rate = (await lab.instruments())[RATE]
        order = lab.venue.execution.encode(wanted(), rate)
        strike(lab, "skew", amount=40_000)
        outcome = await lab.venue.execution.send(order, lambda: None)
        assert isinstance(outcome, Rejected) and outcome.reason == "unauthorised"
        assert not lab.exchange.orders(ACCOUNT)


async def test_f030_a_cancel_404_proves_nothing_and_the_order_is_read() -> None:
    async with open_lab() as (lab, wanted):
        asked = wanted(2, 41, tif=TimeInForce.GTC)
        rate = (await lab.instruments())[RATE]
        order = lab.venue.execution.encode(asked, rate)
        made = await lab.venue.execution.send(order, lambda: None)
        assert isinstance(made, Acked) and made.status is AckStatus.RESTING
        strike(lab, "k.cancel404", most=1)
        assert not await lab.venue.execution.cancel(order, made.order_id)
        [proof] = await lab.venue.execution.find_evidence([asked])
        assert proof.kind is EvidenceKind.LIVE
        assert await lab.venue.execution.cancel(order, made.order_id)


@pytest.mark.parametrize("form", ["error", "cut"])
async def test_f065_an_unusable_page_refuses_the_whole_reading(form: str) -> None:
    async with open_lab() as (lab, wanted):
        asked = wanted()
        await place(lab, asked)
        strike(lab, "rest.cut_page", form=form)
        with pytest.raises((StoreError, WireError)):
            await lab.venue.account.fetch_snapshot()
        [proof] = await lab.venue.execution.find_evidence([asked])
        assert proof.kind is UNPROVEN


async def test_f065_records_that_lag_prove_no_absence() -> None:
    async with open_lab() as (lab, wanted):
        asked = wanted()
        strike(lab, "rest.cut_page", form="stale", amount=60_000)
        await place(lab, asked)
        for _ in range(3):
            [proof] = await lab.venue.execution.find_evidence([asked])
            assert proof.kind is UNPROVEN, "as_of lies before the send"
            await asyncio.sleep(0.6)
        lab.world.faults.switch_off("rest.cut_page")
        [proof] = await lab.venue.execution.find_evidence([asked])
        assert proof.kind is FILLED


async def test_f028_pauses_of_a_shard_of_all_and_of_thursday() -> None:
    async with open_lab() as (lab, wanted):
        lab.set_book(COIN, {40: 100}, {42: 30})
        coin = (await lab.instruments())[COIN]
        shards = lab.exchange.paused_shards
        strike(lab, "k.pause", amount=2)
        await until(lambda: shards == {2})
        paused = await place(lab, kalshi_ticket(coin, Outcome.YES, Side.BUY, 42, 1))
        assert isinstance(paused, Rejected) and paused.reason == "paused"
        assert isinstance(await place(lab, wanted(1)), Acked), "the other shard trades"
        base = lab.endpoints.rest + "/trade-api/v2/exchange"
        async with aiohttp.ClientSession() as http:
            status = await _get(http, f"{base}/status")
            rows = {
                r["exchange_index"]: r["trading_active"] for r in status["exchange_index_statuses"]
            }
            assert status["trading_active"] and rows[2] is False and rows[0] is True
            strike(lab, "k.pause", form="maintenance")
            await until(lambda: 0 in shards)
            outcome = await place(lab, wanted(1))
            assert isinstance(outcome, Rejected) and outcome.reason == "paused"
            status = await _get(http, f"{base}/status")
            assert not status["exchange_active"] and status["exchange_estimated_resume_time"]
            schedule = (await _get(http, f"{base}/schedule"))["schedule"]
            assert len(schedule["maintenance_windows"]) == 1
            is_paused = is_thursday_pause(lab.world.now_ns())
            strike(lab, "k.pause", form="thursday")
            await until(lambda: (0 in shards) is is_paused)
            schedule = (await _get(http, f"{base}/schedule"))["schedule"]
            assert schedule["standard_hours"][0]["thursday"][0]["close_time"] == "03:00"
            assert isinstance(await place(lab, wanted(1)), Rejected if is_paused else Acked)


def test_f028_thursday_is_counted_in_new_york_all_year() -> None:
    summer, winter = 1_783_580_400, 1_794_470_400  # Thursdays 03:00 there: 07:00 and 08:00 UTC
    for second in (summer, winter):
        assert not is_thursday_pause((second - 1) * NS_PER_S)
        assert is_thursday_pause(second * NS_PER_S)
        assert is_thursday_pause((second + 7_199) * NS_PER_S)
        assert not is_thursday_pause((second + 7_200) * NS_PER_S)
        assert not is_thursday_pause((second + 86_400) * NS_PER_S)


@pytest.mark.parametrize(
    ("form", "moved", "status"),
    [
        ("", 5_000_000, "complete"),
        ("half", 0, "pending"),
        ("lost", 0, "failed"),
        ("hundredth", 50_000, "complete"),
    ],
)
async def test_f063_transfers_move_centicents_or_get_stuck(
    form: str, moved: int, status: str
) -> None:
    async with open_lab() as (lab, _), aiohttp.ClientSession() as http:
        if form:
            strike(lab, "k.transfer", form=form)
        before = lab.exchange.cash_by_shard(ACCOUNT)
        path = "/portfolio/intra_exchange_instance_transfer"
        body = {"amount": 50_000, "source_exchange_shard": 0, "destination_exchange_shard": 2}
        request = lab.venue.account._rest.build("POST", path, body=json.dumps(body).encode())
        async with http.post(
            lab.endpoints.rest + request.target, data=request.body, headers=dict(request.headers)
        ) as answer:
            assert answer.status == 200
            transfer = (await answer.json())["transfer_id"]
        listed = lab.venue.account._rest.build("GET", f"{path}/{transfer}")
        async with http.get(
            lab.endpoints.rest + listed.target, headers=dict(listed.headers)
        ) as answer:
            assert (await answer.json())["transfer"]["status"] == status
        after = lab.exchange.cash_by_shard(ACCOUNT)
        assert after[2] - before[2] == moved
        assert before[0] - after[0] == (5_000_000 if form == "half" else moved)


async def _get(http: aiohttp.ClientSession, url: str) -> dict[str, Any]:
    async with http.get(url) as answer:
        return dict(await answer.json())


P_LANDED = ("p.ack_lost", "p.500/landed", "p.body/no_id", "p.body/free_text", "p.body/cut")
P_LANDED += ("p.body/empty_amounts", "p.body/html", "p.body/empty", "tcp/reset")


@pytest.mark.parametrize("fault", [*P_LANDED, "p.req_lost", "p.500/lost", "tcp/half_open"])
async def test_f033_f043_f044_f082_what_was_not_answered_is_unknown(fault: str) -> None:
    key, _, form = fault.partition("/")
    async with polymarket_venue([gamma_object(1)]) as venue:
        venue.book(0, BIDS, ASKS)
        async with trading(venue) as execution:
            strike_p(venue, key, form=form, most=1)
            asked, outcome = await buy(execution, venue)
            assert isinstance(outcome, Unknown), outcome
            (proof,) = await execution.find_evidence([asked])
            assert proof.kind is (FILLED if fault in P_LANDED else UNPROVEN)
            assert bool(venue.exchange.orders("operator")) is (fault in P_LANDED)


async def test_f017_a_request_that_lands_late_is_found_by_its_digest() -> None:
    async with polymarket_venue([gamma_object(1)]) as venue:
        venue.book(0, BIDS, ASKS)
        async with trading(venue) as execution:
            strike_p(venue, "p.req_late", amount=3_000, most=1)
            asked, outcome = await buy(execution, venue)
            assert isinstance(outcome, Unknown)
            (proof,) = await execution.find_evidence([asked])
            assert proof.kind is UNPROVEN
            await asyncio.sleep(3.2)
            (proof,) = await execution.find_evidence([asked])
            assert (proof.kind, proof.cum_qty) == (FILLED, 100_000_000)


async def test_f024_a_429_of_polymarket_is_unknown() -> None:
    async with polymarket_venue([gamma_object(1)]) as venue:
        venue.book(0, BIDS, ASKS)
        async with trading(venue) as execution:
            strike_p(venue, "p.bucket", most=1)
            asked, outcome = await buy(execution, venue)
            assert isinstance(outcome, Unknown) and "429" in outcome.reason
            assert not venue.exchange.orders("operator")
            (proof,) = await execution.find_evidence([asked])
            assert proof.kind is UNPROVEN


async def test_f044_unmatched_without_amounts_is_settled_by_the_fill_that_comes() -> None:
    async with polymarket_venue([gamma_object(1)]) as venue:
        venue.book(0, BIDS, ASKS)
        async with trading(venue) as execution, listening_p(execution) as sink:
            strike_p(venue, "p.body", form="unmatched", most=1)
            asked, outcome = await buy(execution, venue)
            assert isinstance(outcome, Acked) and outcome.cum_qty == 0
            await sink.until(lambda s: bool(s.of(FillSeen)))
            assert sink.of(FillSeen)[0].fill.attempt_id == asked.attempt_id


async def test_f042_a_restart_is_unknown_first_and_post_only_after() -> None:
    async with polymarket_venue([gamma_object(1)]) as venue:
        venue.book(0, BIDS, ASKS)
        async with trading(venue) as execution:
            strike_p(venue, "p.restart")
            asked, early = await buy(execution, venue)
            assert isinstance(early, Unknown) and "425" in early.reason
            strike_p(venue, "p.restart", amount=0)
            _, later = await buy(execution, venue, 1)
            assert isinstance(later, Unknown) and "503" in later.reason
            assert "post_only_mode" in later.raw
            (proof,) = await execution.find_evidence([asked])
            assert proof.kind is UNPROVEN, "reads answer, and absence needs its time"
            assert await execution.cancel_everything() == 0
            venue.world.faults.switch_off("p.restart")
            assert isinstance((await buy(execution, venue, 2))[1], Acked)


@pytest.mark.parametrize(
    ("form", "reason"),
    [
        ("region", "region_refused"),
        ("closed_only", "account_closed_only"),
        ("banned", "account_banned"),
    ],
)
async def test_f049_restrictions_refuse_and_the_state_says_so(form: str, reason: str) -> None:
    async with polymarket_venue([gamma_object(1)]) as venue:
        venue.book(0, BIDS, ASKS)
        account = PolymarketAccount(
            venue.hosts, venue.credentials(), venue.clock, venue.instrument_of
        )
        async with trading(venue) as execution:
            strike_p(venue, "p.403", form=form)
            _, outcome = await buy(execution, venue)
            assert isinstance(outcome, Rejected) and outcome.reason == reason
            state = await account.read_state()
            assert state.is_region_blocked is (form == "region")
            assert state.is_closed_only is (form == "closed_only")
        await account.aclose()


async def resting_order(execution: Any, venue: Any) -> tuple[LegTicket, Any, SubmitOutcome]:
    asked = ticket(venue, price_limit=PriceMicros(400_000), tif=TimeInForce.GTC)
    order = execution.encode(asked, venue.instrument())
    made = await place_p(execution, venue, asked)
    assert isinstance(made, Acked) and made.status is AckStatus.RESTING
    return asked, order, made


async def test_f051_a_refused_cancel_proves_nothing() -> None:
    async with polymarket_venue([gamma_object(1)]) as venue:
        venue.book(0, BIDS, ASKS)
        async with trading(venue) as execution:
            asked, order, _ = await resting_order(execution, venue)
            strike_p(venue, "p.rest", most=1)
            assert not await execution.cancel(order, order.order_hash)
            (proof,) = await execution.find_evidence([asked])
            assert proof.kind is EvidenceKind.LIVE
            assert await execution.cancel(order, order.order_hash)


async def test_f051_a_fill_after_an_acknowledged_cancel_is_seen() -> None:
    async with polymarket_venue([gamma_object(1)]) as venue:
        venue.book(0, BIDS, ASKS)
        async with trading(venue) as execution, listening_p(execution) as sink:
            asked, order, _ = await resting_order(execution, venue)
            strike_p(venue, "p.rest", form="cancel_race", amount=300, most=1)
            assert await execution.cancel(order, order.order_hash), "the venue said so"
            await sink.until(lambda s: bool(s.of(FillSeen)))
            fill = sink.of(FillSeen)[0].fill
            assert (fill.attempt_id, fill.qty) == (asked.attempt_id, 100_000_000)
            (proof,) = await execution.find_evidence([asked])
            assert proof.kind is FILLED


async def test_f085_the_answer_of_another_order_is_unknown_at_polymarket() -> None:
    async with polymarket_venue([gamma_object(1)]) as venue:
        venue.book(0, BIDS, ASKS)
        async with trading(venue) as execution:
            strike_p(venue, "http.swap", most=1)
            small = UsdMicros(5_000_000)
            assert isinstance((await buy(execution, venue, budget_usd=small))[1], Acked)
            asked, outcome = await buy(execution, venue, 1, budget_usd=small)
            assert isinstance(outcome, Unknown) and "another order" in outcome.reason
            (proof,) = await execution.find_evidence([asked])
            assert proof.kind is FILLED


async def test_f010_f029_the_market_changes_under_the_order() -> None:
    async with open_lab() as (lab, wanted):
        rate = (await lab.instruments())[RATE]
        asked = wanted()
        order = lab.venue.execution.encode(asked, rate)
        strike(lab, "tick_change", amount=100_000, most=1)
        outcome = await lab.venue.execution.send(order, lambda: None)
        assert isinstance(outcome, Rejected) and outcome.reason == "invalid_price"
        fresh = (await lab.instruments())[RATE]
        assert fresh.grid[0].step == 100_000, "the catalogue shows the new grid"
        strike(lab, "k.close", most=1)
        late = kalshi_ticket(fresh, Outcome.YES, Side.BUY, 50, 1)
        outcome = await lab.venue.execution.send(
            lab.venue.execution.encode(late, fresh), lambda: None
        )
        assert isinstance(outcome, Rejected) and outcome.reason == "market_inactive"
        state = lab.exchange.market(rate.market_id)
        assert state is not None and state.status is MarketStatus.CLOSED


async def test_the_clocks_own_faults_strike_with_the_clock() -> None:
    raw = gamma_object(1, rate=0.03)
    async with polymarket_venue([raw]) as venue:
        venue.book(0, BIDS, ASKS)
        native, market = venue.markets[0].native_id, venue.markets[0].market_id
        strike_p(venue, "p.fee", amount=50_000, only=native, most=1)
        strike_p(venue, "metadata_updated", only=native, most=1)
        strike_p(venue, "bait", amount=1, only=native, most=1)
        strike_p(venue, "foreign_fill", amount=7, only="operator", most=1)
        strike_p(venue, "burst", amount=4_000)
        before = venue.exchange.book(market).ts_ns

        def is_done() -> bool:
            return bool(venue.exchange.fills("operator")) and raw["feeSchedule"]["rate"] == 0.05

        for _ in range(200):
            if is_done() and venue.world.faults.hits("burst"):
                break
            await asyncio.sleep(0.02)
        assert is_done() and "Clarification" in raw["description"]
        listed = venue.exchange.market(market)
        assert listed is not None and listed.instrument.fees.rate_ppm == 50_000
        assert venue.exchange.fills("operator")[0].order_id
        # Only the bait's five shares stood at the best price that the stranger paid.
        assert venue.exchange.orders("operator")[0].qty_filled == 5_000_000
        assert venue.exchange.book(market).ts_ns > before
        assert venue.world.faults.hits("burst") > 0

"""Faults of the catalogue at the simulated Polymarket, and what our adapter makes of them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from shared.adapters.venues.polymarket.account import PolymarketAccount
from shared.adapters.venues.polymarket.execution import PolymarketExecution
from shared.adapters.venues.polymarket.rest import PolymarketRest
from shared.domain.enums import TimeInForce
from shared.domain.errors import StoreError, WireError
from shared.domain.events import FillSeen, TradeFinality
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
from shared.exchange.fault_plan import FaultWindow
from tests.integration.venues.test_polymarket_trading import (
    ASKS,
    BIDS,
    listening,
    place,
    ticket,
    trading,
)
from tests.support.polymarket_world import FAST, SLOW, Venue1, gamma_object, polymarket_venue

DOLLARS = UsdMicros(46_000_000)


def strike(venue: Venue1, key: str, seconds: float = 60.0, **more: Any) -> None:
    """Put a fault in force from now on."""
    now = venue.world.now_ns()
    venue.world.faults.switch_on(FaultWindow(key, now, now + int(seconds * NS_PER_S), **more))


async def buy(
    execution: PolymarketExecution, venue: Venue1, number: int = 0, **changes: Any
) -> tuple[LegTicket, SubmitOutcome]:
    """Spend $46 at 47 cents or less; attempts of a test are numbered."""
    asked = ticket(venue, number, **({"budget_usd": DOLLARS} | changes))
    outcome = await place(execution, venue, asked)
    assert outcome is not None
    return asked, outcome


async def test_f036_an_absurd_improvement_is_counted_in_dollars_paid() -> None:
    async with polymarket_venue([gamma_object(1)]) as venue:
        venue.book(0, {}, {"0.50": "200"})
        async with trading(venue) as execution, listening(execution) as sink:
            strike(venue, "p.over", amount=4_900)
            changes = {"price_limit": PriceMicros(500_000), "budget_usd": UsdMicros(50_000_000)}
            asked, outcome = await buy(execution, venue, **changes)
            assert isinstance(outcome, Acked) and outcome.status is AckStatus.DONE
            assert outcome.cum_qty == 5_000_000_000, "fifty times the plan"
            assert outcome.cost_usd == 50_000_000, "for the dollars that were planned"
            await sink.until(lambda s: bool(s.of(FillSeen)))
            fill = sink.of(FillSeen)[0].fill
            assert (fill.qty, fill.price, fill.notional_usd) == (5_000_000_000, 10_000, 50_000_000)
            (proof,) = await execution.find_evidence([asked])
            assert proof.cum_qty == 5_000_000_000 and proof.order_id == outcome.order_id


async def test_f037_the_rest_of_a_partial_fak_is_dead() -> None:
    async with polymarket_venue([gamma_object(1)]) as venue:
        venue.book(0, BIDS, ASKS)
        async with trading(venue) as execution:
            strike(venue, "p.partial", amount=25)
            asked, part = await buy(execution, venue)
            assert isinstance(part, Acked) and part.status is AckStatus.DONE
            # A quarter of the shares that the budget buys at the limit.
            assert part.cum_qty == 24_460_000 and part.cost_usd < DOLLARS / 3
            (proof,) = await execution.find_evidence([asked])
            assert (proof.kind, proof.cum_qty) == (EvidenceKind.FILLED, part.cum_qty)
            assert await execution.cancel_everything() == 0, "nothing of it lives"


async def test_f037_a_fak_that_meets_nothing_is_a_refusal() -> None:
    async with polymarket_venue([gamma_object(1)]) as venue:
        venue.book(0, BIDS, ASKS)
        async with trading(venue) as execution:
            strike(venue, "fade")
            _, outcome = await buy(execution, venue)
            assert isinstance(outcome, Rejected) and outcome.reason == "fak_not_filled"


@pytest.mark.parametrize("hold_ms", [50, 250])
async def test_f040_a_blocking_call_is_a_late_answer_and_no_unknown(hold_ms: int) -> None:
    async with polymarket_venue([gamma_object(1)]) as venue:
        venue.book(0, BIDS, ASKS)
        async with trading(venue) as execution:
            await execution.warm()
            strike(venue, "p.itode", amount=hold_ms)
            began = venue.clock.mono_ns()
            asked, outcome = await buy(execution, venue)
            assert venue.clock.mono_ns() - began >= hold_ms * 1_000_000
            assert isinstance(outcome, Acked) and outcome.status is AckStatus.DONE
            assert outcome.cum_qty == 100_000_000
            (proof,) = await execution.find_evidence([asked])
            assert proof.kind is EvidenceKind.FILLED


async def test_f040_a_blocking_call_that_met_nothing_is_a_refusal() -> None:
    async with polymarket_venue([gamma_object(1)]) as venue:
        venue.book(0, BIDS, ASKS)
        async with trading(venue) as execution:
            strike(venue, "p.hold", amount=200, form="unmatched")
            _, outcome = await buy(execution, venue)
            assert isinstance(outcome, Rejected) and outcome.reason == "fak_not_filled"


@pytest.mark.parametrize(
    ("form", "reason"),
    [
        ("amounts", "invalid_amounts"),
        ("tick", "tick_size"),
        ("signature", "invalid_signature"),
    ],
)
async def test_f045_the_validator_says_no_and_the_next_id_goes_through(
    form: str, reason: str
) -> None:
    async with polymarket_venue([gamma_object(1)]) as venue:
        venue.book(0, BIDS, ASKS)
        async with trading(venue) as execution:
            strike(venue, "p.400", form=form, most=1)
            asked, refused = await buy(execution, venue)
            assert isinstance(refused, Rejected) and refused.reason == reason
            assert not venue.exchange.orders("operator")
            again, outcome = await buy(execution, venue, 1)
            assert isinstance(outcome, Acked) and again.attempt_id != asked.attempt_id


async def test_f047_a_stuck_counter_limits_what_we_plan_with() -> None:
    async with polymarket_venue([gamma_object(1)], cash=100_000_000) as venue:
        venue.book(0, BIDS, ASKS)
        rest = PolymarketRest(venue.hosts, venue.clock, venue.credentials())
        execution = PolymarketExecution(
            venue.hosts, venue.credentials(), venue.clock, venue.instrument_of, rest=rest
        )
        account = PolymarketAccount(
            venue.hosts, venue.credentials(), venue.clock, venue.instrument_of, rest=rest
        )
        before = await account.fetch_snapshot()
        assert dict(before.cash_by_shard) == {0: 100_000_000}
        strike(venue, "p.counter_stuck", amount=8_000)
        _, refused = await buy(execution, venue)
        assert isinstance(refused, Rejected) and refused.reason == "not_enough_balance"
        after = await account.fetch_snapshot()
        assert after.cash == 100_000_000, "the money is there: it must reconcile"
        assert dict(after.cash_by_shard) == {0: 20_000_000}, "but this much may be spent"
        _, small = await buy(execution, venue, 1, budget_usd=UsdMicros(19_000_000))
        assert isinstance(small, Acked)
        await rest.aclose()


async def test_f048_another_order_version_stops_signing() -> None:
    async with polymarket_venue([gamma_object(1)]) as venue:
        venue.book(0, BIDS, ASKS)
        async with trading(venue) as execution:
            await execution.warm()
            strike(venue, "p.version", amount=3)
            _, refused = await buy(execution, venue)
            assert isinstance(refused, Rejected) and refused.reason == "version_mismatch"
            with pytest.raises(StoreError, match="order version is 3"):
                await execution.warm()
            hits = venue.world.faults.hits("p.version")
            _, local = await buy(execution, venue, 1)
            assert isinstance(local, Rejected) and local.reason.startswith("local:")
            assert venue.world.faults.hits("p.version") == hits, "not a byte was sent"
            venue.world.faults.switch_off("p.version")
            await execution.warm()
            _, outcome = await buy(execution, venue, 2)
            assert isinstance(outcome, Acked)


async def test_f055_a_retried_trade_is_one_fill_and_final_only_when_confirmed() -> None:
    async with polymarket_venue([gamma_object(1)]) as venue:
        venue.book(0, BIDS, ASKS)
        async with trading(venue) as execution, listening(execution) as sink:
            strike(venue, "p.retry", amount=2_500)
            asked, outcome = await buy(execution, venue)
            assert isinstance(outcome, Acked)
            trade = venue.exchange.fills("operator")[0].trade_id
            hashes = set()
            while not sink.of(TradeFinality):
                (row,) = await execution._rest.trades(id=trade)
                assert row.status in ("MATCHED", "RETRYING", "CONFIRMED")
                if row.transaction_hash:
                    hashes.add(row.transaction_hash)
                if row.status == "RETRYING":
                    assert not any(b.fill.is_final for b in sink.of(FillSeen))
                    (proof,) = await execution.find_evidence([asked])
                    assert not any(fill.is_final for fill in proof.fills)
                await asyncio.sleep(0.15)
            (row,) = await execution._rest.trades(id=trade)
            hashes.add(row.transaction_hash)
            assert len(hashes) == 2, "the hash changed, the trade id did not"
            assert {b.fill.key for b in sink.of(FillSeen)} == {sink.of(FillSeen)[0].fill.key}
            assert [(b.trade_id, b.is_final) for b in sink.of(TradeFinality)] == [(trade, True)]


async def test_f056_a_match_never_broadcast_stays_provisional_and_fails() -> None:
    async with polymarket_venue([gamma_object(1)]) as venue:
        venue.book(0, BIDS, ASKS)
        account = PolymarketAccount(
            venue.hosts, venue.credentials(), venue.clock, venue.instrument_of
        )
        assert not (await account.read_state()).missing_allowances
        async with trading(venue) as execution, listening(execution) as sink:
            strike(venue, "p.no_tx", amount=4_000)
            state = await account.read_state()
            assert len(state.missing_allowances) == 2, "known before the first order"
            asked, outcome = await buy(execution, venue)
            assert isinstance(outcome, Acked) and not any(f.is_final for f in outcome.fills)
            (row,) = await execution._rest.trades(id=venue.exchange.fills("operator")[0].trade_id)
            assert row.status == "MATCHED" and not row.transaction_hash
            await sink.until(lambda s: bool(s.of(TradeFinality)))
            assert [b.is_final for b in sink.of(TradeFinality)] == [False]
            await execution.find_evidence([asked])
            await asyncio.sleep(1.1)
            (proof,) = await execution.find_evidence([asked])
            assert proof.kind is EvidenceKind.ABSENT
        await account.aclose()


@pytest.mark.parametrize(("form", "is_final"), [("failed", False), ("confirmed", True)])
async def test_f057_mined_is_not_final_and_a_reorg_decides(form: str, is_final: bool) -> None:
    slow = replace(FAST, confirmed_min_ns=3_000_000_000, confirmed_max_ns=3_100_000_000)
    async with polymarket_venue([gamma_object(1)], finality=slow) as venue:
        venue.book(0, BIDS, ASKS)
        async with trading(venue) as execution, listening(execution) as sink:
            strike(venue, "p.reorg", form=form)
            asked, outcome = await buy(execution, venue)
            assert isinstance(outcome, Acked)
            await asyncio.sleep(0.4)
            (row,) = await execution._rest.trades(id=venue.exchange.fills("operator")[0].trade_id)
            assert row.status == "MINED" and row.transaction_hash
            (proof,) = await execution.find_evidence([asked])
            assert proof.kind is EvidenceKind.FILLED
            assert not any(fill.is_final for fill in proof.fills) and not sink.of(TradeFinality)
            await sink.until(lambda s: bool(s.of(TradeFinality)))
            assert [b.is_final for b in sink.of(TradeFinality)] == [is_final]


async def test_f061_a_redemption_that_stalls_repeats_or_fails_is_paid_once() -> None:
    async with polymarket_venue([gamma_object(1)]) as venue:
        venue.book(0, BIDS, ASKS)
        account = PolymarketAccount(
            venue.hosts, venue.credentials(), venue.clock, venue.instrument_of
        )
        async with trading(venue) as execution, listening(execution) as sink:
            await buy(execution, venue)
            await sink.until(lambda s: bool(s.of(TradeFinality)))
            cash = (await account.fetch_snapshot()).cash
            strike(venue, "relayer", 4.0, form="stall")
            venue.resolve(0, 1_000_000)
            snapshot = await account.fetch_snapshot()
            assert snapshot.cash == cash, "capital is locked until the balance shows it"
            assert [p.qty_yes for p in snapshot.positions] == [100_000_000]
            assert not await account.fetch_payouts(0)
            await asyncio.sleep(4.1)
            (paid,) = await account.fetch_payouts(0)
            assert paid.cash == 100_000_000 and not (await account.fetch_snapshot()).positions
            assert (await account.fetch_snapshot()).cash == cash + 100_000_000
            strike(venue, "relayer", form="repeat")
            assert await account.fetch_payouts(0) == (paid,), "listed three times, paid once"
        await account.aclose()


@pytest.mark.parametrize("form", ["all", "writes"])
async def test_f066_a_revoked_key_is_a_refusal_and_reads_fail(form: str) -> None:
    async with polymarket_venue([gamma_object(1)]) as venue:
        venue.book(0, BIDS, ASKS)
        async with trading(venue) as execution:
            strike(venue, "403_all", form=form)
            asked, outcome = await buy(execution, venue)
            assert isinstance(outcome, Rejected) and outcome.reason == "unauthorized"
            assert not venue.exchange.orders("operator")
            if form == "all":
                with pytest.raises(StoreError, match="401"):
                    await execution._inquiry.read_cash()
                (proof,) = await execution.find_evidence([asked])
                assert proof.kind is EvidenceKind.UNPROVEN


@pytest.mark.parametrize(("form", "landed"), [("both", False), ("out", False), ("in", True)])
async def test_f083_a_partition_leaves_the_order_unknown_until_it_is_over(
    form: str, landed: bool
) -> None:
    async with polymarket_venue([gamma_object(1)]) as venue:
        venue.book(0, BIDS, ASKS)
        async with trading(venue) as execution:
            await execution.warm()
            strike(venue, "partition", form=form)
            asked, outcome = await buy(execution, venue)
            assert isinstance(outcome, Unknown)
            assert bool(venue.exchange.orders("operator")) is landed
            venue.world.faults.switch_off("partition")
            (proof,) = await execution.find_evidence([asked])
            expected = EvidenceKind.FILLED if landed else EvidenceKind.UNPROVEN
            assert proof.kind is expected


async def test_f083_a_name_that_does_not_resolve_sends_nothing() -> None:
    async with polymarket_venue([gamma_object(1)]) as venue:
        nowhere = replace(venue.hosts, clob="http://no-such-host.invalid")
        execution = PolymarketExecution(
            nowhere, venue.credentials(), venue.clock, venue.instrument_of
        )
        asked = ticket(venue, budget_usd=DOLLARS)
        assert await place(execution, venue, asked) is None, "not a byte left: not unknown"
        await execution.aclose()


async def test_f084_answers_ten_times_slower_are_answers_still() -> None:
    async with polymarket_venue([gamma_object(1)]) as venue:
        venue.book(0, BIDS, ASKS)
        async with trading(venue) as execution:
            await execution.warm()
            strike(venue, "lat", amount=300)
            _, outcome = await buy(execution, venue, budget_usd=UsdMicros(5_000_000))
            assert isinstance(outcome, Acked) and outcome.status is AckStatus.DONE
            strike(venue, "lat", amount=6_000)
            _, outcome = await buy(execution, venue, 1, budget_usd=UsdMicros(5_000_000))
            assert isinstance(outcome, Unknown), "past two seconds the connection is given up"


async def test_f099_fields_more_are_ignored_fields_less_stop_that_route() -> None:
    async with polymarket_venue([gamma_object(1)], finality=SLOW) as venue:
        venue.book(0, BIDS, ASKS)
        account = PolymarketAccount(
            venue.hosts, venue.credentials(), venue.clock, venue.instrument_of
        )
        async with trading(venue) as execution:
            asked, outcome = await buy(execution, venue)
            assert isinstance(outcome, Acked)
            strike(venue, "schema", form="extra")
            assert (await account.fetch_snapshot()).positions[0].qty_yes == 100_000_000
            (proof,) = await execution.find_evidence([asked])
            assert proof.kind is EvidenceKind.FILLED
            for form in ("gone", "410"):
                strike(venue, "schema", form=form)
                with pytest.raises((StoreError, WireError)):
                    await account.fetch_snapshot()
                (proof,) = await execution.find_evidence([asked])
                assert proof.kind is EvidenceKind.UNPROVEN, form
            strike(venue, "schema", form="required")
            _, refused = await buy(execution, venue, 1)
            assert isinstance(refused, Rejected) and refused.reason == "invalid_payload"
        await account.aclose()


async def test_f039_a_hold_switched_on_after_planning_is_told_as_held() -> None:
    async with polymarket_venue([gamma_object(1)]) as venue:
        venue.book(0, BIDS, ASKS)
        async with trading(venue) as execution:
            strike(venue, "p.hold", amount=1_000, form="rejected")
            asked, held = await buy(execution, venue, qty=QtyMicros(100_000_000))
            assert isinstance(held, Acked) and held.status is AckStatus.HELD
            assert asked.tif is TimeInForce.IOC
            await asyncio.sleep(1.2)
            (proof,) = await execution.find_evidence([asked])
            assert proof.kind is EvidenceKind.UNPROVEN, "a refusal after a hold leaves no record"

"""What one answer proves, and what the records prove; every doubt stays a doubt."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import httpx
import msgspec
import pytest

from shared.adapters.venues.polymarket_us import capabilities as cap
from shared.adapters.venues.polymarket_us.account import PolymarketUsAccount
from shared.adapters.venues.polymarket_us.answers import judge_order_answer, read_executions
from shared.adapters.venues.polymarket_us.catalogue import PolymarketUsCatalogue
from shared.adapters.venues.polymarket_us.errors import WireTally
from shared.adapters.venues.polymarket_us.evidence import (
    BETWEEN_READS_NS,
    CLOSED_MIN_NS,
    Attempt,
    MarketRecords,
    Trade,
    complete_fills,
    judge_missing,
)
from shared.adapters.venues.polymarket_us.instruments import build_instrument
from shared.adapters.venues.polymarket_us.parsing import read_order
from shared.adapters.venues.polymarket_us.rest import PolymarketUsRest
from shared.adapters.venues.polymarket_us.schemas import CreateReply, Market, Order
from shared.adapters.venues.polymarket_us.signing import Signer
from shared.domain.enums import Outcome, Side, TimeInForce
from shared.domain.errors import StoreError, WireError
from shared.domain.order import Acked, AckStatus, EvidenceKind, Rejected, SubmitOutcome, Unknown
from shared.domain.units import NS_PER_S, PriceMicros, QtyMicros
from tests.support.kalshi_world import contracts
from tests.support.polymarket_us_world import KEY_ID, RATE, SEED, TERMS, sim_market, ticket
from tests.support.virtual_clock import VirtualClock

NOW_NS = 1_795_000_000 * NS_PER_S
ORDER: dict[str, Any] = {
    "id": "o1",
    "marketSlug": RATE,
    "intent": "ORDER_INTENT_BUY_LONG",
    "price": {"value": "0.42", "currency": "USD"},
    "quantity": 2,
    "cumQuantity": 2,
    "leavesQuantity": 0,
    "tif": "TIME_IN_FORCE_IMMEDIATE_OR_CANCEL",
    "state": "ORDER_STATE_FILLED",
    "createTime": "2026-11-18T00:00:00Z",
    "commissionNotionalTotalCollected": {"value": "0.03", "currency": "USD"},
}
FILL: dict[str, Any] = {
    "id": "e1",
    "type": "EXECUTION_TYPE_FILL",
    "order": ORDER,
    "lastShares": "2.0000",
    "lastPx": {"value": "0.42", "currency": "USD"},
    "tradeId": "t1",
    "aggressor": True,
    "transactTime": "2026-11-18T00:00:00Z",
    "commissionNotionalCollected": {"value": "0.03", "currency": "USD"},
}


def attempt_of(tif: TimeInForce = TimeInForce.IOC) -> Attempt:
    raw = json.loads(json.dumps(sim_market(RATE, NOW_NS).raw))
    instrument = build_instrument(msgspec.convert(raw, Market, strict=False), TERMS, NOW_NS)
    return Attempt(ticket(instrument, Outcome.YES, Side.BUY, 42, 2, tif=tif), 0, None)


def judged(attempt: Attempt, *rows: Mapping[str, object]) -> SubmitOutcome:
    reply = msgspec.convert({"id": "o1", "executions": list(rows)}, CreateReply, strict=False)
    order, fills, reason = read_executions(attempt, "o1", reply.executions or ())
    assert order is not None
    return judge_order_answer(attempt, order, fills, reason)


def test_an_answer_whose_executions_add_up_is_an_acknowledgement() -> None:
    outcome = judged(attempt_of(), FILL)
    assert isinstance(outcome, Acked) and outcome.status is AckStatus.DONE
    assert outcome.cum_qty == contracts(2) and outcome.fills[0].fee == 30_000


@pytest.mark.parametrize(
    "fill",
    [
        {"lastShares": "1.0000"},
        {"lastPx": {"value": "0.43", "currency": "USD"}},
        {"order": {**ORDER, "id": "o2"}},
        {"order": {**ORDER, "price": {"value": "0.41", "currency": "USD"}}},
        {"order": {**ORDER, "state": "ORDER_STATE_REJECTED"}},
        {"order": None},
        {"tradeId": ""},
        {"lastShares": "NaN"},
    ],
)
def test_gotcha_16_numbers_that_do_not_add_up_are_unreadable(fill: dict[str, object]) -> None:
    with pytest.raises(WireError):
        judged(attempt_of(), {**FILL, **fill})


def test_only_a_rejected_state_without_fills_is_a_refusal() -> None:
    ended = {**ORDER, "state": "ORDER_STATE_REJECTED", "cumQuantity": 0}
    row = {"id": "e", "type": "EXECUTION_TYPE_REJECTED", "order": ended}
    reason = {"orderRejectReason": "ORD_REJECT_REASON_EXCHANGE_CLOSED"}
    closed = judged(attempt_of(), {**row, **reason})
    assert isinstance(closed, Rejected) and closed.reason == "paused"
    odd = judged(attempt_of(), {**row, "orderRejectReason": "ORD_REJECT_REASON_NEXT_YEAR"})
    assert isinstance(odd, Rejected) and odd.reason.startswith("refused ORD_REJECT_REASON_NEXT")
    pending = {**ended, "state": "ORDER_STATE_PENDING_NEW", "leavesQuantity": 2}
    assert isinstance(judged(attempt_of(), {**row, "order": pending}), Unknown)


def test_an_immediate_order_that_is_said_to_rest_is_unknown() -> None:
    live = {**ORDER, "state": "ORDER_STATE_NEW", "cumQuantity": 0, "leavesQuantity": 2}
    row = {"id": "e", "type": "EXECUTION_TYPE_NEW", "order": live}
    assert isinstance(judged(attempt_of(), row), Unknown)
    good = {**live, "tif": "TIME_IN_FORCE_GOOD_TILL_CANCEL"}
    resting = judged(attempt_of(TimeInForce.GTC), {**row, "order": good})
    assert isinstance(resting, Acked) and resting.status is AckStatus.RESTING


# --- records -----------------------------------------------------------------------------------


def trade(number: int, qty: int, price: int = 420_000, slug: str = RATE) -> Trade:
    order = read_order(msgspec.convert(ORDER, Order, strict=False))
    return Trade(
        f"t{number}", slug, PriceMicros(price), contracts(qty), True, order.created_ns + number
    )


def test_missing_fills_are_taken_from_trades_only_when_they_add_up() -> None:
    order = read_order(msgspec.convert(ORDER, Order, strict=False))
    whole = complete_fills(order, (), [trade(1, 1), trade(2, 1)], None)
    assert whole is not None and [f.fee for f in whole] == [0, 30_000]
    for rows in ([trade(1, 1)], [trade(1, 1), trade(2, 2)], [trade(1, 2, slug="other")], []):
        assert complete_fills(order, (), rows, None) is None
    more = complete_fills(order, (*whole, *whole), [trade(3, 2)], None)
    assert more is None, "more fills are known than the order has"
    assert complete_fills(replace(order, fee=None), (), [trade(1, 2)], None) is None


def test_absence_needs_time_and_two_clean_reads_with_one_position() -> None:
    attempt = attempt_of()
    start = 10 * NS_PER_S

    def at(ns: int, position: int = 0, trades: tuple[Trade, ...] = ()) -> EvidenceKind:
        return judge_missing(attempt, MarketRecords(ns, (), trades, position), {}).kind

    unproven = EvidenceKind.UNPROVEN
    assert at(start + CLOSED_MIN_NS) is unproven, "the request is still in flight"
    attempt.closed_mono_ns = start
    assert at(start + CLOSED_MIN_NS - 1) is unproven
    first = start + CLOSED_MIN_NS
    assert at(first) is unproven and at(first + BETWEEN_READS_NS - 1) is unproven
    assert at(first + BETWEEN_READS_NS, position=1) is unproven, "something moved meanwhile"
    second = first + BETWEEN_READS_NS
    assert at(second + BETWEEN_READS_NS, 1, (trade(1, 2),)) is unproven
    third = second + 2 * BETWEEN_READS_NS
    assert at(third, 1) is unproven, "a stranger's trade begins everything anew"
    assert at(third + BETWEEN_READS_NS, 1) is EvidenceKind.ABSENT


# --- the account ---------------------------------------------------------------------------------


def account_that_hears(answers: Mapping[str, object]) -> PolymarketUsAccount:
    def answer(request: httpx.Request) -> httpx.Response:
        body = answers.get(request.url.path)
        return httpx.Response(404 if body is None else 200, json=body or {})

    clock, tally = VirtualClock(), WireTally()
    rest = PolymarketUsRest(
        cap.Endpoints("http://gateway.test", "http://api.test"),
        Signer.from_secret(KEY_ID, SEED),
        clock,
        tally,
        transport=httpx.MockTransport(answer),
    )
    return PolymarketUsAccount(rest, PolymarketUsCatalogue(rest, tally, lambda: TERMS), tally)


BALANCES = {"balances": [{"currency": "USD", "currentBalance": 12.5}]}
POSITIONS = "/v1/portfolio/positions"


async def test_cash_is_the_balance_less_a_dollar_for_each_contract_short() -> None:
    short = {RATE: {"netPosition": "-3", "netPositionDecimal": "-2.5000"}}
    told = {"/v1/account/balances": BALANCES, POSITIONS: {"positions": short, "eof": True}}
    snapshot = await account_that_hears(told).fetch_snapshot()
    assert snapshot.cash == 10_000_000
    [row] = snapshot.positions
    assert (row.qty_yes, row.qty_no) == (0, QtyMicros(2_500_000))


@pytest.mark.parametrize(
    "told",
    [
        {"/v1/account/balances": BALANCES},
        {"/v1/account/balances": {"balances": []}, POSITIONS: {"positions": {}, "eof": True}},
        {"/v1/account/balances": BALANCES, POSITIONS: {"positions": {}, "nextCursor": "c"}},
        {
            "/v1/account/balances": BALANCES,
            POSITIONS: {"positions": {RATE: {"netPositionDecimal": "many"}}, "eof": True},
        },
    ],
)
async def test_a_snapshot_is_whole_or_it_is_none(told: Mapping[str, object]) -> None:
    with pytest.raises(StoreError):
        await account_that_hears(told).fetch_snapshot()


@pytest.mark.parametrize(
    ("side", "settlement", "is_good"),
    [("LONG", 1, True), ("SHORT", 0, True), ("NEUTRAL", 0.5, True), ("LONG", 0, False)],
)
async def test_a_result_must_agree_with_its_side(
    side: str, settlement: float, is_good: bool
) -> None:
    row = {
        "marketSlug": RATE,
        "beforePosition": {"netPosition": "4", "netPositionDecimal": "4.0000"},
        "updateTime": "2026-11-18T00:00:00Z",
        "tradeId": "r1",
        "side": f"POSITION_RESOLUTION_SIDE_{side}",
    }
    entry = {"type": "ACTIVITY_TYPE_POSITION_RESOLUTION", "positionResolution": row}
    account = account_that_hears(
        {
            "/v1/portfolio/activities": {"activities": [entry], "eof": True},
            f"/v1/markets/{RATE}/settlement": {"slug": RATE, "settlement": settlement},
        }
    )
    if is_good:
        [payout] = await account.fetch_payouts(0)
        assert payout.cash == int(4_000_000 * settlement) and payout.qty_yes == contracts(4)
    else:
        with pytest.raises(StoreError, match="settlement_side"):
            await account.fetch_payouts(0)


async def test_f032_a_busted_trade_is_named_and_is_no_trade() -> None:
    def row(number: int, state: str) -> dict[str, Any]:
        trade = {
            "id": f"t{number}",
            "marketSlug": RATE,
            "state": state,
            "price": {"value": "0.42", "currency": "USD"},
            "qtyDecimal": "2.0000",
            "createTime": "2026-11-18T00:00:01Z",
        }
        return {"type": "ACTIVITY_TYPE_TRADE", "trade": trade}

    rows = [row(1, "TRADE_STATE_BUSTED"), row(2, "TRADE_STATE_CLEARED"), row(3, "A_NEW_WORD")]
    account = account_that_hears({"/v1/portfolio/activities": {"activities": rows, "eof": True}})
    voided: list[str] = []
    trades = await account.read_trades(0, on_voided=voided.append)
    assert [trade.trade_id for trade in trades] == ["t2", "t3"] and voided == ["t1"]

"""What answers to POST /order prove, and what they do not."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from shared.adapters.venues.polymarket.answers import judge_answer
from shared.adapters.venues.polymarket.errors import REFUSALS, find_refusal
from shared.domain.enums import Side, TimeInForce
from shared.domain.order import Acked, AckStatus, LegTicket, Rejected, SubmitOutcome, Unknown
from tests.support.shared_data import SHARED, needs_shared
from tests.unit.shared.adapters.venues.polymarket.test_encoding import instrument, ticket

ORDER_ID = "0x" + "ab" * 32
MATCHED = {
    "success": True,
    "errorMsg": "",
    "orderID": ORDER_ID,
    "status": "matched",
    "makingAmount": "5",
    "takingAmount": "7.042251",
    "tradeIDs": ["t-1"],
    "transactionsHashes": [],
}


def judge(body: Any, status: int = 200, asked: LegTicket | None = None) -> SubmitOutcome:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return judge_answer(asked or ticket(), instrument(), ORDER_ID, status, raw, 1_000)


def test_matched_budget_buy_is_done_with_its_real_shares() -> None:
    outcome = judge(MATCHED)
    assert isinstance(outcome, Acked) and outcome.status is AckStatus.DONE
    assert (outcome.cum_qty, outcome.cost_usd) == (7_042_251, 5_000_000)
    (fill,) = outcome.fills
    # 5.00 for 7.042251 shares is 0.71 but for two micro-dollars.
    assert fill.price == 710_000 and fill.cost_usd == 5_000_000 and not fill.is_final
    assert fill.fee % 10 == 0 and fill.key == f"polymarket/t-1/{ORDER_ID}"


def test_price_between_ticks_is_rounded_against_us() -> None:
    mixed = MATCHED | {"makingAmount": "5", "takingAmount": "7.1"}
    buy = judge(mixed)
    assert isinstance(buy, Acked) and buy.fills[0].price == 704_226
    sale = judge(
        MATCHED | {"makingAmount": "7.1", "takingAmount": "5"}, asked=ticket(side=Side.SELL)
    )
    assert isinstance(sale, Acked) and sale.fills[0].price == 704_225
    assert (sale.cum_qty, sale.cost_usd) == (7_100_000, 5_000_000)


def test_several_trades_leave_the_split_to_their_records() -> None:
    outcome = judge(MATCHED | {"tradeIDs": ["a", "b"]})
    assert isinstance(outcome, Acked) and outcome.fills == () and outcome.cum_qty == 7_042_251


def test_f039_delayed_is_held() -> None:
    outcome = judge(
        MATCHED | {"status": "delayed", "makingAmount": "", "takingAmount": "", "tradeIDs": []}
    )
    assert isinstance(outcome, Acked) and outcome.status is AckStatus.HELD and not outcome.fills


@pytest.mark.parametrize(
    ("status", "tif", "expected"),
    [
        ("live", TimeInForce.GTC, AckStatus.RESTING),
        ("unmatched", TimeInForce.GTC, AckStatus.RESTING),
        ("unmatched", TimeInForce.IOC, AckStatus.DONE),
    ],
)
def test_empty_amounts_are_zero_where_the_status_allows(
    status: str, tif: TimeInForce, expected: AckStatus
) -> None:
    body = MATCHED | {"status": status, "makingAmount": "", "takingAmount": "", "tradeIDs": []}
    outcome = judge(body, asked=ticket(tif=tif))
    assert isinstance(outcome, Acked) and (outcome.status, outcome.cum_qty) == (expected, 0)


def test_partly_matched_limit_order_still_rests() -> None:
    asked = ticket(tif=TimeInForce.GTC)
    part = judge(MATCHED, asked=asked)
    assert isinstance(part, Acked) and part.status is AckStatus.RESTING
    whole = judge(MATCHED | {"makingAmount": "56", "takingAmount": "100"}, asked=asked)
    assert isinstance(whole, Acked) and whole.status is AckStatus.DONE


@pytest.mark.parametrize(
    "body",
    [
        MATCHED | {"orderID": ""},
        MATCHED | {"orderID": None},
        MATCHED | {"orderID": "0x" + "cd" * 32},
        MATCHED | {"orderID": "", "errorMsg": "not enough balance / allowance"},
        MATCHED | {"status": "matched", "makingAmount": "", "takingAmount": ""},
        MATCHED | {"makingAmount": "0"},
        MATCHED | {"makingAmount": "-5"},
        MATCHED | {"makingAmount": "5e0"},
        MATCHED | {"status": "live"},
        MATCHED | {"status": "teleported"},
        MATCHED | {"status": 5},
        {},
        {"success": False, "errorMsg": "Insufficient balance", "orderID": None},
        b"<html>ok</html>",
        b'{"success":true,"orderID":"0xab',
        b"",
        b"\xff\xfe",
    ],
)
def test_f019_f044_f085_unusable_success_is_unknown(body: Any) -> None:
    assert isinstance(judge(body), Unknown)


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (400, "order 0xabc is invalid. Duplicated."),
        (400, "order match delayed due to market conditions"),
        (400, "something new"),
        (400, "not enough balance / allowance, order saved"),
        (404, "not found"),
        (425, "Too Early"),
        (429, "Too Many Requests"),
        (500, "order timed out"),
        (500, "not enough balance / allowance"),
        (503, "Trading is currently disabled"),
    ],
)
def test_f018_f042_f043_f034_nothing_off_the_list_is_a_refusal(status: int, text: str) -> None:
    assert isinstance(judge({"error": text}, status), Unknown)


@pytest.mark.parametrize(
    ("status", "text", "reason"),
    [
        (400, "Invalid order payload", "invalid_payload"),
        (400, "the order owner has to be the owner of the API KEY", "owner_mismatch"),
        (400, "the order signer address has to be the address of the API KEY", "signer_mismatch"),
        (400, "address 0x" + "1a" * 20 + " banned", "account_banned"),
        (400, "the address in closed only mode", "account_closed_only"),
        (400, "invalid post-only order: order crosses book", "post_only_would_cross"),
        (400, f"order {ORDER_ID} breaks minimum tick size rule: 0.01", "tick_size"),
        (400, "Size (4) lower than the minimum: 5", "size_below_minimum"),
        (
            400,
            f"order {ORDER_ID} is invalid. Size (4) lower than the minimum: 5",
            "size_below_minimum",
        ),
        (400, "not enough balance / allowance", "not_enough_balance"),
        (400, "not enough balance / allowance: the balance is not enough", "not_enough_balance"),
        (400, "invalid expiration", "invalid_expiration"),
        (
            400,
            "order couldn't be fully filled. FOK orders are fully filled or killed.",
            "fok_not_filled",
        ),
        (
            400,
            "no orders found to match with FAK order. FAK orders are partially filled or killed"
            " if no match is found.",
            "fak_not_filled",
        ),
        (400, "the market is not yet ready to process new orders", "market_not_ready"),
        (400, "order_version_mismatch", "version_mismatch"),
        (
            400,
            "invalid amounts, the market buy orders maker amount supports a max accuracy of"
            " 2 decimals, taker amount a max of 4 decimals",
            "invalid_amounts",
        ),
        (
            400,
            "the taker amount for a $0.22 order of size 19.69 should be '4.3318'",
            "invalid_amounts",
        ),
        (
            400,
            "invalid amount for a marketable BUY order ($0.9), min size: $1",
            "amount_below_minimum",
        ),
        (401, "Unauthorized/Invalid api key", "unauthorized"),
    ],
)
def test_listed_texts_are_refusals_with_a_source(status: int, text: str, reason: str) -> None:
    outcome = judge({"error": text}, status)
    assert isinstance(outcome, Rejected) and outcome.reason == reason
    found = find_refusal(status, text)
    assert found is not None and "202" in found.source


def test_no_listed_refusal_can_come_with_a_status_that_may_hide_an_order() -> None:
    for refusal in REFUSALS:
        assert set(refusal.statuses) <= {400, 401, 403}, refusal.reason


@needs_shared
def test_recorded_order_answers() -> None:
    folder = SHARED / "facts/polymarket/frames"
    for name, status in (
        ("http_order_response_ok.json", 200),
        ("http_order_response_failed.json", 200),
        ("http_order_response_error_500.json", 500),
    ):
        assert isinstance(judge((folder / name).read_bytes(), status), Unknown), name


def test_held_then_replaced_ticket_keeps_its_attempt() -> None:
    asked = replace(ticket(), attempt=1)
    assert judge(MATCHED, asked=asked).attempt_id == asked.attempt_id

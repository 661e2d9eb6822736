"""How answers to one order are judged: acked, refused, or unknown; never guessed."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.enums import Outcome, Side, TimeInForce
from shared.domain.errors import StoreError
from shared.domain.order import Acked, AckStatus, LegTicket, Rejected, SubmitOutcome, Unknown
from tests.support.kalshi_world import RATE, contracts, sim_market, ticket
from tests.unit.shared.adapters.venues.kalshi.canned import Canned, reply

INSTRUMENT = sim_market(RATE, 10**19).instrument
TICKET = ticket(INSTRUMENT, Outcome.YES, Side.BUY, 42, 5)
GOOD: dict[str, Any] = {
    "order_id": "3b23",
    "client_order_id": TICKET.attempt_id,
    "fill_count": "5.00",
    "remaining_count": "0.00",
    "average_fill_price": "0.4150",
    "average_fee_paid": "0.0174",
    "ts_ms": 1_790_000_000_000,
}


async def submit(answer: httpx.Response | Exception, wanted: LegTicket = TICKET) -> SubmitOutcome:
    def respond(request: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    canned = Canned(respond)
    order = canned.execution.encode(wanted, INSTRUMENT)
    outcome = await canned.execution.send(order, lambda: None)
    assert outcome is not None
    posts = [r for r in canned.requests if r.method == "POST"]
    assert len(posts) == 1  # nothing is ever retried here
    return outcome


@pytest.mark.parametrize("status", [200, 201])
async def test_good_answer_is_acked_with_the_price_paid(status: int) -> None:
    outcome = await submit(reply(status, GOOD))
    assert outcome == Acked(TICKET.attempt_id, "3b23", AckStatus.DONE, contracts(5), 5 * 415_000)


async def test_cost_of_no_is_of_the_no_leg() -> None:
    wanted = ticket(INSTRUMENT, Outcome.NO, Side.BUY, 60, 5)
    body = {**GOOD, "client_order_id": wanted.attempt_id, "average_fill_price": "0.4150"}
    outcome = await submit(reply(201, body), wanted)
    assert isinstance(outcome, Acked) and outcome.cost_usd == 5 * 585_000


async def test_f020_unfilled_ioc_answers_201() -> None:
    body = {**GOOD, "fill_count": "0.00"}
    del body["average_fill_price"], body["average_fee_paid"]
    outcome = await submit(reply(201, body))
    assert isinstance(outcome, Acked) and outcome.cum_qty == 0


@pytest.mark.parametrize(
    "change",
    [
        {"order_id": ""},
        {"order_id": None},
        {"client_order_id": "another"},  # F-085: the answer to somebody else's request
        {"client_order_id": ""},
        {"fill_count": "6.00"},
        {"fill_count": "-1.00"},
        {"fill_count": "five"},
        {"fill_count": 5},
        {"fill_count": "0.001"},
        {"average_fill_price": "0.9000"},  # worse than the limit
        {"average_fill_price": "1.0000"},
        {"order_id": "../../portfolio/balance?x="},
    ],
)
async def test_f019_f085_answers_that_do_not_fit_are_unknown(change: dict[str, Any]) -> None:
    assert isinstance(await submit(reply(201, {**GOOD, **change})), Unknown)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.ReadTimeout("slow"),
        httpx.ReadError("cut"),
        httpx.RemoteProtocolError("cut"),
        httpx.WriteError("cut"),
        reply(201, b""),
        reply(201, b"<html>ok</html>"),
        reply(201, b'{"order_id":"3b23","client_ord'),
        reply(201, {"success": True}),
        reply(202, GOOD),
        reply(301, b""),
        reply(409, {"error": {"code": "order_already_exists", "message": "dup"}}),
        reply(500, {"error": {"code": "internal", "message": "m"}}),
        reply(502, b"<html>"),
        reply(503, {"code": "service_unavailable", "message": "m"}),
        reply(429, b""),
        reply(404, {"error": {"code": "not_found", "message": "m"}}),
    ],
    ids=str,
)
async def test_m01_m22_no_proof_is_unknown(answer: httpx.Response | Exception) -> None:
    assert isinstance(await submit(answer), Unknown)


async def test_f024_the_documented_429_body_is_a_refusal() -> None:
    outcome = await submit(reply(429, {"error": "too many requests"}))
    assert isinstance(outcome, Rejected) and outcome.reason == "rate_limited"


async def test_f020_odd_counts_are_cross_checked_once() -> None:
    odd = {**GOOD, "remaining_count": "2.00"}
    order = {
        "order_id": "3b23",
        "ticker": RATE,
        "status": "executed",
        "fill_count_fp": "5.00",
        "remaining_count_fp": "0.00",
        "client_order_id": TICKET.attempt_id,
    }

    async def judge(order_read: httpx.Response) -> SubmitOutcome | None:
        canned = Canned(lambda r: reply(201, odd) if r.method == "POST" else order_read)
        encoded = canned.execution.encode(TICKET, INSTRUMENT)
        outcome = await canned.execution.send(encoded, lambda: None)
        assert len(canned.requests) == 2
        return outcome

    assert isinstance(await judge(reply(200, {"order": order})), Acked)
    other = {**order, "fill_count_fp": "3.00"}
    assert isinstance(await judge(reply(200, {"order": other})), Unknown)
    assert isinstance(await judge(reply(500, b"")), Unknown)
    assert isinstance(await judge(reply(404, b"")), Unknown)


async def test_resting_remainder_is_said() -> None:
    wanted = ticket(INSTRUMENT, Outcome.YES, Side.BUY, 42, 5, tif=TimeInForce.GTC)
    body = {**GOOD, "client_order_id": wanted.attempt_id, "fill_count": "2.00"}
    body["remaining_count"] = "3.00"
    outcome = await submit(reply(201, body), wanted)
    assert isinstance(outcome, Acked)
    assert (outcome.status, outcome.cum_qty) == (AckStatus.RESTING, contracts(2))


async def test_request_is_signed_fresh_and_never_follows_redirects() -> None:
    canned = Canned(lambda _: httpx.Response(307, headers={"Location": "/elsewhere"}))
    order = canned.execution.encode(TICKET, INSTRUMENT)
    outcome = await canned.execution.send(order, lambda: None)
    assert isinstance(outcome, Unknown)
    [request] = canned.requests
    assert request.url.path == "/trade-api/v2/portfolio/events/orders"
    assert request.content == order.payload
    assert request.headers["KALSHI-ACCESS-SIGNATURE"]
    assert json.loads(request.content)["exchange_index"] == 0


async def test_f030_cancel_404_proves_nothing_by_itself() -> None:
    statuses = iter(["resting", "canceled"])

    def respond(request: httpx.Request) -> httpx.Response:
        if request.method == "DELETE":
            assert request.url.params["exchange_index"] == "0"
            assert request.url.params["market_ticker"] == RATE
            return reply(404, {"error": {"code": "order_not_found", "message": "m"}})
        row = {
            "order_id": "o1",
            "ticker": RATE,
            "status": next(statuses),
            "fill_count_fp": "0.00",
            "remaining_count_fp": "5.00",
        }
        return reply(200, {"order": row})

    canned = Canned(respond)
    order = canned.execution.encode(TICKET, INSTRUMENT)
    assert await canned.execution.cancel(order, "o1") is False
    assert await canned.execution.cancel(order, "o1") is True


async def test_cancel_everything_raises_when_something_is_still_there() -> None:
    row = {
        "order_id": "o1",
        "ticker": RATE,
        "status": "resting",
        "fill_count_fp": "0.00",
        "remaining_count_fp": "5.00",
    }

    def respond(request: httpx.Request) -> httpx.Response:
        if request.method == "DELETE":
            return reply(503, b"")
        if request.url.path.endswith("/o1"):
            return reply(200, {"order": row})
        return reply(200, {"orders": [row], "cursor": ""})

    with pytest.raises(StoreError):
        await Canned(respond).execution.cancel_everything()


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.just(json.dumps(GOOD).encode())), st.integers(0, 150))
def test_f095_no_body_of_a_2xx_ever_raises(body: bytes, cut: int) -> None:
    import asyncio

    outcome = asyncio.run(submit(reply(201, body[:cut])))
    assert isinstance(outcome, Unknown)

"""The simulated venue's own rules: signatures, bodies, paging, subscriptions."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from typing import Any

import aiohttp
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from shared.domain.enums import BookSide, Outcome, Side, TimeInForce
from shared.simulators.kalshi_server.authentication import is_signed_by
from shared.simulators.kalshi_server.order_routes import read_order
from shared.simulators.kalshi_server.problems import Problem
from shared.simulators.kalshi_server.wire import cut_page, decimal_text, time_text
from tests.support.kalshi_world import ACCOUNT, COIN, KEY_ID, RATE, Lab, kalshi_lab

GOOD: dict[str, Any] = {
    "ticker": RATE,
    "client_order_id": "c1",
    "side": "bid",
    "count": "1.50",
    "price": "0.4200",
    "time_in_force": "immediate_or_cancel",
    "self_trade_prevention_type": "taker_at_cross",
}


def headers(lab: Lab, method: str, path: str, *, shift_ms: int = 0) -> dict[str, str]:
    """Sign as the documentation says, independent of the adapter."""
    key: Any = load_pem_private_key(lab.private_key_pem.encode(), None)
    stamp = str(int(time.time() * 1000) + shift_ms)
    signature = key.sign((stamp + method + path).encode())
    return {
        "KALSHI-ACCESS-KEY": KEY_ID,
        "KALSHI-ACCESS-TIMESTAMP": stamp,
        "KALSHI-ACCESS-SIGNATURE": base64.b64encode(signature).decode(),
    }


async def call(
    lab: Lab, method: str, path: str, *, signed: bool = True, body: Any = None, **more: Any
) -> tuple[int, Any]:
    full = "/trade-api/v2" + path
    signed_headers = headers(lab, method, full.split("?")[0], **more) if signed else {}
    async with (
        aiohttp.ClientSession() as client,
        client.request(method, lab.endpoints.rest + full, headers=signed_headers, json=body) as got,
    ):
        text = await got.text()
        return got.status, json.loads(text) if text else None


async def test_public_reads_need_no_key_and_private_ones_do() -> None:
    async with kalshi_lab() as lab:
        assert (await call(lab, "GET", "/markets", signed=False))[0] == 200
        for path in ("/portfolio/balance", "/portfolio/orders", "/exchange/user_data_timestamp"):
            assert (await call(lab, "GET", path, signed=False))[0] == 401
            assert (await call(lab, "GET", path))[0] == 200


async def test_f025_skew_and_wrong_signatures_are_401() -> None:
    async with kalshi_lab() as lab:
        assert (await call(lab, "GET", "/portfolio/balance", shift_ms=-40_000))[0] == 401
        assert (await call(lab, "GET", "/portfolio/balance", shift_ms=40_000))[0] == 401
        url = lab.endpoints.rest + "/trade-api/v2/portfolio/balance"
        other = headers(lab, "GET", "/trade-api/v2/portfolio/orders")
        async with aiohttp.ClientSession() as client, client.get(url, headers=other) as got:
            assert got.status == 401
            assert (await got.json())["error"]["code"] == "authentication_error"


def test_rsa_signatures_are_pss_with_a_salt_of_32() -> None:
    key = rsa.generate_private_key(65537, 2048)
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    good = base64.b64encode(key.sign(b"text", pss, hashes.SHA256())).decode()
    assert is_signed_by(key.public_key(), good, b"text")
    assert not is_signed_by(key.public_key(), good, b"other")
    plain = base64.b64encode(key.sign(b"text", padding.PKCS1v15(), hashes.SHA256())).decode()
    assert not is_signed_by(key.public_key(), plain, b"text")
    assert not is_signed_by(key.public_key(), "%%%", b"text")


def test_order_body_of_the_documentation_is_read() -> None:
    request = read_order(json.dumps({**GOOD, "exchange_index": 2}).encode(), "me")
    assert (request.side, request.outcome, request.tif) == (
        Side.BUY,
        Outcome.YES,
        TimeInForce.IOC,
    )
    assert (request.price_limit, request.qty, request.shard) == (420_000, 1_500_000, 2)
    assert request.book_side is BookSide.BID


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"action": "buy"}, "invalid_parameters"),
        ({"yes_price": 42}, "invalid_parameters"),
        ({"side": "yes"}, "invalid_parameters"),
        ({"time_in_force": "ioc"}, "invalid_parameters"),
        ({"self_trade_prevention_type": None}, "invalid_parameters"),
        ({"price": 0.42}, "invalid_price"),
        ({"price": "0"}, "invalid_price"),
        ({"price": "1.0000"}, "invalid_price"),
        ({"count": "1.505"}, "invalid_order_size"),
        ({"count": "0.00"}, "invalid_order_size"),
        ({"count": 1}, "invalid_order_size"),
        ({"time_in_force": "fill_or_kill", "reduce_only": True}, "invalid_parameters"),
        ({"expiration_time": 1}, "invalid_parameters"),
    ],
)
def test_order_body_mistakes(change: dict[str, Any], code: str) -> None:
    with pytest.raises(Problem) as caught:
        read_order(json.dumps({**GOOD, **change}).encode(), "me")
    assert (caught.value.status, caught.value.code) == (400, code)


async def test_create_get_cancel_and_the_first_version_is_gone() -> None:
    async with kalshi_lab() as lab:
        lab.set_book(COIN, {40: 10}, {42: 10})
        body = {**GOOD, "ticker": COIN, "price": "0.4100", "time_in_force": "good_till_canceled"}
        status, made = await call(lab, "POST", "/portfolio/events/orders", body=body)
        assert status == 201 and made["remaining_count"] == "1.50" and made["fill_count"] == "0.00"
        assert "average_fill_price" not in made
        path = f"/portfolio/orders/{made['order_id']}"
        status, read = await call(lab, "GET", path)
        assert read["order"]["status"] == "resting" and read["order"]["exchange_index"] == 2
        # Without its market or shard the cancel looks on shard 0 only.
        path = f"/portfolio/events/orders/{made['order_id']}"
        assert (await call(lab, "DELETE", path))[0] == 404
        status, gone = await call(lab, "DELETE", f"{path}?market_ticker={COIN}")
        assert status == 200 and gone["reduced_by"] == "1.50"
        assert (await call(lab, "POST", "/portfolio/orders", body=body))[0] == 410


async def test_error_words() -> None:
    async with kalshi_lab(cash=1) as lab:
        lab.set_book(RATE, {40: 10}, {42: 10})

        async def code(**change: Any) -> tuple[int, str]:
            body = {**GOOD, "client_order_id": str(change), **change}
            status, answer = await call(lab, "POST", "/portfolio/events/orders", body=body)
            return status, answer["error"]["code"]

        assert await code(ticker="KXNONE-1") == (404, "market_not_found")
        assert await code(price="0.4250") == (400, "invalid_price")
        assert await code(count="10.00") == (400, "insufficient_balance")
        assert await code(count="20.00", time_in_force="fill_or_kill", price="0.0100") == (
            409,
            "fill_or_kill_insufficient_resting_volume",
        )
        lab.exchange.paused_shards.add(0)
        assert await code() == (409, "trading_paused")
        lab.exchange.paused_shards.clear()
        lab.resolve(RATE, 100)
        assert await code() == (409, "MARKET_INACTIVE")


async def test_filters_and_pages() -> None:
    async with kalshi_lab() as lab:
        seen: list[str] = []
        cursor = ""
        for _ in range(10):
            path = f"/markets?limit=3&mve_filter=exclude&cursor={cursor}"
            _, page = await call(lab, "GET", path, signed=False)
            seen += [market["ticker"] for market in page["markets"]]
            cursor = page["cursor"]
            if not cursor:
                break
        assert len(seen) == len(set(seen)) == 4
        lab.resolve(RATE, 100)
        _, page = await call(lab, "GET", "/markets?status=settled", signed=False)
        [settled] = page["markets"]
        assert (settled["ticker"], settled["status"], settled["result"]) == (
            RATE,
            "finalized",
            "yes",
        )
        assert settled["settlement_value_dollars"] == "1.0000" and settled["settlement_ts"]
        _, page = await call(lab, "GET", "/markets?status=open", signed=False)
        assert RATE not in [market["ticker"] for market in page["markets"]]
        for bad in ("limit=0", "limit=x", "status=active", "cursor=!!"):
            assert (await call(lab, "GET", f"/markets?{bad}", signed=False))[0] == 400
        _, events = await call(lab, "GET", "/events?with_nested_markets=true", signed=False)
        assert all(event["markets"] for event in events["events"])
        assert (await call(lab, "GET", "/nothing", signed=False))[0] == 404
        assert (await call(lab, "GET", "/exchange/schedule", signed=False))[0] == 200


async def test_stream_refuses_strangers_and_answers_every_mistake() -> None:
    async with kalshi_lab() as lab, aiohttp.ClientSession() as client:
        url = lab.endpoints.ws_url
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await client.ws_connect(url)
        signed = headers(lab, "GET", "/trade-api/ws/v2")
        async with client.ws_connect(url, headers=signed) as socket:

            async def ask(**command: Any) -> dict[str, Any]:
                await socket.send_json(command)
                answer: dict[str, Any] = await socket.receive_json(timeout=5)
                return answer

            def params(**values: Any) -> dict[str, Any]:
                return values

            for command, code in (
                ({"id": 1, "cmd": "dance"}, 5),
                ({"id": 2, "cmd": "subscribe"}, 2),
                ({"id": 3, "cmd": "subscribe", "params": {}}, 3),
                ({"id": 4, "cmd": "subscribe", "params": params(channels=["x"])}, 8),
                ({"id": 5, "cmd": "subscribe", "params": params(channels=["orderbook_delta"])}, 14),
                ({"id": 6, "cmd": "unsubscribe", "params": {}}, 4),
                ({"id": 7, "cmd": "unsubscribe", "params": params(sids=[9])}, 7),
                ({"id": 8, "cmd": "update_subscription", "params": params(sids=[1, 2])}, 12),
            ):
                answer = await ask(**command)
                assert (answer["id"], answer["type"], answer["msg"]["code"]) == (
                    command["id"],
                    "error",
                    code,
                )
            await socket.send_str("not json")
            assert (await socket.receive_json(timeout=5))["msg"]["code"] == 5


async def test_sequence_counts_snapshots_deltas_and_acks_of_a_sid() -> None:
    async with kalshi_lab() as lab, aiohttp.ClientSession() as client:
        lab.set_book(RATE, {40: 10}, {42: 10})
        signed = headers(lab, "GET", "/trade-api/ws/v2")
        async with client.ws_connect(lab.endpoints.ws_url, headers=signed) as socket:
            channels = {"channels": ["orderbook_delta"], "market_tickers": [RATE]}
            await socket.send_json({"id": 1, "cmd": "subscribe", "params": channels})
            await socket.send_json(
                {"id": 2, "cmd": "subscribe", "params": {**channels, "market_tickers": [COIN]}}
            )
            await asyncio.sleep(0.1)
            lab.set_level(RATE, BookSide.ASK, 43, 5)
            frames = [await socket.receive_json(timeout=5) for _ in range(5)]
            assert [f["type"] for f in frames] == [
                "subscribed",
                "orderbook_snapshot",
                "ok",
                "orderbook_snapshot",
                "orderbook_delta",
            ]
            assert [f.get("seq") for f in frames] == [None, 1, 2, 3, 4]
            # Without use_yes_price the no side is quoted in NO terms.
            assert frames[1]["msg"]["no_dollars_fp"] == [["0.5800", "10.00"]]
            assert frames[4]["msg"]["price_dollars"] == "0.5700"
            assert "yes_dollars_fp" not in frames[3]["msg"]  # an empty side has no key
            await socket.send_json(
                {
                    "id": 3,
                    "cmd": "update_subscription",
                    "params": {"sids": [1], "market_tickers": [RATE], "action": "get_snapshot"},
                }
            )
            again = await socket.receive_json(timeout=5)
            assert (again["type"], again["seq"]) == ("orderbook_snapshot", 5)


async def test_position_and_settlement_money_follow_the_fills() -> None:
    async with kalshi_lab() as lab:
        lab.set_book(RATE, {40: 100}, {42: 10})

        async def trade(side: str, price: str, count: str) -> None:
            body = {**GOOD, "side": side, "price": price, "count": count}
            body["client_order_id"] = f"{side}{count}"
            status, _ = await call(lab, "POST", "/portfolio/events/orders", body=body)
            assert status == 201

        await trade("bid", "0.4200", "10.00")
        await trade("ask", "0.4000", "4.00")
        _, page = await call(lab, "GET", "/portfolio/positions")
        [row] = page["market_positions"]
        assert (row["position_fp"], row["market_exposure_dollars"]) == ("6.00", "2.520000")
        # Four bought at 42 and sold at 40: eight cents lost before fees.
        assert row["realized_pnl_dollars"] == "-0.080000"
        fees = sum(fill.fee_usd for fill in lab.exchange.fills(ACCOUNT))
        assert row["fees_paid_dollars"] == decimal_text(fees, 6)
        lab.resolve(RATE, 100)
        _, page = await call(lab, "GET", "/portfolio/settlements")
        [settled] = page["settlements"]
        assert (settled["revenue"], settled["value"], settled["yes_count_fp"]) == (600, 100, "6.00")
        assert settled["yes_total_cost_dollars"] == "4.200000"
        assert settled["fee_cost"] == decimal_text(fees, 6)


def test_texts() -> None:
    assert decimal_text(1_234_560, 2) == "1.23456"
    assert decimal_text(-54_000_000, 2) == "-54.00"
    assert decimal_text(420_000, 4) == "0.4200"
    assert time_text(1_781_422_412_558_680_999) == "2026-06-14T07:33:32.558680Z"
    page, cursor = cut_page(["a", "b", "c"], str, "", 2)
    assert (page, bool(cursor)) == (["a", "b"], True)
    assert cut_page(["a", "b", "c"], str, cursor, 2) == (["c"], "")

"""The venue-side breaker as documented: a rolling limit, a trip, a reset."""

from __future__ import annotations

import json
from typing import Any

import aiohttp

from shared.domain.enums import BookSide
from shared.simulators.kalshi_server.order_groups import WINDOW_NS, Group
from tests.support.kalshi_world import ACCOUNT, RATE, Lab, contracts, kalshi_lab


def test_fills_count_for_fifteen_seconds() -> None:
    group = Group("g", ACCOUNT, contracts(5), 0)
    assert not group.add(0, contracts(5))
    assert not group.add(WINDOW_NS, contracts(5)), "the first five are too old"
    assert group.add(WINDOW_NS + 1, contracts(1)) and group.is_tripped
    assert not group.add(WINDOW_NS + 2, contracts(1)), "it trips once"


async def ask(lab: Lab, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    content = b"" if body is None else json.dumps(body).encode()
    request = lab.venue.account._rest.build(method, path, body=content)
    url = lab.endpoints.rest + request.target
    headers = dict(request.headers)
    async with (
        aiohttp.ClientSession() as http,
        http.request(method, url, data=request.body, headers=headers) as answer,
    ):
        return answer.status, await answer.json()


def order(group: str, count: str, tif: str, price: str = "0.4200") -> dict[str, Any]:
    return {
        "ticker": RATE,
        "side": "bid",
        "count": count,
        "price": price,
        "time_in_force": tif,
        "self_trade_prevention_type": "taker_at_cross",
        "order_group_id": group,
        "exchange_index": 0,
    }


async def test_f031_a_group_trips_by_its_fills_and_stays_shut_until_it_is_reset() -> None:
    path = "/portfolio/events/orders"
    async with kalshi_lab(tier="prime") as lab:
        lab.set_book(RATE, {30: 10}, {42: 100})
        _, made = await ask(lab, "POST", "/portfolio/order_groups/create", {"contracts_limit": 5})
        group = made["order_group_id"]
        rests = order(group, "2.00", "good_till_canceled", "0.4100")
        status, first = await ask(lab, "POST", path, rests)
        assert status == 201
        status, taken = await ask(lab, "POST", path, order(group, "4.00", "immediate_or_cancel"))
        assert (status, taken["fill_count"]) == (201, "4.00")
        # Two more come in as a maker: six in fifteen seconds, one over the limit.
        lab.set_level(RATE, BookSide.ASK, 41, 2)
        lab.exchange.advance(lab.world.now_ns())
        filled = lab.exchange.order(first["order_id"])
        assert filled is not None and filled.qty_filled == contracts(2)
        status, refused = await ask(lab, "POST", path, order(group, "1.00", "immediate_or_cancel"))
        assert (status, refused["error"]["code"]) == (409, "EXCEEDED_ORDER_GROUP_RISK_LIMIT")
        assert (await ask(lab, "PUT", f"/portfolio/order_groups/{group}/reset", {}))[0] == 200
        status, _ = await ask(lab, "POST", path, order(group, "1.00", "immediate_or_cancel"))
        assert status == 201
        status, _ = await ask(lab, "POST", path, order("group-of-others", "1.00", "fill_or_kill"))
        assert status == 404

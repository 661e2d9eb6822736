"""The private side, V2 orders: create, cancel one, cancel all; the first version is gone."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any, Final

import msgspec
from aiohttp import web

from shared.domain.enums import Outcome, Side, TimeInForce, Venue
from shared.domain.ids import market_id, native_of
from shared.domain.units import MICROS, NS_PER_S, PriceMicros, QtyMicros, ceil_div, parse_micros
from shared.exchange.matching_core import Exchange
from shared.exchange.orders import OrderRecord, OrderRequest, OrderStatus, Refused, SelfTrade
from shared.simulators.kalshi_server.market_routes import read_int
from shared.simulators.kalshi_server.order_groups import OrderGroups
from shared.simulators.kalshi_server.problems import Problem, answer, problem_of
from shared.simulators.kalshi_server.wire import count_text, decimal_text, price_text, stamp_ms
from shared.simulators.world import World

AccountOf = Callable[[web.Request], str]
"""Authenticates a request and returns the account's name. Raises Problem (401)."""

_TIFS: Final = {
    "immediate_or_cancel": TimeInForce.IOC,
    "fill_or_kill": TimeInForce.FOK,
    "good_till_canceled": TimeInForce.GTC,
}
_COUNT = re.compile(r"\d{1,9}(\.\d{1,2})?\Z", re.ASCII)
_PRICE = re.compile(r"[01]?\.\d{1,6}\Z|[01]\Z", re.ASCII)


class OrderRoutes:
    """Handlers that change something; every one authenticates first."""

    def __init__(
        self, world: World, exchange: Exchange, account_of: AccountOf, groups: OrderGroups
    ) -> None:
        self._world, self._exchange, self._account_of = world, exchange, account_of
        self._groups = groups

    def add_to(self, app: web.Application, base: str) -> None:
        orders = base + "/portfolio/events/orders"
        app.router.add_post(base + "/portfolio/orders", self.refuse_first_version)
        app.router.add_delete(base + "/portfolio/orders/{order_id}", self.refuse_first_version)
        app.router.add_post(orders, self.create_order)
        app.router.add_delete(orders, self.cancel_all)
        app.router.add_delete(orders + "/{order_id}", self.cancel_order)

    async def refuse_first_version(self, request: web.Request) -> web.Response:
        self._account_of(request)
        raise Problem(410, "deprecated_v1_order_endpoint", "Please switch to the V2 endpoints")

    async def create_order(self, request: web.Request) -> web.Response:
        account = self._account_of(request)
        body = await request.read()
        wanted = read_order(body, account)
        group = self._groups.admit(account, read_group(body), wanted.shard)
        if delay_s := self._world.wire_delay_s(Venue.KALSHI):
            await asyncio.sleep(delay_s)
        now_ns = self._world.now_ns()
        made = self._exchange.submit(wanted, now_ns)
        if isinstance(made, Refused):
            raise problem_of(made)
        if group is not None:
            self._groups.joined(group, made)
        reply: dict[str, Any] = {
            "order_id": made.order_id,
            "client_order_id": made.client_id,
            "fill_count": count_text(made.qty_filled),
            "remaining_count": count_text(made.qty_open),
            "ts_ms": stamp_ms(now_ns),
        }
        if made.qty_filled > 0:
            fills = self._exchange.fills_of(made.order_id)
            weighted = sum(fill.yes_price * fill.qty for fill in fills)
            # Volume-weighted averages with four decimals; half a unit rounds up.
            average = (weighted * 2 // made.qty_filled + 100) // 200 * 100
            reply["average_fill_price"] = price_text(average)
            per_contract = ceil_div(made.fee_usd * MICROS, made.qty_filled)
            reply["average_fee_paid"] = decimal_text(per_contract, 4)
        return answer(reply, 201)

    async def cancel_order(self, request: web.Request) -> web.Response:
        """Cancel one order; without a market or shard only shard 0 is looked at."""
        account, query = self._account_of(request), request.query
        order = find_own_order(self._exchange, account, request.match_info["order_id"])
        shard = read_int(query, "exchange_index", -1, -1, 1_000)
        if query.get("market_ticker"):
            if query["market_ticker"] != native_of(order.market_id):
                raise Problem(404, "order_not_found", "order not found")
        elif max(shard, 0) != order.shard:
            raise Problem(404, "order_not_found", "order not found")
        if order.status is not OrderStatus.RESTING:
            raise Problem(404, "order_not_found", "order not found")
        now_ns = self._world.now_ns()
        reduced = order.qty_open
        ended = self._exchange.cancel(account, order.order_id, now_ns)
        if isinstance(ended, Refused):
            raise problem_of(ended)
        return answer(
            {
                "order_id": ended.order_id,
                "client_order_id": ended.client_id,
                "reduced_by": count_text(reduced),
                "ts_ms": stamp_ms(now_ns),
            }
        )

    async def cancel_all(self, request: web.Request) -> web.Response:
        self._exchange.cancel_all(self._account_of(request), self._world.now_ns())
        return web.Response(status=204)


def find_own_order(exchange: Exchange, account: str, order_id: str) -> OrderRecord:
    """Return an order of the account. Raises Problem (404)."""
    order = exchange.order(order_id)
    if order is None or order.account != account:
        raise Problem(404, "order_not_found", "order not found")
    return order


def read_group(body: bytes) -> str:
    """Return the order group that a create body names; "" for none. The body is JSON."""
    group = msgspec.json.decode(body).get("order_group_id")
    if group is not None and not isinstance(group, str):
        raise Problem(400, "invalid_parameters", "order_group_id")
    return group or ""


def read_order(body: bytes, account: str) -> OrderRequest:
    """Return the order that a V2 create body asks for. Raises Problem (400)."""
    try:
        fields = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Problem(400, "invalid_parameters", "the body is not JSON") from None
    if not isinstance(fields, dict):
        raise Problem(400, "invalid_parameters", "the body is not an object")
    for name in ("action", "yes_price", "no_price", "buy_max_cost", "type"):
        if name in fields:
            raise Problem(400, "invalid_parameters", f"{name} is not a field of this endpoint")
    side, tif = fields.get("side"), fields.get("time_in_force")
    prevention = fields.get("self_trade_prevention_type")
    ticker, client_id = fields.get("ticker"), fields.get("client_order_id", "")
    if not isinstance(ticker, str) or not ticker or not isinstance(client_id, str):
        raise Problem(400, "invalid_parameters", "ticker or client_order_id")
    if side not in ("bid", "ask") or tif not in _TIFS:
        raise Problem(400, "invalid_parameters", "side or time_in_force")
    if prevention not in ("taker_at_cross", "maker"):
        raise Problem(400, "invalid_parameters", "self_trade_prevention_type")
    reduce_only, post_only = fields.get("reduce_only", False), fields.get("post_only", False)
    shard, expires = fields.get("exchange_index", -1), fields.get("expiration_time", 0)
    if not (isinstance(reduce_only, bool) and isinstance(post_only, bool)):
        raise Problem(400, "invalid_parameters", "reduce_only or post_only")
    if not (isinstance(shard, int) and isinstance(expires, int | None)):
        raise Problem(400, "invalid_parameters", "exchange_index or expiration_time")
    if reduce_only and tif != "immediate_or_cancel":
        raise Problem(400, "invalid_parameters", "reduce_only needs immediate_or_cancel")
    if expires and tif != "good_till_canceled":
        raise Problem(400, "invalid_parameters", "expiration_time needs good_till_canceled")
    return OrderRequest(
        account=account,
        market_id=market_id(Venue.KALSHI, ticker),
        outcome=Outcome.YES,
        side=Side.BUY if side == "bid" else Side.SELL,
        price_limit=PriceMicros(_read_number(fields.get("price"), _PRICE, "invalid_price")),
        qty=QtyMicros(_read_number(fields.get("count"), _COUNT, "invalid_order_size")),
        tif=_TIFS[tif],
        client_id=client_id,
        post_only=post_only,
        reduce_only=reduce_only,
        self_trade=SelfTrade(prevention),
        expires_ns=(expires or 0) * NS_PER_S,
        shard=shard,
    )


def _read_number(text: object, pattern: re.Pattern[str], code: str) -> int:
    if not isinstance(text, str) or not pattern.match(text):
        raise Problem(400, code, f"unreadable: {text!r:.40}")
    micros = parse_micros(text if text[0] != "." else f"0{text}")
    if micros <= 0 or (code == "invalid_price" and micros >= MICROS):
        raise Problem(400, code, f"out of range: {text:.40}")
    return micros

"""The private side: balance, positions, fills, settlements, order reads, V2 orders."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any, Final

import msgspec
from aiohttp import web

from shared.domain.enums import MarketStatus, Outcome, Side, TimeInForce, Venue
from shared.domain.ids import MarketId, market_id, native_of
from shared.domain.units import (
    MICROS,
    NS_PER_S,
    PriceMicros,
    QtyMicros,
    ceil_div,
    parse_micros,
)
from shared.exchange.matching_core import Exchange
from shared.exchange.orders import OrderRecord, OrderRequest, OrderStatus, Refused, SelfTrade
from shared.simulators.kalshi_server.market_routes import read_int
from shared.simulators.kalshi_server.problems import Problem, answer, problem_of
from shared.simulators.kalshi_server.wire import (
    ORDER_WORDS,
    count_text,
    csv,
    cut_page,
    decimal_text,
    fill_object,
    order_object,
    price_text,
    settlement_object,
    stamp_ms,
    time_text,
)
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
_TIMES_MAX: Final = 1 << 40


class PortfolioRoutes:
    """Handlers of one exchange; every one authenticates first."""

    def __init__(self, world: World, exchange: Exchange, account_of: AccountOf) -> None:
        self._world, self._exchange, self._account_of = world, exchange, account_of

    def add_to(self, app: web.Application, base: str) -> None:
        orders = base + "/portfolio/events/orders"
        app.router.add_get(base + "/exchange/user_data_timestamp", self.get_as_of)
        app.router.add_get(base + "/portfolio/balance", self.get_balance)
        app.router.add_get(base + "/portfolio/positions", self.list_positions)
        app.router.add_get(base + "/portfolio/fills", self.list_fills)
        app.router.add_get(base + "/portfolio/settlements", self.list_settlements)
        app.router.add_get(base + "/portfolio/orders", self.list_orders)
        app.router.add_get(base + "/portfolio/orders/{order_id}", self.get_order)
        app.router.add_post(base + "/portfolio/orders", self.refuse_first_version)
        app.router.add_delete(base + "/portfolio/orders/{order_id}", self.refuse_first_version)
        app.router.add_post(orders, self.create_order)
        app.router.add_delete(orders, self.cancel_all)
        app.router.add_delete(orders + "/{order_id}", self.cancel_order)

    # --- reads ------------------------------------------------------------------------------

    async def get_as_of(self, request: web.Request) -> web.Response:
        self._account_of(request)
        return answer({"as_of_time": time_text(self._world.now_ns())})

    def _mark(self, market: MarketId, net: int) -> int:
        """Return what a net position would bring at the best opposite price, rounded down."""
        book = self._exchange.book(market)
        if net > 0:
            return net * (book.bids[0][0] if book.bids else 0) // MICROS
        return -net * (MICROS - book.asks[0][0] if book.asks else 0) // MICROS

    async def get_balance(self, request: web.Request) -> web.Response:
        account = self._account_of(request)
        cash = self._exchange.cash(account)
        positions = self._exchange.positions(account)
        value = sum(
            self._mark(market, position.net_yes)
            for market, position in positions.items()
            if position.net_yes and self._exchange.market(market) is not None
        )
        return answer(
            {
                "balance": cash // 10_000,
                "balance_dollars": decimal_text(cash, 4),
                "portfolio_value": value // 10_000,
                "updated_ts": self._world.now_ns() // NS_PER_S,
                "balance_breakdown": [
                    {"exchange_index": shard, "balance": decimal_text(usd, 4)}
                    for shard, usd in self._exchange.cash_by_shard(account).items()
                ],
            }
        )

    async def list_positions(self, request: web.Request) -> web.Response:
        account, query = self._account_of(request), request.query
        wanted = query.get("settlement_status", "unsettled")
        if wanted not in ("unsettled", "settled", "all"):
            raise Problem(400, "invalid_parameters", "settlement_status")
        rows: list[dict[str, Any]] = []
        for market, position in sorted(self._exchange.positions(account).items()):
            state = self._exchange.market(market)
            if state is None:
                continue
            is_settled = state.status is MarketStatus.SETTLED
            if wanted != "all" and is_settled is not (wanted == "settled"):
                continue
            if "position" in query.get("count_filter", "") and position.net_yes == 0:
                continue
            ticker = native_of(market)
            if query.get("ticker") not in (None, "", ticker):
                continue
            if query.get("event_ticker") not in (None, "", state.instrument.event_id):
                continue
            rows.append(self._position_row(account, market, position.net_yes))
        limit = read_int(query, "limit", 100, 1, 1000)
        page, cursor = cut_page(
            rows, lambda row: str(row["ticker"]), query.get("cursor", ""), limit
        )
        return answer({"market_positions": page, "event_positions": [], "cursor": cursor})

    def _position_row(self, account: str, market: MarketId, net: int) -> dict[str, Any]:
        fills = [fill for fill in self._exchange.fills(account) if fill.market_id == market]
        traded = sum(fill.amount_usd for fill in fills)
        fees = sum(fill.fee_usd for fill in fills)
        state = self._exchange.market(market)
        assert state is not None
        return {
            "ticker": native_of(market),
            "exchange_index": state.instrument.shard,
            "total_traded_dollars": decimal_text(traded, 6),
            "position_fp": count_text(net),
            "market_exposure_dollars": decimal_text(self._mark(market, net), 6),
            "realized_pnl_dollars": decimal_text(0, 6),
            "fees_paid_dollars": decimal_text(fees, 6),
            "last_updated_ts": time_text(fills[-1].ts_ns if fills else state.changed_ns),
        }

    async def list_fills(self, request: web.Request) -> web.Response:
        account, query = self._account_of(request), request.query
        tickers = csv(query.getall("ticker", []))
        low = read_int(query, "min_ts", 0, 0, _TIMES_MAX)
        high = read_int(query, "max_ts", _TIMES_MAX, 0, _TIMES_MAX)
        rows = [
            fill
            for fill in reversed(self._exchange.fills(account))
            if low <= fill.ts_ns // NS_PER_S <= high
            and (not tickers or native_of(fill.market_id) in tickers)
            and query.get("order_id") in (None, "", fill.order_id)
        ]
        limit = read_int(query, "limit", 100, 1, 1000)
        page, cursor = cut_page(rows, lambda fill: fill.key, query.get("cursor", ""), limit)
        listed = [
            fill_object(fill, native_of(fill.market_id), self._shard_of(fill.market_id))
            for fill in page
        ]
        return answer({"fills": listed, "cursor": cursor})

    async def list_settlements(self, request: web.Request) -> web.Response:
        account, query = self._account_of(request), request.query
        low = read_int(query, "min_ts", 0, 0, _TIMES_MAX)
        high = read_int(query, "max_ts", _TIMES_MAX, 0, _TIMES_MAX)
        payouts = sorted(self._exchange.payouts(account), key=lambda p: (-p.ts_ns, p.reference))
        rows = [
            payout
            for payout in payouts
            if low <= payout.ts_ns // NS_PER_S <= high
            and query.get("ticker") in (None, "", native_of(payout.market_id))
        ]
        limit = read_int(query, "limit", 100, 1, 1000)
        page, cursor = cut_page(rows, lambda p: p.reference, query.get("cursor", ""), limit)
        listed = []
        for payout in page:
            state = self._exchange.market(payout.market_id)
            event = state.instrument.event_id if state is not None else ""
            shard = self._shard_of(payout.market_id)
            listed.append(settlement_object(payout, native_of(payout.market_id), event, shard))
        return answer({"settlements": listed, "cursor": cursor})

    async def list_orders(self, request: web.Request) -> web.Response:
        account, query = self._account_of(request), request.query
        low = read_int(query, "min_ts", 0, 0, _TIMES_MAX)
        high = read_int(query, "max_ts", _TIMES_MAX, 0, _TIMES_MAX)
        status = query.get("status", "")
        if status and status not in ORDER_WORDS.values():
            raise Problem(400, "invalid_parameters", f"unknown status {status}")
        tickers = csv(query.getall("ticker", []))
        rows = [
            order
            for order in reversed(self._exchange.orders(account))
            if low <= order.created_ns // NS_PER_S <= high
            and (not tickers or native_of(order.market_id) in tickers)
            and (not status or ORDER_WORDS[order.status] == status)
        ]
        limit = read_int(query, "limit", 100, 1, 1000)
        page, cursor = cut_page(rows, lambda o: o.order_id, query.get("cursor", ""), limit)
        listed = [order_object(order, native_of(order.market_id)) for order in page]
        return answer({"orders": listed, "cursor": cursor})

    async def get_order(self, request: web.Request) -> web.Response:
        order = self._own_order(self._account_of(request), request.match_info["order_id"])
        return answer({"order": order_object(order, native_of(order.market_id))})

    def _own_order(self, account: str, order_id: str) -> OrderRecord:
        order = self._exchange.order(order_id)
        if order is None or order.account != account:
            raise Problem(404, "order_not_found", "order not found")
        return order

    def _shard_of(self, market: MarketId) -> int:
        state = self._exchange.market(market)
        return state.instrument.shard if state is not None else 0

    # --- writes -----------------------------------------------------------------------------

    async def refuse_first_version(self, request: web.Request) -> web.Response:
        self._account_of(request)
        raise Problem(410, "deprecated_v1_order_endpoint", "Please switch to the V2 endpoints")

    async def create_order(self, request: web.Request) -> web.Response:
        account = self._account_of(request)
        wanted = read_order(await request.read(), account)
        if delay_s := self._world.wire_delay_s(Venue.KALSHI):
            await asyncio.sleep(delay_s)
        now_ns = self._world.now_ns()
        made = self._exchange.submit(wanted, now_ns)
        if isinstance(made, Refused):
            raise problem_of(made)
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
        order = self._own_order(account, request.match_info["order_id"])
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


def _ticker_of(row: dict[str, Any]) -> str:
    return str(row["ticker"])


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

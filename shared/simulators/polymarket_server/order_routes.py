"""Authenticated CLOB routes: place, cancel and query orders and trades."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web

from shared.domain.enums import Side
from shared.domain.ids import MarketId
from shared.domain.units import NS_PER_MS, NS_PER_S, format_micros
from shared.exchange.orders import OrderRecord, OrderStatus, RefusalCode, Refused
from shared.simulators.keys import PolymarketAccount
from shared.simulators.polymarket_server.desk import (
    VENUE,
    Desk,
    answer,
    desk_of,
    json_body,
    refusal,
)
from shared.simulators.polymarket_server.order_entry import read_entry, refusal_text
from shared.simulators.polymarket_server.records import order_view, trade_view

BATCH_MAX: Final = 15
CANCEL_BATCH_MAX: Final = 1_000
PAGE_MAX: Final = 500
LAST_CURSOR: Final = "LTE="
NOT_CANCELED: Final = "already canceled or matched"


def add_order_routes(app: web.Application) -> None:
    app.router.add_post("/order", post_order)
    app.router.add_post("/orders", post_orders)
    app.router.add_delete("/order", cancel_order)
    app.router.add_delete("/orders", cancel_orders)
    app.router.add_delete("/cancel-all", cancel_all)
    app.router.add_delete("/cancel-market-orders", cancel_market)
    app.router.add_get("/data/order/{order_id}", one_order)
    app.router.add_get("/data/orders", open_orders)
    app.router.add_get("/data/trades", trades)


async def _delay(desk: Desk) -> None:
    wait = desk.world.wire_delay_s(VENUE)
    if wait > 0:
        await asyncio.sleep(wait)


async def _submit(desk: Desk, account: PolymarketAccount, body: Any) -> dict[str, Any]:
    """Place one order; raises the venue's refusal.

    A hold below a second (crypto and finance) blocks the call until its result (F-040).
    """
    entry = read_entry(desk, account, body)
    now_ns = desk.world.now_ns()
    done = desk.exchange.submit(entry.request, now_ns)
    if isinstance(done, Refused):
        raise refusal(*refusal_text(done, entry))
    if done.status is not OrderStatus.HELD or done.due_ns - now_ns >= NS_PER_S:
        return _posted(desk, done)
    # Two milliseconds more: uvloop counts whole ones and wakes up to one too early.
    await asyncio.sleep(max(0, done.due_ns - desk.world.now_ns()) / NS_PER_S + 0.002)
    desk.exchange.advance(desk.world.now_ns())
    order = desk.exchange.order(done.order_id)
    assert order is not None
    if order.status is OrderStatus.CANCELED and order.qty_filled == 0 and order.reason:
        ended = Refused(RefusalCode(order.reason), "after the hold")
        raise refusal(*refusal_text(ended, entry))
    return _posted(desk, order)


def _posted(desk: Desk, order: OrderRecord) -> dict[str, Any]:
    filled, money = format_micros(order.qty_filled), format_micros(order.cost_usd)
    making, taking = (money, filled) if order.side is Side.BUY else (filled, money)
    trades = [fill.trade_id for fill in desk.exchange.fills_of(order.order_id)]
    words = {OrderStatus.RESTING: "live", OrderStatus.HELD: "delayed"}
    status = words.get(order.status, "matched" if order.qty_filled else "unmatched")
    if order.status is OrderStatus.RESTING and order.qty_filled:
        status = "matched"
    return {
        "success": True,
        "errorMsg": "",
        "orderID": order.order_id,
        "status": status,
        "makingAmount": making if order.qty_filled else "",
        "takingAmount": taking if order.qty_filled else "",
        "tradeIDs": trades,
        "transactionsHashes": [],
    }


async def post_order(request: web.Request) -> web.Response:
    desk = desk_of(request)
    account = await desk.caller(request)
    body = await json_body(request)
    await _delay(desk)
    return answer(await _submit(desk, account, body))


async def post_orders(request: web.Request) -> web.Response:
    """Place up to 15 orders; a refused one answers success true, no id and its text."""
    desk = desk_of(request)
    account = await desk.caller(request)
    rows = await json_body(request)
    if not isinstance(rows, list):
        raise refusal(400, "Invalid order payload")
    if len(rows) > BATCH_MAX:
        text = f"Too many orders in payload: {len(rows)}, max allowed: {BATCH_MAX}"
        raise refusal(400, text)
    await _delay(desk)
    done: list[dict[str, Any]] = []
    for row in rows:
        try:
            done.append(await _submit(desk, account, row))
        except web.HTTPException as error:
            text = str(error.text or "").split('"error": "', 1)[-1].rstrip('"}')
            done.append({"success": True, "errorMsg": text, "orderID": "", "status": ""})
    return answer(done)


def _cancel(desk: Desk, account: PolymarketAccount, ids: Sequence[str]) -> dict[str, Any]:
    canceled: list[str] = []
    kept: dict[str, str] = {}
    for order_id in ids:
        now_ns = desk.world.now_ns()
        late = desk.world.faults.hit("p.rest", now_ns, order_id)
        if late is not None and late.shape == "refused":
            kept[order_id] = NOT_CANCELED
            continue
        if late is not None:
            # Acknowledged, but the match was under way: the fill comes after it.
            desk.exchange.plan(now_ns + late.size * NS_PER_MS, "fill", order_id.lower())
            canceled.append(order_id)
            continue
        done = desk.exchange.cancel(account.name, order_id.lower(), desk.world.now_ns())
        if isinstance(done, Refused):
            kept[order_id] = NOT_CANCELED
        else:
            canceled.append(order_id)
    return {"canceled": canceled, "not_canceled": kept}


async def cancel_order(request: web.Request) -> web.Response:
    desk = desk_of(request)
    account = await desk.caller(request)
    body = await json_body(request)
    order_id = body.get("orderID") if isinstance(body, dict) else None
    if not isinstance(order_id, str):
        raise refusal(400, "Invalid orderID")
    await _delay(desk)
    return answer(_cancel(desk, account, [order_id]))


async def cancel_orders(request: web.Request) -> web.Response:
    desk = desk_of(request)
    account = await desk.caller(request)
    ids = await json_body(request)
    if not isinstance(ids, list) or not all(isinstance(i, str) for i in ids):
        raise refusal(400, "Invalid order ids")
    if len(ids) > CANCEL_BATCH_MAX:
        raise refusal(400, f"Too many orders in payload: {len(ids)}")
    await _delay(desk)
    return answer(_cancel(desk, account, ids))


def _cancel_live(
    desk: Desk, account: PolymarketAccount, market: MarketId | None, token: str = ""
) -> dict[str, Any]:
    live = [
        o.order_id
        for o in desk.exchange.orders(account.name)
        if o.is_live
        and market in (None, o.market_id)
        and token in ("", desk.token_of(o.market_id, o.outcome))
    ]
    return _cancel(desk, account, live)


async def cancel_all(request: web.Request) -> web.Response:
    desk = desk_of(request)
    account = await desk.caller(request)
    await _delay(desk)
    return answer(_cancel_live(desk, account, None))


async def cancel_market(request: web.Request) -> web.Response:
    desk = desk_of(request)
    account = await desk.caller(request)
    body = await json_body(request)
    rows = body if isinstance(body, dict) else {}
    market = desk.condition(str(rows.get("market", "")))
    token = str(rows.get("asset_id", ""))
    if market is None and not token:
        raise refusal(400, "market or asset_id is needed")
    return answer(_cancel_live(desk, account, market.market_id if market else None, token))


async def one_order(request: web.Request) -> web.Response:
    """Return a live order; for anything else the venue answers with nothing at all."""
    desk = desk_of(request)
    account = await desk.caller(request)
    desk.exchange.advance(desk.world.now_ns())
    order = desk.exchange.order(request.match_info["order_id"].lower())
    if order is None or order.account != account.name or not order.is_live:
        return answer(None)
    return answer(order_view(desk, account, order))


def _page(request: web.Request, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Cut one page; a cursor is the base64 of an offset, ``LTE=`` (-1) is the end."""
    try:
        start = int(base64.b64decode(request.query.get("next_cursor") or "MA=="))
    except ValueError:
        raise refusal(400, "invalid next_cursor") from None
    chunk = rows[start : start + PAGE_MAX] if start >= 0 else []
    end = start + len(chunk)
    more = start >= 0 and end < len(rows)
    cursor = base64.b64encode(str(end).encode()).decode() if more else LAST_CURSOR
    return {"data": chunk, "next_cursor": cursor, "limit": PAGE_MAX, "count": len(chunk)}


async def open_orders(request: web.Request) -> web.Response:
    desk = desk_of(request)
    account = await desk.caller(request)
    desk.exchange.advance(desk.world.now_ns())
    rows = [
        order_view(desk, account, order)
        for order in desk.exchange.orders(account.name)
        if order.is_live
    ]
    wanted = [("id", "id"), ("market", "market"), ("asset_id", "asset_id")]
    for name, key in wanted:
        if value := request.query.get(name):
            rows = [row for row in rows if row[key] == value]
    return answer(_page(request, rows))


async def trades(request: web.Request) -> web.Response:
    desk = desk_of(request)
    account = await desk.caller(request)
    desk.exchange.advance(desk.world.now_ns())
    query = request.query
    fills = list(reversed(desk.exchange.fills(account.name)))
    for name, is_after in (("after", True), ("before", False)):
        if text := query.get(name):
            if not text.isascii() or not text.isdigit():
                raise refusal(400, f"invalid {name}")
            edge = int(text[:12]) * NS_PER_S
            fills = [f for f in fills if (f.ts_ns >= edge if is_after else f.ts_ns < edge)]
    if wanted := query.get("id"):
        fills = [f for f in fills if f.trade_id == wanted]
    rows = [trade_view(desk, account, fill) for fill in fills]
    for name in ("market", "asset_id"):
        if value := query.get(name):
            rows = [row for row in rows if row[name] == value]
    return answer(_page(request, rows))

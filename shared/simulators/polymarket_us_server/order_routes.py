"""The private side, orders: create, cancel, modify, look up, preview, close a position.

What the exchange refuses is an order all the same: it has an id and ends REJECTED. Those
live in this process only; the exchange's own records are durable.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

from aiohttp import web

from shared.domain.enums import Outcome, Side, TimeInForce, Venue
from shared.domain.ids import native_of
from shared.domain.units import MICROS, PriceMicros, QtyMicros, UsdMicros
from shared.exchange.matching_core import Exchange
from shared.exchange.orders import (
    OrderRecord,
    OrderRequest,
    OrderStatus,
    RefusalCode,
    Refused,
)
from shared.simulators.polymarket_us_server.order_entry import (
    GENERIC,
    PRICE_MAX,
    PRICE_MIN,
    REASONS,
    Wanted,
    read_json,
    read_price,
    read_quantity,
    read_wanted,
)
from shared.simulators.polymarket_us_server.problems import Problem, answer
from shared.simulators.polymarket_us_server.wire import (
    executions_of,
    is_open_order,
    order_object,
    time_text,
)
from shared.simulators.world import World

AccountOf = Callable[[web.Request], str]
Tell = Callable[[str, dict[str, Any]], None]
"""Tells an account's private streams of an execution that the exchange does not know of."""
BATCH_MAX: Final = 20
_NAMES: Final = uuid.UUID("5d5a4a66-0d4c-5f3e-9b35-1f0c0f8e7b61")
_REFUSED_MAX: Final = 10_000


class OrderRoutes:
    """Handlers that change something; every one authenticates first."""

    def __init__(self, world: World, exchange: Exchange, account_of: AccountOf, tell: Tell) -> None:
        self._world, self._exchange = world, exchange
        self._account_of, self._tell = account_of, tell
        self._refused: OrderedDict[str, tuple[str, dict[str, Any]]] = OrderedDict()
        """Order id -> (account, last execution) of orders that the exchange refused."""
        self._numbers = 0

    def add_to(self, app: web.Application) -> None:
        app.router.add_post("/v1/orders", self.create)
        app.router.add_post("/v1/orders/batched", self.create_many)
        app.router.add_post("/v1/orders/batched/cancel", self.cancel_many)
        app.router.add_post("/v1/orders/batched/modify", self.modify_many)
        app.router.add_get("/v1/orders/open", self.list_open)
        app.router.add_post("/v1/orders/open/cancel", self.cancel_all)
        app.router.add_post("/v1/order/preview", self.preview)
        app.router.add_post("/v1/order/close-position", self.close_position)
        app.router.add_get("/v1/order/{order_id}", self.get_order)
        app.router.add_post("/v1/order/{order_id}/cancel", self.cancel)
        app.router.add_post("/v1/order/{order_id}/modify", self.modify)

    # --- create -----------------------------------------------------------------------------

    async def create(self, request: web.Request) -> web.Response:
        account = self._account_of(request)
        wanted = read_wanted(read_json(await request.read()), account)
        await self._wait()
        order_id, executions = self._submit(wanted)
        reply: dict[str, Any] = {"id": order_id}
        if wanted.is_synchronous:
            reply["executions"] = executions
        return answer(reply)

    async def create_many(self, request: web.Request) -> web.Response:
        """Check every body first: one bad entry refuses the whole batch, as documented."""
        account = self._account_of(request)
        rows = _batch(read_json(await request.read()))
        wanted = [read_wanted(row, account) for row in rows]
        await self._wait()
        return answer({"createdOrderIds": [self._submit(one)[0] for one in wanted]})

    async def _wait(self) -> None:
        if delay_s := self._world.wire_delay_s(Venue.POLYMARKET_US):
            await asyncio.sleep(delay_s)

    def _submit(self, wanted: Wanted) -> tuple[str, list[dict[str, Any]]]:
        """Return (id, executions) of one order, refused or not."""
        request, now_ns = wanted.request, self._world.now_ns()
        yes = request.yes_limit if 0 < request.price_limit < MICROS else 0
        if not PRICE_MIN <= yes <= PRICE_MAX:
            bounds = Refused(RefusalCode.OFF_GRID, "price out of bounds")
            return self._refuse(wanted, bounds, "ORD_REJECT_REASON_PRICE_OUT_OF_BOUNDS")
        if request.side is Side.SELL:
            position = self._exchange.position(request.account, request.market_id)
            if position.of(request.outcome) < request.qty:
                short = Refused(RefusalCode.NO_SHARES, "more than the position that it closes")
                return self._refuse(wanted, short, GENERIC)
        made = self._exchange.submit(request, now_ns)
        if isinstance(made, Refused):
            return self._refuse(wanted, made, REASONS.get(made.code, GENERIC))
        return made.order_id, executions_of(made, self._exchange.fills_of(made.order_id))

    def _refuse(
        self, wanted: Wanted, refused: Refused, reason: str
    ) -> tuple[str, list[dict[str, Any]]]:
        """Keep a refused order; a fill-or-kill that found too little is cancelled instead."""
        self._numbers += 1
        request, now_ns = wanted.request, self._world.now_ns()
        name = f"{request.account}/{self._numbers}/{now_ns}"
        order_id = str(uuid.uuid5(_NAMES, name))
        shown = order_object(_as_record(request, order_id, now_ns), [], is_open=False)
        is_killed = refused.code is RefusalCode.FOK_NOT_FILLED
        shown["state"] = "ORDER_STATE_CANCELED" if is_killed else "ORDER_STATE_REJECTED"
        execution: dict[str, Any] = {
            "id": f"exec-{order_id}",
            "order": shown,
            "type": "EXECUTION_TYPE_CANCELED" if is_killed else "EXECUTION_TYPE_REJECTED",
            "text": refused.message,
            "transactTime": time_text(now_ns),
        }
        if not is_killed:
            execution["orderRejectReason"] = reason
        self._refused[order_id] = (request.account, execution)
        while len(self._refused) > _REFUSED_MAX:
            self._refused.popitem(last=False)
        self._tell(request.account, execution)
        return order_id, [execution]

    # --- look up ------------------------------------------------------------------------------

    def _own(self, account: str, order_id: str) -> OrderRecord | None:
        order = self._exchange.order(order_id)
        return order if order is not None and order.account == account else None

    async def get_order(self, request: web.Request) -> web.Response:
        account, order_id = self._account_of(request), request.match_info["order_id"]
        order = self._own(account, order_id)
        if order is not None:
            return answer({"order": order_object(order, self._exchange.fills_of(order_id))})
        owner, execution = self._refused.get(order_id, ("", {}))
        if owner != account:
            raise Problem(404, "order not found")
        return answer({"order": execution["order"]})

    async def list_open(self, request: web.Request) -> web.Response:
        account = self._account_of(request)
        slugs = request.query.getall("slugs", [])
        rows = [order for order in self._exchange.orders(account) if is_open_order(order)]
        return answer(
            {
                "orders": [
                    order_object(order, self._exchange.fills_of(order.order_id))
                    for order in rows
                    if not slugs or native_of(order.market_id) in slugs
                ]
            }
        )

    # --- cancel and modify ------------------------------------------------------------------------

    async def cancel(self, request: web.Request) -> web.Response:
        """Take a cancel; the answer is empty and proves nothing."""
        account, order_id = self._account_of(request), request.match_info["order_id"]
        slug = read_json(await request.read()).get("marketSlug")
        order = self._own(account, order_id)
        if order is None or native_of(order.market_id) != slug:
            raise Problem(404, "order not found")
        self._exchange.cancel(account, order_id, self._world.now_ns())
        return answer({})

    async def cancel_many(self, request: web.Request) -> web.Response:
        """Echo every id, whatever became of it (documented)."""
        account = self._account_of(request)
        ids = _ids(_batch(read_json(await request.read())))
        for order_id in ids:
            if self._own(account, order_id) is not None:
                self._exchange.cancel(account, order_id, self._world.now_ns())
        return answer({"canceledOrderIds": ids})

    async def cancel_all(self, request: web.Request) -> web.Response:
        account = self._account_of(request)
        slugs = read_json(await request.read()).get("slugs") or []
        ended: list[str] = []
        for order in self._exchange.orders(account):
            if is_open_order(order) and (not slugs or native_of(order.market_id) in slugs):
                gone = self._exchange.cancel(account, order.order_id, self._world.now_ns())
                if not isinstance(gone, Refused):
                    ended.append(order.order_id)
        return answer({"canceledOrderIds": ended})

    async def modify(self, request: web.Request) -> web.Response:
        account, order_id = self._account_of(request), request.match_info["order_id"]
        self._replace(account, order_id, read_json(await request.read()))
        return answer({})

    async def modify_many(self, request: web.Request) -> web.Response:
        account = self._account_of(request)
        rows = _batch(read_json(await request.read()))
        ids = _ids(rows)
        for row, order_id in zip(rows, ids, strict=True):
            if self._own(account, order_id) is not None:
                self._replace(account, order_id, row)
        return answer({"modifiedOrderIds": ids})

    def _replace(self, account: str, order_id: str, fields: dict[str, Any]) -> None:
        """Cancel and enter anew, as the venue does; the new order has an id of its own."""
        order = self._own(account, order_id)
        if order is None or native_of(order.market_id) != fields.get("marketSlug"):
            raise Problem(404, "order not found")
        yes = read_price(fields["price"]) if "price" in fields else order.yes_limit
        qty = read_quantity(fields["quantity"]) if "quantity" in fields else order.qty
        if not PRICE_MIN <= yes <= PRICE_MAX:
            raise Problem(400, "price out of bounds")
        now_ns = self._world.now_ns()
        if isinstance(self._exchange.cancel(account, order_id, now_ns), Refused):
            return
        left = QtyMicros(qty - order.qty_filled)
        if left > 0:
            price = PriceMicros(yes if order.outcome is Outcome.YES else MICROS - yes)
            self._exchange.submit(
                OrderRequest(
                    account, order.market_id, order.outcome, order.side, price, left, order.tif
                ),
                now_ns,
            )

    # --- preview and close ------------------------------------------------------------------

    async def preview(self, request: web.Request) -> web.Response:
        account = self._account_of(request)
        fields = read_json(await request.read()).get("request")
        if not isinstance(fields, dict):
            raise Problem(400, "request is required")
        wanted = read_wanted(fields, account)
        if self._world.find(wanted.request.market_id) is None:
            raise Problem(404, "market not found")
        shown = order_object(_as_record(wanted.request, "", self._world.now_ns()), [])
        return answer({"order": shown})

    async def close_position(self, request: web.Request) -> web.Response:
        """Sell what is held at any price within the limits, at once."""
        account = self._account_of(request)
        fields = read_json(await request.read())
        market = self._world.find_native(Venue.POLYMARKET_US, str(fields.get("marketSlug", "")))
        if market is None:
            raise Problem(404, "market not found")
        net = self._exchange.position(account, market.market_id).net_yes
        if net == 0:
            raise Problem(400, "there is no position")
        outcome = Outcome.YES if net > 0 else Outcome.NO
        wanted = OrderRequest(
            account=account,
            market_id=market.market_id,
            outcome=outcome,
            side=Side.SELL,
            price_limit=PriceMicros(PRICE_MIN),
            qty=QtyMicros(abs(net)),
            tif=TimeInForce.IOC,
        )
        order_id, executions = self._submit(Wanted(wanted, market.native_id, True))
        reply: dict[str, Any] = {"id": order_id}
        if fields.get("synchronousExecution") is True:
            reply["executions"] = executions
        return answer(reply)


def _batch(fields: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the entries of a batch. Raises Problem (400)."""
    rows = fields.get("orders")
    if not isinstance(rows, list) or not 1 <= len(rows) <= BATCH_MAX:
        raise Problem(400, f"orders: 1 to {BATCH_MAX}")
    if not all(isinstance(row, dict) for row in rows):
        raise Problem(400, "orders: objects only")
    return rows


def _ids(rows: list[dict[str, Any]]) -> list[str]:
    ids = [row.get("orderId") for row in rows]
    if not all(isinstance(one, str) and one for one in ids):
        raise Problem(400, "orderId is required")
    return [str(one) for one in ids]


def _as_record(request: OrderRequest, order_id: str, now_ns: int) -> OrderRecord:
    """Return a request in the shape of a record, as far as an order object shows one."""
    nothing = QtyMicros(0)
    return OrderRecord(
        seq=0,
        order_id=order_id,
        client_id="",
        account=request.account,
        market_id=request.market_id,
        outcome=request.outcome,
        side=request.side,
        price_limit=PriceMicros(min(MICROS, max(0, request.price_limit))),
        qty=request.qty,
        tif=request.tif,
        status=OrderStatus.CANCELED,
        qty_filled=nothing,
        qty_open=nothing,
        cost_usd=UsdMicros(0),
        fee_usd=UsdMicros(0),
        accumulator=0,
        created_ns=now_ns,
        updated_ns=now_ns,
    )

"""Order groups: a venue-side breaker over the contracts filled in a rolling 15 seconds.

When a group's fills exceed its limit, everything of it that rests is cancelled and new
orders of it are refused until it is reset (KALSHI 2.3). A group belongs to one shard.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from aiohttp import web

from shared.domain.units import NS_PER_S, parse_micros
from shared.exchange.happenings import FillMade, Happening
from shared.exchange.matching_core import Exchange
from shared.exchange.orders import OrderRecord, OrderStatus
from shared.simulators.kalshi_server.problems import Problem, answer
from shared.simulators.kalshi_server.wire import count_text
from shared.simulators.world import World

AccountOf = Callable[[web.Request], str]
WINDOW_NS: Final = 15 * NS_PER_S
LIMIT_MAX: Final = 1_000_000


@dataclass(slots=True)
class Group:
    """One group; ``limit`` in micro-contracts."""

    group_id: str
    account: str
    limit: int
    shard: int
    is_tripped: bool = False
    orders: dict[str, None] = field(default_factory=dict)
    fills: deque[tuple[int, int]] = field(default_factory=deque)

    def add(self, now_ns: int, qty: int) -> bool:
        """Count a fill; True when the group trips by it."""
        assert qty > 0
        self.fills.append((now_ns, qty))
        while self.fills and now_ns - self.fills[0][0] >= WINDOW_NS:
            self.fills.popleft()
        before, total = self.is_tripped, sum(filled for _, filled in self.fills)
        self.is_tripped = before or total > self.limit
        return self.is_tripped and not before


class OrderGroups:
    """All groups of the exchange, and the routes that manage them."""

    def __init__(self, world: World, exchange: Exchange, account_of: AccountOf) -> None:
        self._world, self._exchange, self._account_of = world, exchange, account_of
        self._groups: dict[str, Group] = {}
        self._of_order: dict[str, Group] = {}

    def add_to(self, app: web.Application, base: str) -> None:
        path = base + "/portfolio/order_groups"
        app.router.add_get(path, self.list_groups)
        app.router.add_post(path + "/create", self.create)
        app.router.add_get(path + "/{group_id}", self.get_group)
        app.router.add_delete(path + "/{group_id}", self.delete)
        app.router.add_put(path + "/{group_id}/reset", self.reset)
        app.router.add_put(path + "/{group_id}/trigger", self.trigger)
        app.router.add_put(path + "/{group_id}/limit", self.change_limit)

    # --- orders ------------------------------------------------------------------------------

    def admit(self, account: str, group_id: str, shard: int) -> Group | None:
        """Return the group that an order names. Raises Problem (404, 409)."""
        if not group_id:
            return None
        group = self._groups.get(group_id)
        if group is None or group.account != account:
            raise Problem(404, "order_group_not_found", "order group not found")
        if group.is_tripped:
            text = "the order group is triggered until it is reset"
            raise Problem(409, "EXCEEDED_ORDER_GROUP_RISK_LIMIT", text)
        if shard >= 0 and shard != group.shard:
            raise Problem(400, "invalid_parameters", "the order group lives on another shard")
        return group

    def joined(self, group: Group, order: OrderRecord) -> None:
        """Remember an order of a group and count what it took at once."""
        group.orders[order.order_id] = None
        self._of_order[order.order_id] = group
        if order.qty_filled and group.add(self._world.now_ns(), order.qty_filled):
            self._cancel(group)

    def on_happening(self, happening: Happening) -> None:
        """Count later fills of resting orders; listeners do not call back, so it waits a turn."""
        if not isinstance(happening, FillMade):
            return
        group = self._of_order.get(happening.fill.order_id)
        if group is not None and group.add(happening.ts_ns, happening.fill.qty):
            self._exchange.plan(happening.ts_ns, "group", group.group_id)

    def _cancel(self, group: Group) -> int:
        """Cancel everything of a group that rests; returns how many orders that was."""
        now_ns, gone = self._world.now_ns(), 0
        for order_id in list(group.orders):
            order = self._exchange.order(order_id)
            if order is not None and order.status is OrderStatus.RESTING:
                self._exchange.cancel(group.account, order_id, now_ns)
                gone += 1
        return gone

    def tripped(self, group_id: str) -> None:
        """Carry out what ``on_happening`` planned."""
        if group_id in self._groups:
            self._cancel(self._groups[group_id])

    # --- routes ------------------------------------------------------------------------------

    def _own(self, request: web.Request) -> Group:
        account = self._account_of(request)
        group = self._groups.get(request.match_info["group_id"])
        if group is None or group.account != account:
            raise Problem(404, "not_found", "order group not found")
        return group

    async def create(self, request: web.Request) -> web.Response:
        account = self._account_of(request)
        fields = _fields(await request.read())
        shard = fields.get("exchange_index", 0)
        if not isinstance(shard, int) or isinstance(shard, bool) or shard < 0:
            raise Problem(400, "invalid_parameters", "exchange_index")
        group_id = f"group-{account}-{len(self._groups) + 1}"
        self._groups[group_id] = Group(group_id, account, _limit(fields), shard)
        body = {"order_group_id": group_id, "subaccount": 0, "exchange_index": shard}
        return answer(body, 201)

    async def list_groups(self, request: web.Request) -> web.Response:
        account = self._account_of(request)
        own = [_view(g) for g in self._groups.values() if g.account == account]
        return answer({"order_groups": own})

    async def get_group(self, request: web.Request) -> web.Response:
        group = self._own(request)
        return answer({**_view(group), "orders": list(group.orders)})

    async def delete(self, request: web.Request) -> web.Response:
        group = self._own(request)
        self._cancel(group)
        del self._groups[group.group_id]
        return answer({})

    async def reset(self, request: web.Request) -> web.Response:
        group = self._own(request)
        group.is_tripped = False
        group.fills.clear()
        return answer({})

    async def trigger(self, request: web.Request) -> web.Response:
        group = self._own(request)
        group.is_tripped = True
        self._cancel(group)
        return answer({})

    async def change_limit(self, request: web.Request) -> web.Response:
        group = self._own(request)
        group.limit = _limit(_fields(await request.read()))
        return answer({})


def _view(group: Group) -> dict[str, Any]:
    return {
        "id": group.group_id,
        "is_auto_cancel_enabled": not group.is_tripped,
        "contracts_limit_fp": count_text(group.limit),
        "exchange_index": group.shard,
    }


def _fields(body: bytes) -> dict[str, Any]:
    try:
        fields = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Problem(400, "invalid_parameters", "the body is not JSON") from None
    if not isinstance(fields, dict):
        raise Problem(400, "invalid_parameters", "the body is not an object")
    return fields


def _limit(fields: dict[str, Any]) -> int:
    """Return ``contracts_limit`` or ``contracts_limit_fp`` in micro-contracts."""
    given = fields.get("contracts_limit_fp", fields.get("contracts_limit"))
    try:
        limit = parse_micros(str(given))
    except ValueError:
        raise Problem(400, "invalid_parameters", "contracts_limit") from None
    if not 0 < limit <= LIMIT_MAX * 1_000_000:
        raise Problem(400, "invalid_parameters", "contracts_limit is out of range")
    return limit

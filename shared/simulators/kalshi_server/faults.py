"""How the simulated Kalshi words its faults: refusals and spoilt order answers."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from aiohttp import web

from shared.domain.enums import Venue
from shared.exchange.fault_plan import FaultWindow
from shared.simulators.fault_requests import VenueShape
from shared.simulators.kalshi_server.problems import Problem, answer_problem
from shared.simulators.world import World

ORDERS: Final = "/trade-api/v2/portfolio/events/orders"
LISTS: Final = (
    "/trade-api/v2/portfolio/orders",
    "/trade-api/v2/portfolio/fills",
    "/trade-api/v2/portfolio/positions",
    "/trade-api/v2/portfolio/settlements",
    "/trade-api/v2/exchange/user_data_timestamp",
)


def is_order(request: web.Request) -> bool:
    return request.method == "POST" and request.path == ORDERS


def is_cancel(request: web.Request) -> bool:
    return request.method == "DELETE" and request.path.startswith(ORDERS + "/")


def is_private_list(request: web.Request) -> bool:
    return request.method == "GET" and request.path in LISTS


def is_authenticated(request: web.Request) -> bool:
    return "KALSHI-ACCESS-KEY" in request.headers


def refuse(world: World, request: web.Request, body: bytes) -> web.Response | None:
    """Return the refusal of a fault in the venue's own body shape, or None."""
    del body
    faults, now_ns = world.faults, world.now_ns()
    window = faults.open_window("403_all", now_ns)
    if window is not None and is_authenticated(request):
        is_meant = window.shape == "all" or request.method != "GET"
        if is_meant and faults.fires("403_all", now_ns, Venue.KALSHI.value):
            if window.shape == "all":
                return answer_problem(Problem(401, "authentication_error", "the key is revoked"))
            return answer_problem(Problem(403, "insufficient_scope", "write::trade is missing"))
    if is_cancel(request):
        order_id = request.path.rsplit("/", 1)[1]
        if faults.fires("k.cancel404", now_ns, order_id):
            return answer_problem(Problem(404, "order_not_found", "order not found"))
    if request.method != "GET" and world.clock_faults.is_exchange_paused(now_ns):
        return answer_problem(Problem(409, "exchange_paused", "the exchange is paused"))
    return None


def spoil(window: FaultWindow, answer: dict[str, Any]) -> bytes:
    """Return an order's answer with wrong counts, or without the order's id."""
    if window.key == "k.bad_counts":
        answer["remaining_count"] = "7.00"
    else:
        answer.pop("order_id", None)
        answer["fill_count"] = "0.00"
    return msgspec.json.encode(answer)


SHAPE: Final = VenueShape(
    venue=Venue.KALSHI,
    is_order=is_order,
    is_private_list=is_private_list,
    refuse=refuse,
    spoil=spoil,
    no_order_field=(
        b'{"error":{"code":"invalid_parameters","message":"a_field_of_next_year is required"}}'
    ),
    server_error=b'{"error":{"code":"service_unavailable","message":"try again later"}}',
)

"""How the simulated Polymarket US words its faults: refusals and spoilt order answers.

The bodies of its server errors are not published; what stands here is a guess that no
client may rely on.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from aiohttp import web

from shared.domain.enums import Venue
from shared.exchange.fault_plan import FaultWindow
from shared.simulators.fault_requests import VenueShape
from shared.simulators.polymarket_us_server.limits import STOPGAP, TEXT
from shared.simulators.polymarket_us_server.problems import Problem, answer_problem
from shared.simulators.world import World

ORDERS: Final = "/v1/orders"
LISTS: Final = (
    "/v1/orders/open",
    "/v1/portfolio/positions",
    "/v1/portfolio/activities",
    "/v1/account/balances",
)


def is_order(request: web.Request) -> bool:
    return request.method == "POST" and request.path == ORDERS


def is_private_list(request: web.Request) -> bool:
    return request.method == "GET" and request.path in LISTS


def refuse(world: World, request: web.Request, body: bytes) -> web.Response | None:
    """Return the refusal of a fault in the venue's own body shape, or None."""
    del body
    faults, now_ns = world.faults, world.now_ns()
    window = faults.open_window("403_all", now_ns)
    if window is not None and "X-PM-Access-Key" in request.headers:
        is_meant = window.shape == "all" or request.method != "GET"
        if is_meant and faults.fires("403_all", now_ns, Venue.POLYMARKET_US.value):
            status = 401 if window.shape == "all" else 403
            return answer_problem(Problem(status, "the key is revoked"))
    if is_order(request):
        if faults.fires("u.bucket", now_ns):
            return answer_problem(Problem(429, TEXT))
        if faults.fires("u.stopgap", now_ns):
            return answer_problem(Problem(429, STOPGAP))
    return None


def spoil(window: FaultWindow, answer: dict[str, Any]) -> bytes:
    """Return an order's answer without its id, or with nothing but it."""
    if window.shape == "no_id":
        answer.pop("id", None)
        for row in answer.get("executions", ()):
            row["order"].pop("id", None)
    else:
        answer.pop("executions", None)
    return msgspec.json.encode(answer)


SHAPE: Final = VenueShape(
    venue=Venue.POLYMARKET_US,
    is_order=is_order,
    is_private_list=is_private_list,
    refuse=refuse,
    spoil=spoil,
    no_order_field=b'{"status":400,"message":"a_field_of_next_year is required"}',
    server_error=b'{"status":500,"message":"internal server error"}',
)

"""How the simulated Polymarket words its faults: refusals, restarts, spoilt order answers."""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec
from aiohttp import web

from shared.domain.enums import Venue
from shared.domain.units import NS_PER_MS, NS_PER_S
from shared.exchange.fault_plan import FaultWindow
from shared.simulators.fault_requests import VenueShape, names_in
from shared.simulators.world import World

NAME: Final = Venue.POLYMARKET.value
TRADING: Final = ("/order", "/orders", "/cancel-all", "/cancel-market-orders")
LISTS: Final = ("/data/orders", "/data/trades", "/data-api/positions", "/data-api/activity")
REGION_TEXT: Final = "Trading restricted in your region, please refer to available regions"
VALIDATOR_TEXTS: Final = {
    "amounts": "invalid amounts, the market buy orders maker amount supports a max accuracy of"
    " 2 decimals, taker amount a max of 4 decimals",
    "tick": "order 0x00 breaks minimum tick size rule: 0.1",
    "signature": "invalid signature",
}


def is_order(request: web.Request) -> bool:
    return request.method == "POST" and request.path in ("/order", "/orders")


def is_private_list(request: web.Request) -> bool:
    return request.method == "GET" and request.path in LISTS


def is_authenticated(request: web.Request) -> bool:
    return "POLY_API_KEY" in request.headers


def refuse(world: World, request: web.Request, body: bytes) -> web.Response | None:
    """Return the refusal of a fault in the venue's own words, or None."""
    faults, now_ns = world.faults, world.now_ns()
    window = faults.open_window("403_all", now_ns)
    if window is not None and is_authenticated(request):
        is_meant = window.shape == "all" or request.method != "GET"
        if is_meant and faults.fires("403_all", now_ns, NAME):
            return say(401, "Unauthorized/Invalid api key")
    if request.method == "GET":
        return _refuse_read(world, request, now_ns)
    if request.path not in TRADING:
        return None
    restart = faults.open_window("p.restart", now_ns)
    if restart is not None:
        answer = _restarting(restart, request, body, now_ns)
        if answer is not None and faults.fires("p.restart", now_ns):
            return answer
    return _refuse_order(world, body, now_ns) if is_order(request) else None


def _refuse_read(world: World, request: web.Request, now_ns: int) -> web.Response | None:
    """Answer the reads whose content a fault decides."""
    faults = world.faults
    if request.path == "/version" and (window := faults.hit("p.version", now_ns)):
        return web.json_response({"version": window.size})
    banned = faults.open_window("p.403", now_ns)
    if banned is None:
        return None
    if request.path == "/api/geoblock" and banned.shape == "region":
        where = {"ip": "192.0.2.1", "country": "US", "region": "NY"}
        return web.json_response({"blocked": True, **where})
    if request.path == "/auth/ban-status/closed-only" and banned.shape == "closed_only":
        return web.json_response({"closed_only": True})
    return None


def _restarting(
    window: FaultWindow, request: web.Request, body: bytes, now_ns: int
) -> web.Response | None:
    """425 first, then 503 for everything but post-only orders and cancels (F-042)."""
    post_only_ns = window.from_ns + window.size * NS_PER_MS
    if now_ns < post_only_ns:
        answer = say(425, "Too Early")
        answer.headers["Retry-After"] = str(max(1, (post_only_ns - now_ns) // NS_PER_S))
        return answer
    is_resting = b'"postOnly":true' in body.replace(b" ", b"")
    if request.method == "DELETE" or is_resting:
        return None
    left = max(1, (window.until_ns - now_ns) // NS_PER_S)
    return say(503, "post only mode", code="post_only_mode", retry_after_seconds=left)


def _refuse_order(world: World, body: bytes, now_ns: int) -> web.Response | None:
    faults, names = world.faults, names_in(body)
    if faults.fires("p.bucket", now_ns, *names):
        answer = say(429, "Too Many Requests")
        answer.headers["Retry-After"] = "1"
        return answer
    if faults.hit("p.version", now_ns, *names):
        return say(400, "order_version_mismatch")
    if window := faults.hit("p.400", now_ns, *names):
        return say(400, VALIDATOR_TEXTS[window.shape])
    banned = faults.open_window("p.403", now_ns)
    if banned is None:
        return None
    is_sale = b'"side":"SELL"' in body.replace(b" ", b"")
    if banned.shape == "closed_only" and is_sale:
        return None
    if not faults.fires("p.403", now_ns, *names):
        return None
    text = {"closed_only": "address in closed only mode", "banned": "address banned"}
    if banned.shape == "region":
        return say(403, REGION_TEXT)
    return say(400, text[banned.shape])


def spoil(window: FaultWindow, answer: Any) -> bytes:
    """Return an order's answer as ``p.body`` makes it; the order itself was executed."""
    rows = answer if isinstance(answer, list) else [answer]
    for row in rows:
        if window.shape == "no_id":
            row["orderID"] = ""
        elif window.shape == "unmatched":
            row.update(status="unmatched", makingAmount="", takingAmount="", tradeIDs=[])
        elif window.shape == "free_text":
            row["status"] = "CANCELED_for a reason of next year"
        else:
            assert window.shape == "empty_amounts", window
            row.update(makingAmount="", takingAmount="")
    return msgspec.json.encode(answer)


def say(status: int, text: str, **more: Any) -> web.Response:
    return web.Response(
        text=json.dumps({"error": text, **more}), status=status, content_type="application/json"
    )


SHAPE: Final = VenueShape(
    venue=Venue.POLYMARKET,
    is_order=is_order,
    is_private_list=is_private_list,
    refuse=refuse,
    spoil=spoil,
    no_order_field=b'{"error":"Invalid order payload"}',
    server_error=b'{"error":"order timed out"}',
)

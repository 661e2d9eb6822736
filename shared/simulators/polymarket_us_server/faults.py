"""Faults of the order path, by the plan in force: each request draws its own.

``u.req_lost``: the request never arrives; ``u.ack_lost``: it is carried out and the answer
never comes back; ``u.5xx``: carried out, and answered 500; ``u.bucket``: 429;
``u.stopgap``: refused with the words of a rate limit that is none; ``u.body``: carried out,
and answered with a page that is not JSON.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from shared.simulators.polymarket_us_server.limits import STOPGAP, TEXT
from shared.simulators.polymarket_us_server.problems import Problem
from shared.simulators.world import World

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def _cut(request: web.Request) -> web.Response:
    """Abort the connection as a network failure would."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


async def handle_with_faults(
    world: World, request: web.Request, handler: Handler
) -> web.StreamResponse:
    """Handle an order request under the faults of this moment."""
    now_ns, faults = world.now_ns(), world.faults
    if faults.fires("u.bucket", now_ns):
        raise Problem(429, TEXT)
    if faults.fires("u.stopgap", now_ns):
        raise Problem(429, STOPGAP)
    if faults.fires("u.req_lost", now_ns):
        return _cut(request)
    lost = faults.fires("u.ack_lost", now_ns)
    broken = faults.fires("u.5xx", now_ns)
    garbled = faults.fires("u.body", now_ns)
    answer = await handler(request)
    if lost:
        return _cut(request)
    if broken:
        raise Problem(500, "internal server error")
    if garbled:
        return web.Response(text="<html>bad gateway</html>", content_type="text/html")
    return answer

"""The operator's switches of a simulator: list, switch on, switch off faults; drop now.

Not part of any venue's protocol; the path prefix ``/__sim__`` keeps it apart.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from shared.domain.enums import Venue
from shared.domain.errors import NotAvailableError
from shared.domain.units import NS_PER_MS
from shared.exchange.fault_plan import FaultWindow
from shared.simulators.world import World


def add_fault_routes(app: web.Application, world: World) -> None:
    """Add ``/__sim__/faults`` (GET, POST, DELETE), ``/__sim__/drop`` and ``/__sim__/world``."""

    async def list_faults(_request: web.Request) -> web.Response:
        return web.json_response({"faults": _faults(world)})

    async def switch_on(request: web.Request) -> web.Response:
        body = await _body(request)
        now_ns = world.now_ns()
        try:
            window = FaultWindow(
                key=str(body["key"]),
                from_ns=now_ns,
                until_ns=now_ns + max(1, int(body.get("duration_ms", 1_000))) * NS_PER_MS,
                ppm=min(1_000_000, max(0, int(body.get("ppm", 1_000_000)))),
            )
            world.faults.switch_on(window)
        except (KeyError, TypeError, ValueError, NotAvailableError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response({"faults": _faults(world)})

    async def switch_off(request: web.Request) -> web.Response:
        world.faults.switch_off(str((await _body(request)).get("key", "")))
        return web.json_response({"faults": _faults(world)})

    async def drop(request: web.Request) -> web.Response:
        try:
            venue = Venue(str((await _body(request)).get("venue", "")))
        except ValueError as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response({"dropped": world.drop_connections(venue)})

    async def describe(_request: web.Request) -> web.Response:
        return web.json_response(
            {
                "source": world.source,
                "seed": world.seed,
                "assumptions": list(world.assumptions),
                "markets": {venue.value: len(world.markets(venue)) for venue in world.exchanges},
            }
        )

    app.router.add_get("/__sim__/faults", list_faults)
    app.router.add_post("/__sim__/faults", switch_on)
    app.router.add_delete("/__sim__/faults", switch_off)
    app.router.add_post("/__sim__/drop", drop)
    app.router.add_get("/__sim__/world", describe)


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _faults(world: World) -> list[dict[str, Any]]:
    return [
        {"key": w.key, "from_ns": w.from_ns, "until_ns": w.until_ns, "ppm": w.ppm}
        for w in world.faults.windows()
    ]

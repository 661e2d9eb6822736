"""Polymarket's protocols on loopback over one exchange: a judge for any client.

One port serves what the venue spreads over several hosts: the CLOB at the root (so that
request signatures cover the real paths), Gamma under ``/gamma``, the data API under
``/data-api``, the channels under ``/ws/market`` and ``/ws/user``, and the region check at
``/api/geoblock``. All signatures are verified by code that shares nothing with ours.
"""

from __future__ import annotations

from typing import Final

from aiohttp import web

from shared.exchange.matching_core import Exchange
from shared.simulators.fault_requests import RequestFaults
from shared.simulators.fault_routes import add_fault_routes
from shared.simulators.keys import AccountDirectory
from shared.simulators.polymarket_server.account_routes import add_account_routes
from shared.simulators.polymarket_server.book_routes import add_book_routes
from shared.simulators.polymarket_server.desk import DESK, Desk
from shared.simulators.polymarket_server.faults import SHAPE
from shared.simulators.polymarket_server.gamma_routes import add_gamma_routes
from shared.simulators.polymarket_server.heartbeats import add_heartbeats
from shared.simulators.polymarket_server.limits import Meter, make_middleware
from shared.simulators.polymarket_server.listing_routes import add_listing_routes
from shared.simulators.polymarket_server.order_routes import add_order_routes
from shared.simulators.polymarket_server.sockets import (
    CHANNELS,
    Channels,
    market_channel,
    user_channel,
)
from shared.simulators.world import World

GAMMA_PREFIX: Final = "/gamma"
DATA_PREFIX: Final = "/data-api"
BODY_BYTES_MAX: Final = 1024 * 1024

__all__ = ["DATA_PREFIX", "GAMMA_PREFIX", "create_app"]


def create_app(world: World, exchange: Exchange, accounts: AccountDirectory) -> web.Application:
    """Return the application; the world is run by the caller, which also binds it to loopback."""
    meter = Meter(world.now_ns)
    app = web.Application(client_max_size=BODY_BYTES_MAX, middlewares=[make_middleware(meter)])
    desk = Desk(world, exchange, accounts)
    app[DESK] = desk
    channels = Channels(desk)
    app[CHANNELS] = channels

    async def shut(_app: web.Application) -> None:
        channels.drop_all()

    async def clean(_app: web.Application) -> None:
        channels.close()

    app.on_shutdown.append(shut)
    app.on_cleanup.append(clean)
    add_book_routes(app)
    add_listing_routes(app)
    add_order_routes(app)
    add_account_routes(app, DATA_PREFIX)
    add_gamma_routes(app, GAMMA_PREFIX)
    add_heartbeats(app, desk)
    app.router.add_get("/ws/market", market_channel)
    app.router.add_get("/ws/user", user_channel)
    add_fault_routes(app, world)
    RequestFaults(world, SHAPE).add_to(app)
    return app

"""Puts the simulated venue together: authentication, limits, routes, sockets, fault switches.

Both hosts of the venue, the public gateway and the one for keys, are this one address.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

from aiohttp import web

from shared.domain.enums import Venue
from shared.domain.units import NS_PER_MS
from shared.exchange.matching_core import Exchange
from shared.simulators.fault_requests import RequestFaults
from shared.simulators.fault_routes import add_fault_routes
from shared.simulators.keys import AccountDirectory
from shared.simulators.polymarket_us_server.authentication import authenticate
from shared.simulators.polymarket_us_server.faults import SHAPE
from shared.simulators.polymarket_us_server.limits import DOCUMENTED, Meter, Throttle
from shared.simulators.polymarket_us_server.market_routes import MarketRoutes
from shared.simulators.polymarket_us_server.order_routes import OrderRoutes
from shared.simulators.polymarket_us_server.portfolio_routes import PortfolioRoutes
from shared.simulators.polymarket_us_server.problems import Problem, answer_problem
from shared.simulators.polymarket_us_server.streams import StreamHub
from shared.simulators.world import World

WS_MARKETS, WS_PRIVATE = "/v1/ws/markets", "/v1/ws/private"
_ACCOUNT = web.RequestKey("polymarket_us_account", str)
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def create_app(
    world: World,
    exchange: Exchange,
    accounts: AccountDirectory,
    *,
    public: Throttle = DOCUMENTED,
) -> web.Application:
    """Return the server's application; the world must already be running."""
    hub = StreamHub(world, exchange)
    meter = Meter(public)

    def account_of(request: web.Request) -> str:
        """Authenticate and meter once a request; the name is kept on it."""
        name = request.get(_ACCOUNT)
        if name is None:
            now_ns = world.now_ns()
            skewed = world.faults.hit("skew", now_ns, Venue.POLYMARKET_US.value)
            ahead_ms = skewed.size if skewed is not None else 0
            account = authenticate(request, accounts, now_ns // NS_PER_MS + ahead_ms)
            meter.charge_key(account.key_id, now_ns)
            name = request[_ACCOUNT] = account.name
        return name

    def charge_address(request: web.Request) -> None:
        meter.charge_address(request.remote or "", world.now_ns())

    @web.middleware
    async def speak(request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Turn problems into error bodies."""
        try:
            return await handler(request)
        except Problem as problem:
            return answer_problem(problem)
        except web.HTTPNotFound:
            return answer_problem(Problem(404, "no such path"))
        except web.HTTPMethodNotAllowed:
            return answer_problem(Problem(405, "method not allowed"))

    async def open_markets(request: web.Request) -> web.StreamResponse:
        return await hub.serve(request, account_of(request), is_private=False)

    async def open_private(request: web.Request) -> web.StreamResponse:
        return await hub.serve(request, account_of(request), is_private=True)

    async def listen(_app: web.Application) -> AsyncIterator[None]:
        unsubscribe = exchange.subscribe(hub.on_happening)
        yield
        unsubscribe()
        hub.drop_all()

    app = web.Application(middlewares=[speak], client_max_size=1 << 20)
    app.router.add_get(WS_MARKETS, open_markets)
    app.router.add_get(WS_PRIVATE, open_private)
    MarketRoutes(world, exchange, charge_address).add_to(app)
    PortfolioRoutes(world, exchange, account_of).add_to(app)
    OrderRoutes(world, exchange, account_of, hub.tell).add_to(app)
    add_fault_routes(app, world)
    app.cleanup_ctx.append(listen)
    RequestFaults(world, SHAPE).add_to(app)
    world.on_drop(Venue.POLYMARKET_US, hub.drop_all)
    return app

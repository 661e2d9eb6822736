"""Puts the simulated venue together: authentication, routes, websocket, fault switches."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

from aiohttp import web

from shared.domain.enums import Venue
from shared.domain.ids import native_of
from shared.domain.units import NS_PER_MS
from shared.exchange.matching_core import Exchange
from shared.simulators.fault_requests import RequestFaults
from shared.simulators.fault_routes import add_fault_routes
from shared.simulators.kalshi_server.authentication import authenticate, has_credentials
from shared.simulators.kalshi_server.faults import SHAPE
from shared.simulators.kalshi_server.limits import (
    TIERS,
    Meter,
    Tier,
    TooManyRequests,
    answer_too_many,
    costs_object,
)
from shared.simulators.kalshi_server.market_routes import MarketRoutes
from shared.simulators.kalshi_server.order_groups import OrderGroups
from shared.simulators.kalshi_server.order_routes import OrderRoutes
from shared.simulators.kalshi_server.portfolio_routes import PortfolioRoutes
from shared.simulators.kalshi_server.problems import Problem, answer, answer_problem
from shared.simulators.kalshi_server.streams import StreamHub
from shared.simulators.kalshi_server.transfer_routes import TransferRoutes
from shared.simulators.keys import AccountDirectory
from shared.simulators.world import World

API: str = "/trade-api/v2"
SOCKET: str = "/trade-api/ws/v2"
_ACCOUNT = web.RequestKey("kalshi_account", str)
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def create_app(
    world: World,
    exchange: Exchange,
    accounts: AccountDirectory,
    *,
    tier: Tier = TIERS["basic"],
) -> web.Application:
    """Return the server's application; the world must already be running."""
    hub = StreamHub(world, exchange)
    meter = Meter(tier)

    def account_of(request: web.Request) -> str:
        """Authenticate once a request; the name is kept on it."""
        name = request.get(_ACCOUNT)
        if name is None:
            now_ns = world.now_ns()
            if skewed := world.faults.hit("skew", now_ns, Venue.KALSHI.value):
                now_ns += skewed.size * NS_PER_MS
            name = authenticate(request, accounts, now_ns // NS_PER_MS).name
            request[_ACCOUNT] = name
        return name

    async def charge(request: web.Request) -> None:
        """Meter an authenticated request; the fault ``k.bucket`` finds the bucket empty."""
        now_ns = world.now_ns()
        if world.faults.fires("k.bucket", now_ns):
            raise TooManyRequests
        body = b"" if request.method == "GET" else await request.read()
        meter.charge(account_of(request), request, body, now_ns)

    @web.middleware
    async def speak(request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Turn problems into error bodies; credentials, where given, must be right."""
        try:
            if request.path.startswith(API) and has_credentials(request):
                account_of(request)
                await charge(request)
            return await handler(request)
        except TooManyRequests:
            return answer_too_many()
        except Problem as problem:
            return answer_problem(problem)
        except web.HTTPNotFound:
            return answer_problem(Problem(404, "not_found", "no such path"))
        except web.HTTPMethodNotAllowed:
            return answer_problem(Problem(405, "method_not_allowed", request.method))

    async def open_stream(request: web.Request) -> web.StreamResponse:
        return await hub.serve(request, account_of(request))

    async def get_limits(request: web.Request) -> web.Response:
        account_of(request)
        return answer(meter.limits_object())

    async def get_costs(request: web.Request) -> web.Response:
        account_of(request)
        return answer(costs_object())

    async def list_keys(request: web.Request) -> web.Response:
        name = account_of(request)
        keys = [a.key_id for a in accounts.kalshi if a.name == name]
        rows = [
            {"api_key_id": key, "name": name, "scopes": ["read", "write::trade"]} for key in keys
        ]
        return answer({"api_keys": rows})

    async def listen(_app: web.Application) -> AsyncIterator[None]:
        stops = [exchange.subscribe(each) for each in (hub.on_happening, groups.on_happening)]
        yield
        for stop in stops:
            stop()
        hub.drop_all()

    app = web.Application(middlewares=[speak], client_max_size=1 << 20)
    MarketRoutes(world, exchange, hub).add_to(app, API)
    PortfolioRoutes(world, exchange, account_of).add_to(app, API)
    groups = OrderGroups(world, exchange, account_of)
    groups.add_to(app, API)
    exchange.on_planned("group", groups.tripped)
    OrderRoutes(world, exchange, account_of, groups).add_to(app, API)
    TransferRoutes(world, exchange, account_of).add_to(app, API)
    app.router.add_get(API + "/account/limits", get_limits)
    app.router.add_get(API + "/account/endpoint_costs", get_costs)
    app.router.add_get(API + "/api_keys", list_keys)
    app.router.add_get(SOCKET, open_stream)
    add_fault_routes(app, world)
    app.cleanup_ctx.append(listen)
    RequestFaults(world, SHAPE).add_to(app)
    world.clock_faults.edited.append(lambda market: hub.metadata_updated(native_of(market)))
    world.on_drop(Venue.KALSHI, hub.drop_all)
    return app

"""A small simulated Polymarket US for tests: markets that move only when a test says so."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ed25519

from shared.adapters.venues.polymarket_us.capabilities import Endpoints, choose_endpoints
from shared.adapters.venues.polymarket_us.instruments import FeeTerms
from shared.adapters.venues.polymarket_us.venue import PolymarketUsVenue, connect_polymarket_us
from shared.domain.enums import (
    MarketStatus,
    Outcome,
    Purpose,
    RunMode,
    Side,
    TimeInForce,
    Venue,
    VenueSet,
)
from shared.domain.ids import (
    MarketId,
    derive_attempt_id,
    derive_package_id,
    derive_run_id,
    market_id,
)
from shared.domain.instrument import Instrument
from shared.domain.order import LegTicket
from shared.domain.units import NS_PER_S, PriceMicros, QtyMicros, UsdMicros
from shared.exchange.fault_plan import FaultWindow
from shared.exchange.matching_core import Exchange
from shared.simulators.keys import AccountDirectory, PolymarketUsAccount
from shared.simulators.polymarket_us_objects import polymarket_us_event, polymarket_us_market
from shared.simulators.polymarket_us_server import create_app
from shared.simulators.polymarket_us_server.limits import DOCUMENTED, Throttle
from shared.simulators.questions import Kinship, PolymarketSide, Question
from shared.simulators.world import World
from tests.support.kalshi_world import SystemTime, cents, contracts

RATE = "rate-cut-december"
RAIN = "rain-nyc-december"
MATCH = "match-ann-bea"
SLUGS = (MATCH, RAIN, RATE)
ACCOUNT = "member"
KEY_ID = "2b9f2a52-7f0e-4a40-9f0f-2b0ad5a6a0aa"
SEED = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="
"""Secret of the signature vector in the fact sheet."""
TERMS = FeeTerms(69_500, as_of_ns=1_790_000_000 * NS_PER_S)


def sim_market(slug: str, now_ns: int) -> Any:
    side = PolymarketSide(
        slug=slug,
        event_slug=f"{slug}-event",
        event_title=f"Event of {slug}",
        question=f"Will {slug} come out?",
        description=f"Resolves to Yes if {slug} comes out.",
        resolution_source="Bureau of Outcomes",
        tags=("Economics", "Rates"),
        outcomes=("Ann", "Bea") if slug == MATCH else ("Yes", "No"),
    )
    question = Question(
        key=slug,
        kinship=Kinship.SINGLE,
        open_ns=now_ns - 86_400 * NS_PER_S,
        close_ns=now_ns + 30 * 86_400 * NS_PER_S,
        chance=0.5,
        kalshi=None,
        polymarket=side,
    )
    return polymarket_us_market(1, question, side)


class StillLife:
    """A source of life in which nothing happens by itself."""

    name = "still"
    assumptions: Sequence[str] = ()

    def start(self, world: World, now_ns: int) -> None:
        for slug in SLUGS:
            market = sim_market(slug, now_ns)
            world.add_event(polymarket_us_event(market))
            world.add_market(market, now_ns)

    def next_due_ns(self) -> int | None:
        return None

    def step(self, now_ns: int) -> None:
        del now_ns

    def recall(self, market_ids: Sequence[MarketId]) -> None:
        del market_ids


@dataclass
class Lab:
    """A running server, the exchange behind it, and one member's adapter."""

    world: World
    exchange: Exchange
    endpoints: Endpoints
    venue: PolymarketUsVenue
    remembered: dict[str, str]

    def set_book(self, slug: str, bids: dict[int, int], asks: dict[int, int]) -> None:
        """Make the crowd's book; prices in cents, sizes in whole contracts."""
        self.exchange.set_book(
            market_id(Venue.POLYMARKET_US, slug),
            {cents(p): contracts(q) for p, q in bids.items()},
            {cents(p): contracts(q) for p, q in asks.items()},
            self.world.now_ns(),
        )

    def switch_on(self, key: str, seconds: float = 60.0, **more: object) -> None:
        """Put a fault in force from now on."""
        now = self.world.now_ns()
        until = now + int(seconds * NS_PER_S)
        self.world.faults.switch_on(FaultWindow(key, now, until, **more))  # type: ignore[arg-type]

    def resolve(self, slug: str, payout: int) -> None:
        """Close, determine and settle a market; ``payout`` in cents of one YES."""
        market, now = market_id(Venue.POLYMARKET_US, slug), self.world.now_ns()
        self.exchange.change_status(market, MarketStatus.CLOSED, now)
        self.exchange.change_status(market, MarketStatus.DETERMINED, now, cents(payout))
        self.exchange.change_status(market, MarketStatus.SETTLED, now)

    async def instruments(self) -> dict[str, Instrument]:
        listed = self.venue.catalogue.list_markets()
        return {m.instrument.native_id: m.instrument async for m in listed}

    def instrument(self, slug: str) -> Instrument:
        """The exchange's own instrument: for tests that need no catalogue."""
        state = self.exchange.market(market_id(Venue.POLYMARKET_US, slug))
        assert state is not None
        return state.instrument


def account_of(seed: str = SEED, cash: int = 1_000) -> PolymarketUsAccount:
    import base64

    key = ed25519.Ed25519PrivateKey.from_private_bytes(base64.b64decode(seed))
    return PolymarketUsAccount(ACCOUNT, KEY_ID, key.public_key(), UsdMicros(cash * 1_000_000))


@asynccontextmanager
async def polymarket_us_server(
    *, public: Throttle = DOCUMENTED, cash: int = 1_000
) -> AsyncIterator[tuple[World, Exchange, str]]:
    """Run a server on a free loopback port; yields (world, exchange, base address)."""
    world = World(StillLife(), venues=(Venue.KALSHI, Venue.POLYMARKET_US))
    world.start()
    exchange = world.exchanges[Venue.POLYMARKET_US]
    exchange.deposit(ACCOUNT, UsdMicros(cash * 1_000_000))
    app = create_app(world, exchange, AccountDirectory([], [], [account_of()]), public=public)
    runner = web.AppRunner(app, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    try:
        yield world, exchange, f"http://{host}:{port}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def polymarket_us_lab(
    *, public: Throttle = DOCUMENTED, cash: int = 1_000
) -> AsyncIterator[Lab]:
    """Run a server and connect one member's adapter to it."""
    async with polymarket_us_server(public=public, cash=cash) as (world, exchange, base):
        endpoints = choose_endpoints(VenueSet.SIM, base, base)
        remembered: dict[str, str] = {}

        async def remember(attempt_id: str, order_id: str) -> None:
            remembered[attempt_id] = order_id

        venue = connect_polymarket_us(
            endpoints, KEY_ID, SEED, SystemTime(), lambda: TERMS, remember=remember
        )
        try:
            yield Lab(world, exchange, endpoints, venue, remembered)
        finally:
            await venue.close()


_numbers = iter(range(1, 1 << 30))


def ticket(
    instrument: Instrument,
    outcome: Outcome,
    side: Side,
    price: int,
    qty: int,
    *,
    tif: TimeInForce = TimeInForce.IOC,
    reduce_only: bool = False,
    age_s: float = 0.0,
    **more: object,
) -> LegTicket:
    """A ticket with the next package number; price in cents of the outcome, whole contracts."""
    package = derive_package_id(derive_run_id(RunMode.VENUE_SIM, 1), next(_numbers))
    clock = SystemTime()
    made = LegTicket(
        attempt_id=derive_attempt_id(package, 0, Purpose.OPEN, 0),
        package_id=package,
        leg=0,
        purpose=Purpose.OPEN,
        attempt=0,
        venue=Venue.POLYMARKET_US,
        market_id=instrument.market_id,
        outcome=outcome,
        side=side,
        price_limit=PriceMicros(price * 10_000),
        qty=QtyMicros(qty * 1_000_000),
        qty_max=QtyMicros(qty * 1_000_000),
        tif=tif,
        decided_mono_ns=clock.mono_ns(),
        decided_wall_ns=clock.wall_ns() - int(age_s * NS_PER_S),
        send_by_mono_ns=clock.mono_ns() + NS_PER_S,
        reduce_only=reduce_only,
    )
    return replace(made, **more)  # type: ignore[arg-type]

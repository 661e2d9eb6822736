"""A small world with one Polymarket exchange, moved by hand, and its server on loopback."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from aiohttp import web

from shared.adapters.venues.polymarket.instruments import (
    parse_market,
)
from shared.adapters.venues.polymarket.rest import Credentials, Hosts
from shared.domain.enums import BookSide, MarketStatus, Venue
from shared.domain.events import EventBody
from shared.domain.ids import MarketId
from shared.domain.instrument import Instrument
from shared.domain.units import NS_PER_MS, NS_PER_S, PriceMicros, QtyMicros, UsdMicros
from shared.exchange.matching_core import Exchange
from shared.exchange.venue_rules import FinalitySettings, rules_of
from shared.simulators.catalogue import SimEvent, SimMarket, rfc3339
from shared.simulators.keys import AccountDirectory, PolymarketAccount, make_documents
from shared.simulators.polymarket_server import create_app
from shared.simulators.polymarket_server.heartbeats import PULSES, Pulses
from shared.simulators.world import World

NAME = "operator"


class RealClock:
    def mono_ns(self) -> int:
        return time.monotonic_ns()

    def wall_ns(self) -> int:
        return time.time_ns()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class StillLife:
    """A source of life that lists what it was given and moves nothing."""

    name = "by hand"
    assumptions: Sequence[str] = ()

    def __init__(self, markets: Sequence[SimMarket], event: SimEvent) -> None:
        self._markets, self._event = markets, event

    def start(self, world: World, now_ns: int) -> None:
        world.add_event(self._event)
        for market in self._markets:
            world.add_market(market, now_ns)

    def next_due_ns(self) -> int | None:
        return None

    def step(self, now_ns: int) -> None:
        return None

    def recall(self, market_ids: Sequence[MarketId]) -> None:
        return None


def gamma_object(
    number: int, *, tick: float = 0.01, rate: float = 0.05, **more: Any
) -> dict[str, Any]:
    """Return a Gamma market object in the venue's own field names (self-written)."""
    now = time.time_ns()
    raw: dict[str, Any] = {
        "id": str(900_000 + number),
        "question": f"Will the harbour bridge open by day {number}?",
        "conditionId": f"0x{number:064x}",
        "slug": f"harbour-bridge-day-{number}",
        "resolutionSource": "https://harbour.example/openings",
        "endDate": rfc3339(now + 3_600 * NS_PER_S),
        "description": "This market resolves to Yes if the harbour authority announces it.",
        "outcomes": '["Yes", "No"]',
        "outcomePrices": '["0.5", "0.5"]',
        "active": True,
        "closed": False,
        "archived": False,
        "enableOrderBook": True,
        "acceptingOrders": True,
        "orderPriceMinTickSize": tick,
        "orderMinSize": 5,
        "clobTokenIds": json.dumps([str(10**40 + 2 * number), str(10**40 + 2 * number + 1)]),
        "negRisk": number % 2 == 0,
        "groupItemTitle": f"Day {number}",
        "feesEnabled": True,
        "feeType": "economics_fees",
        "feeSchedule": {"exponent": 1, "rate": rate, "takerOnly": True, "rebateRate": 0.25},
        "events": [{"id": "77", "slug": "harbour-bridge", "title": "Harbour bridge opening"}],
        "tags": [{"id": "1", "label": "Economy", "slug": "economy"}],
    }
    return raw | more


def sim_market(raw: dict[str, Any]) -> SimMarket:
    instrument = parse_market(json.dumps(raw).encode(), 1).instrument
    return SimMarket(
        market_id=instrument.market_id,
        venue=Venue.POLYMARKET,
        native_id=instrument.native_id,
        instrument=instrument,
        event_id="77",
        series_id="harbour-bridge",
        opened_ns=0,
        close_ns=instrument.close_ns,
        expected_ns=instrument.settle_expected_ns,
        latest_ns=instrument.settle_worst_ns,
        settlement_timer_ns=0,
        raw=raw,
    )


FAST = FinalitySettings(
    mined_min_ns=50 * NS_PER_MS,
    mined_max_ns=60 * NS_PER_MS,
    confirmed_min_ns=300 * NS_PER_MS,
    confirmed_max_ns=400 * NS_PER_MS,
    retry_ppm=0,
    failed_ppm=0,
)
SLOW = replace(FAST, confirmed_min_ns=3_600 * NS_PER_S, confirmed_max_ns=3_601 * NS_PER_S)


@dataclass
class Venue1:
    """A running server with everything a test needs to talk to it or to move it."""

    world: World
    exchange: Exchange
    accounts: AccountDirectory
    account: PolymarketAccount
    secret: dict[str, Any]
    markets: list[SimMarket]
    base: str
    hosts: Hosts
    pulses: Pulses
    clock: RealClock = field(default_factory=RealClock)

    def credentials(self, **changes: Any) -> Credentials:
        return Credentials.from_secret(self.secret | changes)

    def instrument(self, number: int = 0) -> Instrument:
        return self.markets[number].instrument

    def instrument_of(self, market: MarketId) -> Instrument | None:
        return next((m.instrument for m in self.markets if m.market_id == market), None)

    def book(
        self, number: int, bids: dict[str, str], asks: dict[str, str], at_ns: int | None = None
    ) -> None:
        def micros(side: dict[str, str]) -> dict[int, int]:
            return {round(float(p) * 1e6): round(float(q) * 1e6) for p, q in side.items()}

        market = self.markets[number].market_id
        now = at_ns if at_ns is not None else self.world.now_ns()
        self.exchange.set_book(market, micros(bids), micros(asks), now)

    def level(self, number: int, side: BookSide, price: int, qty: int) -> None:
        market = self.markets[number].market_id
        self.exchange.set_level(
            market, side, PriceMicros(price), QtyMicros(qty), self.world.now_ns()
        )

    def resolve(self, number: int, payout: int) -> None:
        market, now = self.markets[number].market_id, self.world.now_ns()
        self.exchange.change_status(market, MarketStatus.CLOSED, now)
        self.exchange.change_status(market, MarketStatus.DETERMINED, now, PriceMicros(payout))
        self.exchange.change_status(market, MarketStatus.SETTLED, now)


@asynccontextmanager
async def polymarket_venue(
    raws: Sequence[dict[str, Any]],
    *,
    finality: FinalitySettings = FAST,
    cash: int = 5_000_000_000,
    wrap: Callable[[web.Application], None] | None = None,
) -> AsyncIterator[Venue1]:
    """Run the simulated venue on a free loopback port."""
    markets = [sim_market(raw) for raw in raws]
    event = SimEvent(
        "77", Venue.POLYMARKET, raws[0]["events"][0], tuple(m.market_id for m in markets)
    )
    exchange = Exchange(replace(rules_of(Venue.POLYMARKET), finality=finality), 7)
    exchanges = {
        Venue.KALSHI: Exchange(rules_of(Venue.KALSHI), 7),
        Venue.POLYMARKET: exchange,
    }
    world = World(StillLife(markets, event), seed=7, exchanges=exchanges)
    world.start()
    public, private = make_documents(NAME)
    row = public["polymarket"][0]
    account = PolymarketAccount(
        name=NAME,
        eoa=row["eoa"],
        wallet=row["wallet"],
        api_key=row["api_key"],
        secret=row["api_secret"],
        passphrase=row["api_passphrase"],
        cash=UsdMicros(cash),
    )
    accounts = AccountDirectory((), (account,))
    exchange.deposit(NAME, UsdMicros(cash))
    app = create_app(world, exchange, accounts)
    if wrap is not None:
        wrap(app)
    runner = web.AppRunner(app, shutdown_timeout=0.5)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    life = asyncio.create_task(world.run())
    port = runner.addresses[0][1]
    base = f"http://127.0.0.1:{port}"
    hosts = Hosts(
        clob=base,
        gamma=f"{base}/gamma",
        data=f"{base}/data-api",
        ws=f"ws://127.0.0.1:{port}/ws",
        geoblock=f"{base}/api/geoblock",
    )
    try:
        yield Venue1(
            world,
            exchange,
            accounts,
            account,
            private["polymarket"],
            markets,
            base,
            hosts,
            app[PULSES],
        )
    finally:
        life.cancel()
        await asyncio.gather(life, return_exceptions=True)
        await runner.cleanup()


class Collected:
    """A sink that remembers bodies and lets a test wait for a kind of them."""

    def __init__(self) -> None:
        self.bodies: list[EventBody] = []
        self._changed = asyncio.Event()

    def __call__(self, body: EventBody) -> None:
        self.bodies.append(body)
        self._changed.set()

    def of(self, kind: type[Any]) -> list[Any]:
        return [body for body in self.bodies if isinstance(body, kind)]

    async def until(self, fact: Callable[[Collected], bool], within_s: float = 10.0) -> None:
        """Wait until a fact holds; fails with what was collected so far."""

        async def wait() -> None:
            while not fact(self):
                self._changed.clear()
                await self._changed.wait()

        try:
            async with asyncio.timeout(within_s):
                await wait()
        except TimeoutError:
            kinds = [type(body).__name__ for body in self.bodies]
            raise AssertionError(f"did not happen within {within_s} s; saw {kinds[-20:]}") from None

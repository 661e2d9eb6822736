"""A small simulated Kalshi for tests: four markets that move only when a test says so."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from shared.adapters.venues.kalshi.capabilities import Endpoints, choose_endpoints
from shared.adapters.venues.kalshi.venue import KalshiVenue, connect_kalshi
from shared.domain.enums import (
    BookSide,
    FeeType,
    MarketStatus,
    Outcome,
    Purpose,
    RunMode,
    Side,
    TimeInForce,
    Venue,
    VenueSet,
)
from shared.domain.fees import kalshi_schedule
from shared.domain.ids import (
    MarketId,
    derive_attempt_id,
    derive_package_id,
    derive_run_id,
    market_id,
)
from shared.domain.instrument import LINEAR_CENT, Instrument
from shared.domain.order import LegTicket
from shared.domain.units import NS_PER_S, PriceMicros, QtyMicros, UsdMicros
from shared.exchange.matching_core import Exchange
from shared.simulators.catalogue import SimEvent, SimMarket, SimSeries, rfc3339
from shared.simulators.kalshi_server import create_app
from shared.simulators.kalshi_server.limits import TIERS
from shared.simulators.keys import AccountDirectory, KalshiAccount
from shared.simulators.world import World

RATE = "KXRATE-26DEC-H0"
RAIN = "KXRAIN-26DEC01-NYC"
COIN = "KXCOIN-26DEC01-T95000"
MATCH = "KXMATCH-26DEC02-ANN"
TICKERS = (RATE, RAIN, COIN, MATCH)
SHARDS = {RATE: 0, RAIN: 0, COIN: 2, MATCH: 3}
ACCOUNT = "member"
KEY_ID = "7d3f2a52-7f0e-4a40-9f0f-2b0ad5a6a001"
_OPENED_S = 1_790_000_000


def cents(value: int) -> PriceMicros:
    return PriceMicros(value * 10_000)


def contracts(value: int) -> QtyMicros:
    return QtyMicros(value * 1_000_000)


class SystemTime:
    """The Clock port on the real clock."""

    def mono_ns(self) -> int:
        return time.monotonic_ns()

    def wall_ns(self) -> int:
        return time.time_ns()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def raw_market(ticker: str, close_ns: int, **changes: Any) -> dict[str, Any]:
    """A market object as the venue lists it, written for these tests."""
    series, event = ticker.split("-")[0], ticker.rsplit("-", 1)[0]
    label = ticker.rsplit("-", 1)[1]
    raw: dict[str, Any] = {
        "ticker": ticker,
        "event_ticker": event,
        "market_type": "binary",
        "title": f"Will {series} come out as {label}?",
        "yes_sub_title": f"Outcome {label}",
        "no_sub_title": f"Outcome {label}",
        "created_time": rfc3339(_OPENED_S * NS_PER_S),
        "updated_time": rfc3339(_OPENED_S * NS_PER_S),
        "open_time": rfc3339(_OPENED_S * NS_PER_S),
        "close_time": rfc3339(close_ns),
        "expected_expiration_time": rfc3339(close_ns + 300 * NS_PER_S),
        "latest_expiration_time": rfc3339(close_ns + 7 * 86_400 * NS_PER_S),
        "settlement_timer_seconds": 60,
        "can_close_early": True,
        "notional_value_dollars": "1.0000",
        "strike_type": "custom",
        "custom_strike": {"Outcome": label},
        "rules_primary": f"If {series} is {label}, then the market resolves to Yes.",
        "rules_secondary": "A cancelled event resolves to No.",
        "price_level_structure": "linear_cent",
        "price_ranges": [{"start": "0.0000", "end": "1.0000", "step": "0.0100"}],
        "exchange_index": SHARDS.get(ticker, 0),
        "expiration_value": "",
        "result": "",
        "status": "active",
    }
    raw.update(changes)
    return raw


def raw_event(ticker: str) -> dict[str, Any]:
    event = ticker.rsplit("-", 1)[0]
    return {
        "event_ticker": event,
        "series_ticker": ticker.split("-")[0],
        "title": f"Event {event}",
        "sub_title": "",
        "collateral_return_type": "",
        "mutually_exclusive": False,
        "settlement_sources": [{"name": "Bureau of Outcomes", "url": "https://example.org"}],
        "fee_type_override": None,
        "fee_multiplier_override": None,
    }


def raw_series(ticker: str) -> dict[str, Any]:
    return {
        "ticker": ticker.split("-")[0],
        "title": ticker.split("-")[0],
        "frequency": "custom",
        "category": "Economics",
        "categories": ["Economics"],
        "tags": ["Rates"],
        "settlement_sources": None,
        "contract_url": "",
        "contract_terms_url": "",
        "fee_type": "quadratic",
        "fee_multiplier": 1,
        "additional_prohibitions": None,
    }


def sim_market(ticker: str, close_ns: int) -> SimMarket:
    instrument = Instrument(
        market_id=market_id(Venue.KALSHI, ticker),
        venue=Venue.KALSHI,
        native_id=ticker,
        title=ticker,
        category="Economics",
        series_id=ticker.split("-")[0],
        event_id=ticker.rsplit("-", 1)[0],
        grid=LINEAR_CENT,
        qty_step=QtyMicros(10_000),
        min_qty=QtyMicros(10_000),
        min_notional_usd=UsdMicros(0),
        fees=kalshi_schedule(FeeType.KALSHI_QUADRATIC),
        status=MarketStatus.ACTIVE,
        close_ns=close_ns,
        settle_expected_ns=close_ns + 360 * NS_PER_S,
        settle_worst_ns=close_ns + 8 * 86_400 * NS_PER_S,
        rules_hash="",
        settlement_source="",
        shard=SHARDS[ticker],
    )
    return SimMarket(
        market_id=instrument.market_id,
        venue=Venue.KALSHI,
        native_id=ticker,
        instrument=instrument,
        event_id=instrument.event_id,
        series_id=instrument.series_id,
        opened_ns=_OPENED_S * NS_PER_S,
        close_ns=close_ns,
        expected_ns=close_ns + 300 * NS_PER_S,
        latest_ns=close_ns + 7 * 86_400 * NS_PER_S,
        settlement_timer_ns=60 * NS_PER_S,
        raw=raw_market(ticker, close_ns),
    )


class StillLife:
    """A source of life in which nothing happens by itself."""

    name = "still"
    assumptions: Sequence[str] = ()

    def start(self, world: World, now_ns: int) -> None:
        for ticker in TICKERS:
            market = sim_market(ticker, now_ns + 30 * 86_400 * NS_PER_S)
            event = raw_event(ticker)
            ids = (market.market_id,)
            world.add_event(SimEvent(market.event_id, Venue.KALSHI, event, ids))
            world.add_series(SimSeries(market.series_id, raw_series(ticker)))
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
    venue: KalshiVenue
    private_key_pem: str

    def set_book(self, ticker: str, bids: dict[int, int], asks: dict[int, int]) -> None:
        """Make the crowd's book; prices in cents, sizes in whole contracts."""
        self.exchange.set_book(
            market_id(Venue.KALSHI, ticker),
            {cents(p): contracts(q) for p, q in bids.items()},
            {cents(p): contracts(q) for p, q in asks.items()},
            self.world.now_ns(),
        )

    def set_level(self, ticker: str, side: BookSide, price: int, qty: int) -> None:
        market = market_id(Venue.KALSHI, ticker)
        now = self.world.now_ns()
        self.exchange.set_level(market, side, cents(price), contracts(qty), now)

    def resolve(self, ticker: str, payout: int) -> None:
        """Close, determine and settle a market; ``payout`` in cents of one YES."""
        market, now = market_id(Venue.KALSHI, ticker), self.world.now_ns()
        self.exchange.change_status(market, MarketStatus.CLOSED, now)
        self.exchange.change_status(market, MarketStatus.DETERMINED, now, cents(payout))
        self.exchange.change_status(market, MarketStatus.SETTLED, now)

    async def instruments(self) -> dict[str, Instrument]:
        listed = self.venue.catalogue.list_markets()
        return {m.instrument.native_id: m.instrument async for m in listed}


def new_key() -> tuple[str, ed25519.Ed25519PublicKey]:
    key = ed25519.Ed25519PrivateKey.generate()
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return pem.decode(), key.public_key()


@asynccontextmanager
async def kalshi_lab(cash: int = 1000, tier: str = "basic") -> AsyncIterator[Lab]:
    """Run a server on a free loopback port; the member has ``cash`` dollars on each shard."""
    world = World(StillLife())
    world.start()
    exchange = world.exchanges[Venue.KALSHI]
    for shard in (0, 2, 3):
        exchange.deposit(ACCOUNT, UsdMicros(cash * 1_000_000), shard)
    pem, public_key = new_key()
    directory = AccountDirectory([KalshiAccount(ACCOUNT, KEY_ID, public_key, ())], [])
    app = create_app(world, exchange, directory, tier=TIERS[tier])
    runner = web.AppRunner(app, shutdown_timeout=0.5)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    endpoints = choose_endpoints(
        VenueSet.SIM, f"http://{host}:{port}", f"ws://{host}:{port}/trade-api/ws/v2"
    )
    venue = connect_kalshi(endpoints, KEY_ID, pem, SystemTime())
    try:
        yield Lab(world, exchange, endpoints, venue, pem)
    finally:
        await venue.close()
        await runner.cleanup()


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
    number: int = 0,
) -> LegTicket:
    """A ticket with the next package number; price in cents, whole contracts."""
    package = derive_package_id(derive_run_id(RunMode.VENUE_SIM, 1), number or next(_numbers))
    clock = SystemTime()
    return LegTicket(
        attempt_id=derive_attempt_id(package, 0, Purpose.OPEN, 0),
        package_id=package,
        leg=0,
        purpose=Purpose.OPEN,
        attempt=0,
        venue=Venue.KALSHI,
        market_id=instrument.market_id,
        outcome=outcome,
        side=side,
        price_limit=cents(price),
        qty=contracts(qty),
        qty_max=contracts(qty),
        tif=tif,
        decided_mono_ns=clock.mono_ns(),
        decided_wall_ns=clock.wall_ns(),
        send_by_mono_ns=clock.mono_ns() + NS_PER_S,
        reduce_only=reduce_only,
        shard=instrument.shard,
    )


def load_public_key(pem: str) -> ed25519.Ed25519PublicKey:
    key = serialization.load_pem_public_key(pem.encode())
    assert isinstance(key, ed25519.Ed25519PublicKey)
    return key

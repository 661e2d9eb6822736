"""The composition root's venues: real feeds joined with real or paper execution."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import structlog
from psycopg_pool import AsyncConnectionPool

from shared.adapters.venues.kalshi.capabilities import choose_endpoints
from shared.adapters.venues.kalshi.venue import connect_kalshi
from shared.adapters.venues.paper.settings import PaperSettings, starting_cash
from shared.adapters.venues.paper.store import PostgresPaperStore
from shared.adapters.venues.paper.venue import PaperVenue
from shared.adapters.venues.polymarket.access import Credentials, Hosts
from shared.adapters.venues.polymarket.account import PolymarketAccount
from shared.adapters.venues.polymarket.execution import PolymarketExecution
from shared.adapters.venues.polymarket.market_data import PolymarketMarketData
from shared.adapters.venues.polymarket.rest import PolymarketRest
from shared.adapters.venues.polymarket_us.capabilities import (
    choose_endpoints as choose_polymarket_us,
)
from shared.adapters.venues.polymarket_us.instruments import terms_of
from shared.adapters.venues.polymarket_us.venue import connect_polymarket_us
from shared.domain.config import DEFAULT_CONFIG
from shared.domain.enums import FillsMode, Venue
from shared.domain.errors import JournalError, StoreError
from shared.domain.ids import AttemptId, MarketId, venue_of
from shared.domain.instrument import Instrument
from shared.domain.units import PriceMicros, UsdMicros
from shared.engine import recovery
from shared.engine.kernel import Kernel
from shared.ports.stores import Row
from shared.ports.venue import Account, Execution, MarketData
from trader_task.clock import SystemClock
from trader_task.order_ids import OrderIds, is_us_order
from trader_task.settings import Settings

InstrumentOf = Callable[[MarketId], Instrument | None]
Loaded = Mapping[str, Any]
T = TypeVar("T")
WAIT_MAX_S: Final = 15.0

log = structlog.get_logger("bootstrap")


@dataclass(slots=True)
class Venues:
    feeds: dict[Venue, MarketData] = field(default_factory=dict)
    executions: dict[Venue, Execution] = field(default_factory=dict)
    accounts: dict[Venue, Account] = field(default_factory=dict)
    on_resolved: Callable[[MarketId, PriceMicros], Awaitable[None]] | None = None
    wire_errors: Callable[[], Mapping[str, int]] = dict
    warm_ups: list[Callable[[], Awaitable[None]]] = field(default_factory=list)


async def connect_venues(
    settings: Settings,
    kernel: Kernel,
    instrument_of: InstrumentOf,
    clock: SystemClock,
    secrets: Mapping[str, Mapping[str, str]],
    loaded: Loaded,
    oldest_ns: int,
    stack: AsyncExitStack,
) -> Venues:
    """Join real feeds with real or paper execution, at the two venues that are open to us."""
    urls = settings.urls
    endpoints = choose_endpoints(settings.venues, urls.kalshi_url, urls.kalshi_ws_url)
    key = secrets["kalshi"]
    kalshi = connect_kalshi(endpoints, key["key_id"], key["private_key_pem"], clock)
    stack.push_async_callback(kalshi.close)
    venues = Venues(feeds={Venue.KALSHI: kalshi.market_data})
    is_paper = settings.fills is FillsMode.PAPER
    if not is_paper:
        venues.warm_ups.append(kalshi.execution.warm)
        venues.executions[Venue.KALSHI] = kalshi.execution
        venues.accounts[Venue.KALSHI] = kalshi.account
    if settings.second_venue is Venue.POLYMARKET_US:
        errors = await _add_polymarket_us(
            settings, venues, kernel, clock, secrets["polymarket_us"], loaded, stack
        )
    else:
        errors = _add_polymarket(
            settings, venues, instrument_of, clock, secrets["polymarket"], oldest_ns, stack
        )
    venues.wire_errors = lambda: Counter(kalshi.tally.counts) + errors
    if is_paper:
        await _add_paper(settings, venues, kernel, instrument_of, clock, stack)
    return venues


def _add_polymarket(
    settings: Settings,
    venues: Venues,
    instrument_of: InstrumentOf,
    clock: SystemClock,
    secret: Mapping[str, str],
    oldest_ns: int,
    stack: AsyncExitStack,
) -> Counter[str]:
    """Join the international book; returns its counts of wire errors."""
    urls = settings.urls
    hosts = Hosts(
        clob=urls.polymarket_clob_url,
        gamma=urls.polymarket_gamma_url,
        data=urls.polymarket_data_url,
        ws=urls.polymarket_ws_url,
        geoblock=settings.geoblock_url,
    )
    is_paper = settings.fills is FillsMode.PAPER
    credentials = None if is_paper else Credentials.from_secret(secret)
    # One client for feed, orders and account: they share the limits of our address.
    rest = PolymarketRest(hosts, clock, credentials)
    stack.push_async_callback(rest.aclose)
    feed = PolymarketMarketData(hosts, clock, rest)
    venues.feeds[Venue.POLYMARKET] = feed
    if credentials is not None:
        execution = PolymarketExecution(
            hosts,
            credentials,
            clock,
            instrument_of,
            rest=rest,
            sweep_from_wall_ns=oldest_ns,
            is_book_true=feed.is_book_true,
        )
        account = PolymarketAccount(hosts, credentials, clock, instrument_of, rest=rest)
        venues.warm_ups.append(execution.warm)
        venues.executions[Venue.POLYMARKET] = execution
        venues.accounts[Venue.POLYMARKET] = account
    return feed.channel.errors


async def _add_polymarket_us(
    settings: Settings,
    venues: Venues,
    kernel: Kernel,
    clock: SystemClock,
    secret: Mapping[str, str],
    loaded: Loaded,
    stack: AsyncExitStack,
) -> Counter[str]:
    """Join Polymarket US with what earlier processes knew of its orders (its own ids)."""
    urls, is_paper = settings.urls, settings.fills is FillsMode.PAPER
    endpoints = choose_polymarket_us(
        settings.venues,
        urls.polymarket_us_gateway_url,
        urls.polymarket_us_api_url,
        may_trade=not is_paper,
    )
    ids = OrderIds(settings.state_dir / "polymarket_us")
    known = await asyncio.to_thread(ids.read)
    rows: list[Row] = list(loaded.get("orders", ()))
    known |= {AttemptId(r["attempt_id"]): r["order_id"] for r in rows if is_us_order(r)}
    venue = connect_polymarket_us(
        endpoints,
        secret["key_id"],
        secret["secret_key"],
        clock,
        lambda: terms_of(kernel.state.config),
        known_orders=known,
        known_fills=[recovery.fill_from(row)[0] for row in loaded.get("fills", ())],
        remember=ids.keep,
    )
    stack.push_async_callback(venue.close)
    venues.feeds[Venue.POLYMARKET_US] = venue.market_data
    if not is_paper:
        venues.warm_ups.append(venue.execution.warm)
        venues.executions[Venue.POLYMARKET_US] = venue.execution
        venues.accounts[Venue.POLYMARKET_US] = venue.account
    return venue.tally.counts


async def _add_paper(
    settings: Settings,
    venues: Venues,
    kernel: Kernel,
    instrument_of: InstrumentOf,
    clock: SystemClock,
    stack: AsyncExitStack,
) -> None:
    """Let the fill model fill orders against the books that the kernel sees."""
    pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
        settings.dsn, min_size=1, max_size=4, open=False
    )
    await pool.open()
    stack.push_async_callback(pool.close)
    store = PostgresPaperStore(pool)
    cash = UsdMicros(DEFAULT_CONFIG.capital_per_venue_usd_micros)
    papers: dict[Venue, PaperVenue] = {}
    for venue in venues.feeds:
        paper = PaperVenue(
            venue,
            kernel.state.books.get,
            instrument_of,
            clock,
            store,
            PaperSettings(cash_by_shard=starting_cash(venue, cash)),
        )
        await until_answered(paper.open, f"the paper account at {venue.value}")
        papers[venue] = paper
        venues.executions[venue] = paper
        venues.accounts[venue] = paper

    async def on_resolved(market: MarketId, payout: PriceMicros) -> None:
        await papers[venue_of(market)].on_resolved(market, payout)

    venues.on_resolved = on_resolved


async def until_answered(work: Callable[[], Awaitable[T]], what: str) -> T:
    """Repeat until a store answers, after 0.5 → 15 s."""
    pause = 0.5
    while True:
        try:
            return await work()
        except (StoreError, JournalError) as error:
            log.warning("waiting at start", what=what, error=str(error))
            await asyncio.sleep(pause)
            pause = min(pause * 2, WAIT_MAX_S)

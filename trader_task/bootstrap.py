"""The composition root of the trader: the only place where adapters are made.

Everything else in this process sees ports. What differs between modes is decided here and
nowhere else: paper fills against the real feed, or orders to the venues.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import structlog
from psycopg_pool import AsyncConnectionPool

from shared.adapters.aws.eventbridge import EventBridgeBus
from shared.adapters.aws.s3 import S3Objects
from shared.adapters.aws.secrets import SecretsManager
from shared.adapters.aws.sqs import SqsCommandQueue
from shared.adapters.stores.dynamodb_flags import DynamoFlags
from shared.adapters.stores.postgres_catalogue import PostgresCatalogue
from shared.adapters.stores.postgres_config import PostgresConfig
from shared.adapters.stores.postgres_control import PostgresControl
from shared.adapters.stores.postgres_engine import open_engine
from shared.adapters.stores.postgres_exports import PostgresExports
from shared.adapters.stores.postgres_journal import PostgresJournal
from shared.adapters.stores.postgres_matching import PostgresMatching
from shared.adapters.stores.postgres_views import PostgresViews
from shared.adapters.venues.documents import DocumentFolder, HttpDocuments
from shared.adapters.venues.kalshi import published as kalshi_published
from shared.adapters.venues.kalshi.account import KalshiAccount
from shared.adapters.venues.kalshi.capabilities import choose_endpoints
from shared.adapters.venues.kalshi.venue import connect_kalshi
from shared.adapters.venues.paper.settings import PaperSettings, starting_cash
from shared.adapters.venues.paper.store import PostgresPaperStore
from shared.adapters.venues.paper.venue import PaperVenue
from shared.adapters.venues.polymarket import published as polymarket_published
from shared.adapters.venues.polymarket.access import Credentials, Hosts
from shared.adapters.venues.polymarket.account import PolymarketAccount
from shared.adapters.venues.polymarket.execution import PolymarketExecution
from shared.adapters.venues.polymarket.market_data import PolymarketMarketData
from shared.adapters.venues.polymarket.order_rows import encode_order_row
from shared.adapters.venues.polymarket.rest import PolymarketRest
from shared.adapters.venues.polymarket_us import published as polymarket_us_published
from shared.adapters.venues.polymarket_us.capabilities import (
    choose_endpoints as choose_polymarket_us,
)
from shared.adapters.venues.polymarket_us.instruments import terms_of
from shared.adapters.venues.polymarket_us.venue import connect_polymarket_us
from shared.contracts import config_v1, names
from shared.domain.config import DEFAULT_CONFIG, Config
from shared.domain.eligibility import closed_venues
from shared.domain.enums import FillsMode, Venue, VenueSet
from shared.domain.errors import (
    ConfigError,
    DomainError,
    JournalError,
    NotAvailableError,
    StoreError,
)
from shared.domain.events import EventBody
from shared.domain.ids import AttemptId, MarketId, venue_of
from shared.domain.instrument import Instrument
from shared.domain.units import NS_PER_S, PriceMicros, UsdMicros
from shared.engine import recovery
from shared.engine.kernel import Kernel
from shared.engine.metrics import gauges
from shared.engine.view import live_snapshot
from shared.ports.language_model import Embedder
from shared.ports.stores import Row
from shared.ports.venue import Account, Execution, MarketData
from shared.services.drift_watch import DriftWatch
from shared.services.statistics import hedge_bound_ppm
from trader_task.build_identity import build_name, schema_name
from trader_task.clock import SystemClock
from trader_task.command_stores import CommandStores
from trader_task.order_ids import OrderIds, is_us_order
from trader_task.outside import Outside
from trader_task.settings import Settings
from trader_task.start_checks import (
    account_check,
    geoblock_check,
    jurisdiction_check,
    key_check,
)
from trader_task.trader import Trader
from trader_task.venue_report import find_obstacles, load_report

log = structlog.get_logger("bootstrap")

SWEEP_MARGIN_NS: Final = 600 * NS_PER_S
"""The venues' records are read from ten minutes before the oldest open package."""
WAIT_MAX_S: Final = 15.0

T = TypeVar("T")
InstrumentOf = Callable[[MarketId], Instrument | None]
Loaded = Mapping[str, Any]


@dataclass(slots=True)
class _Venues:
    feeds: dict[Venue, MarketData] = field(default_factory=dict)
    executions: dict[Venue, Execution] = field(default_factory=dict)
    accounts: dict[Venue, Account] = field(default_factory=dict)
    on_resolved: Callable[[MarketId, PriceMicros], Awaitable[None]] | None = None
    wire_errors: Callable[[], Mapping[str, int]] = dict
    warm_ups: list[Callable[[], Awaitable[None]]] = field(default_factory=list)


class _Instruments:
    """The instruments that the catalogue watch knows, reachable before it exists."""

    def __init__(self) -> None:
        self._lookup: InstrumentOf = lambda market: None

    def set(self, lookup: InstrumentOf) -> None:
        self._lookup = lookup

    def of(self, market: MarketId) -> Instrument | None:
        return self._lookup(market)


async def build_trader(
    settings: Settings, *, holder: str, is_handover: bool, is_crash_loop: bool
) -> Trader:
    """Make every adapter and the trader over them; nothing is sent yet.

    Raises:
        ConfigError, NotAvailableError: this trader must not start; the supervisor gives up.
    """
    clock, build = SystemClock(), build_name()
    if settings.mode.is_real_money:
        refuse_unproven(settings, build, clock.wall_ns())
    stack = AsyncExitStack()
    journal = PostgresJournal(settings.dsn)
    stack.push_async_callback(journal.close)
    engine = open_engine(settings.dsn, pool_size=4)
    stack.callback(engine.dispose)
    control = PostgresControl(settings.dsn, engine=engine)
    catalogue = PostgresCatalogue(settings.dsn, engine=engine)
    configs = PostgresConfig(settings.dsn, engine=engine)
    loaded = await _until(journal.load_open, "the record")
    oldest_ns = _oldest_open_ns(loaded, clock)
    kernel = Kernel(build)
    instruments = _Instruments()
    secrets = await _until(lambda: _read_secrets(settings), "the venue keys")
    venues = await _connect_venues(
        settings, kernel, instruments.of, clock, secrets, loaded, oldest_ns, stack
    )
    late_sink: list[Callable[[EventBody], None]] = []
    checks = _start_checks(settings, venues, clock, lambda body: late_sink[0](body))
    outside = Outside(
        clock=clock,
        kernel=kernel,
        journal=journal,
        flags=DynamoFlags(settings.stage),
        control=control,
        proofs=catalogue,
        catalogue=catalogue,
        configs=configs,
        to_config=_to_config,
        queue=SqsCommandQueue(settings.stage),
        bus=EventBridgeBus(settings.stage),
        feeds=venues.feeds,
        executions=venues.executions,
        accounts=venues.accounts,
        payouts_since_ns=oldest_ns,
        take_snapshot=lambda wall_ns: live_snapshot(
            kernel, clock.mono_ns(), wall_ns, hedge_bound_ppm
        ),
        gauges=lambda: gauges(kernel) | _labelled("wire_errors", venues.wire_errors()),
        books=lambda: kernel.state.books,
        on_resolved=venues.on_resolved,
        start_checks=checks,
        close=stack.aclose,
        set_instruments=instruments.set,
        segments=S3Objects(settings.stage, "events") if settings.event_log == "s3" else None,
        results=PostgresMatching(settings.dsn, engine=engine),
        drift=_drift_watch(settings, clock),
        halts=lambda: tuple(kernel.state.halts.values()),
        is_wanted=kernel.state.is_wanted,
    )
    trader = Trader(
        settings,
        outside,
        holder=holder,
        build=build,
        versions={"build": build, "schema": schema_name(), "mode": settings.mode.value},
        is_handover=is_handover,
        is_crash_loop=is_crash_loop,
    )
    late_sink.append(trader.hearing.hear)
    return trader


def _drift_watch(settings: Settings, clock: SystemClock) -> DriftWatch | None:
    """Watch what the real venues publish; simulators publish nothing."""
    if settings.venues is VenueSet.SIM:
        return None
    folder = DocumentFolder(settings.state_dir / "documents")
    is_us = settings.second_venue is Venue.POLYMARKET_US
    second = polymarket_us_published if is_us else polymarket_published
    documents = (*kalshi_published.DOCUMENTS, *second.DOCUMENTS)
    return DriftWatch(documents, HttpDocuments(), folder, clock)


def refuse_unproven(settings: Settings, build: str, wall_ns: int) -> None:
    """Refuse real money unless today's check passed, the probe answered and a person agreed.

    Raises:
        NotAvailableError: every reason against, in one line.
    """
    report = load_report(settings.state_dir, VenueSet.LIVE)
    obstacles = find_obstacles(report, build, wall_ns, settings.environment)
    if not settings.jurisdiction:
        obstacles.append("TWINLEG_JURISDICTION is not set")
    if obstacles:
        raise NotAvailableError(f"real money is refused: {'; '.join(obstacles)}")


def _start_checks(
    settings: Settings, venues: _Venues, clock: SystemClock, sink: Callable[[EventBody], None]
) -> list[Callable[[], Awaitable[None]]]:
    """Return what must be answered before opening, in this mode."""
    where = jurisdiction_check(
        settings.jurisdiction,
        (*venues.executions, *closed_venues(settings.jurisdiction)),
        clock,
        sink,
        must_be_stated=settings.mode.is_real_money,
    )
    checks = [where, *venues.warm_ups]
    member = venues.accounts.get(Venue.KALSHI)
    if isinstance(member, KalshiAccount):
        checks.append(key_check(Venue.KALSHI, member.read_key, clock, sink))
    account = venues.accounts.get(Venue.POLYMARKET)
    if isinstance(account, PolymarketAccount):
        checks.append(account_check(account.read_state, clock, sink))
    elif account is not None and settings.geoblock_url:
        checks.append(geoblock_check(settings.geoblock_url, clock, sink))
    return checks


async def _connect_venues(
    settings: Settings,
    kernel: Kernel,
    instrument_of: InstrumentOf,
    clock: SystemClock,
    secrets: Mapping[str, Mapping[str, str]],
    loaded: Loaded,
    oldest_ns: int,
    stack: AsyncExitStack,
) -> _Venues:
    """Join real feeds with real or paper execution, at the two venues that are open to us."""
    urls = settings.urls
    endpoints = choose_endpoints(settings.venues, urls.kalshi_url, urls.kalshi_ws_url)
    key = secrets["kalshi"]
    kalshi = connect_kalshi(endpoints, key["key_id"], key["private_key_pem"], clock)
    stack.push_async_callback(kalshi.close)
    venues = _Venues(feeds={Venue.KALSHI: kalshi.market_data})
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
    venues: _Venues,
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
    venues: _Venues,
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
    venues: _Venues,
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
        await _until(paper.open, f"the paper account at {venue.value}")
        papers[venue] = paper
        venues.executions[venue] = paper
        venues.accounts[venue] = paper

    async def on_resolved(market: MarketId, payout: PriceMicros) -> None:
        await papers[venue_of(market)].on_resolved(market, payout)

    venues.on_resolved = on_resolved


def open_command_stores(environment: Mapping[str, str]) -> CommandStores:
    """Make the stores that commands use.

    Raises:
        ConfigError: the database is not known; nothing has been started here.
    """
    dsn = environment.get("TWINLEG_DSN", "")
    if not dsn:
        raise ConfigError("the database is not known: start with `twinleg up`")
    stage = environment.get("TWINLEG_STAGE", "local")
    engine = open_engine(dsn)
    return CommandStores(
        stage=stage,
        flags=DynamoFlags(stage),
        control=PostgresControl(dsn, engine=engine),
        configs=PostgresConfig(dsn, engine=engine),
        queue=SqsCommandQueue(stage),
        views=PostgresViews(dsn, engine=engine),
        exports=PostgresExports(dsn, engine=engine),
        secrets=SecretsManager(stage),
        catalogue=PostgresCatalogue(dsn, engine=engine),
        matching=PostgresMatching(dsn, engine=engine),
    )


def order_encoder(
    environment: Mapping[str, str],
) -> Callable[[Mapping[str, Any]], Mapping[str, str]]:
    """Return the encoder of ``orders encode``; it refuses keys of a configured account."""
    configured = ""
    if environment.get("AWS_ENDPOINT_URL") and environment.get("TWINLEG_STAGE"):
        stage = environment["TWINLEG_STAGE"]
        try:
            secret = SecretsManager(stage).read(names.secret(stage, "polymarket"))
            configured = secret.get("private_key", "").removeprefix("0x").lower()
        except StoreError as error:
            log.warning("configured accounts unknown", error=str(error))

    def encode(row: Mapping[str, Any]) -> Mapping[str, str]:
        given = str(row.get("private_key", "")).removeprefix("0x").lower()
        if configured and given == configured:
            raise DomainError("this key belongs to a configured account")
        return encode_order_row(row)

    return encode


def word_embedder() -> Embedder:
    """Return the local embeddings of the matcher; about 0.3 s and 50 MB."""
    from shared.adapters.llm.wordllama_embedder import WordLlamaEmbedder

    return WordLlamaEmbedder()


def _oldest_open_ns(loaded: Loaded, clock: SystemClock) -> int:
    """Return the wall time from which the venues' records must be read."""
    packages: list[Row] = list(loaded.get("packages", ()))
    oldest = min((int(row["created_wall_ns"]) for row in packages), default=clock.wall_ns())
    return oldest - SWEEP_MARGIN_NS


async def _read_secrets(settings: Settings) -> dict[str, Mapping[str, str]]:
    """Read the venue keys; values go nowhere but into the adapters (I-27)."""
    store = SecretsManager(settings.stage)

    def read() -> dict[str, Mapping[str, str]]:
        wanted = (Venue.KALSHI.value, settings.second_venue.value)
        return {n: store.read(names.secret(settings.stage, n)) for n in wanted}

    return await asyncio.to_thread(read)


async def _until(work: Callable[[], Awaitable[T]], what: str) -> T:
    """Repeat until a store answers, after 0.5 → 15 s."""
    pause = 0.5
    while True:
        try:
            return await work()
        except (StoreError, JournalError) as error:
            log.warning("waiting at start", what=what, error=str(error))
            await asyncio.sleep(pause)
            pause = min(pause * 2, WAIT_MAX_S)


def _to_config(version: int, document: Mapping[str, Any]) -> Config:
    config = config_v1.parse(document, version)
    if config.version != version:
        raise ConfigError(f"version {version} parsed as {config.version}")
    return config


def _labelled(name: str, counts: Mapping[str, int]) -> dict[str, float]:
    return {f'{name}{{kind="{kind}"}}': float(count) for kind, count in counts.items()}

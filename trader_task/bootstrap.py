"""The composition root of the trader: the only place where adapters are made.

Everything else in this process sees ports. What differs between modes is decided here and
nowhere else: paper fills against the real feed, or orders to the venues.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, Final

import structlog

from shared.adapters.aws.eventbridge import EventBridgeBus
from shared.adapters.aws.s3 import S3Objects
from shared.adapters.aws.secrets import SecretsManager
from shared.adapters.aws.sqs import SqsCommandQueue
from shared.adapters.stores.dynamodb_flags import DynamoFlags
from shared.adapters.stores.postgres_catalogue import PostgresCatalogue
from shared.adapters.stores.postgres_config import PostgresConfig
from shared.adapters.stores.postgres_control import PostgresControl
from shared.adapters.stores.postgres_engine import open_engine
from shared.adapters.stores.postgres_journal import PostgresJournal
from shared.adapters.stores.postgres_matching import PostgresMatching
from shared.adapters.venues.documents import DocumentFolder, HttpDocuments
from shared.adapters.venues.kalshi import published as kalshi_published
from shared.adapters.venues.kalshi.account import KalshiAccount
from shared.adapters.venues.polymarket import published as polymarket_published
from shared.adapters.venues.polymarket.account import PolymarketAccount
from shared.adapters.venues.polymarket_us import published as polymarket_us_published
from shared.contracts import config_v1, names
from shared.domain.config import Config
from shared.domain.eligibility import closed_venues
from shared.domain.enums import Venue, VenueSet
from shared.domain.errors import (
    ConfigError,
    NotAvailableError,
)
from shared.domain.events import EventBody
from shared.domain.ids import MarketId
from shared.domain.instrument import Instrument
from shared.domain.units import NS_PER_S
from shared.engine import last_gate
from shared.engine.kernel import Kernel
from shared.engine.metrics import gauges
from shared.engine.view import live_snapshot
from shared.ports.stores import Row
from shared.services.drift_watch import DriftWatch
from shared.services.statistics import hedge_bound_ppm
from trader_task.bootstrap_venues import (
    InstrumentOf,
    Loaded,
    Venues,
    connect_venues,
    until_answered,
)
from trader_task.build_identity import build_name, schema_name
from trader_task.clock import SystemClock
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
    loaded = await until_answered(journal.load_open, "the record")
    oldest_ns = _oldest_open_ns(loaded, clock)
    kernel = Kernel(build)
    instruments = _Instruments()
    secrets = await until_answered(lambda: _read_secrets(settings), "the venue keys")
    venues = await connect_venues(
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
        unfit=partial(last_gate.unfit, kernel.state),
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
    settings: Settings, venues: Venues, clock: SystemClock, sink: Callable[[EventBody], None]
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


def _to_config(version: int, document: Mapping[str, Any]) -> Config:
    config = config_v1.parse(document, version)
    if config.version != version:
        raise ConfigError(f"version {version} parsed as {config.version}")
    return config


def _labelled(name: str, counts: Mapping[str, int]) -> dict[str, float]:
    return {f'{name}{{kind="{kind}"}}': float(count) for kind, count in counts.items()}

"""Composition root of the functions: the one place here that constructs adapters.

Imports of adapters stand inside the builders, so that a function loads only what it uses:
the authoriser must not pay for the database driver.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambdas.settings import Settings, load_settings
from lambdas.system_clock import SystemClock
from shared.contracts import names
from shared.domain.enums import Venue

if TYPE_CHECKING:
    from shared.adapters.aws.secrets import SecretsManager
    from shared.adapters.aws.sqs import SqsCommandQueue
    from shared.adapters.stores.dynamodb_flags import DynamoFlags
    from shared.adapters.stores.dynamodb_sessions import DynamoSessions
    from shared.adapters.stores.postgres_catalogue import PostgresCatalogue
    from shared.adapters.stores.postgres_control import PostgresControl
    from shared.adapters.stores.postgres_matching import PostgresMatching
    from shared.adapters.stores.postgres_views import PostgresViews
    from shared.adapters.venues.polymarket.catalogue import PolymarketCatalogue
    from shared.adapters.venues.polymarket_us.catalogue import PolymarketUsCatalogue
    from shared.ports.event_log import ObjectStore
    from shared.ports.language_model import Embedder, Ranker
    from shared.ports.stores import ConfigStore
    from shared.ports.venue import CatalogueSource


@dataclass(frozen=True, slots=True)
class Authorising:
    """What ``authorise_session`` needs."""

    settings: Settings
    sessions: DynamoSessions


@dataclass(frozen=True, slots=True)
class Dashboard:
    """What ``dashboard_api`` needs."""

    settings: Settings
    session_secret: str
    secrets: SecretsManager
    sessions: DynamoSessions
    flags: DynamoFlags
    views: PostgresViews
    control: PostgresControl
    commands: SqsCommandQueue


@dataclass(frozen=True, slots=True)
class Matching:
    """What ``confirm_pairs`` and ``refresh_fees`` need."""

    settings: Settings
    catalogue: PostgresCatalogue
    flags: DynamoFlags
    commands: SqsCommandQueue
    configs: ConfigStore
    record: PostgresMatching
    objects: ObjectStore


@dataclass(frozen=True, slots=True)
class Crawling:
    """What the steps of ``matching`` before ``confirm_pairs`` need."""

    catalogue: PostgresCatalogue
    record: PostgresMatching
    configs: ConfigStore
    objects: ObjectStore


@functools.cache
def settings() -> Settings:
    return load_settings()


@functools.cache
def authorising() -> Authorising:
    from shared.adapters.stores.dynamodb_sessions import DynamoSessions

    known = settings()
    return Authorising(known, DynamoSessions(known.stage))


@functools.cache
def dashboard() -> Dashboard:
    from shared.adapters.aws.secrets import SecretsManager
    from shared.adapters.aws.sqs import SqsCommandQueue
    from shared.adapters.stores.dynamodb_flags import DynamoFlags
    from shared.adapters.stores.dynamodb_sessions import DynamoSessions
    from shared.adapters.stores.postgres_control import PostgresControl
    from shared.adapters.stores.postgres_engine import open_engine
    from shared.adapters.stores.postgres_views import PostgresViews

    known = settings()
    engine = open_engine(dsn())
    return Dashboard(
        settings=known,
        session_secret=names.secret(known.stage, "session"),
        secrets=SecretsManager(known.stage),
        sessions=DynamoSessions(known.stage),
        flags=DynamoFlags(known.stage),
        views=PostgresViews(dsn(), engine=engine),
        control=PostgresControl(dsn(), engine=engine),
        commands=SqsCommandQueue(known.stage),
    )


@functools.cache
def matching() -> Matching:
    from shared.adapters.aws.sqs import SqsCommandQueue
    from shared.adapters.stores.dynamodb_flags import DynamoFlags
    from shared.adapters.stores.postgres_config import PostgresConfig

    known = settings()
    return Matching(
        known,
        catalogue_store(),
        DynamoFlags(known.stage),
        SqsCommandQueue(known.stage),
        PostgresConfig(dsn()),
        pair_record(),
        artefacts(),
    )


@functools.cache
def crawling() -> Crawling:
    from shared.adapters.stores.postgres_config import PostgresConfig

    return Crawling(catalogue_store(), pair_record(), PostgresConfig(dsn()), artefacts())


@functools.cache
def artefacts() -> ObjectStore:
    from shared.adapters.aws.s3 import S3Objects

    known = settings()
    return S3Objects(known.stage, "artefacts", account=known.account)


@functools.cache
def pair_record() -> PostgresMatching:
    from shared.adapters.stores.postgres_matching import PostgresMatching

    return PostgresMatching(dsn())


@functools.cache
def embedder() -> Embedder:
    from shared.adapters.llm.wordllama_embedder import WordLlamaEmbedder

    return WordLlamaEmbedder()


def ranker() -> Ranker | None:
    """Return the language model's ranker, None where no key of one is stored.

    The secret holds a key by provider, and ``<provider>_url`` where it is not the usual one.
    Made anew for each run: its connections belong to the run's event loop.
    """
    from shared.adapters.aws.secrets import SecretsManager
    from shared.adapters.llm.openai_ranker import OpenAiRanker, providers
    from shared.adapters.llm.opinion_objects import ObjectOpinions
    from shared.adapters.stores.dynamodb_budget import DynamoTokenBudget

    known = settings()
    name, secrets = names.secret(known.stage, "llm"), SecretsManager(known.stage)
    if not secrets.exists(name):
        return None
    fields = dict(secrets.read(name))
    urls = {key[: -len("_url")]: url for key, url in fields.items() if key.endswith("_url")}
    asked = providers(fields, urls)
    if not asked:
        return None
    cache, budget = ObjectOpinions(artefacts()), DynamoTokenBudget(known.stage)
    return OpenAiRanker(asked, cache, budget, clock())


@contextlib.asynccontextmanager
async def catalogue_sources() -> AsyncIterator[tuple[CatalogueSource, ...]]:
    """Open the catalogues of the operator's two venues; their connections belong to its loop.

    Listing needs no key on any venue, so none is read.
    """
    from shared.adapters.venues.kalshi.capabilities import choose_endpoints
    from shared.adapters.venues.kalshi.catalogue import KalshiCatalogue
    from shared.adapters.venues.kalshi.errors import WireTally
    from shared.adapters.venues.kalshi.rest import KalshiRest

    known = settings()
    tally = WireTally()
    endpoints = choose_endpoints(known.venue_set, known.kalshi_url, known.kalshi_ws_url)
    rest = KalshiRest(endpoints, None, clock(), tally)
    second = _second_catalogue(known)
    try:
        yield (KalshiCatalogue(rest, tally), second)
    finally:
        await rest.close()
        await second.aclose()


def _second_catalogue(known: Settings) -> PolymarketCatalogue | PolymarketUsCatalogue:
    """Return the catalogue of the venue beside Kalshi that is open to the operator."""
    if known.second_venue is Venue.POLYMARKET_US:
        from shared.adapters.stores.postgres_config import PostgresConfig
        from shared.adapters.venues.polymarket_us.capabilities import choose_endpoints
        from shared.adapters.venues.polymarket_us.catalogue import connect_polymarket_us_catalogue
        from shared.adapters.venues.polymarket_us.instruments import terms_of
        from shared.services import configuration

        endpoints = choose_endpoints(
            known.venue_set,
            known.polymarket_us_gateway_url,
            known.polymarket_us_api_url,
            may_trade=False,
        )
        terms = terms_of(configuration.load(PostgresConfig(dsn())))
        return connect_polymarket_us_catalogue(endpoints, clock(), lambda: terms)
    from shared.adapters.venues.polymarket.catalogue import PolymarketCatalogue
    from shared.adapters.venues.polymarket.rest import Hosts

    hosts = Hosts(
        clob=known.polymarket_clob_url,
        gamma=known.polymarket_gamma_url,
        data=known.polymarket_data_url,
        ws=known.polymarket_ws_url,
        geoblock="",
    )
    return PolymarketCatalogue(hosts, clock())


@functools.cache
def catalogue_store() -> PostgresCatalogue:
    from shared.adapters.stores.postgres_catalogue import PostgresCatalogue

    return PostgresCatalogue(dsn())


@functools.cache
def clock() -> SystemClock:
    return SystemClock()


@functools.cache
def dsn() -> str:
    """Return the address of the record; outside one machine it is a secret."""
    known = settings()
    if known.dsn:
        return known.dsn
    from shared.adapters.aws.secrets import SecretsManager

    return SecretsManager(known.stage).read(known.dsn_secret)["dsn"]

"""The composition root of a person's commands: the stores that they read and write."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import structlog

from shared.adapters.aws.secrets import SecretsManager
from shared.adapters.aws.sqs import SqsCommandQueue
from shared.adapters.stores.dynamodb_flags import DynamoFlags
from shared.adapters.stores.postgres_catalogue import PostgresCatalogue
from shared.adapters.stores.postgres_config import PostgresConfig
from shared.adapters.stores.postgres_control import PostgresControl
from shared.adapters.stores.postgres_engine import open_engine
from shared.adapters.stores.postgres_exports import PostgresExports
from shared.adapters.stores.postgres_matching import PostgresMatching
from shared.adapters.stores.postgres_views import PostgresViews
from shared.adapters.venues.polymarket.order_rows import encode_order_row
from shared.contracts import names
from shared.domain.errors import (
    ConfigError,
    DomainError,
    StoreError,
)
from shared.ports.language_model import Embedder
from trader_task.command_stores import CommandStores

log = structlog.get_logger("bootstrap")


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

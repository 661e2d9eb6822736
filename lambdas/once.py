"""Runs a step once for a key, whoever retries it: idempotency by powertools over DynamoDB.

A repeat within the hour gets the first answer; a failed attempt leaves nothing behind, so
that the retry of a state machine works again.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final

from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas import bootstrap
from shared.contracts import names

KEEP_S: Final = 3_600


@functools.cache
def _layer(stage: str) -> DynamoDBPersistenceLayer:
    return DynamoDBPersistenceLayer(
        table_name=names.table(stage, "idempotency"), key_attr="id", expiry_attr="expiration"
    )


def once(
    step: str, key: str, context: LambdaContext, work: Callable[[], dict[str, Any]]
) -> dict[str, Any]:
    """Return what ``work`` answers for ``key`` of ``step``: now, or when it first ran."""
    assert step and key
    config = IdempotencyConfig(expires_after_seconds=KEEP_S, lambda_context=context)

    def run(*, data: dict[str, str]) -> dict[str, Any]:
        assert data["key"] == key
        return work()

    wrapped = idempotent_function(
        run,
        data_keyword_argument="data",
        persistence_store=_layer(bootstrap.settings().stage),
        config=config,
        key_prefix=step,
    )
    answer: dict[str, Any] = wrapped(data={"key": key})
    return answer

"""The DynamoDB tables that the stores need, for tests that do not deploy the stacks."""

from __future__ import annotations

from typing import Any

from shared.contracts import names


def create_tables(client: Any, stage: str) -> None:
    for name in ("flags", "sessions", "rate_tokens"):
        client.create_table(
            TableName=names.table(stage, name),
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )

"""Dashboard sessions in DynamoDB: hashes of tokens, keys used once, counters. Sync.

A token itself is never stored: callers give its SHA-256. DynamoDB deletes expired items
late, so every reader checks ``expires_ns`` itself.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from shared.adapters.aws.clients import CONDITION_FAILED, as_store_error, code_of, make_client
from shared.contracts import names
from shared.domain.errors import StoreError
from shared.domain.units import NS_PER_S

_SESSION: Final = "session#"
_ONCE: Final = "once#"
_COUNT: Final = "count#"
_KEEP_S: Final = 3600


@dataclass(frozen=True, slots=True)
class StoredSession:
    token_hash: str
    actor: str
    csrf: str
    created_ns: int
    expires_ns: int


class DynamoSessions:
    """Sessions, one-time keys and attempt counters over the table ``sessions``."""

    def __init__(self, stage: str, *, client: Any = None) -> None:
        self._table = names.table(stage, "sessions")
        self._client = client or make_client("dynamodb")

    def create(self, token_hash: str, actor: str, csrf: str, expires_ns: int) -> None:
        """Store a session; raises StoreError when the hash is already there."""
        assert len(token_hash) == 64 and actor and csrf
        item = {
            "pk": {"S": f"{_SESSION}{token_hash}"},
            "actor": {"S": actor},
            "csrf": {"S": csrf},
            "created_ns": {"N": str(time.time_ns())},
            "expires_ns": {"N": str(expires_ns)},
            "expires_at": {"N": str(expires_ns // NS_PER_S + 1)},
        }
        with as_store_error("session"):
            self._client.put_item(
                TableName=self._table, Item=item, ConditionExpression="attribute_not_exists(pk)"
            )

    def get(self, token_hash: str) -> StoredSession | None:
        """Return a stored session, which may have ended: compare ``expires_ns``."""
        with as_store_error("session"):
            answer = self._client.get_item(
                TableName=self._table,
                Key={"pk": {"S": f"{_SESSION}{token_hash}"}},
                ConsistentRead=True,
            )
        item = answer.get("Item")
        if item is None:
            return None
        return StoredSession(
            token_hash=token_hash,
            actor=item["actor"]["S"],
            csrf=item["csrf"]["S"],
            created_ns=int(item["created_ns"]["N"]),
            expires_ns=int(item["expires_ns"]["N"]),
        )

    def delete(self, token_hash: str) -> None:
        """End a session; one that is not there is no error."""
        with as_store_error("session"):
            self._client.delete_item(
                TableName=self._table, Key={"pk": {"S": f"{_SESSION}{token_hash}"}}
            )

    def use_once(self, key: str, expires_ns: int) -> bool:
        """Return True for the first caller of a key and False for every later one.

        ``expires_ns`` is when the key becomes worthless by itself.
        """
        item = {
            "pk": {"S": f"{_ONCE}{key}"},
            "expires_at": {"N": str(expires_ns // NS_PER_S + _KEEP_S)},
        }
        try:
            with as_store_error("one-time key"):
                self._client.put_item(
                    TableName=self._table, Item=item, ConditionExpression="attribute_not_exists(pk)"
                )
        except StoreError as error:
            cause = error.__cause__
            if isinstance(cause, ClientError) and code_of(cause) == CONDITION_FAILED:
                return False
            raise
        return True

    def count(self, key: str, window_s: int) -> int:
        """Add one to a counter of the running window of ``window_s`` seconds; return it."""
        assert window_s > 0
        window = int(time.time()) // window_s
        with as_store_error("counter"):
            answer = self._client.update_item(
                TableName=self._table,
                Key={"pk": {"S": f"{_COUNT}{key}#{window}"}},
                UpdateExpression="ADD tries :one SET expires_at = :end",
                ExpressionAttributeValues={
                    ":one": {"N": "1"},
                    ":end": {"N": str((window + 1) * window_s + _KEEP_S)},
                },
                ReturnValues="UPDATED_NEW",
            )
        return int(answer["Attributes"]["tries"]["N"])

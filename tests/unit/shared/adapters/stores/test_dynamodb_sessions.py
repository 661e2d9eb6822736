"""Sessions, one-time keys and counters."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from shared.adapters.stores import dynamodb_sessions as module
from shared.adapters.stores.dynamodb_sessions import DynamoSessions
from shared.contracts import names
from shared.domain.errors import StoreError
from tests.support.flag_tables import create_tables

TOKEN = "a-token-that-is-never-stored"
HASH = hashlib.sha256(TOKEN.encode()).hexdigest()


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        made = boto3.client("dynamodb", region_name="eu-west-1")
        create_tables(made, "test")
        yield made


def test_a_session_lives_until_deleted(client: object) -> None:
    sessions = DynamoSessions("test", client=client)
    assert sessions.get(HASH) is None
    sessions.create(HASH, "operator", "csrf-1", 5_000_000_000)
    stored = sessions.get(HASH)
    assert stored is not None
    assert (stored.actor, stored.csrf, stored.expires_ns) == ("operator", "csrf-1", 5_000_000_000)
    sessions.delete(HASH)
    sessions.delete(HASH)
    assert sessions.get(HASH) is None


def test_a_hash_is_never_given_to_a_second_session(client: object) -> None:
    sessions = DynamoSessions("test", client=client)
    sessions.create(HASH, "operator", "csrf-1", 5)
    with pytest.raises(StoreError):
        sessions.create(HASH, "intruder", "csrf-2", 9)


def test_no_item_holds_the_token_and_all_expire(client: object) -> None:
    sessions = DynamoSessions("test", client=client)
    sessions.create(HASH, "operator", "csrf-1", 5_500_000_000)
    sessions.use_once("code", 9_000_000_000)
    sessions.count("login", 60)
    items = client.scan(TableName=names.table("test", "sessions"))["Items"]  # type: ignore[attr-defined]
    assert len(items) == 3
    assert TOKEN not in str(items)
    assert all(int(item["expires_at"]["N"]) > 0 for item in items)


def test_a_one_time_key_works_once(client: object) -> None:
    sessions = DynamoSessions("test", client=client)
    assert [sessions.use_once("code-1", 9) for _ in range(3)] == [True, False, False]
    assert sessions.use_once("code-2", 9)


def test_counters_count_within_their_window(
    client: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions = DynamoSessions("test", client=client)
    monkeypatch.setattr(module.time, "time", lambda: 600.0)
    assert [sessions.count("login", 60) for _ in range(3)] == [1, 2, 3]
    assert sessions.count("other", 60) == 1
    monkeypatch.setattr(module.time, "time", lambda: 660.0)
    assert sessions.count("login", 60) == 1

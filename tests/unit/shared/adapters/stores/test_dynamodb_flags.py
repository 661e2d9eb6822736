"""Lease, halts, pointers and snapshot: the same rules in DynamoDB and in memory."""

from __future__ import annotations

import os
from collections.abc import Iterator

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError
from moto import mock_aws

from shared.adapters.stores.dynamodb_flags import HALTS_PK, PART_BYTES, DynamoFlags
from shared.adapters.stores.memory import MemoryFlags
from shared.contracts import names
from shared.domain.enums import HaltReason
from shared.domain.errors import StoreError
from shared.domain.events import Halt
from tests.support.flag_tables import create_tables

Flags = DynamoFlags | MemoryFlags


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        made = boto3.client("dynamodb", region_name="eu-west-1")
        create_tables(made, "test")
        yield made


@pytest.fixture(params=["memory", "dynamodb"])
def flags(request: pytest.FixtureRequest) -> Flags:
    if request.param == "memory":
        return MemoryFlags()
    return DynamoFlags("test", client=request.getfixturevalue("client"))


# --- lease -------------------------------------------------------------------------------


def test_the_first_lease_starts_at_the_wanted_epoch(flags: Flags) -> None:
    assert flags.read_lease() is None
    lease = flags.take_lease(None, "a", "build-1", epoch_min=7)
    assert (lease.epoch, lease.holder, lease.build, lease.is_released) == (7, "a", "build-1", False)
    assert flags.read_lease() == lease


def test_a_lease_is_taken_only_as_it_was_seen(flags: Flags) -> None:
    first = flags.take_lease(None, "a", "b1", 1)
    with pytest.raises(StoreError):
        flags.take_lease(None, "b", "b1", 1)
    renewed = flags.renew_lease(first)
    with pytest.raises(StoreError):
        flags.take_lease(first, "b", "b1", 1)
    taken = flags.take_lease(renewed, "b", "b2", 1)
    assert (taken.epoch, taken.holder) == (2, "b")
    with pytest.raises(StoreError):
        flags.renew_lease(renewed)
    with pytest.raises(StoreError):
        flags.release_lease(renewed)
    assert flags.read_lease() == taken


def test_renewal_is_seen_by_its_nonce_alone(flags: Flags) -> None:
    lease = flags.take_lease(None, "a", "b1", 1)
    renewed = flags.renew_lease(lease)
    assert renewed.nonce != lease.nonce
    assert (renewed.epoch, renewed.holder, renewed.build) == (1, "a", "b1")
    flags.release_lease(renewed)
    left = flags.read_lease()
    assert left is not None
    assert left.is_released
    assert flags.take_lease(left, "b", "b1", 1).epoch == 2


def test_a_repeated_request_of_the_sdk_does_not_lose_the_lease(client: object) -> None:
    """The first answer was lost and the SDK sends the same bytes again."""

    class Stutter:
        def __getattr__(self, name: str) -> object:
            call = getattr(client, name)

            def twice(**request: object) -> object:
                call(**request)
                return call(**request)

            return twice if name == "put_item" else call

    flags = DynamoFlags("test", client=Stutter())
    lease = flags.take_lease(None, "a", "b1", 1)
    assert flags.renew_lease(lease).epoch == 1


# --- halts -------------------------------------------------------------------------------


def halt(**changes: object) -> Halt:
    fields: dict[str, object] = {
        "scope": "venue:kalshi",
        "reason": HaltReason.FEED_STALE,
        "actor": "trader",
        "since_wall_ns": 100,
    }
    return Halt(**(fields | changes))  # type: ignore[arg-type]


def test_halts_come_and_go(flags: Flags) -> None:
    assert list(flags.read_halts()) == []
    flags.delete_halt("global", "operator")
    odd = halt(scope="series:A|B.c #1", reason=HaltReason.OPERATOR, since_wall_ns=50, note="ä|'\"")
    flags.put_halt(halt())
    flags.put_halt(odd)
    assert list(flags.read_halts()) == [odd, halt()]
    flags.delete_halt("venue:kalshi", "feed_stale")
    flags.delete_halt("venue:kalshi", "feed_stale")
    assert list(flags.read_halts()) == [odd]


def test_a_halt_only_gets_stricter_and_keeps_its_beginning(flags: Flags) -> None:
    flags.put_halt(halt())
    flags.put_halt(halt(since_wall_ns=900))
    assert list(flags.read_halts()) == [halt()]
    flags.put_halt(halt(since_wall_ns=901, is_freeze=True, actor="other"))
    flags.put_halt(halt(since_wall_ns=902))
    assert list(flags.read_halts()) == [halt(is_freeze=True)]


def test_an_unreadable_halt_is_an_error_never_no_halt(client: object) -> None:
    flags = DynamoFlags("test", client=client)
    flags.put_halt(halt())
    client.put_item(  # type: ignore[attr-defined]
        TableName=names.table("test", "flags"),
        Item={"pk": {"S": HALTS_PK}, "halts": {"M": {"x": {"S": '{"reason": "from_the_future"}'}}}},
    )
    with pytest.raises(StoreError, match="cannot be read"):
        flags.read_halts()


# --- pointers ----------------------------------------------------------------------------


def test_pointers_only_move_forward(flags: Flags) -> None:
    assert flags.get_pointer(names.CONFIG_POINTER_PK) is None
    flags.put_pointer(names.CONFIG_POINTER_PK, 4)
    flags.put_pointer(names.CONFIG_POINTER_PK, 4)
    flags.put_pointer(names.CONFIG_POINTER_PK, 3)
    flags.put_pointer(names.PAIRS_POINTER_PK, 9)
    assert flags.get_pointer(names.CONFIG_POINTER_PK) == 4
    assert flags.get_pointer(names.PAIRS_POINTER_PK) == 9


# --- snapshot ----------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, PART_BYTES, PART_BYTES + 1, 3 * PART_BYTES + 5])
def test_snapshots_of_any_size_come_back_whole(flags: Flags, size: int) -> None:
    assert flags.get_snapshot() is None
    for seq in (1, 2, 3):
        blob = os.urandom(size)
        flags.put_snapshot(seq, blob)
        assert flags.get_snapshot() == (seq, blob)


def test_every_part_stays_under_its_size(client: object) -> None:
    DynamoFlags("test", client=client).put_snapshot(1, os.urandom(200_000))
    items = client.scan(TableName=names.table("test", "flags"))["Items"]  # type: ignore[attr-defined]
    assert len(items) == 4
    assert all(len(item["blob"]["B"]) <= PART_BYTES for item in items)


def test_a_snapshot_overtaken_while_read_is_never_mixed(client: object) -> None:
    writer = DynamoFlags("test", client=client)
    old, new = b"o" * (PART_BYTES + 10), b"n" * (PART_BYTES + 10)
    writer.put_snapshot(1, old)

    class Overtaken:
        """Lets two newer snapshots in between the head and the first part."""

        def __init__(self) -> None:
            self.reads = 0

        def get_item(self, **request: object) -> object:
            self.reads += 1
            if self.reads == 2:
                writer.put_snapshot(2, new)
                writer.put_snapshot(3, new)
            return client.get_item(**request)  # type: ignore[attr-defined]

    reader = DynamoFlags("test", client=Overtaken())
    assert reader.get_snapshot() == (3, new)


def test_a_snapshot_beyond_all_parts_is_refused(client: object) -> None:
    with pytest.raises(StoreError, match="too many"):
        DynamoFlags("test", client=client).put_snapshot(1, b"x" * (40 * PART_BYTES))


# --- no answer ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "failure",
    [
        ConnectTimeoutError(endpoint_url="http://nowhere"),
        ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, "GetItem"),
    ],
)
def test_no_answer_is_a_store_error_everywhere(failure: Exception) -> None:
    class Dead:
        def __getattr__(self, name: str) -> object:
            def fail(**request: object) -> object:
                raise failure

            return fail

    flags = DynamoFlags("test", client=Dead())
    for act in (
        flags.read_lease,
        flags.read_halts,
        flags.get_snapshot,
        lambda: flags.get_pointer("config"),
        lambda: flags.put_pointer("config", 1),
        lambda: flags.put_halt(halt()),
        lambda: flags.delete_halt("global", "operator"),
        lambda: flags.put_snapshot(1, b"x"),
        lambda: flags.take_lease(None, "a", "b", 1),
    ):
        with pytest.raises(StoreError):
            act()

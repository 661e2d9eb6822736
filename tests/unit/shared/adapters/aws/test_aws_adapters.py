"""Secrets, control queue, decision bus and objects over a mocked AWS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from shared.adapters.aws.clients import make_client
from shared.adapters.aws.eventbridge import EventBridgeBus
from shared.adapters.aws.s3 import S3Objects
from shared.adapters.aws.secrets import SecretsManager
from shared.adapters.aws.sqs import SqsCommandQueue
from shared.contracts import names
from shared.contracts.events_v1 import ControlCommand
from shared.domain.errors import StoreError


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield


def command(number: int = 1, scope: str = "global") -> ControlCommand:
    return ControlCommand(
        command_id=f"c{number}", kind="halt", scope=scope, reason="r", actor="me", issued_at=5
    )


# --- secrets -----------------------------------------------------------------------------


def test_secrets_are_written_and_read_by_short_or_full_name() -> None:
    store = SecretsManager("test")
    assert not store.exists("kalshi")
    store.write("kalshi", {"key_id": "k", "private_key": "p"})
    assert store.exists(names.secret("test", "kalshi"))
    assert store.read("kalshi") == store.read(names.secret("test", "kalshi"))
    store.write("kalshi", {"key_id": "k2"})
    assert store.read("kalshi") == {"key_id": "k2"}


def test_an_absent_secret_is_named_and_nothing_else() -> None:
    with pytest.raises(StoreError, match=r"^secret twinleg/test/kalshi: ResourceNotFound"):
        SecretsManager("test").read("kalshi")


@pytest.mark.parametrize("text", ["random-word", "[1]", '{"a": 1}', ""])
def test_a_secret_without_fields_is_not_set_and_never_quoted(text: str) -> None:
    boto3.client("secretsmanager", region_name="eu-west-1").create_secret(
        Name=names.secret("test", "kalshi"), SecretString=text or " "
    )
    store = SecretsManager("test")
    assert not store.exists("kalshi")
    with pytest.raises(StoreError, match="not set yet") as said:
        store.read("kalshi")
    assert "random-word" not in str(said.value)
    assert said.value.__cause__ is None


# --- control queue -----------------------------------------------------------------------


@pytest.fixture
def queue() -> SqsCommandQueue:
    boto3.client("sqs", region_name="eu-west-1").create_queue(
        QueueName=names.control_queue("test"), Attributes={"FifoQueue": "true"}
    )
    return SqsCommandQueue("test")


def test_commands_arrive_once_in_order_until_acknowledged(queue: SqsCommandQueue) -> None:
    for number in (1, 2, 2):
        queue.send(command(number))
    received = queue.receive(wait_s=0)
    assert [json.loads(r.body)["command_id"] for r in received] == ["c1", "c2"]
    assert ControlCommand.model_validate_json(received[0].body) == command(1)
    assert all(r.attempts == 1 for r in received)
    for message in received:
        queue.acknowledge(message.receipt)
    assert list(queue.receive(wait_s=0)) == []


def test_scopes_make_legal_groups(queue: SqsCommandQueue) -> None:
    queue.send(command(1, scope="category:Climate and Weather"))
    queue.send(command(2, scope="market:" + "x" * 200))
    assert len(queue.receive(wait_s=0)) == 2


def test_a_missing_queue_is_a_store_error() -> None:
    with pytest.raises(StoreError, match=r"^control queue: "):
        SqsCommandQueue("nowhere").send(command())


# --- decision bus ------------------------------------------------------------------------


def test_decisions_reach_a_listener_in_batches() -> None:
    events = boto3.client("events", region_name="eu-west-1")
    sqs = boto3.client("sqs", region_name="eu-west-1")
    events.create_event_bus(Name=names.bus("test"))
    url = sqs.create_queue(QueueName="heard")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    events.put_rule(
        Name="all",
        EventBusName=names.bus("test"),
        EventPattern=json.dumps({"source": ["twinleg.trader"]}),
    )
    events.put_targets(
        Rule="all", EventBusName=names.bus("test"), Targets=[{"Id": "q", "Arn": arn}]
    )
    details = [
        {"kind": "gate", "event_id": f"e{n}", "wall_ns": 1_700_000_000_000_000_000}
        for n in range(23)
    ]
    EventBridgeBus("test").put_events(details)
    heard: list[dict[str, Any]] = []
    for _ in range(5):
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
        heard += [json.loads(m["Body"]) for m in answer.get("Messages", [])]
    assert {h["detail"]["event_id"] for h in heard} == {f"e{n}" for n in range(23)}
    assert {h["detail-type"] for h in heard} == {"gate"}


def test_entries_that_were_not_taken_are_an_error() -> None:
    class Partly:
        def put_events(self, **request: Any) -> dict[str, Any]:
            return {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "InternalFailure"}, {}]}

    with pytest.raises(StoreError, match=r"1 of 2 not taken \(InternalFailure\)"):
        EventBridgeBus("test", client=Partly()).put_events([{"kind": "a"}, {"kind": "b"}])


# --- objects -----------------------------------------------------------------------------


@pytest.fixture
def objects() -> S3Objects:
    boto3.client("s3", region_name="eu-west-1").create_bucket(
        Bucket=names.bucket("test", "events"),
        CreateBucketConfiguration={"LocationConstraint": "eu-west-1"},
    )
    return S3Objects("test", "events")


def test_objects_are_written_once(objects: S3Objects) -> None:
    objects.put("log/1/000001.zst", b"one")
    objects.put("log/1/000001.zst", b"one")
    with pytest.raises(StoreError, match="other bytes"):
        objects.put("log/1/000001.zst", b"two")
    assert objects.get("log/1/000001.zst") == b"one"


def test_objects_are_listed_by_name_beyond_one_page(objects: S3Objects) -> None:
    for number in (3, 1, 2):
        objects.put(f"log/{number}", b"x" * number)
    objects.put("other/1", b"")
    assert [(o.name, o.size) for o in objects.list_objects("log/")] == [
        ("log/1", 1),
        ("log/2", 2),
        ("log/3", 3),
    ]


def test_an_absent_object_and_changed_bytes_are_errors(objects: S3Objects) -> None:
    with pytest.raises(StoreError, match="NoSuchKey"):
        objects.get("nothing")
    boto3.client("s3", region_name="eu-west-1").put_object(
        Bucket=names.bucket("test", "events"), Key="bad", Body=b"x", Metadata={"sha256": "0" * 64}
    )
    with pytest.raises(StoreError, match="do not match"):
        objects.get("bad")


def test_clients_follow_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-2")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:8701")
    client = make_client("dynamodb")
    assert client.meta.region_name == "eu-west-2"
    assert client.meta.endpoint_url == "http://127.0.0.1:8701"

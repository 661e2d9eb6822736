"""The core stacks inside the embedded AWS: what only a real deployment shows."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from typing import Any

import pytest

from cdk.local.deploy import client
from shared.contracts import names
from tests.support.embedded_aws import *  # noqa: F403
from tests.support.embedded_aws import EmbeddedAws

pytestmark = pytest.mark.aws


def ask(aws: EmbeddedAws, path: str, *, cookie: str = "") -> tuple[int, Any]:
    """GET a path of the deployed HTTP API; returns (status, decoded body)."""
    request = urllib.request.Request(aws.endpoint + path)
    request.add_header("Host", f"{aws.api_id}.execute-api.localhost")
    if cookie:
        request.add_header("Cookie", cookie)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def test_every_resource_of_the_contract_is_there(embedded_aws: EmbeddedAws) -> None:
    endpoint = embedded_aws.endpoint
    tables = client("dynamodb", endpoint).list_tables()["TableNames"]
    assert set(tables) == {names.table("local", name) for name in names.TABLES}
    functions = client("lambda", endpoint).list_functions()["Functions"]
    assert {f["FunctionName"] for f in functions} == {
        names.function("local", name)
        for name in ("dashboard_api", "authorise_session", "sync_catalog", "confirm_pairs")
    }
    secrets = client("secretsmanager", endpoint).list_secrets()["SecretList"]
    assert names.secret("local", "session") in {s["Name"] for s in secrets}
    schedules = client("scheduler", endpoint).list_schedules()["Schedules"]
    assert len(schedules) == 2


def test_health_is_open_and_the_rest_is_not(embedded_aws: EmbeddedAws) -> None:
    assert ask(embedded_aws, "/api/v1/health") == (200, {"status": "ok"})
    assert ask(embedded_aws, "/api/v1/live")[0] == 401
    assert ask(embedded_aws, "/api/v1/live", cookie="twinleg_session=guess")[0] == 403
    assert ask(embedded_aws, "/api/v1/unknown", cookie="twinleg_session=guess")[0] == 403


def test_control_commands_arrive_once_and_in_order(embedded_aws: EmbeddedAws) -> None:
    queue = client("sqs", embedded_aws.endpoint)
    url = queue.get_queue_url(QueueName=names.control_queue("local"))["QueueUrl"]
    for body in ("first", "second", "first"):
        queue.send_message(
            QueueUrl=url, MessageBody=body, MessageGroupId="g", MessageDeduplicationId=body
        )
    received = []
    for _ in range(2):
        answer = queue.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        for message in answer.get("Messages", []):
            received.append(message["Body"])
            queue.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert received == ["first", "second"]


def test_grave_decisions_reach_the_alert_queue(embedded_aws: EmbeddedAws) -> None:
    bus = client("events", embedded_aws.endpoint)
    for severity in ("p1", "p4", None):
        bus.put_events(
            Entries=[
                {
                    "EventBusName": names.bus("local"),
                    "Source": "twinleg.trader",
                    "DetailType": "decision",
                    "Detail": json.dumps({"event_id": str(severity), "severity": severity}),
                }
            ]
        )
    queue = client("sqs", embedded_aws.endpoint)
    url = queue.get_queue_url(QueueName=names.alert_queue("local"))["QueueUrl"]
    heard: list[str] = []
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and not heard:
        answer = queue.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        heard += [json.loads(m["Body"])["detail"]["severity"] for m in answer.get("Messages", [])]
    assert heard == ["p1"]


def test_what_is_unchanged_is_skipped_and_state_survives(embedded_aws: EmbeddedAws) -> None:
    assert embedded_aws.deploy().changed == ()
    assert embedded_aws.deploy(StateDir="elsewhere").changed == ("functions",)
    configured = client("lambda", embedded_aws.endpoint).get_function_configuration(
        FunctionName=names.function("local", "dashboard_api")
    )
    assert configured["Environment"]["Variables"]["TWINLEG_STATE_DIR"] == "elsewhere"
    secret = names.secret("local", "session")
    client("secretsmanager", embedded_aws.endpoint).put_secret_value(
        SecretId=secret, SecretString="kept"
    )
    api_before = embedded_aws.api_id
    embedded_aws.stop()
    embedded_aws.start()
    assert embedded_aws.deploy(StateDir="elsewhere").changed == ()
    assert embedded_aws.api_id == api_before
    kept = client("secretsmanager", embedded_aws.endpoint).get_secret_value(SecretId=secret)
    assert kept["SecretString"] == "kept"
    assert ask(embedded_aws, "/api/v1/health")[0] == 200


def test_lost_memory_is_deployed_anew(embedded_aws: EmbeddedAws) -> None:
    embedded_aws.stop()
    for memory in embedded_aws.layout.aws.glob("*.json"):
        memory.unlink()
    embedded_aws.start()
    assert embedded_aws.deploy().changed == ("state", "messaging", "functions", "api")
    assert ask(embedded_aws, "/api/v1/health")[0] == 200

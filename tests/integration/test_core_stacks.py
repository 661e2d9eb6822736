"""The core stacks inside the embedded AWS: what only a real deployment shows."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from typing import Any

import httpx
import pytest
import zstandard

from cdk.local import login
from cdk.local.deploy import aws_environment, client
from shared.adapters.aws.sqs import SqsCommandQueue
from shared.adapters.stores.dynamodb_flags import DynamoFlags
from shared.adapters.stores.postgres_control import PostgresControl
from shared.contracts import names
from tests.support.embedded_aws import EmbeddedAws
from tests.support.postgres import *  # noqa: F403

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
        for name in (
            "dashboard_api",
            "authorise_session",
            "sync_catalog",
            "find_candidates",
            "rank_candidate",
            "confirm_pairs",
            "refresh_fees",
        )
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


def test_a_person_logs_in_looks_halts_and_leaves(
    embedded_aws: EmbeddedAws, postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded_aws.deploy(Dsn=postgres_dsn)
    code = login.new_code()
    login.store_code(embedded_aws.endpoint, code)
    host = {"Host": f"{embedded_aws.api_id}.execute-api.localhost"}
    with httpx.Client(base_url=f"{embedded_aws.endpoint}/api/v1", headers=host, timeout=30) as web:
        assert web.post("/session", json={"code": "AAAA-AAAA"}).status_code == 401
        opened = web.post("/session", json={"code": code})
        assert opened.status_code == 200 and opened.json()["badge"] == "PAPER"
        web.cookies.set("twinleg_session", opened.cookies["twinleg_session"])
        assert web.post("/session", json={"code": code}).status_code == 401
        assert web.get("/fills").json()["rows"] == []
        assert web.get("/packages/none").status_code == 404
        assert web.get("/fills", params={"limit": 0}).status_code == 422
        assert web.get("/live").status_code == 503
        put_snapshot(embedded_aws, monkeypatch, seq=5)
        live = web.get("/live")
        assert live.json()["edges"]["pair_id"] == ["a"] and live.headers["ETag"] == '"5"'
        assert web.get("/live", headers={"If-None-Match": '"5"'}).status_code == 304
        assert web.post("/halt", json={}).status_code == 403
        csrf = {"X-Twinleg-CSRF": opened.json()["csrf_token"]}
        halted = web.post("/halt", json={"scope": "venue:kalshi"}, headers=csrf)
        assert halted.status_code == 202
        flags = DynamoFlags("local")
        assert [halt.scope for halt in flags.read_halts()] == ["venue:kalshi"]
        control = PostgresControl(postgres_dsn)
        assert [halt.scope for halt in control.read_halts()] == ["venue:kalshi"]
        assert control.read_log()[0]["command_id"] == halted.json()["command_id"]
        control.close()
        (message,) = SqsCommandQueue("local").receive()
        assert json.loads(message.body)["command_id"] == halted.json()["command_id"]
        assert web.delete("/session", headers=csrf).status_code == 204
        assert web.get("/session").status_code == 401


def put_snapshot(aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch, *, seq: int) -> None:
    """Store a small snapshot as the trader does."""
    for name, value in aws_environment(aws.endpoint).items():
        monkeypatch.setenv(name, value)
    edges = {"pair_id": ["a"], "age_ms": [1], "net_micros": [5], "removed": []}
    document = {"seq": seq, "as_of_ns": time.time_ns(), "edges": edges}
    blob = zstandard.ZstdCompressor().compress(json.dumps(document).encode())
    DynamoFlags("local").put_snapshot(seq, blob)


def test_what_is_unchanged_is_skipped_and_state_survives(embedded_aws: EmbeddedAws) -> None:
    embedded_aws.deploy()
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
    assert embedded_aws.deploy().changed == ("state", "messaging", "functions", "api", "workflows")
    assert ask(embedded_aws, "/api/v1/health")[0] == 200

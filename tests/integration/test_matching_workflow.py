"""The state machine ``matching`` inside the embedded AWS, with a real trader beside it.

Fed by the simulators' catalogue. Functions, Step Functions and stores are the deployed ones;
only deadlines of steps are shortened where a test waits for them to pass.
"""

from __future__ import annotations

import json
import shutil
import socket
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cdk.local.deploy import client
from cdk.stacks.parameters import LOCAL_PARAMETERS
from shared.adapters.stores.postgres_catalogue import PostgresCatalogue
from shared.adapters.stores.postgres_matching import PostgresMatching
from shared.contracts import names
from shared.services.catalogue import read_raw
from tests.support.embedded_aws import EmbeddedAws
from tests.support.postgres import *  # noqa: F403
from tests.support.small_edition import SmallEdition, wait_for
from tests.support.trader_record import query

pytestmark = [pytest.mark.aws, pytest.mark.postgres, pytest.mark.timeout(400)]
REGION = "eu-west-1"
PICKED_UP_S = 30


class WorkflowEdition(SmallEdition):
    """A trader and both simulators beside the deployed core stacks."""

    def __init__(self, directory: Path, dsn: str, aws: EmbeddedAws) -> None:
        super().__init__(directory, dsn)
        self.aws = aws
        self.ports["aws"] = aws.port
        self.environment["AWS_ENDPOINT_URL"] = aws.endpoint

    def start_aws(self) -> None:
        manager = client("secretsmanager", self.aws.endpoint)
        for venue in ("kalshi", "polymarket"):
            manager.delete_secret(
                SecretId=names.secret("local", venue), ForceDeleteWithoutRecovery=True
            )

    def seed_catalogue(self) -> int:
        self.deploy()
        return 0

    def deploy(self, **other: str) -> None:
        known = {key: self.environment.get(name, "") for key, name in LOCAL_PARAMETERS.items()}
        self.aws.deploy(**{**known, **other})

    def run(self, machine: str = "") -> dict[str, Any]:
        """Run the state machine to its end; returns its description."""
        states = client("stepfunctions", self.aws.endpoint)
        arn = machine or names.state_machine_arn("local", "matching", REGION)
        execution = states.start_execution(stateMachineArn=arn, input="{}")["executionArn"]

        def ended() -> dict[str, Any] | None:
            seen = states.describe_execution(executionArn=execution)
            return None if seen["status"] == "RUNNING" else dict(seen)

        return dict(wait_for(ended, 180, "end of matching"))

    def events(self, execution: str) -> Counter[str]:
        """Count the events of an execution by type."""
        states = client("stepfunctions", self.aws.endpoint)
        pages = states.get_paginator("get_execution_history").paginate(executionArn=execution)
        return Counter(event["type"] for page in pages for event in page["events"])

    def confirmed(self) -> set[tuple[str, str]]:
        rows = self.rows("SELECT * FROM market_pairs WHERE verdict = 'confirmed'")
        return {(row["market_a_id"], row["market_b_id"]) for row in rows}

    def rows(self, sql: str) -> list[dict[str, Any]]:
        return [dict(row) for row in query(self, sql)]


@pytest.fixture(scope="module")
def edition(module_dsn: str, embedded_aws: EmbeddedAws) -> Iterator[WorkflowEdition]:
    folder = Path(tempfile.mkdtemp(prefix="tlwf-"))
    with WorkflowEdition(folder, module_dsn, embedded_aws) as made:
        schedules = client("scheduler", embedded_aws.endpoint)
        for schedule in schedules.list_schedules()["Schedules"]:
            schedules.delete_schedule(Name=schedule["Name"])  # the tests say when it runs
        yield made
    shutil.rmtree(folder, ignore_errors=True)


def test_the_trader_picks_up_what_the_state_machine_confirmed(edition: WorkflowEdition) -> None:
    edition.start_trader()
    assert not edition.snapshot()["edges"]["pair_id"], "it started with no pairs"
    seen = edition.run()
    assert seen["status"] == "SUCCEEDED", why(seen)
    output = json.loads(seen["output"])
    assert [venue["state"] for venue in output["venues"]] == ["done", "done"]
    assert output["found"]["pairs"] > 100 and output["ranked"]
    assert all(chunk == {"state": "ranked"} for chunk in output["ranked"])
    store = PostgresCatalogue(edition.dsn)
    listed = {
        m.instrument.market_id: m
        for venue in ("kalshi", "polymarket")
        for m in store.list_markets(venue)
    }
    store.close()
    truth = {(str(a), str(b)) for a, b, _ in edition._true_pairs(listed)}
    assert edition.confirmed() <= truth and len(edition.confirmed()) >= 10
    picked = wait_for(lambda: edition.snapshot()["edges"]["pair_id"], PICKED_UP_S, "pairs")
    assert len(picked) >= len(edition.confirmed())
    assert edition.health()["run_id"].endswith("-1"), "the same trader"


def test_raw_objects_are_kept_and_a_second_crawl_changes_little(edition: WorkflowEdition) -> None:
    s3 = client("s3", edition.aws.endpoint)
    bucket = names.bucket("local", "artefacts")
    found = s3.list_objects_v2(Bucket=bucket, Prefix="catalogue/kalshi/")["Contents"]
    body = s3.get_object(Bucket=bucket, Key=found[0]["Key"])["Body"].read()
    assert all(raw["ticker"] and rules_hash for _, rules_hash, raw in read_raw(body))
    seen = edition.run()
    assert seen["status"] == "SUCCEEDED"
    record = PostgresMatching(edition.dsn)
    crawls = record.list_crawls()
    record.close()
    assert len(crawls) == 2 and all(crawl.finished_ns for crawl in crawls)
    assert all(crawl.changed < crawl.listed / 2 for crawl in crawls), crawls


def test_f100_an_edited_rule_text_stops_its_pair_at_once(edition: WorkflowEdition) -> None:
    (row, *_) = edition.rows(
        "SELECT p.id, m.id AS market FROM market_pairs p JOIN markets m ON m.id = p.market_a_id"
        " WHERE p.verdict = 'confirmed' ORDER BY m.close_time_ns DESC"
    )
    url = f"{edition.environment['TWINLEG_KALSHI_URL']}/__sim__/faults"
    window = {"key": "metadata_updated", "only": row["market"], "most": 1, "duration_ms": 5_000}
    assert httpx.post(url, json=window).status_code == 200
    by_id = f"SELECT * FROM market_pairs WHERE id = '{row['id']}'"  # noqa: S608 - our own id

    def lowered() -> dict[str, Any] | None:
        (now,) = edition.rows(by_id)
        return now if now["verdict"] == "review" else None

    now = wait_for(lowered, 20, "the pair back in review")
    assert now["needs_person"] and now["reason"] == f"rules text changed: {row['market']}"
    (told,) = edition.rows(
        "SELECT min(wall_ns) AS wall_ns FROM decisions"  # noqa: S608 - our own id
        f" WHERE kind = 'market' AND subject = '{row['market']}' AND verdict = 'changed'"
    )
    took_ms = (now["updated_ns"] - told["wall_ns"]) / 1e6
    print(f"\nrecord lowered {took_ms:.1f} ms after the kernel had stopped the pair")
    stopped = {"PAIR_RULES_CHANGED", "PAIR_IN_REVIEW"}
    wait_for(lambda: stopped & gates_of(edition, str(row["id"])), 20, "the pair's gate")
    opened = edition.rows(
        "SELECT 1 FROM packages WHERE kind = 'normal'"  # noqa: S608 - our own id
        f" AND pair_id = '{row['id']}' AND created_wall_ns > {told['wall_ns']}"
    )
    assert opened == []
    assert edition.run()["status"] == "SUCCEEDED"
    assert edition.rows(by_id)[0]["verdict"] == "review", "only a person confirms it again"


def why(seen: dict[str, Any]) -> str:
    return f"{seen['status']}: {seen.get('error')} {seen.get('cause')}"


def gates_of(edition: WorkflowEdition, pair: str) -> set[str]:
    edges = edition.snapshot()["edges"]
    if pair not in edges["pair_id"]:
        return set()
    return set(edges["gates"][edges["pair_id"].index(pair)])


def test_a_dead_venue_and_a_deaf_ranker_are_tried_again_and_confirm_nothing(
    edition: WorkflowEdition,
) -> None:
    store = PostgresCatalogue(edition.dsn)
    rows = [r for r in store.list_pairs(verdict="confirmed") if r["actor"] == "rules"]
    forgotten = str(rows[0]["id"])
    query(edition, f"DELETE FROM market_pairs WHERE id = '{forgotten}' RETURNING id")  # noqa: S608
    manager = client("secretsmanager", edition.aws.endpoint)
    secret = names.secret("local", "llm")
    edition.deploy(KalshiUrl="http://127.0.0.1:9", KalshiWsUrl="ws://127.0.0.1:9")
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(64)  # connections are taken and never answered
        keys = {"deepseek": "k", "deepseek_url": f"http://127.0.0.1:{deaf.getsockname()[1]}/v1"}
        manager.put_secret_value(SecretId=secret, SecretString=json.dumps(keys))
        try:
            seen = edition.run(impatient(edition, ReadVenue=20, RankCandidate=5))
        finally:
            manager.put_secret_value(SecretId=secret, SecretString="nothing")
            edition.deploy()
    assert seen["status"] == "SUCCEEDED", why(seen)
    output = json.loads(seen["output"])
    kalshi, polymarket = output["venues"]
    assert kalshi["state"] == "failed" and kalshi["error"], kalshi
    assert polymarket["state"] == "done", "the other venue is read all the same"
    failed = [chunk for chunk in output["ranked"] if chunk["state"] == "failed"]
    assert failed and all(chunk["error"] and chunk["key"] for chunk in failed), failed
    events = edition.events(seen["executionArn"])
    assert events["TaskFailed"] + events["TaskTimedOut"] >= 3, events
    now = {str(r["id"]): r for r in store.list_pairs()}
    store.close()
    assert forgotten not in now, "what nobody judged is not confirmed"
    lost = [now[r["id"]] for r in rows[1:] if now[r["id"]]["verdict"] != "confirmed"]
    assert all(r["reason"].startswith("closed: ") for r in lost), "judged before: it stays"


def impatient(edition: WorkflowEdition, **seconds: int) -> str:
    """Return a machine that differs from the deployed one in the deadlines of steps alone."""
    states = client("stepfunctions", edition.aws.endpoint)
    arn = names.state_machine_arn("local", "matching", REGION)
    deployed = states.describe_state_machine(stateMachineArn=arn)
    definition = json.loads(deployed["definition"])
    for branch in ("ReadVenues", "RankChunks"):
        for name, state in definition["States"][branch]["ItemProcessor"]["States"].items():
            if name in seconds:
                state["TimeoutSeconds"] = seconds[name]
    made = states.create_state_machine(
        name="impatient", definition=json.dumps(definition), roleArn=deployed["roleArn"]
    )
    return str(made["stateMachineArn"])

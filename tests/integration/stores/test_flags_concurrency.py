"""Races on the live flags against the embedded AWS: a mock takes no part in a race."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator

import boto3
import pytest

from cdk.local.layout import Layout, Ports, choose_ports
from shared.adapters.stores.dynamodb_budget import DynamoTokenBudget
from shared.adapters.stores.dynamodb_flags import PART_BYTES, DynamoFlags
from shared.adapters.stores.dynamodb_sessions import DynamoSessions
from shared.contracts import names
from shared.domain.enums import HaltReason
from shared.domain.errors import StoreError
from shared.domain.events import Halt
from shared.ports.stores import Lease
from tests.support.embedded_aws import EmbeddedAws
from tests.support.flag_tables import create_tables

pytestmark = pytest.mark.aws

RACERS = 8


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    layout = Layout(tmp_path_factory.mktemp("flags-aws"))
    aws = EmbeddedAws(layout, choose_ports(Ports(aws=18_790), {}).aws)
    aws.start()
    try:
        yield aws.endpoint
    finally:
        aws.stop()


@pytest.fixture
def stage(endpoint: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """A stage of its own for each test, with fresh tables."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    name = f"t{abs(hash(request.node.name)) % 10**8}"
    create_tables(boto3.client("dynamodb", region_name="eu-west-1"), name)
    return name


def race(act: Callable[[int], object]) -> list[object]:
    """Run ``act(0..7)`` at the same moment; a StoreError is an outcome like any other."""
    gate = threading.Barrier(RACERS)
    outcomes: list[object] = [None] * RACERS

    def run(index: int) -> None:
        gate.wait()
        try:
            outcomes[index] = act(index)
        except StoreError as error:
            outcomes[index] = error

    threads = [threading.Thread(target=run, args=(index,)) for index in range(RACERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def test_of_many_takers_one_gets_the_lease_and_epochs_never_repeat(stage: str) -> None:
    flags = [DynamoFlags(stage) for _ in range(RACERS)]
    seen: Lease | None = None
    epochs: list[int] = []
    for _ in range(5):
        outcomes = race(lambda i, seen=seen: flags[i].take_lease(seen, f"trader-{i}", "b", 1))
        won = [o for o in outcomes if isinstance(o, Lease)]
        assert len(won) == 1
        assert flags[0].read_lease() == won[0]
        epochs.append(won[0].epoch)
        seen = won[0]
    assert epochs == list(range(1, 6))


def test_renewal_and_takeover_never_both_succeed(stage: str) -> None:
    flags = [DynamoFlags(stage) for _ in range(RACERS)]
    held = flags[0].take_lease(None, "owner", "b", 1)
    for _ in range(5):

        def act(index: int, held: Lease = held) -> Lease:
            if index == 0:
                return flags[0].renew_lease(held)
            return flags[index].take_lease(held, f"thief-{index}", "b", 1)

        won = [o for o in race(act) if isinstance(o, Lease)]
        assert len(won) == 1
        held = won[0]
        assert flags[0].read_lease() == held


def test_halts_put_at_once_are_all_in_force(stage: str) -> None:
    flags = [DynamoFlags(stage) for _ in range(RACERS)]
    reasons = list(HaltReason)[:RACERS]
    race(lambda i: flags[i].put_halt(Halt(f"venue:v{i}", reasons[i], "me", i, note="n")))
    assert [h.scope for h in flags[0].read_halts()] == [f"venue:v{i}" for i in range(RACERS)]
    race(lambda i: flags[i].delete_halt(f"venue:v{i}", reasons[i].value))
    assert list(flags[0].read_halts()) == []


def test_a_freeze_put_beside_halts_of_the_same_cause_stays(stage: str) -> None:
    flags = [DynamoFlags(stage) for _ in range(RACERS)]
    halts = [
        Halt("global", HaltReason.OPERATOR, f"a{i}", 100 + i, is_freeze=i == 5)
        for i in range(RACERS)
    ]
    race(lambda i: flags[i].put_halt(halts[i]))
    (held,) = flags[0].read_halts()
    assert held.is_freeze


def test_pointers_end_at_the_highest_version(stage: str) -> None:
    flags = [DynamoFlags(stage) for _ in range(RACERS)]
    race(lambda i: flags[i].put_pointer(names.CONFIG_POINTER_PK, i + 1))
    assert flags[0].get_pointer(names.CONFIG_POINTER_PK) == RACERS


def test_snapshots_are_never_mixed_while_they_change(stage: str) -> None:
    writer, reader = DynamoFlags(stage), DynamoFlags(stage)
    size = PART_BYTES + 100
    writer.put_snapshot(0, bytes([0]) * size)
    stop = threading.Event()

    def write() -> None:
        for seq in range(1, 30):
            writer.put_snapshot(seq, bytes([seq]) * size)
        stop.set()

    thread = threading.Thread(target=write)
    thread.start()
    reads = 0
    while not stop.is_set():
        try:
            found = reader.get_snapshot()
        except StoreError:
            continue  # overtaken three times in a row: said, not guessed
        assert found is not None
        assert found[1] == bytes([found[0]]) * size
        reads += 1
    thread.join()
    assert reads > 0
    assert reader.get_snapshot() == (29, bytes([29]) * size)


def test_a_one_time_code_opens_one_session(stage: str) -> None:
    sessions = [DynamoSessions(stage) for _ in range(RACERS)]
    outcomes = race(lambda i: sessions[i].use_once("code", 10**18))
    assert outcomes.count(True) == 1
    assert outcomes.count(False) == RACERS - 1
    counts = race(lambda i: sessions[i].count("login", 86_400))
    assert sorted(counts, key=str) == sorted(range(1, RACERS + 1), key=str)


def test_a_days_tokens_are_never_overspent_by_many_at_once(stage: str) -> None:
    budgets = [DynamoTokenBudget(stage) for _ in range(RACERS)]
    granted = 0
    for _ in range(4):
        granted += race(lambda i: budgets[i].reserve("2026-09-16", 7, 100)).count(True)
    assert granted == 14  # 14 x 7 = 98: one more would be 105


def test_the_environment_names_the_embedded_endpoint(endpoint: str, stage: str) -> None:
    assert os.environ["AWS_ENDPOINT_URL"] == endpoint
    assert DynamoFlags(stage).read_lease() is None

"""Opinion cache and token budget: the same rules in memory and over AWS."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from shared.adapters.aws.s3 import S3Objects
from shared.adapters.llm.memory import MemoryBudget, MemoryOpinions
from shared.adapters.llm.opinion_objects import ObjectOpinions
from shared.adapters.stores.dynamodb_budget import DynamoTokenBudget
from shared.contracts import names
from shared.domain.errors import StoreError
from tests.support.flag_tables import create_tables

DAY = "2026-09-16"


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        create_tables(boto3.client("dynamodb", region_name="eu-west-1"), "test")
        yield "test"


@pytest.fixture(params=["memory", "dynamodb"])
def budget(request: pytest.FixtureRequest) -> MemoryBudget | DynamoTokenBudget:
    if request.param == "memory":
        return MemoryBudget()
    return DynamoTokenBudget(request.getfixturevalue("stage"))


@pytest.fixture(params=["memory", "s3"])
def opinions(request: pytest.FixtureRequest) -> MemoryOpinions | ObjectOpinions:
    if request.param == "memory":
        return MemoryOpinions()
    stage = request.getfixturevalue("stage")
    boto3.client("s3", region_name="eu-west-1").create_bucket(
        Bucket=names.bucket(stage, "artefacts"),
        CreateBucketConfiguration={"LocationConstraint": "eu-west-1"},
    )
    return ObjectOpinions(S3Objects(stage, "artefacts"))


def test_a_day_gives_what_its_limit_allows_and_not_one_token_more(
    budget: MemoryBudget | DynamoTokenBudget,
) -> None:
    assert not budget.reserve(DAY, 101, 100)
    assert budget.reserve(DAY, 60, 100)
    assert not budget.reserve(DAY, 41, 100)
    assert budget.reserve(DAY, 40, 100)
    assert not budget.reserve(DAY, 1, 100)
    assert budget.reserve("2026-09-17", 100, 100)


def test_what_is_given_back_can_be_spent_again(budget: MemoryBudget | DynamoTokenBudget) -> None:
    assert budget.reserve(DAY, 100, 100)
    budget.give_back(DAY, 30)
    assert not budget.reserve(DAY, 31, 100)
    assert budget.reserve(DAY, 30, 100)


def test_a_budget_that_is_not_there_raises_instead_of_granting(stage: str) -> None:
    with pytest.raises(StoreError):
        DynamoTokenBudget("elsewhere").reserve(DAY, 1, 100)


def test_the_item_of_a_day_expires_after_it(stage: str) -> None:
    DynamoTokenBudget(stage).reserve(DAY, 1, 100)
    (item,) = boto3.client("dynamodb", region_name="eu-west-1").scan(
        TableName=names.table(stage, "rate_tokens")
    )["Items"]
    assert int(item["expires_at"]["N"]) == 1_789_776_000  # 2026-09-19


def test_the_first_opinion_of_a_key_stays(opinions: MemoryOpinions | ObjectOpinions) -> None:
    assert opinions.get("ab12") is None
    opinions.put("ab12", "one")
    opinions.put("ab12", "two")
    assert opinions.get("ab12") == "one"
    assert opinions.get("ab1") is None

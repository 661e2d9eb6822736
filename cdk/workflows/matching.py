"""The state machine ``matching``: read the venues, find pairs, judge them, store verdicts.

Every step has a deadline, is tried again, and has somewhere to go when that does not help:
a venue that cannot be read leaves the others' markets to be matched; a chunk that no ranker
judges leaves its pairs the verdict that they have; without candidates or a record the
execution fails, and the trader keeps the set that it has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import aws_cdk as core
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from cdk.stages import Stage

READ_S: Final = 300
FIND_S: Final = 300
RANK_S: Final = 240
CONFIRM_S: Final = 300
WHOLE_MINUTES: Final = 60
"""A first crawl of 200,000 markets at the venue's page rate takes about ten."""
RANKERS_AT_ONCE: Final = 4


@dataclass(frozen=True, slots=True)
class MatchingFunctions:
    """The functions that the steps call."""

    sync_catalog: lambda_.IFunction
    find_candidates: lambda_.IFunction
    rank_candidate: lambda_.IFunction
    confirm_pairs: lambda_.IFunction


def matching_definition(
    scope: Construct, stage: Stage, functions: MatchingFunctions
) -> sfn.IChainable:
    """Return the first state of the machine."""
    failed = sfn.Fail(
        scope,
        "NotMatched",
        error_path=sfn.JsonPath.string_at("$.error.Error"),
        cause_path=sfn.JsonPath.string_at("$.error.Cause"),
    )
    plan = _task(
        scope,
        stage,
        "ListVenues",
        functions.sync_catalog,
        30,
        payload={"run_id": _execution()},
        result_path="$.plan",
    )
    find = _task(
        scope,
        stage,
        "FindCandidates",
        functions.find_candidates,
        FIND_S,
        payload={"run_id": _execution()},
        result_path="$.found",
    )
    confirm = _task(
        scope,
        stage,
        "ConfirmPairs",
        functions.confirm_pairs,
        CONFIRM_S,
        payload={
            "run_id": _execution(),
            "ranked": sfn.JsonPath.object_at("$.ranked"),
        },
        result_path="$.confirmed",
    )
    for step in (plan, find, confirm):
        step.add_catch(failed, errors=[sfn.Errors.ALL], result_path="$.error")
    read = _read_venues(scope, stage, functions.sync_catalog)
    rank = _rank_chunks(scope, stage, functions.rank_candidate)
    busy = sfn.Choice(scope, "IsAnotherRunning")
    busy.when(
        sfn.Condition.boolean_equals("$.plan.is_busy", True), sfn.Succeed(scope, "LeftToIt")
    ).otherwise(read)
    read.next(find).next(rank).next(confirm)
    return plan.next(busy)


def _read_venues(scope: Construct, stage: Stage, function: lambda_.IFunction) -> sfn.Map:
    """Read every venue, each as often as its listing goes on; one that fails is named."""
    read = _task(
        scope,
        stage,
        "ReadVenue",
        function,
        READ_S,
        payload={
            "run_id": sfn.JsonPath.string_at("$.run_id"),
            "venue": sfn.JsonPath.string_at("$.venue"),
        },
        result_path="$.read",
    )
    not_read = sfn.Pass(
        scope,
        "VenueNotRead",
        parameters={
            "venue": sfn.JsonPath.string_at("$.venue"),
            "state": "failed",
            "error": sfn.JsonPath.string_at("$.error.Error"),
        },
    )
    was_read = sfn.Pass(scope, "VenueRead", output_path="$.read")
    read.add_catch(not_read, errors=[sfn.Errors.ALL], result_path="$.error")
    more = sfn.Choice(scope, "GoesOn")
    more.when(sfn.Condition.string_equals("$.read.state", "more"), read).otherwise(was_read)
    venues = sfn.Map(
        scope,
        "ReadVenues",
        items_path="$.plan.venues",
        max_concurrency=3,
        item_selector={
            "run_id": _execution(),
            "venue": sfn.JsonPath.string_at("$$.Map.Item.Value"),
        },
        result_path="$.venues",
    )
    venues.item_processor(read.next(more))
    return venues


def _rank_chunks(
    scope: Construct, stage: Stage, function: lambda_.IFunction
) -> sfn.Map | sfn.DistributedMap:
    rank = _task(
        scope,
        stage,
        "RankCandidate",
        function,
        RANK_S,
        payload={
            "run_id": sfn.JsonPath.string_at("$.run_id"),
            "key": sfn.JsonPath.string_at("$.key"),
        },
        result_path="$.judged",
    )
    not_ranked = sfn.Pass(
        scope,
        "ChunkNotRanked",
        parameters={
            "key": sfn.JsonPath.string_at("$.key"),
            "state": "failed",
            "error": sfn.JsonPath.string_at("$.error.Error"),
        },
    )
    ranked = sfn.Pass(scope, "ChunkRanked", parameters={"state": "ranked"})
    rank.add_catch(not_ranked, errors=[sfn.Errors.ALL], result_path="$.error")
    settings: dict[str, Any] = {
        "items_path": "$.found.chunks",
        "max_concurrency": RANKERS_AT_ONCE,
        "item_selector": {
            "run_id": _execution(),
            "key": sfn.JsonPath.string_at("$$.Map.Item.Value.key"),
        },
        "result_path": "$.ranked",
    }
    chunks: sfn.Map | sfn.DistributedMap
    if stage.has_distributed_map:
        chunks = sfn.DistributedMap(
            scope,
            "RankChunks",
            map_execution_type=sfn.StateMachineType.STANDARD,
            tolerated_failure_percentage=0,
            label="RankChunks",
            **settings,
        )
    else:
        chunks = sfn.Map(scope, "RankChunks", **settings)
    chunks.item_processor(rank.next(ranked))
    return chunks


def _task(
    scope: Construct,
    stage: Stage,
    name: str,
    function: lambda_.IFunction,
    seconds: int,
    *,
    payload: dict[str, Any],
    result_path: str,
) -> tasks.LambdaInvoke:
    task = tasks.LambdaInvoke(
        scope,
        name,
        lambda_function=function,
        payload=sfn.TaskInput.from_object(payload),
        payload_response_only=True,
        retry_on_service_exceptions=False,
        result_path=result_path,
        task_timeout=sfn.Timeout.duration(core.Duration.seconds(seconds)),
    )
    task.add_retry(
        errors=[sfn.Errors.ALL],
        max_attempts=2,
        interval=core.Duration.seconds(stage.retry_seconds),
        backoff_rate=2,
    )
    return task


def _execution() -> str:
    return sfn.JsonPath.string_at("$$.Execution.Name")

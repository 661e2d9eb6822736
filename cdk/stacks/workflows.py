"""Workflows stack: state machines over the functions, and the clocks that start them."""

from __future__ import annotations

from typing import Any

import aws_cdk as core
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as scheduler_targets
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from cdk.components.function import retention
from cdk.stacks.functions import FunctionsStack
from cdk.stages import Stage
from cdk.workflows.matching import WHOLE_MINUTES, MatchingFunctions, matching_definition
from shared.contracts import names


class WorkflowsStack(core.Stack):
    """``matching`` and its clock."""

    def __init__(
        self,
        scope: Construct,
        stage: Stage,
        functions: FunctionsStack,
        key: kms.IKey | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, names.stack(stage.name, "workflows"), **kwargs)
        name = names.state_machine(stage.name, "matching")
        steps = MatchingFunctions(
            sync_catalog=functions.sync_catalog.function,
            find_candidates=functions.find_candidates.function,
            rank_candidate=functions.rank_candidate.function,
            confirm_pairs=functions.confirm_pairs.function,
        )
        log_group = logs.LogGroup(
            self,
            "MatchingLog",
            log_group_name=f"/aws/vendedlogs/states/{name}",
            retention=retention(stage.log_days),
            encryption_key=key,
            removal_policy=core.RemovalPolicy.DESTROY,
        )
        self.matching = sfn.StateMachine(
            self,
            "Matching",
            state_machine_name=name,
            definition_body=sfn.DefinitionBody.from_chainable(
                matching_definition(self, stage, steps)
            ),
            timeout=core.Duration.minutes(WHOLE_MINUTES),
            tracing_enabled=not stage.is_local,
            logs=sfn.LogOptions(destination=log_group, level=sfn.LogLevel.ERROR),
        )
        scheduler.Schedule(
            self,
            "MatchingClock",
            schedule=scheduler.ScheduleExpression.rate(
                core.Duration.minutes(stage.matching_minutes)
            ),
            target=scheduler_targets.StepFunctionsStartExecution(
                self.matching,
                input=scheduler.ScheduleTargetInput.from_object({}),
                retry_attempts=0,
            ),
            description="Runs matching",
        )

"""A function of Twinleg: its own role, its own log group, one asset, no wildcard grants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import aws_cdk as core
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from cdk.stages import Stage
from shared.contracts import names


@dataclass(frozen=True, slots=True)
class FunctionParts:
    """What every function of a stage shares."""

    stage: Stage
    code: lambda_.Code
    layers: Sequence[lambda_.ILayerVersion]
    environment: Mapping[str, str]
    key: kms.IKey | None


class TwinlegFunction(Construct):
    """``lambdas/<name>/handler.py`` with a role that may write its own log and nothing else."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        parts: FunctionParts,
        *,
        timeout_s: int,
        memory_mb: int = 512,
        concurrency_max: int | None = None,
    ) -> None:
        super().__init__(scope, _title(name))
        stage = parts.stage
        function_name = names.function(stage.name, name)
        log_group = logs.LogGroup(
            self,
            "Log",
            log_group_name=f"/aws/lambda/{function_name}",
            retention=retention(stage.log_days),
            encryption_key=parts.key,
            removal_policy=core.RemovalPolicy.DESTROY,
        )
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            description=f"What {name} may do, and nothing else",
        )
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=function_name,
            runtime=lambda_.Runtime.PYTHON_3_11,
            architecture=lambda_.Architecture.ARM_64,
            handler=f"lambdas.{name}.handler.handle",
            code=parts.code,
            layers=list(parts.layers),
            role=self.role,
            log_group=log_group,
            environment={**parts.environment, "POWERTOOLS_SERVICE_NAME": name},
            environment_encryption=parts.key,
            timeout=core.Duration.seconds(timeout_s),
            memory_size=memory_mb,
            reserved_concurrent_executions=concurrency_max,
            retry_attempts=0,
        )
        log_group.grant_write(self.role)


def _title(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))


def retention(days: int) -> logs.RetentionDays:
    """Return how long a log is kept; raises KeyError for a number that CloudWatch lacks."""
    table = {
        1: logs.RetentionDays.ONE_DAY,
        7: logs.RetentionDays.ONE_WEEK,
        30: logs.RetentionDays.ONE_MONTH,
        365: logs.RetentionDays.ONE_YEAR,
    }
    return table[days]

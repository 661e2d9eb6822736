"""Functions stack: one function per verb, one role per function, and the clocks that start them.

Grants are written out action by action; a wildcard needs a reason beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import aws_cdk as core
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as scheduler_targets
from constructs import Construct

from cdk.bundling import first_party_code, wheel_layer_code
from cdk.components.function import FunctionParts, TwinlegFunction
from cdk.stacks.messaging import MessagingStack
from cdk.stacks.parameters import LOCAL_PARAMETERS
from cdk.stacks.state import StateStack
from cdk.stages import Stage
from shared.contracts import names

_GET: Final = "dynamodb:GetItem"
_PUT: Final = ("dynamodb:PutItem", "dynamodb:UpdateItem")
_ONCE: Final = (_GET, *_PUT, "dynamodb:DeleteItem")
"""What the idempotency of a step needs."""


class FunctionsStack(core.Stack):
    """The dashboard's functions, the catalogue's, and the schedules of the latter."""

    def __init__(
        self,
        scope: Construct,
        stage: Stage,
        state: StateStack,
        messaging: MessagingStack,
        staging: Path,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, names.stack(stage.name, "functions"), **kwargs)
        self._stage = stage
        self._state = state
        self._messaging = messaging
        self._parts = FunctionParts(
            stage=stage,
            code=first_party_code(staging),
            layers=self._layers(),
            environment=self._environment(),
            key=state.key,
        )
        self.dashboard_api = self._dashboard_api()
        self.authorise_session = self._authorise_session()
        self.sync_catalog = self._sync_catalog()
        self.find_candidates = self._find_candidates()
        self.rank_candidate = self._rank_candidate()
        self.confirm_pairs = self._confirm_pairs()
        self.refresh_fees = self._refresh_fees()
        self._every("FeesClock", stage.fees_minutes, self.refresh_fees)

    # --- what all functions share ---------------------------------------------------------

    def _layers(self) -> Sequence[lambda_.ILayerVersion]:
        if not self._stage.has_layers:
            return ()
        layer = lambda_.LayerVersion(
            self,
            "Wheels",
            code=wheel_layer_code(),
            compatible_runtimes=[lambda_.Runtime.PYTHON_3_11],
            compatible_architectures=[lambda_.Architecture.ARM_64],
            description="Third-party packages of requirements/lambdas.lock",
        )
        return (layer,)

    def _environment(self) -> dict[str, str]:
        stage = self._stage
        shared = {
            "TWINLEG_STAGE": stage.name,
            "POWERTOOLS_METRICS_NAMESPACE": names.METRIC_NAMESPACE,
        }
        if not stage.is_local:
            return {
                **shared,
                **stage.venue_addresses,
                "TWINLEG_MODE": stage.mode,
                "TWINLEG_JURISDICTION": "US" if "polymarket_us" in stage.venues else "",
                "TWINLEG_ACCOUNT": stage.account or core.Aws.ACCOUNT_ID,
                "TWINLEG_DSN_SECRET": names.secret(stage.name, "database"),
            }
        for parameter, variable in LOCAL_PARAMETERS.items():
            value = core.CfnParameter(self, parameter, type="String", default="")
            shared[variable] = value.value_as_string
        return shared

    def _function(self, name: str, **limits: Any) -> TwinlegFunction:
        return TwinlegFunction(self, name, self._parts, **limits)

    def _grant_secret(self, function: TwinlegFunction, name: str) -> None:
        """Let a function read one secret.

        Written on the role alone: the construct's own grant would also edit the policy of
        the key, which lives in another stack and must not depend on this one.
        """
        stage, key = self._stage, self._state.secret_key
        # The service appends six characters of its own to every secret's name.
        arn = self.format_arn(
            service="secretsmanager",
            resource="secret",
            resource_name=f"{names.secret(stage.name, name)}-??????",
            arn_format=core.ArnFormat.COLON_RESOURCE_NAME,
        )
        function.role.add_to_principal_policy(
            iam.PolicyStatement(actions=["secretsmanager:GetSecretValue"], resources=[arn])
        )
        if key is not None:
            function.role.add_to_principal_policy(
                iam.PolicyStatement(actions=["kms:Decrypt"], resources=[key.key_arn])
            )

    def _grant_database(self, function: TwinlegFunction) -> None:
        """Let a function read the database address; on one machine it is a parameter."""
        if not self._stage.is_local:
            self._grant_secret(function, "database")

    def _grant_table(self, function: TwinlegFunction, table: str, *actions: str) -> None:
        granted: dynamodb.TableV2 = self._state.tables[table]
        granted.grant(function.role, *actions)
        if self._state.key is not None:
            self._state.key.grant_encrypt_decrypt(function.role)

    def _grant_objects(self, function: TwinlegFunction, *actions: str, prefix: str) -> None:
        """Let a function use the objects of one prefix of the bucket ``artefacts``."""
        bucket, key = self._state.buckets["artefacts"], self._state.key
        function.role.add_to_principal_policy(
            iam.PolicyStatement(
                actions=list(actions), resources=[f"{bucket.bucket_arn}/{prefix}/*"]
            )
        )
        if key is not None:
            key.grant_encrypt_decrypt(function.role)

    def _grant_listing(self, function: TwinlegFunction) -> None:
        bucket = self._state.buckets["artefacts"]
        function.role.add_to_principal_policy(
            iam.PolicyStatement(actions=["s3:ListBucket"], resources=[bucket.bucket_arn])
        )

    # --- the functions --------------------------------------------------------------------

    def _dashboard_api(self) -> TwinlegFunction:
        function = self._function("dashboard_api", timeout_s=15, memory_mb=1024)
        self._grant_table(function, "flags", _GET, *_PUT)
        self._grant_table(function, "sessions", _GET, *_PUT, "dynamodb:DeleteItem")
        self._grant_secret(function, "session")
        self._messaging.control.grant_send_messages(function.role)
        self._grant_database(function)
        return function

    def _authorise_session(self) -> TwinlegFunction:
        function = self._function("authorise_session", timeout_s=5)
        self._grant_table(function, "sessions", _GET)
        return function

    def _sync_catalog(self) -> TwinlegFunction:
        function = self._function("sync_catalog", timeout_s=300, memory_mb=1024)
        self._grant_objects(function, "s3:PutObject", "s3:GetObject", prefix="catalogue")
        self._grant_database(function)
        return function

    def _find_candidates(self) -> TwinlegFunction:
        function = self._function("find_candidates", timeout_s=300, memory_mb=3008)
        self._grant_table(function, "idempotency", *_ONCE)
        self._grant_objects(function, "s3:PutObject", "s3:GetObject", prefix="matching")
        self._grant_database(function)
        return function

    def _rank_candidate(self) -> TwinlegFunction:
        function = self._function("rank_candidate", timeout_s=240, memory_mb=1024)
        self._grant_table(function, "idempotency", *_ONCE)
        self._grant_table(function, "flags", _GET, *_PUT)
        self._grant_objects(function, "s3:PutObject", "s3:GetObject", prefix="matching")
        self._grant_objects(function, "s3:PutObject", "s3:GetObject", prefix="opinions")
        self._grant_listing(function)
        self._grant_secret(function, "llm")
        self._grant_database(function)
        return function

    def _confirm_pairs(self) -> TwinlegFunction:
        function = self._function(
            "confirm_pairs", timeout_s=300, memory_mb=1024, concurrency_max=self._one_at_a_time()
        )
        self._grant_table(function, "idempotency", *_ONCE)
        self._grant_table(function, "flags", _GET, *_PUT)
        self._grant_objects(function, "s3:GetObject", prefix="matching")
        self._grant_listing(function)
        self._messaging.control.grant_send_messages(function.role)
        self._grant_database(function)
        return function

    def _refresh_fees(self) -> TwinlegFunction:
        function = self._function(
            "refresh_fees", timeout_s=300, memory_mb=1024, concurrency_max=self._one_at_a_time()
        )
        self._messaging.control.grant_send_messages(function.role)
        self._grant_database(function)
        return function

    def _one_at_a_time(self) -> int | None:
        """Two runs of a scheduled function would only repeat each other's work."""
        return None if self._stage.is_local else 1

    def _every(self, clock_id: str, minutes: int, target: TwinlegFunction) -> None:
        scheduler.Schedule(
            self,
            clock_id,
            schedule=scheduler.ScheduleExpression.rate(core.Duration.minutes(minutes)),
            target=scheduler_targets.LambdaInvoke(target.function, retry_attempts=0),
            description=f"Runs {target.node.id}",
        )

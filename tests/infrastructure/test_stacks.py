"""What the templates promise: counts of what holds data, least privilege, encryption."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from cdk import bundling
from cdk.stacks.messaging import ALERT_SEVERITIES
from cdk.stages import STAGES, Stage, StageError, check_region, find_stage
from shared.contracts import names
from tests.infrastructure.conftest import Template, resources_of

Templates = dict[tuple[str, str], Template]
AWS_STAGES = [name for name, stage in STAGES.items() if not stage.is_local]
FUNCTIONS = (
    "authorise_session",
    "confirm_pairs",
    "dashboard_api",
    "find_candidates",
    "rank_candidate",
    "refresh_fees",
    "sync_catalog",
)

PREFIXED = re.compile(r'"/(catalogue|matching|opinions)/\*"')
WITHOUT_RESOURCE = {
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}
"""Verbs of log delivery and tracing: AWS takes no resource for them."""


def statements(template: Template) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield (logical id, statement) of every policy attached to a role."""
    for kind in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
        for name, policy in resources_of(template, kind).items():
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
                yield name, statement


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("stage", STAGES)
def test_what_holds_data_is_counted(templates: Templates, stage: str) -> None:
    """A changed count is a table, bucket, queue or secret made or lost: say so on purpose."""
    state, messaging = templates[stage, "state"], templates[stage, "messaging"]
    assert len(resources_of(state, "AWS::DynamoDB::GlobalTable")) == len(names.TABLES) == 4
    assert len(resources_of(state, "AWS::S3::Bucket")) == 2
    assert len(resources_of(state, "AWS::SecretsManager::Secret")) == 6
    assert len(resources_of(messaging, "AWS::SQS::Queue")) == 4
    assert len(resources_of(messaging, "AWS::Events::EventBus")) == 1
    keys = 0 if stage == "local" else 2
    assert len(resources_of(state, "AWS::KMS::Key")) == keys


@pytest.mark.parametrize("stage", STAGES)
def test_names_are_those_of_the_contract(templates: Templates, stage: str) -> None:
    tables = resources_of(templates[stage, "state"], "AWS::DynamoDB::GlobalTable")
    found = {table["Properties"]["TableName"] for table in tables.values()}
    assert found == {names.table(stage, name) for name in names.TABLES}
    functions = resources_of(templates[stage, "functions"], "AWS::Lambda::Function")
    found = {function["Properties"]["FunctionName"] for function in functions.values()}
    assert found == {names.function(stage, name) for name in FUNCTIONS}
    queues = resources_of(templates[stage, "messaging"], "AWS::SQS::Queue")
    found = {queue["Properties"]["QueueName"] for queue in queues.values()}
    assert {names.control_queue(stage), names.dead_letter_queue(stage)} <= found


@pytest.mark.parametrize("stage", ["staging", "prod"])
def test_data_survives_its_stack(templates: Templates, stage: str) -> None:
    state = templates[stage, "state"]
    for kind in ("AWS::DynamoDB::GlobalTable", "AWS::S3::Bucket", "AWS::SecretsManager::Secret"):
        for name, resource in resources_of(state, kind).items():
            assert resource["DeletionPolicy"] == "Retain", name
    for name, table in resources_of(state, "AWS::DynamoDB::GlobalTable").items():
        (replica,) = table["Properties"]["Replicas"]
        recovery = replica["PointInTimeRecoverySpecification"]
        assert recovery["PointInTimeRecoveryEnabled"] is True, name
        assert replica["DeletionProtectionEnabled"] is True, name


@pytest.mark.parametrize("stage", AWS_STAGES)
def test_everything_at_rest_is_encrypted_with_our_keys(templates: Templates, stage: str) -> None:
    state = templates[stage, "state"]
    for name, table in resources_of(state, "AWS::DynamoDB::GlobalTable").items():
        assert table["Properties"]["SSESpecification"]["SSEType"] == "KMS", name
        assert "KMSMasterKeyId" in table["Properties"]["Replicas"][0]["SSESpecification"], name
    for name, bucket in resources_of(state, "AWS::S3::Bucket").items():
        (rule,) = bucket["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms", name
        blocked = bucket["Properties"]["PublicAccessBlockConfiguration"]
        assert all(blocked.values()) and len(blocked) == 4, name
    for name, secret in resources_of(state, "AWS::SecretsManager::Secret").items():
        assert "KmsKeyId" in secret["Properties"], name
    for name, queue in resources_of(templates[stage, "messaging"], "AWS::SQS::Queue").items():
        assert "KmsMasterKeyId" in queue["Properties"], name
    for name, key in resources_of(state, "AWS::KMS::Key").items():
        assert key["Properties"]["EnableKeyRotation"] is True, name


@pytest.mark.parametrize("stage", STAGES)
def test_transport_is_encrypted(templates: Templates, stage: str) -> None:
    policies = [
        *resources_of(templates[stage, "state"], "AWS::S3::BucketPolicy").values(),
        *resources_of(templates[stage, "messaging"], "AWS::SQS::QueuePolicy").values(),
    ]
    assert len(policies) == 6
    for policy in policies:
        denied = [
            s
            for s in policy["Properties"]["PolicyDocument"]["Statement"]
            if s["Effect"] == "Deny"
            and s["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        ]
        assert denied, policy


@pytest.mark.parametrize("stage", STAGES)
def test_no_wildcard_in_what_roles_may_do(templates: Templates, stage: str) -> None:
    """Stars are allowed and named here: data-key verbs of KMS, versions of one function, objects
    below one prefix, child executions of one machine, and what AWS knows no resource for."""
    for (of_stage, _), template in templates.items():
        if of_stage != stage:
            continue
        for name, statement in statements(template):
            for action in listed(statement["Action"]):
                assert action != "*" and not action.endswith(":*"), (name, action)
                allowed = action in ("kms:GenerateDataKey*", "kms:ReEncrypt*")
                assert "*" not in action or allowed, (name, action)
            for resource in listed(statement["Resource"]):
                text = json.dumps(resource)
                verbs = set(listed(statement["Action"]))
                if verbs <= WITHOUT_RESOURCE:
                    continue
                assert resource != "*", (name, statement)
                is_version = verbs == {"lambda:InvokeFunction"} and '":*"' in text
                is_prefix = verbs <= {"s3:GetObject", "s3:PutObject"} and PREFIXED.search(text)
                is_child = all(verb.startswith("states:") for verb in verbs) and ":*" in text
                assert "*" not in text or is_version or is_prefix or is_child, (name, text)


@pytest.mark.parametrize("stage", STAGES)
def test_each_function_has_its_own_role(templates: Templates, stage: str) -> None:
    functions = resources_of(templates[stage, "functions"], "AWS::Lambda::Function")
    roles = [json.dumps(f["Properties"]["Role"]) for f in functions.values()]
    assert len(set(roles)) == len(roles) == len(FUNCTIONS)
    for name, function in functions.items():
        properties = function["Properties"]
        assert properties["Runtime"] == "python3.11", name
        assert properties["Architectures"] == ["arm64"], name
        assert properties["Timeout"] <= 300, name
        assert ("Layers" in properties) is (stage != "local"), name


@pytest.mark.parametrize("stage", STAGES)
def test_only_the_authorisers_table_is_read_by_the_authoriser(
    templates: Templates, stage: str
) -> None:
    granted = [
        action
        for name, statement in statements(templates[stage, "functions"])
        if name.startswith("AuthoriseSession")
        for action in listed(statement["Action"])
        if action.startswith(("dynamodb:", "secretsmanager:", "sqs:"))
    ]
    assert granted == ["dynamodb:GetItem"]


@pytest.mark.parametrize("stage", STAGES)
def test_nothing_but_three_routes_is_open(templates: Templates, stage: str) -> None:
    routes = resources_of(templates[stage, "api"], "AWS::ApiGatewayV2::Route").values()
    open_routes = {
        route["Properties"]["RouteKey"]
        for route in routes
        if route["Properties"].get("AuthorizationType", "NONE") == "NONE"
    }
    assert open_routes == {"GET /api/v1/health", "GET /api/v1/session", "POST /api/v1/session"}
    (authoriser,) = resources_of(templates[stage, "api"], "AWS::ApiGatewayV2::Authorizer").values()
    assert authoriser["Properties"]["AuthorizerType"] == "REQUEST"
    assert authoriser["Properties"]["IdentitySource"] == ["$request.header.Cookie"]
    (default,) = resources_of(templates[stage, "api"], "AWS::ApiGatewayV2::Stage").values()
    assert default["Properties"]["DefaultRouteSettings"]["ThrottlingRateLimit"] > 0


@pytest.mark.parametrize("stage", STAGES)
def test_control_commands_keep_their_order(templates: Templates, stage: str) -> None:
    queues = resources_of(templates[stage, "messaging"], "AWS::SQS::Queue").values()
    by_name = {queue["Properties"]["QueueName"]: queue["Properties"] for queue in queues}
    control = by_name[names.control_queue(stage)]
    assert control["FifoQueue"] is True
    assert control["RedrivePolicy"]["maxReceiveCount"] == 5
    (rule,) = resources_of(templates[stage, "messaging"], "AWS::Events::Rule").values()
    assert rule["Properties"]["EventPattern"]["detail"]["severity"] == ALERT_SEVERITIES


def test_regions_follow_the_venues() -> None:
    check_region("eu-west-1", ("kalshi", "polymarket"))
    check_region("us-east-1", ("kalshi", "polymarket_us"))
    for region, venues in (
        ("us-east-1", ("kalshi", "polymarket")),
        ("eu-west-2", ("polymarket",)),
        ("eu-west-1", ("polymarket_us",)),
        ("eu-west-1", ()),
    ):
        with pytest.raises(StageError):
            check_region(region, venues)
    with pytest.raises(StageError, match="Polymarket international"):
        Stage(name="x", region="us-east-1", venues=("polymarket",), mode="paper_sim")
    with pytest.raises(StageError, match="staging"):
        find_stage("production")


def test_no_stage_starts_with_real_money() -> None:
    assert all(stage.mode != "venue_live" for stage in STAGES.values())


def test_first_party_asset_holds_functions_and_nothing_that_runs_elsewhere() -> None:
    held = {name for _, name in bundling.first_party_files()}
    assert "lambdas/dashboard_api/handler.py" in held and "shared/contracts/names.py" in held
    assert not [n for n in held if n.startswith(("shared/simulators", "shared/drivers", "tests"))]
    assert not [n for n in held if n.endswith(".pyc")]


def test_layer_leaves_out_what_the_runtime_has() -> None:
    kept = bundling.layer_requirements(bundling.LAYER_LOCK.read_text())
    assert "\nboto3==" not in kept and "\nbotocore==" not in kept
    assert "aws-lambda-powertools==" in kept and "--hash=sha256:" in kept


def test_templates_hold_no_secret_and_no_machine_path(assembly: Path) -> None:
    for template in assembly.glob("*.template.json"):
        text = template.read_text()
        assert str(bundling.ROOT) not in text, template
        assert "PRIVATE KEY" not in text, template


@pytest.mark.parametrize("stage", STAGES)
def test_every_step_of_matching_has_deadline_retry_and_catch(
    templates: Templates, stage: str
) -> None:
    machines = resources_of(templates[stage, "workflows"], "AWS::StepFunctions::StateMachine")
    (machine,) = machines.values()
    parts = machine["Properties"]["DefinitionString"]["Fn::Join"][1]
    definition = json.loads("".join(p if isinstance(p, str) else "arn" for p in parts))
    tasks: dict[str, Any] = {}
    for name, state in definition["States"].items():
        tasks |= {name: state} if state["Type"] == "Task" else {}
        inner = state.get("ItemProcessor", {}).get("States", {})
        tasks |= {n: s for n, s in inner.items() if s["Type"] == "Task"}
    assert set(tasks) == {
        "ListVenues",
        "ReadVenue",
        "FindCandidates",
        "RankCandidate",
        "ConfirmPairs",
    }
    for name, task in tasks.items():
        assert 0 < task["TimeoutSeconds"] <= 300, name
        assert task["Retry"][0]["MaxAttempts"] == 2, name
        assert task["Catch"][0]["ErrorEquals"] == ["States.ALL"], name
    mode = definition["States"]["RankChunks"]["ItemProcessor"]["ProcessorConfig"]["Mode"]
    assert mode == "DISTRIBUTED"
    assert definition["TimeoutSeconds"] == 3_600

"""Names of shared resources; imports nothing, so that CDK may read it.

Every name is a function of the stage. The one-machine edition is the stage ``local``.
"""

from __future__ import annotations

from typing import Final

APP: Final = "twinleg"
METRIC_NAMESPACE: Final = "Twinleg"


def table(stage: str, name: str) -> str:
    """DynamoDB table: flags, sessions, idempotency, rate_tokens."""
    assert name in TABLES, name
    return f"{APP}-{stage}-{name}"


TABLES: Final = ("flags", "sessions", "idempotency", "rate_tokens")
"""``flags`` holds halts, lease, pointers and the dashboard snapshot; key ``pk`` (string)."""


def bus(stage: str) -> str:
    return f"{APP}-{stage}-decisions"


def control_queue(stage: str) -> str:
    """SQS FIFO queue of control commands to the trader."""
    return f"{APP}-{stage}-control.fifo"


def dead_letter_queue(stage: str) -> str:
    return f"{APP}-{stage}-control-dlq.fifo"


def alert_queue(stage: str) -> str:
    return f"{APP}-{stage}-alerts"


def bucket(stage: str, name: str, account: str = "000000000000") -> str:
    """S3 bucket: ``events`` (log segments), ``artefacts`` (catalogue snapshots, backtests)."""
    assert name in ("events", "artefacts"), name
    return f"{APP}-{stage}-{name}-{account}"


def secret(stage: str, name: str) -> str:
    """Secrets Manager name: ``session``, ``kalshi``, ``polymarket``, ``discord``, ``llm``."""
    return f"{APP}/{stage}/{name}"


def function(stage: str, name: str) -> str:
    return f"{APP}-{stage}-{name}"


def state_machine(stage: str, name: str) -> str:
    """Step Functions state machine: ``matching``."""
    return f"{APP}-{stage}-{name}"


def state_machine_arn(stage: str, name: str, region: str, account: str = "000000000000") -> str:
    return f"arn:aws:states:{region}:{account}:stateMachine:{state_machine(stage, name)}"


def api(stage: str) -> str:
    return f"{APP}-{stage}-api"


def stack(stage: str, name: str) -> str:
    return f"{APP}-{stage}-{name}"


LEASE_PK: Final = "lease"
SNAPSHOT_PK: Final = "snapshot"
CONFIG_POINTER_PK: Final = "config"
PAIRS_POINTER_PK: Final = "pairs"
RECORD_POINTER_PK: Final = "record"
"""Highest package number that was ever committed: a restored older record is below it."""
HALT_PK_PREFIX: Final = "halt#"
LLM_BUDGET_PK_PREFIX: Final = "llm_tokens#"

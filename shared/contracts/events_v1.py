"""Messages between processes, version 1: decision events and control commands. Append only."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

SOURCE = "twinleg.trader"


class DecisionVersions(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    build: str
    config: str
    fees: str
    frictions: str
    rules: str


class DecisionEvent(BaseModel):
    """EventBridge detail: one change of verdict (gate, package, order, halt, config)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    event_id: str
    seq: int
    wall_ns: int
    kind: str
    subject: str
    package_id: str | None
    verdict: str
    reason: str
    params: dict[str, str] = {}
    versions: DecisionVersions
    severity: Literal["p1", "p2", "p3", "p4"] | None = None


CommandKind = Literal[
    "halt",
    "freeze",
    "resume",
    "config_changed",
    "pairs_changed",
    "fees_changed",
    "market_resolved",
    "account_difference",
    "package_verb",
    "secret_rotated",
]


class ControlCommand(BaseModel):
    """SQS FIFO body. ``expires_at`` only for resume: issued + 30 s. Times are unix ns."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    command_id: str
    kind: CommandKind
    scope: str
    reason: str
    actor: str
    issued_at: int
    expires_at: int | None = None
    payload: dict[str, Any] = {}

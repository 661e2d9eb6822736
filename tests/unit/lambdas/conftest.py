"""Fakes of the stores behind the dashboard API, and a caller that speaks payload 2.0."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from argon2 import PasswordHasher

from lambdas import bootstrap
from lambdas.dashboard_api import handler, routes
from lambdas.settings import load_settings
from shared.contracts.events_v1 import ControlCommand
from shared.domain.errors import DomainError, StoreError
from shared.domain.events import Halt

ENVIRONMENT = {
    "TWINLEG_STAGE": "local",
    "TWINLEG_MODE": "paper_sim",
    "TWINLEG_DSN": "postgresql://nowhere/none",
}


@dataclass(frozen=True)
class FakeSession:
    actor: str
    csrf: str
    expires_ns: int


@dataclass
class FakeSessions:
    rows: dict[str, FakeSession] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    tries: int = 0
    is_down: bool = False

    def create(self, token_hash: str, actor: str, csrf: str, expires_ns: int) -> None:
        self.rows[token_hash] = FakeSession(actor, csrf, expires_ns)

    def get(self, token_hash: str) -> FakeSession | None:
        if self.is_down:
            raise StoreError("sessions: no answer")
        return self.rows.get(token_hash)

    def delete(self, token_hash: str) -> None:
        self.rows.pop(token_hash, None)

    def use_once(self, key: str, expires_ns: int) -> bool:
        is_first = key not in self.used
        self.used.add(key)
        return is_first

    def count(self, key: str, window_s: int) -> int:
        self.tries += 1
        return self.tries


@dataclass
class FakeFlags:
    snapshot: tuple[int, bytes] | None = None
    halts: list[Halt] = field(default_factory=list)
    is_down: bool = False

    def get_snapshot(self) -> tuple[int, bytes] | None:
        return self.snapshot

    def put_halt(self, halt: Halt) -> None:
        if self.is_down:
            raise StoreError("flags: no answer")
        self.halts.append(halt)


@dataclass
class FakeControl(FakeFlags):
    rows: list[Mapping[str, Any]] = field(default_factory=list)

    def record(self, row: Mapping[str, Any]) -> None:
        if self.is_down:
            raise StoreError("record: no answer")
        self.rows.append(row)


@dataclass
class FakeCommands:
    sent: list[ControlCommand] = field(default_factory=list)
    is_down: bool = False

    def send(self, command: ControlCommand) -> None:
        if self.is_down:
            raise StoreError("queue: no answer")
        self.sent.append(command)


@dataclass
class FakeViews:
    is_down: bool = False
    asked: list[tuple[Any, ...]] = field(default_factory=list)
    package_view: Any = None

    def fills_page(self, limit: int, cursor: str | None) -> Any:
        if self.is_down:
            raise StoreError("database: connection refused at secret-host")
        if cursor == "bad":
            raise DomainError("not a cursor")
        self.asked.append(("fills", limit, cursor))
        today = {"fills": 0, "cost": "0", "fees": "0", "slippage_mean_cents": None}
        return {"rows": [], "next_cursor": None, "today": today}

    def package(self, package_id: str) -> Any:
        self.asked.append(("package", package_id))
        return self.package_view

    def pairs_page(self, verdict: str | None, limit: int, cursor: str | None) -> Any:
        self.asked.append(("pairs", verdict, limit, cursor))
        return {"rows": [], "counts": {}, "next_cursor": None}


@dataclass
class Api:
    """The API under test with all of its fakes."""

    sessions: FakeSessions = field(default_factory=FakeSessions)
    flags: FakeFlags = field(default_factory=FakeFlags)
    control: FakeControl = field(default_factory=FakeControl)
    commands: FakeCommands = field(default_factory=FakeCommands)
    views: FakeViews = field(default_factory=FakeViews)
    secret: dict[str, str] = field(default_factory=dict)

    def call(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        cookie: str = "",
        session: Mapping[str, str] | None = None,
    ) -> tuple[int, Any, dict[str, Any]]:
        """Return (status, decoded body, whole answer)."""
        event: dict[str, Any] = {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": "&".join(f"{k}={v}" for k, v in (query or {}).items()),
            "queryStringParameters": dict(query or {}),
            "headers": {"content-type": "application/json", **(headers or {})},
            "cookies": [cookie] if cookie else [],
            "requestContext": {
                "stage": "$default",
                "http": {"method": method, "path": path},
                "authorizer": {"lambda": dict(session)} if session else {},
            },
            "isBase64Encoded": False,
        }
        if body is not None:
            event["body"] = body if isinstance(body, str) else json.dumps(body)
        answer = handler.app.resolve(event, SimpleNamespace())
        text = answer.get("body") or ""
        return answer["statusCode"], json.loads(text) if text else None, answer


@pytest.fixture
def code() -> str:
    return "QK7T-D4M9"


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, code: str) -> Api:
    hashed = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(code.replace("-", ""))
    made = Api(secret={"code_hash": hashed, "code_expires_ns": str(2**62)})
    parts = SimpleNamespace(
        settings=load_settings(ENVIRONMENT),
        session_secret="twinleg/local/session",
        secrets=SimpleNamespace(read=lambda _name: made.secret),
        sessions=made.sessions,
        flags=made.flags,
        views=made.views,
        control=made.control,
        commands=made.commands,
    )
    monkeypatch.setattr(bootstrap, "dashboard", lambda: parts)
    monkeypatch.setattr(bootstrap, "authorising", lambda: parts)
    monkeypatch.setattr(routes, "recent", routes.live.Recent())
    return made

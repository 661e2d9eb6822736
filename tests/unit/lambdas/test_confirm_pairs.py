"""``confirm_pairs``: the configured score, the pointer before the command, nothing when unread."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from lambdas import bootstrap
from lambdas.confirm_pairs import handler
from shared.contracts import config_v1
from shared.domain.enums import Venue
from shared.domain.errors import ConfigError
from shared.services import matching


class Sent:
    def __init__(self) -> None:
        self.order: list[tuple[str, Any]] = []
        self.pointer: int | None = 3

    def get_pointer(self, name: str) -> int | None:
        return self.pointer

    def put_pointer(self, name: str, version: int) -> None:
        self.order.append(("pointer", version))

    def send(self, command: Any) -> None:
        self.order.append(("command", command.kind))


def _parts(sent: Sent, document: dict[str, Any], version: int) -> SimpleNamespace:
    return SimpleNamespace(
        settings=SimpleNamespace(second_venue=Venue.POLYMARKET),
        catalogue=SimpleNamespace(load_pair_set=lambda: (version, (), ())),
        flags=sent,
        commands=sent,
        configs=SimpleNamespace(load_active=lambda: (1, document)),
    )


@pytest.fixture
def context() -> Any:
    return SimpleNamespace(
        function_name="f",
        memory_limit_in_mb=128,
        invoked_function_arn="arn",
        aws_request_id="1",
    )


def test_the_configured_score_decides_and_the_pointer_goes_before_the_command(
    monkeypatch: pytest.MonkeyPatch, context: Any
) -> None:
    used: list[tuple[int, Venue]] = []
    document = {**config_v1.default_document(), "llm_accept_score": 0.97}
    sent = Sent()
    monkeypatch.setattr(bootstrap, "matching", lambda: _parts(sent, document, 4))

    def run(_s: Any, _n: int, *, accept_score_ppm: int, second_venue: Venue) -> dict[str, int]:
        used.append((accept_score_ppm, second_venue))
        return {}

    monkeypatch.setattr(matching, "run", run)
    answer = handler.handle({}, context)
    assert used == [(970_000, Venue.POLYMARKET)] and answer["version"] == 4
    assert sent.order == [("pointer", 4), ("command", "pairs_changed")]


def test_an_unchanged_set_is_not_announced(monkeypatch: pytest.MonkeyPatch, context: Any) -> None:
    sent = Sent()
    parts = _parts(sent, config_v1.default_document(), 3)
    monkeypatch.setattr(bootstrap, "matching", lambda: parts)
    monkeypatch.setattr(matching, "run", lambda *_a, **_k: {})
    assert handler.handle({}, context)["is_new"] is False and sent.order == []


def test_an_unreadable_configuration_confirms_nothing(
    monkeypatch: pytest.MonkeyPatch, context: Any
) -> None:
    ran: list[int] = []
    document = {**config_v1.default_document(), "llm_accept_score": "none"}
    monkeypatch.setattr(bootstrap, "matching", lambda: _parts(Sent(), document, 4))
    monkeypatch.setattr(matching, "run", lambda *_a, **_k: ran.append(1))
    with pytest.raises(ConfigError):
        handler.handle({}, context)
    assert ran == []

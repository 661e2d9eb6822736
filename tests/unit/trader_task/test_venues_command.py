"""``twinleg venues``: the table, the exit codes, and what is kept."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from shared.domain.enums import Venue
from shared.ports.inspection import Answer, Finding, Light, SetupStep
from trader_task import inspectors
from trader_task.cli import run


class Scripted:
    """An inspector that says what the test wants and remembers what was done."""

    venue = Venue.KALSHI

    def __init__(self, light: Light = Light.GREEN, answer: str = "10 s") -> None:
        self.light, self.answer = light, answer
        self.steps = [SetupStep("api key", "make it"), SetupStep("fund", "pay", missing="outside")]
        self.done: list[str] = []
        self.may_order: bool | None = None
        self.is_closed = False

    async def check(self) -> Sequence[Finding]:
        return [Finding(self.venue, "key", self.light, "said")]

    async def plan_setup(self) -> Sequence[SetupStep]:
        return self.steps

    async def carry_out(self, step: SetupStep) -> Finding:
        self.done.append(step.name)
        return Finding(self.venue, step.name, Light.UNKNOWN if step.missing else Light.GREEN, "")

    async def probe(self, *, may_order: bool) -> Sequence[Answer]:
        self.may_order = may_order
        return [Answer(self.venue, "accepted clock skew", self.answer, "why", gates_live=True)]

    async def aclose(self) -> None:
        self.is_closed = True


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Scripted:
    one = Scripted()
    monkeypatch.setenv("TWINLEG_STATE_DIR", str(tmp_path))
    monkeypatch.setattr(inspectors, "open_secrets", lambda env: None)
    monkeypatch.setattr(inspectors, "make_inspectors", lambda *a: [one])
    return one


def kept(tmp_path: Path, venues: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((tmp_path / f"venues-{venues}.json").read_text())
    return document


def test_check_prints_a_table_and_keeps_the_findings(
    scripted: Scripted, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["venues", "check"]) == 0
    assert "green" in capsys.readouterr().out
    assert kept(tmp_path, "sim")["findings"][0]["light"] == "green"
    assert scripted.is_closed


def test_a_red_finding_is_exit_1(
    scripted: Scripted, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scripted.light = Light.RED
    assert run(["venues", "check", "--venues", "demo", "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["passed"] is False and answer["venues"] == "demo"
    assert kept(tmp_path, "demo")["findings"][0]["light"] == "red"


def test_setup_does_nothing_without_a_yes(scripted: Scripted) -> None:
    assert run(["venues", "setup"]) == 1
    assert scripted.done == ["fund"]  # which only says what is missing
    assert run(["venues", "setup", "--yes"]) == 1
    assert scripted.done == ["fund", "api key", "fund"]


def test_setup_with_nothing_left_is_exit_0(scripted: Scripted) -> None:
    scripted.steps = []
    assert run(["venues", "setup"]) == 0


def test_probe_sends_orders_only_when_agreed(scripted: Scripted, tmp_path: Path) -> None:
    assert run(["venues", "probe"]) == 0
    assert scripted.may_order is False
    assert run(["venues", "probe", "--orders"]) == 0
    assert scripted.may_order is False  # no terminal, no yes
    assert run(["venues", "probe", "--orders", "--yes"]) == 0
    assert scripted.may_order is True
    assert kept(tmp_path, "sim")["answers"][0]["answer"] == "10 s"


def test_an_open_question_that_gates_is_exit_1(scripted: Scripted) -> None:
    scripted.answer = ""
    assert run(["venues", "probe"]) == 1


def test_unknown_hosts_are_wrong_use(scripted: Scripted) -> None:
    assert run(["venues", "check", "--venues", "moon"]) == 2

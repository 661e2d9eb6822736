"""``twinleg simulate``: the report of CONTRACTS, exit 1 on a violation, one line on wrong use."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.drivers import campaign
from trader_task.cli import run

KEYS = {"seeds", "steps", "packages", "faults", "outcomes", "exposure_seconds_max", "violations"}


def test_a_range_is_half_open_and_answers_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["simulate", "--seeds", "5:15", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert set(report) >= KEYS and report["seeds"] == 10
    assert report["packages"] == sum(report["outcomes"].values()) > 0
    assert report["violations"] == []


def test_the_same_seeds_give_the_same_report(capsys: pytest.CaptureFixture[str]) -> None:
    answers = []
    for _ in range(2):
        run(["simulate", "--seeds", "11:12", "--json"])
        answers.append(capsys.readouterr().out)
    assert answers[0] == answers[1]


def test_a_violation_exits_1_and_names_its_replay(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(first: int, past: int, **_: Any) -> dict[str, Any]:
        report = real(first, past)
        found = {"seed": first, "checker": "I-17", "replay": f"{first}", "text": "a cent is gone"}
        report["violations"].append(found)
        return report

    real = campaign.run_campaign
    monkeypatch.setattr(campaign, "run_campaign", broken)
    assert run(["simulate", "--seeds", "5:6"]) == 1
    assert "I-17 seed 5: a cent is gone" in capsys.readouterr().out


@pytest.mark.parametrize("seeds", ["", "5", "7:5", "5:5", "a:b", "-1:4", "1:99999999999"])
def test_a_range_that_means_nothing_is_wrong_use(
    seeds: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["simulate", "--seeds", seeds]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and len(captured.err.strip().splitlines()) == 1


def test_a_long_run_without_coverage_fails() -> None:
    assert campaign.missing_coverage({}, set())
    assert campaign.failed({"violations": [], "missing": ["fault crash"]})

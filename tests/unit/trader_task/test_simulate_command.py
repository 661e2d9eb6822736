"""``twinleg simulate``: the report of CONTRACTS, exit 1 on a violation, one line on wrong use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from shared.drivers import campaign
from shared.drivers.campaign_tally import Tally
from shared.drivers.sim_faults import NOT_INJECTED
from shared.drivers.sim_report import SeedReport
from shared.exchange.fault_plan import FaultKind
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


def test_a_long_run_without_coverage_fails_and_names_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(campaign, "COVERAGE_FROM", 1)
    assert run(["simulate", "--seeds", "5:6"]) == 1
    printed = capsys.readouterr().out
    assert "not covered: state exited_early" in printed
    assert "not covered: edge hedged --exit_go--> exiting" in printed


def test_many_seeds_want_every_fault_a_hundred_times() -> None:
    tally = Tally(seeds=20_000, faults={kind.value: 99 for kind in FaultKind})
    wanted = {kind for kind in FaultKind if kind not in NOT_INJECTED}
    missing = [name for name in tally.missing(100) if name.startswith("fault ")]
    assert len(missing) == len(wanted)
    assert not [name for name in tally.missing(99) if name.startswith("fault ")]


def test_a_stopped_campaign_goes_on_where_it_stood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(campaign, "CHUNK", 3)
    monkeypatch.setattr(campaign, "KEEP_EVERY", 1)
    state = tmp_path / "campaign.json"
    real, ran = campaign.run_chunk, []

    def counting(chunk: tuple[int, int]) -> dict[str, Any]:
        ran.append(chunk)
        return real(chunk)

    def stopping(chunk: tuple[int, int]) -> dict[str, Any]:
        if chunk[0] > 43:
            raise KeyboardInterrupt
        return counting(chunk)

    monkeypatch.setattr(campaign, "run_chunk", stopping)
    with pytest.raises(KeyboardInterrupt):
        campaign.run_campaign(40, 50, state_file=state)
    monkeypatch.setattr(campaign, "run_chunk", counting)
    resumed = campaign.run_campaign(40, 50, state_file=state)
    assert ran == [(40, 43), (43, 46), (46, 49), (49, 50)]
    assert resumed == campaign.run_campaign(40, 50)
    with pytest.raises(ValueError, match="holds seeds 40:50"):
        campaign.run_campaign(40, 51, state_file=state)


def test_a_seed_that_stops_is_a_violation_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = campaign.run_seed

    def stops(seed: int) -> SeedReport:
        assert seed != 41, "a bug"
        return real(seed)

    monkeypatch.setattr(campaign, "run_seed", stops)
    report = campaign.run_campaign(40, 43)
    assert report["seeds"] == 3
    (found,) = report["violations"]
    assert (found["seed"], found["checker"]) == (41, "stopped") and "a bug" in found["text"]
    assert found["replay"] == "twinleg simulate --seeds 41:42"

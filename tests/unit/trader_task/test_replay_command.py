"""``twinleg replay``: its answers and exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shared.drivers.sealing import seal_run
from shared.drivers.segment import segments_of
from tests.support.recorded_desk import recorded_desk, write_raw
from trader_task import cli

_, STEPS = recorded_desk()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    write_raw(tmp_path, STEPS, (10,))
    list(seal_run(tmp_path / "r-1"))
    return tmp_path


def test_a_sound_log_is_verified(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["replay", str(log), "--verify", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["verified"] and answer["segments"] == 2 and answer["events"] == len(STEPS)
    assert answer["divergence"] is None and answer["damages"] == answer["gaps"] == []
    assert cli.run(["replay", str(segments_of(log)[1]), "--verify"]) == 0
    assert "every command and every state is as recorded" in capsys.readouterr().out


def test_a_run_that_is_not_sealed_yet_replays_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Right after `make down`: the last file, or all of them, wait for the next start."""
    write_raw(tmp_path, STEPS, (8, 14))
    for _ in range(3):
        assert cli.run(["replay", str(tmp_path), "--verify", "--json"]) == 0
        answer = json.loads(capsys.readouterr().out)
        assert answer["verified"] and answer["events"] == len(STEPS) and answer["segments"] == 3
        next(seal_run(tmp_path / "r-1"), None)
    (tmp_path / "r-1" / "000001.twlog").unlink()
    assert cli.run(["replay", str(tmp_path), "--verify"]) == 1


def test_without_verify_nothing_is_claimed(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["replay", str(log), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["verified"] is False


def test_damage_is_exit_1_and_named(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = segments_of(log)[0]
    path.write_bytes(path.read_bytes()[:-5])
    assert cli.run(["replay", str(log), "--verify"]) == 1
    out, err = capsys.readouterr()
    assert "torn block" in err and path.name in err and "as recorded" not in out


@pytest.mark.parametrize(("target", "code"), [("missing", 2), ("", 1)])
def test_nothing_to_replay(
    target: str, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["replay", str(tmp_path / target)]) == code
    out, err = capsys.readouterr()
    assert out == "" and len(err.strip().splitlines()) == 1


def test_a_file_that_is_no_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.twlog").write_bytes(b"hello")
    assert cli.run(["replay", str(tmp_path)]) == 1
    assert "not an event log" in capsys.readouterr().err

"""The long tier's runner: limits, verdicts, and nothing left running behind a part."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from tests.verify import __main__ as verify
from tests.verify.__main__ import BUDGET_MIN, PARTS, Part


def test_the_limits_fit_into_the_budget_and_every_part_says_what_it_is() -> None:
    assert sum(part.minutes for part in PARTS) <= BUDGET_MIN == 75
    assert len({part.name for part in PARTS}) == len(PARTS)
    for part in PARTS:
        assert bool(part.command) is not bool(part.missing), part.name
        assert bool(part.command) is (part.minutes > 0), part.name
    root = Path(__file__).resolve().parents[2]
    for part in PARTS:
        for word in part.command:
            assert not word.startswith("tests/") or (root / word).exists(), word


def test_a_failure_is_told_and_the_others_still_run(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    parts = (
        Part("bad", 1, (sys.executable, "-c", "raise SystemExit(3)")),
        Part("good", 1, (sys.executable, "-c", "")),
        Part("none", 0, missing="no machine for it"),
    )
    monkeypatch.setattr(verify, "PARTS", parts)
    assert verify.main([]) == 1
    told = capfd.readouterr().out
    assert "FAILED, exit 3" in told and "passed" in told
    assert "not available: no machine for it" in told
    assert verify.main(["good", "none"]) == 0
    assert verify.main(["typo"]) == 2


def test_what_a_part_leaves_running_is_ended(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    child = "import subprocess,sys,pathlib;"
    child += "p=subprocess.Popen([sys.executable,'-c','import time;time.sleep(60)']);"
    child += f"pathlib.Path({str(note)!r}).write_text(str(p.pid))"
    assert verify.run(Part("leaves", 1, (sys.executable, "-c", child)))[0] == "passed"
    pid = int(note.read_text())
    for _ in range(100):
        stat = Path(f"/proc/{pid}/stat")
        if not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return
        time.sleep(0.05)
    os.kill(pid, 9)
    raise AssertionError("the child outlived its part")

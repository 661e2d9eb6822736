"""F-071, F-072: restart at once, count crashes, give up on refusals."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import pytest

from trader_task.supervisor import EXITS_FILE, ExitLog, Supervisor

CHILD = """
import json, os, sys
from pathlib import Path
log = Path(sys.argv[1]); codes = json.loads(sys.argv[2])
runs = log.read_text().splitlines() if log.exists() else []
names = ("TWINLEG_HOLDER", "TWINLEG_HANDOVER", "TWINLEG_CRASH_LOOP", "TWINLEG_PARENT_PIPE")
with log.open("a") as file:
    file.write(json.dumps({n: os.environ.get(n) for n in names}) + "\\n")
code = codes[len(runs)]
os.kill(os.getpid(), -code) if code < 0 else sys.exit(code)
"""


class Time:
    def __init__(self) -> None:
        self.now = 1_000.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def run(tmp_path: Path, codes: list[int], time: Time) -> tuple[int, list[dict[str, str | None]]]:
    log = tmp_path / "runs"
    argv = [sys.executable, "-S", "-c", CHILD, str(log), json.dumps(codes)]
    supervisor = Supervisor(
        argv, tmp_path, dict(os.environ), sleep=time.sleep, now=lambda: time.now
    )
    code = supervisor.run()
    return code, [json.loads(line) for line in log.read_text().splitlines()]


def test_a_killed_child_is_restarted_at_once_with_a_handover(tmp_path: Path) -> None:
    time = Time()
    code, runs = run(tmp_path, [-signal.SIGKILL, 0], time)
    assert code == 0 and len(runs) == 2
    assert time.slept == [0.0]
    assert runs[0]["TWINLEG_HANDOVER"] is None and runs[1]["TWINLEG_HANDOVER"] == "1"
    assert runs[0]["TWINLEG_HOLDER"] == runs[1]["TWINLEG_HOLDER"]
    assert runs[0]["TWINLEG_CRASH_LOOP"] is runs[1]["TWINLEG_CRASH_LOOP"] is None


def test_a_refusal_is_final(tmp_path: Path) -> None:
    code, runs = run(tmp_path, [3, 0], Time())
    assert code == 3 and len(runs) == 1


def test_f072_crash_loop_starts_for_recovery_only_and_slows_down(tmp_path: Path) -> None:
    time = Time()
    code, runs = run(tmp_path, [1, 1, 1, 1, 1, 0], time)
    assert code == 0
    marks = [bool(r["TWINLEG_CRASH_LOOP"]) for r in runs]
    assert marks == [False, False, False, True, True, True]
    assert time.slept[0] == 0.0 and time.slept[-1] > 0.0


def test_f072_exits_are_counted_over_supervisors(tmp_path: Path) -> None:
    now = 5_000.0
    log = ExitLog(tmp_path, lambda: now)
    for _ in range(5):
        log.add()
        now += 100
    assert log.is_crash_loop()
    assert ExitLog(tmp_path, lambda: now).is_crash_loop()
    now += 200
    assert not ExitLog(tmp_path, lambda: now).is_crash_loop()


@pytest.mark.parametrize("text", ["", "{", "[1, null]", '{"a": 1}'])
def test_an_unreadable_exit_log_counts_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / EXITS_FILE).write_text(text)
    assert not ExitLog(tmp_path).is_crash_loop()


def test_termination_reaches_the_child_and_ends_supervising(tmp_path: Path) -> None:
    """The parent forwards SIGTERM; a child that ends in order ends the parent in order."""
    import subprocess
    import textwrap

    program = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from trader_task.supervisor import Supervisor
        child = (
            "import signal,sys,time;signal.signal(signal.SIGTERM, lambda *a: sys.exit(0));"
            "print('ready', flush=True);time.sleep(60)"
        )
        s = Supervisor([sys.executable, "-c", child], Path(sys.argv[1]), {})
        s.install_signals()
        sys.exit(s.run())
        """
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None and parent.stdout.readline().strip() == "ready"
    parent.send_signal(signal.SIGTERM)
    assert parent.wait(timeout=20) == 0
    parent.stdout.close()

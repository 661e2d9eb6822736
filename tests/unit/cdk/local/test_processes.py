"""Detached processes: ready line, early death, bounded stop, nothing left behind."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from cdk.local import processes
from cdk.local.layout import EditionError, Layout

READY = "import json,time;print(json.dumps({'dsn':'x'}),flush=True);time.sleep(60)"
STUBBORN = (
    "import signal,time,json;signal.signal(signal.SIGTERM,signal.SIG_IGN);"
    "print(json.dumps({'ok':1}),flush=True);time.sleep(60)"
)
PARENT = (
    "import subprocess,sys,time,json;"
    "p=subprocess.Popen([sys.executable,'-c','import time;time.sleep(60)']);"
    "print(json.dumps({'child':p.pid}),flush=True);time.sleep(60)"
)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path)
    yield made
    processes.stop(made, processes.read_run_file(made), lambda _text: None)


def start(layout: Layout, name: str, code: str) -> processes.Running:
    return processes.start(layout, name, 0, [sys.executable, "-c", code], dict(os.environ))


def test_start_wait_and_stop(layout: Layout) -> None:
    entry = start(layout, "postgres", READY)
    assert processes.wait_for_line(layout, entry, 20) == {"dsn": "x"}
    assert processes.read_run_file(layout) == [entry]
    assert processes.is_alive(entry)
    assert processes.stop(layout, [entry], lambda _text: None) == []
    assert not processes.is_alive(entry)
    assert processes.read_run_file(layout) == []


def test_one_that_dies_is_reported_with_its_last_words(layout: Layout) -> None:
    entry = start(layout, "trader", "import sys; sys.exit('no such table')")
    with pytest.raises(EditionError, match=r"(?s)trader ended at once.*no such table"):
        processes.wait_for_line(layout, entry, 20)


def test_one_that_stays_silent_is_given_up(layout: Layout) -> None:
    entry = start(layout, "aws", "import time; time.sleep(60)")
    with pytest.raises(EditionError, match="not ready after 0 s"):
        processes.wait_for_line(layout, entry, 0.2)


def test_one_that_ignores_the_request_is_killed(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "STOP_DEFAULT_S", 0.3)
    entry = start(layout, "mule", STUBBORN)
    processes.wait_for_line(layout, entry, 20)
    assert processes.stop(layout, [entry], lambda _text: None) == ["mule"]
    assert not processes.is_alive(entry)


def test_children_do_not_outlive_their_parent(layout: Layout) -> None:
    entry = start(layout, "parent", PARENT)
    child = processes.wait_for_line(layout, entry, 20)["child"]
    processes.stop(layout, [entry], lambda _text: None)
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE


def test_a_reused_pid_is_not_ours(layout: Layout) -> None:
    entry = start(layout, "one", READY)
    stranger = replace(entry, started=entry.started - 100)
    assert not processes.is_alive(stranger)
    assert processes.stop(layout, [stranger], lambda _text: None) == []
    assert processes.is_alive(entry)
    assert processes.stop(layout, [entry], lambda _text: None) == []


def test_a_restarted_part_replaces_its_row(layout: Layout) -> None:
    first = start(layout, "one", READY)
    processes.stop(layout, [first], lambda _text: None)
    second = start(layout, "one", READY)
    assert processes.read_run_file(layout) == [second]


def test_unreadable_run_file_is_said(layout: Layout) -> None:
    layout.run_file.write_text("[{")
    with pytest.raises(EditionError, match="unreadable"):
        processes.read_run_file(layout)
    layout.run_file.unlink()


def test_environment_carries_no_cloud_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "real")
    monkeypatch.setenv("TWINLEG_MODE", "venue_live")
    cleaned = processes.clean_environment()
    assert not [name for name in cleaned if name.startswith(("AWS_", "TWINLEG_"))]
    assert "PATH" in cleaned

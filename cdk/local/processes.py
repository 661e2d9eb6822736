"""Detached processes with a written record: start, wait until ready, stop, leave nothing.

A process is identified by its pid together with the time it was created, so that a reused
pid is never mistaken for ours and never gets our signal.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import psutil

from cdk.local.layout import ROOT, EditionError, Layout, write_json

STOP_AFTER_S: Final[Mapping[str, float]] = {
    "trader": 25.0,  # finishes its hedges and releases the lease
    "aws": 20.0,  # writes its state
    "postgres": 20.0,  # shutdown checkpoint
}
STOP_DEFAULT_S: Final = 8.0
_POLL_S: Final = 0.05

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Running:
    """One started process as ``run.json`` keeps it. ``started`` is its creation, unix s."""

    pid: int
    name: str
    port: int
    argv: list[str]
    started: float


def read_run_file(layout: Layout) -> list[Running]:
    """Return what the run file lists, dead or alive, in the order of starting."""
    try:
        rows = json.loads(layout.run_file.read_text())
        return [Running(**row) for row in rows]
    except FileNotFoundError:
        return []
    except (ValueError, TypeError):
        raise EditionError(
            f"{layout.run_file} is unreadable: end the processes it should list by hand, "
            f"then delete it"
        ) from None


def is_alive(entry: Running) -> bool:
    """Return whether this very process still runs."""
    try:
        process = psutil.Process(entry.pid)
        same = abs(process.create_time() - entry.started) < 1.0
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def log_path(layout: Layout, name: str) -> Path:
    return layout.logs / f"{name}.log"


def start(
    layout: Layout, name: str, port: int, argv: Sequence[str], environment: Mapping[str, str]
) -> Running:
    """Start a process in its own session, log to a file, write it into the run file."""
    layout.logs.mkdir(parents=True, exist_ok=True)
    with log_path(layout, name).open("ab") as log, answer_path(layout, name).open("wb") as answer:
        process = subprocess.Popen(
            list(argv),
            cwd=ROOT,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=answer,
            stderr=log,
            start_new_session=True,
        )
    entry = Running(process.pid, name, port, list(argv), psutil.Process(process.pid).create_time())
    kept = [row for row in read_run_file(layout) if row.name != name]
    write_json(layout.run_file, [asdict(row) for row in [*kept, entry]])
    return entry


def answer_path(layout: Layout, name: str) -> Path:
    """Standard output of a process: its one JSON line when ready, and little else."""
    return layout.logs / f"{name}.out"


def wait_for_line(layout: Layout, entry: Running, deadline_s: float) -> dict[str, Any]:
    """Return the JSON line that a process prints when it is ready.

    Raises EditionError with the end of its log when it ends or stays silent.
    """

    def read() -> dict[str, Any] | None:
        for line in answer_path(layout, entry.name).read_text(errors="replace").splitlines():
            if line.startswith("{"):
                with contextlib.suppress(ValueError):
                    return dict(json.loads(line))
        return None

    return _wait(layout, entry, deadline_s, read)


def wait_for_http(
    layout: Layout, entry: Running, url: str, deadline_s: float, *, status: int = 200
) -> None:
    """Wait until a URL of the process answers with the status. Raises EditionError."""

    def ask() -> bool | None:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                return True if answer.status == status else None
        except urllib.error.HTTPError as error:
            return True if error.code == status else None
        except OSError:
            return None

    _wait(layout, entry, deadline_s, ask)


def _wait(layout: Layout, entry: Running, deadline_s: float, probe: Callable[[], T | None]) -> T:
    deadline = time.monotonic() + deadline_s
    while time.monotonic() < deadline:
        found = probe()
        if found is not None:
            return found
        if not is_alive(entry):
            raise EditionError(f"{entry.name} ended at once:\n{log_tail(layout, entry.name)}")
        time.sleep(_POLL_S)
    raise EditionError(
        f"{entry.name} was not ready after {deadline_s:.0f} s; its log is "
        f"{log_path(layout, entry.name)}:\n{log_tail(layout, entry.name)}"
    )


def log_tail(layout: Layout, name: str, lines: int = 6) -> str:
    """Return the last lines that a process logged, for an error message."""
    try:
        text = log_path(layout, name).read_text(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def stop(layout: Layout, entries: Sequence[Running], say: Callable[[str], None]) -> list[str]:
    """Stop processes in reverse order, each within its time, children included.

    Returns the names of those that had to be killed. The run file is empty afterwards.
    """
    killed: list[str] = []
    for entry in reversed(entries):
        if not is_alive(entry):
            continue
        process = psutil.Process(entry.pid)
        family = [process, *_children(process)]
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
        _gone, alive = psutil.wait_procs(
            [process], timeout=STOP_AFTER_S.get(entry.name, STOP_DEFAULT_S)
        )
        if alive:
            killed.append(entry.name)
        _kill_rest(family)
        say(f"{entry.name} {'killed' if alive else 'stopped'}")
    layout.run_file.unlink(missing_ok=True)
    return killed


def _children(process: psutil.Process) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return list(process.children(recursive=True))
    return []


def _kill_rest(family: Sequence[psutil.Process]) -> None:
    """End what a stopped process left behind: helpers get a moment, then no choice."""
    _gone, alive = psutil.wait_procs(family, timeout=2)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=2)


def clean_environment() -> dict[str, str]:
    """Return the caller's environment without any cloud credential or proxy of the cloud SDK."""
    dropped = ("AWS_", "TWINLEG_", "PYTHON")
    return {k: v for k, v in os.environ.items() if not k.startswith(dropped)}

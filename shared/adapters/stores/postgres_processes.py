"""Server processes that a killed launcher left behind, found by their working folder.

A pid file proves nothing after a kill -9: its number may belong to a stranger by now.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from shared.domain.errors import StoreError


def stop_leftovers(cluster: Path, patience_s: float) -> None:
    """Stop every server process that still works in ``cluster``; ours has not started yet.

    A postmaster gets SIGINT (fast, in order); backends of a dead one leave by themselves.

    Raises:
        StoreError: one stays alive; starting a second server would corrupt the data.
    """
    deadline = time.monotonic() + patience_s
    asked: set[int] = set()
    while alive := _server_processes(cluster):
        for pid in alive - asked:
            _signal(pid, signal.SIGINT)
        asked |= alive
        if time.monotonic() > deadline:
            raise StoreError(f"a Postgres process ({min(alive)}) of {cluster} does not stop")
        if time.monotonic() > deadline - patience_s / 2:
            for pid in alive:
                _signal(pid, signal.SIGQUIT)
        time.sleep(0.05)


def _server_processes(cluster: Path) -> set[int]:
    """Return ids of live postgres processes whose working folder is ``cluster``."""
    found: set[int] = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            works_here = (entry / "cwd").samefile(cluster)
            name = (entry / "comm").read_text().strip()
        except OSError:
            continue
        if works_here and name == "postgres":
            found.add(int(entry.name))
    return found


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return

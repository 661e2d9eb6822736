"""The parent process: starts the trader, sees it exit, starts it again.

Because the parent is the one that waited for its child, a successor need not wait for the
lease of a trader that provably runs no more: it is told so in its environment. Abnormal
exits are counted on disk; five in ten minutes, or three in one, start the next trader
for recovery only, and it pauses (F-072). A child that refuses to start (exit code 3:
configuration or mode) is not started again.
If the parent itself dies, its end of a pipe closes and the child shuts down in order.
Twin: tests/unit/trader_task/test_supervisor.py
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Final

EXIT_DONE: Final = 0
EXIT_FAILED: Final = 1
EXIT_REFUSED: Final = 3

LOOP_EXITS: Final = 5
LOOP_WINDOW_S: Final = 600
BURST_EXITS: Final = 3
BURST_WINDOW_S: Final = 60
PAUSE_MAX_S: Final = 10.0

HOLDER: Final = "TWINLEG_HOLDER"
HANDOVER: Final = "TWINLEG_HANDOVER"
CRASH_LOOP: Final = "TWINLEG_CRASH_LOOP"
PARENT_PIPE: Final = "TWINLEG_PARENT_PIPE"
EXITS_FILE: Final = "trader_exits.json"


class ExitLog:
    """Wall-clock seconds of abnormal exits, kept in the state directory."""

    def __init__(self, directory: Path, now: Callable[[], float] = time.time) -> None:
        self._path = directory / EXITS_FILE
        self._now = now

    def add(self) -> None:
        recent = [*self.recent(), self._now()]
        self._path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._path.with_suffix(".tmp")
        temporary.write_text(json.dumps(recent))
        temporary.replace(self._path)

    def recent(self) -> list[float]:
        """Exits of the last ten minutes, oldest first; an unreadable file counts as none."""
        try:
            times = [float(t) for t in json.loads(self._path.read_text())]
        except (OSError, ValueError, TypeError):
            return []
        return [t for t in times if 0 <= self._now() - t < LOOP_WINDOW_S]

    def is_crash_loop(self) -> bool:
        times = self.recent()
        burst = [t for t in times if self._now() - t < BURST_WINDOW_S]
        return len(times) >= LOOP_EXITS or len(burst) >= BURST_EXITS


class Supervisor:
    """Runs one child at a time until it ends in order or refuses."""

    def __init__(
        self,
        argv: Sequence[str],
        state_dir: Path,
        environment: Mapping[str, str],
        *,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._argv = list(argv)
        self._environment = dict(environment)
        self._exits = ExitLog(state_dir, now)
        self._sleep = sleep
        self._child: subprocess.Popen[bytes] | None = None
        self._stop = threading.Event()
        self.holder = f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"
        self.starts = 0

    def run(self) -> int:
        """Supervise until the end; returns the exit code for the parent."""
        pause = 0.0
        while True:
            code = self._run_child()
            if code == EXIT_DONE or self._stop.is_set():
                return EXIT_DONE if code in (EXIT_DONE, -signal.SIGTERM) else EXIT_FAILED
            if code == EXIT_REFUSED:
                return EXIT_REFUSED
            self._exits.add()
            self._say("trader exited", code=code, recent=len(self._exits.recent()))
            # The first restart is immediate: exposure may be open (10 s bound).
            self._sleep(pause)
            pause = min(max(0.5, pause * 2), PAUSE_MAX_S) if self._exits.is_crash_loop() else 0.0
            if self._stop.is_set():
                return EXIT_FAILED

    def _run_child(self) -> int:
        environment = {**self._environment, HOLDER: self.holder}
        if self.starts:
            environment[HANDOVER] = "1"
        if self._exits.is_crash_loop():
            environment[CRASH_LOOP] = "1"
        reading, writing = os.pipe()
        environment[PARENT_PIPE] = str(reading)
        try:
            self._child = subprocess.Popen(self._argv, env=environment, pass_fds=(reading,))
        finally:
            os.close(reading)
        self.starts += 1
        try:
            return self._child.wait()
        finally:
            self._child = None
            os.close(writing)

    def forward(self, number: int, _frame: FrameType | None) -> None:
        """Signal handler: pass it on; a termination also ends supervising."""
        if number in (signal.SIGTERM, signal.SIGINT):
            self._stop.set()
            number = signal.SIGTERM
        child = self._child
        if child is not None and child.poll() is None:
            child.send_signal(number)

    def install_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
            signal.signal(number, self.forward)

    def _say(self, event: str, **fields: object) -> None:
        record = {"event": event, "logger": "supervisor", "holder": self.holder, **fields}
        print(json.dumps(record), file=sys.stderr, flush=True)

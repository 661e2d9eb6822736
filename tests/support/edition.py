"""Fixture: the whole one-machine edition below a temporary state folder, and its browser's view."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil

ROOT = Path(__file__).resolve().parents[2]
T = TypeVar("T")
UP_LIMIT_S = 240
DOWN_LIMIT_S = 150


@dataclass
class RunningEdition:
    """One edition: started and stopped by command, asked through its front proxy."""

    state: Path
    options: tuple[str, ...] = ()
    address: str = ""
    code: str = ""
    csrf: str = ""
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=30))

    # --- commands ---------------------------------------------------------------------------

    def command(self, *arguments: str, limit_s: float) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "cdk.local", "--state", str(self.state), *arguments]
        return subprocess.run(
            argv, cwd=ROOT, capture_output=True, text=True, timeout=limit_s, check=False
        )

    def up(self) -> None:
        """Start, and log in with the printed code."""
        done = self.command("up", *self.options, limit_s=UP_LIMIT_S)
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{self.logs()}"
        self.address = done.stdout.splitlines()[0]
        found = re.search(r"One-time code (\S+),", done.stdout)
        assert found, done.stdout
        self.code = found.group(1)
        self.log_in()

    def down(self) -> None:
        done = self.command("down", limit_s=DOWN_LIMIT_S)
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{self.logs()}"

    def status(self) -> dict[str, Any]:
        return dict(json.loads(self.command("status", "--json", limit_s=60).stdout))

    def pids(self) -> dict[str, int]:
        """Return name -> pid of the parts, the trader's worker included as ``trader_child``."""
        found = {row["name"]: row["pid"] for row in self.status()["processes"]}
        if "trader" in found:
            children = psutil.Process(found["trader"]).children()
            if children:
                found["trader_child"] = children[0].pid
        return found

    def logs(self) -> str:
        """Return the end of every log, for the message of a failed assertion."""
        parts = []
        for path in sorted((self.state / "logs").glob("*.log")):
            tail = "\n".join(path.read_text(errors="replace").splitlines()[-15:])
            parts.append(f"--- {path.name}\n{tail}")
        return "\n".join(parts)

    def cli(self, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        """Run ``twinleg`` in another shell that only knows the state folder."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("TWINLEG_")}
        environment["TWINLEG_STATE_DIR"] = str(self.state)
        argv = [sys.executable, "-m", "trader_task.cli", *arguments]
        return subprocess.run(
            argv,
            cwd=ROOT,
            env=environment,
            input=typed,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    # --- the browser's view -------------------------------------------------------------------

    def log_in(self) -> None:
        self.client = httpx.Client(base_url=self.address, timeout=30)
        answer = self.client.post("/api/v1/session", json={"code": self.code})
        assert answer.status_code == 200, answer.text
        self.csrf = answer.json()["csrf_token"]

    def get(self, path: str, **query: Any) -> Any:
        answer = self.client.get(f"/api/v1/{path}", params=query)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text[:500]}"
        return answer.json()

    def all_rows(self, path: str) -> list[dict[str, Any]]:
        """Return every row of a page by page list."""
        rows: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            query = {"limit": 200} | ({"cursor": cursor} if cursor else {})
            page = self.get(path, **query)
            rows += page["rows"]
            cursor = page["next_cursor"]
            if cursor is None:
                return rows

    def wait_for(self, probe: Callable[[], T | None], limit_s: float, what: str) -> T:
        """Ask until there is an answer; fails with the logs when there is none in time."""
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            found = probe()
            if found is not None:
                return found
            time.sleep(1)
        raise AssertionError(f"no {what} within {limit_s:.0f} s\n{self.logs()}")

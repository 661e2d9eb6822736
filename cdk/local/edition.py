"""Starts and stops the edition in order, each part only when the one before answers.

record (Postgres) -> cloud (embedded AWS, core stacks) -> keys -> simulators -> catalogue and
pairs -> trader -> front proxy. Stopping is the reverse. A part that already runs is left
alone, so that `up` after a crash of one part restarts that part.
"""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from cdk.local import processes
from cdk.local.deploy import DeployError
from cdk.local.layout import (
    STATE_FORMAT,
    EditionError,
    Layout,
    Ports,
    choose_ports,
    read_edition,
    write_json,
)
from cdk.local.options import Options, check_machine, check_options
from cdk.local.parts import Parts

Say = Callable[[str], None]

STOP_LAST_FIRST: Final = ("postgres", "aws", "simulators", "trader", "proxy")
"""Stopped from the right: nothing loses what it still needs to stop in order."""


@dataclass
class Edition:
    """One start or stop of the edition below ``layout``."""

    layout: Layout
    say: Say
    ports: Ports = field(default_factory=Ports)
    options: Options = field(default_factory=Options)

    # --- up -------------------------------------------------------------------------------

    def up(self, options: Options) -> tuple[str, str]:
        """Start what does not run and return (address, one-time code).

        Raises EditionError with a sentence; what was started until then is stopped again.
        """
        check_options(options)
        check_machine(self.layout)
        self.options = options
        self.layout = replace(self.layout, world=options.world)
        with self._only_one():
            before = self._alive()
            self._settle_ports(before)
            parts = Parts(self.layout, self.ports, options, frozenset(before))
            try:
                answer = self._start_all(parts)
            except (EditionError, DeployError, KeyboardInterrupt) as error:
                started = [r for r in processes.read_run_file(self.layout) if r.name not in before]
                self._stop(started)
                self._rewrite_run_file(before)
                if isinstance(error, DeployError):
                    raise EditionError(f"the stacks could not be deployed: {error}") from error
                raise
            self._write_edition(address=answer[0])
            return answer

    def _start_all(self, parts: Parts) -> tuple[str, str]:
        ports = self.ports
        with self._step("record", "Postgres on a socket"):
            parts.start_aws()  # boots meanwhile
            parts.start_postgres()
            parts.migrate()
        with self._step("cloud", f"port {ports.aws}"):
            parts.wait_aws()
            api_id = parts.deploy()
            parts.store_venue_keys()
        with self._step("simulators", f"ports {ports.kalshi}, {ports.polymarket}"):
            for line in parts.start_simulators():
                self.say(f"     {line}")
        with self._step("pairs", ""):
            parts.run_workflow("matching")
        with self._step("trader", f"metrics port {ports.metrics}"):
            parts.start_trader()
        with self._step("dashboard", f"port {ports.proxy}"):
            parts.start_proxy(api_id)
            code = parts.new_code()
        return f"http://127.0.0.1:{ports.proxy}", code

    # --- down and status ------------------------------------------------------------------

    def down(self) -> list[str]:
        """Stop everything in reverse order; returns the names that had to be killed."""
        with self._only_one():
            known = read_edition(self.layout)
            self.layout = replace(self.layout, world=str(known.get("world", "")))
            return self._stop(processes.read_run_file(self.layout))

    def _stop(self, entries: Sequence[processes.Running]) -> list[str]:
        """Stop processes; a cloud that stopped by itself has written its memory: mark that."""
        had_cloud = any(e.name == "aws" and processes.is_alive(e) for e in entries)
        ordered = sorted(entries, key=lambda entry: STOP_LAST_FIRST.index(entry.name))
        killed = processes.stop(self.layout, ordered, self.say)
        if had_cloud:
            shutil.rmtree(self.layout.aws_scratch, ignore_errors=True)
        if had_cloud and "aws" not in killed:
            self.layout.aws_clean_mark.touch()
        return killed

    def status(self) -> dict[str, Any]:
        """Return what runs: processes with pid, port and liveness, and the address."""
        entries = processes.read_run_file(self.layout)
        rows = [
            {"name": e.name, "pid": e.pid, "port": e.port, "alive": processes.is_alive(e)}
            for e in entries
        ]
        known = read_edition(self.layout)
        running = bool(rows) and all(row["alive"] for row in rows)
        return {
            "running": running,
            "address": known.get("address") if running else None,
            "mode": known.get("mode"),
            "state": str(self.layout.state),
            "processes": rows,
        }

    # --- what is remembered -----------------------------------------------------------------

    def _alive(self) -> dict[str, processes.Running]:
        entries = processes.read_run_file(self.layout)
        return {e.name: e for e in entries if processes.is_alive(e)}

    def _settle_ports(self, alive: Mapping[str, processes.Running]) -> None:
        """Keep the ports of the last start where they are free or ours, else take the next.

        A changed mode or source needs the parts that know it to start anew.
        """
        known = read_edition(self.layout)
        if alive:
            self._refuse_other_options(known)
            ports = known.get("ports")
            if not isinstance(ports, dict):
                raise EditionError("parts of an unfinished start still run: `make down` first")
            self.ports = Ports(**ports)
            return
        self.ports = choose_ports(Ports(), self.options.ports)
        self._write_edition(address=None)

    def _refuse_other_options(self, known: Mapping[str, object]) -> None:
        if known.get("options") != self._options_document():
            raise EditionError("it already runs with other options: `make down` first")

    def _options_document(self) -> dict[str, object]:
        options = self.options
        recordings = str(options.recordings.resolve()) if options.recordings else None
        document: dict[str, object] = {
            "mode": options.run_mode,
            "recordings": recordings,
            "speed": options.speed,
            "seed": options.seed,
        }
        if options.jurisdiction:
            document["jurisdiction"] = options.jurisdiction
        return document

    def _write_edition(self, address: str | None) -> None:
        write_json(
            self.layout.edition_file,
            {
                "format": STATE_FORMAT,
                "mode": self.options.run_mode,
                "world": self.options.world,
                "options": self._options_document(),
                "ports": asdict(self.ports),
                "address": address,
            },
        )

    def _rewrite_run_file(self, before: Mapping[str, processes.Running]) -> None:
        if before:
            write_json(self.layout.run_file, [asdict(entry) for entry in before.values()])

    @contextlib.contextmanager
    def _step(self, name: str, note: str) -> Iterator[None]:
        began = time.monotonic()
        self.say(f"   {name} ...")
        try:
            yield
        except BaseException:
            self.say(f" x {name}")
            raise
        self.say(f" + {name:<12} {time.monotonic() - began:5.1f} s  {note}".rstrip())

    @contextlib.contextmanager
    def _only_one(self) -> Iterator[None]:
        """Hold the folder's lock, so that two starts never race."""
        self.layout.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self.layout.lock_file.open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise EditionError(
                    f"another start or stop is at work on {self.layout.state}: wait for it"
                ) from None
            yield

"""Starts and stops the edition in order, each part only when the one before answers.

record (Postgres) -> cloud (embedded AWS, core stacks) -> keys -> simulators -> catalogue and
pairs -> trader -> front proxy. Stopping is the reverse. A part that already runs is left
alone, so that `up` after a crash of one part restarts that part.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from cdk.local import login, processes
from cdk.local.deploy import REGION, STAGE, DeployError, aws_environment, client, deploy_core
from cdk.local.layout import (
    ROOT,
    STATE_FORMAT,
    EditionError,
    Layout,
    Ports,
    choose_ports,
    read_edition,
    write_json,
)
from cdk.local.options import Options, check_machine, check_options, find_node
from cdk.stacks.parameters import LOCAL_PARAMETERS
from shared.contracts import names

Say = Callable[[str], None]

POSTGRES_S: Final = 60.0
AWS_S: Final = 60.0
SIMULATORS_S: Final = 60.0
TRADER_S: Final = 60.0
PROXY_S: Final = 20.0
FUNCTION_S: Final = 120


@dataclass
class Edition:
    """One start or stop of the edition below ``layout``."""

    layout: Layout
    say: Say
    ports: Ports = field(default_factory=Ports)
    options: Options = field(default_factory=Options)
    environment: dict[str, str] = field(default_factory=dict)

    # --- up -------------------------------------------------------------------------------

    def up(self, options: Options) -> tuple[str, str]:
        """Start what does not run and return (address, one-time code).

        Raises EditionError with a sentence; what was started until then is stopped again.
        """
        check_options(options)
        check_machine(self.layout)
        self.options = options
        with self._only_one():
            before = self._alive()
            self._settle_ports(before)
            self.environment = self._base_environment()
            try:
                return self._start_all(set(before))
            except (EditionError, DeployError, KeyboardInterrupt) as error:
                started = [r for r in processes.read_run_file(self.layout) if r.name not in before]
                processes.stop(self.layout, started, self.say)
                self._rewrite_run_file(before)
                if isinstance(error, DeployError):
                    raise EditionError(
                        f"the cloud stacks could not be deployed: {error}"
                    ) from error
                raise

    def _start_all(self, running: set[str]) -> tuple[str, str]:
        with self._step("record", ""):
            self._start_aws(running)
            self._start_postgres(running)
            self._migrate()
        with self._step("cloud", f"port {self.ports.aws}"):
            self._wait_aws()
            api_id = self._deploy()
            self._store_venue_keys()
        with self._step("simulators", f"ports {self.ports.kalshi}, {self.ports.polymarket}"):
            self._start_simulators(running)
        with self._step("pairs", ""):
            self._invoke("sync_catalog")
            self._invoke("confirm_pairs")
        with self._step("trader", f"metrics port {self.ports.metrics}"):
            self._start_trader(running)
        with self._step("dashboard", f"port {self.ports.proxy}"):
            self._start_proxy(running, api_id)
            code = login.new_code()
            login.store_code(self._endpoint, code)
        self._remember()
        return f"http://127.0.0.1:{self.ports.proxy}", code

    def _start_aws(self, running: set[str]) -> None:
        if "aws" in running:
            return
        self._forget_unclean_cloud()
        self.layout.aws.mkdir(parents=True, exist_ok=True)
        self.layout.aws_clean_mark.unlink(missing_ok=True)
        environment = {**self.environment, **cloud_environment(self.layout, self.ports.aws)}
        argv = [sys.executable, "-m", "ministack"]
        processes.start(self.layout, "aws", self.ports.aws, argv, environment)

    def _forget_unclean_cloud(self) -> None:
        """After a crash drop the cloud's memory of its last clean stop, which is out of date.

        All of it is rebuilt: the stacks from the templates, flags from Postgres and from the
        trader, secrets from the state folder. Objects in buckets are files and stay.
        """
        if self.layout.aws_clean_mark.exists() or not self.layout.aws.exists():
            return
        for memory in self.layout.aws.glob("*.json"):
            memory.unlink()

    def _start_postgres(self, running: set[str]) -> None:
        if "postgres" not in running:
            argv = self._module("shared.adapters.stores.embedded_postgres")
            argv += ["--data", str(self.layout.postgres)]
            processes.start(self.layout, "postgres", 0, argv, self.environment)
        entry = self._entry("postgres")
        answer = processes.wait_for_line(self.layout, entry, POSTGRES_S)
        self.environment["TWINLEG_DSN"] = str(answer["dsn"])

    def _migrate(self) -> None:
        argv = self._module("shared.adapters.stores.migrate")
        self._run([*argv, "--dsn", self.environment["TWINLEG_DSN"]], "the record's tables")

    def _wait_aws(self) -> None:
        url = f"{self._endpoint}/_ministack/health"
        processes.wait_for_http(self.layout, self._entry("aws"), url, AWS_S)

    def _deploy(self) -> str:
        values = {key: self.environment.get(name, "") for key, name in LOCAL_PARAMETERS.items()}
        return deploy_core(self.layout.state, self._endpoint, values, self._detail).api_id

    def _store_venue_keys(self) -> None:
        """Make the simulated accounts' keys once and put the private side into the secrets."""
        argv = [*self._module("shared.simulators.keys"), "--out", str(self.layout.simulators)]
        self._run(argv, "the simulated accounts")
        private: Mapping[str, Any] = json.loads(
            (self.layout.simulators / "secrets.json").read_text()
        )
        manager = client("secretsmanager", self._endpoint)
        for venue in ("kalshi", "polymarket"):
            manager.put_secret_value(
                SecretId=names.secret(STAGE, venue), SecretString=json.dumps(private[venue])
            )

    def _start_simulators(self, running: set[str]) -> None:
        if "simulators" not in running:
            argv = [
                *self._module("shared.simulators"),
                *("--kalshi-port", str(self.ports.kalshi)),
                *("--polymarket-port", str(self.ports.polymarket)),
                *("--state", str(self.layout.simulators), "--seed", str(self.options.seed)),
            ]
            if self.options.recordings is None:
                argv += ["--source", "dynamics"]
            else:
                argv += ["--source", "recordings", "--speed", str(self.options.speed)]
                argv += ["--recordings", str(self.options.recordings.resolve())]
            processes.start(self.layout, "simulators", self.ports.kalshi, argv, self.environment)
        processes.wait_for_line(self.layout, self._entry("simulators"), SIMULATORS_S)

    def _start_trader(self, running: set[str]) -> None:
        if "trader" not in running:
            argv = self._module("trader_task")
            processes.start(self.layout, "trader", self.ports.metrics, argv, self.environment)
        url = f"http://127.0.0.1:{self.ports.metrics}/healthz"
        processes.wait_for_http(self.layout, self._entry("trader"), url, TRADER_S)

    def _start_proxy(self, running: set[str], api_id: str) -> None:
        if "proxy" not in running:
            argv = [
                *self._module("cdk.local.proxy"),
                *("--port", str(self.ports.proxy), "--build", str(self.layout.build)),
                *("--aws", self._endpoint, "--api-id", api_id),
            ]
            processes.start(self.layout, "proxy", self.ports.proxy, argv, self.environment)
        url = f"http://127.0.0.1:{self.ports.proxy}/api/v1/health"
        processes.wait_for_http(self.layout, self._entry("proxy"), url, PROXY_S)

    # --- down and status ------------------------------------------------------------------

    def down(self) -> list[str]:
        """Stop everything in reverse order; returns the names that had to be killed."""
        with self._only_one():
            return self._stop(processes.read_run_file(self.layout))

    def _stop(self, entries: Sequence[processes.Running]) -> list[str]:
        had_cloud = any(e.name == "aws" and processes.is_alive(e) for e in entries)
        killed = processes.stop(self.layout, entries, self.say)
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

    # --- parts ----------------------------------------------------------------------------

    @property
    def _endpoint(self) -> str:
        return f"http://127.0.0.1:{self.ports.aws}"

    def _base_environment(self) -> dict[str, str]:
        kalshi = f"127.0.0.1:{self.ports.kalshi}"
        polymarket = f"127.0.0.1:{self.ports.polymarket}"
        environment = {
            **processes.clean_environment(),
            **aws_environment(self._endpoint),
            "PYTHONUNBUFFERED": "1",
            "TWINLEG_STAGE": STAGE,
            "TWINLEG_STATE_DIR": str(self.layout.state),
            "TWINLEG_MODE": self.options.run_mode,
            "TWINLEG_METRICS_PORT": str(self.ports.metrics),
            "TWINLEG_KALSHI_URL": f"http://{kalshi}",
            "TWINLEG_KALSHI_WS_URL": f"ws://{kalshi}/trade-api/ws/v2",
            "TWINLEG_POLYMARKET_CLOB_URL": f"http://{polymarket}",
            "TWINLEG_POLYMARKET_GAMMA_URL": f"http://{polymarket}/gamma",
            "TWINLEG_POLYMARKET_DATA_URL": f"http://{polymarket}/data-api",
            "TWINLEG_POLYMARKET_WS_URL": f"ws://{polymarket}/ws",
            "TWINLEG_GEOBLOCK_URL": f"http://{polymarket}/api/geoblock",
        }
        node = find_node()
        assert node is not None, "checked before"
        environment["PATH"] = f"{node.parent}{os.pathsep}{environment.get('PATH', '')}"
        return environment

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
        return {
            "mode": options.run_mode,
            "recordings": recordings,
            "speed": options.speed,
            "seed": options.seed,
        }

    def _write_edition(self, address: str | None) -> None:
        write_json(
            self.layout.edition_file,
            {
                "format": STATE_FORMAT,
                "mode": self.options.run_mode,
                "options": self._options_document(),
                "ports": asdict(self.ports),
                "address": address,
            },
        )

    def _remember(self) -> None:
        self._write_edition(address=f"http://127.0.0.1:{self.ports.proxy}")

    def _rewrite_run_file(self, before: Mapping[str, processes.Running]) -> None:
        if before:
            write_json(self.layout.run_file, [asdict(entry) for entry in before.values()])

    def _entry(self, name: str) -> processes.Running:
        return next(e for e in processes.read_run_file(self.layout) if e.name == name)

    def _module(self, name: str) -> list[str]:
        return [sys.executable, "-m", name]

    def _run(self, argv: list[str], what: str) -> None:
        """Run a short command to its end. Raises EditionError with what it said."""
        done = subprocess.run(
            argv, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=120
        )
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip().splitlines()[-6:]
            raise EditionError(f"{what} could not be made:\n" + "\n".join(said))

    def _invoke(self, name: str) -> None:
        """Run a deployed function once and wait. Raises EditionError with its error."""
        answer = client("lambda", self._endpoint, timeout_s=FUNCTION_S).invoke(
            FunctionName=names.function(STAGE, name), Payload=b"{}"
        )
        payload = json.loads(answer["Payload"].read() or b"null")
        if "FunctionError" in answer:
            raise EditionError(f"{name} failed: {str(payload)[:600]}")
        self._detail(f"{name} {json.dumps(payload)}")

    def _detail(self, text: str) -> None:
        with processes.log_path(self.layout, "edition").open("a") as log:
            log.write(f"{time.time():.3f} {text}\n")

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
        self.layout.state.mkdir(parents=True, exist_ok=True)
        with self.layout.lock_file.open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise EditionError(
                    f"another start or stop is at work on {self.layout.state}: wait for it"
                ) from None
            yield


def cloud_environment(layout: Layout, port: int) -> dict[str, str]:
    """Return what the embedded AWS is told: loopback only, state kept on an orderly stop."""
    return {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "LAMBDA_EXECUTOR": "local",
        "PERSIST_STATE": "1",
        "STATE_DIR": str(layout.aws),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(layout.aws / "s3"),
        "MINISTACK_REGION": REGION,
        # Its other listeners would bind to every interface.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
    }

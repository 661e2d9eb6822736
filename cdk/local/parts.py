"""The parts of the edition: how each is started, and when it counts as ready.

A part that already runs is left alone, so that `up` after a crash of one restarts that one.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from cdk.local import login, processes
from cdk.local.deploy import REGION, STAGE, aws_environment, client, deploy_core
from cdk.local.layout import ROOT, EditionError, Layout, Ports
from cdk.local.options import Options, find_node
from cdk.stacks.parameters import LOCAL_PARAMETERS
from shared.contracts import names

POSTGRES_S: Final = 60.0
AWS_S: Final = 60.0
SIMULATORS_S: Final = 60.0
TRADER_S: Final = 60.0
PROXY_S: Final = 20.0
WORKFLOW_S: Final = 180
COMMAND_S: Final = 120


@dataclass
class Parts:
    """Starts the parts of one edition. ``running`` names those that already run."""

    layout: Layout
    ports: Ports
    options: Options
    running: frozenset[str]
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.environment = self._base_environment()
        self.layout.data.mkdir(parents=True, exist_ok=True)

    @property
    def endpoint(self) -> str:
        """Address of the embedded AWS."""
        return f"http://127.0.0.1:{self.ports.aws}"

    def start_aws(self) -> None:
        if "aws" in self.running:
            return
        self._forget_unclean_cloud()
        # Unpacked functions lie below the state folder and do not outlive the next start.
        shutil.rmtree(self.layout.aws_scratch, ignore_errors=True)
        self.layout.aws_scratch.mkdir(parents=True)
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

    def start_postgres(self) -> None:
        if "postgres" not in self.running:
            argv = self._module("shared.adapters.stores.embedded_postgres")
            argv += ["--data", str(self.layout.postgres)]
            processes.start(self.layout, "postgres", 0, argv, self.environment)
        entry = self._entry("postgres")
        answer = processes.wait_for_line(self.layout, entry, POSTGRES_S)
        self.environment["TWINLEG_DSN"] = str(answer["dsn"])

    def migrate(self) -> None:
        argv = self._module("shared.adapters.stores.migrate")
        self._run([*argv, "--dsn", self.environment["TWINLEG_DSN"]], "the record's tables")

    def wait_aws(self) -> None:
        url = f"{self.endpoint}/_ministack/health"
        processes.wait_for_http(self.layout, self._entry("aws"), url, AWS_S)

    def deploy(self) -> str:
        values = {key: self.environment.get(name, "") for key, name in LOCAL_PARAMETERS.items()}
        return deploy_core(self.layout.data, self.endpoint, values, self._detail).api_id

    def store_venue_keys(self) -> None:
        """Make the simulated accounts' keys once and put the private side into the secrets."""
        argv = [*self._module("shared.simulators.keys"), "--out", str(self.layout.simulators)]
        self._run(argv, "the simulated accounts")
        private: Mapping[str, Any] = json.loads(
            (self.layout.simulators / "secrets.json").read_text()
        )
        manager = client("secretsmanager", self.endpoint)
        for venue in ("kalshi", "polymarket", "polymarket_us"):
            # A secret is a document of texts; readers refuse anything else in it.
            fields = {key: str(value) for key, value in private[venue].items()}
            manager.put_secret_value(
                SecretId=names.secret(STAGE, venue), SecretString=json.dumps(fields)
            )

    def start_simulators(self) -> list[str]:
        """Start both venues; returns the assumptions that they state about their world."""
        log = processes.log_path(self.layout, "simulators")
        already_said = log.stat().st_size if log.exists() else 0
        if "simulators" not in self.running:
            argv = [
                *self._module("shared.simulators"),
                *("--kalshi-port", str(self.ports.kalshi)),
                *("--polymarket-port", str(self.ports.polymarket)),
                *("--second-venue", self.options.second_venue),
                *("--state", str(self.layout.simulators), "--seed", str(self.options.seed)),
            ]
            if self.options.recordings is None:
                argv += ["--source", "dynamics"]
            else:
                argv += ["--source", "recordings", "--speed", str(self.options.speed)]
                argv += ["--recordings", str(self.options.recordings.resolve())]
            processes.start(self.layout, "simulators", self.ports.kalshi, argv, self.environment)
        processes.wait_for_line(self.layout, self._entry("simulators"), SIMULATORS_S)
        said = log.read_bytes()[already_said:].decode(errors="replace").splitlines()
        return [line for line in said if line.startswith("assumption:")]

    def start_trader(self) -> None:
        link = self.layout.trader_link
        if link.is_symlink():
            link.unlink()
        if self.layout.world:
            link.unlink(missing_ok=True)
            link.symlink_to(self.layout.data / link.name)
        if "trader" not in self.running:
            argv = self._module("trader_task")
            processes.start(self.layout, "trader", self.ports.metrics, argv, self.environment)
        url = f"http://127.0.0.1:{self.ports.metrics}/healthz"
        processes.wait_for_http(self.layout, self._entry("trader"), url, TRADER_S)

    def start_proxy(self, api_id: str) -> None:
        if "proxy" not in self.running:
            argv = [
                *self._module("cdk.local.proxy"),
                *("--port", str(self.ports.proxy), "--build", str(self.layout.build)),
                *("--aws", self.endpoint, "--api-id", api_id),
            ]
            processes.start(self.layout, "proxy", self.ports.proxy, argv, self.environment)
        url = f"http://127.0.0.1:{self.ports.proxy}/api/v1/health"
        processes.wait_for_http(self.layout, self._entry("proxy"), url, PROXY_S)

    def new_code(self) -> str:
        """Make a one-time code, store its hash, return it."""
        code = login.new_code()
        login.store_code(self.endpoint, code)
        return code

    def _base_environment(self) -> dict[str, str]:
        kalshi = f"127.0.0.1:{self.ports.kalshi}"
        polymarket = f"127.0.0.1:{self.ports.polymarket}"
        environment = {
            **processes.clean_environment(),
            **aws_environment(self.endpoint),
            "PYTHONUNBUFFERED": "1",
            "TWINLEG_STAGE": STAGE,
            "TWINLEG_STATE_DIR": str(self.layout.data),
            "TWINLEG_MODE": self.options.run_mode,
            "TWINLEG_METRICS_PORT": str(self.ports.metrics),
            "TWINLEG_KALSHI_URL": f"http://{kalshi}",
            "TWINLEG_KALSHI_WS_URL": f"ws://{kalshi}/trade-api/ws/v2",
            "TWINLEG_POLYMARKET_CLOB_URL": f"http://{polymarket}",
            "TWINLEG_POLYMARKET_GAMMA_URL": f"http://{polymarket}/gamma",
            "TWINLEG_POLYMARKET_DATA_URL": f"http://{polymarket}/data-api",
            "TWINLEG_POLYMARKET_WS_URL": f"ws://{polymarket}/ws",
            "TWINLEG_POLYMARKET_US_GATEWAY_URL": f"http://{polymarket}",
            "TWINLEG_POLYMARKET_US_API_URL": f"http://{polymarket}",
            "TWINLEG_JURISDICTION": self.options.jurisdiction.strip().upper(),
            "TWINLEG_GEOBLOCK_URL": f"http://{polymarket}/api/geoblock",
        }
        node = find_node()
        assert node is not None, "checked before"
        environment["PATH"] = f"{node.parent}{os.pathsep}{environment.get('PATH', '')}"
        return environment

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

    def run_workflow(self, name: str) -> None:
        """Run a deployed state machine once and wait. Raises EditionError with its error."""
        states = client("stepfunctions", self.endpoint)
        machine = names.state_machine_arn(STAGE, name, REGION)
        arn = states.start_execution(stateMachineArn=machine, input="{}")["executionArn"]
        deadline = time.monotonic() + WORKFLOW_S
        while (seen := states.describe_execution(executionArn=arn))["status"] == "RUNNING":
            if time.monotonic() > deadline:
                raise EditionError(f"{name} did not end within {WORKFLOW_S} s")
            time.sleep(0.2)
        if seen["status"] != "SUCCEEDED":
            said = f"{seen.get('error', '')} {seen.get('cause', '')}".strip()
            raise EditionError(f"{name} {seen['status'].lower()}: {said[:600]}")
        self._detail(f"{name} {seen['output'][:2_000]}")

    def _detail(self, text: str) -> None:
        with processes.log_path(self.layout, "edition").open("a") as log:
            log.write(f"{time.time():.3f} {text}\n")


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
        "TMPDIR": str(layout.aws_scratch),
        # Its other listeners would bind to every interface.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
    }

"""The trader among real neighbours: Postgres, embedded AWS, both simulators, as processes.

Smaller than the one-machine edition: no stacks, no functions, no dashboard; resources are
made directly and pairs come from the simulated world's own truth, so that what is tested
is the trader. Use as a context manager; everything that it started is stopped.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import boto3

from shared.adapters.stores.postgres_catalogue import PostgresCatalogue
from shared.adapters.stores.postgres_config import PostgresConfig
from shared.adapters.venues.kalshi.capabilities import choose_endpoints
from shared.adapters.venues.kalshi.venue import connect_kalshi_catalogue
from shared.adapters.venues.polymarket.access import Hosts
from shared.adapters.venues.polymarket.catalogue import PolymarketCatalogue
from shared.adapters.venues.polymarket_us.capabilities import (
    choose_endpoints as choose_polymarket_us,
)
from shared.adapters.venues.polymarket_us.catalogue import (
    PolymarketUsCatalogue,
    connect_polymarket_us_catalogue,
)
from shared.adapters.venues.polymarket_us.instruments import terms_of
from shared.contracts import config_v1, names
from shared.contracts.events_v1 import ControlCommand
from shared.domain.config import Config
from shared.domain.eligibility import second_venue
from shared.domain.enums import Venue, VenueSet
from shared.domain.ids import MarketId, derive_pair_id
from shared.ports.venue import CatalogueMarket
from shared.simulators.market_dynamics import MarketDynamics
from shared.simulators.questions import Kinship
from shared.simulators.world import World
from trader_task.clock import SystemClock

ROOT = Path(__file__).resolve().parents[2]
STAGE = "local"
REGION = "eu-west-1"


class SmallEdition:
    """One trader and everything that it talks to."""

    def __init__(
        self,
        directory: Path,
        dsn: str,
        *,
        mode: str = "paper_sim",
        seed: int = 1,
        simulator_options: Sequence[str] = (),
        jurisdiction: str = "",
    ):
        self.second = second_venue(jurisdiction)
        self.simulator_options = tuple(simulator_options)
        self.directory = directory
        self.dsn = dsn
        self.seed = seed
        self.state = directory / "state"
        self.state.mkdir(parents=True, exist_ok=True)
        self.ports = {name: free_port() for name in ("aws", "metrics")}
        self._processes: list[subprocess.Popen[Any]] = []
        self.trader: subprocess.Popen[Any] | None = None
        self.killed_pid = 0
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("TWINLEG_", "AWS_"))},
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.ports['aws']}",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_EC2_METADATA_DISABLED": "true",
            "PYTHONUNBUFFERED": "1",
            "TWINLEG_JURISDICTION": jurisdiction,
            "TWINLEG_STAGE": STAGE,
            "TWINLEG_DSN": dsn,
            "TWINLEG_STATE_DIR": str(self.state),
            "TWINLEG_MODE": mode,
            "TWINLEG_METRICS_PORT": str(self.ports["metrics"]),
        }

    def __enter__(self) -> SmallEdition:
        try:
            self.start_aws()
            self.start_simulators()
            self.seed_catalogue()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.stop_trader(kill=True)
        for process in reversed(self._processes):
            end(process)

    # --- neighbours ---------------------------------------------------------------------------

    def start_aws(self) -> None:
        port = str(self.ports["aws"])
        environment = {
            **self.environment,
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": port,
            "LAMBDA_EXECUTOR": "local",
            "MINISTACK_REGION": REGION,
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "LOG_LEVEL": "WARNING",
        }
        self._start("aws", [sys.executable, "-m", "ministack"], environment)
        wait_for(lambda: fetch(f"http://127.0.0.1:{port}/_ministack/health"), 60, "embedded AWS")
        self._client("dynamodb").create_table(
            TableName=names.table(STAGE, "flags"),
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        self._client("sqs").create_queue(
            QueueName=names.control_queue(STAGE), Attributes={"FifoQueue": "true"}
        )
        self._client("events").create_event_bus(Name=names.bus(STAGE))

    def start_simulators(self) -> None:
        folder = self.state / "sim"
        argv = [sys.executable, "-m", "shared.simulators", "--state", str(folder)]
        argv += ["--kalshi-port", "0", "--polymarket-port", "0", "--seed", str(self.seed)]
        # A trade in a thousand fails here: two in ten minutes would halt the venue for good.
        argv += ["--failed-ppm", "1000", "--second-venue", self.second.value]
        argv += self.simulator_options
        process = self._start("simulators", argv, self.environment, stdout=subprocess.PIPE)
        assert process.stdout is not None
        bases = json.loads(process.stdout.readline())
        kalshi, second = bases["kalshi"], bases[self.second.value]
        self.environment |= {
            "TWINLEG_KALSHI_URL": kalshi,
            "TWINLEG_KALSHI_WS_URL": kalshi.replace("http", "ws") + "/trade-api/ws/v2",
        }
        self.environment |= self._second_addresses(second)
        private = json.loads((folder / "secrets.json").read_text())
        for venue in ("kalshi", self.second.value):
            fields = {name: str(value) for name, value in private[venue].items()}
            self._client("secretsmanager").create_secret(
                Name=names.secret(STAGE, venue), SecretString=json.dumps(fields)
            )

    def _second_addresses(self, base: str) -> dict[str, str]:
        if self.second is Venue.POLYMARKET_US:
            return {
                "TWINLEG_POLYMARKET_US_GATEWAY_URL": base,
                "TWINLEG_POLYMARKET_US_API_URL": base,
            }
        return {
            "TWINLEG_POLYMARKET_CLOB_URL": base,
            "TWINLEG_POLYMARKET_GAMMA_URL": f"{base}/gamma",
            "TWINLEG_POLYMARKET_DATA_URL": f"{base}/data-api",
            "TWINLEG_POLYMARKET_WS_URL": base.replace("http", "ws") + "/ws",
            "TWINLEG_GEOBLOCK_URL": f"{base}/api/geoblock",
        }

    def seed_catalogue(self) -> int:
        """List both venues and confirm the pairs that the world knows to be true."""
        markets = asyncio.run(self._list_markets())
        store = PostgresCatalogue(self.dsn)
        store.upsert_markets(markets, time.time_ns())
        by_id = {m.instrument.market_id: m for m in markets}
        rows = [
            verdict_row(by_id[a], by_id[b], kinship) for a, b, kinship in self._true_pairs(by_id)
        ]
        store.save_verdicts(rows)
        store.close()
        return len(rows)

    def set_config(self, **changes: str) -> int:
        """Store a configuration version with these typed values; returns its number."""
        store = PostgresConfig(self.dsn)
        base, document = store.load_active()
        typed = {key: config_v1.parse_change(key, text) for key, text in changes.items()}
        version = store.save({**document, **typed}, actor="test", reason="test", base=base)
        store.close()
        return version

    async def _list_markets(self) -> list[CatalogueMarket]:
        env, clock = self.environment, SystemClock()
        endpoints = choose_endpoints(
            VenueSet.SIM, env["TWINLEG_KALSHI_URL"], env["TWINLEG_KALSHI_WS_URL"]
        )
        kalshi, rest = connect_kalshi_catalogue(endpoints, clock)
        second = self._second_catalogue(env, clock)
        try:
            found = [m async for m in kalshi.list_markets()]
            return found + [m async for m in second.list_markets()]
        finally:
            await rest.close()
            await second.aclose()

    def _second_catalogue(
        self, env: dict[str, str], clock: SystemClock
    ) -> PolymarketCatalogue | PolymarketUsCatalogue:
        if self.second is Venue.POLYMARKET_US:
            base = env["TWINLEG_POLYMARKET_US_API_URL"]
            endpoints = choose_polymarket_us(VenueSet.SIM, base, base)
            return connect_polymarket_us_catalogue(endpoints, clock, lambda: terms_of(Config()))
        hosts = Hosts(
            clob=env["TWINLEG_POLYMARKET_CLOB_URL"],
            gamma=env["TWINLEG_POLYMARKET_GAMMA_URL"],
            data=env["TWINLEG_POLYMARKET_DATA_URL"],
            ws=env["TWINLEG_POLYMARKET_WS_URL"],
            geoblock=env["TWINLEG_GEOBLOCK_URL"],
        )
        return PolymarketCatalogue(hosts, clock)

    def _true_pairs(
        self, listed: dict[MarketId, CatalogueMarket]
    ) -> list[tuple[MarketId, MarketId, Kinship]]:
        life = MarketDynamics(self.seed, self.second)
        World(life, seed=self.seed, venues=(Venue.KALSHI, self.second)).start()
        sides: dict[str, dict[str, MarketId]] = {}
        kinds: dict[str, Kinship] = {}
        for market in listed:
            try:
                kinship, key = life.kinship_of(market)
            except KeyError:
                continue
            if kinship in (Kinship.PAIR, Kinship.INVERSE):
                sides.setdefault(key, {})[market.split(":")[0]] = market
                kinds[key] = kinship
        return [
            (pair["kalshi"], pair[self.second.value], kinds[key])
            for key, pair in sorted(sides.items())
            if len(pair) == 2
        ]

    # --- the trader ---------------------------------------------------------------------------

    def start_trader(self, *, wait_s: float = 90) -> None:
        assert self.trader is None or self.trader.poll() is not None
        argv = [sys.executable, "-m", "trader_task"]
        self.trader = self._start("trader", argv, self.environment, keep=False)
        wait_for(self.is_trading, wait_s, "trader", self.trader)

    def child_pid(self) -> int:
        return int(json.loads((self.state / "trader.json").read_text())["pid"])

    def kill_child(self) -> int:
        """kill -9 the trader itself; its supervisor lives. Returns the pid."""
        self.killed_pid = self.child_pid()
        os.kill(self.killed_pid, signal.SIGKILL)
        return self.killed_pid

    def pause_aws(self, is_paused: bool) -> None:
        """Freeze the embedded AWS: connections stay, nothing answers."""
        self._processes[0].send_signal(signal.SIGSTOP if is_paused else signal.SIGCONT)

    def stop_trader(self, *, kill: bool = False) -> int | None:
        trader, self.trader = self.trader, None
        if trader is None:
            return None
        if trader.poll() is None:
            trader.send_signal(signal.SIGTERM)
            try:
                trader.wait(timeout=10 if kill else 40)
            except subprocess.TimeoutExpired:
                if not kill:
                    raise
                with contextlib.suppress(OSError, ValueError, KeyError):
                    self.kill_child()
                trader.kill()
                trader.wait(timeout=10)
        return trader.returncode

    def resume(self, scope: str) -> None:
        """Lift a halt by command, as an operator would."""
        now = time.time_ns()
        command = ControlCommand(
            command_id=str(uuid.uuid4()),
            kind="resume",
            scope=scope,
            reason="test",
            actor="test",
            issued_at=now,
            expires_at=now + 30 * 10**9,
        )
        queue = self._client("sqs")
        url = queue.get_queue_url(QueueName=names.control_queue(STAGE))["QueueUrl"]
        queue.send_message(
            QueueUrl=url,
            MessageBody=command.model_dump_json(),
            MessageGroupId=scope,
            MessageDeduplicationId=command.command_id,
        )

    def health(self) -> dict[str, Any]:
        return fetch(f"http://127.0.0.1:{self.ports['metrics']}/healthz")

    def is_trading(self) -> bool:
        return bool(self.health().get("is_recovered"))

    def snapshot(self) -> dict[str, Any]:
        return fetch(f"http://127.0.0.1:{self.ports['metrics']}/snapshot")

    def venue_records(self, kind: str) -> list[dict[str, Any]]:
        """Return the simulated venues' own durable records: ``orders``, ``fills``, ``payouts``.

        Each carries its venue; this is the truth that the trader's record is judged by.
        """
        (path,) = (self.state / "sim").glob("accounts-*.sqlite3")
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
            rows = connection.execute(
                "SELECT venue, key, document FROM records WHERE kind = ?", (kind,)
            ).fetchall()
        return [
            {**json.loads(document), "venue": venue, "record_key": key}
            for venue, key, document in rows
        ]

    def log(self, name: str) -> str:
        path = self.directory / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    # --- plumbing ---------------------------------------------------------------------------

    def _client(self, service: str) -> Any:
        return boto3.client(  # type: ignore[call-overload]
            service,
            endpoint_url=self.environment["AWS_ENDPOINT_URL"],
            region_name=REGION,
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )

    def _start(
        self,
        name: str,
        argv: list[str],
        environment: dict[str, str],
        *,
        stdout: int | None = None,
        keep: bool = True,
    ) -> subprocess.Popen[Any]:
        with open(self.directory / f"{name}.log", "ab") as log:
            process = subprocess.Popen(
                argv,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=stdout if stdout is not None else log,
                stderr=log,
            )
        if keep:
            self._processes.append(process)
        return process


def verdict_row(a: CatalogueMarket, b: CatalogueMarket, kinship: Kinship) -> dict[str, Any]:
    """Return the row of a confirmed pair."""
    now = time.time_ns()
    first, second = a.instrument, b.instrument
    return {
        "id": derive_pair_id(first.market_id, second.market_id),
        "market_a_id": first.market_id,
        "market_b_id": second.market_id,
        "polarity": "inverse" if kinship is Kinship.INVERSE else "same",
        "verdict": "confirmed",
        "llm_score_ppm": 1_000_000,
        "rules_passed": True,
        "evidence": [],
        "rules_hash_a": first.rules_hash,
        "rules_hash_b": second.rules_hash,
        "actor": "rules",
        "reason": "",
        "name": first.title[:28],
        "category": first.category,
        "series_id": first.series_id,
        "settlement_source": first.settlement_source,
        "updated_ns": now,
        "created_ns": now,
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def fetch(url: str) -> Any:
    """GET JSON; raises OSError or ValueError."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=5) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return json.load(error)


def wait_for(
    is_so: Callable[[], Any],
    seconds: float,
    what: str,
    process: subprocess.Popen[Any] | None = None,
) -> Any:
    """Poll until something is true; its answer. Fails when the process ended or time is up."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if process is not None and process.poll() is not None:
            raise AssertionError(f"{what} ended with {process.returncode}")
        try:
            if answer := is_so():
                return answer
        except (OSError, ValueError):
            pass
        time.sleep(0.1)
    raise AssertionError(f"{what}: not within {seconds:.0f} s")


def end(process: subprocess.Popen[Any]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=10)
    if process.stdout is not None:
        process.stdout.close()

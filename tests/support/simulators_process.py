"""Both simulated venues as a process of their own, and real adapters that talk to them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

from shared.adapters.venues.kalshi.capabilities import choose_endpoints
from shared.adapters.venues.kalshi.venue import KalshiVenue, connect_kalshi
from shared.adapters.venues.polymarket.rest import Credentials, Hosts
from shared.domain.enums import VenueSet
from shared.ports.clock import Clock

ROOT = Path(__file__).resolve().parents[2]


class Simulators:
    """Start, address, stop or kill one simulator process; the state folder outlives it."""

    def __init__(self, state: Path, *more: str, ports: tuple[int, int] = (0, 0)) -> None:
        self.state = state
        argv = [sys.executable, "-m", "shared.simulators", "--state", str(state)]
        argv += ["--kalshi-port", str(ports[0]), "--polymarket-port", str(ports[1]), *more]
        self.process = subprocess.Popen(
            argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            _, error = self.process.communicate(timeout=30)
            raise RuntimeError(error)
        self.bases: dict[str, str] = json.loads(line)

    @property
    def ports(self) -> tuple[int, int]:
        kalshi, polymarket = (
            int(self.bases[name].rsplit(":", 1)[1]) for name in ("kalshi", "polymarket")
        )
        return kalshi, polymarket

    def world(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.bases['kalshi']}/__sim__/world", timeout=10) as answer:
            return dict(json.load(answer))

    def secrets(self) -> dict[str, Any]:
        return dict(json.loads((self.state / "secrets.json").read_text()))

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self._ended()

    def kill(self) -> None:
        self.process.kill()
        self._ended()

    def _ended(self) -> int:
        self.process.communicate(timeout=30)
        return self.process.returncode

    def connect_kalshi(self, clock: Clock) -> KalshiVenue:
        base = self.bases["kalshi"]
        ws = base.replace("http", "ws") + "/trade-api/ws/v2"
        secret = self.secrets()["kalshi"]
        endpoints = choose_endpoints(VenueSet.SIM, base, ws)
        return connect_kalshi(endpoints, secret["key_id"], secret["private_key_pem"], clock)

    def hosts(self) -> Hosts:
        base = self.bases["polymarket"]
        return Hosts(
            clob=base,
            gamma=f"{base}/gamma",
            data=f"{base}/data-api",
            ws=base.replace("http", "ws") + "/ws",
            geoblock=f"{base}/api/geoblock",
        )

    def credentials(self) -> Credentials:
        return Credentials.from_secret(self.secrets()["polymarket"])

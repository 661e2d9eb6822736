"""A venue of canned answers behind httpx, for what the simulated server never says."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx

from shared.adapters.venues.kalshi.account import KalshiAccount
from shared.adapters.venues.kalshi.capabilities import Endpoints
from shared.adapters.venues.kalshi.errors import WireTally
from shared.adapters.venues.kalshi.evidence import AttemptMemory
from shared.adapters.venues.kalshi.execution import KalshiExecution
from shared.adapters.venues.kalshi.rest import KalshiRest
from shared.adapters.venues.kalshi.signing import Signer
from tests.support.kalshi_world import KEY_ID, SystemTime, new_key

Answer = Callable[[httpx.Request], httpx.Response]
ENDPOINTS = Endpoints("http://127.0.0.1:9", "ws://127.0.0.1:9")


class Canned:
    """Ports over a transport; ``requests`` keeps what was sent."""

    def __init__(self, answer: Answer, clock: Any = None) -> None:
        self.requests: list[httpx.Request] = []

        def handle(request: httpx.Request) -> httpx.Response:
            self.requests.append(request)
            return answer(request)

        self.clock = clock or SystemTime()
        self.tally = WireTally()
        signer = Signer.from_pem(KEY_ID, new_key()[0])
        self.rest = KalshiRest(
            ENDPOINTS, signer, self.clock, self.tally, transport=httpx.MockTransport(handle)
        )
        self.memory = AttemptMemory(self.clock.wall_ns(), self.clock.mono_ns())
        self.account = KalshiAccount(self.rest, self.memory)
        self.execution = KalshiExecution(
            ENDPOINTS, signer, self.rest, self.account, self.memory, self.clock, self.tally
        )


def reply(status: int, body: object) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.Response(status, content=content)

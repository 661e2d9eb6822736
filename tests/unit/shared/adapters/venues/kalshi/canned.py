"""A venue of canned answers behind httpx, for what the simulated server never says."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from shared.adapters.venues.kalshi.account import KalshiAccount
from shared.adapters.venues.kalshi.capabilities import Endpoints
from shared.adapters.venues.kalshi.errors import WireTally
from shared.adapters.venues.kalshi.evidence import AttemptMemory
from shared.adapters.venues.kalshi.execution import KalshiExecution
from shared.adapters.venues.kalshi.rest import KalshiRest
from shared.adapters.venues.kalshi.signing import Signer
from shared.adapters.venues.order_connection import NoAnswerError, NotConnectedError
from tests.support.kalshi_world import KEY_ID, SystemTime, new_key

Answer = Callable[[httpx.Request], httpx.Response]
ENDPOINTS = Endpoints("http://127.0.0.1:9", "ws://127.0.0.1:9")


class CannedWire:
    """The order path over the same canned answers."""

    def __init__(self, handle: Answer) -> None:
        self._handle = handle

    async def send(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        may_send: Callable[[], str | None],
    ) -> tuple[int, bytes] | None:
        if may_send() is not None:
            return None
        request = httpx.Request(method, ENDPOINTS.rest + path, headers=headers, content=body)
        try:
            answer = self._handle(request)
        except httpx.ConnectError as error:
            raise NotConnectedError(str(error)) from error
        except httpx.HTTPError as error:
            raise NoAnswerError(f"{type(error).__name__}: {error}") from error
        return answer.status_code, answer.content

    async def warm(self, path: str, headers: Mapping[str, str]) -> int:
        answer = await self.send("GET", path, headers, b"", lambda: None)
        assert answer is not None
        return answer[0]

    async def aclose(self) -> None:
        return None


class Canned:
    """Ports over a transport; ``requests`` keeps what was sent."""

    def __init__(self, answer: Answer, clock: Any = None, *, pem: str = "") -> None:
        self.requests: list[httpx.Request] = []

        def handle(request: httpx.Request) -> httpx.Response:
            self.requests.append(request)
            return answer(request)

        self.clock = clock or SystemTime()
        self.tally = WireTally()
        signer = Signer.from_pem(KEY_ID, pem or new_key()[0])
        self.rest = KalshiRest(
            ENDPOINTS,
            signer,
            self.clock,
            self.tally,
            transport=httpx.MockTransport(handle),
            wire=CannedWire(handle),
        )
        self.memory = AttemptMemory(self.clock.wall_ns(), self.clock.mono_ns())
        self.account = KalshiAccount(self.rest, self.memory)
        self.execution = KalshiExecution(
            ENDPOINTS, signer, self.rest, self.account, self.memory, self.clock, self.tally
        )


def reply(status: int, body: object) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.Response(status, content=content)

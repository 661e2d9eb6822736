"""One websocket of the market channel: subscribe, ping, watch over it, come back.

Every connection has its own receive loop and its own socket object, so that a frame of a
former connection can never reach the books (F-003). The venue answers a text ``PING``
with a text ``PONG``; ours goes out every second.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable, Iterable
from typing import Final

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from shared.adapters.venues.polymarket.capabilities import PING_EVERY_S, REPLACE_AFTER_NS
from shared.adapters.venues.polymarket.rest import USER_AGENT
from shared.ports.clock import Clock

_LOG = logging.getLogger("twinleg.polymarket.stream")

FRAME_BYTES_MAX: Final = 8 * 1024 * 1024
"""Two sides of 9,999 levels are under 1 MB; 500 initial books in one array about 5 MB."""
OPEN_TIMEOUT_S: Final = 5.0
BACKOFF_FIRST_S: Final = 0.25
BACKOFF_MAX_S: Final = 8.0
FRAMES_PER_TURN: Final = 64
"""Frames taken before other tasks get the loop, so that a burst cannot starve orders."""


class MarketConnection:
    """Keeps one market-channel socket for up to 500 tokens."""

    def __init__(
        self,
        url: str,
        clock: Clock,
        on_frame: Callable[[MarketConnection, str | bytes], None],
        on_lost: Callable[[MarketConnection, str], None],
    ) -> None:
        self._url = url
        self._clock = clock
        self._on_frame = on_frame
        self._on_lost = on_lost
        self._socket: ClientConnection | None = None
        self._changed = asyncio.Event()
        self.tokens: dict[str, None] = {}
        self.is_up = False
        self.since_mono_ns = 0
        self.last_frame_mono_ns = 0

    async def run(self) -> None:
        """Connect, receive, reconnect with jittered backoff, until cancelled."""
        backoff_s = BACKOFF_FIRST_S
        while True:
            while not self.tokens:
                self._changed.clear()
                await self._changed.wait()
            reason = "connection ended"
            try:
                await self._session()
                backoff_s = BACKOFF_FIRST_S
            except (OSError, TimeoutError, WebSocketException) as error:
                reason = f"{type(error).__name__}"
                backoff_s = min(backoff_s * 2, BACKOFF_MAX_S)
            finally:
                was_up, self.is_up, self._socket = self.is_up, False, None
                if was_up:
                    self._on_lost(self, reason)
            if was_up:
                backoff_s = BACKOFF_FIRST_S
            # Jitter keeps several connections from returning in the same instant.
            await asyncio.sleep(backoff_s * random.uniform(0.5, 1.0))

    async def _session(self) -> None:
        async with connect(
            self._url,
            max_size=FRAME_BYTES_MAX,
            open_timeout=OPEN_TIMEOUT_S,
            close_timeout=1.0,
            ping_interval=None,
            compression=None,
            proxy=None,
            user_agent_header=USER_AGENT,
        ) as socket:
            now = self._clock.mono_ns()
            self._socket, self.is_up = socket, True
            self.since_mono_ns = self.last_frame_mono_ns = now
            await socket.send(
                msgspec.json.encode(
                    {
                        "type": "market",
                        "assets_ids": list(self.tokens),
                        "custom_feature_enabled": True,
                    }
                ).decode()
            )
            pinger = asyncio.create_task(self._ping(socket))
            try:
                await self._receive(socket)
            finally:
                pinger.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await pinger

    async def _receive(self, socket: ClientConnection) -> None:
        taken = 0
        async for raw in socket:
            self.last_frame_mono_ns = self._clock.mono_ns()
            self._on_frame(self, raw)
            taken += 1
            if taken % FRAMES_PER_TURN == 0:
                await asyncio.sleep(0)

    async def _ping(self, socket: ClientConnection) -> None:
        """Send PING each second; abort a socket that stays silent for five (F-005)."""
        while True:
            await self._clock.sleep(PING_EVERY_S)
            if self._clock.mono_ns() - self.last_frame_mono_ns > REPLACE_AFTER_NS:
                self.abort("silent")
                return
            with contextlib.suppress(WebSocketException):
                await socket.send("PING")

    def abort(self, why: str) -> None:
        """Drop the socket at once; ``run`` opens another."""
        if self._socket is not None:
            _LOG.warning("polymarket socket replaced: %s", why)
            self._socket.transport.abort()

    async def subscribe(self, tokens: Iterable[str]) -> None:
        fresh = [t for t in tokens if t not in self.tokens]
        self.tokens |= dict.fromkeys(fresh)
        self._changed.set()
        await self._operate("subscribe", fresh)

    async def unsubscribe(self, tokens: Iterable[str]) -> None:
        gone = [t for t in tokens if t in self.tokens]
        for token in gone:
            del self.tokens[token]
        await self._operate("unsubscribe", gone)

    async def _operate(self, operation: str, tokens: list[str]) -> None:
        if not tokens or self._socket is None or not self.is_up:
            return
        message = {"operation": operation, "assets_ids": tokens, "custom_feature_enabled": True}
        with contextlib.suppress(WebSocketException):
            await self._socket.send(msgspec.json.encode(message).decode())

"""The receive path of both feeds over picows instead of websockets, for comparison only.

``use_picows()`` replaces the one method of each connection that owns the socket; all that
is above it stays what it is. Needs the packages of ``requirements/bench.lock``.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import picows

from shared.adapters.venues.kalshi.capabilities import WS_PATH
from shared.adapters.venues.kalshi.connection import Connection
from shared.adapters.venues.polymarket.connection import MarketConnection


class _Listener(picows.WSListener):  # type: ignore[misc]
    """Hands every text frame on at once, in the call that read it from the socket."""

    def __init__(self, take: Any) -> None:
        super().__init__()
        self._take = take
        self.ended = asyncio.get_running_loop().create_future()

    def on_ws_frame(self, transport: Any, frame: Any) -> None:
        if frame.msg_type == picows.WSMsgType.TEXT:
            self._take(frame.get_payload_as_bytes())
        elif frame.msg_type == picows.WSMsgType.PING:
            transport.send_pong(frame.get_payload_as_bytes())
        elif frame.msg_type == picows.WSMsgType.CLOSE:
            transport.disconnect()

    def on_ws_disconnected(self, transport: Any) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


async def _live(self: Connection) -> str:
    headers = self._signer.headers(self._clock.wall_ns(), "GET", WS_PATH)
    life = self.life + 1

    def take(data: bytes) -> None:
        self.alive_ns = self._clock.mono_ns()
        self._frame(life, data)

    transport, listener = await picows.ws_connect(
        lambda: _Listener(take), self._endpoints.ws_url, extra_headers=headers
    )
    self.is_open, self.life, self.alive_ns = True, life, self._clock.mono_ns()
    try:
        self._opened()
        while not listener.ended.done():
            command = asyncio.create_task(self._outbox.get())
            await asyncio.wait({command, listener.ended}, return_when=asyncio.FIRST_COMPLETED)
            if command.done():
                transport.send(picows.WSMsgType.TEXT, command.result().encode())
            else:
                command.cancel()
        return "closed"
    finally:
        transport.disconnect()
        self.is_open = False
        self._lost("closed")


async def _session(self: MarketConnection) -> None:
    def take(data: bytes) -> None:
        self.last_frame_mono_ns = self._clock.mono_ns()
        self._on_frame(self, data)

    transport, listener = await picows.ws_connect(lambda: _Listener(take), self._url)
    self.is_up = True
    self.since_mono_ns = self.last_frame_mono_ns = self._clock.mono_ns()
    hello = {"type": "market", "assets_ids": list(self.tokens), "custom_feature_enabled": True}
    transport.send(picows.WSMsgType.TEXT, msgspec.json.encode(hello))
    try:
        while not listener.ended.done():
            await asyncio.wait({listener.ended}, timeout=1.0)
            transport.send(picows.WSMsgType.TEXT, b"PING")
    finally:
        transport.disconnect()


def use_picows() -> None:
    """Replace the socket of both feeds in this process."""
    Connection._live = _live  # type: ignore[method-assign]
    MarketConnection._session = _session  # type: ignore[method-assign]

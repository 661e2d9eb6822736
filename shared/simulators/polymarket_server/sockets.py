"""The market and user channels: connections and subscriptions.

Frames are encoded once and put on each subscriber's bounded queue by the exchange's
synchronous listener (``channel_events``); a writer task of the connection sends them. A
consumer that falls too far behind loses its connection, as at the venue.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any, Final

from aiohttp import WSMsgType, web

from shared.domain.enums import Venue
from shared.simulators.fault_frames import FramePipe, Generations
from shared.simulators.polymarket_server.channel_events import ChannelEvents, Peer, compact
from shared.simulators.polymarket_server.desk import Desk, desk_of

IDLE_S: Final = 20.0
"""A client that sends no PING for this long is dropped (the venue waits about ten)."""
FRAME_BYTES_MAX: Final = 1024 * 1024


class Channels(ChannelEvents):
    """Every open websocket of the simulated venue."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._generations = Generations()
        self._stop = desk.exchange.subscribe(self.on_happening)
        desk.world.on_drop(Venue.POLYMARKET, self.drop_all)

    def close(self) -> None:
        self._stop()
        self.drop_all()

    def drop_all(self) -> int:
        """Abort every open websocket now; return how many there were."""
        peers = list(self._peers)
        for peer in peers:
            peer.abort()
        return len(peers)

    # --- connections -------------------------------------------------------------------------

    async def serve(self, request: web.Request, *, is_user: bool) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(
            autoping=True, compress=False, max_msg_size=FRAME_BYTES_MAX, timeout=1.0
        )
        await socket.prepare(request)
        peer = Peer(socket, request)
        peer.pipe = FramePipe(
            self._desk.world, Venue.POLYMARKET, self._generations, peer.put, peer.abort
        )
        self._peers[peer] = None
        writer = asyncio.create_task(self._write(peer))
        try:
            await self._listen(peer, is_user=is_user)
        finally:
            self._peers.pop(peer, None)
            self._unsubscribe(peer, set(peer.tokens))
            writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writer
        return socket

    async def _write(self, peer: Peer) -> None:
        with contextlib.suppress(ConnectionError, RuntimeError):
            while True:
                await peer.socket.send_frame(await peer.queue.get(), WSMsgType.TEXT)
                while not peer.queue.empty():
                    await peer.socket.send_frame(peer.queue.get_nowait(), WSMsgType.TEXT)

    async def _listen(self, peer: Peer, *, is_user: bool) -> None:
        while True:
            try:
                message = await peer.socket.receive(timeout=IDLE_S)
            except TimeoutError:
                peer.abort()
                return
            if message.type is not WSMsgType.TEXT:
                return
            if peer.pipe is not None and peer.pipe.is_deaf():
                continue
            if message.data == "PING":
                peer.control(b"PONG")
                continue
            try:
                body = json.loads(message.data)
            except (ValueError, RecursionError):
                peer.control(b"INVALID OPERATION")
                continue
            if not isinstance(body, dict):
                peer.control(b"INVALID OPERATION")
            elif not is_user:
                self._market_message(peer, body)
            elif not self._user_message(peer, body):
                await peer.socket.close(code=1008)
                return

    def _market_message(self, peer: Peer, body: dict[str, Any]) -> None:
        rows = body.get("assets_ids")
        tokens = {str(t) for t in rows} if isinstance(rows, list) else set()
        if body.get("operation") == "unsubscribe":
            self._unsubscribe(peer, tokens)
            return
        if isinstance(body.get("custom_feature_enabled"), bool):
            peer.has_extras = body["custom_feature_enabled"]
        views = []
        for token in sorted(tokens):
            found = self._desk.token(token)
            pair = self._desk.market_books(found[0].market_id) if found else None
            if found is None or pair is None:
                continue
            peer.tokens.add(token)
            self._by_token.setdefault(token, {})[peer] = None
            views.append(pair.of(found[1]).stream_view(is_initial=True))
        if views or body.get("type") == "market":
            peer.push(compact(views))

    def _unsubscribe(self, peer: Peer, tokens: set[str]) -> None:
        for token in tokens & peer.tokens:
            peer.tokens.discard(token)
            self._by_token.get(token, {}).pop(peer, None)

    def _user_message(self, peer: Peer, body: dict[str, Any]) -> bool:
        """Authenticate (or narrow) a user subscription; False closes the connection."""
        auth = body.get("auth")
        if isinstance(auth, dict):
            found = self._desk.accounts.polymarket_by_api_key(str(auth.get("apiKey", "")))
            given = (auth.get("secret"), auth.get("passphrase"))
            if found is None or given != (found.secret, found.passphrase):
                return False
            peer.account = found
        if peer.account is None:
            return False
        markets = body.get("markets")
        if isinstance(markets, list):
            peer.markets = {str(m) for m in markets}
        return True


CHANNELS: Final = web.AppKey("channels", Channels)


async def market_channel(request: web.Request) -> web.WebSocketResponse:
    return await request.app[CHANNELS].serve(request, is_user=False)


async def user_channel(request: web.Request) -> web.WebSocketResponse:
    return await request.app[CHANNELS].serve(request, is_user=True)


__all__ = ["CHANNELS", "Channels", "desk_of", "market_channel", "user_channel"]

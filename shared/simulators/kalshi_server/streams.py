"""The websocket side: sessions, subscriptions, and the exchange's happenings as frames.

One ``StreamHub`` listens to the exchange and writes each happening once per kind of
reader; a ``Session`` is one connection. ``seq`` counts every frame of a subscription on
a sequenced channel, its acks included. A reader that does not keep up loses its
connection (error 25 is sent first when there is room).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Iterable
from typing import Any, Final

import msgspec
from aiohttp import WSMsgType, web

from shared.domain.enums import Venue
from shared.domain.ids import MarketId, native_of
from shared.domain.units import NS_PER_S
from shared.exchange.happenings import (
    FillMade,
    Happening,
    LevelMoved,
    MarketMoved,
    OrderMoved,
    PayoutMade,
    TradePrinted,
)
from shared.exchange.matching_core import Exchange
from shared.simulators.kalshi_server import messages
from shared.simulators.kalshi_server.wire import stamp_ms
from shared.simulators.world import World

SEQUENCED: Final = frozenset({"orderbook_delta", "trade", "market_lifecycle_v2"})
CHANNELS: Final = SEQUENCED | {"ticker", "fill", "user_orders", "market_positions"}
_QUEUE_MAX: Final = 20_000
_HEARTBEAT_S: Final = 10.0
_TRADES_KEPT: Final = 5_000


class Subscription:
    """One sid: a channel and the markets it is for (None = all of them)."""

    def __init__(self, sid: int, channel: str, tickers: set[str] | None, yes_price: bool) -> None:
        self.sid, self.channel, self.tickers, self.yes_price = sid, channel, tickers, yes_price
        self.seq = 0

    def wants(self, ticker: str) -> bool:
        return self.tickers is None or ticker in self.tickers


class Session:
    """One authenticated connection."""

    def __init__(self, hub: StreamHub, account: str, transport: asyncio.BaseTransport | None):
        self.hub, self.account, self.transport = hub, account, transport
        self.subs: dict[int, Subscription] = {}
        self.outbox: asyncio.Queue[bytes] = asyncio.Queue(_QUEUE_MAX)
        self._next_sid = 1

    # --- sending ----------------------------------------------------------------------------

    def push(self, frame: dict[str, Any]) -> None:
        self._put(msgspec.json.encode(frame))

    def publish(self, sub: Subscription, kind: str, msg: msgspec.Raw | dict[str, Any]) -> None:
        """Queue one data frame of a subscription."""
        frame: dict[str, Any] = {"type": kind, "sid": sub.sid}
        if sub.channel in SEQUENCED:
            sub.seq += 1
            frame["seq"] = sub.seq
        frame["sending_ts_ms"] = stamp_ms(self.hub.world.now_ns())
        frame["msg"] = msg
        self._put(msgspec.json.encode(frame))

    def _put(self, data: bytes) -> None:
        try:
            self.outbox.put_nowait(data)
        except asyncio.QueueFull:
            self.abort()

    def abort(self) -> None:
        """Cut the connection as a network failure would: no closing handshake."""
        if self.transport is not None and hasattr(self.transport, "abort"):
            self.transport.abort()

    def fail(self, command_id: object, code: int, text: str) -> None:
        frame: dict[str, Any] = {"type": "error", "msg": {"code": code, "msg": text}}
        if isinstance(command_id, int) and command_id > 0:
            frame = {"id": command_id, **frame}
        self.push(frame)

    # --- commands ---------------------------------------------------------------------------

    def command(self, text: str) -> None:
        """Take one client frame; every mistake is answered with its documented code."""
        try:
            body = msgspec.json.decode(text.encode())
        except (msgspec.MsgspecError, RecursionError):
            body = None
        if not isinstance(body, dict):
            self.fail(0, 5, "Unknown command")
            return
        command_id, word, params = body.get("id", 0), body.get("cmd"), body.get("params")
        if word == "list_subscriptions":
            rows = [{"channel": sub.channel, "sid": sub.sid} for sub in self.subs.values()]
            self.push({"id": command_id, "type": "ok", "msg": rows})
        elif word not in ("subscribe", "unsubscribe", "update_subscription"):
            self.fail(command_id, 5, "Unknown command")
        elif not isinstance(params, dict):
            self.fail(command_id, 2, "Params required")
        elif word == "subscribe":
            self._subscribe(command_id, params)
        elif word == "unsubscribe":
            self._unsubscribe(command_id, params)
        else:
            self._update(command_id, params)

    def _subscribe(self, command_id: object, params: dict[str, Any]) -> None:
        channels = params.get("channels")
        if not isinstance(channels, list) or not channels:
            self.fail(command_id, 3, "Channels required")
            return
        tickers = _tickers(params)
        for channel in channels:
            if channel not in CHANNELS:
                self.fail(command_id, 8, "Unknown channel name")
            elif channel == "orderbook_delta" and not tickers:
                self.fail(command_id, 14, "Market ticker required")
            else:
                self._subscribe_one(command_id, channel, tickers, params)

    def _subscribe_one(
        self, command_id: object, channel: str, tickers: list[str], params: dict[str, Any]
    ) -> None:
        """Open a sid, or add markets to the sid that the channel has already."""
        sub = next((s for s in self.subs.values() if s.channel == channel), None)
        if sub is None:
            wanted = None if channel == "market_lifecycle_v2" or not tickers else set(tickers)
            sub = Subscription(self._next_sid, channel, wanted, params.get("use_yes_price") is True)
            self._next_sid += 1
            self.subs[sub.sid] = sub
            opened = {"channel": channel, "sid": sub.sid}
            self.push({"id": command_id, "type": "subscribed", "msg": opened})
        else:
            if sub.tickers is not None:
                sub.tickers = sub.tickers | set(tickers) if tickers else None
            self._acknowledge(command_id, sub)
        if channel == "orderbook_delta":
            self._send_books(sub, tickers)
        elif channel == "ticker" and params.get("send_initial_snapshot") is True:
            for ticker in tickers:
                self.hub.publish_ticker(ticker, only=(self, sub))

    def _acknowledge(self, command_id: object, sub: Subscription) -> None:
        frame: dict[str, Any] = {"id": command_id, "sid": sub.sid, "type": "ok"}
        if sub.channel in SEQUENCED:
            sub.seq += 1
            frame["seq"] = sub.seq
        frame["msg"] = {"market_tickers": sorted(sub.tickers or ())}
        self.push(frame)

    def _send_books(self, sub: Subscription, tickers: Iterable[str]) -> None:
        """Send snapshots; a ticker that does not exist gets none, as at the venue."""
        for ticker in tickers:
            msg = self.hub.snapshot(ticker, yes_price=sub.yes_price)
            if msg is not None:
                self.publish(sub, "orderbook_snapshot", msg)

    def _unsubscribe(self, command_id: object, params: dict[str, Any]) -> None:
        sids = params.get("sids")
        if not isinstance(sids, list) or not sids:
            self.fail(command_id, 4, "Subscription IDs required")
            return
        for sid in sids:
            sub = self.subs.pop(sid, None) if isinstance(sid, int) else None
            if sub is None:
                self.fail(command_id, 7, "Unknown subscription ID")
                continue
            sub.seq += 1
            frame = {"id": command_id, "sid": sub.sid, "seq": sub.seq, "type": "unsubscribed"}
            self.push(frame)

    def _update(self, command_id: object, params: dict[str, Any]) -> None:
        sids = params.get("sids") if "sids" in params else [params.get("sid")]
        if not isinstance(sids, list) or len(sids) != 1:
            self.fail(command_id, 12, "Exactly one subscription ID is required")
            return
        sub = self.subs.get(sids[0]) if isinstance(sids[0], int) else None
        action, tickers = params.get("action"), _tickers(params)
        if sub is None:
            self.fail(command_id, 7, "Unknown subscription ID")
        elif not action:
            self.fail(command_id, 15, "Action required")
        elif action not in ("add_markets", "delete_markets", "get_snapshot"):
            self.fail(command_id, 13, "Unsupported action")
        elif not tickers:
            self.fail(command_id, 14, "Market ticker required")
        elif action == "get_snapshot":
            self._send_books(sub, [ticker for ticker in tickers if sub.wants(ticker)])
        elif sub.tickers is not None and action == "add_markets":
            fresh = [ticker for ticker in tickers if ticker not in sub.tickers]
            sub.tickers |= set(tickers)
            self._acknowledge(command_id, sub)
            if sub.channel == "orderbook_delta":
                self._send_books(sub, fresh)
        elif sub.tickers is not None:
            sub.tickers -= set(tickers)
            self._acknowledge(command_id, sub)


def _tickers(params: dict[str, Any]) -> list[str]:
    several, one = params.get("market_tickers"), params.get("market_ticker")
    names = several if isinstance(several, list) else [one]
    return [name for name in names if isinstance(name, str) and name]


class StreamHub:
    """All sessions of one exchange."""

    def __init__(self, world: World, exchange: Exchange) -> None:
        self.world, self.exchange = world, exchange
        self.sessions: set[Session] = set()
        self.recent_trades: deque[tuple[int, dict[str, Any]]] = deque(maxlen=_TRADES_KEPT)
        """(unix seconds, REST trade object), oldest first."""

    def drop_all(self) -> int:
        """Abort every open connection now; returns how many."""
        sessions = list(self.sessions)
        for session in sessions:
            session.abort()
        return len(sessions)

    async def serve(self, request: web.Request, account: str) -> web.WebSocketResponse:
        """Run one connection until it ends."""
        socket = web.WebSocketResponse(compress=False, max_msg_size=1 << 20)
        await socket.prepare(request)
        session = Session(self, account, request.transport)
        self.sessions.add(session)
        jobs = [
            asyncio.create_task(self._write(socket, session)),
            asyncio.create_task(self._beat(socket)),
        ]
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    session.command(message.data)
        finally:
            self.sessions.discard(session)
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, return_exceptions=True)
        return socket

    async def _write(self, socket: web.WebSocketResponse, session: Session) -> None:
        with contextlib.suppress(ConnectionError, RuntimeError):
            while True:
                await socket.send_str((await session.outbox.get()).decode())

    async def _beat(self, socket: web.WebSocketResponse) -> None:
        with contextlib.suppress(ConnectionError, RuntimeError):
            while True:
                await asyncio.sleep(_HEARTBEAT_S)
                await socket.ping(b"heartbeat")

    # --- happenings -------------------------------------------------------------------------

    def on_happening(self, happening: Happening) -> None:
        """Listener of the exchange: neither blocks nor calls back into it."""
        if isinstance(happening, LevelMoved):
            self._on_level(happening)
        elif isinstance(happening, TradePrinted):
            self._on_trade(happening)
        elif isinstance(happening, MarketMoved):
            self._on_market(happening)
        elif isinstance(happening, FillMade):
            shard = self._shard_of(happening.fill.market_id)
            ticker = native_of(happening.fill.market_id)
            msg = messages.fill_msg(happening.fill, ticker, shard)
            self._publish_private(happening.account, "fill", "fill", msg, ticker)
            self._publish_position(happening.account, happening.fill.market_id)
        elif isinstance(happening, OrderMoved):
            ticker = native_of(happening.order.market_id)
            msg = messages.user_order_msg(happening.order, ticker)
            self._publish_private(happening.account, "user_orders", "user_order", msg, ticker)
        elif isinstance(happening, PayoutMade):
            self._publish_position(happening.account, happening.payout.market_id)

    def _readers(self, channel: str, ticker: str) -> list[tuple[Session, Subscription]]:
        return [
            (session, sub)
            for session in self.sessions
            for sub in session.subs.values()
            if sub.channel == channel and sub.wants(ticker)
        ]

    def _on_level(self, moved: LevelMoved) -> None:
        ticker = native_of(moved.market_id)
        for session, sub in self._readers("orderbook_delta", ticker):
            is_own = bool(moved.account) and session.account == moved.account
            msg = messages.delta_msg(moved, ticker, yes_price=sub.yes_price, with_owner=is_own)
            session.publish(sub, "orderbook_delta", msg)
        self.publish_ticker(ticker)

    def snapshot(self, ticker: str, *, yes_price: bool) -> dict[str, Any] | None:
        market = self.world.find_native(Venue.KALSHI, ticker)
        if market is None:
            return None
        return messages.snapshot_msg(
            ticker, self.exchange.book(market.market_id), yes_price=yes_price
        )

    def publish_ticker(self, ticker: str, only: tuple[Session, Subscription] | None = None) -> None:
        readers = [only] if only is not None else self._readers("ticker", ticker)
        market = self.world.find_native(Venue.KALSHI, ticker) if readers else None
        state = self.exchange.market(market.market_id) if market is not None else None
        if market is None or state is None:
            return
        book = self.exchange.book(market.market_id)
        now_ns = self.world.now_ns()
        msg = messages.ticker_msg(ticker, book, state.last_yes_price, state.volume, now_ns)
        for session, sub in readers:
            session.publish(sub, "ticker", msg)

    def _on_trade(self, trade: TradePrinted) -> None:
        ticker = native_of(trade.market_id)
        msg = messages.trade_msg(trade, ticker)
        self.recent_trades.append((trade.ts_ns // NS_PER_S, messages.trade_object(trade, ticker)))
        for session, sub in self._readers("trade", ticker):
            session.publish(sub, "trade", msg)

    def _on_market(self, moved: MarketMoved) -> None:
        """Say what the venue says: openings and closes by time emit nothing."""
        ticker = native_of(moved.market_id)
        market = self.world.find(moved.market_id)
        msg = messages.lifecycle_msg(moved, ticker, market.raw if market is not None else {})
        if msg is not None:
            for session, sub in self._readers("market_lifecycle_v2", ticker):
                session.publish(sub, "market_lifecycle_v2", msg)

    def _publish_private(
        self, account: str, channel: str, kind: str, msg: dict[str, Any], ticker: str
    ) -> None:
        for session, sub in self._readers(channel, ticker):
            if session.account == account:
                session.publish(sub, kind, msg)

    def _publish_position(self, account: str, market: MarketId) -> None:
        net = self.exchange.position(account, market).net_yes
        msg = messages.position_msg(account, native_of(market), net)
        self._publish_private(
            account, "market_positions", "market_position", msg, native_of(market)
        )

    def _shard_of(self, market: MarketId) -> int:
        state = self.exchange.market(market)
        return state.instrument.shard if state is not None else 0

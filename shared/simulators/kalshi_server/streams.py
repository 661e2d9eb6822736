"""The exchange's happenings as frames, for every open connection.

One ``StreamHub`` listens to the exchange; which connection gets what is decided by the
subscriptions of its ``Session``.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from dataclasses import replace
from typing import Any, Final

import msgspec
from aiohttp import WSMsgType, web

from shared.domain.enums import Venue
from shared.domain.ids import MarketId, native_of
from shared.domain.units import MICROS, NS_PER_MS, NS_PER_S
from shared.exchange.happenings import (
    FillMade,
    FinalityMoved,
    Happening,
    InstrumentMoved,
    LevelMoved,
    MarketMoved,
    OrderMoved,
    PayoutMade,
    TradePrinted,
)
from shared.exchange.matching_core import Exchange
from shared.simulators.fault_frames import FramePipe, Generations
from shared.simulators.kalshi_server import messages
from shared.simulators.kalshi_server.sessions import Session, Subscription
from shared.simulators.kalshi_server.wire import stamp_ms, standing_fills
from shared.simulators.world import World

_HEARTBEAT_S: Final = 10.0
_TRADES_KEPT: Final = 5_000


class StreamHub:
    """All sessions of one exchange."""

    def __init__(self, world: World, exchange: Exchange) -> None:
        self.world, self.exchange = world, exchange
        self.sessions: dict[Session, None] = {}
        self.recent_trades: deque[tuple[int, dict[str, Any]]] = deque(maxlen=_TRADES_KEPT)
        """(unix seconds, REST trade object), oldest first."""
        self._by_channel: dict[str, list[tuple[Session, Subscription]]] = {}
        self._generations = Generations()

    def sending_ms(self) -> int:
        return stamp_ms(self.world.now_ns())

    def changed(self) -> None:
        self._by_channel.clear()

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
        session.pipe = FramePipe(
            self.world, Venue.KALSHI, self._generations, session.put, session.abort
        )
        self.sessions[session] = None
        jobs = [
            asyncio.create_task(self._write(socket, session)),
            asyncio.create_task(self._beat(socket, session.pipe)),
        ]
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT and not session.pipe.is_deaf():
                    session.command(message.data)
        finally:
            self.sessions.pop(session, None)
            self.changed()
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, return_exceptions=True)
        return socket

    async def _write(self, socket: web.WebSocketResponse, session: Session) -> None:
        """Write what is queued, all of it in one go; frames were encoded before."""
        with contextlib.suppress(ConnectionError, RuntimeError):
            while True:
                await socket.send_frame(await session.outbox.get(), WSMsgType.TEXT)
                while not session.outbox.empty():
                    await socket.send_frame(session.outbox.get_nowait(), WSMsgType.TEXT)

    async def _beat(self, socket: web.WebSocketResponse, pipe: FramePipe) -> None:
        with contextlib.suppress(ConnectionError, RuntimeError):
            while True:
                await asyncio.sleep(_HEARTBEAT_S)
                if not pipe.is_deaf():
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
        elif isinstance(happening, InstrumentMoved):
            self._on_instrument(happening)
        elif isinstance(happening, FinalityMoved):
            # Trades are final here when matched: this one was busted or re-priced (F-032).
            self._publish_position(happening.account, happening.fill.market_id)
        elif isinstance(happening, PayoutMade):
            self._publish_position(happening.account, happening.payout.market_id)

    def _readers(self, channel: str, ticker: str) -> list[tuple[Session, Subscription]]:
        """Return who gets a channel's frames about a market, in the order of connecting."""
        readers = self._by_channel.get(channel)
        if readers is None:
            readers = self._by_channel[channel] = [
                (session, sub)
                for session in self.sessions
                for sub in session.subs.values()
                if sub.channel == channel
            ]
        return [(session, sub) for session, sub in readers if sub.wants(ticker)]

    def _on_level(self, moved: LevelMoved) -> None:
        """Tell a level to everybody who follows its book; each body is encoded once."""
        ticker = native_of(moved.market_id)
        readers = self._readers("orderbook_delta", ticker)
        if readers:
            is_flipped = False
            if self.world.faults.is_on:
                moved, is_flipped, ended = self._spoil(moved, ticker)
                if ended:
                    for session, sub in readers:
                        session.end_subscription(sub, ended)
                    return
            bodies: dict[tuple[bool, bool], bytes] = {}
            for session, sub in readers:
                is_own = bool(moved.account) and session.account == moved.account
                key = (sub.yes_price is not is_flipped, is_own)
                if key not in bodies:
                    msg = messages.delta_msg(moved, ticker, yes_price=key[0], with_owner=is_own)
                    bodies[key] = msgspec.json.encode(msg)
                session.publish(sub, "orderbook_delta", bodies[key], ticker)
        self.publish_ticker(ticker)

    def _spoil(self, moved: LevelMoved, ticker: str) -> tuple[LevelMoved, bool, int]:
        """Return (the move as told, prices by the other convention, code that ends the sids)."""
        faults, now_ns = self.world.faults, self.world.now_ns()
        if window := faults.hit("ts.shift", now_ns, ticker):
            moved = replace(moved, ts_ns=moved.ts_ns + window.size * NS_PER_MS)
        if faults.fires("k.ws.negative", now_ns, ticker):
            below = moved.qty - moved.delta + MICROS
            moved = replace(moved, delta=-int(below))
        is_flipped = faults.fires("k.ws.flip", now_ns, ticker)
        window = faults.hit("k.ws.end_sub", now_ns, ticker)
        return moved, is_flipped, int(window.shape) if window else 0

    def snapshot(self, ticker: str, *, yes_price: bool) -> dict[str, Any] | None:
        market = self.world.find_native(Venue.KALSHI, ticker)
        if market is None:
            return None
        if self.world.faults.fires("k.ws.flip", self.world.now_ns(), ticker):
            yes_price = not yes_price
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
        data = msgspec.json.encode(msg)
        for session, sub in readers:
            session.publish(sub, "ticker", data, ticker)

    def _on_trade(self, trade: TradePrinted) -> None:
        ticker = native_of(trade.market_id)
        msg = msgspec.json.encode(messages.trade_msg(trade, ticker))
        self.recent_trades.append((trade.ts_ns // NS_PER_S, messages.trade_object(trade, ticker)))
        for session, sub in self._readers("trade", ticker):
            session.publish(sub, "trade", msg, ticker)

    def _on_market(self, moved: MarketMoved) -> None:
        """Say what the venue says: openings and closes by time emit nothing."""
        ticker = native_of(moved.market_id)
        market = self.world.find(moved.market_id)
        msg = messages.lifecycle_msg(moved, ticker, market.raw if market is not None else {})
        if msg is not None:
            self._publish_life(msg, ticker)

    def _publish_life(self, msg: dict[str, Any], ticker: str) -> None:
        data = msgspec.json.encode(msg)
        for session, sub in self._readers("market_lifecycle_v2", ticker):
            session.publish(sub, "market_lifecycle_v2", data, ticker)

    def _on_instrument(self, moved: InstrumentMoved) -> None:
        """Tell a new price grid; fees are told by the event's own frame (not sent here)."""
        if moved.before.grid == moved.after.grid:
            return
        ticker = native_of(moved.market_id)
        msg = messages.grid_msg(moved.after, ticker)
        market = self.world.find(moved.market_id)
        if market is not None:
            market.raw.update({k: msg[k] for k in ("price_level_structure", "price_ranges")})
        self._publish_life(msg, ticker)

    def metadata_updated(self, ticker: str) -> None:
        """Tell that a market's texts were edited (F-100)."""
        market = self.world.find_native(Venue.KALSHI, ticker)
        raw = market.raw if market is not None else {}
        msg = {
            "market_ticker": ticker,
            "event_type": "metadata_updated",
            "yes_sub_title": raw.get("yes_sub_title", ""),
        }
        self._publish_life(msg, ticker)

    def _publish_private(
        self, account: str, channel: str, kind: str, msg: dict[str, Any], ticker: str
    ) -> None:
        readers = self._readers(channel, ticker)
        data = msgspec.json.encode(msg) if readers else b""
        for session, sub in readers:
            if session.account == account:
                session.publish(sub, kind, data, ticker)

    def _publish_position(self, account: str, market: MarketId) -> None:
        net = self.exchange.position(account, market).net_yes
        fills = standing_fills(self.exchange, account, market)
        msg = messages.position_msg(account, native_of(market), net, fills)
        self._publish_private(
            account, "market_positions", "market_position", msg, native_of(market)
        )

    def _shard_of(self, market: MarketId) -> int:
        state = self.exchange.market(market)
        return state.instrument.shard if state is not None else 0

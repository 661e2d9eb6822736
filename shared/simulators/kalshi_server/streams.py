"""The exchange's happenings as frames, for every open connection.

One ``StreamHub`` listens to the exchange; which connection gets what is decided by the
subscriptions of its ``Session``.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import Any, Final

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
from shared.simulators.kalshi_server.sessions import Session, Subscription
from shared.simulators.kalshi_server.wire import stamp_ms
from shared.simulators.world import World

_HEARTBEAT_S: Final = 10.0
_TRADES_KEPT: Final = 5_000


class StreamHub:
    """All sessions of one exchange."""

    def __init__(self, world: World, exchange: Exchange) -> None:
        self.world, self.exchange = world, exchange
        self.sessions: set[Session] = set()
        self.recent_trades: deque[tuple[int, dict[str, Any]]] = deque(maxlen=_TRADES_KEPT)
        """(unix seconds, REST trade object), oldest first."""

    def now_ms(self) -> int:
        return stamp_ms(self.world.now_ns())

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
        fills = [fill for fill in self.exchange.fills(account) if fill.market_id == market]
        msg = messages.position_msg(account, native_of(market), net, fills)
        self._publish_private(
            account, "market_positions", "market_position", msg, native_of(market)
        )

    def _shard_of(self, market: MarketId) -> int:
        state = self.exchange.market(market)
        return state.instrument.shard if state is not None else 0

"""The exchange's happenings as frames, for every open connection of both sockets.

Market data: every change of a market's book or state sends its whole book, once a turn of
the event loop however many levels moved. No frame carries a number.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Final

from aiohttp import WSMsgType, web

from shared.domain.enums import BookSide, Venue
from shared.domain.ids import MarketId, native_of
from shared.domain.units import NS_PER_MS
from shared.exchange.happenings import (
    FillMade,
    FinalityMoved,
    Happening,
    LevelMoved,
    MarketMoved,
    OrderMoved,
    PayoutMade,
    TradePrinted,
)
from shared.exchange.matching_core import Exchange
from shared.exchange.orders import OrderRecord
from shared.simulators.fault_frames import FramePipe, Generations
from shared.simulators.polymarket_us_server.sessions import (
    MARKET_KINDS,
    PRIVATE_KINDS,
    Session,
    Subscription,
)
from shared.simulators.polymarket_us_server.wire import (
    amount,
    balance_object,
    bbo_object,
    book_object,
    end_execution,
    fill_execution,
    is_open_order,
    order_object,
    position_object,
    time_text,
)
from shared.simulators.world import World

HEARTBEAT_S: Final = 5.0
"""The venue's interval is not confirmed."""
_BOOK, _LITE, _TRADE = sorted(MARKET_KINDS)
_BALANCE = "SUBSCRIPTION_TYPE_ACCOUNT_BALANCE"
_ORDER = "SUBSCRIPTION_TYPE_ORDER"
_SNAPSHOT = "SUBSCRIPTION_TYPE_ORDER_SNAPSHOT"
_POSITION = "SUBSCRIPTION_TYPE_POSITION"


class StreamHub:
    """All sessions of one exchange."""

    def __init__(self, world: World, exchange: Exchange) -> None:
        self.world, self.exchange = world, exchange
        self.sessions: set[Session] = set()
        self._dirty: dict[MarketId, None] = {}
        self._nets: dict[tuple[str, MarketId], int] = {}
        self._resting: set[str] = set()
        self._generations = Generations()

    def drop_all(self) -> int:
        """Abort every open connection now; returns how many."""
        sessions = list(self.sessions)
        for session in sessions:
            session.abort()
        return len(sessions)

    async def serve(
        self, request: web.Request, account: str, *, is_private: bool
    ) -> web.WebSocketResponse:
        """Run one connection until it ends."""
        # Pings are answered here, so that a partition can leave them unanswered.
        socket = web.WebSocketResponse(compress=False, max_msg_size=1 << 20, autoping=False)
        await socket.prepare(request)
        kinds = PRIVATE_KINDS if is_private else MARKET_KINDS
        session = Session(self, account, kinds, request.transport)
        pipe = FramePipe(
            self.world, Venue.POLYMARKET_US, self._generations, session.put, session.abort
        )
        session.pipe = pipe
        self.sessions.add(session)
        jobs = [
            asyncio.create_task(self._write(socket, session)),
            asyncio.create_task(self._beat(session)),
        ]
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT and not pipe.is_deaf():
                    session.command(message.data)
                elif message.type is WSMsgType.PING and not pipe.is_parted():
                    await socket.pong(message.data)
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

    async def _beat(self, session: Session) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            session.control(b'{"heartbeat":{}}')

    # --- subscriptions ------------------------------------------------------------------------

    def begin(self, session: Session, subscription: Subscription) -> None:
        """Send what a new subscription begins with."""
        if subscription.kind == _BOOK or subscription.kind == _LITE:
            for slug in sorted(subscription.slugs):
                self._push_book(session, subscription, slug)
        elif subscription.kind == _SNAPSHOT:
            orders = [o for o in self.exchange.orders(session.account) if is_open_order(o)]
            rows = [self._order(o) for o in orders if subscription.wants(native_of(o.market_id))]
            session.push(subscription, "orderSubscriptionSnapshot", {"orders": rows, "eof": True})
        elif subscription.kind == _BALANCE:
            row = balance_object(self.exchange, session.account, self.world.now_ns())
            session.push(subscription, "accountBalancesSnapshot", {"balances": [row]})

    def _order(self, order: OrderRecord) -> dict[str, Any]:
        return order_object(order, self.exchange.fills_of(order.order_id))

    def _push_book(self, session: Session, subscription: Subscription, slug: str) -> None:
        market = self.world.find_native(Venue.POLYMARKET_US, slug)
        state = self.exchange.market(market.market_id) if market is not None else None
        if market is None or state is None:
            session.fail(subscription.name, f"unknown market {slug[:60]}", subscription.kind)
            return
        book = self.exchange.book(market.market_id)
        if subscription.kind == _BOOK:
            window = self.world.faults.hit("ts.shift", self.world.now_ns(), slug)
            shift_ns = window.size * NS_PER_MS if window is not None else 0
            shown = book_object(slug, book, state, shift_ns)
            session.push(subscription, "marketData", shown, slug)
        else:
            session.push(subscription, "marketDataLite", bbo_object(slug, book, state), slug)

    # --- happenings -------------------------------------------------------------------------

    def on_happening(self, happening: Happening) -> None:
        """Listener of the exchange: neither blocks nor calls back into it."""
        if isinstance(happening, (LevelMoved, MarketMoved)):
            self._touch(happening.market_id)
        elif isinstance(happening, TradePrinted):
            self._on_trade(happening)
        elif isinstance(happening, FillMade):
            fill = happening.fill
            order = self.exchange.order(fill.order_id)
            if order is not None:
                fills = self.exchange.fills_of(fill.order_id)
                self.tell(happening.account, fill_execution(order, fills, fill))
            self._on_money(happening.account, fill.market_id, fill.trade_id)
        elif isinstance(happening, OrderMoved):
            self._on_order(happening.account, happening.order)
        elif isinstance(happening, FinalityMoved):
            # Trades are final here when matched: this one was busted (F-032).
            self._on_money(happening.account, happening.fill.market_id, happening.fill.trade_id)
        elif isinstance(happening, PayoutMade):
            self._on_money(
                happening.account, happening.payout.market_id, happening.payout.reference
            )

    def _touch(self, market: MarketId) -> None:
        """Have a market's book sent at the end of this turn of the loop."""
        if not self._dirty:
            with contextlib.suppress(RuntimeError):  # no loop: nobody is connected
                asyncio.get_running_loop().call_soon(self._flush)
        self._dirty[market] = None

    def _flush(self) -> None:
        dirty, self._dirty = list(self._dirty), {}
        for market in dirty:
            slug = native_of(market)
            for session in list(self.sessions):
                for sub in list(session.subscriptions.values()):
                    if sub.kind in (_BOOK, _LITE) and slug in sub.slugs:
                        self._push_book(session, sub, slug)

    def _on_trade(self, trade: TradePrinted) -> None:
        slug = native_of(trade.market_id)
        is_bid = trade.taker_side is BookSide.BID
        sides = ({"side": "ORDER_SIDE_SELL"}, {"side": "ORDER_SIDE_BUY"})
        payload = {
            "marketSlug": slug,
            "price": amount(trade.yes_price, 4),
            "quantity": amount(trade.qty, 4),
            "tradeTime": time_text(trade.ts_ns),
            "maker": {**sides[not is_bid], "intent": "ORDER_INTENT_SELL_LONG"},
            "taker": {**sides[is_bid], "intent": "ORDER_INTENT_BUY_LONG"},
        }
        for session in self.sessions:
            for sub in session.subscriptions.values():
                if sub.kind == _TRADE and slug in sub.slugs:
                    session.push(sub, "trade", payload, slug)

    def _on_order(self, account: str, order: OrderRecord) -> None:
        """Say that an order rests or has ended; its fills have said themselves."""
        if order.is_live:
            if order.order_id in self._resting:
                return
            self._resting.add(order.order_id)
        else:
            self._resting.discard(order.order_id)
        row = end_execution(order, self.exchange.fills_of(order.order_id))
        if row is not None:
            self.tell(account, row)

    def tell(self, account: str, execution: dict[str, Any]) -> None:
        """Send an execution to the account's private sockets."""
        slug = str(execution["order"]["marketSlug"])
        for session, sub in self._private(account, _ORDER):
            if sub.wants(slug):
                session.push(sub, "orderSubscriptionUpdate", {"execution": execution}, slug)

    def _on_money(self, account: str, market: MarketId, reference: str) -> None:
        slug, now = native_of(market), time_text(self.world.now_ns())
        before = self._nets.get((account, market), 0)
        after = self.exchange.position(account, market).net_yes
        self._nets[account, market] = after
        for session, sub in self._private(account, _POSITION):
            if sub.wants(slug):
                payload = {
                    "beforePosition": position_object(before),
                    "afterPosition": position_object(after),
                    "updateTime": now,
                    "entryType": "LEDGER_ENTRY_TYPE_ORDER_EXECUTION",
                    "tradeId": reference,
                }
                session.push(sub, "positionSubscription", payload, slug)
        for session, sub in self._private(account, _BALANCE):
            row = balance_object(self.exchange, account, self.world.now_ns())
            change = {"beforeBalance": None, "afterBalance": row, "updateTime": now}
            session.push(sub, "accountBalancesUpdate", {"balanceChange": change})

    def _private(self, account: str, kind: str) -> list[tuple[Session, Subscription]]:
        return [
            (session, sub)
            for session in self.sessions
            if session.account == account
            for sub in session.subscriptions.values()
            if sub.kind == kind
        ]

"""The market and user channels: subscriptions, snapshots, and what happens afterwards.

Frames are encoded once and put on each subscriber's bounded queue by the exchange's
synchronous listener; a writer task of the connection sends them. A consumer that falls
too far behind loses its connection, as at the venue.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import WSMsgType, web

from shared.domain.enums import BookSide, MarketStatus, Venue
from shared.domain.ids import MarketId
from shared.domain.units import MICROS, NS_PER_MS, format_micros
from shared.exchange.happenings import (
    FillMade,
    FinalityMoved,
    Happening,
    LevelMoved,
    MarketMoved,
    OrderMoved,
    TradePrinted,
)
from shared.simulators.keys import PolymarketAccount
from shared.simulators.polymarket_server.desk import Desk, desk_of, native
from shared.simulators.polymarket_server.records import order_event, trade_event

QUEUE_MAX: Final = 20_000
IDLE_S: Final = 20.0
"""A client that sends no PING for this long is dropped (the venue waits about ten)."""
FRAME_BYTES_MAX: Final = 1024 * 1024
RECENT_MAX: Final = 1
"""A trade at the venue always moves its level right before; older moves are not its own."""


@dataclass(eq=False, slots=True)
class Peer:
    """One open websocket. ``tokens`` for the market channel, ``account`` for the user's."""

    socket: web.WebSocketResponse
    request: web.Request
    queue: asyncio.Queue[str] = field(default_factory=lambda: asyncio.Queue(QUEUE_MAX))
    tokens: set[str] = field(default_factory=set)
    markets: set[str] = field(default_factory=set)
    account: PolymarketAccount | None = None
    has_extras: bool = False

    def push(self, text: str) -> None:
        try:
            self.queue.put_nowait(text)
        except asyncio.QueueFull:
            self.abort()

    def abort(self) -> None:
        transport = self.request.transport
        if transport is not None:
            transport.abort()


class Channels:
    """Every open websocket of the simulated venue."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._peers: set[Peer] = set()
        self._by_token: dict[str, set[Peer]] = {}
        self._recent: dict[MarketId, list[int]] = {}
        self._stop = desk.exchange.subscribe(self._on_happening)
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
        self._peers.add(peer)
        writer = asyncio.create_task(self._write(peer))
        try:
            await self._listen(peer, is_user=is_user)
        finally:
            self._peers.discard(peer)
            self._unsubscribe(peer, set(peer.tokens))
            writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writer
        return socket

    async def _write(self, peer: Peer) -> None:
        with contextlib.suppress(ConnectionError, RuntimeError):
            while True:
                await peer.socket.send_str(await peer.queue.get())

    async def _listen(self, peer: Peer, *, is_user: bool) -> None:
        while True:
            try:
                message = await peer.socket.receive(timeout=IDLE_S)
            except TimeoutError:
                peer.abort()
                return
            if message.type is not WSMsgType.TEXT:
                return
            if message.data == "PING":
                peer.push("PONG")
                continue
            try:
                body = json.loads(message.data)
            except (ValueError, RecursionError):
                peer.push("INVALID OPERATION")
                continue
            if not isinstance(body, dict):
                peer.push("INVALID OPERATION")
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
            self._by_token.setdefault(token, set()).add(peer)
            views.append(pair.of(found[1]).stream_view(is_initial=True))
        if views or body.get("type") == "market":
            peer.push(_compact(views))

    def _unsubscribe(self, peer: Peer, tokens: set[str]) -> None:
        for token in tokens & peer.tokens:
            peer.tokens.discard(token)
            self._by_token.get(token, set()).discard(peer)

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

    # --- happenings --------------------------------------------------------------------------

    def _on_happening(self, happening: Happening) -> None:
        match happening:
            case LevelMoved():
                self._level(happening)
            case TradePrinted():
                self._trade(happening)
            case MarketMoved():
                self._market(happening)
            case OrderMoved(account=name, order=order, ts_ns=ts_ns):
                for peer in self._private(name, order.market_id):
                    assert peer.account is not None
                    event = order_event(self._desk, peer.account, order, ts_ns)
                    peer.push(_compact(event))
            case (
                FillMade(account=name, fill=fill, ts_ns=ts_ns)
                | FinalityMoved(account=name, fill=fill, ts_ns=ts_ns)
            ):
                for peer in self._private(name, fill.market_id):
                    assert peer.account is not None
                    event = trade_event(self._desk, peer.account, fill, ts_ns)
                    peer.push(_compact(event))
            case _:
                # Payouts have no event of their own: the account reads them.
                return

    def _private(self, name: str, market: MarketId) -> list[Peer]:
        return [
            p
            for p in self._peers
            if p.account is not None
            and p.account.name == name
            and (not p.markets or native(market) in p.markets)
        ]

    def _public(self, market: MarketId) -> set[Peer]:
        listed = self._desk.exchange.market(market)
        if listed is None:
            return set()
        instrument = listed.instrument
        yes = self._by_token.get(instrument.yes_token, set())
        return yes | self._by_token.get(instrument.no_token, set())

    def _level(self, moved: LevelMoved) -> None:
        pair = self._desk.books.get(moved.market_id)
        if pair is None:
            # Nobody has looked at this book yet; it is read from the exchange when one does.
            return
        event = pair.move(moved.side, int(moved.price), int(moved.qty), moved.ts_ns)
        recent = self._recent.setdefault(moved.market_id, [])
        recent.append(int(moved.price))
        del recent[:-RECENT_MAX]
        peers = self._public(moved.market_id)
        if peers:
            text = _compact(event)
            for peer in peers:
                peer.push(text)

    def _trade(self, trade: TradePrinted) -> None:
        """Tell a trade: the whole book again, then the last trade price.

        A print inside the crowd that moved no level leaves the book as it was; the venue
        has no such trades, so nothing is told.
        """
        pair = self._desk.books.get(trade.market_id)
        if pair is None or int(trade.yes_price) not in self._recent.get(trade.market_id, ()):
            return
        self._recent[trade.market_id] = []
        pair.traded(int(trade.yes_price), trade.ts_ns)
        bought_yes = trade.taker_side is BookSide.BID
        for book in (pair.yes, pair.no):
            peers = self._by_token.get(book.token, set())
            if not peers:
                continue
            is_yes = book is pair.yes
            price = int(trade.yes_price) if is_yes else MICROS - int(trade.yes_price)
            last = {
                "market": book.market,
                "asset_id": book.token,
                "price": format_micros(price),
                "size": format_micros(trade.qty),
                "fee_rate_bps": "0",
                "side": "BUY" if bought_yes is is_yes else "SELL",
                "timestamp": str(pair.yes.ts_ms),
                "event_type": "last_trade_price",
            }
            frames = (_compact(book.stream_view(is_initial=False)), _compact(last))
            for peer in peers:
                for text in frames:
                    peer.push(text)

    def _market(self, moved: MarketMoved) -> None:
        market = self._desk.world.find(moved.market_id)
        if market is None:
            return
        raw, native_id = market.raw, market.native_id
        tokens = json.loads(raw["clobTokenIds"])
        common = {
            "id": str(raw.get("id", "")),
            "market": native_id,
            "assets_ids": tokens,
            "timestamp": str(moved.ts_ns // NS_PER_MS),
            "tags": [row.get("slug", "") for row in raw.get("tags") or ()],
        }
        if moved.is_new:
            self._forget_old()
            text = _compact(
                {
                    **common,
                    "event_type": "new_market",
                    "question": raw.get("question", ""),
                    "slug": raw.get("slug", ""),
                    "description": raw.get("description", ""),
                    "outcomes": json.loads(raw["outcomes"]),
                    "condition_id": native_id,
                    "active": True,
                    "clob_token_ids": tokens,
                    "order_price_min_tick_size": str(raw.get("orderPriceMinTickSize", "")),
                    "group_item_title": raw.get("groupItemTitle", ""),
                }
            )
            for peer in self._peers:
                if peer.has_extras and peer.account is None:
                    peer.push(text)
        elif moved.status is MarketStatus.SETTLED and moved.payout is not None:
            text = _compact({**common, **_winner(raw, tokens, int(moved.payout))})
            for peer in self._public(moved.market_id):
                if peer.has_extras:
                    peer.push(text)

    def _forget_old(self) -> None:
        """Drop the books of markets that left the catalogue, so that memory stays flat."""
        for market in [m for m in self._desk.books if self._desk.world.find(m) is None]:
            del self._desk.books[market]
            self._recent.pop(market, None)


def _winner(raw: dict[str, Any], tokens: list[str], payout: int) -> dict[str, Any]:
    names = json.loads(raw["outcomes"])
    index = {MICROS: 0, 0: 1}.get(payout)
    return {
        "event_type": "market_resolved",
        "winning_asset_id": "" if index is None else tokens[index],
        "winning_outcome": "" if index is None else names[index],
    }


def _compact(document: Any) -> str:
    return json.dumps(document, separators=(",", ":"))


CHANNELS: Final = web.AppKey("channels", Channels)


async def market_channel(request: web.Request) -> web.WebSocketResponse:
    return await request.app[CHANNELS].serve(request, is_user=False)


async def user_channel(request: web.Request) -> web.WebSocketResponse:
    return await request.app[CHANNELS].serve(request, is_user=True)


__all__ = ["CHANNELS", "Channels", "desk_of", "market_channel", "user_channel"]

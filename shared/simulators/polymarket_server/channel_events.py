"""What the market and user channels tell: an exchange's happenings as frames.

Every event is encoded once for all of its readers; an event nobody follows costs no more
than keeping the book.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from aiohttp import web

from shared.domain.enums import BookSide, MarketStatus
from shared.domain.ids import MarketId
from shared.domain.units import MICROS, NS_PER_MS, format_micros
from shared.exchange.happenings import (
    FillMade,
    FinalityMoved,
    Happening,
    InstrumentMoved,
    LevelMoved,
    MarketMoved,
    OrderMoved,
    TradePrinted,
)
from shared.simulators.fault_frames import FramePipe
from shared.simulators.keys import PolymarketAccount
from shared.simulators.polymarket_server.desk import Desk, native
from shared.simulators.polymarket_server.records import order_event, trade_event

QUEUE_MAX: Final = 20_000
RECENT_MAX: Final = 1
"""A trade at the venue always moves its level right before; older moves are not its own."""


@dataclass(eq=False, slots=True)
class Peer:
    """One open websocket. ``tokens`` for the market channel, ``account`` for the user's."""

    socket: web.WebSocketResponse
    request: web.Request
    queue: asyncio.Queue[bytes] = field(default_factory=lambda: asyncio.Queue(QUEUE_MAX))
    tokens: set[str] = field(default_factory=set)
    markets: set[str] = field(default_factory=set)
    account: PolymarketAccount | None = None
    has_extras: bool = False
    pipe: FramePipe | None = None

    def push(self, frame: bytes, names: Sequence[str] = ()) -> None:
        """Send a data frame through the faults in force."""
        assert self.pipe is not None
        self.pipe.data(frame, names, is_private=self.account is not None)

    def control(self, frame: bytes) -> None:
        assert self.pipe is not None
        self.pipe.control(frame)

    def put(self, frame: bytes) -> None:
        try:
            self.queue.put_nowait(frame)
        except asyncio.QueueFull:
            self.abort()

    def abort(self) -> None:
        transport = self.request.transport
        if transport is not None:
            transport.abort()


class ChannelEvents:
    """The readers of one exchange and what they are told."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._peers: dict[Peer, None] = {}
        self._by_token: dict[str, dict[Peer, None]] = {}
        self._recent: dict[MarketId, list[int]] = {}
        self._merged: dict[MarketId, dict[str, Any]] = {}

    def on_happening(self, happening: Happening) -> None:
        match happening:
            case LevelMoved():
                self._level(happening)
            case TradePrinted():
                self._trade(happening)
            case MarketMoved():
                self._market(happening)
            case InstrumentMoved():
                self._instrument(happening)
            case OrderMoved(account=name, order=order, ts_ns=ts_ns):
                for peer in self._private(name, order.market_id):
                    assert peer.account is not None
                    event = order_event(self._desk, peer.account, order, ts_ns)
                    peer.push(compact(event), (order.order_id, native(order.market_id)))
            case (
                FillMade(account=name, fill=fill, ts_ns=ts_ns)
                | FinalityMoved(account=name, fill=fill, ts_ns=ts_ns)
            ):
                for peer in self._private(name, fill.market_id):
                    assert peer.account is not None
                    event = trade_event(self._desk, peer.account, fill, ts_ns)
                    peer.push(compact(event), (fill.trade_id, native(fill.market_id)))
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

    def _public(self, market: MarketId) -> dict[Peer, None]:
        """Return who follows either token of a market, in the order of subscribing."""
        listed = self._desk.exchange.market(market)
        if listed is None:
            return {}
        instrument = listed.instrument
        yes = self._by_token.get(instrument.yes_token, {})
        return yes | self._by_token.get(instrument.no_token, {})

    def _level(self, moved: LevelMoved) -> None:
        pair = self._desk.books.get(moved.market_id)
        if pair is None:
            # Nobody has looked at this book yet; it is read from the exchange when one does.
            return
        ts_ns, side, price, qty = moved.ts_ns, moved.side, int(moved.price), int(moved.qty)
        faults = self._desk.world.faults
        if faults.is_on and (
            window := faults.hit("ts.shift", moved.ts_ns, native(moved.market_id))
        ):
            ts_ns += window.size * NS_PER_MS
        recent = self._recent.setdefault(moved.market_id, [])
        recent.append(price)
        del recent[:-RECENT_MAX]
        peers = self._public(moved.market_id)
        if not peers:
            pair.put(side, price, qty, ts_ns)
            return
        event: dict[str, Any] | None = pair.move(side, price, qty, ts_ns)
        if faults.is_on and event is not None:
            event = self._spoil(event, moved)
        if event is None:
            return
        frame, names = compact(event), (event["market"], *_tokens_of(event))
        for peer in peers:
            peer.push(frame, names)

    def _spoil(self, event: dict[str, Any], moved: LevelMoved) -> dict[str, Any] | None:
        """Return the event as a fault makes it; None: it is told with the next one."""
        faults, name = self._desk.world.faults, native(moved.market_id)
        held = self._merged.pop(moved.market_id, None)
        if held is not None:
            last = {row["asset_id"]: row for row in event["price_changes"]}
            hashes = ("hash", "best_bid", "best_ask")
            early = [
                {**row, **{k: last[row["asset_id"]][k] for k in hashes}}
                for row in held["price_changes"]
            ]
            event = {**event, "price_changes": [*early, *event["price_changes"]]}
        elif faults.fires("p.ws.multi", moved.ts_ns, name):
            self._merged[moved.market_id] = event
            return None
        if faults.fires("p.ws.flip", moved.ts_ns, name):
            rows = [dict(row) for row in event["price_changes"]]
            rows[0]["size"] = format_micros(int(moved.qty) + MICROS)
            event = {**event, "price_changes": rows}
        return event

    def _instrument(self, moved: InstrumentMoved) -> None:
        """Tell a new tick; new fees are only read, never told."""
        market = self._desk.world.find(moved.market_id)
        step = moved.after.grid[0].step
        if market is None or moved.before.grid == moved.after.grid:
            return
        market.raw["orderPriceMinTickSize"] = float(format_micros(step))
        pair = self._desk.books.get(moved.market_id)
        if pair is None:
            return
        old, new = pair.change_tick(step)
        for book in (pair.yes, pair.no):
            frame = compact(
                {
                    "market": book.market,
                    "asset_id": book.token,
                    "old_tick_size": old,
                    "new_tick_size": new,
                    "timestamp": str(moved.ts_ns // NS_PER_MS),
                    "event_type": "tick_size_change",
                }
            )
            for peer in self._by_token.get(book.token, {}):
                peer.push(frame, (book.market, book.token))

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
            peers = self._by_token.get(book.token, {})
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
            frames = (compact(book.stream_view(is_initial=False)), compact(last))
            for peer in peers:
                for text in frames:
                    peer.push(text, (book.market, book.token))

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
            text = compact(
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
            text = compact({**common, **_winner(raw, tokens, int(moved.payout))})
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


def compact(document: Any) -> bytes:
    return msgspec.json.encode(document)


def _tokens_of(event: dict[str, Any]) -> tuple[str, ...]:
    return tuple(row["asset_id"] for row in event["price_changes"])

"""One websocket connection of the simulated venue: its subscriptions and commands.

``seq`` counts every frame of a subscription on a sequenced channel, its acks included.
A reader that does not keep up loses its connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, Final, Protocol

import msgspec

from shared.simulators.fault_frames import FramePipe

SEQUENCED: Final = frozenset({"orderbook_delta", "trade", "market_lifecycle_v2"})
PRIVATE: Final = frozenset({"fill", "user_orders", "market_positions"})
CHANNELS: Final = SEQUENCED | PRIVATE | {"ticker"}
_QUEUE_MAX: Final = 20_000


class Source(Protocol):
    """What a session asks its hub for."""

    def sending_ms(self) -> int: ...

    def changed(self) -> None:
        """Some session's subscriptions are others now."""
        ...

    def snapshot(self, ticker: str, *, yes_price: bool) -> dict[str, Any] | None: ...

    def publish_ticker(
        self, ticker: str, only: tuple[Session, Subscription] | None = None
    ) -> None: ...


class Subscription:
    """One sid: a channel and the markets it is for (None = all of them)."""

    def __init__(self, sid: int, channel: str, tickers: set[str] | None, yes_price: bool) -> None:
        self.sid, self.channel, self.tickers, self.yes_price = sid, channel, tickers, yes_price
        self.seq = 0

    def wants(self, ticker: str) -> bool:
        return self.tickers is None or ticker in self.tickers


class Session:
    """One authenticated connection."""

    def __init__(self, hub: Source, account: str, transport: asyncio.BaseTransport | None):
        self.hub, self.account, self.transport = hub, account, transport
        self.subs: dict[int, Subscription] = {}
        self.outbox: asyncio.Queue[bytes] = asyncio.Queue(_QUEUE_MAX)
        self.pipe: FramePipe | None = None
        """Stands between us and the wire when the server has faults to make."""
        self._next_sid = 1

    # --- sending ----------------------------------------------------------------------------

    def push(self, frame: dict[str, Any]) -> None:
        """Send an acknowledgement or an error."""
        data = msgspec.json.encode(frame)
        if self.pipe is None:
            self.put(data)
        else:
            self.pipe.control(data)

    def publish(self, sub: Subscription, kind: str, msg: bytes, ticker: str = "") -> None:
        """Queue one data frame of a subscription around a body that is encoded already."""
        seq = ""
        if sub.channel in SEQUENCED:
            sub.seq += 1
            seq = f'"seq":{sub.seq},'
        head = f'{{"type":"{kind}","sid":{sub.sid},{seq}"sending_ts_ms":{self.hub.sending_ms()}'
        data = b'%b,"msg":%b}' % (head.encode(), msg)
        if self.pipe is None:
            self.put(data)
        else:
            is_private = sub.channel in PRIVATE
            self.pipe.data(data, (ticker, self.account, kind), is_private=is_private)

    def put(self, data: bytes) -> None:
        try:
            self.outbox.put_nowait(data)
        except asyncio.QueueFull:
            self.abort()

    def end_subscription(self, sub: Subscription, code: int) -> None:
        """Let the venue end a subscription on a socket that lives on (F-004)."""
        self.subs.pop(sub.sid, None)
        self.hub.changed()
        words = {10: "Channel error", 17: "Internal error", 25: "Subscription buffer overflow"}
        self.push(
            {
                "type": "error",
                "sid": sub.sid,
                "msg": {"code": code, "msg": words.get(code, "Subscription ended")},
            }
        )

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
            self.hub.changed()
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
                self.publish(sub, "orderbook_snapshot", msgspec.json.encode(msg), ticker)

    def _unsubscribe(self, command_id: object, params: dict[str, Any]) -> None:
        sids = params.get("sids")
        if not isinstance(sids, list) or not sids:
            self.fail(command_id, 4, "Subscription IDs required")
            return
        for sid in sids:
            sub = self.subs.pop(sid, None) if isinstance(sid, int) else None
            self.hub.changed()
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

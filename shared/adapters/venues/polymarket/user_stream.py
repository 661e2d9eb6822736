"""The user channel and the finality watch: fills as they happen, finality as REST has it.

The channel loses, repeats and reorders, so it only *points*: every trade that it names is
emitted as a fill and then followed over REST until CONFIRMED or FAILED. MINED, RETRYING or
a transaction hash are never final (F-055, F-057). A failure is believed after two REST
readings a second apart (F-053). After every (re)connect REST is swept, so that nothing
that happened in between is lost or doubled (F-050).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from shared.adapters.venues.polymarket.capabilities import PING_EVERY_S, REPLACE_AFTER_NS
from shared.adapters.venues.polymarket.fills import CONFIRMED, FAILED, PENDING, trade_state
from shared.adapters.venues.polymarket.parsing import decode
from shared.adapters.venues.polymarket.rest import USER_AGENT, Credentials, PolymarketRest
from shared.adapters.venues.polymarket.schemas import Trade, UserHead
from shared.domain.enums import Venue
from shared.domain.errors import StoreError, WireError
from shared.domain.events import FillSeen, TradeFinality
from shared.domain.order import Fill
from shared.domain.units import NS_PER_S
from shared.ports.clock import Clock
from shared.ports.venue import Sink

_LOG = logging.getLogger("twinleg.polymarket.user")

SWEEP_AFTER_S: Final = 5.0
"""A second sweep this long after a reconnect catches records that lagged behind."""
SWEEP_EVERY_S: Final = 30.0
SWEEP_OVERLAP_S: Final = 600
FOLLOW_EVERY_S: Final = 0.5
FOLLOW_SLOW_S: Final = 5.0
"""Pace of following a trade that is still pending after a minute."""
FOLLOW_PARALLEL: Final = 16
FAILED_APART_NS: Final = NS_PER_S
BACKOFF_MAX_S: Final = 8.0
REMEMBERED_MAX: Final = 20_000
FRAME_BYTES_MAX: Final = 1024 * 1024

_HEADS: Final = msgspec.json.Decoder(list[msgspec.Raw])
_HEAD: Final = msgspec.json.Decoder(UserHead)
_TRADE: Final = msgspec.json.Decoder(Trade)

ToFills = Callable[[Trade], Awaitable[list[Fill]]]


@dataclass(slots=True)
class _Pending:
    since_mono_ns: int
    next_mono_ns: int
    failed_mono_ns: int = 0
    is_hurried: bool = False


class UserStream:
    """Follows one account's trades; ``to_fills`` turns a trade into our fills."""

    def __init__(
        self,
        url: str,
        clock: Clock,
        rest: PolymarketRest,
        credentials: Credentials,
        to_fills: ToFills,
        since_wall_ns: int,
    ) -> None:
        self._url = f"{url}/user"
        self._clock = clock
        self._rest = rest
        self._credentials = credentials
        self._to_fills = to_fills
        self._swept_until_s = since_wall_ns // NS_PER_S
        self._pending: dict[str, _Pending] = {}
        self._told: dict[str, str] = {}
        self._emitted: dict[tuple[str, bool], None] = {}
        self._sink: Sink | None = None
        self._wake = asyncio.Event()
        self.errors: Counter[str] = Counter()
        self.is_up = False

    async def run(self, sink: Sink) -> None:
        """Emit FillSeen and TradeFinality until cancelled."""
        self._sink = sink
        tasks = [
            asyncio.create_task(self._guard(work))
            for work in (self._connections, self._follow, self._sweeps)
        ]
        try:
            await asyncio.gather(*tasks)
        finally:
            self._sink = None
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def follow(self, trade_ids: Iterable[str]) -> None:
        """Start following trades that an order answer named."""
        now = self._clock.mono_ns()
        for trade_id in trade_ids:
            if trade_id and trade_id not in self._told:
                self._pending.setdefault(trade_id, _Pending(now, now))
        self._wake.set()

    async def _guard(self, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
            except Exception:
                _LOG.exception("polymarket user stream: a loop failed and is started again")
            await self._clock.sleep(1.0)

    # --- the socket --------------------------------------------------------------------------

    async def _connections(self) -> None:
        backoff_s = 0.25
        while True:
            try:
                await self._session()
            except (OSError, TimeoutError, WebSocketException) as error:
                _LOG.info("polymarket user channel: %s", type(error).__name__)
            was_up, self.is_up = self.is_up, False
            backoff_s = 0.25 if was_up else min(backoff_s * 2, BACKOFF_MAX_S)
            await asyncio.sleep(backoff_s * random.uniform(0.5, 1.0))

    async def _session(self) -> None:
        async with connect(
            self._url,
            max_size=FRAME_BYTES_MAX,
            open_timeout=5.0,
            close_timeout=1.0,
            ping_interval=None,
            compression=None,
            proxy=None,
            user_agent_header=USER_AGENT,
        ) as socket:
            api = self._credentials.api
            auth = {"apiKey": api.api_key, "secret": api.secret, "passphrase": api.passphrase}
            hello = {"type": "user", "auth": auth, "markets": []}
            await socket.send(msgspec.json.encode(hello).decode())
            self.is_up, self._heard_ns = True, self._clock.mono_ns()
            beside = [
                asyncio.create_task(self._ping(socket)),
                asyncio.create_task(self._sweep_twice()),
            ]
            try:
                async for raw in socket:
                    self._heard_ns = self._clock.mono_ns()
                    await self._frame(raw)
            finally:
                for task in beside:
                    task.cancel()
                await asyncio.gather(*beside, return_exceptions=True)

    async def _ping(self, socket: ClientConnection) -> None:
        while True:
            await self._clock.sleep(PING_EVERY_S)
            if self._clock.mono_ns() - self._heard_ns > REPLACE_AFTER_NS:
                socket.transport.abort()
                return
            with contextlib.suppress(WebSocketException):
                await socket.send("PING")

    async def _frame(self, raw: str | bytes) -> None:
        if raw in ("PONG", b"PONG"):
            return
        try:
            text = raw if isinstance(raw, bytes) else raw.encode()
            items = (
                decode(_HEADS, text, "polymarket.user.frame")
                if text.lstrip()[:1] == b"["
                else [msgspec.Raw(text)]
            )
            for item in items:
                head = decode(_HEAD, bytes(item), "polymarket.user.frame")
                kind = (head.event_type or head.type or "").lower()
                if kind == "trade":
                    trade = decode(_TRADE, bytes(item), "polymarket.user.trade")
                    await self.take(trade, from_rest=False)
        except (WireError, StoreError) as error:
            # A frame that cannot be used costs nothing but time: the sweep reads REST.
            self._count(error)
            self._swept_until_s = min(
                self._swept_until_s, self._clock.wall_ns() // NS_PER_S - SWEEP_OVERLAP_S
            )
            self._wake.set()

    # --- trades ------------------------------------------------------------------------------

    async def take(self, trade: Trade, *, from_rest: bool) -> None:
        """Emit what a trade says: its fills unless it failed, its finality if REST says so."""
        state = trade_state(trade)
        now = self._clock.mono_ns()
        if trade.id not in self._told:
            pending = self._pending.setdefault(trade.id, _Pending(now, now))
            if not from_rest:
                pending.next_mono_ns = now
                pending.is_hurried = state in (CONFIRMED, FAILED)
                self._wake.set()
        if state != FAILED:
            for fill in await self._to_fills(trade):
                self._emit_fill(fill)
        if state not in PENDING and state not in (CONFIRMED, FAILED):
            self._count(WireError("polymarket.trade.status", state))
        if from_rest:
            self._judge(trade.id, state, now)

    def _judge(self, trade_id: str, state: str, now: int) -> None:
        """Tell finality once: CONFIRMED at the first REST reading, FAILED at the second."""
        pending = self._pending.get(trade_id)
        if pending is None or self._told.get(trade_id) == state:
            return
        if state == FAILED:
            if pending.failed_mono_ns == 0:
                pending.failed_mono_ns = now
                pending.next_mono_ns = now + FAILED_APART_NS
                self._wake.set()
                return
            if now - pending.failed_mono_ns < FAILED_APART_NS:
                return
        elif state != CONFIRMED:
            pending.failed_mono_ns = 0
            return
        del self._pending[trade_id]
        self._told[trade_id] = state
        if len(self._told) > REMEMBERED_MAX:
            del self._told[next(iter(self._told))]
        self._emit_finality(trade_id, is_final=state == CONFIRMED)

    async def _follow(self) -> None:
        """Read each pending trade over REST until it is final."""
        gate = asyncio.Semaphore(FOLLOW_PARALLEL)
        while True:
            now = self._clock.mono_ns()
            due = [i for i, p in self._pending.items() if p.next_mono_ns <= now]
            await asyncio.gather(*(self._follow_one(trade_id, gate) for trade_id in due))
            self._wake.clear()
            waits = [p.next_mono_ns - self._clock.mono_ns() for p in self._pending.values()]
            wait_s = max(0.05, min(waits, default=NS_PER_S) / NS_PER_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()

    async def _follow_one(self, trade_id: str, gate: asyncio.Semaphore) -> None:
        pending = self._pending.get(trade_id)
        if pending is None:
            return
        now = self._clock.mono_ns()
        is_old = now - pending.since_mono_ns > 60 * NS_PER_S
        pending.next_mono_ns = now + int((FOLLOW_SLOW_S if is_old else FOLLOW_EVERY_S) * NS_PER_S)
        try:
            async with gate:
                trades = await self._rest.trades(id=trade_id)
            for trade in trades:
                if trade.id == trade_id:
                    await self.take(trade, from_rest=True)
        except (StoreError, WireError) as error:
            self._count(error)

    # --- sweeps ------------------------------------------------------------------------------

    async def _sweep_twice(self) -> None:
        await self._sweep_safely()
        await self._clock.sleep(SWEEP_AFTER_S)
        await self._sweep_safely()

    async def _sweeps(self) -> None:
        while True:
            await self._sweep_safely()
            await self._clock.sleep(SWEEP_EVERY_S)

    async def _sweep_safely(self) -> None:
        try:
            await self.sweep()
        except (StoreError, WireError) as error:
            self._count(error)

    async def sweep(self) -> None:
        """Read all trades since the last complete sweep (with overlap) and take each.

        Raises:
            StoreError, WireError: incomplete; the next sweep starts from the same point.
        """
        started_s = self._clock.wall_ns() // NS_PER_S
        trades = await self._rest.trades(after=str(max(0, self._swept_until_s)))
        for trade in trades:
            try:
                await self.take(trade, from_rest=True)
            except (WireError, StoreError) as error:
                # It stays pending and is followed on; the others must not wait for it.
                self._count(error)
        self._swept_until_s = max(self._swept_until_s, started_s - SWEEP_OVERLAP_S)

    # --- out ---------------------------------------------------------------------------------

    def _emit_fill(self, fill: Fill) -> None:
        """Tell a fill once for each finality; sweeps read the same trades over and over."""
        mark = (fill.key, fill.is_final)
        if self._sink is None or mark in self._emitted:
            return
        self._emitted[mark] = None
        if len(self._emitted) > REMEMBERED_MAX:
            del self._emitted[next(iter(self._emitted))]
        self._sink(FillSeen(fill))

    def _emit_finality(self, trade_id: str, *, is_final: bool) -> None:
        if self._sink is not None:
            self._sink(TradeFinality(Venue.POLYMARKET, trade_id, is_final))

    def _count(self, error: WireError | StoreError) -> None:
        kind = error.kind if isinstance(error, WireError) else "polymarket.user.rest"
        self.errors[kind] += 1
        if self.errors[kind] == 1:
            _LOG.warning("polymarket user stream, first of its kind: %s", error)

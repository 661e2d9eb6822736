"""Our own fills and orders as they happen, with REST as the second witness.

The private channels carry no sequence numbers, so a lost frame cannot be seen there:
fills are read over REST after every connect and every few seconds (drop copy). The
kernel counts a fill once by its key; what was handed out lately is not repeated here.
"""

from __future__ import annotations

import asyncio
import random
from collections import OrderedDict
from dataclasses import replace
from typing import Final

import msgspec

from shared.adapters.venues.kalshi.account import KalshiAccount
from shared.adapters.venues.kalshi.capabilities import Endpoints
from shared.adapters.venues.kalshi.connection import Connection
from shared.adapters.venues.kalshi.corrections import REVIEW_NS, ToldFills
from shared.adapters.venues.kalshi.errors import WireTally
from shared.adapters.venues.kalshi.evidence import AttemptMemory
from shared.adapters.venues.kalshi.parsing import build_fill, read_frame, read_msg
from shared.adapters.venues.kalshi.schemas import ErrorMsg, FillMsg, UserOrderMsg
from shared.adapters.venues.kalshi.signing import Signer
from shared.domain.enums import Venue
from shared.domain.errors import StoreError, WireError
from shared.domain.events import FillSeen, TradeFinality
from shared.domain.ids import AttemptId
from shared.domain.order import Fill
from shared.domain.units import NS_PER_S
from shared.ports.clock import Clock
from shared.ports.venue import Sink

_CHANNELS: Final = ("fill", "user_orders")
_SWEEP_EVERY_S: Final = 5.0
_OVERLAP_S: Final = 60
_FIRST_SWEEP_S: Final = 3600
_SEEN_MAX: Final = 10_000


class UserStream:
    """One private connection; ``run`` until cancelled."""

    def __init__(
        self,
        endpoints: Endpoints,
        signer: Signer,
        account: KalshiAccount,
        memory: AttemptMemory,
        clock: Clock,
        tally: WireTally,
        rng: random.Random,
    ) -> None:
        self._account, self._memory = account, memory
        self._clock, self._tally = clock, tally
        self._sink: Sink | None = None
        self._sweep_now = asyncio.Event()
        self._swept_until_s = 0
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._told = ToldFills()
        self._connection = Connection(
            endpoints,
            signer,
            clock,
            rng,
            opened=self._on_opened,
            frame=self._on_frame,
            lost=self._on_lost,
        )

    async def run(self, sink: Sink) -> None:
        assert self._sink is None, "already running"
        self._sink = sink
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._connection.run())
                group.create_task(self._sweep_loop())
        finally:
            self._sink = None

    # --- frames -----------------------------------------------------------------------------

    def _on_opened(self) -> None:
        command = {"id": 1, "cmd": "subscribe", "params": {"channels": list(_CHANNELS)}}
        self._connection.send(msgspec.json.encode(command))
        self._sweep_now.set()

    def _on_lost(self, reason: str) -> None:
        if reason != "cancelled":
            self._tally.note("user_stream_lost", reason)

    def _on_frame(self, life: int, data: str | bytes) -> None:
        """Take one frame; what cannot be read is left to the REST sweep, which is started."""
        if life != self._connection.life:
            return
        try:
            frame = read_frame(data)
            if frame.type == "fill":
                self._on_fill(read_msg(frame, FillMsg))
            elif frame.type == "user_order":
                order = read_msg(frame, UserOrderMsg)
                self._memory.link(order.order_id, order.client_order_id)
            elif frame.type == "error":
                error = read_msg(frame, ErrorMsg)
                self._tally.note(f"error_{error.code}", error.msg)
                self._connection.replace(f"error {error.code}")
            elif frame.type not in ("subscribed", "ok", "unsubscribed"):
                self._tally.note(f"unknown_type.{frame.type[:40]}")
        except WireError as wire_error:
            self._tally.note_error(wire_error)
            self._sweep_now.set()

    def _on_fill(self, msg: FillMsg) -> None:
        if msg.client_order_id:
            self._memory.link(msg.order_id, msg.client_order_id)
        attempt = self._memory.attempt_of(msg.order_id)
        if msg.fee_cost is None or attempt is None:
            # Without its fee or its owner it is not a posting: REST has both.
            self._sweep_now.set()
            return
        self._hand_out(build_fill(msg, msg.market_ticker, attempt, msg.fee_cost))

    def _hand_out(self, fill: Fill) -> None:
        if fill.key in self._seen or self._sink is None:
            return
        self._seen[fill.key] = None
        while len(self._seen) > _SEEN_MAX:
            self._seen.popitem(last=False)
        fill = self._memory.in_ticket_terms(fill)
        self._told.note(fill)
        self._sink(FillSeen(fill))

    # --- sweep ------------------------------------------------------------------------------

    async def _sweep_loop(self) -> None:
        while True:
            try:
                # Not wait_for: before Python 3.12 it can swallow a cancellation.
                async with asyncio.timeout(_SWEEP_EVERY_S):
                    await self._sweep_now.wait()
                # A burst of causes is one sweep, and the records lag the frames a little.
                await self._clock.sleep(0.2)
            except TimeoutError:
                pass
            self._sweep_now.clear()
            try:
                await self._sweep()
            except (StoreError, WireError) as error:
                self._tally.note("sweep_failed", str(error))
                await self._clock.sleep(1.0)
                self._sweep_now.set()

    async def _sweep(self) -> None:
        """Hand out every fill since a minute before the last complete sweep.

        While fills of ours are young enough to be taken back, the reading goes back over
        them as well (F-032).
        """
        now_s = self._clock.wall_ns() // NS_PER_S
        since_s = (self._swept_until_s or now_s - _FIRST_SWEEP_S) - _OVERLAP_S
        as_of_ns = 0
        if not self._told.is_empty():
            since_s = min(since_s, now_s - REVIEW_NS // NS_PER_S - _OVERLAP_S)
            as_of_ns = await self._account.read_as_of_ns()
        unreadable = self._tally.counts.total()
        fills = await self._account.read_fills(min_ts_s=max(1, since_s), skip=self._tally)
        if as_of_ns and self._tally.counts.total() == unreadable:
            self._look_for_corrections(fills, as_of_ns)
        for fill in sorted(fills, key=lambda f: (f.venue_ts_ns, f.key)):
            if fill.key not in self._seen:
                self._hand_out(await self._with_owner(fill))
        self._swept_until_s = now_s

    def _look_for_corrections(self, fills: list[Fill], as_of_ns: int) -> None:
        """Tell a busted trade as failed; count a re-priced one (its cash will not add up)."""
        busted, repriced = self._told.compare(fills, as_of_ns, self._clock.mono_ns())
        for fill in busted:
            self._tally.note("trade_busted", fill.key)
            if self._sink is not None:
                self._sink(TradeFinality(Venue.KALSHI, fill.trade_id, False))
        for fill in repriced:
            self._tally.note("trade_repriced", fill.key)

    async def _with_owner(self, fill: Fill) -> Fill:
        """Look up whose order a fill belongs to; an order without our id stays foreign."""
        if fill.attempt_id is not None:
            return fill
        order = await self._account.read_order(fill.order_id)
        if order is None or not order.client_order_id:
            return fill
        return replace(fill, attempt_id=AttemptId(order.client_order_id))

"""Our own executions as they happen, with REST as the second witness.

The private socket carries no sequence number and replays nothing, so trades are read over
REST after every connect and every few seconds. A REST trade names neither order nor fee:
one that the socket did not tell of is explained by reading the orders of its market that
have more filled than we know. What stays unexplained is counted, and shows in the positions.
"""

from __future__ import annotations

import asyncio
import random
from collections import OrderedDict
from typing import Final

from shared.adapters.venues.polymarket_us import capabilities as cap
from shared.adapters.venues.polymarket_us.account import PolymarketUsAccount
from shared.adapters.venues.polymarket_us.answers import FILL_TYPES
from shared.adapters.venues.polymarket_us.connection import Connection
from shared.adapters.venues.polymarket_us.errors import WireTally
from shared.adapters.venues.polymarket_us.evidence import AttemptMemory, Trade, complete_fills
from shared.adapters.venues.polymarket_us.parsing import build_fill, decode, read_order
from shared.adapters.venues.polymarket_us.schemas import Execution, PrivateFrame
from shared.adapters.venues.polymarket_us.signing import Signer
from shared.adapters.venues.polymarket_us.stream import subscribe_command
from shared.domain.enums import Venue
from shared.domain.errors import StoreError, WireError
from shared.domain.events import FillSeen, TradeFinality
from shared.domain.order import Fill
from shared.domain.units import NS_PER_S
from shared.ports.clock import Clock
from shared.ports.venue import Sink

_SWEEP_EVERY_S: Final = 5.0
_OVERLAP_NS: Final = 60 * NS_PER_S
_FIRST_SWEEP_NS: Final = 3_600 * NS_PER_S
_OWNER_WAIT_S: Final = 2.0
"""An execution may arrive before the answer that says whose order it is."""
_SEEN_MAX: Final = 10_000


class UserStream:
    """One private connection; ``run`` until cancelled."""

    def __init__(
        self,
        endpoints: cap.Endpoints,
        signer: Signer,
        account: PolymarketUsAccount,
        memory: AttemptMemory,
        clock: Clock,
        tally: WireTally,
        rng: random.Random,
    ) -> None:
        self._account, self._memory = account, memory
        self._clock, self._tally = clock, tally
        self._sink: Sink | None = None
        self._sweep_now = asyncio.Event()
        self._swept_until_ns = 0
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._voided: OrderedDict[str, None] = OrderedDict()
        self._waiting: list[tuple[int, Execution]] = []
        self._connection = Connection(
            endpoints,
            cap.WS_PRIVATE,
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
        life = self._connection.life
        self._connection.send(subscribe_command(f"orders-{life}", "SUBSCRIPTION_TYPE_ORDER"))
        self._connection.send(subscribe_command(f"open-{life}", "SUBSCRIPTION_TYPE_ORDER_SNAPSHOT"))
        self._sweep_now.set()

    def _on_lost(self, reason: str) -> None:
        if reason != "cancelled":
            self._tally.note("user_stream_lost", reason)

    def _on_frame(self, life: int, data: str | bytes) -> None:
        """Take one frame; what cannot be read is left to the REST sweep, which is started."""
        if life != self._connection.life:
            return
        try:
            body = data.encode() if isinstance(data, str) else data
            frame = decode(body, PrivateFrame, "private_frame")
            if frame.error:
                self._tally.note("user_error", f"{frame.request_id[:40]} {frame.error}")
                self._connection.replace("the venue refused a subscription")
            for row in (
                frame.order_subscription_snapshot.orders
                if (frame.order_subscription_snapshot is not None)
                else ()
            ):
                self._memory.note_order(read_order(row))
            if frame.order_subscription_update is not None:
                self._on_execution(frame.order_subscription_update.execution)
        except WireError as wire_error:
            self._tally.note_error(wire_error)
            self._sweep_now.set()

    def _on_execution(self, row: Execution, *, is_last_try: bool = False) -> bool:
        """Take one execution; False while it is not known whose order it is."""
        if row.order is None:
            raise WireError("execution_order", row.id)
        order = read_order(row.order)
        attempt = self._memory.note_order(order)
        if row.type not in FILL_TYPES:
            return True
        fill = build_fill(row, attempt)
        self._memory.note_fill(fill)
        if attempt is None and not is_last_try:
            self._waiting.append((self._clock.mono_ns(), row))
            self._sweep_now.set()
            return False
        self._hand_out(fill)
        return True

    def _hand_out(self, fill: Fill) -> None:
        if fill.key in self._seen or self._sink is None:
            return
        self._seen[fill.key] = None
        _trim(self._seen)
        self._sink(FillSeen(self._memory.in_ticket_terms(fill)))

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
            self._retry_waiting()
            try:
                await self._sweep()
            except (StoreError, WireError) as error:
                self._tally.note("sweep_failed", str(error))
                await self._clock.sleep(1.0)
                self._sweep_now.set()

    def _retry_waiting(self) -> None:
        """Look again whose the executions are; after two seconds they are nobody's."""
        waiting, self._waiting = self._waiting, []
        now = self._clock.mono_ns()
        for since_ns, row in waiting:
            is_last_try = now - since_ns > int(_OWNER_WAIT_S * NS_PER_S)
            try:
                done = self._on_execution(row, is_last_try=is_last_try)
            except WireError as error:
                self._tally.note_error(error)
                continue
            if not done:
                # Kept with the time of its first sight, not of this one.
                self._waiting[-1] = (since_ns, row)

    async def _sweep(self) -> None:
        """Explain every trade since a minute before the last complete sweep."""
        now_ns = self._clock.wall_ns()
        since_ns = (self._swept_until_ns or now_ns - _FIRST_SWEEP_NS) - _OVERLAP_NS
        trades = await self._account.read_trades(max(1, since_ns), on_voided=self._void)
        missed = [t for t in trades if not self._memory.is_known_trade(t.trade_id)]
        for slug in sorted({trade.slug for trade in missed}):
            await self._explain(slug, [trade for trade in missed if trade.slug == slug])
        self._swept_until_ns = now_ns

    async def _explain(self, slug: str, trades: list[Trade]) -> None:
        """Find the orders of ours in a market that have more filled than we know."""
        for order in self._memory.orders_in(slug):
            attempt = self._memory.attempt_of(order.order_id)
            fresh = await self._account.read_order(order.order_id) if attempt else None
            if fresh is None:
                continue
            self._memory.note_order(fresh)
            known = self._memory.fills_of(order.order_id)
            fills = complete_fills(fresh, known, trades, attempt)
            for fill in fills or ():
                self._memory.note_fill(fill)
                self._hand_out(fill)
        left = [t for t in trades if not self._memory.is_known_trade(t.trade_id)]
        if left:
            self._tally.note("unexplained_trade", f"{slug} {left[0].trade_id}")

    def _void(self, trade_id: str) -> None:
        """A trade was busted or refused by the clearing house: its fill is taken back."""
        if trade_id in self._voided or self._sink is None:
            return
        self._voided[trade_id] = None
        _trim(self._voided)
        if self._memory.is_known_trade(trade_id):
            self._sink(TradeFinality(Venue.POLYMARKET_US, trade_id, is_final=False))


def _trim(table: OrderedDict[str, None]) -> None:
    while len(table) > _SEEN_MAX:
        table.popitem(last=False)

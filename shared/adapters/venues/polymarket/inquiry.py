"""Asking the venue what became of orders: open orders, trades, cash, one order at a time.

Whatever cannot be read proves nothing. An attempt may have had one of several order ids,
because the tick decides the rounding of a budget and may have changed since; all of them
are looked for.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from shared.adapters.venues.polymarket.evidence import EvidenceJudge, Look, trades_by_order
from shared.adapters.venues.polymarket.fills import FAILED, trade_state
from shared.adapters.venues.polymarket.own_trades import OwnTrades
from shared.adapters.venues.polymarket.parsing import read_balance
from shared.adapters.venues.polymarket.rest import PolymarketRest
from shared.adapters.venues.polymarket.schemas import OpenOrder, Trade
from shared.domain.errors import DomainError, StoreError, WireError
from shared.domain.instrument import Instrument
from shared.domain.order import Evidence, EvidenceKind, LegTicket
from shared.domain.units import NS_PER_S
from shared.ports.clock import Clock

_LOG = logging.getLogger("twinleg.polymarket.execution")

LOOKBACK_S: Final = 600
EVIDENCE_PARALLEL: Final = 8

CandidateIds = Callable[[LegTicket, Instrument], list[str]]


class Inquiry:
    """Asks for one account; remembers nothing but what its judge does."""

    def __init__(
        self, rest: PolymarketRest, own: OwnTrades, clock: Clock, candidate_ids: CandidateIds
    ) -> None:
        self._rest, self._own, self._clock = rest, own, clock
        self._candidate_ids = candidate_ids
        self._judge = EvidenceJudge()

    async def find_evidence(self, tickets: Sequence[LegTicket]) -> Sequence[Evidence]:
        """Ask orders and trades about each attempt; unreadable answers prove nothing."""
        if not tickets:
            return ()
        oldest_s = min(t.decided_wall_ns for t in tickets) // NS_PER_S - LOOKBACK_S
        try:
            live, trades, cash = await asyncio.gather(
                self._rest.open_orders(),
                self._rest.trades(after=str(max(0, oldest_s))),
                self.read_cash(),
            )
        except (StoreError, WireError) as error:
            _LOG.info("evidence: %s", error)
            return tuple(Evidence(t.attempt_id, EvidenceKind.UNPROVEN) for t in tickets)
        open_ids = {order.id.lower(): order for order in live}
        grouped = trades_by_order(trades)
        gate = asyncio.Semaphore(EVIDENCE_PARALLEL)

        async def one(ticket: LegTicket) -> Evidence:
            try:
                async with gate:
                    return await self._one(ticket, open_ids, grouped, cash)
            except (StoreError, WireError, DomainError) as error:
                _LOG.info("evidence of %s: %s", ticket.attempt_id, error)
                return Evidence(ticket.attempt_id, EvidenceKind.UNPROVEN)

        return await asyncio.gather(*(one(ticket) for ticket in tickets))

    async def _one(
        self,
        ticket: LegTicket,
        open_ids: dict[str, OpenOrder],
        grouped: Mapping[str, list[Trade]],
        cash: int,
    ) -> Evidence:
        instrument = self._own.instrument(ticket.market_id)
        if instrument is None:
            return Evidence(ticket.attempt_id, EvidenceKind.UNPROVEN)
        ids = self._candidate_ids(ticket, instrument)
        order_id = next((i for i in ids if i in open_ids or i in grouped), ids[0] if ids else "")
        if not order_id:
            # The venue cannot express it, so it was never sent; only its encoder can say so.
            return Evidence(ticket.attempt_id, EvidenceKind.UNPROVEN)
        for candidate in ids:
            self._own.remember(candidate, ticket.attempt_id, instrument)
        order = open_ids.get(order_id)
        for candidate in [order_id, *ids]:
            order = order or await self._rest.order(candidate)
            if order is not None:
                order_id = order.id.lower()
                break
        trades = grouped.get(order_id, [])
        fills = [
            fill
            for trade in trades
            if trade_state(trade) != FAILED
            for fill in await self._own.to_fills(trade)
            if fill.order_id == order_id
        ]
        look = Look(
            order=order,
            is_open=order_id in open_ids,
            trades=trades,
            fills=fills,
            cash=cash,
            wall_ns=self._clock.wall_ns(),
            mono_ns=self._clock.mono_ns(),
        )
        return self._judge.judge(ticket, instrument.taker_delay_ns, order_id, look)

    async def read_cash(self) -> int:
        """Return the wallet's pUSD in micros. Integer text is already millionths."""
        return read_balance(await self._rest.collateral())

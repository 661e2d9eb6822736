"""One venue in simulation: the real exchange behind a lossy wire, and the hidden truth.

Carries a ticket over a faulty network into ``Exchange`` and the answer back; the
exchange's own records stay the truth that the checkers compare against.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from shared.domain.enums import BookSide, Outcome, TimeInForce, Venue
from shared.domain.events import (
    AttemptAnswered,
)
from shared.domain.ids import AttemptId
from shared.domain.order import (
    Acked,
    AckStatus,
    Fill,
    LegTicket,
    Rejected,
    Unknown,
)
from shared.domain.units import NS_PER_MS, PriceMicros, QtyMicros
from shared.drivers.sim_records import ABSENCE_NS, ACCOUNT, LOST_AFTER_NS, VenueRecords
from shared.exchange.orders import (
    OrderRecord,
    OrderRequest,
    OrderStatus,
    Refused,
)

_STATUS: Final = {
    OrderStatus.RESTING: AckStatus.RESTING,
    OrderStatus.HELD: AckStatus.HELD,
    OrderStatus.EXECUTED: AckStatus.DONE,
    OrderStatus.CANCELED: AckStatus.DONE,
}
__all__ = ["ABSENCE_NS", "ACCOUNT", "LOST_AFTER_NS", "SimVenue"]


@dataclass(slots=True)
class SimVenue(VenueRecords):
    """The order path of one venue."""

    def submit(self, ticket: LegTicket) -> None:
        """Send one order; what goes wrong is drawn now, what it means is seen later."""
        attempt = ticket.attempt_id
        self.sent[attempt] = self.now()
        self.in_transit.add(attempt)
        there = self._latency()
        letter = self.letter
        if not self.is_reachable or self.swarm.hits("tcp"):
            self._answer(LOST_AFTER_NS, Unknown(attempt, "connection lost"))
            self.schedule(there, lambda: self._lost(attempt))
        elif self.is_zombie():
            late = self.rng.randint(5_400, 9_000) * NS_PER_MS
            self.schedule(late, lambda: self._arrive(ticket, answered=False))
            self._answer(LOST_AFTER_NS, Unknown(attempt, "no answer"))
        elif self.now() < self.restart_until:
            self.schedule(there, lambda: self._lost(attempt))
            self._answer(2 * there, Unknown(attempt, "http 425"))
        elif self.swarm.hits_more(f"{letter}.body"):
            if there // NS_PER_MS % 2:
                self.schedule(there, lambda: self._arrive(ticket, answered=False))
            else:
                self.schedule(there, lambda: self._lost(attempt))
            self._answer(2 * there, Unknown(attempt, "body without an order"))
        elif letter == "k" and self.swarm.hits_more("k.shard_cash"):
            self.schedule(there, lambda: self._lost(attempt))
            self._answer(2 * there, Rejected(attempt, "insufficient_balance"))
        elif self.swarm.hits(f"{letter}.ack_lost"):
            self.schedule(there, lambda: self._arrive(ticket, answered=False))
            self._answer(LOST_AFTER_NS, Unknown(attempt, "no answer"))
        elif letter == "k" and self.swarm.hits("k.req_lost"):
            self.schedule(there, lambda: self._lost(attempt))
            self._answer(LOST_AFTER_NS, Unknown(attempt, "no answer"))
        elif letter == "k" and self.swarm.hits("k.req_late"):
            late = self.rng.randint(3_000, 9_000) * NS_PER_MS
            self.schedule(late, lambda: self._arrive(ticket, answered=False))
            self._answer(LOST_AFTER_NS, Unknown(attempt, "no answer"))
        elif self.swarm.hits("k.5xx" if letter == "k" else "p.500"):
            if self.rng.random() < 0.5:
                self.schedule(there, lambda: self._arrive(ticket, answered=False))
            else:
                self.schedule(there, lambda: self._lost(attempt))
            self._answer(2 * there, Unknown(attempt, "http 5xx"))
        elif self.swarm.hits("k.bucket" if letter == "k" else "p.400"):
            self.schedule(there, lambda: self._lost(attempt))
            self._answer(2 * there, Rejected(attempt, "refused by list"))
        else:
            self.schedule(there, lambda: self._arrive(ticket, answered=True))

    def _lost(self, attempt: AttemptId) -> None:
        self.in_transit.discard(attempt)

    def _answer(self, delay: int, outcome: Acked | Rejected | Unknown) -> None:
        self.deliver(delay, AttemptAnswered(outcome))

    def _arrive(self, ticket: LegTicket, *, answered: bool) -> None:
        attempt = ticket.attempt_id
        self.in_transit.discard(attempt)
        self._fade(ticket)
        self.executions[attempt] = self.executions.get(attempt, 0) + 1
        if self.letter == "p" and self.swarm.hits_more("p.ghost"):
            result = self._haunted(ticket)
        else:
            request = self._request(ticket)
            is_young = self.now() - self.sent[attempt] < LOST_AFTER_NS
            if self.lapses is not None and is_young and self.lapses.rests(self, ticket):
                request = replace(request, tif=TimeInForce.GTC, budget_usd=None)
            result = self.exchange.submit(request, self.now())
        if not answered:
            return
        if isinstance(result, Refused):
            self._answer(self._latency(), Rejected(attempt, result.code.value))
        else:
            self._answer(self._latency(), self.acked(result))
            if self.lapses is not None:
                self.lapses.on_result(self, result)

    def _haunted(self, ticket: LegTicket) -> OrderRecord | Refused:
        """The counterparty voids the match on chain once the price has moved (F-054)."""
        clearing = self.exchange.clearing
        honest = clearing.rules
        assert honest.finality is not None
        clearing.rules = replace(honest, finality=replace(honest.finality, failed_ppm=1_000_000))
        try:
            return self.exchange.submit(self._request(ticket), self.now())
        finally:
            clearing.rules = honest

    def _fade(self, ticket: LegTicket) -> None:
        """Depth may be gone, or better, when the order arrives."""
        book = self.exchange.book(ticket.market_id)
        takes_asks = (ticket.outcome is Outcome.YES) is (ticket.side.value == "buy")
        levels = book.asks if takes_asks else book.bids
        if not levels:
            return
        side = BookSide.ASK if takes_asks else BookSide.BID
        if self.swarm.hits("fade"):
            for price, _ in levels:
                self.exchange.set_level(ticket.market_id, side, price, QtyMicros(0), self.now())
        elif self.swarm.hits(f"{self.letter}.partial"):
            price = levels[0][0]
            share = 3 if self.lapses is None else self.rng.choice((2, 3, 8))
            part = QtyMicros(max(10_000, ticket.qty // share // 10_000 * 10_000))
            for other, _ in levels[1:]:
                self.exchange.set_level(ticket.market_id, side, other, QtyMicros(0), self.now())
            self.exchange.set_level(ticket.market_id, side, price, part, self.now())
        elif self.letter == "p" and self.swarm.hits("p.over"):
            best = levels[0][0] + (-20_000 if takes_asks else 20_000)
            opposite = book.bids if takes_asks else book.asks
            clear = not opposite or (best > opposite[0][0] if takes_asks else best < opposite[0][0])
            if clear and 0 < best < 1_000_000:
                more = QtyMicros(ticket.qty * 2)
                self.exchange.set_level(ticket.market_id, side, PriceMicros(best), more, self.now())

    def _request(self, ticket: LegTicket) -> OrderRequest:
        is_poly = self.venue is Venue.POLYMARKET
        return OrderRequest(
            account=ACCOUNT,
            market_id=ticket.market_id,
            outcome=ticket.outcome,
            side=ticket.side,
            price_limit=ticket.price_limit,
            qty=ticket.qty,
            tif=ticket.tif,
            order_id=f"0x{ticket.attempt_id}" if is_poly else "",
            client_id=ticket.attempt_id,
            budget_usd=ticket.budget_usd if ticket.tif is TimeInForce.IOC else None,
            reduce_only=ticket.reduce_only,
            shard=ticket.shard,
        )

    def acked(self, order: OrderRecord) -> Acked:
        """Return what the venue says of an order as it stands."""
        fills: tuple[Fill, ...] = ()
        if self.venue is Venue.POLYMARKET:
            fills = tuple(self.fill(f) for f in self.exchange.fills_of(order.order_id))
        return Acked(
            AttemptId(order.client_id),
            order.order_id,
            _STATUS[order.status],
            order.qty_filled,
            order.cost_usd,
            fills,
        )

    def cancel(self, ticket: LegTicket) -> None:
        def arrive() -> None:
            order = self.exchange.order_by_client_id(ACCOUNT, ticket.attempt_id)
            if order is not None and order.is_live and not self.swarm.hits("p.rest"):
                self.exchange.cancel(ACCOUNT, order.order_id, self.now())

        if self.is_reachable:
            self.schedule(self._latency(), arrive)

    def cancel_everything(self) -> None:
        self.exchange.cancel_all(ACCOUNT, self.now())

"""One venue in simulation: the real exchange behind a lossy wire, and the hidden truth.

Carries a ticket over a faulty network into ``Exchange`` and the answer back; the
exchange's own records stay the truth that the checkers compare against.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Final

from shared.domain.enums import BookSide, Outcome, TimeInForce, Venue
from shared.domain.events import (
    AccountSnapshot,
    AttemptAnswered,
    EventBody,
    EvidenceFound,
    FillSeen,
    PayoutSeen,
    TradeFinality,
    VenuePosition,
)
from shared.domain.ids import AttemptId, PackageId
from shared.domain.order import (
    Acked,
    AckStatus,
    Evidence,
    EvidenceKind,
    Fill,
    LegTicket,
    Rejected,
    Unknown,
)
from shared.domain.units import NS_PER_MS, NS_PER_S, PriceMicros, QtyMicros, UsdMicros
from shared.drivers.sim_faults import Swarm
from shared.exchange.happenings import FillMade, FinalityMoved, Happening
from shared.exchange.matching_core import Exchange
from shared.exchange.orders import (
    FillRecord,
    OrderRecord,
    OrderRequest,
    OrderStatus,
    Refused,
    TradeStatus,
)

ACCOUNT: Final = "twinleg"
LOST_AFTER_NS: Final = 2 * NS_PER_S
"""The order connection is closed after this; only then an answer counts as lost."""
ABSENCE_NS: Final = 3 * NS_PER_S
_STATUS: Final = {
    OrderStatus.RESTING: AckStatus.RESTING,
    OrderStatus.HELD: AckStatus.HELD,
    OrderStatus.EXECUTED: AckStatus.DONE,
    OrderStatus.CANCELED: AckStatus.DONE,
}

Schedule = Callable[[int, Callable[[], None]], None]
Deliver = Callable[[int, EventBody], None]
"""(delay in nanoseconds, body): arrives at the trader unless it is dead by then."""


@dataclass(slots=True)
class SimVenue:
    venue: Venue
    exchange: Exchange
    swarm: Swarm
    rng: Random
    schedule: Schedule
    deliver: Deliver
    now: Callable[[], int]
    sent: dict[AttemptId, int] = field(default_factory=dict)
    in_transit: set[AttemptId] = field(default_factory=set)
    executions: dict[AttemptId, int] = field(default_factory=dict)
    is_reachable: bool = True
    told_failed: set[str] = field(default_factory=set)
    """Failures that a living process has been told of; the others nobody can know."""
    is_zombie: Callable[[], bool] = lambda: False
    """Whether the next order arrives long after its absence was proven (F-017)."""
    restart_until: int = 0
    """Until then every order is answered 425, which proves nothing (F-042)."""

    def __post_init__(self) -> None:
        self.exchange.subscribe(self._on_happening)

    @property
    def letter(self) -> str:
        return "k" if self.venue is Venue.KALSHI else "p"

    def _latency(self) -> int:
        base = self.rng.randint(8, 40) * NS_PER_MS
        return base * 10 if self.swarm.hits("lat") else base

    # --- orders --------------------------------------------------------------------------

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
            result = self.exchange.submit(self._request(ticket), self.now())
        if not answered:
            return
        if isinstance(result, Refused):
            self._answer(self._latency(), Rejected(attempt, result.code.value))
        else:
            self._answer(self._latency(), self._acked(attempt, result))

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
            part = QtyMicros(max(10_000, ticket.qty // 3 // 10_000 * 10_000))
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

    def _acked(self, attempt: AttemptId, order: OrderRecord) -> Acked:
        fills: tuple[Fill, ...] = ()
        if self.venue is Venue.POLYMARKET:
            fills = tuple(self.fill(f) for f in self.exchange.fills_of(order.order_id))
        return Acked(
            attempt,
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

    # --- the venue's own records ---------------------------------------------------------

    def find_evidence(self, package: PackageId, tickets: tuple[LegTicket, ...]) -> None:
        def answer() -> None:
            if self.is_reachable:
                found = tuple(self._evidence(ticket) for ticket in tickets)
                self.deliver(self._latency(), EvidenceFound(package, found))

        self.schedule(self._latency(), answer)

    def _evidence(self, ticket: LegTicket) -> Evidence:
        attempt = ticket.attempt_id
        order = self.exchange.order_by_client_id(ACCOUNT, attempt)
        if order is None:
            sent = self.sent.get(attempt)
            proven = sent is None or self.now() - sent >= LOST_AFTER_NS + ABSENCE_NS
            kind = EvidenceKind.ABSENT if proven else EvidenceKind.UNPROVEN
            return Evidence(attempt, kind)
        records = self.exchange.fills_of(order.order_id)
        fills = tuple(self.fill(f) for f in records if f.status is not TradeStatus.FAILED)
        if order.is_live:
            kind = EvidenceKind.LIVE
        else:
            kind = EvidenceKind.FILLED if fills else EvidenceKind.ABSENT
        stands = QtyMicros(sum(fill.qty for fill in fills))
        return Evidence(attempt, kind, order.order_id, stands, fills)

    def fill(self, record: FillRecord) -> Fill:
        return Fill(
            venue=self.venue,
            trade_id=record.trade_id,
            order_id=record.order_id,
            attempt_id=AttemptId(record.client_id),
            market_id=record.market_id,
            outcome=record.outcome,
            side=record.side,
            price=record.price,
            qty=record.qty,
            fee=record.fee_usd,
            liquidity=record.liquidity,
            venue_ts_ns=record.ts_ns,
            is_final=self.venue is Venue.KALSHI or record.status is TradeStatus.CONFIRMED,
            cost_usd=record.amount_usd,
        )

    def _on_happening(self, happening: Happening) -> None:
        if isinstance(happening, FillMade) and happening.account == ACCOUNT:
            if self.swarm.hits("p.user.drop"):
                return
            body = FillSeen(self.fill(happening.fill))
            self.deliver(self._latency(), body)
            if self.swarm.hits("p.user.dup"):
                self.deliver(2 * self._latency(), body)
        elif isinstance(happening, FinalityMoved) and happening.account == ACCOUNT:
            status = happening.fill.status
            if status.is_final:
                final = status is TradeStatus.CONFIRMED
                trade = TradeFinality(self.venue, happening.fill.trade_id, final)
                if status is TradeStatus.FAILED:
                    self.swarm.count("p.fail")
                if not self.swarm.hits("p.user.drop"):
                    self._tell(self._latency(), trade)

    def _tell(self, delay: int, trade: TradeFinality) -> None:
        if not trade.is_final:
            self.schedule(delay, lambda: self.told_failed.add(trade.trade_id))
        self.deliver(delay, trade)

    def sweep(self) -> None:
        """The REST sweep: every fill again, with its present finality; nothing is lost for good."""
        if not self.is_reachable:
            return
        for record in self.exchange.fills(ACCOUNT):
            if record.status is not TradeStatus.FAILED:
                self.deliver(self._latency(), FillSeen(self.fill(record)))
            if record.status.is_final and self.venue is Venue.POLYMARKET:
                final = record.status is TradeStatus.CONFIRMED
                trade = TradeFinality(self.venue, record.trade_id, final)
                self._tell(2 * self._latency(), trade)

    def poll_account(self) -> None:
        if not self.is_reachable or self.swarm.hits_more("rest.cut_page"):
            return  # a page was missing: the whole read is refused (F-065)
        for payout in self.exchange.payouts(ACCOUNT):
            body = PayoutSeen(
                self.venue,
                payout.market_id,
                payout.payout,
                payout.qty_yes,
                payout.qty_no,
                payout.cash_usd,
                payout.ts_ns,
                payout.reference,
            )
            self.deliver(self._latency(), body)
        self.deliver(3 * self._latency(), self.snapshot())

    def snapshot(self) -> AccountSnapshot:
        positions = tuple(
            VenuePosition(market, held.yes, held.no)
            for market, held in sorted(self.exchange.positions(ACCOUNT).items())
            if held.yes or held.no
        )
        cash = self.exchange.cash(ACCOUNT)
        shards = tuple(sorted(self.exchange.cash_by_shard(ACCOUNT).items()))
        if self.venue is Venue.POLYMARKET:
            shards = ()
        return AccountSnapshot(self.venue, UsdMicros(cash), shards, positions, self.now())

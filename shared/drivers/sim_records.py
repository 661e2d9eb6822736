"""What a simulated venue tells of our account: evidence, fills, finality, payouts, cash.

The exchange's own records are the truth; the wire may lose a message, a sweep never does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Final

from shared.domain.enums import Venue
from shared.domain.events import (
    AccountSnapshot,
    EventBody,
    EvidenceFound,
    FillSeen,
    PayoutSeen,
    TradeFinality,
    VenuePosition,
)
from shared.domain.ids import AttemptId, PackageId
from shared.domain.order import Evidence, EvidenceKind, Fill, LegTicket
from shared.domain.units import NS_PER_MS, NS_PER_S, QtyMicros, UsdMicros
from shared.drivers.sim_faults import Swarm
from shared.exchange.happenings import FillMade, FinalityMoved, Happening
from shared.exchange.matching_core import Exchange
from shared.exchange.orders import FillRecord, TradeStatus

if TYPE_CHECKING:
    from shared.drivers.sim_lapses import Lapses

ACCOUNT: Final = "twinleg"
LOST_AFTER_NS: Final = 2 * NS_PER_S
"""The order connection is closed after this; only then an answer counts as lost."""
ABSENCE_NS: Final = 3 * NS_PER_S
Schedule = Callable[[int, Callable[[], None]], None]
Deliver = Callable[[int, EventBody], None]
"""(delay in nanoseconds, body): arrives at the trader unless it is dead by then."""


@dataclass(slots=True)
class VenueRecords:
    """What a venue keeps and tells of our account: evidence, fills, finality, payouts."""

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
    lapses: Lapses | None = None
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

    # --- the venue's own records ---------------------------------------------------------

    def find_evidence(self, package: PackageId, tickets: tuple[LegTicket, ...], asked: int) -> None:
        def answer() -> None:
            if self.is_reachable:
                found = tuple(self._evidence(ticket) for ticket in tickets)
                self.deliver(self._latency(), EvidenceFound(package, found, asked))

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
            if self.lapses is not None:
                self.lapses.on_fill(self, happening.fill)  # type: ignore[arg-type]
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
        self.deliver(delay, trade)

    def sweep(self) -> None:
        """The REST sweep: every fill again, with its present finality; nothing is lost for good."""
        if not self.is_reachable:
            return
        for record in self.exchange.fills(ACCOUNT):
            if record.status is not TradeStatus.FAILED:
                self.deliver(self._latency(), FillSeen(self.fill(record)))
            is_news = self.venue is Venue.POLYMARKET or record.status is TradeStatus.FAILED
            if record.status.is_final and is_news:
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

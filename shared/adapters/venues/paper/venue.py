"""A paper venue: our orders against the real book, through the exchange's fill model.

Implements the ports ``Execution`` and ``Account``. Market data come from the real
adapter; this class only reads the book that the trader sees.
Rule 1: records are durable before anybody hears of them (answer, stream or read).
Rule 2: with the store away an order that was executed is ``Unknown`` until its records
        are written; nothing new is executed meanwhile.
Rule 3: an attempt that this process holds in flight is unproven; one that neither the
        records nor this process know never existed (nobody else can trade here).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from shared.adapters.venues.paper.order_codec import encode_ticket, request_of
from shared.adapters.venues.paper.settings import ACCOUNT, PaperSettings
from shared.adapters.venues.paper.store import ATTEMPTS, PaperStore
from shared.domain.book import Book
from shared.domain.enums import BookSide, Liquidity, Venue
from shared.domain.errors import StoreError
from shared.domain.events import (
    AccountSnapshot,
    FillSeen,
    PayoutSeen,
    TradeFinality,
    VenuePosition,
)
from shared.domain.ids import AttemptId, MarketId
from shared.domain.instrument import Instrument
from shared.domain.order import (
    Acked,
    AckStatus,
    Evidence,
    EvidenceKind,
    Fill,
    LegTicket,
    Rejected,
    SubmitOutcome,
    Unknown,
)
from shared.domain.units import MICROS, NS_PER_S, PriceMicros, QtyMicros, UsdMicros
from shared.exchange.fill_model import Depletion
from shared.exchange.happenings import FillMade, FinalityMoved, Happening
from shared.exchange.matching_core import Exchange
from shared.exchange.orders import (
    FillRecord,
    OrderRecord,
    OrderStatus,
    PayoutRecord,
    RefusalCode,
    Refused,
    TradeStatus,
)
from shared.exchange.records import Record, drain, restore
from shared.exchange.venue_rules import rules_of
from shared.ports.clock import Clock
from shared.ports.venue import EncodedOrder, Sink

BookOf = Callable[[MarketId], Book | None]
InstrumentOf = Callable[[MarketId], Instrument | None]

PUMP_MAX_S: Final = 0.25
PUMP_LIVE_S: Final = 0.05
SWEEP_NS: Final = 6 * 3_600 * NS_PER_S
"""A new user stream repeats the fills that moved in the last six hours."""


class PaperVenue:
    """One simulated account at one venue; call ``open`` before anything else."""

    def __init__(
        self,
        venue: Venue,
        book_of: BookOf,
        instrument_of: InstrumentOf,
        clock: Clock,
        store: PaperStore,
        settings: PaperSettings | None = None,
    ) -> None:
        self.venue = venue
        self._settings = settings or PaperSettings()
        rules = rules_of(venue)
        if rules.finality is not None:
            rules = replace(rules, finality=self._settings.finality)
        self._exchange = Exchange(rules, self._settings.seed)
        self._exchange.subscribe(self._heard)
        self._depletion = Depletion(self._settings.recovery_ns)
        self._book_of, self._instrument_of = book_of, instrument_of
        self._clock, self._store = clock, store
        self._lock = asyncio.Lock()
        self._unsaved: list[Record] = []
        self._outbox: list[FillRecord] = []
        self._sink: Sink | None = None
        self._in_flight: set[str] = set()
        self._refused: dict[str, str] = {}
        self._is_loaded = False

    async def open(self) -> None:
        """Load the stored account, or fund a new one; may be repeated after a StoreError."""
        if not self._is_loaded:
            records = await self._store.load(self.venue)
            self._refused = {
                r.key: str(r.document["reason"]) for r in records if r.table == ATTEMPTS
            }
            restore(self._exchange, [r for r in records if r.table != ATTEMPTS])
            if self._exchange.clearing.accounts.get(ACCOUNT) is None:
                for shard, usd in sorted(self._settings.cash_by_shard.items()):
                    self._exchange.deposit(ACCOUNT, usd, shard)
            self._is_loaded = True
        async with self._lock:
            await self._persist()

    # --- Execution -------------------------------------------------------------------------

    def encode(self, ticket: LegTicket, instrument: Instrument) -> EncodedOrder:
        return encode_ticket(ticket, instrument)

    async def send(
        self, order: EncodedOrder, may_send: Callable[[], str | None]
    ) -> SubmitOutcome | None:
        attempt = order.ticket.attempt_id
        if may_send() is not None:
            return None
        outbound_ns, inbound_ns = self._settings.latency.draw(self._settings.seed, attempt)
        self._in_flight.add(attempt)
        try:
            await self._clock.sleep(outbound_ns / NS_PER_S)
            async with self._lock:
                outcome = await self._arrive(order)
        finally:
            # Cancelled on the way out, the order never arrived: its absence is a fact.
            self._in_flight.discard(attempt)
        await self._clock.sleep(inbound_ns / NS_PER_S)
        return outcome

    async def _arrive(self, order: EncodedOrder) -> SubmitOutcome:
        """Execute at the venue, make it durable, and say what the venue would say."""
        attempt = order.ticket.attempt_id
        if self._unsaved:
            try:
                await self._persist()
            except StoreError as error:
                return Rejected(attempt, "paper_store_away", str(error))
        now_ns = self._clock.wall_ns()
        self._advance(now_ns)
        self._show_book(order.ticket.market_id, now_ns)
        order_id = order.order_hash or f"paper-{attempt}"
        request = request_of(order.payload, ACCOUNT, order_id)
        result = self._exchange.submit(request, now_ns)
        if isinstance(result, Refused) and result.code is not RefusalCode.DUPLICATE:
            self._refused[attempt] = result.code.value
            document = {"reason": result.code.value, "at_ns": now_ns}
            self._unsaved.append(Record(ATTEMPTS, attempt, document))
        try:
            await self._persist()
        except StoreError as error:
            return Unknown(attempt, "paper_store_away", str(error))
        if isinstance(result, Refused):
            if result.code is RefusalCode.DUPLICATE:
                return Unknown(attempt, result.code.value, result.message)
            return Rejected(attempt, result.code.value, result.message)
        return self._acked(attempt, result)

    def _acked(self, attempt: AttemptId, record: OrderRecord) -> Acked:
        status = AckStatus.DONE
        if record.status is OrderStatus.RESTING:
            status = AckStatus.RESTING
        elif record.status is OrderStatus.HELD:
            status = AckStatus.HELD
        fills = tuple(to_fill(self.venue, f) for f in self._exchange.fills_of(record.order_id))
        assert sum(f.qty for f in fills) == record.qty_filled
        return Acked(attempt, record.order_id, status, record.qty_filled, record.cost_usd, fills)

    async def cancel(self, order: EncodedOrder, order_id: str) -> bool:
        outbound_ns, inbound_ns = self._settings.latency.draw(
            self._settings.seed, f"cancel/{order_id}"
        )
        await self._clock.sleep(outbound_ns / NS_PER_S)
        async with self._lock:
            now_ns = self._clock.wall_ns()
            self._show_book(order.ticket.market_id, now_ns)
            result = self._exchange.cancel(ACCOUNT, order_id, now_ns)
            try:
                await self._persist()
            except StoreError:
                return False
        await self._clock.sleep(inbound_ns / NS_PER_S)
        return not isinstance(result, Refused)

    async def cancel_everything(self) -> int:
        async with self._lock:
            ended = self._exchange.cancel_all(ACCOUNT, self._clock.wall_ns())
            await self._persist()
        return len(ended)

    async def sweep_everything(self) -> bool:
        """Nothing to do: ``cancel_everything`` is one step here."""
        return False

    async def find_evidence(self, tickets: Sequence[LegTicket]) -> Sequence[Evidence]:
        async with self._lock:
            try:
                await self._persist()
            except StoreError:
                return [Evidence(t.attempt_id, EvidenceKind.UNPROVEN) for t in tickets]
            return [self._evidence(ticket.attempt_id) for ticket in tickets]

    def _evidence(self, attempt: AttemptId) -> Evidence:
        record = self._exchange.order_by_client_id(ACCOUNT, attempt)
        if record is None:
            known = attempt in self._in_flight and attempt not in self._refused
            return Evidence(attempt, EvidenceKind.UNPROVEN if known else EvidenceKind.ABSENT)
        standing = [
            fill
            for fill in self._exchange.fills_of(record.order_id)
            if fill.status is not TradeStatus.FAILED
        ]
        qty = QtyMicros(sum(fill.qty for fill in standing))
        fills = tuple(to_fill(self.venue, fill) for fill in standing)
        if record.is_live:
            kind = EvidenceKind.LIVE
        else:
            kind = EvidenceKind.FILLED if qty else EvidenceKind.ABSENT
        return Evidence(attempt, kind, record.order_id, qty, fills)

    async def run_user_stream(self, sink: Sink) -> None:
        """Deliver fills and finality as they become durable; first repeat recent ones."""
        self._sink = sink
        since_ns = self._clock.wall_ns() - SWEEP_NS
        for fill in self._exchange.fills(ACCOUNT):
            if fill.status_ns >= since_ns:
                self._deliver(fill)
        while True:
            await self._clock.sleep(self._pause_s())
            async with self._lock:
                self._advance(self._clock.wall_ns())
                try:
                    await self._persist()
                except StoreError:
                    continue

    def _pause_s(self) -> float:
        if self._live_markets():
            return PUMP_LIVE_S
        due_ns = self._exchange.next_due_ns()
        if due_ns is None:
            return PUMP_MAX_S
        wait = (due_ns - self._clock.wall_ns()) / NS_PER_S
        return min(PUMP_MAX_S, max(0.005, wait))

    def _live_markets(self) -> list[MarketId]:
        return sorted({o.market_id for o in self._exchange.live_orders()})

    # --- Account ---------------------------------------------------------------------------

    async def fetch_snapshot(self) -> AccountSnapshot:
        async with self._lock:
            now_ns = self._clock.wall_ns()
            self._advance(now_ns)
            await self._persist()
            shards = tuple(self._exchange.cash_by_shard(ACCOUNT).items())
            positions = tuple(
                VenuePosition(market_id, position.yes, position.no)
                for market_id, position in sorted(self._exchange.positions(ACCOUNT).items())
            )
        cash = UsdMicros(sum(usd for _, usd in shards))
        assert cash >= 0
        return AccountSnapshot(self.venue, cash, shards, positions, now_ns)

    async def fetch_payouts(self, since_wall_ns: int) -> Sequence[PayoutSeen]:
        async with self._lock:
            await self._persist()
            return [
                self._payout_seen(payout)
                for payout in self._exchange.payouts(ACCOUNT)
                if payout.ts_ns >= since_wall_ns
            ]

    def _payout_seen(self, payout: PayoutRecord) -> PayoutSeen:
        return PayoutSeen(
            self.venue,
            payout.market_id,
            payout.payout,
            payout.qty_yes,
            payout.qty_no,
            payout.cash_usd,
            payout.ts_ns,
            f"{self.venue.value}/{payout.reference}",
        )

    async def on_resolved(self, market_id: MarketId, payout: PriceMicros) -> None:
        """Credit a market that the real venue determined; repeats credit nothing twice.

        Raises:
            StoreError: not durable yet; calling again is safe.
        """
        assert 0 <= payout <= MICROS
        async with self._lock:
            now_ns = self._clock.wall_ns()
            self._advance(now_ns)
            self._exchange.resolve(market_id, payout, now_ns)
            await self._persist()

    # --- inside ----------------------------------------------------------------------------

    def _advance(self, now_ns: int) -> None:
        """Let holds, finality and resting orders move on against the books seen now."""
        for market_id in self._live_markets():
            self._show_book(market_id, now_ns)
        self._exchange.advance(now_ns)

    def _show_book(self, market_id: MarketId, now_ns: int) -> None:
        """Put the book that the trader sees now, less what we took, before the exchange.

        An unknown, gapped or crossed book shows nothing: such an order finds no match.
        """
        instrument = self._instrument_of(market_id)
        if instrument is None:
            return
        self._exchange.list_market(instrument, now_ns, instrument.status)
        self._exchange.follow_status(market_id, instrument.status, now_ns)
        book = self._book_of(market_id)
        bids: dict[int, int] = {}
        asks: dict[int, int] = {}
        if book is not None and not book.is_crossed():
            bids = {int(p): int(q) for p, q in book.depth(BookSide.BID, 200)}
            asks = {int(p): int(q) for p, q in book.depth(BookSide.ASK, 200)}
        bids = self._depletion.remaining(market_id, BookSide.BID, bids, now_ns)
        asks = self._depletion.remaining(market_id, BookSide.ASK, asks, now_ns)
        self._exchange.set_book(market_id, bids, asks, now_ns)
        self._deplete_crossed(market_id, bids, asks, now_ns)

    def _deplete_crossed(
        self, market_id: MarketId, bids: dict[int, int], asks: dict[int, int], now_ns: int
    ) -> None:
        """Remember liquidity that met a resting order of ours: it comes only once."""
        market = self._exchange.market(market_id)
        assert market is not None
        for side, levels in ((BookSide.BID, bids), (BookSide.ASK, asks)):
            for price, qty in levels.items():
                met = qty - market.ladder.crowd_total(side, price)
                if met > 0:
                    self._depletion.take(market_id, side, price, met, now_ns)

    def _heard(self, happening: Happening) -> None:
        if isinstance(happening, FillMade):
            fill = happening.fill
            self._outbox.append(fill)
            if fill.liquidity is Liquidity.TAKER:
                side = BookSide.ASK if fill.book_side is BookSide.BID else BookSide.BID
                self._depletion.take(
                    fill.market_id, side, fill.yes_price, fill.qty, happening.ts_ns
                )
        elif isinstance(happening, FinalityMoved) and happening.fill.status.is_final:
            self._outbox.append(happening.fill)

    async def _persist(self) -> None:
        """Write what changed, then let the stream hear of it. Raises StoreError."""
        self._unsaved += drain(self._exchange)
        outbox, self._outbox = self._outbox, []
        if self._unsaved:
            try:
                await self._store.save(self.venue, self._unsaved)
            except BaseException:
                self._outbox = outbox + self._outbox
                raise
            self._unsaved = []
        for fill in outbox:
            self._deliver(fill)

    def _deliver(self, fill: FillRecord) -> None:
        if self._sink is None:
            return
        if fill.status is TradeStatus.FAILED:
            self._sink(TradeFinality(self.venue, fill.trade_id, is_final=False))
            return
        self._sink(FillSeen(to_fill(self.venue, fill)))
        if fill.status is TradeStatus.CONFIRMED:
            self._sink(TradeFinality(self.venue, fill.trade_id, is_final=True))


def to_fill(venue: Venue, fill: FillRecord) -> Fill:
    """Return an exchange fill in domain words, told for the ticket's outcome."""
    return Fill(
        venue=venue,
        trade_id=fill.trade_id,
        order_id=fill.order_id,
        attempt_id=AttemptId(fill.client_id) if fill.client_id else None,
        market_id=fill.market_id,
        outcome=fill.outcome,
        side=fill.side,
        price=fill.price,
        qty=QtyMicros(fill.qty),
        fee=fill.fee_usd,
        liquidity=fill.liquidity,
        venue_ts_ns=fill.ts_ns,
        is_final=fill.status is TradeStatus.CONFIRMED,
        cost_usd=fill.amount_usd,
    )

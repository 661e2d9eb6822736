"""In-memory ports and builders for tests of the trader process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from shared.domain.commands import Command
from shared.domain.enums import FeeType, MarketStatus, Outcome, Purpose, Side, TimeInForce, Venue
from shared.domain.errors import FencedError, JournalError, StoreError
from shared.domain.events import AccountSnapshot, Event, EventBody, Halt, PayoutSeen
from shared.domain.ids import AttemptId, MarketId, PackageId, PairId, derive_attempt_id
from shared.domain.instrument import LINEAR_CENT, FeeSchedule, Instrument
from shared.domain.order import (
    Acked,
    AckStatus,
    Evidence,
    EvidenceKind,
    LegTicket,
    SubmitOutcome,
)
from shared.domain.risk import RiskApproved, approve
from shared.domain.units import PriceMicros, QtyMicros, UsdMicros, format_micros
from shared.ports.stores import Lease
from shared.ports.venue import EncodedOrder, Sink

Row = Mapping[str, Any]
KALSHI_MARKET = MarketId("kalshi:KXTEST-1")
POLYMARKET_MARKET = MarketId("polymarket:0xtest")
PACKAGE = PackageId("paper_sim-7-1")


def instrument(market: MarketId = KALSHI_MARKET, **changes: Any) -> Instrument:
    venue = Venue(market.split(":")[0])
    made = Instrument(
        market_id=market,
        venue=venue,
        native_id=market.split(":", 1)[1],
        title="Test",
        category="Economics",
        series_id="S",
        event_id="E",
        grid=LINEAR_CENT,
        qty_step=QtyMicros(10_000),
        min_qty=QtyMicros(10_000),
        min_notional_usd=UsdMicros(0),
        fees=FeeSchedule(FeeType.KALSHI_QUADRATIC, 70_000),
        status=MarketStatus.ACTIVE,
        close_ns=2_000_000_000 * 10**9,
        settle_expected_ns=2_000_000_000 * 10**9,
        settle_worst_ns=2_000_000_000 * 10**9,
        rules_hash="r",
        settlement_source="BLS",
    )
    return replace(made, **changes)


def ticket(now_ns: int, *, purpose: Purpose = Purpose.OPEN, **changes: Any) -> LegTicket:
    leg = 0 if purpose is Purpose.OPEN else 1
    market = KALSHI_MARKET if leg == 0 else POLYMARKET_MARKET
    made = LegTicket(
        attempt_id=derive_attempt_id(PACKAGE, leg, purpose, 0),
        package_id=PACKAGE,
        leg=leg,
        purpose=purpose,
        attempt=0,
        venue=Venue(market.split(":")[0]),
        market_id=market,
        outcome=Outcome.YES if leg == 0 else Outcome.NO,
        side=Side.BUY,
        price_limit=PriceMicros(450_000),
        qty=QtyMicros(10_000_000),
        qty_max=QtyMicros(10_000_000),
        tif=TimeInForce.IOC,
        decided_mono_ns=now_ns,
        decided_wall_ns=0,
        send_by_mono_ns=now_ns + 250_000_000,
        is_opening=purpose is Purpose.OPEN,
    )
    return replace(made, **changes)


def approved(order: LegTicket) -> RiskApproved[LegTicket]:
    return approve(order, mono_ns=order.decided_mono_ns)


def package_row(package_id: str = PACKAGE, **changes: Any) -> dict[str, Any]:
    def leg(market: MarketId, outcome: str) -> dict[str, Any]:
        return {
            "market_id": market,
            "venue": market.split(":")[0],
            "outcome": outcome,
            "price_limit": 450_000,
            "price_worst": 500_000,
        }

    return {
        "package_id": package_id,
        "market_a": KALSHI_MARKET,
        "market_b": POLYMARKET_MARKET,
        "qty_max_micros": 10_000_000,
        "ended_wall_ns": None,
        "created_wall_ns": 1,
        "state": "planned",
        "envelope": {"legs": [leg(KALSHI_MARKET, "yes"), leg(POLYMARKET_MARKET, "no")]},
        **changes,
    }


def attempt_row(order: LegTicket, **changes: Any) -> dict[str, Any]:
    return {
        "attempt_id": order.attempt_id,
        "package_id": order.package_id,
        "purpose": order.purpose.value,
        "venue": order.venue.value,
        "market_id": order.market_id,
        "px_limit_micros": order.price_limit,
        "qty_max_micros": order.qty_max,
        "state": "planned",
        "order_hash": None,
        **changes,
    }


class MemoryJournal:
    """A journal in lists; ``down`` fails it, ``delay_s`` slows it, ``refuse`` dislikes tables."""

    def __init__(self) -> None:
        self.envelopes: list[tuple[Row, list[Row]]] = []
        self.batches: list[list[tuple[str, list[Row]]]] = []
        self.voided: list[str] = []
        self.fencing = 0
        self.down = ""
        self.delay_s = 0.0
        self.is_lost_after_commit = False
        self.refuse: Callable[[str, Row], JournalError | None] = lambda table, row: None
        self.loaded: dict[str, list[Row]] = {}

    async def take_fencing(self, epoch: int, holder: str, versions: Mapping[str, str]) -> int:
        self._answer()
        self.fencing = max(self.fencing, epoch)
        return self.fencing

    async def commit_envelope(self, package: Row, attempts: Sequence[Row], fencing: int) -> None:
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        self._answer(fencing)
        self.envelopes.append((package, list(attempts)))
        if self.is_lost_after_commit:
            raise JournalError("connection lost inside COMMIT")

    async def write(self, table: str, rows: Sequence[Row], fencing: int) -> None:
        await self.write_batch([(table, rows)], fencing)

    async def write_batch(self, batches: Sequence[tuple[str, Sequence[Row]]], fencing: int) -> None:
        self._answer(fencing)
        for table, rows in batches:
            for row in rows:
                error = self.refuse(table, row)
                if error is not None:
                    raise error
        self.batches.append([(table, list(rows)) for table, rows in batches])

    async def ping(self) -> None:
        self._answer()

    async def void_envelope(self, package: PackageId, reason: str, fencing: int) -> None:
        self._answer(fencing)
        self.voided.append(package)

    async def load_open(self) -> Mapping[str, Sequence[Row]]:
        self._answer()
        return self.loaded

    def rows(self, table: str) -> list[Row]:
        return [r for batch in self.batches for t, rows in batch if t == table for r in rows]

    def _answer(self, fencing: int | None = None) -> None:
        if self.down:
            raise JournalError(self.down)
        if fencing is not None and fencing < self.fencing:
            raise FencedError(f"{fencing} is older than {self.fencing}")


class MemoryFlags:
    """Live flags in dictionaries; ``down`` fails every call."""

    def __init__(self) -> None:
        self.lease: Lease | None = None
        self.halts: dict[tuple[str, str], Halt] = {}
        self.pointers: dict[str, int] = {}
        self.snapshot: tuple[int, bytes] | None = None
        self.down = False
        self.takes: list[str] = []
        self._nonce = 0

    def _answer(self) -> None:
        if self.down:
            raise StoreError("flags are down")

    def _next(self) -> str:
        self._nonce += 1
        return str(self._nonce)

    def read_lease(self) -> Lease | None:
        self._answer()
        return self.lease

    def take_lease(self, seen: Lease | None, holder: str, build: str, epoch_min: int) -> Lease:
        self._answer()
        if seen != self.lease:
            raise StoreError("the lease changed meanwhile")
        epoch = max((seen.epoch if seen else 0) + 1, epoch_min)
        self.lease = Lease(epoch, holder, self._next(), False, build)
        self.takes.append(holder)
        return self.lease

    def renew_lease(self, lease: Lease) -> Lease:
        self._answer()
        if lease != self.lease:
            raise StoreError("somebody else holds the lease")
        self.lease = replace(lease, nonce=self._next())
        return self.lease

    def release_lease(self, lease: Lease) -> None:
        self._answer()
        if self.lease is not None and self.lease.epoch == lease.epoch:
            self.lease = replace(self.lease, is_released=True, nonce=self._next())

    def read_halts(self) -> Sequence[Halt]:
        self._answer()
        return list(self.halts.values())

    def put_halt(self, halt: Halt) -> None:
        self._answer()
        self.halts[(halt.scope, halt.reason.value)] = halt

    def delete_halt(self, scope: str, reason: str) -> None:
        self._answer()
        self.halts.pop((scope, reason), None)

    def put_snapshot(self, seq: int, blob: bytes) -> None:
        self._answer()
        self.snapshot = (seq, blob)

    def get_snapshot(self) -> tuple[int, bytes] | None:
        return self.snapshot

    def get_pointer(self, name: str) -> int | None:
        self._answer()
        return self.pointers.get(name)

    def put_pointer(self, name: str, version: int) -> None:
        self.pointers[name] = version


class MemoryControl:
    """The Postgres side of halts."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.halts: dict[tuple[str, str], Halt] = {}
        self.down = False

    def _answer(self) -> None:
        if self.down:
            raise StoreError("control log is down")

    def record(self, row: Row) -> None:
        self._answer()
        self.rows.append(row)

    def read_halts(self) -> Sequence[Halt]:
        self._answer()
        return list(self.halts.values())

    def put_halt(self, halt: Halt) -> None:
        self._answer()
        self.halts[(halt.scope, halt.reason.value)] = halt

    def lift_halt(self, scope: str, reason: str, actor: str, note: str, at_ns: int) -> None:
        self._answer()
        self.halts.pop((scope, reason), None)


class MemoryProofs:
    def __init__(self) -> None:
        self.proven: list[str] = []

    def mark_proven(self, pair: PairId, at_ns: int, fencing: int) -> None:
        self.proven.append(pair)


@dataclass
class FakeExecution:
    """A venue that answers as told; ``before_bytes`` runs between signing and may_send."""

    venue: Venue
    answer: Callable[[LegTicket], SubmitOutcome] | None = None
    before_bytes: Callable[[], None] = lambda: None
    decoded_changes: dict[str, str] = field(default_factory=dict)
    error: Exception | None = None
    wire: list[EncodedOrder] = field(default_factory=list)
    asked: list[AttemptId] = field(default_factory=list)
    live_orders: int = 0
    sweeps: int = 0
    evidence: dict[str, Evidence] = field(default_factory=dict)

    def encode(self, order: LegTicket, _instrument: Instrument) -> EncodedOrder:
        is_budget = order.budget_usd is not None
        decoded = {
            "market_id": str(order.market_id),
            "outcome": order.outcome.value,
            "side": order.side.value,
            "price": format_micros(order.price_limit),
            "qty": "" if is_budget else format_micros(order.qty),
            "budget": format_micros(order.budget_usd) if order.budget_usd is not None else "",
            **self.decoded_changes,
        }
        return EncodedOrder(order, b"bytes", f"hash-{order.attempt_id[:8]}", decoded)

    async def send(
        self, order: EncodedOrder, may_send: Callable[[], str | None]
    ) -> SubmitOutcome | None:
        await asyncio.sleep(0)
        self.before_bytes()
        if may_send() is not None:
            return None
        self.wire.append(order)
        if self.error is not None:
            raise self.error
        if self.answer is not None:
            return self.answer(order.ticket)
        return acked(order.ticket)

    async def cancel(self, order: EncodedOrder, order_id: str) -> bool:
        return True

    async def sweep_everything(self) -> bool:
        self.sweeps += 1
        return True

    async def cancel_everything(self) -> int:
        count, self.live_orders = self.live_orders, 0
        return count

    async def find_evidence(self, tickets: Sequence[LegTicket]) -> Sequence[Evidence]:
        self.asked.extend(t.attempt_id for t in tickets)
        if self.error is not None:
            raise self.error
        absent = EvidenceKind.ABSENT
        return [self.evidence.get(t.attempt_id, Evidence(t.attempt_id, absent)) for t in tickets]

    async def run_user_stream(self, sink: Sink) -> None:
        await asyncio.Event().wait()


class FakeAccount:
    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        self.failures_left = 0
        self.reads = 0

    async def fetch_snapshot(self) -> AccountSnapshot:
        self.reads += 1
        if self.failures_left:
            self.failures_left -= 1
            raise StoreError("a page is missing")
        return AccountSnapshot(self.venue, UsdMicros(5_000_000_000), (), (), 1)

    async def fetch_payouts(self, since_wall_ns: int) -> Sequence[PayoutSeen]:
        return ()


def acked(order: LegTicket, qty: int | None = None) -> Acked:
    filled = QtyMicros(order.qty if qty is None else qty)
    return Acked(order.attempt_id, "V1", AckStatus.DONE, filled, UsdMicros(0))


class ScriptedKernel:
    """Answers each event by a function; records what it saw."""

    def __init__(self, react: Callable[[Event], list[Command]] = lambda event: []) -> None:
        self.react = react
        self.events: list[Event] = []

    def step(self, event: Event) -> list[Command]:
        self.events.append(event)
        return self.react(event)

    def bodies(self) -> list[EventBody]:
        return [event.body for event in self.events]

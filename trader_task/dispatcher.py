"""Carries out the kernel's commands, in the order given.

What must be ordered happens at once: timers, rows, decisions, bookkeeping of envelopes.
What talks to the world starts a task: commits, sends, cancels, evidence, snapshots, halts.
Each of those reports its outcome as an event, so the loop never waits for any of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Final

import structlog

from shared.domain.commands import (
    ArmTimer,
    AskEvidence,
    CancelEverything,
    CancelOrder,
    Command,
    CommitEnvelope,
    DropHalt,
    DropTimer,
    MarkProven,
    PersistHalt,
    RecordDecision,
    RequestSnapshot,
    SubmitLeg,
    WriteRows,
)
from shared.domain.enums import Venue
from shared.domain.events import Event, HaltLifted, HaltTaken
from shared.domain.ids import MarketId, venue_of
from shared.ports.clock import Clock
from shared.ports.stores import PairProofs
from shared.ports.venue import Execution, MarketData
from trader_task.decisions import Decisions
from trader_task.envelopes import Envelopes
from trader_task.evidence import EvidenceDesk
from trader_task.halts import Halts
from trader_task.orders import OrderPath
from trader_task.timers import Timers
from trader_task.writer import RecordWriter

log = structlog.get_logger("dispatcher")

CANCEL_REPEAT_S: Final = 0.5
CANCEL_TRIES: Final = 10

Row = Mapping[str, Any]


class Dispatcher:
    """Routes commands; owns the tasks that they start."""

    def __init__(
        self,
        *,
        clock: Clock,
        orders: OrderPath,
        evidence: EvidenceDesk,
        timers: Timers,
        writer: RecordWriter,
        decisions: Decisions,
        halts: Halts,
        proofs: PairProofs,
        envelopes: Envelopes,
        executions: Mapping[Venue, Execution],
        feeds: Mapping[Venue, MarketData],
        on_freeze: Callable[[bool], None],
    ) -> None:
        self._clock = clock
        self._orders = orders
        self._evidence = evidence
        self._timers = timers
        self._writer = writer
        self._decisions = decisions
        self._halts = halts
        self._proofs = proofs
        self._envelopes = envelopes
        self._executions = executions
        self._feeds = feeds
        self._on_freeze = on_freeze
        self._tasks: set[asyncio.Task[None]] = set()
        self._snapshots: set[MarketId] = set()
        self._cancelling: set[str] = set()
        self._open_markets: dict[str, tuple[MarketId, MarketId]] = {}
        self.commands = 0

    @property
    def busy(self) -> int:
        """Tasks under way."""
        return len(self._tasks)

    @property
    def open_packages(self) -> int:
        return len(self._open_markets)

    def markets_in_use(self) -> frozenset[MarketId]:
        """Markets of packages that are not at an end."""
        return frozenset(m for pair in self._open_markets.values() for m in pair)

    def note_packages(self, rows: Sequence[Row]) -> None:
        """Follow package rows: which are open, and which may send nothing any more."""
        for row in rows:
            package_id = row["package_id"]
            if row.get("ended_wall_ns"):
                self._open_markets.pop(package_id, None)
                self._envelopes.drop(package_id)
            else:
                markets = (MarketId(row["market_a"]), MarketId(row["market_b"]))
                self._open_markets[package_id] = markets

    def execute(self, event: Event, commands: Sequence[Command]) -> None:
        """Carry out what one step asked for; never waits, raises only on a bug."""
        if isinstance(event.body, HaltTaken | HaltLifted):
            self._mind_freeze(event, commands)
        if not commands:
            return
        self.commands += len(commands)
        unit: list[tuple[str, tuple[Row, ...]]] = []
        attempt_rows: dict[str, Row] = {}
        for index, command in enumerate(commands):
            match command:
                case WriteRows():
                    unit.append((command.table, command.rows))
                    self._note_rows(command, attempt_rows)
                case RecordDecision():
                    row = self._decisions.record(command, event.stamp, index)
                    unit.append(("decisions", (row,)))
                case SubmitLeg():
                    row_of = attempt_rows.get(command.ticket.value.attempt_id)
                    self.start(self._orders.submit(command.ticket, command.instrument, row_of))
                case CommitEnvelope():
                    self.start(self._orders.commit(command))
                case ArmTimer():
                    self._timers.arm(command.timer_id, command.due_mono_ns)
                case DropTimer():
                    self._timers.drop(command.timer_id)
                case _:
                    self._start_other(command)
        if unit:
            self._writer.put(tuple(unit))

    def _start_other(self, command: Command) -> None:
        match command:
            case AskEvidence():
                self.start(self._evidence.ask(command))
            case CancelOrder():
                if command.ticket.attempt_id not in self._cancelling:
                    self._cancelling.add(command.ticket.attempt_id)
                    self.start(self._cancel(command))
            case CancelEverything():
                self.start(self._cancel_everything(command.venue))
            case RequestSnapshot():
                if command.market_id not in self._snapshots:
                    self._snapshots.add(command.market_id)
                    self.start(self._request_snapshot(command.market_id))
            case PersistHalt():
                self.start(self._halts.persist(command.halt))
            case DropHalt():
                self.start(
                    self._halts.drop(command.scope, command.reason, command.actor, command.note)
                )
            case MarkProven():
                self.start(self._mark_proven(command))
            case _:
                raise TypeError(f"unknown command {type(command).__name__}")

    def _note_rows(self, command: WriteRows, attempt_rows: dict[str, Row]) -> None:
        """Remember attempt rows of this step; follow which packages are open."""
        if command.table == "orders":
            for row in command.rows:
                attempt_rows[row["attempt_id"]] = row
        elif command.table == "packages":
            self.note_packages(command.rows)

    def _mind_freeze(self, event: Event, commands: Sequence[Command]) -> None:
        """Enforce KILL here too: taken at once, lifted only by the kernel's own DropHalt."""
        if isinstance(event.body, HaltTaken) and event.body.halt.is_freeze:
            self._on_freeze(True)
        elif isinstance(event.body, HaltLifted):
            dropped = {(c.scope, c.reason) for c in commands if isinstance(c, DropHalt)}
            left = [h for h in self._halts.known() if (h.scope, h.reason.value) not in dropped]
            if dropped and not any(h.is_freeze for h in left):
                self._on_freeze(False)

    async def _cancel(self, command: CancelOrder) -> None:
        """Repeat a cancel every half second until the venue confirms it (F-051)."""
        try:
            for _ in range(CANCEL_TRIES):
                if await self._orders.cancel(command.ticket, command.order_id, command.instrument):
                    return
                await self._clock.sleep(CANCEL_REPEAT_S)
        finally:
            self._cancelling.discard(command.ticket.attempt_id)

    async def _cancel_everything(self, venue: Venue) -> None:
        execution = self._executions.get(venue)
        if execution is not None:
            # Only a freeze comes here: one request for all of them first, then the proof.
            is_swept = await execution.sweep_everything()
            count = await execution.cancel_everything()
            log.info("cancelled everything", venue=venue.value, swept=is_swept, orders=count)

    async def _request_snapshot(self, market: MarketId) -> None:
        try:
            feed = self._feeds.get(venue_of(market))
            if feed is not None:
                await feed.request_snapshot(market)
        finally:
            self._snapshots.discard(market)

    async def _mark_proven(self, command: MarkProven) -> None:
        at_ns, fencing = self._clock.wall_ns(), self._writer.fencing
        await asyncio.to_thread(self._proofs.mark_proven, command.pair_id, at_ns, fencing)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run work beside the loop; a failure is logged, ``settle`` waits for its end."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # Nothing is swallowed: the task's own outcome event was not made (I-28).
            log.error("task failed", task=str(task.get_coro()), error=repr(error))

    async def settle(self, seconds: float) -> None:
        """Wait for what is under way, at shut-down; cancels what does not end in time."""
        if self._tasks:
            _, late = await asyncio.wait(set(self._tasks), timeout=seconds)
            for task in late:
                task.cancel()

"""Commands in order, rows of a step together, halts enforced here as well."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from shared.domain.commands import (
    ArmTimer,
    AskEvidence,
    CancelEverything,
    Command,
    DropHalt,
    MarkProven,
    PersistHalt,
    RecordDecision,
    RequestSnapshot,
    WriteRows,
)
from shared.domain.enums import HaltReason, Purpose, RunMode, Venue
from shared.domain.events import (
    Event,
    EventBody,
    EvidenceFound,
    Halt,
    HaltLifted,
    HaltTaken,
    SecondTicked,
    Stamp,
)
from shared.domain.ids import MarketId, PairId
from shared.domain.order import EvidenceKind
from tests.support.trader_fakes import (
    KALSHI_MARKET,
    PACKAGE,
    FakeExecution,
    MemoryControl,
    MemoryFlags,
    MemoryJournal,
    MemoryProofs,
    attempt_row,
    package_row,
    ticket,
)
from tests.support.virtual_clock import VirtualClock, settle
from trader_task.decisions import Decisions
from trader_task.dispatcher import Dispatcher
from trader_task.durable_log import DurableLog
from trader_task.envelopes import Envelopes
from trader_task.evidence import EvidenceDesk
from trader_task.gate import Permission, SendGate
from trader_task.halts import Halts
from trader_task.journal import EnvelopeJournal
from trader_task.orders import OrderPath
from trader_task.timers import Timers
from trader_task.writer import RecordWriter

pytestmark = pytest.mark.usefixtures("inline_threads")


class FakeFeed:
    venue = Venue.KALSHI

    def __init__(self) -> None:
        self.requested: list[MarketId] = []

    async def request_snapshot(self, market: MarketId) -> None:
        self.requested.append(market)
        await asyncio.sleep(0.001)


class Rig:
    def __init__(self, directory: Path) -> None:
        self.clock = VirtualClock()
        self.bodies: list[EventBody] = []
        put = self.bodies.append
        self.flags, self.control, self.journal = MemoryFlags(), MemoryControl(), MemoryJournal()
        self.proofs, self.feed = MemoryProofs(), FakeFeed()
        self.executions = {v: FakeExecution(v) for v in (Venue.KALSHI, Venue.POLYMARKET)}
        self.envelopes = Envelopes(RunMode.PAPER_SIM)
        self.permission = Permission()
        self.writer = RecordWriter(
            self.journal,
            DurableLog(directory, "record.jsonl"),
            sink=put,
            report=lambda *a: None,
            on_fenced=lambda reason: None,
        )
        self.writer.fencing = 1
        self.halts = Halts(self.flags, self.control, directory, self.clock, put)
        self.decisions = Decisions("run-1", "build")
        self.dispatcher = Dispatcher(
            clock=self.clock,
            orders=OrderPath(
                self.executions,
                EnvelopeJournal(self.journal, self.writer, self.envelopes, lambda reason: None),
                SendGate(self.permission, self.envelopes),
                DurableLog(directory, "wire.jsonl"),
                self.clock,
                put,
            ),
            evidence=EvidenceDesk(self.executions, self.clock, put),
            timers=Timers(self.clock, put),
            writer=self.writer,
            decisions=self.decisions,
            halts=self.halts,
            proofs=self.proofs,
            envelopes=self.envelopes,
            executions=self.executions,
            feeds={Venue.KALSHI: self.feed},  # type: ignore[dict-item]
            on_freeze=lambda frozen: setattr(self.permission, "is_frozen", frozen),
        )

    def execute(self, *commands: Command, body: EventBody | None = None, seq: int = 1) -> None:
        stamp = Stamp(seq, self.clock.mono_ns(), self.clock.wall_ns())
        self.dispatcher.execute(Event(stamp, body or SecondTicked()), commands)


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def decision(kind: str = "gate") -> RecordDecision:
    return RecordDecision(kind, "pair", "closed", "EDGE_BELOW_MIN", params={"net": "1"})


async def test_rows_and_decisions_of_a_step_share_a_transaction(rig: Rig) -> None:
    rig.execute(WriteRows("fills", ({"fill_key": "1"},)), decision(), decision())
    await rig.writer.flush()
    (batch,) = rig.journal.batches
    assert [table for table, _ in batch] == ["fills", "decisions"]
    ids = [row["event_id"] for row in rig.journal.rows("decisions")]
    assert len(set(ids)) == 2


async def test_i19_decision_ids_follow_from_the_event(rig: Rig, tmp_path: Path) -> None:
    other = Rig(tmp_path / "b")
    for each in (rig, other):
        each.execute(decision(), seq=7)
        await each.writer.flush()
    assert rig.journal.rows("decisions") == other.journal.rows("decisions")


async def test_bus_gets_every_decision_and_survives_failures(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    got: list[str] = []
    fails = [True]

    class Bus:
        def put_events(self, details):  # type: ignore[no-untyped-def]
            if fails.pop() if fails else False:
                raise RuntimeError("throttled")
            got.extend(d["kind"] for d in details)

    real_sleep = asyncio.sleep
    monkeypatch.setattr("trader_task.decisions.asyncio.sleep", lambda s: real_sleep(0))
    delivering = asyncio.create_task(rig.decisions.deliver(Bus()))
    for number in range(23):
        rig.execute(decision(f"k{number}"), seq=number + 1)
    for _ in range(200):
        await real_sleep(0)
    delivering.cancel()
    assert got == [f"k{n}" for n in range(23)]


async def test_evidence_is_one_answer_per_attempt_and_never_guessed(rig: Rig) -> None:
    opening, hedge = ticket(0), ticket(0, purpose=Purpose.HEDGE)
    rig.executions[Venue.POLYMARKET].error = RuntimeError("down")
    rig.execute(AskEvidence(PACKAGE, (opening, hedge)))
    await settle()
    (found,) = rig.bodies
    assert isinstance(found, EvidenceFound)
    assert [e.kind for e in found.evidence] == [EvidenceKind.ABSENT, EvidenceKind.UNPROVEN]


async def test_evidence_backs_off_from_a_failing_venue(rig: Rig) -> None:
    hedge = ticket(0, purpose=Purpose.HEDGE)
    venue = rig.executions[Venue.POLYMARKET]
    venue.error = RuntimeError("down")
    for _ in range(5):
        rig.execute(AskEvidence(PACKAGE, (hedge,)))
        await settle()
    assert len(venue.asked) == 1
    rig.clock.move(1.1)
    rig.execute(AskEvidence(PACKAGE, (hedge,)))
    await settle()
    assert len(venue.asked) == 2


async def test_snapshot_requests_are_not_piled_up(rig: Rig) -> None:
    for _ in range(3):
        rig.execute(RequestSnapshot(KALSHI_MARKET))
    await asyncio.sleep(0.01)
    assert rig.feed.requested == [KALSHI_MARKET]


async def test_halts_are_persisted_and_freeze_binds_at_once(rig: Rig) -> None:
    halt = Halt("global", HaltReason.FREEZE, "me", 1, True)
    rig.execute(PersistHalt(halt), body=HaltTaken(halt))
    assert rig.permission.is_frozen, "before anything was stored"
    await settle()
    assert rig.flags.halts and rig.control.halts
    lifted = HaltLifted("global", "me", "fine")
    rig.execute(body=lifted)
    assert rig.permission.is_frozen, "the kernel refused: nothing was dropped"
    rig.execute(DropHalt("global", "freeze", "me", "fine"), body=lifted)
    await settle()
    assert not rig.permission.is_frozen and not rig.flags.halts and not rig.control.halts


async def test_f030_the_kill_switch_sweeps_first_and_then_proves_one_by_one(rig: Rig) -> None:
    execution = rig.executions[Venue.KALSHI]
    execution.live_orders = 2
    left_at_sweep: list[int] = []
    sweep = execution.sweep_everything

    async def watched() -> bool:
        left_at_sweep.append(execution.live_orders)
        return await sweep()

    execution.sweep_everything = watched  # type: ignore[method-assign]
    rig.execute(CancelEverything(Venue.KALSHI))
    await settle()
    assert left_at_sweep == [2] and execution.live_orders == 0
    assert rig.executions[Venue.POLYMARKET].sweeps == 0


async def test_proofs_timers_and_open_packages(rig: Rig) -> None:
    rig.envelopes.add(package_row(), [attempt_row(ticket(0))])
    rig.execute(
        MarkProven(PairId("pr_1")),
        ArmTimer("t", rig.clock.mono_ns()),
        WriteRows("packages", (package_row(),)),
    )
    await asyncio.sleep(0.005)
    assert rig.proofs.proven == ["pr_1"] and rig.bodies
    assert rig.dispatcher.open_packages == 1
    assert KALSHI_MARKET in rig.dispatcher.markets_in_use()
    rig.execute(WriteRows("packages", (package_row(ended_wall_ns=5),)))
    assert rig.dispatcher.open_packages == 0 and not rig.dispatcher.markets_in_use()
    assert rig.envelopes.why_not(ticket(0)), "an ended package sends nothing"


async def test_an_unknown_command_is_a_bug_that_is_raised(rig: Rig) -> None:
    with pytest.raises(TypeError):
        rig.execute("sell everything")  # type: ignore[arg-type]

"""The order path: commit before bytes, last-instant checks, unknown is not rejected."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.domain.commands import CommitEnvelope
from shared.domain.enums import HaltReason, Purpose, RunMode, Venue
from shared.domain.events import (
    AttemptAnswered,
    AttemptSending,
    EnvelopeCommitted,
    EnvelopeFailed,
    EventBody,
    Halt,
    HaltTaken,
    SendRefused,
)
from shared.domain.order import LegTicket, Rejected, Unknown
from shared.domain.units import PriceMicros, QtyMicros
from tests.support.trader_fakes import (
    PACKAGE,
    POLYMARKET_MARKET,
    FakeExecution,
    MemoryJournal,
    acked,
    approved,
    attempt_row,
    instrument,
    package_row,
    ticket,
)
from tests.support.virtual_clock import VirtualClock
from trader_task.durable_log import DurableLog
from trader_task.envelopes import Envelopes
from trader_task.gate import Permission, SendGate
from trader_task.journal import EnvelopeJournal
from trader_task.orders import OrderPath
from trader_task.writer import RecordWriter


class Rig:
    def __init__(self, directory: Path) -> None:
        self.clock = VirtualClock()
        self.bodies: list[EventBody] = []
        self.journal = MemoryJournal()
        self.journal.fencing = 7
        self.reports: list[tuple[str, str, str | None]] = []
        self.spill = DurableLog(directory, "record.jsonl")
        self.wire_log = DurableLog(directory, "wire.jsonl")
        self.writer = RecordWriter(
            self.journal,
            self.spill,
            sink=self.bodies.append,
            report=lambda *a: self.reports.append(a),
            on_fenced=lambda reason: None,
        )
        self.writer.fencing = 7
        self.envelopes = Envelopes(RunMode.PAPER_SIM)
        self.permission = Permission(
            lease_until_mono_ns=self.clock.mono_ns() + 30 * 10**9, is_passive=False
        )
        self.kalshi = FakeExecution(Venue.KALSHI)
        self.polymarket = FakeExecution(Venue.POLYMARKET)
        self.path = OrderPath(
            {Venue.KALSHI: self.kalshi, Venue.POLYMARKET: self.polymarket},
            EnvelopeJournal(
                self.journal, self.writer, self.envelopes, lambda reason: None, opening_limit_s=0.2
            ),
            SendGate(self.permission, self.envelopes),
            self.wire_log,
            self.clock,
            self.bodies.append,
        )
        self.first = ticket(self.clock.mono_ns())
        self.hedge = ticket(self.clock.mono_ns(), purpose=Purpose.HEDGE)

    def command(self, **changes: Any) -> CommitEnvelope:
        made = CommitEnvelope(
            package_id=PACKAGE,
            package=package_row(),
            attempts=(attempt_row(self.first), attempt_row(self.hedge)),
            first=approved(self.first),
            instrument=instrument(),
        )
        return replace(made, **changes)

    async def send(self, order: LegTicket, **instrument_changes: Any) -> list[EventBody]:
        before = len(self.bodies)
        market = instrument(order.market_id, **instrument_changes)
        await self.path.submit(approved(order), market, attempt_row(order))
        return self.bodies[before:]


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


async def test_commit_encodes_first_and_stores_its_hash(rig: Rig) -> None:
    await rig.path.commit(rig.command())
    assert rig.bodies == [EnvelopeCommitted(PACKAGE)]
    ((_, attempts),) = rig.journal.envelopes
    assert attempts[0]["order_hash"] == f"hash-{rig.first.attempt_id[:8]}"
    assert attempts[1]["order_hash"] is None
    assert not rig.kalshi.wire


async def test_i04_no_bytes_without_committed_envelope(rig: Rig) -> None:
    (refused,) = await rig.send(rig.first)
    assert isinstance(refused, SendRefused)
    assert "no committed envelope" in refused.reason
    assert not rig.kalshi.wire


async def test_sending_is_announced_before_the_answer(rig: Rig) -> None:
    await rig.path.commit(rig.command())
    sending, answered, _times = await rig.send(rig.first)
    assert sending == AttemptSending(rig.first.attempt_id)
    assert answered == AttemptAnswered(acked(rig.first))
    assert len(rig.kalshi.wire) == 1


async def test_i03_an_attempt_reaches_the_wire_once(rig: Rig) -> None:
    await rig.path.commit(rig.command())
    await rig.send(rig.first)
    (refused,) = await rig.send(rig.first)
    assert isinstance(refused, SendRefused) and "on the wire before" in refused.reason
    assert len(rig.kalshi.wire) == 1


async def test_f068_frozen_between_check_and_write(rig: Rig) -> None:
    await rig.path.commit(rig.command())
    rig.kalshi.before_bytes = lambda: rig.clock.move(0.3)
    (refused,) = await rig.send(rig.first)
    assert isinstance(refused, SendRefused) and refused.reason.startswith("late")
    assert not rig.kalshi.wire


@pytest.mark.parametrize(
    ("left_s", "delay_ns", "is_sent"),
    [(20.1, 0, True), (19.9, 0, False), (24.9, 10**9, False), (25.1, 10**9, True)],
)
async def test_i06_lease_left_for_an_opening(
    rig: Rig, left_s: float, delay_ns: int, is_sent: bool
) -> None:
    await rig.path.commit(rig.command())
    rig.permission.lease_until_mono_ns = rig.clock.mono_ns() + int(left_s * 1e9)
    bodies = await rig.send(rig.first, taker_delay_ns=delay_ns)
    assert bool(rig.kalshi.wire) is is_sent
    assert isinstance(bodies[0], AttemptSending if is_sent else SendRefused)


@pytest.mark.parametrize(("left_s", "is_sent"), [(2.1, True), (1.9, False)])
async def test_i06_lease_left_for_a_hedge(rig: Rig, left_s: float, is_sent: bool) -> None:
    await rig.path.commit(rig.command())
    rig.permission.lease_until_mono_ns = rig.clock.mono_ns() + int(left_s * 1e9)
    await rig.send(rig.hedge)
    assert bool(rig.polymarket.wire) is is_sent


async def test_i05_f027_encoding_mismatch_is_not_sent_and_freezes(rig: Rig) -> None:
    rig.kalshi.decoded_changes = {"outcome": "no"}
    await rig.path.commit(rig.command())
    halt, failed = rig.bodies
    assert isinstance(halt, HaltTaken) and halt.halt.is_freeze
    assert isinstance(failed, EnvelopeFailed) and "outcome" in failed.reason
    assert rig.permission.is_frozen and not rig.journal.envelopes


async def test_unknown_is_passed_on_and_rejected_is_not_made_up(rig: Rig) -> None:
    await rig.path.commit(rig.command())
    rig.kalshi.answer = lambda order: Unknown(order.attempt_id, "timeout")
    bodies = await rig.send(rig.first)
    assert AttemptAnswered(Unknown(rig.first.attempt_id, "timeout")) in bodies


async def test_adapter_bug_after_the_first_byte_is_unknown(rig: Rig) -> None:
    await rig.path.commit(rig.command())
    rig.kalshi.error = RuntimeError("boom")
    _, answered, _times = await rig.send(rig.first)
    assert isinstance(answered, AttemptAnswered)
    assert isinstance(answered.outcome, Unknown) and "boom" in answered.outcome.reason


async def test_f085_answer_of_another_order_is_unknown(rig: Rig) -> None:
    await rig.path.commit(rig.command())
    rig.kalshi.answer = lambda order: Rejected(rig.hedge.attempt_id, "not ours")
    _, answered, _times = await rig.send(rig.first)
    assert isinstance(answered, AttemptAnswered) and isinstance(answered.outcome, Unknown)


async def test_i04_hedge_larger_or_dearer_than_the_envelope(rig: Rig) -> None:
    await rig.path.commit(rig.command())
    larger = replace(rig.hedge, qty=QtyMicros(10_010_000), qty_max=QtyMicros(10_010_000))
    dearer = replace(rig.hedge, price_limit=PriceMicros(510_000))
    for order, words in ((larger, "larger"), (dearer, "worse price")):
        (refused,) = await rig.send(order)
        assert isinstance(refused, SendRefused) and words in refused.reason
    assert not rig.polymarket.wire


async def test_f093_a_package_of_another_mode_is_never_sent(rig: Rig) -> None:
    other = replace(rig.first, package_id="venue_live-7-1")
    rig.envelopes.add(package_row("venue_live-7-1"), [attempt_row(other)])
    (refused,) = await rig.send(other)
    assert isinstance(refused, SendRefused) and "another mode" in refused.reason


async def test_frozen_stops_hedges_and_stopping_stops_openings_only(rig: Rig) -> None:
    await rig.path.commit(rig.command())
    rig.permission.is_stopping = True
    (refused,) = await rig.send(rig.first)
    assert isinstance(refused, SendRefused) and "shutting down" in refused.reason
    assert isinstance((await rig.send(rig.hedge))[0], AttemptSending)
    rig.permission.is_frozen = True
    later = replace(rig.hedge, attempt_id="x")
    assert isinstance((await rig.send(later))[0], SendRefused)


async def test_follow_up_is_in_the_wire_log_before_its_first_byte(rig: Rig) -> None:
    await rig.path.commit(rig.command())
    seen: list[int] = []
    rig.polymarket.before_bytes = lambda: seen.append(len(rig.wire_log.read().records))
    await rig.send(rig.hedge)
    assert seen == [1]
    (record,) = rig.wire_log.read().records
    assert record["attempt_id"] == rig.hedge.attempt_id and record["state"] == "sent"
    assert record["order_hash"] == f"hash-{rig.hedge.attempt_id[:8]}"


async def test_f077_postgres_down_aborts_an_opening(rig: Rig) -> None:
    rig.journal.down = "gone"
    await rig.path.commit(rig.command())
    (failed,) = rig.bodies
    assert isinstance(failed, EnvelopeFailed)
    (refused,) = await rig.send(rig.first)
    assert isinstance(refused, SendRefused)


async def test_f077_slow_commit_aborts_and_is_voided_afterwards(rig: Rig) -> None:
    rig.journal.delay_s = 0.3
    await rig.path.commit(rig.command())
    (failed,) = rig.bodies
    assert isinstance(failed, EnvelopeFailed) and "no commit" in failed.reason
    assert isinstance((await rig.send(rig.first))[0], SendRefused)
    for _ in range(200):
        if rig.journal.voided:
            break
        await asyncio.sleep(0.01)
    assert rig.journal.voided == [PACKAGE] and not rig.kalshi.wire


async def test_f079_connection_lost_inside_commit_sends_nothing(rig: Rig) -> None:
    rig.journal.is_lost_after_commit = True
    await rig.path.commit(rig.command())
    assert isinstance(rig.bodies[0], EnvelopeFailed)
    assert isinstance((await rig.send(rig.first))[0], SendRefused)


async def test_f078_extension_is_committed_by_the_disk(rig: Rig) -> None:
    await rig.path.commit(rig.command())
    rig.bodies.clear()
    rig.journal.down = "gone"
    extra = replace(rig.hedge, attempt_id="extra", attempt=4)
    extension = rig.command(attempts=(attempt_row(extra),), first=None, is_extension=True)
    await rig.path.commit(extension)
    assert EnvelopeCommitted(PACKAGE) in rig.bodies
    assert rig.writer.is_down and len(rig.spill.read().records) == 1
    assert isinstance((await rig.send(extra))[0], AttemptSending)


async def test_f012_a_decision_that_waited_too_long_opens_nothing(rig: Rig) -> None:
    rig.clock.move(0.15)
    await rig.path.commit(rig.command())
    (failed,) = rig.bodies
    assert isinstance(failed, EnvelopeFailed) and failed.reason.startswith("behind")


async def test_hard_limits_bind_whatever_the_envelope_says(rig: Rig) -> None:
    big = replace(rig.first, qty=QtyMicros(600_000_000), qty_max=QtyMicros(600_000_000))
    row = package_row(qty_max_micros=600_000_000)
    await rig.path.commit(
        rig.command(package=row, attempts=(attempt_row(big),), first=approved(big))
    )
    assert any(isinstance(b, EnvelopeFailed) for b in rig.bodies)
    assert not rig.journal.envelopes


async def test_i23_openings_leave_a_reserve_for_reducing(rig: Rig) -> None:
    await rig.path.commit(rig.command())
    sent = 0
    for number in range(30):
        order = replace(
            rig.hedge, attempt_id=f"a{number}", market_id=POLYMARKET_MARKET, attempt=number
        )
        rig.envelopes.add(package_row(), [attempt_row(order)])
        bodies = await rig.send(order)
        sent += isinstance(bodies[0], AttemptSending)
    assert sent == 20
    rig.clock.move(1.0)


async def test_f081_a_full_disk_does_not_stop_a_hedge(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    await rig.path.commit(rig.command())

    def full(records: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(rig.wire_log, "append", full)
    assert isinstance((await rig.send(rig.hedge))[0], AttemptSending)


async def test_i18_a_halt_taken_after_the_approval_holds_an_opening_but_no_hedge(rig: Rig) -> None:
    await rig.path.commit(rig.command())
    rig.permission.halts = lambda: (Halt("global", HaltReason.OPERATOR, "operator", 1),)
    assert any(isinstance(body, SendRefused) for body in await rig.send(rig.first))
    assert not any(isinstance(body, SendRefused) for body in await rig.send(rig.hedge))


async def test_an_opening_whose_package_has_ended_meanwhile_is_not_sent(rig: Rig) -> None:
    """A market closed, a venue went or the grid changed between approval and first byte."""
    await rig.path.commit(rig.command())
    rig.permission.is_wanted = lambda order: False
    refused = [b for b in await rig.send(rig.first) if isinstance(b, SendRefused)]
    assert [b.reason for b in refused] == ["its package has ended meanwhile"]
    assert not any(isinstance(body, SendRefused) for body in await rig.send(rig.hedge))


async def test_an_order_that_does_not_fit_any_more_is_not_sent_even_to_reduce(rig: Rig) -> None:
    """A grid changed, or a trade was busted, between approval and first byte (F-010, F-032)."""
    await rig.path.commit(rig.command())
    rig.permission.unfit = lambda order: "the price grid changed"
    refused = [b for b in await rig.send(rig.hedge) if isinstance(b, SendRefused)]
    assert [b.reason for b in refused] == ["the price grid changed"]
    assert not rig.kalshi.wire and not rig.polymarket.wire
    rig.permission.unfit = lambda order: ""
    assert not any(isinstance(body, SendRefused) for body in await rig.send(rig.hedge))

"""FAULTS section 5: nothing is sent before the venues were asked, nothing opened before that."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.domain.config import Config
from shared.domain.enums import HaltReason, Purpose, RunMode, Venue
from shared.domain.events import (
    ConfigChanged,
    EventBody,
    FillSeen,
    Halt,
    HaltTaken,
    RecoveryFinished,
    StateLoaded,
)
from tests.support.trader_fakes import (
    KALSHI_MARKET,
    FakeAccount,
    FakeExecution,
    MemoryControl,
    MemoryFlags,
    MemoryJournal,
    attempt_row,
    package_row,
    ticket,
)
from tests.support.virtual_clock import VirtualClock
from trader_task.accounts import Accounts
from trader_task.durable_log import DurableLog
from trader_task.envelopes import Envelopes
from trader_task.gate import Permission
from trader_task.halts import Halts
from trader_task.lease import LeaseKeeper
from trader_task.record_mark import RecordMark
from trader_task.recovery import (
    HeldSink,
    Parts,
    Recovery,
    fills_with_states,
    merge_wire_log,
    recovered_state,
)
from trader_task.writer import RecordWriter

pytestmark = pytest.mark.usefixtures("inline_threads")
VENUES = (Venue.KALSHI, Venue.POLYMARKET)


class FakeDispatcher:
    def __init__(self) -> None:
        self.rows: list[Any] = []

    def note_packages(self, rows: Any) -> None:
        self.rows.extend(rows)


class Rig:
    def __init__(self, directory: Path) -> None:
        self.clock = VirtualClock()
        self.bodies: list[EventBody] = []
        self.flags, self.control, self.journal = MemoryFlags(), MemoryControl(), MemoryJournal()
        self.permission = Permission()
        self.executions = {v: FakeExecution(v) for v in VENUES}
        self.fake_accounts = {v: FakeAccount(v) for v in VENUES}
        self.held = [HeldSink(self.bodies.append) for _ in range(3)]
        self.envelopes = Envelopes(RunMode.PAPER_SIM)
        self.dispatcher = FakeDispatcher()
        self.wire_log = DurableLog(directory, "wire.jsonl")
        self.started: list[str] = []
        self.runs: list[str] = []
        self.writer = RecordWriter(
            self.journal,
            DurableLog(directory, "record.jsonl"),
            sink=self.held[2].put,
            report=lambda *a: None,
            on_fenced=lambda reason: None,
        )
        lease = LeaseKeeper(
            self.flags,
            self.journal,
            self.clock,
            self.permission,
            holder="h",
            build="b",
            sink=self.held[1].put,
        )
        self.parts = Parts(
            mode=RunMode.PAPER_SIM,
            journal=self.journal,
            writer=self.writer,
            wire_log=self.wire_log,
            lease=lease,
            permission=self.permission,
            envelopes=self.envelopes,
            dispatcher=self.dispatcher,  # type: ignore[arg-type]
            halts=Halts(self.flags, self.control, directory, self.clock, self.held[2].put),
            executions=self.executions,
            accounts=Accounts(self.fake_accounts, self.clock, self.bodies.append, 0),
            clock=self.clock,
            ingress=self.bodies.append,
            first=self.held,
            versions={},
            mark=RecordMark(self.flags, lambda: self.envelopes.highest),
            set_run=self.runs.append,
            load_catalogue=self.load_catalogue,
            start_streams=self.start_streams,
            start_feeds=lambda: self.started.append("feeds"),
        )

    async def load_catalogue(self) -> None:
        self.held[0].put(ConfigChanged(Config()))

    def start_streams(self) -> None:
        self.started.append("streams")
        self.held[2].put(FillSeen(None))  # type: ignore[arg-type]

    def recovery(self, **changes: Any) -> Recovery:
        return Recovery(self.parts, **{"is_handover": False, "is_crash_loop": False, **changes})

    def kinds(self) -> list[str]:
        return [type(body).__name__ for body in self.bodies]


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


async def finish(rig: Rig, recovery: Recovery, seconds: float = 60) -> None:
    task = asyncio.create_task(recovery.run())
    await rig.clock.advance(seconds)
    assert task.done()
    task.result()


async def test_the_kernel_hears_state_first_and_finished_last(rig: Rig) -> None:
    await finish(rig, rig.recovery())
    kinds = rig.kinds()
    assert kinds[:4] == ["StateLoaded", "ConfigChanged", "LeaseSeen", "FillSeen"]
    assert kinds[-1] == "RecoveryFinished"
    assert kinds.count("AccountSnapshot") == 4, "each account is read twice"
    assert rig.started == ["streams", "feeds"]
    assert rig.runs == ["paper_sim-1"]


async def test_sends_are_impossible_until_old_orders_are_cancelled(rig: Rig) -> None:
    seen: list[bool] = []
    cancel = rig.executions[Venue.KALSHI].cancel_everything

    async def watched() -> int:
        seen.append(rig.permission.is_passive)
        return await cancel()

    rig.executions[Venue.KALSHI].cancel_everything = watched  # type: ignore[method-assign]
    rig.executions[Venue.KALSHI].live_orders = 2
    await finish(rig, rig.recovery())
    assert seen == [True, True], "cancelled, then looked again that none is left"
    assert rig.executions[Venue.KALSHI].sweeps == 0, "a start is no kill switch"
    assert not rig.permission.is_passive


async def test_a_venue_that_cannot_be_read_keeps_openings_shut_but_not_the_kernel(
    rig: Rig,
) -> None:
    rig.fake_accounts[Venue.POLYMARKET].failures_left = 4
    task = asyncio.create_task(rig.recovery().run())
    await rig.clock.advance(5)
    assert any(isinstance(b, StateLoaded) for b in rig.bodies)
    assert not any(isinstance(b, RecoveryFinished) for b in rig.bodies)
    await rig.clock.advance(30)
    assert task.done() and isinstance(rig.bodies[-1], RecoveryFinished)


async def test_a_dead_cancel_holds_the_other_venue_up_for_5_s_at_most(rig: Rig) -> None:
    async def hang() -> int:
        await asyncio.Event().wait()
        return 0

    rig.executions[Venue.POLYMARKET].cancel_everything = hang  # type: ignore[method-assign]
    import trader_task.recovery as module

    module_limit, module.FIRST_CANCEL_S = module.FIRST_CANCEL_S, 0.05  # type: ignore[misc]
    try:
        task = asyncio.create_task(rig.recovery().run())
        await asyncio.sleep(0.15)
    finally:
        module.FIRST_CANCEL_S = module_limit  # type: ignore[misc]
    assert any(isinstance(b, StateLoaded) for b in rig.bodies)
    assert not any(isinstance(b, RecoveryFinished) for b in rig.bodies)
    task.cancel()


async def test_f072_a_crash_loop_recovers_and_pauses(rig: Rig) -> None:
    await finish(rig, rig.recovery(is_crash_loop=True))
    state = next(b for b in rig.bodies if isinstance(b, StateLoaded)).recovered
    assert not state.is_clean_start
    halts = [b.halt for b in rig.bodies if isinstance(b, HaltTaken)]
    assert [h.reason for h in halts] == [HaltReason.CRASH_LOOP]


async def test_i18_halts_of_both_stores_are_in_the_state(rig: Rig) -> None:
    rig.flags.put_halt(Halt("venue:kalshi", HaltReason.OPERATOR, "a", 1))
    rig.control.put_halt(Halt("global", HaltReason.FREEZE, "b", 1, True))
    await finish(rig, rig.recovery())
    state = next(b for b in rig.bodies if isinstance(b, StateLoaded)).recovered
    assert {h.scope for h in state.halts} == {"venue:kalshi", "global"}
    assert rig.permission.is_frozen


async def test_a_ledger_that_does_not_sum_to_zero_pauses(rig: Rig) -> None:
    rig.journal.loaded = {
        "ledger_balances": [{"account": "a", "usd_micros": 5}, {"account": "b", "usd_micros": -4}]
    }
    await finish(rig, rig.recovery())
    (halt,) = [b.halt for b in rig.bodies if isinstance(b, HaltTaken)]
    assert halt.reason is HaltReason.RECONCILE_DIFFERENCE and "1 micro" in halt.note


async def test_f080_a_restored_older_record_pauses_and_reuses_no_number(rig: Rig) -> None:
    rig.journal.loaded["package_number"] = [{"number": 4}]
    rig.flags.pointers["record"] = 9
    await finish(rig, rig.recovery())
    loaded = next(b for b in rig.bodies if isinstance(b, StateLoaded))
    assert loaded.recovered.package_number == 9
    halts = [b.halt for b in rig.bodies if isinstance(b, HaltTaken)]
    assert [h.reason for h in halts] == [HaltReason.JOURNAL_BEHIND]
    assert "ends at package 4" in halts[0].note and halts[0].scope == "global"


async def test_a_record_that_is_ahead_of_its_mark_is_sound(rig: Rig) -> None:
    """The mark follows within a second; a kill in between must not look like a loss."""
    rig.journal.loaded["package_number"] = [{"number": 10}]
    rig.flags.pointers["record"] = 9
    await finish(rig, rig.recovery())
    assert not any(isinstance(b, HaltTaken) for b in rig.bodies)


async def test_f071_follow_up_of_the_wire_log_is_not_an_unused_slot(rig: Rig) -> None:
    hedge = ticket(rig.clock.mono_ns(), purpose=Purpose.HEDGE)
    opening = ticket(rig.clock.mono_ns())
    rig.journal.loaded = {
        "packages": [package_row(state="exposed")],
        "orders": [
            attempt_row(opening),
            attempt_row(hedge),
            attempt_row(hedge, attempt_id="hedge-1"),
        ],
        "package_number": [{"number": 9}],
    }
    rig.wire_log.append([{**attempt_row(hedge), "state": "sent", "order_hash": "h"}])
    await finish(rig, rig.recovery())
    state = next(b for b in rig.bodies if isinstance(b, StateLoaded)).recovered
    by_id = {row["attempt_id"]: row for row in state.attempts}
    assert by_id[hedge.attempt_id]["state"] == "sent"
    assert by_id[hedge.attempt_id]["order_hash"] == "h"
    assert state.package_number == 9 and state.run_id == "paper_sim-1"
    for used in (opening, hedge):
        assert "on the wire before" in (rig.envelopes.why_not(used) or "")
    unused = replace(hedge, attempt_id="hedge-1")
    assert rig.envelopes.why_not(unused) is None, "an old envelope may be used on"
    assert rig.dispatcher.rows[0]["market_a"] == KALSHI_MARKET
    assert rig.wire_log.exists(), "kept while its package is open"


async def test_leftover_spill_is_replayed_before_the_record_is_read(
    rig: Rig, tmp_path: Path
) -> None:
    DurableLog(tmp_path, "record.jsonl").append(
        [{"kind": "rows", "unit": [["fills", [{"fill_key": "1"}]]]}]
    )
    loads: list[int] = []
    load = rig.journal.load_open

    async def watched() -> Any:
        loads.append(len(rig.journal.rows("fills")))
        return await load()

    rig.journal.load_open = watched  # type: ignore[method-assign]
    await finish(rig, rig.recovery())
    assert loads == [1]


def test_wire_log_never_weakens_what_the_record_knows() -> None:
    rows = [
        {"attempt_id": "a", "package_id": "p", "state": "filled", "order_hash": None},
        {"attempt_id": "b", "package_id": "p", "state": "planned", "order_hash": None},
    ]
    log = [
        {"attempt_id": "a", "package_id": "p", "state": "sent", "order_hash": "ha"},
        {"attempt_id": "b", "package_id": "p", "state": "sent", "order_hash": "hb"},
        {"attempt_id": "c", "package_id": "p", "state": "sent", "venue": "kalshi"},
        {"attempt_id": "d", "package_id": "gone", "state": "sent", "venue": "kalshi"},
    ]
    merged = {row["attempt_id"]: row for row in merge_wire_log(rows, log)}
    assert merged["a"]["state"] == "filled" and merged["a"]["order_hash"] == "ha"
    assert merged["b"]["state"] == "sent" and merged["b"]["order_hash"] == "hb"
    assert "c" in merged and "d" not in merged


@pytest.mark.parametrize(
    ("row_final", "words", "final", "state"),
    [
        (False, [], False, "provisional"),
        (True, [], True, "confirmed"),
        (False, ["provisional", "confirmed"], True, "confirmed"),
        (True, ["confirmed", "failed"], True, "failed"),
    ],
)
def test_fills_carry_their_latest_word(
    row_final: bool, words: list[str], final: bool, state: str
) -> None:
    states = [{"fill_key": "k", "state": word} for word in words]
    (fill,) = fills_with_states([{"fill_key": "k", "is_final": row_final}], states)
    assert (fill["is_final"], fill["state"]) == (final, state)


def test_state_of_an_empty_record() -> None:
    state = recovered_state(
        {}, [], run_id="r-1", epoch=1, halts=(), is_clean_start=True, package_number=0
    )
    assert state.package_number == 0 and not state.packages and not state.balances

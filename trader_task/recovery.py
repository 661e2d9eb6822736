"""Start-up is recovery: load, take the lease, ask the venues, reconcile, only then trade.

The steps and their order are those of the fault catalogue. Sends are impossible until the
live orders of a former run are cancelled; opening is impossible until every account was
read twice and the kernel has heard ``RecoveryFinished``. A venue that cannot be read keeps
openings shut everywhere and is asked again after 1 → 30 s; the open packages of the other
venue are acted on meanwhile. Rows are believed for what was intended, never for what
happened: the kernel asks the venues about every envelope whatever its row says.
Twin: tests/unit/trader_task/test_recovery.py
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from shared.domain.enums import HaltReason, RunMode, Venue
from shared.domain.events import (
    EventBody,
    Halt,
    HaltTaken,
    RecoveryFinished,
    StateLoaded,
)
from shared.domain.ids import derive_run_id
from shared.domain.recovered import RecoveredState
from shared.ports.clock import Clock
from shared.ports.stores import Journal
from shared.ports.venue import Execution
from trader_task.accounts import Accounts
from trader_task.dispatcher import Dispatcher
from trader_task.durable_log import DurableLog
from trader_task.envelopes import UNUSED, Envelopes
from trader_task.gate import Permission
from trader_task.halts import Halts
from trader_task.lease import LeaseKeeper
from trader_task.record_mark import RecordMark
from trader_task.writer import RecordWriter

log = structlog.get_logger("recovery")

RETRY_MAX_S: Final = 30.0
CANCEL_TRIES: Final = 5
SNAPSHOT_GAP_S: Final = 2.0
FIRST_CANCEL_S: Final = 5.0
"""Exposure must be acted on within 10 s of a crash, so one dead venue may not hold it up."""

Row = Mapping[str, Any]
Loaded = Mapping[str, Sequence[Row]]


class HeldSink:
    """Keeps what is said until the kernel has its state, then passes it on in order."""

    def __init__(self, sink: Callable[[EventBody], None]) -> None:
        self._sink = sink
        self._held: list[EventBody] | None = []

    def put(self, body: EventBody) -> None:
        if self._held is None:
            self._sink(body)
        else:
            self._held.append(body)

    def release(self) -> int:
        """Pass on what was held, in order; returns how many bodies that were."""
        held, self._held = self._held or [], None
        for body in held:
            self._sink(body)
        return len(held)


@dataclass(slots=True)
class Parts:
    """What recovery works with; built by the composition root."""

    mode: RunMode
    journal: Journal
    writer: RecordWriter
    wire_log: DurableLog
    lease: LeaseKeeper
    permission: Permission
    envelopes: Envelopes
    dispatcher: Dispatcher
    halts: Halts
    executions: Mapping[Venue, Execution]
    accounts: Accounts
    clock: Clock
    ingress: Callable[[EventBody], None]
    """Straight into the queue: for the state alone."""
    first: Sequence[HeldSink]
    """What the kernel must hear next, in this order: catalogue, lease, everything else."""
    versions: Mapping[str, str]
    mark: RecordMark
    set_run: Callable[[str], None]
    """Hears the run id before the kernel does: ids of decisions follow from it."""
    load_catalogue: Callable[[], Awaitable[None]]
    start_streams: Callable[[], None]
    start_feeds: Callable[[], None]
    start_checks: Sequence[Callable[[], Awaitable[None]]] = field(default_factory=tuple)


class Recovery:
    """Runs the steps once; ``is_finished`` afterwards."""

    def __init__(self, parts: Parts, *, is_handover: bool, is_crash_loop: bool) -> None:
        self._p = parts
        self._is_handover = is_handover
        self._is_crash_loop = is_crash_loop
        self.is_finished = False
        self.step = "start"
        self.run_id = ""

    async def run(self) -> None:
        """Steps 2 to 9; returns when opening is allowed, as far as recovery goes."""
        p = self._p
        self._at("lease")
        epoch = await p.lease.take(is_handover=self._is_handover, versions=p.versions)
        p.writer.fencing = epoch
        self.run_id = derive_run_id(p.mode, epoch)
        p.set_run(self.run_id)

        self._at("local log")
        damage = await self._until(p.writer.replay_left_over)
        loaded = await self._until(p.journal.load_open)
        wire = await asyncio.to_thread(p.wire_log.read)
        attempts = merge_wire_log(loaded.get("orders", ()), wire.records)
        number, behind = await self._until(lambda: p.mark.compare(loaded))
        self._register(loaded, attempts)

        self._at("halts")
        halts = await self._until(p.halts.read_all)
        self._at("catalogue")
        await self._until(p.load_catalogue)
        for check in p.start_checks:
            await self._until(check)

        self._at("streams")
        p.start_streams()
        self._at("cancel")
        cancels = asyncio.create_task(self._cancel_all())
        await asyncio.wait({cancels}, timeout=FIRST_CANCEL_S)

        self._at("state")
        state = recovered_state(
            loaded,
            attempts,
            run_id=self.run_id,
            epoch=epoch,
            halts=halts,
            is_clean_start=not self._is_crash_loop,
            package_number=number,
        )
        p.permission.is_frozen = any(halt.is_freeze for halt in halts)
        p.permission.is_passive = False
        p.ingress(StateLoaded(state))
        held = sum(sink.release() for sink in p.first)
        log.info("state loaded", packages=len(state.packages), held=held, epoch=epoch)
        p.start_feeds()
        wire_damage = "" if wire.is_torn_tail else wire.damage
        self._pause_when_in_doubt(state, damage, wire_damage, behind)

        self._at("accounts")
        await cancels
        await self._read_accounts()
        await p.clock.sleep(SNAPSHOT_GAP_S)
        await self._read_accounts()
        await self._compact_wire_log(loaded, wire.size)
        p.ingress(RecoveryFinished())
        self.is_finished = True
        self._at("finished")

    def _register(self, loaded: Loaded, attempts: Sequence[Row]) -> None:
        """Let the open envelopes of former runs be used, and watch their markets."""
        by_package: dict[str, list[Row]] = {}
        for row in attempts:
            by_package.setdefault(row["package_id"], []).append(row)
        packages = loaded.get("packages", ())
        for package in (p for p in packages if not p.get("ended_wall_ns")):
            self._p.envelopes.recover(package, by_package.get(package["package_id"], ()))
        self._p.dispatcher.note_packages(packages)

    async def _cancel_all(self) -> None:
        """Cancel every live order of ours at every venue, and see that none is left."""
        await asyncio.gather(*(self._cancel_at(v) for v in self._p.executions))

    async def _cancel_at(self, venue: Venue) -> None:
        execution = self._p.executions[venue]
        for _ in range(CANCEL_TRIES):
            count = await self._until(execution.cancel_everything, what=f"cancel {venue.value}")
            if not count:
                return
            log.warning("orders of a former run cancelled", venue=venue.value, orders=count)
            await self._p.clock.sleep(0.5)
        wall = self._p.clock.wall_ns()
        note = "orders of a former run keep appearing at the venue"
        reason = HaltReason.RECONCILE_DIFFERENCE
        self._p.ingress(
            HaltTaken(Halt(f"venue:{venue.value}", reason, "recovery", wall, note=note))
        )

    async def _read_accounts(self) -> None:
        """Read every account and its payouts once, to the last page."""

        async def read(venue: Venue) -> None:
            pause = 1.0
            while await self._p.accounts.read_snapshot(venue) is None or not (
                await self._p.accounts.read_payouts(venue)
            ):
                await self._p.clock.sleep(pause)
                pause = min(pause * 2, RETRY_MAX_S)

        await asyncio.gather(*(read(v) for v in self._p.executions))

    def _pause_when_in_doubt(self, state: RecoveredState, *damages: str) -> None:
        """Step 5: a ledger that does not sum to zero, or a damaged log, pauses trading."""
        wall = self._p.clock.wall_ns()
        total = sum(state.balances.values())
        if total != 0:
            note = f"ledger sums to {total} micro-dollars"
            halt = Halt("global", HaltReason.RECONCILE_DIFFERENCE, "recovery", wall, note=note)
            self._p.ingress(HaltTaken(halt))
        for damage in damages:
            if damage:
                halt = Halt("global", HaltReason.JOURNAL_BEHIND, "recovery", wall, note=damage)
                self._p.ingress(HaltTaken(halt))
        if self._is_crash_loop:
            note = "the trader exited too often; recovery only"
            self._p.ingress(
                HaltTaken(Halt("global", HaltReason.CRASH_LOOP, "supervisor", wall, note=note))
            )

    async def _compact_wire_log(self, loaded: Loaded, size: int) -> None:
        """Keep only the follow-ups of packages that were still open."""
        if any(not row.get("ended_wall_ns") for row in loaded.get("packages", ())):
            return  # small, and needed until those packages are durable in the record
        await asyncio.to_thread(self._p.wire_log.clear, size)

    async def _until(self, work: Callable[[], Awaitable[Any]], what: str = "") -> Any:
        """Repeat ``work`` until it succeeds, after 1 → 30 s; recovery has no plan B."""
        pause = 1.0
        while True:
            try:
                return await work()
            except Exception as error:  # a store or venue is away
                name = f"{type(error).__name__}: {error}"
                log.warning("recovery waits", step=what or self.step, error=name[:300])
                await self._p.clock.sleep(pause)
                pause = min(pause * 2, RETRY_MAX_S)

    def _at(self, step: str) -> None:
        self.step = step
        log.info("recovery", step=step)


def merge_wire_log(rows: Sequence[Row], records: Sequence[Row]) -> list[Row]:
    """Lay the local wire log over the attempts of the record.

    The log is fsynced before the first byte of a follow-up, the row is written behind it:
    a slot that the row calls unused but the log calls sent was sent. Attempts of packages
    that the record does not hold are left out: their package is not open.
    """
    merged = {row["attempt_id"]: row for row in rows}
    packages = {row["package_id"] for row in rows}
    for record in records:
        attempt_id = record["attempt_id"]
        known = merged.get(attempt_id)
        if known is None:
            if record["package_id"] in packages and "venue" in record:
                merged[attempt_id] = record
        elif known.get("state") in UNUSED:
            merged[attempt_id] = {**known, **record}
        elif not known.get("order_hash") and record.get("order_hash"):
            merged[attempt_id] = {**known, "order_hash": record["order_hash"]}
    return list(merged.values())


def recovered_state(
    loaded: Loaded,
    attempts: Sequence[Row],
    *,
    run_id: str,
    epoch: int,
    halts: Sequence[Halt],
    is_clean_start: bool,
    package_number: int,
) -> RecoveredState:
    """Turn what the journal loaded into the one event body that the kernel starts from."""
    assert epoch > 0 and run_id, (epoch, run_id)
    return RecoveredState(
        run_id=run_id,
        epoch=epoch,
        package_number=package_number,
        packages=tuple(loaded.get("packages", ())),
        attempts=tuple(attempts),
        fills=fills_with_states(loaded.get("fills", ()), loaded.get("fill_states", ())),
        positions=tuple(loaded.get("positions", ())),
        balances={
            row["account"]: int(row["usd_micros"]) for row in loaded.get("ledger_balances", ())
        },
        realised={row["period"]: int(row["usd_micros"]) for row in loaded.get("realised", ())},
        payouts_posted=frozenset(row["reference"] for row in loaded.get("payouts", ())),
        proven_pairs=frozenset(row["pair_id"] for row in loaded.get("pair_proofs", ())),
        halts=tuple(halts),
        hedges=tuple(loaded.get("hedge_outcomes", ())),
        is_clean_start=is_clean_start,
    )


def fills_with_states(fills: Sequence[Row], states: Sequence[Row]) -> tuple[Row, ...]:
    """Join each fill with its latest word: failed over confirmed over provisional."""
    said: dict[str, set[str]] = {}
    for row in states:
        said.setdefault(row["fill_key"], set()).add(row["state"])
    joined = []
    for fill in fills:
        words = said.get(fill["fill_key"], set())
        is_final = bool(fill.get("is_final")) or "confirmed" in words
        state = "failed" if "failed" in words else "confirmed" if is_final else "provisional"
        joined.append({**fill, "is_final": is_final, "state": state})
    return tuple(joined)

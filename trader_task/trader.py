"""The running trader: every part wired to every other, started and stopped in order.

``Trader`` owns no venue and no store; it gets them from the composition root. Start-up is
``recovery``; shut-down turns openings off at once, lets reducing finish within 20 s, writes
the record, and releases the lease last (F-074).
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Mapping, Sequence
from typing import Final

import structlog

from shared.domain.commands import Command, RecordDecision
from shared.domain.enums import HaltReason
from shared.domain.errors import ConfigError
from shared.domain.events import (
    Event,
    Halt,
    HaltTaken,
    SecondTicked,
    Stamp,
)
from shared.domain.units import NS_PER_S
from shared.services.drift_watch import Drift
from trader_task.accounts import Accounts
from trader_task.book_samples import SAMPLE_S, BookSampler
from trader_task.catalogue_watch import CatalogueWatch
from trader_task.control import Control
from trader_task.decisions import Decisions
from trader_task.dispatcher import Dispatcher
from trader_task.durable_log import DurableLog
from trader_task.envelopes import Envelopes
from trader_task.evidence import EvidenceDesk
from trader_task.facts import health_facts, own_gauges, write_state_file
from trader_task.gate import Permission, SendGate
from trader_task.halts import Halts
from trader_task.health import HealthServer
from trader_task.hearing import Hearing
from trader_task.heartbeat import BEAT_S, Heartbeat
from trader_task.ingress import Ingress
from trader_task.journal import EnvelopeJournal
from trader_task.lease import LeaseKeeper, LeaseLost
from trader_task.loop import Loop
from trader_task.market_news import MarketNews
from trader_task.metrics import Metrics
from trader_task.orders import OrderPath
from trader_task.outside import Outside
from trader_task.record_mark import RecordMark
from trader_task.recorder import Recorder
from trader_task.recovery import HeldSink, Parts, Recovery
from trader_task.settings import Settings
from trader_task.snapshot import SnapshotWriter
from trader_task.start_checks import keep_asking
from trader_task.tasks import Tasks
from trader_task.timers import Timers
from trader_task.writer import RecordWriter

log = structlog.get_logger("trader")

REDUCING_S: Final = 20.0
CLOSING_S: Final = 5.0


class Trader:
    """One trader process. ``run`` returns the exit code."""

    def __init__(
        self,
        settings: Settings,
        outside: Outside,
        *,
        holder: str,
        build: str,
        versions: Mapping[str, str],
        is_handover: bool,
        is_crash_loop: bool,
    ) -> None:
        self.settings = settings
        self._o = outside
        self._build = build
        self._versions = versions
        self._end = asyncio.Event()
        self._exit_code = 0
        self.last_step_mono_ns = outside.clock.mono_ns()
        self.metrics = Metrics()
        self.ingress = Ingress(outside.clock, settings.queue_capacity)
        self.permission = Permission(
            halts=outside.halts, is_wanted=outside.is_wanted, unfit=outside.unfit
        )
        self._build_parts(holder)
        self.recovery = Recovery(
            self._recovery_parts(), is_handover=is_handover, is_crash_loop=is_crash_loop
        )

    def _build_parts(self, holder: str) -> None:
        o, s = self._o, self.settings
        # Until the kernel has its state, everything that would reach it is kept in order.
        self._of_catalogue = HeldSink(self.ingress.put)
        self._of_lease = HeldSink(self.ingress.put)
        self._rest = HeldSink(self.ingress.put)
        put = self._rest.put
        self.tasks = Tasks(o.clock, self._task_failed)
        self.decisions = Decisions("", self._build)
        self.envelopes = Envelopes(s.mode)
        self.wire_log = DurableLog(s.state_dir, "wire.jsonl")
        self.writer = RecordWriter(
            o.journal,
            DurableLog(s.spill_dir, "record.jsonl"),
            sink=put,
            report=lambda kind, reason, severity: self._decide(kind, "journal", reason, severity),
            on_fenced=self._fenced,
        )
        journal = EnvelopeJournal(o.journal, self.writer, self.envelopes, self._fenced)
        gate = SendGate(self.permission, self.envelopes)
        self.orders = OrderPath(o.executions, journal, gate, self.wire_log, o.clock, put)
        self.timers = Timers(o.clock, put)
        self.halts = Halts(o.flags, o.control, s.state_dir, o.clock, put)
        self.dispatcher = Dispatcher(
            clock=o.clock,
            orders=self.orders,
            evidence=EvidenceDesk(o.executions, o.clock, put),
            timers=self.timers,
            writer=self.writer,
            decisions=self.decisions,
            halts=self.halts,
            proofs=o.proofs,
            envelopes=self.envelopes,
            executions=o.executions,
            feeds=o.feeds,
            on_freeze=self._set_frozen,
        )
        self.catalogue = CatalogueWatch(
            flags=o.flags,
            catalogue=o.catalogue,
            configs=o.configs,
            to_config=o.to_config,
            feeds=o.feeds,
            in_use=self.dispatcher.markets_in_use,
            clock=o.clock,
            sink=self._of_catalogue.put,
        )
        o.set_instruments(self.catalogue.instrument_of)
        self.news = MarketNews(o.catalogue, o.results, o.clock, self.catalogue.want)
        self.hearing = Hearing(o, self.catalogue, self.dispatcher, put, self.news)
        self.control = Control(
            o.clock, self.hearing.hear, self._decide, o.control, s.stop_file, self.catalogue.want
        )
        self.accounts = Accounts(o.accounts, o.clock, put, o.payouts_since_ns)
        self.lease = LeaseKeeper(
            o.flags,
            o.journal,
            o.clock,
            self.permission,
            holder=holder,
            build=self._build,
            sink=self._of_lease.put,
        )
        self.recorder = Recorder(
            s.state_dir / "log",
            build=self._build,
            mode=s.mode.value,
            clock=o.clock,
            report=self._decide,
            objects=o.segments,
        )
        self.recorder.is_broken = s.event_log == "off"
        self.loop = Loop(
            o.kernel,
            self.ingress,
            o.clock,
            execute=self._execute,
            report=self._command_failed,
            on_fatal=self._step_failed,
            observe=self.metrics.observe,
        )
        self.heartbeat = Heartbeat(self.decisions, o.clock, lambda: self.ingress.seq, put)
        self.mark = RecordMark(o.flags, lambda: self.envelopes.highest)
        self.snapshots = SnapshotWriter(o.take_snapshot, o.flags, o.clock)
        self.health = HealthServer(
            self.metrics,
            lambda: health_facts(self, o.clock.mono_ns()),
            lambda: self.snapshots.last,
        )
        self.metrics.add_gauges(o.gauges)
        self.metrics.add_gauges(lambda: own_gauges(self, o.clock.mono_ns()))

    def _recovery_parts(self) -> Parts:
        o = self._o

        def start_streams() -> None:
            for venue, execution in o.executions.items():
                self.tasks.start(
                    f"user stream {venue.value}",
                    lambda execution=execution: execution.run_user_stream(self._rest.put),  # type: ignore[misc]
                )

        return Parts(
            mode=self.settings.mode,
            journal=o.journal,
            writer=self.writer,
            wire_log=self.wire_log,
            lease=self.lease,
            permission=self.permission,
            envelopes=self.envelopes,
            dispatcher=self.dispatcher,
            halts=self.halts,
            executions=o.executions,
            accounts=self.accounts,
            clock=o.clock,
            ingress=self.ingress.put,
            first=(self._of_catalogue, self._of_lease, self._rest),
            versions=self._versions,
            mark=self.mark,
            set_run=self._set_run,
            load_catalogue=self.catalogue.poll,
            start_streams=start_streams,
            start_feeds=self._start_feeds,
            start_checks=o.start_checks,
        )

    # --- life ---------------------------------------------------------------------------------

    async def run(self) -> int:
        """Serve until told to stop; returns the exit code."""
        try:
            port = await self.health.start(self.settings.metrics_port)
        except OSError as failure:
            taken = f"port {self.settings.metrics_port} cannot be used ({failure.strerror})"
            raise ConfigError(f"{taken}: set TWINLEG_METRICS_PORT to a free one") from None
        write_state_file(self.settings, port)
        self.tasks.start("record", self.writer.run)
        self.tasks.start("event log", self.recorder.run)
        self.tasks.start("events", lambda: self.decisions.deliver(self._o.bus))
        recovering = asyncio.create_task(self._recover_and_follow())
        ending = asyncio.create_task(self._end.wait())
        await asyncio.wait({recovering, ending}, return_when=asyncio.FIRST_COMPLETED)
        if recovering.done() and (error := recovering.exception()) is not None:
            log.critical("recovery failed", error=repr(error))
            self._exit_code = self._exit_code or 1
        else:
            await ending
        recovering.cancel()
        await self._shut_down()
        return self._exit_code

    def stop(self, code: int = 0) -> None:
        """End in order; the first reason given decides the exit code."""
        if not self._end.is_set():
            log.info("stopping", code=code)
            self._exit_code = code
            self._end.set()

    async def _recover_and_follow(self) -> None:
        await self.recovery.run()
        self._start_following()
        # What start-up made lives for ever: no collection need look at it again.
        gc.collect()
        gc.freeze()
        log.info("trading", run_id=self.recovery.run_id, pairs=self.catalogue.pairs_count)

    def _start_feeds(self) -> None:
        """The kernel has its state: renew the lease, read the feeds, let seconds pass."""
        self.hearing.begin()
        self.tasks.start("lease", self._keep_lease)
        for venue, feed in self._o.feeds.items():
            self.tasks.start(
                f"feed {venue.value}",
                lambda feed=feed: feed.run(self.hearing.hear),  # type: ignore[misc]
            )
        self.tasks.every("second", 1.0, self._every_second)
        self.tasks.every("snapshot", 1.0, self._write_snapshot)

    def _start_following(self) -> None:
        """Tasks that need a recovered state."""
        self.tasks.start("gates", lambda: keep_asking(self._o.start_checks, self._o.clock))
        sampler = BookSampler(self._o.books, self._o.clock.wall_ns, self.writer.put)
        self.tasks.every("book samples", SAMPLE_S, sampler.sample)
        if self._o.drift is not None:
            drift = self._o.drift
            self.tasks.start("drift", lambda: drift.run(self._report_drift))
        self.tasks.every("heartbeat", BEAT_S, self.heartbeat.beat)
        self.tasks.every("halts", 1.0, self.halts.poll)
        self.tasks.every("pointers", 1.0, self.catalogue.poll)
        self.tasks.every("market news", 1.0, self.news.store)
        self.tasks.start("control", lambda: self.control.consume(self._o.queue))
        for venue in self._o.accounts:
            self.tasks.start(
                f"account {venue.value}",
                lambda venue=venue: self.accounts.follow(venue),  # type: ignore[misc]
            )

    async def _keep_lease(self) -> None:
        try:
            await self.lease.keep()
        except LeaseLost as error:
            log.critical("lease lost", error=str(error))
            self._decide("lease", "trader", str(error), "p1")
            self.stop(1)
            await asyncio.Event().wait()

    async def _shut_down(self) -> None:
        """Openings off, reducing finishes, the record is written, the lease goes last."""
        self.permission.is_stopping = True
        is_sound = self._exit_code == 0
        if is_sound and self.recovery.is_finished:
            self.lease.stop_openings()
            await self._until_reduced()
        self.hearing.end()
        names = [f"feed {v.value}" for v in self._o.feeds]
        names += [f"user stream {v.value}" for v in self._o.executions]
        names += [f"account {v.value}" for v in self._o.accounts]
        await self.tasks.stop(*names, "control", "pointers", "halts", "second", "snapshot")
        await self.dispatcher.settle(CLOSING_S)
        if is_sound:
            self.loop.drain()
            await self.dispatcher.settle(1.0)
        self.timers.drop_all()
        await self.tasks.stop("record")
        await self.writer.close(CLOSING_S)
        await self.tasks.stop()
        await self.recorder.close()
        await self.lease.release()
        await self.health.stop()
        await self._o.close()
        self.loop.stop()
        log.info("stopped", code=self._exit_code)

    async def _until_reduced(self) -> None:
        """Wait until nothing is naked, at most 20 s; the kernel goes on reducing meanwhile."""
        deadline = self._o.clock.mono_ns() + int(REDUCING_S * NS_PER_S)
        while self._o.clock.mono_ns() < deadline:
            counts = self._o.take_snapshot(self._o.clock.wall_ns())["packages"]
            if not counts["open"] and not self.dispatcher.busy:
                return
            await self._o.clock.sleep(0.1)
        log.warning("shut-down with a package in flight; recovery will own it")

    # --- sinks and reports ----------------------------------------------------------------------

    def _set_run(self, run_id: str) -> None:
        self.decisions.set_run(run_id)
        self.recorder.begin(run_id)

    def _execute(self, event: Event, commands: Sequence[Command]) -> None:
        self.recorder.note(event, commands)
        self.last_step_mono_ns = event.stamp.mono_ns
        if isinstance(event.body, HaltTaken):
            self.halts.note_taken(event.body.halt)
        self.dispatcher.execute(event, commands)

    def _set_frozen(self, is_frozen: bool) -> None:
        self.permission.is_frozen = is_frozen

    def _fenced(self, reason: str) -> None:
        self.permission.lease_until_mono_ns = 0
        self._decide("fenced", "trader", reason, "p1")
        self.stop(1)

    def _task_failed(self, name: str, trace: str, is_third: bool) -> None:
        self.metrics.restarts.labels(task=name).inc()
        self._decide("task_failed", name, trace.strip().rsplit("\n", 1)[-1][:300], "p2")
        if is_third:
            wall = self._o.clock.wall_ns()
            note = f"{name} failed three times in a minute"
            self._rest.put(
                HaltTaken(Halt("global", HaltReason.CRASH_LOOP, "trader", wall, note=note))
            )

    def _command_failed(self, event: Event, trace: str) -> None:
        self._decide("command_failed", type(event.body).__name__, trace[-300:], "p1")

    def _step_failed(self, event: Event, trace: str) -> None:
        """A step that raised: say so durably and end; the next process asks the venues."""
        self._decide("step_failed", type(event.body).__name__, trace[-300:], "p1")
        self.permission.is_passive = True
        self.stop(1)

    def _decide(self, kind: str, subject: str, reason: str, severity: str | None) -> None:
        """Make a decision event of the process's own."""
        clock = self._o.clock
        stamp = Stamp(self.ingress.seq, clock.mono_ns(), clock.wall_ns())
        decision = RecordDecision(
            kind, subject, kind, reason, severity=severity, versions={"build": self._build}
        )
        row = self.decisions.record_own(decision, stamp)
        if self.writer.fencing:
            self.writer.put((("decisions", (row,)),))

    def _report_drift(self, drift: Drift) -> None:
        """An alert for people; nothing is halted by a document."""
        log.warning("drift", document=drift.document, text=drift.text)
        self._decide("drift", drift.document, drift.text, drift.severity)

    # --- each second --------------------------------------------------------------------------

    async def _every_second(self) -> None:
        self.control.look_at_stop_file()
        self.ingress.put(SecondTicked())

    async def _write_snapshot(self) -> None:
        if self.recovery.run_id:
            await self.snapshots.write_once()
            await self.mark.follow()

"""One trader process in simulation: kernel, timers and the order path, killable at any step.

Carries out commands as the live dispatcher does: commit before bytes, ticket age and lease
judged at the last instant, asynchronous rows behind, the wire log in front of follow-ups.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from shared.domain import commands as cm
from shared.domain.enums import Venue
from shared.domain.events import (
    AttemptAnswered,
    AttemptSending,
    EnvelopeCommitted,
    EnvelopeFailed,
    Event,
    EventBody,
    SendRefused,
    Stamp,
    TimerFired,
    TradeFinality,
)
from shared.domain.order import LegTicket
from shared.domain.units import NS_PER_MS, NS_PER_S
from shared.drivers.checkers_watch import Watch
from shared.drivers.sim_coverage import Move, moves_of
from shared.drivers.sim_store import SimStore
from shared.drivers.sim_venue import SimVenue
from shared.engine import last_gate
from shared.engine.kernel import Kernel

if TYPE_CHECKING:
    from shared.drivers.checkers import Checkers
    from shared.drivers.sim_lapses import Lapses


@dataclass(slots=True)
class SimTrader:
    """``generation`` guards callbacks: what belongs to a dead process is dropped."""

    kernel: Kernel
    generation: int
    store: SimStore
    venues: dict[Venue, SimVenue]
    schedule: Callable[[int, Callable[[], None]], None]
    mono: Callable[[], int]
    wall: Callable[[], int]
    checkers: Checkers
    refresh: Callable[[Any], None]
    """Ask the venue for a fresh book of a market."""
    is_dead: bool = False
    seq: int = 0
    steps: int = 0
    timers: dict[str, int] = field(default_factory=dict)
    lease_until: int = 0
    epoch: int = 0
    is_paused: bool = False
    backlog: list[Callable[[], None]] = field(default_factory=list)
    hits: Callable[[str], bool] = lambda key: False
    die: Callable[[], None] = lambda: None
    freeze: Callable[[], None] = lambda: None
    on_moves: Callable[[list[Move]], None] = lambda moves: None
    lapses: Lapses | None = None
    commands_log: list[cm.Command] | None = None
    watch: Watch = field(default_factory=Watch)

    def give(self, body: EventBody) -> None:
        """Stamp one body and step the kernel; then carry out what it asks."""
        if self.is_dead:
            return
        if self.is_paused:
            self.backlog.append(lambda: self.give(body))
            return
        if isinstance(body, AttemptAnswered) and self.hits("crash.after_ack"):
            self.die()
            return
        self.seq += 1
        self.steps += 1
        event = Event(Stamp(self.seq, self.mono(), self.wall()), body)
        self.watch.observe(body, event.stamp.mono_ns)
        if isinstance(body, TradeFinality) and not body.is_final:
            self.venues[body.venue].told_failed.add(body.trade_id)
        out = self.kernel.step(event)
        if self.commands_log is not None:
            self.commands_log.extend(out)
        if self.is_fenced:
            self._carry_out_fenced(out)
            return
        if out:
            self.checkers.on_rows(out)
        if not self.backlog:
            self.checkers.after_step(self, event, out)
        if not out:
            return
        if moves := moves_of(out):
            self.on_moves(moves)
        rows = [(c.table, c.rows) for c in out if isinstance(c, cm.WriteRows)]
        if rows and self.hits("crash.unwritten"):
            self.die()
            return
        self.store.write_later(rows)
        for command in out:
            self._perform(command)

    @property
    def is_fenced(self) -> bool:
        """Whether a later epoch has been taken: the record refuses every row of ours."""
        return self.epoch < self.store.epoch

    def _carry_out_fenced(self, out: list[cm.Command]) -> None:
        """A fenced process still tries to trade; the record and the lease must refuse."""
        for command in out:
            if isinstance(command, (cm.CommitEnvelope, cm.SubmitLeg, cm.ArmTimer)):
                self._perform(command)

    def _perform(self, command: cm.Command) -> None:
        if self.is_dead:
            return
        if self.is_paused:
            self.backlog.append(lambda: self._perform(command))
            return
        self._carry_out(command)

    def pause(self) -> None:
        """Freeze the process (SIGSTOP, a long collection): events queue, orders wait."""
        self.is_paused = True

    def wake(self) -> None:
        """Work off what queued up, in order; old tickets meet the wire's own clock."""
        self.is_paused = False
        while self.backlog and not self.is_paused:
            work = self.backlog.pop(0)
            work()

    def later(self, delay: int, body: EventBody) -> None:
        self.schedule(delay, lambda: self.give(body))

    def _carry_out(self, command: cm.Command) -> None:
        if isinstance(command, cm.CommitEnvelope):
            self._commit(command)
        elif isinstance(command, cm.SubmitLeg):
            self._submit(command)
        elif isinstance(command, cm.CancelOrder):
            self.venues[command.ticket.venue].cancel(command.ticket)
        elif isinstance(command, cm.CancelEverything):
            self.venues[command.venue].cancel_everything()
        elif isinstance(command, cm.AskEvidence):
            self._ask(command)
        elif isinstance(command, cm.ArmTimer):
            self._arm(command.timer_id, command.due_mono_ns)
        elif isinstance(command, cm.DropTimer):
            self.timers.pop(command.timer_id, None)
        elif isinstance(command, cm.RequestSnapshot):
            self.refresh(command.market_id)
        elif isinstance(command, cm.PersistHalt):
            self.store.halts[(command.halt.scope, command.halt.reason.value)] = command.halt
        elif isinstance(command, cm.DropHalt):
            self.store.halts.pop((command.scope, command.reason), None)
        elif isinstance(command, cm.MarkProven):
            self.store.proven.add(command.pair_id)

    def _commit(self, command: cm.CommitEnvelope) -> None:
        if self.is_fenced:
            self.later(5 * NS_PER_MS, EnvelopeFailed(command.package_id, "fenced"))
            return
        if self.hits("crash.before_commit"):
            self.die()
            return
        if self.store.is_down and not command.is_extension:
            failed = EnvelopeFailed(command.package_id, "the database is away")
            self.later(5 * NS_PER_MS, failed)
            return
        self.checkers.before_commit(command)
        self.store.commit_envelope(command.package, command.attempts)
        if self.hits("crash.after_commit"):
            self.die()
            return
        stall = self.lapses.stall_ns("commit") if self.lapses is not None else 0
        self.later(2 * NS_PER_MS + stall, EnvelopeCommitted(command.package_id))

    def _submit(self, command: cm.SubmitLeg) -> None:
        if self.hits("pause.ticket"):
            self.freeze()
            self.backlog.append(lambda: self._perform(command))
            return
        stall = self.lapses.stall_ns("dispatch") if self.lapses is not None else 0
        if stall:
            self.schedule(stall, lambda: self._send_late(command))
        else:
            self._send(command)

    def _send_late(self, command: cm.SubmitLeg) -> None:
        if self.is_dead:
            return
        if self.is_paused:
            self.backlog.append(lambda: self._send_late(command))
            return
        self._send(command)

    def _send(self, command: cm.SubmitLeg) -> None:
        """Judge the ticket a last time, as the dispatcher does, and let its bytes out."""
        ticket = command.ticket.value
        need = 20 * NS_PER_S if ticket.is_opening else 2 * NS_PER_S
        if self.mono() > ticket.send_by_mono_ns:
            self.later(0, SendRefused(ticket.attempt_id, "the ticket is too old"))
            return
        if self.lease_until - self.mono() < need:
            self.later(0, SendRefused(ticket.attempt_id, "the lease is too short"))
            return
        if self.kernel.state.is_frozen:
            self.later(0, SendRefused(ticket.attempt_id, "frozen: cancels and reads only"))
            return
        if ticket.is_opening and self._halts_opening(ticket):
            self.later(0, SendRefused(ticket.attempt_id, "halted since it was approved"))
            return
        if ticket.is_opening and not self.kernel.state.is_wanted(ticket):
            self.later(0, SendRefused(ticket.attempt_id, "its package has ended meanwhile"))
            return
        if why := last_gate.unfit(self.kernel.state, ticket):
            self.later(0, SendRefused(ticket.attempt_id, why))
            return
        failure = self.lapses.early_failure(ticket) if self.lapses is not None else None
        if failure is not None:
            self.later(0, AttemptAnswered(failure))
            return
        self.checkers.before_send(self, command.ticket)
        if not ticket.is_opening:
            row = self._wire_row(command)
            self.store.wire_log[ticket.attempt_id] = row
        self.later(0, AttemptSending(ticket.attempt_id))
        self.venues[ticket.venue].submit(ticket)
        if self.hits("crash.first_byte"):
            self.die()

    def _halts_opening(self, ticket: LegTicket) -> bool:
        scopes = ("global", f"venue:{ticket.venue.value}")
        return any(h.scope in scopes for h in self.kernel.state.halts.values())

    def _wire_row(self, command: cm.SubmitLeg) -> dict[str, Any]:
        from shared.engine import rows

        ticket = command.ticket.value
        package = self.kernel.state.packages[ticket.package_id]
        return rows.attempt_row(package, package.attempts[ticket.attempt_id])

    def _ask(self, command: cm.AskEvidence) -> None:
        by_venue: dict[Venue, list[Any]] = {}
        for ticket in command.tickets:
            by_venue.setdefault(ticket.venue, []).append(ticket)
        for venue, tickets in by_venue.items():
            self.venues[venue].find_evidence(
                command.package_id, tuple(tickets), command.asked_mono_ns
            )

    def _arm(self, timer_id: str, due: int) -> None:
        self.timers[timer_id] = due

        def fire() -> None:
            if self.timers.get(timer_id) == due:
                del self.timers[timer_id]
                self.give(TimerFired(timer_id))

        self.schedule(max(0, due - self.mono()), fire)

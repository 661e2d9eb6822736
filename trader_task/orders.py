"""The way of one order: encode, commit, sign, last check, bytes, answer.

Everything here runs beside the kernel loop and reports through the ingress. Rule: whatever
goes wrong before the first byte is ``SendRefused``; whatever goes wrong after it is
``Unknown``. There is no third case, and nothing is sent again from here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import structlog

from shared.domain.commands import CommitEnvelope
from shared.domain.enums import HaltReason, Venue
from shared.domain.errors import TwinlegError
from shared.domain.events import (
    AttemptAnswered,
    AttemptSending,
    EnvelopeCommitted,
    EnvelopeFailed,
    EventBody,
    Halt,
    HaltTaken,
    OrderTimes,
    SendRefused,
)
from shared.domain.instrument import Instrument
from shared.domain.order import LegTicket, SubmitOutcome, Unknown
from shared.domain.risk import RiskApproved
from shared.ports.clock import Clock
from shared.ports.venue import EncodedOrder, Execution
from trader_task.durable_log import DurableLog
from trader_task.gate import LAG_OPENING_NS, SendGate, decoded_difference, hard_check
from trader_task.journal import EnvelopeJournal

log = structlog.get_logger("orders")

SEND_LIMIT_S: Final = 30.0
"""Far beyond every adapter's own limit; only a hung adapter reaches it."""
ENCODED_KEPT: Final = 2_000

Row = Mapping[str, Any]


@dataclass(slots=True)
class _Attempt:
    """What one send went through, filled in by ``may_send``."""

    refused: str | None = None
    sent_wall_ns: int = 0


class OrderPath:
    """Commits envelopes and sends tickets for every venue; the ingress hears the outcome."""

    def __init__(
        self,
        executions: Mapping[Venue, Execution],
        journal: EnvelopeJournal,
        gate: SendGate,
        wire_log: DurableLog,
        clock: Clock,
        sink: Callable[[EventBody], None],
    ) -> None:
        self._executions = executions
        self._journal = journal
        self._gate = gate
        self._wire_log = wire_log
        self._clock = clock
        self._sink = sink
        self._encoded: dict[str, EncodedOrder] = {}
        self.sent = 0
        self.refused = 0
        self.unknown = 0

    async def commit(self, command: CommitEnvelope) -> None:
        """Encode the first order, make the envelope durable, answer once."""
        try:
            reason = await self._commit(command)
        except Exception as error:  # nothing was sent: the package must end, not the trader
            log.exception("commit raised", package=command.package_id)
            reason = f"{type(error).__name__}: {error}"
        if reason is None:
            self._sink(EnvelopeCommitted(command.package_id))
        else:
            self._sink(EnvelopeFailed(command.package_id, reason))

    async def _commit(self, command: CommitEnvelope) -> str | None:
        attempts = [dict(row) for row in command.attempts]
        if command.first is not None:
            ticket = command.first.value
            lag = self._clock.mono_ns() - ticket.decided_mono_ns
            if ticket.is_opening and lag > LAG_OPENING_NS:
                return f"behind: the decision is {lag // 1_000_000} ms old"
            assert command.instrument is not None, "a first order needs its instrument"
            encoded = self._encode(ticket, command.instrument)
            if isinstance(encoded, str):
                return encoded
            row = next((r for r in attempts if r["attempt_id"] == ticket.attempt_id), None)
            if row is None:
                return "the envelope does not name its first order"
            row["order_hash"] = encoded.order_hash or None
        return await self._journal.commit(command, attempts)

    async def submit(
        self, approved: RiskApproved[LegTicket], instrument: Instrument, row: Row | None
    ) -> None:
        """Send one order. ``row`` is its attempt row, for the wire log of follow-ups."""
        ticket = approved.value
        attempt = _Attempt()
        outcome: SubmitOutcome | None
        try:
            outcome = await self._send(approved, instrument, row, attempt)
        except Exception as error:  # an adapter's bug after the first byte is an unknown order
            log.exception("send raised", attempt=ticket.attempt_id)
            name = f"{type(error).__name__}: {error}"
            if attempt.sent_wall_ns:
                outcome = Unknown(ticket.attempt_id, name)
            else:
                attempt.refused, outcome = name, None
        if outcome is None:
            self.refused += 1
            reason = attempt.refused or "the adapter sent nothing"
            log.warning("not sent", attempt=ticket.attempt_id, reason=reason)
            self._sink(SendRefused(ticket.attempt_id, reason))
            return
        if outcome.attempt_id != ticket.attempt_id:
            # The answer belongs to another request: it settles nothing (F-085).
            outcome = Unknown(ticket.attempt_id, "the answer names another order")
        self.unknown += isinstance(outcome, Unknown)
        answered = self._clock.wall_ns()
        self._sink(AttemptAnswered(outcome))
        self._sink(OrderTimes(ticket.attempt_id, attempt.sent_wall_ns, answered))

    async def _send(
        self,
        approved: RiskApproved[LegTicket],
        instrument: Instrument,
        row: Row | None,
        attempt: _Attempt,
    ) -> SubmitOutcome | None:
        ticket = approved.value
        attempt.refused = self._gate.why_not(approved, instrument, self._clock.mono_ns())
        if attempt.refused:
            return None
        encoded = self._encoded.get(ticket.attempt_id) or self._encode(ticket, instrument)
        if isinstance(encoded, str):
            attempt.refused = encoded
            return None
        if encoded.ticket != ticket:
            attempt.refused = "the encoded order is of another ticket"
            return None
        if not ticket.is_opening:
            await self._log_follow_up(ticket, encoded, row)

        def may_send() -> str | None:
            now = self._clock.mono_ns()
            attempt.refused = self._gate.why_not(approved, instrument, now)
            if attempt.refused is None and attempt.sent_wall_ns:
                attempt.refused = "asked to send twice"
            if attempt.refused is None:
                self._gate.pass_through(ticket, now)
                attempt.sent_wall_ns = self._clock.wall_ns()
                self.sent += 1
                self._sink(AttemptSending(ticket.attempt_id))
            return attempt.refused

        execution = self._executions[ticket.venue]
        try:
            async with asyncio.timeout(SEND_LIMIT_S):
                return await execution.send(encoded, may_send)
        except TimeoutError:
            if not attempt.sent_wall_ns:
                attempt.refused = "the adapter did not get to sending"
                return None
            return Unknown(ticket.attempt_id, f"no answer in {SEND_LIMIT_S:.0f} s")

    async def _log_follow_up(
        self, ticket: LegTicket, encoded: EncodedOrder, row: Row | None
    ) -> None:
        """Make a hedge or unwind findable after kill -9, before its first byte.

        Its committed slot is only appended to asynchronously, so without this a restart could
        take a used slot for an unused one. A disk that refuses is said out loud and does not
        stop the hedge: a naked leg is certain, a crash before its row is written is not.
        """
        record = {
            **(row or {}),
            "attempt_id": ticket.attempt_id,
            "package_id": ticket.package_id,
            "order_hash": encoded.order_hash or None,
            "state": "sent",
            "ts_sent_ns": self._clock.wall_ns(),
        }
        try:
            await asyncio.to_thread(self._wire_log.append, [record])
        except OSError as error:
            log.critical("wire log refused", attempt=ticket.attempt_id, error=str(error))

    async def cancel(self, ticket: LegTicket, order_id: str, instrument: Instrument) -> bool:
        """Ask for one cancel; True only when the venue says that it is cancelled."""
        try:
            encoded = self._encoded.get(ticket.attempt_id)
            if encoded is None:
                encoded = self._executions[ticket.venue].encode(ticket, instrument)
            return await self._executions[ticket.venue].cancel(encoded, order_id)
        except Exception as error:  # proves nothing either way; evidence decides
            log.warning("cancel failed", attempt=ticket.attempt_id, error=str(error))
            return False

    def _encode(self, ticket: LegTicket, instrument: Instrument) -> EncodedOrder | str:
        """Encode and check against the ticket; returns the reason as text when refused."""
        execution = self._executions.get(ticket.venue)
        if execution is None:
            return f"no execution for {ticket.venue.value}"
        try:
            encoded = execution.encode(ticket, instrument)
        except TwinlegError as error:
            return f"cannot be encoded: {error}"
        difference = decoded_difference(ticket, encoded.decoded) or hard_check(ticket)
        if difference:
            # An encoder that lies is worse than no encoder: cancels and reads only (F-027).
            log.critical("encoding mismatch", attempt=ticket.attempt_id, difference=difference)
            note = f"{ticket.venue.value} order {ticket.attempt_id}: {difference}"
            wall = self._clock.wall_ns()
            self._gate.permission.is_frozen = True
            self._sink(HaltTaken(Halt("global", HaltReason.FREEZE, "trader", wall, True, note)))
            return f"encoding mismatch: {difference}"
        self._encoded[ticket.attempt_id] = encoded
        while len(self._encoded) > ENCODED_KEPT:
            self._encoded.pop(next(iter(self._encoded)))
        return encoded

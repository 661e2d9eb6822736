"""Orders from people and other processes: queue, polled flags, stop file, signal.

Rule 1: a command acts once, whatever the queue repeats; ids are remembered here and in the
control log. Rule 2: a halt never expires, a resume dies 30 s after it was issued. Rule 3:
what cannot be read is not acknowledged, so that it reaches the dead-letter queue and its
alarm. Rule 4: the stop file and SIGUSR1 work with every network down.
Twin: tests/unit/trader_task/test_control.py
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog
from pydantic import ValidationError

from shared.contracts.events_v1 import ControlCommand
from shared.domain.enums import HaltReason, Venue
from shared.domain.events import (
    AdoptionOrdered,
    EventBody,
    Halt,
    HaltLifted,
    HaltTaken,
    MarketResolved,
    OperatorVerb,
)
from shared.domain.ids import MarketId, PackageId
from shared.domain.units import MICROS, NS_PER_S, PriceMicros
from shared.ports.clock import Clock
from shared.ports.messaging import CommandQueue, Received
from shared.ports.stores import ControlLog

log = structlog.get_logger("control")

RESUME_LIFE_NS: Final = 30 * NS_PER_S
REMEMBERED: Final = 10_000
WAIT_S: Final = 1
MESSAGES: Final = 10
SCOPES: Final = ("venue:", "pair:", "category:", "series:", "market:", "shard:")

Report = Callable[[str, str, str, str | None], None]
"""(kind, subject, reason, severity)."""


def is_scope(text: str) -> bool:
    """Say whether ``text`` is a HaltScope: ``global``, or ``kind:value``."""
    return text == "global" or any(text.startswith(s) and len(text) > len(s) for s in SCOPES)


class Control:
    """Turns commands into events; ``reload`` is called with ``config`` or ``pairs``."""

    def __init__(
        self,
        clock: Clock,
        sink: Callable[[EventBody], None],
        report: Report,
        control_log: ControlLog,
        stop_file: Path,
        reload: Callable[[str], None],
    ) -> None:
        self._clock = clock
        self._sink = sink
        self._report = report
        self._control_log = control_log
        self._stop_file = stop_file
        self._reload = reload
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._stop_seen = ""
        self.accepted = 0
        self.repeated = 0
        self.expired = 0
        self.poison = 0

    # --- queue ---------------------------------------------------------------------------

    async def consume(self, queue: CommandQueue) -> None:
        """Read the queue until cancelled. Raises StoreError while the queue is away."""
        while True:
            for message in await asyncio.to_thread(queue.receive, MESSAGES, WAIT_S):
                if await self.take(message):
                    await asyncio.to_thread(queue.acknowledge, message.receipt)

    async def take(self, message: Received) -> bool:
        """Act on one message; returns whether to acknowledge it."""
        try:
            command = ControlCommand.model_validate_json(message.body)
        except ValidationError as error:
            self.poison += 1
            self._report("command_unreadable", "control", str(error)[:300], "p2")
            return False
        if command.command_id in self._seen:
            self.repeated += 1
            return True
        self._seen[command.command_id] = None
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        try:
            self.act(command)
        except (KeyError, ValueError, TypeError) as error:
            # Not done, so not seen: it comes again until the dead-letter queue takes it.
            del self._seen[command.command_id]
            self.poison += 1
            self._report("command_unreadable", command.command_id, repr(error)[:300], "p2")
            return False
        await self._record(command)
        return True

    def act(self, command: ControlCommand) -> None:
        """Put the events of one command; raises KeyError or ValueError when it is malformed."""
        now = self._clock.wall_ns()
        match command.kind:
            case "halt":
                self._halt(command, now)
            case "freeze":
                note = command.reason
                halt = Halt("global", HaltReason.FREEZE, command.actor, now, True, note)
                self._sink(HaltTaken(halt))
            case "resume":
                ends = command.issued_at + RESUME_LIFE_NS
                if command.expires_at is not None:
                    ends = min(ends, command.expires_at)
                if now > ends:
                    self.expired += 1
                    self._report("resume_expired", command.scope, "issued too long ago", "p3")
                    return
                self._sink(HaltLifted(command.scope, command.actor, command.reason))
            case "config_changed":
                self._reload("config")
            case "pairs_changed" | "fees_changed":
                self._reload("pairs")
            case "market_resolved":
                payout = int(command.payload["payout_micros"])
                if not 0 <= payout <= MICROS:
                    raise ValueError(f"payout {payout} is outside a dollar")
                market = MarketId(str(command.payload["market_id"]))
                self._sink(MarketResolved(market, PriceMicros(payout)))
            case "package_verb":
                self._verb(command)
            case "account_difference" | "secret_rotated":
                self._report(command.kind, command.scope, command.reason, "p2")
        self.accepted += 1

    def _verb(self, command: ControlCommand) -> None:
        """A verb on one package, or the adoption of what a person did in an account."""
        payload = {str(k): str(v) for k, v in command.payload.items()}
        verb = payload.pop("verb")
        if verb == "adopt":
            venue, market = Venue(payload["venue"]), payload["market"]
            actor, reason = command.actor, command.reason
            self._sink(AdoptionOrdered(venue, market, command.command_id, actor, reason))
            return
        self._sink(OperatorVerb(PackageId(payload.pop("package_id")), verb, payload))

    def _halt(self, command: ControlCommand, now: int) -> None:
        if not is_scope(command.scope):
            raise ValueError(f"{command.scope!r} is no scope")
        named = str(command.payload.get("reason", HaltReason.OPERATOR.value))
        reason = HaltReason(named) if named in set(HaltReason) else HaltReason.OPERATOR
        self._sink(HaltTaken(Halt(command.scope, reason, command.actor, now, note=command.reason)))

    async def _record(self, command: ControlCommand) -> None:
        """Keep the command in the control log; the record failing never undoes a halt."""
        try:
            await asyncio.to_thread(self._control_log.record, command.model_dump())
        except Exception as error:  # the decision event of the kernel is recorded as well
            log.warning("command not recorded", command=command.command_id, error=str(error))

    # --- this host -------------------------------------------------------------------------

    def look_at_stop_file(self) -> None:
        """Act on the stop file when it appears or changes; removing it lifts nothing."""
        try:
            text = self._stop_file.read_text(errors="replace").strip().lower()[:64]
        except FileNotFoundError:
            self._stop_seen = ""
            return
        except OSError as error:
            text = f"unreadable: {error}"
        word = text or "halt"
        if word == self._stop_seen:
            return
        self._stop_seen = word
        is_freeze = word == "freeze"
        reason = HaltReason.FREEZE if is_freeze else HaltReason.OPERATOR
        note = "stop file" if word in ("halt", "freeze") else f"stop file says {word!r}"
        now = self._clock.wall_ns()
        self._sink(HaltTaken(Halt("global", reason, "stop file", now, is_freeze, note)))

    def pause_by_signal(self) -> None:
        """SIGUSR1: PAUSE at once."""
        now = self._clock.wall_ns()
        self._sink(HaltTaken(Halt("global", HaltReason.OPERATOR, "signal", now, note="SIGUSR1")))

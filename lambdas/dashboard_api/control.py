"""Orders from the screen to the trader: store first, then tell.

A halt is written to both stores and sent as a command; the trader polls the first, recovers
from the second and hears the third. One store is enough to accept it: whichever the trader
reads, the stricter wins.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from lambdas.dashboard_api.models import HaltOrder
from lambdas.errors import ApiError
from lambdas.observability import logger
from shared.contracts.api_v1 import CommandAccepted
from shared.contracts.events_v1 import ControlCommand
from shared.domain.enums import HaltReason
from shared.domain.errors import StoreError
from shared.domain.events import Halt


class HaltStore(Protocol):
    def put_halt(self, halt: Halt) -> None: ...


class HaltRecord(HaltStore, Protocol):
    def record(self, row: Mapping[str, Any]) -> None: ...


class Commands(Protocol):
    def send(self, command: ControlCommand) -> None: ...


def order_halt(
    order: HaltOrder, actor: str, flags: HaltStore, record: HaltRecord, commands: Commands
) -> CommandAccepted:
    """Halt a scope (PAUSE). Raises ApiError 503 when neither store took it."""
    now_ns = time.time_ns()
    halt = Halt(order.scope, HaltReason.OPERATOR, actor, now_ns, note=order.note)
    command = ControlCommand(
        command_id=str(uuid.uuid4()),
        kind="halt",
        scope=order.scope,
        reason=HaltReason.OPERATOR.value,
        actor=actor,
        issued_at=now_ns,
        payload={"note": order.note},
    )
    is_stored = _did("flags", lambda: flags.put_halt(halt))
    # The command goes before the record: it is what stops the trader soonest.
    _did("queue", lambda: commands.send(command))
    is_stored = _did("record", lambda: record.put_halt(halt)) or is_stored
    _did("log", lambda: record.record(command.model_dump()))
    if not is_stored:
        raise ApiError(
            503,
            "The halt could not be stored.",
            "Use `twinleg halt`, the stop file, or SIGUSR1 to the trader.",
        )
    return CommandAccepted(command_id=command.command_id, recorded_ns=now_ns)


def _did(what: str, act: Callable[[], None]) -> bool:
    try:
        act()
    except StoreError as error:
        logger.error("halt not taken by one store", extra={"store": what, "why": str(error)})
        return False
    return True

"""Sending a command to the trader, and proving who sends it."""

from __future__ import annotations

import getpass
import sys
import uuid
from typing import Any

from shared.contracts.events_v1 import ControlCommand
from trader_task.command_stores import CommandStores
from trader_task.commands.answers import Failed, WrongUse, print_json


def prove(stores: CommandStores, from_stdin: bool) -> None:
    """Ask for the session password. Raises Failed when it is not the one."""
    if not stores.has_password():
        raise Failed("no password is set yet: `twinleg secrets set password`")
    if not stores.check_password(read_password("Password: ", from_stdin)):
        raise Failed("wrong password")


def make_command(
    kind: Any,
    scope: str,
    reason: str,
    now: int,
    *,
    expires_at: int | None = None,
    payload: dict[str, Any] | None = None,
) -> ControlCommand:
    return ControlCommand(
        command_id=str(uuid.uuid4()),
        kind=kind,
        scope=scope,
        reason=reason,
        actor=actor(),
        issued_at=now,
        expires_at=expires_at,
        payload=payload or {},
    )


def accepted(command: ControlCommand, as_json: bool, text: str) -> None:
    if as_json:
        print_json({"command_id": command.command_id, "recorded_ns": command.issued_at})
    else:
        print(text)


def read_password(prompt: str, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    if not sys.stdin.isatty():
        raise WrongUse("no terminal to ask on: use standard input")
    return getpass.getpass(prompt)


def actor() -> str:
    return f"cli:{getpass.getuser()}"

"""``halt``, ``freeze``, ``resume``, ``package``, ``secrets set``: acting on a running trader.

A halt is written to both stores before the command is queued, so that it stands even when
nobody reads the queue. A resume is only a command: the trader accepts it or says why not.
"""

from __future__ import annotations

import getpass
import sys
import time
import uuid
from typing import Annotated, Any, Final

import typer

from shared.contracts.events_v1 import ControlCommand
from shared.domain.enums import HaltReason
from shared.domain.errors import StoreError
from shared.domain.events import Halt
from shared.domain.units import NS_PER_S
from trader_task.commands.answers import Failed, WrongUse, print_json, say, yes_no
from trader_task.commands.running import fetch_snapshot, open_stores
from trader_task.control import SCOPES, is_scope

package_app = typer.Typer(no_args_is_help=True, help="Verbs on one package.")
secrets_app = typer.Typer(no_args_is_help=True, help="Secrets of this installation.")

Json = Annotated[bool, typer.Option("--json", help="machine-readable answer")]
RESUME_LIFE_NS: Final = 30 * NS_PER_S


def halt(
    scope: Annotated[str, typer.Argument(help="global, venue:NAME, pair:ID, category:NAME …")],
    reason: Annotated[str, typer.Option(help="why")] = "by hand",
    as_json: Json = False,
) -> None:
    """Stop opening in a scope; reducing goes on."""
    _check_scope(scope)
    _stop(Halt(scope, HaltReason.OPERATOR, _actor(), time.time_ns(), note=reason), "halt", as_json)


def freeze(
    reason: Annotated[str, typer.Option(help="why")] = "by hand",
    word: Annotated[str | None, typer.Option("--type", help="the word, for scripts")] = None,
    as_json: Json = False,
) -> None:
    """Stop everything but cancels and reads; asks for the typed word."""
    typed = word
    if typed is None:
        if not sys.stdin.isatty():
            raise WrongUse("type the word: --type freeze")
        typed = input("Open packages will not be hedged. Type freeze: ")
    if typed.strip() != "freeze":
        raise Failed("not frozen: the word was not typed")
    now = time.time_ns()
    _stop(Halt("global", HaltReason.FREEZE, _actor(), now, True, reason), "freeze", as_json)


def resume(
    scope: Annotated[str, typer.Argument(help="the scope of the halt")],
    reason: Annotated[str, typer.Option(help="why it is safe now")],
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="read the password from standard input")
    ] = False,
    as_json: Json = False,
) -> None:
    """Lift what stops a scope; asks the password, dies after 30 s."""
    _check_scope(scope)
    if not reason.strip():
        raise WrongUse("a resume needs a reason")
    stores = open_stores()
    if not stores.has_password():
        raise Failed("no password is set yet: `twinleg secrets set password`")
    if not stores.check_password(_read_password("Password: ", password_stdin)):
        raise Failed("wrong password")
    now = time.time_ns()
    command = _command("resume", scope, reason, now, expires_at=now + RESUME_LIFE_NS)
    stores.queue.send(command)
    _accepted(command, as_json, f"resume of {scope} sent; `twinleg status` shows what still stops")


@package_app.command("hold")
def hold(package: str, as_json: Json = False) -> None:
    """Keep a stuck package as it is until its markets settle."""
    _verb(package, "hold", {}, as_json)


@package_app.command("flatten")
def flatten(
    package: str,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
    as_json: Json = False,
) -> None:
    """Reduce a stuck package at any price, after showing what is unhedged."""
    found = [p for p in fetch_snapshot()["open_packages"] if p["package_id"] == package]
    if not found:
        raise Failed(f"no open package {package!r}")
    at_risk = found[0]["unhedged_micros"] / 1_000_000
    say(f"{package}: {found[0]['state']}, ${at_risk:.2f} unhedged; most of it can be lost")
    if not yes and not yes_no("Reduce it at any price?"):
        raise Failed("not flattened")
    _verb(package, "flatten", {}, as_json)


@secrets_app.command("set")
def set_secret(
    name: Annotated[str, typer.Argument(help="password")],
    from_stdin: Annotated[
        bool, typer.Option("--stdin", help="read the value from standard input")
    ] = False,
) -> None:
    """Set the session password; venue keys of other hosts are not available yet."""
    if name != "password":
        raise WrongUse("only `password` can be set by this build")
    value = _read_password("New password: ", from_stdin)
    if len(value) < 10:
        raise WrongUse("a password has at least 10 characters")
    if not from_stdin and getpass.getpass("Again: ") != value:
        raise Failed("they differ; nothing was stored")
    open_stores().set_password(value)
    say("password set")


def _stop(halt_: Halt, kind: str, as_json: bool) -> None:
    """Write a halt to both stores, then queue it; any one of the three is enough."""
    stores = open_stores()
    failures: list[str] = []
    for name, store in (("dynamodb", stores.flags), ("postgres", stores.control)):
        try:
            store.put_halt(halt_)
        except StoreError as error:
            failures.append(f"{name}: {error}")
    command = _command(kind, halt_.scope, halt_.note, halt_.since_wall_ns)
    try:
        stores.queue.send(command)
    except StoreError as error:
        failures.append(f"queue: {error}")
    for failure in failures:
        say(failure)
    if len(failures) == 3:
        raise Failed("no store took it: write `halt` or `freeze` into the file `stop`")
    verb = "frozen" if halt_.is_freeze else "halted"
    _accepted(command, as_json, f"{halt_.scope} {verb}")


def _verb(package: str, verb: str, payload: dict[str, str], as_json: bool) -> None:
    stores = open_stores()
    command = _command(
        "package_verb",
        "global",
        verb,
        time.time_ns(),
        payload={"package_id": package, "verb": verb, **payload},
    )
    stores.queue.send(command)
    _accepted(command, as_json, f"{verb} of {package} sent")


def _command(
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
        actor=_actor(),
        issued_at=now,
        expires_at=expires_at,
        payload=payload or {},
    )


def _accepted(command: ControlCommand, as_json: bool, text: str) -> None:
    if as_json:
        print_json({"command_id": command.command_id, "recorded_ns": command.issued_at})
    else:
        print(text)


def _check_scope(scope: str) -> None:
    if not is_scope(scope):
        known = "global " + " ".join(f"{s}…" for s in SCOPES)
        raise WrongUse(f"{scope!r} is no scope; known: {known}")


def _read_password(prompt: str, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    if not sys.stdin.isatty():
        raise WrongUse("no terminal to ask on: use standard input")
    return getpass.getpass(prompt)


def _actor() -> str:
    return f"cli:{getpass.getuser()}"

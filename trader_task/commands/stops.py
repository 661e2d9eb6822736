"""``halt``, ``freeze``, ``resume``, ``secrets set``: acting on a running trader.

A halt is written to both stores before the command is queued, so that it stands even when
nobody reads the queue. A resume is only a command: the trader accepts it or says why not.
"""

from __future__ import annotations

import getpass
import sys
import time
from typing import Annotated, Final

import typer

from shared.domain.enums import HaltReason
from shared.domain.errors import StoreError
from shared.domain.events import Halt
from shared.domain.units import NS_PER_S
from trader_task.commands.answers import Failed, WrongUse, say
from trader_task.commands.running import open_stores
from trader_task.commands.sending import accepted, actor, make_command, prove, read_password
from trader_task.commands.venues import store_keys
from trader_task.control import SCOPES, is_scope

secrets_app = typer.Typer(no_args_is_help=True, help="Secrets of this installation.")

Json = Annotated[bool, typer.Option("--json", help="machine-readable answer")]
KEYS_MAX: Final = 64 * 1024
RESUME_LIFE_NS: Final = 30 * NS_PER_S


def halt(
    scope: Annotated[str, typer.Argument(help="global, venue:NAME, pair:ID, category:NAME …")],
    reason: Annotated[str, typer.Option(help="why")] = "by hand",
    as_json: Json = False,
) -> None:
    """Stop opening in a scope; reducing goes on."""
    _check_scope(scope)
    _stop(Halt(scope, HaltReason.OPERATOR, actor(), time.time_ns(), note=reason), "halt", as_json)


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
    _stop(Halt("global", HaltReason.FREEZE, actor(), now, True, reason), "freeze", as_json)


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
    prove(stores, password_stdin)
    now = time.time_ns()
    sent = make_command("resume", scope, reason, now, expires_at=now + RESUME_LIFE_NS)
    stores.queue.send(sent)
    accepted(sent, as_json, f"resume of {scope} sent; `twinleg status` shows what still stops")


@secrets_app.command("set")
def set_secret(
    name: Annotated[
        str, typer.Argument(help="password, or kalshi, polymarket, polymarket_us (as JSON)")
    ],
    from_stdin: Annotated[
        bool, typer.Option("--stdin", help="read the value from standard input")
    ] = False,
) -> None:
    """Set the session password, or the keys of a venue (a JSON object on standard input)."""
    if name in ("kalshi", "polymarket", "polymarket_us"):
        if not from_stdin:
            raise WrongUse("keys come on standard input: add --stdin; a terminal would show them")
        store_keys(name, sys.stdin.read(KEYS_MAX))
        say("keys stored; `twinleg venues check` asks the venue about them")
        return
    if name != "password":
        raise WrongUse("secrets are password, kalshi, polymarket and polymarket_us")
    value = read_password("New password: ", from_stdin)
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
    sent = make_command(kind, halt_.scope, halt_.note, halt_.since_wall_ns)
    try:
        stores.queue.send(sent)
    except StoreError as error:
        failures.append(f"queue: {error}")
    for failure in failures:
        say(failure)
    if len(failures) == 3:
        raise Failed("no store took it: write `halt` or `freeze` into the file `stop`")
    verb = "frozen" if halt_.is_freeze else "halted"
    accepted(sent, as_json, f"{halt_.scope} {verb}")


def _check_scope(scope: str) -> None:
    if not is_scope(scope):
        known = "global " + " ".join(f"{s}…" for s in SCOPES)
        raise WrongUse(f"{scope!r} is no scope; known: {known}")

"""``package hold|flatten|resolve`` and ``position adopt``: what only a person may decide.

Each verb is a command to the trader, which accepts it or refuses it with the reason; both
are in the package's timeline (``twinleg why PACKAGE``) and among the events.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer

from shared.domain.enums import Venue
from shared.domain.units import format_micros, parse_micros
from trader_task.commands.answers import Failed, WrongUse, say, yes_no
from trader_task.commands.running import fetch_snapshot, open_stores
from trader_task.commands.sending import accepted, make_command, prove

app = typer.Typer(no_args_is_help=True, help="Verbs on one package.")
position_app = typer.Typer(no_args_is_help=True, help="Contracts and cash that are not ours.")

Json = Annotated[bool, typer.Option("--json", help="machine-readable answer")]
Password = Annotated[
    bool, typer.Option("--password-stdin", help="read the password from standard input")
]
VERDICTS: Final = ("nofill", "zero", "matched", "naked")


@app.command("hold")
def hold(package: str, as_json: Json = False) -> None:
    """Keep a stuck package as it is until its markets settle."""
    _send(package, "hold", {}, "by hand", as_json)


@app.command("flatten")
def flatten(
    package: str,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
    as_json: Json = False,
) -> None:
    """Reduce a stuck package at any price, after showing what that costs now."""
    found = [p for p in fetch_snapshot()["open_packages"] if p["package_id"] == package]
    if not found:
        raise Failed(f"no open package {package!r}")
    say(f"{package}: {found[0]['state']}, ${format_micros(found[0]['unhedged_micros'])} unhedged")
    say(describe(found[0].get("flatten")))
    if not yes and not yes_no("Reduce it at any price?"):
        raise Failed("not flattened")
    _send(package, "flatten", {}, "by hand", as_json)


def describe(preview: Mapping[str, Any] | None) -> str:
    """Return the preview of a flattening in words; a later book may cost more or less."""
    if preview is None:
        return "no order can reduce it on the books of now; it would be tried again each minute"
    loss = preview["loss_usd_micros"]
    what = f"lose ${format_micros(loss)}" if loss > 0 else f"gain ${format_micros(-loss)}"
    return (
        f"it would {preview['side']} {format_micros(preview['qty_micros'])} "
        f"{preview['outcome'].upper()} of {preview['market_id']} at "
        f"{format_micros(preview['price_limit_micros'])} or better "
        f"({preview['action']}), and on the books of now {what}, fees included"
    )


@app.command("resolve")
def resolve(
    package: str,
    verdict: Annotated[str, typer.Option("--verdict", help=" | ".join(VERDICTS))],
    evidence: Annotated[str, typer.Option("--evidence", help="what proves it, in words")],
    filled: Annotated[
        list[str] | None,
        typer.Option(
            "--filled",
            help="an order that did execute, as the venue's record shows it: "
            "ATTEMPT,TRADE_ID,ORDER_ID,PRICE,QTY,FEE (dollars and contracts)",
        ),
    ] = None,
    password_stdin: Password = False,
    as_json: Json = False,
) -> None:
    """Say what became of a stuck package's unproven orders; those not named never executed.

    The trader refuses a verdict that its own figures and the given ones contradict.
    """
    if verdict not in VERDICTS:
        raise WrongUse(f"--verdict must be one of {', '.join(VERDICTS)}")
    if not evidence.strip():
        raise WrongUse("--evidence must say what proves it")
    payload = {"verdict": verdict, "evidence": evidence}
    for entry in filled or []:
        name, terms = read_filled(entry)
        if f"filled:{name}" in payload:
            raise WrongUse(f"{name} is named twice")
        payload[f"filled:{name}"] = terms
    prove(open_stores(), password_stdin)
    _send(package, "resolve", payload, evidence, as_json)


def read_filled(entry: str) -> tuple[str, str]:
    """Return the attempt and the wire form of one ``--filled``. Raises WrongUse."""
    words = [word.strip() for word in entry.split(",")]
    if len(words) != 6 or not all(words) or any(" " in word for word in words):
        raise WrongUse("--filled is ATTEMPT,TRADE_ID,ORDER_ID,PRICE,QTY,FEE")
    try:
        amounts = [parse_micros(word) for word in words[3:]]
    except ValueError as error:
        raise WrongUse(f"--filled: {error}") from None
    if any(amount < 0 for amount in amounts):
        raise WrongUse("--filled: price, quantity and fee are not negative")
    return words[0], " ".join([words[1], words[2], *(str(amount) for amount in amounts)])


@position_app.command("adopt")
def adopt(
    venue: str,
    market: Annotated[str, typer.Argument(help="a market, or `cash` for a deposit or withdrawal")],
    reason: Annotated[str, typer.Option(help="what was done by hand")],
    password_stdin: Password = False,
    as_json: Json = False,
) -> None:
    """Take over what a person did in an account; it is neither gain nor loss of ours."""
    known = [v.value for v in Venue]
    if venue not in known:
        raise WrongUse(f"{venue!r} is no venue; known: {' '.join(known)}")
    if market != "cash" and not market.startswith(f"{venue}:"):
        market = f"{venue}:{market}"
    if not reason.strip():
        raise WrongUse("an adoption needs a reason")
    stores = open_stores()
    prove(stores, password_stdin)
    payload = {"verb": "adopt", "venue": venue, "market": market}
    command = make_command(
        "package_verb", f"venue:{venue}", reason, time.time_ns(), payload=payload
    )
    stores.queue.send(command)
    accepted(command, as_json, f"adoption of {market} sent; see `twinleg status`")


def _send(package: str, verb: str, payload: dict[str, str], reason: str, as_json: bool) -> None:
    command = make_command(
        "package_verb",
        "global",
        reason,
        time.time_ns(),
        payload={"package_id": package, "verb": verb, **payload},
    )
    open_stores().queue.send(command)
    accepted(command, as_json, f"{verb} sent; `twinleg why {package}` shows the answer")

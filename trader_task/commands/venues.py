"""``venues check|setup|probe``: everything in order at the venues before trading there."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from typing import Annotated, Any, Final, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from shared.domain.enums import VenueSet
from shared.domain.errors import StoreError
from shared.ports.inspection import Finding, Inspector, Light
from trader_task.commands.answers import FAILED, WrongUse, print_json, say, yes_no

app = typer.Typer(no_args_is_help=True, help="Check, set up and probe the venues.")

Venues = Annotated[VenueSet, typer.Option(help="which hosts")]
Json = Annotated[bool, typer.Option("--json", help="one JSON object")]
Orders = Annotated[
    bool, typer.Option("--orders", help="also ask with orders of a cent or less (asks first)")
]
Yes = Annotated[bool, typer.Option("--yes", help="do not ask; needed without a terminal")]

T = TypeVar("T")
_STYLE: Final = {Light.GREEN: "green", Light.RED: "red", Light.UNKNOWN: "yellow"}


@app.command()
def check(venues: Venues = VenueSet.SIM, as_json: Json = False) -> None:
    """Ask keys, scopes, wallet, approvals, balances, region, state, clock, tier, streams."""
    from trader_task.build_identity import build_name
    from trader_task.clock import SystemClock
    from trader_task.venue_report import save_check

    async def ask(inspectors: list[Inspector]) -> list[Finding]:
        return [row for one in inspectors for row in await one.check()]

    findings = _with_inspectors(venues, ask)
    save_check(_state_dir(), venues, build_name(), SystemClock().wall_ns(), findings)
    is_good = not any(f.light is Light.RED for f in findings)
    if as_json:
        print_json({"venues": venues.value, "passed": is_good, "findings": _rows(findings)})
    else:
        _print_findings(f"venues {venues.value}", findings)
    if not is_good:
        raise typer.Exit(FAILED)


@app.command()
def setup(venues: Venues = VenueSet.SIM, yes: Yes = False, as_json: Json = False) -> None:
    """Show what is still to be set up, ask, and do what this build can do."""

    async def work(inspectors: list[Inspector]) -> list[Finding]:
        done: list[Finding] = []
        for inspector in inspectors:
            for step in await inspector.plan_setup():
                say(f"{inspector.venue.value}: {step.name}: {step.text}")
                if not step.missing and not (yes or yes_no("do it?")):
                    done.append(Finding(inspector.venue, step.name, Light.UNKNOWN, "left undone"))
                    continue
                done.append(await inspector.carry_out(step))
        return done

    findings = _with_inspectors(venues, work)
    if as_json:
        print_json({"venues": venues.value, "steps": _rows(findings)})
    elif findings:
        _print_findings("setup", findings)
    else:
        print("nothing is left to set up")
    if any(f.light is not Light.GREEN for f in findings):
        raise typer.Exit(FAILED)


@app.command()
def probe(
    venues: Venues = VenueSet.SIM, orders: Orders = False, yes: Yes = False, as_json: Json = False
) -> None:
    """Ask the questions of the first day and keep the answers that gate live mode."""
    from trader_task.clock import SystemClock
    from trader_task.venue_report import save_probe

    if orders and not yes:
        say(f"this sends orders of a hundredth of a contract to the {venues.value} hosts")
        orders = yes_no("send them?")

    async def ask(inspectors: list[Inspector]) -> list[Any]:
        return [row for one in inspectors for row in await one.probe(may_order=orders)]

    answers = _with_inspectors(venues, ask)
    save_probe(_state_dir(), venues, SystemClock().wall_ns(), answers)
    if as_json:
        print_json({"venues": venues.value, "answers": _rows(answers)})
    else:
        table = Table("venue", "question", "answer", title=f"probe {venues.value}")
        for row in answers:
            said = row.answer or f"unanswered: {row.why_not}"
            table.add_row(row.venue.value, row.question, said)
        Console(width=160).print(table)
    if any(row.gates_live and not row.answer for row in answers):
        raise typer.Exit(FAILED)


def store_keys(venue: str, text: str) -> None:
    """Check and store the keys of one venue, given as one JSON object of texts.

    Fields that are stored already and not given stay, so that an API key survives.

    Raises:
        WrongUse: not such an object.
        ConfigError, DomainError: what is given is not a usable set of keys; never quoted.
    """
    from shared.contracts import names
    from trader_task.commands.running import prepared_environment
    from trader_task.inspectors import check_keys, open_secrets

    try:
        given = json.loads(text)
    except ValueError:
        given = None
    if not isinstance(given, dict) or not all(isinstance(v, str) for v in given.values()):
        raise WrongUse("keys are one JSON object whose values are texts")
    env = prepared_environment()
    secrets = open_secrets(env)
    name = names.secret(env.get("TWINLEG_STAGE", "local"), venue)
    stored = dict(secrets.read(name)) if secrets.exists(name) else {}
    fields = {**stored, **given}
    say(f"{venue}: {check_keys(venue, fields)}")
    secrets.write(name, fields)


# --- inside -----------------------------------------------------------------------------------


def _state_dir() -> Any:
    from trader_task.settings import default_state_dir

    return default_state_dir(os.environ)


def _with_inspectors(venues: VenueSet, work: Callable[[list[Inspector]], Awaitable[T]]) -> T:
    """Run ``work`` with every venue's inspector; they are closed whatever happens."""
    from trader_task.clock import SystemClock
    from trader_task.commands.running import prepared_environment
    from trader_task.inspectors import make_inspectors, open_secrets

    env = prepared_environment()
    secrets = open_secrets(env)

    async def run() -> T:
        inspectors = make_inspectors(venues, env, SystemClock(), secrets)
        try:
            return await work(inspectors)
        except StoreError as error:
            say(str(error))
            raise
        finally:
            for inspector in inspectors:
                await inspector.aclose()

    return asyncio.run(run())


def _rows(rows: Sequence[Any]) -> list[dict[str, Any]]:
    return [asdict(row) for row in rows]


def _print_findings(title: str, findings: Sequence[Finding]) -> None:
    table = Table("venue", "item", "state", "what was found", title=title)
    for row in findings:
        style = _STYLE[row.light]
        table.add_row(row.venue.value, row.item, f"[{style}]{row.light.value}[/]", row.text)
    Console(width=160).print(table)

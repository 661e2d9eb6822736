"""``config show|diff|set|rollback``: the versioned configuration."""

from __future__ import annotations

import getpass
import time
from typing import Annotated, Any

import typer

from shared.domain.errors import ConfigError
from shared.services import configuration
from trader_task.commands.answers import WrongUse, print_json, say
from trader_task.commands.running import open_stores

app = typer.Typer(no_args_is_help=True, help="The versioned configuration.")

Json = Annotated[bool, typer.Option("--json", help="machine-readable answer")]
Version = Annotated[int | None, typer.Option(help="a version; the active one by default")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="show the change, store nothing")]
Word = Annotated[str, typer.Option("--type", help="the word that allowing real money asks for")]
Reason = Annotated[str, typer.Option(help="why; kept in the history")]


@app.command()
def show(version: Version = None, as_json: Json = False) -> None:
    """Print every field with its value, unit and bounds."""
    number, entries = configuration.show(open_stores().configs, version)
    if as_json:
        fields = {e.key: {"value": e.value, "default": e.default, "unit": e.unit} for e in entries}
        print_json({"version": number, "fields": fields})
        return
    print(f"version {number}")
    for entry in entries:
        mark = " " if entry.value == entry.default else "*"
        bounds = f"{entry.low} .. {entry.high}"
        print(f"{mark} {entry.key:<34}{entry.value!s:<12}{entry.unit:<10}{bounds}")


@app.command()
def diff(
    base: Annotated[int, typer.Argument(help="the earlier version")],
    other: Annotated[int | None, typer.Argument(help="the later one; active by default")] = None,
    as_json: Json = False,
) -> None:
    """Print what changed between two versions."""
    changes = configuration.diff(open_stores().configs, base, other)
    _print_changes({"base": base, "other": other}, changes, as_json)


@app.command("set")
def set_values(
    changes: Annotated[list[str], typer.Argument(help="KEY=VALUE, one or more")],
    reason: Reason = "set by hand",
    word: Word = "",
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Store a new version with these values; the trader takes it at once."""
    typed: dict[str, str] = {}
    for change in changes:
        key, separator, text = change.partition("=")
        if not separator or not key:
            raise WrongUse(f"{change!r} is not KEY=VALUE")
        typed[key.strip()] = text.strip()
    stores = open_stores()
    try:
        done = configuration.set_values(
            stores.configs,
            stores.flags,
            stores.queue,
            typed,
            actor=_actor(),
            reason=reason,
            now_ns=time.time_ns(),
            dry_run=dry_run,
            typed_word=word,
        )
    except ConfigError as error:  # an unknown key or a value out of bounds
        raise WrongUse("; ".join(str(error).splitlines())) from None
    _print_changed(done, as_json)


@app.command()
def rollback(
    version: Annotated[int, typer.Argument(help="the version whose values become active")],
    reason: Reason = "rollback by hand",
    word: Word = "",
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Make the values of an earlier version active again, as a new version."""
    stores = open_stores()
    done = configuration.rollback(
        stores.configs,
        stores.flags,
        stores.queue,
        version,
        actor=_actor(),
        reason=reason,
        now_ns=time.time_ns(),
        dry_run=dry_run,
        typed_word=word,
    )
    _print_changed(done, as_json)


def _print_changed(done: configuration.Changed, as_json: bool) -> None:
    if done.warning:
        say(done.warning)
    facts = {"base": done.base, "version": done.version, "dry_run": done.is_dry_run}
    _print_changes(facts, done.changes, as_json)


def _print_changes(
    facts: dict[str, Any], changes: tuple[configuration.Change, ...], as_json: bool
) -> None:
    if as_json:
        listed = [{"key": c.key, "before": c.before, "after": c.after} for c in changes]
        print_json({**facts, "changes": listed})
        return
    for change in changes:
        print(f"{change.key:<34}{change.before!s:>12} -> {change.after!s:<12}{change.unit}")
    if not changes:
        print("nothing differs")
    elif facts.get("dry_run"):
        print("dry run: nothing was stored")
    elif facts.get("version"):
        print(f"version {facts['version']} is active")


def _actor() -> str:
    return f"cli:{getpass.getuser()}"

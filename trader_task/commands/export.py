"""``export fills|settlements|ledger``: a year of the record as CSV or JSON lines."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Final

import typer

from trader_task.commands.answers import WrongUse, say
from trader_task.commands.running import open_stores

app = typer.Typer(no_args_is_help=True, help="A UTC year of the record, for a spreadsheet.")

WHAT: Final = {
    "fills": "every execution with its fee",
    "settlements": "every payout with its cost and gain",
    "ledger": "every posting of the double-entry books",
}
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet runs a cell that begins so."""
STRANGERS: Final = frozenset({"title", "trade_id", "order_id", "reference", "ref"})
"""Columns whose text comes from a venue."""


def _command(what: str) -> Callable[..., None]:
    def command(
        year: Annotated[int, typer.Option("--year", help="the UTC year")],
        as_csv: Annotated[bool, typer.Option("--csv", help="CSV with a header line")] = False,
        as_json: Annotated[bool, typer.Option("--json", help="one JSON object a line")] = False,
    ) -> None:
        if as_csv == as_json:
            raise WrongUse("say --csv or --json")
        exports = open_stores().exports
        rows = exports.rows(what, year)
        count = write_csv(exports.columns(what), rows) if as_csv else write_json(rows)
        say(f"{count} {what} of {year} (UTC)")

    command.__doc__ = f"Export {WHAT[what]}."
    return command


def write_csv(columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> int:
    """Write a header and the rows; returns how many rows."""
    writer = csv.writer(sys.stdout)  # lines end as RFC 4180 says, so that a lone CR is quoted
    writer.writerow(columns)
    count = 0
    for row in rows:
        writer.writerow(_cell(name, row[name]) for name in columns)
        count += 1
    return count


def write_json(rows: Iterable[Mapping[str, str]]) -> int:
    """Write one object a line; returns how many."""
    count = 0
    for row in rows:
        print(json.dumps(row, ensure_ascii=False))
        count += 1
    return count


def _cell(name: str, value: str) -> str:
    """Return a cell that no spreadsheet runs; amounts keep their sign and stay numbers."""
    return f"'{value}" if name in STRANGERS and value.startswith(FORMULA) else value


for _what in WHAT:
    app.command(_what)(_command(_what))

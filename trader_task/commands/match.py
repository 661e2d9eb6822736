"""``match evaluate`` and ``match universe``: measuring the matcher on labelled pairs."""

from __future__ import annotations

import typer

from trader_task.commands.later import OPEN, refuse

app = typer.Typer(no_args_is_help=True, help="Measure the matcher on labelled pairs.")
_missing = "measuring the matcher on labelled pairs"
app.command("evaluate", context_settings=dict(OPEN))(refuse(_missing))
app.command("universe", context_settings=dict(OPEN))(refuse(_missing))

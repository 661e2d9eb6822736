"""Commands that are part of the interface but not of this build: each refuses by name.

They exist so that a script that calls them fails with the reason, and ``--help`` lists what
the finished tool has.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import typer

from shared.domain.errors import NotAvailableError

OPEN: Final = {"allow_extra_args": True, "ignore_unknown_options": True}

GROUPS: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "data": tuple(
        (verb, "the data sets of recorded and generated markets")
        for verb in ("generate", "check", "import", "export")
    ),
    "backup": (("dump", "backups of the record"), ("restore", "backups of the record")),
    "debug": (("bundle", "the debug bundle"),),
}
SINGLE: Final = (("record", "recording live markets"),)


def refuse(missing: str) -> Callable[[typer.Context], None]:
    """Return a command that names what is missing and exits 1."""

    def command(context: typer.Context) -> None:
        raise NotAvailableError(f"not available in this build: {missing}")

    command.__doc__ = f"Not in this build: {missing}."
    return command


def add_to(app: typer.Typer, secrets_app: typer.Typer) -> None:
    """Register every refusing command."""
    settings: dict[str, Any] = dict(OPEN)
    for group, verbs in GROUPS.items():
        sub = typer.Typer(no_args_is_help=True, help="Not in this build.")
        sub.callback()(_keep_verbs)
        for verb, missing in verbs:
            sub.command(verb, context_settings=settings)(refuse(missing))
        app.add_typer(sub, name=group)
    for name, missing in SINGLE:
        app.command(name, context_settings=settings)(refuse(missing))
    secrets_app.command("rotate", context_settings=settings)(refuse("rotation of venue keys"))


def _keep_verbs() -> None:
    """Keep the verb even while a group has only one."""

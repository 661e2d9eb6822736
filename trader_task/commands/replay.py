"""``twinleg replay LOG [--verify]``: step a kernel through a log again."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from shared.drivers.event_codec import LogError
from shared.drivers.replay import Replay
from shared.drivers.replay import replay as replay_log
from shared.drivers.segment import log_of
from trader_task.commands.answers import FAILED, Failed, WrongUse, print_json, say


def replay(
    path: Annotated[Path, typer.Argument(metavar="LOG", help="a segment, or a folder of them")],
    verify: Annotated[
        bool, typer.Option("--verify", help="compare every command and state with the log")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="machine-readable answer")] = False,
) -> None:
    """Replay a recorded run; with --verify, print the first event that decides otherwise."""
    if not path.exists():
        raise WrongUse(f"cannot read {path}: no such file or folder")
    paths = log_of(path)
    if not paths:
        raise Failed(f"no event log below {path}")
    begun = time.monotonic()
    try:
        found = replay_log(paths, verify=verify)
    except LogError as error:
        raise Failed(str(error)) from None
    seconds = time.monotonic() - begun
    if as_json:
        print_json(_answer(found, verify, seconds))
    else:
        _tell(found, verify, seconds)
    if not found.is_sound:
        raise typer.Exit(FAILED)


def _answer(found: Replay, verify: bool, seconds: float) -> dict[str, object]:
    return {
        "segments": found.segments,
        "events": found.events,
        "commands": found.commands,
        "verified": verify and found.is_sound,
        "divergence": None if found.divergence is None else asdict(found.divergence),
        "damages": [str(damage) for damage in found.damages],
        "gaps": found.gaps,
        "seconds": round(seconds, 3),
    }


def _tell(found: Replay, verify: bool, seconds: float) -> None:
    rate = found.events / seconds if seconds else 0
    print(
        f"{found.segments} segments, {found.events} events, {found.commands} commands"
        f" in {seconds:.1f} s ({rate:,.0f} events/s)"
    )
    for line in (*map(str, found.damages), *found.gaps):
        say(line)
    if found.divergence is not None:
        say(f"first difference: {found.divergence}")
    elif verify and found.is_sound:
        print("every command and every state is as recorded")

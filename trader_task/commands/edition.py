"""``up``, ``down``, ``trade``: starting and stopping what runs on this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from shared.domain.enums import FillsMode, RunMode, VenueSet
from trader_task.commands.answers import Failed, WrongUse
from trader_task.commands.running import environment
from trader_task.settings import REPOSITORY, load_settings, with_own_hosts

Mode = Annotated[FillsMode, typer.Option(help="who fills: the model, or the venue")]
Venues = Annotated[VenueSet, typer.Option(help="which hosts")]


def up(
    mode: Mode = FillsMode.PAPER,
    venues: Venues = VenueSet.SIM,
    recordings: Annotated[
        Path | None, typer.Option(help="play real recordings from this folder")
    ] = None,
    speed: Annotated[float, typer.Option(help="of recordings; 60 = a minute a second")] = 1.0,
) -> None:
    """Start everything on this machine and print its address and a one-time code."""
    if speed <= 0:
        raise WrongUse("--speed must be above 0")
    arguments = ["up", "--mode", mode.value, "--venues", venues.value, "--speed", str(speed)]
    if recordings is not None:
        arguments += ["--recordings", str(recordings.expanduser().resolve())]
    _run_edition(arguments)


def down() -> None:
    """Stop everything; the state stays."""
    _run_edition(["down"])


def trade(mode: Mode = FillsMode.PAPER, venues: Venues = VenueSet.SIM) -> None:
    """Run the trader alone, against stores and venues named by the environment."""
    from trader_task.__main__ import supervise
    from trader_task.logs import set_up_logs

    env = with_own_hosts(environment(), venues)
    env["TWINLEG_MODE"] = RunMode.of(mode, venues).value
    settings = load_settings(env)
    set_up_logs(env.get("TWINLEG_LOG_LEVEL", "INFO"))
    code = supervise(settings, env)
    if code:
        raise typer.Exit(1)


def _run_edition(arguments: list[str]) -> None:
    """Run the edition's own command; its words and exit code are ours."""
    process = subprocess.Popen(
        [sys.executable, "-m", "cdk.local", *arguments], cwd=REPOSITORY, env=os.environ
    )
    try:
        code = process.wait()
    except KeyboardInterrupt:
        process.send_signal(signal.SIGINT)
        process.wait()
        raise Failed("interrupted") from None
    if code:
        raise typer.Exit(2 if code == 2 else 1)

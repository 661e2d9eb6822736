"""``simulate``: the kernel under seeded faults in virtual time."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from shared.drivers import campaign
from trader_task.commands.answers import WrongUse, print_json

SEEDS_MAX = 10_000_000


def simulate(
    seeds: Annotated[str, typer.Option("--seeds", help="A:B, half-open: seeds A to B - 1")],
    jobs: Annotated[int, typer.Option("--jobs", min=1, max=64, help="processes")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """Run seeds of the fault simulation; exit 1 on any violation."""
    first, past = _range(seeds)
    console = Console(stderr=True)
    columns = ("seeds", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("seeds", total=past - first)
        report = campaign.run_campaign(
            first, past, jobs=jobs, progress=lambda done: progress.update(task, completed=done)
        )
    if as_json:
        print_json(report)
    else:
        for line in _lines(report):
            print(line)
    if campaign.failed(report):
        raise typer.Exit(1)


def _range(text: str) -> tuple[int, int]:
    first, colon, past = text.partition(":")
    if not (colon and first.isdecimal() and past.isdecimal()):
        raise WrongUse(f"--seeds takes A:B with whole numbers, not '{text}'")
    start, end = int(first), int(past)
    if not start < end <= SEEDS_MAX:
        raise WrongUse(f"--seeds needs A < B <= {SEEDS_MAX}, not '{text}'")
    return start, end


def _lines(report: dict[str, Any]) -> list[str]:
    outcomes = "  ".join(f"{name} {count}" for name, count in report["outcomes"].items())
    faults = "  ".join(f"{kind} {count}" for kind, count in sorted(report["faults"].items()))
    lines = [
        f"seeds       {report['seeds']:,} in {report['steps']:,} kernel steps",
        f"packages    {report['packages']:,}: {outcomes}",
        f"faults      {faults}",
        f"exposure    {report['exposure_seconds_max']:.1f} s at most",
        f"violations  {len(report['violations'])}",
    ]
    lines += [f"  {v['checker']} seed {v['seed']}: {v['text']}" for v in report["violations"]]
    lines += [f"  not covered: {name}" for name in report.get("missing", ())]
    return lines

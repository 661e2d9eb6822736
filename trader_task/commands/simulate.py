"""``simulate``: the kernel under seeded faults in virtual time."""

from __future__ import annotations

from pathlib import Path
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
    state: Annotated[
        Path | None,
        typer.Option("--state", help="file of finished seeds, continued"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """Run seeds of the fault simulation; exit 1 on any violation or missing coverage."""
    first, past = _range(seeds)
    console = Console(stderr=True)
    columns = ("seeds", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("seeds", total=past - first)
        try:
            report = campaign.run_campaign(
                first,
                past,
                jobs=jobs,
                progress=lambda done: progress.update(task, completed=done),
                state_file=state,
            )
        except ValueError as error:
            raise WrongUse(f"--state: {error}") from error
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
    seeds = report["seeds"]
    struck = sum(report["faults"].values())
    outcomes = "  ".join(f"{name} {count:,}" for name, count in report["outcomes"].items())
    lines = [
        f"seeds       {seeds:,} in {report['steps']:,} kernel steps",
        f"packages    {report['packages']:,} ({report['packages'] / seeds:.2f} a seed): {outcomes}",
        f"faults      {struck:,} ({struck / seeds:.1f} a seed)",
        *_columns(sorted(report["faults"].items())),
        f"exposure    {report['exposure_seconds_max']:.2f} s at most; longest of each seed:",
        *_bars(report["exposure_seconds"], seeds),
        "coverage    " + ", ".join(f"{k} {v}" for k, v in report["coverage"].items()),
    ]
    lines += [f"  not struck here: {kind}: {why}" for kind, why in report["not_injected"].items()]
    lines += [f"  not covered: {name}" for name in report.get("missing", ())]
    lines.append(f"violations  {len(report['violations'])}")
    lines += [f"  {v['checker']} seed {v['seed']}: {v['text']}" for v in report["violations"]]
    return lines


def _columns(counts: list[tuple[str, int]]) -> list[str]:
    """Return names and counts, three a line."""
    cells = [f"{name:<18}{count:>10,}" for name, count in counts]
    return ["  " + "   ".join(cells[at : at + 3]) for at in range(0, len(cells), 3)]


def _bars(buckets: dict[str, int], seeds: int) -> list[str]:
    """Return one line a bucket: seconds, seeds, share of all."""
    return [
        f"  {name:>8} s  {count:>10,}  {100 * count / seeds:6.2f} %  {'#' * (40 * count // seeds)}"
        for name, count in buckets.items()
        if count
    ]

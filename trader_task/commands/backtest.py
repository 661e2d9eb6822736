"""``twinleg backtest run``: the live kernel over recorded books."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from shared.domain.errors import NotAvailableError
from shared.services.backtest import Request, run_backtest
from trader_task.commands.answers import WrongUse, print_json, say

app = typer.Typer(no_args_is_help=True, help="The live kernel over recorded books.")


@app.command("run")
def run(
    books: Annotated[Path, typer.Option("--books", help="a tape of top-of-book rows (csv.gz)")],
    pairs: Annotated[Path, typer.Option("--pairs", help="JSON list of its pairs")],
    assume_equivalent: Annotated[
        bool, typer.Option("--assume-equivalent", help="trade pairs whose rules were not read")
    ] = False,
    assume_size: Annotated[
        int | None, typer.Option("--assume-size", min=1, help="contracts where sizes are missing")
    ] = None,
    feed: Annotated[
        str | None, typer.Option("--feed", help="polled:SECONDS a row proves its books")
    ] = None,
    fees: Annotated[
        Path | None, typer.Option("--fees", help="JSON: venue to fee schedule, as in fees quote")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="of every latency")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="machine-readable answer")] = False,
) -> None:
    """Trade a tape on paper and say what is left after fees, depth, skew and latency."""
    for path in (books, pairs, *([fees] if fees else [])):
        if not path.is_file():
            raise WrongUse(f"cannot read {path}: no such file")
    request = Request(books, pairs, assume_equivalent, assume_size, _polled(feed), fees, seed)
    found = run_backtest(request, lambda rows: say(f"{rows} books") if rows else None)
    if as_json:
        print_json(found)
    else:
        _tell(found)


@app.command("report")
def report(run_id: Annotated[str, typer.Argument(metavar="RUN")]) -> None:
    """Not in this build: runs are answered at once and not kept."""
    raise NotAvailableError(
        f"not available in this build: kept runs ({run_id}); `backtest run` answers at once"
    )


def _polled(text: str | None) -> int:
    """Return the seconds of ``polled:SECONDS``; 0 without the option. Raises WrongUse."""
    if text is None:
        return 0
    kind, _, seconds = text.partition(":")
    if kind != "polled" or not seconds.isascii() or not seconds.isdigit():
        raise WrongUse(f"--feed {text!r}: polled:SECONDS")
    if not 1 <= int(seconds) <= 3_600:
        raise WrongUse("--feed polled: 1 to 3600 seconds")
    return int(seconds)


def _tell(found: dict[str, Any]) -> None:
    print("Assumed:")
    for line in found["assumptions"]:
        print(f"  - {line}")
    print(
        f"{found['books']} books, {found['packages']} packages, result ${found['pnl']},"
        f" {found['attempts_without_a_fill']} attempts without a fill"
    )
    for name, verdict in found["gates"].items():
        print(f"  {name}: {verdict}")
    for row in found["completion"]["reliability"]:
        print(
            f"  hedge chance {row['low_ppm'] / 10_000:g}-{row['high_ppm'] / 10_000:g} %:"
            f" {row['count']} packages, {row['success_ppm'] / 10_000:.1f} % hedged"
        )
    for row in sorted(found["per_pair"], key=lambda r: -(r["best_net_edge_cents"] or -99)):
        best = row["best_net_edge_cents"]
        shown = "never quoted" if best is None else f"best net edge {best:+.2f} c"
        print(f"  {row['name']}: {row['packages']} packages, ${row['pnl']}, {shown}")

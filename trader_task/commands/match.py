"""``match evaluate`` and ``match universe``: measuring the matcher on labelled pairs."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from shared.services import matching
from trader_task.commands.answers import WrongUse, print_json

app = typer.Typer(no_args_is_help=True, help="Measure the matcher on labelled pairs.")

AsJson = Annotated[bool, typer.Option("--json", help="one JSON object on standard output")]


@app.command("evaluate")
def evaluate(
    source: Annotated[str, typer.Argument(metavar="FILE", help="labelled pairs, JSON lines")],
    titles_only: Annotated[
        bool, typer.Option("--titles-only", help="read no rules text; compares with title matchers")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Judge labelled pairs and count right and wrong by label."""
    result = matching.evaluate(_rows(source), titles_only=titles_only)
    if as_json:
        print_json(result)
        return
    for line in _evaluation(result, titles_only):
        print(line)


@app.command("universe")
def universe(
    kalshi: Annotated[str, typer.Option("--kalshi", help="markets, JSON lines, .gz too")],
    polymarket: Annotated[str, typer.Option("--polymarket", help="markets, JSON lines, .gz too")],
    snapshot: Annotated[str, typer.Option("--snapshot", help="value of _snapshot to keep")],
    labels: Annotated[str, typer.Option("--labels", help="labelled pairs inside, JSON")],
    as_json: AsJson = False,
) -> None:
    """Run candidates and rules over two catalogues; print the recall of known pairs."""
    from trader_task.bootstrap_commands import word_embedder

    result = matching.universe(
        _rows(kalshi), _rows(polymarket), snapshot, _rows(labels), word_embedder()
    )
    if as_json:
        print_json(result)
        return
    found = result["candidates"]
    print(f"candidates  {found['pairs']:,} pairs, recall {_share(found['recall_at_20'])}")
    print(f"            of {found['positives']} known pairs; missed {found['missed'] or 'none'}")
    print(f"confirmed   {result['confirmed']:,}")
    print(f"review      {result['review']:,}")
    print(f"seconds     {result['seconds']}")


def _rows(source: str) -> list[dict[str, Any]]:
    """Read JSON lines or one JSON array. Raises WrongUse for what is neither."""
    path = Path(source)
    try:
        data = path.read_bytes()
        text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8")
        if text.lstrip().startswith("["):
            rows = json.loads(text)
        else:
            rows = [json.loads(line) for line in text.split("\n") if line.strip()]
    except OSError as error:
        raise WrongUse(f"cannot read {source}: {error.strerror or error}") from None
    except (ValueError, EOFError) as error:
        raise WrongUse(f"{source} is not JSON lines: {error}") from None
    if not all(isinstance(row, dict) for row in rows):
        raise WrongUse(f"{source}: a row is a JSON object")
    return list(rows)


def _evaluation(result: Mapping[str, Any], titles_only: bool) -> Iterable[str]:
    """Yield the readable report of an evaluation."""
    names = ("all rows", "rows with both rules texts")
    for name, key in zip(names, ("all", "full_text"), strict=True):
        yield f"{name}{', titles only' if titles_only else ''}"
        yield from _table(result[key])
        yield ""
    yield "by label method"
    for method, table in sorted(result["by_label_method"].items()):
        yield f"  {method or '(none)'}"
        yield from ("  " + line for line in _table(table)[1:])
    yield ""
    yield "rules that fired (rows in which each did not pass)"
    for label, fired in result["rules_fired"].items():
        yield f"  {label:24}" + ", ".join(f"{code} {n}" for code, n in list(fired.items())[:8])
    yield ""
    if not titles_only:
        yield from _meaning(result)
    yield f"precision                {_share(result['precision'])}"
    yield f"recall equivalent        {_share(result['recall_equivalent'])}"
    yield f"recall inverse           {_share(result['recall_inverse'])}"
    yield f"macro recall by series   {_share(result['macro_recall_by_series'])}"
    bound = "false_match_rate_95_bound" + ("" if titles_only else "_full_text")
    yield f"false matches, 95 % bound below {_share(result[bound])}"
    yield f"seconds                  {result['seconds']}"
    for wrong in result["false_confirms_in_full"]:
        yield from _false_confirm(wrong)


def _meaning(result: Mapping[str, Any]) -> Iterable[str]:
    """Yield what the score meant on these rows, and the two halves of the series."""
    yield "what the score meant (rows with both texts)"
    for band in result["calibration"]:
        span = f"{band['from']:.2f} to {band['to']:.2f}"
        yield f"  {span:16}{band['rows']:>6,} rows{_share(band['same']):>8} truly the same"
    yield "halves by series (one series is in one half only)"
    for name, half in result["halves_by_series"].items():
        kept = f"kept {_share(half['kept_precision'])} right, {_share(half['kept_recall'])} found"
        yield (
            f"  {name:8}{half['series']:>4} series{half['rows']:>6,} rows"
            f"{half['confirmed']:>6,} confirmed, {half['wrong']} wrong,"
            f" recall {_share(half['recall'])}; {kept}"
        )
    yield ""


def _table(table: Mapping[str, Mapping[str, int]]) -> list[str]:
    cells = ("confirmed", "confirmed_inverse", "review", "rejected")
    lines = ["  " + " " * 24 + "".join(f"{cell:>19}" for cell in cells)]
    for label, row in table.items():
        lines.append(f"  {label:24}" + "".join(f"{row[cell]:>19,}" for cell in cells))
    return lines


def _false_confirm(wrong: Mapping[str, Any]) -> Iterable[str]:
    yield ""
    yield f"FALSE {wrong['cell']} {wrong['pair_id']} ({wrong['label']})"
    yield f"  kalshi      {wrong['kalshi']} [{wrong['outcome']}]"
    yield f"  polymarket  {wrong['polymarket']}"
    yield f"  label says  {wrong['why']}"
    for finding in wrong["findings"]:
        yield f"  {finding['code']:20} {finding['verdict']:9} {finding['reason']}"
        yield f"      kalshi says      {finding['span_a']}"
        yield f"      polymarket says  {finding['span_b']}"


def _share(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"

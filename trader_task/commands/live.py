"""``status``, ``edges``, ``why``: what the trader sees, does, and why it does not."""

from __future__ import annotations

import select
import sys
import termios
import tty
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from shared.contracts import gates
from shared.domain.enums import GateCode, RunMode
from shared.domain.units import NS_PER_MS, NS_PER_S, format_micros
from trader_task.commands.answers import Failed, print_json
from trader_task.commands.running import fetch_snapshot, open_stores

Json = Annotated[bool, typer.Option("--json", help="machine-readable answer")]
REDRAW_S = 0.5
LETTERS = {"kalshi": "K", "polymarket": "P", "polymarket_us": "U"}


def status(as_json: Json = False) -> None:
    """Say what runs: mode, venues, packages by state, and the ledger's sum."""
    snapshot = fetch_snapshot()
    answer = status_of(snapshot)
    if as_json:
        print_json(answer)
        return
    console = _console()
    trading = "trading" if snapshot["is_trading"] else "not trading"
    console.print(
        f"{snapshot['badge']}  {trading}  lease #{snapshot['lease_epoch']}"
        f"  config v{snapshot['config_version']}"
    )
    for name, venue in answer["venues"].items():
        latency = venue["latency_ms_p50"]
        shown = "?" if latency is None else f"{latency:.0f} ms"
        halted = f"  {venue['halted']}" if venue["halted"] else ""
        console.print(f"{name:<12}{venue['state']:<8}p50 {shown}{halted}")
    counts = "  ".join(f"{name} {count}" for name, count in answer["packages"].items())
    console.print(f"packages    {counts}")
    today = format_micros(snapshot["realised_today_micros"])
    console.print(f"today       realised ${today}  ledger sum {answer['ledger_sum']}")
    for halt in snapshot["halts"]:
        console.print(
            f"halt        {halt['scope']}: {halt['reason']} by {halt['actor']} {halt['note']}"
        )


def status_of(snapshot: Mapping[str, Any]) -> dict[str, Any]:
    """Return the contract's status answer from a live snapshot."""
    return {
        "mode": snapshot["mode"],
        "venues": {
            venue["name"]: {
                "state": venue["state"],
                "latency_ms_p50": venue["latency_ms_p50"],
                "halted": venue["halted_reason"],
            }
            for venue in snapshot["venues"]
        },
        "packages": {
            name: snapshot["packages"][name] for name in ("open", "hedged", "flat", "stuck")
        },
        "ledger_sum": snapshot["ledger_sum"],
    }


def edges(
    watch: Annotated[bool, typer.Option("--watch", help="redraw until q or Ctrl-C")] = False,
    as_json: Json = False,
) -> None:
    """List the pairs with their net edge and why each is not traded."""
    if as_json:
        print_json(edge_rows(fetch_snapshot()))
        return
    console = _console()
    if not watch or not console.is_terminal:
        console.print(_edge_table(fetch_snapshot(), console.width))
        return
    with keys_at_once(), Live(console=console, screen=True, auto_refresh=False) as live:
        try:
            while True:
                live.update(_edge_table(fetch_snapshot(), console.width), refresh=True)
                ready, _, _ = select.select([sys.stdin], [], [], REDRAW_S)
                if ready and sys.stdin.read(1) in ("q", "\x1b", ""):
                    return
        except KeyboardInterrupt:
            return


@contextmanager
def keys_at_once() -> Iterator[None]:
    """Let the terminal give single keys while a screen is watched; restored on exit."""
    if not sys.stdin.isatty():
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def edge_rows(snapshot: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the columns of the snapshot as one object a pair, best first."""
    columns: Mapping[str, Sequence[Any]] = snapshot["edges"]
    names = [name for name in columns if name != "removed"]
    count = len(columns["pair_id"])
    return [{name: columns[name][index] for name in names} for index in range(count)]


def _edge_table(snapshot: Mapping[str, Any], width: int) -> Table:
    rows = edge_rows(snapshot)
    least = snapshot["min_net_edge_micros"] / 10_000
    title = f"net of all costs · {len(rows)} pairs · minimum {least:.2f}¢"
    table = Table(title=title, box=None, pad_edge=False, title_justify="right")
    table.add_column("pair", no_wrap=True)
    if width >= 80:
        table.add_column("buy", no_wrap=True)
    for name in ("net ¢", "size"):
        table.add_column(name, justify="right", no_wrap=True, min_width=6)
    if width >= 100:
        table.add_column("profit $", justify="right", no_wrap=True, min_width=8)
        table.add_column("age s", justify="right", no_wrap=True, min_width=5)
    table.add_column("status", overflow="fold")
    for row in rows:
        cells: list[str | Text] = [row["name"]]
        if width >= 80:
            cells.append(_buy(row))
        cells += [_cents(row["net_micros"]), _units(row["qty_micros"])]
        if width >= 100:
            age = row["age_ms"]
            cells += [_dollars(row["profit_micros"]), "?" if age is None else f"{age / 1000:.1f}"]
        cells.append(Text(_status(row)))
        table.add_row(*cells)
    return table


def _percent(ppm: int | None) -> str | None:
    """Return a probability in percent, cut to one decimal: it never looks better than it is."""
    return None if ppm is None else f"{ppm // 1_000 / 10:.1f} %"


def _buy(row: Mapping[str, Any]) -> str:
    """Say what is bought where, the leg that goes first in front."""
    if not row["buy_a"] or not row["buy_b"]:
        return "?"
    parts = [
        f"{LETTERS.get(row[f'venue_{side}'], '?')} {row[f'buy_{side}'].upper()}" for side in "ab"
    ]
    return " + ".join(reversed(parts) if row["first"] == "b" else parts)


def _status(row: Mapping[str, Any]) -> str:
    code = row["status"]
    if code in ("ready", "buying"):
        return f"> {code}"
    return f"- {short_of(code, row['params'])}"


def short_of(code: str, params: Mapping[str, str]) -> str:
    """Return the short form of a gate with the parameters as the snapshot displays them."""
    return _worded(code, params, short=True)


def sentence_of(code: str, params: Mapping[str, str]) -> str:
    """Return the whole sentence of a gate; what is missing shows as ``?``."""
    return _worded(code, params, short=False)


def _worded(code: str, params: Mapping[str, str], *, short: bool) -> str:
    try:
        return gates.render(GateCode(code), params, short=short)
    except ValueError:  # a trader of another build knows more codes
        return code


def why(
    name: Annotated[str, typer.Argument(help="pair id, part of a pair's name, or package id")],
    as_json: Json = False,
) -> None:
    """Explain a pair's gates and last edge, or a package from decision to end."""
    if any(name.startswith(f"{mode.value}-") for mode in RunMode):
        _why_package(name, as_json)
        return
    snapshot = fetch_snapshot()
    rows = edge_rows(snapshot)
    wanted = name.lower()
    found = [r for r in rows if r["pair_id"] == name] or [
        r for r in rows if wanted in r["name"].lower()
    ]
    if not found:
        raise Failed(f"no pair {name!r}; `twinleg edges` lists them")
    prior = str(snapshot.get("hedge_prior", ""))
    answers = [_why_row(row, prior) for row in found]
    if as_json:
        print_json(answers[0] if len(answers) == 1 else answers)
        return
    for answer in answers:
        print(f"{answer['name']}  ({answer['pair_id']})")
        print(f"  net {answer['net_cents'] or '?'}¢ x {answer['qty'] or '?'}  {answer['buy']}")
        if answer["hedge_chance"] is not None:
            print(
                f"  hedge chance {answer['hedge_chance']}, 5 % bound {answer['hedge_low'] or '?'}"
            )
            print(f"    {answer['hedge_prior']}")
        for gate in answer["why_not"]:
            print(f"  - {gate}")
        for key, value in (answer["breakdown"] or {}).items():
            print(f"    {key:<12}{value}")
        if not answer["why_not"]:
            print("  nothing stands in the way")


def _why_row(row: Mapping[str, Any], prior: str) -> dict[str, Any]:
    stores = open_stores()
    edge = stores.edge_of(row["pair_id"])
    listed: list[str] = row["gates"]
    sentences = [
        sentence_of(code, row["params"] if code == row["status"] else {}) for code in listed
    ]
    return {
        "pair_id": row["pair_id"],
        "name": row["name"],
        "net_cents": None if row["net_micros"] is None else _cents(row["net_micros"]),
        "qty": None if row["qty_micros"] is None else format_micros(row["qty_micros"]),
        "buy": _buy(row),
        "hedge_chance": _percent(row.get("hedge_ppm")),
        "hedge_low": _percent(row.get("hedge_low_ppm")),
        "hedge_prior": prior,
        "gates": listed,
        "why_not": sentences,
        "breakdown": None if edge is None else edge.get("breakdown"),
    }


def _why_package(name: str, as_json: bool) -> None:
    package = open_stores().package_of(name)
    if package is None:
        raise Failed(f"no package {name!r} in the record")
    if as_json:
        print_json(package)
        return
    print(f"{name}  {package['name']}  {package['state']}")
    print(f"  entry {package['entry_edge_cents']}¢  realised {package['realised_edge_cents']}¢")
    for key, value in package["breakdown"].items():
        print(f"    {key:<12}{value}")
    for leg in package["legs"]:
        print(
            f"  leg {leg['leg']} {leg['venue']} {leg['outcome']} {leg['filled']}/{leg['qty']}"
            f" at {leg['avg_price']} fee {leg['fee']}"
        )
    begun = min((line["ts_ns"] for line in package["timeline"]), default=0)
    for line in package["timeline"]:
        print(f"  {_after(line['ts_ns'] - begun):>12}  {line['lane']:<10} {line['text']}")


def _after(passed_ns: int) -> str:
    """Return how long after the decision something happened."""
    if passed_ns < 10 * NS_PER_S:
        return f"+{passed_ns // NS_PER_MS} ms"
    return f"+{passed_ns / NS_PER_S:.1f} s"


def _cents(micros: int | None) -> str:
    return "?" if micros is None else f"{micros / 10_000:+.2f}"


def _units(micros: int | None) -> str:
    return "?" if micros is None else f"{micros / 1_000_000:.0f}"


def _dollars(micros: int | None) -> str:
    return "?" if micros is None else f"{micros / 1_000_000:.2f}"


def _console() -> Console:
    return Console(file=sys.stdout, highlight=False, soft_wrap=not sys.stdout.isatty())

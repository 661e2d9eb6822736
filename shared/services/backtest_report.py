"""What a backtest came to: sums, shares and gates, and nothing that its evidence cannot carry."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from shared.domain.ids import PairId
from shared.domain.pairing import MatchedPair
from shared.domain.units import MICROS, NS_PER_S, format_micros
from shared.drivers.backtest import BacktestRun, BookRow
from shared.services.calibration import calibrate

DAY_NS: Final = 86_400 * NS_PER_S
DAYS_FOR_SHARPE: Final = 20
_HEDGED: Final = frozenset(
    "hedged_prov hedged exiting exited_early settling settled diverged".split()
)
"""Only a hedged package reaches these; one sold early for more was hedged before."""
SHARPE_GATE: Final = 2.0
SLIPPAGE_GATE_CENTS: Final = 0.4


def answer(
    run: BacktestRun,
    pairs: Sequence[MatchedPair],
    rows: Sequence[BookRow],
    assumed: Sequence[str],
) -> dict[str, Any]:
    """Return the contract's answer; statistics without enough evidence are null."""
    normal = [p for p in run.packages if p["kind"] == "normal" and _was_filled(run, p)]
    profits = [run.profit_usd.get(p["package_id"], 0) for p in normal]
    daily = _daily(normal, run, rows)
    sharpe, bounds = _sharpe(daily)
    slip = _slippage_cents(run.fills)
    hedged = [p for p in normal if p["state"] in _HEDGED]
    return {
        "assumptions": list(assumed),
        "events": run.events,
        "books": run.rows,
        "packages": len(normal),
        "pnl": format_micros(sum(run.profit_usd.values())),
        "sharpe": sharpe,
        "sharpe_ci": bounds,
        "hit_rate": _share(sum(profit > 0 for profit in profits), len(profits)),
        "net_edge_mean_cents": _mean([p["entry_edge_micros"] / 10_000 for p in normal]),
        "slippage_mean_cents": slip,
        "completion": _completion(normal, hedged, run.chance_ppm),
        "gates": {
            "sharpe": "no evidence" if sharpe is None else _gate(sharpe >= SHARPE_GATE),
            "slippage": "no evidence" if slip is None else _gate(slip <= SLIPPAGE_GATE_CENTS),
            "false_match": "no evidence",
        },
        "per_pair": [_per_pair(pair, run, normal) for pair in pairs],
        "attempts_without_a_fill": sum(
            1 for p in run.packages if p["kind"] == "normal" and not _was_filled(run, p)
        ),
        "ledger_sum": format_micros(run.ledger_sum),
        "seconds_skipped": run.seconds_skipped,
    }


def _was_filled(run: BacktestRun, package: Mapping[str, Any]) -> bool:
    return any(fill["package_id"] == package["package_id"] for fill in run.fills)


def _per_pair(
    pair: MatchedPair, run: BacktestRun, normal: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    mine = [p for p in normal if p["pair_id"] == pair.pair_id]
    best = run.best_edge_micros.get(PairId(pair.pair_id))
    profit = sum(run.profit_usd.get(p["package_id"], 0) for p in mine)
    return {
        "pair_id": pair.pair_id,
        "name": pair.name,
        "packages": len(mine),
        "pnl": format_micros(profit),
        "best_net_edge_cents": None if best is None else round(best / 10_000, 4),
    }


def _daily(
    normal: Sequence[Mapping[str, Any]], run: BacktestRun, rows: Sequence[BookRow]
) -> list[float]:
    """Return the result of every UTC day of the tape in dollars, days without any included."""
    first, last = rows[0].wall_ns // DAY_NS, rows[-1].wall_ns // DAY_NS
    days = dict.fromkeys(range(first, last + 1), 0)
    for package in normal:
        day = min(max(package["created_wall_ns"] // DAY_NS, first), last)
        days[day] += run.profit_usd.get(package["package_id"], 0)
    return [usd / MICROS for usd in days.values()]


def _sharpe(daily: Sequence[float]) -> tuple[float | None, list[float | None]]:
    """Return the yearly Sharpe ratio and its 95 % bounds; nothing from too few days."""
    if len(daily) < DAYS_FOR_SHARPE or statistics.pstdev(daily) == 0:
        return None, [None, None]
    ratio = statistics.fmean(daily) / statistics.stdev(daily)
    error = math.sqrt((1 + ratio * ratio / 2) / len(daily))
    year = math.sqrt(365)
    bounds = [round((ratio + sign * 1.96 * error) * year, 3) for sign in (-1, 1)]
    return round(ratio * year, 3), list(bounds)


def _slippage_cents(fills: Sequence[Mapping[str, Any]]) -> float | None:
    known = [f for f in fills if f["slippage_micros"] is not None]
    total = sum(f["qty_micros"] for f in known)
    if not total:
        return None
    lost = int(sum(f["slippage_micros"] * f["qty_micros"] for f in known))
    return float(round(lost / int(total) / 10_000, 4))


def _completion(
    normal: Sequence[Mapping[str, Any]],
    hedged: Sequence[Mapping[str, Any]],
    chance_ppm: Mapping[str, int],
) -> dict[str, Any]:
    """Return how often the hedge completed, and whether the chance that was given came true."""
    done = {p["package_id"] for p in hedged}
    outcomes = [
        (chance_ppm[p["package_id"]], p["package_id"] in done)
        for p in normal
        if p["package_id"] in chance_ppm
    ]
    found = calibrate(outcomes)
    return {
        "rate": _share(len(hedged), len(normal)),
        "brier": found.brier,
        "brier_of_rate": found.brier_of_rate,
        "reliability": [asdict(row) for row in found.bins],
    }


def _mean(values: Sequence[float]) -> float | None:
    return round(statistics.fmean(values), 6) if values else None


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 6) if whole else None


def _gate(met: bool) -> str:
    return "pass" if met else "fail"

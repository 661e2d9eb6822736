"""Fees and edges: ours, the rule in Decimal, and three peers' formulas, in one run.

    python -m tests.performance.bench_edges [--tops N]

At every size each of N random tops of book (one fill a leg) is asked: does this package
keep 2.5 cents a contract? The answer of the venues' exact rule, written in Decimal, is the
truth. ``charge`` is what the venue will take for that fill; ``opening`` is what the trader
opens by: the most that 64 fills can cost. No rule can have both: an edge that one fill
keeps and a split into several loses must be withheld. Those are looked for one by one
(``rightly``: a split was found that really loses it); ``touch`` is the check on every
change of a book, by the unrounded formula.
A false edge loses money, a missed one leaves it. Exits 1 unless ``charge`` has no false and
no missed edge and beats Decimal's time, ``opening`` has no false one and withholds, from ten
contracts on, no more than 0.15 % of the true ones without a losing split being found (its
cost may never fall when a price rises, so that a dear price lends its bound to the next),
and ``touch`` misses, from one contract on, at most one in ten thousand: those whose whole
margin is what Polymarket truncates of one fill.
Peers restated: Polymarket free and Kalshi rounded up to a cent a contract; the curve of
January 2026 with Kalshi rounded to a cent an order; the right formulas, asked for one contract.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
import time
from collections.abc import Callable, Sequence
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, Decimal
from typing import Any, Final

from shared.domain import fees
from shared.domain.enums import FeeType, Liquidity, Side
from shared.domain.fee_bounds import FILLS_MAX, bound
from shared.domain.instrument import FeeSchedule
from shared.domain.units import MICROS, PriceMicros, QtyMicros
from tests.support.dearest_split import LOT, dearest_pico

TOPS: Final = 100_000
SIZES: Final = ("0.01", "1", "10", "100", "500")
MIN_EDGE: Final = 25_000
RATES: Final = (0, 30_000, 40_000, 50_000, 70_000)
MULTIPLIERS: Final = (0, 500_000, MICROS)
WITHHELD_MAX_PPM: Final = 1_500
"""Share of the true edges that may be withheld although no losing split was found."""

Top = tuple[PriceMicros, PriceMicros, FeeSchedule, FeeSchedule, int, int]
"""Price on Kalshi, on Polymarket, both schedules, both ticks."""
Rule = Callable[[Top, QtyMicros], bool]
_TAKER: Final = Liquidity.TAKER
_BUY: Final = Side.BUY
_ONE: Final = Decimal(MICROS)


def tops_of(count: int, seed: int = 11) -> list[Top]:
    """Tops whose gross edge lies between 0 and 9 cents: where fees decide."""
    rng = random.Random(seed)
    kalshi = [fees.kalshi_schedule(FeeType.KALSHI_QUADRATIC, m) for m in MULTIPLIERS]
    polymarket = [fees.polymarket_schedule(rate) for rate in RATES]
    found: list[Top] = []
    while len(found) < count:
        tick_a, tick_b = rng.choice((1_000, 10_000)), rng.choice((1_000, 10_000))
        a = rng.randrange(1, MICROS // tick_a) * tick_a
        b = (MICROS - a - rng.randrange(0, 90_000)) // tick_b * tick_b
        if 0 < b < MICROS:
            at_a, at_b = rng.choice(kalshi), rng.choice(polymarket)
            found.append((PriceMicros(a), PriceMicros(b), at_a, at_b, tick_a, tick_b))
    return found


def by_charge(top: Top, qty: QtyMicros) -> bool:
    a, b, at_a, at_b, _, _ = top
    fee_a = fees.charge(at_a, _TAKER, _BUY, a, qty).fee_usd
    fee_b = fees.charge(at_b, _TAKER, _BUY, b, qty).fee_usd
    return (MICROS - a - b - MIN_EDGE) * qty >= (fee_a + fee_b) * MICROS


def by_opening(top: Top, qty: QtyMicros) -> bool:
    a, b, at_a, at_b, tick_a, tick_b = top
    fee_a = bound(at_a, _TAKER, _BUY, ((a, qty),), step=tick_a)
    fee_b = bound(at_b, _TAKER, _BUY, ((b, qty),), step=tick_b)
    return (MICROS - a - b - MIN_EDGE) * qty >= (fee_a + fee_b) * MICROS


def by_touch(top: Top, qty: QtyMicros) -> bool:
    a, b, at_a, at_b, _, _ = top
    room = (MICROS - a - b - MIN_EDGE) * fees.UNIT_FEE_SCALE
    return fees.unit_fee(at_a, _TAKER, a) + fees.unit_fee(at_b, _TAKER, b) <= room


def a_split_loses_it(top: Top, qty: QtyMicros) -> bool:
    """Look for a way to fill the Kalshi leg that really costs more than the edge has."""
    a, b, at_a, at_b, _, _ = top
    fee_b = fees.charge(at_b, _TAKER, _BUY, b, qty).fee_usd
    room = (MICROS - a - b - MIN_EDGE) * qty - fee_b * MICROS
    return dearest_pico(at_a, _BUY, a, qty // LOT, FILLS_MAX) > room


def by_decimal(top: Top, qty: QtyMicros) -> bool:
    """The venues' rules as they are written, in dollars."""
    a, b, at_a, at_b, _, _ = top
    p, q, n = Decimal(a) / _ONE, Decimal(b) / _ONE, Decimal(qty) / _ONE
    model = Decimal("0.07") * Decimal(at_a.multiplier_ppm) / _ONE * n * p * (1 - p)
    trade = model.quantize(Decimal("0.000001"), ROUND_CEILING)
    cash = -(p * n) - trade
    fee_a = trade + cash - cash.quantize(Decimal("0.0001"), ROUND_FLOOR)
    fee_b = (Decimal(at_b.rate_ppm) / _ONE * n * q * (1 - q)).quantize(
        Decimal("0.00001"), ROUND_DOWN
    )
    return n * (1 - p - q) - fee_a - fee_b >= Decimal("0.025") * n


def by_cent_a_contract(top: Top, qty: QtyMicros) -> bool:
    """Peer TAE: Kalshi rounded up to a cent for each contract, Polymarket free."""
    p, q, n = top[0] / 1e6, top[1] / 1e6, qty / 1e6
    fee = math.ceil(0.07 * p * (1 - p) * 100) / 100 * n
    return n * (1 - p - q) - fee >= 0.025 * n


def by_old_curve(top: Top, qty: QtyMicros) -> bool:
    """Peer RAO: Polymarket's curve of January 2026, Kalshi to a cent an order."""
    p, q, n = top[0] / 1e6, top[1] / 1e6, qty / 1e6
    fee = math.ceil(0.07 * n * p * (1 - p) * 100) / 100
    fee += n * q * 0.25 * (q * (1 - q)) ** 2
    return n * (1 - p - q) - fee >= 0.025 * n


def by_one_contract(top: Top, qty: QtyMicros) -> bool:
    """Peers JOHN and HOME: the right formulas, always asked for one contract."""
    p, q = top[0] / 1e6, top[1] / 1e6
    fee = math.ceil(0.07 * p * (1 - p) * 100) / 100
    fee += round(top[3].rate_ppm / 1e6 * q * (1 - q), 5)
    return 1 - p - q - fee >= 0.025


RULES: Final[dict[str, Rule]] = {
    "twinleg charge": by_charge,
    "twinleg opening": by_opening,
    "twinleg touch": by_touch,
    "decimal": by_decimal,
    "peer: cent a contract": by_cent_a_contract,
    "peer: old curve": by_old_curve,
    "peer: one contract": by_one_contract,
}


def run(count: int = TOPS) -> dict[str, Any]:
    tops = tops_of(count)
    rows = [row for text in SIZES for row in _at_size(tops, text)]
    is_met = count >= TOPS and all(_is_met(row, rows) for row in rows)
    return {"bench": "edges", "is_met": is_met, "tops": count, "rows": rows}


def _at_size(tops: list[Top], text: str) -> list[dict[str, Any]]:
    qty = QtyMicros(int(Decimal(text) * MICROS))
    said, spent = {}, {}
    for name, rule in RULES.items():
        said[name], spent[name] = _asked(rule, tops, qty)
    truth = said["decimal"]
    rows = []
    for name, answers in said.items():
        missed = [i for i, true in enumerate(truth) if true and not answers[i]]
        rows.append(
            {
                "size": text,
                "rule": name,
                "edges": sum(truth),
                "false": sum(s and not t for s, t in zip(answers, truth, strict=True)),
                "missed": len(missed),
                "us": spent[name],
            }
        )
        if name == "twinleg opening":
            rows[-1]["rightly"] = sum(a_split_loses_it(tops[i], qty) for i in missed)
    return rows


def _asked(rule: Rule, tops: list[Top], qty: QtyMicros) -> tuple[list[bool], float]:
    """Return all answers and the microseconds of one, in the least disturbed stretch."""
    answers: list[bool] = []
    best = math.inf
    stretch = max(1, len(tops) // 200)
    for at in range(0, len(tops), stretch):
        part = tops[at : at + stretch]
        start = time.perf_counter()
        answers += [rule(top, qty) for top in part]
        best = min(best, (time.perf_counter() - start) / len(part))
    return answers, best * 1e6


def _is_met(row: dict[str, Any], rows: list[dict[str, Any]]) -> bool:
    match row["rule"]:
        case "twinleg charge":
            rival = next(
                r["us"] for r in rows if r["size"] == row["size"] and r["rule"] == "decimal"
            )
            return row["false"] == row["missed"] == 0 and bool(row["us"] < rival)
        case "twinleg opening":
            loose = row["missed"] - row["rightly"]
            is_close = loose * MICROS <= row["edges"] * WITHHELD_MAX_PPM
            return row["false"] == 0 and (is_close or float(row["size"]) < 10)
        case "twinleg touch":
            return bool(row["missed"] * 10_000 <= row["edges"]) or float(row["size"]) < 1
    return True


def main(argv: Sequence[str] = ()) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tops", type=int, default=TOPS)
    result = run(parser.parse_args(argv).tops)
    decimal_us = {r["size"]: r["us"] for r in result["rows"] if r["rule"] == "decimal"}
    print(f"{result['tops']} tops a size; 0.01 to 500 contracts; least edge 2.5 cents")
    print(
        f"{'size':>6} {'rule':24} {'true':>7} {'false':>7} {'missed':>7} {'rightly':>7} "
        f"{'us':>7} {'x Dec':>6}"
    )
    for row in result["rows"]:
        print(
            f"{row['size']:>6} {row['rule']:24} {row['edges']:>7} {row['false']:>7} "
            f"{row['missed']:>7} {row.get('rightly', ''):>7} {row['us']:>7.2f} "
            f"{decimal_us[row['size']] / row['us']:>6.1f}"
        )
    print(json.dumps(result))
    return 0 if result["is_met"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

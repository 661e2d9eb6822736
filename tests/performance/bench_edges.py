"""Fees and edges: ours, the rule in Decimal, and three peers' formulas, in one run.

    python -m tests.performance.bench_edges [--tops N]

At every size each of N random tops of book (one fill a leg) is asked: does this package
keep 2.5 cents a contract? The answer of the venues' exact rule, written in Decimal, is the
truth. ``charge`` is what the venue will take for that fill; ``bound`` is what the trader
opens by: the most that 64 fills could cost, so it may withhold, and must never be wrong
the other way. A false edge loses money, a missed one leaves it.
Exits 1 unless ``charge`` has no false and no missed edge and ``bound`` no false one.
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
from shared.domain.instrument import FeeSchedule
from shared.domain.units import MICROS, PriceMicros, QtyMicros

TOPS: Final = 100_000
SIZES: Final = ("0.01", "1", "10", "100", "500")
MIN_EDGE: Final = 25_000
RATES: Final = (0, 30_000, 40_000, 50_000, 70_000)
MULTIPLIERS: Final = (0, 500_000, MICROS)

Top = tuple[int, int, FeeSchedule, FeeSchedule]
Rule = Callable[[Top, int], bool]
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
            found.append((a, b, rng.choice(kalshi), rng.choice(polymarket)))
    return found


def by_charge(top: Top, qty: int) -> bool:
    a, b, at_a, at_b = top
    size = QtyMicros(qty)
    fee_a = fees.charge(at_a, _TAKER, _BUY, PriceMicros(a), size).fee_usd
    fee_b = fees.charge(at_b, _TAKER, _BUY, PriceMicros(b), size).fee_usd
    return (MICROS - a - b - MIN_EDGE) * qty >= (fee_a + fee_b) * MICROS


def by_bound(top: Top, qty: int) -> bool:
    a, b, at_a, at_b = top
    size = QtyMicros(qty)
    fee_a = fees.bound(at_a, _TAKER, _BUY, ((PriceMicros(a), size),))
    fee_b = fees.bound(at_b, _TAKER, _BUY, ((PriceMicros(b), size),))
    return (MICROS - a - b - MIN_EDGE) * qty >= (fee_a + fee_b) * MICROS


def by_decimal(top: Top, qty: int) -> bool:
    """The venues' rules as they are written, in dollars."""
    a, b, at_a, at_b = top
    p, q, n = Decimal(a) / _ONE, Decimal(b) / _ONE, Decimal(qty) / _ONE
    model = Decimal("0.07") * Decimal(at_a.multiplier_ppm) / _ONE * n * p * (1 - p)
    trade = model.quantize(Decimal("0.000001"), ROUND_CEILING)
    cash = -(p * n) - trade
    fee_a = trade + cash - cash.quantize(Decimal("0.0001"), ROUND_FLOOR)
    fee_b = (Decimal(at_b.rate_ppm) / _ONE * n * q * (1 - q)).quantize(
        Decimal("0.00001"), ROUND_DOWN
    )
    return n * (1 - p - q) - fee_a - fee_b >= Decimal("0.025") * n


def by_cent_a_contract(top: Top, qty: int) -> bool:
    """Peer TAE: Kalshi rounded up to a cent for each contract, Polymarket free."""
    p, q, n = top[0] / 1e6, top[1] / 1e6, qty / 1e6
    fee = math.ceil(0.07 * p * (1 - p) * 100) / 100 * n
    return n * (1 - p - q) - fee >= 0.025 * n


def by_old_curve(top: Top, qty: int) -> bool:
    """Peer RAO: Polymarket's curve of January 2026, Kalshi to a cent an order."""
    p, q, n = top[0] / 1e6, top[1] / 1e6, qty / 1e6
    fee = math.ceil(0.07 * n * p * (1 - p) * 100) / 100
    fee += n * q * 0.25 * (q * (1 - q)) ** 2
    return n * (1 - p - q) - fee >= 0.025 * n


def by_one_contract(top: Top, qty: int) -> bool:
    """Peers JOHN and HOME: the right formulas, always asked for one contract."""
    p, q = top[0] / 1e6, top[1] / 1e6
    fee = math.ceil(0.07 * p * (1 - p) * 100) / 100
    fee += round(top[3].rate_ppm / 1e6 * q * (1 - q), 5)
    return 1 - p - q - fee >= 0.025


RULES: Final[dict[str, Rule]] = {
    "twinleg charge": by_charge,
    "twinleg bound": by_bound,
    "decimal": by_decimal,
    "peer: cent a contract": by_cent_a_contract,
    "peer: old curve": by_old_curve,
    "peer: one contract": by_one_contract,
}


def run(count: int = TOPS) -> dict[str, Any]:
    tops = tops_of(count)
    rows: list[dict[str, Any]] = []
    is_met = count >= TOPS
    for text in SIZES:
        qty = int(Decimal(text) * MICROS)
        truth = [by_decimal(top, qty) for top in tops]
        for name, rule in RULES.items():
            start = time.perf_counter()
            said = [rule(top, qty) for top in tops]
            spent = time.perf_counter() - start
            false = sum(s and not t for s, t in zip(said, truth, strict=True))
            missed = sum(t and not s for s, t in zip(said, truth, strict=True))
            us = spent / count * 1e6
            rows.append(
                {"size": text, "rule": name, "false": false, "missed": missed, "us": us}
                | {"edges": sum(truth)}
            )
            if name == "twinleg charge":
                is_met = is_met and false == 0 and missed == 0
            if name == "twinleg bound":
                is_met = is_met and false == 0
    return {"bench": "edges", "is_met": is_met, "tops": count, "rows": rows}


def main(argv: Sequence[str] = ()) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tops", type=int, default=TOPS)
    result = run(parser.parse_args(argv).tops)
    decimal_us = {r["size"]: r["us"] for r in result["rows"] if r["rule"] == "decimal"}
    print(f"{result['tops']} tops a size; 0.01 to 500 contracts; least edge 2.5 cents")
    print(f"{'size':>6} {'rule':24} {'true':>7} {'false':>7} {'missed':>7} {'us':>7} {'x Dec':>6}")
    for row in result["rows"]:
        print(
            f"{row['size']:>6} {row['rule']:24} {row['edges']:>7} {row['false']:>7} "
            f"{row['missed']:>7} {row['us']:>7.2f} {decimal_us[row['size']] / row['us']:>6.1f}"
        )
    print(json.dumps(result))
    return 0 if result["is_met"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

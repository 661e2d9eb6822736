"""Lead-lag of 500 pairs: our batch and incremental forms against np.corrcoef, one run.

    python -m tests.performance.bench_leadlag

The rival is what a notebook does: np.corrcoef of the overlapping parts for each pair and
lag. Exits 1 when a correlation differs by more than 1e-9 from it, when the two forms of
ours disagree, or when the batch is not a hundred times as fast.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any, Final

import numpy as np

from shared.domain.leadlag import BAR_S, LAGS, WINDOW_BARS, LeadLagTracker
from shared.domain.units import NS_PER_S
from shared.services.statistics import changes, lag_sums, windows

PAIRS: Final = 500
RATIO_MIN: Final = 100
ROUNDS: Final = 15


def series(pairs: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(5)
    steps = rng.choice([-20_000, -10_000, 0, 10_000, 20_000], size=(pairs, WINDOW_BARS + 14))
    level = 1_000_000 + np.cumsum(steps, axis=1)
    lags = rng.integers(0, 13, size=pairs)
    bars = WINDOW_BARS + 1
    a = np.stack([row[13:][:bars] for row in level])
    noise = rng.choice([-5_000, 0, 5_000], size=a.shape)
    b = np.stack([row[13 - lag : 13 - lag + bars] for row, lag in zip(level, lags, strict=True)])
    return a.astype(np.float64), (b + noise).astype(np.float64)


def corrcoef_of_all(dx: Any, dy: Any) -> Any:
    bars = dx.shape[1]
    out = np.zeros((len(dx), 2 * LAGS + 1))
    for row, (x, y) in enumerate(zip(dx, dy, strict=True)):
        for column, lag in enumerate(range(-LAGS, LAGS + 1)):
            early, late = (x, y) if lag >= 0 else (y, x)
            k = abs(lag)
            out[row, column] = np.corrcoef(early[: bars - k], late[k:])[0, 1]
    return out


def run() -> dict[str, Any]:
    a, b = series(PAIRS)
    dx, dy = changes(a), changes(b)
    start = time.perf_counter()
    theirs = corrcoef_of_all(dx, dy)
    rival_s = time.perf_counter() - start
    spent = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        judged = windows(dx, dy)
        spent.append(time.perf_counter() - start)
    ours_s = sorted(spent)[ROUNDS // 2]
    _, covariance, vx, vy = lag_sums(dx, dy)
    ours = covariance / (np.sqrt(vx.astype(float)) * np.sqrt(vy.astype(float)))
    worst = float(np.abs(ours - theirs).max())
    trackers = [LeadLagTracker() for _ in range(PAIRS)]
    start = time.perf_counter()
    for bar in range(a.shape[1]):
        for tracker, x, y in zip(trackers, a[:, bar], b[:, bar], strict=True):
            tracker.sample(int(x), int(y), (1_000 + bar) * BAR_S * NS_PER_S)
    bar_s = (time.perf_counter() - start) / a.shape[1]
    for tracker in trackers:
        tracker.sample(None, None, (1_000 + a.shape[1]) * BAR_S * NS_PER_S)
    agree = sum(t.window() == w for t, w in zip(trackers, judged, strict=True))
    row = {
        "pairs": PAIRS,
        "corrcoef_ms": rival_s * 1e3,
        "batch_ms": ours_s * 1e3,
        "ratio": rival_s / ours_s,
        "incremental_bar_ms": bar_s * 1e3,
        "incremental_ratio": rival_s / bar_s,
        "worst_difference": worst,
        "forms_agree": agree,
    }
    is_met = row["ratio"] >= RATIO_MIN and worst < 1e-9 and agree == PAIRS
    return {"bench": "leadlag", "is_met": is_met, "rows": [row]}


def main() -> int:
    result = run()
    for key, value in result["rows"][0].items():
        print(f"lead-lag {key:20} {value:.6g}")
    print(json.dumps(result))
    return 0 if result["is_met"] else 1


if __name__ == "__main__":
    sys.exit(main())

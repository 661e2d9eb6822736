"""The batch form of lead-lag says what the incremental one says; the Beta bound is right."""

from __future__ import annotations

import random

import numpy as np
import pytest

from shared.domain.leadlag import BAR_S, WINDOW_BARS, Leader, LeadLagTracker
from shared.domain.units import NS_PER_S
from shared.services.statistics import beta_quantile, changes, hedge_bound_ppm, windows

BAR_NS = BAR_S * NS_PER_S


def series(rng: random.Random, bars: int, gap: float) -> list[int | None]:
    level, out = 1_000_000, []
    for _ in range(bars):
        level = min(2_000_000, max(0, level + rng.choice((-20_000, -10_000, 0, 0, 10_000, 20_000))))
        out.append(None if rng.random() < gap else level)
    return out


def pair(rng: random.Random, bars: int, gap: float) -> tuple[list[int | None], list[int | None]]:
    a = series(rng, bars, gap)
    kind = rng.randrange(4)
    if kind == 0:
        return a, series(rng, bars, gap)
    if kind == 1:
        return a, [700_000] * bars
    lag = rng.randrange(0, 13)
    b = [a[max(0, i - lag)] for i in range(bars)]
    return (a, b) if kind == 2 else (b, a)


@pytest.mark.parametrize("gap", [0.0, 0.02, 0.3])
@pytest.mark.parametrize("bars", [40, WINDOW_BARS + 1])
def test_batch_equals_incremental(gap: float, bars: int) -> None:
    rng = random.Random(int(gap * 100) + bars)
    pairs = [pair(rng, bars, gap) for _ in range(60)]
    expected = []
    for a, b in pairs:
        tracker = LeadLagTracker()
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            tracker.sample(x, y, (1_000 + i) * BAR_NS)
        tracker.sample(None, None, (1_000 + bars) * BAR_NS)
        expected.append(tracker.window())
    dx, dy = (
        changes(np.array([[np.nan if v is None else v for v in p[leg]] for p in pairs]))
        for leg in (0, 1)
    )
    assert windows(dx, dy) == expected
    if bars > WINDOW_BARS and gap < 0.1:
        assert {w.leader for w in expected} == set(Leader)


@pytest.mark.parametrize(
    ("alpha", "beta", "share", "value"),
    [
        (1.0, 1.0, 0.05, 0.05),
        (2.0, 1.0, 0.05, 0.05**0.5),
        (1.0, 3.0, 0.05, 1 - 0.95 ** (1 / 3)),
        (2.0, 2.0, 0.5, 0.5),
        (400.0, 1.0, 0.05, 0.05 ** (1 / 400)),
    ],
)
def test_beta_quantile_of_closed_forms(
    alpha: float, beta: float, share: float, value: float
) -> None:
    assert beta_quantile(alpha, beta, share) == pytest.approx(value, abs=1e-9)


def test_bound_is_below_the_mean_and_rises_with_evidence() -> None:
    few, many = hedge_bound_ppm((9_000_000, 1_000_000)), hedge_bound_ppm((900_000_000, 100_000_000))
    assert few < many < 900_000

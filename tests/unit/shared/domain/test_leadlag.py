"""Lead-lag on series with a known leader, with gaps, with a still book, and against numpy."""

from __future__ import annotations

import random

import numpy as np
import pytest

from shared.domain.leadlag import (
    BAR_S,
    LAGS,
    WINDOW_BARS,
    WINDOW_STEP_BARS,
    Leader,
    LeadLag,
    LeadLagTracker,
)
from shared.domain.units import NS_PER_S

BAR_NS = BAR_S * NS_PER_S


def walk_of(seed: int, bars: int) -> list[int]:
    """A random walk of twice-mid prices in cents, as micros."""
    rng = random.Random(seed)
    level, out = 1_000_000, []
    for _ in range(bars):
        level += rng.choice((-20_000, -10_000, 0, 0, 10_000, 20_000))
        out.append(level)
    return out


def feed(
    tracker: LeadLagTracker, a: list[int | None], b: list[int | None], first_bar: int = 1_000
) -> LeadLag:
    for i, (x, y) in enumerate(zip(a, b, strict=True)):
        tracker.sample(x, y, (first_bar + i) * BAR_NS + 17)
    tracker.sample(None, None, (first_bar + len(a)) * BAR_NS)
    return tracker.verdict


def delayed(series: list[int], bars: int) -> list[int | None]:
    return [series[max(0, i - bars)] for i in range(len(series))]


@pytest.mark.parametrize("lag", [1, 2, 5, 12])
@pytest.mark.parametrize("noise", [0, 1])
def test_known_leader_is_found_at_its_lag(lag: int, noise: int) -> None:
    base = walk_of(lag, 300)
    rng = random.Random(99)
    follower = [x + noise * rng.choice((-5_000, 0, 5_000)) for x in delayed(base, lag) if x]
    verdict = feed(LeadLagTracker(), list(base), list(follower))
    assert verdict.leader is Leader.A and verdict.lag_bars == lag
    assert verdict.lag_s == lag * BAR_S and verdict.label("K", "P") == f"K {lag * BAR_S}s"
    mirrored = feed(LeadLagTracker(), list(follower), list(base))
    assert mirrored.leader is Leader.B and mirrored.lag_bars == -lag
    assert mirrored.label("K", "P") == f"P {lag * BAR_S}s"


def test_independent_and_simultaneous_series_have_no_leader() -> None:
    same = walk_of(3, 300)
    assert feed(LeadLagTracker(), list(same), list(same)).leader is Leader.NONE
    named = sum(
        feed(LeadLagTracker(), list(walk_of(s, 300)), list(walk_of(s + 500, 300))).leader
        is not Leader.NONE
        for s in range(20)
    )
    assert named <= 1


def test_nothing_is_said_before_three_windows_agree() -> None:
    base = walk_of(5, 400)
    tracker = LeadLagTracker()
    first_window = 5 * WINDOW_STEP_BARS  # fewer bars than this cannot hold 60 pairs
    third = first_window + 3 * WINDOW_STEP_BARS + LAGS
    feed(tracker, list(base[:first_window]), delayed(base[:first_window], 2))
    assert tracker.verdict.leader in (Leader.NONE, Leader.STALE)
    tracker = LeadLagTracker()
    feed(tracker, list(base[:third]), delayed(base[:third], 2))
    assert tracker.verdict.leader is Leader.A


def test_a_still_or_missing_book_is_stale() -> None:
    base = walk_of(7, 300)
    flat: list[int | None] = [1_000_000] * 300
    assert feed(LeadLagTracker(), list(base), flat).leader is Leader.STALE
    gone: list[int | None] = [None] * 300
    assert feed(LeadLagTracker(), list(base), gone).leader is Leader.STALE
    assert feed(LeadLagTracker(), flat, flat).leader is Leader.NONE
    assert LeadLag(Leader.STALE).label("K", "P") == "stale"


def test_gaps_lower_the_sample_but_do_not_break_it() -> None:
    base, rng = walk_of(11, 300), random.Random(1)
    a: list[int | None] = [None if rng.random() < 0.1 else x for x in base]
    assert feed(LeadLagTracker(), a, delayed(base, 3)).leader is Leader.A


def test_clock_backwards_is_ignored_and_a_jump_starts_over() -> None:
    base = walk_of(13, 300)
    tracker = LeadLagTracker()
    feed(tracker, list(base), delayed(base, 3))
    before = tracker.correlations_ppm()
    tracker.sample(1, 1, 5 * BAR_NS)
    assert tracker.correlations_ppm() == before and tracker.verdict.leader is Leader.A
    tracker.sample(1, 1, 10_000 * BAR_NS)
    assert tracker.verdict.leader is Leader.STALE
    assert set(tracker.correlations_ppm().values()) == {0}


@pytest.mark.parametrize("seed", range(6))
def test_incremental_equals_numpy_over_the_window(seed: int) -> None:
    rng = random.Random(seed)
    base = walk_of(seed, 260)
    a: list[int | None] = [None if rng.random() < 0.05 else x for x in base]
    b = [None if rng.random() < 0.05 else x for x in delayed(base, seed)]
    tracker = LeadLagTracker()
    feed(tracker, a, b)
    x = np.diff(np.array([np.nan if v is None else v for v in a], dtype=float))[-WINDOW_BARS:]
    y = np.diff(np.array([np.nan if v is None else v for v in b], dtype=float))[-WINDOW_BARS:]
    for lag, found in tracker.correlations_ppm().items():
        left = x[: len(x) - lag] if lag >= 0 else x[-lag:]
        right = y[lag:] if lag >= 0 else y[:lag]
        keep = ~np.isnan(left) & ~np.isnan(right)
        expected = np.corrcoef(left[keep], right[keep])[0, 1] * 1_000_000
        assert abs(found - expected) < 2, lag

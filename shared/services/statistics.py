"""Figures over many pairs or many outcomes at once: lead-lag in batch, the 5 % hedge bound.

Lead-lag: all pairs and all 25 lags in a few array operations, with the verdict of
``domain/leadlag.py`` to the last digit: sums are whole numbers that float64 and int64 hold
exactly, and what floating point could round the wrong way (ties between lags, the
significance line) is settled in whole numbers for the few candidates that are left.
Beta bound: the quantile of the posterior by bisection of the regularised incomplete beta
function (continued fraction of Lentz); for display only, so floating point is right here.
Twin: tests/unit/shared/services/test_statistics.py
"""

from __future__ import annotations

import math
from functools import lru_cache
from math import isqrt
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from shared.domain.leadlag import (
    LAGS,
    PAIRS_MIN,
    SIGNIFICANCE,
    WINDOW_BARS,
    Leader,
    LeadLag,
)
from shared.domain.units import MICROS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LAG_AXIS: Final = tuple(range(-LAGS, LAGS + 1))
"""The lag of each column of ``lag_sums``; above zero the first series leads."""
MOVE_MAX: Final = 2 * MICROS
"""Largest change of twice a mid price; keeps every sum inside 2**53."""
_NEAR: Final = 4e-6
"""Correlations closer than this may swap places when cut to a millionth."""
_DOUBT: Final = 1e-4
"""A figure this close to its line is judged in whole numbers instead."""
_STALE: Final = LeadLag(Leader.STALE)
_NONE: Final = Leader.NONE
_A: Final = Leader.A
_B: Final = Leader.B


def changes(mids2: Floats) -> Floats:
    """Return bar-to-bar changes (pairs x bars - 1) of twice-mids; NaN marks a gap."""
    assert mids2.ndim == 2 and mids2.shape[1] >= 2
    return np.diff(mids2, axis=1)


def lag_sums(dx: Floats, dy: Floats) -> tuple[Ints, Ints, Ints, Ints]:
    """Return (n, covariance, variance of x, variance of y) per pair and lag.

    The last three are times n squared, as in the incremental form. Input: changes of the
    last ``WINDOW_BARS`` bars at most, whole numbers, NaN where either end is a gap.
    """
    assert dx.shape == dy.shape and dx.ndim == 2 and dx.shape[1] <= WINDOW_BARS
    # One sum finds every gap: NaN spreads. A whole series costs no masks.
    if not math.isnan(float(dx.sum() + dy.sum())):
        _check_range(dx, dy)
        n, sx, sxx = _edge_sums(dx, is_late=False)
        _, sy, syy = _edge_sums(dy, is_late=True)
        sxy = _crossed(dx, dy)
    else:
        has_x, has_y = ~np.isnan(dx), ~np.isnan(dy)
        x, y = np.where(has_x, dx, 0.0), np.where(has_y, dy, 0.0)
        _check_range(x, y)
        mx, my = has_x.astype(np.float64), has_y.astype(np.float64)
        n, sxy = _crossed(mx, my), _crossed(x, y)
        sx, sxx = _crossed(x, my), _crossed(x * x, my)
        sy, syy = _crossed(mx, y), _crossed(mx, y * y)
    count, a, b = (v.astype(np.int64) for v in (n, sx, sy))
    covariance = count * sxy.astype(np.int64) - a * b
    vx = count * sxx.astype(np.int64) - a * a
    vy = count * syy.astype(np.int64) - b * b
    assert vx.size == 0 or (vx.min() >= 0 and vy.min() >= 0)
    return count, covariance, vx, vy


def _check_range(x: Floats, y: Floats) -> None:
    """Assert that no change is larger than a price can move: the sums stay exact."""
    if x.size:
        assert max(x.max(), y.max()) <= MOVE_MAX and min(x.min(), y.min()) >= -MOVE_MAX


def windows(dx: Floats, dy: Floats) -> list[LeadLag]:
    """Judge one window of every pair; equals ``LeadLagTracker.window`` of the same bars."""
    n, covariance, vx, vy = lag_sums(dx, dy)
    scale = np.sqrt(vx.astype(np.float64)) * np.sqrt(vy.astype(np.float64))
    corr = np.divide(covariance, scale, out=np.zeros(scale.shape), where=scale > 0)
    near = corr >= corr.max(axis=1, keepdims=True) - _NEAR
    rows = np.arange(len(n))
    peak = corr.argmax(axis=1)
    height = corr[rows, peak]
    ppm = height * MICROS
    strength = height * height * n[rows, peak] - SIGNIFICANCE[0] / SIGNIFICANCE[1]
    # Where floating point leaves no doubt there is nothing to settle in whole numbers.
    is_clear = (near.sum(axis=1) == 1) & (height > 0) & (n[rows, peak] >= PAIRS_MIN)
    is_clear &= (np.abs(ppm - np.rint(ppm)) > _DOUBT) & (np.abs(strength) > _DOUBT)
    is_lead = (strength > 0) & (peak != LAGS)
    is_stale = (n[:, LAGS] < PAIRS_MIN) | ((vx[:, LAGS] == 0) != (vy[:, LAGS] == 0))
    facts = (v.tolist() for v in (is_stale, is_clear, is_lead, peak, ppm))
    found: list[LeadLag] = []
    for row, (stale, clear, lead, column, size) in enumerate(zip(*facts, strict=True)):
        if stale:
            found.append(_STALE)
        elif clear:
            lag = column - LAGS if lead else 0
            leader = _NONE if lag == 0 else _A if lag > 0 else _B
            found.append(LeadLag(leader, lag, int(size)))
        else:
            columns = np.flatnonzero(near[row]).tolist()
            found.append(_judge(columns, n[row], covariance[row], vx[row], vy[row]))
    return found


def _judge(columns: list[int], n: Ints, covariance: Ints, vx: Ints, vy: Ints) -> LeadLag:
    zero = LAGS
    best_column = zero
    best = _corr_ppm(int(covariance[zero]), int(vx[zero]), int(vy[zero]))
    # Nearest lags first, the earlier series first: a tie goes to the shorter delay.
    for column in sorted(columns, key=lambda c: abs(c - zero)):
        corr = _corr_ppm(int(covariance[column]), int(vx[column]), int(vy[column]))
        if corr > best:
            best_column, best = column, corr
    at = best_column
    if at == zero or not _is_significant(int(n[at]), int(covariance[at]), int(vx[at]), int(vy[at])):
        return LeadLag(Leader.NONE, 0, best)
    lag = LAG_AXIS[at]
    return LeadLag(Leader.A if lag > 0 else Leader.B, lag, best)


def _corr_ppm(covariance: int, vx: int, vy: int) -> int:
    if vx == 0 or vy == 0:
        return 0
    size = isqrt(covariance * covariance * MICROS * MICROS // (vx * vy))
    return size if covariance >= 0 else -size


def _is_significant(n: int, covariance: int, vx: int, vy: int) -> bool:
    if covariance <= 0 or vx == 0 or vy == 0 or n < PAIRS_MIN:
        return False
    numerator, denominator = SIGNIFICANCE
    return covariance * covariance * n * denominator >= numerator * vx * vy


def _crossed(x: Floats, y: Floats) -> Floats:
    """Return sum over t of x[t] * y[t + lag] per pair and lag."""
    padded = np.pad(y, ((0, 0), (LAGS, LAGS)))
    shifted = sliding_window_view(padded, x.shape[1], axis=1)
    sums: Floats = np.einsum("pkt,pt->pk", shifted, x)
    return sums


def _edge_sums(v: Floats, *, is_late: bool) -> tuple[Floats, Floats, Floats]:
    """Return (n, sum, sum of squares) of what each lag leaves of a series without gaps.

    Lag k > 0 drops the last k of x and the first k of y (``is_late``); k < 0 the reverse.
    """
    bars = v.shape[1]
    kept = np.array([max(0, bars - abs(lag)) for lag in LAG_AXIS])
    drops_head = np.array([(lag > 0) == is_late and lag != 0 for lag in LAG_AXIS])
    start = np.where(drops_head, bars - kept, 0)
    sums = []
    for series in (v, v * v):
        running = np.pad(np.cumsum(series, axis=1), ((0, 0), (1, 0)))
        sums.append(running[:, start + kept] - running[:, start])
    count = np.broadcast_to(kept.astype(np.float64), sums[0].shape)
    return count, sums[0], sums[1]


def beta_quantile(alpha: float, beta: float, share: float = 0.05) -> float:
    """Return the value that a Beta(alpha, beta) variable stays below with chance ``share``."""
    assert alpha > 0 and beta > 0 and 0 < share < 1
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if _beta_cdf(middle, alpha, beta) < share:
            low = middle
        else:
            high = middle
    return low


@lru_cache(maxsize=4_096)
def hedge_bound_ppm(beta_micros: tuple[int, int]) -> int:
    """Return the 5 % bound of a hedge posterior (``Completion.beta_micros``), ppm, floored."""
    alpha, beta = (part / MICROS for part in beta_micros)
    return int(beta_quantile(alpha, beta) * MICROS)


def _beta_cdf(x: float, a: float, b: float) -> float:
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    # The fraction converges fast on one side of the mean only; the other is its mirror.
    if x < (a + 1) / (a + b + 2):
        return front * _beta_fraction(x, a, b) / a
    return 1 - front * _beta_fraction(1 - x, b, a) / b


def _beta_fraction(x: float, a: float, b: float) -> float:
    tiny = 1e-300
    c, d = 1.0, 1 - (a + b) * x / (a + 1)
    d = 1 / (d if abs(d) > tiny else tiny)
    value = d
    for m in range(1, 400):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for step in (even, odd):
            d = 1 + step * d
            d = 1 / (d if abs(d) > tiny else tiny)
            c = 1 + step / c
            c = c if abs(c) > tiny else tiny
            value *= d * c
        if abs(d * c - 1) < 1e-14:
            break
    return value

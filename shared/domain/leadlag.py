"""Which venue's price moves first: rolling cross-correlation of 5-second mid changes.

Theory. Changes, not levels: two prices that drift together correlate at every lag and
prove nothing. A leads if corr(A_t, B_{t+k}) peaks at k > 0, i.e. B repeats A's move k bars
later. With 25 lags tried, noise reaches |r| of about 3 / sqrt(n); below that there is no
lead. One window says little, so a leader counts when 3 of the last 4 windows name it.
Everything is a sum of integers that a bar enters and, ten minutes later, leaves: no drift,
the same answer as the batch form, and a constant price per bar.
Bars follow the wall clock; a bar without a fresh book on both of its ends is a gap.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from math import isqrt
from typing import Final

from shared.domain.units import MICROS, NS_PER_S

BAR_S: Final = 5
WINDOW_BARS: Final = 120
"""Ten minutes."""
LAGS: Final = 12
WINDOW_STEP_BARS: Final = 12
"""A window is judged once a minute, so that four of them are not the same one."""
STABLE_OF: Final = (3, 4)
PAIRS_MIN: Final = 60
"""Fewer bars than half a window prove nothing."""
SIGNIFICANCE: Final = (19, 2)
"""Least r^2 x n (9.5): the 5 % level of the largest of 25 lags."""


class Leader(StrEnum):
    A = "a"
    B = "b"
    NONE = "none"
    STALE = "stale"
    """A book stood still, or was not fresh, for too much of the window to compare."""


@dataclass(frozen=True, slots=True)
class LeadLag:
    """Verdict on one pair. ``lag_bars`` > 0 when A leads; ``corr_ppm`` at that lag."""

    leader: Leader
    lag_bars: int = 0
    corr_ppm: int = 0

    @property
    def lag_s(self) -> int:
        """How long the follower takes, seconds."""
        return abs(self.lag_bars) * BAR_S

    def label(self, letter_a: str, letter_b: str) -> str:
        """Return the text of the screens: ``K 5s``, ``none`` or ``stale``."""
        if self.leader in (Leader.NONE, Leader.STALE):
            return self.leader.value
        return f"{letter_a if self.leader is Leader.A else letter_b} {self.lag_s}s"


class _Sums:
    """n, sums, squares and products of the (x, y) pairs of one lag."""

    __slots__ = ("n", "sx", "sxx", "sxy", "sy", "syy")

    def __init__(self) -> None:
        self.n = self.sx = self.sy = self.sxx = self.syy = self.sxy = 0

    def add(self, x: int | None, y: int | None, weight: int) -> None:
        if x is None or y is None:
            return
        self.n += weight
        self.sx += weight * x
        self.sy += weight * y
        self.sxx += weight * x * x
        self.syy += weight * y * y
        self.sxy += weight * x * y

    def parts(self) -> tuple[int, int, int]:
        """Return (covariance, variance of x, variance of y), each times n squared."""
        n = self.n
        vx, vy = n * self.sxx - self.sx * self.sx, n * self.syy - self.sy * self.sy
        assert vx >= 0 and vy >= 0
        return n * self.sxy - self.sx * self.sy, vx, vy

    def corr_ppm(self) -> int:
        """Return the correlation x 1e6, cut towards zero; 0 when undefined."""
        cov, vx, vy = self.parts()
        if vx == 0 or vy == 0:
            return 0
        size = isqrt(cov * cov * MICROS * MICROS // (vx * vy))
        return size if cov >= 0 else -size


class LeadLagTracker:
    """Incremental form for one pair; feed it samples, read ``verdict``."""

    __slots__ = ("_bar", "_bars", "_dx", "_dy", "_last", "_now", "_sums", "_windows", "verdict")

    def __init__(self) -> None:
        self.verdict = LeadLag(Leader.NONE)
        self._reset()

    def _reset(self) -> None:
        self._bar = -1
        self._now: tuple[int | None, int | None] = (None, None)
        self._last: tuple[int | None, int | None] = (None, None)
        self._bars = 0
        self._dx: deque[int | None] = deque(maxlen=WINDOW_BARS)
        self._dy: deque[int | None] = deque(maxlen=WINDOW_BARS)
        self._sums = {lag: _Sums() for lag in range(-LAGS, LAGS + 1)}
        self._windows: deque[LeadLag] = deque(maxlen=STABLE_OF[1])

    def sample(self, mid2_a: int | None, mid2_b: int | None, wall_ns: int) -> None:
        """Take the mids (twice the mid price, micros) as they are at ``wall_ns``.

        None means no fresh book. The last sample of a bar is its close. A clock that
        went backwards is ignored until it catches up; one that jumped a whole window
        ahead starts over.
        """
        bar = wall_ns // (BAR_S * NS_PER_S)
        if bar < self._bar:
            return
        if self._bar >= 0 and bar - self._bar > WINDOW_BARS:
            self._reset()
            self.verdict = LeadLag(Leader.STALE)
        while 0 <= self._bar < bar:
            self._close_bar()
        self._bar = bar
        self._now = (mid2_a, mid2_b)

    def correlations_ppm(self) -> dict[int, int]:
        """Return the correlation at every lag of the current window, x 1e6."""
        return {lag: sums.corr_ppm() for lag, sums in self._sums.items()}

    def window(self) -> LeadLag:
        """Judge the current window alone, without the stability rule."""
        if self._sums[0].n < PAIRS_MIN:
            return LeadLag(Leader.STALE)
        _, vx, vy = self._sums[0].parts()
        if (vx == 0) != (vy == 0):
            return LeadLag(Leader.STALE)
        best_lag, best = 0, self._sums[0].corr_ppm()
        # Nearest lags first: a tie goes to the shorter delay.
        for lag in sorted(self._sums, key=abs):
            corr = self._sums[lag].corr_ppm()
            if corr > best:
                best_lag, best = lag, corr
        if best_lag == 0 or not _is_significant(self._sums[best_lag]):
            return LeadLag(Leader.NONE, 0, best)
        return LeadLag(Leader.A if best_lag > 0 else Leader.B, best_lag, best)

    def _close_bar(self) -> None:
        (a, b), (last_a, last_b) = self._now, self._last
        dx = a - last_a if a is not None and last_a is not None else None
        dy = b - last_b if b is not None and last_b is not None else None
        self._push(dx, dy)
        # The next bar is a gap unless a sample says otherwise.
        self._last, self._now = self._now, (None, None)
        self._bar += 1
        self._bars += 1
        if self._bars % WINDOW_STEP_BARS == 0:
            self._windows.append(self.window())
            self.verdict = self._stable()

    def _push(self, dx: int | None, dy: int | None) -> None:
        xs, ys = self._dx, self._dy
        if len(xs) == WINDOW_BARS:
            x_out, y_out = xs[0], ys[0]
            for lag in range(LAGS + 1):
                self._sums[lag].add(x_out, ys[lag], -1)
                if lag:
                    self._sums[-lag].add(xs[lag], y_out, -1)
        xs.append(dx)
        ys.append(dy)
        for lag in range(min(LAGS, len(xs) - 1) + 1):
            self._sums[lag].add(xs[-1 - lag], dy, 1)
            if lag:
                self._sums[-lag].add(dx, ys[-1 - lag], 1)
        assert len(xs) == len(ys) <= WINDOW_BARS

    def _stable(self) -> LeadLag:
        """Apply the stability rule to the last windows; the newest one decides between equals."""
        needed = STABLE_OF[0]
        for leader in (Leader.A, Leader.B):
            named = [w for w in self._windows if w.leader is leader]
            if len(named) >= needed:
                return named[-1]
        newest = self._windows[-1]
        return newest if newest.leader is Leader.STALE else LeadLag(Leader.NONE, 0, newest.corr_ppm)


def _is_significant(sums: _Sums) -> bool:
    cov, vx, vy = sums.parts()
    if cov <= 0 or vx == 0 or vy == 0 or sums.n < PAIRS_MIN:
        return False
    numerator, denominator = SIGNIFICANCE
    return cov * cov * sums.n * denominator >= numerator * vx * vy

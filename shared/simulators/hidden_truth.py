"""The hidden probability of a question at any moment, and what it turns out to be.

Pure functions of (seed, question, time): a restarted world goes on with the same path.
Floats are allowed here: this is the world's opinion, not money; prices are rounded to a
market's grid where they become quotes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from shared.domain.units import NS_PER_S
from shared.exchange.seeded import draw, stream_key

_UNIT: Final = float(1 << 63)
_RAMP_STRENGTH: Final = 5.0
"""Log-odds by which the truth shows itself in the last part of a question's life."""
PROBABILITY_MIN: Final = 0.015


@dataclass(frozen=True, slots=True)
class Hidden:
    """One question of the hidden world. ``base`` is its log-odds before news arrive."""

    key: str
    base: float
    open_ns: int
    close_ns: int
    is_rolling: bool

    @property
    def ramp_start_ns(self) -> int:
        """When the outcome begins to show: the last quarter, at most six hours."""
        life = self.close_ns - self.open_ns
        return self.close_ns - min(life // 4, 6 * 3_600 * NS_PER_S)


def smooth_noise(key: int, t_ns: int, period_ns: int) -> float:
    """Return value noise in [-1, 1]: random at multiples of the period, smooth between."""
    index, rest = divmod(t_ns, period_ns)
    part = rest / period_ns
    part = part * part * (3.0 - 2.0 * part)
    a = draw(key, index) / _UNIT - 1.0
    b = draw(key, index + 1) / _UNIT - 1.0
    return a + (b - a) * part


def probability(seed: int, hidden: Hidden, t_ns: int) -> float:
    """Return the fair YES probability at a time, in [PROBABILITY_MIN, 1 - PROBABILITY_MIN]."""
    odds = _wander(seed, hidden, t_ns)
    start = hidden.ramp_start_ns
    if t_ns > start:
        part = min(1.0, (t_ns - start) / max(1, hidden.close_ns - start))
        direction = 1.0 if outcome_is_yes(seed, hidden) else -1.0
        odds += direction * _RAMP_STRENGTH * part * part
    return _to_probability(odds)


def outcome_is_yes(seed: int, hidden: Hidden) -> bool:
    """Return the truth: drawn with the probability that was fair before the ramp."""
    fair = _to_probability(_wander(seed, hidden, hidden.ramp_start_ns))
    roll = draw(stream_key(seed, f"outcome/{hidden.key}"), 0) / (2.0 * _UNIT)
    return roll < fair


def _wander(seed: int, hidden: Hidden, t_ns: int) -> float:
    slow, fast = stream_key(seed, f"slow/{hidden.key}"), stream_key(seed, f"fast/{hidden.key}")
    if hidden.is_rolling:
        return (
            hidden.base
            + 0.60 * smooth_noise(slow, t_ns, 300 * NS_PER_S)
            + 0.10 * smooth_noise(fast, t_ns, 45 * NS_PER_S)
        )
    return (
        hidden.base
        + 0.50 * smooth_noise(slow, t_ns, 26 * 3_600 * NS_PER_S)
        + 0.06 * smooth_noise(fast, t_ns, 240 * NS_PER_S)
    )


def _to_probability(odds: float) -> float:
    p = 1.0 / (1.0 + math.exp(-odds))
    return min(1.0 - PROBABILITY_MIN, max(PROBABILITY_MIN, p))


def log_odds(p: float) -> float:
    assert 0.0 < p < 1.0, p
    return math.log(p / (1.0 - p))

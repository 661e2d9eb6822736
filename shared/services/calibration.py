"""Whether hedge chances came true: Brier score and reliability table, exact until shown.

Input is what ``hedge_outcomes`` keeps: the chance that was given and what became of it.
Rule: outcomes of one mode only; a caller that mixes modes measures nothing.
Twin: tests/unit/shared/services/test_calibration.py
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from shared.domain.units import MICROS

EDGES_PPM: Final = (0, 500_000, 900_000, 950_000, 980_000, 990_000, 995_000, 998_000)
"""Lower edges of the bins; fine where the gate of 99 % decides."""

Outcome = tuple[int, bool]
"""(chance given, ppm; whether the hedge was complete inside its bound)."""


@dataclass(frozen=True, slots=True)
class Bin:
    """Outcomes whose chance lay in [low, high): how sure we were, how right we were."""

    low_ppm: int
    high_ppm: int
    count: int
    mean_chance_ppm: int
    """Floored, as the chance itself is."""
    success_ppm: int
    """Share of successes, floored."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """``brier`` is the mean squared error of the chances: 0 is perfect; None without outcomes."""

    count: int
    rate_ppm: int | None
    brier: float | None
    brier_of_rate: float | None
    """The score of always saying the overall rate; a useful chance lies below it."""
    bins: tuple[Bin, ...]


def calibrate(outcomes: Iterable[Outcome]) -> Calibration:
    """Return how chances and outcomes agree; bins without outcomes are left out."""
    groups: dict[int, list[Outcome]] = {}
    squares = successes = count = 0
    for chance, is_success in outcomes:
        assert 0 <= chance <= MICROS, chance
        groups.setdefault(bisect_right(EDGES_PPM, chance) - 1, []).append((chance, is_success))
        squares += (chance - MICROS * is_success) ** 2
        successes, count = successes + is_success, count + 1
    if count == 0:
        return Calibration(0, None, None, None, ())
    rate = Fraction(successes, count)
    return Calibration(
        count=count,
        rate_ppm=successes * MICROS // count,
        brier=float(Fraction(squares, count * MICROS**2)),
        brier_of_rate=float(rate * (1 - rate)),
        bins=tuple(_bin(index, groups[index]) for index in sorted(groups)),
    )


def _bin(index: int, members: list[Outcome]) -> Bin:
    count = len(members)
    assert count > 0 and 0 <= index < len(EDGES_PPM)
    return Bin(
        low_ppm=EDGES_PPM[index],
        high_ppm=(*EDGES_PPM, MICROS)[index + 1],
        count=count,
        mean_chance_ppm=sum(chance for chance, _ in members) // count,
        success_ppm=sum(is_success for _, is_success in members) * MICROS // count,
    )

"""What a series' record of settlements says about the next one: the chance of a divergence.

Two markets that were proved to ask the same may still be paid differently (a carve-out, a
50-50, a last price against a result). The chance is bounded from above at 95 %: by the rule
of three while nothing diverged, by the Poisson bound of the count once something did. The
bound, in millionths, is charged per contract as micro-dollars (``MatchedPair.min_edge``).
"""

from __future__ import annotations

from typing import Final

from shared.domain.units import MICROS, ceil_div

RULE_OF_THREE: Final = 3
PUBLIC_SETTLED: Final = 2_345
PUBLIC_DIVERGED: Final = 1
"""The one public record: 1 of 2,345 co-listed games settled differently
(MLB 0/807, WTA 0/540, ATP 1/453, NCAAF 0/330, WNBA 0/138, NFL 0/77; 2026-09)."""

_UPPER_95_MILLI: Final = (2_996, 4_744, 6_296, 7_754, 9_154, 10_514)
"""One-sided 95 % upper bounds of a Poisson mean after 0..5 events, in thousandths."""

BASE_PPM: Final = ceil_div(_UPPER_95_MILLI[PUBLIC_DIVERGED] * 1_000, PUBLIC_SETTLED)
"""Charged while a series has no better record of its own: 0.2024 %."""


def prior_ppm(settled: int, diverged: int) -> int:
    """Return the upper bound of the chance that the next pair of a series diverges.

    Args:
        settled: Pairs of the series whose two results are known.
        diverged: How many of them were paid differently, at most ``settled``.

    A clean series is never charged more than the public record, a diverged one never less.
    Rounded up, at most 1,000,000.
    """
    assert 0 <= diverged <= settled, (settled, diverged)
    if diverged == 0:
        own = ceil_div(RULE_OF_THREE * MICROS, settled) if settled else MICROS
        return min(BASE_PPM, own)
    bound = min(MICROS, ceil_div(_upper_milli(diverged) * 1_000, settled))
    assert bound > 0
    return max(BASE_PPM, bound)


def _upper_milli(events: int) -> int:
    """Return the bound of the mean; beyond the table twice the count and one is above it."""
    if events < len(_UPPER_95_MILLI):
        return _UPPER_95_MILLI[events]
    return (2 * events + 1) * 1_000


def has_diverged(payout_a: int, payout_b: int, *, is_inverse: bool) -> bool:
    """Say whether one YES of A and of B were paid against what their pairing claims."""
    assert 0 <= payout_a <= MICROS and 0 <= payout_b <= MICROS
    return payout_a + payout_b != MICROS if is_inverse else payout_a != payout_b

"""Hedge completion probability: will leg 2 be filled inside its bound before retries end?

Theory. Success is a coin whose bias depends mostly on how much depth, at the worst
acceptable price or better, stands behind each contract to be hedged ("coverage"). Each
coverage bucket starts from a prior taken from the fill model; outcomes then update a Beta
posterior at three levels that shrink into each other, all inside the bucket: prior ->
venue -> category. A venue's mean is the prior of its categories, so a rare category borrows
from its venue until it has a record of its own.
The posterior mean is then discounted for what the book may do before leg 2 arrives: its
age and the venue's taker delay.
Units: probabilities in parts per million, Beta parameters in millionths of one outcome.
Rule: one instance never mixes paper, live and simulated outcomes; the owner keeps one each.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from shared.domain.enums import Venue
from shared.domain.units import MICROS, NS_PER_MS, ceil_div

BUCKET_FLOORS_PPM: Final = (0, 1_000_000, 1_250_000, 2_000_000, 4_000_000)
"""Lower edge of each coverage bucket: depth inside the bound / quantity, x 1e6."""
BUCKET_NAMES: Final = ("short", "tight", "thin", "good", "deep")
PRIOR_MEAN_PPM: Final = (500_000, 965_000, 992_500, 996_500, 998_500)
"""Fill-model success by bucket: depth that is seen but gone on arrival is the main loss."""
PRIOR_STRENGTH: Final = 400
"""A level weighs as many outcomes in the next; two failures in a row close a thin bucket."""
AGE_HAZARD_PPM_PER_S: Final = 1_000
"""Chance a second that the touch moves away beyond the bound while a book is unproved."""
DELAY_HAZARD_PPM_PER_S: Final = 10_000
"""The same while a venue holds a taker order: everyone else may act meanwhile."""

Key = tuple[Venue, str, int]
"""(venue of leg 2, category, coverage bucket)."""


@dataclass(slots=True)
class _Count:
    successes: int = 0
    failures: int = 0


def bucket_of(coverage_ppm: int) -> int:
    """Return the index of the coverage bucket."""
    assert coverage_ppm >= 0, coverage_ppm
    return bisect_right(BUCKET_FLOORS_PPM, coverage_ppm) - 1


class Completion:
    """Incremental Beta posterior of hedge completion; plain counts, order does not matter."""

    __slots__ = ("_category", "_venue")

    def __init__(self, counts: Iterable[tuple[Key, int, int]] = ()) -> None:
        self._venue: dict[tuple[Venue, int], _Count] = {}
        self._category: dict[Key, _Count] = {}
        for (venue, category, bucket), successes, failures in counts:
            self._add(venue, category, bucket, successes, failures)

    def update(self, venue: Venue, category: str, coverage_ppm: int, *, success: bool) -> None:
        """Record one hedge: ``coverage_ppm`` as it was when leg 1 was sent."""
        bucket = bucket_of(coverage_ppm)
        self._add(venue, category, bucket, int(success), int(not success))

    def mean_ppm(
        self,
        venue: Venue,
        category: str,
        coverage_ppm: int,
        *,
        book_age_ns: int = 0,
        taker_delay_ns: int = 0,
    ) -> int:
        """Return the completion probability of one hedge, floored.

        Args:
            venue: Of leg 2.
            category: Of the pair.
            coverage_ppm: Depth of leg 2 inside its price bound over the quantity, x 1e6.
            book_age_ns: Since the book of leg 2 was last proved.
            taker_delay_ns: For how long the venue holds a taker order of leg 2.
        """
        assert book_age_ns >= 0 and taker_delay_ns >= 0
        mean = self.posterior_ppm(venue, category, bucket_of(coverage_ppm))
        kept = MICROS - _hazard(book_age_ns, AGE_HAZARD_PPM_PER_S)
        mean = mean * max(0, kept) // MICROS
        kept = MICROS - _hazard(taker_delay_ns, DELAY_HAZARD_PPM_PER_S)
        mean = mean * max(0, kept) // MICROS
        assert 0 <= mean <= MICROS
        return mean

    def posterior_ppm(self, venue: Venue, category: str, bucket: int) -> int:
        """Return the pooled posterior mean of one cell, before any discount."""
        alpha, beta = self.beta_micros(venue, category, bucket)
        return alpha * MICROS // (alpha + beta)

    def beta_micros(self, venue: Venue, category: str, bucket: int) -> tuple[int, int]:
        """Return the Beta parameters (alpha, beta) of one cell, in millionths.

        The lower bound shown beside the mean is computed from these outside the kernel.
        """
        own = self._category.get((venue, category, bucket), _Count())
        pooled = self._venue.get((venue, bucket), _Count())
        # The other categories alone: the cell's own outcomes must not count twice.
        others = _Count(pooled.successes - own.successes, pooled.failures - own.failures)
        alpha, beta = _posterior(PRIOR_MEAN_PPM[bucket], others)
        return _posterior(alpha * MICROS // (alpha + beta), own)

    def cell(self, venue: Venue, category: str, coverage_ppm: int) -> tuple[int, int]:
        """Return ``beta_micros`` of the cell that a coverage falls into."""
        return self.beta_micros(venue, category, bucket_of(coverage_ppm))

    def counts(self) -> list[tuple[Key, int, int]]:
        """Return every (cell, successes, failures), sorted: all that a restart needs."""
        rows = [(key, c.successes, c.failures) for key, c in self._category.items()]
        return sorted(rows)

    @staticmethod
    def prior_text() -> str:
        """Return the prior as one line, printed wherever the probability is used."""
        cells = (
            f"{name} >= {floor / MICROS:g}x: {mean / 10_000:g} %"
            for name, floor, mean in zip(
                BUCKET_NAMES, BUCKET_FLOORS_PPM, PRIOR_MEAN_PPM, strict=True
            )
        )
        return (
            f"prior of {PRIOR_STRENGTH} outcomes a bucket ({', '.join(cells)}); "
            f"-{AGE_HAZARD_PPM_PER_S / 10_000:g} % per second of book age, "
            f"-{DELAY_HAZARD_PPM_PER_S / 10_000:g} % per second of taker delay"
        )

    def _add(self, venue: Venue, category: str, bucket: int, successes: int, failures: int) -> None:
        assert successes >= 0 and failures >= 0 and 0 <= bucket < len(PRIOR_MEAN_PPM)
        pooled = self._venue.setdefault((venue, bucket), _Count())
        own = self._category.setdefault((venue, category, bucket), _Count())
        for count in (pooled, own):
            count.successes += successes
            count.failures += failures


def _posterior(mean_ppm: int, count: _Count) -> tuple[int, int]:
    alpha = mean_ppm * PRIOR_STRENGTH + count.successes * MICROS
    beta = (MICROS - mean_ppm) * PRIOR_STRENGTH + count.failures * MICROS
    assert alpha >= 0 and beta >= 0 and alpha + beta > 0
    return alpha, beta


def _hazard(duration_ns: int, ppm_per_s: int) -> int:
    return ceil_div(duration_ns * ppm_per_s, 1_000 * NS_PER_MS)

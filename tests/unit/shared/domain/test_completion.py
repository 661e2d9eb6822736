"""Hedge completion probability: prior, learning, pooling and discounts."""

from __future__ import annotations

from shared.domain.completion import (
    BUCKET_FLOORS_PPM,
    BUCKET_NAMES,
    PRIOR_MEAN_PPM,
    Completion,
    bucket_of,
)
from shared.domain.enums import Venue
from shared.domain.units import NS_PER_MS, NS_PER_S

K, P = Venue.KALSHI, Venue.POLYMARKET
DEEP, GOOD, THIN, TIGHT, SHORT = 5_000_000, 2_000_000, 1_250_000, 1_100_000, 900_000
GATE = 990_000


def test_buckets_and_prior_are_ordered_and_printed() -> None:
    assert [bucket_of(c) for c in (0, 999_999, 1_000_000, 4_000_000, 10**12)] == [0, 0, 1, 4, 4]
    assert list(PRIOR_MEAN_PPM) == sorted(PRIOR_MEAN_PPM)
    assert len(BUCKET_FLOORS_PPM) == len(BUCKET_NAMES) == len(PRIOR_MEAN_PPM)
    text = Completion.prior_text()
    assert "deep >= 4x: 99.85 %" in text and "400 outcomes" in text


def test_fresh_deep_book_passes_the_gate_and_thin_cover_does_not() -> None:
    fresh = Completion()
    assert fresh.mean_ppm(P, "economics", DEEP, book_age_ns=500 * NS_PER_MS) >= GATE
    assert fresh.mean_ppm(P, "economics", GOOD) >= GATE
    assert fresh.mean_ppm(P, "economics", TIGHT) < GATE
    assert fresh.mean_ppm(P, "economics", SHORT) < 600_000


def test_age_and_taker_delay_only_lower_it() -> None:
    fresh = Completion()
    new = fresh.mean_ppm(P, "sports", DEEP)
    assert fresh.mean_ppm(P, "sports", DEEP, book_age_ns=2 * NS_PER_S) < new
    assert fresh.mean_ppm(P, "sports", DEEP, taker_delay_ns=3 * NS_PER_S) < GATE
    assert fresh.mean_ppm(P, "sports", DEEP, book_age_ns=10**15) == 0


def test_failures_close_a_bucket_and_successes_reopen_it() -> None:
    learner = Completion()
    learner.update(P, "economics", THIN, success=False)
    assert learner.mean_ppm(P, "economics", THIN) >= GATE
    learner.update(P, "economics", THIN, success=False)
    assert learner.mean_ppm(P, "economics", THIN) < GATE
    assert learner.mean_ppm(P, "economics", GOOD) >= GATE, "other buckets are untouched"
    for _ in range(300):
        learner.update(P, "economics", THIN, success=True)
    assert learner.mean_ppm(P, "economics", THIN) >= GATE


def test_a_new_category_borrows_from_its_venue_but_not_from_another() -> None:
    learner = Completion()
    for _ in range(20):
        learner.update(P, "sports", GOOD, success=False)
    assert learner.mean_ppm(P, "sports", GOOD) < GATE
    assert learner.mean_ppm(P, "economics", GOOD) < GATE
    assert learner.mean_ppm(K, "economics", GOOD) == Completion().mean_ppm(K, "economics", GOOD)


def test_own_outcomes_count_once() -> None:
    learner = Completion()
    learner.update(P, "economics", DEEP, success=True)
    alpha, beta = learner.beta_micros(P, "economics", bucket_of(DEEP))
    assert alpha + beta == 401 * 1_000_000


def test_counts_restore_the_same_posterior_in_any_order() -> None:
    learner = Completion()
    for n in range(50):
        learner.update(P if n % 3 else K, "abc"[n % 3], (n % 5) * 1_000_000, success=n % 7 != 0)
    restored = Completion(reversed(learner.counts()))
    assert restored.counts() == learner.counts()
    for venue in (K, P):
        for bucket in range(len(BUCKET_NAMES)):
            assert restored.beta_micros(venue, "a", bucket) == learner.beta_micros(
                venue, "a", bucket
            )

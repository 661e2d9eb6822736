"""Calibration against scores worked by hand and against the model that made the outcomes."""

from __future__ import annotations

import random

import pytest

from shared.domain.completion import PRIOR_MEAN_PPM
from shared.services.calibration import EDGES_PPM, Calibration, calibrate


def test_scores_worked_by_hand() -> None:
    found = calibrate([(1_000_000, True), (1_000_000, True), (800_000, False), (600_000, True)])
    assert found.brier == pytest.approx((0 + 0 + 0.64 + 0.16) / 4)
    assert (found.count, found.rate_ppm) == (4, 750_000)
    assert found.brier_of_rate == pytest.approx(0.75 * 0.25)
    low, high = found.bins
    assert (low.low_ppm, low.high_ppm, low.count) == (500_000, 900_000, 2)
    assert (low.mean_chance_ppm, low.success_ppm) == (700_000, 500_000)
    assert (high.low_ppm, high.high_ppm, high.count, high.success_ppm) == (
        998_000,
        1_000_000,
        2,
        1_000_000,
    )


def test_nothing_is_said_of_nothing() -> None:
    assert calibrate([]) == Calibration(0, None, None, None, ())


@pytest.mark.parametrize("edge", EDGES_PPM)
def test_an_edge_belongs_to_the_bin_that_it_opens(edge: int) -> None:
    (only,) = calibrate([(edge, True)]).bins
    assert only.low_ppm == edge < only.high_ppm


def test_true_chances_are_calibrated_and_overconfident_ones_are_found_out() -> None:
    rng = random.Random(3)
    chances = [rng.choice((500_000, 700_000, 965_000)) for _ in range(20_000)]
    outcomes = [(c, rng.randrange(1_000_000) < c) for c in chances]
    honest = calibrate(outcomes)
    for one in honest.bins:
        assert abs(one.mean_chance_ppm - one.success_ppm) < 15_000
    boastful = calibrate([(995_000, success) for _, success in outcomes])
    assert honest.brier is not None and honest.brier_of_rate is not None
    assert boastful.brier is not None and honest.brier < honest.brier_of_rate < boastful.brier
    (one,) = boastful.bins
    assert one.mean_chance_ppm - one.success_ppm > 200_000
    assert max(PRIOR_MEAN_PPM) < 1_000_000

"""The divergence prior: rule of three, Poisson bounds against exact sums, bounds and order."""

from __future__ import annotations

from math import exp, factorial

import pytest

from shared.domain.divergence import BASE_PPM, has_diverged, prior_ppm


def poisson_at_most(events: int, mean: float) -> float:
    return sum(exp(-mean) * mean**k / factorial(k) for k in range(events + 1))


@pytest.mark.parametrize("diverged", range(1, 40))
def test_a_mean_at_the_bound_yields_so_few_events_in_at_most_five_percent(diverged: int) -> None:
    settled = 1_000_000
    assert (
        poisson_at_most(diverged, prior_ppm(settled, diverged) / 1_000_000 * settled) <= 0.0501
        or prior_ppm(settled, diverged) == BASE_PPM
    )
    mean = max(prior_ppm(1_000, diverged), 1) / 1_000
    assert poisson_at_most(diverged, mean) <= 0.0501


def test_rule_of_three_once_it_says_more_than_the_public_record() -> None:
    assert prior_ppm(0, 0) == prior_ppm(1_000, 0) == BASE_PPM == 2_024
    assert prior_ppm(3_000, 0) == 1_000
    assert prior_ppm(30_000, 0) == 100


def test_a_divergence_raises_the_charge_until_much_has_settled_alike() -> None:
    assert prior_ppm(1, 1) == 1_000_000
    assert prior_ppm(40, 1) == 118_600, "11.9 cents a contract: no package opens"
    charges = [prior_ppm(n, 1) for n in range(1, 5_000)]
    assert charges == sorted(charges, reverse=True) and min(charges) == BASE_PPM
    by_count = [prior_ppm(1_000, d) for d in range(1_001)]
    assert by_count == sorted(by_count)


def test_what_counts_as_diverged() -> None:
    assert not has_diverged(1_000_000, 1_000_000, is_inverse=False)
    assert has_diverged(1_000_000, 500_000, is_inverse=False)
    assert not has_diverged(1_000_000, 0, is_inverse=True)
    assert has_diverged(0, 0, is_inverse=True)

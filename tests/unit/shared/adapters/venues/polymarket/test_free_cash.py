"""The refusal's own figure bounds what is planned with, for a minute."""

from __future__ import annotations

import pytest

from shared.adapters.venues.polymarket.free_cash import FreeCash
from shared.domain.units import NS_PER_S

T0 = 1_000 * NS_PER_S
TEXT = (
    "not enough balance / allowance: the balance is not enough -> balance: 100000000,"
    " sum of matched orders: 80000000, order amount: 46000000"
)


def test_f047_the_figure_counts_for_a_minute_and_is_refreshed_once() -> None:
    free = FreeCash()
    assert free.limit(100, T0) == 100 and not free.needs_refresh(T0)
    free.refused(TEXT, T0)
    assert free.needs_refresh(T0) and not free.needs_refresh(T0)
    assert free.limit(100_000_000, T0) == 20_000_000
    assert free.limit(50_000_000, T0) == 0, "never negative"
    assert free.limit(100_000_000, T0 + 60 * NS_PER_S) == 100_000_000


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("not enough balance / allowance", 100),
        ("sum of active orders: 30, sum of matched orders: 20", 50),
        ("sum of matched orders: -5", 100),
        ("sum of matched orders: lots", 100),
    ],
)
def test_only_figures_teach(text: str, left: int) -> None:
    free = FreeCash()
    free.refused(text, T0)
    assert free.limit(100, T0) == left

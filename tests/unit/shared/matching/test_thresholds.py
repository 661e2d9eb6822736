"""Numbers that a claim compares with."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.matching.propositions.thresholds import Interval, intervals


def only(text: str) -> Interval:
    found, _ = intervals(text)
    assert len(found) == 1, found
    return found[0]


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("above 4.3%", "higher than 4.3 percent"),
        ("more than 100,000 jobs", "over 100k"),
        ("at least 25", "25 or more"),
        ("between 20% and 25%", "20-25%"),
        ("$3.10 or lower", "at most $3.1"),
        ("$1.5 million or more", "at least $1,500,000"),
    ],
)
def test_spellings_of_one_comparison(one: str, two: str) -> None:
    assert only(one).same_values(only(two))


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("above 4.3%", "4.3% or more"),
        ("above 120,000", "above 125,000"),
        ("exactly 25", "at least 25"),
        ("between 20 and 25", "between 20 (inclusive) and 25 (exclusive)"),
        ("above 4.99%", "5.1% or more"),
    ],
)
def test_comparisons_that_differ(one: str, two: str) -> None:
    assert not only(one).same_values(only(two))


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_above_and_at_most_are_complements_of_the_same_number_only(a: int, b: int) -> None:
    assert only(f"above {a}").complements(only(f"at most {b}")) == (a == b)
    assert not only(f"above {a}").complements(only(f"below {b}"))


def test_steps_make_a_bucket_one_value() -> None:
    step = Fraction(25)
    assert only("between 1 and 25 bps").on_steps(step).same_values(only("exactly 25 bps"))
    assert only("more than 25 bps").on_steps(step).same_values(only("at least 50 bps"))


def test_the_rest_of_the_text_is_kept() -> None:
    _, rest = intervals("payrolls rose by more than 100,000 jobs in october")
    assert rest.split() == ["payrolls", "rose", "by", "in", "october"]

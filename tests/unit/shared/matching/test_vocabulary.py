"""Phrases of one meaning, and the parts that let most of them be skipped."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.matching.propositions import vocabulary
from shared.matching.propositions.vocabulary import canonical


@pytest.mark.parametrize("number", range(len(vocabulary._PHRASES)))
def test_every_match_of_a_phrase_holds_one_of_its_parts(number: int) -> None:
    pattern, _, parts = vocabulary._PHRASES[number]
    assert all(parts.split("|")), "an empty part would be no filter"

    @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.from_regex(pattern))
    def holds(text: str) -> None:
        assert any(part in text for part in parts.split("|"))

    holds()


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("the fed", "federal open market committee"),
        ("nba finals", "pro basketball championship"),
        ("usa", "united states"),
        ("best actress", "actress in a leading role"),
        ("the gop nominee", "the republican nominee"),
    ],
)
def test_phrases_of_one_meaning(one: str, two: str) -> None:
    assert canonical(one).split() == canonical(two).split()

"""Which venue an operator has beside Kalshi, and that every part of the build agrees on it."""

from __future__ import annotations

import pytest

from cdk.stages import US_COUNTRIES
from cdk.stages import second_venue as second_venue_of_cdk
from shared.domain.eligibility import UNITED_STATES, closed_venues, find_refusal, second_venue
from shared.domain.enums import Venue


@pytest.mark.parametrize("country", ["US", "UM"])
def test_a_us_operator_has_polymarket_us_and_the_other_is_refused_with_the_reason(
    country: str,
) -> None:
    assert second_venue(country) is Venue.POLYMARKET_US
    assert closed_venues(country) == (Venue.POLYMARKET,)
    assert "only Polymarket US is open" in find_refusal(Venue.POLYMARKET, country)
    assert find_refusal(Venue.POLYMARKET_US, country) == ""


@pytest.mark.parametrize("country", ["PT", "GB", "BR"])
def test_everybody_else_has_the_international_book_and_the_reverse(country: str) -> None:
    assert second_venue(country) is Venue.POLYMARKET
    assert closed_venues(country) == (Venue.POLYMARKET_US,)
    assert "in the US only" in find_refusal(Venue.POLYMARKET_US, country)


def test_a_country_that_is_not_stated_refuses_no_venue_by_name() -> None:
    assert second_venue("") is Venue.POLYMARKET and closed_venues("") == ()


@pytest.mark.parametrize("country", ["US", "UM", "PT", "", "us"])
def test_the_one_machine_edition_chooses_alike(country: str) -> None:
    assert set(US_COUNTRIES) == UNITED_STATES
    assert second_venue_of_cdk(country) == second_venue(country.upper()).value

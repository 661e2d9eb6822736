"""Who may open where, by country; every list of the facts is walked."""

from __future__ import annotations

import pytest

from shared.domain.eligibility import BLOCKED, POLYMARKET_CLOSE_ONLY, find_refusal
from shared.domain.enums import Venue


def test_a_us_operator_gets_polymarket_us_and_kalshi() -> None:
    assert find_refusal(Venue.KALSHI, "US") == ""
    assert find_refusal(Venue.POLYMARKET_US, "US") == ""
    assert "only Polymarket US" in find_refusal(Venue.POLYMARKET, "US")


@pytest.mark.parametrize("country", sorted(POLYMARKET_CLOSE_ONLY - {"US", "UM"}))
def test_close_only_countries_keep_kalshi_only(country: str) -> None:
    assert "close positions only" in find_refusal(Venue.POLYMARKET, country)
    assert find_refusal(Venue.KALSHI, country) == ""
    assert find_refusal(Venue.POLYMARKET_US, country)


@pytest.mark.parametrize("country", sorted(BLOCKED))
@pytest.mark.parametrize("venue", list(Venue))
def test_blocked_countries_open_nowhere(venue: Venue, country: str) -> None:
    assert find_refusal(venue, country) == f"no venue serves {country}"


@pytest.mark.parametrize("country", ["IE", "ES", "CH", "AR", "NG"])
def test_other_countries_get_the_international_book(country: str) -> None:
    assert find_refusal(Venue.POLYMARKET, country) == ""
    assert find_refusal(Venue.POLYMARKET_US, country)


@pytest.mark.parametrize("venue", list(Venue))
def test_not_stated_is_refused_where_it_must_be_stated(venue: Venue) -> None:
    assert find_refusal(venue, "") == ""
    assert "not stated" in find_refusal(venue, "", must_be_stated=True)

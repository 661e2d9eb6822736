"""Which venues an operator may open positions at, by country; data, with its source.

Country codes are ISO 3166-1, two letters, upper case; an empty code is "not stated".
Rule: a country on a list of one of its provinces is refused whole, because the code does
not say the province. Sources: POLYMARKET 8 (venue's geoblock list), KALSHI 8.
This is the operator's own statement; what the venue says about our address is asked
separately and both must agree.
"""

from __future__ import annotations

from typing import Final

from shared.domain.enums import Venue

BLOCKED: Final = frozenset("IR SY CU KP".split())
"""No venue here serves these."""
POLYMARKET_CLOSE_ONLY: Final = frozenset(
    (
        "AU BY BE BI BR CA CF CD ET FR DE IT PL GB US UM IQ LB LY MM NZ NI RU SG SO SK SS SD "
        "TW TH VE YE ZW UA"
    ).split()
)
"""The international book takes closing orders only; Ukraine for its occupied regions."""
UNITED_STATES: Final = frozenset({"US", "UM"})


def find_refusal(venue: Venue, country: str, *, must_be_stated: bool = False) -> str:
    """Return why an operator of ``country`` may not open at ``venue``, or an empty text.

    >>> find_refusal(Venue.POLYMARKET, "US")
    'an operator in the US may not open at the international book: only Polymarket US is open'
    >>> find_refusal(Venue.KALSHI, "US")
    ''
    """
    assert not country or (len(country) == 2 and country.isupper()), country
    if not country:
        return "the operator's country is not stated" if must_be_stated else ""
    if country in BLOCKED:
        return f"no venue serves {country}"
    if venue is Venue.POLYMARKET and country in UNITED_STATES:
        return (
            f"an operator in the {country} may not open at the international book: "
            "only Polymarket US is open"
        )
    if venue is Venue.POLYMARKET and country in POLYMARKET_CLOSE_ONLY:
        return f"the international book lets operators in {country} close positions only"
    if venue is Venue.POLYMARKET_US and country not in UNITED_STATES:
        return "Polymarket US serves persons in the US only"
    return ""


def second_venue(country: str) -> Venue:
    """Return the venue that is traded against Kalshi by an operator of ``country``.

    >>> second_venue("US")
    <Venue.POLYMARKET_US: 'polymarket_us'>
    """
    return Venue.POLYMARKET_US if country in UNITED_STATES else Venue.POLYMARKET


def closed_venues(country: str) -> tuple[Venue, ...]:
    """Return the venues beside ``second_venue`` that are refused by name, for a stated country."""
    others = (Venue.POLYMARKET, Venue.POLYMARKET_US)
    return tuple(v for v in others if country and v is not second_venue(country))

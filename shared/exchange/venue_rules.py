"""What differs between the venues, as data. Sources: the venues' fact sheets.

Kalshi: one signed net position per market, collateral per shard, trades final at once.
Polymarket: shares per outcome, no sale of shares before their trade is confirmed on
chain, FAK without a match is a refusal, minimum sizes of 5 shares and $1.
Polymarket US: as Kalshi one signed net position per market, on one shard; trades are
booked as final when matched (a bust by the exchange is not simulated here).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.domain.enums import Venue
from shared.domain.units import NS_PER_S


@dataclass(frozen=True, slots=True)
class FinalitySettings:
    """Seeded life of a trade on chain. Times in nanoseconds after the match.

    A trade is mined after ``mined`` and confirmed after ``confirmed``; ``retry_ppm`` of
    them go through RETRYING and take ``retry_extra`` longer; ``failed_ppm`` end FAILED.
    """

    mined_min_ns: int = 2 * NS_PER_S
    mined_max_ns: int = 8 * NS_PER_S
    confirmed_min_ns: int = 10 * NS_PER_S
    confirmed_max_ns: int = 50 * NS_PER_S
    retry_ppm: int = 10_000
    retry_extra_ns: int = 20 * NS_PER_S
    failed_ppm: int = 1_000


@dataclass(frozen=True, slots=True)
class VenueRules:
    venue: Venue
    is_netting: bool
    """One signed position a market, $1 paid at once for each closed pair."""
    finality: FinalitySettings | None
    """None: trades are final when matched."""
    unmatched_ioc_is_refused: bool
    min_qty_rests_only: bool
    """True: the minimum size binds orders that may rest, not immediate ones."""
    client_ids_unique_while_open: bool = False
    """True: a client id may be used again once its order is dead (F-023's second policy)."""


KALSHI_RULES: Final = VenueRules(
    venue=Venue.KALSHI,
    is_netting=True,
    finality=None,
    unmatched_ioc_is_refused=False,
    min_qty_rests_only=False,
)

POLYMARKET_RULES: Final = VenueRules(
    venue=Venue.POLYMARKET,
    is_netting=False,
    finality=FinalitySettings(),
    unmatched_ioc_is_refused=True,
    min_qty_rests_only=True,
)

POLYMARKET_US_RULES: Final = VenueRules(
    venue=Venue.POLYMARKET_US,
    is_netting=True,
    finality=None,
    unmatched_ioc_is_refused=False,
    min_qty_rests_only=False,
)


def rules_of(venue: Venue) -> VenueRules:
    rows = (KALSHI_RULES, POLYMARKET_RULES, POLYMARKET_US_RULES)
    return next(rules for rules in rows if rules.venue is venue)

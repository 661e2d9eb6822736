# ruff: noqa: E501  (texts are kept whole)
"""Our own pairs in the manner of the venues: true counterparts, and look-alikes of each sort."""

from __future__ import annotations

from dataclasses import dataclass

from shared.domain.enums import Venue
from shared.matching.market_text import MarketText

CLOSE_NS = 1_798_700_000 * 10**9
"""Late December 2026."""
_TAIL = ' Otherwise, this market will resolve to "No".'


@dataclass(frozen=True, slots=True)
class Side:
    title: str
    claim: str
    more: str = ""
    label: str = ""


def kalshi(side: Side) -> MarketText:
    rules = f"If {side.claim}, then the market resolves to Yes.\n\n{side.more}"
    return MarketText(
        "kalshi:K", Venue.KALSHI, side.title, side.label, "", rules, "", close_ns=CLOSE_NS
    )


def polymarket(side: Side) -> MarketText:
    rules = f'This market will resolve to "Yes" if {side.claim}.{_TAIL}\n\n{side.more}'
    return MarketText(
        "polymarket:P", Venue.POLYMARKET, side.title, "", "", rules, "", close_ns=CLOSE_NS
    )


SAME = {
    "champion": (
        Side("Will Norvale win the 2026 Ballon d'Or?", "Norvale wins the 2026 Ballon d'Or"),
        Side("Will Norvale win the 2026 Ballon d'Or?", "Norvale wins the Ballon d'Or in 2026"),
    ),
    "deadline": (
        Side(
            "Will Ostland leave the customs union before Jan 1, 2027?",
            "Ostland leaves the customs union before Jan 1, 2027",
        ),
        Side(
            "Will Ostland leave the customs union in 2026?",
            "Ostland leaves the customs union by December 31, 2026, 11:59 PM ET",
        ),
    ),
    "price": (
        Side(
            "Will Bitcoin be above $120,000 on December 15, 2026?",
            "the price of BTC-USD on Coinbase is above $120,000 on December 15, 2026",
        ),
        Side(
            "Will Bitcoin be above $120k on December 15, 2026?",
            "the price of BTC-USD on Coinbase is higher than $120,000 on December 15, 2026",
        ),
    ),
}

TRAPS = {
    "father and son": (
        Side("Will Ezra Holt be the nominee in 2026?", "Ezra Holt wins the nomination in 2026"),
        Side("Will Ezra Holt Jr. be the nominee in 2026?", "Ezra Holt Jr. wins the nomination in 2026"),
    ),
    "nominee and winner": (
        Side(
            "Will Ana Ruiz be the nominee for mayor in 2026?",
            "Ana Ruiz wins the nomination of the Green Party for mayor in 2026",
        ),
        Side(
            "Will Ana Ruiz win the 2026 mayoral election?",
            "Ana Ruiz of the Green Party wins the election for mayor in 2026",
        ),
    ),
    "other price": (
        SAME["price"][0],
        Side(
            "Will Bitcoin be above $125k on December 15, 2026?",
            "the price of BTC-USD on Coinbase is higher than $125,000 on December 15, 2026",
        ),
    ),
    "strict and not": (
        SAME["price"][0],
        Side(
            "Will Bitcoin be at least $120k on December 15, 2026?",
            "the price of BTC-USD on Coinbase is at least $120,000 on December 15, 2026",
        ),
    ),
    "on a day and until it": (
        SAME["price"][0],
        Side(
            "Will Bitcoin hit $120k by December 15, 2026?",
            "the price of BTC-USD on Coinbase is above $120,000 at any time by December 15, 2026",
        ),
    ),
    "other source": (
        SAME["price"][0],
        Side(
            "Will Bitcoin be above $120k on December 15, 2026?",
            "the price of BTC-USDT on Binance is higher than $120,000 on December 15, 2026",
        ),
    ),
    "other prize": (
        Side("Will Harbour win Best Picture at the 2026 Oscars?", "Harbour wins Best Picture at the 2026 Oscars"),
        Side("Will Harbour win Best Director at the 2026 Oscars?", "Harbour wins Best Director at the 2026 Oscars"),
    ),
    "other academy": (
        Side("Will Harbour win Best Picture at the 2026 Oscars?", "Harbour wins Best Picture at the 2026 Oscars"),
        Side("Will Harbour win Best Film at the 2026 BAFTAs?", "Harbour wins Best Film at the 2026 BAFTA Awards"),
    ),
    "negation": (
        Side("Will Ida Berg be CEO of Orvo before 2027?", "Ida Berg is CEO of Orvo before Jan 1, 2027"),
        Side("Will Ida Berg not be CEO of Orvo before 2027?", "Ida Berg is not CEO of Orvo before Jan 1, 2027"),
    ),
    "death carve-out": (
        Side(
            "Will the chancellor of Ostland leave office before Jan 1, 2027?",
            "the chancellor of Ostland leaves office before Jan 1, 2027",
            "If the chancellor leaves solely because they have died, the market will resolve"
            " to the last traded price prior to the death.",
        ),
        Side(
            "Chancellor of Ostland out in 2026?",
            "the chancellor of Ostland leaves office by December 31, 2026, 11:59 PM ET",
        ),
    ),
    "announcement": (
        Side(
            "Will Ida Berg leave Orvo before Jan 1, 2027?",
            "Ida Berg leaves Orvo before Jan 1, 2027",
        ),
        Side(
            "Ida Berg out at Orvo in 2026?",
            "Ida Berg leaves Orvo by December 31, 2026, 11:59 PM ET",
            "An announcement of her resignation before the end date will immediately resolve"
            " this market to \"Yes\", regardless of when it goes into effect.",
        ),
    ),
    "other day": (
        SAME["deadline"][0],
        Side(
            "Will Ostland leave the customs union by November 30, 2026?",
            "Ostland leaves the customs union by November 30, 2026, 11:59 PM ET",
        ),
    ),
    "narrower definition": (
        SAME["deadline"][0],
        Side(
            "Will Ostland leave the customs union in 2026?",
            "Ostland leaves the customs union by December 31, 2026, 11:59 PM ET",
            "Only a departure approved by a referendum with a turnout of half the voters counts.",
        ),
    ),
    "second place": (
        Side("Will the Reds win the most seats in the 2026 election?", "the Reds win the most seats in the 2026 election"),
        Side("Will the Reds win the second most seats in the 2026 election?", "the Reds win the second most seats in the 2026 election"),
    ),
    "other league": (
        Side("Will Sam Poole win the 2026 AL MVP?", "Sam Poole wins the 2026 American League MVP"),
        Side("Will Sam Poole win the 2026 NL MVP?", "Sam Poole wins the 2026 National League MVP"),
    ),
    "other holding": (
        Side("Will Norvale win the 2026 Ballon d'Or?", "Norvale wins the 2026 Ballon d'Or"),
        Side("Will Norvale win the 2027 Ballon d'Or?", "Norvale wins the 2027 Ballon d'Or"),
    ),
}  # fmt: skip

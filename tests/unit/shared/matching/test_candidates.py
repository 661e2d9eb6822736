"""Candidates: what is found, how much, and how the work grows."""

from __future__ import annotations

from shared.domain.enums import Venue
from shared.matching import candidates
from shared.matching.market_text import MarketText
from tests.support.matching_texts import entries

WORDS = [f"word{n}" for n in range(4_000)]


def market(venue: Venue, number: int, title: str) -> MarketText:
    return MarketText(f"{venue.value}:{number}", venue, title, "", "", "", "")


def many(venue: Venue, count: int) -> list[MarketText]:
    return [
        market(venue, n, f"Will {WORDS[n % 4_000]} {WORDS[n * 7 % 3_989]} win the cup {n}?")
        for n in range(count)
    ]


def test_every_market_finds_its_counterpart_among_many() -> None:
    first, second = many(Venue.KALSHI, 600), many(Venue.POLYMARKET, 900)
    found = set(candidates.pairs(first, second))
    assert all((n, n) in found for n in range(600))


def test_no_more_than_top_k_of_each_direction() -> None:
    first, second = many(Venue.KALSHI, 300), many(Venue.POLYMARKET, 500)
    found = list(candidates.pairs(first, second, 10))
    assert len(found) == len(set(found)) <= 5 * (300 + 500)


def test_words_that_everybody_uses_open_nothing() -> None:
    crowd = [market(Venue.POLYMARKET, n, "Will it win?") for n in range(1_000)]
    index = candidates.Index([*crowd, market(Venue.POLYMARKET, 1_000, "Will zebras win?")])
    assert index.nearest(market(Venue.KALSHI, 0, "Will zebras win?"), 5)[0][0] == 1_000


def test_a_city_finds_a_nickname() -> None:
    index = candidates.Index([market(Venue.POLYMARKET, 0, "Suns vs. Hawks")])
    assert index.nearest(market(Venue.KALSHI, 0, "Phoenix at Atlanta Winner?"))


def test_the_simulated_venues_lose_no_pair() -> None:
    from shared.matching.market_text import from_catalogue

    kalshi, polymarket = entries()
    a, b = [from_catalogue(m) for m in kalshi], [from_catalogue(m) for m in polymarket]
    found = set(candidates.pairs(a, b))
    for i, one in enumerate(kalshi):
        same = [j for j, two in enumerate(polymarket) if one.question == two.question]
        assert all((i, j) in found for j in same)

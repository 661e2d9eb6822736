"""Candidates: what is found, how much, and how the work grows."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.llm.wordllama_embedder import WordLlamaEmbedder
from shared.domain.enums import Venue
from shared.matching import candidates
from shared.matching.lexical import LexicalIndex
from shared.matching.market_text import MarketText
from shared.matching.semantic import EmbeddingIndex
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
    crowd = [{"win", f"other{n}"} for n in range(1_000)]
    index = LexicalIndex([*crowd, {"win", "zebra"}])
    assert index.nearest({"win", "zebra"}, 5)[0][0] == 1_000
    common = LexicalIndex([{"win", "a", "b", f"o{n}"} for n in range(2_000)] + [{"zebra"}])
    found = common.nearest({"win", "a", "b", "zebra"}, 2_001)
    assert len(found) < 2_001, "only the rarest words open pairs"


def test_a_lookup_leaves_nothing_behind_for_the_next() -> None:
    index = LexicalIndex([{"a", "b"}, {"b", "c"}, {"d"}])
    first = index.nearest({"a", "b"}, 3)
    assert index.nearest({"d"}, 3)[0][0] == 2 and len(index.nearest({"d"}, 3)) == 1
    assert index.nearest({"a", "b"}, 3) == first


@given(
    st.lists(st.frozensets(st.sampled_from("abcdefgh"), min_size=1), min_size=1, max_size=40),
    st.frozensets(st.sampled_from("abcdefghz"), min_size=1),
)
def test_the_index_ranks_as_adding_up_by_hand_does(
    sets: list[frozenset[str]], query: frozenset[str]
) -> None:
    counts = Counter(word for found in sets for word in found)
    weight = {w: math.log1p(len(sets) / n) ** 2 for w, n in counts.items()}
    by_hand = {
        n: sum(weight[w] for w in query & found) / math.sqrt(sum(weight[w] for w in found))
        for n, found in enumerate(sets)
        if query & found
    }
    found = LexicalIndex(sets).nearest(query, 50)
    assert {n for n, _ in found} == set(by_hand)
    for number, score in found:
        assert math.isclose(score, by_hand[number], rel_tol=1e-4)
    assert [s for _, s in found] == sorted((s for _, s in found), reverse=True)


def test_a_city_finds_a_nickname_in_a_game_and_only_there() -> None:
    game = candidates.card(market(Venue.KALSHI, 0, "Phoenix at Atlanta Winner?")).stems
    assert {"sun", "hawk"} <= game
    assert "sun" not in candidates.card(market(Venue.KALSHI, 0, "Rain in Phoenix today?")).stems


def test_another_wording_is_found_by_its_meaning() -> None:
    first = [market(Venue.KALSHI, 0, "Will physicians approve the vaccine?")]
    second = [
        market(Venue.POLYMARKET, n, f"Will {WORDS[n]} win the {WORDS[n + 9]} match?")
        for n in range(60)
    ]
    second.append(market(Venue.POLYMARKET, 60, "Doctors endorse immunization shots?"))
    assert (0, 60) not in set(candidates.pairs(first, second, 4))
    assert (0, 60) in set(candidates.pairs(first, second, 4, WordLlamaEmbedder()))


def test_cells_find_nearly_everything_that_comparing_all_finds() -> None:
    rng = np.random.default_rng(5)
    centres = rng.normal(size=(60, 32))
    rows = (centres[rng.integers(0, 60, 5_000)] + rng.normal(size=(5_000, 32)) * 0.5).astype("f4")
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    queries = rows[:200]
    found = EmbeddingIndex(rows).nearest(queries, 10)
    exact = np.argsort(-(queries @ rows.T), axis=1)[:, :10]
    hits = [len({n for n, _ in f} & set(e.tolist())) for f, e in zip(found, exact, strict=True)]
    assert sum(hits) / (10 * len(hits)) >= 0.95
    assert all(f[0][0] == n for n, f in enumerate(found))


def test_a_family_brings_a_market_whose_words_say_nothing() -> None:
    def one(n: int, name: str) -> MarketText:
        title = f"Prize for the best {name}?" if name else "Prize?"
        return MarketText(f"kalshi:{n}", Venue.KALSHI, title, "~X", "", "", "", series="KXPRIZE")

    def two(n: int, name: str) -> MarketText:
        return MarketText(
            f"polymarket:{n}", Venue.POLYMARKET, f"Will {name} get it as the best?", "", "", "",
            "", series="prize-night",
        )  # fmt: skip

    names = ["zanzibar", "quetzal", "marimba", "obsidian"]
    first = [*(one(n, name) for n, name in enumerate(names)), one(4, "")]
    crowd = [market(Venue.POLYMARKET, n, f"Prize {WORDS[n]}?") for n in range(10, 90)]
    second = [*(two(n, name) for n, name in enumerate(names)), two(4, "hesperus"), *crowd]
    found = set(candidates.pairs(first, second, 40))
    assert any((4, n) in found for n in range(5))
    stranger = [*first[:4], replace(first[4], series="KXOTHER")]
    assert not any((4, n) in set(candidates.pairs(stranger, second, 40)) for n in range(5))


def test_the_simulated_venues_lose_no_pair() -> None:
    from shared.matching.market_text import from_catalogue

    kalshi, polymarket = entries()
    a, b = [from_catalogue(m) for m in kalshi], [from_catalogue(m) for m in polymarket]
    found = set(candidates.pairs(a, b))
    for i, one in enumerate(kalshi):
        same = [j for j, two in enumerate(polymarket) if one.question == two.question]
        assert all((i, j) in found for j in same)

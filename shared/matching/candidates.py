"""Which pairs are worth comparing: an inverted index over words, names, numbers and tags.

Lexical blocking with inverse document frequency: a pair shares rare words, and the sum of
their weights ranks it. Words that more than ``COMMON_SHARE`` of the other side uses never
open a pair; they only add to one that a rarer word opened. The cost grows with the number
of shared rare words, not with the product of the two catalogues.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from shared.matching.market_text import MarketText, tagged_date
from shared.matching.propositions.franchises import nicknames
from shared.matching.propositions.vocabulary import STOPWORDS
from shared.matching.text import fold, stem, words

TOP_K: Final = 40
"""Candidates kept for each market of the first side."""
COMMON_MAX: Final = 400
"""A word in more markets of the other side than this opens no pair."""
ALWAYS: Final = 2
"""The rarest words of a market open pairs even when they are common, up to a bound."""
ALWAYS_MAX: Final = 4 * COMMON_MAX


def features(market: MarketText) -> frozenset[str]:
    """Return the words that a market can be found by: question, label, event, outcomes, date."""
    label = market.label if not market.label.startswith("~") else ""
    names = "" if market.is_yes_no else " ".join(market.outcomes)
    text = fold(f"{market.question} {label} {market.event_title} {names}").replace("-", " ")
    spoken = words(text)
    found = {stem(word) for word in spoken} - STOPWORDS
    for word in spoken:
        found.update(stem(name) for name in nicknames(word))
    year, month, day = tagged_date(market.event_code)
    if day:
        found.add(f"@{year}-{month:02d}-{day:02d}")
    return frozenset(found)


class Index:
    """Markets of one side, findable by their features."""

    def __init__(self, markets: Sequence[MarketText]) -> None:
        self._postings: dict[str, list[int]] = defaultdict(list)
        self._norm: list[float] = []
        sets = [features(market) for market in markets]
        counts: Counter[str] = Counter()
        for number, found in enumerate(sets):
            counts.update(found)
            for word in found:
                self._postings[word].append(number)
        total = len(markets) or 1
        self._weight = {word: math.log(1 + total / n) for word, n in counts.items()}
        for found in sets:
            self._norm.append(math.sqrt(sum(self._weight[w] ** 2 for w in found)) or 1.0)

    def nearest(self, market: MarketText, top_k: int = TOP_K) -> list[tuple[int, float]]:
        """Return (number, score) of the markets most like ``market``, best first."""
        known = [w for w in features(market) if w in self._weight]
        known.sort(key=lambda w: len(self._postings[w]))
        scores: dict[int, float] = defaultdict(float)
        for position, word in enumerate(known):
            postings = self._postings[word]
            weight = self._weight[word] ** 2
            if len(postings) <= COMMON_MAX or position < ALWAYS:
                for number in postings[:ALWAYS_MAX]:
                    scores[number] += weight
            elif len(scores) <= len(postings):
                members = set(postings)
                for number in scores:
                    if number in members:
                        scores[number] += weight
        ranked = ((score / self._norm[number], number) for number, score in scores.items())
        return [(number, score) for score, number in heapq.nlargest(top_k, ranked)]


def pairs(
    first: Sequence[MarketText], second: Sequence[MarketText], top_k: int = TOP_K
) -> Iterator[tuple[int, int]]:
    """Yield index pairs worth comparing, looked up from both directions, each once."""
    index_second, index_first = Index(second), Index(first)
    half = max(1, top_k // 2)
    seen: set[tuple[int, int]] = set()
    for number, market in enumerate(first):
        for other, _ in index_second.nearest(market, half):
            seen.add((number, other))
            yield number, other
    for number, market in enumerate(second):
        for other, _ in index_first.nearest(market, half):
            if (other, number) not in seen:
                yield other, number

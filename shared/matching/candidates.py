"""Which pairs are worth comparing: by words, by meaning, by names, and by series.

Four ways of looking, merged by rank for each market and direction:

* *words* (``lexical``): stems of question, label, event and outcomes, names of franchises in
  games, the date of an event code, weighed by rarity;
* *meaning* (``semantic``): a local embedding index, when an embedder is given;
* *names*: Jaccard likeness of the capitalised words and numbers re-ranks what both found;
* *series and tags*: groups of the two venues that keep finding each other are one family, and
  a market may look at the most alike of its family whatever its own words say.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from shared.matching.lexical import LexicalIndex
from shared.matching.market_text import MarketText, tagged_date
from shared.matching.propositions.franchises import nicknames
from shared.matching.propositions.vocabulary import STOPWORDS
from shared.matching.semantic import EmbeddingIndex, vectors
from shared.matching.text import fold, plain, stem, words
from shared.ports.language_model import Embedder

TOP_K: Final = 40
"""Candidates of a market: half looked up from each direction."""
POOL: Final = 30
"""Nearest of each way of looking that are merged."""
FAMILY: Final = 3
"""Places of a market that its family may take."""
FAMILY_VOTES: Final = 3
"""Markets of a group whose best finds lie in one other group before the two are a family."""
FAMILY_MAX: Final = 120
"""A group of more markets is no family: a tag as wide as a sport says nothing."""
_RANK_START: Final = 5
_NAME_WEIGHT: Final = 0.05
"""A full agreement of names counts as much as about ten ranks in the middle."""

_GAME: Final = re.compile(r"\bvs?\.? |@| at .{2,40}(?:winner|:)|\bwinner\b")
_NAME: Final = re.compile(r"(?<![.!?:] )(?<!^)\b[A-Z][\w'.&-]*|\b\d[\d,.]*")


@dataclass(frozen=True, slots=True)
class Card:
    """What a market can be found by."""

    stems: frozenset[str]
    spoken: tuple[str, ...]
    """Its words as they are spoken, for the embedding."""
    names: frozenset[str]
    group: tuple[str, ...]
    """Series, event and tags: the families it may belong to."""


def card(market: MarketText) -> Card:
    """Read what a market can be found by; no rules text is looked at."""
    label = market.label if not market.label.startswith("~") else ""
    outcomes = "" if market.is_yes_no else " ".join(market.outcomes)
    event = market.event_title if market.event_title not in market.question else ""
    raw = plain(f"{market.question} {label} {event} {outcomes}")
    folded = fold(raw)
    spoken = words(folded.replace("-", " "))
    stems = {stem(word) for word in spoken} - STOPWORDS
    if _GAME.search(folded) is not None:
        for word in spoken:
            stems.update(stem(name) for name in nicknames(word))
    year, month, day = tagged_date(market.event_code)
    if day:
        stems.add(f"@{year}-{month:02d}-{day:02d}")
    names = {stem(w) for name in _NAME.findall(f"x {raw}") for w in words(name.lower())}
    group = (market.series, market.event_title, *(f"#{tag}" for tag in market.tags))
    return Card(
        frozenset(stems),
        tuple(spoken),
        frozenset(names - STOPWORDS),
        tuple(g for g in group if g),
    )


class Side:
    """Markets of one venue, ready to be looked up."""

    def __init__(self, markets: Sequence[MarketText], embedder: Embedder | None) -> None:
        self.cards = [card(market) for market in markets]
        self.lexical = LexicalIndex([c.stems for c in self.cards])
        self.rows = vectors([c.spoken for c in self.cards], embedder) if embedder else None
        self.semantic = EmbeddingIndex(self.rows) if self.rows is not None else None

    def nearest(self, other: Side, top_k: int) -> list[list[int]]:
        """Return for each of our markets the ``top_k`` numbers of the other side, best first."""
        by_meaning: list[list[tuple[int, float]]] = [[]] * len(self.cards)
        if self.rows is not None and other.semantic is not None:
            by_meaning = other.semantic.nearest(self.rows, POOL)
        ranked = [self._merged(number, other, meaning) for number, meaning in enumerate(by_meaning)]
        families = _families(self, other, ranked)
        return [
            self._with_family(number, other, found, families, top_k)
            for number, found in enumerate(ranked)
        ]

    def _merged(
        self, number: int, other: Side, by_meaning: Sequence[tuple[int, float]]
    ) -> list[int]:
        own = self.cards[number]
        points: dict[int, float] = defaultdict(float)
        for found in (other.lexical.nearest(own.stems, POOL), by_meaning):
            for rank, (candidate, _) in enumerate(found):
                points[candidate] += 1 / (_RANK_START + rank)
        cards, names = other.cards, own.names
        for candidate in points:
            their = cards[candidate].names
            shared = len(names & their)
            if shared:
                points[candidate] += _NAME_WEIGHT * shared / (len(names) + len(their) - shared)
        return sorted(points, key=lambda n: (-points[n], n))

    def _with_family(
        self,
        number: int,
        other: Side,
        found: list[int],
        families: dict[str, list[int]],
        top_k: int,
    ) -> list[int]:
        """Give the last places to the most alike members of the family that are not found."""
        own = self.cards[number]
        room = min(FAMILY, top_k // 4)
        kept, seen = found[: top_k - room], set(found[:top_k])
        members = {n for group in own.group for n in families.get(group, ()) if n not in seen}
        ranked = sorted(
            members,
            key=lambda n: (-len(own.stems & other.cards[n].stems), n),
        )[:room]
        rest = found[top_k - room : top_k]
        return kept + ranked + rest[: room - len(ranked)]


def _families(side: Side, other: Side, ranked: Sequence[Sequence[int]]) -> dict[str, list[int]]:
    """Return for each of our groups the markets of the group that it keeps finding.

    A family is a pair of groups: at least ``FAMILY_VOTES`` of our markets, and half of those
    in the group, find their best counterpart in it.
    """
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    sizes: Counter[str] = Counter()
    for own, found in zip(side.cards, ranked, strict=True):
        sizes.update(own.group)
        if found:
            for group in own.group:
                votes[group].update(other.cards[found[0]].group)
    members: dict[str, list[int]] = defaultdict(list)
    for number, their in enumerate(other.cards):
        for group in their.group:
            members[group].append(number)
    families: dict[str, list[int]] = {}
    for group, counted in votes.items():
        best, count = max(counted.items(), key=lambda v: (v[1], v[0]), default=("", 0))
        if (
            count >= FAMILY_VOTES
            and count * 2 >= sizes[group]
            and len(members[best]) <= _FAMILY_MAX
        ):
            families[group] = members[best]
    return families


_FAMILY_MAX: Final = 120


def pairs(
    first: Sequence[MarketText],
    second: Sequence[MarketText],
    top_k: int = TOP_K,
    embedder: Embedder | None = None,
) -> Iterator[tuple[int, int]]:
    """Yield index pairs worth comparing, looked up from both directions, each once."""
    assert top_k > 0
    half = max(1, top_k // 2)
    one, two = Side(first, embedder), Side(second, embedder)
    seen: set[tuple[int, int]] = set()
    for number, found in enumerate(one.nearest(two, half)):
        for other in found:
            seen.add((number, other))
            yield number, other
    for number, found in enumerate(two.nearest(one, half)):
        for other in found:
            if (other, number) not in seen:
                yield other, number

"""A matched pair: the same question on two venues, with known polarity and a verdict.

Only ``Verdict.CONFIRMED`` pairs whose rule hashes equal those of the instruments as
last seen may open a package (I-25).
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.domain.enums import Outcome, Polarity, Verdict
from shared.domain.ids import MarketId, PairId


@dataclass(frozen=True, slots=True)
class MatchedPair:
    """Market ``a`` and market ``b`` settle on the same thing, or a reason why not.

    ``a`` is Kalshi whenever Kalshi is one of the two. ``name`` is the short name shown
    on screens (at most 28 characters; its threshold and date are never cut).
    """

    pair_id: PairId
    a: MarketId
    b: MarketId
    polarity: Polarity
    verdict: Verdict
    name: str
    rules_hash_a: str
    rules_hash_b: str
    score_ppm: int
    category: str
    series_id: str
    settlement_source: str
    reason: str = ""
    open_clauses: int = 0
    """Findings of the rules that are not "same": what a person has to read."""
    is_proven: bool = False
    """True once the first small package of the pair proved its leg map (F-104)."""

    def outcome_on_b(self, outcome_on_a: Outcome) -> Outcome:
        """Return the outcome of B that pays in the same world as ``outcome_on_a`` of A."""
        return outcome_on_a if self.polarity is Polarity.SAME else outcome_on_a.other

    def packages(self) -> tuple[tuple[Outcome, Outcome], tuple[Outcome, Outcome]]:
        """Return the (outcome on A, outcome on B) of both hedged packages.

        Each buys both sides of the question: exactly one leg pays a dollar. For
        polarity SAME they are (yes, no) and (no, yes); for INVERSE (yes, yes) and (no, no).
        """
        first = (Outcome.YES, self.outcome_on_b(Outcome.NO))
        second = (Outcome.NO, self.outcome_on_b(Outcome.YES))
        assert first[0] is not second[0] and first[1] is not second[1]
        return first, second

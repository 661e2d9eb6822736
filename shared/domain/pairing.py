"""A matched pair: the same question on two venues, with known polarity and a verdict.

Only ``Verdict.CONFIRMED`` pairs whose rule hashes equal those of the instruments as
last seen may open a package (I-25).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.domain.enums import Outcome, Polarity, Verdict
from shared.domain.ids import MarketId, PairId
from shared.domain.instrument import Instrument, PriceRange

TEXT: Final = "rules text"
SOURCE: Final = "settlement source"
CLOSE: Final = "close time"
TICK: Final = "price grid"
FEES: Final = "fee scope"
NEEDS_PERSON: Final = frozenset({TEXT, SOURCE, CLOSE})
"""Changes after which only a new confirmation trades again; the others re-confirm
themselves once the new metadata are loaded."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What one market of a pair was when the pair was confirmed."""

    rules_hash: str
    source: str
    close_ns: int
    grid: tuple[PriceRange, ...]
    fees: str
    """Formula and scope of the fee schedule (``FeeSchedule.version`` and ``scope``)."""

    @staticmethod
    def of(instrument: Instrument) -> Terms:
        """Return the terms of a market as it is listed now."""
        return Terms(
            instrument.rules_hash,
            instrument.settlement_source,
            instrument.close_ns,
            instrument.grid,
            fee_terms(instrument),
        )

    def change(self, now: Instrument) -> str:
        """Name the gravest difference to a market as it is now, empty when there is none."""
        if self.rules_hash != now.rules_hash:
            return TEXT
        if self.source != now.settlement_source:
            return SOURCE
        if self.close_ns != now.close_ns:
            return CLOSE
        if self.grid != now.grid:
            return TICK
        return FEES if self.fees != fee_terms(now) else ""


def fee_terms(instrument: Instrument) -> str:
    """Return formula and scope of a fee schedule as one text; times are left out."""
    return f"{instrument.fees.version}|{instrument.fees.scope}"


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
    terms_a: Terms | None = None
    """Terms of A at the confirmation; None where only the hash of its text is known."""
    terms_b: Terms | None = None
    divergence_ppm: int = 0
    """Chance that the two pay differently, charged per contract as its millionths of a dollar."""
    is_proven: bool = False
    """True once the first small package of the pair proved its leg map (F-104)."""

    def min_edge(self, least_micros: int) -> int:
        """Return the edge per contract that the pair must reach: the least one asked for, plus
        the expected settlement loss. A divergence loses at most the whole dollar, so a chance
        of N millionths costs N micro-dollars a contract (I-25, F-102)."""
        assert self.divergence_ppm >= 0
        return least_micros + self.divergence_ppm

    def __post_init__(self) -> None:
        assert 0 <= self.divergence_ppm <= 1_000_000, self.divergence_ppm
        assert self.a != self.b, self.a

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

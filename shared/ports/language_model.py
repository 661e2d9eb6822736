"""Second opinions on a pair of markets, and embeddings: what a language model may add.

A model may rank and veto. It never confirms what a rule refused: ``matching.verdicts.weigh``
takes an opinion and can only keep or lower a verdict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from shared.domain.enums import Polarity
from shared.domain.errors import TwinlegError
from shared.domain.units import MICROS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class RankerUnavailableError(TwinlegError):
    """No usable opinion: timeout, budget spent, every provider down or answering nonsense.

    The text names the cause, never a key and never what a market says.
    """


class Agreement(StrEnum):
    """How one field of two markets compares."""

    SAME = "same"
    DIFFERENT = "different"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class AskedMarket:
    """The texts of one market as a model is shown them. ``rules_hash`` is the venue record's."""

    title: str
    outcome: str
    """What YES stands for, where the title does not say it."""
    rules: str
    source: str
    closes: str
    """Closing time, ISO 8601 UTC; empty when unknown."""
    rules_hash: str


@dataclass(frozen=True, slots=True)
class RankRequest:
    """A pair to compare. ``accepted`` are codes of rare clauses that the rules let differ."""

    a: AskedMarket
    b: AskedMarket
    accepted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a model said, validated. ``score_ppm`` is its similarity, 0..1,000,000."""

    score_ppm: int
    polarity: Polarity
    fields: Mapping[str, Agreement]
    explanation: str
    counterexample: str
    """A course of events that pays the two differently; empty when it found none."""
    model: str
    prompt_version: str
    tokens: int = field(default=0, compare=False)
    """Tokens that the answer cost; 0 when it came from the cache."""

    def __post_init__(self) -> None:
        assert 0 <= self.score_ppm <= MICROS
        assert self.model and self.prompt_version


class Ranker(Protocol):
    """Asks a model about one pair."""

    async def rank(self, request: RankRequest) -> Opinion:
        """Return an opinion within the ranker's own deadline.

        Raises:
            RankerUnavailableError: there is none; the caller treats it as no opinion.
        """
        ...


class OpinionCache(Protocol):
    """Opinions by a key of rule-text hashes and prompt version; immutable once stored."""

    def get(self, key: str) -> str | None:
        """Return the stored JSON text, or None. Raises StoreError."""
        ...

    def put(self, key: str, text: str) -> None:
        """Store it; a key that exists keeps its first text. Raises StoreError."""
        ...


class TokenBudget(Protocol):
    """Tokens that may still be spent on one UTC day, shared by all processes."""

    def reserve(self, day: str, tokens: int, limit: int) -> bool:
        """Take ``tokens`` of the day's ``limit`` at once, or none. Raises StoreError."""
        ...

    def give_back(self, day: str, tokens: int) -> None:
        """Return what a reservation did not use. Raises StoreError."""
        ...


class Embedder(Protocol):
    """Turns words into vectors; the angle between two sums of words is their likeness."""

    @property
    def name(self) -> str: ...

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return a float32 matrix, one row a text, zeros for an empty one; not scaled."""
        ...

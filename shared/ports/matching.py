"""What the matching pipeline asks of the record beside the catalogue itself.

Rulings of people (block and allow lists) survive re-crawls because they name markets,
series and sources, never rows. A crawl keeps its cursor, so that another process goes on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from shared.domain.ids import MarketId, PairId
from shared.domain.units import PriceMicros


class RulingList(StrEnum):
    BLOCK = "block"
    ALLOW = "allow"


class RulingKind(StrEnum):
    """What ``a`` and ``b`` of a ruling name."""

    PAIR = "pair"
    """Two market ids."""
    SERIES = "series"
    """Two series, each ``venue:series``."""
    SOURCE = "source"
    """Two settlement sources as ``matching.verdicts.source_key`` names them."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """A person's standing decision; the order of ``a`` and ``b`` does not matter."""

    list: RulingList
    kind: RulingKind
    a: str
    b: str
    actor: str
    reason: str
    at_ns: int

    @property
    def key(self) -> tuple[str, str, str, str]:
        first, second = sorted((self.a, self.b))
        return self.list.value, self.kind.value, first, second


@dataclass(frozen=True, slots=True)
class Crawl:
    """How far the crawl of one venue has come. ``cursor`` is opaque; times are wall clock.

    ``finished_ns`` 0 means that it is under way; ``leased_until_ns`` is until when the
    process named by ``run_id`` alone goes on with it.
    """

    venue: str
    run_id: str
    cursor: str
    listed: int
    changed: int
    started_ns: int
    updated_ns: int
    finished_ns: int = 0
    leased_until_ns: int = 0


@dataclass(frozen=True, slots=True)
class SettledPair:
    """Both results of a pair that once was confirmed: dollars that one YES paid, x 1e6."""

    pair_id: PairId
    name: str
    category: str
    series_id: str
    settlement_source: str
    payout_a: PriceMicros
    payout_b: PriceMicros
    has_diverged: bool
    checked_ns: int


class PairRulings(Protocol):
    """Block and allow lists. Sync."""

    def list_rulings(self) -> Sequence[Ruling]: ...

    def put_ruling(self, ruling: Ruling) -> None:
        """Store it; the same names again replace actor, reason and time."""
        ...

    def delete_ruling(self, ruling: Ruling) -> bool:
        """Remove the ruling of the same list, kind and names; False when there is none."""
        ...


RUN: Final = "matching"
"""The name under which a run of the whole pipeline is kept among the crawls."""


class CrawlStore(Protocol):
    """State of crawls, one a venue, and of the run that they belong to. Sync."""

    def take_crawl(self, venue: str, run_id: str, now_ns: int, lease_ns: int) -> Crawl | None:
        """Go on with the unfinished crawl, or begin a new one; None while another has it."""
        ...

    def save_crawl(self, crawl: Crawl) -> bool:
        """Store progress; False when another run has taken it over meanwhile."""
        ...

    def list_crawls(self) -> Sequence[Crawl]: ...

    def keep_run(self, run_id: str, now_ns: int, lease_ns: int) -> bool:
        """Say whether the matching run may go on, and keep it for so long; one at a time."""
        ...

    def end_run(self, run_id: str, now_ns: int) -> None:
        """Let the next run begin; nothing when another run has it."""
        ...


class DivergenceLedger(Protocol):
    """Results of markets, and of pairs that once were confirmed. Sync."""

    def note_settlement(self, market: MarketId, payout: PriceMicros, seen_ns: int) -> None:
        """Keep a determined result; a later other result of the venue replaces it."""
        ...

    def check_settled(self, now_ns: int) -> Sequence[SettledPair]:
        """Enter every pair whose two results are known and changed; return those entered."""
        ...

    def list_settled(self) -> Sequence[SettledPair]: ...

    def series_record(self) -> Mapping[str, tuple[int, int]]:
        """Return (settled, diverged) by series."""
        ...

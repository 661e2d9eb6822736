"""What one simulated process was told, kept beside its kernel and never taken from it.

The checkers judge an opening by this record, so that a kernel that misjudges its own
books, rules or feeds cannot vouch for itself (I-05, I-12).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from shared.domain import events as ev
from shared.domain.config import Config
from shared.domain.enums import BookState, Venue
from shared.domain.ids import MarketId, PairId
from shared.domain.instrument import Instrument
from shared.domain.pairing import MatchedPair


@dataclass(slots=True)
class BookSeen:
    """Continuity of one book by the frames that arrived; times are monotonic nanoseconds."""

    state: BookState = BookState.STALE
    proved_ns: int = -1


@dataclass(slots=True)
class Watch:
    """Facts of the newest event of each kind that this process received."""

    books: dict[MarketId, BookSeen] = field(default_factory=dict)
    feeds: dict[Venue, tuple[ev.FeedStatus, int]] = field(default_factory=dict)
    instruments: dict[MarketId, Instrument] = field(default_factory=dict)
    pairs: dict[PairId, MatchedPair] = field(default_factory=dict)
    resolved: set[MarketId] = field(default_factory=set)
    config: Config | None = None

    def observe(self, body: ev.EventBody, mono_ns: int) -> None:
        """Take one event that the kernel is about to be given."""
        note = _NOTES.get(type(body))
        if note is not None:
            note(self, body, mono_ns)

    def _whole(self, body: ev.BookReplaced, mono_ns: int) -> None:
        seen = self.books.setdefault(body.market_id, BookSeen())
        crossed = (
            bool(body.bids)
            and bool(body.asks)
            and (max(p for p, _ in body.bids) >= min(p for p, _ in body.asks))
        )
        seen.state = BookState.GAPPED if crossed else BookState.SYNCED
        if not crossed:
            seen.proved_ns = mono_ns

    def _marked(self, body: ev.BookMarked, mono_ns: int) -> None:
        self.books.setdefault(body.market_id, BookSeen()).state = body.state

    def _proved(self, body: ev.BookProved, mono_ns: int) -> None:
        seen = self.books.get(body.market_id)
        if seen is not None and seen.state is BookState.SYNCED:
            seen.proved_ns = mono_ns

    def _feed(self, body: ev.FeedStatus, mono_ns: int) -> None:
        self.feeds[body.venue] = (body, mono_ns)

    def _instrument(self, body: ev.InstrumentChanged, mono_ns: int) -> None:
        self.instruments[body.instrument.market_id] = body.instrument

    def _status(self, body: ev.MarketStatusChanged, mono_ns: int) -> None:
        known = self.instruments.get(body.market_id)
        if known is not None:
            self.instruments[body.market_id] = replace(known, status=body.status)

    def _pairs(self, body: ev.PairsChanged, mono_ns: int) -> None:
        self.pairs = {pair.pair_id: pair for pair in body.pairs}
        self.instruments |= {i.market_id: i for i in body.instruments}

    def _config(self, body: ev.ConfigChanged, mono_ns: int) -> None:
        self.config = body.config

    def _resolved(self, body: ev.MarketResolved, mono_ns: int) -> None:
        self.resolved.add(body.market_id)


_NOTES: Final[dict[type, Callable[[Watch, Any, int], None]]] = {
    ev.BookReplaced: Watch._whole,
    ev.BookMarked: Watch._marked,
    ev.BookProved: Watch._proved,
    ev.FeedStatus: Watch._feed,
    ev.InstrumentChanged: Watch._instrument,
    ev.MarketStatusChanged: Watch._status,
    ev.PairsChanged: Watch._pairs,
    ev.ConfigChanged: Watch._config,
    ev.MarketResolved: Watch._resolved,
}

"""The books of one connection and how far each of them can be trusted.

Pure. Every change of trust is said once, as a ``BookMarked``; while the meaning of
no-side prices is in doubt (``frozen``) no book is called SYNCED, whatever it holds.
"""

from __future__ import annotations

from collections.abc import Mapping

from shared.adapters.venues.kalshi.wire_book import WireBook
from shared.domain.enums import BookState
from shared.domain.events import BookMarked, BookReplaced, FeedBody
from shared.domain.instrument import Instrument

Bodies = list[FeedBody]


class Shelf:
    """Instruments and books by ticker. Methods append what must be said to ``bodies``."""

    def __init__(self) -> None:
        self.instruments: dict[str, Instrument] = {}
        self.books: dict[str, WireBook] = {}
        self.frozen = ""
        """Why the meaning of no-side prices is in doubt; survives reconnects (F-008)."""

    def replace_set(self, instruments: Mapping[str, Instrument]) -> tuple[list[str], list[str]]:
        """Watch these markets from now on; returns (tickers gone, tickers new)."""
        gone = [ticker for ticker in self.instruments if ticker not in instruments]
        fresh = [ticker for ticker in instruments if ticker not in self.instruments]
        for ticker in gone:
            del self.books[ticker], self.instruments[ticker]
        for ticker in fresh:
            self.books[ticker] = WireBook()
        self.instruments.update(instruments)
        assert self.books.keys() == self.instruments.keys()
        return gone, fresh

    def mark(self, bodies: Bodies, ticker: str, state: BookState, reason: str) -> None:
        """Change what is believed of one book; a doubt is FROZEN while the feed is."""
        book = self.books[ticker]
        if self.frozen:
            assert state is not BookState.SYNCED, ticker
            state = BookState.FROZEN if state is BookState.GAPPED else state
        if book.state is state and (book.reason == reason or state is BookState.SYNCED):
            return
        book.state, book.reason = state, reason
        bodies.append(BookMarked(self.instruments[ticker].market_id, state, reason))

    def doubt(self, bodies: Bodies, ticker: str, state: BookState, reason: str) -> None:
        """Forget one book: only its own snapshot brings it back."""
        assert state is not BookState.SYNCED
        self.books[ticker].forget()
        self.mark(bodies, ticker, state, reason)

    def doubt_all(self, bodies: Bodies, state: BookState, reason: str) -> None:
        for ticker in self.books:
            self.doubt(bodies, ticker, state, reason)

    def publish(self, bodies: Bodies, ticker: str, ts_ns: int, now_ns: int) -> None:
        """Hand out a whole book and call it SYNCED, unless the feed is frozen."""
        book = self.books[ticker]
        if self.frozen:
            self.mark(bodies, ticker, BookState.FROZEN, self.frozen)
            return
        assert book.has_snapshot and not book.is_crossed, ticker
        book.published_ns = now_ns
        bids, asks = book.levels()
        bodies.append(BookReplaced(self.instruments[ticker].market_id, bids, asks, ts_ns))
        self.mark(bodies, ticker, BookState.SYNCED, "snapshot")

    def republish(self, bodies: Bodies, ticker: str, now_ns: int) -> None:
        """Hand out a proved book whole again, for a reader that lost trust in its copy."""
        if self.books[ticker].state is BookState.SYNCED:
            self.publish(bodies, ticker, 0, now_ns)
            market = self.instruments[ticker].market_id
            bodies.append(BookMarked(market, BookState.SYNCED, "proved"))

    def freeze(self, bodies: Bodies, reason: str) -> None:
        """Distrust every book until a REST read confirms how no-side prices are quoted."""
        self.frozen = reason
        for ticker in self.books:
            self.mark(bodies, ticker, BookState.FROZEN, reason)

    def thaw(self, bodies: Bodies, now_ns: int) -> None:
        """A REST read agreed: publish what was collected meanwhile."""
        if not self.frozen:
            return
        self.frozen = ""
        for ticker, book in self.books.items():
            if book.has_snapshot:
                self.publish(bodies, ticker, 0, now_ns)
            else:
                self.mark(bodies, ticker, BookState.STALE, "waiting for a snapshot")

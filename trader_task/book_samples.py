"""Samples of order books for the record: the best five levels of each watched market.

A sample is what was seen, for later study and for the screens; it decides nothing. Books
in doubt are left out: an absent row says so more honestly than a stale one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from shared.domain.book import Book
from shared.domain.enums import BookSide, BookState
from shared.domain.ids import MarketId

SAMPLE_S: Final = 30.0
LEVELS: Final = 5

Row = Mapping[str, Any]


def sample_rows(books: Mapping[MarketId, Book], wall_ns: int) -> tuple[Row, ...]:
    """Return one row of table ``orderbooks`` for each book that is verified right now."""
    return tuple(
        _row(market, book, wall_ns)
        for market, book in sorted(books.items())
        if book.state is BookState.SYNCED
    )


def _row(market: MarketId, book: Book, wall_ns: int) -> Row:
    bid, ask = book.best_bid(), book.best_ask()
    return {
        "market_id": market,
        "ts_ns": wall_ns,
        "bid_px_micros": bid[0] if bid else None,
        "bid_sz_micros": bid[1] if bid else None,
        "ask_px_micros": ask[0] if ask else None,
        "ask_sz_micros": ask[1] if ask else None,
        "lvl2": {
            "bids": [list(level) for level in book.depth(BookSide.BID, LEVELS)],
            "asks": [list(level) for level in book.depth(BookSide.ASK, LEVELS)],
        },
    }


class BookSampler:
    """Puts one sample of all books into the record a turn."""

    def __init__(
        self,
        books: Callable[[], Mapping[MarketId, Book]],
        wall_ns: Callable[[], int],
        put: Callable[[tuple[tuple[str, tuple[Row, ...]], ...]], None],
    ) -> None:
        self._books = books
        self._wall_ns = wall_ns
        self._put = put

    async def sample(self) -> None:
        rows = sample_rows(self._books(), self._wall_ns())
        if rows:
            self._put((("orderbooks", rows),))

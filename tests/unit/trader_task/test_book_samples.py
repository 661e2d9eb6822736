"""Only verified books are sampled, best levels first."""

from __future__ import annotations

from shared.domain.book import Book
from shared.domain.enums import BookState
from shared.domain.units import PriceMicros, QtyMicros
from tests.support.trader_fakes import KALSHI_MARKET, POLYMARKET_MARKET
from trader_task.book_samples import LEVELS, sample_rows


def book(*bids: int) -> Book:
    made = Book(KALSHI_MARKET)
    levels = tuple((PriceMicros(b * 10_000), QtyMicros(b)) for b in bids)
    made.replace(levels, (), 1)
    return made


def test_best_levels_of_verified_books_only() -> None:
    doubtful = book(1)
    doubtful.state = BookState.GAPPED
    (row,) = sample_rows({KALSHI_MARKET: book(*range(1, 9)), POLYMARKET_MARKET: doubtful}, 5)
    assert row["market_id"] == KALSHI_MARKET and row["ts_ns"] == 5
    assert (row["bid_px_micros"], row["bid_sz_micros"]) == (80_000, 8)
    assert row["ask_px_micros"] is None, "an empty side is unknown, not zero"
    assert len(row["lvl2"]["bids"]) == LEVELS and row["lvl2"]["bids"][0] == [80_000, 8]

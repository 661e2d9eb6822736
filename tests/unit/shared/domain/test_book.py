"""The book in YES terms, seen by takers of both outcomes."""

from __future__ import annotations

import pytest

from shared.domain.book import Book
from shared.domain.enums import BookSide, BookState, Outcome, Side
from shared.domain.errors import DomainError, OffGridError
from shared.domain.units import PriceMicros, QtyMicros
from tests.support.markets import book_of, ct, kalshi_market, px

YES, NO, BUY, SELL = Outcome.YES, Outcome.NO, Side.BUY, Side.SELL


def sample() -> Book:
    return book_of(kalshi_market(), "0.44x50 0.45x100", "0.47x30 0.46x20")


def test_new_book_is_stale_and_empty_and_a_whole_book_synchronises_it() -> None:
    book = Book(kalshi_market().market_id)
    assert book.state is BookState.STALE and book.proved_mono_ns == -1
    assert book.best_bid() is None and book.best_ask() is None and book.mid2_micros() is None
    assert not book.is_crossed() and book.touch(NO, BUY) is None and book.buy_levels(YES) == []
    book.replace([(px("0.4"), ct("1"))], [], 7)
    assert book.state is BookState.SYNCED and book.venue_ts_ns == 7
    assert book.mid2_micros() is None


def test_takers_see_both_outcomes_best_first() -> None:
    book = sample()
    assert book.best_bid() == (px("0.45"), ct("100"))
    assert book.best_ask() == (px("0.46"), ct("20"))
    assert book.mid2_micros() == 910_000
    assert book.buy_levels(YES) == [(px("0.46"), ct("20")), (px("0.47"), ct("30"))]
    assert book.buy_levels(NO) == [(px("0.55"), ct("100")), (px("0.56"), ct("50"))]
    assert book.sell_levels(YES) == [(px("0.45"), ct("100")), (px("0.44"), ct("50"))]
    assert book.sell_levels(NO) == [(px("0.54"), ct("20")), (px("0.53"), ct("30"))]
    for outcome in (YES, NO):
        assert book.touch(outcome, BUY) == book.buy_levels(outcome)[0]
        assert book.touch(outcome, SELL) == book.sell_levels(outcome)[0]
    assert book.depth(BookSide.BID, 1) == [(px("0.45"), ct("100"))]
    assert book.depth(BookSide.ASK, 9) == book.buy_levels(YES)


def test_changes_are_absolute_and_zero_removes() -> None:
    book = sample()
    assert book.buy_levels(YES)[0] == (px("0.46"), ct("20"))
    book.apply(BookSide.ASK, px("0.46"), ct("0"), 2)
    assert book.buy_levels(YES)[0] == (px("0.47"), ct("30"))
    assert book.best_ask() == (px("0.47"), ct("30"))
    book.apply(BookSide.BID, px("0.46"), ct("5"), 3)
    assert book.best_bid() == (px("0.46"), ct("5")) and book.venue_ts_ns == 3
    assert book.buy_levels(NO)[0] == (px("0.54"), ct("5"))
    book.apply(BookSide.BID, px("0.46"), ct("6"), 4)
    assert book.buy_levels(NO)[0] == (px("0.54"), ct("6"))
    book.apply(BookSide.BID, px("0.10"), ct("0"), 5)
    assert len(book.buy_levels(NO)) == 3


def test_locked_and_crossed_books_are_crossed() -> None:
    book = sample()
    assert not book.is_crossed()
    book.apply(BookSide.BID, px("0.46"), ct("1"), 2)
    assert book.is_crossed()
    book.apply(BookSide.BID, px("0.48"), ct("1"), 2)
    assert book.is_crossed()


@pytest.mark.parametrize(
    ("levels", "error"),
    [
        ([(PriceMicros(0), ct("1"))], OffGridError),
        ([(PriceMicros(1_000_000), ct("1"))], OffGridError),
        ([(px("0.5"), QtyMicros(0))], DomainError),
        ([(px("0.5"), QtyMicros(-1))], DomainError),
        ([(px("0.5"), ct("1")), (px("0.5"), ct("2"))], DomainError),
    ],
)
def test_bad_whole_book_is_refused_and_changes_nothing(
    levels: list[tuple[PriceMicros, QtyMicros]], error: type[Exception]
) -> None:
    book = sample()
    book.state = BookState.GAPPED
    with pytest.raises(error):
        book.replace([(px("0.1"), ct("1"))], levels, 9)
    assert book.best_bid() == (px("0.45"), ct("100"))
    assert book.state is BookState.GAPPED and book.venue_ts_ns == 1


def test_bad_change_is_refused_and_changes_nothing() -> None:
    book = sample()
    for price in (0, -1, 1_000_000):
        with pytest.raises(OffGridError):
            book.apply(BookSide.BID, PriceMicros(price), ct("1"), 9)
    with pytest.raises(DomainError):
        book.apply(BookSide.BID, px("0.5"), QtyMicros(-1), 9)
    assert book.best_bid() == (px("0.45"), ct("100")) and book.venue_ts_ns == 1

"""Price-time priority of one book, crowd and accounts in the same queues."""

from __future__ import annotations

import pytest

from shared.domain.enums import BookSide
from shared.exchange.ladder import CROWD, Ladder


def walk(ladder: Ladder, side: BookSide, limit: int) -> list[tuple[int, str, int]]:
    return [(price, entry.order_id, entry.qty) for price, entry in ladder.walk(side, limit)]


def test_a_taker_meets_the_best_price_first_and_the_oldest_entry_at_a_price() -> None:
    ladder = Ladder()
    ladder.set_crowd(BookSide.ASK, 430_000, 5)
    ladder.add(BookSide.ASK, 420_000, "mine", 2)
    ladder.set_crowd(BookSide.ASK, 420_000, 7)
    assert walk(ladder, BookSide.BID, 430_000) == [
        (420_000, "mine", 2),
        (420_000, CROWD, 7),
        (430_000, CROWD, 5),
    ]
    assert walk(ladder, BookSide.BID, 419_999) == []


def test_bids_are_walked_from_the_top_down() -> None:
    ladder = Ladder()
    ladder.set_crowd(BookSide.BID, 390_000, 1)
    ladder.set_crowd(BookSide.BID, 400_000, 2)
    assert walk(ladder, BookSide.ASK, 390_000) == [(400_000, CROWD, 2), (390_000, CROWD, 1)]


def test_the_crowd_withdraws_from_the_back_and_keeps_its_place_before_us() -> None:
    ladder = Ladder()
    ladder.set_crowd(BookSide.BID, 400_000, 10)
    ladder.add(BookSide.BID, 400_000, "mine", 3)
    assert ladder.set_crowd(BookSide.BID, 400_000, 15) == 5
    assert ladder.set_crowd(BookSide.BID, 400_000, 8) == -7
    assert walk(ladder, BookSide.ASK, 400_000) == [(400_000, CROWD, 8), (400_000, "mine", 3)]
    assert ladder.total(BookSide.BID, 400_000) == 11


def test_an_empty_level_vanishes() -> None:
    ladder = Ladder()
    ladder.set_crowd(BookSide.BID, 400_000, 10)
    ladder.reduce(BookSide.BID, 400_000, CROWD, 10)
    assert ladder.levels(BookSide.BID) == []
    assert ladder.best(BookSide.BID) is None


def test_nothing_rests_across_the_book() -> None:
    ladder = Ladder()
    ladder.set_crowd(BookSide.ASK, 420_000, 1)
    with pytest.raises(AssertionError):
        ladder.add(BookSide.BID, 420_000, "mine", 1)


def test_removing_an_order_tells_how_much_it_was() -> None:
    ladder = Ladder()
    ladder.add(BookSide.ASK, 420_000, "mine", 4)
    assert ladder.remove(BookSide.ASK, 420_000, "mine") == 4
    assert ladder.remove(BookSide.ASK, 420_000, "mine") == 0

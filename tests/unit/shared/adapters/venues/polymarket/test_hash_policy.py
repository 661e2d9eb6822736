"""Hashes under pressure: they may wait 100 ms, never past a submit, never several at once."""

from __future__ import annotations

from typing import Any

import pytest

from shared.adapters.venues.polymarket.hash_policy import BURST_LEVELS, WAIT_MAX_NS, HashBudget
from shared.domain.enums import BookSide, BookState
from shared.domain.events import BookChanged, BookMarked, BookProved
from shared.domain.units import NS_PER_MS, NS_PER_S
from tests.unit.shared.adapters.venues.polymarket.test_stream import Feed

START = NS_PER_S


@pytest.fixture
def feed() -> Feed:
    made = Feed()
    made.say(made.venue.yes.stream_view(is_initial=True))
    return made


def press(feed: Feed, at_ns: int = START) -> None:
    """Use up the budget, as a burst over deep books does."""
    feed.channel.hashing.spend(1_000 * BURST_LEVELS, at_ns)


def move(feed: Feed, qty: int, *, spoil: bool = False, side: BookSide = BookSide.ASK) -> Any:
    feed.ms += 1
    frame = feed.venue.move(side, 450_000, qty * 1_000_000, feed.ms * 1_000_000_000)
    for row in frame["price_changes"]:
        row["hash"] = "0" * 40 if spoil else row["hash"]
    return frame


def track_of(feed: Feed) -> Any:
    return feed.channel.by_market[feed.market]


def kinds(bodies: list[Any]) -> list[str]:
    return [type(body).__name__ for body in bodies]


def at(ms: float) -> float:
    """Seconds for ``say`` of a moment after the start."""
    return 1.0 + ms / 1_000


def test_at_ordinary_load_every_change_is_checked(feed: Feed) -> None:
    for n in range(50):
        assert kinds(feed.say(move(feed, n + 1), at(n))) == ["BookChanged"]
    assert feed.channel.deferred == 0
    # A wrong hash is found at once.
    assert BookState.GAPPED in [
        b.state for b in feed.say(move(feed, 60, spoil=True), at(50)) if isinstance(b, BookMarked)
    ]


def test_under_pressure_the_hash_waits_and_is_checked_within_100_ms(feed: Feed) -> None:
    press(feed)
    for n in range(9):
        assert kinds(feed.say(move(feed, n + 1), at(n * 10))) == ["BookChanged"]
    assert feed.channel.deferred == 9 and track_of(feed).claim
    assert feed.channel.settle(int(at(99) * NS_PER_S)) == []
    assert kinds(feed.channel.settle(START + WAIT_MAX_NS)) == ["BookProved"]
    assert not track_of(feed).claim and track_of(feed).state is BookState.SYNCED


def test_a_change_after_100_ms_is_checked_itself_whatever_the_pressure(feed: Feed) -> None:
    press(feed)
    feed.say(move(feed, 1), at(1))
    assert track_of(feed).claim
    assert kinds(feed.say(move(feed, 2), at(101))) == ["BookChanged"]
    assert not track_of(feed).claim


def test_a_lie_told_under_pressure_is_found_when_its_time_is_up(feed: Feed) -> None:
    press(feed)
    assert kinds(feed.say(move(feed, 1, spoil=True), at(1))) == ["BookChanged"]
    bodies = feed.channel.settle(START + WAIT_MAX_NS)
    assert [b.state for b in bodies if isinstance(b, BookMarked)] == [BookState.GAPPED]
    assert track_of(feed).book is None and feed.market in feed.channel.wanted


def test_a_submit_has_the_book_checked_first(feed: Feed) -> None:
    press(feed)
    feed.say(move(feed, 1), at(1))
    now = START + 2 * NS_PER_MS
    assert kinds(feed.channel.settle_one(track_of(feed), now)) == ["BookProved"]
    feed.say(move(feed, 2, spoil=True), at(3))
    bodies = feed.channel.settle_one(track_of(feed), now)
    assert [b.state for b in bodies if isinstance(b, BookMarked)] == [BookState.GAPPED]
    # Nothing waits: nothing is said and nothing is hashed.
    assert feed.channel.settle_one(track_of(feed), now) == []


def test_several_changes_in_a_message_are_never_taken_on_trust(feed: Feed) -> None:
    press(feed)
    first, second = move(feed, 1), move(feed, 2)
    both = {**second, "price_changes": first["price_changes"] + second["price_changes"]}
    feed.say(both, at(1))
    assert feed.channel.deferred == 0
    third, fourth = move(feed, 3), move(feed, 4, spoil=True)
    wrong = {**fourth, "price_changes": third["price_changes"] + fourth["price_changes"]}
    bodies = feed.say(wrong, at(2))
    assert [b.state for b in bodies if isinstance(b, BookMarked)] == [BookState.GAPPED]
    # Untradeable until the next whole book, which verifies by itself.
    assert not any(isinstance(b, BookChanged) for b in feed.say(move(feed, 5), at(3)))
    feed.ms += 1
    feed.say(feed.venue.yes.stream_view(is_initial=False), at(4))
    assert track_of(feed).state is BookState.SYNCED


def test_the_price_that_traded_while_waiting_is_still_found(feed: Feed) -> None:
    press(feed)
    feed.say(move(feed, 1), at(1))
    feed.venue.yes.last_trade = "0.45"
    for n in range(5):
        feed.say(move(feed, 2 + n), at(2 + n))
    assert [type(b) for b in feed.channel.settle(START + WAIT_MAX_NS)] == [BookProved]
    assert track_of(feed).book.last_trade_price == "0.45"


def test_the_budget_refills_with_time_and_not_beyond_its_burst() -> None:
    budget = HashBudget(1_000, 100)
    budget.spend(150, 0)
    assert budget.is_pressed(50 * NS_PER_MS)
    assert not budget.is_pressed(51 * NS_PER_MS)
    budget.spend(100, 10 * NS_PER_S)
    assert budget.is_pressed(10 * NS_PER_S)
    assert budget.is_pressed(5 * NS_PER_S), "time going back refills nothing"

"""Continuity of books that come as whole frames without a number."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.adapters.venues.polymarket_us.errors import WireTally
from shared.adapters.venues.polymarket_us.schemas import BookData
from shared.adapters.venues.polymarket_us.stream import (
    ANSWER_NS,
    FIRST_BOOK_NS,
    KIND,
    BookStream,
    Step,
)
from shared.domain.enums import BookState
from shared.domain.errors import WireError
from shared.domain.events import BookMarked, BookProved, BookReplaced
from tests.fuzz.polymarket_us import INSTRUMENTS
from tests.support.polymarket_us_world import RAIN, RATE

S = 10**9


def book(slug: str = RATE, bid: str = "0.40", ask: str = "0.42", **more: Any) -> dict[str, Any]:
    def level(price: str) -> dict[str, Any]:
        return {"px": {"value": price, "currency": "USD"}, "qty": "10.0000"}

    return {
        "marketSlug": slug,
        "bids": [level(bid)],
        "offers": [level(ask)],
        "state": "MARKET_STATE_OPEN",
        "transactTime": "2026-11-18T00:00:10Z",
        **more,
    }


def frame(data: dict[str, Any], request: str = "books-1-1") -> str:
    return json.dumps({"requestId": request, "subscriptionType": KIND, "marketData": data})


def opened() -> BookStream:
    stream = BookStream(WireTally())
    stream.watch(INSTRUMENTS, 0)
    stream.open(S)
    return stream


def kinds(step: Step) -> list[str]:
    return [type(body).__name__ for body in step.bodies]


def rest(data: dict[str, Any]) -> BookData:
    import msgspec

    return msgspec.convert(data, BookData)


def commands(step: Step) -> list[dict[str, Any]]:
    return [json.loads(command) for command in step.sends]


def test_opening_subscribes_everything_and_trusts_nothing() -> None:
    stream = BookStream(WireTally())
    assert stream.watch(INSTRUMENTS, 0).sends == [], "there is no connection yet"
    step = stream.open(S)
    [command] = commands(step)
    assert sorted(command["subscribe"]["marketSlugs"]) == sorted(INSTRUMENTS)
    assert command["subscribe"]["subscriptionType"] == KIND
    assert {b.state for b in step.bodies if isinstance(b, BookMarked)} == {BookState.GAPPED}


def test_a_whole_frame_makes_a_book_and_an_equal_one_proves_it() -> None:
    stream = opened()
    first = stream.receive(1, frame(book()), 2 * S)
    assert kinds(first) == ["BookReplaced", "BookMarked"]
    assert stream.books[RATE].state is BookState.SYNCED
    assert stream.books[RAIN].state is BookState.GAPPED, "its own frame has not come"
    again = stream.receive(1, frame(book()), 3 * S)
    assert kinds(again) == ["BookProved"]
    moved = stream.receive(1, frame(book(bid="0.41")), 4 * S)
    assert kinds(moved) == ["BookReplaced"]


def test_frames_of_a_former_life_and_older_frames_change_nothing() -> None:
    stream = opened()
    stream.receive(1, frame(book()), 2 * S)
    old = book(bid="0.10", transactTime="2026-11-18T00:00:09Z")
    assert stream.receive(1, frame(old), 3 * S).bodies == []
    stream.close("reset")
    stream.open(4 * S)
    assert stream.receive(1, frame(book(bid="0.41")), 5 * S).bodies == []
    assert stream.books[RATE].state is BookState.GAPPED
    # A new life judges the venue's clock anew: it may have stepped back.
    assert kinds(stream.receive(2, frame(old), 6 * S)) == ["BookReplaced", "BookMarked"]


@pytest.mark.parametrize(
    "data",
    [
        book(bid="0.42", ask="0.42"),
        book(bid="1.00"),
        book(bid="-0.10"),
        book(bid="0.4000001"),
        book(offers=[{"px": {"value": "0.42", "currency": "EUR"}, "qty": "1"}]),
        book(bids=[{"px": {"value": "0.40", "currency": "USD"}, "qty": "0.0000"}]),
        book(transactTime="noon"),
    ],
)
def test_gotcha_3_a_book_that_cannot_be_is_not_tradeable(data: dict[str, Any]) -> None:
    stream = opened()
    stream.receive(1, frame(book()), 2 * S)
    stream.receive(1, frame(book(RAIN)), 2 * S)
    step = stream.receive(1, frame(data), 3 * S)
    [mark] = step.bodies
    assert isinstance(mark, BookMarked) and mark.state is BookState.GAPPED
    assert stream.books[RAIN].state is BookState.SYNCED, "another market's book is untouched"
    assert kinds(stream.receive(1, frame(book()), 4 * S)) == ["BookReplaced", "BookMarked"]


def test_a_frame_that_nobody_can_read_doubts_every_book() -> None:
    stream = opened()
    stream.receive(1, frame(book()), 2 * S)
    step = stream.receive(1, "{broken", 3 * S)
    assert step.reconnect and stream.books[RATE].state is BookState.GAPPED


def test_gotcha_us_a_proof_is_a_second_short_subscription() -> None:
    stream = opened()
    stream.receive(1, frame(book()), 2 * S)
    [asked] = commands(stream.ask_book(RATE, 3 * S))
    name = asked["subscribe"]["requestId"]
    assert asked["subscribe"]["marketSlugs"] == [RATE] and name.startswith("proof-")
    assert stream.ask_book(RATE, 3 * S).sends == [], "one question at a time"
    step = stream.receive(1, frame(book(), name), 4 * S)
    assert [type(b) for b in step.bodies] == [BookProved]
    assert commands(step) == [{"unsubscribe": {"requestId": name}}]


def test_gotcha_us_without_a_frame_the_book_is_read_over_rest() -> None:
    """Whether a subscription begins with a whole book is not confirmed."""
    stream = opened()
    assert stream.tick(S + FIRST_BOOK_NS - 1).reads == set()
    assert stream.tick(S + FIRST_BOOK_NS).reads == set(INSTRUMENTS)
    step = stream.on_rest_book(rest(book()), 0, 1, 5 * S)
    assert kinds(step) == ["BookReplaced", "BookMarked"]
    assert stream.books[RATE].state is BookState.SYNCED


def test_a_proof_that_is_not_answered_is_asked_over_rest() -> None:
    stream = opened()
    stream.receive(1, frame(book()), 2 * S)
    stream.ask_book(RATE, 3 * S)
    assert stream.tick(3 * S + ANSWER_NS).reads == {RATE, RAIN}
    step = stream.on_rest_book(rest(book()), stream.books[RATE].version, 1, 6 * S)
    assert [type(b) for b in step.bodies] == [BookProved]


def test_gotcha_2_a_silent_freeze_is_found_by_rest_twice() -> None:
    stream = opened()
    stream.receive(1, frame(book()), 2 * S)
    version = stream.books[RATE].version
    other = book(bid="0.30", transactTime="2026-11-18T00:00:20Z")
    first = stream.on_rest_book(rest(other), version, 1, 8 * S)
    assert first.bodies == [] and first.reads == {RATE}, "the frame may be under way"
    second = stream.on_rest_book(rest(other), version, 1, 9 * S)
    [mark] = second.bodies
    assert isinstance(mark, BookMarked) and mark.state is BookState.FROZEN
    assert second.reconnect


def test_a_rest_answer_behind_the_stream_proves_nothing() -> None:
    stream = opened()
    stream.receive(1, frame(book()), 2 * S)
    version = stream.books[RATE].version
    cached = book(bid="0.30", transactTime="2026-11-18T00:00:01Z")
    for _ in range(3):
        step = stream.on_rest_book(rest(cached), version, 1, 8 * S)
        assert step.bodies == [] and not step.reconnect
    stream.receive(1, frame(book(bid="0.41")), 9 * S)
    late = book(bid="0.30", transactTime="2026-11-18T00:00:30Z")
    for _ in range(3):
        step = stream.on_rest_book(rest(late), version, 1, 9 * S)
        assert not (step.bodies or step.reads or step.reconnect), "frames came meanwhile"
    same = rest(book(bid="0.41"))
    assert stream.on_rest_book(same, version, 1, 9 * S).bodies == [], "asked before the change"
    with pytest.raises(WireError, match="crossed"):
        stream.on_rest_book(rest(book(bid="0.5", ask="0.4")), version, 1, 9 * S)


def test_a_market_that_leaves_is_unsubscribed_and_the_rest_kept() -> None:
    stream = opened()
    stream.receive(1, frame(book()), 2 * S)
    step = stream.watch({RATE: INSTRUMENTS[RATE]}, 3 * S)
    ended, renewed = commands(step)
    assert ended == {"unsubscribe": {"requestId": "books-1-1"}}
    assert renewed["subscribe"]["marketSlugs"] == [RATE]
    assert stream.books[RATE].state is BookState.SYNCED and RAIN not in stream.books


def test_a_refused_subscription_is_said_and_asked_anew() -> None:
    stream = opened()
    stream.receive(1, frame(book()), 2 * S)
    refusal = json.dumps({"requestId": "books-1-1", "error": "too many markets"})
    step = stream.receive(1, refusal, 3 * S)
    assert step.reconnect and stream.books[RATE].state is BookState.GAPPED
    assert isinstance(step.bodies[0], BookMarked)


def test_a_hundred_markets_a_subscription() -> None:
    from dataclasses import replace

    one = INSTRUMENTS[RATE]
    many = {f"m{n}": replace(one, native_id=f"m{n}") for n in range(230)}
    stream = BookStream(WireTally())
    stream.watch(many, 0)
    sizes = [len(c["subscribe"]["marketSlugs"]) for c in commands(stream.open(S))]
    assert sizes == [100, 100, 30]


def test_bodies_of_replaced_books_hold_the_levels() -> None:
    stream = opened()
    [body, _] = stream.receive(1, frame(book(bid="0.395", ask="0.4250")), 2 * S).bodies
    assert isinstance(body, BookReplaced)
    assert body.bids == ((395_000, 10_000_000),) and body.asks == ((425_000, 10_000_000),)

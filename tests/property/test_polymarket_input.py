"""No input makes a parser raise anything but its own error, and none corrupts a book."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.adapters.venues.polymarket.answers import judge_answer
from shared.adapters.venues.polymarket.book_keeper import parse_rest_book, read_rest_book
from shared.adapters.venues.polymarket.instruments import (
    parse_market,
    parse_market_page,
)
from shared.adapters.venues.polymarket.stream import MarketChannel
from shared.adapters.venues.polymarket.wire_book import WireBook
from shared.domain.enums import BookSide, BookState
from shared.domain.errors import WireError
from shared.domain.events import BookChanged, BookReplaced
from shared.domain.order import Acked, Rejected, Unknown
from shared.exchange.matching_core import BookView
from shared.simulators.polymarket_server.token_books import MarketBooks
from tests.support.polymarket_world import gamma_object
from tests.unit.shared.adapters.venues.polymarket.test_encoding import ticket

RAW = gamma_object(1)
INSTRUMENT = parse_market(json.dumps(RAW).encode(), 1).instrument
TOKEN = INSTRUMENT.yes_token
VIEW = BookView(((440_000, 300_000_000),), ((460_000, 200_000_000),), 1_000_000_000_000)  # type: ignore[arg-type]

words = st.sampled_from(
    [
        "",
        "0",
        "1",
        "-1",
        "0.45",
        "0.455",
        "NaN",
        "1e9",
        "BUY",
        "SELL",
        TOKEN,
        "book",
        "0" * 40,
        INSTRUMENT.native_id,
        "price_change",
        "tick_size_change",
        "market_resolved",
        "999999999999999",
    ]
)
scalars = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | words | st.text()
json_values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "event_type",
                    "asset_id",
                    "market",
                    "bids",
                    "asks",
                    "price",
                    "size",
                    "side",
                    "hash",
                    "timestamp",
                    "price_changes",
                    "tick_size",
                    "new_tick_size",
                    "winning_asset_id",
                    "success",
                    "orderID",
                    "status",
                    "makingAmount",
                    "takingAmount",
                    "tradeIDs",
                    "error",
                ]
            )
            | st.text(max_size=5),
            inner,
            max_size=6,
        )
    ),
    max_leaves=12,
)


def opened() -> tuple[MarketChannel, MarketBooks]:
    channel = MarketChannel()
    channel.watch([INSTRUMENT])
    venue = MarketBooks(INSTRUMENT.market_id, INSTRUMENT, VIEW)
    channel.feed(json.dumps(venue.yes.stream_view(is_initial=True)), 1, [TOKEN])
    return channel, venue


def sound(channel: MarketChannel) -> None:
    track = channel.by_market[INSTRUMENT.market_id]
    if track.state is BookState.SYNCED:
        book = track.book
        assert isinstance(book, WireBook) and not book.is_crossed()
        for price, qty in (*book.bids(), *book.asks()):
            assert 0 < price < 1_000_000 and price % book.tick == 0 and qty > 0


@given(st.lists(json_values, max_size=5))
def test_arbitrary_json_frames(frames: list[Any]) -> None:
    channel, _ = opened()
    for frame in frames:
        channel.feed(json.dumps(frame), 2, [TOKEN])
        sound(channel)


@given(st.binary(max_size=200))
def test_arbitrary_bytes(raw: bytes) -> None:
    channel, _ = opened()
    channel.feed(raw, 2, [TOKEN])
    sound(channel)
    for parse in (parse_rest_book, lambda r: parse_market(r, 1), lambda r: parse_market_page(r, 1)):
        try:
            parse(raw)
        except WireError:
            continue


@given(st.data())
def test_mutated_real_frames_either_verify_or_gap(data: st.DataObject) -> None:
    channel, venue = opened()
    frame = venue.move(BookSide.ASK, 450_000, 5_000_000, 2_000_000_000_000)
    text = bytearray(json.dumps(frame, separators=(",", ":")).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text) - 1))
        if data.draw(st.booleans()):
            text[at] = data.draw(st.integers(32, 126))
        else:
            del text[at]
    channel.feed(bytes(text), 2, [TOKEN])
    sound(channel)


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.sampled_from(list(BookSide)), st.integers(1, 99), st.integers(0, 500)),
        max_size=40,
    )
)
def test_any_walk_of_the_venue_s_book_is_followed_exactly(
    moves: list[tuple[BookSide, int, int]],
) -> None:
    channel, venue = opened()
    track = channel.by_market[INSTRUMENT.market_id]
    mirror: dict[tuple[BookSide, int], int] = {
        (BookSide.BID, 440_000): 300_000_000,
        (BookSide.ASK, 460_000): 200_000_000,
    }
    for n, (side, cents, qty) in enumerate(moves):
        price = cents * 10_000
        is_crossing = (
            any(k[0] is BookSide.ASK and k[1] <= price for k in mirror)
            if side is BookSide.BID
            else any(k[0] is BookSide.BID and k[1] >= price for k in mirror)
        )
        if is_crossing and qty:
            continue
        frame = venue.move(side, price, qty * 1_000_000, (1_000_000 + n) * 1_000_000)
        if qty:
            mirror[(side, price)] = qty * 1_000_000
        else:
            mirror.pop((side, price), None)
        bodies = channel.feed(json.dumps(frame), n, [TOKEN])
        assert all(isinstance(b, BookChanged | BookReplaced) for b in bodies)
        assert track.book is not None
        levels = {(BookSide.BID, int(p)): int(q) for p, q in track.book.bids()}
        levels |= {(BookSide.ASK, int(p)): int(q) for p, q in track.book.asks()}
        assert levels == mirror


@given(st.dictionaries(st.sampled_from(list(RAW)), json_values, max_size=4))
def test_mutated_catalogue_objects(changes: dict[str, Any]) -> None:
    try:
        made = parse_market(json.dumps(RAW | changes).encode(), 1).instrument
    except WireError:
        return
    assert made.min_qty > 0 and (not made.tradeable or made.grid)


@given(
    st.dictionaries(st.sampled_from(["market", "asset_id", "bids", "asks", "hash"]), json_values)
)
def test_mutated_rest_books(changes: dict[str, Any]) -> None:
    venue = MarketBooks(INSTRUMENT.market_id, INSTRUMENT, VIEW)
    try:
        raw = parse_rest_book(json.dumps(venue.yes.rest_view() | changes).encode())
        read_rest_book(raw, INSTRUMENT)
    except WireError:
        return


@given(
    st.one_of(st.binary(max_size=80), json_values.map(lambda v: json.dumps(v).encode())),
    st.sampled_from([200, 201, 400, 401, 403, 404, 425, 429, 500, 503]),
)
def test_any_order_answer_is_an_outcome(body: bytes, status: int) -> None:
    outcome = judge_answer(ticket(), INSTRUMENT, "0x" + "ab" * 32, status, body, 1)
    assert isinstance(outcome, Acked | Rejected | Unknown)
    if isinstance(outcome, Rejected):
        assert status in (200, 400, 401, 403)

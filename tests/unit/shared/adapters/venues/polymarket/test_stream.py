"""The market channel: hash chains, doubts, reordering, freezes, ticks, results."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.adapters.venues.polymarket.book_keeper import BENCH_NS, parse_rest_book, read_rest_book
from shared.adapters.venues.polymarket.instruments import (
    parse_market,
)
from shared.adapters.venues.polymarket.stream import MarketChannel
from shared.domain.enums import BookSide, BookState, MarketStatus
from shared.domain.errors import WireError
from shared.domain.events import (
    BookChanged,
    BookMarked,
    BookProved,
    BookReplaced,
    InstrumentChanged,
    MarketResolved,
    MarketStatusChanged,
)
from shared.domain.instrument import Instrument
from shared.domain.units import NS_PER_S
from shared.exchange.matching_core import BookView
from shared.simulators.polymarket_server.token_books import MarketBooks
from tests.support.polymarket_world import gamma_object
from tests.support.shared_data import SHARED, needs_shared

PAIRED = SHARED / "data/paired_snapshot_2026-07-20/polymarket"
TAPE = SHARED / "data/ws/polymarket_market_channel_fed_2026-07-20.json"


class Feed:
    """A channel of one market with the venue's own side of the book beside it."""

    def __init__(self) -> None:
        raw = gamma_object(1)
        self.instrument: Instrument = parse_market(json.dumps(raw).encode(), 1).instrument
        self.market = self.instrument.market_id
        self.token = self.instrument.yes_token
        self.channel = MarketChannel()
        self.channel.watch([self.instrument])
        view = BookView(
            bids=((440_000, 300_000_000), (430_000, 120_500_000)),  # type: ignore[arg-type]
            asks=((460_000, 200_000_000), (470_000, 1_000_000_000)),  # type: ignore[arg-type]
            ts_ns=1_000_000_000_000,
        )
        self.venue = MarketBooks(self.market, self.instrument, view)
        self.ms = 1_000_000

    def say(self, frame: Any, mono_s: float = 1.0) -> list[Any]:
        text = frame if isinstance(frame, str) else json.dumps(frame)
        return list(self.channel.feed(text, int(mono_s * NS_PER_S), [self.token]))

    def open(self) -> list[Any]:
        return self.say([self.venue.yes.stream_view(is_initial=True)])

    def move(self, side: BookSide, price: int, qty: int) -> dict[str, Any]:
        self.ms += 10
        return self.venue.move(side, price, qty, self.ms * 1_000_000)

    @property
    def track(self) -> Any:
        return self.channel.by_market[self.market]


@pytest.fixture
def feed() -> Feed:
    feed = Feed()
    bodies = feed.open()
    assert isinstance(bodies[0], BookReplaced) and bodies[0].bids[0] == (440_000, 300_000_000)
    assert bodies[1] == BookMarked(feed.market, BookState.SYNCED, "verified")
    return feed


def test_changes_of_the_no_entry_are_the_mirror_and_ignored(feed: Feed) -> None:
    (body,) = feed.say(feed.move(BookSide.ASK, 450_000, 5_000_000))
    assert isinstance(body, BookChanged) and len(body.changes) == 1
    change = body.changes[0]
    assert (change.side, change.price, change.qty) == (BookSide.ASK, 450_000, 5_000_000)
    (removed,) = feed.say(feed.move(BookSide.ASK, 450_000, 0))
    assert removed.changes[0].qty == 0 and feed.track.book.asks()[0][0] == 460_000


def test_f006_hash_mismatch_drops_the_book_until_the_next_book(feed: Feed) -> None:
    frame = feed.move(BookSide.ASK, 450_000, 5_000_000)
    frame["price_changes"][0]["size"] = "6"
    (marked,) = feed.say(frame)
    assert marked == BookMarked(feed.market, BookState.GAPPED, "hash_mismatch")
    assert feed.channel.wanted == {feed.market}
    assert feed.say(feed.move(BookSide.ASK, 450_000, 7_000_000)) == []
    replaced, synced = feed.say(feed.venue.yes.stream_view(is_initial=False))
    assert isinstance(replaced, BookReplaced) and synced.state is BookState.SYNCED
    assert not feed.channel.wanted


def test_f006_four_mismatches_in_a_minute_bench_the_market(feed: Feed) -> None:
    for n in range(4):
        frame = feed.move(BookSide.ASK, 450_000, (n + 1) * 1_000_000)
        frame["price_changes"][0]["hash"] = "0" * 40
        feed.say(frame, mono_s=n)
        feed.say(feed.venue.yes.stream_view(is_initial=False), mono_s=n)
    assert feed.track.state is BookState.GAPPED
    assert feed.track.benched_until == 3 * NS_PER_S + BENCH_NS
    later = 3 + BENCH_NS / NS_PER_S
    feed.say(feed.venue.yes.stream_view(is_initial=False), mono_s=later)
    assert feed.track.state is BookState.SYNCED


def test_f006_several_entries_of_one_asset_are_verified_together(feed: Feed) -> None:
    first = feed.move(BookSide.ASK, 450_000, 5_000_000)
    second = feed.move(BookSide.BID, 441_000 - 1_000, 9_000_000)
    both = {**second, "price_changes": [first["price_changes"][0], second["price_changes"][0]]}
    (body,) = feed.say(both)
    assert isinstance(body, BookChanged) and len(body.changes) == 2


def test_trade_moves_the_last_trade_price_without_saying_so(feed: Feed) -> None:
    assert feed.say(feed.move(BookSide.ASK, 460_000, 150_000_000))
    feed.venue.traded(460_000, feed.ms * 1_000_000)
    bodies = feed.say(feed.venue.yes.stream_view(is_initial=False))
    assert isinstance(bodies[0], BookReplaced) and feed.track.book.last_trade_price == "0.46"
    assert isinstance(feed.say(feed.move(BookSide.ASK, 460_000, 1_000_000))[0], BookChanged)


def test_f003_old_and_repeated_frames_change_nothing(feed: Feed) -> None:
    first = feed.move(BookSide.ASK, 450_000, 5_000_000)
    second = feed.move(BookSide.ASK, 450_000, 6_000_000)
    assert feed.say(first) and feed.say(second)
    assert feed.say(first) == [] and feed.track.book.asks()[0][1] == 6_000_000
    assert feed.channel.errors["polymarket.ws.old_frame"] == 1
    assert feed.track.state is BookState.SYNCED
    feed.say(second)
    assert feed.track.state is BookState.SYNCED


def test_f003_reordered_frames_gap_the_book(feed: Feed) -> None:
    feed.move(BookSide.ASK, 450_000, 5_000_000)
    later = feed.move(BookSide.BID, 445_000 - 5_000, 6_000_000)
    (marked,) = feed.say(later)
    assert marked.state is BookState.GAPPED


def test_f009_crossed_book_is_gapped(feed: Feed) -> None:
    (marked,) = feed.say(feed.move(BookSide.BID, 465_000 - 5_000, 6_000_000))
    assert marked == BookMarked(feed.market, BookState.GAPPED, "crossed")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("price", "0.455"),
        ("price", "-0.45"),
        ("price", "1.5"),
        ("price", "abc"),
        ("price", "NaN"),
        ("size", "-5"),
        ("size", "1e9"),
        ("size", "0.0000001"),
        ("side", "HOLD"),
    ],
)
def test_off_grid_negative_and_unknown_never_reach_the_book(
    feed: Feed, field: str, value: str
) -> None:
    frame = feed.move(BookSide.ASK, 450_000, 5_000_000)
    frame["price_changes"][0][field] = value
    (marked,) = feed.say(frame)
    assert marked.state is BookState.GAPPED
    assert sum(feed.channel.errors.values()) == 1 and len(feed.channel.take_new_kinds()) == 1
    assert feed.channel.take_new_kinds() == []


@pytest.mark.parametrize("frame", ["", "{", "[[", "\x00", '{"price_changes": 5}', "nonsense", "7"])
def test_f095_unreadable_frames_put_every_book_of_the_connection_in_doubt(
    feed: Feed, frame: str
) -> None:
    (marked,) = feed.say(frame)
    assert marked == BookMarked(feed.market, BookState.GAPPED, "unreadable_frame")


def test_f095_deep_nesting_is_only_an_unreadable_frame(feed: Feed) -> None:
    assert feed.say("[" * 200_000)[0].state is BookState.GAPPED


def test_unknown_event_types_are_counted_and_harmless(feed: Feed) -> None:
    assert feed.say({"event_type": "weather", "asset_id": feed.token}) == []
    assert feed.track.state is BookState.SYNCED
    assert feed.channel.errors["polymarket.ws.event_type"] == 1


def test_f005_pong_proves_nothing(feed: Feed) -> None:
    assert feed.say("PONG") == []


def rest(feed: Feed, **changes: Any) -> Any:
    return parse_rest_book(json.dumps(feed.venue.yes.rest_view() | changes).encode())


def test_rest_book_that_agrees_proves_the_stream(feed: Feed) -> None:
    assert feed.channel.judge_rest(rest(feed), 5) == [BookProved(feed.market)]


def test_f005_a_stream_behind_rest_twice_is_frozen(feed: Feed) -> None:
    feed.move(BookSide.ASK, 450_000, 5_000_000)
    assert feed.channel.judge_rest(rest(feed), 5) == []
    (marked,) = feed.channel.judge_rest(rest(feed), 6)
    assert marked.state is BookState.FROZEN and feed.channel.frozen == {feed.token}


def test_a_stream_that_catches_up_is_not_frozen(feed: Feed) -> None:
    late = feed.move(BookSide.ASK, 450_000, 5_000_000)
    assert feed.channel.judge_rest(rest(feed), 5) == []
    assert feed.say(late)
    assert feed.channel.judge_rest(rest(feed), 6) == [BookProved(feed.market)]


def test_f007_a_stale_shell_never_replaces_a_book(feed: Feed) -> None:
    shell = MarketBooks(
        feed.market,
        feed.instrument,
        BookView(((10_000, 5_000_000),), ((990_000, 5_000_000),), 9_000_000_000_000),  # type: ignore[arg-type]
    )
    raw = parse_rest_book(json.dumps(shell.yes.rest_view()).encode())
    assert feed.channel.judge_rest(raw, 5) == [] and feed.track.state is BookState.SYNCED


def test_rest_book_with_a_wrong_hash_is_refused(feed: Feed) -> None:
    with pytest.raises(WireError):
        feed.channel.judge_rest(rest(feed, hash="0" * 40), 5)


def test_rest_repairs_a_gapped_book(feed: Feed) -> None:
    feed.say("{")
    replaced, marked = feed.channel.judge_rest(rest(feed), 5)
    assert isinstance(replaced, BookReplaced) and marked.state is BookState.SYNCED


def test_f010_tick_change_drops_the_book_and_changes_the_grid(feed: Feed) -> None:
    marked, changed = feed.say(
        {
            "event_type": "tick_size_change",
            "market": feed.instrument.native_id,
            "asset_id": feed.token,
            "old_tick_size": "0.01",
            "new_tick_size": "0.001",
            "timestamp": "1000001",
        }
    )
    assert marked.state is BookState.GAPPED and isinstance(changed, InstrumentChanged)
    assert changed.instrument.grid[0].step == 1_000


def test_f102_resolution_names_the_payout_of_yes_once(feed: Feed) -> None:
    frame = {
        "event_type": "market_resolved",
        "market": feed.instrument.native_id,
        "winning_asset_id": feed.instrument.no_token,
        "timestamp": "1000001",
    }
    assert feed.say(frame) == [
        MarketStatusChanged(feed.market, MarketStatus.DETERMINED),
        MarketResolved(feed.market, 0),  # type: ignore[arg-type]
    ]
    assert feed.say(frame) == []


def test_a_result_without_a_known_winner_is_left_to_the_catalogue(feed: Feed) -> None:
    frame = {
        "event_type": "market_resolved",
        "market": feed.instrument.native_id,
        "winning_asset_id": "",
        "timestamp": "1000001",
    }
    assert feed.say(frame) == []
    assert feed.channel.errors["polymarket.ws.winner"] == 1


def test_a_lost_connection_marks_its_books(feed: Feed) -> None:
    (marked,) = feed.channel.lost([feed.token], "gone")
    assert marked == BookMarked(feed.market, BookState.STALE, "gone") and feed.track.book is None


def test_unwatched_markets_are_forgotten(feed: Feed) -> None:
    feed.channel.watch([])
    assert feed.say(feed.move(BookSide.ASK, 450_000, 5_000_000)) == []
    assert not feed.channel.by_market


@needs_shared
def test_every_recorded_frame_reproduces_its_hash() -> None:
    frames = json.loads(TAPE.read_text())
    native = "0x8bf1c1536ecb1c08fe13c6b71e8ab1f58bf3461c4cb79f5f1679f869a06aef86"
    market = parse_market((PAIRED / f"gamma_{native}.json").read_bytes(), 1).instrument
    channel = MarketChannel()
    channel.watch([market])
    kinds: list[str] = []
    for n, frame in enumerate(frames):
        bodies = channel.feed(json.dumps(frame), n, channel.tracks)
        kinds += [type(body).__name__ for body in bodies]
        book = channel.by_market[market.market_id].book
        assert book is not None and not book.is_crossed()
    assert kinds.count("BookChanged") == 24 and kinds.count("BookReplaced") == 2
    assert not channel.errors and channel.by_market[market.market_id].state is BookState.SYNCED


@needs_shared
def test_every_recorded_rest_book_reproduces_its_hash() -> None:
    good = 0
    for path in sorted(PAIRED.glob("book_*.json")):
        if '"market"' not in path.read_text():
            with pytest.raises(WireError):
                parse_rest_book(path.read_bytes())
            continue
        book = read_rest_book(parse_rest_book(path.read_bytes()), None)
        assert not book.is_crossed()
        good += 1
    assert good == 30


@needs_shared
def test_recorded_hash_vectors() -> None:
    rows = json.loads((SHARED / "facts/polymarket/vectors.json").read_text())["book_hash"]
    for row in rows:
        raw = json.dumps(row["book"] | {"hash": row["sha1"]}).encode()
        read_rest_book(parse_rest_book(raw), None)
    assert len(rows) == 2


@needs_shared
def test_every_recorded_market_frame_is_taken_without_an_exception() -> None:
    names = sorted((SHARED / "facts/polymarket/frames").glob("*.json"))
    for path in names:
        if path.name.startswith(("ws_", "it_ws", "clob_book", "it_http_responses__book")):
            channel = MarketChannel()
            channel.watch([Feed().instrument])
            channel.feed(path.read_bytes(), 1, [])
            assert "polymarket.ws.frame" not in channel.errors, path.name
    assert len(names) >= 50

"""Continuity of the order-book stream: gaps, duplicates, doubt, and nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.enums import BookSide, BookState
from shared.domain.events import BookChanged, BookReplaced, LevelChanged
from shared.domain.instrument import DECI_CENT
from shared.domain.units import NS_PER_S
from tests.support.kalshi_world import COIN, RATE, cents, contracts
from tests.unit.shared.adapters.venues.kalshi.frames import (
    INSTRUMENTS,
    SID,
    Wire,
    asked,
    marks,
)

SYNCED, GAPPED, STALE, FROZEN = (
    BookState.SYNCED,
    BookState.GAPPED,
    BookState.STALE,
    BookState.FROZEN,
)


def test_subscribe_always_says_how_prices_are_quoted() -> None:
    [command] = Wire().commands
    assert command["cmd"] == "subscribe"
    assert command["params"]["use_yes_price"] is True
    assert sorted(command["params"]["market_tickers"]) == sorted((RATE, COIN))


def test_snapshot_then_delta() -> None:
    wire = Wire()
    step = wire.snapshot()
    [book] = [b for b in step.bodies if isinstance(b, BookReplaced)]
    assert book.bids == ((cents(40), contracts(100)), (cents(39), contracts(50)))
    assert book.asks == ((cents(42), contracts(10)), (cents(45), 7_500_000))
    assert marks(step) == [(RATE, SYNCED)]
    step = wire.delta("0.400", "-54.00")  # trailing zeros vary on the wire
    [change] = step.bodies
    assert isinstance(change, BookChanged)
    assert change.changes == (LevelChanged(BookSide.BID, cents(40), contracts(46)),)
    assert change.venue_ts_ns == 1_790_000_000_000_000_000
    step = wire.delta("0.4200", "-10.00", side="no")
    assert isinstance(step.bodies[0], BookChanged)
    assert step.bodies[0].changes[0].qty == 0


def test_f001_gap_marks_every_book_of_the_sid_in_the_same_step() -> None:
    wire = Wire()
    wire.both_synced()
    wire.seq += 1  # one frame lost
    step = wire.delta("0.3900", "1.00")
    assert sorted(marks(step)) == sorted([(RATE, GAPPED), (COIN, GAPPED)])
    assert sorted(asked(step)) == sorted((RATE, COIN))
    assert not [b for b in step.bodies if isinstance(b, BookChanged)]
    # Only its own snapshot brings a market back.
    assert marks(wire.snapshot(RATE)) == [(RATE, SYNCED)]
    assert wire.states() == {RATE: SYNCED, COIN: GAPPED}
    assert wire.delta("0.3900", "1.00", ticker=COIN).bodies == []
    assert marks(wire.snapshot(COIN)) == [(COIN, SYNCED)]


def test_f002_acks_pass_the_same_checker() -> None:
    wire = Wire()
    wire.both_synced()
    for _ in range(1000):
        wire.seq += 1
        wire.send(type="ok", id=900, sid=SID, seq=wire.seq, msg={"market_tickers": [RATE]})
        assert wire.delta("0.3900", "1.00").bodies
    assert wire.tally.counts["gap"] == 0
    wire.seq += 2  # an ack lost is a frame lost
    wire.send(type="ok", id=901, sid=SID, seq=wire.seq, msg={"market_tickers": [RATE]})
    assert wire.states() == {RATE: GAPPED, COIN: GAPPED}


def test_f003_duplicate_is_applied_once_and_reorder_is_a_gap() -> None:
    wire = Wire()
    wire.both_synced()
    wire.delta("0.3900", "1.00")
    assert wire.delta("0.3900", "1.00", seq=wire.seq).bodies == []
    assert wire.states()[RATE] is SYNCED
    assert wire.stream.books[RATE].bids[cents(39)] == contracts(51)
    wire.seq += 2
    assert marks(wire.delta("0.3900", "1.00", seq=wire.seq))  # the later one first: gap
    assert wire.delta("0.3900", "1.00", seq=wire.seq - 1).bodies == []


def test_f003_frames_of_an_old_connection_are_dropped_and_counted() -> None:
    wire = Wire()
    wire.both_synced()
    old = wire.stream.generation
    wire.stream.close("lost")
    wire.stream.open(wire.now)
    frame = json.dumps({"type": "orderbook_snapshot", "sid": SID, "seq": 3, "msg": {}})
    assert wire.stream.receive(old, frame, wire.now).bodies == []
    assert wire.tally.counts["old_generation"] == 1
    assert set(wire.states().values()) == {STALE}


def test_sequence_that_went_back_for_good_replaces_the_connection() -> None:
    wire = Wire()
    wire.both_synced()
    steps = [wire.delta("0.3900", "1.00", seq=1) for _ in range(102)]
    assert steps[-1].reconnect and not steps[50].reconnect


def test_absurd_jump_replaces_the_connection() -> None:
    wire = Wire()
    wire.both_synced()
    assert wire.delta("0.3900", "1.00", seq=10**15).reconnect


def test_gap_storm_replaces_the_connection() -> None:
    wire = Wire()
    wire.both_synced()
    steps = []
    for _ in range(20):
        wire.seq += 1
        steps.append(wire.delta("0.3900", "1.00"))
    assert steps[-1].reconnect and not steps[0].reconnect


@pytest.mark.parametrize("code", [10, 17, 25])
def test_f004_subscription_that_ends_is_stale_at_once(code: int) -> None:
    wire = Wire()
    wire.both_synced()
    step = wire.send(type="error", sid=SID, msg={"code": code, "msg": "ended"})
    assert sorted(marks(step)) == sorted([(RATE, STALE), (COIN, STALE)])
    assert step.reconnect


def test_f004_silence_is_looked_up_after_five_seconds() -> None:
    wire = Wire()
    wire.snapshot(RATE)
    assert wire.stream.tick(wire.now + 4 * NS_PER_S).sends == []
    step = wire.stream.tick(wire.now + 6 * NS_PER_S)
    assert step.refresh == {COIN}
    assert marks(step) == [(COIN, STALE)]
    assert step.sends and asked(step) == [COIN]


def test_lost_subscribed_ack_is_taken_up_from_the_next_ok() -> None:
    wire = Wire()
    wire.stream.open(wire.now)  # a fresh life in which ``subscribed`` never comes
    step = wire.stream.tick(wire.now + 6 * NS_PER_S)
    again = json.loads(step.sends[0])
    assert again["cmd"] == "subscribe"
    step = wire.send(type="ok", id=again["id"], sid=SID, seq=9, msg={"market_tickers": [RATE]})
    assert sorted(asked(step)) == sorted((RATE, COIN))
    wire.seq = 9
    assert marks(wire.snapshot(RATE)) == [(RATE, SYNCED)]


def test_f007_absent_side_is_an_empty_ladder() -> None:
    wire = Wire()
    step = wire.snapshot(yes_dollars_fp=[["0.4000", "1.00"]])
    [book] = [b for b in step.bodies if isinstance(b, BookReplaced)]
    assert book.asks == ()
    step = wire.next("orderbook_snapshot", {"market_ticker": COIN})
    assert marks(step) == [(COIN, SYNCED)]


@pytest.mark.parametrize("price", ["0.0000", "1.0000", "1.5000", "-0.1000"])
def test_f007_placeholder_prices_never_reach_the_book(price: str) -> None:
    wire = Wire()
    wire.both_synced()
    step = wire.snapshot(yes_dollars_fp=[[price, "1.00"]])
    assert marks(step) == [(RATE, GAPPED)]
    assert not [b for b in step.bodies if isinstance(b, BookReplaced)]


def test_f008_crossing_snapshot_freezes_the_whole_feed() -> None:
    wire = Wire()
    wire.both_synced()
    # A market at 0.60: NO bids at 0.38 read as YES asks lie below the best bid.
    step = wire.snapshot(yes_dollars_fp=[["0.6000", "5.00"]], no_dollars_fp=[["0.3800", "5.00"]])
    assert sorted(marks(step)) == sorted([(RATE, FROZEN), (COIN, FROZEN)])
    assert step.reconnect
    # A reconnect alone does not thaw it: prices may look harmless below one half.
    wire.stream.close("replaced")
    wire.stream.open(wire.now)
    wire.send(type="subscribed", id=1, msg={"channel": "orderbook_delta", "sid": SID})
    wire.seq = 0
    step = wire.snapshot(RATE)
    assert not [b for b in step.bodies if isinstance(b, BookReplaced)]
    assert wire.states()[RATE] is FROZEN
    step = wire.stream.confirm_convention(wire.now)
    assert (RATE, SYNCED) in marks(step)
    assert [b.market_id for b in step.bodies if isinstance(b, BookReplaced)] == [
        INSTRUMENTS[RATE].market_id
    ]


def test_f009_negative_and_crossed_books_are_gapped_never_stored() -> None:
    wire = Wire()
    wire.both_synced()
    step = wire.delta("0.3800", "-1.00")  # a level that is not there
    assert marks(step) == [(RATE, GAPPED)] and asked(step) == [RATE]
    assert wire.states()[COIN] is SYNCED
    wire.snapshot(RATE)
    step = wire.delta("0.4300", "1.00")  # above the best ask of 0.42
    assert marks(step) == [(RATE, GAPPED)]
    assert not [b for b in step.bodies if isinstance(b, BookChanged)]


def test_f010_off_grid_price_is_doubt_until_the_grid_is_read_again() -> None:
    wire = Wire()
    wire.both_synced()
    step = wire.delta("0.4050", "1.00")
    assert marks(step) == [(RATE, GAPPED)] and step.refresh == {RATE}
    finer = replace(INSTRUMENTS[RATE], grid=DECI_CENT)
    step = wire.stream.set_instrument(finer, wire.now)
    assert asked(step) == [RATE]
    step = wire.snapshot(yes_dollars_fp=[["0.4050", "1.00"]])
    assert marks(step) == [(RATE, SYNCED)]


def test_bad_snapshots_do_not_make_a_tight_loop_of_requests() -> None:
    wire = Wire()
    wire.both_synced()
    for _ in range(5):
        step = wire.snapshot(yes_dollars_fp=[["0.4050", "1.00"]])
        assert step.sends == [] and step.refresh == {RATE}
    assert wire.states()[RATE] is GAPPED
    assert asked(wire.stream.tick(wire.now + 6 * NS_PER_S)) == [RATE]


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "not json",
        b"\xff\xfe\x00",
        "[]",
        "null",
        '{"sid":7}',
        '{"type":7}',
        '{"type":"orderbook_delta","sid":"7","seq":3}',
        "[" * 50_000,
    ],
)
def test_f095_unreadable_frame_gaps_every_book(frame: str | bytes) -> None:
    wire = Wire()
    wire.both_synced()
    step = wire.raw(frame)
    assert sorted(marks(step)) == sorted([(RATE, GAPPED), (COIN, GAPPED)])
    assert wire.tally.counts["frame"] == 1


@pytest.mark.parametrize(
    "msg",
    [
        {},
        {"market_ticker": RATE},
        {"market_ticker": RATE, "price_dollars": 0.4, "delta_fp": "1.00", "side": "yes"},
        {"market_ticker": RATE, "price_dollars": "0.40", "delta_fp": "NaN", "side": "yes"},
        {"market_ticker": RATE, "price_dollars": "4e-1", "delta_fp": "1.00", "side": "yes"},
        {"market_ticker": RATE, "price_dollars": "0.40", "delta_fp": "1.00", "side": "maybe"},
        {"market_ticker": RATE, "price_dollars": "0.40", "delta_fp": "1" * 40, "side": "yes"},
        {"market_ticker": RATE, "price_dollars": "0.0000001", "delta_fp": "1", "side": "yes"},
    ],
)
def test_f095_unreadable_body_is_doubt_about_its_market(msg: dict[str, Any]) -> None:
    wire = Wire()
    wire.both_synced()
    step = wire.next("orderbook_delta", msg)
    expected = {RATE: GAPPED} if "market_ticker" in msg else {RATE: GAPPED, COIN: GAPPED}
    assert dict(marks(step)) == expected
    assert not [b for b in step.bodies if isinstance(b, BookChanged)]


def test_unknown_types_and_fields_are_counted_and_harmless() -> None:
    wire = Wire()
    wire.both_synced()
    wire.next("brand_new_thing", {"x": 1})
    assert wire.tally.counts["unknown_type.brand_new_thing"] == 1
    step = wire.delta("0.3900", "1.00", brand_new_field={"a": [1]})
    assert isinstance(step.bodies[0], BookChanged)


def test_missing_seq_on_a_book_frame_is_a_gap() -> None:
    wire = Wire()
    wire.both_synced()
    step = wire.send(type="orderbook_delta", sid=SID, msg={"market_ticker": RATE})
    assert sorted(marks(step)) == sorted([(RATE, GAPPED), (COIN, GAPPED)])


def test_unwatched_market_and_foreign_sid_change_nothing() -> None:
    wire = Wire()
    wire.both_synced()
    assert wire.delta("0.3900", "1.00", ticker="KXOTHER-1").bodies == []
    msg = {"market_ticker": RATE, "price_dollars": "0.39", "delta_fp": "1.00", "side": "yes"}
    assert wire.send(type="orderbook_delta", sid=99, seq=1, msg=msg).bodies == []
    assert wire.tally.counts["unknown_sid"] == 1
    assert wire.states() == {RATE: SYNCED, COIN: SYNCED}


def test_lifecycle_gap_asks_for_all_market_objects() -> None:
    wire = Wire(with_lifecycle=True)
    life = {"channel": "market_lifecycle_v2", "sid": 3}
    wire.send(type="subscribed", id=1, msg=life)
    msg = {"market_ticker": RATE, "event_type": "deactivated"}
    step = wire.send(type="market_lifecycle_v2", sid=3, seq=1, msg=msg)
    assert [m.event_type for m in step.lifecycle] == ["deactivated"]  # type: ignore[union-attr]
    step = wire.send(type="market_lifecycle_v2", sid=3, seq=5, msg=msg)
    assert step.refresh_all and not marks(step)


def test_a_proved_book_can_be_handed_out_whole_again() -> None:
    wire = Wire()
    wire.both_synced()
    wire.delta("0.3900", "1.00")
    step = wire.stream.republish(RATE, wire.now)
    [book] = [b for b in step.bodies if isinstance(b, BookReplaced)]
    assert book.bids[1] == (cents(39), contracts(51))
    assert marks(step) == [(RATE, SYNCED)]
    wire.seq += 1
    wire.delta("0.3900", "1.00")
    assert wire.stream.republish(RATE, wire.now).bodies == []  # never while in doubt


def test_watch_adds_and_deletes_on_the_live_subscription() -> None:
    wire = Wire()
    wire.both_synced()
    step = wire.stream.watch({COIN: INSTRUMENTS[COIN]}, wire.now)
    [command] = [json.loads(c) for c in step.sends]
    assert command["params"]["action"] == "delete_markets"
    step = wire.stream.watch(INSTRUMENTS, wire.now)
    [command] = [json.loads(c) for c in step.sends]
    assert (command["cmd"], command["params"]["market_tickers"]) == ("subscribe", [RATE])
    assert wire.states() == {COIN: SYNCED, RATE: STALE}


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["delta", "snap", "dup", "lose", "swap", "junk", "other"]),
        st.integers(1, 99),
        st.integers(-3, 3),
        st.sampled_from(["yes", "no"]),
        st.sampled_from([RATE, COIN]),
    ),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(ACTIONS)
def test_i12_no_input_makes_a_synced_book_crossed_or_negative(
    actions: list[tuple[str, int, int, str, str]],
) -> None:
    wire = Wire()
    for kind, price, size, side, ticker in actions:
        text, count = f"0.{price:02d}00", f"{size}.00"
        if kind == "delta":
            wire.delta(text, count, side, ticker)
        elif kind == "snap":
            wire.snapshot(ticker, yes_dollars_fp=[[text, "2.00"]])
        elif kind == "dup":
            wire.delta(text, count, side, ticker, seq=max(1, wire.seq))
        elif kind == "lose":
            wire.seq += 1
        elif kind == "swap":
            wire.delta(text, count, side, ticker, seq=wire.seq + 2)
        elif kind == "junk":
            wire.raw(f'{{"type":"orderbook_delta","sid":7,"seq":{wire.seq + 1},"msg":[{size}]}}')
        else:
            wire.next("ticker", {"market_ticker": ticker})
        for book in wire.stream.books.values():
            assert all(qty > 0 for qty in (*book.bids.values(), *book.asks.values()))
            if book.state is SYNCED:
                assert book.has_snapshot and not book.is_crossed
                assert book.best_bid == max(book.bids, default=0)
                assert book.best_ask == min(book.asks, default=1_000_000)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=300), st.text(max_size=300)))
def test_f095_random_bytes_never_raise(data: bytes | str) -> None:
    Wire().raw(data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)


@settings(max_examples=120, deadline=None)
@given(
    st.sampled_from(
        [
            "orderbook_delta",
            "orderbook_snapshot",
            "ok",
            "error",
            "subscribed",
            "unsubscribed",
            "market_lifecycle_v2",
            "event_fee_update",
            "fill",
        ]
    ),
    st.fixed_dictionaries(
        {},
        optional={
            "market_ticker": st.just(RATE) | JSON,
            "price_dollars": st.just("0.40") | JSON,
            "delta_fp": st.just("1.00") | JSON,
            "side": st.just("yes") | JSON,
            "yes_dollars_fp": JSON,
            "no_dollars_fp": st.just([["0.5", "1"]]) | JSON,
            "code": JSON,
            "channel": JSON,
            "sid": JSON,
            "event_type": JSON,
        },
    ),
)
def test_f095_shaped_garbage_never_raises(kind: str, msg: dict[str, Any]) -> None:
    wire = Wire()
    wire.both_synced()
    wire.next(kind, msg)
    wire.next(kind, [msg])

"""Real captures and the venue's own examples; skipped where the shared material is absent."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from shared.adapters.venues.kalshi.account import read_payout
from shared.adapters.venues.kalshi.errors import WireTally
from shared.adapters.venues.kalshi.instruments import build_instrument, build_listing
from shared.adapters.venues.kalshi.parsing import (
    build_fill,
    decode,
    read_frame,
    read_levels,
    read_msg,
)
from shared.adapters.venues.kalshi.schemas import (
    BookReply,
    DeltaMsg,
    ErrorMsg,
    EventFeeMsg,
    EventRow,
    FillMsg,
    FillRow,
    LifecycleMsg,
    Market,
    MarketPositionMsg,
    SeriesRow,
    SettlementRow,
    SnapshotMsg,
    SubscribedMsg,
    UserOrderMsg,
)
from shared.adapters.venues.kalshi.stream import BookStream
from shared.domain.enums import BookSide, BookState, Venue
from shared.domain.events import BookChanged, BookReplaced
from shared.domain.ids import market_id
from tests.support.kalshi_world import RATE, sim_market

SHARED = Path(__file__).resolve().parents[7] / "shared"
SAMPLES = SHARED / "facts" / "kalshi" / "samples"
SNAPSHOT = SHARED / "data" / "paired_snapshot_2026-07-20" / "kalshi"
CAPTURE = SHARED / "data" / "ws" / "kalshi_orderbook_delta_mlb_wnba_2026-08-07.json"
EXAMPLES = SHARED / "facts" / "kalshi" / "ws_examples_asyncapi_2026-08-22.json"

needs_shared = pytest.mark.skipif(
    not (SHARED / "facts").is_dir(), reason="the shared material (../shared) is not here"
)


@needs_shared
def test_capture_replays_without_false_gap_cross_or_negative() -> None:
    capture = json.loads(CAPTURE.read_text())
    tally = WireTally()
    # The recording was made without use_yes_price: no-side prices are in NO terms.
    stream = BookStream(tally, yes_priced=False)
    base = sim_market(RATE, 10**19).instrument
    stream.watch(
        {
            t: replace(base, native_id=t, market_id=market_id(Venue.KALSHI, t))
            for t in capture["tickers"]
        },
        0,
    )
    stream.open(0)
    books: dict[str, tuple[dict[int, int], dict[int, int]]] = {}
    changes = 0
    for row in capture["frames"]:
        step = stream.receive(1, json.dumps(row["frame"]), row["received_ms"] * 1_000_000)
        assert not step.reconnect and not step.refresh
        for body in step.bodies:
            if isinstance(body, BookReplaced):
                books[body.market_id] = (dict(body.bids), dict(body.asks))
            elif isinstance(body, BookChanged):
                changes += 1
                bids, asks = books[body.market_id]
                for change in body.changes:
                    side = bids if change.side is BookSide.BID else asks
                    side[change.price] = change.qty
                    if change.qty == 0:
                        del side[change.price]
                assert not bids or not asks or max(bids) < min(asks)
                assert min((*bids.values(), *asks.values())) > 0
    assert changes == 245 and len(books) == 12
    assert {book.state for book in stream.books.values()} == {BookState.SYNCED}
    assert not tally.counts, tally.counts


KINDS: dict[str, type] = {
    "subscribed": SubscribedMsg,
    "error": ErrorMsg,
    "orderbook_snapshot": SnapshotMsg,
    "orderbook_delta": DeltaMsg,
    "fill": FillMsg,
    "market_lifecycle_v2": LifecycleMsg,
    "multivariate_market_lifecycle": LifecycleMsg,
    "event_fee_update": EventFeeMsg,
    "market_position": MarketPositionMsg,
    "user_order": UserOrderMsg,
}


@needs_shared
def test_all_official_example_frames_parse() -> None:
    examples: dict[str, Any] = json.loads(EXAMPLES.read_text())
    assert len(examples) == 62
    read, commands, plain = 0, 0, 0
    for name, value in examples.items():
        if not isinstance(value, dict):  # ping and pong bodies
            plain += 1
        elif "cmd" in value:
            commands += 1
        else:
            frame = read_frame(json.dumps(value))
            kind = KINDS.get(frame.type)
            if kind is not None:
                assert read_msg(frame, kind) is not None, name
            if frame.type == "fill":
                msg = read_msg(frame, FillMsg)
                assert build_fill(msg, msg.market_ticker, None, "0.01").qty == 278_000_000
            stream = BookStream(WireTally(), with_lifecycle=True)
            stream.open(0)
            stream.receive(1, json.dumps(value), 0)
            read += 1
    assert read + commands + plain == 62 and read > 30


def _objects(value: Any) -> list[dict[str, Any]]:
    """Return every market object inside a JSON document."""
    if isinstance(value, list):
        return [found for item in value for found in _objects(item)]
    if not isinstance(value, dict):
        return []
    if {"ticker", "event_ticker", "status", "close_time", "rules_primary"} <= set(value):
        return [value]
    return [found for item in value.values() for found in _objects(item)]


@needs_shared
def test_every_real_market_object_becomes_an_instrument() -> None:
    seen = 0
    for path in sorted((*SAMPLES.glob("*.json"), *SNAPSHOT.glob("market_*.json"))):
        for row in _objects(json.loads(path.read_text())):
            if not row.get("price_ranges"):
                continue  # objects from before grids were published
            raw = msgspec.Raw(json.dumps(row).encode())
            series = SeriesRow("S", fee_type="quadratic", fee_multiplier=None)
            event = EventRow(row["event_ticker"], "S", title="E")
            listing = build_listing(raw, event, series, 1)
            assert listing.instrument.native_id == row["ticker"]
            assert listing.raw == row and listing.instrument.close_ns > 0
            assert listing.instrument.settle_worst_ns >= listing.instrument.settle_expected_ns > 0
            assert not listing.instrument.tradeable  # no multiplier: fees are unknown
            seen += 1
    assert seen >= 60


@needs_shared
def test_real_rest_books_are_never_crossed_on_their_own_grid() -> None:
    for path in sorted(SNAPSHOT.glob("orderbook_*.json")):
        book = decode(path.read_bytes(), BookReply, "book").orderbook_fp
        bids = dict(read_levels(book.yes_dollars, flip=False))
        asks = dict(read_levels(book.no_dollars, flip=True))
        assert not bids or not asks or max(bids) < min(asks), path.name
        ticker = path.stem.removeprefix("orderbook_")
        market_file = SNAPSHOT / f"market_{ticker}.json"
        if market_file.exists():
            row = json.loads(market_file.read_text())["market"]
            market = msgspec.convert(row, Market, strict=False)
            instrument = build_instrument(market, None, None, 1)
            assert all(instrument.is_on_grid(price) for price in (*bids, *asks)), path.name


@needs_shared
def test_real_fills_settlements_and_series_parse() -> None:
    fills = json.loads((SAMPLES / "fills_redacted.json").read_text())["payload"]["fills"]
    for row in fills:
        parsed = msgspec.convert(row, FillRow)
        fill = build_fill(parsed, parsed.ticker, None, parsed.fee_cost)
        assert fill.outcome.value == row["outcome_side"]
    settled = json.loads((SAMPLES / "settlements_redacted.json").read_text())["payload"]
    for row in settled["settlements"]:
        payout = read_payout(msgspec.convert(row, SettlementRow))
        assert payout is not None
        paid = payout.payout * payout.qty_yes + (1_000_000 - payout.payout) * payout.qty_no
        assert paid // 1_000_000 == payout.cash, row["ticker"]
    series = json.loads((SAMPLES / "series_sports_fee_fields.json").read_text())["payloads"]
    multipliers = {
        name: decode(json.dumps(body["series"]).encode(), SeriesRow, "s").fee_multiplier
        for name, body in series.items()
    }
    assert str(multipliers["KXMLBGAME"]) == "0.5"

"""What Kalshi sends, parser by parser. A target may raise nothing at all but an own error.

Input of the stream targets: frames separated by a zero byte, so that the fuzzer can also
change their order and number.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

import msgspec

from shared.adapters.venues.kalshi.account import read_balance, read_payout
from shared.adapters.venues.kalshi.errors import WireTally, find_refusal
from shared.adapters.venues.kalshi.instruments import build_listing
from shared.adapters.venues.kalshi.market_board import MarketBoard
from shared.adapters.venues.kalshi.order_codec import decode_order, encode_order
from shared.adapters.venues.kalshi.parsing import (
    build_fill,
    decode,
    read_amount,
    read_frame,
    read_levels,
    read_msg,
)
from shared.adapters.venues.kalshi.schemas import (
    BalanceReply,
    BookReply,
    CancelReply,
    CreateReply,
    ErrorMsg,
    EventRow,
    EventsPage,
    ExchangeStatus,
    FillMsg,
    FillsPage,
    LimitsReply,
    MarketsPage,
    OrdersPage,
    PositionsPage,
    SeriesRow,
    SettlementsPage,
    UserOrderMsg,
)
from shared.adapters.venues.kalshi.stream import BookStream
from shared.domain.enums import BookState, Outcome, Side
from shared.domain.errors import WireError
from tests.fuzz.seeds import Target
from tests.support.kalshi_world import COIN, RATE, raw_market, sim_market, ticket

SID: Final = 7
CLOSE_NS: Final = 1_900_000_000_000_000_000
INSTRUMENTS: Final = {t: sim_market(t, CLOSE_NS).instrument for t in (RATE, COIN)}
_SERIES: Final = SeriesRow("S", fee_type="quadratic", fee_multiplier=None)


def stream(data: bytes) -> None:
    """Feed frames to an open, subscribed connection; its books stay possible books."""
    books = BookStream(WireTally(), with_lifecycle=True)
    board = MarketBoard(WireTally())
    board.watch(INSTRUMENTS, 1)
    books.watch(INSTRUMENTS, 1)
    for command in map(json.loads, books.open(1).sends):
        channel = command["params"]["channels"][0]
        sid = SID if channel == "orderbook_delta" else SID + 1
        hello = {"type": "subscribed", "id": command["id"], "msg": {"channel": channel, "sid": sid}}
        books.receive(books.generation, json.dumps(hello), 1)
    for number, frame in enumerate(data.split(b"\0")):
        step = books.receive(books.generation, frame, number + 2)
        for lifecycle in step.lifecycle:
            board.on_lifecycle(lifecycle)
        books.tick(number + 2)
        check_books(books)


def check_books(books: BookStream) -> None:
    """A book that may be traded on is sorted out: on its grid, positive, never crossed."""
    for ticker, book in books.books.items():
        if book.state is not BookState.SYNCED:
            continue
        bids, asks = book.levels()
        assert not book.is_crossed, ticker
        for price, qty in (*bids, *asks):
            assert qty > 0 and INSTRUMENTS[ticker].is_on_grid(price), (ticker, price, qty)
        assert list(bids) == sorted(bids, reverse=True) and list(asks) == sorted(asks)


def user_frames(data: bytes) -> None:
    """Frames of the private channels."""
    frame = read_frame(data)
    if frame.type == "fill":
        msg = read_msg(frame, FillMsg)
        fill = build_fill(msg, msg.market_ticker, None, msg.fee_cost or "0")
        assert fill.qty > 0 and fill.fee >= 0 and 0 < fill.price < 1_000_000
    elif frame.type == "user_order":
        read_msg(frame, UserOrderMsg)
    elif frame.type == "error":
        read_msg(frame, ErrorMsg)


def markets(data: bytes) -> None:
    """Market objects of the catalogue, raw ones above all."""
    event = EventRow("E", "S", title="T")
    listing = build_listing(msgspec.Raw(data), event, _SERIES, 1)
    assert listing.instrument.grid and listing.instrument.settle_worst_ns >= 0


def rest_book(data: bytes) -> None:
    """``GET /markets/{ticker}/orderbook``."""
    ladders = decode(data, BookReply, "book").orderbook_fp
    for rows, flip in ((ladders.yes_dollars, False), (ladders.no_dollars, True)):
        levels = read_levels(rows, flip=flip)
        assert all(0 < price < 1_000_000 and qty > 0 for price, qty in levels)


def portfolio(data: bytes) -> None:
    """Balance, fills, settlements, and every page that is only decoded."""
    readers: tuple[Callable[[bytes], object], ...] = (
        lambda raw: read_balance(decode(raw, BalanceReply, "balance")),
        lambda raw: [
            build_fill(row, row.ticker, None, row.fee_cost)
            for row in decode(raw, FillsPage, "fills").fills
        ],
        lambda raw: [
            read_payout(row) for row in decode(raw, SettlementsPage, "settled").settlements
        ],
        *(
            lambda raw, kind=kind: decode(raw, kind, "page")
            for kind in (MarketsPage, EventsPage, OrdersPage, PositionsPage, LimitsReply)
        ),
    )
    for reader in readers:
        try:
            reader(data)
        except WireError:
            continue


def answers(data: bytes) -> None:
    """Bodies of order answers: a refusal only by the list, numbers only exact."""
    for status in (400, 401, 403, 404, 409, 410, 425, 429, 500, 503):
        refusal = find_refusal(status, data)
        assert refusal is None or status in refusal.statuses
    try:
        reply = decode(data, CreateReply, "create")
        read_amount(reply.fill_count, "fill_count")
    except WireError:
        pass
    decode(data, CancelReply, "cancel")


def read_back(data: bytes) -> None:
    """Our own bytes read back, as if something had changed them on the way."""
    said = decode_order(data, Outcome.NO)
    assert said["side"] in ("buy", "sell") and 0 < float(said["price"]) < 1


def status(data: bytes) -> None:
    """``GET /exchange/status`` through the board."""
    board = MarketBoard(WireTally())
    board.watch(INSTRUMENTS, 1)
    board.on_exchange(decode(data, ExchangeStatus, "status"))


# --- seeds: objects of the documented shapes ------------------------------------------------


def _frame(kind: str, seq: int, msg: dict[str, Any], sid: int = SID) -> bytes:
    return json.dumps({"type": kind, "sid": sid, "seq": seq, "msg": msg}).encode()


_SNAPSHOT = {
    "market_ticker": RATE,
    "market_id": "m",
    "yes_dollars_fp": [["0.3900", "50.00"], ["0.4000", "100.00"]],
    "no_dollars_fp": [["0.4200", "10.00"], ["0.4500", "7.50"]],
}
_DELTA = {
    "market_ticker": RATE,
    "market_id": "m",
    "price_dollars": "0.3900",
    "delta_fp": "-50.00",
    "side": "yes",
    "ts_ms": 1_790_000_000_000,
}
_FILL = {
    "trade_id": "t1",
    "order_id": "o1",
    "market_ticker": RATE,
    "ticker": RATE,
    "is_taker": True,
    "side": "yes",
    "action": "buy",
    "outcome_side": "yes",
    "book_side": "bid",
    "yes_price_dollars": "0.4200",
    "no_price_dollars": "0.5800",
    "count_fp": "10.00",
    "fee_cost": "0.170000",
    "client_order_id": "c1",
    "ts": 1_790_000_000,
    "ts_ms": 1_790_000_000_123,
}


def _seed(value: object) -> bytes:
    return json.dumps(value).encode()


_ENDED = {"event_type": "determined", "market_ticker": RATE, "result": "yes"}
_STREAM_SEEDS = (
    _frame("orderbook_snapshot", 1, _SNAPSHOT),
    b"\0".join(
        [
            _frame("orderbook_snapshot", 1, _SNAPSHOT),
            _frame("orderbook_delta", 2, _DELTA),
            _frame("ok", 3, {"market_tickers": [RATE]}),
            _frame("orderbook_delta", 4, {**_DELTA, "side": "no", "delta_fp": "1.00"}),
        ]
    ),
    _frame("market_lifecycle_v2", 1, _ENDED, SID + 1),
    _frame("error", 1, {"code": 6, "msg": "Already subscribed"}),
)
_ORDER_SEEDS = (
    _seed({"order_id": "o", "client_order_id": "c", "fill_count": "1.00"}),
    _seed({"error": {"code": "insufficient_balance", "message": "m", "service": "s"}}),
    _seed({"order_id": "o", "reduced_by": "1.00"}),
    b'"too many requests"',
)
_PORTFOLIO_SEEDS = (
    _seed({"balance": 100_000, "balance_dollars": "1000.00", "balance_breakdown": []}),
    _seed({"fills": [_FILL], "cursor": ""}),
    _seed(
        {
            "settlements": [
                {
                    "ticker": RATE,
                    "market_result": "yes",
                    "yes_count_fp": "10.00",
                    "no_count_fp": "0.00",
                    "revenue": 1000,
                    "settled_time": "2026-10-01T00:00:00Z",
                    "value": 100,
                }
            ],
            "cursor": "",
        }
    ),
)
_STATUS_SEEDS = (
    _seed(
        {
            "exchange_active": True,
            "trading_active": True,
            "exchange_index_statuses": [
                {"exchange_index": 1, "exchange_active": True, "trading_active": False}
            ],
        }
    ),
)
_READ_BACK_SEEDS = (
    encode_order(ticket(INSTRUMENTS[RATE], Outcome.NO, Side.BUY, 42, 5), INSTRUMENTS[RATE]),
)
_BOOK_SEEDS = (
    _seed({"orderbook_fp": {"yes_dollars": [["0.40", "1.00"]], "no_dollars": [["0.5", "2"]]}}),
)

TARGETS: Final = (
    Target("kalshi_stream", stream, _STREAM_SEEDS),
    Target("kalshi_user_frames", user_frames, (_frame("fill", 1, _FILL),)),
    Target("kalshi_markets", markets, (_seed(raw_market(RATE, CLOSE_NS)),)),
    Target("kalshi_rest_book", rest_book, _BOOK_SEEDS),
    Target("kalshi_portfolio", portfolio, _PORTFOLIO_SEEDS),
    Target("kalshi_answers", answers, _ORDER_SEEDS),
    Target("kalshi_status", status, _STATUS_SEEDS),
    Target("kalshi_read_back", read_back, _READ_BACK_SEEDS),
)

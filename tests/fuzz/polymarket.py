"""What Polymarket sends, parser by parser. A target may raise nothing but an own error."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Final

import msgspec

from shared.adapters.venues.polymarket.answers import judge_answer
from shared.adapters.venues.polymarket.book_keeper import parse_rest_book, read_rest_book
from shared.adapters.venues.polymarket.capabilities import SignatureType
from shared.adapters.venues.polymarket.encoding import (
    WalletRoles,
    build_message,
    build_payload,
    decode_payload,
    tick_of,
)
from shared.adapters.venues.polymarket.fills import fills_of_trade
from shared.adapters.venues.polymarket.instruments import (
    apply_clob_info,
    parse_market,
    parse_market_page,
)
from shared.adapters.venues.polymarket.parsing import decode, read_balance
from shared.adapters.venues.polymarket.schemas import (
    ActivityRow,
    BalanceAnswer,
    CancelAnswer,
    ClobMarketInfo,
    ClosedOnlyAnswer,
    GeoblockAnswer,
    OpenOrder,
    OrderPage,
    PositionRow,
    Trade,
    TradePage,
    UserHead,
)
from shared.adapters.venues.polymarket.stream import MarketChannel
from shared.domain.enums import BookSide, BookState, Outcome, Purpose, Side, TimeInForce, Venue
from shared.domain.errors import WireError
from shared.domain.ids import AttemptId, PackageId
from shared.domain.order import Acked, LegTicket, Rejected, Unknown
from shared.domain.units import PriceMicros, QtyMicros
from shared.exchange.matching_core import BookView
from shared.simulators.polymarket_server.token_books import MarketBooks
from tests.fuzz.seeds import Target
from tests.support.polymarket_world import gamma_object

RAW: Final = gamma_object(1)
INSTRUMENT: Final = parse_market(json.dumps(RAW).encode(), 1).instrument
TOKEN: Final = INSTRUMENT.yes_token
VIEW: Final = BookView(
    ((PriceMicros(440_000), QtyMicros(300_000_000)),),
    ((PriceMicros(460_000), QtyMicros(200_000_000)),),
    1_000_000_000_000,
)
OWNER: Final = "00000000-0000-0000-0000-0000000000aa"
WALLET: Final = "0x" + "ab" * 20
ORDER_ID: Final = "0x" + "cd" * 32
TICKET: Final = LegTicket(
    attempt_id=AttemptId("a1"),
    package_id=PackageId("p1"),
    leg=0,
    purpose=Purpose.OPEN,
    attempt=1,
    venue=Venue.POLYMARKET,
    market_id=INSTRUMENT.market_id,
    outcome=Outcome.YES,
    side=Side.BUY,
    price_limit=PriceMicros(460_000),
    qty=QtyMicros(100_000_000),
    qty_max=QtyMicros(120_000_000),
    tif=TimeInForce.IOC,
    decided_mono_ns=1,
    decided_wall_ns=1_790_000_000_000_000_000,
    send_by_mono_ns=2,
)


def _books() -> MarketBooks:
    return MarketBooks(INSTRUMENT.market_id, INSTRUMENT, VIEW)


def stream(data: bytes) -> None:
    """Feed frames to a channel that holds a verified book; it stays a possible book."""
    channel, venue = MarketChannel(), _books()
    channel.watch([INSTRUMENT])
    channel.feed(json.dumps(venue.yes.stream_view(is_initial=True)), 1, [TOKEN])
    for number, frame in enumerate(data.split(b"\0")):
        channel.feed(frame, number + 2, [TOKEN])
        track = channel.by_market[INSTRUMENT.market_id]
        if track.state is not BookState.SYNCED:
            continue
        book = track.book
        assert book is not None and not book.is_crossed()
        for price, qty in (*book.bids(), *book.asks()):
            assert 0 < price < 1_000_000 and price % book.tick == 0 and qty > 0


def user_frames(data: bytes) -> None:
    """Frames of the private channel, and the trades in them."""
    head = decode(msgspec.json.Decoder(UserHead), data, "user")
    if (head.event_type or head.type or "").lower() != "trade":
        return
    trade = decode(msgspec.json.Decoder(Trade), data, "trade")
    for fill in fills_of_trade(trade, INSTRUMENT, lambda order_id: None, OWNER, WALLET):
        assert fill.qty > 0 and 0 <= fill.price <= 1_000_000 and fill.fee >= 0


def markets(data: bytes) -> None:
    """Gamma objects, alone and as a page."""
    try:
        made = parse_market(data, 1).instrument
        assert made.min_qty > 0 and (not made.tradeable or made.grid)
    except WireError:
        pass
    parse_market_page(data, 1)


def clob_market(data: bytes) -> None:
    """``GET /clob-markets/{condition}``."""
    info = decode(msgspec.json.Decoder(ClobMarketInfo), data, "clob")
    made = apply_clob_info(INSTRUMENT, info, 1)
    assert made.taker_delay_ns >= 0 and (not made.tradeable or made.grid)


def rest_book(data: bytes) -> None:
    """``GET /book``: what verifies is a possible book, all else is refused."""
    book = read_rest_book(parse_rest_book(data), INSTRUMENT)
    assert all(qty > 0 for _, qty in (*book.bids(), *book.asks()))


def answers(data: bytes) -> None:
    """Answers of ``POST /order``: always an outcome, a refusal only where one is listed."""
    for kind in (TICKET, replace(TICKET, tif=TimeInForce.GTC)):
        for code in (200, 201, 400, 401, 403, 404, 425, 429, 500, 503):
            outcome = judge_answer(kind, INSTRUMENT, ORDER_ID, code, data, 1)
            assert isinstance(outcome, Acked | Rejected | Unknown)
            assert not isinstance(outcome, Rejected) or code in (200, 400, 401, 403)
            assert not isinstance(outcome, Acked) or outcome.order_id == ORDER_ID


def read_back(data: bytes) -> None:
    """Our own bytes read back, as if something had changed them on the way."""
    said = decode_payload(data, INSTRUMENT)
    assert said["side"] in ("buy", "sell") and 0 <= float(said["price"]) <= 1


def account(data: bytes) -> None:
    """Every other answer that is only decoded, and the balance text."""
    kinds = (BalanceAnswer, CancelAnswer, ClosedOnlyAnswer, GeoblockAnswer, OpenOrder)
    pages = (OrderPage, TradePage, list[PositionRow], list[ActivityRow])
    for kind in (*kinds, *pages):
        try:
            decode(msgspec.json.Decoder(kind), data, "account")
        except WireError:
            continue
    read_balance(data.decode("latin-1"))


# --- seeds ------------------------------------------------------------------------------------


def _seed(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _trade() -> dict[str, Any]:
    maker = {
        "order_id": "0x" + "02" * 32,
        "owner": "other",
        "maker_address": "0x" + "11" * 20,
        "matched_amount": "10",
        "price": "0.54",
        "side": "BUY",
        "asset_id": INSTRUMENT.no_token,
        "fee_rate_bps": "0",
        "outcome": "No",
    }
    return {
        "event_type": "trade",
        "id": "t1",
        "taker_order_id": "0x" + "01" * 32,
        "market": INSTRUMENT.native_id,
        "asset_id": TOKEN,
        "side": "BUY",
        "size": "10",
        "price": "0.46",
        "status": "MATCHED",
        "match_time": "1790000000",
        "owner": OWNER,
        "trader_side": "TAKER",
        "maker_orders": [maker],
    }


def _stream_seeds() -> tuple[bytes, ...]:
    venue = _books()
    first = _seed(venue.yes.stream_view(is_initial=True))
    moves = [
        _seed(venue.move(side, price, 5_000_000 * n, (2_000 + n) * 1_000_000_000))
        for n, (side, price) in enumerate(
            [(BookSide.ASK, 450_000), (BookSide.BID, 430_000), (BookSide.ASK, 450_000)]
        )
    ]
    tick = {
        "event_type": "tick_size_change",
        "asset_id": TOKEN,
        "market": INSTRUMENT.native_id,
        "new_tick_size": "0.001",
        "old_tick_size": "0.01",
        "timestamp": "2000005",
    }
    return (first, b"\0".join(moves), _seed(tick), b"[" + first + b"]", b"PONG")


def _own_order() -> bytes:
    roles = WalletRoles(WALLET, WALLET, SignatureType.DEPOSIT_WALLET, OWNER)
    message = build_message(TICKET, INSTRUMENT, roles, 1, tick_of(TICKET, INSTRUMENT))
    return build_payload(message, "FAK", OWNER)


_INFO = {
    "t": [{"t": TOKEN, "o": "Yes"}, {"t": INSTRUMENT.no_token, "o": "No"}],
    "mts": 0.01,
    "mos": 5,
    "fd": {"r": 0.05, "e": 1, "to": True},
    "ao": True,
    "nr": False,
    "sd": 3,
    "itode": True,
}
_POSTED = {
    "success": True,
    "errorMsg": "",
    "orderID": ORDER_ID,
    "status": "matched",
    "makingAmount": "4.6",
    "takingAmount": "10",
    "tradeIDs": ["t1"],
}
_ACCOUNT_SEEDS = (
    _seed({"balance": "1000000", "allowances": {WALLET: "1"}}),
    _seed({"canceled": [ORDER_ID], "not_canceled": {}}),
    _seed({"data": [_trade()], "next_cursor": "LTE=", "limit": 100, "count": 1}),
    _seed([{"asset": TOKEN, "conditionId": INSTRUMENT.native_id, "size": 5.5}]),
    b"12.345678",
)

TARGETS: Final = (
    Target("polymarket_stream", stream, _stream_seeds()),
    Target("polymarket_user_frames", user_frames, (_seed(_trade()),)),
    Target("polymarket_markets", markets, (_seed(RAW), _seed({"markets": [RAW]}))),
    Target("polymarket_clob_market", clob_market, (_seed(_INFO),)),
    Target("polymarket_rest_book", rest_book, (_seed(_books().yes.rest_view()),)),
    Target("polymarket_answers", answers, (_seed(_POSTED), _seed({"error": "invalid amounts"}))),
    Target("polymarket_read_back", read_back, (_own_order(),)),
    Target("polymarket_account", account, _ACCOUNT_SEEDS),
)

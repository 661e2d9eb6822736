"""What Polymarket US sends, parser by parser. A target may raise nothing but an own error.

Input of the stream targets: frames separated by a zero byte, so that the fuzzer can also
change their order and number.
"""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec

from shared.adapters.venues.polymarket_us.account import read_trade
from shared.adapters.venues.polymarket_us.answers import judge_order_answer, read_executions
from shared.adapters.venues.polymarket_us.errors import WireTally, find_refusal
from shared.adapters.venues.polymarket_us.evidence import (
    Attempt,
    AttemptMemory,
    complete_fills,
    judge_order,
)
from shared.adapters.venues.polymarket_us.instruments import build_listing
from shared.adapters.venues.polymarket_us.market_board import MarketBoard
from shared.adapters.venues.polymarket_us.order_codec import decode_order
from shared.adapters.venues.polymarket_us.parsing import (
    build_fill,
    decode,
    read_cash,
    read_decimal,
    read_order,
    read_signed,
)
from shared.adapters.venues.polymarket_us.schemas import (
    ActivitiesPage,
    BalancesReply,
    BookReply,
    CreateReply,
    MarketsPage,
    OpenOrdersReply,
    OrderReply,
    PositionsPage,
    PrivateFrame,
    SettlementReply,
)
from shared.adapters.venues.polymarket_us.stream import BookStream
from shared.adapters.venues.polymarket_us.wire_book import is_crossed
from shared.domain.enums import BookState, Outcome, Side
from shared.domain.errors import DomainError, WireError
from tests.fuzz.seeds import Target
from tests.support.polymarket_us_world import RAIN, RATE, TERMS, sim_market, ticket

NOW_NS: Final = 1_795_000_000_000_000_000
INSTRUMENTS: Final = {slug: sim_market(slug, NOW_NS).instrument for slug in (RATE, RAIN)}


def stream(data: bytes) -> None:
    """Feed frames to an open connection; what is SYNCED stays a possible book."""
    books, board = BookStream(WireTally()), MarketBoard()
    board.watch(INSTRUMENTS, NOW_NS)
    books.watch(INSTRUMENTS, 1)
    books.open(1)
    for number, frame in enumerate(data.split(b"\0")):
        step = books.receive(books.generation, frame, number + 2)
        for slug, status in step.statuses:
            board.on_state(slug, status)
        books.tick(number + 2)
        for slug, book in books.books.items():
            bids, asks = tuple(book.bids.items()), tuple(book.asks.items())
            if book.state is BookState.SYNCED:
                assert not is_crossed(bids, asks), slug
            for price, qty in (*bids, *asks):
                assert 0 < price < 1_000_000 and qty > 0, (slug, price, qty)


def rest_book(data: bytes) -> None:
    """A book read over REST, as the second witness of a synced one."""
    books = BookStream(WireTally())
    books.watch(INSTRUMENTS, 1)
    books.open(1)
    reply = decode(data, BookReply, "book")
    books.on_rest_book(reply.market_data, 0, books.generation, 2)
    books.on_rest_book(reply.market_data, 1, books.generation, 3)


def private_frames(data: bytes) -> None:
    """Frames of the private socket, and what is made of their orders and executions."""
    memory = AttemptMemory(0, 0)
    wanted = ticket(INSTRUMENTS[RATE], Outcome.YES, Side.BUY, 42, 2)
    memory.sending(wanted, 0)
    for part in data.split(b"\0"):
        frame = decode(part, PrivateFrame, "private_frame")
        if frame.order_subscription_snapshot is not None:
            for row in frame.order_subscription_snapshot.orders:
                memory.note_order(read_order(row))
        if frame.order_subscription_update is not None:
            execution = frame.order_subscription_update.execution
            fill = build_fill(execution, None)
            assert fill.qty > 0 and 0 < fill.price < 1_000_000
            memory.note_fill(memory.in_ticket_terms(fill))


def markets(data: bytes) -> None:
    """Catalogue pages; one bad row must not hide that the others can be read."""
    for raw in decode(data, MarketsPage, "markets").markets:
        try:
            listing = build_listing(raw, TERMS, NOW_NS)
        except WireError:
            continue
        instrument = listing.instrument
        assert instrument.qty_step > 0 and instrument.grid[0].step > 0


def portfolio(data: bytes) -> None:
    """Balances, positions, activities and settlements."""
    for kind in (BalancesReply, PositionsPage, ActivitiesPage, SettlementReply):
        try:
            page = decode(data, kind, "page")
        except WireError:
            continue
        if isinstance(page, BalancesReply):
            for balance in page.balances:
                read_cash(balance.current_balance, "balance")
        elif isinstance(page, PositionsPage):
            for row in page.positions.values():
                read_signed(row.net_position_decimal, row.net_position, "position")
        elif isinstance(page, SettlementReply):
            read_decimal(page.settlement, "settlement")
        else:
            for activity in page.activities:
                if activity.trade is not None:
                    assert read_trade(activity.trade).qty > 0


def answers(data: bytes) -> None:
    """The answer to an order: only an exact one is believed."""
    wanted = ticket(INSTRUMENTS[RATE], Outcome.YES, Side.BUY, 42, 2)
    attempt = Attempt(wanted, 0, None)
    for status in (400, 401, 429, 500):
        find_refusal(status, data)
    try:
        reply = decode(data, CreateReply, "create")
        order, fills, reason = read_executions(attempt, reply.id, reply.executions or ())
        if order is not None:
            judge_order_answer(attempt, order, fills, reason)
            judge_order(attempt, order, complete_fills(order, fills, (), None))
    except WireError:
        pass
    for kind in (OrderReply, OpenOrdersReply):
        try:
            row = decode(data, kind, "orders")
        except WireError:
            continue
        for one in [row.order] if isinstance(row, OrderReply) else row.orders:
            read_order(one)


def read_back(data: bytes) -> None:
    """Our own bytes read back: anything else is refused with one error."""
    try:
        said = decode_order(data)
    except DomainError:
        return
    assert said["side"] in ("buy", "sell") and said["outcome"] in ("yes", "no")


def _seed(value: Any) -> bytes:
    return json.dumps(value).encode()


def _amount(text: str) -> dict[str, str]:
    return {"value": text, "currency": "USD"}


_BOOK: Final = {
    "marketSlug": RATE,
    "bids": [{"px": _amount("0.4000"), "qty": "100.0000"}],
    "offers": [{"px": _amount("0.4200"), "qty": "10.0000"}],
    "state": "MARKET_STATE_OPEN",
    "transactTime": "2026-11-18T00:00:00.123456789Z",
}
_ORDER: Final = {
    "id": "o1",
    "marketSlug": RATE,
    "intent": "ORDER_INTENT_BUY_LONG",
    "price": _amount("0.4200"),
    "quantity": 2,
    "cumQuantity": 2,
    "leavesQuantity": 0,
    "tif": "TIME_IN_FORCE_IMMEDIATE_OR_CANCEL",
    "state": "ORDER_STATE_FILLED",
    "createTime": "2026-11-18T00:00:00Z",
    "commissionNotionalTotalCollected": _amount("0.03"),
}
_EXECUTION: Final = {
    "id": "e1",
    "order": _ORDER,
    "lastShares": "2.0000",
    "lastPx": _amount("0.4200"),
    "type": "EXECUTION_TYPE_FILL",
    "transactTime": "2026-11-18T00:00:00Z",
    "tradeId": "t1",
    "aggressor": True,
    "commissionNotionalCollected": _amount("0.03"),
}
_FRAME: Final = {"requestId": "b", "subscriptionType": "SUBSCRIPTION_TYPE_MARKET_DATA"}
_STREAM_SEEDS: Final = (
    b"\0".join(
        [
            _seed({**_FRAME, "marketData": _BOOK}),
            _seed({"heartbeat": {}}),
            _seed({**_FRAME, "marketData": {**_BOOK, "marketSlug": RAIN}}),
        ]
    ),
    _seed({**_FRAME, "error": "too many markets"}),
    _seed({**_FRAME, "trade": {"marketSlug": RATE}}),
)
_PRIVATE_SEEDS: Final = (
    _seed({"requestId": "o", "orderSubscriptionSnapshot": {"orders": [_ORDER], "eof": True}})
    + b"\0"
    + _seed({"requestId": "o", "orderSubscriptionUpdate": {"execution": _EXECUTION}}),
    _seed({"requestId": "p", "positionSubscription": {"beforePosition": None}}),
)
_TRADE: Final = {
    "id": "t1",
    "marketSlug": RATE,
    "state": "TRADE_STATE_CLEARED",
    "createTime": "2026-11-18T00:00:00Z",
    "price": _amount("0.42"),
    "qtyDecimal": "2.0000",
    "isAggressor": True,
}
_PORTFOLIO_SEEDS: Final = (
    _seed({"balances": [{"currentBalance": 1000.25, "currency": "USD", "buyingPower": 850.0}]}),
    _seed({"positions": {RATE: {"netPosition": "-2", "netPositionDecimal": "-2.0"}}, "eof": True}),
    _seed({"activities": [{"type": "ACTIVITY_TYPE_TRADE", "trade": _TRADE}], "eof": True}),
    _seed({"slug": RATE, "settlement": 0.5}),
)
_ANSWER_SEEDS: Final = (
    _seed({"id": "o1", "executions": [_EXECUTION]}),
    _seed({"order": _ORDER}),
    _seed({"orders": [_ORDER]}),
    _seed({"status": 429, "message": "Global Rate Limit Exceeded"}),
)
_SENT: Final = {
    "marketSlug": RATE,
    "intent": "ORDER_INTENT_BUY_SHORT",
    "type": "ORDER_TYPE_LIMIT",
    "price": _amount("0.42"),
    "quantity": 2.5,
    "tif": "TIME_IN_FORCE_FILL_OR_KILL",
}

TARGETS: Final = (
    Target("polymarket_us_stream", stream, _STREAM_SEEDS),
    Target("polymarket_us_rest_book", rest_book, (_seed({"marketData": _BOOK}),)),
    Target("polymarket_us_private", private_frames, _PRIVATE_SEEDS),
    Target(
        "polymarket_us_markets",
        markets,
        (msgspec.json.encode({"markets": [sim_market(RATE, NOW_NS).raw]}),),
    ),
    Target("polymarket_us_portfolio", portfolio, _PORTFOLIO_SEEDS),
    Target("polymarket_us_answers", answers, _ANSWER_SEEDS),
    Target("polymarket_us_read_back", read_back, (_seed(_SENT),)),
)

"""The venue's text formats and objects, written from the exchange's integers.

Prices have four decimals, counts two (more only if the exchange holds finer sizes),
money six where the venue answers six. Everything divides exactly or names its rounding.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from shared.domain.enums import BookSide, Liquidity, MarketStatus
from shared.domain.ids import MarketId
from shared.domain.units import (
    MICROS,
    NS_PER_MS,
    NS_PER_S,
    PriceMicros,
    QtyMicros,
    ceil_div,
)
from shared.exchange.matching_core import BookView, Exchange
from shared.exchange.orders import FillRecord, OrderRecord, OrderStatus, PayoutRecord, TradeStatus
from shared.simulators.catalogue import SimMarket
from shared.simulators.kalshi_server.problems import Problem

T = TypeVar("T")

STATUS_WORDS = {
    MarketStatus.UNOPENED: "initialized",
    MarketStatus.ACTIVE: "active",
    MarketStatus.PAUSED: "inactive",
    MarketStatus.CLOSED: "closed",
    MarketStatus.DETERMINED: "determined",
    MarketStatus.SETTLED: "finalized",
}
FILTER_WORDS = {
    "unopened": {MarketStatus.UNOPENED},
    "open": {MarketStatus.ACTIVE},
    "paused": {MarketStatus.PAUSED},
    "closed": {MarketStatus.CLOSED, MarketStatus.DETERMINED},
    "settled": {MarketStatus.SETTLED},
}
ORDER_WORDS = {
    OrderStatus.RESTING: "resting",
    OrderStatus.HELD: "resting",
    OrderStatus.EXECUTED: "executed",
    OrderStatus.CANCELED: "canceled",
}


def decimal_text(micros: int, places: int) -> str:
    """Return exact decimal text with at least ``places`` decimals (at most six)."""
    whole, fraction = divmod(abs(micros), MICROS)
    digits = f"{fraction:06d}"
    kept = max(places, len(digits.rstrip("0")))
    sign = "-" if micros < 0 else ""
    return f"{sign}{whole}.{digits[:kept]}" if kept else f"{sign}{whole}"


def price_text(price: int) -> str:
    return decimal_text(price, 4)


def count_text(qty: int) -> str:
    return decimal_text(qty, 2)


def time_text(ns: int) -> str:
    """Return unix nanoseconds as RFC 3339 with microseconds (rounded down)."""
    moment = datetime.fromtimestamp(ns // NS_PER_S, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + f".{ns % NS_PER_S // 1000:06d}Z"


def ladders(book: BookView, depth: int = 0) -> tuple[list[list[str]], list[list[str]]]:
    """Return (yes, no) bid ladders, each ascending in its own outcome's price; best last."""
    yes = [[price_text(price), count_text(qty)] for price, qty in book.bids]
    no = [[price_text(MICROS - price), count_text(qty)] for price, qty in book.asks]
    if depth > 0:
        yes, no = yes[:depth], no[:depth]
    return yes[::-1], no[::-1]


def market_object(market: SimMarket, exchange: Exchange) -> dict[str, Any]:
    """Return the market as listed now: the static object and what changes by the second."""
    state = exchange.market(market.market_id)
    assert state is not None, market.market_id
    book = exchange.book(market.market_id)
    # Placeholders of an empty side, as the venue shows them; nobody can trade on 0 or 1.
    bid, bid_size = book.bids[0] if book.bids else (PriceMicros(0), QtyMicros(0))
    ask, ask_size = book.asks[0] if book.asks else (PriceMicros(MICROS), QtyMicros(0))
    last = state.last_yes_price
    listed = dict(market.raw)
    listed.update(
        status=STATUS_WORDS[state.status],
        result="",
        yes_bid_dollars=price_text(bid),
        yes_bid_size_fp=count_text(bid_size),
        yes_ask_dollars=price_text(ask),
        yes_ask_size_fp=count_text(ask_size),
        no_bid_dollars=price_text(MICROS - ask),
        no_ask_dollars=price_text(MICROS - bid),
        last_price_dollars=price_text(last),
        volume_fp=count_text(state.volume),
    )
    if state.payout is not None and state.status in (
        MarketStatus.DETERMINED,
        MarketStatus.SETTLED,
    ):
        listed["result"] = result_word(state.payout)
        listed["settlement_value_dollars"] = price_text(state.payout)
        if state.status is MarketStatus.SETTLED:
            listed["settlement_ts"] = time_text(state.settled_ns)
    return listed


def result_word(payout: int) -> str:
    return {MICROS: "yes", 0: "no"}.get(payout, "scalar")


def order_object(order: OrderRecord, ticker: str) -> dict[str, Any]:
    """Return the order as ``GET /portfolio/orders`` shows it; money in YES-leg terms."""
    is_bid = order.book_side is BookSide.BID
    maker_cost = order.cost_usd - order.taker_cost_usd
    maker_fee = order.fee_usd - order.taker_fee_usd
    return {
        "order_id": order.order_id,
        "user_id": order.account,
        "client_order_id": order.client_id,
        "ticker": ticker,
        "outcome_side": "yes" if is_bid else "no",
        "book_side": "bid" if is_bid else "ask",
        "type": "limit",
        "status": ORDER_WORDS[order.status],
        "yes_price_dollars": price_text(order.yes_limit),
        "no_price_dollars": price_text(MICROS - order.yes_limit),
        "initial_count_fp": count_text(order.qty),
        "fill_count_fp": count_text(order.qty_filled),
        "remaining_count_fp": count_text(order.qty_open),
        "taker_fill_cost_dollars": decimal_text(order.taker_cost_usd, 6),
        "maker_fill_cost_dollars": decimal_text(maker_cost, 6),
        "taker_fees_dollars": decimal_text(order.taker_fee_usd, 6),
        "maker_fees_dollars": decimal_text(maker_fee, 6),
        "expiration_time": time_text(order.expires_ns) if order.expires_ns else None,
        "created_time": time_text(order.created_ns),
        "last_update_time": time_text(order.updated_ns),
        "self_trade_prevention_type": "taker_at_cross",
        "subaccount_number": 0,
        "exchange_index": order.shard,
    }


def fill_object(fill: FillRecord, ticker: str, shard: int) -> dict[str, Any]:
    """Return a fill as ``GET /portfolio/fills`` shows it (no client order id there)."""
    is_bid = fill.book_side is BookSide.BID
    return {
        "fill_id": f"{fill.trade_id}-{fill.order_id[:8]}",
        "trade_id": fill.trade_id,
        "order_id": fill.order_id,
        "ticker": ticker,
        "market_ticker": ticker,
        "outcome_side": "yes" if is_bid else "no",
        "book_side": "bid" if is_bid else "ask",
        "count_fp": count_text(fill.qty),
        "yes_price_dollars": price_text(fill.yes_price),
        "no_price_dollars": price_text(MICROS - fill.yes_price),
        "is_taker": fill.liquidity is Liquidity.TAKER,
        "fee_cost": decimal_text(fill.fee_usd, 6),
        "created_time": time_text(fill.ts_ns),
        "ts": fill.ts_ns // NS_PER_S,
        "subaccount_number": 0,
        "exchange_index": shard,
    }


def settlement_object(
    payout: PayoutRecord, fills: Sequence[FillRecord], ticker: str, event: str, shard: int
) -> dict[str, Any]:
    """Return a settlement; ``revenue`` and ``value`` are whole cents (rounded down)."""
    return {
        "ticker": ticker,
        "event_ticker": event,
        "exchange_index": shard,
        "market_result": result_word(payout.payout),
        "yes_count_fp": count_text(payout.qty_yes),
        "yes_total_cost_dollars": decimal_text(_spent_on(fills, BookSide.BID), 6),
        "no_count_fp": count_text(payout.qty_no),
        "no_total_cost_dollars": decimal_text(_spent_on(fills, BookSide.ASK), 6),
        "revenue": payout.cash_usd // 10_000,
        "value": payout.payout // 10_000,
        "fee_cost": decimal_text(sum(fill.fee_usd for fill in fills), 6),
        "settled_time": time_text(payout.ts_ns),
    }


def standing_fills(exchange: Exchange, account: str, market: MarketId | None) -> list[FillRecord]:
    """Return an account's fills that were not busted, of one market or of all."""
    return [
        fill
        for fill in exchange.fills(account)
        if fill.status is not TradeStatus.FAILED and market in (None, fill.market_id)
    ]


def _leg_price(fill: FillRecord) -> int:
    """Return the price of the leg that a fill gained: YES for a bid, NO for an ask."""
    return fill.yes_price if fill.book_side is BookSide.BID else MICROS - fill.yes_price


def _spent_on(fills: Iterable[FillRecord], side: BookSide) -> int:
    """Return what was paid for YES (bids) or NO (asks), in micro-dollars, rounded up."""
    total = sum(_leg_price(fill) * fill.qty for fill in fills if fill.book_side is side)
    return ceil_div(total, MICROS)


def position_money(fills: Iterable[FillRecord]) -> tuple[int, int]:
    """Return (cost of the open position, realised profit before fees) at average cost.

    A fill against the position closes pairs, and each pair pays a dollar at once. Both
    in micro-dollars, rounded down.
    """
    net, cost, realised = 0, 0, 0  # contracts signed YES; cost and profit x 1e6
    for fill in fills:
        gained = fill.qty if fill.book_side is BookSide.BID else -fill.qty
        price = _leg_price(fill)
        closed = min(fill.qty, abs(net)) if net * gained < 0 else 0
        if closed:
            freed = cost * closed // abs(net)
            realised += closed * MICROS - closed * price - freed
            cost -= freed
        cost += (fill.qty - closed) * price
        net += gained
    assert cost >= 0, cost
    return cost // MICROS, realised // MICROS


def stamp_ms(ns: int) -> int:
    return ns // NS_PER_MS


def cut_page(
    rows: Sequence[T], name_of: Callable[[T], str], cursor: str, limit: int
) -> tuple[list[T], str]:
    """Return one page of rows after the one that ``cursor`` names, and the next cursor.

    The cursor is opaque text over the last row's name, so rows that appear or vanish
    between two pages neither repeat nor hide others.
    """
    start = 0
    if cursor:
        try:
            name = base64.urlsafe_b64decode(cursor.encode()).decode()
        except (binascii.Error, UnicodeError, ValueError):
            raise Problem(400, "invalid_parameters", "unknown cursor") from None
        names = [name_of(row) for row in rows]
        if name not in names:
            raise Problem(400, "invalid_parameters", "unknown cursor")
        start = names.index(name) + 1
    page = list(rows[start : start + limit])
    if not page or start + limit >= len(rows):
        return page, ""
    return page, base64.urlsafe_b64encode(name_of(page[-1]).encode()).decode()


def csv(values: Iterable[str]) -> set[str]:
    """Return the names of comma-separated (and repeated) query values."""
    return {name for value in values for name in value.split(",") if name}

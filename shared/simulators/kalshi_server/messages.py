"""Bodies of websocket messages, from happenings; pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shared.domain.enums import BookSide, Liquidity, MarketStatus
from shared.domain.instrument import Instrument
from shared.domain.units import MICROS, NS_PER_S
from shared.exchange.happenings import LevelMoved, MarketMoved, TradePrinted
from shared.exchange.matching_core import BookView
from shared.exchange.orders import FillRecord, OrderRecord
from shared.simulators.catalogue import parse_rfc3339
from shared.simulators.kalshi_server.wire import (
    ORDER_WORDS,
    count_text,
    decimal_text,
    position_money,
    price_text,
    result_word,
    stamp_ms,
    time_text,
)


def snapshot_msg(ticker: str, book: BookView, *, yes_price: bool) -> dict[str, Any]:
    """Return a snapshot; the key of an empty side is absent, levels ascend in price."""
    msg: dict[str, Any] = {"market_ticker": ticker, "market_id": ticker}
    if book.bids:
        msg["yes_dollars_fp"] = [[price_text(p), count_text(q)] for p, q in reversed(book.bids)]
    if book.asks:
        prices = [(p if yes_price else MICROS - p, q) for p, q in book.asks]
        msg["no_dollars_fp"] = [[price_text(p), count_text(q)] for p, q in sorted(prices)]
    return msg


def delta_msg(
    moved: LevelMoved, ticker: str, *, yes_price: bool, with_owner: bool
) -> dict[str, Any]:
    """Return a signed size change; the owner's connections also see his client id."""
    is_yes = moved.side is BookSide.BID
    price = moved.price if is_yes or yes_price else MICROS - moved.price
    msg: dict[str, Any] = {
        "market_ticker": ticker,
        "market_id": ticker,
        "price_dollars": price_text(price),
        "delta_fp": count_text(moved.delta),
        "side": "yes" if is_yes else "no",
        "ts": time_text(moved.ts_ns),
        "ts_ms": stamp_ms(moved.ts_ns),
    }
    if with_owner and moved.client_id:
        msg["client_order_id"] = moved.client_id
    return msg


def ticker_msg(ticker: str, book: BookView, last: int, volume: int, now_ns: int) -> dict[str, Any]:
    bid, bid_size = book.bids[0] if book.bids else (0, 0)
    ask, ask_size = book.asks[0] if book.asks else (MICROS, 0)
    return {
        "market_ticker": ticker,
        "market_id": ticker,
        "price_dollars": price_text(last),
        "yes_bid_dollars": price_text(bid),
        "yes_ask_dollars": price_text(ask),
        "yes_bid_size_fp": count_text(bid_size),
        "yes_ask_size_fp": count_text(ask_size),
        "volume_fp": count_text(volume),
        "ts": now_ns // NS_PER_S,
        "ts_ms": stamp_ms(now_ns),
        "time": time_text(now_ns),
    }


def trade_object(trade: TradePrinted, ticker: str) -> dict[str, Any]:
    """Return a trade as ``GET /markets/trades`` shows it."""
    is_bid = trade.taker_side is BookSide.BID
    return {
        "trade_id": trade.trade_id,
        "ticker": ticker,
        "count_fp": count_text(trade.qty),
        "yes_price_dollars": price_text(trade.yes_price),
        "no_price_dollars": price_text(MICROS - trade.yes_price),
        "taker_outcome_side": "yes" if is_bid else "no",
        "taker_book_side": "bid" if is_bid else "ask",
        "is_block_trade": False,
        "created_time": time_text(trade.ts_ns),
    }


def trade_msg(trade: TradePrinted, ticker: str) -> dict[str, Any]:
    msg = trade_object(trade, ticker)
    msg["market_ticker"] = msg.pop("ticker")
    del msg["created_time"]
    msg["ts"] = trade.ts_ns // NS_PER_S
    msg["ts_ms"] = stamp_ms(trade.ts_ns)
    return msg


def fill_msg(fill: FillRecord, ticker: str, shard: int) -> dict[str, Any]:
    is_bid = fill.book_side is BookSide.BID
    msg: dict[str, Any] = {
        "trade_id": fill.trade_id,
        "order_id": fill.order_id,
        "market_ticker": ticker,
        "exchange_index": shard,
        "is_taker": fill.liquidity is Liquidity.TAKER,
        "yes_price_dollars": price_text(fill.yes_price),
        "count_fp": count_text(fill.qty),
        "fee_cost": decimal_text(fill.fee_usd, 6),
        "outcome_side": "yes" if is_bid else "no",
        "book_side": "bid" if is_bid else "ask",
        "post_position_fp": count_text(fill.net_yes_after),
        "ts": fill.ts_ns // NS_PER_S,
        "ts_ms": stamp_ms(fill.ts_ns),
    }
    if fill.client_id:
        msg["client_order_id"] = fill.client_id
    return msg


def user_order_msg(order: OrderRecord, ticker: str) -> dict[str, Any]:
    is_bid = order.book_side is BookSide.BID
    return {
        "order_id": order.order_id,
        "user_id": order.account,
        "ticker": ticker,
        "status": ORDER_WORDS[order.status],
        "outcome_side": "yes" if is_bid else "no",
        "book_side": "bid" if is_bid else "ask",
        "yes_price_dollars": price_text(order.yes_limit),
        "fill_count_fp": count_text(order.qty_filled),
        "remaining_count_fp": count_text(order.qty_open),
        "initial_count_fp": count_text(order.qty),
        "taker_fill_cost_dollars": decimal_text(order.taker_cost_usd, 4),
        "maker_fill_cost_dollars": decimal_text(order.cost_usd - order.taker_cost_usd, 4),
        "taker_fees_dollars": decimal_text(order.taker_fee_usd, 4),
        "maker_fees_dollars": decimal_text(order.fee_usd - order.taker_fee_usd, 4),
        "client_order_id": order.client_id,
        "created_ts_ms": stamp_ms(order.created_ns),
        "last_updated_ts_ms": stamp_ms(order.updated_ns),
        "subaccount_number": 0,
        "exchange_index": order.shard,
    }


def position_msg(
    account: str, ticker: str, net: int, fills: Sequence[FillRecord]
) -> dict[str, Any]:
    cost, realised = position_money(fills)
    return {
        "user_id": account,
        "market_ticker": ticker,
        "position_fp": count_text(net),
        "position_cost_dollars": decimal_text(cost, 4),
        "realized_pnl_dollars": decimal_text(realised, 4),
        "fees_paid_dollars": decimal_text(sum(fill.fee_usd for fill in fills), 4),
        "volume_fp": count_text(sum(fill.qty for fill in fills)),
    }


def lifecycle_msg(moved: MarketMoved, ticker: str, raw: dict[str, Any]) -> dict[str, Any] | None:
    """Return the lifecycle body of a market's move, None where the venue says nothing."""
    msg: dict[str, Any] = {"market_ticker": ticker, "event_type": ""}
    if moved.is_new:
        msg.update(
            event_type="created",
            exchange_index=raw.get("exchange_index", 0),
            open_ts=_seconds(raw.get("open_time")),
            close_ts=_seconds(raw.get("close_time")),
            price_level_structure=raw.get("price_level_structure", "linear_cent"),
            additional_metadata={
                "name": raw.get("yes_sub_title", ""),
                "title": raw.get("title", ""),
                "yes_sub_title": raw.get("yes_sub_title", ""),
                "no_sub_title": raw.get("no_sub_title", ""),
                "rules_primary": raw.get("rules_primary", ""),
                "rules_secondary": raw.get("rules_secondary", ""),
                "can_close_early": raw.get("can_close_early", False),
                "event_ticker": raw.get("event_ticker", ""),
                "expected_expiration_ts": _seconds(raw.get("expected_expiration_time")),
            },
        )
    elif moved.status is MarketStatus.PAUSED:
        msg["event_type"] = "deactivated"
    elif moved.status is MarketStatus.ACTIVE:
        msg["event_type"] = "activated"
    elif moved.status is MarketStatus.DETERMINED and moved.payout is not None:
        msg.update(
            event_type="determined",
            result=result_word(moved.payout),
            determination_ts=moved.ts_ns // NS_PER_S,
        )
    elif moved.status is MarketStatus.SETTLED:
        msg.update(event_type="settled", settled_ts=moved.ts_ns // NS_PER_S)
    else:
        return None
    return msg


def grid_msg(instrument: Instrument, ticker: str) -> dict[str, Any]:
    """Return the lifecycle body of a new price grid."""
    return {
        "market_ticker": ticker,
        "event_type": "price_level_structure_updated",
        "price_level_structure": "custom",
        "price_ranges": [
            {"start": price_text(r.start), "end": price_text(r.end), "step": price_text(r.step)}
            for r in instrument.grid
        ],
    }


def _seconds(text: object) -> int:
    return parse_rfc3339(text) // NS_PER_S if isinstance(text, str) and text else 0

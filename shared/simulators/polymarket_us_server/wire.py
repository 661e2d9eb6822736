"""The venue's text formats and objects, written from the exchange's integers.

Every price on this wire is of YES. Quantities of orders are JSON numbers, those of books,
fills and positions decimal text.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from shared.domain.enums import Liquidity, MarketStatus, Outcome, Side, TimeInForce
from shared.domain.ids import native_of
from shared.domain.units import MICROS, NS_PER_S
from shared.exchange.exchange_state import ExchangeMarket
from shared.exchange.matching_core import BookView, Exchange
from shared.exchange.orders import FillRecord, OrderRecord, OrderStatus, TradeStatus
from shared.simulators.catalogue import SimMarket

INTENT_OF: Final = {
    (Outcome.YES, Side.BUY): "ORDER_INTENT_BUY_LONG",
    (Outcome.YES, Side.SELL): "ORDER_INTENT_SELL_LONG",
    (Outcome.NO, Side.BUY): "ORDER_INTENT_BUY_SHORT",
    (Outcome.NO, Side.SELL): "ORDER_INTENT_SELL_SHORT",
}
TIF_OF: Final = {
    TimeInForce.IOC: "TIME_IN_FORCE_IMMEDIATE_OR_CANCEL",
    TimeInForce.FOK: "TIME_IN_FORCE_FILL_OR_KILL",
    TimeInForce.GTC: "TIME_IN_FORCE_GOOD_TILL_CANCEL",
}
STATE_OF: Final = {
    MarketStatus.UNOPENED: "MARKET_STATE_PREOPEN",
    MarketStatus.ACTIVE: "MARKET_STATE_OPEN",
    MarketStatus.PAUSED: "MARKET_STATE_SUSPENDED",
    MarketStatus.CLOSED: "MARKET_STATE_EXPIRED",
    MarketStatus.DETERMINED: "MARKET_STATE_EXPIRED",
    MarketStatus.SETTLED: "MARKET_STATE_TERMINATED",
}
STATUS_OF: Final = {
    MarketStatus.UNOPENED: "MARKET_STATUS_UNSPECIFIED",
    MarketStatus.ACTIVE: "MARKET_STATUS_OPEN",
    MarketStatus.PAUSED: "MARKET_STATUS_HALTED",
    MarketStatus.CLOSED: "MARKET_STATUS_RESOLVING",
    MarketStatus.DETERMINED: "MARKET_STATUS_RESOLVED",
    MarketStatus.SETTLED: "MARKET_STATUS_RESOLVED",
}


def decimal_text(micros: int, places: int) -> str:
    """Return exact decimal text with at least ``places`` decimals (at most six)."""
    whole, fraction = divmod(abs(micros), MICROS)
    digits = f"{fraction:06d}"
    kept = max(places, len(digits.rstrip("0")))
    sign = "-" if micros < 0 else ""
    return f"{sign}{whole}.{digits[:kept]}" if kept else f"{sign}{whole}"


def amount(micros: int, places: int = 2) -> dict[str, str]:
    return {"value": decimal_text(micros, places), "currency": "USD"}


def number(micros: int) -> int | float:
    """Return a JSON number; a double holds six decimals of what is traded here exactly."""
    return micros // MICROS if micros % MICROS == 0 else micros / MICROS


def time_text(ns: int) -> str:
    """Return unix nanoseconds as RFC 3339 with nanoseconds."""
    moment = datetime.fromtimestamp(ns // NS_PER_S, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + f".{ns % NS_PER_S:09d}Z"


# --- markets -----------------------------------------------------------------------------------


def levels(side: tuple[tuple[int, int], ...]) -> list[dict[str, Any]]:
    return [{"px": amount(price, 4), "qty": decimal_text(qty, 4)} for price, qty in side]


def stats(state: ExchangeMarket) -> dict[str, Any]:
    shown: dict[str, Any] = {"sharesTraded": decimal_text(state.volume, 0)}
    if state.last_yes_price:
        shown["lastTradePx"] = amount(state.last_yes_price, 4)
    if state.payout is not None:
        shown["settlementPx"] = amount(state.payout)
    return shown


def book_object(
    slug: str, book: BookView, state: ExchangeMarket, shift_ns: int = 0
) -> dict[str, Any]:
    return {
        "marketSlug": slug,
        "bids": levels(book.bids),
        "offers": levels(book.asks),
        "state": STATE_OF[state.status],
        "stats": stats(state),
        "transactTime": time_text(state.changed_ns + shift_ns),
    }


def bbo_object(slug: str, book: BookView, state: ExchangeMarket) -> dict[str, Any]:
    return {
        "marketSlug": slug,
        "bestBid": amount(book.bids[0][0], 4) if book.bids else None,
        "bestAsk": amount(book.asks[0][0], 4) if book.asks else None,
        "bidDepth": len(book.bids),
        "askDepth": len(book.asks),
        "lastTradePx": amount(state.last_yes_price, 4) if state.last_yes_price else None,
        "sharesTraded": decimal_text(state.volume, 0),
        "openInterest": "0",
    }


def market_object(market: SimMarket, exchange: Exchange) -> dict[str, Any]:
    """Return the market as listed now: the static object and what changes by the second."""
    state = exchange.market(market.market_id)
    assert state is not None, market.market_id
    is_open = state.status in (MarketStatus.ACTIVE, MarketStatus.PAUSED)
    listed = dict(market.raw)
    listed.update(
        active=state.status is MarketStatus.ACTIVE,
        closed=not is_open,
        status=STATUS_OF[state.status],
        volume=number(state.volume),
    )
    return listed


# --- orders ------------------------------------------------------------------------------------


def state_word(order: OrderRecord, filled: int) -> str:
    """Return the state of an order that has ``filled`` so far."""
    if filled >= order.qty:
        return "ORDER_STATE_FILLED"
    if order.is_live:
        return "ORDER_STATE_PARTIALLY_FILLED" if filled else "ORDER_STATE_NEW"
    return "ORDER_STATE_EXPIRED" if order.reason == "expired" else "ORDER_STATE_CANCELED"


def order_object(
    order: OrderRecord, fills: list[FillRecord], *, is_open: bool | None = None
) -> dict[str, Any]:
    """Return an order with the fills that count so far; ``is_open`` while it still works."""
    fills = [fill for fill in fills if fill.status is not TradeStatus.FAILED]
    filled = sum(fill.qty for fill in fills)
    is_live = order.is_live if is_open is None else is_open
    left = order.qty - filled if is_live else 0
    state = state_word(order, filled)
    if is_live and filled < order.qty:
        state = "ORDER_STATE_PARTIALLY_FILLED" if filled else "ORDER_STATE_NEW"
    shown: dict[str, Any] = {
        "id": order.order_id,
        "marketSlug": native_of(order.market_id),
        "side": "ORDER_SIDE_BUY" if order.book_side.value == "bid" else "ORDER_SIDE_SELL",
        "type": "ORDER_TYPE_LIMIT",
        "price": amount(order.yes_limit, 4),
        "quantity": number(order.qty),
        "cumQuantity": number(filled),
        "leavesQuantity": number(left),
        "tif": TIF_OF[order.tif],
        "intent": INTENT_OF[order.outcome, order.side],
        "outcomeSide": f"OUTCOME_SIDE_{order.outcome.value.upper()}",
        "action": f"ORDER_ACTION_{order.side.value.upper()}",
        "state": state,
        "marketMetadata": {"slug": native_of(order.market_id)},
        "createTime": time_text(order.created_ns),
        "insertTime": time_text(order.created_ns),
        "commissionNotionalTotalCollected": amount(sum(fill.fee_usd for fill in fills)),
    }
    if filled:
        weighted = sum(fill.yes_price * fill.qty for fill in fills)
        shown["avgPx"] = amount(weighted // filled, 4)
    return shown


def fill_execution(order: OrderRecord, fills: list[FillRecord], fill: FillRecord) -> dict[str, Any]:
    """Return the execution of ``fill``, the last of ``fills``."""
    done = sum(one.qty for one in fills) >= order.qty
    return {
        "id": f"exec-{fill.trade_id}",
        "order": order_object(order, fills, is_open=not done),
        "lastShares": decimal_text(fill.qty, 4),
        "lastPx": amount(fill.yes_price, 4),
        "type": "EXECUTION_TYPE_FILL" if done else "EXECUTION_TYPE_PARTIAL_FILL",
        "transactTime": time_text(fill.ts_ns),
        "tradeId": fill.trade_id,
        "aggressor": fill.liquidity is Liquidity.TAKER,
        "commissionNotionalCollected": amount(fill.fee_usd),
    }


def end_execution(order: OrderRecord, fills: list[FillRecord]) -> dict[str, Any] | None:
    """Return the execution that says how an order stands when no fill says it already."""
    filled = sum(fill.qty for fill in fills)
    if filled >= order.qty:
        return None
    kind = "EXECUTION_TYPE_CANCELED"
    if order.is_live:
        kind = "EXECUTION_TYPE_NEW"
    elif order.reason == "expired":
        kind = "EXECUTION_TYPE_EXPIRED"
    return {
        "id": f"exec-{order.order_id}-{order.status.value}",
        "order": order_object(order, fills),
        "type": kind,
        "transactTime": time_text(order.updated_ns),
    }


def executions_of(order: OrderRecord, fills: list[FillRecord]) -> list[dict[str, Any]]:
    """Return everything that happened to an order, oldest first."""
    rows = [fill_execution(order, fills[: n + 1], fill) for n, fill in enumerate(fills)]
    last = end_execution(order, fills)
    return rows if last is None else [*rows, last]


def is_open_order(order: OrderRecord) -> bool:
    return order.status in (OrderStatus.RESTING, OrderStatus.HELD)


# --- portfolio ---------------------------------------------------------------------------------


def position_object(net: int) -> dict[str, Any]:
    """Return a position; the old fields are rounded to whole contracts, as at the venue."""
    rounded = (abs(net) + MICROS // 2) // MICROS * (1 if net >= 0 else -1)
    return {
        "netPosition": str(rounded),
        "netPositionDecimal": decimal_text(net, 4),
        "qtyAvailable": str(rounded),
        "qtyAvailableDecimal": decimal_text(net, 4),
        "expired": False,
    }


def trade_object(fill: FillRecord) -> dict[str, Any]:
    """Return a trade of the activities: neither order nor fee is in it."""
    is_busted = fill.status is TradeStatus.FAILED
    return {
        "id": fill.trade_id,
        "marketSlug": native_of(fill.market_id),
        "state": "TRADE_STATE_BUSTED" if is_busted else "TRADE_STATE_CLEARED",
        "createTime": time_text(fill.ts_ns),
        "updateTime": time_text(max(fill.ts_ns, fill.status_ns)),
        "price": amount(fill.yes_price, 4),
        "qty": str((fill.qty + MICROS // 2) // MICROS),
        "qtyDecimal": decimal_text(fill.qty, 4),
        "isAggressor": fill.liquidity is Liquidity.TAKER,
    }


def balance_object(exchange: Exchange, account: str, now_ns: int) -> dict[str, Any]:
    """Return the balance: shorts are proceeds with a dollar of margin for each contract."""
    shorts = sum(max(0, -p.net_yes) for p in exchange.positions(account).values())
    cash = exchange.cash(account)
    return {
        "currentBalance": number(cash + shorts),
        "currency": "USD",
        "lastUpdated": time_text(now_ns),
        "buyingPower": number(exchange.available_cash(account)),
        "assetNotional": 0,
        "assetAvailable": 0,
        "pendingCredit": 0,
        "openOrders": number(exchange.open_orders_collateral(account)),
        "unsettledFunds": 0,
        "marginRequirement": number(shorts),
    }

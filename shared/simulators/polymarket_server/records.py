"""Orders and trades of one account as the venue's JSON, for REST and the user channel."""

from __future__ import annotations

from typing import Any, Final

from eth_hash.auto import keccak

from shared.domain.enums import Liquidity, Outcome, Side, TimeInForce
from shared.domain.units import NS_PER_MS, NS_PER_S, format_micros
from shared.exchange.orders import FillRecord, OrderRecord, OrderStatus, TradeStatus
from shared.simulators.keys import PolymarketAccount
from shared.simulators.polymarket_server.desk import Desk, native

CROWD_KEY: Final = "11111111-1111-4111-8111-111111111111"
CROWD_WALLET: Final = "0x" + "c0" * 20
_TIFS: Final = {TimeInForce.IOC: "FAK", TimeInForce.FOK: "FOK", TimeInForce.GTC: "GTC"}


def order_word(order: OrderRecord) -> str:
    """Return the status word; a killed order carries its free text, as the venue's do."""
    if order.status is OrderStatus.RESTING:
        return "LIVE"
    if order.status is OrderStatus.HELD:
        return "DELAYED"
    if order.status is OrderStatus.EXECUTED or order.qty_filled > 0:
        return "MATCHED" if order.reason in ("", "maker", "taker_at_cross") else "CANCELED"
    words = {
        "expired": "CANCELED_EXPIRED_ORDER",
        "market_closed": "CANCELED_MARKET_RESOLVED",
        "market_inactive": "CANCELED_MARKET_RESOLVED",
        "no_cash": "CANCELED_NOT_ENOUGH_BALANCE",
        "no_shares": "CANCELED_NOT_ENOUGH_BALANCE",
        "fok_not_filled": "CANCELED_order couldn't be fully filled."
        " FOK orders are fully filled or killed.",
        "fak_not_filled": "UNMATCHED",
    }
    return words.get(order.reason, "CANCELED")


def order_view(desk: Desk, account: PolymarketAccount, order: OrderRecord) -> dict[str, Any]:
    trades = [fill.trade_id for fill in desk.exchange.fills_of(order.order_id)]
    return {
        "id": order.order_id,
        "status": order_word(order),
        "owner": account.api_key,
        "maker_address": account.wallet,
        "market": native(order.market_id),
        "asset_id": desk.token_of(order.market_id, order.outcome),
        "side": "BUY" if order.side is Side.BUY else "SELL",
        "original_size": format_micros(order.qty),
        "size_matched": format_micros(order.qty_filled),
        "price": format_micros(order.price_limit),
        "associate_trades": list(dict.fromkeys(trades)),
        "outcome": "Yes" if order.outcome is Outcome.YES else "No",
        "created_at": order.created_ns // NS_PER_S,
        "expiration": str(order.expires_ns // NS_PER_S),
        "order_type": "GTD" if order.expires_ns else _TIFS[order.tif],
    }


def trade_view(desk: Desk, account: PolymarketAccount, fill: FillRecord) -> dict[str, Any]:
    """Return a trade as the account sees it: as taker at the top, as maker in the list."""
    token = desk.token_of(fill.market_id, fill.outcome)
    is_taker = fill.liquidity is Liquidity.TAKER
    ours, theirs = _word(fill.side), _word(Side.SELL if fill.side is Side.BUY else Side.BUY)
    counter = fill.counter_order_id or "0x" + keccak(fill.trade_id.encode()).hex()
    outcome = "Yes" if fill.outcome is Outcome.YES else "No"
    maker = {
        "order_id": counter if is_taker else fill.order_id,
        "owner": CROWD_KEY if is_taker else account.api_key,
        "maker_address": CROWD_WALLET if is_taker else account.wallet,
        "matched_amount": format_micros(fill.qty),
        "price": format_micros(fill.price),
        "fee_rate_bps": "0",
        "asset_id": token,
        "outcome": outcome,
        "side": theirs if is_taker else ours,
    }
    view = {
        "id": fill.trade_id,
        "taker_order_id": fill.order_id if is_taker else counter,
        "market": native(fill.market_id),
        "asset_id": token,
        "side": ours if is_taker else theirs,
        "size": format_micros(fill.qty),
        "fee_rate_bps": "0",
        "price": format_micros(fill.price),
        "status": fill.status.value.upper(),
        "match_time": str(fill.ts_ns // NS_PER_S),
        "last_update": str(max(fill.status_ns, fill.ts_ns) // NS_PER_S),
        "outcome": outcome,
        "bucket_index": 0,
        "owner": account.api_key if is_taker else CROWD_KEY,
        "maker_address": account.wallet if is_taker else CROWD_WALLET,
        "maker_orders": [maker],
        "trader_side": "TAKER" if is_taker else "MAKER",
    }
    if fill.status is not TradeStatus.MATCHED and not fill.fate.startswith("no_tx"):
        # A retried transaction has another hash: the hash is no key (F-055).
        is_new = fill.status is TradeStatus.RETRYING
        is_other = bool(fill.fate) and fill.status is TradeStatus.CONFIRMED
        mark = f"{fill.trade_id}/{2 if is_other else int(is_new)}"
        view["transaction_hash"] = "0x" + keccak(mark.encode()).hex()
    return view


def _word(side: Side) -> str:
    return "BUY" if side is Side.BUY else "SELL"


def order_event(
    desk: Desk, account: PolymarketAccount, order: OrderRecord, ts_ns: int
) -> dict[str, Any]:
    """Return the user-channel event of an order that was placed, filled or ended."""
    kind = "UPDATE"
    if order.is_live and order.qty_filled == 0:
        kind = "PLACEMENT"
    elif order.status is OrderStatus.CANCELED and order_word(order) != "MATCHED":
        kind = "CANCELLATION"
    return {
        **order_view(desk, account, order),
        "event_type": "order",
        "type": kind,
        "order_owner": account.api_key,
        "created_at": str(order.created_ns // NS_PER_S),
        "timestamp": str(ts_ns // NS_PER_MS),
    }


def trade_event(
    desk: Desk, account: PolymarketAccount, fill: FillRecord, ts_ns: int
) -> dict[str, Any]:
    return {
        **trade_view(desk, account, fill),
        "event_type": "trade",
        "type": "TRADE",
        "trade_owner": account.api_key,
        "timestamp": str(ts_ns // NS_PER_MS),
    }

"""From the bytes of POST /order to a request that the exchange takes, or the venue's refusal.

Checks come in the order in which the venue is known to make them: shape, owner, signer,
market, signature, amounts, tick. Texts are the venue's own, since clients match them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from shared.domain.enums import MarketStatus, Side, TimeInForce
from shared.domain.instrument import Instrument
from shared.domain.units import MICROS, NS_PER_S, PriceMicros, QtyMicros, UsdMicros, format_micros
from shared.exchange.orders import OrderRequest, RefusalCode, Refused
from shared.simulators.keys import PolymarketAccount
from shared.simulators.polymarket_server.desk import Desk, refusal
from shared.simulators.polymarket_server.verification import (
    BadSignatureError,
    WireOrder,
    digest_of,
    verify_order,
)

_TIFS: Final = {
    "FAK": TimeInForce.IOC,
    "FOK": TimeInForce.FOK,
    "GTC": TimeInForce.GTC,
    "GTD": TimeInForce.GTC,
}
AMOUNT_DP: Final = {100_000: 3, 10_000: 4, 5_000: 5, 2_500: 6, 1_000: 5, 100: 6}
"""Decimals of the computed leg by tick in micros."""
GTD_MARGIN_S: Final = 60
CENT: Final = 10_000


@dataclass(frozen=True, slots=True)
class Entry:
    """A verified order: what the exchange gets, and the wire order behind it."""

    request: OrderRequest
    wire: WireOrder
    instrument: Instrument


def read_entry(desk: Desk, account: PolymarketAccount, body: Any) -> Entry:
    """Return the verified entry of a body; raises the venue's refusal."""
    if not isinstance(body, dict) or not isinstance(body.get("order"), dict):
        raise refusal(400, "Invalid order payload")
    try:
        wire = WireOrder.parse(body["order"])
        order_type = str(body["orderType"])
        tif = _TIFS[order_type]
    except (ValueError, KeyError):
        raise refusal(400, "Invalid order payload") from None
    if body.get("owner") != account.api_key:
        raise refusal(400, "the order owner has to be the owner of the API KEY")
    _check_roles(account, wire)
    found = desk.token(wire.token_id)
    listed = desk.exchange.market(found[0].market_id) if found else None
    if found is None or listed is None:
        raise refusal(400, "Invalid order payload")
    instrument = listed.instrument
    order_id = digest_of(wire, instrument.neg_risk)
    try:
        verify_order(wire, instrument.neg_risk, account.eoa)
    except BadSignatureError:
        raise refusal(400, "invalid signature") from None
    if listed.status is not MarketStatus.ACTIVE:
        raise refusal(400, "the market is not yet ready to process new orders")
    post_only = body.get("postOnly") is True
    if post_only and order_type not in ("GTC", "GTD"):
        raise refusal(400, "Invalid order payload")
    price = _price(wire, instrument, order_id, is_market=tif is not TimeInForce.GTC)
    side = Side.BUY if wire.is_buy else Side.SELL
    shares = wire.taker_amount if wire.is_buy else wire.maker_amount
    budget = None
    if wire.is_buy and tif is not TimeInForce.GTC:
        budget = UsdMicros(wire.maker_amount)
    request = OrderRequest(
        account=account.name,
        market_id=found[0].market_id,
        outcome=found[1],
        side=side,
        price_limit=PriceMicros(price),
        qty=QtyMicros(shares),
        tif=tif,
        order_id=order_id,
        budget_usd=budget,
        post_only=post_only,
        expires_ns=_expiry(desk, wire, order_type),
    )
    return Entry(request, wire, instrument)


def _check_roles(account: PolymarketAccount, wire: WireOrder) -> None:
    allowed = {0: (account.eoa, account.eoa), 3: (account.wallet, account.wallet)}
    if allowed.get(wire.signature_type) != (wire.maker, wire.signer):
        raise refusal(400, "the order signer address has to be the address of the API KEY")


def _expiry(desk: Desk, wire: WireOrder, order_type: str) -> int:
    """Return when a GTD order dies: a minute before what it states."""
    if order_type != "GTD":
        if wire.expiration:
            raise refusal(400, "invalid expiration")
        return 0
    if wire.expiration < desk.now_s + 3 * GTD_MARGIN_S:
        raise refusal(400, "invalid expiration")
    return (wire.expiration - GTD_MARGIN_S) * NS_PER_S


def _price(wire: WireOrder, instrument: Instrument, order_id: str, *, is_market: bool) -> int:
    """Return the limit price on the tick; checks the decimals of both legs first."""
    tick = instrument.grid[0].step
    quantum = 10 ** (6 - AMOUNT_DP[tick])
    money, shares = (
        (wire.maker_amount, wire.taker_amount)
        if wire.is_buy
        else (wire.taker_amount, wire.maker_amount)
    )
    if wire.is_buy and is_market:
        if money % CENT or shares % quantum:
            raise refusal(
                400,
                "invalid amounts, the market buy orders maker amount supports a max accuracy of"
                f" 2 decimals, taker amount a max of {AMOUNT_DP[tick]} decimals",
            )
    elif shares % CENT or money % quantum:
        raise refusal(
            400,
            f"invalid amounts, the {'buy' if wire.is_buy else 'sell'} orders share amount supports"
            f" a max accuracy of 2 decimals, the other a max of {AMOUNT_DP[tick]} decimals",
        )
    if wire.is_buy and is_market:
        price = money * MICROS // shares
        price -= price % tick
    elif is_market:
        price = -(-money * MICROS // shares)
        price += -price % tick
        price -= tick if (price - tick) * shares >= money * MICROS else 0
    else:
        price, rest = divmod(money * MICROS, shares)
        if rest:
            raise _tick_refusal(order_id, tick)
    if price % tick or not tick <= price <= MICROS - tick:
        raise _tick_refusal(order_id, tick)
    return price


def _tick_refusal(order_id: str, tick: int) -> web.HTTPException:
    text = f"order {order_id} breaks minimum tick size rule: {format_micros(tick)}"
    return refusal(400, text)


def refusal_text(refused: Refused, entry: Entry) -> tuple[int, str]:
    """Return (HTTP status, the venue's text) for a refusal of the exchange."""
    order_id, request = entry.request.order_id, entry.request
    size = format_micros(request.qty)
    texts: Mapping[RefusalCode, tuple[int, str]] = {
        RefusalCode.DUPLICATE: (400, f"order {order_id} is invalid. Duplicated."),
        RefusalCode.NO_CASH: (400, "not enough balance / allowance"),
        RefusalCode.NO_SHARES: (400, "not enough balance / allowance"),
        RefusalCode.COUNTER_STUCK: (
            400,
            f"not enough balance / allowance: {refused.message}",
        ),
        RefusalCode.BELOW_MIN_SIZE: (
            400,
            f"order {order_id} is invalid. Size ({size}) lower than the minimum:"
            f" {format_micros(entry.instrument.min_qty)}",
        ),
        RefusalCode.BELOW_MIN_NOTIONAL: (
            400,
            "invalid amount for a marketable BUY order"
            f" (${format_micros(entry.wire.maker_amount)}), min size: $1",
        ),
        RefusalCode.FOK_NOT_FILLED: (
            400,
            "order couldn't be fully filled. FOK orders are fully filled or killed.",
        ),
        RefusalCode.FAK_NOT_FILLED: (
            400,
            "no orders found to match with FAK order."
            " FAK orders are partially filled or killed if no match is found.",
        ),
        RefusalCode.POST_ONLY_CROSS: (400, "invalid post-only order: order crosses book"),
        RefusalCode.MARKET_INACTIVE: (
            400,
            "the market is not yet ready to process new orders",
        ),
        RefusalCode.EXPIRED: (400, "invalid expiration"),
        RefusalCode.OFF_GRID: (
            400,
            f"order {order_id} breaks minimum tick size rule:"
            f" {format_micros(entry.instrument.grid[0].step)}",
        ),
        RefusalCode.UNKNOWN_ACCOUNT: (401, "Unauthorized/Invalid api key"),
        RefusalCode.TRADING_PAUSED: (503, "Trading is currently disabled"),
    }
    return texts.get(refused.code, (400, "invalid amounts, " + refused.message))

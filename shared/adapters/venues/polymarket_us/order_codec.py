"""A leg ticket as the bytes of an order, and those bytes read back by other code.

One instrument a market: its price is always of YES ("long"), whatever the intent. Buying
NO at q is BUY_SHORT at 1 - q. SELL intents are the venue's closing orders.
``encode_order`` computes that from the ticket; ``decode_order`` starts from the bytes
alone and shares no rule with the encoder (F-027, I-05).
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, Final

import msgspec

from shared.adapters.venues.polymarket_us.capabilities import BLOCK_S, TIFS
from shared.adapters.venues.polymarket_us.parsing import INTENTS, TIF_WORDS
from shared.domain.enums import Outcome, Side, TimeInForce, Venue
from shared.domain.errors import DomainError, OffGridError
from shared.domain.instrument import Instrument
from shared.domain.order import LegTicket
from shared.domain.units import MICROS, PriceMicros, QtyMicros, complement, format_micros

AUTOMATIC: Final = "MANUAL_ORDER_INDICATOR_AUTOMATIC"


def yes_price_of(ticket: LegTicket) -> PriceMicros:
    """Return the YES price of a ticket's limit."""
    if ticket.outcome is Outcome.YES:
        return ticket.price_limit
    return complement(ticket.price_limit)


def quantity_of(qty: QtyMicros) -> msgspec.Raw:
    """Return a quantity as an exact JSON number: a double could not hold every lot."""
    assert qty > 0, qty
    return msgspec.Raw(format_micros(qty).encode())


def encode_order(ticket: LegTicket, instrument: Instrument) -> bytes:
    """Return the body of ``POST /v1/orders``; pure and deterministic.

    An immediate order asks for a synchronous answer, so that its fills come with it.

    Raises:
        OffGridError: price or quantity are not on the market's grid.
        DomainError: the ticket asks for something that this venue does not have.
    """
    if ticket.venue is not Venue.POLYMARKET_US or ticket.market_id != instrument.market_id:
        raise DomainError(f"{ticket.attempt_id}: the ticket is for another market")
    if ticket.budget_usd is not None:
        raise DomainError(f"{ticket.attempt_id}: budget orders are not used here")
    if ticket.tif not in TIFS:
        raise DomainError(f"{ticket.attempt_id}: no such time in force")
    if ticket.reduce_only and ticket.side is not Side.SELL:
        raise DomainError(f"{ticket.attempt_id}: only a SELL intent closes a position")
    if ticket.qty < instrument.min_qty or ticket.qty % instrument.qty_step:
        raise OffGridError(f"{ticket.attempt_id}: quantity {ticket.qty} is not a lot")
    price = yes_price_of(ticket)
    if not instrument.is_on_grid(price):
        raise OffGridError(f"{ticket.attempt_id}: price {price} is off the grid")
    body: dict[str, Any] = {
        "marketSlug": instrument.native_id,
        "intent": INTENTS[ticket.outcome, ticket.side],
        "type": "ORDER_TYPE_LIMIT",
        "price": {"value": format_micros(price), "currency": "USD"},
        "quantity": quantity_of(ticket.qty),
        "tif": TIF_WORDS[ticket.tif],
        "manualOrderIndicator": AUTOMATIC,
    }
    if ticket.tif is not TimeInForce.GTC:
        body["synchronousExecution"] = True
        body["maxBlockTime"] = str(BLOCK_S)
    return msgspec.json.encode(body)


def decode_order(payload: bytes) -> dict[str, str]:
    """Read an encoded order back in neutral words; every value is text.

    Raises:
        DomainError: the bytes are not an order of ours.
    """
    try:
        body = json.loads(payload, parse_float=Decimal, parse_int=Decimal)
        action, _, leg = body["intent"].removeprefix("ORDER_INTENT_").partition("_")
        outcome = {"LONG": "yes", "SHORT": "no"}[leg]
        side = {"BUY": "buy", "SELL": "sell"}[action]
        price, count = Decimal(body["price"]["value"]), body["quantity"]
        market, kind, currency = body["marketSlug"], body["type"], body["price"]["currency"]
    except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError):
        raise DomainError("the encoded order cannot be read back") from None
    if not isinstance(count, Decimal) or not (price.is_finite() and count.is_finite()):
        raise DomainError("the encoded order has no finite price or count")
    if not (Decimal(0) < price < Decimal(1) and count > 0):
        raise DomainError("the encoded order has no usable price or count")
    if (kind, currency) != ("ORDER_TYPE_LIMIT", "USD") or "cashOrderQty" in body:
        raise DomainError("the encoded order is not a limit order in dollars")
    return {
        "market_id": f"polymarket_us:{market}",
        "outcome": outcome,
        "side": side,
        "price": _exact(price if outcome == "yes" else Decimal(1) - price),
        "qty": _exact(count),
        "budget": "",
    }


def _exact(value: Decimal) -> str:
    micros = value * MICROS
    if micros != int(micros):
        raise DomainError(f"finer than one millionth: {value}")
    return format_micros(int(micros))


def find_difference(payload: bytes, ticket: LegTicket) -> str:
    """Return what the bytes say differently from the ticket, or an empty text."""
    said = decode_order(payload)
    wanted = {
        "market_id": str(ticket.market_id),
        "outcome": ticket.outcome.value,
        "side": ticket.side.value,
        "price": format_micros(ticket.price_limit),
        "qty": format_micros(ticket.qty),
        "budget": "",
    }
    if said != wanted:
        return f"{said} is not {wanted}"
    body = json.loads(payload)
    tif = {
        "TIME_IN_FORCE_IMMEDIATE_OR_CANCEL": "ioc",
        "TIME_IN_FORCE_FILL_OR_KILL": "fok",
        "TIME_IN_FORCE_GOOD_TILL_CANCEL": "gtc",
    }.get(body.get("tif"))
    if tif != ticket.tif.value:
        return f"tif: {body.get('tif')!r} is not {ticket.tif.value!r}"
    if body.get("manualOrderIndicator") != AUTOMATIC or "goodTillTime" in body:
        return "not an automatic order without an end"
    return ""

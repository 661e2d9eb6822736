"""A leg ticket as the bytes of an order, and those bytes read back by other code.

The wire knows one leg: YES. Buying NO at q is an ``ask`` at 1 - q, and so is selling
YES; buying YES and selling NO are ``bid``. ``encode_order`` computes that from the
ticket; ``decode_order`` starts from the bytes alone, with the standard library's JSON
and decimal arithmetic, and shares no rule with the encoder (F-027, I-05).
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any, Final

import msgspec

from shared.adapters.venues.kalshi.capabilities import TIFS
from shared.domain.enums import Outcome, Side, TimeInForce, Venue
from shared.domain.errors import DomainError, OffGridError
from shared.domain.instrument import Instrument
from shared.domain.order import LegTicket
from shared.domain.units import (
    MICROS,
    NS_PER_S,
    PriceMicros,
    QtyMicros,
    complement,
    format_micros,
)

_PLAIN: Final = re.compile(r"\d{1,12}\.\d{2,4}\Z", re.ASCII)
REST_LIFE_NS: Final = 60 * NS_PER_S
_TIF_WORDS: Final = {
    TimeInForce.IOC: "immediate_or_cancel",
    TimeInForce.FOK: "fill_or_kill",
    TimeInForce.GTC: "good_till_canceled",
}


def price_text(price: PriceMicros) -> str:
    """Return a YES price with four decimals, the finest the venue takes."""
    assert 0 < price < MICROS and price % 100 == 0, price
    return f"0.{price // 100:04d}"


def count_text(qty: QtyMicros) -> str:
    """Return a count with two decimals."""
    assert qty > 0 and qty % 10_000 == 0, qty
    return f"{qty // MICROS}.{qty % MICROS // 10_000:02d}"


def expiration_of(ticket: LegTicket) -> int:
    """Return the unix second at which a resting order dies by itself, rounded down.

    Whatever is not told otherwise lives a minute, so that a lost process leaves nothing
    behind (cancel on disconnect is not offered over REST).
    """
    end_ns = ticket.expires_wall_ns or ticket.decided_wall_ns + REST_LIFE_NS
    assert end_ns > ticket.decided_wall_ns, (end_ns, ticket.decided_wall_ns)
    return end_ns // NS_PER_S


def encode_order(ticket: LegTicket, instrument: Instrument) -> bytes:
    """Return the body of ``POST /portfolio/events/orders``; pure and deterministic.

    Raises:
        OffGridError: price or quantity are not on the market's grid.
        DomainError: the ticket asks for something that this venue does not have.
    """
    if ticket.venue is not Venue.KALSHI or ticket.market_id != instrument.market_id:
        raise DomainError(f"{ticket.attempt_id}: the ticket is for another market")
    if ticket.budget_usd is not None:
        raise DomainError(f"{ticket.attempt_id}: Kalshi has no budget orders")
    if ticket.tif not in TIFS or (ticket.reduce_only and ticket.tif is not TimeInForce.IOC):
        raise DomainError(f"{ticket.attempt_id}: reduce_only needs immediate-or-cancel")
    if ticket.shard != instrument.shard:
        raise DomainError(f"{ticket.attempt_id}: the market moved to shard {instrument.shard}")
    if ticket.qty < instrument.min_qty or ticket.qty % instrument.qty_step:
        raise OffGridError(f"{ticket.attempt_id}: quantity {ticket.qty} is not a lot")
    is_yes = ticket.outcome is Outcome.YES
    yes_price = ticket.price_limit if is_yes else complement(ticket.price_limit)
    if not instrument.is_on_grid(yes_price) or yes_price % 100:
        raise OffGridError(f"{ticket.attempt_id}: price {yes_price} is off the grid")
    is_bid = (ticket.side is Side.BUY) is is_yes
    body: dict[str, Any] = {
        "ticker": instrument.native_id,
        "client_order_id": ticket.attempt_id,
        "side": "bid" if is_bid else "ask",
        "count": count_text(ticket.qty),
        "price": price_text(yes_price),
        "time_in_force": _TIF_WORDS[ticket.tif],
        "self_trade_prevention_type": "taker_at_cross",
        "exchange_index": instrument.shard,
    }
    if ticket.reduce_only:
        body["reduce_only"] = True
    if ticket.expires_wall_ns and ticket.tif is not TimeInForce.GTC:
        raise DomainError(f"{ticket.attempt_id}: only a resting order has an end")
    if ticket.tif is TimeInForce.GTC:
        body["cancel_order_on_pause"] = True
        body["expiration_time"] = expiration_of(ticket)
    return msgspec.json.encode(body)


def decode_order(payload: bytes, outcome: Outcome) -> dict[str, str]:
    """Read an encoded order back in terms of ``outcome``; every value is text.

    A ``bid`` adds YES contracts and an ``ask`` takes them away; holding NO is holding
    less YES. So an ask is a purchase of NO, a bid a sale of NO.

    Raises:
        DomainError: the bytes are not an order of ours.
    """
    try:
        body = json.loads(payload, parse_float=Decimal)
        # ``float`` texts, numbers and booleans are not what the encoder writes.
        if not (_PLAIN.match(body["price"]) and _PLAIN.match(body["count"])):
            raise ValueError
        price, count = Decimal(body["price"]), Decimal(body["count"])
        yes_sign = {"bid": 1, "ask": -1}[body["side"]]
        market = f"kalshi:{body['ticker']}"
    except (ValueError, KeyError, TypeError, ArithmeticError, RecursionError):
        raise DomainError("the encoded order cannot be read back") from None
    if not (Decimal(0) < price < Decimal(1) and count > 0):
        raise DomainError("the encoded order has no usable price or count")
    gained = yes_sign if outcome is Outcome.YES else -yes_sign
    own_price = price if outcome is Outcome.YES else Decimal(1) - price
    return {
        "market_id": market,
        "outcome": outcome.value,
        "side": "buy" if gained > 0 else "sell",
        "price": _exact(own_price),
        "qty": _exact(count),
        "budget": "",
    }


def _exact(value: Decimal) -> str:
    micros = value * MICROS
    if micros != int(micros):
        raise DomainError(f"finer than one millionth: {value}")
    return format_micros(int(micros))


def find_difference(payload: bytes, ticket: LegTicket) -> str:
    """Return what the bytes say differently from the ticket, or an empty text.

    Covers what ``decode_order`` cannot say in neutral words: client id, shard, time in
    force, reduce-only.
    """
    said = decode_order(payload, ticket.outcome)
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
    tif = {"immediate_or_cancel": "ioc", "fill_or_kill": "fok", "good_till_canceled": "gtc"}
    checks = (
        ("client_order_id", body.get("client_order_id"), str(ticket.attempt_id)),
        ("exchange_index", body.get("exchange_index"), ticket.shard),
        ("time_in_force", tif.get(body.get("time_in_force")), ticket.tif.value),
        ("reduce_only", body.get("reduce_only", False), ticket.reduce_only),
        (
            "expiration_time",
            body.get("expiration_time"),
            expiration_of(ticket) if ticket.tif is TimeInForce.GTC else None,
        ),
    )
    for name, said_value, wanted_value in checks:
        if said_value != wanted_value:
            return f"{name}: {said_value!r} is not {wanted_value!r}"
    return ""

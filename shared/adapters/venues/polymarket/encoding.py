"""From a ticket to the exact amounts and bytes of an order, and back by other code.

All arithmetic is on millionths. The money leg of a limit order is exact by construction
(shares have two decimals, prices at most four); the share leg of a budget BUY is rounded
*down*, because the venue kills a FAK whose share amount is rounded up.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from shared.adapters.venues.polymarket.capabilities import (
    BUDGET_STEP,
    GTD_EARLY_NS,
    GTD_LIFE_MIN_NS,
    MIN_MARKETABLE_USD,
    QTY_STEP,
    SignatureType,
    rounding_of,
)
from shared.adapters.venues.polymarket.signing import OrderMessage
from shared.domain.enums import Outcome, Side, TimeInForce
from shared.domain.errors import DomainError, OffGridError
from shared.domain.instrument import Instrument
from shared.domain.order import LegTicket
from shared.domain.units import (
    MICROS,
    NS_PER_MS,
    NS_PER_S,
    PriceMicros,
    ceil_div,
    complement,
    floor_div,
    floor_to_step,
    format_micros,
)

ORDER_TYPES: Final = {
    TimeInForce.IOC: "FAK",
    TimeInForce.FOK: "FOK",
    TimeInForce.GTC: "GTC",
}


@dataclass(frozen=True, slots=True)
class Amounts:
    """What the maker gives and takes, in millionths (pUSD for one, shares for the other)."""

    maker: int
    taker: int


def check_price(price: int, tick: int) -> None:
    """Refuse a price that is off the tick or outside [tick, 1 - tick]."""
    rounding_of(tick)
    if price % tick or not tick <= price <= MICROS - tick:
        raise OffGridError(f"price {price} is not an order price at tick {tick}")


def limit_amounts(side: Side, price: int, size: int, tick: int) -> Amounts:
    """Return the amounts of a share-denominated limit order; the size is floored to 0.01.

    Raises:
        OffGridError: the price is not orderable, or nothing is left after flooring.
    """
    check_price(price, tick)
    shares = floor_to_step(size, rounding_of(tick).size_quantum)
    if shares <= 0:
        raise OffGridError(f"size {size} is below one hundredth of a share")
    assert price * shares % MICROS == 0, (price, shares)
    money = price * shares // MICROS
    return Amounts(money, shares) if side is Side.BUY else Amounts(shares, money)


def budget_buy_amounts(budget: int, price: int, tick: int) -> Amounts:
    """Return the amounts of a FAK or FOK BUY: the money is given, shares are rounded down."""
    check_price(price, tick)
    money = floor_to_step(budget, BUDGET_STEP)
    shares = floor_to_step(floor_div(money * MICROS, price), rounding_of(tick).amount_quantum)
    if money <= 0 or shares <= 0:
        raise OffGridError(f"budget {budget} buys nothing at {price}")
    assert price * shares <= money * MICROS, (price, shares, money)
    return Amounts(money, shares)


def market_sell_amounts(size: int, price: int, tick: int) -> Amounts:
    """Return the amounts of a FAK or FOK SELL: shares floored to 0.01, money rounded down."""
    check_price(price, tick)
    row = rounding_of(tick)
    shares = floor_to_step(size, row.size_quantum)
    money = floor_to_step(floor_div(price * shares, MICROS), row.amount_quantum)
    if shares <= 0 or money <= 0:
        raise OffGridError(f"size {size} sells for nothing at {price}")
    return Amounts(shares, money)


def tick_of(ticket: LegTicket, instrument: Instrument) -> int:
    """Return the tick that applies to the ticket's limit, read on the YES grid."""
    yes_price = (
        ticket.price_limit
        if ticket.outcome is Outcome.YES
        else complement(PriceMicros(ticket.price_limit))
    )
    return instrument.step_at(yes_price)


def ticket_amounts(ticket: LegTicket, instrument: Instrument, tick: int) -> Amounts:
    """Return the amounts that a ticket asks for.

    A BUY that must not rest is budget-denominated: without ``budget_usd`` the budget is
    ``price_limit * qty``, which must then be whole cents (exact-N rule).

    Raises:
        DomainError: a size or budget that this venue cannot express exactly.
    """
    if ticket.qty <= 0 or ticket.qty % QTY_STEP:
        raise OffGridError(f"{ticket.qty} is not a positive multiple of 0.01 shares")
    price = ticket.price_limit
    if ticket.tif is TimeInForce.GTC:
        if ticket.budget_usd is not None:
            raise DomainError("a resting order is share-denominated and takes no budget")
        if ticket.qty < instrument.min_qty:
            raise DomainError(f"{ticket.qty} is below the market's minimum {instrument.min_qty}")
        return limit_amounts(ticket.side, price, ticket.qty, tick)
    if ticket.side is Side.SELL:
        return market_sell_amounts(ticket.qty, price, tick)
    budget = ticket.budget_usd
    if budget is None:
        if price * ticket.qty % (BUDGET_STEP * MICROS):
            raise OffGridError(f"{ticket.qty} at {price} is not a whole number of cents")
        return _marketable(price * ticket.qty // MICROS, price, tick)
    if budget <= 0 or budget % BUDGET_STEP:
        raise OffGridError(f"budget {budget} is not a positive number of whole cents")
    return _marketable(budget, price, tick)


def _marketable(budget: int, price: int, tick: int) -> Amounts:
    if budget < MIN_MARKETABLE_USD:
        raise DomainError(f"a marketable BUY needs one dollar, the budget is {budget}")
    return budget_buy_amounts(budget, price, tick)


@dataclass(frozen=True, slots=True)
class WalletRoles:
    """Addresses and signature type that every order of one account carries."""

    maker: str
    signer: str
    signature_type: SignatureType
    owner: str
    """API key id (UUID), repeated in each body."""


def build_message(
    ticket: LegTicket, instrument: Instrument, roles: WalletRoles, salt: int, tick: int
) -> OrderMessage:
    """Return the signed fields of a ticket's order; pure, so that it can be rebuilt later."""
    amounts = ticket_amounts(ticket, instrument, tick)
    token = instrument.token_of(ticket.outcome)
    if not token.isdecimal():
        raise DomainError(f"{ticket.market_id} has no token id for {ticket.outcome.value}")
    if ticket.decided_wall_ns <= 0:
        raise DomainError(f"attempt {ticket.attempt_id} has no time of decision")
    return OrderMessage(
        salt=salt,
        maker=roles.maker,
        signer=roles.signer,
        token_id=int(token),
        maker_amount=amounts.maker,
        taker_amount=amounts.taker,
        side=0 if ticket.side is Side.BUY else 1,
        signature_type=roles.signature_type,
        timestamp_ms=ticket.decided_wall_ns // NS_PER_MS,
    )


def order_type_of(ticket: LegTicket) -> tuple[str, str]:
    """Return (orderType, expiration text) of a ticket: GTC with an end is GTD on this wire.

    The venue ends a GTD order a minute before what it states, so a minute is added here.

    Raises:
        DomainError: an end on an order that cannot rest, or closer than the venue allows.
    """
    if not ticket.expires_wall_ns:
        return ORDER_TYPES[ticket.tif], "0"
    if ticket.tif is not TimeInForce.GTC:
        raise DomainError(f"{ticket.attempt_id}: only a resting order has an end")
    if ticket.expires_wall_ns - ticket.decided_wall_ns < GTD_LIFE_MIN_NS:
        raise DomainError(f"{ticket.attempt_id}: a GTD order lives two minutes or longer")
    # Rounded up: rounding down could fall below the three minutes that the venue demands.
    return "GTD", str(ceil_div(ticket.expires_wall_ns + GTD_EARLY_NS, NS_PER_S))


def build_payload(
    message: OrderMessage,
    order_type: str,
    owner: str,
    *,
    expiration: str = "0",
    signature: str = "",
) -> bytes:
    """Return the body of POST /order; byte-equal to the official client's for a signed order."""
    body = {
        "deferExec": False,
        "order": {
            "builder": f"0x{message.builder.hex()}",
            "expiration": expiration,
            "maker": message.maker,
            "makerAmount": str(message.maker_amount),
            "metadata": f"0x{message.metadata.hex()}",
            "salt": message.salt,
            "side": "BUY" if message.side == 0 else "SELL",
            "signature": signature,
            "signatureType": int(message.signature_type),
            "signer": message.signer,
            "takerAmount": str(message.taker_amount),
            "timestamp": str(message.timestamp_ms),
            "tokenId": str(message.token_id),
        },
        "orderType": order_type,
        "owner": owner,
    }
    return msgspec.json.encode(body)


def decode_payload(
    payload: bytes, instrument: Instrument, *, as_budget: bool = True
) -> dict[str, str]:
    """Read a body back into venue-neutral words; shares no code with the encoder (I-05).

    Keys, all text: market_id, outcome, side, price, qty, budget. An immediate BUY is a
    budget on this wire: told ``as_budget`` its ``qty`` is empty, else the shares expected
    at the limit are given and ``budget`` is empty. Its price is the highest tick not above
    money / shares, since the shares were rounded down.
    """
    try:
        return _read_back(json.loads(payload), instrument, as_budget)
    except (ValueError, KeyError, TypeError, ArithmeticError, RecursionError, AttributeError):
        raise DomainError("the encoded order cannot be read back") from None


def _read_back(body: Any, instrument: Instrument, as_budget: bool) -> dict[str, str]:
    order = body["order"]
    tokens = {instrument.yes_token: "yes", instrument.no_token: "no"}
    outcome = tokens.get(order["tokenId"])
    if (order["expiration"] != "0") is not (body["orderType"] == "GTD"):
        raise DomainError("an expiration belongs to a GTD order and to no other")
    if outcome is None or body["orderType"] not in ("FAK", "FOK", "GTC", "GTD"):
        raise DomainError(f"the payload is not an order of {instrument.market_id}")
    gives, takes = _amount(order["makerAmount"]), _amount(order["takerAmount"])
    if order["side"] not in ("BUY", "SELL"):
        raise ValueError
    buys = order["side"] == "BUY"
    money, shares = (gives, takes) if buys else (takes, gives)
    is_budget = as_budget and buys and body["orderType"] in ("FAK", "FOK")
    ratio = money * 1_000_000 // shares
    step = instrument.step_at(PriceMicros(ratio if outcome == "yes" else 1_000_000 - ratio))
    return {
        "market_id": instrument.market_id,
        "outcome": outcome,
        "side": "buy" if buys else "sell",
        "price": format_micros(ratio - ratio % step),
        "qty": "" if is_budget else format_micros(shares),
        "budget": format_micros(money) if is_budget else "",
    }


def _amount(text: object) -> int:
    """Return a positive whole number of the wire, which is always a text of digits."""
    if not isinstance(text, str) or not text.isascii() or not text.isdigit() or len(text) > 24:
        raise ValueError
    value = int(text)
    if value <= 0:
        raise ValueError
    return value

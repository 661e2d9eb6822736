"""The bytes of a paper order and, by other code, the ticket read back from them.

The payload is venue-neutral JSON; the same bytes always come from the same ticket. The
venue's own impossible orders are refused here already, as a real adapter does.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from shared.domain.enums import Outcome, Side, TimeInForce, Venue
from shared.domain.errors import DomainError, OffGridError
from shared.domain.ids import MarketId
from shared.domain.instrument import Instrument
from shared.domain.order import LegTicket
from shared.domain.units import (
    PriceMicros,
    QtyMicros,
    UsdMicros,
    complement,
    format_micros,
    parse_micros,
)
from shared.exchange.orders import OrderRequest
from shared.ports.venue import EncodedOrder


def encode_ticket(ticket: LegTicket, instrument: Instrument) -> EncodedOrder:
    """Return the order of a ticket.

    Raises:
        OffGridError: price or quantity are not on the market's grid.
        DomainError: the venue has no such order.
    """
    if ticket.market_id != instrument.market_id:
        raise DomainError(f"{ticket.attempt_id}: the ticket is for another market")
    yes_price = ticket.price_limit
    if ticket.outcome is Outcome.NO:
        yes_price = complement(yes_price)
    if not instrument.is_on_grid(yes_price):
        raise OffGridError(f"{ticket.attempt_id}: price {yes_price} is off the grid")
    if ticket.budget_usd is None and (ticket.qty <= 0 or ticket.qty % instrument.qty_step):
        raise OffGridError(f"{ticket.attempt_id}: quantity {ticket.qty} is not a lot")
    if ticket.budget_usd is not None and ticket.venue is Venue.KALSHI:
        raise DomainError(f"{ticket.attempt_id}: Kalshi has no budget orders")
    if ticket.shard != instrument.shard:
        raise DomainError(f"{ticket.attempt_id}: the market moved to shard {instrument.shard}")
    body = {
        "attempt": ticket.attempt_id,
        "market": ticket.market_id,
        "outcome": ticket.outcome.value,
        "side": ticket.side.value,
        "limit": format_micros(ticket.price_limit),
        "size": None if ticket.budget_usd is not None else format_micros(ticket.qty),
        "budget": None if ticket.budget_usd is None else format_micros(ticket.budget_usd),
        "expected": format_micros(ticket.qty),
        "tif": ticket.tif.value,
        "reduce_only": ticket.reduce_only,
        "shard": ticket.shard,
    }
    payload = json.dumps(body, separators=(",", ":"), sort_keys=True).encode()
    is_hashed = ticket.venue is not Venue.KALSHI
    order_hash = "0x" + hashlib.sha256(payload).hexdigest() if is_hashed else ""
    return EncodedOrder(ticket, payload, order_hash, decode_payload(payload))


def _read(payload: bytes) -> dict[str, Any]:
    try:
        body = json.loads(payload)
    except ValueError:
        raise DomainError("the encoded order cannot be read back") from None
    if not isinstance(body, dict):
        raise DomainError("the encoded order is not an object")
    return body


def decode_payload(payload: bytes) -> dict[str, str]:
    """Return the venue-neutral ticket fields that the bytes say (I-05)."""
    body = _read(payload)
    return {
        "market_id": str(body["market"]),
        "outcome": Outcome(body["outcome"]).value,
        "side": Side(body["side"]).value,
        "price": format_micros(parse_micros(body["limit"])),
        "qty": "" if body["size"] is None else format_micros(parse_micros(body["size"])),
        "budget": "" if body["budget"] is None else format_micros(parse_micros(body["budget"])),
    }


def request_of(payload: bytes, account: str, order_id: str) -> OrderRequest:
    """Return what the exchange is asked, from the bytes alone."""
    body = _read(payload)
    budget = body["budget"]
    return OrderRequest(
        account=account,
        market_id=MarketId(body["market"]),
        outcome=Outcome(body["outcome"]),
        side=Side(body["side"]),
        price_limit=PriceMicros(parse_micros(body["limit"])),
        qty=QtyMicros(parse_micros(body["expected"])),
        tif=TimeInForce(body["tif"]),
        order_id=order_id,
        client_id=str(body["attempt"]),
        budget_usd=None if budget is None else UsdMicros(parse_micros(budget)),
        reduce_only=bool(body["reduce_only"]),
        shard=int(body["shard"]),
    )

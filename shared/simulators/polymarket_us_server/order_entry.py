"""What an order body asks for, and what the exchange made of it.

A body of the wrong shape is answered 400 and never gets an id. Whatever the exchange
refuses gets an id and ends REJECTED, as the venue's documents say.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

from shared.domain.enums import Outcome, Side, TimeInForce, Venue
from shared.domain.ids import market_id
from shared.domain.units import MICROS, PriceMicros, QtyMicros, parse_micros
from shared.exchange.orders import OrderRequest, RefusalCode
from shared.simulators.catalogue import parse_rfc3339
from shared.simulators.polymarket_us_server.problems import Problem
from shared.simulators.polymarket_us_server.wire import INTENT_OF, TIF_OF

_LEGS: Final = {word: legs for legs, word in INTENT_OF.items()}
_TIFS: Final = {word: tif for tif, word in TIF_OF.items()} | {
    "TIME_IN_FORCE_GOOD_TILL_DATE": TimeInForce.GTC
}
REASONS: Final = {
    RefusalCode.UNKNOWN_MARKET: "ORD_REJECT_REASON_UNKNOWN_MARKET",
    RefusalCode.MARKET_INACTIVE: "ORD_REJECT_REASON_EXCHANGE_CLOSED",
    RefusalCode.TRADING_PAUSED: "ORD_REJECT_REASON_EXCHANGE_CLOSED",
    RefusalCode.OFF_GRID: "ORD_REJECT_REASON_INVALID_PRICE_INCREMENT",
    RefusalCode.BAD_SIZE: "ORD_REJECT_REASON_INCORRECT_QUANTITY",
    RefusalCode.BELOW_MIN_SIZE: "ORD_REJECT_REASON_INCORRECT_QUANTITY",
}
"""Documented reasons; any other cause is the generic one, with the cause as its text."""
GENERIC: Final = "ORD_REJECT_REASON_EXCHANGE_OPTION"
PRICE_MIN, PRICE_MAX = 10_000, 990_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """A readable order body."""

    request: OrderRequest
    slug: str
    is_synchronous: bool


def read_json(body: bytes) -> dict[str, Any]:
    """Return a body as an object. Raises Problem (400)."""
    try:
        fields = msgspec.json.decode(body or b"{}", type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Problem(400, "the body is not a JSON object") from None
    return fields


def read_wanted(fields: dict[str, Any], account: str) -> Wanted:
    """Return the order that a create body asks for. Raises Problem (400)."""
    slug = fields.get("marketSlug")
    if not isinstance(slug, str) or not slug:
        raise Problem(400, "marketSlug is required")
    outcome, side = _read_legs(fields)
    if fields.get("type") != "ORDER_TYPE_LIMIT":
        raise Problem(400, "type: only ORDER_TYPE_LIMIT is simulated")
    tif_word = fields.get("tif")
    tif = _TIFS.get(tif_word) if isinstance(tif_word, str) else None
    if tif is None:
        raise Problem(400, "tif is not a time in force")
    expires_ns = 0
    if tif_word == "TIME_IN_FORCE_GOOD_TILL_DATE":
        expires_ns = _read_time(fields.get("goodTillTime"))
    yes_price = read_price(fields.get("price"))
    post_only = fields.get("participateDontInitiate", False)
    is_synchronous = fields.get("synchronousExecution", False)
    if not isinstance(post_only, bool) or not isinstance(is_synchronous, bool):
        raise Problem(400, "participateDontInitiate or synchronousExecution")
    request = OrderRequest(
        account=account,
        market_id=market_id(Venue.POLYMARKET_US, slug),
        outcome=outcome,
        side=side,
        price_limit=PriceMicros(yes_price if outcome is Outcome.YES else MICROS - yes_price),
        qty=read_quantity(fields.get("quantity")),
        tif=tif,
        post_only=post_only,
        expires_ns=expires_ns,
    )
    return Wanted(request, slug, is_synchronous)


def _read_legs(fields: dict[str, Any]) -> tuple[Outcome, Side]:
    """Read the intent, or the pair that means the same and wins where both are given."""
    outcome_side, action = fields.get("outcomeSide"), fields.get("action")
    if outcome_side is not None or action is not None:
        try:
            outcome = Outcome(str(outcome_side).removeprefix("OUTCOME_SIDE_").lower())
            return outcome, Side(str(action).removeprefix("ORDER_ACTION_").lower())
        except ValueError:
            raise Problem(400, "outcomeSide and action") from None
    intent = fields.get("intent")
    legs = _LEGS.get(intent) if isinstance(intent, str) else None
    if legs is None:
        raise Problem(400, "intent is not an order intent")
    return legs


def read_price(value: object) -> PriceMicros:
    """Return a YES price; out of bounds is for the exchange to refuse. Raises Problem (400)."""
    if not isinstance(value, dict) or value.get("currency") != "USD":
        raise Problem(400, "price needs a value in USD")
    try:
        micros = parse_micros(str(value.get("value")))
    except ValueError:
        raise Problem(400, "price.value is not a decimal") from None
    return PriceMicros(micros)


def read_quantity(value: object) -> QtyMicros:
    """Return contracts of a JSON number. Raises Problem (400)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Problem(400, "quantity is not a number")
    try:
        micros = Decimal(str(value)) * MICROS
    except InvalidOperation:
        raise Problem(400, "quantity is not a number") from None
    if not 0 < micros < 10**18 or micros != int(micros):
        raise Problem(400, "quantity is out of range")
    return QtyMicros(int(micros))


def _read_time(value: object) -> int:
    try:
        return parse_rfc3339(str(value))
    except ValueError:
        raise Problem(400, "goodTillTime is not a time") from None

"""What the venue's error answers mean, as data, and the count of what could not be read.

Only an answer that matches a row says that an order never entered the book; everything
else leaves it unknown. Two kinds exist: an HTTP status with its body, and, in a 200, an
execution of type REJECTED whose reason is one of the documented words.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from shared.domain.errors import WireError

log = logging.getLogger("twinleg.venues.polymarket_us")


@dataclass(frozen=True, slots=True)
class Refusal:
    """One HTTP answer to order creation that is documented to mean "not created".

    ``text`` is compared with the body's message without case; empty means any readable
    message. Mark O: the venue's documents, not probed by us.
    """

    status: int
    reason: str
    source: str
    as_of: str = "2026-11-24"
    text: str = ""


STOPGAP_TEXT: Final = "global rate limit exceeded"
"""Not a rate limit: the venue's refusal of an order that it could not process in 5 s."""

# The row with a text comes first: the same status may also mean something else.
REFUSALS: Final = (
    Refusal(429, "latency_stopgap", "O rate-limits", text=STOPGAP_TEXT),
    Refusal(503, "latency_stopgap", "O rate-limits", text=STOPGAP_TEXT),
    Refusal(400, "latency_stopgap", "O rate-limits", text=STOPGAP_TEXT),
    Refusal(400, "invalid_order", "O orders/create-order: 400 invalid order request"),
    Refusal(401, "unauthorised", "O orders/create-order: 401"),
    Refusal(429, "rate_limited", "O rate-limits: at the edge, before the interface"),
)

REJECT_REASONS: Final = {
    "ORD_REJECT_REASON_UNKNOWN_MARKET": "market_not_found",
    "ORD_REJECT_REASON_EXCHANGE_CLOSED": "paused",
    "ORD_REJECT_REASON_INCORRECT_QUANTITY": "invalid_order_size",
    "ORD_REJECT_REASON_INVALID_PRICE_INCREMENT": "off_grid",
    "ORD_REJECT_REASON_INCORRECT_ORDER_TYPE": "invalid_order",
    "ORD_REJECT_REASON_PRICE_OUT_OF_BOUNDS": "invalid_price",
    "ORD_REJECT_REASON_NO_LIQUIDITY": "no_liquidity",
    "ORD_REJECT_REASON_EXCHANGE_OPTION": "refused",
}
"""Documented reasons of a rejected execution (O orders/overview) and our words for them."""


def read_message(body: bytes) -> str | None:
    """Return what an error body says (``message``, else ``error``); None for any other shape."""
    try:
        value: Any = msgspec.json.decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError, ValueError):
        return None
    if not isinstance(value, dict):
        return None
    for name in ("message", "error"):
        text = value.get(name)
        if isinstance(text, str) and text:
            return text
    return None


def find_refusal(status: int, body: bytes) -> Refusal | None:
    """Return the row that an answer to order creation matches, or None."""
    message = read_message(body)
    if message is None:
        return None
    for row in REFUSALS:
        if row.status == status and (not row.text or row.text in message.casefold()):
            return row
    return None


class WireTally:
    """Counts unreadable input per kind and logs each kind once, with a sample."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def note(self, kind: str, sample: str = "") -> None:
        self.counts[kind] += 1
        if self.counts[kind] == 1:
            log.warning("polymarket_us_wire_error kind=%s sample=%.200s", kind, sample)

    def note_error(self, error: WireError) -> None:
        self.note(error.kind, error.sample)

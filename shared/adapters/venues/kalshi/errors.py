"""What the venue's error answers mean, as data, and the count of what could not be read.

Only an answer that matches a row of ``REFUSALS`` says that an order never entered the
book. Everything else leaves the order unknown (409 ``order_already_exists`` above all:
it means that the first copy landed).
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from shared.domain.errors import WireError

log = logging.getLogger("twinleg.venues.kalshi")


@dataclass(frozen=True, slots=True)
class Refusal:
    """One answer to order creation that is documented to mean "never entered the book".

    ``code`` is compared without case; ``"*"`` is any code in a readable JSON error
    object. ``text`` instead is the exact string of a body ``{"error": "..."}``.
    """

    statuses: frozenset[int]
    code: str
    reason: str
    source: str
    as_of: str
    text: str = ""


def _row(statuses: tuple[int, ...], code: str, reason: str, source: str) -> Refusal:
    return Refusal(frozenset(statuses), code, reason, source, "2026-11-22")


_FACTS: Final = "KALSHI 2.4"
_FIX: Final = "fix/order-entry error table"
# Four codes were seen with two different HTTP classes: the code decides, both are listed.
REFUSALS: Final = (
    _row((400,), "invalid_price", "invalid_price", _FACTS),
    _row((400,), "invalid_order_size", "invalid_order_size", _FACTS),
    _row((400,), "invalid_order", "invalid_order", _FACTS),
    _row((400,), "invalid_parameters", "invalid_parameters", _FACTS),
    _row((400,), "insufficient_balance", "shard_unfunded", f"{_FACTS}, 2.6"),
    _row((400,), "available_balance_too_low", "shard_unfunded", f"{_FACTS}, 2.6"),
    _row((404,), "user_not_found", "shard_unfunded", f"{_FACTS}, 2.6"),
    _row((404,), "market_not_found", "market_not_found", _FACTS),
    _row((401,), "*", "unauthorised", _FACTS),
    _row((403,), "*", "forbidden", _FACTS),
    _row((400, 409), "fill_or_kill_insufficient_resting_volume", "fok_unfilled", "KALSHI 2.3"),
    _row((400, 409), "trading_paused", "paused", _FACTS),
    _row((400, 409), "exchange_paused", "paused", _FACTS),
    _row((400, 409), "market_inactive", "market_inactive", _FACTS),
    _row((400, 409), "exceeded_per_market_risk_limit", "market_limit", _FIX),
    _row((400, 409), "exceeded_order_group_risk_limit", "group_limit", _FIX),
    _row((400, 409), "self_cross_attempt", "self_cross", _FIX),
    _row((400, 409), "post_only_cross", "post_only_cross", _FIX),
    _row((410,), "deprecated_v1_order_endpoint", "wrong_endpoint", "KALSHI 2.3"),
    Refusal(
        frozenset({429}), "", "rate_limited", "KALSHI 6", "2026-11-22", text="too many requests"
    ),
)


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """A readable error answer. ``shape`` is nested, flat or text (KALSHI 2.4 a, b, c)."""

    shape: str
    code: str
    message: str


def read_error_body(body: bytes) -> ErrorBody | None:
    """Return what an error body says; None for HTML, empty or any other unknown shape."""
    try:
        value: Any = msgspec.json.decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError, ValueError):
        return None
    if not isinstance(value, dict):
        return None
    inner = value.get("error")
    if isinstance(inner, str):
        return ErrorBody("text", "text", inner)
    shape, fields = ("nested", inner) if isinstance(inner, dict) else ("flat", value)
    code = fields.get("code")
    if not isinstance(code, str) or not code:
        return None
    message = fields.get("message")
    return ErrorBody(shape, code, message if isinstance(message, str) else "")


def find_refusal(status: int, body: bytes) -> Refusal | None:
    """Return the row of the refusal list that an answer to order creation matches, or None."""
    error = read_error_body(body)
    if error is None:
        return None
    for row in REFUSALS:
        if status not in row.statuses:
            continue
        if row.text:
            if error.shape == "text" and error.message.casefold() == row.text:
                return row
        elif error.shape != "text" and row.code in ("*", error.code.casefold()):
            return row
    return None


class WireTally:
    """Counts unreadable input per kind and logs each kind once, with a sample."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def note(self, kind: str, sample: str = "") -> None:
        self.counts[kind] += 1
        if self.counts[kind] == 1:
            log.warning("kalshi_wire_error kind=%s sample=%.200s", kind, sample)

    def note_error(self, error: WireError) -> None:
        self.note(error.kind, error.sample)

"""The refusal list: which answers to POST /order prove that it never entered the book.

Everything that is not here is Unknown, whatever its words promise. Two texts look like
refusals and are not: ``Duplicated`` means that the same bytes landed before, and
``order match delayed`` means that the order is being held. 425, 429 and every 5xx are
never on the list, not even the 500 that the documentation calls safe to resubmit.
Sources: the venue's error-code page and the official SDK's error table, read 2026-11-22.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import msgspec

from shared.domain.errors import WireError

_DOCS: Final = "docs resources/error-codes, 2026-11-22"
_SDK: Final = "polymarket-client 0.14.0 error table, 2026-10-21"
_SEEN: Final = "observed by nautilus_trader, 2026-11"
_ISSUE: Final = "py-clob-client-v2 and py-sdk issue reports, 2026"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One answer that proves absence: HTTP statuses, the exact text as a pattern, its origin."""

    reason: str
    statuses: tuple[int, ...]
    pattern: re.Pattern[str]
    source: str


def _refusal(reason: str, text: str, source: str, statuses: tuple[int, ...] = (400,)) -> Refusal:
    return Refusal(reason, statuses, re.compile(text + r"\.?\Z", re.IGNORECASE), source)


REFUSALS: Final[tuple[Refusal, ...]] = (
    _refusal("invalid_payload", r"Invalid order payload", _DOCS),
    _refusal("owner_mismatch", r"the order owner has to be the owner of the API KEY", _DOCS),
    _refusal(
        "signer_mismatch", r"the order signer address has to be the address of the API KEY", _DOCS
    ),
    _refusal("account_banned", r"(.* )?address( 0x[0-9a-f]{40})?( is)? banned", _DOCS),
    _refusal(
        "account_closed_only", r"(.* )?address( 0x[0-9a-f]{40})?( is)? in closed only mode", _DOCS
    ),
    _refusal("post_only_would_cross", r"invalid post-only order: order crosses book", _DOCS),
    _refusal("tick_size", r"order .{1,120} breaks minimum tick size rule: [0-9.]+", _DOCS),
    _refusal(
        "size_below_minimum",
        r"(order .{1,120}is invalid\. )?Size \([0-9.]+\) lower than the minimum: [$0-9.]+",
        _DOCS,
    ),
    _refusal(
        "not_enough_balance",
        r"(order .{1,120} )?not enough balance / allowance(: .{0,300})?",
        _DOCS,
    ),
    _refusal("invalid_expiration", r"invalid expiration", _DOCS),
    _refusal("canceled_on_chain", r"order canceled in the CTF exchange contract", _DOCS),
    _refusal(
        "fok_not_filled",
        r"order couldn't be fully filled\. FOK orders are fully filled or killed",
        _DOCS,
    ),
    _refusal(
        "fak_not_filled",
        r"no orders found to match with FAK order\."
        r" FAK orders are partially filled or killed if no match is found",
        _DOCS,
    ),
    _refusal("market_not_ready", r"the market is not yet ready to process new orders", _DOCS),
    _refusal("version_mismatch", r"order_version_mismatch", _SDK),
    _refusal("invalid_signature", r"invalid signature", _ISSUE),
    _refusal("invalid_amounts", r"invalid amounts, .{1,300}", _ISSUE),
    _refusal(
        "invalid_amounts",
        r"the (taker|maker) amount for a \$[0-9.]+ order of size [0-9.]+ should be '[0-9.]+'",
        _ISSUE,
    ),
    _refusal(
        "amount_below_minimum",
        r"invalid amount for a marketable BUY order \(\$[0-9.]+\), min size: \$[0-9.]+",
        _SEEN,
    ),
    _refusal("unauthorized", r"Unauthorized(/Invalid api key)?", _DOCS, (401,)),
    _refusal("unauthorized", r"Invalid api key", _DOCS, (401,)),
    _refusal("region_refused", r"Trading restricted in your region.{0,300}", _DOCS, (403,)),
    _refusal(
        "account_closed_only",
        r"(.* )?address( 0x[0-9a-f]{40})?( is)? in closed only mode",
        _DOCS,
        (403,),
    ),
    _refusal("account_banned", r"(.* )?address( 0x[0-9a-f]{40})?( is)? banned", _DOCS, (403,)),
)


class _ErrorBody(msgspec.Struct):
    """The two shapes in which an error text arrives."""

    error: str | None = None
    errorMsg: str | None = None


_DECODER = msgspec.json.Decoder(_ErrorBody)


def read_error_text(body: bytes) -> str:
    """Return the error text of a JSON error body.

    Raises:
        WireError: the body is not JSON or holds no text; it proves nothing then.
    """
    try:
        parsed = _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise WireError("polymarket.error_body", body[:200].decode("latin-1")) from error
    text = parsed.errorMsg or parsed.error
    if not text:
        raise WireError("polymarket.error_body", body[:200].decode("latin-1"))
    return text


def find_refusal(status: int, text: str) -> Refusal | None:
    """Return the list entry that an answer matches exactly, else None (the order is Unknown)."""
    for refusal in REFUSALS:
        if status in refusal.statuses and refusal.pattern.match(text):
            return refusal
    return None

"""Rows of ``twinleg orders encode``: inputs of an order to its id, amounts and signature.

The same arithmetic and the same signer as the trader's; the rows are those of the
recorded vectors, and nothing here talks to anybody.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from shared.adapters.venues.polymarket.capabilities import BYTES32_ZERO, SignatureType
from shared.adapters.venues.polymarket.encoding import (
    Amounts,
    budget_buy_amounts,
    limit_amounts,
    market_sell_amounts,
)
from shared.adapters.venues.polymarket.signing import OrderMessage, OrderSigner, domain_separator
from shared.domain.enums import Side
from shared.domain.errors import DomainError
from shared.domain.units import MICROS, parse_micros

_PLAIN = re.compile(r"\d{1,13}(?:\.\d{1,40})?\Z", re.ASCII)


def encode_order_row(row: Mapping[str, Any]) -> dict[str, str]:
    """Encode and sign one row of ``twinleg orders encode``.

    Args:
        row: As one of ``orders[]`` of the recorded vectors (``inputs``, ``domain``,
            ``post_order_body.order``) plus ``private_key``. Amounts and signatures in
            the body are ignored; they are what this computes.

    Raises:
        DomainError: the row is incomplete, mistyped, off the grid or badly signed for.
    """
    try:
        inputs, domain = row["inputs"], row["domain"]
        wire = row["post_order_body"]["order"]
        amounts = _row_amounts(inputs)
        message = OrderMessage(
            salt=int(wire["salt"]),
            maker=str(wire["maker"]),
            signer=str(wire["signer"]),
            token_id=int(str(wire["tokenId"])),
            maker_amount=amounts.maker,
            taker_amount=amounts.taker,
            side=0 if _row_side(inputs) is Side.BUY else 1,
            signature_type=SignatureType(wire["signatureType"]),
            timestamp_ms=int(str(wire["timestamp"])),
            metadata=_bytes32(wire.get("metadata", BYTES32_ZERO)),
            builder=_bytes32(wire.get("builder", BYTES32_ZERO)),
        )
        chain_id = int(domain["chainId"])
        separator = domain_separator(
            str(domain["verifyingContract"]),
            chain_id,
            name=str(domain["name"]),
            version=str(domain["version"]),
        )
        signer = OrderSigner(str(row["private_key"]), chain_id=chain_id)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise DomainError(f"unreadable order row ({type(error).__name__}: {error})") from None
    signed = signer.sign_order(message, separator)
    return {
        "orderID": signed.order_id,
        "makerAmount": str(amounts.maker),
        "takerAmount": str(amounts.taker),
        "signature": signed.signature,
    }


def _row_side(inputs: Mapping[str, Any]) -> Side:
    return {"BUY": Side.BUY, "SELL": Side.SELL}[inputs["side"]]


def _row_amounts(inputs: Mapping[str, Any]) -> Amounts:
    """Return the amounts of a row: ``limit`` by price and size, ``market`` by amount."""
    side, tick = _row_side(inputs), parse_micros(inputs["tick"])
    if inputs["kind"] == "limit":
        return limit_amounts(side, parse_micros(inputs["price"]), _floor6(inputs["size"]), tick)
    if inputs["kind"] != "market":
        raise DomainError(f"unknown kind of order {inputs['kind']!r:.40}")
    amount, price = _floor6(inputs["amount"]), parse_micros(inputs["worst_price"])
    if side is Side.BUY:
        return budget_buy_amounts(amount, price, tick)
    return market_sell_amounts(amount, price, tick)


def _floor6(text: object) -> int:
    """Return a plain decimal in micros, rounded down: sizes are floored to 0.01 anyway."""
    if not isinstance(text, str) or not _PLAIN.match(text):
        raise DomainError(f"not a plain positive decimal: {text!r:.60}")
    whole, _, fraction = text.partition(".")
    return int(whole) * MICROS + int(fraction[:6].ljust(6, "0"))


def _bytes32(text: object) -> bytes:
    raw = bytes.fromhex(str(text).removeprefix("0x"))
    if len(raw) != 32:
        raise DomainError("metadata and builder are 32 bytes of hex")
    return raw

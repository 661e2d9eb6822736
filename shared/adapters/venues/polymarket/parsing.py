"""Wire text to exact integers, with one error type and nothing guessed.

Every function raises ``WireError`` and nothing else for input that cannot be read; the
caller counts it and drops the one object.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, TypeVar

import msgspec

from shared.domain.errors import WireError
from shared.domain.units import NS_PER_S, parse_micros

T = TypeVar("T")

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DIGITS = re.compile(r"\d{1,16}\Z", re.ASCII)
_TEXTS: Final = msgspec.json.Decoder(list[str])


def decode(decoder: msgspec.json.Decoder[T], raw: bytes | str, kind: str) -> T:
    """Decode JSON into the decoder's type.

    Raises:
        WireError: not JSON, of another shape, not UTF-8, or nested beyond all reason.
    """
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        text = raw if isinstance(raw, str) else raw[:200].decode("latin-1")
        raise WireError(kind, f"{error}: {text}") from None


def micros(value: Decimal | str, kind: str) -> int:
    """Return an exact decimal in millionths.

    Raises:
        WireError: not a finite plain number, absurdly large, or finer than a millionth.
    """
    if isinstance(value, str):
        try:
            return parse_micros(value)
        except ValueError as error:
            raise WireError(kind, str(error)) from None
    if not value.is_finite() or value.adjusted() > 13:
        raise WireError(kind, f"not money: {str(value)[:40]}")
    if value.adjusted() < -12:
        if value == 0:
            return 0
        raise WireError(kind, f"finer than one millionth: {str(value)[:40]}")
    scaled = value.scaleb(6)
    whole = int(scaled)
    if whole != scaled:
        raise WireError(kind, f"finer than one millionth: {str(value)[:40]}")
    return whole


def floor_micros(value: Decimal, kind: str) -> int:
    """Return a non-negative decimal in millionths, rounded down (data-API floats)."""
    if not value.is_finite() or value < 0 or value.adjusted() > 13:
        raise WireError(kind, f"not a quantity: {str(value)[:40]}")
    return int(value.scaleb(6))


def parse_time(text: str | None, kind: str) -> int:
    """Return unix nanoseconds of ISO text or of epoch seconds or milliseconds; 0 for none.

    Eleven digits or fewer are seconds, more are milliseconds, as the venue mixes them.
    """
    if not text:
        return 0
    if _DIGITS.match(text):
        number = int(text)
        return number * NS_PER_S if len(text) <= 11 else number * 1_000_000
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise WireError(kind, text) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    nanos = (moment - _EPOCH) // timedelta(microseconds=1) * 1_000
    if nanos < 0:
        raise WireError(kind, text)
    return nanos


def parse_texts(text: str | None, kind: str) -> list[str]:
    """Return the list of texts that the venue keeps as JSON inside a string."""
    return decode(_TEXTS, text.encode(), kind) if text else []


def read_balance(text: str) -> int:
    """Return a balance in micros: with a decimal point it is dollars, else millionths.

    Raises:
        WireError: not a plain non-negative number.
    """
    if "." in text:
        value = micros(text, "polymarket.balance")
    elif text.isascii() and text.isdigit() and len(text) <= 24:
        value = int(text)
    else:
        raise WireError("polymarket.balance", text)
    if value < 0:
        raise WireError("polymarket.balance", text)
    return value

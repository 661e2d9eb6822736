"""Kinds of configuration values: their unit, their wire form, the kernel's integer."""

from __future__ import annotations

import re
from decimal import Decimal
from enum import Enum
from typing import Any, Final

from shared.domain.units import MICROS, format_micros, parse_micros

Value = str | int | float | bool
"""A value of a document, as JSON holds it."""

_WHOLE: Final = re.compile(r"-?\d{1,12}\Z", re.ASCII)


class Kind(Enum):
    """(unit shown, kernel units in one wire unit; 0 for a flag)."""

    CENTS = ("cents", 10_000)
    USD = ("dollars", MICROS)
    PCT = ("%", 10_000)
    RATIO = ("", MICROS)
    MS = ("ms", 1)
    SECONDS = ("s", 1)
    DAYS = ("days", 1)
    COUNT = ("", 1)
    FLAG = ("", 0)

    # Enum members of equal value would be aliases; the name makes each its own.
    def __init__(self, unit: str, scale: int) -> None:
        self.unit = unit
        self.scale = scale

    def __new__(cls, unit: str, scale: int) -> Kind:
        member = object.__new__(cls)
        member._value_ = (len(cls.__members__), unit, scale)
        return member


_MONEY: Final = (Kind.CENTS, Kind.USD)
_DECIMAL: Final = (*_MONEY, Kind.PCT, Kind.RATIO)


def from_wire(kind: Kind, value: Any, *, is_text: bool = False) -> int | bool:
    """Return the kernel's integer of a wire value, exactly.

    Args:
        kind: Kind of the field.
        value: JSON value, or what a person typed when ``is_text``.
        is_text: Everything is text then, flags and counts too.

    Raises:
        ValueError: wrong type, or finer than the kernel's unit.
    """
    if kind is Kind.FLAG:
        return _flag(value, is_text=is_text)
    if kind not in _DECIMAL:
        return _whole(value, is_text=is_text)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("must be a number")
    if kind in _MONEY and not isinstance(value, str):
        raise ValueError(f'must be a decimal in quotes, such as "{value}"')
    if kind not in _MONEY and isinstance(value, str) and not is_text:
        raise ValueError("must be a number without quotes")
    try:
        micros = parse_micros(value if isinstance(value, str) else _plain(value))
    except ValueError:
        raise ValueError(f"not a plain decimal: {value!r:.40}") from None
    finest = MICROS // kind.scale
    if micros % finest:
        raise ValueError(f"finer than {format_micros(finest)}")
    return micros // finest


def to_wire(kind: Kind, inner: int | bool) -> Value:
    """Return the wire form of a kernel value; exact, and ``from_wire`` gives it back."""
    if kind is Kind.FLAG:
        return bool(inner)
    if kind not in _DECIMAL:
        return int(inner)
    text = format_micros(int(inner) * (MICROS // kind.scale))
    if kind in _MONEY:
        return text
    return float(text) if "." in text else int(text)


def _plain(number: float) -> str:
    """Return a JSON number without an exponent: a millionth is 0.000001, not 1e-06."""
    return format(Decimal(repr(number)), "f")


def _flag(value: Any, *, is_text: bool) -> bool:
    if is_text and isinstance(value, str):
        word = value.strip().lower()
        if word in ("true", "on", "yes", "1"):
            return True
        if word in ("false", "off", "no", "0"):
            return False
    elif isinstance(value, bool):
        return value
    raise ValueError("must be true or false")


def _whole(value: Any, *, is_text: bool) -> int:
    if is_text and isinstance(value, str) and _WHOLE.match(value):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError("must be a whole number")

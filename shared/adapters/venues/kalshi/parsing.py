"""Bytes of the venue into exact integers, or ``WireError``; nothing else ever escapes.

Rule 1: no float. Prices and counts are parsed as decimal text into millionths.
Rule 2: inside, everything is in YES terms: a NO bid at x is a YES ask at 1 - x.
Rule 3: a price of 0 or 1, a count of zero or less, an odd word: refused here, so that
no caller can store it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeVar

import msgspec

from shared.adapters.venues.kalshi.schemas import FillMsg, FillRow, Frame, PriceRangeRow
from shared.domain.enums import BookSide, Liquidity, Outcome, Side, Venue
from shared.domain.errors import WireError
from shared.domain.events import Level
from shared.domain.ids import AttemptId, market_id
from shared.domain.instrument import PriceRange
from shared.domain.order import Fill
from shared.domain.units import (
    MICROS,
    NS_PER_MS,
    NS_PER_S,
    PriceMicros,
    QtyMicros,
    UsdMicros,
    complement,
    parse_micros,
)

T = TypeVar("T")

MICROS_PER_CENT = 10_000
_DECODERS: dict[type[Any], msgspec.json.Decoder[Any]] = {}
"""Made once for each of our own few types."""
_YEAR_MIN, _YEAR_MAX = 2000, 2200
_LEVELS_MAX = 20_000
"""More levels a side than the finest grid has prices is not a book."""


def decode(body: bytes | memoryview | msgspec.Raw, kind: type[T], name: str) -> T:
    """Decode JSON into a struct.

    Raises:
        WireError: of kind ``name``, for anything that is not that struct.
    """
    try:
        decoder = _DECODERS.get(kind)
        if decoder is None:
            decoder = _DECODERS[kind] = msgspec.json.Decoder(kind)
        return decoder.decode(body)  # type: ignore[no-any-return]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError, OverflowError):
        raise WireError(name, sample_of(body)) from None


def sample_of(body: bytes | memoryview | msgspec.Raw | str) -> str:
    """Return the beginning of a body as safe text, for logs."""
    if isinstance(body, str):
        return body[:200]
    return bytes(memoryview(body)[:200]).decode("utf-8", "backslashreplace")


def read_frame(data: str | bytes) -> Frame:
    """Return the envelope of a websocket frame. Raises WireError."""
    return decode(data.encode() if isinstance(data, str) else data, Frame, "frame")


def read_msg(frame: Frame, kind: type[T]) -> T:
    """Return the body of a frame. Raises WireError named after the frame's type."""
    if frame.msg is msgspec.UNSET:
        raise WireError(f"msg.{frame.type[:40]}", "no msg")
    return decode(frame.msg, kind, f"msg.{frame.type[:40]}")


# --- numbers -----------------------------------------------------------------------------

_micros = lru_cache(maxsize=16_384)(parse_micros)
"""The same few thousand prices and sizes come again and again; errors are not kept."""


def read_amount(text: str, name: str) -> int:
    """Return signed millionths of a decimal text. Raises WireError."""
    try:
        return _micros(text)
    except ValueError:
        raise WireError(name, str(text)[:60]) from None


def read_price(text: str, name: str = "price") -> PriceMicros:
    """Return a price strictly inside (0, 1). Raises WireError (0 and 1 are placeholders)."""
    value = read_amount(text, name)
    if not 0 < value < MICROS:
        raise WireError(f"{name}_range", text[:60])
    return PriceMicros(value)


def read_count(text: str, name: str = "count") -> QtyMicros:
    """Return a count of contracts, zero or more. Raises WireError."""
    value = read_amount(text, name)
    if value < 0:
        raise WireError(f"{name}_negative", text[:60])
    return QtyMicros(value)


def read_time_ns(text: str | None, name: str = "time") -> int:
    """Return unix nanoseconds of an RFC 3339 text with a zone; 0 for None or ''.

    Raises:
        WireError: unreadable, without a zone, or outside the years 2000 to 2200.
    """
    if not text:
        return 0
    try:
        parsed = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise WireError(name, text[:60]) from None
    if parsed.tzinfo is None or not _YEAR_MIN <= parsed.year <= _YEAR_MAX:
        raise WireError(name, text[:60])
    delta = parsed - datetime(1970, 1, 1, tzinfo=UTC)
    whole = delta.days * 86_400 + delta.seconds
    return whole * NS_PER_S + delta.microseconds * 1_000


def read_ratio_ppm(value: Decimal | None, name: str) -> int:
    """Return an exact JSON ratio (0 to 100) in parts per million.

    Raises:
        WireError: missing, negative, over 100, NaN, or finer than a millionth.
    """
    if value is None or not value.is_finite() or not 0 <= value <= 100:
        raise WireError(name, str(value)[:60])
    scaled = value * MICROS
    if scaled != int(scaled):
        raise WireError(name, str(value)[:60])
    return int(scaled)


def read_epoch_ms(value: int | None) -> int:
    """Return nanoseconds of a millisecond stamp; 0 when absent or absurd."""
    if value is None or not 0 < value < 10**14:
        return 0
    return value * NS_PER_MS


# --- books ---------------------------------------------------------------------------------


def read_grid(rows: Iterable[PriceRangeRow] | None) -> tuple[PriceRange, ...]:
    """Return the price grid, ascending. Raises WireError when it is not a usable grid."""
    pieces: list[PriceRange] = []
    for row in rows or ():
        start = read_amount(row.start, "grid")
        end = read_amount(row.end, "grid")
        step = read_amount(row.step, "grid")
        if not (0 <= start < end <= MICROS and 0 < step <= end - start):
            raise WireError("grid", f"{row.start} {row.end} {row.step}")
        pieces.append(PriceRange(PriceMicros(start), PriceMicros(end), step))
    pieces.sort(key=lambda piece: piece.start)
    if not pieces or len(pieces) > 16:
        raise WireError("grid", f"{len(pieces)} ranges")
    return tuple(pieces)


def read_levels(rows: Iterable[tuple[str, str]] | None, *, flip: bool) -> tuple[Level, ...]:
    """Return one ladder as YES levels; ``flip`` for prices given in NO terms.

    Raises:
        WireError: a price outside (0, 1), a size of zero or less, a price twice, or an
            absurd number of levels.
    """
    levels: dict[PriceMicros, QtyMicros] = {}
    for price_text, size_text in rows or ():
        price = read_price(price_text, "level_price")
        if flip:
            price = complement(price)
        size = read_count(size_text, "level_size")
        if size == 0 or price in levels:
            raise WireError("level", f"{price_text} {size_text}")
        levels[price] = size
    if len(levels) > _LEVELS_MAX:
        raise WireError("levels", str(len(levels)))
    return tuple(levels.items())


def read_side(word: str) -> BookSide:
    """Return the side of the YES book that a delta's ``side`` names. Raises WireError."""
    if word == "yes":
        return BookSide.BID
    if word == "no":
        return BookSide.ASK
    raise WireError("side", word[:40])


# --- fills ---------------------------------------------------------------------------------

_LEGACY = {
    ("buy", "yes"): Outcome.YES,
    ("sell", "no"): Outcome.YES,
    ("buy", "no"): Outcome.NO,
    ("sell", "yes"): Outcome.NO,
}


def read_outcome(row: FillRow | FillMsg) -> Outcome:
    """Return the outcome that an execution bought: yes = bid, no = ask.

    ``outcome_side`` and ``book_side`` say the same and must agree; the legacy pair
    (action, side) is read only when both are missing. Raises WireError.
    """
    named: set[Outcome] = set()
    if row.outcome_side is not None:
        if row.outcome_side not in ("yes", "no"):
            raise WireError("outcome_side", row.outcome_side[:40])
        named.add(Outcome(row.outcome_side))
    if row.book_side is not None:
        if row.book_side not in ("bid", "ask"):
            raise WireError("book_side", row.book_side[:40])
        named.add(Outcome.YES if row.book_side == "bid" else Outcome.NO)
    if not named and row.action is not None and row.side is not None:
        legacy = _LEGACY.get((row.action, row.side))
        if legacy is not None:
            named.add(legacy)
    if len(named) != 1:
        raise WireError("fill_side", f"{row.outcome_side} {row.book_side}")
    return named.pop()


def build_fill(
    row: FillRow | FillMsg, ticker: str, attempt: AttemptId | None, fee_text: str
) -> Fill:
    """Return a fill told as a purchase of the outcome it gained.

    The venue holds one net number per market, so "sold YES at p" and "bought NO at
    1 - p" are the same record; the kernel retells it with its ticket.

    Raises:
        WireError: any number or word that cannot be trusted.
    """
    if not (ticker and row.trade_id and row.order_id):
        raise WireError("fill_ids", f"{ticker} {row.trade_id} {row.order_id}")
    outcome = read_outcome(row)
    yes_price = read_price(row.yes_price_dollars, "fill_price")
    qty = read_count(row.count_fp, "fill_count")
    fee = read_amount(fee_text, "fill_fee")
    if qty == 0 or fee < 0:
        raise WireError("fill_amount", f"{row.count_fp} {fee_text}")
    ts_ns = read_epoch_ms(row.ts_ms)
    if ts_ns == 0 and row.ts is not None and 0 < row.ts < 10**11:
        ts_ns = row.ts * NS_PER_S
    return Fill(
        venue=Venue.KALSHI,
        trade_id=row.trade_id,
        order_id=row.order_id,
        attempt_id=attempt,
        market_id=market_id(Venue.KALSHI, ticker),
        outcome=outcome,
        side=Side.BUY,
        price=yes_price if outcome is Outcome.YES else complement(yes_price),
        qty=qty,
        fee=UsdMicros(fee),
        liquidity=Liquidity.TAKER if row.is_taker else Liquidity.MAKER,
        venue_ts_ns=ts_ns,
        is_final=True,
    )

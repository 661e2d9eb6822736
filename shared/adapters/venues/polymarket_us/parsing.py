"""Bytes of the venue into exact integers, or ``WireError``; nothing else ever escapes.

Rule 1: no float: texts and JSON numbers are read as decimals into millionths.
Rule 2: every price on this wire is of YES, whatever the intent says; inside, a fill is told
for the outcome that its intent names (BUY_SHORT at 0.40 bought NO at 0.60).
Rule 3: a price outside (0, 1), a size of zero, an odd word: refused here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from shared.adapters.venues.kalshi.parsing import (
    decode,
    read_amount,
    read_count,
    read_price,
    read_time_ns,
    sample_of,
)
from shared.adapters.venues.polymarket_us.schemas import Amount, Execution, LevelRow, Order
from shared.domain.enums import Liquidity, Outcome, Side, TimeInForce, Venue
from shared.domain.errors import WireError
from shared.domain.events import Level
from shared.domain.ids import AttemptId, market_id
from shared.domain.order import Fill
from shared.domain.units import MICROS, PriceMicros, QtyMicros, UsdMicros, complement

__all__ = [
    "INTENTS",
    "TIF_WORDS",
    "OrderFacts",
    "build_fill",
    "decode",
    "read_cash",
    "read_count",
    "read_decimal",
    "read_levels",
    "read_order",
    "read_price",
    "read_qty",
    "read_qty_text",
    "read_signed",
    "read_time_ns",
    "read_usd",
    "read_yes_price",
    "sample_of",
]

INTENTS: Final = {
    (Outcome.YES, Side.BUY): "ORDER_INTENT_BUY_LONG",
    (Outcome.YES, Side.SELL): "ORDER_INTENT_SELL_LONG",
    (Outcome.NO, Side.BUY): "ORDER_INTENT_BUY_SHORT",
    (Outcome.NO, Side.SELL): "ORDER_INTENT_SELL_SHORT",
}
TIF_WORDS: Final = {
    TimeInForce.IOC: "TIME_IN_FORCE_IMMEDIATE_OR_CANCEL",
    TimeInForce.FOK: "TIME_IN_FORCE_FILL_OR_KILL",
    TimeInForce.GTC: "TIME_IN_FORCE_GOOD_TILL_CANCEL",
}
_MEANING: Final = {word: legs for legs, word in INTENTS.items()}
_LEVELS_MAX: Final = 20_000


# --- numbers -------------------------------------------------------------------------------


def read_decimal(value: Decimal | None, name: str) -> int:
    """Return signed millionths of an exact JSON number.

    Raises:
        WireError: missing, not finite, beyond 10**12, or finer than a millionth.
    """
    if value is None or not value.is_finite() or abs(value) >= 10**12:
        raise WireError(name, str(value)[:60])
    scaled = value.scaleb(6)
    if scaled != scaled.to_integral_value():
        raise WireError(name, str(value)[:60])
    return int(scaled)


def read_cash(value: Decimal | None, name: str) -> UsdMicros:
    """Return a balance in micro-dollars, rounded to the nearest.

    Balances come as JSON doubles, which cannot hold every amount: what lies beyond the
    millionth is the double's own noise.
    """
    if value is None or not value.is_finite() or abs(value) >= 10**12:
        raise WireError(name, str(value)[:60])
    return UsdMicros(int(value.scaleb(6).to_integral_value()))


def read_qty(value: Decimal | None, name: str) -> QtyMicros:
    """Return contracts of a JSON number, zero or more. Raises WireError."""
    micros = read_decimal(value, name)
    if micros < 0:
        raise WireError(f"{name}_negative", str(value)[:60])
    return QtyMicros(micros)


def read_signed(exact: str | None, rounded: str | None, name: str) -> int:
    """Return signed contracts; the rounded old field serves only where the exact one is not."""
    text = exact if exact is not None else rounded
    if text is None:
        raise WireError(name, "missing")
    return read_amount(text, name)


def read_qty_text(exact: str | None, rounded: str | None, name: str) -> QtyMicros:
    """Return contracts above zero of a trade; prefers the exact field. Raises WireError."""
    micros = read_signed(exact, rounded, name)
    if micros <= 0:
        raise WireError(name, str(micros))
    return QtyMicros(micros)


def read_usd(amount: Amount | None, name: str) -> UsdMicros:
    """Return signed micro-dollars of an amount. Raises WireError for another currency."""
    if amount is None or amount.currency != "USD":
        raise WireError(name, repr(amount)[:60])
    return UsdMicros(read_amount(amount.value, name))


def read_yes_price(amount: Amount | None, name: str = "price") -> PriceMicros:
    """Return a YES price strictly inside (0, 1). Raises WireError."""
    if amount is None or amount.currency != "USD":
        raise WireError(name, repr(amount)[:60])
    return read_price(amount.value, name)


def read_levels(rows: Iterable[LevelRow] | None, name: str) -> tuple[Level, ...]:
    """Return one side of a book.

    Raises:
        WireError: a bad price, a size of zero or less, a price twice, or too many levels.
    """
    levels: dict[PriceMicros, QtyMicros] = {}
    for row in rows or ():
        price = read_yes_price(row.px, f"{name}_price")
        size = read_count(row.qty, f"{name}_size")
        if size == 0 or price in levels:
            raise WireError(name, f"{row.px.value} {row.qty}")
        levels[price] = size
    if len(levels) > _LEVELS_MAX:
        raise WireError(name, str(len(levels)))
    return tuple(levels.items())


# --- orders and fills ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """An order object with its numbers read; ``yes_price`` is 0 where it names none."""

    order_id: str
    slug: str
    intent: str
    yes_price: PriceMicros
    qty: QtyMicros
    filled: QtyMicros
    left: QtyMicros
    tif: str
    state: str
    created_ns: int
    fee: UsdMicros | None

    @property
    def fingerprint(self) -> tuple[str, str, int, int, str]:
        """What an order of ours can be known by: the interface carries no id of ours."""
        return (self.slug, self.intent, self.yes_price, self.qty, self.tif)


def read_order(row: Order) -> OrderFacts:
    """Read an order object. Raises WireError for anything that cannot be trusted."""
    if not row.id or not row.market_slug:
        raise WireError("order_ids", f"{row.id[:40]} {row.market_slug[:40]}")
    qty = read_qty(row.quantity, "order_quantity")
    filled = read_qty(row.cum_quantity or Decimal(0), "order_cum")
    left = read_qty(row.leaves_quantity or Decimal(0), "order_leaves")
    if filled > qty or left > qty - filled:
        raise WireError("order_counts", f"{qty} {filled} {left}")
    fee = row.commission_notional_total_collected
    return OrderFacts(
        order_id=row.id,
        slug=row.market_slug,
        intent=row.intent,
        yes_price=PriceMicros(0) if row.price is None else read_yes_price(row.price, "order_price"),
        qty=qty,
        filled=filled,
        left=left,
        tif=row.tif,
        state=row.state,
        created_ns=read_time_ns(row.create_time, "order_time"),
        fee=None if fee is None else read_usd(fee, "order_fee"),
    )


def legs_of(intent: str) -> tuple[Outcome, Side]:
    """Return what an intent trades. Raises WireError for an unknown word."""
    legs = _MEANING.get(intent)
    if legs is None:
        raise WireError("intent", intent[:40])
    return legs


def build_fill(row: Execution, attempt: AttemptId | None) -> Fill:
    """Return the fill that a PARTIAL_FILL or FILL execution reports.

    Raises:
        WireError: any number or word that cannot be trusted, or no fee.
    """
    order = row.order
    if order is None or not (order.id and order.market_slug and row.trade_id):
        raise WireError("fill_ids", f"{row.id[:40]} {row.trade_id}")
    fee = read_usd(row.commission_notional_collected, "fill_fee")
    liquidity = Liquidity.MAKER if row.aggressor is False else Liquidity.TAKER
    if fee < 0 and liquidity is Liquidity.TAKER:
        raise WireError("fill_fee", str(fee))
    return compose_fill(
        trade_id=row.trade_id,
        order_id=order.id,
        slug=order.market_slug,
        intent=order.intent,
        yes_price=read_yes_price(row.last_px, "fill_price"),
        qty=read_count(row.last_shares or "", "fill_shares"),
        fee=fee,
        liquidity=liquidity,
        ts_ns=read_time_ns(row.transact_time, "fill_time"),
        attempt=attempt,
    )


def compose_fill(
    *,
    trade_id: str,
    order_id: str,
    slug: str,
    intent: str,
    yes_price: PriceMicros,
    qty: QtyMicros,
    fee: UsdMicros,
    liquidity: Liquidity,
    ts_ns: int,
    attempt: AttemptId | None,
) -> Fill:
    """Tell an execution for the outcome that its intent names. Raises WireError."""
    outcome, side = legs_of(intent)
    if qty <= 0:
        raise WireError("fill_shares", str(qty))
    assert 0 < yes_price < MICROS, yes_price
    return Fill(
        venue=Venue.POLYMARKET_US,
        trade_id=trade_id,
        order_id=order_id,
        attempt_id=attempt,
        market_id=market_id(Venue.POLYMARKET_US, slug),
        outcome=outcome,
        side=side,
        price=yes_price if outcome is Outcome.YES else complement(yes_price),
        qty=qty,
        fee=fee,
        liquidity=liquidity,
        venue_ts_ns=ts_ns,
        is_final=True,
    )

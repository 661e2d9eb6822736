"""Walking a ladder: what a taker gets, level by level, and what it costs in all.

Money is summed exactly (price x quantity is a whole number of pico-dollars) and rounded
once, against us. Levels are those of ``Book.buy_levels`` or ``Book.sell_levels``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.domain.enums import Side
from shared.domain.events import Level
from shared.domain.units import MICROS, PriceMicros, QtyMicros, UsdMicros, ceil_div, floor_div

OwnLevels = Mapping[PriceMicros, QtyMicros]
"""Our own resting contracts by price of the same outcome; a taker cannot take its own."""


@dataclass(frozen=True, slots=True)
class Walk:
    """Result of a walk. ``cost_usd`` is paid (buy) or received (sell), fees apart.

    ``worst_price`` is the price of the last level touched; 0 when nothing was filled.
    """

    filled: QtyMicros
    cost_usd: UsdMicros
    worst_price: PriceMicros
    takes: tuple[Level, ...]


def walk(
    levels: Sequence[Level],
    qty: QtyMicros,
    side: Side = Side.BUY,
    *,
    own: OwnLevels | None = None,
    limit: PriceMicros | None = None,
) -> Walk:
    """Take up to ``qty`` contracts from the best level on.

    Args:
        levels: Best first, in prices of the outcome traded.
        qty: Contracts wanted; fewer are returned when the ladder ends first.
        side: BUY rounds the money up, SELL rounds it down.
        own: Our own resting orders on this ladder; their contracts are skipped.
        limit: Worst acceptable price (highest for a buy, lowest for a sell).
    """
    assert qty >= 0, qty
    left: int = qty
    pico = 0
    takes: list[Level] = []
    is_buy = side is Side.BUY
    for price, size in levels:
        if left == 0:
            break
        if limit is not None and (price > limit if is_buy else price < limit):
            break
        there = size - own.get(price, 0) if own else size
        take = min(there, left)
        if take <= 0:
            continue
        takes.append((price, QtyMicros(take)))
        pico += price * take
        left -= take
    cost = ceil_div(pico, MICROS) if is_buy else floor_div(pico, MICROS)
    filled = QtyMicros(qty - left)
    assert filled == sum(q for _, q in takes) and 0 <= cost <= filled + 1
    worst = takes[-1][0] if takes else PriceMicros(0)
    return Walk(filled, UsdMicros(cost), worst, tuple(takes))


def available(
    levels: Sequence[Level],
    side: Side = Side.BUY,
    *,
    own: OwnLevels | None = None,
    limit: PriceMicros | None = None,
) -> QtyMicros:
    """Return all contracts that a taker could get at ``limit`` or better."""
    total = 0
    for price, size in levels:
        if limit is not None and (price > limit if side is Side.BUY else price < limit):
            break
        total += max(0, size - own.get(price, 0)) if own else size
    assert total >= 0
    return QtyMicros(total)


def without_own(levels: Sequence[Level], own: OwnLevels | None) -> Sequence[Level]:
    """Return the ladder with our own resting contracts taken out (same list when none)."""
    if not own:
        return levels
    rest = [(p, QtyMicros(q - own.get(p, 0))) for p, q in levels]
    return [level for level in rest if level[1] > 0]

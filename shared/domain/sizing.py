"""How many contracts a package may have: venue grids, hedgeability and every cap at once.

Theory of whole units. A Polymarket FAK BUY is budget-denominated: its money leg must be a
whole cent, so only quantities N with N x price = whole cents can be bought exactly. On a
tick of 0.01 that is any whole N, on 0.005 even N, on 0.001 multiples of ten, on 0.0001 of
a hundred. Taking N by the *tick* keeps it exact when the price limit moves by ticks.
Rule: caps round down; a cap that binds is named by the gate code a screen shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import gcd, lcm
from typing import Final

from shared.domain.depth import OwnLevels, available
from shared.domain.edge import EdgeQuote, common_lot
from shared.domain.enums import GateCode, Side, TimeInForce, Venue
from shared.domain.events import Level
from shared.domain.instrument import Instrument
from shared.domain.units import (
    MICROS,
    PriceMicros,
    QtyMicros,
    UsdMicros,
    ceil_div,
    complement,
    cost_floor,
    floor_to_step,
)

_CENT: Final = 10_000


def exact_n_step(instrument: Instrument, price: PriceMicros) -> QtyMicros:
    """Return the quantity step whose cost is exact for an order at ``price`` (of the outcome).

    Polymarket: whole contracts such that N x price is a whole cent for every price on the
    tick. Kalshi prices any multiple of its lot exactly.

    Raises:
        OffGridError: no tick is known at the price.
    """
    if instrument.venue is not Venue.POLYMARKET:
        return instrument.qty_step
    # The finer of the ticks on the YES and on the NO side decides (tapered grids).
    tick = gcd(instrument.step_at(price), instrument.step_at(complement(price)))
    whole = _CENT // gcd(tick, _CENT)
    assert whole * tick % _CENT == 0
    return QtyMicros(lcm(whole * MICROS, instrument.qty_step))


def hedge_step(
    instrument_a: Instrument,
    price_a: PriceMicros,
    instrument_b: Instrument,
    price_b: PriceMicros,
) -> QtyMicros:
    """Return the smallest package step that is exact and tradeable on both venues."""
    exact = lcm(exact_n_step(instrument_a, price_a), exact_n_step(instrument_b, price_b))
    return QtyMicros(lcm(exact, common_lot(instrument_a, instrument_b)))


def is_legal_qty(instrument: Instrument, price: PriceMicros, qty: QtyMicros) -> bool:
    """Say whether the venue takes an order of ``qty`` at ``price`` of the outcome."""
    if qty <= 0 or qty % instrument.qty_step or qty < instrument.min_qty:
        return False
    return cost_floor(price, qty) >= instrument.min_notional_usd


def legal_qty(
    instrument: Instrument,
    price: PriceMicros,
    qty: QtyMicros,
    *,
    is_budget: bool = False,
) -> QtyMicros:
    """Return the largest quantity up to ``qty`` that the venue takes; 0 when there is none.

    Args:
        instrument: Lot, smallest quantity and smallest notional of the market.
        price: Of the outcome, at which the order would be sent.
        qty: Contracts wanted.
        is_budget: A budget-denominated order (Polymarket FAK BUY): exact-N steps.
    """
    assert qty >= 0, qty
    step = exact_n_step(instrument, price) if is_budget else instrument.qty_step
    floored = QtyMicros(floor_to_step(qty, step))
    return floored if is_legal_qty(instrument, price, floored) else QtyMicros(0)


def least_legal_qty(
    instrument_a: Instrument,
    price_a: PriceMicros,
    instrument_b: Instrument,
    price_b: PriceMicros,
) -> QtyMicros:
    """Return the smallest package that both venues take at these prices (probe size)."""
    step = hedge_step(instrument_a, price_a, instrument_b, price_b)
    least: int = step
    for instrument, price in ((instrument_a, price_a), (instrument_b, price_b)):
        assert price > 0
        by_notional = ceil_div(instrument.min_notional_usd * MICROS, price)
        least = max(least, instrument.min_qty, by_notional)
    return QtyMicros(ceil_div(least, step) * step)


def partials_hedgeable(first: Instrument, second: Instrument, second_price: PriceMicros) -> bool:
    """Say whether every partial fill that leg 1 can have is hedgeable on leg 2.

    The smallest partial is one lot of the first venue; what is less than one lot of the
    second is dust, below anything either venue counts as a position. When False, leg 1
    may only go as fill-or-kill.
    """
    smallest = QtyMicros(max(first.qty_step, second.qty_step))
    floored = QtyMicros(floor_to_step(smallest, second.qty_step))
    return is_legal_qty(second, second_price, floored)


def opening_tif(first: Instrument, second: Instrument, second_price: PriceMicros) -> TimeInForce:
    """Return how leg 1 may be sent: IOC when any partial can be hedged, else FOK."""
    return TimeInForce.IOC if partials_hedgeable(first, second, second_price) else TimeInForce.FOK


def coverage_ppm(
    levels: list[Level],
    qty: QtyMicros,
    limit: PriceMicros,
    side: Side = Side.BUY,
    *,
    own: OwnLevels | None = None,
) -> int:
    """Return depth at ``limit`` or better over the quantity needed, x 1e6, floored."""
    assert qty > 0
    return available(levels, side, own=own, limit=limit) * MICROS // qty


@dataclass(frozen=True, slots=True)
class SizeLimits:
    """Room left under every cap, in micro-dollars of cost including fees; None = no cap.

    Pairs are (leg on A, leg on B). Rooms below zero count as zero. ``inventory_qty`` is
    the most contracts that post-trade inventory allows.
    """

    contract_room_usd: tuple[UsdMicros, UsdMicros] | None = None
    shard_cash_usd: tuple[UsdMicros | None, UsdMicros | None] = (None, None)
    cash_usd: tuple[UsdMicros | None, UsdMicros | None] = (None, None)
    venue_room_usd: tuple[UsdMicros | None, UsdMicros | None] = (None, None)
    category_room_usd: UsdMicros | None = None
    source_room_usd: UsdMicros | None = None
    provisional_room_usd: UsdMicros | None = None
    inventory_qty: QtyMicros | None = None

    def rooms(self) -> Iterator[tuple[GateCode, int | None, UsdMicros]]:
        """Yield (code, leg or None for both legs together, room), in order of report."""
        for leg in (0, 1):
            for code, pair in (
                (GateCode.SHARD_UNFUNDED, self.shard_cash_usd),
                (GateCode.CASH_SHORT, self.cash_usd),
                (GateCode.CONTRACT_LIMIT, self.contract_room_usd or (None, None)),
                (GateCode.VENUE_LIMIT, self.venue_room_usd),
            ):
                room = pair[leg]
                if room is not None:
                    yield code, leg, room
        for code, both in (
            (GateCode.CATEGORY_LIMIT, self.category_room_usd),
            (GateCode.SOURCE_LIMIT, self.source_room_usd),
            (GateCode.PROVISIONAL_LIMIT, self.provisional_room_usd),
        ):
            if both is not None:
                yield code, None, both


def unit_cost(price_limit: PriceMicros, fee_usd: UsdMicros, qty: QtyMicros) -> int:
    """Return worst dollars x 1e6 per contract: the price limit plus the fee bound's share."""
    assert qty > 0 and fee_usd >= 0 and 0 < price_limit <= MICROS
    return price_limit + ceil_div(fee_usd * MICROS, qty)


def clamp(
    quote: EdgeQuote,
    instrument_a: Instrument,
    instrument_b: Instrument,
    limits: SizeLimits,
    *,
    price_limit_a: PriceMicros | None = None,
    price_limit_b: PriceMicros | None = None,
) -> tuple[QtyMicros, GateCode | None]:
    """Return the largest allowed quantity up to the quote's, and the cap that binds.

    Args:
        quote: Depth and fee bounds; its quantity is the depth cap.
        instrument_a: Grid and minima of the first market; ``instrument_b`` of the second.
        limits: Room left under each cap.
        price_limit_a: Worst price the order may pay on A, when worse than the quote's
            (price cap in ticks over the touch); ``price_limit_b`` likewise.

    Returns:
        (quantity in whole hedgeable units, None) when depth alone decides; else the
        smaller quantity with the code of the binding cap. Quantity 0 names the reason:
        a cap, or SIZE_BELOW_VENUE_MIN when what is left is too small for a venue.
    """
    limit_a = max(quote.worst_a, price_limit_a or 0)
    limit_b = max(quote.worst_b, price_limit_b or 0)
    assert quote.qty > 0 and 0 < limit_a <= MICROS and 0 < limit_b <= MICROS
    unit_a = unit_cost(PriceMicros(limit_a), quote.fee_a_usd, quote.qty)
    unit_b = unit_cost(PriceMicros(limit_b), quote.fee_b_usd, quote.qty)
    qty: int = quote.qty
    binding: GateCode | None = None
    for code, leg, room in limits.rooms():
        unit = unit_a + unit_b if leg is None else (unit_a, unit_b)[leg]
        allowed = max(0, room) * MICROS // unit
        if allowed < qty:
            qty, binding = allowed, code
    if limits.inventory_qty is not None and max(0, limits.inventory_qty) < qty:
        qty, binding = max(0, limits.inventory_qty), GateCode.CONTRACT_LIMIT
    price_a, price_b = PriceMicros(limit_a), PriceMicros(limit_b)
    step = hedge_step(instrument_a, price_a, instrument_b, price_b)
    whole = QtyMicros(floor_to_step(qty, step))
    assert 0 <= whole <= quote.qty
    if whole < least_legal_qty(instrument_a, quote.touch_a, instrument_b, quote.touch_b):
        return QtyMicros(0), binding or GateCode.SIZE_BELOW_VENUE_MIN
    return whole, binding

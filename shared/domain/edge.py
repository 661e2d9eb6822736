"""Net edge of a hedged package: both sides of one question bought on two venues.

Exactly one leg pays a dollar, so ``qty`` contracts return ``qty`` dollars whatever
happens. Net edge = that dollar, minus both legs walked through the real ladders, minus
the *bounds* of both venues' fees, minus frictions and the carry of the locked capital.

Theory of the size (see ``margin.py``): the marginal edge only falls, so the last contract
that clears the threshold ends the best quantity. If even its average misses the threshold
because of costs that do not grow with quantity, no quantity reaches it.
Rounding: money paid up, edges down. Twins: test_edge.py, test_edge_properties.py
"""

from __future__ import annotations

from collections.abc import Sequence
from math import lcm
from typing import Final

from shared.domain.book import Book
from shared.domain.depth import OwnLevels, walk, without_own
from shared.domain.edge_quote import EdgeQuote
from shared.domain.enums import FeeType, Liquidity, Outcome, Side
from shared.domain.events import Level
from shared.domain.fee_bounds import FILLS_MAX, bound
from shared.domain.fees import (
    UNIT_FEE_SCALE,
    is_known,
    profit_fee,
    unit_fee,
)
from shared.domain.frictions import DAYS_A_YEAR, FrictionPack
from shared.domain.instrument import FeeSchedule, Instrument
from shared.domain.margin import Margin, clearing_qty
from shared.domain.units import (
    MICROS,
    QtyMicros,
    UsdMicros,
    floor_div,
    floor_to_step,
)

__all__ = ["EdgeQuote", "best", "best_display", "common_lot", "could_clear", "quote"]

# Bound once: looking a member up on its enum costs ten times the comparison (Python 3.11).
_TAKER: Final = Liquidity.TAKER
_BUY: Final = Side.BUY
_CURVE: Final = FeeType.POLYMARKET_CURVE


def could_clear(
    book_a: Book,
    book_b: Book,
    fees_a: FeeSchedule,
    fees_b: FeeSchedule,
    outcome_a: Outcome,
    outcome_b: Outcome,
    min_net_edge_micros: int,
) -> bool:
    """Say cheaply whether ``best`` could find anything; False is certain, True is not.

    Looks at the touch alone and ignores frictions and carry, which only lower the edge.
    Unknown fees can never clear.
    """
    touch_a = book_a.touch(outcome_a, _BUY)
    touch_b = book_b.touch(outcome_b, _BUY)
    if touch_a is None or touch_b is None:
        return False
    room = MICROS - touch_a[0] - touch_b[0] - min_net_edge_micros
    if room < 0 or not (is_known(fees_a) and is_known(fees_b)):
        return False
    fee_a = unit_fee(fees_a, _TAKER, touch_a[0])
    return fee_a + unit_fee(fees_b, _TAKER, touch_b[0]) <= room * UNIT_FEE_SCALE


def quote(
    book_a: Book,
    book_b: Book,
    instrument_a: Instrument,
    instrument_b: Instrument,
    outcome_a: Outcome,
    outcome_b: Outcome,
    qty: QtyMicros,
    frictions: FrictionPack,
    days_to_settle: int,
    *,
    own_a: OwnLevels | None = None,
    own_b: OwnLevels | None = None,
    fills_max: int = FILLS_MAX,
) -> EdgeQuote | None:
    """Return the edge of exactly ``qty`` contracts, or None when either ladder holds fewer.

    Args:
        book_a: Book of the first market; ``book_b`` of the second.
        instrument_a: Fees of the first market; ``instrument_b`` of the second.
        outcome_a: What is bought on the first market; ``outcome_b`` on the second.
        qty: Contracts, above zero.
        frictions: Pack in force.
        days_to_settle: Days to the worst-case settlement of the later market, rounded up.
        own_a: Our resting orders on that ladder, skipped; ``own_b`` likewise.
        fills_max: Fills per leg that the fee bounds allow for.

    Raises:
        UnknownFeeError: a fee formula is not known.
    """
    levels_a = without_own(book_a.buy_levels(outcome_a), own_a)
    levels_b = without_own(book_b.buy_levels(outcome_b), own_b)
    return _quote_ladders(
        levels_a,
        levels_b,
        instrument_a,
        instrument_b,
        (outcome_a, outcome_b),
        qty,
        frictions,
        days_to_settle,
        fills_max,
    )


def best(
    book_a: Book,
    book_b: Book,
    instrument_a: Instrument,
    instrument_b: Instrument,
    outcome_a: Outcome,
    outcome_b: Outcome,
    qty_max: QtyMicros,
    min_net_edge_micros: int,
    frictions: FrictionPack,
    days_to_settle: int,
    *,
    own_a: OwnLevels | None = None,
    own_b: OwnLevels | None = None,
    fills_max: int = FILLS_MAX,
) -> EdgeQuote | None:
    """Return the largest quantity whose marginal net edge still clears the threshold.

    Whole multiples of the lot common to both venues, at most ``qty_max``. None when
    nothing clears, or when costs that do not grow with quantity eat the average below
    the threshold: what is returned always has ``net_per_contract_micros`` at or above it.
    Other arguments and errors as ``quote``.
    """
    levels_a = without_own(book_a.buy_levels(outcome_a), own_a)
    levels_b = without_own(book_b.buy_levels(outcome_b), own_b)
    margin = Margin(
        instrument_a.fees, instrument_b.fees, frictions, days_to_settle, min_net_edge_micros
    )
    clearing = clearing_qty(levels_a, levels_b, margin, qty_max)
    qty = QtyMicros(floor_to_step(clearing, common_lot(instrument_a, instrument_b)))
    if qty == 0:
        return None
    found = _quote_ladders(
        levels_a,
        levels_b,
        instrument_a,
        instrument_b,
        (outcome_a, outcome_b),
        qty,
        frictions,
        days_to_settle,
        fills_max,
    )
    assert found is not None and found.qty <= qty_max
    return found if found.net_per_contract_micros >= min_net_edge_micros else None


def best_display(
    book_a: Book,
    book_b: Book,
    instrument_a: Instrument,
    instrument_b: Instrument,
    outcome_a: Outcome,
    outcome_b: Outcome,
    frictions: FrictionPack,
    days_to_settle: int,
) -> EdgeQuote | None:
    """Return the quote at the touch for the screen, however negative.

    Size of the thinner touch in whole common lots (one lot at least), fees bounded for one
    fill a level. None when a side is empty or a fee formula unknown.
    """
    touch_a = book_a.touch(outcome_a, _BUY)
    touch_b = book_b.touch(outcome_b, _BUY)
    if touch_a is None or touch_b is None:
        return None
    if not (is_known(instrument_a.fees) and is_known(instrument_b.fees)):
        return None
    lot = common_lot(instrument_a, instrument_b)
    qty = QtyMicros(max(lot, floor_to_step(min(touch_a[1], touch_b[1]), lot)))
    return quote(
        book_a,
        book_b,
        instrument_a,
        instrument_b,
        outcome_a,
        outcome_b,
        qty,
        frictions,
        days_to_settle,
        fills_max=1,
    )


def common_lot(instrument_a: Instrument, instrument_b: Instrument) -> QtyMicros:
    """Return the smallest quantity step that both venues can trade exactly."""
    assert instrument_a.qty_step > 0 and instrument_b.qty_step > 0
    return QtyMicros(lcm(instrument_a.qty_step, instrument_b.qty_step))


def _quote_ladders(
    levels_a: Sequence[Level],
    levels_b: Sequence[Level],
    instrument_a: Instrument,
    instrument_b: Instrument,
    outcomes: tuple[Outcome, Outcome],
    qty: QtyMicros,
    frictions: FrictionPack,
    days: int,
    fills_max: int,
) -> EdgeQuote | None:
    assert qty > 0 and days >= 0, (qty, days)
    walk_a, walk_b = walk(levels_a, qty), walk(levels_b, qty)
    if walk_a.filled < qty or walk_b.filled < qty:
        return None
    fees_a, fees_b = instrument_a.fees, instrument_b.fees
    step_a, step_b = instrument_a.finest_step(), instrument_b.finest_step()
    fee_a = bound(fees_a, _TAKER, _BUY, walk_a.takes, fills_max, step=step_a)
    fee_b = bound(fees_b, _TAKER, _BUY, walk_b.takes, fills_max, step=step_b)
    touch_a, touch_b = walk_a.takes[0][0], walk_b.takes[0][0]
    cost = walk_a.cost_usd + walk_b.cost_usd
    gross = floor_div((MICROS - touch_a - touch_b) * qty, MICROS)
    slippage = gross - (qty - cost)
    spent = UsdMicros(cost + fee_a + fee_b)
    friction = frictions.friction(qty, UsdMicros(cost))
    carry = frictions.carry(spent, days)
    profit = UsdMicros(
        max(profit_fee(fees_a, walk_a.cost_usd, qty), profit_fee(fees_b, walk_b.cost_usd, qty))
    )
    net = qty - spent - friction - carry - profit
    curves = ((fees_a.fee_type, fee_a), (fees_b.fee_type, fee_b))
    rebated = UsdMicros(sum(fee for kind, fee in curves if kind is _CURVE))
    assert slippage >= 0
    assert net == gross - slippage - fee_a - fee_b - friction - carry - profit
    return EdgeQuote(
        outcome_a=outcomes[0],
        outcome_b=outcomes[1],
        qty=qty,
        gross_usd=UsdMicros(gross),
        fee_a_usd=fee_a,
        fee_b_usd=fee_b,
        friction_usd=friction,
        slippage_usd=UsdMicros(slippage),
        carry_usd=carry,
        net_usd=UsdMicros(net),
        cost_a_usd=walk_a.cost_usd,
        cost_b_usd=walk_b.cost_usd,
        worst_a=walk_a.worst_price,
        worst_b=walk_b.worst_price,
        touch_a=touch_a,
        touch_b=touch_b,
        net_per_contract_micros=floor_div(net * MICROS, qty),
        annual_ppm=floor_div(net * MICROS * DAYS_A_YEAR, max(1, spent) * max(1, days)),
        profit_fee_usd=profit,
        expected_rebate_usd=frictions.expected_rebate(rebated),
    )

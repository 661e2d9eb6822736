"""Whether a hedged package is worth more sold, and the envelope that would sell it.

Pure over state. A child's legs are mirrored: buying the complement of a leg is selling the
leg, so prices here are one dollar less those of the sale (see ``exits``).
"""

from __future__ import annotations

from typing import Final

from shared.domain import depth, fee_bounds
from shared.domain.enums import BookState, Liquidity, MarketStatus, Side, Venue
from shared.domain.errors import DomainError
from shared.domain.ids import derive_package_id
from shared.domain.package import Leg, Package
from shared.domain.units import MICROS, NS_PER_S, PriceMicros, QtyMicros, UsdMicros, floor_to_step
from shared.engine import attempts, exposure, gates, plans
from shared.engine.state import State, Turn

KIND: Final = "exit"


def plan(state: State, turn: Turn, parent: Package) -> Package | None:
    """Return the child that sells what both books take now, or None when holding is better."""
    if not all(is_sellable(state, turn, leg) for leg in parent.legs):
        return None
    qty = QtyMicros(min(parent.net(0), parent.net(1)))
    for _ in range(2):
        qty = QtyMicros(_legal(state, parent, qty))
        sales = [_sale(state, leg, qty) for leg in parent.legs]
        if qty == 0 or any(sale is None for sale in sales):
            return None
        there = min(sale[0] for sale in sales if sale is not None)
        if there >= qty:
            break
        qty = QtyMicros(there)
    proceeds = sum(sale[1] for sale in sales if sale is not None)
    if there < qty or proceeds <= hold_value_usd(state, turn, parent, qty):
        return None
    worst = [sale[2] for sale in sales if sale is not None]
    return _build(state, turn, parent, qty, (worst[0], worst[1]), proceeds)


def hold_value_usd(state: State, turn: Turn, parent: Package, qty: int) -> int:
    """Return what holding ``qty`` contracts to settlement is worth, rounded up, micro-dollars.

    A dollar each, less the carry of that dollar to the worst settlement date, less the
    expected settlement loss of the pair (its chance to diverge, in millionths of a dollar).
    """
    days = exposure.lock_days(parent.settle_worst_ns, turn.wall)
    carry = state.frictions.carry(UsdMicros(qty), days)
    view = state.pairs.get(parent.pair_id)
    charge = view.pair.divergence_ppm if view is not None else 0
    return qty - carry - qty * charge // MICROS


def is_sellable(state: State, turn: Turn, leg: Leg) -> bool:
    instrument = state.instruments.get(leg.market_id)
    book = state.books.get(leg.market_id)
    if instrument is None or book is None or book.state is not BookState.SYNCED:
        return False
    if book.is_crossed() or not gates.is_fresh(state, turn, instrument):
        return False
    # A market with a taker delay would leave the other leg naked while it waits.
    return (
        instrument.status is MarketStatus.ACTIVE
        and instrument.taker_delay_ns == 0
        and plans.is_open(state, instrument)
        and instrument.close_ns - turn.wall > state.config.close_margin_s * NS_PER_S
    )


def _legal(state: State, parent: Package, qty: int) -> int:
    """Return the largest quantity that both venues take as a sale."""
    for leg in (*parent.legs, parent.legs[0]):
        instrument = state.instruments[leg.market_id]
        qty = floor_to_step(qty, instrument.qty_step)
        if qty < instrument.min_qty or qty * leg.touch < instrument.min_notional_usd * MICROS:
            return 0
    return qty


def _sale(state: State, leg: Leg, qty: QtyMicros) -> tuple[int, int, PriceMicros] | None:
    """Return (contracts that the book takes, proceeds after fees, worst price), or None."""
    if qty <= 0:
        return None
    levels = state.books[leg.market_id].sell_levels(leg.outcome)
    got = depth.walk(levels, qty, Side.SELL)
    if got.filled == 0:
        return None
    schedule = state.instruments[leg.market_id].fees
    try:
        fee = fee_bounds.bound(schedule, Liquidity.TAKER, Side.SELL, got.takes)
    except DomainError:
        return None
    return got.filled, got.cost_usd - fee, got.worst_price


def _build(
    state: State,
    turn: Turn,
    parent: Package,
    qty: QtyMicros,
    worst: tuple[PriceMicros, PriceMicros],
    proceeds: int,
) -> Package:
    """Lay down the child's envelope: mirrored legs, both bounds, every id."""
    gain = max(0, proceeds - hold_value_usd(state, turn, parent, qty)) * MICROS // qty
    legs = tuple(
        _mirror(state, leg, worst[index], min(gain + exposure.LOSS_MAX_PER_CONTRACT, MICROS))
        for index, leg in enumerate(parent.legs)
    )
    number = state.package_number + 1
    child = Package(
        package_id=derive_package_id(attempts.run_of(state), number),
        number=number,
        kind=KIND,
        parent_id=parent.package_id,
        pair_id=parent.pair_id,
        pair_name=parent.pair_name,
        polarity=parent.polarity,
        category=parent.category,
        source=parent.source,
        legs=(legs[0], legs[1]),
        # The leg that may be harder to sell goes first; the netting one can always follow.
        leg_first=0 if parent.legs[0].venue is Venue.POLYMARKET else 1,
        qty=qty,
        qty_max=qty,
        entry_edge_micros=gain,
        expected_usd=UsdMicros(gain * qty // MICROS),
        cost_worst_usd=(0, 0),
        settle_worst_ns=parent.settle_worst_ns,
        created_wall_ns=turn.wall,
        created_mono_ns=turn.mono,
        is_probe=False,
        is_mirror=True,
        breakdown={},
        versions=state.versions(),
    )
    attempts.make_slots(child)
    return child


def _mirror(state: State, leg: Leg, worst: PriceMicros, slack: int) -> Leg:
    """Return a leg told as buying its complement: prices are one dollar less the sale's."""
    instrument = state.instruments[leg.market_id]
    limit = PriceMicros(MICROS - worst)
    reach = PriceMicros(min(limit + slack, MICROS - 1))
    bound = plans.on_grid(instrument, leg.outcome.other, Side.BUY, reach)
    return Leg(
        leg.market_id, leg.venue, leg.outcome.other, limit, max(bound, limit), limit, leg.shard
    )

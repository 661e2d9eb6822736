"""From an edge to a sealed package: size, bounds, the last gates, the envelope.

Called only when the cheap table check says that a pair could clear. Returns gates when it
refuses, so that the reason on the screen is the reason that decided.
"""

from __future__ import annotations

from typing import Final

from shared.domain import edge, sizing
from shared.domain.commands import CommitEnvelope
from shared.domain.edge import EdgeQuote
from shared.domain.enums import (
    BookSide,
    GateCode,
    Liquidity,
    Outcome,
    Purpose,
    Side,
    TimeInForce,
    Venue,
)
from shared.domain.fee_schedules import as_charged
from shared.domain.fees import UNIT_FEE_SCALE, unit_fee
from shared.domain.ids import PackageId, derive_package_id
from shared.domain.instrument import Instrument
from shared.domain.package import Leg, Package
from shared.domain.risk import approve
from shared.domain.units import (
    MICROS,
    PriceMicros,
    QtyMicros,
    ceil_div,
    ceil_to_step,
    floor_to_step,
)
from shared.engine import attempts, costs, exposure, machine, own_orders, plans, rows
from shared.engine.candidates import Candidate
from shared.engine.envelope_limits import over_limits
from shared.engine.exposure import Usage
from shared.engine.gates import Gate
from shared.engine.limits import (
    cap_params,
    is_proven,
    opposes,
    size_limits,
    size_params,
)
from shared.engine.state import PairView, State, Turn

THIN_LEVELS: Final = 3


def plan(
    state: State, turn: Turn, view: PairView, found: Candidate, total: Usage
) -> tuple[Package | None, list[Gate]]:
    """Size the candidate under every cap and build its package, or say which cap forbids it."""
    pair = view.pair
    a, b = state.instruments[pair.a], state.instruments[pair.b]
    quote = found.quote
    if opposes(state, view, quote):
        return None, [(GateCode.PACKAGE_OPEN, {"package": "an earlier one"})]
    is_probe = _wants_probe(state, view, quote)
    qty, binding = sizing.clamp(quote, a, b, size_limits(state, view, quote, total))
    if is_probe and qty:
        least = sizing.least_legal_qty(a, quote.touch_a, b, quote.touch_b)
        qty = min(qty, least)
        if not _probe_affordable(state, a, b, quote, qty):
            return None, [(GateCode.SIZE_BELOW_VENUE_MIN, size_params(a, b, qty))]
    if qty == 0:
        code = binding or GateCode.SIZE_BELOW_VENUE_MIN
        return None, [(code, cap_params(state, code, total, view))]
    return _fit(state, turn, view, found, total, qty, is_probe)


def _fit(
    state: State,
    turn: Turn,
    view: PairView,
    found: Candidate,
    total: Usage,
    qty: QtyMicros,
    is_probe: bool,
) -> tuple[Package | None, list[Gate]]:
    """Build the envelope and shrink it until even its worst case is inside every limit."""
    quote, pair = found.quote, view.pair
    a, b = state.instruments[pair.a], state.instruments[pair.b]
    step = sizing.hedge_step(a, quote.worst_a, b, quote.worst_b)
    least = sizing.least_legal_qty(a, quote.touch_a, b, quote.touch_b)
    refused: list[Gate] = []
    while qty >= least:
        sized = _requote(state, turn, view, found, qty)
        least_edge = pair.min_edge(state.config.min_net_edge_micros)
        if sized is None or sized.net_per_contract_micros < least_edge:
            thin = {"qty_micros": str(qty), "need_micros": str(quote.qty)}
            return None, [(GateCode.DEPTH_THIN, thin)]
        package = _build(state, turn, view, sized, found, is_probe)
        package.hedge_chance_ppm = found.hedge_ppm
        short = over_limits(state, package, total)
        if short is None:
            return package, []
        refused = [short]
        qty = QtyMicros(floor_to_step(qty * 4 // 5, step))
    return None, refused or [(GateCode.SIZE_BELOW_VENUE_MIN, size_params(a, b, qty))]


def _wants_probe(state: State, view: PairView, quote: EdgeQuote) -> bool:
    """First package of a pair, an edge too good to be true, or a thin side: smallest size only."""
    if not is_proven(state, view) or quote.net_per_contract_micros > state.config.bait_edge_micros:
        return True
    for venue in (view.pair.a, view.pair.b):
        if state.venue(state.instruments[venue].venue).breaker.state.value != "closed":
            return True
    for market, outcome in ((view.pair.a, quote.outcome_a), (view.pair.b, quote.outcome_b)):
        side = BookSide.ASK if outcome is Outcome.YES else BookSide.BID
        if len(state.books[market].depth(side, THIN_LEVELS)) < THIN_LEVELS:
            return True
    return False


def _probe_affordable(
    state: State, a: Instrument, b: Instrument, quote: EdgeQuote, qty: QtyMicros
) -> bool:
    """$5 where both venues take it, at most $25 where their minima are dearer."""
    cost = (quote.worst_a + quote.worst_b) * qty // MICROS
    return cost <= state.config.probe_cost_dear_usd_micros


def _requote(
    state: State, turn: Turn, view: PairView, found: Candidate, qty: QtyMicros
) -> EdgeQuote | None:
    pair, quote = view.pair, found.quote
    books = found.books or (state.books[pair.a], state.books[pair.b])
    a = as_charged(state.instruments[pair.a], turn.wall)
    b = as_charged(state.instruments[pair.b], turn.wall)
    days = exposure.lock_days(max(a.settle_worst_ns, b.settle_worst_ns), turn.wall)
    own_a = own_b = None
    if found.books is None:
        own_a = own_orders.against(state, pair.a, quote.outcome_a)
        own_b = own_orders.against(state, pair.b, quote.outcome_b)
    return edge.quote(
        *books,
        a,
        b,
        quote.outcome_a,
        quote.outcome_b,
        qty,
        state.frictions,
        days,
        own_a=own_a,
        own_b=own_b,
        fills_max=state.config.fills_max,
    )


def _build(
    state: State, turn: Turn, view: PairView, quote: EdgeQuote, found: Candidate, is_probe: bool
) -> Package:
    """Lay down the envelope: bounds of both legs, the largest quantity, every id."""
    pair, first = view.pair, found.leg_first
    a, b = state.instruments[pair.a], state.instruments[pair.b]
    sides = (
        (a, quote.outcome_a, quote.worst_a, quote.touch_a),
        (b, quote.outcome_b, quote.worst_b, quote.touch_b),
    )
    qty_max = quote.qty
    if found.books is None:
        qty_max = _qty_max(sides[first][0], sides[first][2], sides[first][3], quote.qty)
    slack = min(
        exposure.LOSS_MAX_PER_CONTRACT,
        state.config.package_loss_max_usd_micros * MICROS // max(qty_max, 1),
    )
    # What is left a contract when both legs pay their limits, not the average of the walk.
    average = ceil_div((quote.cost_a_usd + quote.cost_b_usd) * MICROS, quote.qty)
    spare = quote.net_per_contract_micros - max(0, quote.worst_a + quote.worst_b - average)
    legs, costs = [], []
    for index, (instrument, outcome, worst, touch) in enumerate(sides):
        reach = max(worst, min(MICROS - 1, worst + spare + slack))
        # The fee grows with the price too: what it may add is part of what may be lost.
        reach = max(worst, reach - _fee_growth(instrument, worst, PriceMicros(reach)))
        bound = plans.on_grid(instrument, outcome, Side.BUY, PriceMicros(reach))
        fee = (quote.fee_a_usd, quote.fee_b_usd)[index]
        legs.append(
            Leg(
                instrument.market_id,
                instrument.venue,
                outcome,
                worst,
                bound,
                touch,
                instrument.shard,
            )
        )
        price = worst if index == first else bound
        fee_worst = -(-fee * qty_max // quote.qty)
        costs.append(-(-qty_max * price // MICROS) + fee_worst)
    number = state.package_number + 1
    package = Package(
        package_id=derive_package_id(attempts.run_of(state), number),
        number=number,
        kind="normal",
        pair_id=pair.pair_id,
        pair_name=pair.name,
        polarity=pair.polarity.value,
        category=pair.category,
        source=pair.settlement_source,
        legs=(legs[0], legs[1]),
        leg_first=first,
        qty=quote.qty,
        qty_max=qty_max,
        entry_edge_micros=quote.net_per_contract_micros,
        expected_usd=quote.net_usd,
        cost_worst_usd=(costs[0], costs[1]),
        settle_worst_ns=max(a.settle_worst_ns, b.settle_worst_ns),
        created_wall_ns=turn.wall,
        created_mono_ns=turn.mono,
        is_probe=is_probe,
        breakdown=quote.breakdown(),
        versions=state.versions(pair),
    )
    second = package.legs[1 - first]
    levels = state.books[second.market_id].buy_levels(second.outcome)
    package.coverage_ppm = sizing.coverage_ppm(levels, package.qty, second.price_worst)
    attempts.make_slots(package)
    return package


def _fee_growth(instrument: Instrument, worst: PriceMicros, reach: PriceMicros) -> int:
    """Return the most by which a contract's fee at up to ``reach`` exceeds it at ``worst``.

    Micro-dollars, rounded up; fee curves are highest in the middle of their range.
    """
    assert 0 < worst <= reach < MICROS, (worst, reach)
    prices = {worst, reach, PriceMicros(min(max(worst, MICROS // 2), reach))}
    fees = [unit_fee(instrument.fees, Liquidity.TAKER, price) for price in prices]
    return ceil_div(max(fees) - unit_fee(instrument.fees, Liquidity.TAKER, worst), UNIT_FEE_SCALE)


def _qty_max(
    first: Instrument, worst: PriceMicros, touch: PriceMicros, qty: QtyMicros
) -> QtyMicros:
    """Return the most that leg 1 can execute: a budget buy may improve by ticks (F-035)."""
    if first.venue is not Venue.POLYMARKET:
        return qty
    improved = max(touch - 2 * first.step_at(touch), 1)
    return QtyMicros(ceil_to_step(-(-qty * worst // improved), first.qty_step))


def launch(state: State, turn: Turn, package: Package, *, is_maker: bool = False) -> PackageId:
    """Register the package, bind leg 1 to its slot and ask for the commit.

    ``is_maker``: leg 1 rests in the book in shares, instead of taking with a budget.
    """
    slot = attempts.free_slot(package, Purpose.OPEN)
    assert slot is not None
    first = package.legs[package.leg_first]
    instrument = state.instruments[first.market_id]
    second = state.instruments[package.legs[1 - package.leg_first].market_id]
    is_budget = first.venue is Venue.POLYMARKET and not is_maker
    tif = TimeInForce.GTC if is_maker else TimeInForce.IOC
    if not is_budget and not is_maker:
        touch = package.legs[1 - package.leg_first].touch
        tif = sizing.opening_tif(instrument, second, touch)
    ticket = attempts.build_ticket(
        state,
        turn,
        package,
        slot,
        leg=package.leg_first,
        outcome=first.outcome,
        side=Side.BUY,
        price_limit=first.price_limit,
        qty=package.qty,
        qty_max=package.qty_max,
        tif=tif,
        budget_usd=plans.reserve_usd(package.qty, first.price_limit) if is_budget else None,
    )
    costs.keep_versions(state, turn, [leg.market_id for leg in package.legs])
    state.package_number = package.number
    state.packages[package.package_id] = package
    attempts.use_slot(state, package, slot, ticket)
    state.last_package_mono_ns = turn.mono
    machine.begin(state, turn, package)
    sealed = approve(ticket, mono_ns=turn.mono, versions=tuple(sorted(package.versions.items())))
    turn.emit(
        CommitEnvelope(
            package.package_id,
            rows.package_row(package, state.mode, state.run_id),
            tuple(rows.attempt_row(package, attempt) for attempt in package.attempts.values()),
            sealed,
            instrument,
        )
    )
    return package.package_id

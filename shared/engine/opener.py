"""From an edge to a sealed package: direction, size, bounds, the last gates, the envelope.

Called only when the cheap table check says that a pair could clear. Returns gates when it
refuses, so that the reason on the screen is the reason that decided.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.domain import depth, edge, sizing
from shared.domain.commands import CommitEnvelope
from shared.domain.edge import EdgeQuote
from shared.domain.enums import BookSide, GateCode, Outcome, Purpose, Side, TimeInForce, Venue
from shared.domain.ids import PackageId, derive_package_id
from shared.domain.instrument import Instrument
from shared.domain.leadlag import Leader
from shared.domain.package import Leg, Package
from shared.domain.risk import approve
from shared.domain.units import MICROS, PriceMicros, QtyMicros, UsdMicros, ceil_to_step
from shared.engine import attempts, exposure, hedger, machine, rows
from shared.engine.exposure import Usage
from shared.engine.gates import Gate
from shared.engine.state import PairView, State, Turn

LOSS_MAX_PER_CONTRACT: Final = 100_000
"""10 c: what a hedge may at worst lose a contract (I-30)."""
THIN_LEVELS: Final = 3
MAX_QTY: Final = QtyMicros(1_000_000 * MICROS)


@dataclass(frozen=True, slots=True)
class Candidate:
    """The better of both packages of a pair at this moment."""

    quote: EdgeQuote
    hedge_ppm: int
    leg_first: int
    clears: bool


def find(state: State, turn: Turn, view: PairView) -> Candidate | None:
    """Return the better package: the largest that clears, else the best at the touch."""
    pair = view.pair
    a, b = state.instruments[pair.a], state.instruments[pair.b]
    book_a, book_b = state.books[pair.a], state.books[pair.b]
    days = exposure.lock_days(max(a.settle_worst_ns, b.settle_worst_ns), turn.wall)
    minimum = state.config.min_net_edge_micros
    clearing: list[EdgeQuote] = []
    for outcome_a, outcome_b in pair.packages():
        if not edge.could_clear(book_a, book_b, a.fees, b.fees, outcome_a, outcome_b, minimum):
            continue
        reach = min(_reach(state, a, outcome_a), _reach(state, b, outcome_b))
        found = edge.best(
            book_a, book_b, a, b, outcome_a, outcome_b, reach, minimum, state.frictions, days
        )
        if found is not None:
            clearing.append(found)
    if clearing:
        quote = max(clearing, key=lambda q: (q.net_usd, q.outcome_a.value))
        first = _leg_first(state, view, quote)
        return Candidate(quote, _hedge_ppm(state, turn, view, quote, first), first, True)
    shown = [
        q
        for outcome_a, outcome_b in pair.packages()
        if (
            q := edge.best_display(
                book_a, book_b, a, b, outcome_a, outcome_b, state.frictions, days
            )
        )
        is not None
    ]
    if not shown:
        return None
    quote = max(shown, key=lambda q: (q.net_per_contract_micros, q.outcome_a.value))
    first = _leg_first(state, view, quote)
    return Candidate(quote, _hedge_ppm(state, turn, view, quote, first), first, False)


def _reach(state: State, instrument: Instrument, outcome: Outcome) -> QtyMicros:
    """Return the contracts within the configured ticks of the touch: nothing deeper is planned."""
    book = state.books[instrument.market_id]
    levels = book.buy_levels(outcome)
    if not levels:
        return QtyMicros(0)
    yes = levels[0][0] if outcome is Outcome.YES else PriceMicros(MICROS - levels[0][0])
    limit = PriceMicros(levels[0][0] + state.config.price_cap_ticks * instrument.step_at(yes))
    return min(depth.available(levels, limit=limit), MAX_QTY)


def _leg_first(state: State, view: PairView, quote: EdgeQuote) -> int:
    """Return which leg goes first: a held market, the stable leader, the less certain leg."""
    a, b = state.instruments[view.pair.a], state.instruments[view.pair.b]
    if bool(a.taker_delay_ns) != bool(b.taker_delay_ns):
        return 0 if a.taker_delay_ns else 1
    leader = view.lead.verdict.leader
    if leader in (Leader.A, Leader.B):
        return 0 if leader is Leader.A else 1
    cover_a = _coverage(state, a, quote.outcome_a, quote.worst_a, quote.qty)
    cover_b = _coverage(state, b, quote.outcome_b, quote.worst_b, quote.qty)
    if cover_a == cover_b:
        return 0 if a.venue is not Venue.KALSHI else 1
    return 0 if cover_a < cover_b else 1


def _coverage(
    state: State, instrument: Instrument, outcome: Outcome, limit: PriceMicros, qty: QtyMicros
) -> int:
    levels = state.books[instrument.market_id].buy_levels(outcome)
    return sizing.coverage_ppm(levels, qty, limit)


def _hedge_ppm(state: State, turn: Turn, view: PairView, quote: EdgeQuote, first: int) -> int:
    """Return the completion probability of the second leg inside its worst-price bound."""
    second = state.instruments[view.pair.b if first == 0 else view.pair.a]
    outcome = quote.outcome_b if first == 0 else quote.outcome_a
    worst = quote.worst_b if first == 0 else quote.worst_a
    bound = PriceMicros(min(MICROS - 1, worst + max(quote.net_per_contract_micros, 0)))
    book = state.books[second.market_id]
    return state.completion.mean_ppm(
        second.venue,
        view.pair.category,
        _coverage(state, second, outcome, bound, quote.qty),
        book_age_ns=max(0, turn.mono - max(book.proved_mono_ns, 0)),
        taker_delay_ns=second.taker_delay_ns,
    )


def edge_gates(state: State, view: PairView, found: Candidate | None) -> list[Gate]:
    """Return the price-dependent gates that need no size: sign, threshold, chance."""
    if found is None:
        return [(GateCode.BOOK_EMPTY, _empty_side(state, view))]
    gates: list[Gate] = []
    net = found.quote.net_per_contract_micros
    params = {"net_micros": str(net), "min_micros": str(state.config.min_net_edge_micros)}
    if net < 0:
        gates.append((GateCode.EDGE_NEGATIVE, params))
    elif not found.clears:
        gates.append((GateCode.EDGE_BELOW_MIN, params))
    floor = state.config.return_floor_ppm
    if floor and found.quote.annual_ppm < floor:
        gates.append(
            (
                GateCode.RETURN_TOO_LOW,
                {"annual_ppm": str(found.quote.annual_ppm), "floor_ppm": str(floor)},
            )
        )
    if found.clears and found.hedge_ppm < state.config.hedge_chance_min_ppm:
        need = str(state.config.hedge_chance_min_ppm)
        gates.append(
            (GateCode.HEDGE_CHANCE_LOW, {"chance_ppm": str(found.hedge_ppm), "min_ppm": need})
        )
    return gates


def risk_gates(state: State, view: PairView, total: Usage) -> list[Gate]:
    """Return the limits that forbid any size."""
    pair, config = view.pair, state.config
    gates: list[Gate] = []
    if pair.pair_id not in total.pairs and len(total.pairs) >= config.pairs_max:
        gates.append(
            (GateCode.PAIRS_FULL, {"used": str(len(total.pairs)), "max": str(config.pairs_max)})
        )
    if total.naked >= config.naked_slots:
        gates.append((GateCode.NAKED_SLOT_BUSY, {"package": _naked_number(state)}))
    mine = [p for p in state.live_packages() if p.pair_id == pair.pair_id]
    if any(p.is_naked for p in mine):
        gates.append((GateCode.PACKAGE_OPEN, {"package": str(mine[-1].number)}))
    if not is_proven(state, view) and mine:
        gates.append((GateCode.PROBE_PENDING, {}))
    if total.provisional >= config.provisional_max_usd_micros:
        limit = str(config.provisional_max_usd_micros)
        gates.append(
            (
                GateCode.PROVISIONAL_LIMIT,
                {"used_micros": str(total.provisional), "max_micros": limit},
            )
        )
    return gates


def is_proven(state: State, view: PairView) -> bool:
    return view.pair.is_proven or view.pair.pair_id in state.proven_pairs


def opposes(state: State, view: PairView, quote: EdgeQuote) -> bool:
    """Whether a live package holds the other outcome of one of the markets.

    A netting venue would close the older package instead of opening the newer one.
    """
    wanted = {view.pair.a: quote.outcome_a, view.pair.b: quote.outcome_b}
    return any(
        wanted.get(leg.market_id, leg.outcome) is not leg.outcome
        for package in state.live_packages()
        for leg in package.legs
    )


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
    qty, binding = sizing.clamp(quote, a, b, _limits(state, view, quote, total))
    if is_probe and qty:
        least = sizing.least_legal_qty(a, quote.touch_a, b, quote.touch_b)
        qty = min(qty, least)
        if not _probe_affordable(state, a, b, quote, qty):
            return None, [(GateCode.SIZE_BELOW_VENUE_MIN, _size_params(a, b, qty))]
    if qty == 0:
        code = binding or GateCode.SIZE_BELOW_VENUE_MIN
        return None, [(code, _cap_params(state, code, total, view))]
    sized = _requote(state, turn, view, quote, qty)
    if sized is None or sized.net_per_contract_micros < state.config.min_net_edge_micros:
        return None, [
            (GateCode.DEPTH_THIN, {"qty_micros": str(qty), "need_micros": str(quote.qty)})
        ]
    package = _build(state, turn, view, sized, found.leg_first, is_probe)
    short = _over_limits(state, view, package, total)
    if short is not None:
        return None, [short]
    return package, []


def _naked_number(state: State) -> str:
    return next((str(p.number) for p in state.live_packages() if p.is_naked), "")


def _empty_side(state: State, view: PairView) -> dict[str, str]:
    for market in (view.pair.a, view.pair.b):
        for outcome in Outcome:
            if not state.books[market].buy_levels(outcome):
                venue = state.instruments[market].venue.value
                return {"venue": venue, "outcome": outcome.value}
    return {}


def _size_params(a: Instrument, b: Instrument, qty: int) -> dict[str, str]:
    stricter = a if a.min_qty > b.min_qty else b
    return {
        "qty_micros": str(qty),
        "min_micros": str(stricter.min_qty),
        "venue": stricter.venue.value,
    }


def _cap_params(state: State, code: GateCode, total: Usage, view: PairView) -> dict[str, str]:
    """Return used and limit of the cap that binds, in the names of its sentence."""
    config, pair = state.config, view.pair
    a, b = state.instruments[pair.a], state.instruments[pair.b]
    capital = 2 * config.capital_per_venue_usd_micros
    most = {
        GateCode.CONTRACT_LIMIT: (
            max(total.by_market.get(m, 0) for m in (pair.a, pair.b)),
            config.per_contract_exposure_usd_micros,
        ),
        GateCode.VENUE_LIMIT: (
            max(total.by_venue.get(i.venue, 0) for i in (a, b)),
            config.capital_per_venue_usd_micros,
        ),
        GateCode.CATEGORY_LIMIT: (
            total.by_category.get(pair.category, 0),
            capital * config.category_cap_ppm // MICROS,
        ),
        GateCode.SOURCE_LIMIT: (
            total.by_source.get(pair.settlement_source, 0),
            capital * config.source_cap_ppm // MICROS,
        ),
        GateCode.PROVISIONAL_LIMIT: (total.provisional, config.provisional_max_usd_micros),
    }
    if code in most:
        used, limit = most[code]
        name = pair.category if code is GateCode.CATEGORY_LIMIT else pair.settlement_source
        return {"used_micros": str(used), "max_micros": str(limit), "name": name}
    if code in (GateCode.CASH_SHORT, GateCode.SHARD_UNFUNDED):
        frees = [(exposure.cash_free_usd(state, total, i.venue) or 0, i) for i in (a, b)]
        free, short = min(frees, key=lambda item: item[0])
        return {
            "venue": short.venue.value,
            "shard": str(short.shard),
            "free_micros": str(free),
            "need_micros": str(config.probe_cost_usd_micros),
        }
    return _size_params(a, b, 0)


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


def _limits(state: State, view: PairView, quote: EdgeQuote, total: Usage) -> sizing.SizeLimits:
    """Return the room under every cap, shrunk by the worst overfill and hedge price."""
    config, pair = state.config, view.pair
    a, b = state.instruments[pair.a], state.instruments[pair.b]
    contract, venue_room, cash = [], [], []
    for instrument in (a, b):
        used = total.by_market.get(instrument.market_id, 0)
        contract.append(UsdMicros(_shrink(config.per_contract_exposure_usd_micros - used)))
        used = total.by_venue.get(instrument.venue, 0)
        venue_room.append(UsdMicros(_shrink(config.capital_per_venue_usd_micros - used)))
        free = exposure.cash_free_usd(state, total, instrument.venue)
        cash.append(UsdMicros(_shrink(free)) if free is not None else UsdMicros(0))
    capital = 2 * config.capital_per_venue_usd_micros
    category = capital * config.category_cap_ppm // MICROS
    source = capital * config.source_cap_ppm // MICROS
    provisional = config.provisional_max_usd_micros - total.provisional
    return sizing.SizeLimits(
        contract_room_usd=(contract[0], contract[1]),
        shard_cash_usd=(_shard_cash(state, total, a), _shard_cash(state, total, b)),
        cash_usd=(cash[0], cash[1]),
        venue_room_usd=(venue_room[0], venue_room[1]),
        category_room_usd=UsdMicros(_shrink(category - total.by_category.get(pair.category, 0))),
        source_room_usd=UsdMicros(_shrink(source - total.by_source.get(pair.settlement_source, 0))),
        provisional_room_usd=UsdMicros(_shrink(provisional)),
    )


def _shrink(room: int) -> int:
    """Keep a quarter of every room for overfills and for a hedge at its worst price."""
    return max(0, room) * 3 // 4


def _shard_cash(state: State, total: Usage, instrument: Instrument) -> UsdMicros | None:
    """Return the free cash of the market's shard; None where the venue has no shards."""
    account = state.venue(instrument.venue).account
    if account is None or not account.cash_by_shard:
        return None
    on_shard = dict(account.cash_by_shard).get(instrument.shard, UsdMicros(0))
    return UsdMicros(_shrink(on_shard - total.reserved.get(instrument.venue, 0)))


def _requote(
    state: State, turn: Turn, view: PairView, quote: EdgeQuote, qty: QtyMicros
) -> EdgeQuote | None:
    pair = view.pair
    a, b = state.instruments[pair.a], state.instruments[pair.b]
    days = exposure.lock_days(max(a.settle_worst_ns, b.settle_worst_ns), turn.wall)
    return edge.quote(
        state.books[pair.a],
        state.books[pair.b],
        a,
        b,
        quote.outcome_a,
        quote.outcome_b,
        qty,
        state.frictions,
        days,
        fills_max=state.config.fills_max,
    )


def _build(
    state: State, turn: Turn, view: PairView, quote: EdgeQuote, first: int, is_probe: bool
) -> Package:
    """Lay down the envelope: bounds of both legs, the largest quantity, every id."""
    pair = view.pair
    a, b = state.instruments[pair.a], state.instruments[pair.b]
    sides = (
        (a, quote.outcome_a, quote.worst_a, quote.touch_a),
        (b, quote.outcome_b, quote.worst_b, quote.touch_b),
    )
    qty_max = _qty_max(sides[first][0], sides[first][2], sides[first][3], quote.qty)
    slack = min(
        LOSS_MAX_PER_CONTRACT,
        state.config.package_loss_max_usd_micros * MICROS // max(qty_max, 1),
    )
    legs, costs = [], []
    for index, (instrument, outcome, worst, touch) in enumerate(sides):
        reach = min(MICROS - 1, worst + max(0, quote.net_per_contract_micros) + slack)
        bound = hedger.on_grid(instrument, outcome, Side.BUY, PriceMicros(reach))
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
    attempts.make_slots(package)
    return package


def _qty_max(
    first: Instrument, worst: PriceMicros, touch: PriceMicros, qty: QtyMicros
) -> QtyMicros:
    """Return the most that leg 1 can execute: a budget buy may improve by ticks (F-035)."""
    if first.venue is not Venue.POLYMARKET:
        return qty
    improved = max(touch - 2 * first.step_at(touch), 1)
    return QtyMicros(ceil_to_step(-(-qty * worst // improved), first.qty_step))


def _over_limits(state: State, view: PairView, package: Package, total: Usage) -> Gate | None:
    """Check the finished envelope against the hard limits once more (pair of ``_limits``)."""
    config = state.config
    for index, leg in enumerate(package.legs):
        cost = package.cost_worst_usd[index]
        used = total.by_market.get(leg.market_id, 0)
        if used + cost > config.per_contract_exposure_usd_micros:
            return GateCode.CONTRACT_LIMIT, {
                "used_micros": str(used),
                "max_micros": str(config.per_contract_exposure_usd_micros),
                "venue": leg.venue.value,
            }
        free = exposure.cash_free_usd(state, total, leg.venue)
        if free is None or cost > free:
            return GateCode.CASH_SHORT, {
                "venue": leg.venue.value,
                "free_micros": str(free or 0),
                "need_micros": str(cost),
            }
    capital = 2 * config.capital_per_venue_usd_micros
    days = exposure.lock_days(package.settle_worst_ns, package.created_wall_ns)
    locked = total.lock_usd_days + sum(package.cost_worst_usd) * days
    if locked > config.lock_days_max * capital:
        return GateCode.LOCK_LIMIT, {
            "days": str(locked // capital),
            "max_days": str(config.lock_days_max),
        }
    return None


def launch(state: State, turn: Turn, package: Package) -> PackageId:
    """Register the package, bind leg 1 to its slot and ask for the commit."""
    slot = attempts.free_slot(package, Purpose.OPEN)
    assert slot is not None
    first = package.legs[package.leg_first]
    instrument = state.instruments[first.market_id]
    second = state.instruments[package.legs[1 - package.leg_first].market_id]
    is_budget = first.venue is Venue.POLYMARKET
    tif = TimeInForce.IOC
    if not is_budget:
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
        budget_usd=hedger.reserve_usd(package.qty, first.price_limit) if is_budget else None,
    )
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

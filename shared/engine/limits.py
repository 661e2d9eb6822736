"""Limits of an opening: which forbid it, and how much room each leaves (I-08).

Rooms are shrunk before sizing; the finished envelope is checked against the full limits
again in ``envelope_limits``: two independent paths to the same rule.
"""

from __future__ import annotations

from typing import Final

from shared.domain import sizing
from shared.domain.edge import EdgeQuote
from shared.domain.enums import GateCode, Outcome
from shared.domain.instrument import Instrument
from shared.domain.units import MICROS, UsdMicros
from shared.engine import exposure
from shared.engine.candidates import Candidate
from shared.engine.exposure import Usage
from shared.engine.gates import Gate
from shared.engine.state import PairView, State

DUST_TOKEN_USD: Final = 1_000_000
DUST_ALL_USD: Final = 5_000_000
"""Remainders that no venue takes: at most $1 a market and $5 in all (F-038)."""


def edge_gates(state: State, view: PairView, found: Candidate | None) -> list[Gate]:
    """Return the price-dependent gates that need no size: sign, threshold, chance."""
    if found is None:
        return [(GateCode.BOOK_EMPTY, _empty_side(state, view))]
    gates: list[Gate] = []
    net = found.quote.net_per_contract_micros
    params = {"net_micros": str(net), "min_micros": str(state.config.min_net_edge_micros)}
    if net < 0:
        gates.append((GateCode.EDGE_NEGATIVE, params))
    elif not found.clears and net >= state.config.min_net_edge_micros:
        gates.append((GateCode.PAIR_DIVERGENCE, _divergence_params(view, net)))
    elif not found.clears:
        gates.append((GateCode.EDGE_BELOW_MIN, params))
    if found.clears and _was_probed_as_bait(state, view, net):
        open_clauses = str(max(view.pair.open_clauses, 1))
        reason = "an edge too good to be true was probed once"
        gates.append((GateCode.PAIR_IN_REVIEW, {"open_clauses": open_clauses, "reason": reason}))
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


def _divergence_params(view: PairView, net_micros: int) -> dict[str, str]:
    charge = view.pair.divergence_ppm
    return {
        "series": view.pair.series_id or view.pair.name,
        "charge_micros": str(charge),
        "left_micros": str(net_micros - charge),
    }


def _was_probed_as_bait(state: State, view: PairView, net_micros: int) -> bool:
    """An edge above 8 c gets one $5 package; a second one needs a person's look (F-097)."""
    bait = state.config.bait_edge_micros
    return net_micros > bait and any(
        package.pair_id == view.pair.pair_id and package.entry_edge_micros > bait
        for package in state.packages.values()
    )


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
    dust = exposure.dust_usd(state)
    mine_dust = max((dust.get(market, 0) for market in (pair.a, pair.b)), default=0)
    for used, most in ((mine_dust, DUST_TOKEN_USD), (sum(dust.values()), DUST_ALL_USD)):
        if used > most:
            gates.append((GateCode.DUST_LIMIT, {"used_micros": str(used), "max_micros": str(most)}))
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


def _naked_number(state: State) -> str:
    return next((str(p.number) for p in state.live_packages() if p.is_naked), "")


def _empty_side(state: State, view: PairView) -> dict[str, str]:
    for market in (view.pair.a, view.pair.b):
        for outcome in Outcome:
            if not state.books[market].buy_levels(outcome):
                venue = state.instruments[market].venue.value
                return {"venue": venue, "outcome": outcome.value}
    return {}


def size_params(a: Instrument, b: Instrument, qty: int) -> dict[str, str]:
    stricter = a if a.min_qty > b.min_qty else b
    return {
        "qty_micros": str(qty),
        "min_micros": str(stricter.min_qty),
        "venue": stricter.venue.value,
    }


def cap_params(state: State, code: GateCode, total: Usage, view: PairView) -> dict[str, str]:
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
    return size_params(a, b, 0)


def size_limits(state: State, view: PairView, quote: EdgeQuote, total: Usage) -> sizing.SizeLimits:
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
    free = shard_free(state, total, instrument)
    return None if free is None else UsdMicros(_shrink(free))


def shard_free(state: State, total: Usage, instrument: Instrument) -> int | None:
    """Return the unshrunk free cash of the market's shard; None without shards."""
    account = state.venue(instrument.venue).account
    if account is None or not account.cash_by_shard:
        return None
    on_shard = dict(account.cash_by_shard).get(instrument.shard, UsdMicros(0))
    return on_shard - total.reserved.get(instrument.venue, 0)

"""Maker then taker: rest an order on Polymarket, take the other leg on the netting venue.

Behind ``flag_maker_taker``, off by default. Tried only when taking both legs does not
clear. One order rests, joining or improving the best bid by a tick; what fills of it is
hedged at once like any leg 1, and the rest is taken back in the same step. It is taken
back too when its time is over, when the edge is gone, or when anything forbids an opening.
The adapter guards what rests with heartbeats (F-051); a partial fill must always be
hedgeable, so the second leg is one whose lots are small enough.
"""

from __future__ import annotations

from typing import Final

from shared.domain import edge, sizing
from shared.domain.book import Book
from shared.domain.enums import GateCode, Outcome, Venue
from shared.domain.fee_schedules import as_charged
from shared.domain.instrument import Instrument
from shared.domain.package import Package
from shared.domain.package_table import PackageEvent
from shared.domain.units import MICROS, PriceMicros
from shared.engine import candidates, exposure, gates, machine
from shared.engine.candidates import Candidate
from shared.engine.state import PairView, State, Turn

PE = PackageEvent
_OWN: Final = frozenset({GateCode.COOLDOWN})


def find(state: State, turn: Turn, view: PairView) -> Candidate | None:
    """Return the best package whose first leg rests, when one clears; charged as if it took.

    A maker pays less than a taker, so the taker's fee is a bound for both.
    """
    pair = view.pair
    a = as_charged(state.instruments[pair.a], turn.wall)
    b = as_charged(state.instruments[pair.b], turn.wall)
    days = exposure.lock_days(max(a.settle_worst_ns, b.settle_worst_ns), turn.wall)
    minimum = pair.min_edge(state.config.min_net_edge_micros)
    best: Candidate | None = None
    for outcome_a, outcome_b in pair.packages():
        for first in (0, 1):
            sides = ((a, outcome_a), (b, outcome_b))
            (maker, outcome), (taker, other) = sides[first], sides[1 - first]
            if maker.venue is not Venue.POLYMARKET or maker.taker_delay_ns or taker.taker_delay_ns:
                continue
            price = _price(state, maker, outcome)
            if price is None:
                continue
            resting = _only(state, maker, outcome, price)
            books = [state.books[pair.a], state.books[pair.b]]
            books[first] = resting
            reach = candidates.reach(state, taker, other)
            quote = edge.best(
                books[0],
                books[1],
                a,
                b,
                outcome_a,
                outcome_b,
                reach,
                minimum,
                state.frictions,
                days,
                fills_max=state.config.fills_max,
            )
            if quote is None:
                continue
            touch = (quote.touch_b, quote.touch_a)[first]
            if not sizing.partials_hedgeable(maker, taker, touch):
                continue
            if best is None or quote.net_usd > best.quote.net_usd:
                chance, beta = candidates.hedge_chance(state, turn, view, quote, first)
                best = Candidate(quote, chance, beta, first, True, (books[0], books[1]))
    return best


def _price(state: State, instrument: Instrument, outcome: Outcome) -> PriceMicros | None:
    """Return the price to rest at: a tick above the best bid of the outcome, below its ask."""
    book = state.books[instrument.market_id]
    bids, asks = book.sell_levels(outcome), book.buy_levels(outcome)
    if not bids or not asks:
        return None
    yes = bids[0][0] if outcome is Outcome.YES else PriceMicros(MICROS - bids[0][0])
    better = PriceMicros(bids[0][0] + instrument.step_at(yes))
    return better if better < asks[0][0] else bids[0][0]


def _only(state: State, instrument: Instrument, outcome: Outcome, price: PriceMicros) -> Book:
    """Return a book that offers the outcome at the resting price alone, for reckoning."""
    book = Book(instrument.market_id)
    level = (price if outcome is Outcome.YES else PriceMicros(MICROS - price), candidates.MAX_QTY)
    bids, asks = ((), (level,)) if outcome is Outcome.YES else ((level,), ())
    book.replace(bids, asks, state.books[instrument.market_id].venue_ts_ns)
    return book


def mind(state: State, turn: Turn) -> None:
    """Take back every resting order that must not rest any longer."""
    for package in state.live_packages():
        if package.is_resting:
            why = _trouble(state, turn, package)
            if why:
                take_back(state, turn, package, why)


def _trouble(state: State, turn: Turn, package: Package) -> str:
    view = state.pairs.get(package.pair_id)
    if view is None:
        return "the pair is not watched any more"
    for code, _ in gates.standing(state, turn, view):
        if code not in _OWN:
            return code.value
    second = package.legs[1 - package.leg_first]
    instrument = state.instruments[second.market_id]
    if not gates.is_fresh(state, turn, instrument):
        return GateCode.BOOK_STALE.value
    levels = state.books[second.market_id].buy_levels(second.outcome)
    there = sizing.coverage_ppm(levels, package.qty, second.price_limit)
    return "" if there >= MICROS else GateCode.EDGE_GONE.value


def take_back(state: State, turn: Turn, package: Package, why: str) -> None:
    """Cancel what rests; what it filled meanwhile is the result of leg 1."""
    assert package.is_resting, package.state
    machine.feed(state, turn, package, PE.R_REST, why)

"""The better of both packages of a pair at this moment: direction, reach, who goes first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.domain import depth, edge, sizing
from shared.domain.book import Book
from shared.domain.edge import EdgeQuote
from shared.domain.enums import Outcome, Venue
from shared.domain.fee_schedules import as_charged
from shared.domain.instrument import Instrument
from shared.domain.leadlag import Leader
from shared.domain.pairing import MatchedPair
from shared.domain.units import MICROS, PriceMicros, QtyMicros
from shared.engine import exposure, own_orders
from shared.engine.state import PairView, State, Turn

COVERAGE_PPM: Final = 1_250_000
"""Depth kept behind every contract: below it the completion probability misses its gate."""
MAX_QTY: Final = QtyMicros(1_000_000 * MICROS)


@dataclass(frozen=True, slots=True)
class Candidate:
    """The better of both packages of a pair at this moment."""

    quote: EdgeQuote
    hedge_ppm: int
    hedge_beta: tuple[int, int]
    """Beta parameters behind the chance, in millionths of an outcome, before its discounts."""
    leg_first: int
    clears: bool
    books: tuple[Book, Book] | None = None
    """The books that the plan reckons with, when its first leg is to rest instead of taking."""


def find(state: State, turn: Turn, view: PairView) -> Candidate | None:
    """Return the better package: the largest that clears, else the best at the touch.

    Prices are reckoned anew only when something that they depend on has changed; the chance
    of the hedge, which also falls with the age of a book, every time.
    """
    pair = view.pair
    listed_a, listed_b = state.instruments[pair.a], state.instruments[pair.b]
    a, b = as_charged(listed_a, turn.wall), as_charged(listed_b, turn.wall)
    book_a, book_b = state.books[pair.a], state.books[pair.b]
    days = exposure.lock_days(max(a.settle_worst_ns, b.settle_worst_ns), turn.wall)
    # Objects are replaced, never changed, but for the books: those count their changes.
    inputs = (
        *(pair, listed_a, listed_b, a is listed_a, b is listed_b, days),
        *(state.config, state.frictions, book_a, book_a.version, book_b, book_b.version),
    )
    resting = any(
        own_orders.against(state, market, outcome) is not None
        for market in (pair.a, pair.b)
        for outcome in Outcome
    )
    if resting or view.priced_for is None or not _are_same(view.priced_for, inputs):
        view.priced = _best_quote(state, pair, a, b, days)
        view.priced_for = None if resting else inputs
    if view.priced is None:
        return None
    quote, clears = view.priced
    first = _leg_first(state, view, quote)
    chance, beta = hedge_chance(state, turn, view, quote, first)
    return Candidate(quote, chance, beta, first, clears)


def _are_same(old: tuple[object, ...], new: tuple[object, ...]) -> bool:
    """Whether nothing was replaced: numbers by value, objects by identity."""
    return all(x is y or (type(x) is int and x == y) for x, y in zip(old, new, strict=True))


def _best_quote(
    state: State, pair: MatchedPair, a: Instrument, b: Instrument, days: int
) -> tuple[EdgeQuote, bool] | None:
    """Return the better quote and whether it clears; None when neither side can be priced."""
    book_a, book_b = state.books[pair.a], state.books[pair.b]
    minimum = pair.min_edge(state.config.min_net_edge_micros)
    clearing: list[EdgeQuote] = []
    for outcome_a, outcome_b in pair.packages():
        if not edge.could_clear(book_a, book_b, a.fees, b.fees, outcome_a, outcome_b, minimum):
            continue
        most = min(reach(state, a, outcome_a), reach(state, b, outcome_b))
        found = edge.best(
            book_a,
            book_b,
            a,
            b,
            outcome_a,
            outcome_b,
            most,
            minimum,
            state.frictions,
            days,
            own_a=own_orders.against(state, a.market_id, outcome_a),
            own_b=own_orders.against(state, b.market_id, outcome_b),
            fills_max=state.config.fills_max,
        )
        if found is not None:
            clearing.append(found)
    if clearing:
        return max(clearing, key=lambda q: (q.net_usd, q.outcome_a.value)), True
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
    return max(shown, key=lambda q: (q.net_per_contract_micros, q.outcome_a.value)), False


def reach(state: State, instrument: Instrument, outcome: Outcome) -> QtyMicros:
    """Return the contracts within the configured ticks of the touch: nothing deeper is planned."""
    book = state.books[instrument.market_id]
    levels = book.buy_levels(outcome)
    if not levels:
        return QtyMicros(0)
    yes = levels[0][0] if outcome is Outcome.YES else PriceMicros(MICROS - levels[0][0])
    limit = PriceMicros(levels[0][0] + state.config.price_cap_ticks * instrument.step_at(yes))
    own = own_orders.against(state, instrument.market_id, outcome)
    there = depth.available(levels, own=own, limit=limit)
    return QtyMicros(min(there * MICROS // COVERAGE_PPM, MAX_QTY))


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
    own = own_orders.against(state, instrument.market_id, outcome)
    return sizing.coverage_ppm(levels, qty, limit, own=own)


def hedge_chance(
    state: State, turn: Turn, view: PairView, quote: EdgeQuote, first: int
) -> tuple[int, tuple[int, int]]:
    """Return the chance to complete the second leg inside its worst price, and its posterior."""
    second = state.instruments[view.pair.b if first == 0 else view.pair.a]
    outcome = quote.outcome_b if first == 0 else quote.outcome_a
    worst = quote.worst_b if first == 0 else quote.worst_a
    bound = PriceMicros(min(MICROS - 1, worst + max(quote.net_per_contract_micros, 0)))
    book = state.books[second.market_id]
    covered = _coverage(state, second, outcome, bound, quote.qty)
    chance = state.completion.mean_ppm(
        second.venue,
        view.pair.category,
        covered,
        book_age_ns=max(0, turn.mono - max(book.proved_mono_ns, 0)),
        taker_delay_ns=second.taker_delay_ns,
    )
    return chance, state.completion.cell(second.venue, view.pair.category, covered)

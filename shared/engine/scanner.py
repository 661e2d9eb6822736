"""Watching every pair: a cheap check on each book change, a full judgement once a second.

The judgement is kept on the pair (gates in order, best quote, hedge chance) and is what
the screens show; a change of its first gate is a decision and leaves the process.
"""

from __future__ import annotations

from typing import Final

from shared.domain import edge
from shared.domain.commands import RequestSnapshot
from shared.domain.enums import BookState, GateCode
from shared.domain.fee_schedules import as_charged
from shared.domain.ids import MarketId
from shared.domain.instrument import Instrument
from shared.domain.units import NS_PER_MS, NS_PER_S
from shared.engine import candidates, costs, exposure, limits, maker, opener, rows
from shared.engine.gates import Gate, age_ms, is_fresh, standing
from shared.engine.state import PairView, State, Turn

PROVE_ASK_NS: Final = 500 * NS_PER_MS
PROVE_BOOKS_MAX: Final = 16
NEAR_MICROS: Final = 10_000
"""A pair within a cent of the threshold is near: its books are kept proved (F-005)."""
DECISION_GAP_NS: Final = 10 * NS_PER_S
EDGE_ROW_GAP_NS: Final = 10 * NS_PER_S
_ORDER: Final = {code: index for index, code in enumerate(GateCode)}
PAIR_REST_NS: Final = 10 * NS_PER_S
AFTER_PACKAGE_NS: Final = 2 * NS_PER_S
"""Books need a moment to show what a package has taken."""


def on_book(state: State, turn: Turn, market: MarketId) -> None:
    """A book changed: look its pairs up, and judge only those that could clear."""
    for pair_id in state.pairs_of.get(market, ()):
        view = state.pairs[pair_id]
        if could_clear(state, turn, view):
            judge(state, turn, view, may_open=True)


def could_clear(state: State, turn: Turn, view: PairView) -> bool:
    """Whether either package of the pair might clear the threshold at the touch."""
    pair = view.pair
    a, b = state.instruments.get(pair.a), state.instruments.get(pair.b)
    book_a, book_b = state.books.get(pair.a), state.books.get(pair.b)
    if a is None or b is None or book_a is None or book_b is None:
        return False
    a, b = as_charged(a, turn.wall), as_charged(b, turn.wall)
    minimum = pair.min_edge(state.config.min_net_edge_micros)
    return any(
        edge.could_clear(book_a, book_b, a.fees, b.fees, outcome_a, outcome_b, minimum)
        for outcome_a, outcome_b in pair.packages()
    )


def judge(state: State, turn: Turn, view: PairView, *, may_open: bool) -> None:
    """Evaluate one pair in full; open a package when nothing stands in the way."""
    state.checks_today += 1
    gates = standing(state, turn, view)
    pair = view.pair
    found, held = None, True
    if pair.a in state.books and pair.b in state.books and _priceable(state, view):
        found = candidates.find(state, turn, view)
        held = bool(gates)
        gates += limits.edge_gates(state, view, found)
    if found is not None:
        view.display = found.quote
        view.best_micros = found.quote.net_per_contract_micros
        view.hedge_ppm, view.hedge_beta = found.hedge_ppm, found.hedge_beta
        if not found.clears and may_open and state.config.flag_maker_taker and not held:
            found = maker.find(state, turn, view) or found
            gates = [] if found.clears else gates
        if found.clears:
            gates += _freshness(state, turn, view)
            if may_open:
                gates = _try_open(state, turn, view, found, gates)
    else:
        view.display, view.best_micros = None, None
        view.hedge_ppm, view.hedge_beta = None, None
    _remember(state, turn, view, gates)


def rejudge(state: State, turn: Turn, market: MarketId) -> None:
    """Judge every pair of a market now: what was shown under its old terms is gone."""
    for pair_id in state.pairs_of.get(market, ()):
        judge(state, turn, state.pairs[pair_id], may_open=False)


def _priceable(state: State, view: PairView) -> bool:
    return all(
        market in state.instruments and not state.books[market].is_crossed()
        for market in (view.pair.a, view.pair.b)
    )


def _freshness(state: State, turn: Turn, view: PairView) -> list[Gate]:
    """Opening needs both books proved within 2 s; an old one is asked for, at most 2/s (I-12)."""
    found: list[Gate] = []
    for market in (view.pair.a, view.pair.b):
        instrument = state.instruments[market]
        if is_fresh(state, turn, instrument):
            continue
        ask_proof(state, turn, instrument)
        book = state.books[market]
        age = str(age_ms(turn, book.proved_mono_ns))
        params = {
            "venue": instrument.venue.value,
            "age_ms": age,
            "max_ms": str(state.config.book_fresh_ms),
        }
        found.append((GateCode.BOOK_STALE, params))
    return found


def ask_proof(state: State, turn: Turn, instrument: Instrument) -> None:
    market = instrument.market_id
    if turn.mono - state.snapshot_asked_ns.get(market, -PROVE_ASK_NS) < PROVE_ASK_NS:
        return
    state.snapshot_asked_ns[market] = turn.mono
    turn.emit(RequestSnapshot(market))


def _try_open(
    state: State, turn: Turn, view: PairView, found: candidates.Candidate, gates: list[Gate]
) -> list[Gate]:
    """Run the limits and, when everything passes, launch the package."""
    total = exposure.usage(state, turn)
    gates = gates + limits.risk_gates(state, view, total)
    if turn.mono - state.last_package_mono_ns < AFTER_PACKAGE_NS and state.package_number:
        gates.append((GateCode.COOLDOWN, {"left_s": "2", "reason": "just traded"}))
    if gates:
        return gates
    package, refused = opener.plan(state, turn, view, found, total)
    if package is None:
        return refused
    opener.launch(state, turn, package, is_maker=found.books is not None)
    # What was just taken is not there a second time, whatever a slow book still shows.
    view.rest_until_ns = turn.mono + PAIR_REST_NS
    view.rest_reason = "this pair has just traded"
    return []


def _remember(state: State, turn: Turn, view: PairView, gates: list[Gate]) -> None:
    unique = dict(reversed(gates))
    ranked = tuple(sorted(unique.items(), key=lambda gate: _ORDER[gate[0]]))
    view.gates = ranked
    view.changed_seq = turn.stamp.seq
    first = ranked[0][0].value if ranked else "READY"
    near = view.best_micros is not None and view.best_micros >= (
        state.config.min_net_edge_micros - NEAR_MICROS
    )
    if near and not view.was_near and ranked:
        state.near_misses_today += 1
    view.was_near = near
    changed = first != view.decided_gate
    quiet = turn.mono - view.decided_ns >= DECISION_GAP_NS
    if changed and (quiet or view.decided_gate in ("", "READY") or first == "READY"):
        view.decided_gate, view.decided_ns = first, turn.mono
        params = dict(ranked[0][1]) if ranked else {}
        if view.best_micros is not None:
            params["net_micros"] = str(view.best_micros)
        reason = view.pair.name
        turn.decide(
            state, "gate", str(view.pair.pair_id), first, reason, pair=view.pair, params=params
        )


def on_second(state: State, turn: Turn) -> None:
    """Judge every pair, sample lead-lag and sparks, and keep near books proved."""
    proving = 0
    _ask_for_broken_books(state, turn)
    for view in state.pairs.values():
        _sample(state, turn, view)
        judge(state, turn, view, may_open=True)
        near = view.best_micros is not None and view.best_micros >= (
            state.config.min_net_edge_micros - NEAR_MICROS
        )
        if near and proving < PROVE_BOOKS_MAX:
            proving += _keep_proved(state, turn, view)
        if turn.mono >= view.spark_next_ns and view.best_micros is not None:
            view.spark.append(view.best_micros)
            view.spark_next_ns = turn.mono + EDGE_ROW_GAP_NS
            _write_edge(state, turn, view)


def _ask_for_broken_books(state: State, turn: Turn) -> None:
    """A book that is not in step is asked for whole again, a few a second, until it is."""
    asked = 0
    for market, book in state.books.items():
        instrument = state.instruments.get(market)
        if book.state is BookState.SYNCED or instrument is None or asked >= PROVE_BOOKS_MAX:
            continue
        if market in state.pairs_of and market not in state.resolved:
            ask_proof(state, turn, instrument)
            asked += 1


def _keep_proved(state: State, turn: Turn, view: PairView) -> int:
    asked = 0
    for market in (view.pair.a, view.pair.b):
        book = state.books.get(market)
        if book is None or age_ms(turn, book.proved_mono_ns) < 1_500:
            continue
        ask_proof(state, turn, state.instruments[market])
        asked += 1
    return asked


def _sample(state: State, turn: Turn, view: PairView) -> None:
    mids: list[int | None] = []
    for market in (view.pair.a, view.pair.b):
        book = state.books.get(market)
        usable = book is not None and book.state is BookState.SYNCED and not book.is_crossed()
        mids.append(book.mid2_micros() if book is not None and usable else None)
    mid_b = mids[1]
    if mid_b is not None and view.pair.polarity.value == "inverse":
        mid_b = 2_000_000 - mid_b
    view.lead.sample(mids[0], mid_b, turn.wall)


def _write_edge(state: State, turn: Turn, view: PairView) -> None:
    """Sample the pair's edge for the record, every ten seconds."""
    assert view.display is not None
    leader = view.lead.verdict.leader.value
    costs.keep_versions(state, turn, (view.pair.a, view.pair.b))
    turn.write(
        "edges",
        rows.edge_row(
            view.pair.pair_id,
            view.display,
            gate=view.gates[0][0].value if view.gates else "READY",
            leader=leader if leader in ("a", "b") else None,
            hedge_ppm=view.hedge_ppm or 0,
            versions=state.versions(view.pair),
            wall_ns=turn.wall,
        ),
    )

"""Why a pair is not traded: every gate that does not depend on the price, in one order.

Each function yields (code, parameters of its sentence). All of them run, so that a screen
can show everything that stands in the way; trading needs an empty list. In doubt a gate
closes (fail closed): unknown times, unknown fees, unread config.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from shared.domain import fee_schedules
from shared.domain.enums import BookState, GateCode, MarketStatus, Venue, Verdict
from shared.domain.instrument import Instrument
from shared.domain.pairing import TEXT, MatchedPair
from shared.domain.units import NS_PER_MS, NS_PER_S
from shared.engine import windows
from shared.engine.halts import GLOBAL, covering
from shared.engine.state import PairView, State, Turn

Gate = tuple[GateCode, dict[str, str]]
LEASE_OPEN_NS: Final = 20 * NS_PER_S
LEASE_OPEN_HOLD_NS: Final = 25 * NS_PER_S
FEES_MAX_AGE_NS: Final = 24 * 3600 * NS_PER_S
_BOOK_GATE: Final = {
    BookState.STALE: GateCode.BOOK_STALE,
    BookState.GAPPED: GateCode.BOOK_GAPPED,
    BookState.FROZEN: GateCode.BOOK_FROZEN,
}
_VERDICT_GATE: Final = {
    Verdict.REVIEW: GateCode.PAIR_IN_REVIEW,
    Verdict.REJECTED: GateCode.PAIR_IN_REVIEW,
    Verdict.BLOCKED: GateCode.PAIR_BLOCKED,
    Verdict.DEACTIVATED: GateCode.PAIR_DEACTIVATED,
}


def standing(state: State, turn: Turn, view: PairView) -> list[Gate]:
    """Return every failing gate of a pair that holds whatever the prices are."""
    pair = view.pair
    a, b = state.instruments.get(pair.a), state.instruments.get(pair.b)
    if a is None or b is None:
        return [(GateCode.PAIR_IN_REVIEW, {"reason": "a market is not listed any more"})]
    found: list[Gate] = []
    found += _system(state, turn, pair, a, b)
    found += _pair_gates(state, turn, view, a, b)
    for instrument in (a, b):
        found += _market(state, turn, instrument)
    for instrument in (a, b):
        found += _book(state, turn, instrument)
    return found


def _system(
    state: State, turn: Turn, pair: MatchedPair, a: Instrument, b: Instrument
) -> Iterator[Gate]:
    for halt in covering(state, pair, (a.venue, b.venue)):
        params = {
            "scope": halt.scope,
            "reason": halt.reason.value,
            "actor": halt.actor,
            "since_ns": str(halt.since_wall_ns),
        }
        if halt.scope == GLOBAL:
            yield GateCode.HALTED_GLOBAL, params
        elif halt.scope.startswith("venue:"):
            yield GateCode.HALTED_VENUE, {**params, "venue": halt.scope.partition(":")[2]}
        else:
            yield GateCode.HALTED_SCOPE, params
    if not state.config.flag_trade:
        yield GateCode.MONITOR_ONLY, {}
    needs = LEASE_OPEN_HOLD_NS if a.taker_delay_ns or b.taker_delay_ns else LEASE_OPEN_NS
    left = state.lease_until_ns - turn.mono
    if left < needs:
        yield GateCode.LEASE_NOT_HELD, {"left_s": str(max(left, 0) // NS_PER_S)}
    if not state.is_recovered:
        yield GateCode.RECOVERING, {"orders": str(_unproven_orders(state)), "venue": a.venue.value}
    if not state.is_config_known:
        yield GateCode.CONFIG_UNREADABLE, {}
    if not state.is_journal_up:
        yield GateCode.JOURNAL_DOWN, {}
    for venue in (a.venue, b.venue):
        yield from _venue(state, turn, venue)


def _venue(state: State, turn: Turn, venue: Venue) -> Iterator[Gate]:
    view = state.venue(venue)
    feed = view.feed
    if feed is None or not feed.is_connected:
        yield GateCode.VENUE_DOWN, {"venue": venue.value, "since_ns": str(view.down_since_wall_ns)}
        return
    offset = feed.clock_offset_ns
    limit = state.config.clock_offset_max_ms * NS_PER_MS
    if offset is not None and abs(offset) > limit:
        yield (
            GateCode.CLOCK_SKEW,
            {
                "venue": venue.value,
                "offset_ms": str(offset // NS_PER_MS),
                "max_ms": str(state.config.clock_offset_max_ms),
            },
        )
    if not view.breaker.may_open:
        yield (
            GateCode.BREAKER_OPEN,
            {"venue": venue.value, "failures": str(view.breaker.failures), "window_s": "60"},
        )
    if view.account is None:
        yield (
            GateCode.RECONCILE_DIFFERENCE,
            {"venue": venue.value, "theirs": "an account not read yet"},
        )
    elif view.difference_text:
        theirs, _, ours = view.difference_text.partition(", ")
        yield GateCode.RECONCILE_DIFFERENCE, {"venue": venue.value, "theirs": theirs, "ours": ours}


def _pair_gates(
    state: State, turn: Turn, view: PairView, a: Instrument, b: Instrument
) -> Iterator[Gate]:
    pair = view.pair
    if pair.verdict is not Verdict.CONFIRMED:
        yield (
            _VERDICT_GATE[pair.verdict],
            {
                "reason": pair.reason or pair.verdict.value,
                "open_clauses": str(pair.open_clauses),
            },
        )
    for instrument, rules_hash, terms in (
        (a, pair.rules_hash_a, pair.terms_a),
        (b, pair.rules_hash_b, pair.terms_b),
    ):
        what = TEXT if rules_hash != instrument.rules_hash else ""
        what = what or (terms.change(instrument) if terms is not None else "")
        if what:
            venue = {"venue": instrument.venue.value, "changed_ns": str(turn.wall)}
            yield GateCode.PAIR_RULES_CHANGED, {**venue, "what": what}
            break
    if turn.mono < view.rest_until_ns:
        left = (view.rest_until_ns - turn.mono) // NS_PER_S
        yield GateCode.COOLDOWN, {"left_s": str(left), "reason": view.rest_reason}
    for instrument in (a, b):
        until = state.market_rest_until_ns.get(instrument.market_id, 0)
        if turn.mono < until:
            left = (until - turn.mono) // NS_PER_S
            yield GateCode.COOLDOWN, {"left_s": str(left), "reason": "a trade failed on chain"}


def _market(state: State, turn: Turn, instrument: Instrument) -> Iterator[Gate]:
    if not instrument.tradeable:
        yield (
            GateCode.MARKET_CLOSED,
            {**_name(instrument), "reason": instrument.refusal or "not tradeable"},
        )
    if instrument.status is MarketStatus.PAUSED:
        yield GateCode.MARKET_PAUSED, _name(instrument)
    elif instrument.status is not MarketStatus.ACTIVE or instrument.market_id in state.resolved:
        yield GateCode.MARKET_CLOSED, {**_name(instrument), "reason": instrument.status.value}
    left = instrument.close_ns - turn.wall
    if left < state.config.close_margin_s * NS_PER_S:
        # A close time of 0 is unknown and lands here too: unknown never opens.
        yield (
            GateCode.MARKET_CLOSING,
            {
                **_name(instrument),
                "left_s": str(max(left, 0) // NS_PER_S),
                "margin_s": str(state.config.close_margin_s),
            },
        )
    yield from windows.standing(state.config, instrument, turn.wall)
    if instrument.taker_delay_ns > state.config.taker_delay_max_ms * NS_PER_MS:
        delay = instrument.taker_delay_ns // NS_PER_MS
        yield GateCode.TAKER_DELAY, {**_name(instrument), "delay_ms": str(delay)}
    ends = fee_schedules.expires_ns(instrument.fees, FEES_MAX_AGE_NS)
    if not fee_schedules.is_usable(instrument.fees, is_live=state.config.flag_live):
        yield GateCode.FEES_UNKNOWN, {**_name(instrument), "series": instrument.series_id}
    elif ends and turn.wall > ends:
        yield (
            GateCode.FEES_EXPIRED,
            {
                **_name(instrument),
                "hash": instrument.fees.version_hash,
                "ended_ns": str(ends),
            },
        )


def _name(instrument: Instrument) -> dict[str, str]:
    return {"venue": instrument.venue.value, "market": instrument.native_id[:40]}


def _book(state: State, turn: Turn, instrument: Instrument) -> Iterator[Gate]:
    book = state.books.get(instrument.market_id)
    if book is None:
        yield GateCode.BOOK_STALE, {"venue": instrument.venue.value}
        return
    if book.state is not BookState.SYNCED:
        yield (
            _BOOK_GATE[book.state],
            {
                "venue": instrument.venue.value,
                "age_ms": str(age_ms(turn, book.proved_mono_ns)),
                "max_ms": str(state.config.book_fresh_ms),
            },
        )
        return
    if book.is_crossed():
        bid, ask = book.best_bid(), book.best_ask()
        assert bid is not None and ask is not None
        yield (
            GateCode.BOOK_CROSSED,
            {
                "venue": instrument.venue.value,
                "bid_micros": str(bid[0]),
                "ask_micros": str(ask[0]),
            },
        )
    elif book.best_bid() is None and book.best_ask() is None:
        yield GateCode.BOOK_EMPTY, {"venue": instrument.venue.value, "outcome": "yes"}


def _unproven_orders(state: State) -> int:
    return sum(
        1
        for package in state.live_packages()
        for attempt in package.attempts.values()
        if not attempt.is_settled
    )


def is_fresh(state: State, turn: Turn, instrument: Instrument) -> bool:
    """Whether a frame or an agreeing read proved the book within the last two seconds (I-12)."""
    book = state.books.get(instrument.market_id)
    if book is None or book.proved_mono_ns < 0:
        return False
    return turn.mono - book.proved_mono_ns <= state.config.book_fresh_ms * NS_PER_MS


def age_ms(turn: Turn, proved_mono_ns: int) -> int:
    """Return how long ago a book was proved; a book never proved is a day old."""
    if proved_mono_ns < 0:
        return 24 * 3600 * 1000
    return (turn.mono - proved_mono_ns) // NS_PER_MS

"""Market data and account events into the state; doubt always marks, never guesses."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from shared.domain.book import Book
from shared.domain.enums import BookState, HaltReason, MarketStatus, Venue
from shared.domain.errors import DomainError
from shared.domain.events import (
    BookChanged,
    BookMarked,
    BookProved,
    BookReplaced,
    FeedStatus,
    InstrumentChanged,
    MarketResolved,
    MarketStatusChanged,
)
from shared.domain.ids import MarketId
from shared.domain.package_table import PackageEvent, PackageState
from shared.domain.units import NS_PER_MS
from shared.engine import costs, machine, scanner
from shared.engine.halts import hold_while
from shared.engine.state import State, Turn

SILENT_NS: Final = 2_000 * NS_PER_MS


def on_replaced(state: State, turn: Turn, event: BookReplaced) -> None:
    book = _book(state, event.market_id)
    try:
        book.replace(event.bids, event.asks, event.venue_ts_ns)
    except DomainError as error:
        _doubt(state, turn, book, str(error))
        return
    _changed(state, turn, book)


def on_changed(state: State, turn: Turn, event: BookChanged) -> None:
    book = _book(state, event.market_id)
    try:
        for change in event.changes:
            book.apply(change.side, change.price, change.qty, event.venue_ts_ns)
    except DomainError as error:
        _doubt(state, turn, book, str(error))
        return
    _changed(state, turn, book)


def _changed(state: State, turn: Turn, book: Book) -> None:
    if book.is_crossed():
        _doubt(state, turn, book, "crossed")
        return
    book.proved_mono_ns = turn.mono
    if book.state is BookState.SYNCED:
        scanner.on_book(state, turn, book.market_id)


def _doubt(state: State, turn: Turn, book: Book, why: str) -> None:
    """A book that cannot be true is not tradeable until the venue sends it whole again (F-009)."""
    if book.state is not BookState.GAPPED:
        book.state = BookState.GAPPED
        turn.decide(state, "book", str(book.market_id), BookState.GAPPED.value, why, severity="p4")
    instrument = state.instruments.get(book.market_id)
    if instrument is not None:
        scanner.ask_proof(state, turn, instrument)


def on_marked(state: State, turn: Turn, event: BookMarked) -> None:
    book = _book(state, event.market_id)
    if book.state is event.state:
        return
    book.state = event.state
    if event.state is not BookState.SYNCED:
        turn.decide(
            state, "book", str(event.market_id), event.state.value, event.reason, severity="p4"
        )


def on_proved(state: State, turn: Turn, event: BookProved) -> None:
    book = state.books.get(event.market_id)
    if book is None or book.state is not BookState.SYNCED:
        return
    book.proved_mono_ns = turn.mono
    scanner.on_book(state, turn, event.market_id)


def on_feed(state: State, turn: Turn, event: FeedStatus) -> None:
    view = state.venue(event.venue)
    was_up = view.feed is not None and view.feed.is_connected
    view.feed = event
    view.feed_seen_mono_ns = turn.mono
    if event.latency_ns is not None:
        view.latencies_ns.append(event.latency_ns)
    judge_feed(state, turn, event.venue)
    if event.is_connected:
        view.down_since_wall_ns = 0
    elif view.down_since_wall_ns == 0:
        view.down_since_wall_ns = turn.wall
    if was_up != event.is_connected:
        _tell_packages(state, turn, event.venue, up=event.is_connected)


def judge_feed(state: State, turn: Turn, venue: Venue) -> None:
    """Halt a venue whose feed is silent, slow or skewed; lift 30 s after it is healthy again."""
    view = state.venue(venue)
    feed = view.feed
    if feed is None:
        return
    silent = (
        not feed.is_connected
        or turn.mono - view.feed_seen_mono_ns > SILENT_NS + 1_000 * NS_PER_MS
        or feed.last_frame_age_ns > SILENT_NS
    )
    limit = state.config.feed_latency_max_ms * NS_PER_MS
    slow = feed.latency_ns is not None and feed.latency_ns > limit
    offset = feed.clock_offset_ns
    skewed = offset is not None and abs(offset) > state.config.clock_offset_max_ms * NS_PER_MS
    bad = silent or slow or skewed
    if bad:
        view.healthy_since_ns = 0
    elif view.healthy_since_ns == 0:
        view.healthy_since_ns = turn.mono
    if not bad and not state.halts:
        return  # nothing to raise and nothing to lift
    good_for = turn.mono - view.healthy_since_ns if view.healthy_since_ns else 0
    scope = f"venue:{venue.value}"
    note = "no frame for 2 s" if silent else "feed latency above the limit"
    hold_while(
        state,
        turn,
        scope,
        HaltReason.FEED_STALE,
        bad=silent or slow,
        good_for_ns=good_for,
        note=note,
    )
    hold_while(
        state,
        turn,
        scope,
        HaltReason.CLOCK_SKEW,
        bad=skewed,
        good_for_ns=good_for,
        note="clock offset above the limit",
    )


def _tell_packages(state: State, turn: Turn, venue: Venue, *, up: bool) -> None:
    event = PackageEvent.V_UP if up else PackageEvent.V_DOWN
    for package in state.live_packages():
        if any(leg.venue is venue for leg in package.legs):
            machine.offer(state, turn, package, event, f"{venue.value} is {'up' if up else 'down'}")


def on_status(state: State, turn: Turn, event: MarketStatusChanged) -> None:
    instrument = state.instruments.get(event.market_id)
    if instrument is None or instrument.status is event.status:
        return
    state.instruments[event.market_id] = replace(instrument, status=event.status)
    turn.decide(state, "market", str(event.market_id), event.status.value, "the venue said so")
    if event.status is MarketStatus.ACTIVE:
        return
    _offer_market(state, turn, event.market_id, PackageEvent.M_CLOSED, event.status.value)
    scanner.rejudge(state, turn, event.market_id)


def on_instrument(state: State, turn: Turn, event: InstrumentChanged) -> None:
    new = event.instrument
    old = state.instruments.get(new.market_id)
    has_other_fees = costs.take(state, turn, new)
    if old is None:
        return
    if has_other_fees:
        scanner.rejudge(state, turn, new.market_id)
    if old.grid != new.grid:
        _offer_market(state, turn, new.market_id, PackageEvent.TICK, "the price grid changed")
    if old.rules_hash != new.rules_hash:
        turn.decide(state, "market", str(new.market_id), "changed", "rules changed", severity="p2")
        # Nobody has confirmed the new text: what passed the last gate and is not yet sent, ends.
        for package in state.live_packages():
            is_gate = package.state is PackageState.JOURNALLED
            if is_gate and any(leg.market_id == new.market_id for leg in package.legs):
                machine.feed(state, turn, package, PackageEvent.GATE_FAIL, "rules changed")


def on_resolved(state: State, turn: Turn, event: MarketResolved) -> None:
    if event.market_id in state.resolved:
        return
    state.resolved[event.market_id] = event.payout
    turn.decide(
        state,
        "market",
        str(event.market_id),
        "resolved",
        "the venue determined it",
        params={"payout_micros": str(event.payout)},
        severity="p4",
    )
    _offer_market(state, turn, event.market_id, PackageEvent.M_RESOLVED, "the market resolved")


def _offer_market(
    state: State, turn: Turn, market: MarketId, event: PackageEvent, reason: str
) -> None:
    for package in state.live_packages():
        if any(leg.market_id == market for leg in package.legs):
            machine.offer(state, turn, package, event, reason)


def _book(state: State, market: MarketId) -> Book:
    book = state.books.get(market)
    if book is None:
        book = state.books[market] = Book(market)
    return book

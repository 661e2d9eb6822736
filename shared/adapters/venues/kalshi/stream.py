"""Continuity of one websocket connection, without a socket and without a clock.

Frames go in, facts and commands come out. Rule 1: ``seq`` is counted per subscription
(sid) over *every* frame of it: snapshots, deltas of all markets and ``ok`` acks. Rule 2:
a jump makes every book of that sid GAPPED in the same step, and each one tradeable again
only by its own snapshot. Rule 3: what cannot be read makes the books it may concern
GAPPED; it is never skipped silently. Rule 4: frames carry the generation of their
connection; those of an older one are dropped and counted.
Callers must send ``Step.sends`` in order, hand ``Step.bodies`` on in order, and replace
the connection when ``Step.reconnect`` is set. Source: KALSHI 3; FAULTS F-001 to F-010.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from shared.adapters.venues.kalshi.errors import WireTally
from shared.adapters.venues.kalshi.parsing import (
    read_amount,
    read_epoch_ms,
    read_frame,
    read_levels,
    read_msg,
    read_price,
    read_side,
)
from shared.adapters.venues.kalshi.schemas import (
    DeltaMsg,
    ErrorMsg,
    EventFeeMsg,
    Frame,
    LifecycleMsg,
    SnapshotMsg,
    TickerOnly,
)
from shared.adapters.venues.kalshi.shelf import Shelf
from shared.adapters.venues.kalshi.subscriptions import (
    LIFECYCLE,
    Order,
    Subscriptions,
    chunks,
)
from shared.adapters.venues.kalshi.wire_book import WireBook
from shared.domain.enums import BookSide, BookState
from shared.domain.errors import WireError
from shared.domain.events import BookChanged, FeedBody, LevelChanged
from shared.domain.instrument import Instrument
from shared.domain.units import NS_PER_S, complement

SNAPSHOT_WAIT_NS: Final = 5 * NS_PER_S
_GAPS_MAX: Final = 20
_GAP_SPAN_NS: Final = 10 * NS_PER_S
_OLD_RUN_MAX: Final = 100
_JUMP_MAX: Final = 1_000_000
_TERMINAL_CODES: Final = frozenset({10, 17, 25})


@dataclass(slots=True)
class Step:
    """What one input led to; see the module's contract."""

    bodies: list[FeedBody] = field(default_factory=list)
    sends: list[bytes] = field(default_factory=list)
    lifecycle: list[LifecycleMsg | EventFeeMsg] = field(default_factory=list)
    refresh: set[str] = field(default_factory=set)
    """Tickers whose market object must be read again over REST."""
    refresh_all: bool = False
    reconnect: str = ""
    venue_ts_ns: int = 0
    """The newest venue time in the frame, for latency; 0 = none."""


class BookStream:
    """State of one connection: subscriptions, sequence numbers and books.

    ``yes_priced`` says how no-side prices are quoted on this wire: True after we asked
    for ``use_yes_price`` (always, live); False reads recordings made without it.
    """

    def __init__(
        self, tally: WireTally, *, with_lifecycle: bool = False, yes_priced: bool = True
    ) -> None:
        self._tally = tally
        self._with_lifecycle = with_lifecycle
        self._yes_priced = yes_priced
        self.generation = 0
        self.is_open = False
        self._shelf = Shelf()
        self.instruments = self._shelf.instruments
        self.books = self._shelf.books
        self._subs = Subscriptions()
        self._gaps: deque[int] = deque(maxlen=_GAPS_MAX)

    # --- connection -------------------------------------------------------------------------

    def open(self, now_ns: int) -> Step:
        """Start a new connection; all sids, seqs and books of the former one are void."""
        step = Step()
        self.generation += 1
        self.is_open = True
        self._subs = Subscriptions()
        self._gaps.clear()
        if self._with_lifecycle:
            step.sends.append(self._subs.subscribe_lifecycle())
        self._subscribe(step, self.instruments, now_ns)
        return step

    def close(self, reason: str) -> Step:
        """The connection is gone: every book is STALE until its next snapshot."""
        step = Step()
        self.is_open = False
        self._shelf.doubt_all(step.bodies, BookState.STALE, reason)
        for book in self.books.values():
            book.asked_ns = None
        return step

    def watch(self, instruments: Mapping[str, Instrument], now_ns: int) -> Step:
        """Replace the watched markets; new ones are subscribed, old ones dropped."""
        step = Step()
        gone, fresh = self._shelf.replace_set(instruments)
        if self.is_open:
            if self._subs.book_sid is not None:
                for chunk in chunks(gone):
                    step.sends.append(self._subs.update_books("delete_markets", chunk))
            self._subscribe(step, fresh, now_ns)
        return step

    def ask_snapshot(self, tickers: Iterable[str], now_ns: int) -> Step:
        """Ask the stream for fresh snapshots; books stay as they are meanwhile."""
        step = Step()
        self._ask(step, [t for t in tickers if t in self.books], now_ns)
        return step

    def set_instrument(self, instrument: Instrument, now_ns: int) -> Step:
        """Take a changed instrument; a changed grid needs a new snapshot (F-010)."""
        step = Step()
        ticker = instrument.native_id
        former = self.instruments.get(ticker)
        if former is None:
            return step
        self.instruments[ticker] = instrument
        if former.grid != instrument.grid:
            self._distrust(step, [ticker], BookState.GAPPED, "price grid changed", now_ns)
        return step

    def distrust(self, ticker: str, reason: str, now_ns: int) -> Step:
        """Something outside contradicts a book: STALE until its next snapshot."""
        step = Step()
        if ticker in self.books:
            self._distrust(step, [ticker], BookState.STALE, reason, now_ns)
        return step

    def tick(self, now_ns: int) -> Step:
        """Ask again for snapshots that did not come within 5 s, and have them looked up."""
        step = Step()
        late = [
            ticker
            for ticker, book in self.books.items()
            if book.asked_ns is not None and now_ns - book.asked_ns > SNAPSHOT_WAIT_NS
        ]
        if self.is_open and late:
            for ticker in late:
                if self.books[ticker].state is not BookState.FROZEN:
                    self._shelf.mark(step.bodies, ticker, BookState.STALE, "no snapshot in 5 s")
            step.refresh.update(late)
            self._subscribe(step, late, now_ns)
            self._ask(step, late, now_ns)
        return step

    # --- convention of the no side (F-008) --------------------------------------------------

    def freeze(self, reason: str) -> Step:
        """Distrust the whole feed until a REST read confirms how prices are quoted."""
        step = Step(reconnect=reason)
        self._tally.note("convention", reason)
        self._shelf.freeze(step.bodies, reason)
        return step

    def confirm_convention(self, now_ns: int) -> Step:
        """A REST read agreed: release a freeze and publish what was collected."""
        step = Step()
        if self.is_open:
            self._shelf.thaw(step.bodies, now_ns)
        return step

    def republish(self, ticker: str, now_ns: int) -> Step:
        """Hand out a proved book whole again, for a reader that lost trust in its copy."""
        step = Step()
        self._shelf.republish(step.bodies, ticker, now_ns)
        return step

    # --- frames -----------------------------------------------------------------------------

    def receive(self, generation: int, data: str | bytes, now_ns: int) -> Step:
        """Take one frame. Never raises for anything the venue sends."""
        step = Step()
        if generation != self.generation or not self.is_open:
            self._tally.note("old_generation")
            return step
        try:
            frame = read_frame(data)
        except WireError as error:
            # Which subscription it belonged to cannot be known: all books are in doubt.
            self._tally.note_error(error)
            self._gap(step, self._subs.book_sid, "unreadable frame", now_ns)
            step.refresh_all = self._with_lifecycle
            return step
        step.venue_ts_ns = read_epoch_ms(frame.sending_ts_ms)
        if self._is_new(step, frame, now_ns):
            try:
                self._dispatch(step, frame, now_ns)
            except WireError as error:
                self._tally.note_error(error)
                self._doubt(step, frame, error, now_ns)
        return step

    def _is_new(self, step: Step, frame: Frame, now_ns: int) -> bool:
        """Run the sequence check; False when the frame must not be applied."""
        order, count = self._subs.check(frame)
        if order is Order.OLD:
            self._tally.note("old_seq")
            if count > _OLD_RUN_MAX:
                step.reconnect = "sequence went back"
            return False
        if order is Order.NO_SEQ:
            self._tally.note("seq_missing", frame.type)
            self._gap(step, frame.sid, "frame without seq", now_ns)
            return False
        if order is Order.AFTER_GAP:
            self._tally.note("gap")
            self._gap(step, frame.sid, f"{count} frames lost", now_ns)
            if count > _JUMP_MAX:
                step.reconnect = "sequence jumped"
        return True

    def _dispatch(self, step: Step, frame: Frame, now_ns: int) -> None:
        if frame.type == "orderbook_delta":
            self._on_delta(step, frame, now_ns)
        elif frame.type == "orderbook_snapshot":
            self._on_snapshot(step, frame, now_ns)
        elif frame.type == "subscribed":
            self._subs.confirm(frame)
        elif frame.type == "ok":
            if self._subs.adopt(frame):
                self._gap(step, frame.sid, "subscription ack lost", now_ns)
        elif frame.type == "error":
            self._on_error(step, frame, now_ns)
        elif frame.type == "unsubscribed":
            self._on_unsubscribed(step, frame)
        elif frame.type == LIFECYCLE:
            step.lifecycle.append(read_msg(frame, LifecycleMsg))
        elif frame.type == "event_fee_update":
            step.lifecycle.append(read_msg(frame, EventFeeMsg))
        elif frame.type != "event_lifecycle":
            self._tally.note(f"unknown_type.{frame.type[:40]}")

    def _on_snapshot(self, step: Step, frame: Frame, now_ns: int) -> None:
        msg = read_msg(frame, SnapshotMsg)
        book = self._book_of(frame, msg.market_ticker)
        if book is None:
            return
        bids = read_levels(msg.yes_dollars_fp, flip=False)
        asks = read_levels(msg.no_dollars_fp, flip=not self._yes_priced)
        instrument = self.instruments[msg.market_ticker]
        for price, _ in (*bids, *asks):
            if not instrument.is_on_grid(price):
                step.refresh.add(msg.market_ticker)
                raise WireError("off_grid", f"{msg.market_ticker} {price}")
        book.replace(bids, asks)
        book.asked_ns, book.changed_ns = None, now_ns
        if book.is_crossed:
            reason = f"no-side prices cross in {msg.market_ticker}"
            self._tally.note("convention", reason)
            self._shelf.freeze(step.bodies, reason)
            step.reconnect = reason
            return
        self._shelf.publish(step.bodies, msg.market_ticker, step.venue_ts_ns, now_ns)

    def _on_delta(self, step: Step, frame: Frame, now_ns: int) -> None:
        msg = read_msg(frame, DeltaMsg)
        book = self._book_of(frame, msg.market_ticker)
        if book is None or not book.has_snapshot:
            return
        side = read_side(msg.side)
        price = read_price(msg.price_dollars, "delta_price")
        if side is BookSide.ASK and not self._yes_priced:
            price = complement(price)
        delta = read_amount(msg.delta_fp, "delta_size")
        if not self.instruments[msg.market_ticker].is_on_grid(price):
            step.refresh.add(msg.market_ticker)
            raise WireError("off_grid", f"{msg.market_ticker} {msg.price_dollars}")
        size = book.change(side, price, delta)
        if msg.client_order_id:
            book.note_own(side, price, delta)
        book.changed_ns = now_ns
        ts_ns = read_epoch_ms(msg.ts_ms)
        step.venue_ts_ns = step.venue_ts_ns or ts_ns
        if book.is_crossed:
            raise WireError("crossed", f"{msg.market_ticker} {msg.price_dollars}")
        if book.state is BookState.SYNCED:
            change = LevelChanged(side, price, book.of_others(side, price, size))
            market = self.instruments[msg.market_ticker].market_id
            step.bodies.append(BookChanged(market, (change,), ts_ns))

    def _on_error(self, step: Step, frame: Frame, now_ns: int) -> None:
        tickers = self._subs.answered(frame) or ()
        msg = read_msg(frame, ErrorMsg)
        self._tally.note(f"error_{msg.code}", msg.msg)
        if msg.code in _TERMINAL_CODES:
            self._shelf.doubt_all(step.bodies, BookState.STALE, f"subscription ended ({msg.code})")
            step.reconnect = f"error {msg.code}"
            return
        for ticker in tickers:
            asked = self.books.get(ticker)
            if asked is not None and not asked.has_snapshot:
                self._shelf.mark(step.bodies, ticker, BookState.STALE, f"refused ({msg.code})")
        others = [t for t in tickers if t != msg.market_ticker and t in self.books]
        if msg.market_ticker and len(others) < len(tickers):
            step.refresh.add(msg.market_ticker)
            self._subscribe(step, others, now_ns)

    def _on_unsubscribed(self, step: Step, frame: Frame) -> None:
        if self._subs.end(frame.sid):
            self._shelf.doubt_all(step.bodies, BookState.STALE, "unsubscribed")
            step.reconnect = "unsubscribed"

    # --- doubt ------------------------------------------------------------------------------

    def _doubt(self, step: Step, frame: Frame, error: WireError, now_ns: int) -> None:
        """A frame was in sequence but its body is not to be trusted."""
        if frame.type not in ("orderbook_delta", "orderbook_snapshot"):
            step.refresh_all = step.refresh_all or frame.type in (LIFECYCLE, "event_fee_update")
            return
        try:
            ticker = read_msg(frame, TickerOnly).market_ticker
        except WireError:
            ticker = ""
        if ticker in self.books and frame.type == "orderbook_snapshot":
            # The next one may be no better: ``tick`` asks again, not this step.
            self._shelf.doubt(step.bodies, ticker, BookState.GAPPED, error.kind)
            self.books[ticker].asked_ns = now_ns
        elif ticker in self.books:
            self._distrust(step, [ticker], BookState.GAPPED, error.kind, now_ns)
        elif not ticker:
            self._gap(step, frame.sid, error.kind, now_ns)

    def _gap(self, step: Step, sid: int | None, reason: str, now_ns: int) -> None:
        """Frames of a subscription were lost."""
        if not self._subs.is_books(sid):
            step.refresh_all = True
            return
        self._distrust(step, list(self.books), BookState.GAPPED, reason, now_ns)
        self._gaps.append(now_ns)
        if len(self._gaps) == _GAPS_MAX and now_ns - self._gaps[0] < _GAP_SPAN_NS:
            step.reconnect = f"{_GAPS_MAX} gaps in 10 s"

    def _distrust(
        self, step: Step, tickers: list[str], state: BookState, reason: str, now_ns: int
    ) -> None:
        for ticker in tickers:
            self._shelf.doubt(step.bodies, ticker, state, reason)
        self._ask(step, tickers, now_ns)

    # --- commands ---------------------------------------------------------------------------

    def _book_of(self, frame: Frame, ticker: str) -> WireBook | None:
        """Return the book a frame concerns; None for other sids and unwatched markets."""
        if frame.sid is None or frame.sid != self._subs.book_sid:
            self._tally.note("unknown_sid")
            return None
        return self.books.get(ticker)

    def _subscribe(self, step: Step, tickers: Iterable[str], now_ns: int) -> None:
        for chunk in chunks(tickers):
            step.sends.append(self._subs.subscribe_books(chunk))
            for ticker in chunk:
                self.books[ticker].asked_ns = now_ns

    def _ask(self, step: Step, tickers: Iterable[str], now_ns: int) -> None:
        """Ask for snapshots, once there is a subscription to ask on."""
        if self.is_open and self._subs.book_sid is not None:
            for chunk in chunks(tickers):
                step.sends.append(self._subs.update_books("get_snapshot", chunk))
                for ticker in chunk:
                    self.books[ticker].asked_ns = now_ns

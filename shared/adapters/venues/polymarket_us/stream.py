"""The books of one connection: whole frames in, bodies and commands out. Pure.

Continuity. Each frame is a whole book and there is no sequence number: a lost frame cannot
be seen, only outlived. So a book is SYNCED by its last whole frame, is proved by asking
for it again (a second, short subscription of that market), and is watched by REST reads:
two in a row that show another book, with no frame between, mean that the feed is frozen.
Rule 1: doubt is said before anything else of the market is.
Rule 2: a frame of a former connection, or older than the one held, changes nothing.
Rule 3: a frame that cannot be read or is crossed makes its book untradeable until the next
        good one; it never touches another market's.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from shared.adapters.venues.polymarket_us.capabilities import MARKETS_PER_SUBSCRIPTION
from shared.adapters.venues.polymarket_us.errors import WireTally
from shared.adapters.venues.polymarket_us.instruments import read_state
from shared.adapters.venues.polymarket_us.parsing import decode, read_levels, read_time_ns
from shared.adapters.venues.polymarket_us.schemas import BookData, MarketFrame
from shared.adapters.venues.polymarket_us.wire_book import WireBook, is_crossed
from shared.domain.enums import BookState, MarketStatus
from shared.domain.errors import WireError
from shared.domain.events import BookMarked, BookProved, BookReplaced, FeedBody, Level
from shared.domain.ids import MarketId
from shared.domain.instrument import Instrument
from shared.domain.units import NS_PER_S

KIND: Final = "SUBSCRIPTION_TYPE_MARKET_DATA"
FIRST_BOOK_NS: Final = 2 * NS_PER_S
"""A market without a frame for so long after its subscription is read over REST."""
ANSWER_NS: Final = 2 * NS_PER_S
"""A proof that was asked for and not answered for so long is asked over REST."""
DOUBTS_MAX: Final = 2
_PROOF: Final = "proof-"


@dataclass(slots=True)
class Step:
    """What a call wants done, in this order."""

    bodies: list[FeedBody] = field(default_factory=list)
    sends: list[bytes] = field(default_factory=list)
    statuses: list[tuple[str, MarketStatus]] = field(default_factory=list)
    reads: set[str] = field(default_factory=set)
    """Markets whose book should be read over REST."""
    stamps: list[tuple[str, int]] = field(default_factory=list)
    reconnect: str = ""


class BookStream:
    """Markets of one connection. ``generation`` counts its lives."""

    def __init__(self, tally: WireTally) -> None:
        self._tally = tally
        self.instruments: dict[str, Instrument] = {}
        self.books: dict[str, WireBook] = {}
        self.generation = 0
        self.is_open = False
        self._subscriptions: dict[str, set[str]] = {}
        self._numbers = 0
        self._opened_ns = 0

    # --- life ----------------------------------------------------------------------------------

    def open(self, now_ns: int) -> Step:
        """A connection opened: everything is subscribed anew."""
        self.generation += 1
        self.is_open = True
        self._opened_ns = now_ns
        self._subscriptions.clear()
        step = Step()
        for slug, book in self.books.items():
            # Its clock may have stepped meanwhile: order is judged within one life only.
            book.asked_ns, book.doubts, book.venue_ts_ns = None, 0, 0
            self._mark(step, slug, BookState.GAPPED, "waiting for a whole book")
        self._subscribe(step, list(self.books), now_ns)
        return step

    def close(self, reason: str) -> Step:
        self.is_open = False
        step = Step()
        for slug in self.books:
            self._mark(step, slug, BookState.GAPPED, f"connection lost: {reason[:60]}")
        return step

    def watch(self, instruments: Mapping[str, Instrument], now_ns: int) -> Step:
        """Replace the set of markets; those that stay keep their book."""
        step = Step()
        gone = set(self.instruments) - set(instruments)
        fresh = [slug for slug in instruments if slug not in self.instruments]
        self.instruments = dict(instruments)
        for slug in gone:
            self.books.pop(slug)
        for slug in fresh:
            self.books[slug] = WireBook()
        if self.is_open:
            if gone:
                self._drop(step, gone, now_ns)
            self._subscribe(step, fresh, now_ns)
        return step

    def set_instrument(self, instrument: Instrument) -> None:
        if instrument.native_id in self.instruments:
            self.instruments[instrument.native_id] = instrument

    def _subscribe(self, step: Step, slugs: list[str], now_ns: int) -> None:
        for start in range(0, len(slugs), MARKETS_PER_SUBSCRIPTION):
            chunk = slugs[start : start + MARKETS_PER_SUBSCRIPTION]
            name = self._next("books-")
            self._subscriptions[name] = set(chunk)
            step.sends.append(subscribe_command(name, KIND, chunk))
            for slug in chunk:
                self.books[slug].asked_ns = now_ns

    def _drop(self, step: Step, gone: Collection[str], now_ns: int) -> None:
        """End the subscriptions that hold a market no longer wanted; renew the rest of them."""
        for name, slugs in list(self._subscriptions.items()):
            if not slugs & set(gone):
                continue
            del self._subscriptions[name]
            step.sends.append(unsubscribe_command(name))
            self._subscribe(step, sorted(slugs - set(gone)), now_ns)

    def _next(self, prefix: str) -> str:
        self._numbers += 1
        return f"{prefix}{self.generation}-{self._numbers}"

    # --- frames --------------------------------------------------------------------------------

    def receive(self, life: int, data: str | bytes, now_ns: int) -> Step:
        """Take one frame of life number ``life``."""
        step = Step()
        if life != self.generation or not self.is_open:
            return step
        try:
            body = data.encode() if isinstance(data, str) else data
            frame = decode(body, MarketFrame, "frame")
        except (WireError, UnicodeEncodeError) as error:
            # Nothing says whose it was: every book may have missed it.
            kind = error.kind if isinstance(error, WireError) else "frame_text"
            self._tally.note(kind, str(error)[:120])
            for slug in self.books:
                self._mark(step, slug, BookState.GAPPED, "a frame could not be read")
            step.reconnect = "unreadable frame"
            return step
        if frame.error:
            self._tally.note("ws_error", f"{frame.request_id[:40]} {frame.error}")
            self._on_refused(step, frame.request_id, now_ns)
        elif frame.market_data is not None:
            self._on_book(step, frame.market_data, now_ns)
            if frame.request_id.startswith(_PROOF):
                step.sends.append(unsubscribe_command(frame.request_id))
        return step

    def _on_refused(self, step: Step, name: str, now_ns: int) -> None:
        """A subscription was refused: its markets have no feed until it is asked again."""
        for slug in self._subscriptions.get(name, ()):
            self._mark(step, slug, BookState.GAPPED, "the venue refused the subscription")
        if name in self._subscriptions:
            step.reconnect = "subscription refused"

    def _on_book(self, step: Step, data: BookData, now_ns: int) -> None:
        slug = data.market_slug
        book = self.books.get(slug)
        if book is None:
            return
        try:
            bids = read_levels(data.bids, "bids")
            asks = read_levels(data.offers, "offers")
            ts_ns = read_time_ns(data.transact_time, "transact_time")
            if is_crossed(bids, asks):
                raise WireError("crossed", slug)
        except WireError as error:
            self._tally.note_error(error)
            self._mark(step, slug, BookState.GAPPED, f"frame: {error.kind}")
            return
        if 0 < ts_ns < book.venue_ts_ns:
            self._tally.note("older_frame", slug)
            return
        step.statuses.append((slug, read_state(data.state)))
        if ts_ns:
            step.stamps.append((slug, ts_ns))
        book.changed_ns, book.asked_ns, book.doubts = now_ns, None, 0
        self._publish(step, slug, bids, asks, ts_ns)

    def _publish(
        self, step: Step, slug: str, bids: tuple[Level, ...], asks: tuple[Level, ...], ts_ns: int
    ) -> None:
        """Hand a whole book out, or prove the one held; afterwards it is SYNCED."""
        book = self.books[slug]
        market = self._market(slug)
        if book.state is BookState.SYNCED and book.is_same(bids, asks):
            book.venue_ts_ns = max(book.venue_ts_ns, ts_ns)
            step.bodies.append(BookProved(market))
            return
        book.take(bids, asks, max(ts_ns, book.venue_ts_ns))
        step.bodies.append(BookReplaced(market, bids, asks, ts_ns))
        self._mark(step, slug, BookState.SYNCED, "")

    # --- proofs --------------------------------------------------------------------------------

    def ask_book(self, slug: str, now_ns: int) -> Step:
        """Ask for a market's book once more over the socket; the answer proves or replaces."""
        step = Step()
        book = self.books.get(slug)
        if book is None or not self.is_open or book.asked_ns is not None:
            return step
        book.asked_ns = now_ns
        step.sends.append(subscribe_command(self._next(_PROOF), KIND, [slug]))
        return step

    def on_rest_book(self, data: BookData, version: int, generation: int, now_ns: int) -> Step:
        """Take a book read over REST, asked for when the book was at ``version``.

        Raises:
            WireError: the answer cannot be read; nothing has changed.
        """
        step = Step()
        slug = data.market_slug
        book = self.books.get(slug)
        bids, asks = read_levels(data.bids, "bids"), read_levels(data.offers, "offers")
        ts_ns = read_time_ns(data.transact_time, "transact_time")
        if is_crossed(bids, asks):
            raise WireError("crossed", slug)
        if book is None or generation != self.generation or not self.is_open:
            return step
        if book.version != version:
            return step  # frames that arrived meanwhile are newer than the answer
        step.statuses.append((slug, read_state(data.state)))
        if not book.has_book or book.state is BookState.GAPPED:
            self._publish(step, slug, bids, asks, ts_ns)
            book.asked_ns = None
        elif book.is_same(bids, asks):
            book.asked_ns, book.doubts = None, 0
            step.bodies.append(BookProved(self._market(slug)))
        elif not 0 < ts_ns < book.venue_ts_ns:  # an answer from a cache proves nothing
            book.doubts += 1
            step.reads.add(slug)
            if book.doubts >= DOUBTS_MAX:
                self._tally.note("rest_differs", slug)
                self._mark(step, slug, BookState.FROZEN, "REST shows another book")
                step.reconnect = f"frozen: {slug[:40]}"
        return step

    def tick(self, now_ns: int) -> Step:
        """Say which books must be read over REST because the socket did not answer."""
        step = Step()
        if not self.is_open:
            return step
        for slug, book in self.books.items():
            if book.asked_ns is None:
                continue
            limit = ANSWER_NS if book.has_book else FIRST_BOOK_NS
            if now_ns - book.asked_ns >= limit:
                book.asked_ns = now_ns
                step.reads.add(slug)
        return step

    # --- inside ----------------------------------------------------------------------------------

    def _market(self, slug: str) -> MarketId:
        return self.instruments[slug].market_id

    def _mark(self, step: Step, slug: str, state: BookState, reason: str) -> None:
        book = self.books[slug]
        if book.state is not state:
            book.state, book.reason = state, reason
            step.bodies.append(BookMarked(self._market(slug), state, reason))


def subscribe_command(name: str, kind: str, slugs: Collection[str] = ()) -> bytes:
    """Return a subscription as the official client sends it (V)."""
    body: dict[str, object] = {"requestId": name, "subscriptionType": kind}
    if slugs:
        body["marketSlugs"] = list(slugs)
    return msgspec.json.encode({"subscribe": body})


def unsubscribe_command(name: str) -> bytes:
    return msgspec.json.encode({"unsubscribe": {"requestId": name}})

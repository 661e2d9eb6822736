"""What is held about each watched market: its book, its state, and why.

The stream brings books and changes, REST brings books to prove or repair them; both pass
through here, so that every state is told in one way: a book is SYNCED only after the
venue's own hash agreed, a doubt is told before anything else, and a market in doubt is
``wanted`` over REST.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field, replace
from typing import Final

import msgspec

from shared.adapters.venues.polymarket.capabilities import ROUNDING
from shared.adapters.venues.polymarket.hash_policy import (
    CANDIDATES_MAX,
    WAIT_MAX_NS,
    HashBudget,
)
from shared.adapters.venues.polymarket.instruments import grid_of
from shared.adapters.venues.polymarket.parsing import decode
from shared.adapters.venues.polymarket.schemas import RestBook
from shared.adapters.venues.polymarket.wire_book import WireBook
from shared.domain.enums import BookState
from shared.domain.errors import WireError
from shared.domain.events import (
    BookMarked,
    BookProved,
    BookReplaced,
    EventBody,
    InstrumentChanged,
)
from shared.domain.ids import MarketId
from shared.domain.instrument import Instrument
from shared.domain.units import NS_PER_S, format_micros

_REST_BOOK: Final = msgspec.json.Decoder(RestBook)

MISMATCHES_MAX: Final = 3
MISMATCH_WINDOW_NS: Final = 60 * NS_PER_S
BENCH_NS: Final = 600 * NS_PER_S
"""More than three hash mismatches in a minute bench the market for ten (F-006)."""
RECENT_TRADES: Final = 4
SEEN_KINDS_MAX: Final = 200


@dataclass(slots=True)
class Track:
    """What is known about one watched market."""

    instrument: Instrument
    book: WireBook | None = None
    state: BookState = BookState.STALE
    proved_mono_ns: int = 0
    mismatches: deque[int] = field(default_factory=deque)
    benched_until: int = 0
    is_resolved: bool = False
    behind_ms: int = 0
    """Venue time of a REST book that was newer than ours; 0 when none is pending."""
    trades: deque[str] = field(default_factory=lambda: deque(maxlen=RECENT_TRADES))
    """Prices that may be the last trade price: announced, or of levels just changed."""
    claim: str = ""
    """Newest hash of the venue that was not checked yet; empty when all were."""
    verified_mono_ns: int = 0
    candidates: deque[str] = field(default_factory=lambda: deque(maxlen=CANDIDATES_MAX))
    """Prices of the changes behind ``claim``."""

    @property
    def market(self) -> MarketId:
        return self.instrument.market_id


class BookKeeper:
    """The tracks of all watched markets and every change of their state."""

    def __init__(self) -> None:
        self.tracks: dict[str, Track] = {}
        """By YES token."""
        self.by_market: dict[MarketId, Track] = {}
        self.wanted: set[MarketId] = set()
        """Markets whose book must be read over REST as soon as possible."""
        self.errors: Counter[str] = Counter()
        self.frozen: set[str] = set()
        """YES tokens whose stream was shown to be silent; their socket must be replaced."""
        self.hashing = HashBudget()
        self.deferred = 0
        """Hashes that waited, since the start."""
        self._samples: dict[str, str] = {}
        self._reported: set[str] = set()

    def count_error(self, error: WireError) -> bool:
        """Count an unreadable piece; True the first time its kind is seen (log it then)."""
        is_first = error.kind not in self._samples and len(self._samples) < SEEN_KINDS_MAX
        if is_first:
            self._samples[error.kind] = error.sample
        self.errors[error.kind] += 1
        return is_first

    def sample_of(self, kind: str) -> str:
        return self._samples.get(kind, "")

    def take_new_kinds(self) -> list[str]:
        """Return the kinds of error seen for the first time since the last call."""
        fresh = [kind for kind in self._samples if kind not in self._reported]
        self._reported.update(fresh)
        return fresh

    # --- REST books --------------------------------------------------------------------------

    def judge_rest(self, raw: RestBook, mono_ns: int) -> list[EventBody]:
        """Compare a REST book with the stream's: prove it, repair it, or expose a freeze.

        A REST book may be ahead of frames in flight or behind them. Newer by its time and
        different: the stream has until the next look to catch up, then it is frozen.
        """
        track = self.tracks.get(raw.asset_id)
        if track is None:
            return []
        book = read_rest_book(raw, track.instrument)
        ours = track.book
        is_repair = ours is None or track.state is not BookState.SYNCED
        if book.is_shell() and ours is not None and not ours.is_shell():
            self.count_error(WireError("polymarket.rest.shell", raw.asset_id))
            return []
        if is_repair or ours is None:
            if mono_ns < track.benched_until or (ours is not None and book.ts_ms < ours.ts_ms):
                return []
            return self.accept(track, book, mono_ns)
        if book.has_levels_of(ours):
            track.behind_ms = 0
            track.proved_mono_ns = mono_ns
            return [BookProved(track.market)]
        if book.ts_ms < ours.ts_ms:
            return []
        if book.ts_ms == ours.ts_ms:
            return [*self.gap(track, "rest_differs"), *self.accept(track, book, mono_ns)]
        if track.behind_ms > 0 and ours.ts_ms < track.behind_ms:
            self.frozen.add(raw.asset_id)
            track.behind_ms = 0
            return self.mark(track, BookState.FROZEN, "stream is behind REST")
        track.behind_ms = book.ts_ms
        return []

    # --- hashes ------------------------------------------------------------------------------

    def may_wait(self, track: Track, mono_ns: int) -> bool:
        """Say whether the hash of a change may be checked a little later."""
        return mono_ns - track.verified_mono_ns < WAIT_MAX_NS and self.hashing.is_pressed(mono_ns)

    def defer(self, track: Track, claimed: str, prices: tuple[str, ...]) -> None:
        """Remember the newest claim about a book instead of checking it."""
        track.claim = claimed
        track.candidates.extend(prices)
        self.deferred += 1

    def verify(self, track: Track, book: WireBook, claimed: str, prices: tuple[str, ...]) -> bool:
        """Check the venue's hash; a trade may have moved the last trade price silently.

        The price that traded is that of a level which this very message changed (or one
        that waited with it), or one just announced; nothing else is tried, and a match
        fixes the price for good.
        """
        known = (*prices, *reversed(track.candidates))
        track.claim = ""
        track.candidates.clear()
        if book.digest() == claimed:
            track.trades.extend(prices)
            return True
        for price in dict.fromkeys((*known, *reversed(track.trades))):
            if price != book.last_trade_price and book.digest(price) == claimed:
                book.set_last_trade(price)
                return True
        track.trades.extend(prices)
        return False

    def settle_one(self, track: Track, mono_ns: int) -> list[EventBody]:
        """Check what waits for one market: right before a submit, or when its time is up."""
        if not track.claim or track.book is None:
            track.claim = ""
            return []
        self.hashing.spend(track.book.levels, mono_ns)
        if not self.verify(track, track.book, track.claim, ()):
            return self.mismatch(track, mono_ns, counts=True)
        track.verified_mono_ns = track.proved_mono_ns = mono_ns
        return [BookProved(track.market)]

    def settle(self, mono_ns: int) -> list[EventBody]:
        """Check every market whose hash has waited for as long as it may."""
        bodies: list[EventBody] = []
        for track in self.tracks.values():
            if track.claim and mono_ns - track.verified_mono_ns >= WAIT_MAX_NS:
                bodies += self.settle_one(track, mono_ns)
        return bodies

    # --- states ------------------------------------------------------------------------------

    def accept(self, track: Track, book: WireBook, mono_ns: int) -> list[EventBody]:
        if book.is_crossed():
            track.book = book
            return self.gap(track, "crossed")
        if mono_ns < track.benched_until:
            track.book = book
            return []
        bodies: list[EventBody] = []
        if book.tick in ROUNDING and (book.tick != tick_of_grid(track.instrument)):
            track.instrument = regrid(track.instrument, book.tick)
            bodies.append(InstrumentChanged(track.instrument))
        track.book, track.behind_ms, track.proved_mono_ns = book, 0, mono_ns
        track.claim, track.verified_mono_ns = "", mono_ns
        track.candidates.clear()
        bodies.append(BookReplaced(track.market, book.bids(), book.asks(), book.ts_ns))
        self.wanted.discard(track.market)
        return [*bodies, *self.mark(track, BookState.SYNCED, "verified")]

    def mark(self, track: Track, state: BookState, reason: str) -> list[EventBody]:
        if track.state is state:
            return []
        track.state = state
        if state is not BookState.SYNCED:
            self.wanted.add(track.market)
        return [BookMarked(track.market, state, reason)]

    def gap(self, track: Track, reason: str) -> list[EventBody]:
        self.wanted.add(track.market)
        return self.mark(track, BookState.GAPPED, reason)

    def mismatch(self, track: Track, mono_ns: int, *, counts: bool) -> list[EventBody]:
        """Drop the book; several mismatches in a row bench the market."""
        self.errors["polymarket.ws.hash"] += 1
        if counts:
            track.mismatches.append(mono_ns)
            while track.mismatches and track.mismatches[0] < mono_ns - MISMATCH_WINDOW_NS:
                track.mismatches.popleft()
            if len(track.mismatches) > MISMATCHES_MAX:
                track.benched_until = mono_ns + BENCH_NS
                track.mismatches.clear()
        track.book, track.claim = None, ""
        return self.gap(track, "hash_mismatch")


def tick_of_grid(instrument: Instrument) -> int:
    return instrument.grid[0].step if instrument.grid else 0


def tick_text(instrument: Instrument) -> str:
    return format_micros(tick_of_grid(instrument))


def regrid(instrument: Instrument, tick: int) -> Instrument:
    """Return the instrument on another tick; an unknown tick makes it untradeable."""
    if tick not in ROUNDING:
        return replace(instrument, tradeable=False, refusal=f"unknown tick {tick}")
    return replace(instrument, grid=(grid_of(tick),))


def parse_rest_book(raw: bytes) -> RestBook:
    return decode(_REST_BOOK, raw, "polymarket.rest.book")


def read_rest_book(raw: RestBook, instrument: Instrument | None) -> WireBook:
    """Return the verified book of one ``GET /book`` answer.

    Raises:
        WireError: unreadable, of another market, or not what its own hash says.
    """
    if instrument is not None and raw.market != instrument.native_id:
        raise WireError("polymarket.rest.market", f"{raw.market} {raw.asset_id}")
    default = format_micros(instrument.min_qty) if instrument else "5"
    book = WireBook(
        market=raw.market,
        asset_id=raw.asset_id,
        timestamp=raw.timestamp,
        bids=raw.bids,
        asks=raw.asks,
        min_order_size=raw.min_order_size or default,
        tick_size=raw.tick_size or (tick_text(instrument) if instrument else ""),
        neg_risk=raw.neg_risk
        if raw.neg_risk is not None
        else bool(instrument and instrument.neg_risk),
        last_trade_price=raw.last_trade_price or "",
    )
    if book.digest_of_rows(raw.bids, raw.asks) != raw.hash:
        raise WireError("polymarket.rest.hash", f"{raw.asset_id} {raw.hash}")
    return book

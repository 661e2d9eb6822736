"""The market channel without I/O: frames in, verified feed bodies out.

The kernel's book is the YES token's; the NO token's is its exact mirror and arrives in the
same message, so that only YES tokens are subscribed. Rules:
1. A body leaves only after the venue's own hash agreed with the book it describes; under
   pressure the hash may follow within 100 ms, and it always precedes a submit.
2. A book in doubt is marked in the same call, before anything else is said about it, and
   asks for a REST book through ``wanted``.
3. A frame that cannot be read puts the markets named in it in doubt, or, when none can be
   recognised, every market of the connection.
4. A PONG proves the connection, never a book (F-005).
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

import msgspec

from shared.adapters.venues.polymarket.book_keeper import BookKeeper, Track, regrid, tick_text
from shared.adapters.venues.polymarket.parsing import decode
from shared.adapters.venues.polymarket.schemas import Frame, LevelRow, PriceChangeRow
from shared.adapters.venues.polymarket.wire_book import WireBook
from shared.domain.enums import BookSide, BookState, MarketStatus, Outcome
from shared.domain.errors import WireError
from shared.domain.events import (
    BookChanged,
    BookProved,
    EventBody,
    InstrumentChanged,
    LevelChanged,
    MarketResolved,
    MarketStatusChanged,
)
from shared.domain.instrument import Instrument
from shared.domain.units import MICROS, PriceMicros, QtyMicros, format_micros

_FRAMES: Final = msgspec.json.Decoder(list[Frame] | Frame)
_TOKENS = re.compile(r"\d{20,78}", re.ASCII)


class MarketChannel(BookKeeper):
    """Books of all watched markets of the venue, whatever connection their frames use."""

    def __init__(self) -> None:
        super().__init__()
        self.new_markets: deque[str] = deque(maxlen=1_000)
        self.last_venue_ts_ns = 0
        """Newest venue time of a change, for the latency of the feed."""

    # --- the set of markets ------------------------------------------------------------------

    def watch(self, instruments: Iterable[Instrument]) -> None:
        """Replace the watched set; known books are kept, instruments are refreshed."""
        fresh: dict[str, Track] = {}
        for instrument in instruments:
            if not instrument.yes_token:
                continue
            track = self.tracks.get(instrument.yes_token) or Track(instrument)
            if instrument.fees.as_of_ns > track.instrument.fees.as_of_ns:
                # Else ours was read later: its tick, fees and status are the newer ones.
                track.instrument = instrument
            fresh[instrument.yes_token] = track
        self.tracks = fresh
        self.by_market = {track.market: track for track in fresh.values()}
        self.wanted &= set(self.by_market)
        assert len(self.by_market) == len(self.tracks)

    # --- connection events -------------------------------------------------------------------

    def lost(self, tokens: Iterable[str], reason: str) -> list[EventBody]:
        """Mark the books of a connection that ended; they come back with its next snapshots."""
        bodies: list[EventBody] = []
        for token in tokens:
            track = self.tracks.get(token)
            if track is not None:
                track.book = None
                bodies += self.mark(track, BookState.STALE, reason)
        return bodies

    def feed(self, raw: str | bytes, mono_ns: int, tokens: Iterable[str]) -> list[EventBody]:
        """Take one frame of a connection that carries ``tokens``."""
        if raw in ("PONG", b"PONG"):
            return []
        try:
            decoded = decode(_FRAMES, raw, "polymarket.ws.frame")
        except WireError as error:
            self.count_error(error)
            return self._doubt(raw, tokens)
        bodies: list[EventBody] = []
        for frame in decoded if isinstance(decoded, list) else (decoded,):
            try:
                bodies += self._frame(frame, mono_ns)
            except WireError as error:
                self.count_error(error)
                bodies += self._doubt_frame(frame)
        return bodies

    # --- frames ------------------------------------------------------------------------------

    def _frame(self, frame: Frame, mono_ns: int) -> list[EventBody]:
        kind = frame.event_type or _infer_kind(frame)
        if kind == "price_change":
            self._note_time(frame.timestamp or "")
            return self._price_change(frame, mono_ns)
        if kind == "book":
            return self._book(frame, mono_ns)
        if kind == "last_trade_price":
            track = self.tracks.get(frame.asset_id or "")
            if track is not None and frame.price:
                track.trades.append(frame.price)
            return []
        if kind == "tick_size_change":
            return self._tick_change(frame)
        if kind == "market_resolved":
            return self._resolved(frame)
        if kind == "new_market":
            if frame.market:
                self.new_markets.append(frame.market)
            return []
        if kind == "best_bid_ask":
            return []
        # A word that the venue added later: it says nothing about books that we hold.
        self.count_error(WireError("polymarket.ws.event_type", str(kind)))
        return []

    def _note_time(self, timestamp: str) -> None:
        """Keep the newest time of a change; a whole book may be stamped long ago."""
        if timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 16:
            self.last_venue_ts_ns = max(self.last_venue_ts_ns, int(timestamp) * 1_000_000)

    def _book(self, frame: Frame, mono_ns: int) -> list[EventBody]:
        track = self.tracks.get(frame.asset_id or "")
        if track is None:
            return []
        instrument, old = track.instrument, track.book
        tick = frame.tick_size or (old.tick_size if old else tick_text(instrument))
        last = frame.last_trade_price
        book = WireBook(
            market=frame.market or "",
            asset_id=frame.asset_id or "",
            timestamp=frame.timestamp or "",
            bids=frame.bids or (),
            asks=frame.asks or (),
            min_order_size=old.min_order_size if old else format_micros(instrument.min_qty),
            tick_size=tick,
            neg_risk=instrument.neg_risk,
            last_trade_price=last if last is not None else (old.last_trade_price if old else ""),
        )
        if book.market != instrument.native_id:
            raise WireError("polymarket.ws.market", f"{book.market} {book.asset_id}")
        if old is not None and book.ts_ms < old.ts_ms:
            self.count_error(WireError("polymarket.ws.old_frame", book.timestamp))
            return []
        if not self.verify(track, book, frame.hash or "", ()):
            return self.mismatch(track, mono_ns, counts=True)
        return self.accept(track, book, mono_ns)

    def _price_change(self, frame: Frame, mono_ns: int) -> list[EventBody]:
        rows: dict[str, list[PriceChangeRow]] = {}
        for row in frame.price_changes or ():
            if row.asset_id in self.tracks:
                rows.setdefault(row.asset_id, []).append(row)
        bodies: list[EventBody] = []
        for token, entries in rows.items():
            track = self.tracks[token]
            try:
                bodies += self._change(track, frame, entries, mono_ns)
            except WireError as error:
                self.count_error(error)
                bodies += self.gap(track, error.kind)
        return bodies

    def _change(
        self, track: Track, frame: Frame, entries: list[PriceChangeRow], mono_ns: int
    ) -> list[EventBody]:
        """Apply all entries of one asset, then verify once (F-006)."""
        book = track.book
        if book is None or track.state is not BookState.SYNCED:
            self.wanted.add(track.market)
            return []
        if frame.market != book.market:
            raise WireError("polymarket.ws.market", f"{frame.market} {book.asset_id}")
        before_ms = book.ts_ms
        timestamp = frame.timestamp or ""
        if timestamp.isdigit() and int(timestamp[:16]) < before_ms:
            self.count_error(WireError("polymarket.ws.old_frame", timestamp))
            return []
        book.set_time(timestamp)
        changes = []
        for row in entries:
            price, size = book.apply(row.side, LevelRow(row.price, row.size))
            if 0 < price < MICROS:
                side = BookSide.BID if row.side == "BUY" else BookSide.ASK
                changes.append(LevelChanged(side, PriceMicros(price), QtyMicros(size)))
        prices = tuple(row.price for row in entries)
        # A message with several changes is never taken on trust: its hash is less certain.
        if len(entries) == 1 and self.may_wait(track, mono_ns):
            self.defer(track, entries[-1].hash, prices)
        else:
            self.hashing.spend(book.levels, mono_ns)
            if not self.verify(track, book, entries[-1].hash, prices):
                return self.mismatch(track, mono_ns, counts=len(entries) == 1)
            track.proved_mono_ns = track.verified_mono_ns = mono_ns
        if book.is_crossed():
            return self.gap(track, "crossed")
        if not changes:
            return [BookProved(track.market)]
        return [BookChanged(track.market, tuple(changes), book.ts_ns)]

    def _tick_change(self, frame: Frame) -> list[EventBody]:
        """Drop the book and re-grid the instrument; old-tick orders are refused from now on."""
        found = self.tracks.get(frame.asset_id or "")
        if found is None:
            return []
        bodies = self.gap(found, "tick_size_change")
        probe = WireBook(
            market=frame.market or "",
            asset_id=frame.asset_id or "",
            timestamp="0",
            bids=(),
            asks=(),
            min_order_size="5",
            tick_size=frame.new_tick_size or "",
            neg_risk=False,
            last_trade_price="",
        )
        found.book = None
        found.instrument = regrid(found.instrument, probe.tick)
        return [*bodies, InstrumentChanged(found.instrument)]

    def _resolved(self, frame: Frame) -> list[EventBody]:
        market = next(
            (t for t in self.by_market.values() if t.instrument.native_id == frame.market), None
        )
        if market is None:
            return []
        winner = frame.winning_asset_id or ""
        tokens = {
            market.instrument.token_of(Outcome.YES): PriceMicros(MICROS),
            market.instrument.token_of(Outcome.NO): PriceMicros(0),
        }
        if winner not in tokens:
            # A split result names no winner here; the catalogue's final prices will tell.
            raise WireError("polymarket.ws.winner", winner)
        return self.resolve(market, tokens[winner])

    def resolve(self, track: Track, payout: PriceMicros) -> list[EventBody]:
        """Say once that a market is determined and what one YES pays."""
        assert 0 <= payout <= MICROS, payout
        if track.is_resolved:
            return []
        track.is_resolved = True
        track.instrument = replace(track.instrument, status=MarketStatus.DETERMINED)
        return [
            MarketStatusChanged(track.market, MarketStatus.DETERMINED),
            MarketResolved(track.market, payout),
        ]

    def _doubt(self, raw: str | bytes, tokens: Iterable[str]) -> list[EventBody]:
        text = raw if isinstance(raw, str) else raw.decode("latin-1")
        named = [t for t in _TOKENS.findall(text[:100_000]) if t in self.tracks]
        bodies: list[EventBody] = []
        for token in named or list(tokens):
            track = self.tracks.get(token)
            if track is not None:
                bodies += self.gap(track, "unreadable_frame")
        return bodies

    def _doubt_frame(self, frame: Frame) -> list[EventBody]:
        track = self.tracks.get(frame.asset_id or "")
        return self.gap(track, "unreadable_frame") if track is not None else []


def _infer_kind(frame: Frame) -> str:
    """Name an object without ``event_type``, as older recordings and REST bodies have it."""
    if frame.price_changes is not None:
        return "price_change"
    if frame.bids is not None or frame.asks is not None:
        return "book"
    if frame.new_tick_size is not None:
        return "tick_size_change"
    return "last_trade_price" if frame.price is not None else "unknown"

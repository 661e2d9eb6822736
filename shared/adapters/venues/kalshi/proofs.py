"""REST as the second witness of the streamed books.

``prove`` shows that a quiet book is still true; ``verify_convention`` shows after each
connect that no-side prices mean what we think (F-008). REST ladders are always quoted
in each outcome's own price, so they do not share the stream's convention.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Final

from shared.adapters.venues.kalshi.errors import WireTally
from shared.adapters.venues.kalshi.parsing import read_levels
from shared.adapters.venues.kalshi.rest import KalshiRest
from shared.adapters.venues.kalshi.schemas import BookReply
from shared.adapters.venues.kalshi.stream import BookStream, Step
from shared.adapters.venues.kalshi.wire_book import Comparison
from shared.domain.enums import BookState
from shared.domain.errors import StoreError, WireError
from shared.domain.events import BookProved, Level
from shared.domain.units import NS_PER_S
from shared.ports.clock import Clock
from shared.ports.venue import Sink

_AT_ONCE: Final = 8
_LAG_ALLOWED_S: Final = 0.3
"""A REST read may be this far ahead of the stream before they are said to disagree."""
_QUIET_NS: Final = 2 * NS_PER_S
"""A frame of the market proves it for so long; a REST answer may be older than that frame."""
_WHOLE_EVERY_NS: Final = 10 * NS_PER_S
"""A proved book is handed out whole so often: whoever asks may doubt his own copy."""
_SAMPLES: Final = 3
_FIRST_TRIES: Final = 20
_TRY_EVERY_S: Final = 0.25
_RETRY_EVERY_S: Final = 5.0

Apply = Callable[[Step], None]


class BookProofs:
    """Reads books over REST, a bounded number at once and each market once at a time."""

    def __init__(self, rest: KalshiRest, clock: Clock, tally: WireTally) -> None:
        self._rest, self._clock, self._tally = rest, clock, tally
        self._running: set[str] = set()
        self._slots = asyncio.Semaphore(_AT_ONCE)

    def is_running(self, ticker: str) -> bool:
        return ticker in self._running

    async def prove(self, stream: BookStream, ticker: str, emit: Sink, apply: Apply) -> None:
        """BookProved when REST equals the stream; a lasting difference needs a new snapshot.

        A difference counts only on a book that has been quiet: frames of the market that
        arrived lately prove it better than an answer that may lag them.
        """
        self._running.add(ticker)
        try:
            async with self._slots:
                book = stream.books.get(ticker)
                if book is None:
                    return
                version = book.version
                bids, asks = await self._read(ticker)
            result = book.compare(bids, asks)
            if result is not Comparison.EQUAL and book.version == version:
                await self._clock.sleep(_LAG_ALLOWED_S)
                result = book.compare(bids, asks)
            if stream.books.get(ticker) is not book or book.state is not BookState.SYNCED:
                return
            now_ns = self._clock.mono_ns()
            if result is Comparison.EQUAL:
                if now_ns - book.published_ns > _WHOLE_EVERY_NS:
                    apply(stream.republish(ticker, now_ns))
                emit(BookProved(stream.instruments[ticker].market_id))
            elif book.version != version:
                return
            elif result is Comparison.FLIPPED:
                apply(stream.freeze(f"no side of {ticker} is quoted mirrored"))
            elif now_ns - book.changed_ns > _QUIET_NS:
                self._tally.note("rest_differs", ticker)
                apply(stream.distrust(ticker, "REST shows another book", now_ns))
        except WireError as error:
            self._tally.note_error(error)
        except StoreError as error:
            self._tally.note("proof_failed", str(error))
        finally:
            self._running.discard(ticker)

    async def verify_convention(self, stream: BookStream, apply: Apply) -> None:
        """Until some book's asks read alike over REST; freezes the feed when mirrored.

        Ends with the connection it was started for.
        """
        generation = stream.generation
        for attempt in itertools.count():
            await self._clock.sleep(_TRY_EVERY_S if attempt < _FIRST_TRIES else _RETRY_EVERY_S)
            if stream.generation != generation or not stream.is_open:
                return
            candidates = [t for t, book in stream.books.items() if book.has_snapshot and book.asks]
            for ticker in candidates[:_SAMPLES]:
                likeness = await self._likeness(stream, ticker)
                if stream.generation != generation:
                    return
                if likeness < 0:
                    apply(stream.freeze(f"no side of {ticker} is quoted mirrored"))
                    return
                if likeness > 0:
                    apply(stream.confirm_convention(self._clock.mono_ns()))
                    return

    async def _likeness(self, stream: BookStream, ticker: str) -> int:
        """Return how much more a book's asks read alike than mirrored; 0 = says nothing."""
        try:
            _, asks = await self._read(ticker)
        except (WireError, StoreError) as error:
            self._tally.note("convention_unread", str(error))
            return 0
        book = stream.books.get(ticker)
        return 0 if book is None else book.likeness(asks)

    async def _read(self, ticker: str) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        path = f"/markets/{ticker}/orderbook"
        reply = await self._rest.get(path, BookReply, background=True)
        book = reply.orderbook_fp
        return (
            read_levels(book.yes_dollars, flip=False),
            read_levels(book.no_dollars, flip=True),
        )

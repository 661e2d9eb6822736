"""Lists the venue's open markets, joined with their events and series.

The join is cached per process: the series list is read once (several MB), events in
batches as their markets come up. One unreadable market is counted and skipped; a page
that cannot be fetched raises, and ``resume_cursor`` says where to go on.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import replace
from typing import Final

import msgspec

from shared.adapters.venues.kalshi import capabilities as cap
from shared.adapters.venues.kalshi.errors import WireTally
from shared.adapters.venues.kalshi.fee_changes import FeeChanges
from shared.adapters.venues.kalshi.instruments import build_instrument, build_listing, read_payout
from shared.adapters.venues.kalshi.parsing import decode
from shared.adapters.venues.kalshi.rest import KalshiRest, NotOkError, Query
from shared.adapters.venues.kalshi.schemas import (
    EventReply,
    EventRow,
    EventsPage,
    Market,
    MarketsPage,
    SeriesList,
    SeriesReply,
    SeriesRow,
)
from shared.domain.enums import Venue
from shared.domain.errors import WireError
from shared.domain.instrument import Instrument
from shared.domain.units import NS_PER_S, PriceMicros
from shared.ports.venue import CatalogueMarket

_SERIES_AGE_MAX_NS: Final = 3600 * NS_PER_S


class KalshiCatalogue:
    """Implements ``CatalogueSource``; also re-reads single markets for the live feed."""

    venue = Venue.KALSHI

    def __init__(self, rest: KalshiRest, tally: WireTally) -> None:
        self._rest = rest
        self._tally = tally
        self._series: dict[str, SeriesRow] = {}
        self._series_at_ns: int | None = None
        self._changes = FeeChanges(rest, tally)
        self._events: dict[str, EventRow] = {}
        self._read_ns: dict[str, int] = {}
        """Wall time at which each event and series was read: the age of a fee schedule."""
        self.resume_cursor = ""
        """Cursor of the page whose markets are being yielded; pass it as ``resume_from``."""

    async def list_markets(self, *, resume_from: str = "") -> AsyncIterator[CatalogueMarket]:
        """Yield every open market, paging to the end. Raises StoreError or WireError."""
        if not resume_from:
            self._events.clear()
        await self._load_series()
        query: Query = {"limit": cap.PAGE_MARKETS, "status": "open", "mve_filter": "exclude"}
        pages = self._rest.pages(
            "/markets", MarketsPage, query, cursor=resume_from, background=True
        )
        async for cursor, page in pages:
            self.resume_cursor = cursor
            rows = [(raw, self._peek(raw)) for raw in page.markets]
            await self._join([market for _, market in rows if market is not None], force=False)
            for raw, market in rows:
                if market is None:
                    continue
                listing = self._build(raw, market)
                if listing is not None:
                    yield listing
        self.resume_cursor = ""

    async def refresh(
        self, tickers: Sequence[str], *, with_event: bool = False
    ) -> list[tuple[Instrument, PriceMicros | None]]:
        """Read markets again by ticker: (instrument, payout of one YES if determined).

        ``with_event`` also re-reads events and series, whose texts and fees are part of
        the instrument. Markets that the venue does not return are simply missing.

        Raises:
            StoreError, WireError: an answer is missing or unreadable as a whole.
        """
        found: list[tuple[Instrument, PriceMicros | None]] = []
        for start in range(0, len(tickers), cap.TICKERS_PER_COMMAND):
            chunk = tickers[start : start + cap.TICKERS_PER_COMMAND]
            query: Query = {"tickers": ",".join(chunk), "limit": cap.PAGE_MARKETS}
            async for _, page in self._rest.pages("/markets", MarketsPage, query, background=True):
                markets = [m for m in map(self._peek, page.markets) if m is not None]
                await self._join(markets, force=with_event)
                for market in markets:
                    try:
                        instrument = self._instrument(market)
                        found.append((instrument, read_payout(market)))
                    except WireError as error:
                        self._tally.note_error(error)
        return found

    # --- joins -----------------------------------------------------------------------------

    def _instrument(self, market: Market) -> Instrument:
        return self._changes.applied(build_instrument(market, *self._joined(market)))

    def _joined(self, market: Market) -> tuple[EventRow | None, SeriesRow | None, int]:
        """Return the event and series of a market and when the older of them was read."""
        event = self._events.get(market.event_ticker)
        series = self._series.get(event.series_ticker) if event is not None else None
        if event is None or series is None:
            return event, series, 0
        return event, series, min(self._read_ns[event.event_ticker], self._read_ns[series.ticker])

    def _build(self, raw: msgspec.Raw, market: Market) -> CatalogueMarket | None:
        try:
            listing = build_listing(raw, *self._joined(market))
        except WireError as error:
            self._tally.note_error(error)
            return None
        return replace(listing, instrument=self._changes.applied(listing.instrument))

    def _peek(self, raw: msgspec.Raw) -> Market | None:
        try:
            return decode(raw, Market, "market")
        except WireError as error:
            self._tally.note_error(error)
            return None

    async def _join(self, markets: Sequence[Market], *, force: bool) -> None:
        """Make sure that events and series of the markets are known (``force``: re-read)."""
        await self._changes.load()
        wanted = {market.event_ticker for market in markets}
        await self._load_events(wanted if force else wanted - self._events.keys())
        tickers = {e.series_ticker for t in wanted if (e := self._events.get(t)) is not None}
        for ticker in sorted(tickers):
            if force or ticker not in self._series:
                await self._load_one_series(ticker)

    def _keep_series(self, row: SeriesRow) -> None:
        self._series[row.ticker] = row
        self._read_ns[row.ticker] = self._rest.clock.wall_ns()

    def _keep_event(self, row: EventRow) -> None:
        self._events[row.event_ticker] = row
        self._read_ns[row.event_ticker] = self._rest.clock.wall_ns()

    async def _load_series(self) -> None:
        now = self._rest.clock.mono_ns()
        if self._series_at_ns is not None and now - self._series_at_ns < _SERIES_AGE_MAX_NS:
            return
        page = await self._rest.get("/series", SeriesList, background=True)
        for raw in page.series:
            try:
                row = decode(raw, SeriesRow, "series")
            except WireError as error:
                self._tally.note_error(error)
                continue
            self._keep_series(row)
        self._series_at_ns = now

    async def _load_one_series(self, ticker: str) -> None:
        try:
            reply = await self._rest.get(f"/series/{ticker}", SeriesReply, background=True)
            self._keep_series(decode(reply.series, SeriesRow, "series"))
        except NotOkError as error:
            if error.status != 404:
                raise
            self._series.pop(ticker, None)

    async def _load_events(self, tickers: Collection[str]) -> None:
        """Read events by ticker in batches; one the batch leaves out is asked for alone."""
        ordered = sorted(tickers)
        for start in range(0, len(ordered), cap.TICKERS_PER_COMMAND):
            chunk = ordered[start : start + cap.TICKERS_PER_COMMAND]
            query: Query = {"tickers": ",".join(chunk), "limit": cap.PAGE_EVENTS}
            got: set[str] = set()
            async for _, page in self._rest.pages("/events", EventsPage, query, background=True):
                for raw in page.events:
                    try:
                        row = decode(raw, EventRow, "event")
                    except WireError as error:
                        self._tally.note_error(error)
                        continue
                    self._keep_event(row)
                    got.add(row.event_ticker)
            for missing in sorted(set(chunk) - got):
                await self._load_one_event(missing)

    async def _load_one_event(self, ticker: str) -> None:
        try:
            reply = await self._rest.get(f"/events/{ticker}", EventReply, background=True)
            self._keep_event(decode(reply.event, EventRow, "event"))
        except NotOkError as error:
            if error.status != 404:
                raise
            self._events.pop(ticker, None)

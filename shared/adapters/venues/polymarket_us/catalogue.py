"""Lists the venue's open markets from the public gateway, page by page.

Paging is by offset: a market that opens or closes while pages are read shifts the rows, so
pages overlap and repeats are dropped. One unreadable market is counted and skipped; a page
that cannot be fetched raises, and ``resume_cursor`` says where to go on.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

import msgspec

from shared.adapters.venues.polymarket_us import capabilities as cap
from shared.adapters.venues.polymarket_us.errors import WireTally
from shared.adapters.venues.polymarket_us.instruments import (
    FeeTerms,
    build_instrument,
    build_listing,
)
from shared.adapters.venues.polymarket_us.parsing import decode, read_decimal
from shared.adapters.venues.polymarket_us.rest import NotOkError, PolymarketUsRest, Query
from shared.adapters.venues.polymarket_us.schemas import (
    Market,
    MarketReply,
    MarketsPage,
    SettlementReply,
)
from shared.domain.enums import MarketStatus, Venue
from shared.domain.errors import StoreError, WireError
from shared.domain.instrument import Instrument
from shared.domain.units import MICROS, PriceMicros
from shared.ports.clock import Clock
from shared.ports.venue import CatalogueMarket

_OVERLAP: Final = 10
_PAGES_MAX: Final = 2_000
_SLUGS_MAX: Final = 50
"""Slugs of one request: the address must stay below what proxies take."""


class PolymarketUsCatalogue:
    """Implements ``CatalogueSource``; also re-reads single markets for the live feed."""

    venue = Venue.POLYMARKET_US

    def __init__(
        self, rest: PolymarketUsRest, tally: WireTally, fee_terms: Callable[[], FeeTerms]
    ) -> None:
        self._rest, self._tally, self._fee_terms = rest, tally, fee_terms
        self.resume_cursor = ""
        """Offset of the page whose markets are being yielded; pass it as ``resume_from``."""

    async def aclose(self) -> None:
        await self._rest.close()

    async def list_markets(self, *, resume_from: str = "") -> AsyncIterator[CatalogueMarket]:
        """Yield every open market, paging to the end. Raises StoreError or WireError."""
        offset = int(resume_from) if resume_from.isascii() and resume_from.isdigit() else 0
        seen: set[str] = set()
        for _ in range(_PAGES_MAX):
            page = await self._rest.get_public(
                "/v1/markets",
                MarketsPage,
                {"limit": cap.PAGE_MARKETS, "offset": offset, "active": "true", "closed": "false"},
            )
            self.resume_cursor = str(offset)
            for raw in page.markets:
                listing = self._build(raw)
                if listing is not None and listing.instrument.native_id not in seen:
                    seen.add(listing.instrument.native_id)
                    yield listing
            # The venue may cut a page shorter than asked: only an empty one, or one with
            # nothing beyond the overlap, is the end.
            if len(page.markets) <= _OVERLAP:
                self.resume_cursor = ""
                return
            offset += len(page.markets) - _OVERLAP
        raise StoreError(f"polymarket_us markets: more than {_PAGES_MAX} pages")

    async def refresh(self, slugs: Sequence[str]) -> list[tuple[Instrument, PriceMicros | None]]:
        """Read markets again: (instrument, payout of one YES if resolved).

        Raises:
            StoreError, WireError: an answer is missing or unreadable as a whole.
        """
        found: list[tuple[Instrument, PriceMicros | None]] = []
        for start in range(0, len(slugs), _SLUGS_MAX):
            for raw in await self._read_objects(slugs[start : start + _SLUGS_MAX]):
                try:
                    market = decode(raw, Market, "market")
                    instrument = build_instrument(
                        market, self._fee_terms(), self._rest.clock.wall_ns()
                    )
                except WireError as error:
                    self._tally.note_error(error)
                    continue
                payout = None
                if instrument.status is MarketStatus.DETERMINED:
                    payout = await self.read_settlement(market.slug)
                found.append((instrument, payout))
        return found

    async def _read_objects(self, slugs: Sequence[str]) -> list[msgspec.Raw]:
        """Read market objects by slug; one that the list leaves out is asked for alone."""
        query: Query = {"slug": list(slugs), "limit": cap.PAGE_MARKETS}
        page = await self._rest.get_public("/v1/markets", MarketsPage, query)
        rows = list(page.markets)
        listed = {self._slug_of(raw) for raw in rows}
        for slug in slugs:
            if slug in listed:
                continue
            try:
                reply = await self._rest.get_public(f"/v1/market/slug/{slug}", MarketReply)
            except NotOkError as error:
                if error.status != 404:
                    raise
                continue
            rows.append(reply.market)
        return rows

    def _slug_of(self, raw: msgspec.Raw) -> str:
        try:
            return decode(raw, Market, "market").slug
        except WireError:
            return ""  # counted where the row is built

    async def read_settlement(self, slug: str) -> PriceMicros | None:
        """Return what one YES contract of a market paid, or None while it is not settled.

        Raises:
            StoreError, WireError: no answer, or a value outside 0 to 1 dollar.
        """
        try:
            reply = await self._rest.get_public(f"/v1/markets/{slug}/settlement", SettlementReply)
        except NotOkError as error:
            if error.status == 404:
                return None
            raise
        value = read_decimal(reply.settlement, "settlement")
        if not 0 <= value <= MICROS or reply.slug not in ("", slug):
            raise WireError("settlement", f"{slug} {reply.slug} {reply.settlement}")
        return PriceMicros(value)

    def _build(self, raw: msgspec.Raw) -> CatalogueMarket | None:
        try:
            return build_listing(raw, self._fee_terms(), self._rest.clock.wall_ns())
        except WireError as error:
            self._tally.note_error(error)
            return None


def connect_polymarket_us_catalogue(
    endpoints: cap.Endpoints, clock: Clock, fee_terms: Callable[[], FeeTerms]
) -> PolymarketUsCatalogue:
    """Build the public catalogue alone, for processes that hold no keys; close it after use."""
    tally = WireTally()
    return PolymarketUsCatalogue(PolymarketUsRest(endpoints, None, clock, tally), tally, fee_terms)

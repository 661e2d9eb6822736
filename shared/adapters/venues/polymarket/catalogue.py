"""Lists the venue's open markets from Gamma, page by page to the end.

One unreadable market is counted and left out; a page that cannot be fetched raises, and
``resume_cursor`` says where to go on. Markets that must not be traded are listed with
``tradeable`` False and their reason, so that the screens can say why.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import AsyncIterator
from typing import Final

from shared.adapters.venues.polymarket.instruments import (
    parse_market_page,
)
from shared.adapters.venues.polymarket.rest import Hosts, PolymarketRest
from shared.domain.enums import Venue
from shared.domain.errors import StoreError
from shared.ports.clock import Clock
from shared.ports.venue import CatalogueMarket

_LOG = logging.getLogger("twinleg.polymarket.catalogue")

PAGES_MAX: Final = 5_000
"""About 2,100 pages of 100 hold the whole catalogue; more means that the cursor loops."""


class PolymarketCatalogue:
    """Implements ``CatalogueSource``."""

    venue = Venue.POLYMARKET

    def __init__(self, hosts: Hosts, clock: Clock, rest: PolymarketRest | None = None) -> None:
        self._rest = rest or PolymarketRest(hosts, clock)
        self._clock = clock
        self.errors: Counter[str] = Counter()
        self.resume_cursor = ""
        """Cursor of the page whose markets are being yielded; pass it as ``resume_from``."""

    async def aclose(self) -> None:
        await self._rest.aclose()

    async def list_markets(self, *, resume_from: str = "") -> AsyncIterator[CatalogueMarket]:
        """Yield every open market. Raises StoreError or WireError when a page is missing."""
        cursor, seen = resume_from, set[str]()
        while True:
            if cursor in seen or len(seen) >= PAGES_MAX:
                raise StoreError(f"polymarket catalogue: cursor {cursor!r:.60} repeats")
            seen.add(cursor)
            self.resume_cursor = cursor
            raw = await self._rest.market_page(cursor)
            markets, following, errors = parse_market_page(raw, self._clock.wall_ns())
            for error in errors:
                self.errors[error.kind] += 1
                if self.errors[error.kind] == 1:
                    _LOG.warning("market left out: %s", error)
            for market in markets:
                yield market
            if not following:
                self.resume_cursor = ""
                return
            cursor = following

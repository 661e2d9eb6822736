"""What is heard of the markets: to the kernel, and to those beside it that need it too.

The catalogue follows instruments and their status; the paper accounts are told of each
determined market once. A feed that is still connecting for the first time is not news.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import structlog

from shared.domain.enums import Venue
from shared.domain.errors import StoreError
from shared.domain.events import (
    EventBody,
    FeedStatus,
    InstrumentChanged,
    MarketResolved,
    MarketStatusChanged,
)
from shared.domain.ids import MarketId
from shared.domain.units import NS_PER_S
from trader_task.catalogue_watch import CatalogueWatch
from trader_task.dispatcher import Dispatcher
from trader_task.market_news import MarketNews
from trader_task.outside import Outside

log = structlog.get_logger("hearing")

WARM_UP_NS: Final = 10 * NS_PER_S
RETRY_MAX_S: Final = 30.0


class Hearing:
    """The sink of the feeds and of commands about markets."""

    def __init__(
        self,
        outside: Outside,
        catalogue: CatalogueWatch,
        dispatcher: Dispatcher,
        sink: Callable[[EventBody], None],
        news: MarketNews,
    ) -> None:
        self._o = outside
        self._news = news
        self._catalogue = catalogue
        self._dispatcher = dispatcher
        self._sink = sink
        self._resolved: set[MarketId] = set()
        self._connected: set[Venue] = set()
        self._since_ns = 0
        self._is_over = False

    def begin(self) -> None:
        """The feeds start now; each has a while to connect for the first time."""
        self._since_ns = self._o.clock.mono_ns()

    def end(self) -> None:
        """What feeds say while they are being stopped is no news about the venues."""
        self._is_over = True

    def hear(self, body: EventBody) -> None:
        if self._is_over or (isinstance(body, FeedStatus) and self._is_warming_up(body)):
            return
        self._sink(body)
        if isinstance(body, MarketResolved):
            self._pass_on_resolution(body)
            self._news.note_result(body.market_id, body.payout)
            self._dispatcher.start(self._news.store())
        elif isinstance(body, InstrumentChanged):
            self._catalogue.note_instrument(body.instrument)
            self._record(body.instrument.market_id)
        elif isinstance(body, MarketStatusChanged):
            self._catalogue.note_status(body.market_id, body.status)
            self._record(body.market_id)

    def _record(self, market: MarketId) -> None:
        """Let the record follow what a feed said of a watched market."""
        known = self._catalogue.instrument_of(market)
        if known is not None:
            self._news.note_instrument(known)
            self._dispatcher.start(self._news.store())

    def _is_warming_up(self, body: FeedStatus) -> bool:
        """Whether a feed that never was connected may still be connecting.

        Its books are not synced, so nothing opens on it; but a halt would outlast the first
        connection by the 30 s of health that an automatic halt asks for.
        """
        if body.is_connected or self._o.clock.mono_ns() > self._since_ns + WARM_UP_NS:
            self._connected.add(body.venue)
        return body.venue not in self._connected

    def _pass_on_resolution(self, body: MarketResolved) -> None:
        """Tell the paper accounts once; they credit it, durably, whenever their store is up."""
        on_resolved = self._o.on_resolved
        if on_resolved is None or body.market_id in self._resolved:
            return
        self._resolved.add(body.market_id)

        async def tell() -> None:
            pause = 1.0
            while True:
                try:
                    await on_resolved(body.market_id, body.payout)
                    return
                except StoreError as error:
                    log.warning("payout postponed", market=body.market_id, error=str(error))
                    await self._o.clock.sleep(pause)
                    pause = min(pause * 2, RETRY_MAX_S)

        self._dispatcher.start(tell())

"""Market news of the feeds on their way to the record: terms, status, results.

The kernel is told first and by itself. Here the record follows, at once and off the event
loop; what it does not take is kept and offered again every second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

import structlog

from shared.domain.errors import StoreError
from shared.domain.ids import MarketId
from shared.domain.instrument import Instrument
from shared.domain.units import PriceMicros
from shared.ports.clock import Clock
from shared.ports.matching import DivergenceLedger
from shared.ports.stores import CatalogueStore
from shared.services import market_changes

log = structlog.get_logger("market_news")


class MarketNews:
    """The last news of every market that the record does not have yet."""

    def __init__(
        self,
        catalogue: CatalogueStore,
        results: DivergenceLedger | None,
        clock: Clock,
        want: Callable[[str], None],
    ) -> None:
        self._catalogue, self._results = catalogue, results
        self._clock, self._want = clock, want
        self._instruments: dict[MarketId, Instrument] = {}
        self._payouts: dict[MarketId, PriceMicros] = {}
        self._one_at_a_time = asyncio.Lock()

    def note_instrument(self, instrument: Instrument) -> None:
        self._instruments[instrument.market_id] = instrument

    def note_result(self, market: MarketId, payout: PriceMicros) -> None:
        if self._results is not None:
            self._payouts[market] = payout

    @property
    def waiting(self) -> int:
        """Markets whose news is not stored yet."""
        return len(self._instruments) + len(self._payouts)

    async def store(self) -> None:
        """Offer everything to the record; never raises for a record that is away."""
        async with self._one_at_a_time:
            while self._instruments:
                market, instrument = next(iter(self._instruments.items()))
                if not await self._apply(instrument):
                    return
                if self._instruments.get(market) is instrument:
                    del self._instruments[market]
            for market, payout in list(self._payouts.items()):
                if not await self._keep(market, payout):
                    return
                self._payouts.pop(market)

    async def _apply(self, instrument: Instrument) -> bool:
        now_ns = self._clock.wall_ns()
        work = partial(market_changes.apply, self._catalogue, instrument, now_ns)
        try:
            changed = await asyncio.to_thread(work)
        except StoreError as error:
            log.warning("market news postponed", market=instrument.market_id, error=str(error))
            return False
        if changed:
            log.warning("pairs lowered by a change", market=instrument.market_id, rows=changed)
            self._want("pairs")
        return True

    async def _keep(self, market: MarketId, payout: PriceMicros) -> bool:
        assert self._results is not None
        try:
            await asyncio.to_thread(
                self._results.note_settlement, market, payout, self._clock.wall_ns()
            )
        except StoreError as error:
            log.warning("result postponed", market=market, error=str(error))
            return False
        return True

"""What the venue says about each watched market beside its book: fees, tick, delay, result.

Gamma has the texts and results, the CLOB what it charges and how long it holds takers; the
stream's tick is newer than either. An unchanged instrument is told again each minute, so
that its fees do not expire in the kernel.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from shared.adapters.venues.polymarket.book_keeper import Track
from shared.adapters.venues.polymarket.instruments import (
    apply_clob_info,
    build_instrument,
    parse_payout,
)
from shared.adapters.venues.polymarket.rest import PolymarketRest
from shared.adapters.venues.polymarket.schemas import GammaMarket
from shared.adapters.venues.polymarket.stream import MarketChannel
from shared.domain.errors import StoreError, WireError
from shared.domain.events import EventBody, InstrumentChanged, MarketStatusChanged
from shared.domain.ids import MarketId
from shared.domain.instrument import Instrument
from shared.domain.units import NS_PER_S
from shared.ports.clock import Clock

_LOG = logging.getLogger("twinleg.polymarket.market_data")

METADATA_EVERY_S: Final = 20.0
METADATA_BATCH: Final = 50
METADATA_PARALLEL: Final = 8
METADATA_REPEAT_NS: Final = 60 * NS_PER_S


class Metadata:
    """Keeps the instruments of a channel's tracks up to date; ``emit`` tells what changed."""

    def __init__(
        self,
        channel: MarketChannel,
        rest: PolymarketRest,
        clock: Clock,
        emit: Callable[[Sequence[EventBody]], None],
        report_errors: Callable[[], None],
    ) -> None:
        self._channel, self._rest, self._clock = channel, rest, clock
        self._emit, self._report_errors = emit, report_errors
        self._fresh = asyncio.Event()
        self._told_ns: dict[MarketId, int] = {}

    def tell_again(self) -> None:
        """Read and tell every market again at once."""
        self._told_ns.clear()
        self._fresh.set()

    def wake(self) -> None:
        """Read every market again at once; only changes are told."""
        self._fresh.set()

    async def run(self) -> None:
        """Read every watched market each 20 s and whenever asked, until cancelled."""
        while True:
            self._fresh.clear()
            tracks = list(self._channel.by_market.values())
            for start in range(0, len(tracks), METADATA_BATCH):
                await self._refresh(tracks[start : start + METADATA_BATCH])
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(METADATA_EVERY_S):
                    await self._fresh.wait()

    async def _refresh(self, tracks: Sequence[Track]) -> None:
        try:
            rows = await self._rest.gamma_markets([t.instrument.native_id for t in tracks])
        except (StoreError, WireError) as error:
            _LOG.info("polymarket metadata: %s", error)
            return
        by_condition = {row.condition_id: row for row in rows}
        gate = asyncio.Semaphore(METADATA_PARALLEL)

        async def one(track: Track) -> None:
            row = by_condition.get(track.instrument.native_id)
            if row is None:
                return
            try:
                async with gate:
                    await self._refresh_one(track, row)
            except (StoreError, WireError) as error:
                if isinstance(error, WireError):
                    self._channel.count_error(error)
                _LOG.info("polymarket metadata of %s: %s", track.market, error)

        await asyncio.gather(*(one(track) for track in tracks))
        self._report_errors()

    async def _refresh_one(self, track: Track, row: GammaMarket) -> None:
        """Bring one instrument up to date; texts of the matched object's place are kept."""
        now = self._clock.wall_ns()
        old = track.instrument
        new = build_instrument(row, now)
        new = replace(
            new,
            title=old.title,
            category=old.category,
            series_id=old.series_id,
            event_id=old.event_id,
            refusal=old.refusal or new.refusal,
            tradeable=old.tradeable and new.tradeable,
        )
        if not row.closed:
            new = apply_clob_info(new, await self._rest.clob_market(old.native_id), now)
        if track.market not in self._channel.by_market:
            return
        old = track.instrument
        if track.book is not None:
            # The stream's tick is newer than any cached answer.
            new = replace(new, grid=old.grid)
        payout = parse_payout(row)
        if payout is not None:
            self._emit(self._channel.resolve(track, payout))
            new = replace(new, status=track.instrument.status)
        self._adopt(track, new, now)

    def _adopt(self, track: Track, new: Instrument, now: int) -> None:
        old = track.instrument
        dated = replace(new, fees=replace(new.fees, as_of_ns=old.fees.as_of_ns))
        is_due = now - self._told_ns.get(track.market, 0) >= METADATA_REPEAT_NS
        track.instrument = new
        if dated != old or is_due:
            self._told_ns[track.market] = now
            self._emit([InstrumentChanged(new)])
        if new.status is not old.status:
            self._emit([MarketStatusChanged(track.market, new.status)])

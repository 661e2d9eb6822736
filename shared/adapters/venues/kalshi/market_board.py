"""Status, texts and resolution of the watched markets, from four sources that disagree.

Lifecycle frames (fast, may be lost), market objects read over REST (complete, slow),
the exchange's own status per shard, and the calendar. Pure; the strictest source wins:
a market is ACTIVE only when all of them say so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from shared.adapters.venues.kalshi.capabilities import is_scheduled_pause
from shared.adapters.venues.kalshi.errors import WireTally
from shared.adapters.venues.kalshi.parsing import read_grid
from shared.adapters.venues.kalshi.schemas import EventFeeMsg, ExchangeStatus, LifecycleMsg
from shared.domain.enums import MarketStatus
from shared.domain.errors import WireError
from shared.domain.events import (
    FeedBody,
    InstrumentChanged,
    MarketResolved,
    MarketStatusChanged,
)
from shared.domain.instrument import Instrument
from shared.domain.units import MICROS, NS_PER_S, PriceMicros

_ENDED = (MarketStatus.CLOSED, MarketStatus.DETERMINED, MarketStatus.SETTLED)


class MarketBoard:
    """What is known of each watched market; every method returns what changed."""

    def __init__(self, tally: WireTally) -> None:
        self._tally = tally
        self.instruments: dict[str, Instrument] = {}
        self._own: dict[str, MarketStatus] = {}
        self._said: dict[str, MarketStatus] = {}
        self._paid: dict[str, PriceMicros] = {}
        self._unread: set[str] = set()
        """Markets whose texts changed and were not read again yet."""
        self._paused_shards: set[int] = set()
        self._is_venue_paused = False
        self._is_calendar_pause = False

    def watch(self, instruments: Mapping[str, Instrument], wall_ns: int) -> list[FeedBody]:
        """Replace the watched set. Known markets keep what was learnt since."""
        for ticker in set(self.instruments) - set(instruments):
            for table in (self.instruments, self._own, self._said, self._paid):
                table.pop(ticker, None)
            self._unread.discard(ticker)
        for ticker, instrument in instruments.items():
            if ticker not in self.instruments:
                self.instruments[ticker] = instrument
                self._own[ticker] = self._said[ticker] = instrument.status
        return self.on_time(wall_ns)

    def on_time(self, wall_ns: int) -> list[FeedBody]:
        """Apply the calendar: the weekly pause, and closes, which emit no frame (F-029)."""
        self._is_calendar_pause = is_scheduled_pause(wall_ns)
        for ticker, instrument in self.instruments.items():
            if 0 < instrument.close_ns <= wall_ns and self._own[ticker] not in _ENDED:
                self._own[ticker] = MarketStatus.CLOSED
        return self._said_now(self.instruments)

    def on_exchange(self, status: ExchangeStatus) -> list[FeedBody]:
        """Take the exchange's status; a shard's own row can say less than the whole (F-028)."""
        self._is_venue_paused = not (status.exchange_active and status.trading_active)
        rows = status.exchange_index_statuses or []
        self._paused_shards = {
            row.exchange_index for row in rows if not (row.exchange_active and row.trading_active)
        }
        return self._said_now(self.instruments)

    def on_lifecycle(
        self, msg: LifecycleMsg | EventFeeMsg
    ) -> tuple[list[FeedBody], set[str], bool]:
        """Take one frame: (bodies, tickers to read again, whether with their events)."""
        if isinstance(msg, EventFeeMsg):
            hit = {t for t, i in self.instruments.items() if i.event_id == msg.event_ticker}
            self._unread |= hit
            return self._said_now(hit), hit, True
        ticker = msg.market_ticker
        if ticker not in self.instruments:
            return [], set(), False
        bodies: list[FeedBody] = []
        word = msg.event_type
        if word == "activated":
            self._own[ticker] = MarketStatus.ACTIVE
        elif word == "deactivated":
            self._own[ticker] = MarketStatus.PAUSED
        elif word == "determined":
            self._own[ticker] = MarketStatus.DETERMINED
            payout = {"yes": MICROS, "no": 0}.get(msg.result or "")
            if payout is not None:
                bodies += self._resolve(ticker, PriceMicros(payout))
        elif word == "settled":
            self._own[ticker] = MarketStatus.SETTLED
        elif word == "close_date_updated" and msg.close_ts is not None and msg.close_ts > 0:
            bodies += self._change(
                replace(self.instruments[ticker], close_ns=msg.close_ts * NS_PER_S)
            )
        elif word == "price_level_structure_updated":
            bodies += self._regrid(ticker, msg)
        elif word != "created":
            # metadata_updated and every word we do not know: read the object first.
            self._unread.add(ticker)
        return [*self._said_now([ticker]), *bodies], {ticker}, False

    def on_refreshed(
        self, instrument: Instrument, payout: PriceMicros | None, wall_ns: int
    ) -> list[FeedBody]:
        """Take a market as read over REST; it overrules what frames said before."""
        ticker = instrument.native_id
        if ticker not in self.instruments:
            return []
        self._unread.discard(ticker)
        bodies = self._change(instrument)
        # A frame may be ahead of a cached REST answer: a result is never taken back by it.
        is_over = self._own[ticker] in (MarketStatus.DETERMINED, MarketStatus.SETTLED)
        if not is_over or instrument.status in _ENDED:
            self._own[ticker] = instrument.status
        if 0 < instrument.close_ns <= wall_ns and self._own[ticker] not in _ENDED:
            self._own[ticker] = MarketStatus.CLOSED
        bodies += self._said_now([ticker])
        if payout is not None:
            bodies += self._resolve(ticker, payout)
        return bodies

    # --- inside -----------------------------------------------------------------------------

    def _effective(self, ticker: str) -> MarketStatus:
        own = self._own[ticker]
        if own is not MarketStatus.ACTIVE:
            return own
        held = (
            self._is_venue_paused
            or self._is_calendar_pause
            or ticker in self._unread
            or self.instruments[ticker].shard in self._paused_shards
        )
        return MarketStatus.PAUSED if held else MarketStatus.ACTIVE

    def _said_now(self, tickers: Iterable[str]) -> list[FeedBody]:
        bodies: list[FeedBody] = []
        for ticker in tickers:
            status = self._effective(ticker)
            if self._said[ticker] is not status:
                self._said[ticker] = status
                market = self.instruments[ticker].market_id
                bodies.append(MarketStatusChanged(market, status))
        return bodies

    def _change(self, instrument: Instrument) -> list[FeedBody]:
        """Keep the new instrument and say so when anything but its status differs."""
        former = self.instruments[instrument.native_id]
        self.instruments[instrument.native_id] = instrument
        if replace(former, status=instrument.status) == instrument:
            return []
        return [InstrumentChanged(instrument)]

    def _regrid(self, ticker: str, msg: LifecycleMsg) -> list[FeedBody]:
        try:
            grid = read_grid(msg.price_ranges)
        except WireError as error:
            self._tally.note_error(error)
            self._unread.add(ticker)
            return []
        return self._change(replace(self.instruments[ticker], grid=grid))

    def _resolve(self, ticker: str, payout: PriceMicros) -> list[FeedBody]:
        assert 0 <= payout <= MICROS, payout
        if self._paid.get(ticker) == payout:
            return []
        self._paid[ticker] = payout
        return [MarketResolved(self.instruments[ticker].market_id, payout)]

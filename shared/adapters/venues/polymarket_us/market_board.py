"""Status, texts and resolution of the watched markets, from three sources that disagree.

The state in each book frame (fast), market objects read over REST (complete, slow), and
the calendar. Pure; the strictest source wins: a market is ACTIVE only when all say so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from shared.adapters.venues.polymarket_us.capabilities import is_scheduled_pause
from shared.domain.enums import MarketStatus
from shared.domain.events import FeedBody, InstrumentChanged, MarketResolved, MarketStatusChanged
from shared.domain.instrument import Instrument
from shared.domain.units import MICROS, PriceMicros

_ENDED = (MarketStatus.CLOSED, MarketStatus.DETERMINED, MarketStatus.SETTLED)


class MarketBoard:
    """What is known of each watched market; every method returns what changed."""

    def __init__(self) -> None:
        self.instruments: dict[str, Instrument] = {}
        self._object: dict[str, MarketStatus] = {}
        self._book: dict[str, MarketStatus] = {}
        self._said: dict[str, MarketStatus] = {}
        self._paid: dict[str, PriceMicros] = {}
        self._is_calendar_pause = False

    def watch(self, instruments: Mapping[str, Instrument], wall_ns: int) -> list[FeedBody]:
        """Replace the watched set. Known markets keep what was learnt since."""
        for slug in set(self.instruments) - set(instruments):
            for table in (self.instruments, self._object, self._book, self._said, self._paid):
                table.pop(slug, None)
        for slug, instrument in instruments.items():
            if slug not in self.instruments:
                self.instruments[slug] = instrument
                self._object[slug] = self._said[slug] = instrument.status
        return self.on_time(wall_ns)

    def on_time(self, wall_ns: int) -> list[FeedBody]:
        """Apply the calendar: the weekly maintenance, and closes, which may emit no frame."""
        self._is_calendar_pause = is_scheduled_pause(wall_ns)
        for slug, instrument in self.instruments.items():
            if 0 < instrument.close_ns <= wall_ns and self._object[slug] not in _ENDED:
                self._object[slug] = MarketStatus.CLOSED
        return self._said_now(self.instruments)

    def on_state(self, slug: str, status: MarketStatus) -> list[FeedBody]:
        """Take the state that a book named."""
        if slug not in self.instruments:
            return []
        self._book[slug] = status
        return self._said_now([slug])

    def on_refreshed(
        self, instrument: Instrument, payout: PriceMicros | None, wall_ns: int
    ) -> list[FeedBody]:
        """Take a market as read over REST."""
        slug = instrument.native_id
        former = self.instruments.get(slug)
        if former is None:
            return []
        self.instruments[slug] = instrument
        bodies: list[FeedBody] = []
        if replace(former, status=instrument.status) != instrument:
            bodies.append(InstrumentChanged(instrument))
        # A cached answer may be behind: a result is never taken back by it.
        is_over = self._object[slug] in (MarketStatus.DETERMINED, MarketStatus.SETTLED)
        if not is_over or instrument.status in _ENDED:
            self._object[slug] = instrument.status
        bodies += self.on_time(wall_ns)
        if payout is not None:
            bodies += self._resolve(slug, payout)
        return bodies

    def awaits_result(self) -> list[str]:
        """Return the markets that have ended and whose payout is not known."""
        return [
            slug
            for slug in self.instruments
            if slug not in self._paid and self._effective(slug) in _ENDED
        ]

    # --- inside -----------------------------------------------------------------------------

    def _effective(self, slug: str) -> MarketStatus:
        words = [self._object[slug], self._book.get(slug, MarketStatus.ACTIVE)]
        ended = [word for word in words if word in _ENDED]
        if ended:
            # The object alone knows results; a book only says that it is over.
            return words[0] if words[0] in _ENDED else ended[0]
        if any(word is not MarketStatus.ACTIVE for word in words):
            return next(word for word in words if word is not MarketStatus.ACTIVE)
        return MarketStatus.PAUSED if self._is_calendar_pause else MarketStatus.ACTIVE

    def _said_now(self, slugs: Iterable[str]) -> list[FeedBody]:
        bodies: list[FeedBody] = []
        for slug in slugs:
            status = self._effective(slug)
            if self._said[slug] is not status:
                self._said[slug] = status
                bodies.append(MarketStatusChanged(self.instruments[slug].market_id, status))
        return bodies

    def _resolve(self, slug: str, payout: PriceMicros) -> list[FeedBody]:
        assert 0 <= payout <= MICROS, payout
        if self._paid.get(slug) == payout:
            return []
        self._paid[slug] = payout
        return [MarketResolved(self.instruments[slug].market_id, payout)]

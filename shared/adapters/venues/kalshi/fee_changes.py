"""Fee changes that the venue has announced: a schedule ends when the next one begins.

What was read before a change says nothing about the time after it, so the schedule
expires a minute ahead of it and stays expired until series and event were read again.
Nothing is taken over from an announcement itself: the listing is the source. A change
whose time cannot be read may come at any moment: the schedule has ended already.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from shared.adapters.venues.kalshi.errors import WireTally
from shared.adapters.venues.kalshi.parsing import read_time_ns
from shared.adapters.venues.kalshi.rest import KalshiRest, NotOkError
from shared.adapters.venues.kalshi.schemas import EventFeeChanges, FeeChangeRow, SeriesFeeChanges
from shared.domain.errors import WireError
from shared.domain.fee_schedules import WAIVER_MARGIN_NS
from shared.domain.instrument import Instrument
from shared.domain.units import NS_PER_S

AGE_MAX_NS: Final = 600 * NS_PER_S
UNDATED: Final = 0
"""Stands for the time of a change that cannot be read."""


class FeeChanges:
    """Announced changes by series and event, read again every ten minutes at most."""

    def __init__(self, rest: KalshiRest, tally: WireTally) -> None:
        self._rest = rest
        self._tally = tally
        self._times: dict[str, tuple[int, ...]] = {}
        self._read_ns: int | None = None

    async def load(self) -> None:
        """Read both lists if they are old. Raises StoreError or WireError."""
        now = self._rest.clock.mono_ns()
        if self._read_ns is not None and now - self._read_ns < AGE_MAX_NS:
            return
        times: dict[str, set[int]] = {}
        try:
            found = await self._rest.get("/series/fee_changes", SeriesFeeChanges, background=True)
            self._add(times, found.series_fee_change_arr, is_event=False)
            pages = self._rest.pages("/events/fee_changes", EventFeeChanges, {}, background=True)
            async for _, page in pages:
                self._add(times, page.event_fee_changes, is_event=True)
        except NotOkError as error:
            if error.status != 404:
                raise
        self._times = {key: tuple(sorted(at)) for key, at in times.items()}
        self._read_ns = now

    def applied(self, instrument: Instrument) -> Instrument:
        """Return the instrument with its fees ending ahead of the next announced change."""
        keys = (f"event {instrument.event_id}", f"series {instrument.series_id}")
        announced = [at for key in keys for at in self._times.get(key, ())]
        later = [at for at in announced if at == UNDATED or at > instrument.fees.as_of_ns]
        if not later:
            return instrument
        ends = max(1, min(later) - WAIVER_MARGIN_NS)
        assert ends > 0, "0 would mean that it never ends"
        return replace(instrument, fees=replace(instrument.fees, expires_ns=ends))

    def _add(
        self, times: dict[str, set[int]], rows: Iterable[FeeChangeRow], *, is_event: bool
    ) -> None:
        for row in rows:
            key = f"event {row.event_ticker}" if is_event else f"series {row.series_ticker}"
            try:
                at = _time_ns(row.scheduled_ts)
            except WireError as error:
                self._tally.note_error(error)
                at = UNDATED
            times.setdefault(key, set()).add(at)


def _time_ns(value: str | int) -> int:
    """Return unix nanoseconds of what the venue writes as text or as whole seconds."""
    at = value * NS_PER_S if isinstance(value, int) else read_time_ns(value, "fee_change")
    if at <= 0:
        raise WireError("fee_change", str(value)[:40])
    return at

"""When a venue may not be entered, by its own clock: the weekly pause (F-028, F-070).

Computed in the venue's zone, so that daylight saving moves it with the venue.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from shared.domain.units import NS_PER_S

_EASTERN: Final = ZoneInfo("America/New_York")
_THURSDAY: Final = 3
_FROM: Final = time(2, 55)
"""Kalshi pauses at 03:00 Eastern; openings end five minutes before."""
_UNTIL: Final = time(5, 0)
_STEP_S: Final = 60
"""The window begins and ends on a whole minute, so one answer holds for a minute."""


def kalshi_pause_end_ns(wall_ns: int) -> int:
    """Return when the pause that ``wall_ns`` falls into ends (unix ns); 0 outside of it."""
    assert wall_ns >= 0
    return _pause_end_s(wall_ns // NS_PER_S // _STEP_S) * NS_PER_S


@lru_cache(maxsize=8)
def _pause_end_s(minute: int) -> int:
    local = datetime.fromtimestamp(minute * _STEP_S, UTC).astimezone(_EASTERN)
    if local.weekday() != _THURSDAY or not _FROM <= local.time() < _UNTIL:
        return 0
    end = local.replace(hour=_UNTIL.hour, minute=_UNTIL.minute, second=0, microsecond=0)
    assert end - local <= timedelta(hours=3)
    return int(end.timestamp())

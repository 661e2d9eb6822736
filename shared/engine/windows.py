"""Entry windows: times around which no package begins, whatever the prices are.

Close (``gates``), game start, the weekly pause of Kalshi, an announced restart. What is
open goes on: only openings ask here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from shared.domain.config import Config
from shared.domain.enums import GateCode, Venue
from shared.domain.instrument import Instrument
from shared.domain.units import NS_PER_S
from shared.domain.venue_calendar import kalshi_pause_end_ns

Gate = tuple[GateCode, dict[str, str]]
RESTART_LASTS_NS: Final = 300 * NS_PER_S
"""Polymarket answers 425 for about 90 s, then takes post-only orders for two minutes."""


def standing(config: Config, instrument: Instrument, wall_ns: int) -> Iterator[Gate]:
    """Yield the gate of every window that ``wall_ns`` falls into."""
    margin = config.close_margin_s * NS_PER_S
    start = instrument.game_start_ns
    if start and abs(start - wall_ns) < margin:
        # Before it prices jump and resting orders are swept; just after, holds are switched.
        yield GateCode.MARKET_PAUSED, {**_name(instrument), "market": instrument.native_id[:40]}
    if instrument.venue is Venue.KALSHI:
        until = kalshi_pause_end_ns(wall_ns)
        if until:
            yield GateCode.VENUE_PAUSED, {**_name(instrument), "until_ns": str(until)}
    restart = restart_ns(config, instrument.venue)
    if restart and restart - margin <= wall_ns < restart + RESTART_LASTS_NS:
        yield (
            GateCode.VENUE_PAUSED,
            {**_name(instrument), "until_ns": str(restart + RESTART_LASTS_NS)},
        )


def restart_ns(config: Config, venue: Venue) -> int:
    """Return the announced restart of a venue (unix ns), 0 when none is announced."""
    if venue is Venue.KALSHI:
        return config.kalshi_restart_at_s * NS_PER_S
    return config.polymarket_restart_at_s * NS_PER_S if venue is Venue.POLYMARKET else 0


def _name(instrument: Instrument) -> dict[str, str]:
    return {"venue": instrument.venue.value}

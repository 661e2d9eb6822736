"""How a paper account behaves: starting money, latency, recovery of depth, finality."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from shared.domain.enums import Venue
from shared.domain.units import MICROS, NS_PER_S, UsdMicros
from shared.exchange.fill_model import LatencySettings
from shared.exchange.venue_rules import FinalitySettings

ACCOUNT: Final = "paper"


def starting_cash(venue: Venue, total: UsdMicros) -> dict[int, UsdMicros]:
    """Return the starting cash per shard; Kalshi keeps crypto and tennis money apart.

    Cents of the split stay on shard 0.
    """
    if venue is not Venue.KALSHI:
        return {0: total}
    crypto, tennis = total // 10 * 3, total // 10
    return {
        0: UsdMicros(total - crypto - tennis),
        2: UsdMicros(crypto),
        3: UsdMicros(tennis),
    }


@dataclass(frozen=True, slots=True)
class PaperSettings:
    """Defaults are those of a host near both venues and $5,000 at each."""

    cash_by_shard: Mapping[int, UsdMicros] = field(
        default_factory=lambda: {0: UsdMicros(5_000 * MICROS)}
    )
    latency: LatencySettings = LatencySettings()
    recovery_ns: int = 5 * NS_PER_S
    finality: FinalitySettings = FinalitySettings()
    """Polymarket only; 0.1 % of trades fail by default."""
    seed: int = 1

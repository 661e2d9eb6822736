"""What the simulated venues list: static venue objects beside the domain instrument.

``raw`` is the venue's own object with its real field names and text formats, complete
but for what changes by the second (status, quotes, result, volume): the servers overlay
that from the exchange.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from shared.domain.enums import Outcome, Venue
from shared.domain.ids import MarketId
from shared.domain.instrument import Instrument
from shared.domain.units import NS_PER_S


@dataclass(frozen=True, slots=True)
class SimMarket:
    """One listed market. Times are unix nanoseconds; ``instrument.status`` is not live."""

    market_id: MarketId
    venue: Venue
    native_id: str
    instrument: Instrument
    event_id: str
    series_id: str
    opened_ns: int
    close_ns: int
    expected_ns: int
    latest_ns: int
    settlement_timer_ns: int
    raw: dict[str, Any]

    def token_of(self, outcome: Outcome) -> str:
        return self.instrument.token_of(outcome)


@dataclass(frozen=True, slots=True)
class SimEvent:
    """A Kalshi event object or a Gamma event object, each without its markets."""

    event_id: str
    venue: Venue
    raw: dict[str, Any]
    market_ids: tuple[MarketId, ...]


@dataclass(frozen=True, slots=True)
class SimSeries:
    """A Kalshi series object."""

    series_id: str
    raw: dict[str, Any]


def rfc3339(ns: int) -> str:
    """Return unix nanoseconds as the venues write times, whole seconds, ``Z``."""
    moment = datetime.fromtimestamp(ns // NS_PER_S, tz=UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_rfc3339(text: str) -> int:
    """Return unix nanoseconds (whole microseconds) of a venue's time text."""
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    whole = int(moment.replace(microsecond=0).timestamp())
    return whole * NS_PER_S + moment.microsecond * 1_000

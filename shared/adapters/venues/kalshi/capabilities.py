"""What the venue can do and where it lives, as data.

Hosts of the three host sets are kept here so that a process can refuse a mismatch of
mode and host before its first byte (F-093). Figures: KALSHI 1.1, 2.3, 3.6, 4, 6, 8.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from shared.domain.enums import TimeInForce, VenueSet
from shared.domain.errors import ConfigError
from shared.domain.units import NS_PER_S, QtyMicros

API_PATH: Final = "/trade-api/v2"
WS_PATH: Final = "/trade-api/ws/v2"
QTY_STEP: Final = QtyMicros(10_000)
"""0.01 contract: both the lot and the smallest order, on every market."""
TIFS: Final = frozenset({TimeInForce.IOC, TimeInForce.FOK, TimeInForce.GTC})
MARKETS_PER_CONNECTION: Final = 500
TICKERS_PER_COMMAND: Final = 100
PAGE_MARKETS: Final = 1000
PAGE_EVENTS: Final = 200
PAGE_PORTFOLIO: Final = 1000
FRAME_BYTES_MAX: Final = 8 * 1024 * 1024
"""The venue allows 64 MiB; the largest book of 10,000 levels a side is under 1 MiB."""

# Basic tier, tokens: the smallest account there is (KALSHI 6).
READ_REFILL: Final = 200
READ_CAPACITY: Final = 400
READ_RESERVED: Final = 100
"""Tokens that background reads leave for evidence and account reads."""
READ_MARGIN: Final = 40
"""Tokens of the venue's bucket that reads never touch: 200 ms at Basic, because the first
read opens its connection and so arrives later than the ones behind it."""
WRITE_MARGIN: Final = 10
"""The same for writes: 100 ms at Basic, their connection is open beforehand."""
WRITE_REFILL: Final = 100
WRITE_CAPACITY: Final = 100
COST_DEFAULT: Final = 10
COST_CANCEL: Final = 2

_EASTERN: Final = ZoneInfo("America/New_York")
_THURSDAY: Final = 3
_PAUSE_FROM: Final = time(2, 55)
"""The pause begins at 03:00 Eastern; openings end five minutes before (F-028)."""
_PAUSE_UNTIL: Final = time(5, 0)


@dataclass(frozen=True, slots=True)
class Endpoints:
    """``rest`` without the API path (``https://host``), ``ws`` likewise (``wss://host``)."""

    rest: str
    ws: str

    @property
    def ws_url(self) -> str:
        return self.ws + WS_PATH


_HOSTS: Final = {
    VenueSet.LIVE: Endpoints("https://external-api.kalshi.com", "wss://external-api-ws.kalshi.com"),
    VenueSet.DEMO: Endpoints(
        "https://external-api.demo.kalshi.co", "wss://external-api-ws.demo.kalshi.co"
    ),
}
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


def strip_api_path(url: str) -> str:
    """Return ``scheme://host[:port]`` of a URL given with or without the API path."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https", "ws", "wss") or not parts.netloc:
        raise ConfigError(f"not a Kalshi address: {url!r:.80}")
    return f"{parts.scheme}://{parts.netloc}"


def choose_endpoints(venues: VenueSet, rest_url: str = "", ws_url: str = "") -> Endpoints:
    """Return the hosts of a host set; overrides are allowed on loopback for SIM only.

    Raises:
        ConfigError: SIM without addresses or off this machine, or DEMO / LIVE with any
            host but the venue's own (F-093).
    """
    if venues is VenueSet.SIM:
        rest, ws = strip_api_path(rest_url), strip_api_path(ws_url)
        for url in (rest, ws):
            if urlsplit(url).hostname not in _LOOPBACK:
                raise ConfigError(f"simulated venues live on this machine only, not at {url}")
        return Endpoints(rest, ws)
    known = _HOSTS[venues]
    for given, own in ((rest_url, known.rest), (ws_url, known.ws)):
        if given and strip_api_path(given) != own:
            raise ConfigError(f"mode {venues.value} may not use the host {given!r:.80}")
    return known


def is_scheduled_pause(wall_ns: int) -> bool:
    """Say whether new packages must not start because of the Thursday pause (02:55-05:00 ET).

    Computed in the venue's own zone, so daylight saving moves it with the venue (F-070).
    """
    local = datetime.fromtimestamp(wall_ns // NS_PER_S, UTC).astimezone(_EASTERN)
    return local.weekday() == _THURSDAY and _PAUSE_FROM <= local.time() < _PAUSE_UNTIL

"""What Polymarket US can do and where it lives, as data; and what of it is not confirmed.

Marks of the sources: V read in the official SDK 2.4.1 or recomputed; O the venue's own
documentation (docs.polymarket.us, read in November 2026 in a public copy); T seen by third
parties. Nothing marked O or T was probed by us: ``NOT_CONFIRMED`` says so, and the live
hosts are refused until a probe has (FAULTS 5).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from shared.domain.enums import TimeInForce, VenueSet
from shared.domain.errors import ConfigError, NotAvailableError
from shared.domain.units import NS_PER_S

WS_MARKETS: Final = "/v1/ws/markets"
WS_PRIVATE: Final = "/v1/ws/private"
TIFS: Final = frozenset({TimeInForce.IOC, TimeInForce.FOK, TimeInForce.GTC})
PRICE_MIN: Final = 10_000
PRICE_MAX: Final = 990_000
"""The exchange's own limits, micro-dollars of YES (O orders/overview)."""
BATCH_MAX: Final = 20
MARKETS_PER_SUBSCRIPTION: Final = 100
"""O websocket/markets; the number of subscriptions of one connection is not confirmed."""
MARKETS_PER_CONNECTION: Final = 500
PAGE_MARKETS: Final = 100
PAGE_ACTIVITIES: Final = 100
PAGE_POSITIONS: Final = 100
FRAME_BYTES_MAX: Final = 4 * 1024 * 1024
BLOCK_S: Final = 1
"""Seconds that an immediate order may keep its request open (``maxBlockTime``)."""

# Limits (O rate-limits): 20 requests a second per key, 20 per address without one. Third
# parties saw 429 after six or seven public reads at one a second, so those go slower.
KEY_PER_S: Final = 20
KEY_MARGIN: Final = 2
PUBLIC_PER_10_S: Final = 5
PUBLIC_BURST: Final = 5
RETRY_AFTER_S: Final = 10
"""Wait after a public 429 that does not say how long (T)."""
COMMANDS_PER_S: Final = 10
"""Our own bound on websocket commands; the venue's is not confirmed."""

STOPGAP_NS: Final = 5 * NS_PER_S
"""An order that is not processed for so long is rejected by the venue (O rate-limits)."""

NO_LIVE_ORDERS: Final = (
    "live orders at Polymarket US: no read-back of an order by our own id is confirmed"
)
WHOLE_BOOK_FIRST: Final = "whether a subscription begins with a whole book when nothing changes"
NOT_CONFIRMED: Final = (
    "fee coefficient and rounding: the venue's page and third parties disagree in time",
    "read-back of an order by an id of ours: the interface has none",
    "the answer of an order that is refused: status and body of each cause",
    "whether SELL_LONG and SELL_SHORT can pass the position that they close",
    "the interval of websocket heartbeats, and limits on subscriptions and commands",
    WHOLE_BOOK_FIRST,
    "what a settlement side of NEUTRAL pays",
)
"""What no source that we trust says; printed by the venue checks."""

_EASTERN: Final = ZoneInfo("America/New_York")
_THURSDAY: Final = 3
_PAUSE_FROM: Final = time(5, 55)
"""Weekly maintenance is Thursday 06:00-08:00 Eastern (O trading-hours); openings end before."""
_PAUSE_UNTIL: Final = time(8, 0)


@dataclass(frozen=True, slots=True)
class Endpoints:
    """``gateway`` is the public host, ``api`` the one for keys; both ``scheme://host``."""

    gateway: str
    api: str

    def ws_url(self, path: str) -> str:
        """Return the websocket address on the keyed host, as the SDK derives it (V)."""
        return self.api.replace("https://", "wss://").replace("http://", "ws://") + path


LIVE: Final = Endpoints("https://gateway.polymarket.us", "https://api.polymarket.us")
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


def base_of(url: str) -> str:
    """Return ``scheme://host[:port]`` of an address. Raises ConfigError."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ConfigError(f"not a Polymarket US address: {url!r:.80}")
    return f"{parts.scheme}://{parts.netloc}"


def choose_endpoints(
    venues: VenueSet, gateway_url: str = "", api_url: str = "", *, may_trade: bool = True
) -> Endpoints:
    """Return the hosts of a host set; addresses of one's own are for the simulators only.

    ``may_trade`` False is for reading market data, which needs no confirmation.

    Raises:
        ConfigError: SIM off this machine, or another host than the venue's own (F-093).
        NotAvailableError: DEMO, which the venue does not have as far as is known, and
            trading at the LIVE hosts.
    """
    if venues is VenueSet.SIM:
        gateway, api = base_of(gateway_url), base_of(api_url)
        for url in (gateway, api):
            if urlsplit(url).hostname not in _LOOPBACK:
                raise ConfigError(f"simulated venues live on this machine only, not at {url}")
        return Endpoints(gateway, api)
    if venues is VenueSet.DEMO:
        raise NotAvailableError("a demo of Polymarket US (no such host is confirmed)")
    for given, own in ((gateway_url, LIVE.gateway), (api_url, LIVE.api)):
        if given and base_of(given) != own:
            raise ConfigError(f"mode {venues.value} may not use the host {given!r:.80}")
    if may_trade:
        raise NotAvailableError(NO_LIVE_ORDERS)
    return LIVE


def is_scheduled_pause(wall_ns: int) -> bool:
    """Say whether new packages must not start because of the weekly maintenance.

    Computed in the venue's own zone, so daylight saving moves it with the venue (F-070).
    """
    local = datetime.fromtimestamp(wall_ns // NS_PER_S, UTC).astimezone(_EASTERN)
    return local.weekday() == _THURSDAY and _PAUSE_FROM <= local.time() < _PAUSE_UNTIL

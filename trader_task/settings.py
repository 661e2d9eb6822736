"""What the trader is told from outside, typed and cross-checked before anything starts.

Everything comes from the environment (``TWINLEG_*`` and the AWS endpoint); when a command
is typed in a shell without it, from the ``trader.json`` that the running trader left in
the state directory. Mode and host set are one decision: a paper or simulator run that
names a production host is refused here, and so is its reverse (F-093).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from shared.domain.eligibility import second_venue
from shared.domain.enums import FillsMode, RunMode, Venue, VenueSet
from shared.domain.errors import ConfigError

REPOSITORY: Final = Path(__file__).resolve().parents[1]
STATE_FILE: Final = "trader.json"

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
DEMO_HOSTS: Final = frozenset(
    {
        "demo-api.kalshi.co",
        "external-api.demo.kalshi.co",
        "external-api-ws.demo.kalshi.co",
        "clob-staging.polymarket.com",
        # Staging has no catalogue or streams of its own; these carry no orders.
        "gamma-api.polymarket.com",
        "data-api.polymarket.com",
        "ws-subscriptions-clob.polymarket.com",
    }
)
LIVE_HOSTS: Final = frozenset(
    {
        "external-api.kalshi.com",
        "external-api-ws.kalshi.com",
        "api.elections.kalshi.com",
        "clob.polymarket.com",
        "gamma-api.polymarket.com",
        "data-api.polymarket.com",
        "ws-subscriptions-clob.polymarket.com",
        "gateway.polymarket.us",
        "api.polymarket.us",
    }
)
_HOSTS_OF: Final = {
    VenueSet.SIM: LOOPBACK,
    VenueSet.DEMO: DEMO_HOSTS,
    VenueSet.LIVE: LIVE_HOSTS,
}

# Name of the environment variable -> attribute; each must hold a URL of the host set.
_KALSHI_URLS: Final = {
    "TWINLEG_KALSHI_URL": "kalshi_url",
    "TWINLEG_KALSHI_WS_URL": "kalshi_ws_url",
}
_SECOND_URLS: Final = {
    Venue.POLYMARKET: {
        "TWINLEG_POLYMARKET_CLOB_URL": "polymarket_clob_url",
        "TWINLEG_POLYMARKET_GAMMA_URL": "polymarket_gamma_url",
        "TWINLEG_POLYMARKET_DATA_URL": "polymarket_data_url",
        "TWINLEG_POLYMARKET_WS_URL": "polymarket_ws_url",
    },
    Venue.POLYMARKET_US: {
        "TWINLEG_POLYMARKET_US_GATEWAY_URL": "polymarket_us_gateway_url",
        "TWINLEG_POLYMARKET_US_API_URL": "polymarket_us_api_url",
    },
}
"""The operator's country says which of the two is read; the other's may be missing."""
_URLS: Final = {name: field for urls in _SECOND_URLS.values() for name, field in urls.items()} | (
    _KALSHI_URLS
)
_POLYMARKET_READS: Final = {
    "TWINLEG_POLYMARKET_GAMMA_URL": "https://gamma-api.polymarket.com",
    "TWINLEG_POLYMARKET_DATA_URL": "https://data-api.polymarket.com",
    "TWINLEG_POLYMARKET_WS_URL": "wss://ws-subscriptions-clob.polymarket.com/ws",
    "TWINLEG_GEOBLOCK_URL": "https://polymarket.com/api/geoblock",
}
_OWN_HOSTS: Final = {
    VenueSet.DEMO: {
        "TWINLEG_KALSHI_URL": "https://external-api.demo.kalshi.co",
        "TWINLEG_KALSHI_WS_URL": "wss://external-api-ws.demo.kalshi.co/trade-api/ws/v2",
        "TWINLEG_POLYMARKET_CLOB_URL": "https://clob-staging.polymarket.com",
        **_POLYMARKET_READS,
    },
    VenueSet.LIVE: {
        "TWINLEG_KALSHI_URL": "https://external-api.kalshi.com",
        "TWINLEG_KALSHI_WS_URL": "wss://external-api-ws.kalshi.com/trade-api/ws/v2",
        "TWINLEG_POLYMARKET_CLOB_URL": "https://clob.polymarket.com",
        "TWINLEG_POLYMARKET_US_GATEWAY_URL": "https://gateway.polymarket.us",
        "TWINLEG_POLYMARKET_US_API_URL": "https://api.polymarket.us",
        **_POLYMARKET_READS,
    },
}
# What a command in another shell needs to find the same stores; no secret among them.
SHARED_NAMES: Final = (
    "TWINLEG_STAGE",
    "TWINLEG_DSN",
    "TWINLEG_STATE_DIR",
    "TWINLEG_MODE",
    "TWINLEG_METRICS_PORT",
    "TWINLEG_GEOBLOCK_URL",
    "TWINLEG_JURISDICTION",
    "AWS_ENDPOINT_URL",
    "AWS_REGION",
    *_URLS,
)


@dataclass(frozen=True, slots=True)
class VenueUrls:
    kalshi_url: str
    kalshi_ws_url: str
    polymarket_clob_url: str = ""
    polymarket_gamma_url: str = ""
    polymarket_data_url: str = ""
    polymarket_ws_url: str = ""
    polymarket_us_gateway_url: str = ""
    polymarket_us_api_url: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """The trader's settings. Durations are seconds, sizes are counts."""

    stage: str
    dsn: str
    state_dir: Path
    mode: RunMode
    urls: VenueUrls
    metrics_port: int
    geoblock_url: str
    aws_endpoint_url: str
    aws_region: str
    jurisdiction: str = ""
    """Country of the operator, two letters in upper case; empty = not stated."""
    event_log: str = "disk"
    """``disk`` keeps segments in the state folder, ``s3`` stores them too, ``off`` none."""
    queue_capacity: int = 20_000
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def fills(self) -> FillsMode:
        return FillsMode(self.mode.value.split("_")[0])

    @property
    def venues(self) -> VenueSet:
        return VenueSet(self.mode.value.split("_")[1])

    @property
    def second_venue(self) -> Venue:
        """The venue beside Kalshi that this operator has."""
        return second_venue(self.jurisdiction)

    @property
    def spill_dir(self) -> Path:
        return self.state_dir / "spill"

    @property
    def stop_file(self) -> Path:
        return self.state_dir / "stop"


def default_state_dir(environment: Mapping[str, str]) -> Path:
    """Return the state directory: the environment's, else ``.twinleg`` of the repository."""
    named = environment.get("TWINLEG_STATE_DIR", "")
    return Path(named).expanduser().resolve() if named else REPOSITORY / ".twinleg"


def with_running_trader(environment: Mapping[str, str]) -> dict[str, str]:
    """Fill the gaps of ``environment`` from what the running trader wrote about itself.

    A missing or unreadable file changes nothing: the caller then misses a name and says so.
    """
    merged = dict(environment)
    path = default_state_dir(environment) / STATE_FILE
    try:
        known = json.loads(path.read_text()).get("env", {})
    except (OSError, ValueError, AttributeError):
        return merged
    if not isinstance(known, dict):
        return merged
    for name in SHARED_NAMES:
        if not merged.get(name) and isinstance(known.get(name), str):
            merged[name] = known[name]
    return merged


def with_own_hosts(environment: Mapping[str, str], venues: VenueSet) -> dict[str, str]:
    """Return ``environment`` with the venues' own demo or live hosts; simulators unchanged.

    Addresses that a running edition left behind are those of its simulators: they are
    replaced, never mixed in (F-093).
    """
    return {**environment, **_OWN_HOSTS.get(venues, {})}


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read and check the settings.

    Raises:
        ConfigError: a name is missing or mistyped, or mode and hosts contradict each other.
    """
    env = dict(os.environ if environment is None else environment)
    mode = _mode(_required(env, "TWINLEG_MODE"))
    jurisdiction = jurisdiction_of(env)
    needed = needed_urls(second_venue(jurisdiction))
    urls = VenueUrls(**{attribute: _required(env, name) for name, attribute in needed.items()})
    settings = Settings(
        stage=env.get("TWINLEG_STAGE", "local"),
        dsn=_required(env, "TWINLEG_DSN"),
        state_dir=default_state_dir(env),
        mode=mode,
        urls=urls,
        metrics_port=_port(env.get("TWINLEG_METRICS_PORT", "8704")),
        geoblock_url=env.get("TWINLEG_GEOBLOCK_URL", ""),
        aws_endpoint_url=env.get("AWS_ENDPOINT_URL", ""),
        aws_region=env.get("AWS_REGION", "eu-west-1"),
        jurisdiction=jurisdiction,
        event_log=_event_log(env.get("TWINLEG_EVENT_LOG", "disk")),
        environment=env,
    )
    refuse_swapped_modes(settings)
    return settings


def needed_urls(second: Venue) -> dict[str, str]:
    """Return environment name -> attribute of every address that is read."""
    return {**_KALSHI_URLS, **_SECOND_URLS[second]}


def _event_log(text: str) -> str:
    if text not in ("disk", "s3", "off"):
        raise ConfigError("TWINLEG_EVENT_LOG must be disk, s3 or off")
    return text


def jurisdiction_of(environment: Mapping[str, str]) -> str:
    """Return the operator's country, or an empty text. Raises ConfigError."""
    return _jurisdiction(environment.get("TWINLEG_JURISDICTION", ""))


def _jurisdiction(text: str) -> str:
    """Return a country code of two letters, or an empty text. Raises ConfigError."""
    code = text.strip().upper()
    if code and not (len(code) == 2 and code.isascii() and code.isalpha()):
        raise ConfigError("TWINLEG_JURISDICTION must be a country code of two letters")
    return code


def refuse_swapped_modes(settings: Settings) -> None:
    """Raise ConfigError when a URL is not of the mode's host set, or the stage contradicts it."""
    allowed = _HOSTS_OF[settings.venues]
    for name, attribute in needed_urls(settings.second_venue).items():
        url = urlsplit(getattr(settings.urls, attribute))
        if url.scheme not in ("http", "https", "ws", "wss") or not url.hostname:
            raise ConfigError(f"{name} is not a URL")
        if url.hostname not in allowed:
            raise ConfigError(
                f"{name} names {url.hostname}, which mode {settings.mode.value} may not use"
            )
        if settings.venues is not VenueSet.SIM and url.scheme in ("http", "ws"):
            raise ConfigError(f"{name} must be encrypted outside the simulators")
    if settings.mode.is_real_money and settings.stage == "local":
        raise ConfigError("real money is refused in the stage local")


def shared_environment(settings: Settings) -> dict[str, str]:
    """Return the non-secret names that ``trader.json`` carries for commands.

    A DSN with a password is left out; the one-machine edition has none.
    """
    found = {n: settings.environment[n] for n in SHARED_NAMES if settings.environment.get(n)}
    found["TWINLEG_STATE_DIR"] = str(settings.state_dir)
    if urlsplit(settings.dsn).password:
        found.pop("TWINLEG_DSN", None)
    return found


def _required(env: Mapping[str, str], name: str) -> str:
    value = env.get(name, "").strip()
    if not value:
        raise ConfigError(f"{name} is not set; start with `twinleg up`, or set it")
    return value


def _mode(text: str) -> RunMode:
    try:
        return RunMode(text)
    except ValueError:
        known = ", ".join(m.value for m in RunMode)
        raise ConfigError(f"TWINLEG_MODE {text!r} is none of {known}") from None


def _port(text: str) -> int:
    if not text.isdigit() or not 0 <= int(text) < 65_536:
        raise ConfigError(f"TWINLEG_METRICS_PORT {text!r} is not a port")
    return int(text)

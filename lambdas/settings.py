"""What a function is told from outside; read once, at the first invocation."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from shared.domain.eligibility import second_venue
from shared.domain.enums import RunMode, Venue, VenueSet
from shared.domain.errors import ConfigError

_NS_PER_S: Final = 1_000_000_000
SESSION_NS: Final = 12 * 3600 * _NS_PER_S
LOGIN_TRIES_PER_MINUTE: Final = 10
LOCAL_STAGE: Final = "local"


@dataclass(frozen=True, slots=True)
class Settings:
    """Stage, mode, and where record and venues are. Empty addresses are absent ones."""

    stage: str
    mode: RunMode
    dsn: str
    dsn_secret: str
    kalshi_url: str
    kalshi_ws_url: str
    polymarket_clob_url: str
    polymarket_gamma_url: str
    polymarket_data_url: str
    polymarket_ws_url: str
    polymarket_us_gateway_url: str = ""
    polymarket_us_api_url: str = ""
    account: str = "000000000000"
    jurisdiction: str = ""
    """Country of the operator, two letters in upper case; empty = not stated."""

    @property
    def second_venue(self) -> Venue:
        """The venue beside Kalshi that this operator has."""
        return second_venue(self.jurisdiction)

    @property
    def venue_set(self) -> VenueSet:
        return VenueSet(self.mode.value.split("_", 1)[1])

    @property
    def needs_opinion(self) -> bool:
        """Real money waits for a person where no language model has looked at a pair."""
        return self.mode is RunMode.VENUE_LIVE

    @property
    def badge(self) -> str:
        """PAPER for everything on paper, else the venue set (CONTRACTS, RunMode)."""
        fills, venues = self.mode.value.split("_", 1)
        return "PAPER" if fills == "paper" else venues.upper()

    @property
    def is_local(self) -> bool:
        return self.stage == LOCAL_STAGE

    @property
    def session_cookie(self) -> str:
        """Cookie name. The ``__Host-`` prefix needs https, which loopback does not have."""
        return "twinleg_session" if self.is_local else "__Host-twinleg_session"


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings. Raises ConfigError with the name that is missing or mistyped."""
    env = dict(os.environ if environment is None else environment)
    for name in ("TWINLEG_STAGE", "TWINLEG_MODE"):
        if not env.get(name):
            raise ConfigError(f"{name} is not set")
    try:
        mode = RunMode(env["TWINLEG_MODE"])
    except ValueError:
        raise ConfigError(f"TWINLEG_MODE {env['TWINLEG_MODE']!r} is no run mode") from None
    if not env.get("TWINLEG_DSN") and not env.get("TWINLEG_DSN_SECRET"):
        raise ConfigError("TWINLEG_DSN or TWINLEG_DSN_SECRET is not set")
    return Settings(
        stage=env["TWINLEG_STAGE"],
        mode=mode,
        dsn=env.get("TWINLEG_DSN", ""),
        dsn_secret=env.get("TWINLEG_DSN_SECRET", ""),
        kalshi_url=env.get("TWINLEG_KALSHI_URL", ""),
        kalshi_ws_url=env.get("TWINLEG_KALSHI_WS_URL", ""),
        polymarket_clob_url=env.get("TWINLEG_POLYMARKET_CLOB_URL", ""),
        polymarket_gamma_url=env.get("TWINLEG_POLYMARKET_GAMMA_URL", ""),
        polymarket_data_url=env.get("TWINLEG_POLYMARKET_DATA_URL", ""),
        polymarket_ws_url=env.get("TWINLEG_POLYMARKET_WS_URL", ""),
        polymarket_us_gateway_url=env.get("TWINLEG_POLYMARKET_US_GATEWAY_URL", ""),
        polymarket_us_api_url=env.get("TWINLEG_POLYMARKET_US_API_URL", ""),
        account=env.get("TWINLEG_ACCOUNT", "") or "000000000000",
        jurisdiction=env.get("TWINLEG_JURISDICTION", "").strip().upper(),
    )

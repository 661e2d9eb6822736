"""Makes the inspectors of ``twinleg venues``: the only other place that knows adapters.

Host sets are those of the trader: simulators on this machine as the running edition left
their addresses, the venues' own demo or production hosts otherwise (F-093).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from shared.adapters.aws.secrets import SecretsManager
from shared.adapters.venues.kalshi.capabilities import choose_endpoints
from shared.adapters.venues.kalshi.inspection import KalshiInspector
from shared.adapters.venues.kalshi.signing import Signer
from shared.adapters.venues.polymarket.access import PRODUCTION, STAGING, Hosts
from shared.adapters.venues.polymarket.inspection import PolymarketInspector
from shared.contracts import names
from shared.domain.enums import VenueSet
from shared.domain.errors import ConfigError, StoreError
from shared.ports.clock import Clock
from shared.ports.inspection import Inspector
from shared.ports.secrets import SecretStore
from trader_task.settings import jurisdiction_of


def open_secrets(environment: Mapping[str, str]) -> SecretStore:
    """Return the store that holds the venue keys of this stage."""
    return SecretsManager(environment.get("TWINLEG_STAGE", "local"))


def make_inspectors(
    venues: VenueSet, environment: Mapping[str, str], clock: Clock, secrets: SecretStore
) -> list[Inspector]:
    """Make one inspector for each venue.

    Raises:
        ConfigError: an address or a key is missing, or contradicts the host set.
    """
    stage = environment.get("TWINLEG_STAGE", "local")
    country = jurisdiction_of(environment)
    name = names.secret(stage, "kalshi")
    kalshi = _read(secrets, name)
    rest, ws = "", ""
    if venues is VenueSet.SIM:
        rest = _address(environment, "TWINLEG_KALSHI_URL")
        ws = _address(environment, "TWINLEG_KALSHI_WS_URL")
    endpoints = choose_endpoints(venues, rest, ws)
    try:
        signer = Signer.from_pem(kalshi["key_id"], kalshi["private_key_pem"])
    except KeyError as error:
        raise ConfigError(f"secret {name} has no field {error}") from None
    other = names.secret(stage, "polymarket")
    polymarket = _read(secrets, other)
    return [
        KalshiInspector(endpoints, signer, clock, country),
        PolymarketInspector(
            _hosts(venues, environment), polymarket, clock, country, _keep(secrets, other)
        ),
    ]


def _keep(secrets: SecretStore, name: str) -> Callable[[Mapping[str, str]], None]:
    def store(fields: Mapping[str, str]) -> None:
        secrets.write(name, {**secrets.read(name), **fields})

    return store


def _read(secrets: SecretStore, name: str) -> dict[str, Any]:
    try:
        return dict(secrets.read(name))
    except StoreError as error:
        raise ConfigError(f"venue keys: {error}; store them with `twinleg secrets set`") from None


def _hosts(venues: VenueSet, environment: Mapping[str, str]) -> Hosts:
    if venues is VenueSet.LIVE:
        return PRODUCTION
    if venues is VenueSet.DEMO:
        return STAGING
    return Hosts(
        clob=_address(environment, "TWINLEG_POLYMARKET_CLOB_URL"),
        gamma=_address(environment, "TWINLEG_POLYMARKET_GAMMA_URL"),
        data=_address(environment, "TWINLEG_POLYMARKET_DATA_URL"),
        ws=_address(environment, "TWINLEG_POLYMARKET_WS_URL"),
        geoblock=_address(environment, "TWINLEG_GEOBLOCK_URL"),
    )


def _address(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "").strip()
    if not value:
        raise ConfigError(f"{name} is not known: start the simulators with `twinleg up`")
    return value

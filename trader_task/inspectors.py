"""Makes the inspectors of ``twinleg venues``: the only other place that knows adapters.

Host sets are those of the trader: simulators on this machine as the running edition left
their addresses, the venues' own demo or production hosts otherwise (F-093).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from shared.adapters.aws.secrets import SecretsManager
from shared.adapters.venues.kalshi.capabilities import choose_endpoints
from shared.adapters.venues.kalshi.inspection import KalshiInspector
from shared.adapters.venues.kalshi.signing import Signer
from shared.adapters.venues.polymarket.access import PRODUCTION, STAGING, Credentials, Hosts
from shared.adapters.venues.polymarket.inspection import PolymarketInspector
from shared.adapters.venues.polymarket_us import capabilities as polymarket_us
from shared.adapters.venues.polymarket_us.inspection import PolymarketUsInspector
from shared.adapters.venues.polymarket_us.signing import Signer as PolymarketUsSigner
from shared.contracts import names
from shared.domain.eligibility import closed_venues, find_refusal, second_venue
from shared.domain.enums import Venue, VenueSet
from shared.domain.errors import ConfigError, StoreError
from shared.ports.clock import Clock
from shared.ports.inspection import Answer, Finding, Inspector, Light, SetupStep
from shared.ports.secrets import SecretStore
from trader_task.settings import jurisdiction_of


class ClosedVenue:
    """Implements ``Inspector`` for a venue that is not asked; it says why."""

    def __init__(self, venue: Venue, reason: str) -> None:
        self.venue, self._reason = venue, reason

    async def check(self) -> Sequence[Finding]:
        text = f"not traded: {self._reason}"
        return [Finding(self.venue, "jurisdiction", Light.UNKNOWN, text)]

    async def plan_setup(self) -> Sequence[SetupStep]:
        return []

    async def carry_out(self, step: SetupStep) -> Finding:
        return Finding(self.venue, step.name, Light.UNKNOWN, self._reason)

    async def probe(self, *, may_order: bool) -> Sequence[Answer]:
        del may_order
        return []

    async def aclose(self) -> None: ...


def open_secrets(environment: Mapping[str, str]) -> SecretStore:
    """Return the store that holds the venue keys of this stage."""
    return SecretsManager(environment.get("TWINLEG_STAGE", "local"))


def make_inspectors(
    venues: VenueSet, environment: Mapping[str, str], clock: Clock, secrets: SecretStore
) -> list[Inspector]:
    """Make one inspector for each venue, those closed to the stated country included.

    Raises:
        ConfigError: an address or a key is missing, or contradicts the host set.
        NotAvailableError: the host set has no such venue.
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
    second: Inspector
    if second_venue(country) is Venue.POLYMARKET_US:
        second = _make_polymarket_us(venues, environment, clock, secrets)
    else:
        second = _make_polymarket(venues, environment, clock, secrets)
    closed = (ClosedVenue(v, find_refusal(v, country)) for v in closed_venues(country))
    return [KalshiInspector(endpoints, signer, clock, country), second, *closed]


def _make_polymarket(
    venues: VenueSet, environment: Mapping[str, str], clock: Clock, secrets: SecretStore
) -> PolymarketInspector:
    name = names.secret(environment.get("TWINLEG_STAGE", "local"), "polymarket")
    fields = _read(secrets, name)
    country = jurisdiction_of(environment)
    hosts = _hosts(venues, environment)
    return PolymarketInspector(hosts, fields, clock, country, _keep(secrets, name))


def _make_polymarket_us(
    venues: VenueSet, environment: Mapping[str, str], clock: Clock, secrets: SecretStore
) -> PolymarketUsInspector:
    """The venue of an operator in the US; its own hosts are only read from."""
    name = names.secret(environment.get("TWINLEG_STAGE", "local"), "polymarket_us")
    fields = _read(secrets, name)
    gateway, api = "", ""
    if venues is VenueSet.SIM:
        gateway = _address(environment, "TWINLEG_POLYMARKET_US_GATEWAY_URL")
        api = _address(environment, "TWINLEG_POLYMARKET_US_API_URL")
    endpoints = polymarket_us.choose_endpoints(venues, gateway, api, may_trade=False)
    try:
        signer = PolymarketUsSigner.from_secret(fields["key_id"], fields["secret_key"])
    except KeyError as error:
        raise ConfigError(f"secret {name} has no field {error}") from None
    country = jurisdiction_of(environment)
    return PolymarketUsInspector(endpoints, signer, clock, country)


KEY_FIELDS: Final = {
    "kalshi": ("key_id", "private_key_pem"),
    "polymarket": ("private_key", "wallet", "signature_type"),
    "polymarket_us": ("key_id", "secret_key"),
}
"""What must be in each venue's secret; Polymarket's API key is made by `venues setup`."""
_API_FIELDS: Final = ("api_key", "api_secret", "api_passphrase")


def check_keys(venue: str, fields: Mapping[str, str]) -> str:
    """Say whose keys these are, in public words.

    Raises:
        ConfigError, DomainError: a field is missing, unknown or unreadable; none is quoted.
    """
    missing = [name for name in KEY_FIELDS[venue] if not fields.get(name)]
    if missing:
        raise ConfigError(f"{venue} keys lack {', '.join(missing)}")
    known = {*KEY_FIELDS[venue], *(_API_FIELDS if venue == "polymarket" else ()), "eoa"}
    if strange := sorted(set(fields) - known):
        raise ConfigError(f"{venue} keys have no field {', '.join(strange)[:120]}")
    if venue == "kalshi":
        signer = Signer.from_pem(fields["key_id"], fields["private_key_pem"])
        return f"{signer.kind} key {signer.key_id}"
    if venue == "polymarket":
        credentials = Credentials.from_secret({**dict.fromkeys(_API_FIELDS, ""), **fields})
        return f"wallet {credentials.wallet}, signed by {credentials.signer.address}"
    PolymarketUsSigner.from_secret(fields["key_id"], fields["secret_key"])
    return f"key {fields['key_id']}"


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

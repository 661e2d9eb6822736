"""The stages as data: what differs between this machine and the accounts, and nothing else.

A region is a function of the venue set: Polymarket international serves eu-west-1 and
treats addresses of the US and of Great Britain as close-only, while Kalshi together with
Polymarket US runs close to both in the US. A wrong combination is refused at synth.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

EU_REGIONS: Final = frozenset({"eu-west-1"})
US_REGIONS: Final = frozenset({"us-east-1", "us-east-2"})


class StageError(ValueError):
    """A stage asks for something that may not be deployed."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One deployment of Twinleg.

    ``account`` None means: decided by the credentials at deploy time, so that synth needs
    no account. Switches say what the target cannot do; they are all true on AWS.
    """

    name: str
    region: str
    venues: tuple[str, ...]
    mode: str
    """RunMode that the stage's screens and trader start with; real money is never a default."""
    account: str | None = None
    is_local: bool = False
    has_customer_keys: bool = True
    """KMS keys of our own for tables, buckets, queues and secrets."""
    has_archive: bool = True
    """EventBridge archive; the embedded CloudFormation does not know the type."""
    has_layers: bool = True
    """Third-party arm64 layer; the embedded AWS runs functions on our own interpreter."""
    has_distributed_map: bool = True
    """Chunks of candidates run as child executions; off: as branches of one execution."""
    keeps_data: bool = True
    """Stateful resources survive the deletion of their stack."""
    log_days: int = 30
    retry_seconds: int = 5
    """Pause before a step of a state machine is tried again; it doubles."""
    matching_minutes: int = 5
    fees_minutes: int = 60
    api_rate: int = 50
    """Requests a second, steady; the burst is twice that."""

    @property
    def venue_addresses(self) -> Mapping[str, str]:
        """Environment names and addresses of the venues; empty where they come at deploy."""
        return {} if self.is_local else _ADDRESSES[self.mode.rsplit("_", 1)[1]]

    def __post_init__(self) -> None:
        check_region(self.region, self.venues)


def check_region(region: str, venues: tuple[str, ...]) -> None:
    """Raise StageError where a venue of the set may not be traded from the region."""
    if "polymarket" in venues and region not in EU_REGIONS:
        raise StageError(f"Polymarket international is traded from eu-west-1, not from {region}")
    if "polymarket_us" in venues and region not in US_REGIONS:
        raise StageError(f"Polymarket US is traded from the US, not from {region}")
    if not venues:
        raise StageError("a stage needs at least one venue")


US_COUNTRIES: Final = ("US", "UM")
"""Countries whose operators have Polymarket US instead of the international book."""


def second_venue(country: str) -> str:
    """Return the venue beside Kalshi that an operator of ``country`` has."""
    return "polymarket_us" if country.strip().upper() in US_COUNTRIES else "polymarket"


_VENUES: Final = ("kalshi", "polymarket")

_ADDRESSES: Final[Mapping[str, Mapping[str, str]]] = {
    "demo": {
        "TWINLEG_KALSHI_URL": "https://external-api.demo.kalshi.co",
        "TWINLEG_POLYMARKET_CLOB_URL": "https://clob-staging.polymarket.com",
        # Staging has no catalogue of its own.
        "TWINLEG_POLYMARKET_GAMMA_URL": "https://gamma-api.polymarket.com",
        "TWINLEG_POLYMARKET_DATA_URL": "https://data-api.polymarket.com",
    },
    "live": {
        "TWINLEG_KALSHI_URL": "https://external-api.kalshi.com",
        "TWINLEG_POLYMARKET_CLOB_URL": "https://clob.polymarket.com",
        "TWINLEG_POLYMARKET_GAMMA_URL": "https://gamma-api.polymarket.com",
        "TWINLEG_POLYMARKET_DATA_URL": "https://data-api.polymarket.com",
        "TWINLEG_POLYMARKET_US_GATEWAY_URL": "https://gateway.polymarket.us",
        "TWINLEG_POLYMARKET_US_API_URL": "https://api.polymarket.us",
    },
}

STAGES: Final = {
    stage.name: stage
    for stage in (
        Stage(
            name="local",
            region="eu-west-1",
            venues=_VENUES,
            mode="paper_sim",
            account="000000000000",
            is_local=True,
            has_customer_keys=False,
            has_archive=False,
            has_layers=False,
            keeps_data=False,
            log_days=1,
            matching_minutes=1,
            retry_seconds=1,
        ),
        Stage(
            name="dev",
            region="eu-west-1",
            venues=_VENUES,
            mode="paper_live",
            keeps_data=False,
            log_days=7,
        ),
        Stage(name="staging", region="eu-west-1", venues=_VENUES, mode="venue_demo", log_days=30),
        Stage(name="prod", region="eu-west-1", venues=_VENUES, mode="paper_live", log_days=365),
    )
}


def find_stage(name: str) -> Stage:
    """Return a stage by name; raises StageError with the names that exist."""
    if name not in STAGES:
        raise StageError(f"no stage named {name!r}; there are {', '.join(STAGES)}")
    return STAGES[name]

"""One Kalshi account put together: every port over one REST client, one set of counts."""

from __future__ import annotations

from dataclasses import dataclass

from shared.adapters.venues.kalshi.account import KalshiAccount
from shared.adapters.venues.kalshi.capabilities import Endpoints
from shared.adapters.venues.kalshi.catalogue import KalshiCatalogue
from shared.adapters.venues.kalshi.errors import WireTally
from shared.adapters.venues.kalshi.evidence import AttemptMemory
from shared.adapters.venues.kalshi.execution import KalshiExecution
from shared.adapters.venues.kalshi.market_data import KalshiMarketData
from shared.adapters.venues.kalshi.rest import KalshiRest
from shared.adapters.venues.kalshi.signing import Signer
from shared.ports.clock import Clock


@dataclass(frozen=True, slots=True)
class KalshiVenue:
    """All ports of one account. ``tally.counts`` are the wire errors per kind (metrics)."""

    rest: KalshiRest
    catalogue: KalshiCatalogue
    market_data: KalshiMarketData
    execution: KalshiExecution
    account: KalshiAccount
    tally: WireTally

    async def close(self) -> None:
        await self.rest.close()


def connect_kalshi(
    endpoints: Endpoints, key_id: str, private_key_pem: str, clock: Clock
) -> KalshiVenue:
    """Build every port of one account; nothing is sent yet. Raises DomainError on a bad key.

    Call inside a running event loop. ``endpoints`` from ``capabilities.choose_endpoints``.
    """
    signer = Signer.from_pem(key_id, private_key_pem)
    tally = WireTally()
    rest = KalshiRest(endpoints, signer, clock, tally)
    catalogue = KalshiCatalogue(rest, tally)
    memory = AttemptMemory(clock.wall_ns(), clock.mono_ns())
    account = KalshiAccount(rest, memory)
    return KalshiVenue(
        rest=rest,
        catalogue=catalogue,
        market_data=KalshiMarketData(endpoints, signer, rest, catalogue, clock, tally),
        execution=KalshiExecution(endpoints, signer, rest, account, memory, clock, tally),
        account=account,
        tally=tally,
    )


def connect_kalshi_catalogue(
    endpoints: Endpoints, clock: Clock
) -> tuple[KalshiCatalogue, KalshiRest]:
    """Build the public catalogue alone, for processes that hold no keys; close the client."""
    tally = WireTally()
    rest = KalshiRest(endpoints, None, clock, tally)
    return KalshiCatalogue(rest, tally), rest

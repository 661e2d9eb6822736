"""One Polymarket US account put together: every port over one REST client, one set of counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from shared.adapters.venues.polymarket_us.account import PolymarketUsAccount
from shared.adapters.venues.polymarket_us.capabilities import Endpoints
from shared.adapters.venues.polymarket_us.catalogue import PolymarketUsCatalogue
from shared.adapters.venues.polymarket_us.errors import WireTally
from shared.adapters.venues.polymarket_us.evidence import AttemptMemory
from shared.adapters.venues.polymarket_us.execution import (
    PolymarketUsExecution,
    Remember,
    remember_nothing,
)
from shared.adapters.venues.polymarket_us.instruments import FeeTerms
from shared.adapters.venues.polymarket_us.market_data import PolymarketUsMarketData
from shared.adapters.venues.polymarket_us.rest import PolymarketUsRest
from shared.adapters.venues.polymarket_us.signing import Signer
from shared.domain.enums import Venue
from shared.domain.ids import AttemptId
from shared.domain.order import Fill
from shared.ports.clock import Clock


@dataclass(frozen=True, slots=True)
class PolymarketUsVenue:
    """All ports of one account. ``tally.counts`` are the wire errors per kind (metrics)."""

    rest: PolymarketUsRest
    catalogue: PolymarketUsCatalogue
    market_data: PolymarketUsMarketData
    execution: PolymarketUsExecution
    account: PolymarketUsAccount
    tally: WireTally

    async def close(self) -> None:
        await self.rest.close()


def connect_polymarket_us(
    endpoints: Endpoints,
    key_id: str,
    secret: str,
    clock: Clock,
    fee_terms: Callable[[], FeeTerms],
    *,
    known_orders: Mapping[AttemptId, str] | None = None,
    known_fills: Sequence[Fill] = (),
    remember: Remember = remember_nothing,
) -> PolymarketUsVenue:
    """Build every port of one account; nothing is sent yet. Raises DomainError on a bad key.

    Call inside a running event loop. ``known_orders`` and ``known_fills`` are what earlier
    processes learnt: the venue cannot be asked by an id of ours.
    """
    signer = Signer.from_secret(key_id, secret)
    tally = WireTally()
    rest = PolymarketUsRest(endpoints, signer, clock, tally)
    catalogue = PolymarketUsCatalogue(rest, tally, fee_terms)
    memory = AttemptMemory(clock.wall_ns(), clock.mono_ns())
    for attempt_id, order_id in (known_orders or {}).items():
        memory.link(order_id, attempt_id)
    for fill in known_fills:
        if fill.venue is Venue.POLYMARKET_US:
            memory.note_fill(fill)
    account = PolymarketUsAccount(rest, catalogue, tally)
    return PolymarketUsVenue(
        rest=rest,
        catalogue=catalogue,
        market_data=PolymarketUsMarketData(endpoints, signer, rest, catalogue, clock, tally),
        execution=PolymarketUsExecution(
            endpoints, signer, rest, account, memory, clock, tally, remember=remember
        ),
        account=account,
        tally=tally,
    )

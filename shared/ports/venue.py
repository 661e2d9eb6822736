"""What Twinleg asks of a venue, in domain words.

Three capabilities, each its own Protocol so that paper trading can join a real feed
with simulated fills: ``MarketData`` reads, ``Execution`` trades, ``Account`` reads money.
Rules for every implementation:
1. Unknown is not rejected: ``send`` returns ``Rejected`` only for answers on the venue's
   refusal list; every other failure is ``Unknown``. ``send`` never raises for I/O.
2. Prices and sides are of the leg held; translating to the wire is the adapter's.
3. Bodies given to a sink carry verified data; a book in doubt is marked before anything else.
4. Nothing is retried inside an adapter's order path.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from shared.domain.enums import Venue
from shared.domain.events import AccountSnapshot, EventBody, PayoutSeen
from shared.domain.ids import MarketId
from shared.domain.instrument import Instrument
from shared.domain.order import Evidence, LegTicket, SubmitOutcome

Sink = Callable[[EventBody], None]
"""Takes a body at once, never blocks, never raises; ingress stamps and queues it."""


@dataclass(frozen=True, slots=True)
class CatalogueMarket:
    """One listed market: the instrument, its texts for matching, and the raw object."""

    instrument: Instrument
    event_title: str
    question: str
    outcome_label: str
    rules_text: str
    resolution_source: str
    tags: tuple[str, ...]
    raw: dict[str, Any]


@dataclass(frozen=True, slots=True)
class EncodedOrder:
    """An order ready to be signed and sent; made before the journal commit.

    ``order_hash`` is the venue's own id of the order where it can be known beforehand
    (Polymarket digest, lower-case hex), else empty. ``decoded`` is the ticket read back
    from ``payload`` by independent code (I-05): venue-neutral (market_id, outcome, side,
    price, qty or budget).
    """

    ticket: LegTicket
    payload: bytes
    order_hash: str
    decoded: dict[str, str]


class CatalogueSource(Protocol):
    """Lists what a venue offers. Used by the catalogue service and by lambdas."""

    venue: Venue

    def list_markets(self, *, resume_from: str = "") -> AsyncIterator[CatalogueMarket]:
        """Yield every open market, paging to the end; ``resume_from`` is an opaque cursor."""
        ...


class MarketData(Protocol):
    venue: Venue

    async def run(self, sink: Sink) -> None:
        """Keep the connections up until cancelled; emits feed bodies; reconnects itself."""
        ...

    async def watch(self, instruments: Sequence[Instrument]) -> None:
        """Replace the set of watched markets; safe to call at any time, idempotent."""
        ...

    async def request_snapshot(self, market: MarketId) -> None:
        """Ask for a fresh book of one market (stream snapshot or REST); result via the sink."""
        ...


class Execution(Protocol):
    venue: Venue

    def encode(self, ticket: LegTicket, instrument: Instrument) -> EncodedOrder:
        """Build the unsigned order; pure and deterministic. Raises DomainError when impossible."""
        ...

    async def send(
        self, order: EncodedOrder, may_send: Callable[[], str | None]
    ) -> SubmitOutcome | None:
        """Sign, call ``may_send`` immediately before the first byte, write, read the answer.

        Returns None when ``may_send`` returned a reason (nothing was sent).
        """
        ...

    async def cancel(self, order: EncodedOrder, order_id: str) -> bool:
        """Ask for a cancel; True only when the venue says that it is cancelled."""
        ...

    async def cancel_everything(self) -> int:
        """Cancel every live order of ours and prove it (start-up, freeze); returns how many."""
        ...

    async def sweep_everything(self) -> bool:
        """The venue's own cancel-all, for the kill switch alone; True when it was taken.

        It may take orders of the following minute with it, so that the adapter then refuses
        to submit for as long; it proves nothing, ``cancel_everything`` does.
        """
        ...

    async def find_evidence(self, tickets: Sequence[LegTicket]) -> Sequence[Evidence]:
        """Ask the venue's records about attempts, by the evidence rules of the venue."""
        ...

    async def run_user_stream(self, sink: Sink) -> None:
        """Emit FillSeen, TradeFinality until cancelled; sweeps REST after each reconnect."""
        ...


class Account(Protocol):
    venue: Venue

    async def fetch_snapshot(self) -> AccountSnapshot:
        """Read cash and positions to the last page. Raises StoreError when incomplete."""
        ...

    async def fetch_payouts(self, since_wall_ns: int) -> Sequence[PayoutSeen]:
        """Read settlements credited since a time; repeats are fine."""
        ...

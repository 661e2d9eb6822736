"""One hidden world behind both simulated venues: catalogue, life and truth.

The world owns the time (``now_ns``) and the two exchanges; a *source of life* lists
markets, moves the crowd's books, determines and settles. The servers read the world and
translate; they never change it but through orders.
Rule: a source acts at the times that it planned, never at the time of being called, so
its happenings depend on (seed, start) alone, not on the pace of the process.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from shared.domain.enums import MarketStatus, Outcome, Venue
from shared.domain.ids import MarketId
from shared.domain.ids import market_id as derive_market_id
from shared.domain.units import NS_PER_S, PriceMicros
from shared.exchange.fault_plan import FaultSwitches
from shared.exchange.matching_core import Exchange
from shared.exchange.seeded import draw_below, stream_key
from shared.exchange.venue_rules import rules_of
from shared.simulators.catalogue import SimEvent, SimMarket, SimSeries
from shared.simulators.world_faults import WorldFaults

VENUES: Final = (Venue.KALSHI, Venue.POLYMARKET)
"""The pair of venues of an operator outside the US; a world has Kalshi and one other."""
WIRE_PERCENT: Final = (
    *range(60, 110, 1),
    *range(110, 200, 3),
    *range(200, 290, 9),
    *range(290, 400, 13),
    400,
)
"""A hundred quantiles of a wait in percent of its median."""
_SLEEP_MAX_S: Final = 0.05
_SLEEP_MIN_S: Final = 0.002


class LifeSource(Protocol):
    """What makes the world move; see market_dynamics and recordings."""

    name: str
    assumptions: Sequence[str]

    def start(self, world: World, now_ns: int) -> None:
        """List everything that exists at ``now_ns``, recently settled markets included."""
        ...

    def next_due_ns(self) -> int | None: ...

    def step(self, now_ns: int) -> None:
        """Do, in time order, everything planned at or before ``now_ns``."""
        ...

    def recall(self, market_ids: Sequence[MarketId]) -> None:
        """List long settled markets again that an account still refers to."""
        ...


class World:
    """Catalogue, exchanges and time of one simulation."""

    def __init__(
        self,
        source: LifeSource,
        *,
        seed: int = 1,
        clock: Callable[[], int] = time.time_ns,
        wire_delay_ms: Mapping[Venue, int] | None = None,
        exchanges: Mapping[Venue, Exchange] | None = None,
        venues: Sequence[Venue] = VENUES,
    ) -> None:
        self.seed = seed
        self.source_of_life = source
        self.exchanges: Mapping[Venue, Exchange] = exchanges or {
            venue: Exchange(rules_of(venue), seed) for venue in venues
        }
        self.faults = FaultSwitches(seed)
        for exchange in self.exchanges.values():
            exchange.faults = self.faults
        self.clock_faults = WorldFaults(self, self.faults)
        self._clock = clock
        self._wire_delay_ms = dict(wire_delay_ms or {})
        self._markets: dict[MarketId, SimMarket] = {}
        self._tokens: dict[str, tuple[MarketId, Outcome]] = {}
        self._events: dict[tuple[Venue, str], SimEvent] = {}
        self._series: dict[str, SimSeries] = {}
        self._delays = 0
        self._drops: dict[Venue, list[Callable[[], int]]] = {venue: [] for venue in Venue}

    # --- reading -------------------------------------------------------------------------

    @property
    def source(self) -> str:
        return self.source_of_life.name

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What had to be assumed to make this world, in sentences; printed at the start."""
        return tuple(self.source_of_life.assumptions)

    def now_ns(self) -> int:
        return self._clock()

    def wire_delay_s(self, venue: Venue) -> float:
        """Return the simulated one-way wait before an order request is handled.

        Seeded and skewed as networks are: half of the waits are the median given at the
        start or less, one in ten is twice as long or longer, one in a hundred four times.
        """
        median_ms = self._wire_delay_ms.get(venue, 0)
        if median_ms == 0:
            return 0.0
        self._delays += 1
        percent = WIRE_PERCENT[
            draw_below(stream_key(self.seed, f"wire/{venue.value}"), self._delays, 100)
        ]
        return float(median_ms * percent) / 100_000

    def markets(self, venue: Venue) -> list[SimMarket]:
        return [market for market in self._markets.values() if market.venue is venue]

    def find(self, market_id: MarketId) -> SimMarket | None:
        return self._markets.get(market_id)

    def find_native(self, venue: Venue, native_id: str) -> SimMarket | None:
        return self._markets.get(derive_market_id(venue, native_id)) if native_id else None

    def token(self, token_id: str) -> tuple[MarketId, Outcome] | None:
        return self._tokens.get(token_id)

    def events(self, venue: Venue) -> list[SimEvent]:
        return [event for event in self._events.values() if event.venue is venue]

    def kalshi_events(self) -> list[SimEvent]:
        return self.events(Venue.KALSHI)

    def polymarket_events(self) -> list[SimEvent]:
        return self.events(Venue.POLYMARKET)

    def event(self, venue: Venue, event_id: str) -> SimEvent | None:
        return self._events.get((venue, event_id))

    def kalshi_series(self) -> list[SimSeries]:
        return list(self._series.values())

    def series(self, series_id: str) -> SimSeries | None:
        return self._series.get(series_id)

    # --- for sources of life -----------------------------------------------------------------

    def add_market(
        self,
        market: SimMarket,
        now_ns: int,
        *,
        status: MarketStatus = MarketStatus.ACTIVE,
        payout: PriceMicros | None = None,
    ) -> None:
        """List a market (its event first); a finished one comes with its payout."""
        self._markets[market.market_id] = market
        for outcome in Outcome:
            if market.token_of(outcome):
                self._tokens[market.token_of(outcome)] = (market.market_id, outcome)
        exchange = self.exchanges[market.venue]
        exchange.list_market(market.instrument, now_ns, MarketStatus.ACTIVE)
        if status in (MarketStatus.DETERMINED, MarketStatus.SETTLED):
            assert payout is not None, market.market_id
            exchange.change_status(market.market_id, MarketStatus.CLOSED, market.close_ns)
            exchange.change_status(market.market_id, MarketStatus.DETERMINED, now_ns, payout)
        if status not in (MarketStatus.ACTIVE, MarketStatus.DETERMINED):
            exchange.change_status(market.market_id, status, now_ns)

    def add_event(self, event: SimEvent) -> None:
        self._events[(event.venue, event.event_id)] = event

    def add_series(self, series: SimSeries) -> None:
        self._series[series.series_id] = series

    def forget_market(self, market_id: MarketId) -> None:
        """Take a long settled market out of the catalogue; the exchange keeps its payout."""
        market = self._markets.pop(market_id, None)
        if market is None:
            return
        for outcome in Outcome:
            self._tokens.pop(market.token_of(outcome), None)
        siblings = any(
            m.event_id == market.event_id and m.venue is market.venue
            for m in self._markets.values()
        )
        if not siblings:
            self._events.pop((market.venue, market.event_id), None)

    # --- faults ----------------------------------------------------------------------------

    def on_drop(self, venue: Venue, drop: Callable[[], int]) -> None:
        """Register how a server aborts every open websocket; it returns how many."""
        self._drops[venue].append(drop)

    def drop_connections(self, venue: Venue) -> int:
        """Abort every websocket of a venue now, as a network failure would."""
        return sum(drop() for drop in self._drops[venue])

    # --- time ------------------------------------------------------------------------------

    def start(self) -> None:
        self.source_of_life.start(self, self.now_ns())

    def step(self, now_ns: int) -> None:
        """Bring the whole world to ``now_ns``."""
        self.source_of_life.step(now_ns)
        for exchange in self.exchanges.values():
            exchange.advance(now_ns)
        self.clock_faults.step(now_ns)

    async def run(self) -> None:
        """Move with the clock until cancelled."""
        while True:
            now_ns = self.now_ns()
            self.step(now_ns)
            dues = [self.source_of_life.next_due_ns()]
            dues += [exchange.next_due_ns() for exchange in self.exchanges.values()]
            due_ns = min((due for due in dues if due is not None), default=now_ns + NS_PER_S)
            wait = (due_ns - self.now_ns()) / NS_PER_S
            await asyncio.sleep(min(_SLEEP_MAX_S, max(_SLEEP_MIN_S, wait)))

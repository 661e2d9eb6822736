"""The second edition of the swarm: faults that came after the first seeds were kept.

They draw from a generator of their own, so a kept seed of the first edition replays
unchanged with these switched off.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Final

from shared.domain.config import Config
from shared.domain.enums import BookState, MarketStatus, Venue
from shared.domain.events import BookMarked, ConfigChanged, FeedStatus, InstrumentChanged, LeaseSeen
from shared.domain.ids import MarketId
from shared.domain.instrument import DECI_CENT, LINEAR_CENT
from shared.domain.units import NS_PER_MS, NS_PER_S, UsdMicros

if TYPE_CHECKING:
    from shared.drivers.sim_world import Simulation

LEASE_NS: Final = 30 * NS_PER_S
MARGIN_NS: Final = 5 * NS_PER_S
"""A rival waits this much longer than the last lease it saw."""


class Extras:
    """Strikes the world once a second; faults on the wire are drawn by the venue itself."""

    def __init__(self, sim: Simulation, rng: Random) -> None:
        self.sim = sim
        self.rng = rng

        self.actions: dict[str, Callable[[], None]] = {
            "ts.shift": self._stale_timestamps,
            "tick_change": self._change_grid,
            "k.pause": self._pause_shard,
            "p.restart": self._restart_venue,
            "metadata_updated": self._edit_rules,
            "config": self._shrink_limits,
            "pause": self._freeze,
            "lease.split": self._fight_for_the_lease,
            "ws.reorder": self._reorder,
        }
        """Injection key to what it does, in the order in which chances are drawn."""

    def strike(self) -> None:
        for key, act in self.actions.items():
            if self.sim.swarm.hits_more(key):
                act()

    def _restart_venue(self) -> None:
        poly = self.sim.venues[Venue.POLYMARKET]
        poly.restart_until = self.sim.exchange_now() + 15 * NS_PER_S

    def _freeze(self) -> None:
        self.sim.freeze_trader(self.rng.randint(200, 12_000) * NS_PER_MS)

    def _reorder(self) -> None:
        market = self.rng.choice(list(self.sim.markets.instruments))
        self.sim.deliver(0, BookMarked(market, BookState.GAPPED, "frames out of order"))

    def _stale_timestamps(self) -> None:
        venue = self.rng.choice(list(self.sim.venues))
        for second in range(3):
            late = FeedStatus(venue, True, 100 * NS_PER_MS, 5 * NS_PER_S, 0)
            self.sim.deliver(second * NS_PER_S + 1, late)

    def _change_grid(self) -> None:
        """A finer grid for some seconds, then the old one: our finer prices are refused."""
        self.change_grid(self.rng.choice(list(self.sim.markets.instruments)))

    def change_grid(self, market: MarketId) -> None:
        self._regrid(market, DECI_CENT)
        back = self.rng.randint(1, 6) * NS_PER_S
        self.sim.schedule(back, lambda: self._regrid(market, LINEAR_CENT))

    def _regrid(self, market: MarketId, grid: tuple[object, ...]) -> None:
        self._change(market, grid=grid)

    def _change(self, market: MarketId, **fields: object) -> None:
        sim = self.sim
        changed = replace(sim.markets.instruments[market], **fields)  # type: ignore[arg-type]
        if changed.status is not MarketStatus.ACTIVE:
            return
        sim.markets.instruments[market] = changed
        sim.venues[changed.venue].exchange.list_market(changed, sim.exchange_now())
        sim.deliver(self.rng.randint(5, 80) * NS_PER_MS, InstrumentChanged(changed))

    def _pause_shard(self) -> None:
        """The shard refuses while every market still reads active (F-028)."""
        paused = self.sim.venues[Venue.KALSHI].exchange.paused_shards
        paused.add(0)
        self.sim.schedule(self.rng.randint(2, 12) * NS_PER_S, lambda: paused.discard(0))

    def _edit_rules(self) -> None:
        market = self.sim.markets.pairs[-1].a
        self._change(market, rules_hash="edited")
        self.sim.schedule(10 * NS_PER_S, lambda: self._change(market, rules_hash="r"))

    def _shrink_limits(self) -> None:
        """Limits fall below what is open; they bind openings, never the hedge of a package."""
        small = Config(
            taker_delay_max_ms=0,
            per_contract_exposure_usd_micros=6_000_000,
            pairs_max=1,
            capital_per_venue_usd_micros=UsdMicros(20_000_000),
        )
        self.sim.deliver(0, ConfigChanged(small))
        self.sim.schedule(6 * NS_PER_S, self.sim.give_config)

    def _fight_for_the_lease(self) -> None:
        """The owner freezes past its lease, a rival starts, then the old one wakes (F-073)."""
        sim = self.sim
        old = sim.trader
        if old is None or old.is_paused:
            return
        old.pause()
        sim.trader = None
        sim.generation += 1
        left = max(0, old.lease_until - sim.now) + MARGIN_NS
        sim.checkers.allowance_ns += left
        sim.schedule(left, lambda: sim.start_trader() if sim.trader is None else None)

        def learn() -> None:
            if not old.is_dead:
                old.give(LeaseSeen(old.epoch, 0))
                old.is_dead = True

        sim.schedule(left + 2 * NS_PER_S, old.wake)
        sim.schedule(left + 4 * NS_PER_S, learn)

"""The third edition of the swarm: partitions, silent feeds, stops by a person, tight limits.

Draws from a generator of its own, so that kept seeds of the first two editions replay
unchanged. Limits and naked slots are drawn once a seed: only where they bind can a wrong
sum be seen.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Final

from shared.domain.config import Config
from shared.domain.enums import HaltReason, Venue
from shared.domain.events import Halt, HaltLifted, HaltTaken
from shared.domain.units import NS_PER_S

if TYPE_CHECKING:
    from shared.drivers.sim_world import Simulation

RATES: Final = {"partition": 0.012, "silence": 0.02, "halt": 0.02, "freeze": 0.006, "zombie": 0.2}
"""Chance a second (zombie: an order), where the seed has the fault at all: two in five."""
_USD: Final = 1_000_000


class Late:
    """Strikes the world once a second, after the older editions."""

    def __init__(self, sim: Simulation, rng: Random) -> None:
        self.sim = sim
        self.rng = rng
        self.enabled = frozenset(key for key in RATES if rng.random() < 0.4)
        self.slots = rng.choice((1, 1, 2))
        self.is_tight = rng.random() < 0.3
        self.contract_usd = rng.randint(20, 120) * _USD
        self.venue_usd = rng.randint(40, 200) * _USD
        self.provisional_usd = rng.randint(15, 120) * _USD
        self.version = 1
        self.silent_until = 0
        self.resume_at = 0
        self.density = 1.0
        """Factor on every rate: a short run meets its faults more often."""
        if "zombie" in self.enabled:
            sim.venues[Venue.KALSHI].is_zombie = self._is_zombie

    def config(self, base: Config) -> Config:
        """Return the configuration of this seed under a new version."""
        self.version += 1
        changed = replace(base, version=self.version, naked_slots=self.slots)
        if not self.is_tight:
            return changed
        return replace(
            changed,
            per_contract_exposure_usd_micros=min(self.contract_usd, self.venue_usd),
            capital_per_venue_usd_micros=self.venue_usd,
            provisional_max_usd_micros=self.provisional_usd,
            category_cap_ppm=600_000,
            source_cap_ppm=500_000,
        )

    def is_silent(self, venue: Venue) -> bool:
        """Whether the venue's feed answers pings and sends no book (F-005)."""
        return venue is Venue.POLYMARKET and self.sim.now < self.silent_until

    def strike(self) -> None:
        if self._hits("partition"):
            self._partition()
        if self._hits("silence"):
            self.sim.swarm.count("p.ws.freeze")
            self.silent_until = self.sim.now + self.rng.randint(3, 6) * NS_PER_S
        if self._hits("halt"):
            self._stop(HaltReason.OPERATOR, self.rng.randint(3, 15))
        if self._hits("freeze"):
            self._stop(HaltReason.FREEZE, self.rng.randint(2, 8))
        if self.resume_at and self.sim.now >= self.resume_at:
            self._resume()

    def heal(self) -> None:
        """Faults are off: every venue can be reached again."""
        for venue in self.sim.venues.values():
            venue.is_reachable = True

    def _hits(self, key: str) -> bool:
        drawn = self.rng.random()
        return (
            key in self.enabled
            and not self.sim.swarm.is_quiet
            and drawn < RATES[key] * self.density
        )

    def _is_zombie(self) -> bool:
        if not self._hits("zombie"):
            return False
        self.sim.swarm.count("k.req_late")
        return True

    def _partition(self) -> None:
        """Nothing reaches one venue and nothing comes from it, evidence included (F-083)."""
        venue = self.sim.venues[self.rng.choice((Venue.KALSHI, Venue.POLYMARKET))]
        if not venue.is_reachable:
            return
        self.sim.swarm.count("partition")
        venue.is_reachable = False

        def back() -> None:
            venue.is_reachable = True

        self.sim.schedule(self.rng.randint(4, 40) * NS_PER_S, back)

    def _stop(self, reason: HaltReason, seconds: int) -> None:
        """A person halts or freezes everything and resumes some seconds later (F-089)."""
        halt = Halt("global", reason, "person", self.sim.wall(), reason is HaltReason.FREEZE)
        self.sim.deliver(0, HaltTaken(halt))
        self.sim.swarm.count("halt")
        self.resume_at = self.sim.now + seconds * NS_PER_S

    def _resume(self) -> None:
        """Resume whatever a person stopped, in whichever process lives by then."""
        trader = self.sim.trader
        if trader is None or trader.is_paused:
            return
        self.resume_at = 0
        trader.give(HaltLifted("global", "person", "looked at it"))

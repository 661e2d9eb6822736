"""Swarm of faults for one seed: about half of the kinds are switched off altogether.

A run with every fault on hides bugs behind halts; leaving some out reaches deeper
(Groce 2012). Rates are per occasion; all draws come from the run's own generator, so one
seed is one run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Final

from shared.exchange.fault_plan import INJECTION_OF, FaultKind

RATES: Final[dict[str, float]] = {
    "k.ack_lost": 0.10,
    "k.req_lost": 0.06,
    "k.req_late": 0.05,
    "k.5xx": 0.08,
    "k.bucket": 0.04,
    "k.limit": 0.04,
    "p.ack_lost": 0.10,
    "p.500": 0.08,
    "p.400": 0.05,
    "p.restart": 0.03,
    "p.over": 0.30,
    "k.partial": 0.30,
    "p.partial": 0.30,
    "p.rest": 0.10,
    "p.user.drop": 0.20,
    "p.user.dup": 0.20,
    "lat": 0.06,
    "tcp": 0.03,
    "fade": 0.35,
    "k.ws.drop": 0.02,
    "k.ws.cut": 0.004,
    "p.ws.cut": 0.004,
    "p.ws.freeze": 0.004,
    "crash": 0.012,
    "pg.down": 0.006,
    "aws.down": 0.003,
    "p.fail": 1.0,
    "p.hold": 1.0,
    "clock.step": 0.003,
    "settle": 0.10,
    "k.close": 0.003,
}
"""First edition, injection key to chance: per order, per frame or per second."""
MORE_RATES: Final[dict[str, float]] = {
    "ts.shift": 0.03,
    "tick_change": 0.08,
    "k.pause": 0.03,
    "p.restart": 0.02,
    "metadata_updated": 0.02,
    "config": 0.03,
    "pause": 0.03,
    "lease.split": 0.012,
    "ws.reorder": 0.10,
    "p.ghost": 0.15,
    "k.body": 0.08,
    "p.body": 0.08,
    "k.shard_cash": 0.05,
    "rest.cut_page": 0.20,
    "crash.before_commit": 0.04,
    "crash.after_commit": 0.04,
    "crash.first_byte": 0.05,
    "crash.after_ack": 0.05,
    "crash.unwritten": 0.02,
    "pause.ticket": 0.05,
}
"""Second edition: drawn from its own generator, so that kept seeds replay unchanged."""
CHANCE_MAX: Final = 0.5
KIND_OF: Final = {
    "config": FaultKind.CONFIG_ERROR,
    "pause.ticket": FaultKind.FREEZE,
    "crash.before_commit": FaultKind.CRASH,
    "crash.after_commit": FaultKind.CRASH,
    "crash.first_byte": FaultKind.CRASH,
    "crash.after_ack": FaultKind.CRASH,
    "crash.unwritten": FaultKind.CRASH,
}
"""Keys that belong to the driver alone and are no switch of the simulators."""
NOT_INJECTED: Final[dict[FaultKind, str]] = {}


@dataclass(slots=True)
class Swarm:
    """Which faults this seed has, and how often each fired."""

    rng: Random
    enabled: frozenset[str]
    is_quiet: bool = False
    more: Random | None = None
    """Generator of the second edition's faults; None replays the first edition."""
    fired: dict[str, int] = field(default_factory=dict)
    boost: dict[str, float] = field(default_factory=dict)
    """Chances that replace the tables' own in a seed that aims at something."""
    density: float = 1.0
    """Factor on every rate, which stays at most ``CHANCE_MAX`` by it."""

    @staticmethod
    def draw(rng: Random, more: Random | None = None) -> Swarm:
        enabled = frozenset(key for key in RATES if rng.random() < 0.5)
        if more is not None:
            enabled |= {f"+{key}" for key in MORE_RATES if more.random() < 0.4}
        return Swarm(rng, enabled, more=more)

    def hits(self, key: str, scale: float = 1.0) -> bool:
        """Draw one occasion; the draw is made even when the fault is off (stable streams)."""
        drawn = self.rng.random()
        chance = self.boost.get(key) or self._chance(RATES[key] * scale)
        if self.is_quiet or key not in self.enabled or drawn >= chance:
            return False
        self.fired[key] = self.fired.get(key, 0) + 1
        return True

    def hits_more(self, key: str) -> bool:
        """Draw one occasion of a fault of the second edition."""
        if self.more is None or self.is_quiet or f"+{key}" not in self.enabled:
            return False
        if self.more.random() >= self._chance(MORE_RATES[key]):
            return False
        self.fired[key] = self.fired.get(key, 0) + 1
        return True

    def _chance(self, rate: float) -> float:
        return rate if self.density == 1.0 else max(rate, min(CHANCE_MAX, rate * self.density))

    def has(self, key: str) -> bool:
        return key in self.enabled and not self.is_quiet

    def count(self, key: str) -> None:
        self.fired[key] = self.fired.get(key, 0) + 1

    def kinds(self) -> dict[str, int]:
        """Return how often each ``FaultKind`` fired."""
        out: dict[str, int] = {}
        for key, count in self.fired.items():
            kind = (KIND_OF.get(key) or INJECTION_OF[key].kind).value
            out[kind] = out.get(kind, 0) + count
        return out

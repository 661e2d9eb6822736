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
"""Injection key to chance: per order, per frame or per second, whichever it strikes."""
EXTRA_KINDS: Final = {"p.over": FaultKind.GHOST_FILL}


@dataclass(slots=True)
class Swarm:
    """Which faults this seed has, and how often each fired."""

    rng: Random
    enabled: frozenset[str]
    is_quiet: bool = False
    fired: dict[str, int] = field(default_factory=dict)

    @staticmethod
    def draw(rng: Random) -> Swarm:
        enabled = frozenset(key for key in RATES if rng.random() < 0.5)
        return Swarm(rng, enabled)

    def hits(self, key: str, scale: float = 1.0) -> bool:
        """Draw one occasion; the draw is made even when the fault is off (stable streams)."""
        drawn = self.rng.random()
        if self.is_quiet or key not in self.enabled or drawn >= RATES[key] * scale:
            return False
        self.fired[key] = self.fired.get(key, 0) + 1
        return True

    def has(self, key: str) -> bool:
        return key in self.enabled and not self.is_quiet

    def count(self, key: str) -> None:
        self.fired[key] = self.fired.get(key, 0) + 1

    def kinds(self) -> dict[str, int]:
        """Return how often each ``FaultKind`` fired."""
        out: dict[str, int] = {}
        for key, count in self.fired.items():
            kind = INJECTION_OF[key].kind.value
            out[kind] = out.get(kind, 0) + count
        return out

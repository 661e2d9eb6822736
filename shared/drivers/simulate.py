"""Seeded simulation: the real kernel against two real exchanges in virtual time, under faults.

One seed is one run: a swarm of faults for a while, then faults off and time to heal, then
the end checks. Worlds come in editions, so that a kept seed replays for ever in the world
that it was found in: the first three last for minutes, the fourth is short and dense.
"""

from __future__ import annotations

from typing import Final

from shared.drivers.sim_dense import DenseWorld
from shared.drivers.sim_report import SeedReport
from shared.drivers.sim_world import Simulation

EDITION: Final = 4
"""What ``twinleg simulate`` runs; a replay of a printed seed needs no other word."""


def make_world(seed: int, edition: int = EDITION) -> Simulation:
    """Return the world of one seed, ready to ``run``."""
    assert seed >= 0 and 1 <= edition <= EDITION, (seed, edition)
    return DenseWorld(seed) if edition == EDITION else Simulation(seed, edition)


def run_seed(seed: int, edition: int = EDITION) -> SeedReport:
    """Run one seed to the end; the same seed gives the same report."""
    return make_world(seed, edition).run()

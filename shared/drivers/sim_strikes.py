"""The first edition's faults of the passing second: feeds, stores, clocks, the process itself.

Each draws from the world's own generator in a fixed order, so that kept seeds replay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.domain.enums import Venue
from shared.domain.events import JournalHealth
from shared.domain.units import NS_PER_MS, NS_PER_S

if TYPE_CHECKING:
    from shared.drivers.simulate import Simulation


def strike(sim: Simulation) -> None:
    """Draw every fault of one second and start those that hit."""
    swarm = sim.swarm
    for venue, key in ((Venue.KALSHI, "k.ws.cut"), (Venue.POLYMARKET, "p.ws.cut")):
        if swarm.hits(key, 3.0):
            sim.cut_until[venue] = sim.now + 10 * NS_PER_S
    if swarm.hits("p.ws.freeze", 3.0):
        sim.cut_until[Venue.POLYMARKET] = sim.now + 5 * NS_PER_S
    if swarm.hits("aws.down", 3.0):
        sim.aws_until = sim.now + 40 * NS_PER_S
    if swarm.hits("pg.down", 3.0) and not sim.store.is_down:
        sim.store.is_down = True
        sim.deliver(0, JournalHealth(False))
        sim.schedule(sim.rng.randint(1, 8) * NS_PER_S, lambda: _database_back(sim))
    if swarm.hits("clock.step", 3.0):
        sim.wall_offset += sim.rng.randint(-3_600, 3_600) * NS_PER_S
    if swarm.hits("k.close") and not sim.markets.is_resolved:
        sim.markets.resolve_at = sim.now + 5 * NS_PER_S
    if sim.trader is not None and swarm.hits("crash", 2.0):
        at = sim.rng.randint(0, 999) * NS_PER_MS
        sim.schedule(at, lambda: sim.kill_trader() if sim.trader else None)


def _database_back(sim: Simulation) -> None:
    sim.store.is_down = False
    sim.deliver(0, JournalHealth(True))

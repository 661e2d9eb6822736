"""The first edition's faults of the passing second: feeds, stores, clocks, the process itself.

Each draws from the world's own generator in a fixed order, so that kept seeds replay.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from shared.domain.enums import Venue
from shared.domain.events import JournalHealth
from shared.domain.units import NS_PER_MS, NS_PER_S

if TYPE_CHECKING:
    from shared.drivers.sim_world import Simulation


def _cut(venue: Venue, seconds: int) -> Callable[[Simulation], None]:
    def act(sim: Simulation) -> None:
        sim.cut_until[venue] = sim.now + seconds * NS_PER_S

    return act


def _aws_down(sim: Simulation) -> None:
    sim.aws_until = sim.now + 40 * NS_PER_S


def _database_down(sim: Simulation) -> None:
    if sim.store.is_down:
        return
    sim.store.is_down = True
    sim.deliver(0, JournalHealth(False))
    sim.schedule(sim.rng.randint(1, 8) * NS_PER_S, lambda: _database_back(sim))


def _database_back(sim: Simulation) -> None:
    sim.store.is_down = False
    sim.deliver(0, JournalHealth(True))


def _step_clock(sim: Simulation) -> None:
    sim.wall_offset += sim.rng.randint(-3_600, 3_600) * NS_PER_S


def _close_soon(sim: Simulation) -> None:
    if not sim.markets.is_resolved:
        sim.markets.resolve_at = sim.now + 5 * NS_PER_S


def _crash(sim: Simulation) -> None:
    at = sim.rng.randint(0, 999) * NS_PER_MS
    sim.schedule(at, lambda: sim.kill_trader() if sim.trader else None)


ACTIONS: Final[dict[str, tuple[float, Callable[[Simulation], None]]]] = {
    "k.ws.cut": (3.0, _cut(Venue.KALSHI, 10)),
    "p.ws.cut": (3.0, _cut(Venue.POLYMARKET, 10)),
    "p.ws.freeze": (3.0, _cut(Venue.POLYMARKET, 5)),
    "aws.down": (3.0, _aws_down),
    "pg.down": (3.0, _database_down),
    "clock.step": (3.0, _step_clock),
    "k.close": (1.0, _close_soon),
    "crash": (2.0, _crash),
}
"""Injection key to (factor on its rate, what it does), in the order of the draws."""


def strike(sim: Simulation) -> None:
    """Draw every fault of one second and start those that hit."""
    for key, (scale, act) in ACTIONS.items():
        if key == "crash" and sim.trader is None:
            continue  # a dead process is no occasion
        if sim.swarm.hits(key, scale):
            act(sim)

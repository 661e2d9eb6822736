"""Some seeds aim at a rare corner of the package table by making its causes likely.

Importance sampling, nothing more: what happens is what the world does in every other seed
too, only its chances are other ones.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from shared.drivers.sim_dense import DenseWorld


class Aim(StrEnum):
    NONE = "none"
    RESTING = "resting"
    """Orders that should not rest do, and their stream says all sorts of things."""
    PAID = "paid"
    """Markets pay while trades are untold, held, in doubt or stuck."""
    EXIT = "exit"
    """Long enough for packages to be sold early, and disturbed over it."""


WEIGHTS: Final = (86, 6, 6, 2)
EXIT_S: Final = 95
EXIT_CLOG_S: Final = 66
"""Longer than the 60 s that a package may stay EXITING."""
PAID_AT: Final = frozenset(
    {"hedged_prov", "flat_prov", "confirm_unknown", "stuck_known", "stuck_unknown"}
)


def take(world: DenseWorld) -> None:
    """Set the chances of a world that aims at something."""
    assert world.lapses is not None
    swarm, lapses = world.swarm, world.lapses
    if world.aim is Aim.RESTING:
        lapses.enabled |= {"rests", "echo", "held_fades"}
        lapses.rates |= {"rests": 0.8, "echo": 0.9, "held_fades": 0.7}
    elif world.aim is Aim.PAID:
        swarm.enabled |= {"p.user.drop", "settle"}
        swarm.boost |= {"p.user.drop": 0.6, "settle": 0.5}
        lapses.enabled |= {"untold"}
        lapses.rates |= {"untold": 0.8}
    elif world.aim is Aim.EXIT:
        lapses.enabled |= {"bust"}
        world.disturber.is_on = True

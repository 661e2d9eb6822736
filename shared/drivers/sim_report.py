"""What one seed did, in the groups that the command prints."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from shared.drivers.checkers import Violation

OUTCOMES: Final = ("hedged", "flat", "stuck", "settled")
_SETTLED: Final = frozenset({"settling", "settled", "diverged"})
_FLAT: Final = frozenset({"flat_prov", "flat", "aborted", "exited_early"})
_HEDGED: Final = frozenset({"hedged_prov", "hedged", "exiting"})


@dataclass(slots=True)
class SeedReport:
    """One seed. ``outcomes`` are states at the end by ``outcome_of``; ``faults`` by kind;
    ``moves`` every cell (state, event, next state) of the package table that was walked."""

    seed: int
    steps: int
    packages: int
    faults: dict[str, int]
    outcomes: dict[str, int]
    exposure_seconds_max: float
    moves: set[tuple[str, str, str]]
    violations: list[Violation] = field(default_factory=list)


def stopped(seed: int, text: str) -> SeedReport:
    """Return the report of a seed in which an assertion or a bug stopped the run."""
    found = [Violation("stopped", text)]
    return SeedReport(seed, 0, 0, {}, dict.fromkeys(OUTCOMES, 0), 0.0, set(), found)


def outcome_of(state: str) -> str:
    """Return the group that the command prints for a final state."""
    if state in _SETTLED:
        return "settled"
    if state in _HEDGED:
        return "hedged"
    return "flat" if state in _FLAT else "stuck"

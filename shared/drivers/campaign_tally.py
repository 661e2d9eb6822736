"""What many seeds add up to: counts, walked cells, exposure, and what was never reached.

Tallies of disjoint seeds add up in any order to the same sum, so a campaign may be cut into
chunks, run in processes, stopped and resumed.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Any, Final

from shared.domain.package_table import PackageState
from shared.drivers.sim_coverage import Cell, table_cells
from shared.drivers.sim_faults import NOT_INJECTED
from shared.drivers.sim_report import OUTCOMES, SeedReport
from shared.exchange.fault_plan import FaultKind

EXPOSURE_MS: Final = (0, 100, 250, 500, 1_000, 2_000, 3_000, 5_000, 8_000, 10_000, 13_400, 14_150)
"""Upper bounds of the buckets in which the longest exposure of a seed is counted; 13.4 s is
the budget A, 14.15 s what I-07 allows with a last answer under way."""


@dataclass(slots=True)
class Tally:
    """Sums over some seeds; every field is plain JSON once ``to_json`` gave it out."""

    seeds: int = 0
    steps: int = 0
    packages: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    outcomes: dict[str, int] = field(default_factory=lambda: dict.fromkeys(OUTCOMES, 0))
    exposed: list[int] = field(default_factory=lambda: [0] * (len(EXPOSURE_MS) + 1))
    """Seeds by bucket of their longest exposure; the last bucket is beyond the bounds."""
    exposure_ms_max: int = 0
    cells: dict[str, int] = field(default_factory=dict)
    """``state event next`` to the number of seeds that walked it."""
    violations: list[dict[str, Any]] = field(default_factory=list)

    def add(self, one: SeedReport) -> None:
        """Count one seed."""
        self.seeds += 1
        self.steps += one.steps
        self.packages += one.packages
        for kind, count in one.faults.items():
            self.faults[kind] = self.faults.get(kind, 0) + count
        for group, count in one.outcomes.items():
            self.outcomes[group] += count
        exposure_ms = round(one.exposure_seconds_max * 1000)
        self.exposed[bisect_left(EXPOSURE_MS, exposure_ms)] += 1
        self.exposure_ms_max = max(self.exposure_ms_max, exposure_ms)
        for cell in one.moves:
            name = " ".join(cell)
            self.cells[name] = self.cells.get(name, 0) + 1
        for violation in one.violations:
            self.violations.append(
                {
                    "seed": one.seed,
                    "checker": violation.checker,
                    "replay": f"twinleg simulate --seeds {one.seed}:{one.seed + 1}",
                    "text": violation.text,
                }
            )

    def merge(self, other: Tally) -> None:
        """Add the sums of other seeds."""
        self.seeds += other.seeds
        self.steps += other.steps
        self.packages += other.packages
        for mine, theirs in (
            (self.faults, other.faults),
            (self.outcomes, other.outcomes),
            (self.cells, other.cells),
        ):
            for name, count in theirs.items():
                mine[name] = mine.get(name, 0) + count
        self.exposed = [a + b for a, b in zip(self.exposed, other.exposed, strict=True)]
        self.exposure_ms_max = max(self.exposure_ms_max, other.exposure_ms_max)
        self.violations = sorted(
            self.violations + other.violations, key=lambda v: (v["seed"], v["checker"], v["text"])
        )

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}

    @staticmethod
    def from_json(data: dict[str, Any]) -> Tally:
        return Tally(**data)

    def walked(self) -> set[Cell]:
        """Return the walked cells of the table, the operator's aside."""
        known = table_cells()
        seen = {(a, b, c) for a, b, c in (name.split(" ") for name in self.cells)}
        return seen & known

    def states(self) -> set[str]:
        """Return every state that a package entered (PLANNED is where it begins)."""
        entered = {name.split(" ")[2] for name in self.cells}
        return entered | ({PackageState.PLANNED.value} if self.packages else set())

    def missing(self, least: int = 1) -> list[str]:
        """Return what was not reached: fault kinds below ``least``, states, table edges.

        Kinds of ``NOT_INJECTED`` are proven by scripted tests and are not asked for here.
        """
        injected = [kind for kind in FaultKind if kind not in NOT_INJECTED]
        absent = [
            f"fault {kind.value} ({self.faults.get(kind.value, 0)} times, {least} wanted)"
            for kind in injected
            if self.faults.get(kind.value, 0) < least
        ]
        states = self.states()
        absent += [f"state {s.value}" for s in PackageState if s.value not in states]
        absent += [
            f"edge {before} --{event}--> {after}"
            for before, event, after in sorted(table_cells() - self.walked())
        ]
        return absent

"""Which cells of the package table a run has walked: what the kernel itself said it did.

A move is read from the decision that the machine records with it, so a cell counts only
when the real machine walked it by that very event.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from shared.domain.commands import Command, RecordDecision
from shared.domain.ids import PackageId
from shared.domain.package_table import PACKAGE_TABLE, PackageEvent, PackageState

Cell = tuple[str, str, str]
"""(state, event, next state), as on the wire; the first two are empty where a package begins."""


@dataclass(frozen=True, slots=True)
class Move:
    """One package walking one cell."""

    package_id: PackageId
    cell: Cell


def moves_of(commands: Iterable[Command]) -> list[Move]:
    """Return the moves that one kernel step reported, in order."""
    return [
        Move(c.package_id, (c.params.get("from", ""), c.params.get("event", ""), c.verdict))
        for c in commands
        if type(c) is RecordDecision and c.kind == "package" and c.package_id
    ]


@dataclass(slots=True)
class Coverage:
    moves: set[Cell] = field(default_factory=set)

    def note(self, moves: Iterable[Move]) -> None:
        for move in moves:
            self.moves.add(move.cell)


OPERATOR = frozenset({PackageEvent.H_HOLD, PackageEvent.H_UNWIND})
"""Events that only a person gives; their edges are proven by unit tests."""


def table_cells() -> set[Cell]:
    """Return every moving cell of the table, the operator's aside."""
    return {
        (state.value, event.value, after.value)
        for state in PackageState
        for event, after in PACKAGE_TABLE.rows[state].moves.items()
        if event not in OPERATOR
    }

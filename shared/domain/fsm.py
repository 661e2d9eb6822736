"""The interpreter of life-cycle tables: small, generic, and the only place that moves a state.

Rule 1: everything that affects transitions lives in the tables, nothing in code.
Rule 2: a pair (state, event) is a move, a "kept" event, or illegal; illegal raises and
        changes nothing (I-20).
Rule 3: ends absorb: they list what they keep and never move.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from shared.domain.errors import IllegalTransitionError

S = TypeVar("S", bound=StrEnum)
E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class StateSpec(Generic[S, E]):
    """One row of a table.

    ``kind`` groups states for screens and checks; ``deadline_ns`` is the default wait
    (0: an end, or a state left inside the step that entered it); ``moves`` maps event to
    next state; ``kept`` events are recorded without a move and leave the timer standing.
    """

    kind: str
    deadline_ns: int
    moves: Mapping[E, S]
    kept: frozenset[E]


@dataclass(frozen=True, slots=True)
class Table(Generic[S, E]):
    """A complete life cycle over the states ``S`` and events ``E``."""

    name: str
    rows: Mapping[S, StateSpec[S, E]]

    def advance(self, state: S, event: E) -> S:
        """Return the state after ``event`` (the same one when the event is kept).

        Raises:
            IllegalTransitionError: the cell is in neither list of the row.
        """
        row = self.rows[state]
        target = row.moves.get(event)
        if target is not None:
            assert target in self.rows
            return target
        if event in row.kept:
            return state
        raise IllegalTransitionError(f"{self.name}: {event.value} is illegal in {state.value}")

    def is_legal(self, state: S, event: E) -> bool:
        row = self.rows[state]
        return event in row.moves or event in row.kept

    def is_move(self, state: S, event: E) -> bool:
        return event in self.rows[state].moves

    def is_end(self, state: S) -> bool:
        return not self.rows[state].moves

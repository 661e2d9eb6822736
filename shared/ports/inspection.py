"""What a person asks of a venue before any trading: is everything in order, set up, known?

Rule 1: ``check`` only reads. Rule 2: ``probe`` sends orders only when told that it may,
and then of at most a cent each. Rule 3: what cannot be asked is said to be unknown, which
never counts as good.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from shared.domain.enums import Venue


class Light(StrEnum):
    """State of one finding; only GREEN lets live trading pass."""

    GREEN = "green"
    RED = "red"
    UNKNOWN = "unknown"
    """The venue was not asked or did not say; for facts that nothing depends on."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One row of the table. ``text`` is for people; it never holds a secret."""

    venue: Venue
    item: str
    light: Light
    text: str


@dataclass(frozen=True, slots=True)
class SetupStep:
    """One thing that setting up would do. ``missing`` says why this build cannot do it."""

    name: str
    text: str
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """A question of the first day and what the venue showed; an empty ``answer``: not shown.

    ``gates_live`` marks those without which real money is refused.
    """

    venue: Venue
    question: str
    answer: str
    why_not: str = ""
    gates_live: bool = False


class Inspector(Protocol):
    """One account at one venue, seen from outside the trading path."""

    venue: Venue

    async def check(self) -> Sequence[Finding]:
        """Ask everything that must be in order; never raises for a venue's answer."""
        ...

    async def plan_setup(self) -> Sequence[SetupStep]:
        """Say what is still to be set up; an empty plan means nothing is."""
        ...

    async def carry_out(self, step: SetupStep) -> Finding:
        """Do one step of the plan."""
        ...

    async def probe(self, *, may_order: bool) -> Sequence[Answer]:
        """Ask the venue the questions that its documents leave open."""
        ...

    async def aclose(self) -> None: ...

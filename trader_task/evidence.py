"""Asking the venues what became of attempts, politely and without end.

One question a package is under way at a time; a newer question waits behind it. A venue
that fails is asked again after 1, 2, 4 … 30 seconds, and answers UNPROVEN meanwhile: no
answer is never an answer. The kernel decides what is proven and when to ask again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from shared.domain.commands import AskEvidence
from shared.domain.enums import Venue
from shared.domain.events import EventBody, EvidenceFound
from shared.domain.ids import PackageId
from shared.domain.order import Evidence, EvidenceKind, LegTicket
from shared.domain.units import NS_PER_S
from shared.ports.clock import Clock
from shared.ports.venue import Execution

log = structlog.get_logger("evidence")

ASK_LIMIT_S: Final = 20.0
BACKOFF_FIRST_NS: Final = NS_PER_S
BACKOFF_MAX_NS: Final = 30 * NS_PER_S


@dataclass(slots=True)
class _Backoff:
    wait_ns: int = 0
    not_before_ns: int = 0


class EvidenceDesk:
    """Answers AskEvidence commands with EvidenceFound, one piece per attempt asked."""

    def __init__(
        self,
        executions: Mapping[Venue, Execution],
        clock: Clock,
        sink: Callable[[EventBody], None],
    ) -> None:
        self._executions = executions
        self._clock = clock
        self._sink = sink
        self._waiting: dict[PackageId, AskEvidence] = {}
        self._running: set[PackageId] = set()
        self._backoff = {venue: _Backoff() for venue in executions}
        self.asked = 0

    async def ask(self, question: AskEvidence) -> None:
        """Ask now, or after the question of this package that is under way."""
        package_id = question.package_id
        self._waiting[package_id] = question
        if package_id in self._running:
            return
        self._running.add(package_id)
        try:
            while package_id in self._waiting:
                asked = self._waiting.pop(package_id)
                found = await self._ask_venues(asked.tickets)
                assert len(found) == len(asked.tickets), "one answer per attempt"
                self._sink(EvidenceFound(package_id, found, asked.asked_mono_ns))
        finally:
            self._running.discard(package_id)

    async def _ask_venues(self, tickets: Sequence[LegTicket]) -> tuple[Evidence, ...]:
        by_venue: dict[Venue, list[LegTicket]] = {}
        for ticket in tickets:
            by_venue.setdefault(ticket.venue, []).append(ticket)
        answers = await asyncio.gather(*(self._ask(v, t) for v, t in by_venue.items()))
        found = {piece.attempt_id: piece for answer in answers for piece in answer}
        return tuple(
            found.get(t.attempt_id, Evidence(t.attempt_id, EvidenceKind.UNPROVEN)) for t in tickets
        )

    async def _ask(self, venue: Venue, tickets: list[LegTicket]) -> Sequence[Evidence]:
        execution = self._executions.get(venue)
        backoff = self._backoff.get(venue)
        if execution is None or backoff is None:
            return ()
        if self._clock.mono_ns() < backoff.not_before_ns:
            return ()
        self.asked += len(tickets)
        try:
            async with asyncio.timeout(ASK_LIMIT_S):
                found = await execution.find_evidence(tickets)
        except Exception as error:  # whatever it was, it proves nothing
            backoff.wait_ns = min(max(backoff.wait_ns * 2, BACKOFF_FIRST_NS), BACKOFF_MAX_NS)
            backoff.not_before_ns = self._clock.mono_ns() + backoff.wait_ns
            log.warning("no evidence", venue=venue.value, error=f"{type(error).__name__}: {error}")
            return ()
        backoff.wait_ns = 0
        return found

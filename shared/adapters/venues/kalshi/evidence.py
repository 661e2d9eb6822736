"""What the venue's records prove about an attempt: pure rules and the memory they need.

Filled: the order is found by our client id and its fills add up to its own count.
Absent: refused, cancelled with nothing, or missing from two complete reads at least 1 s
apart, the first of them at least 3 s after our connection for it closed, both from
records newer than the send by more than 1 s, with the position unchanged between them.
Anything else proves nothing; asking often enough never turns into proof (FAULTS 5).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shared.adapters.venues.kalshi.parsing import read_count
from shared.adapters.venues.kalshi.schemas import OrderRow
from shared.domain.ids import AttemptId
from shared.domain.order import Evidence, EvidenceKind, Fill, LegTicket
from shared.domain.units import NS_PER_S, QtyMicros

CLOSED_MIN_NS: Final = 3 * NS_PER_S
BETWEEN_READS_NS: Final = NS_PER_S
RECORDS_AHEAD_NS: Final = NS_PER_S + NS_PER_S // 2
"""Records must be newer than the send by 1 s, and by half a second of clock offset."""
_MEMORY_MAX: Final = 20_000


@dataclass(slots=True)
class Attempt:
    """What this process knows of one attempt. Times: wall for the venue's, mono for ours."""

    ticket: LegTicket
    sent_wall_ns: int
    """When it was sent; for an attempt of an earlier process, the latest it can have been."""
    closed_mono_ns: int | None
    """When its connection was done with; None while the request is in flight."""
    clean_mono_ns: int | None = None
    """When a complete read last missed it under all conditions."""
    clean_position: int | None = None


@dataclass(frozen=True, slots=True)
class MarketRecords:
    """One complete read of a market's own records, taken after ``as_of_ns`` was read."""

    as_of_ns: int
    read_mono_ns: int
    orders: Sequence[OrderRow]
    fills: Sequence[Fill]
    position: int


class AttemptMemory:
    """Attempts by id and by venue order id; bounded, the oldest are forgotten first."""

    def __init__(self, started_wall_ns: int, started_mono_ns: int) -> None:
        self._started_wall_ns = started_wall_ns
        self._started_mono_ns = started_mono_ns
        self._attempts: OrderedDict[AttemptId, Attempt] = OrderedDict()
        self._by_order: OrderedDict[str, AttemptId] = OrderedDict()

    def sending(self, ticket: LegTicket, wall_ns: int) -> Attempt:
        """Note an attempt right before its first byte."""
        attempt = Attempt(ticket, wall_ns, None)
        self._attempts[ticket.attempt_id] = attempt
        _trim(self._attempts)
        return attempt

    def recall(self, ticket: LegTicket, mono_ns: int) -> Attempt:
        """Return what is known; an attempt not sent by this process can only be older."""
        attempt = self._attempts.get(ticket.attempt_id)
        if attempt is None:
            is_older = ticket.decided_wall_ns < self._started_wall_ns
            attempt = Attempt(
                ticket,
                max(self._started_wall_ns, ticket.decided_wall_ns + NS_PER_S),
                self._started_mono_ns if is_older else mono_ns,
            )
            self._attempts[ticket.attempt_id] = attempt
            _trim(self._attempts)
        return attempt

    def link(self, order_id: str, attempt_id: str) -> None:
        """Remember whose order an order id is."""
        if order_id and attempt_id:
            self._by_order[order_id] = AttemptId(attempt_id)
            _trim(self._by_order)

    def attempt_of(self, order_id: str) -> AttemptId | None:
        return self._by_order.get(order_id)

    def in_ticket_terms(self, fill: Fill) -> Fill:
        """Tell a fill for the outcome of its ticket, when that is known here."""
        attempt = self._attempts.get(fill.attempt_id) if fill.attempt_id is not None else None
        return fill if attempt is None else fill.in_terms_of(attempt.ticket.outcome)


def _trim(table: OrderedDict[AttemptId, Attempt] | OrderedDict[str, AttemptId]) -> None:
    while len(table) > _MEMORY_MAX:
        table.popitem(last=False)


def judge(attempt: Attempt, records: MarketRecords) -> Evidence:
    """Return what one complete read proves; remembers a clean miss in ``attempt``.

    Raises:
        WireError: an order row of ours carries an unreadable count.
    """
    attempt_id = attempt.ticket.attempt_id
    own = [row for row in records.orders if row.client_order_id == attempt_id]
    if own:
        attempt.clean_mono_ns = None
        return _judge_found(attempt_id, own, records.fills)
    if any(fill.attempt_id == attempt_id for fill in records.fills):
        attempt.clean_mono_ns = None
        return Evidence(attempt_id, EvidenceKind.UNPROVEN)
    return _judge_missing(attempt, records)


def _judge_found(
    attempt_id: AttemptId, own: Sequence[OrderRow], all_fills: Sequence[Fill]
) -> Evidence:
    """Judge by the orders themselves; should an id have executed twice, both count."""
    order_ids = {row.order_id for row in own}
    fills = tuple(fill for fill in all_fills if fill.order_id in order_ids)
    counted = sum(read_count(row.fill_count_fp, "order_fill_count") for row in own)
    filled = sum(fill.qty for fill in fills)
    first = own[0].order_id
    if any(row.status == "resting" for row in own):
        return Evidence(attempt_id, EvidenceKind.LIVE, first, QtyMicros(filled), fills)
    is_ended = all(row.status in ("canceled", "executed") for row in own)
    if not is_ended or counted != filled:
        return Evidence(attempt_id, EvidenceKind.UNPROVEN, first)
    if filled > 0:
        return Evidence(attempt_id, EvidenceKind.FILLED, first, QtyMicros(filled), fills)
    if any(row.status == "executed" for row in own):
        return Evidence(attempt_id, EvidenceKind.UNPROVEN, first)
    return Evidence(attempt_id, EvidenceKind.ABSENT, first)


def _judge_missing(attempt: Attempt, records: MarketRecords) -> Evidence:
    attempt_id = attempt.ticket.attempt_id
    unproven = Evidence(attempt_id, EvidenceKind.UNPROVEN)
    if attempt.closed_mono_ns is None:
        return unproven
    is_closed = records.read_mono_ns - attempt.closed_mono_ns >= CLOSED_MIN_NS
    is_recent = records.as_of_ns > attempt.sent_wall_ns + RECORDS_AHEAD_NS
    if not (is_closed and is_recent):
        return unproven
    clean = attempt.clean_mono_ns
    if clean is None or attempt.clean_position != records.position:
        attempt.clean_mono_ns = records.read_mono_ns
        attempt.clean_position = records.position
        return unproven
    if records.read_mono_ns - clean < BETWEEN_READS_NS:
        return unproven
    return Evidence(attempt_id, EvidenceKind.ABSENT)

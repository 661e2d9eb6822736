"""What the venue's records prove about one attempt, by the rules for unknown orders.

Proves filled: a trade with our digest. Proves not filled: the order shown as cancelled or
unmatched with nothing matched, or *absence*: the hold and three seconds are over, the
digest is in neither orders nor any trade page, twice at least a second apart, and the
pUSD balance did not move between the two looks. Everything else proves nothing: an empty
answer for one order (only live ones are shown), a cached balance, MINED, RETRYING.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from shared.adapters.venues.polymarket.fills import FAILED, trade_state
from shared.adapters.venues.polymarket.parsing import micros
from shared.adapters.venues.polymarket.schemas import OpenOrder, Trade
from shared.domain.ids import AttemptId
from shared.domain.order import Evidence, EvidenceKind, Fill, LegTicket
from shared.domain.risk import TICKET_LIFE_NS
from shared.domain.units import NS_PER_S, QtyMicros

ABSENCE_WAIT_NS: Final = 3 * NS_PER_S
"""After the taker hold, from the last moment at which the request may have left."""
ORDER_TIMEOUT_NS: Final = 2 * NS_PER_S
"""The order request is cut at two seconds: it cannot leave later than that (F-017)."""
LOOKS_APART_NS: Final = NS_PER_S

LIVE_WORDS: Final = frozenset({"LIVE", "DELAYED"})


@dataclass(frozen=True, slots=True)
class Look:
    """One complete reading of the venue's records for one attempt."""

    order: OpenOrder | None
    is_open: bool
    """The digest is in the complete list of open orders."""
    trades: Sequence[Trade]
    """Every trade that names the digest as taker or maker, from complete pages."""
    fills: Sequence[Fill]
    """Our fills of those trades that have not failed."""
    cash: int
    wall_ns: int
    mono_ns: int


@dataclass(slots=True)
class _Absence:
    mono_ns: int
    cash: int


class EvidenceJudge:
    """Remembers first looks, so that a second one a second later can prove absence."""

    def __init__(self) -> None:
        self._absent: dict[AttemptId, _Absence] = {}
        self._voided: dict[AttemptId, int] = {}

    def judge(self, ticket: LegTicket, hold_ns: int, order_id: str, look: Look) -> Evidence:
        """Return what one more look proves."""
        attempt = ticket.attempt_id
        word = (look.order.status if look.order else "").upper()
        total = QtyMicros(sum(fill.qty for fill in look.fills))
        if look.is_open or word in LIVE_WORDS:
            self._forget(attempt)
            return Evidence(attempt, EvidenceKind.LIVE, order_id, total, tuple(look.fills))
        matched = self._matched(look)
        if look.fills:
            self._forget(attempt)
            if matched > total and not _has_failed(look.trades):
                # The order says more than the trades do: the trade records lag behind.
                return self._unproven(attempt, order_id, look.fills)
            return Evidence(attempt, EvidenceKind.FILLED, order_id, total, tuple(look.fills))
        if look.trades:
            return self._judge_voided(attempt, order_id, look)
        if matched > 0:
            self._forget(attempt)
            return self._unproven(attempt, order_id)
        if look.order is not None and _is_dead(word):
            self._forget(attempt)
            return Evidence(attempt, EvidenceKind.ABSENT, order_id)
        return self._judge_absence(ticket, hold_ns, order_id, look)

    def _judge_voided(self, attempt: AttemptId, order_id: str, look: Look) -> Evidence:
        """All trades FAILED, seen twice a second apart: nothing of the order remains."""
        assert all(trade_state(t) == FAILED for t in look.trades)
        first = self._voided.setdefault(attempt, look.mono_ns)
        if look.mono_ns - first < LOOKS_APART_NS:
            return self._unproven(attempt, order_id)
        self._forget(attempt)
        return Evidence(attempt, EvidenceKind.ABSENT, order_id)

    def _judge_absence(
        self, ticket: LegTicket, hold_ns: int, order_id: str, look: Look
    ) -> Evidence:
        attempt = ticket.attempt_id
        # A ticket read from the record has no monotonic times; it lived no longer than any.
        life_ns = max(TICKET_LIFE_NS, ticket.send_by_mono_ns - ticket.decided_mono_ns)
        earliest = ticket.decided_wall_ns + life_ns + ORDER_TIMEOUT_NS + hold_ns + ABSENCE_WAIT_NS
        if look.wall_ns < earliest:
            self._absent.pop(attempt, None)
            return self._unproven(attempt, order_id)
        first = self._absent.get(attempt)
        if first is None or first.cash != look.cash:
            self._absent[attempt] = _Absence(look.mono_ns, look.cash)
            return self._unproven(attempt, order_id)
        if look.mono_ns - first.mono_ns < LOOKS_APART_NS:
            return self._unproven(attempt, order_id)
        self._forget(attempt)
        return Evidence(attempt, EvidenceKind.ABSENT, order_id)

    def _matched(self, look: Look) -> int:
        """Return shares that the order record says are matched; empty text says nothing."""
        text = look.order.size_matched if look.order else None
        return micros(text, "polymarket.order.size_matched") if text else 0

    def _unproven(self, attempt: AttemptId, order_id: str, fills: Sequence[Fill] = ()) -> Evidence:
        total = QtyMicros(sum(fill.qty for fill in fills))
        return Evidence(attempt, EvidenceKind.UNPROVEN, order_id, total, tuple(fills))

    def _forget(self, attempt: AttemptId) -> None:
        self._absent.pop(attempt, None)
        self._voided.pop(attempt, None)


def _has_failed(trades: Sequence[Trade]) -> bool:
    return any(trade_state(trade) == FAILED for trade in trades)


def _is_dead(word: str) -> bool:
    """Say whether a status word means that nothing lives: an open set of CANCELED… words."""
    return word.startswith("CANCELED") or word in ("UNMATCHED", "INVALID")


def trades_by_order(trades: Sequence[Trade]) -> Mapping[str, list[Trade]]:
    """Group trades by every order id that they name, lower case."""
    grouped: dict[str, list[Trade]] = {}
    for trade in trades:
        ids = {trade.taker_order_id.lower()}
        ids |= {entry.order_id.lower() for entry in trade.maker_orders or ()}
        for order_id in ids:
            grouped.setdefault(order_id, []).append(trade)
    return grouped

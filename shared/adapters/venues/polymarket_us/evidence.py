"""What the venue's records prove about an attempt: pure rules and the memory they need.

The interface carries no id of ours. An attempt is tied to its order by the venue's id,
learnt from the answer or, when that was lost, from the private stream: the one order with
exactly our market, intent, price, quantity and time in force, made after our send, that
belongs to no other attempt. Two that fit tie to nothing.
Filled: the order by its id has ended and its fills add up to its own count.
Absent: it ended with nothing; or, without an order: our connection closed at least 6 s ago
(the venue rejects what it has not processed in 5 s), and two complete reads at least 1 s
apart find no order that fits, no trade in the market that is not another order's, and the
same position.
Anything else proves nothing; asking often enough never turns into proof (FAULTS 5).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from shared.adapters.venues.polymarket_us.capabilities import STOPGAP_NS
from shared.adapters.venues.polymarket_us.order_codec import yes_price_of
from shared.adapters.venues.polymarket_us.parsing import (
    INTENTS,
    TIF_WORDS,
    OrderFacts,
    compose_fill,
)
from shared.domain.enums import Liquidity
from shared.domain.ids import AttemptId, native_of
from shared.domain.order import Evidence, EvidenceKind, Fill, LegTicket
from shared.domain.units import NS_PER_S, PriceMicros, QtyMicros, UsdMicros

CLOSED_MIN_NS: Final = STOPGAP_NS + NS_PER_S
BETWEEN_READS_NS: Final = NS_PER_S
CLOCK_NS: Final = 2 * NS_PER_S
"""How far the venue's clock may lag ours where an order's own time is compared."""
ENDED: Final = frozenset({"ORDER_STATE_FILLED", "ORDER_STATE_CANCELED", "ORDER_STATE_EXPIRED"})
REFUSED: Final = "ORDER_STATE_REJECTED"
LIVE: Final = frozenset(
    {
        "ORDER_STATE_NEW",
        "ORDER_STATE_PARTIALLY_FILLED",
        "ORDER_STATE_PENDING_CANCEL",
        "ORDER_STATE_PENDING_REPLACE",
    }
)
_MEMORY_MAX: Final = 20_000
_V = TypeVar("_V")


@dataclass(frozen=True, slots=True)
class Trade:
    """A trade of ours as REST lists it: no order id and no fee come with it."""

    trade_id: str
    slug: str
    yes_price: PriceMicros
    qty: QtyMicros
    is_aggressor: bool
    created_ns: int


@dataclass(slots=True)
class Attempt:
    """What this process knows of one attempt. Times: wall for the venue's, mono for ours."""

    ticket: LegTicket
    sent_wall_ns: int
    closed_mono_ns: int | None
    """When its connection was done with; None while the request is in flight."""
    order_id: str = ""
    clean_mono_ns: int | None = None
    clean_position: int | None = None

    @property
    def fingerprint(self) -> tuple[str, str, int, int, str]:
        ticket = self.ticket
        return (
            native_of(ticket.market_id),
            INTENTS[ticket.outcome, ticket.side],
            yes_price_of(ticket),
            ticket.qty,
            TIF_WORDS[ticket.tif],
        )

    def fits(self, order: OrderFacts) -> bool:
        return (
            order.fingerprint == self.fingerprint
            and order.created_ns >= self.sent_wall_ns - CLOCK_NS
        )


@dataclass(frozen=True, slots=True)
class MarketRecords:
    """One complete read of a market's own records."""

    read_mono_ns: int
    open_orders: Sequence[OrderFacts]
    trades: Sequence[Trade]
    position: int


@dataclass(slots=True)
class AttemptMemory:
    """Attempts, orders seen and fills; bounded, the oldest are forgotten first."""

    started_wall_ns: int
    started_mono_ns: int
    _attempts: OrderedDict[AttemptId, Attempt] = field(default_factory=OrderedDict)
    _by_order: OrderedDict[str, AttemptId] = field(default_factory=OrderedDict)
    _orders: OrderedDict[str, OrderFacts] = field(default_factory=OrderedDict)
    _fills: OrderedDict[str, OrderedDict[str, Fill]] = field(default_factory=OrderedDict)
    _trades: OrderedDict[str, str] = field(default_factory=OrderedDict)
    """Trade id -> order id of every execution that is known."""

    # --- attempts ----------------------------------------------------------------------------

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
            is_older = ticket.decided_wall_ns < self.started_wall_ns
            closed = self.started_mono_ns if is_older else mono_ns
            attempt = Attempt(ticket, ticket.decided_wall_ns, closed)
            self._attempts[ticket.attempt_id] = attempt
            _trim(self._attempts)
        if not attempt.order_id:
            attempt.order_id = self.order_of(ticket.attempt_id)
        return attempt

    def link(self, order_id: str, attempt_id: AttemptId) -> None:
        """Remember whose order an order id is; the first word stands."""
        assert order_id and attempt_id
        self._by_order.setdefault(order_id, attempt_id)
        _trim(self._by_order)
        attempt = self._attempts.get(attempt_id)
        if attempt is not None and not attempt.order_id:
            attempt.order_id = order_id

    def attempt_of(self, order_id: str) -> AttemptId | None:
        return self._by_order.get(order_id)

    def order_of(self, attempt_id: AttemptId) -> str:
        return next((o for o, a in self._by_order.items() if a == attempt_id), "")

    # --- orders and fills ----------------------------------------------------------------------

    def note_order(self, order: OrderFacts) -> AttemptId | None:
        """Keep an order that the venue told of; returns whose it is, tying it if it fits."""
        self._orders[order.order_id] = order
        self._orders.move_to_end(order.order_id)
        _trim(self._orders)
        known = self.attempt_of(order.order_id)
        if known is not None:
            return known
        fitting = [a for a in self._attempts.values() if not a.order_id and a.fits(order)]
        if len(fitting) != 1:
            return None
        self.link(order.order_id, fitting[0].ticket.attempt_id)
        return fitting[0].ticket.attempt_id

    def find_order(self, attempt: Attempt) -> str:
        """Return the id of the one unclaimed order that fits an attempt, or an empty text."""
        fitting = [
            order.order_id
            for order in self._orders.values()
            if order.order_id not in self._by_order and attempt.fits(order)
        ]
        return fitting[0] if len(fitting) == 1 else ""

    def orders_in(self, slug: str) -> list[OrderFacts]:
        return [order for order in self._orders.values() if order.slug == slug]

    def note_fill(self, fill: Fill) -> bool:
        """Keep an execution; False when it was known."""
        fills = self._fills.setdefault(fill.order_id, OrderedDict())
        is_new = fill.trade_id not in fills
        fills[fill.trade_id] = fill
        self._trades[fill.trade_id] = fill.order_id
        _trim(self._fills)
        _trim(self._trades)
        return is_new

    def fills_of(self, order_id: str) -> tuple[Fill, ...]:
        return tuple(self._fills.get(order_id, {}).values())

    def is_known_trade(self, trade_id: str) -> bool:
        return trade_id in self._trades

    def in_ticket_terms(self, fill: Fill) -> Fill:
        """Tell a fill for the outcome of its ticket, when that is known here."""
        attempt = self._attempts.get(fill.attempt_id) if fill.attempt_id is not None else None
        return fill if attempt is None else fill.in_terms_of(attempt.ticket.outcome)


def _trim(table: OrderedDict[str, _V] | OrderedDict[AttemptId, _V]) -> None:
    while len(table) > _MEMORY_MAX:
        table.popitem(last=False)


# --- rules ---------------------------------------------------------------------------------------


def complete_fills(
    order: OrderFacts,
    known: Sequence[Fill],
    trades: Iterable[Trade],
    attempt: AttemptId | None,
) -> tuple[Fill, ...] | None:
    """Return all fills of an order: the known ones, and unclaimed trades for what is missing.

    Trades come without a fee: what the order was charged beyond the known fills is booked
    with the last of them. None when the trades do not add up to exactly what is missing.

    Raises:
        WireError: the order's intent is not a known word.
    """
    missing = order.filled - sum(fill.qty for fill in known)
    if missing == 0:
        return tuple(known)
    since = order.created_ns - CLOCK_NS
    rows = sorted(
        (t for t in trades if t.slug == order.slug and t.created_ns >= since),
        key=lambda t: (t.created_ns, t.trade_id),
    )
    if missing < 0 or order.fee is None or sum(row.qty for row in rows) != missing:
        return None
    fee = order.fee - sum(fill.fee for fill in known)
    found = [
        compose_fill(
            trade_id=row.trade_id,
            order_id=order.order_id,
            slug=order.slug,
            intent=order.intent,
            yes_price=row.yes_price,
            qty=row.qty,
            fee=UsdMicros(fee if number == len(rows) - 1 else 0),
            liquidity=Liquidity.TAKER if row.is_aggressor else Liquidity.MAKER,
            ts_ns=row.created_ns,
            attempt=attempt,
        )
        for number, row in enumerate(rows)
    ]
    assert sum(fill.qty for fill in found) == missing
    return (*known, *found)


def judge_order(attempt: Attempt, order: OrderFacts, fills: tuple[Fill, ...] | None) -> Evidence:
    """Return what an order read by its id proves; ``fills`` None when they do not add up."""
    attempt_id = attempt.ticket.attempt_id
    attempt.clean_mono_ns = None
    if order.state in LIVE:
        known = fills or ()
        filled = QtyMicros(sum(fill.qty for fill in known))
        return Evidence(attempt_id, EvidenceKind.LIVE, order.order_id, filled, known)
    unproven = Evidence(attempt_id, EvidenceKind.UNPROVEN, order.order_id)
    if order.state == REFUSED:
        if order.filled:
            return unproven
        return Evidence(attempt_id, EvidenceKind.ABSENT, order.order_id)
    if order.state not in ENDED or fills is None:
        return unproven
    if order.filled == 0:
        return Evidence(attempt_id, EvidenceKind.ABSENT, order.order_id)
    return Evidence(attempt_id, EvidenceKind.FILLED, order.order_id, order.filled, fills)


def judge_missing(attempt: Attempt, records: MarketRecords, known: Mapping[str, str]) -> Evidence:
    """Return what the absence of any order proves; remembers a clean miss in ``attempt``.

    ``known`` maps the trades of the market that belong to known orders to those orders.
    """
    attempt_id = attempt.ticket.attempt_id
    unproven = Evidence(attempt_id, EvidenceKind.UNPROVEN)
    since = attempt.sent_wall_ns - CLOCK_NS
    strangers = [t for t in records.trades if t.created_ns >= since and t.trade_id not in known]
    if strangers or any(attempt.fits(order) for order in records.open_orders):
        attempt.clean_mono_ns = None
        return unproven
    if attempt.closed_mono_ns is None:
        return unproven
    if records.read_mono_ns - attempt.closed_mono_ns < CLOSED_MIN_NS:
        return unproven
    clean = attempt.clean_mono_ns
    if clean is None or attempt.clean_position != records.position:
        attempt.clean_mono_ns = records.read_mono_ns
        attempt.clean_position = records.position
        return unproven
    if records.read_mono_ns - clean < BETWEEN_READS_NS:
        return unproven
    return Evidence(attempt_id, EvidenceKind.ABSENT)

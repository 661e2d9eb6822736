"""What the answer to an order proves by itself; pure.

``Rejected`` only by the refusal list or a REJECTED order state with nothing filled;
``Acked`` only when the order named is exactly ours and its executions add up to its own
count; anything else raises or is ``Unknown``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from shared.adapters.venues.polymarket_us.errors import REJECT_REASONS
from shared.adapters.venues.polymarket_us.evidence import ENDED, LIVE, REFUSED, Attempt
from shared.adapters.venues.polymarket_us.parsing import OrderFacts, build_fill, read_order
from shared.adapters.venues.polymarket_us.schemas import Execution
from shared.domain.enums import Side, TimeInForce
from shared.domain.errors import WireError
from shared.domain.order import Acked, AckStatus, Fill, Rejected, SubmitOutcome, Unknown
from shared.domain.units import QtyMicros, UsdMicros

FILL_TYPES: Final = frozenset({"EXECUTION_TYPE_PARTIAL_FILL", "EXECUTION_TYPE_FILL"})


def read_executions(
    attempt: Attempt, order_id: str, rows: Sequence[Execution]
) -> tuple[OrderFacts | None, tuple[Fill, ...], str]:
    """Return (the order as last told, its fills, reject reason or "").

    Raises:
        WireError: an execution of another order, another order than asked for, or a number
            that cannot be trusted.
    """
    order: OrderFacts | None = None
    fills: dict[str, Fill] = {}
    reason = ""
    for row in rows:
        if row.order is None:
            raise WireError("execution_order", row.id)
        facts = read_order(row.order)
        if facts.order_id != order_id or facts.fingerprint != attempt.fingerprint:
            raise WireError("execution_other", f"{facts.order_id} {facts.fingerprint}")
        if order is None or facts.filled >= order.filled:
            order = facts
        if row.type in FILL_TYPES:
            fill = build_fill(row, attempt.ticket.attempt_id)
            _check_limit(attempt, fill)
            fills[fill.trade_id] = fill
        if row.order_reject_reason:
            reason = row.order_reject_reason
    return order, tuple(fills.values()), reason


def judge_order_answer(
    attempt: Attempt, order: OrderFacts, fills: tuple[Fill, ...], reason: str
) -> SubmitOutcome:
    """Return the outcome of an order whose state is known. Raises WireError on odd counts."""
    ticket = attempt.ticket
    filled = sum(fill.qty for fill in fills)
    if order.state == REFUSED:
        if order.filled or filled:
            raise WireError("rejected_with_fills", order.order_id)
        word = REJECT_REASONS.get(reason, f"refused {reason[:40]}".strip())
        return Rejected(ticket.attempt_id, word, reason)
    if filled != order.filled:
        raise WireError("execution_sum", f"{filled} is not {order.filled}")
    cost = UsdMicros(sum(fill.notional_usd for fill in fills))
    if order.state in ENDED:
        status = AckStatus.DONE
    elif order.state in LIVE and ticket.tif is TimeInForce.GTC:
        status = AckStatus.RESTING
    else:
        return Unknown(ticket.attempt_id, f"not final: {order.state[:40]}", order.order_id)
    return Acked(ticket.attempt_id, order.order_id, status, QtyMicros(filled), cost, fills)


def _check_limit(attempt: Attempt, fill: Fill) -> None:
    """A fill beyond the limit is not of the order that we sent. Raises WireError."""
    limit, is_buy = attempt.ticket.price_limit, attempt.ticket.side is Side.BUY
    if fill.price > limit if is_buy else fill.price < limit:
        raise WireError("fill_beyond_limit", f"{fill.price} {limit}")

"""What the answer to POST /order means: acknowledged, refused, or unknown.

Only the refusal list makes a refusal. A 200 must name our digest, otherwise it belongs to
another request or to nothing, and the order is unknown (F-019, F-044, F-085).
"""

from __future__ import annotations

from typing import Final

import msgspec

from shared.adapters.venues.polymarket.errors import find_refusal, read_error_text
from shared.adapters.venues.polymarket.fills import make_fill
from shared.adapters.venues.polymarket.parsing import decode, micros
from shared.adapters.venues.polymarket.schemas import PostedOrder
from shared.domain.enums import Liquidity, Side, TimeInForce
from shared.domain.errors import WireError
from shared.domain.instrument import Instrument
from shared.domain.order import (
    Acked,
    AckStatus,
    Fill,
    LegTicket,
    Rejected,
    SubmitOutcome,
    Unknown,
)
from shared.domain.units import QtyMicros, UsdMicros

_POSTED: Final = msgspec.json.Decoder(PostedOrder)
RAW_MAX: Final = 400


def judge_answer(
    ticket: LegTicket,
    instrument: Instrument,
    order_id: str,
    status: int,
    body: bytes,
    now_wall_ns: int,
) -> SubmitOutcome:
    """Return the outcome that an answer proves; unreadable is Unknown, never an error."""
    raw = body[:RAW_MAX].decode("utf-8", "replace")
    if status != 200:
        return _judge_error(ticket, status, body, raw)
    try:
        answer = decode(_POSTED, body, "polymarket.order.answer")
        if answer.success is not True or not answer.order_id:
            return _judge_text(ticket, status, answer.error_msg or "", raw)
        if answer.order_id.lower() != order_id:
            return Unknown(ticket.attempt_id, "answer names another order", raw)
        return _acknowledge(ticket, instrument, order_id, answer, raw, now_wall_ns)
    except WireError as error:
        return Unknown(ticket.attempt_id, f"unreadable answer: {error.kind}", raw)


def _judge_error(ticket: LegTicket, status: int, body: bytes, raw: str) -> SubmitOutcome:
    try:
        text = read_error_text(body)
    except WireError:
        return Unknown(ticket.attempt_id, f"HTTP {status} without a readable text", raw)
    return _judge_text(ticket, status, text, raw)


def _judge_text(ticket: LegTicket, status: int, text: str, raw: str) -> SubmitOutcome:
    """Match a text against the refusal list; a 200 that says no is judged like a 400.

    ``success: true`` without an order id proves nothing whatever its text, because a
    half-read success would then count as absence.
    """
    is_contradiction = status == 200 and '"success":true' in raw.replace(" ", "")
    refusal = None if is_contradiction else find_refusal(400 if status == 200 else status, text)
    if refusal is None:
        return Unknown(ticket.attempt_id, f"HTTP {status}: {text[:120] or 'no text'}", raw)
    return Rejected(ticket.attempt_id, refusal.reason, raw)


def _acknowledge(
    ticket: LegTicket,
    instrument: Instrument,
    order_id: str,
    answer: PostedOrder,
    raw: str,
    now_wall_ns: int,
) -> SubmitOutcome:
    word = (answer.status or "").lower()
    gave = micros(answer.making_amount or "0", "polymarket.order.making")
    took = micros(answer.taking_amount or "0", "polymarket.order.taking")
    if gave < 0 or took < 0 or (gave == 0) is not (took == 0):
        return Unknown(ticket.attempt_id, "amounts contradict each other", raw)
    shares, money = (took, gave) if ticket.side is Side.BUY else (gave, took)
    fills = _single_fill(ticket, instrument, order_id, answer, shares, money, now_wall_ns)

    def acked(status: AckStatus) -> Acked:
        return Acked(
            ticket.attempt_id, order_id, status, QtyMicros(shares), UsdMicros(money), fills
        )

    rests = ticket.tif is TimeInForce.GTC
    if word == "delayed":
        return acked(AckStatus.HELD)
    if word == "live":
        if not rests:
            return Unknown(ticket.attempt_id, "an immediate order is said to rest", raw)
        return acked(AckStatus.RESTING)
    if word == "matched":
        if shares == 0:
            return Unknown(ticket.attempt_id, "matched without amounts", raw)
        is_whole = not rests or shares >= ticket.qty
        return acked(AckStatus.DONE if is_whole else AckStatus.RESTING)
    if word == "unmatched":
        # A marketable order that met nothing: dead by type, or left resting on the book.
        return acked(AckStatus.RESTING if rests else AckStatus.DONE)
    return Unknown(ticket.attempt_id, f"unknown status {word[:40]!r}", raw)


def _single_fill(
    ticket: LegTicket,
    instrument: Instrument,
    order_id: str,
    answer: PostedOrder,
    shares: int,
    money: int,
    now_wall_ns: int,
) -> tuple[Fill, ...]:
    """Return the provisional fill when one trade made all of it.

    With several trades the split is unknown here; their own records bring the fills.
    """
    trades = list(dict.fromkeys(answer.trade_ids or ()))
    if len(trades) != 1 or shares == 0:
        return ()
    fill = make_fill(
        trade_id=trades[0],
        order_id=order_id,
        attempt=ticket.attempt_id,
        instrument=instrument,
        outcome=ticket.outcome,
        side=ticket.side,
        qty=shares,
        cost=money,
        price=None,
        liquidity=Liquidity.TAKER,
        ts_ns=now_wall_ns,
        is_final=False,
    )
    return (fill,)

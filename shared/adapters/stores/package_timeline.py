"""The story of one package as rows: decisions, orders and fills merged by time.

Lanes are ``decision``, ``leg1`` (the leg that goes first), ``leg2`` and ``settlement``; the
text is one short phrase; ``unhedged_micros`` is the exposure after the event.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from shared.adapters.stores.package_figures import Figures, outcomes_of
from shared.contracts.api_v1 import TimelineRow
from shared.contracts.gate_words import cents, contracts, dollars

Row = Mapping[str, Any]

_STATES: Final[dict[str, tuple[str, str, str]]] = {
    "journalled": ("decision", "committed", "intent stored"),
    "retry_wait": ("decision", "retry", "waiting to hedge again"),
    "unwind_sent": ("decision", "unwind", "unwinding"),
    "unwind_wait": ("decision", "unwind", "waiting to unwind"),
    "leg1_unknown": ("leg1", "unknown", "outcome unknown, asking the venue"),
    "leg2_unknown": ("leg2", "unknown", "outcome unknown, asking the venue"),
    "unwind_unknown": ("decision", "unknown", "unwind unknown, asking the venue"),
    "confirm_unknown": ("decision", "unknown", "finality in doubt, asking the venue"),
    "recovering": ("decision", "unknown", "asking both venues after a restart"),
    "hedged_prov": ("decision", "matched", "both legs filled, awaiting confirmation"),
    "hedged": ("decision", "confirmed", "hedged, every trade final"),
    "flat_prov": ("decision", "note", "net zero, awaiting confirmation"),
    "flat": ("decision", "note", "flat"),
    "exiting": ("decision", "note", "exiting early"),
    "exited_early": ("decision", "settled", "exited early"),
    "settling": ("settlement", "note", "a market is determined, awaiting the payout"),
    "settled": ("settlement", "settled", "both markets paid"),
    "diverged": ("settlement", "failed", "the markets settled differently"),
    "stuck_known": ("decision", "stuck", "stuck, needs you"),
    "stuck_unknown": ("decision", "stuck", "stuck with an unknown outcome, needs you"),
    "aborted": ("decision", "note", "given up before anything was bought"),
}
"""Verdict of a package decision to (lane, kind, text); states that orders tell are left out."""

_EXPLAINED: Final = frozenset({"retry", "unwind", "unknown", "stuck", "failed"})
"""Kinds whose reason is shown."""
_TOLD: Final = frozenset({"fill"})
"""Kinds of decisions that other records tell better."""


@dataclass(frozen=True, slots=True)
class _Mark:
    ts_ns: int
    order: int
    """Rank among marks of one instant: sent before filled before decided."""
    lane: str
    kind: str
    text: str
    fill: Row | None = None
    takes_back: bool = False


def timeline(
    package: Row,
    orders: Sequence[Row],
    fills: Sequence[Row],
    fill_states: Sequence[Row],
    decisions: Sequence[Row],
) -> list[TimelineRow]:
    """Merge everything recorded of a package, oldest first."""
    sent = {o["attempt_id"]: o["ts_sent_ns"] or 0 for o in orders}
    marks = [_approved(package)]
    marks += [mark for o in orders for mark in _order_marks(package, o)]
    marks += _fill_marks(package, fills, sent)
    marks += _finality_marks(package, fills, fill_states)
    marks += [mark for d in decisions for mark in _decision_marks(d)]
    marks.sort(key=lambda mark: (mark.ts_ns, mark.order))
    figures = Figures()
    rows = []
    for mark in marks:
        if mark.fill is not None:
            figures = _with(figures, mark.fill, package, takes_back=mark.takes_back)
        rows.append(
            TimelineRow(
                ts_ns=mark.ts_ns,
                lane=mark.lane,
                kind=mark.kind,
                text=mark.text,
                unhedged_micros=figures.unhedged_usd,
            )
        )
    return rows


def lane_of(package: Row, leg: int | None) -> str:
    if leg not in (0, 1):
        return "decision"
    return "leg1" if leg == package["leg_first"] else "leg2"


def _approved(package: Row) -> _Mark:
    edge = package["entry_edge_micros"]
    qty = _qty(package["qty_micros"])
    sign = "+" if edge is not None and edge > 0 else ""
    text = f"approved {qty}"
    if edge is not None:
        text = f"{text} at {sign}{_cents(edge)}¢ a contract"
    return _Mark(package["created_wall_ns"], 0, "decision", "approved", text)


def _order_marks(package: Row, order: Row) -> Iterator[_Mark]:
    if not order["ts_sent_ns"]:
        return
    lane = lane_of(package, order["leg"])
    limit = "" if order["px_limit_micros"] is None else f" cap {_cents(order['px_limit_micros'])}¢"
    retry = order["purpose"] == "hedge" and order["attempt"] > 0
    what = {"open": "buy", "hedge": "hedge", "unwind": "unwind"}.get(order["purpose"], "order")
    kind = "unwind" if order["purpose"] == "unwind" else "retry" if retry else "sent"
    text = f"{what} {_qty(order['qty_micros'] or 0)}{limit}"
    if retry:
        text = f"{text}, attempt {order['attempt'] + 1}"
    yield _Mark(order["ts_sent_ns"], 1, lane, kind, text)
    at = order["ts_ack_ns"]
    if not at:
        return
    reason = (order["reason"] or "").strip()[:80]
    if order["state"] == "rejected":
        yield _Mark(at, 2, lane, "refused", f"refused: {reason}" if reason else "refused")
    elif order["state"] == "unknown":
        yield _Mark(at, 2, lane, "unknown", f"unknown: {reason}" if reason else "outcome unknown")
    elif order["state"] == "done" and not order["cum_qty_micros"]:
        yield _Mark(at, 2, lane, "acked", "nothing filled")
    else:
        yield _Mark(at, 2, lane, "acked", "acknowledged")


def _fill_marks(package: Row, fills: Sequence[Row], sent: Mapping[str, int]) -> Iterator[_Mark]:
    for fill in fills:
        # The venue's clock may run before ours: a fill never shows before its order.
        at = max(fill["ts_fill_ns"], sent.get(fill["attempt_id"] or "", 0))
        verb = "filled" if fill["side"] == "buy" else "sold"
        text = (
            f"{verb} {_qty(fill['qty_micros'])} @ {_cents(fill['px_micros'])}¢,"
            f" fee ${_usd(fill['fee_usd_micros'])}"
        )
        kind = "filled" if fill["is_final"] else "matched"
        yield _Mark(at, 3, lane_of(package, fill["leg"]), kind, text, fill)


def _finality_marks(
    package: Row, fills: Sequence[Row], fill_states: Sequence[Row]
) -> Iterator[_Mark]:
    by_key = {fill["fill_key"]: fill for fill in fills}
    for state in fill_states:
        fill = by_key.get(state["fill_key"])
        if fill is None or state["state"] == "provisional" or fill["is_final"]:
            continue
        lane = lane_of(package, fill["leg"])
        qty = _qty(fill["qty_micros"])
        if state["state"] == "confirmed":
            yield _Mark(state["ts_ns"], 4, lane, "confirmed", f"{qty} confirmed on chain")
        else:
            text = f"{qty} failed on chain"
            yield _Mark(state["ts_ns"], 4, lane, "failed", text, fill, takes_back=True)


def _decision_marks(decision: Row) -> Iterator[_Mark]:
    at, reason = decision["wall_ns"], (decision["reason"] or "").strip()
    if decision["kind"] == "package":
        known = _STATES.get(decision["verdict"])
        if known is None:
            return
        lane, kind, text = known
        # A bare event word tells a person nothing, and what went as planned needs no reason.
        says_more = " " in reason and (kind in _EXPLAINED or decision["verdict"] == "aborted")
        yield _Mark(at, 5, lane, kind, f"{text}: {reason[:100]}" if says_more else text)
        return
    if decision["kind"] in _TOLD:
        return
    words = decision["verdict"].replace("_", " ")
    text = f"{decision['kind'].replace('_', ' ')}: {words}"
    yield _Mark(at, 5, "decision", "note", f"{text}, {reason[:100]}" if reason else text)


def _with(figures: Figures, fill: Row, package: Row, *, takes_back: bool) -> Figures:
    """Count a fill, or take back one that failed by counting its opposite."""
    if not takes_back:
        figures.add(fill, outcomes_of(package))
        return figures
    if fill["leg"] in (0, 1):
        leg = figures.legs[fill["leg"]]
        is_own = fill["outcome"] == outcomes_of(package)[fill["leg"]]
        adds = (fill["side"] == "buy") == is_own
        leg.net -= fill["qty_micros"] if adds else -fill["qty_micros"]
    return figures


def _qty(micros: int) -> str:
    return contracts("q")({"q": str(micros)})


def _cents(micros: int) -> str:
    return cents("p")({"p": str(micros)})


def _usd(micros: int) -> str:
    return dollars("d")({"d": str(micros)})

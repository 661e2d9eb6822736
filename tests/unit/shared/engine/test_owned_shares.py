"""Shares are sold only where they are ours and final, whoever bought or sold them (I-21, M-12)."""

from __future__ import annotations

from shared.domain import commands as cm
from shared.domain import events as ev
from shared.domain.enums import Purpose, Side, Venue
from shared.domain.order import Evidence, EvidenceKind, LegTicket
from shared.domain.package_table import PackageState
from shared.engine import plans
from tests.support.kernel_desk import Desk, restarted

PS = PackageState


def opened() -> tuple[Desk, LegTicket]:
    """Leg 1 goes to Polymarket; its first byte has left."""
    desk = Desk()
    desk.book(Venue.KALSHI, 54, 56, 400)
    desk.book(Venue.POLYMARKET, 44, 46, 100)
    first = desk.tickets()[-1]
    assert first.venue is Venue.POLYMARKET
    desk.sending(first)
    return desk, first


def exposed() -> tuple[Desk, LegTicket]:
    """A hedged package whose Kalshi leg was busted: its Polymarket shares are too many."""
    desk, first = opened()
    desk.answer(first)
    hedge = desk.tickets()[-1]
    desk.sending(hedge)
    desk.answer(hedge)
    assert desk.package.state is PS.HEDGED
    desk.give(ev.TradeFinality(Venue.KALSHI, f"t-{hedge.attempt_id[:8]}", False))
    assert desk.package.residual != 0
    return desk, first


def test_i21_a_repair_waits_for_the_finality_of_what_its_parent_bought() -> None:
    desk, first = opened()
    desk.pass_time(251)
    absent = Evidence(first.attempt_id, EvidenceKind.ABSENT)
    desk.give(ev.EvidenceFound(desk.package.package_id, (absent,)))
    late = desk.fill(first, final=False)
    desk.give(ev.FillSeen(late))
    repair, state = desk.package, desk.kernel.state
    assert repair.kind == "repair" and abs(repair.residual) == first.qty
    assert plans.awaits_finality(state, repair)
    plan = plans.unwind(state, repair, first.leg, first.qty)
    assert plan is None or plan.side is Side.BUY
    desk.give(ev.TradeFinality(Venue.POLYMARKET, late.trade_id, True))
    assert not plans.awaits_finality(state, repair)
    plan = plans.unwind(state, repair, first.leg, first.qty)
    assert plan is not None and plan.side is Side.SELL


def test_i21_no_more_is_sold_than_the_account_holds() -> None:
    """An EXIT has sold the shares already when a bust exposes its parent."""
    desk, first = exposed()
    package, state = desk.package, desk.kernel.state
    plan = plans.unwind(state, package, first.leg, first.qty)
    assert plan is not None and plan.side is Side.SELL and plan.qty > 0
    held = state.positions.of(first.market_id, first.outcome)
    assert held.qty == first.qty
    held.take(held.qty - plan.qty // 2)
    less = plans.unwind(state, package, first.leg, first.qty)
    assert less is None or 0 < less.qty <= plan.qty // 2
    held.take(held.qty)
    assert plans.unwind(state, package, first.leg, first.qty) is None


def test_m12_an_order_on_the_wire_puts_a_package_recorded_as_hedged_in_doubt() -> None:
    """The rows of the exposure were lost; the wire log of the order that followed was not."""
    desk, _ = opened()
    desk.answer(desk.tickets()[-1])
    hedge = desk.tickets()[-1]
    desk.sending(hedge)
    desk.answer(hedge)
    assert desk.package.state is PS.HEDGED
    count = len(desk.all_log)
    desk.give(ev.TradeFinality(Venue.KALSHI, f"t-{hedge.attempt_id[:8]}", False))
    desk.pass_time(200)
    out = desk.tickets()[-1]
    assert out.purpose in (Purpose.HEDGE, Purpose.UNWIND) and out is not hedge
    lost = [
        c for c in desk.all_log[count:] if not (isinstance(c, cm.WriteRows) and c.table == "orders")
    ]
    desk.all_log = [c for c in desk.all_log if not any(c is one for one in lost)]
    again = restarted(desk)
    assert again.package.state is PS.RECOVERING and again.tickets() == []
    asked = {
        t.attempt_id for c in again.all_log if isinstance(c, cm.AskEvidence) for t in c.tickets
    }
    assert out.attempt_id in asked

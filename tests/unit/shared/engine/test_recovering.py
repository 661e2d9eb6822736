"""A restart believes the venues over its rows: every slot is asked, used or not (M-12)."""

from __future__ import annotations

from shared.domain import commands as cm
from shared.domain import events as ev
from shared.domain.enums import Purpose, Side, Venue
from shared.domain.order import Evidence, EvidenceKind, OrderState
from shared.domain.package_table import PackageState
from tests.support.kernel_desk import Desk, restarted

PS = PackageState


def lagging() -> tuple[Desk, Desk]:
    """Return (the desk before, the desk after a restart whose rows lack the hedge that left)."""
    desk = Desk()
    desk.book(Venue.KALSHI, 54, 56, 400)
    desk.book(Venue.POLYMARKET, 44, 46, 100)
    first = desk.tickets()[-1]
    desk.sending(first)
    before = len(desk.all_log)
    desk.answer(first)
    hedge = desk.tickets()[-1]
    assert hedge.venue is Venue.KALSHI and hedge.purpose is Purpose.HEDGE
    # Everything that the step wrote after the fill is lost, the order itself is on the wire.
    written = desk.all_log[before:]
    desk.all_log = [
        c
        for c in desk.all_log
        if not (c in written and isinstance(c, cm.WriteRows) and c.table in ("orders", "packages"))
    ]
    again = restarted(desk)
    assert again.package.state is PS.RECOVERING
    assert again.package.attempts[hedge.attempt_id].state is OrderState.PLANNED
    return desk, again


def test_m12_every_slot_that_can_be_asked_by_our_id_is_asked() -> None:
    _, again = lagging()
    asked = {
        t.attempt_id for c in again.all_log if isinstance(c, cm.AskEvidence) for t in c.tickets
    }
    kalshi = {a.attempt_id for a in again.package.attempts.values() if a.purpose is Purpose.HEDGE}
    assert kalshi <= asked and len(kalshi) == 4


def test_m12_an_unused_slot_that_had_left_is_believed_and_nothing_is_sent_before() -> None:
    desk, again = lagging()
    hedge = desk.tickets()[-1]
    again.pass_time(5_000)
    assert again.tickets() == []
    found = []
    for attempt in again.package.attempts.values():
        if attempt.attempt_id == hedge.attempt_id:
            fill = desk.fill(hedge)
            found.append(Evidence(hedge.attempt_id, EvidenceKind.FILLED, "h", hedge.qty, (fill,)))
        elif attempt.purpose is Purpose.OPEN:
            first = desk.tickets()[0]
            done = (desk.fill(first),)
            found.append(Evidence(attempt.attempt_id, EvidenceKind.FILLED, "f", first.qty, done))
        else:
            found.append(Evidence(attempt.attempt_id, EvidenceKind.ABSENT))
    again.give(ev.EvidenceFound(again.package.package_id, tuple(found)))
    assert again.package.residual == 0 and again.tickets() == []
    assert again.package.state in (PS.HEDGED, PS.HEDGED_PROV)
    assert all(t.side is Side.BUY for t in desk.tickets())


def test_f085_an_absence_asked_before_the_order_went_out_settles_nothing() -> None:
    """Unused slots are asked about after a restart; the answer waited while one was sent."""
    desk = Desk()
    desk.book(Venue.KALSHI, 54, 56, 400)
    desk.book(Venue.POLYMARKET, 44, 46, 100)
    first = desk.tickets()[-1]
    desk.sending(first)
    desk.answer(first)
    hedge = desk.tickets()[-1]
    desk.sending(hedge)
    assert hedge.purpose is Purpose.HEDGE and desk.package.state is PS.LEG2_SENT
    sent = len(desk.tickets())
    absent = (Evidence(hedge.attempt_id, EvidenceKind.ABSENT),)
    before = hedge.decided_mono_ns - 1
    desk.give(ev.EvidenceFound(desk.package.package_id, absent, before))
    assert desk.package.state is PS.LEG2_SENT and len(desk.tickets()) == sent
    assert desk.package.attempts[hedge.attempt_id].state is OrderState.SENT
    later = hedge.decided_mono_ns + 1
    desk.give(ev.EvidenceFound(desk.package.package_id, absent, later))
    assert desk.package.attempts[hedge.attempt_id].state is OrderState.ABSENT

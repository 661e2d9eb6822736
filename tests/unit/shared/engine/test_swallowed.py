"""What a crash or a lost message swallowed comes to light again; each once broke a seed."""

from __future__ import annotations

from dataclasses import replace

from shared.domain import commands as cm
from shared.domain import events as ev
from shared.domain.enums import HaltReason, Outcome, Purpose, Venue
from shared.domain.ledger import cash_account, opening_account
from shared.domain.order import AckStatus, Evidence, EvidenceKind, LegTicket, OrderState, Rejected
from shared.domain.package_table import PackageState
from shared.domain.units import NS_PER_S, PriceMicros, QtyMicros, UsdMicros
from tests.support.kernel_desk import ONE, WALL, Desk, empty_state, restarted

PS = PackageState


def test_a_held_hedge_that_came_to_rest_is_cancelled_at_every_finding() -> None:
    """Its cancel may be refused: each time it is found alive, it is asked for again (F-051)."""
    desk = Desk()
    desk.book(Venue.KALSHI, 54, 56, 100)
    desk.book(Venue.POLYMARKET, 44, 46, 400)
    first = desk.tickets()[-1]
    assert first.venue is Venue.KALSHI
    desk.sending(first)
    desk.answer(first)
    hedge = desk.tickets()[-1]
    assert hedge.purpose is Purpose.HEDGE
    desk.sending(hedge)
    desk.answer(hedge, 0, status=AckStatus.HELD)
    assert desk.package.state is PS.LEG2_UNKNOWN
    alive = Evidence(hedge.attempt_id, EvidenceKind.LIVE, "o-1")
    for findings in (1, 2, 3):
        desk.pass_time(600)
        desk.give(ev.EvidenceFound(desk.package.package_id, (alive,)))
        assert len(desk.asked(cm.CancelOrder)) >= findings
    gone = Evidence(hedge.attempt_id, EvidenceKind.ABSENT, "o-1")
    desk.give(ev.EvidenceFound(desk.package.package_id, (gone,)))
    assert desk.package.attempts[hedge.attempt_id].state is OrderState.ABSENT
    assert desk.package.state is not PS.LEG2_UNKNOWN


def test_an_order_that_is_still_waited_for_is_not_cancelled() -> None:
    desk = Desk()
    first = desk.open_edge()
    desk.sending(first)
    alive = Evidence(first.attempt_id, EvidenceKind.LIVE, "o-1")
    desk.give(ev.EvidenceFound(desk.package.package_id, (alive,)))
    assert desk.package.state is PS.LEG1_SENT and desk.asked(cm.CancelOrder) == []


def test_the_opening_cash_is_booked_although_a_crash_lost_its_row() -> None:
    """A restart found fills in the books and no opening: it is what the account began with."""
    kept = {"cash:kalshi": -5 * ONE, "position:kalshi:M:yes": 5 * ONE}
    desk = Desk(recovered=empty_state(balances=kept))
    ledger = desk.kernel.state.ledger
    assert ledger.balance(opening_account(Venue.KALSHI)) == -5_005 * ONE
    assert ledger.balance(cash_account(Venue.KALSHI)) == 5_000 * ONE
    assert ledger.total() == 0


def test_the_opening_cash_waits_for_a_quiet_moment() -> None:
    """While orders of a package are open, the cash found is not what the account began with."""
    desk = Desk()
    state = desk.kernel.state
    desk.open_edge()
    del state.ledger.balances[opening_account(Venue.KALSHI)]
    state.ledger.balances[cash_account(Venue.KALSHI)] -= 5_000 * ONE
    snapshot = ev.AccountSnapshot(Venue.KALSHI, UsdMicros(4_990 * ONE), (), (), WALL + NS_PER_S)
    desk.give(snapshot)
    assert opening_account(Venue.KALSHI) not in state.ledger.balances
    assert QtyMicros(0) == state.ledger.balance(cash_account(Venue.KALSHI))


def test_a_restart_does_not_give_a_package_its_exposure_budget_again() -> None:
    """The time already exposed is kept with the envelope (I-07)."""
    desk = Desk()
    first = desk.open_edge()
    desk.sending(first)
    desk.answer(first)
    hedge = desk.tickets()[-1]
    desk.give(ev.BookReplaced(hedge.market_id, (), (), WALL + desk.mono))
    desk.give(ev.BookReplaced(first.market_id, (), (), WALL + desk.mono))
    desk.pass_time(100)
    desk.give(ev.AttemptAnswered(Rejected(hedge.attempt_id, "refused by list")))
    desk.pass_time(4_000)
    used = desk.package.active_used_ns
    assert desk.package.state is PS.UNWIND_WAIT and used > 3 * NS_PER_S
    assert restarted(desk).package.active_used_ns == used


def test_a_repair_that_has_sent_nothing_survives_a_restart() -> None:
    """What its parent left is no "no fill": it is naked, and asked about, not aborted (I-13)."""
    desk = Desk()
    first = desk.open_edge()
    desk.sending(first)
    desk.pass_time(251)
    absent = Evidence(first.attempt_id, EvidenceKind.ABSENT)
    desk.give(ev.EvidenceFound(desk.package.package_id, (absent,)))
    frozen = ev.Halt("global", HaltReason.FREEZE, "person", WALL, is_freeze=True)
    desk.give(ev.HaltTaken(frozen))
    desk.give(ev.FillSeen(desk.fill(first)))
    repair = desk.package
    assert repair.kind == "repair" and repair.state is PS.STUCK_KNOWN
    again = restarted(desk)
    repair = again.kernel.state.packages[repair.package_id]
    assert repair.state is PS.RECOVERING and abs(repair.residual) == first.qty
    slots = tuple(Evidence(name, EvidenceKind.ABSENT) for name in repair.attempts)
    again.give(ev.EvidenceFound(repair.package_id, slots))
    assert repair.state not in (PS.RECOVERING, PS.ABORTED)


def _waiting() -> tuple[Desk, LegTicket]:
    """A package whose leg 1 is filled, with no price to hedge or to unwind at."""
    desk = Desk()
    first = desk.open_edge()
    desk.sending(first)
    desk.answer(first, final=False)
    hedge = desk.tickets()[-1]
    for market in (first.market_id, hedge.market_id):
        desk.give(ev.BookReplaced(market, (), (), WALL + desk.mono))
    desk.give(ev.AttemptAnswered(Rejected(hedge.attempt_id, "refused by list")))
    desk.pass_time(1_500)
    assert desk.package.state is PS.UNWIND_WAIT
    return desk, first


def test_shares_that_became_final_end_the_wait_for_them() -> None:
    desk, first = _waiting()
    assert first.venue is Venue.POLYMARKET
    before = len(desk.decisions("package"))
    (bought,) = desk.package.attempts[first.attempt_id].fills.values()
    desk.give(ev.TradeFinality(Venue.POLYMARKET, bought.trade_id, True))
    moved = [d.params.get("event") for d in desk.decisions("package")[before:]]
    assert moved[:1] == ["s_conf"], "no need to wait the second out"


def test_a_leg_that_was_paid_while_its_package_waited_settles_it() -> None:
    """The result was never told: the payout alone says that there is nothing to wait for."""
    desk, first = _waiting()
    yes = first.outcome is Outcome.YES
    paid = ev.PayoutSeen(
        first.venue,
        first.market_id,
        PriceMicros(ONE if yes else 0),
        QtyMicros(first.qty if yes else 0),
        QtyMicros(0 if yes else first.qty),
        UsdMicros(first.qty),
        WALL,
        "paid-1",
    )
    desk.give(paid)
    desk.pass_time(1_000, seconds=True)
    assert desk.package.state is PS.SETTLED
    assert desk.package.realised_usd == first.qty + desk.fill(first).cash_usd


def test_a_difference_at_a_venue_puts_what_is_held_there_in_doubt() -> None:
    desk = Desk()
    first = desk.open_edge()
    desk.sending(first)
    desk.answer(first)
    hedge = desk.tickets()[-1]
    desk.sending(hedge)
    desk.answer(hedge)
    assert desk.package.state is PS.HEDGED
    for _ in range(2):
        desk.pass_time(4_000, seconds=True)
        off = ev.AccountSnapshot(Venue.KALSHI, UsdMicros(1), (), (), WALL + desk.mono)
        desk.give(off)
    assert ("venue:kalshi", "reconcile_difference") in desk.kernel.state.halts
    assert "recon_diff" in [d.params.get("event") for d in desk.decisions("package")]
    assert desk.package.state is PS.CONFIRM_UNKNOWN
    asked = desk.asked(cm.AskEvidence)[-1]
    assert isinstance(asked, cm.AskEvidence)
    assert {t.attempt_id for t in asked.tickets} == {first.attempt_id, hedge.attempt_id}
    for ticket in asked.tickets:
        fill = desk.package.attempts[ticket.attempt_id].fills.values()
        proof = Evidence(
            ticket.attempt_id, EvidenceKind.FILLED, "o", QtyMicros(ticket.qty), tuple(fill)
        )
        desk.give(ev.EvidenceFound(desk.package.package_id, (proof,)))
    assert desk.package.state is PS.HEDGED


def test_a_parent_whose_end_was_lost_is_not_reopened_beside_its_repair() -> None:
    """The repair's committed envelope proves that its parent had ended (I-13)."""
    desk = Desk()
    first = desk.open_edge()
    desk.sending(first)
    desk.pass_time(251)
    parent = desk.package
    gone = Evidence(first.attempt_id, EvidenceKind.ABSENT)
    desk.give(ev.EvidenceFound(parent.package_id, (gone,)))
    assert parent.state is PS.ABORTED
    desk.give(ev.FillSeen(desk.fill(first)))
    repair = desk.package
    assert repair.kind == "repair"

    def is_end(command: cm.Command) -> bool:
        return isinstance(command, cm.WriteRows) and any(
            row.get("package_id") == parent.package_id and row.get("state") == "aborted"
            for row in command.rows
        )

    desk.all_log = [command for command in desk.all_log if not is_end(command)]
    again = restarted(desk).kernel.state.packages
    assert again[parent.package_id].state is PS.ABORTED
    assert again[parent.package_id].realised_usd == 0
    assert again[repair.package_id].state is PS.RECOVERING


def test_a_payout_read_before_the_executions_that_it_pays_is_credited_whole() -> None:
    """After a restart the poll may be quicker than the sweep of fills."""
    desk = Desk()
    first = desk.open_edge()
    desk.sending(first)
    yes = first.outcome is Outcome.YES
    sides = (first.qty, QtyMicros(0)) if yes else (QtyMicros(0), first.qty)
    won = PriceMicros(ONE if yes else 0)
    cash = UsdMicros(first.qty)
    desk.give(ev.PayoutSeen(first.venue, first.market_id, won, sides[0], sides[1], cash, WALL, "p"))
    assert desk.package.payout_cash_usd == 0
    desk.answer(first)
    desk.pass_time(1_000, seconds=True)
    assert desk.package.payout_cash_usd == first.qty


def test_a_trade_that_fails_after_its_market_paid_corrects_the_result_and_opens_no_repair() -> None:
    desk, first = _waiting()
    yes = first.outcome is Outcome.YES
    sides = (first.qty, QtyMicros(0)) if yes else (QtyMicros(0), first.qty)
    won = PriceMicros(ONE if yes else 0)
    desk.give(
        ev.PayoutSeen(first.venue, first.market_id, won, *sides, UsdMicros(first.qty), WALL, "paid")
    )
    desk.pass_time(1_000, seconds=True)
    parent = desk.package
    assert parent.state is PS.SETTLED
    (bought,) = parent.attempts[first.attempt_id].fills.values()
    desk.give(ev.TradeFinality(first.venue, bought.trade_id, False))
    assert desk.package is parent, "nothing is held that a repair could work off"
    assert parent.realised_usd == 0
    assert desk.kernel.state.realised["day"] == 0


def test_rules_that_change_between_the_last_gate_and_the_first_byte_end_the_package() -> None:
    desk = Desk()
    desk.open_edge()
    assert desk.package.state is PS.JOURNALLED
    desk.give(ev.InstrumentChanged(replace(desk.a, rules_hash="edited")))
    assert desk.package.state is PS.ABORTED
    assert not desk.kernel.state.is_wanted(desk.tickets()[-1])


def test_a_package_is_not_settled_before_the_money_of_its_executions_is_known() -> None:
    """The venue counted contracts whose fills were lost; the sweep says what they cost."""
    desk, first = _waiting()
    attempt = desk.package.attempts[first.attempt_id]
    known = dict(attempt.fills)
    attempt.cum_qty = attempt.known_qty
    attempt.fills.clear()
    yes = first.outcome is Outcome.YES
    sides = (first.qty, QtyMicros(0)) if yes else (QtyMicros(0), first.qty)
    won = PriceMicros(ONE if yes else 0)
    cash = UsdMicros(first.qty)
    desk.give(ev.PayoutSeen(first.venue, first.market_id, won, sides[0], sides[1], cash, WALL, "p"))
    desk.pass_time(1_000, seconds=True)
    assert desk.package.state is not PS.SETTLED
    attempt.fills.update(known)
    desk.pass_time(1_000, seconds=True)
    assert desk.package.state is PS.SETTLED

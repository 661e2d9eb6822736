"""From the first fill to flat or hedged: the flows that the specification names, and faults."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.adapters.stores.postgres_rows import statements
from shared.domain import commands as cm
from shared.domain import events as ev
from shared.domain.enums import HaltReason, Outcome, Purpose, Side, TimeInForce, Venue
from shared.domain.order import (
    AckStatus,
    Evidence,
    EvidenceKind,
    LegTicket,
    OrderState,
    Rejected,
    Unknown,
)
from shared.domain.package_table import PackageState
from shared.domain.units import QtyMicros
from tests.support.kernel_desk import ONE, WALL, Desk, empty_state, restarted

PS = PackageState


def opened(size: int = 100, *, kalshi_first: bool = False) -> tuple[Desk, LegTicket]:
    desk = Desk()
    desk.book(Venue.KALSHI, 54, 56, size if kalshi_first else 4 * size)
    desk.book(Venue.POLYMARKET, 44, 46, 4 * size if kalshi_first else size)
    ticket = desk.tickets()[-1]
    desk.sending(ticket)
    return desk, ticket


def test_hedged_taker_flow() -> None:
    """Both legs fill: hedged in contracts, the ledger sums to zero, no residual."""
    desk, first = opened()
    desk.pass_time(40)
    desk.answer(first)
    hedge = desk.tickets()[-1]
    assert hedge.purpose is Purpose.HEDGE and hedge.qty == first.qty
    assert hedge.venue is not first.venue
    desk.sending(hedge)
    desk.pass_time(40)
    desk.answer(hedge)
    assert desk.package.state is PS.HEDGED
    assert desk.package.residual == 0 and desk.kernel.state.ledger.total() == 0
    assert desk.kernel.state.ledger.balances["cash:kalshi"] < 5_000 * ONE
    assert desk.package.unhedged_ns <= 40_000_000


def test_the_hedge_leaves_in_the_step_that_saw_the_fill() -> None:
    desk, first = opened()
    out = desk.answer(first)
    assert any(isinstance(c, cm.SubmitLeg) for c in out)


@pytest.mark.parametrize("filled", [5_000_000, 5_170_000, 17_340_000])
def test_leg_2_is_sized_on_the_real_fill_never_on_the_plan(filled: int) -> None:
    desk, first = opened()
    desk.answer(first, filled)
    assert desk.tickets()[-1].qty == filled


def test_f035_an_overfilled_budget_is_hedged_in_contracts() -> None:
    desk, first = opened()
    more = first.qty + 1_230_000
    assert more <= first.qty_max
    desk.answer(first, more)
    assert desk.tickets()[-1].qty == more


def test_timeout_unwinds_to_zero() -> None:
    """Leg 2 is refused again and again: at the end nothing is held and nothing rests."""
    desk, first = opened()
    desk.answer(first)
    for _ in range(40):
        if desk.package.is_ended or desk.package.state is PS.FLAT_PROV:
            break
        ticket = desk.tickets()[-1]
        if (
            desk.package.current == ticket.attempt_id
            and not desk.package.attempts[ticket.attempt_id].is_settled
        ):
            desk.sending(ticket)
            if ticket.purpose is Purpose.HEDGE:
                desk.give(ev.AttemptAnswered(Rejected(ticket.attempt_id, "paused")))
            else:
                desk.answer(ticket)
        else:
            desk.pass_time(850)
    assert desk.package.state is PS.FLAT, desk.package.state
    assert desk.package.residual == 0
    hedges = [t for t in desk.tickets() if t.purpose is Purpose.HEDGE]
    assert 1 <= len(hedges) <= 4
    assert desk.package.realised_usd is not None and desk.package.realised_usd < 0
    assert desk.kernel.state.realised["day"] == desk.package.realised_usd


def test_f026_an_unfunded_shard_costs_one_hedge_attempt_and_a_backoff() -> None:
    desk, first = opened()
    desk.answer(first)
    hedge = desk.tickets()[-1]
    desk.sending(hedge)
    desk.give(ev.AttemptAnswered(Rejected(hedge.attempt_id, "insufficient_balance")))
    assert desk.package.state is PS.RETRY_WAIT
    assert len([t for t in desk.tickets() if t.purpose is Purpose.HEDGE]) == 1
    desk.pass_time(101)
    assert len([t for t in desk.tickets() if t.purpose is Purpose.HEDGE]) == 2


def test_partial_cancels_remainder() -> None:
    """A Polymarket hedge that rests in part is cancelled; the rest is hedged again."""
    desk, first = opened(kalshi_first=True)
    assert first.venue is Venue.KALSHI
    desk.answer(first)
    hedge = desk.tickets()[-1]
    assert hedge.venue is Venue.POLYMARKET and hedge.tif is TimeInForce.GTC
    desk.sending(hedge)
    part = hedge.qty // 2 // 10_000 * 10_000
    desk.answer(hedge, part, status=AckStatus.RESTING, final=False)
    assert desk.package.state is PS.LEG2_CANCELLING
    assert len(desk.asked(cm.CancelOrder)) == 1
    evidence = Evidence(hedge.attempt_id, EvidenceKind.FILLED, "o", QtyMicros(part), ())
    desk.give(ev.EvidenceFound(desk.package.package_id, (evidence,)))
    assert desk.package.state in (PS.RETRY_WAIT, PS.LEG2_SENT)
    desk.pass_time(101)
    again = desk.tickets()[-1]
    assert again.qty == hedge.qty - part and again.attempt_id != hedge.attempt_id


@pytest.mark.parametrize("outcome", ["timeout", "unknown"])
def test_f015_an_unknown_leg_1_is_asked_about_and_nothing_is_sent_meanwhile(outcome: str) -> None:
    desk, first = opened()
    if outcome == "timeout":
        desk.pass_time(251)
    else:
        desk.give(ev.AttemptAnswered(Unknown(first.attempt_id, "http 503")))
    assert desk.package.state is PS.LEG1_UNKNOWN
    asked = len(desk.asked(cm.AskEvidence))
    assert asked >= 1
    desk.pass_time(10_000)
    assert len(desk.asked(cm.AskEvidence)) > asked
    assert desk.tickets() == [first]
    filled = Evidence(first.attempt_id, EvidenceKind.FILLED, "o", first.qty, (desk.fill(first),))
    desk.give(ev.EvidenceFound(desk.package.package_id, (filled,)))
    assert desk.package.state is PS.LEG2_SENT and desk.tickets()[-1].qty == first.qty


def test_f016_proven_absence_ends_the_package_without_a_trace() -> None:
    desk, first = opened()
    desk.pass_time(251)
    absent = Evidence(first.attempt_id, EvidenceKind.ABSENT)
    desk.give(ev.EvidenceFound(desk.package.package_id, (absent,)))
    assert desk.package.state is PS.ABORTED
    assert set(desk.kernel.state.ledger.balances) == {
        "cash:kalshi",
        "opening:kalshi",
        "cash:polymarket",
        "opening:polymarket",
    }


def test_an_unproven_answer_changes_nothing() -> None:
    desk, first = opened()
    desk.pass_time(251)
    unproven = Evidence(first.attempt_id, EvidenceKind.UNPROVEN)
    desk.give(ev.EvidenceFound(desk.package.package_id, (unproven,)))
    assert desk.package.state is PS.LEG1_UNKNOWN


def test_thirty_seconds_of_unknown_page_a_person_and_halt_the_pair() -> None:
    desk, _ = opened()
    desk.pass_time(251)
    desk.pass_time(30_001)
    assert desk.package.state is PS.STUCK_UNKNOWN
    assert any(reason == "stuck" for _, reason in desk.kernel.state.halts)
    assert any(d.severity == "p1" for d in desk.decisions("package"))


def test_f017_a_fill_after_the_end_opens_a_repair_package() -> None:
    desk, first = opened()
    desk.pass_time(251)
    absent = Evidence(first.attempt_id, EvidenceKind.ABSENT)
    desk.give(ev.EvidenceFound(desk.package.package_id, (absent,)))
    parent = desk.package
    assert parent.state is PS.ABORTED
    desk.give(ev.FillSeen(desk.fill(first)))
    repair = desk.package
    assert repair.kind == "repair" and repair.parent_id == parent.package_id
    assert abs(repair.residual) == first.qty
    # What the late fill cost is in the repair's result, as the parent's result is closed.
    assert parent.realised_usd == 0 and repair.cash_usd == desk.fill(first).cash_usd < 0
    assert desk.tickets()[-1].package_id == repair.package_id


def test_f017_a_late_fill_in_parts_is_repaired_whole() -> None:
    """The second part meets a repair under way, the third comes after that one has ended."""
    desk, first = opened(400)
    desk.pass_time(251)
    absent = Evidence(first.attempt_id, EvidenceKind.ABSENT)
    desk.give(ev.EvidenceFound(desk.package.package_id, (absent,)))
    parent = desk.package
    parts = [replace(desk.fill(first, first.qty // 4), trade_id=f"late-{n}") for n in range(3)]
    desk.give(ev.FillSeen(parts[0]))
    repair = desk.package
    assert repair.parent_id == parent.package_id and abs(repair.residual) == parts[0].qty
    desk.give(ev.FillSeen(parts[1]))
    assert desk.package is repair, "no second repair beside the first"
    for _ in range(40):
        if repair.state in (PS.HEDGED, PS.FLAT):
            break
        ticket = desk.tickets()[-1]
        if (
            repair.current == ticket.attempt_id
            and not repair.attempts[ticket.attempt_id].is_settled
        ):
            desk.sending(ticket)
            desk.answer(ticket)
        else:
            desk.pass_time(850)
    assert repair.residual == 0 and max(abs(repair.net(0)), abs(repair.net(1))) in (
        0,
        parts[0].qty + parts[1].qty,
    )
    if not repair.is_ended:
        return
    desk.give(ev.FillSeen(parts[2]))
    assert desk.package.parent_id == repair.package_id
    assert abs(desk.package.residual) == parts[2].qty


def test_f053_a_trade_that_fails_on_chain_is_reversed_and_hedged_again() -> None:
    desk, first = opened()
    assert first.venue is Venue.POLYMARKET
    desk.answer(first, final=False)
    hedge = desk.tickets()[-1]
    desk.sending(hedge)
    desk.answer(hedge)
    assert desk.package.state is PS.HEDGED_PROV
    cash = desk.kernel.state.ledger.balances["cash:polymarket"]
    desk.give(ev.TradeFinality(Venue.POLYMARKET, f"t-{first.attempt_id[:8]}", False))
    assert desk.kernel.state.ledger.balances["cash:polymarket"] == 5_000 * ONE > cash
    assert desk.kernel.state.ledger.total() == 0
    assert desk.package.net(0) != desk.package.net(1)
    assert desk.package.state in (PS.LEG2_SENT, PS.RETRY_WAIT, PS.UNWIND_SENT)


def test_i21_hedged_waits_until_every_polymarket_trade_is_final() -> None:
    desk, first = opened()
    desk.answer(first, final=False)
    hedge = desk.tickets()[-1]
    desk.sending(hedge)
    desk.answer(hedge)
    assert desk.package.state is PS.HEDGED_PROV
    desk.give(ev.TradeFinality(Venue.POLYMARKET, f"t-{first.attempt_id[:8]}", True))
    assert desk.package.state is PS.HEDGED


def test_a_confirmation_that_overtakes_its_fill_is_remembered() -> None:
    desk, first = opened()
    desk.give(ev.TradeFinality(Venue.POLYMARKET, f"t-{first.attempt_id[:8]}", True))
    desk.answer(first, final=False)
    assert all(f.is_final for f in desk.kernel.state.fills.values())


def test_i02_a_fill_seen_twice_is_posted_once() -> None:
    desk, first = opened()
    desk.answer(first)
    before = dict(desk.kernel.state.ledger.balances)
    for _ in range(3):
        desk.give(ev.FillSeen(desk.fill(first)))
    assert desk.kernel.state.ledger.balances == before


def test_f054_two_failed_trades_in_ten_minutes_halt_the_venue() -> None:
    desk, first = opened()
    desk.answer(first, final=False)
    hedge = desk.tickets()[-1]
    desk.sending(hedge)
    desk.answer(hedge)
    view = desk.kernel.state.venue(Venue.POLYMARKET)
    view.failed_trades_ns.append(desk.mono)
    desk.give(ev.TradeFinality(Venue.POLYMARKET, f"t-{first.attempt_id[:8]}", False))
    assert ("venue:polymarket", "failed_settlements") in desk.kernel.state.halts


def test_i18_pause_lets_an_open_package_finish_and_opens_nothing() -> None:
    desk, first = opened()
    desk.give(ev.HaltTaken(ev.Halt("global", HaltReason.OPERATOR, "me", WALL)))
    desk.answer(first)
    hedge = desk.tickets()[-1]
    assert hedge.purpose is Purpose.HEDGE
    desk.sending(hedge)
    desk.answer(hedge)
    assert desk.package.state is PS.HEDGED
    desk.pass_time(5_000, seconds=True)
    assert len(desk.packages) == 1


def test_f089_freeze_sends_nothing_but_cancels() -> None:
    desk, first = opened()
    desk.give(ev.HaltTaken(ev.Halt("global", HaltReason.FREEZE, "me", WALL, is_freeze=True)))
    assert desk.package.state is PS.STUCK_UNKNOWN
    assert len(desk.asked(cm.CancelEverything)) == 2
    desk.answer(first)
    assert desk.tickets() == [first]


def test_our_own_refusal_before_leg_1_ends_the_package() -> None:
    desk = Desk()
    ticket = desk.open_edge()
    desk.give(ev.SendRefused(ticket.attempt_id, "the lease is too short"))
    assert desk.package.state is PS.ABORTED
    attempt = desk.package.attempts[ticket.attempt_id]
    assert attempt.state is OrderState.ABSENT


def test_f064_a_fill_that_nobody_ordered_halts_its_venue_after_ten_seconds() -> None:
    desk, first = opened()
    desk.answer(first, 0)
    stranger = desk.fill(first)
    stranger = replace(stranger, attempt_id=None, order_id="theirs", trade_id="theirs")
    desk.give(ev.FillSeen(stranger))
    desk.pass_time(9_000, seconds=True)
    assert not any(reason == "foreign_position" for _, reason in desk.kernel.state.halts)
    desk.pass_time(2_000, seconds=True)
    assert ("venue:polymarket", "foreign_position") in desk.kernel.state.halts
    assert desk.kernel.state.ledger.total() == 0


def test_a_payout_of_both_legs_settles_and_frees_the_slot() -> None:
    desk, first = opened()
    desk.answer(first)
    hedge = desk.tickets()[-1]
    desk.sending(hedge)
    desk.answer(hedge)
    package = desk.package
    paid = 0
    for leg in package.legs:
        held = package.qty
        yes_pays = True
        wins = (leg.outcome is Outcome.YES) is yes_pays
        cash = held if wins else 0
        paid += cash
        desk.give(ev.MarketResolved(leg.market_id, ONE))  # type: ignore[arg-type]
        desk.give(
            ev.PayoutSeen(
                leg.venue,
                leg.market_id,
                ONE,  # type: ignore[arg-type]
                held if leg.outcome is Outcome.YES else 0,  # type: ignore[arg-type]
                held if leg.outcome is Outcome.NO else 0,  # type: ignore[arg-type]
                cash,  # type: ignore[arg-type]
                WALL,
                f"settle/{leg.market_id}",
            )
        )
    assert package.state is PS.SETTLED and paid == package.qty
    assert package.realised_usd == package.cash_usd > 0
    assert desk.kernel.state.realised["day"] == package.realised_usd
    assert desk.kernel.state.ledger.total() == 0
    assert desk.kernel.state.positions.markets() == []
    assert desk.kernel.state.live_packages() == []


def test_f102_legs_that_pay_differently_are_diverged_and_their_series_is_halted() -> None:
    desk, first = opened()
    desk.answer(first)
    hedge = desk.tickets()[-1]
    desk.sending(hedge)
    desk.answer(hedge)
    package = desk.package
    for leg in package.legs:
        wins = False
        payout = ONE if (leg.outcome is Outcome.YES) is wins else 0
        desk.give(
            ev.PayoutSeen(
                leg.venue,
                leg.market_id,
                payout,  # type: ignore[arg-type]
                package.qty if leg.outcome is Outcome.YES else QtyMicros(0),
                package.qty if leg.outcome is Outcome.NO else QtyMicros(0),
                0,  # type: ignore[arg-type]
                WALL,
                f"settle/{leg.market_id}",
            )
        )
    assert package.state is PS.DIVERGED
    assert any(reason == "diverged" for _, reason in desk.kernel.state.halts)
    assert package.realised_usd is not None and package.realised_usd < 0
    (row,) = (
        row
        for command in desk.log
        if isinstance(command, cm.WriteRows) and command.table == "divergences"
        for row in command.rows
    )
    (statement,) = statements("divergences", [row])
    assert not statement.must_match, "a whole row, every column known to the record"
    assert row["payout_a_micros"] + row["payout_b_micros"] == ONE and row["series_id"] == "KXS"
    assert row["loss_usd_micros"] == package.qty


def test_unwinds_on_kalshi_only_ever_reduce() -> None:
    desk, first = opened(kalshi_first=True)
    desk.answer(first)
    desk.book(Venue.POLYMARKET, 94, 96)
    hedge = desk.tickets()[-1]
    desk.sending(hedge)
    desk.give(ev.AttemptAnswered(Rejected(hedge.attempt_id, "fak_not_filled")))
    desk.pass_time(7_000)
    unwinds = [t for t in desk.tickets() if t.purpose is Purpose.UNWIND]
    assert unwinds and all(t.reduce_only and t.side is Side.SELL for t in unwinds)
    assert all(t.qty <= first.qty for t in unwinds)


def test_a_restart_between_two_payouts_settles_all_the_same() -> None:
    """One leg is paid, the process dies, the other is paid: the record must suffice."""
    desk, first = opened()
    desk.answer(first)
    hedge = desk.tickets()[-1]
    desk.sending(hedge)
    desk.answer(hedge)
    package = desk.package

    def payout(index: int) -> ev.PayoutSeen:
        leg = package.legs[index]
        held = package.qty
        wins = leg.outcome is Outcome.YES
        return ev.PayoutSeen(
            leg.venue,
            leg.market_id,
            ONE,  # type: ignore[arg-type]
            held if leg.outcome is Outcome.YES else QtyMicros(0),
            held if leg.outcome is Outcome.NO else QtyMicros(0),
            held if wins else 0,  # type: ignore[arg-type]
            WALL,
            f"settle/{leg.market_id}",
        )

    desk.give(payout(0))
    again = restarted(desk)
    again.give(payout(0))
    again.give(payout(1))
    assert again.package.state is PS.SETTLED
    assert again.package.realised_usd == again.package.cash_usd > 0
    assert again.kernel.state.ledger.total() == 0


def test_m12_a_restart_asks_about_a_package_whose_row_still_says_planned() -> None:
    """The envelope is durable, the order left, and the process died before any later row."""
    desk = Desk()
    first = desk.open_edge()
    desk.sending(first)
    committed = next(c for c in desk.all_log if isinstance(c, cm.CommitEnvelope))
    again = Desk(
        recovered=empty_state(
            run_id="venue_sim-2",
            epoch=2,
            package_number=1,
            packages=(committed.package,),
            attempts=committed.attempts,
        )
    )
    assert again.package.state is PS.RECOVERING and again.tickets() == []
    asked = again.all_log
    assert any(
        isinstance(c, cm.AskEvidence) and first.attempt_id in {t.attempt_id for t in c.tickets}
        for c in asked
    )

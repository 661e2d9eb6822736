"""Trades that fail at awkward moments, misses that repeat, payouts that come late or twice."""

from __future__ import annotations

from dataclasses import replace

from shared.domain import commands as cm
from shared.domain import events as ev
from shared.domain.enums import Outcome, Purpose, Venue
from shared.domain.order import (
    Acked,
    AckStatus,
    Evidence,
    EvidenceKind,
    LegTicket,
    Rejected,
    Unknown,
)
from shared.domain.package_table import PackageState
from shared.domain.units import NS_PER_S, PriceMicros, QtyMicros, UsdMicros
from tests.support.kernel_desk import KALSHI, ONE, POLY, WALL, Desk

PS = PackageState


def opened(size: int = 100) -> tuple[Desk, LegTicket]:
    desk = Desk()
    desk.book(Venue.KALSHI, 54, 56, 4 * size)
    desk.book(Venue.POLYMARKET, 44, 46, size)
    first = desk.tickets()[-1]
    assert first.venue is Venue.POLYMARKET
    desk.sending(first)
    return desk, first


def failed(desk: Desk, ticket: LegTicket) -> None:
    desk.give(ev.TradeFinality(Venue.POLYMARKET, f"t-{ticket.attempt_id[:8]}", False))


def test_f014_three_misses_in_ten_minutes_rest_the_pair_half_an_hour() -> None:
    desk = Desk()
    view = desk.kernel.state.pairs[desk.pair.pair_id]
    for number in range(3):
        for venue in (Venue.KALSHI, Venue.POLYMARKET):
            desk.feed(venue)
        desk.renew()
        desk.book(Venue.KALSHI, 54, 56, 400)
        desk.book(Venue.POLYMARKET, 44, 46, 100)
        ticket = desk.tickets()[-1]
        desk.sending(ticket)
        desk.answer(ticket, 0)
        assert desk.package.state is PS.ABORTED and len(desk.packages) == number + 1
        desk.pass_time(11_000)
    assert view.rest_until_ns - desk.mono > 1_700 * NS_PER_S
    assert view.rest_reason == "3 misses in 10 min"
    desk.renew()
    desk.book(Venue.KALSHI, 54, 56, 400)
    desk.book(Venue.POLYMARKET, 44, 46, 100)
    assert len(desk.packages) == 3, "bait is not taken a fourth time"


def test_f059_a_failure_while_leg_2_flies_is_recorded_and_sends_nothing() -> None:
    desk, first = opened()
    desk.answer(first, final=False)
    hedge = desk.tickets()[-1]
    desk.sending(hedge)
    failed(desk, first)
    assert desk.package.state is PS.LEG2_SENT and desk.tickets() == [first, hedge]
    desk.answer(hedge)
    # Now the chooser sees what is really held: leg 2 alone.
    surplus = desk.package.legs.index(next(x for x in desk.package.legs if x.market_id == KALSHI))
    assert desk.package.net(surplus) == hedge.qty and desk.package.net(1 - surplus) == 0
    assert desk.package.state in (PS.LEG2_SENT, PS.RETRY_WAIT, PS.UNWIND_SENT)


def test_f059_a_failure_while_leg_2_is_unknown_waits_for_its_verdict() -> None:
    desk, first = opened()
    desk.answer(first, final=False)
    hedge = desk.tickets()[-1]
    desk.sending(hedge)
    desk.give(ev.AttemptAnswered(Unknown(hedge.attempt_id, "http 503")))
    failed(desk, first)
    desk.pass_time(3_000)
    assert desk.package.state is PS.LEG2_UNKNOWN and desk.tickets() == [first, hedge]
    desk.answer(hedge, 0)
    assert desk.package.state is PS.FLAT_PROV or desk.package.state is PS.FLAT
    assert desk.package.net(0) == desk.package.net(1) == 0


def flat_provisional() -> tuple[Desk, LegTicket, LegTicket]:
    """Leg 1 bought, never hedged, undone by its complement; neither trade is final."""
    desk, first = opened()
    desk.answer(first, final=False)
    for _ in range(80):
        ticket = desk.tickets()[-1]
        attempt = desk.package.attempts[ticket.attempt_id]
        if desk.package.current == ticket.attempt_id and not attempt.is_settled:
            desk.sending(ticket)
            if ticket.purpose is Purpose.UNWIND:
                desk.answer(ticket, final=False)
                return desk, first, ticket
            desk.give(ev.AttemptAnswered(Rejected(ticket.attempt_id, "paused")))
        else:
            desk.pass_time(850)
    raise AssertionError(desk.package.state)


def test_f060_leg_1_fails_after_it_was_undone() -> None:
    """What is left is the complement: long NO, worked off like any other residual."""
    desk, first, unwind = flat_provisional()
    assert desk.package.state is PS.FLAT_PROV and desk.package.residual == 0
    failed(desk, first)
    assert desk.package.net(first.leg) == -unwind.qty
    assert desk.package.state not in (PS.FLAT, PS.FLAT_PROV, PS.HEDGED)
    assert desk.kernel.state.ledger.total() == 0


def test_f060_flat_is_final_only_when_both_trades_are() -> None:
    desk, first, unwind = flat_provisional()
    desk.give(ev.TradeFinality(Venue.POLYMARKET, f"t-{first.attempt_id[:8]}", True))
    assert desk.package.state is PS.FLAT_PROV
    desk.give(ev.TradeFinality(Venue.POLYMARKET, f"t-{unwind.attempt_id[:8]}", True))
    assert desk.package.state is PS.FLAT


def test_a_purchase_that_fails_after_an_end_and_a_payout_opens_no_repair() -> None:
    """The complement that is left was paid meanwhile: a repair would wait for ever for it."""
    desk, first, unwind = flat_provisional()
    for ticket in (first, unwind):
        desk.give(ev.TradeFinality(Venue.POLYMARKET, f"t-{ticket.attempt_id[:8]}", True))
    parent = desk.package
    ended_with = parent.realised_usd
    assert parent.state is PS.FLAT and parent.net(first.leg) == 0
    yes_wins = unwind.outcome is Outcome.YES
    body = ev.PayoutSeen(
        Venue.POLYMARKET,
        first.market_id,
        PriceMicros(ONE if yes_wins else 0),
        QtyMicros(first.qty),
        QtyMicros(first.qty),
        UsdMicros(first.qty),
        WALL,
        "paid",
    )
    desk.give(body)
    assert parent.realised_usd == ended_with, "sets pay their dollar: nothing new"
    failed(desk, first)
    assert desk.package is parent and not desk.kernel.state.waiting_repairs
    # It is out what the complement cost, and has the dollar that each contract of it paid.
    assert parent.realised_usd == unwind.qty + desk.fill(unwind).cash_usd


def hedged() -> tuple[Desk, int]:
    desk, first = opened()
    desk.answer(first)
    hedge = desk.tickets()[-1]
    desk.sending(hedge)
    desk.answer(hedge)
    assert desk.package.state is PS.HEDGED
    return desk, first.qty


def payout(desk: Desk, market: object, venue: Venue, qty: int, cash: int, ref: str) -> None:
    yes, no = (qty, 0) if venue is Venue.POLYMARKET else (0, qty)
    body = ev.PayoutSeen(
        venue,
        market,  # type: ignore[arg-type]
        PriceMicros(ONE),
        QtyMicros(yes),
        QtyMicros(no),
        UsdMicros(cash),
        WALL,
        ref,
    )
    desk.give(body)


def test_f103_payouts_days_apart_keep_the_capital_locked_and_page_when_overdue() -> None:
    desk, qty = hedged()
    desk.give(ev.MarketResolved(POLY, PriceMicros(ONE)))
    assert desk.package.state is PS.SETTLING
    locked = -desk.package.cash_usd
    payout(desk, POLY, Venue.POLYMARKET, qty, qty, "first")
    assert desk.package.state is PS.SETTLING, "one leg is not both"
    from shared.engine import exposure
    from shared.engine.state import Turn

    turn = Turn(ev.Stamp(desk.seq + 1, desk.mono, WALL + desk.mono))
    total = exposure.usage(desk.kernel.state, turn)
    assert sum(total.by_market.values()) == locked, "capital stays counted until both paid"
    desk.log.clear()
    desk.pass_time(24 * 3_600_000 + 1)
    pages = [d for d in desk.decisions("package_overdue") if d.severity == "p1"]
    assert pages and desk.package.state is PS.SETTLING
    payout(desk, KALSHI, Venue.KALSHI, qty, 0, "second")
    assert desk.package.state is PS.SETTLED
    assert desk.package.realised_usd == qty - locked


def test_f103_a_hedged_package_pages_a_day_after_its_worst_settlement_date() -> None:
    desk, _ = hedged()
    due = desk.package.settle_worst_ns - WALL + 24 * 3_600 * NS_PER_S
    assert abs(desk.timers[f"pkg:{desk.package.package_id}"] - due) < NS_PER_S


def test_f103_an_amended_result_is_a_new_posting_and_a_repeat_is_none() -> None:
    desk, qty = hedged()
    payout(desk, POLY, Venue.POLYMARKET, qty, qty, "first")
    ledger = desk.kernel.state.ledger
    cash = ledger.balance("cash:polymarket")
    desk.log.clear()
    payout(desk, POLY, Venue.POLYMARKET, qty, qty, "first")
    assert ledger.balance("cash:polymarket") == cash and not desk.asked(cm.WriteRows)
    payout(desk, POLY, Venue.POLYMARKET, 0, 250_000, "first/correction")
    assert ledger.balance("cash:polymarket") == cash + 250_000 and ledger.total() == 0
    rows = [r for c in desk.log if isinstance(c, cm.WriteRows) for r in c.rows]
    assert any(r.get("txn_id") == "payout/polymarket/first/correction" for r in rows)


def test_f102_divergent_payouts_are_posted_as_paid() -> None:
    desk, qty = hedged()
    payout(desk, POLY, Venue.POLYMARKET, qty, qty, "p")
    other = replace(
        ev.PayoutSeen(
            Venue.KALSHI,
            KALSHI,
            PriceMicros(0),
            QtyMicros(0),
            QtyMicros(qty),
            UsdMicros(qty),
            WALL,
            "k",
        )
    )
    desk.give(other)
    assert desk.package.state is PS.DIVERGED and desk.kernel.state.ledger.total() == 0


def test_f101_a_pair_that_is_not_the_same_bet_is_capped_and_its_series_stops() -> None:
    """Both legs lose: at most the contract limit on each venue is gone, and it ends there."""
    desk = Desk()
    for _ in range(12):
        for venue in (Venue.KALSHI, Venue.POLYMARKET):
            desk.feed(venue)
        desk.renew()
        desk.book(Venue.KALSHI, 54, 56, 4_000)
        desk.book(Venue.POLYMARKET, 44, 46, 4_000)
        ticket = desk.tickets()[-1]
        for _ in range(2):
            ticket = desk.tickets()[-1]
            if not desk.package.attempts[ticket.attempt_id].is_settled:
                desk.sending(ticket)
                desk.answer(ticket)
        desk.pass_time(11_000)
    held = [p for p in desk.packages if p.state is PS.HEDGED]
    assert len(held) >= 1 and "CONTRACT_LIMIT" in desk.gates()
    spent = {
        venue: 5_000 * ONE - desk.kernel.state.ledger.balance(f"cash:{venue.value}")
        for venue in (Venue.KALSHI, Venue.POLYMARKET)
    }
    assert all(0 < usd <= 250 * ONE for usd in spent.values()), spent
    qty = sum(p.net(0) for p in held)
    for market, venue, pays in ((POLY, Venue.POLYMARKET, 0), (KALSHI, Venue.KALSHI, ONE)):
        yes, no = (qty, 0) if venue is Venue.POLYMARKET else (0, qty)
        body = ev.PayoutSeen(
            venue,
            market,
            PriceMicros(pays),
            QtyMicros(yes),
            QtyMicros(no),
            UsdMicros(0),
            WALL,
            f"lost-{venue.value}",
        )
        desk.give(body)
    assert all(p.state is PS.DIVERGED for p in held)
    lost = -sum(p.realised_usd or 0 for p in held)
    assert 0 < lost == sum(spent.values())
    assert any(scope.startswith("series:") for scope, _ in desk.kernel.state.halts)


def test_f032_a_bust_of_a_fill_that_nobody_saw_is_found_by_asking() -> None:
    """The answer counted 100, one of its trades is taken back before its fill was told."""
    desk = Desk()
    desk.book(Venue.KALSHI, 54, 56, 100)
    desk.book(Venue.POLYMARKET, 44, 46, 400)
    first = desk.tickets()[-1]
    assert first.venue is Venue.KALSHI
    desk.sending(first)
    order_id = f"o-{first.attempt_id[:8]}"
    ack = Acked(first.attempt_id, order_id, AckStatus.DONE, first.qty, UsdMicros(ONE), ())
    desk.give(ev.AttemptAnswered(ack))
    hedge = desk.tickets()[-1]
    desk.sending(hedge)
    desk.give(ev.TradeFinality(Venue.KALSHI, "never-seen", False))
    asked = [c for c in desk.log if isinstance(c, cm.AskEvidence)]
    assert [t.attempt_id for c in asked for t in c.tickets] == [first.attempt_id]
    desk.give(ev.AttemptAnswered(Rejected(hedge.attempt_id, "paused")))
    desk.pass_time(300)
    assert desk.tickets() == [first, hedge], "nothing is sent on a count in doubt"
    stands = QtyMicros(first.qty // 4 // 10_000 * 10_000)
    fill = replace(desk.fill(first, stands), order_id=order_id)
    found = Evidence(first.attempt_id, EvidenceKind.FILLED, order_id, stands, (fill,))
    desk.give(ev.EvidenceFound(desk.package.package_id, (found,)))
    assert desk.package.net(first.leg) == stands
    desk.pass_time(1_000)
    assert desk.tickets()[-1].qty == stands

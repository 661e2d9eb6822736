"""Leaving a hedged package early: when, how, and that nothing is counted twice."""

from __future__ import annotations

import pytest

from shared.domain import events as ev
from shared.domain.enums import MarketStatus, Purpose, Side, TimeInForce, Venue
from shared.domain.order import Evidence, EvidenceKind, LegTicket, Rejected
from shared.domain.package import Package
from shared.domain.package_table import PackageState
from shared.domain.units import PriceMicros, QtyMicros, UsdMicros
from shared.engine import exposure
from tests.support.kernel_desk import KALSHI, ONE, POLY, WALL, Desk, matched_pair, restarted

PS = PackageState


def hedged(divergence_ppm: int = 0) -> tuple[Desk, Package]:
    """Return a desk with one hedged package: NO on Kalshi, YES on Polymarket."""
    desk = Desk()
    desk.book(Venue.KALSHI, 54, 56, 400)
    desk.book(Venue.POLYMARKET, 44, 46, 100)
    for _ in range(2):
        ticket = desk.tickets()[-1]
        desk.sending(ticket)
        desk.answer(ticket)
    package = desk.package
    assert package.state is PS.HEDGED
    # What is learnt of the pair afterwards is charged against holding it.
    changed = matched_pair(divergence_ppm=divergence_ppm)
    desk.give(ev.PairsChanged((changed,), (desk.a, desk.b)))
    # Prices come together before anything else, so that no second package opens.
    desk.book(Venue.KALSHI, 49, 51, 400)
    desk.book(Venue.POLYMARKET, 49, 51, 400)
    desk.pass_time(11_000)
    desk.renew()
    return desk, package


def reverse(desk: Desk, kalshi: tuple[int, int], poly: tuple[int, int], size: int = 400) -> None:
    """Show both books anew and let a second pass."""
    desk.book(Venue.KALSHI, *kalshi, size)
    desk.book(Venue.POLYMARKET, *poly, size)
    for venue in (Venue.KALSHI, Venue.POLYMARKET):
        desk.feed(venue)
    desk.give(ev.SecondTicked())


def exiting() -> tuple[Desk, Package, LegTicket]:
    desk, parent = hedged()
    reverse(desk, (44, 46), (58, 60))
    assert parent.state is PS.EXITING, parent.state
    return desk, parent, desk.tickets()[-1]


def test_both_legs_are_sold_and_the_parent_ends_early() -> None:
    desk, parent, first = exiting()
    cost = -parent.cash_usd
    child = desk.package
    assert child.kind == "exit" and child.parent_id == parent.package_id
    assert (first.venue, first.side, first.is_opening) == (Venue.POLYMARKET, Side.SELL, False)
    assert first.outcome is parent.legs[first.leg].outcome and first.qty == parent.net(first.leg)
    desk.sending(first)
    desk.answer(first)
    second = desk.tickets()[-1]
    assert (second.venue, second.side, second.purpose) == (Venue.KALSHI, Side.SELL, Purpose.HEDGE)
    assert second.reduce_only and second.tif is TimeInForce.IOC and second.qty == first.qty
    desk.sending(second)
    desk.answer(second)
    assert parent.state is PS.EXITED_EARLY and child.state is PS.SETTLED
    proceeds = sum(f.cash_usd for a in child.attempts.values() for f in a.fills.values())
    assert parent.realised_usd == proceeds - cost > 0
    assert child.realised_usd == 0 and desk.kernel.state.realised["day"] == parent.realised_usd
    state = desk.kernel.state
    assert state.positions.markets() == [] and state.ledger.total() == 0
    assert exposure.equity_usd(state) == 10_000 * ONE + parent.realised_usd


@pytest.mark.parametrize(
    ("kalshi", "poly", "ppm", "is_exit"),
    [
        ((44, 46), (58, 60), 0, True),
        ((49, 51), (50, 52), 0, False),
        ((48, 50), (52, 54), 0, False),
        ((48, 50), (52, 54), 50_000, True),
    ],
)
def test_only_when_sold_it_is_worth_more_than_held(
    kalshi: tuple[int, int], poly: tuple[int, int], ppm: int, is_exit: bool
) -> None:
    """Proceeds after fees against a dollar less carry and the pair's chance to diverge."""
    desk, parent = hedged(divergence_ppm=ppm)
    reverse(desk, kalshi, poly)
    assert (parent.state is PS.EXITING) is is_exit


def test_nothing_is_sold_that_the_books_do_not_take() -> None:
    desk, parent = hedged()
    reverse(desk, (44, 46), (58, 60), size=1)
    assert parent.state is PS.HEDGED


def test_a_refused_first_sale_leaves_the_parent_hedged_and_rests() -> None:
    desk, parent, first = exiting()
    desk.sending(first)
    desk.give(ev.AttemptAnswered(Rejected(first.attempt_id, "paused")))
    assert parent.state is PS.HEDGED and desk.package.state is PS.ABORTED
    asked = len(desk.tickets())
    reverse(desk, (44, 46), (58, 60))
    assert len(desk.tickets()) == asked, "not again within half a minute"


def test_a_half_that_cannot_be_sold_is_bought_back_and_the_parent_kept() -> None:
    desk, parent, first = exiting()
    desk.sending(first)
    desk.answer(first)
    qty = first.qty
    child = desk.package
    for _ in range(60):
        if child.is_ended:
            break
        ticket = desk.tickets()[-1]
        attempt = child.attempts[ticket.attempt_id]
        if child.current == ticket.attempt_id and not attempt.is_settled:
            desk.sending(ticket)
            if ticket.venue is Venue.KALSHI:
                desk.give(ev.AttemptAnswered(Rejected(ticket.attempt_id, "paused")))
            else:
                assert (ticket.side, ticket.outcome) == (Side.BUY, first.outcome)
                desk.answer(ticket)
        else:
            desk.pass_time(850)
    assert child.state is PS.FLAT and parent.state is PS.HEDGED
    assert parent.net(0) == parent.net(1) == qty
    assert child.realised_usd == 0, "what it lost is its parent's now"
    assert desk.kernel.state.realised.get("day", 0) == 0
    assert desk.kernel.state.ledger.total() == 0


def test_what_was_sold_in_part_leaves_the_rest_hedged() -> None:
    desk, parent, first = exiting()
    half = first.qty // 2 // 10_000 * 10_000
    whole = parent.net(0)
    desk.sending(first)
    desk.answer(first, half)
    second = desk.tickets()[-1]
    assert second.qty == half
    desk.sending(second)
    desk.answer(second)
    assert parent.state is PS.HEDGED and desk.package.state is PS.SETTLED
    assert parent.net(0) == parent.net(1) == whole - half
    assert parent.sets_usd == 0


@pytest.mark.parametrize("sold", [False, True])
def test_a_restart_in_the_middle_of_an_exit(sold: bool) -> None:
    desk, parent, first = exiting()
    desk.sending(first)
    if sold:
        desk.answer(first)
    again = restarted(desk)
    mine = {p.package_id: p for p in again.packages}
    old, child = mine[parent.package_id], mine[desk.package.package_id]
    assert old.state is PS.EXITING and child.state is PS.RECOVERING and child.is_mirror
    kind = EvidenceKind.FILLED if sold else EvidenceKind.ABSENT
    found = [Evidence(a, EvidenceKind.ABSENT) for a in child.attempts if a != first.attempt_id]
    fills = (desk.fill(first),) if sold else ()
    qty = QtyMicros(first.qty if sold else 0)
    found.append(Evidence(first.attempt_id, kind, "o", qty, fills))
    again.give(ev.EvidenceFound(child.package_id, tuple(found)))
    if not sold:
        assert old.state is PS.HEDGED and child.state is PS.ABORTED
        return
    assert child.residual != 0 and old.state is PS.EXITING


def test_the_parent_row_may_lag_behind_its_child() -> None:
    """The child's envelope was committed, the parent's row says still hedged."""
    desk, parent, _ = exiting()
    parent.state = PS.HEDGED
    from shared.engine import exits
    from shared.engine.state import Turn

    turn = Turn(ev.Stamp(desk.seq + 1, desk.mono, WALL + desk.mono))
    exits.on_restart(desk.kernel.state, turn)
    assert parent.state is PS.EXITING


def test_a_market_that_resolves_between_the_two_sales_pays_what_is_still_held() -> None:
    desk, parent, first = exiting()
    desk.sending(first)
    desk.answer(first)
    qty = first.qty
    hedge = desk.tickets()[-1]
    desk.sending(hedge)
    desk.give(ev.MarketStatusChanged(KALSHI, MarketStatus.CLOSED))
    desk.give(ev.AttemptAnswered(Rejected(hedge.attempt_id, "closed")))
    for market in (KALSHI, POLY):
        desk.give(ev.MarketResolved(market, PriceMicros(0)))
    # YES pays nothing: the Polymarket leg is sold already, NO on Kalshi pays a dollar each.
    paid = ev.PayoutSeen(
        Venue.KALSHI,
        KALSHI,
        PriceMicros(0),
        QtyMicros(0),
        QtyMicros(qty),
        UsdMicros(qty),
        WALL,
        "r1",
    )
    desk.give(paid)
    nothing = ev.PayoutSeen(
        Venue.POLYMARKET,
        POLY,
        PriceMicros(0),
        QtyMicros(0),
        QtyMicros(0),
        UsdMicros(0),
        WALL,
        "r2",
    )
    desk.give(nothing)
    child = desk.package
    assert child.state is PS.SETTLED and parent.state is PS.SETTLED, (child.state, parent.state)
    state = desk.kernel.state
    moved = sum(state.ledger.balance(f"cash:{v.value}") for v in (Venue.KALSHI, Venue.POLYMARKET))
    assert parent.realised_usd is not None and child.realised_usd is not None
    assert parent.realised_usd + child.realised_usd == moved - 10_000 * ONE

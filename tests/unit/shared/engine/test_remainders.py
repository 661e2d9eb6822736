"""What is left over: complete sets that wait for settlement, and tails that nobody takes."""

from __future__ import annotations

from shared.domain import events as ev
from shared.domain.enums import Outcome, Purpose, Side, Venue
from shared.domain.order import LegTicket, Rejected
from shared.domain.package_table import PackageState
from shared.domain.units import PriceMicros, QtyMicros, UsdMicros
from shared.engine import exposure
from tests.support.kernel_desk import ONE, POLY, WALL, Desk

PS = PackageState


def undone_by_complement() -> tuple[Desk, LegTicket]:
    """Leg 1 fills, no hedge ever does, and its complement is bought because it is not final."""
    desk = Desk()
    desk.book(Venue.KALSHI, 54, 56, 400)
    desk.book(Venue.POLYMARKET, 44, 46)
    first = desk.tickets()[-1]
    desk.sending(first)
    desk.answer(first, final=False)
    for _ in range(60):
        ticket = desk.tickets()[-1]
        if ticket.purpose is Purpose.UNWIND:
            return desk, ticket
        attempt = desk.package.attempts[ticket.attempt_id]
        if desk.package.current == ticket.attempt_id and not attempt.is_settled:
            desk.sending(ticket)
            desk.give(ev.AttemptAnswered(Rejected(ticket.attempt_id, "paused")))
        else:
            desk.pass_time(850)
    raise AssertionError(desk.package.state)


def test_a_set_of_both_outcomes_is_worth_its_dollar_until_it_is_paid() -> None:
    """The package is flat; its equity and result count the set, not the cash alone."""
    desk, unwind = undone_by_complement()
    assert unwind.side is Side.BUY and unwind.venue is Venue.POLYMARKET
    equity = exposure.equity_usd(desk.kernel.state)
    desk.sending(unwind)
    desk.answer(unwind, final=False)
    assert desk.package.state is PS.FLAT_PROV and desk.package.residual == 0
    qty = unwind.qty
    assert desk.package.sets(unwind.leg) == qty == desk.package.sets_usd
    assert exposure.sets_usd(desk.kernel.state) == {Venue.POLYMARKET: qty}
    after = exposure.equity_usd(desk.kernel.state)
    assert abs(after - equity) < qty // 5, "buying the complement loses cents, not the dollar"
    for attempt in desk.package.attempts.values():
        for fill in list(attempt.fills.values()):
            desk.give(ev.TradeFinality(fill.venue, fill.trade_id, True))
    assert desk.package.state is PS.FLAT
    assert desk.package.realised_usd == desk.package.cash_usd + qty
    assert -qty // 10 < desk.package.realised_usd < 0
    total = exposure.usage(desk.kernel.state, _turn(desk))
    assert total.by_venue[Venue.POLYMARKET] == qty, "locked capital until the market pays"


def test_a_payout_of_a_living_package_pays_its_sets_too() -> None:
    """Part was hedged, part undone by complement: YES and NO of the undone part pay $1."""
    desk, unwind = undone_by_complement()
    desk.sending(unwind)
    desk.answer(unwind, final=False)
    package = desk.package
    sets = package.sets(unwind.leg)
    payout = ev.PayoutSeen(
        Venue.POLYMARKET,
        POLY,
        PriceMicros(ONE),
        QtyMicros(sets),
        QtyMicros(sets),
        UsdMicros(sets),
        WALL,
        "ref",
    )
    before = package.cash_usd
    desk.give(payout)
    assert package.cash_usd == before + sets and package.sets_usd == 0
    assert desk.kernel.state.ledger.total() == 0


def test_f038_a_tail_that_no_venue_takes_goes_to_the_dust_book() -> None:
    desk = Desk()
    desk.book(Venue.KALSHI, 54, 56, 400)
    desk.book(Venue.POLYMARKET, 44, 46)
    first = desk.tickets()[-1]
    desk.sending(first)
    desk.answer(first, first.qty + 3_217)
    hedge = desk.tickets()[-1]
    assert hedge.qty == first.qty, "the hedge is floored to the lot"
    desk.sending(hedge)
    desk.answer(hedge)
    assert desk.package.state is PS.HEDGED and desk.package.residual in (3_217, -3_217)


def test_f038_dust_counts_at_a_dollar_and_closes_openings_above_its_limits() -> None:
    desk = Desk()
    state = desk.kernel.state
    state.positions.load(POLY, Outcome.YES, 900_000, 400_000)
    assert exposure.dust_usd(state) == {POLY: 900_000}
    desk.book(Venue.KALSHI, 54, 56, 400)
    desk.book(Venue.POLYMARKET, 44, 46)
    assert len(desk.packages) == 1, "ninety cents of dust on a token stop nothing"
    desk = Desk()
    desk.kernel.state.positions.load(POLY, Outcome.YES, 4_900_000, 2_000_000)
    desk.book(Venue.KALSHI, 54, 56, 400)
    desk.book(Venue.POLYMARKET, 44, 46)
    desk.pass_time(10, seconds=True)
    assert desk.packages == [] and "DUST_LIMIT" in desk.gates()
    desk = Desk()
    desk.kernel.state.positions.load(POLY, Outcome.YES, 5_100_000, 2_000_000)
    assert exposure.dust_usd(desk.kernel.state) == {}, "what a venue takes is no dust"


def _turn(desk: Desk):  # type: ignore[no-untyped-def]
    from shared.engine.state import Turn

    return Turn(ev.Stamp(desk.seq + 1, desk.mono, WALL + desk.mono))

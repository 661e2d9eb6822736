"""What an exchange takes back after it was final: reversed, cut to match, repaired after an end."""

from __future__ import annotations

import pytest

from shared.domain import events as ev
from shared.domain.enums import Purpose, Venue
from shared.domain.order import LegTicket
from shared.domain.package_table import PackageState
from shared.domain.units import PriceMicros, QtyMicros, UsdMicros
from shared.engine import settlement
from tests.support.kernel_desk import KALSHI, ONE, WALL, Desk

PS = PackageState


def hedged() -> tuple[Desk, LegTicket, LegTicket]:
    """Leg 1 at Polymarket, leg 2 at Kalshi, both final."""
    desk = Desk()
    desk.book(Venue.KALSHI, 54, 56, 400)
    desk.book(Venue.POLYMARKET, 44, 46, 100)
    first = desk.tickets()[-1]
    desk.sending(first)
    desk.answer(first)
    hedge = desk.tickets()[-1]
    desk.sending(hedge)
    desk.answer(hedge)
    assert desk.package.state is PS.HEDGED and hedge.venue is Venue.KALSHI
    return desk, first, hedge


def test_f032_a_bust_of_a_hedged_leg_exposes_it_in_the_same_step() -> None:
    desk, first, hedge = hedged()
    cash = desk.kernel.state.ledger.balances["cash:kalshi"]
    desk.give(ev.TradeFinality(Venue.KALSHI, f"t-{hedge.attempt_id[:8]}", False))
    ledger = desk.kernel.state.ledger
    assert ledger.balances["cash:kalshi"] == 5_000 * ONE > cash and ledger.total() == 0
    assert desk.package.state in (PS.LEG2_SENT, PS.UNWIND_SENT, PS.RETRY_WAIT)
    assert desk.package.residual != 0
    desk.pass_time(200)
    again = desk.tickets()[-1]
    assert again.attempt_id not in (first.attempt_id, hedge.attempt_id)
    assert again.purpose in (Purpose.HEDGE, Purpose.UNWIND)


def test_f032_a_bust_is_reversed_once_however_often_it_is_told() -> None:
    desk, _, hedge = hedged()
    bust = ev.TradeFinality(Venue.KALSHI, f"t-{hedge.attempt_id[:8]}", False)
    desk.give(bust)
    before = dict(desk.kernel.state.ledger.balances)
    desk.give(bust)
    assert desk.kernel.state.ledger.balances == before


def payout(cash: int, reference: str, yes: int = 0) -> ev.PayoutSeen:
    return ev.PayoutSeen(
        venue=Venue.KALSHI,
        market_id=KALSHI,
        payout=PriceMicros(0),
        qty_yes=QtyMicros(yes),
        qty_no=QtyMicros(0),
        cash=UsdMicros(cash),
        venue_ts_ns=WALL,
        reference=reference,
    )


def test_f032_an_amended_settlement_is_a_posting_of_its_own() -> None:
    desk = Desk()
    ledger = desk.kernel.state.ledger
    desk.give(payout(7 * ONE, "kalshi/KX/t", yes=7 * ONE))
    paid = ledger.balances["cash:kalshi"]
    desk.give(payout(-7 * ONE, "kalshi/KX/t/corrected/1"))
    desk.give(payout(-7 * ONE, "kalshi/KX/t/corrected/1"))
    assert ledger.balances["cash:kalshi"] == paid - 7 * ONE and ledger.total() == 0


@pytest.mark.parametrize(("pays_yes", "owes"), [(True, 10), (False, 0)])
def test_what_was_sold_beyond_the_holding_owes_what_a_contract_pays(
    pays_yes: bool, owes: int
) -> None:
    """A bust after an unwind leaves the package short on a netting venue: no second payout."""
    desk = Desk()
    desk.book(Venue.KALSHI, 54, 56, 100)
    desk.book(Venue.POLYMARKET, 44, 46, 400)
    first = desk.tickets()[-1]
    assert first.venue is Venue.KALSHI
    leg = desk.package.legs[first.leg]
    package = desk.package
    package.carried = (-10 * ONE, 0) if first.leg == 0 else (0, -10 * ONE)
    package.paid_legs[first.leg] = ONE if pays_yes else 0
    settlement.credit(package)
    assert leg.venue.is_netting and package.payout_cash_usd == -owes * ONE

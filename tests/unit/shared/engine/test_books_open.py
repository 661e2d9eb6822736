"""The cash that an account began with: booked once, and never after what it paid already."""

from __future__ import annotations

from shared.domain import events as ev
from shared.domain.enums import Liquidity, Outcome, Side, Venue
from shared.domain.ledger import cash_account, opening_account
from shared.domain.order import Fill
from shared.domain.units import NS_PER_S, PriceMicros, QtyMicros, UsdMicros
from shared.engine import reconciler
from tests.support.kernel_desk import KALSHI, ONE, WALL, Desk

QTY = 7 * ONE
PAID = 3_510_000
"""Seven contracts at 50 c, and a cent of fee."""


def unopened() -> Desk:
    """A desk as a restart leaves it when a crash lost the opening of one account."""
    desk = Desk()
    state = desk.kernel.state
    del state.ledger.balances[opening_account(Venue.KALSHI)]
    del state.ledger.balances[cash_account(Venue.KALSHI)]
    assert state.ledger.balance(cash_account(Venue.KALSHI)) == 0
    state.run_id = "venue_sim-2"
    state.equity_base = {"day": 5_000 * ONE}
    desk.mono += 10 * NS_PER_S
    return desk


def account(desk: Desk, cash: int, no: int = QTY) -> None:
    held = (ev.VenuePosition(KALSHI, QtyMicros(0), QtyMicros(no)),) if no else ()
    desk.give(ev.AccountSnapshot(Venue.KALSHI, UsdMicros(cash), (), held, WALL + desk.mono))


def by_hand() -> Fill:
    """A trade that nobody here ordered, made before the process started."""
    return Fill(
        venue=Venue.KALSHI,
        trade_id="z",
        order_id="theirs",
        attempt_id=None,
        market_id=KALSHI,
        outcome=Outcome.NO,
        side=Side.BUY,
        price=PriceMicros(500_000),
        qty=QtyMicros(QTY),
        fee=UsdMicros(10_000),
        liquidity=Liquidity.TAKER,
        venue_ts_ns=WALL,
        is_final=True,
    )


def test_the_books_stay_shut_while_contracts_are_held_whose_trade_was_not_told() -> None:
    """Its price left the cash already; told later, the trade takes it once and not twice."""
    desk = unopened()
    state = desk.kernel.state
    fill = by_hand()
    account(desk, 5_000 * ONE - PAID)
    assert opening_account(Venue.KALSHI) not in state.ledger.balances
    desk.give(ev.FillSeen(fill))
    for _ in range(100):
        desk.pass_time(1_000, seconds=True)
    assert state.ledger.has(f"fill/{fill.key}")
    account(desk, 5_000 * ONE - PAID)
    assert state.ledger.balance(cash_account(Venue.KALSHI)) == 5_000 * ONE - PAID
    assert state.ledger.balance(opening_account(Venue.KALSHI)) == -5_000 * ONE
    assert state.ledger.total() == 0


def test_contracts_that_were_there_before_the_books_halt_and_are_adopted_at_no_cost() -> None:
    """What they once cost is in no record: the cash found is what the account begins with."""
    desk = unopened()
    state = desk.kernel.state
    for _ in range(3):
        account(desk, 4_990 * ONE)
        desk.pass_time(3_000, seconds=True)
    assert ("venue:kalshi", "reconcile_difference") in state.halts
    assert KALSHI in state.venue(Venue.KALSHI).difference_text
    account(desk, 4_990 * ONE)
    desk.give(ev.AdoptionOrdered(Venue.KALSHI, KALSHI, "c", "me", "mine"))
    assert desk.decisions("adoption")[-1].verdict == "adopted"
    assert state.ledger.balance(cash_account(Venue.KALSHI)) == 4_990 * ONE
    assert state.ledger.balance(opening_account(Venue.KALSHI)) == -4_990 * ONE
    assert state.ledger.balance("foreign:kalshi") == 0 == state.ledger.total()
    assert state.positions.of(KALSHI, Outcome.NO).qty == QTY
    assert ("venue:kalshi", "reconcile_difference") not in state.halts


def test_books_that_open_late_are_no_gain_to_the_loss_stops() -> None:
    desk = unopened()
    base = desk.kernel.state.equity_base["day"]
    account(desk, 5_000 * ONE, no=0)
    assert reconciler.has_books(desk.kernel.state, Venue.KALSHI)
    assert desk.kernel.state.equity_base["day"] == base + 5_000 * ONE


def test_cash_that_cannot_open_the_books_still_differs() -> None:
    """With the contracts equal nothing waits: less cash than was booked is a difference."""
    desk = unopened()
    state = desk.kernel.state
    state.ledger.balances[cash_account(Venue.KALSHI)] = 10 * ONE
    account(desk, 4 * ONE, no=0)
    found = state.venue(Venue.KALSHI).account
    assert found is not None and not reconciler.has_books(state, Venue.KALSHI)
    assert "cash" in reconciler.difference(state, found)

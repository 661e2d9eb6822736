"""A trade that a netting venue takes back: books equal the venue, whatever had netted since."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.domain import events as ev
from shared.domain.enums import Outcome, Side, Venue
from shared.domain.ledger import cash_account, fees_account
from shared.domain.package_table import PackageState
from tests.support.kernel_desk import KALSHI, ONE, Desk

PS = PackageState


def hedged() -> Desk:
    desk = Desk()
    first = desk.open_edge()
    desk.sending(first)
    desk.answer(first)
    hedge = desk.tickets()[-1]
    desk.sending(hedge)
    desk.answer(hedge)
    assert desk.package.state is PS.HEDGED
    return desk


def test_f032_a_busted_trade_of_a_hedged_package_exposes_it_again() -> None:
    desk = hedged()
    (bought,) = (f for f in desk.kernel.state.fills.values() if f.venue is Venue.KALSHI)
    desk.give(ev.TradeFinality(Venue.KALSHI, bought.trade_id, False))
    ledger = desk.kernel.state.ledger
    assert desk.package.state is not PS.HEDGED and abs(desk.package.residual) == bought.qty
    assert ledger.balance(cash_account(Venue.KALSHI)) == 5_000 * ONE
    assert ledger.balance(fees_account(Venue.KALSHI)) == 0 and ledger.total() == 0
    assert desk.kernel.state.positions.net_yes(KALSHI) == 0


@pytest.mark.parametrize("sold", [1, 4, 10, 14])
def test_f032_a_bust_after_netting_gives_back_exactly_what_the_fill_took(sold: int) -> None:
    """10 bought, some or all sold or sold beyond, then the purchase is taken back."""
    desk = Desk()
    ticket = desk.open_edge()
    fill = desk.fill(ticket)
    bought = replace(
        fill,
        venue=Venue.KALSHI,
        market_id=KALSHI,
        outcome=Outcome.YES,
        price=600_000,
        qty=10 * ONE,
        attempt_id=None,
        order_id="theirs",
    )
    sale = replace(bought, side=Side.SELL, price=550_000, qty=sold * ONE, trade_id="sale")
    for one in (bought, sale):
        desk.give(ev.FillSeen(one))
    desk.pass_time(61_000, seconds=True)
    ledger = desk.kernel.state.ledger
    after_sale = 5_000 * ONE + 550_000 * sold - bought.fee
    before = ledger.balance(cash_account(Venue.KALSHI))
    desk.give(ev.TradeFinality(Venue.KALSHI, bought.trade_id, False))
    assert before == after_sale - 10 * 600_000 - sale.fee - max(0, sold - 10) * ONE
    # Only the sale stands: short, each contract backed by its dollar.
    assert desk.kernel.state.positions.net_yes(KALSHI) == -sold * ONE
    cash = ledger.balance(cash_account(Venue.KALSHI))
    assert cash == 5_000 * ONE + 550_000 * sold - sale.fee - sold * ONE
    assert ledger.balance(fees_account(Venue.KALSHI)) == sale.fee and ledger.total() == 0

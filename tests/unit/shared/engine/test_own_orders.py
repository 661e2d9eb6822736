"""Our own resting orders are no liquidity: nothing is planned on them."""

from __future__ import annotations

from shared.domain.depth import available
from shared.domain.enums import BookSide, Outcome, Side, Venue
from shared.domain.events import BookChanged, LevelChanged
from shared.domain.order import AckStatus, LegTicket, OrderState
from shared.domain.units import MICROS, PriceMicros, QtyMicros
from shared.engine import candidates, own_orders
from tests.support.kernel_desk import KALSHI, ONE, POLY, Desk


def resting_bid() -> tuple[Desk, LegTicket]:
    """A desk whose order on Polymarket rests, nothing of it filled, its cancel on the way."""
    desk = Desk()
    order = desk.open_edge()
    desk.sending(order)
    desk.answer(order, 0, status=AckStatus.RESTING)
    (state,) = [a.state for a in desk.package.attempts.values() if a.ticket is order]
    assert (order.venue, order.side) == (Venue.POLYMARKET, Side.BUY)
    assert state in (OrderState.RESTING, OrderState.CANCELLING)
    return desk, order


def test_a_resting_bid_is_an_offer_of_the_other_outcome_and_nothing_else() -> None:
    desk, order = resting_bid()
    state = desk.kernel.state
    offered = PriceMicros(MICROS - order.price_limit)
    assert own_orders.against(state, POLY, order.outcome.other) == {offered: order.qty}
    assert own_orders.against(state, POLY, order.outcome) is None
    for outcome in Outcome:
        assert own_orders.against(state, KALSHI, outcome) is None


def test_on_paper_no_venue_shows_our_orders() -> None:
    desk, order = resting_bid()
    desk.kernel.state.mode = "paper_live"
    assert own_orders.against(desk.kernel.state, POLY, order.outcome.other) is None


def test_the_reach_of_a_plan_leaves_our_own_contracts_out() -> None:
    desk, order = resting_bid()
    state, other = desk.kernel.state, order.outcome.other
    offered = MICROS - order.price_limit
    # The book now shows our own order alone at the touch, and strangers a cent behind it.
    side = BookSide.ASK if other is Outcome.YES else BookSide.BID
    ours = offered if other is Outcome.YES else MICROS - offered
    theirs = ours + 10_000 if other is Outcome.YES else ours - 10_000
    for level in list(state.books[POLY].depth(side, 9)):
        gone = LevelChanged(side, level[0], QtyMicros(0))
        desk.give(BookChanged(POLY, (gone,), desk.mono))
    for price, qty in ((ours, order.qty), (theirs, 50 * ONE)):
        shown = LevelChanged(side, PriceMicros(price), QtyMicros(qty))
        desk.give(BookChanged(POLY, (shown,), desk.mono))
    levels = state.books[POLY].buy_levels(other)
    assert available(levels) == order.qty + 50 * ONE
    market = state.instruments[POLY]
    assert candidates.reach(state, market, other) == 50 * ONE * 4 // 5
    state.mode = "paper_sim"
    assert candidates.reach(state, market, other) == (order.qty + 50 * ONE) * 4 // 5

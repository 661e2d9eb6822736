"""An order is asked once more at its first byte whether it still fits (F-010, F-032, I-10)."""

from __future__ import annotations

from shared.domain import events as ev
from shared.domain.enums import Purpose, Venue
from shared.domain.instrument import PriceRange
from shared.domain.order import Acked, AckStatus, LegTicket
from shared.domain.package_table import PackageState
from shared.domain.units import PriceMicros, UsdMicros
from shared.engine import last_gate
from tests.support.kernel_desk import Desk, instrument

PS = PackageState


def hedging(*, with_fills: bool = True) -> tuple[Desk, LegTicket, LegTicket]:
    """Leg 1 has filled at Polymarket; the hedge is approved and has not left yet."""
    desk = Desk()
    desk.book(Venue.KALSHI, 54, 56, 400)
    desk.book(Venue.POLYMARKET, 44, 46, 100)
    first = desk.tickets()[-1]
    desk.sending(first)
    if with_fills:
        desk.answer(first)
    else:
        cost = UsdMicros(first.qty * first.price_limit // 1_000_000)
        done = Acked(first.attempt_id, "o-first", AckStatus.DONE, first.qty, cost, ())
        desk.give(ev.AttemptAnswered(done))
    hedge = desk.tickets()[-1]
    assert hedge.purpose is Purpose.HEDGE and desk.package.state is PS.LEG2_SENT
    assert last_gate.unfit(desk.kernel.state, hedge) == ""
    return desk, first, hedge


def test_f010_a_hedge_off_the_new_grid_is_held_back_and_made_anew_at_once() -> None:
    desk, _, hedge = hedging()
    coarse = (PriceRange(PriceMicros(0), PriceMicros(1_000_000), PriceMicros(50_000)),)
    assert hedge.price_limit % 50_000
    desk.give(ev.InstrumentChanged(instrument(hedge.venue, grid=coarse)))
    state = desk.kernel.state
    assert last_gate.unfit(state, hedge) == last_gate.OFF_GRID
    at = desk.mono
    desk.give(ev.SendRefused(hedge.attempt_id, last_gate.OFF_GRID))
    again = desk.tickets()[-1]
    assert again.attempt_id != hedge.attempt_id and desk.mono - at < 100_000_000
    assert again.price_limit % 50_000 == 0 and last_gate.unfit(state, again) == ""


def test_f032_nothing_leaves_while_a_count_of_its_package_is_in_doubt() -> None:
    desk, first, hedge = hedging(with_fills=False)
    desk.give(ev.TradeFinality(first.venue, "nobody-saw-it", False))
    assert last_gate.unfit(desk.kernel.state, hedge) == last_gate.DOUBTED
    sent = len(desk.tickets())
    desk.give(ev.SendRefused(hedge.attempt_id, last_gate.DOUBTED))
    assert len(desk.tickets()) == sent and desk.package.has_unsettled


def test_i10_a_hedge_with_nothing_left_to_cover_is_held_back() -> None:
    desk, first, hedge = hedging()
    desk.give(ev.TradeFinality(first.venue, f"t-{first.attempt_id[:8]}", False))
    assert desk.package.residual == 0 and desk.package.state is PS.LEG2_SENT
    assert last_gate.unfit(desk.kernel.state, hedge) == last_gate.COVERED
    sent = len(desk.tickets())
    desk.give(ev.SendRefused(hedge.attempt_id, last_gate.COVERED))
    assert len(desk.tickets()) == sent

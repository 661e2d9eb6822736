"""Lifting a halt: refused by name while the cause lasts, and after a second trip in an hour."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.domain import events as ev
from shared.domain.enums import HaltReason, Lift, Venue, lift_of
from shared.domain.order import Evidence, EvidenceKind
from shared.domain.package_table import PackageState
from shared.domain.units import UsdMicros
from tests.support.kernel_desk import ONE, WALL, Desk

PS = PackageState


def halted(desk: Desk, scope: str, reason: HaltReason) -> None:
    desk.give(ev.HaltTaken(ev.Halt(scope, reason, "me", WALL + desk.mono)))


def lifts(desk: Desk, scope: str) -> bool:
    """Try to resume a scope; say whether nothing of it stands any more."""
    desk.log.clear()
    desk.give(ev.HaltLifted(scope, "me", "looked at it"))
    return not desk.kernel.state.halts_on(scope)


def refusals(desk: Desk) -> list[str]:
    return [d.reason for d in desk.decisions("halt") if d.verdict == "resume_refused"]


@pytest.mark.parametrize("reason", [r for r in HaltReason if lift_of(r) is Lift.AUTO])
def test_f092_what_lifts_itself_is_lifted_by_nobody(reason: HaltReason) -> None:
    desk = Desk()
    halted(desk, "venue:kalshi", reason)
    assert not lifts(desk, "venue:kalshi")
    assert reason.value in refusals(desk)[0]


def test_an_operators_halt_is_lifted_by_an_operator_at_once_and_again() -> None:
    desk = Desk()
    for _ in range(3):
        halted(desk, "global", HaltReason.OPERATOR)
        assert lifts(desk, "global")


def test_f092_a_stuck_package_holds_its_halt() -> None:
    desk = Desk()
    desk.book(Venue.KALSHI, 54, 56, 400)
    desk.book(Venue.POLYMARKET, 44, 46, 100)
    first = desk.tickets()[-1]
    desk.sending(first)
    for _ in range(40):
        desk.pass_time(1_000)
        desk.renew()
    assert desk.package.state is PS.STUCK_UNKNOWN
    scope = f"pair:{desk.pair.pair_id}"
    assert not lifts(desk, scope)
    assert refusals(desk) == [f"package {desk.package.number} is still stuck"]
    absent = [Evidence(a, EvidenceKind.ABSENT) for a in desk.package.attempts]
    desk.give(ev.EvidenceFound(desk.package.package_id, tuple(absent)))
    assert desk.package.state is PS.ABORTED and lifts(desk, scope)


def test_f092_a_difference_that_lasts_holds_its_halt_and_is_named() -> None:
    desk = Desk()
    wrong = ev.AccountSnapshot(Venue.KALSHI, UsdMicros(4_000 * ONE), (), (), WALL + desk.mono)
    for _ in range(3):
        desk.pass_time(2_001)
        desk.give(replace(wrong, as_of_wall_ns=WALL + desk.mono))
    assert desk.kernel.state.halts_on("venue:kalshi")
    assert not lifts(desk, "venue:kalshi")
    assert "cash" in refusals(desk)[0]
    desk.give(replace(wrong, cash=UsdMicros(5_000 * ONE), as_of_wall_ns=WALL + desk.mono))
    assert lifts(desk, "venue:kalshi")


def test_f092_failed_trades_rest_ten_minutes_before_their_halt_may_go() -> None:
    desk = Desk()
    view = desk.kernel.state.venue(Venue.POLYMARKET)
    view.failed_trades_ns.extend((desk.mono, desk.mono))
    halted(desk, "venue:polymarket", HaltReason.FAILED_SETTLEMENTS)
    assert not lifts(desk, "venue:polymarket")
    assert refusals(desk) == ["2 trades failed in the last 10 min"]
    desk.pass_time(601_000)
    assert lifts(desk, "venue:polymarket")


def test_f092_a_second_trip_within_an_hour_rests_half_an_hour() -> None:
    desk = Desk()
    halted(desk, "global", HaltReason.UNWINDS)
    assert lifts(desk, "global"), "the first trip is lifted by its gesture"
    desk.pass_time(59 * 60_000)
    halted(desk, "global", HaltReason.UNWINDS)
    assert not lifts(desk, "global")
    assert refusals(desk)[0].startswith("tripped twice within an hour")
    desk.pass_time(29 * 60_000)
    assert not lifts(desk, "global")
    desk.pass_time(60_001)
    assert lifts(desk, "global")


def test_the_month_begins_anew_once_its_loss_is_acknowledged() -> None:
    """Otherwise the very next second would halt again for the loss that was accepted."""
    desk = Desk()
    desk.give(ev.SecondTicked())
    state = desk.kernel.state
    state.equity_base["month"] = 11_000 * ONE
    desk.give(ev.SecondTicked())
    assert ("global", "stop_month") in state.halts
    assert lifts(desk, "global")
    desk.pass_time(1_000, seconds=True)
    assert ("global", "stop_month") not in state.halts


def test_f054_three_failures_in_a_day_halt_the_venue() -> None:
    from shared.domain.enums import Liquidity, Outcome, Side
    from shared.domain.order import Fill
    from shared.domain.units import PriceMicros, QtyMicros
    from shared.engine import accounting
    from shared.engine.state import Turn
    from tests.support.kernel_desk import POLY

    desk = Desk()
    fill = Fill(
        Venue.POLYMARKET,
        "t",
        "o",
        None,
        POLY,
        Outcome.YES,
        Side.BUY,
        PriceMicros(400_000),
        QtyMicros(ONE),
        UsdMicros(0),
        Liquidity.TAKER,
        WALL,
        False,
    )
    for number in range(3):
        assert not desk.kernel.state.halts
        desk.mono += 7 * 3_600 * 10**9
        turn = Turn(ev.Stamp(desk.seq, desk.mono, WALL + desk.mono))
        accounting._rest_after_failure(desk.kernel.state, turn, replace(fill, trade_id=str(number)))
    assert ("venue:polymarket", "failed_settlements") in desk.kernel.state.halts

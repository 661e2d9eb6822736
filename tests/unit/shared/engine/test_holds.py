"""Markets with a taker delay: the hold is part of the wait, never an unknown, and goes first."""

from __future__ import annotations

from dataclasses import replace

from shared.domain import commands as cm
from shared.domain import events as ev
from shared.domain.config import Config
from shared.domain.enums import Venue
from shared.domain.order import AckStatus
from shared.domain.package_table import PackageState
from shared.domain.units import NS_PER_MS
from tests.support.kernel_desk import Desk

PS = PackageState


def holding(hold_ms: int, venue: Venue) -> Desk:
    """Return a desk whose market at ``venue`` holds takers, with an edge shown."""
    desk = Desk(config=Config(taker_delay_max_ms=5_000))
    held = desk.a if venue is Venue.KALSHI else desk.b
    changed = replace(held, taker_delay_ns=hold_ms * NS_PER_MS)
    desk.give(ev.InstrumentChanged(changed))
    desk.book(Venue.KALSHI, 54, 56, 400)
    desk.book(Venue.POLYMARKET, 44, 46, 400)
    return desk


def test_f040_the_wait_for_an_answer_is_stretched_by_the_declared_hold() -> None:
    desk = holding(200, Venue.POLYMARKET)
    first = desk.tickets()[-1]
    desk.sending(first)
    desk.pass_time(449)
    assert desk.package.state is PS.LEG1_SENT and not desk.asked(cm.AskEvidence)
    desk.pass_time(2)
    assert desk.package.state is PS.LEG1_UNKNOWN and desk.asked(cm.AskEvidence)


def test_f039_a_held_leg_1_is_not_hedged_before_it_matched() -> None:
    desk = holding(1_000, Venue.POLYMARKET)
    first = desk.tickets()[-1]
    desk.sending(first)
    desk.answer(first, 0, status=AckStatus.HELD)
    assert desk.package.state is PS.LEG1_HELD and desk.tickets() == [first]
    desk.pass_time(2_999)
    assert desk.package.state is PS.LEG1_HELD
    desk.pass_time(2)
    assert desk.package.state is PS.LEG1_UNKNOWN and desk.tickets() == [first]


def test_f041_a_holding_market_always_goes_first() -> None:
    for venue in (Venue.KALSHI, Venue.POLYMARKET):
        desk = holding(1_000, venue)
        assert desk.tickets()[-1].venue is venue


def test_f041_a_hold_switched_on_after_planning_makes_leg_2_unknown_and_sends_nothing() -> None:
    """R_HELD on leg 2 is no answer: only the venue's evidence may settle it."""
    desk = Desk(config=Config(taker_delay_max_ms=5_000))
    desk.book(Venue.KALSHI, 54, 56, 100)
    desk.book(Venue.POLYMARKET, 44, 46, 400)
    first = desk.tickets()[-1]
    assert first.venue is Venue.KALSHI
    desk.sending(first)
    desk.answer(first)
    hedge = desk.tickets()[-1]
    assert hedge.venue is Venue.POLYMARKET
    desk.sending(hedge)
    desk.answer(hedge, 0, status=AckStatus.HELD)
    assert desk.package.state is PS.LEG2_UNKNOWN
    desk.pass_time(20_000)
    assert desk.tickets() == [first, hedge], "never a second order"
    assert desk.package.state is PS.LEG2_UNKNOWN
    desk.answer(hedge)
    assert desk.package.state is PS.HEDGED


def test_a_market_whose_delay_is_longer_than_allowed_is_not_traded() -> None:
    desk = Desk(config=Config(taker_delay_max_ms=0))
    desk.give(ev.InstrumentChanged(replace(desk.b, taker_delay_ns=1)))
    desk.book(Venue.KALSHI, 54, 56, 400)
    desk.book(Venue.POLYMARKET, 44, 46, 400)
    desk.pass_time(1, seconds=True)
    assert desk.tickets() == [] and "TAKER_DELAY" in desk.gates()

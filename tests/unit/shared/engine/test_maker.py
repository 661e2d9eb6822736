"""Maker, then taker: off by default; one order rests on Polymarket, its fill is hedged at once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.domain import commands as cm
from shared.domain import events as ev
from shared.domain.config import DEFAULT_CONFIG, Config
from shared.domain.enums import BookState, HaltReason, Outcome, Purpose, Side, TimeInForce, Venue
from shared.domain.order import AckStatus, Evidence, EvidenceKind, LegTicket
from shared.domain.package_table import PackageState
from shared.domain.units import QtyMicros
from tests.support.kernel_desk import KALSHI, WALL, Desk

PS = PackageState
ON = Config(flag_maker_taker=True)


def shown(config: Config = ON) -> Desk:
    """A pair that taking does not clear: Polymarket's spread is wide, resting inside it does."""
    desk = Desk(config=config)
    desk.book(Venue.KALSHI, 54, 56, 400)
    desk.book(Venue.POLYMARKET, 44, 54, 400)
    desk.pass_time(10, seconds=True)
    return desk


def resting() -> tuple[Desk, LegTicket]:
    desk = shown()
    (first,) = desk.tickets()
    desk.sending(first)
    desk.answer(first, 0, status=AckStatus.RESTING)
    assert desk.package.state is PS.LEG1_HELD and desk.package.is_resting
    return desk, first


def test_it_is_off_by_default() -> None:
    assert not DEFAULT_CONFIG.flag_maker_taker
    assert shown(Config()).tickets() == []


def test_one_order_rests_a_tick_above_the_best_bid() -> None:
    desk = shown()
    (first,) = desk.tickets()
    assert (first.venue, first.side, first.tif) == (Venue.POLYMARKET, Side.BUY, TimeInForce.GTC)
    assert first.outcome is Outcome.YES and first.price_limit == 450_000
    assert first.budget_usd is None and first.qty_max == first.qty and first.is_opening
    assert desk.package.entry_edge_micros >= ON.min_net_edge_micros


def test_what_clears_by_taking_is_taken() -> None:
    desk = Desk(config=ON)
    desk.book(Venue.KALSHI, 54, 56, 400)
    desk.book(Venue.POLYMARKET, 44, 46, 100)
    assert desk.tickets()[-1].tif is not TimeInForce.GTC


def test_a_whole_fill_is_hedged_at_once() -> None:
    desk, first = resting()
    desk.pass_time(1_000)
    desk.give(ev.FillSeen(desk.fill(first)))
    hedge = desk.tickets()[-1]
    assert (hedge.venue, hedge.purpose, hedge.qty) == (Venue.KALSHI, Purpose.HEDGE, first.qty)
    assert not desk.asked(cm.CancelOrder)


def test_partial_cancels_remainder_and_hedges_the_part() -> None:
    desk, first = resting()
    part = first.qty // 3 // 10_000 * 10_000
    desk.give(ev.FillSeen(desk.fill(first, part)))
    assert desk.package.state is PS.LEG1_CANCELLING
    assert len(desk.asked(cm.CancelOrder)) == 1 and desk.tickets() == [first]
    found = Evidence(first.attempt_id, EvidenceKind.FILLED, "o", QtyMicros(part), ())
    desk.give(ev.EvidenceFound(desk.package.package_id, (found,)))
    assert desk.tickets()[-1].qty == part


def test_nobody_takes_it_and_it_ends_without_a_trace() -> None:
    desk, first = resting()
    for _ in range(7):
        desk.pass_time(1_000)
        for venue in (Venue.KALSHI, Venue.POLYMARKET):
            desk.feed(venue)
    assert desk.package.state is PS.LEG1_HELD
    desk.pass_time(1_001)
    assert desk.package.state is PS.LEG1_CANCELLING and desk.asked(cm.CancelOrder)
    absent = Evidence(first.attempt_id, EvidenceKind.ABSENT)
    desk.give(ev.EvidenceFound(desk.package.package_id, (absent,)))
    assert desk.package.state is PS.ABORTED and desk.tickets() == [first]


@pytest.mark.parametrize("what", ["edge", "gapped", "halt", "rules", "config", "lease"])
def test_it_is_taken_back_when_the_edge_or_a_gate_is_gone(what: str) -> None:
    desk, _ = resting()
    if what == "edge":
        desk.book(Venue.KALSHI, 44, 46, 400)
    elif what == "gapped":
        desk.give(ev.BookMarked(KALSHI, BookState.GAPPED, "a frame was lost"))
    elif what == "halt":
        desk.give(ev.HaltTaken(ev.Halt("global", HaltReason.OPERATOR, "me", WALL)))
        assert desk.package.state is PS.LEG1_CANCELLING, "in the very step that takes the halt"
    elif what == "rules":
        desk.give(ev.InstrumentChanged(replace(desk.a, rules_hash="edited")))
    elif what == "config":
        desk.give(ev.ConfigChanged(replace(ON, version=2, flag_trade=False)))
    else:
        desk.kernel.state.lease_until_ns = desk.mono + 19 * 10**9
    desk.give(ev.SecondTicked())
    assert desk.package.state is PS.LEG1_CANCELLING
    assert len(desk.asked(cm.CancelOrder)) == 1


def test_a_freeze_leaves_it_to_the_cancel_of_everything() -> None:
    desk, first = resting()
    halt = ev.Halt("global", HaltReason.FREEZE, "me", WALL, is_freeze=True)
    desk.give(ev.HaltTaken(halt))
    assert desk.package.state is PS.STUCK_UNKNOWN
    assert desk.asked(cm.CancelEverything) and desk.tickets() == [first]


def test_kalshi_never_rests_because_polymarket_could_not_hedge_its_parts() -> None:
    desk = Desk(config=ON)
    desk.book(Venue.KALSHI, 44, 54, 400)
    desk.book(Venue.POLYMARKET, 54, 56, 400)
    desk.pass_time(10, seconds=True)
    assert all(t.venue is Venue.POLYMARKET for t in desk.tickets())

"""The live snapshot: the shape that the browser reads, and numbers that are true."""

from __future__ import annotations

from shared.contracts.api_v1 import LiveSnapshot
from shared.domain import events as ev
from shared.domain.enums import HaltReason, Venue
from shared.domain.units import NS_PER_S
from shared.engine.metrics import HELP, gauges
from shared.engine.view import live_snapshot
from tests.support.kernel_desk import ONE, WALL, Desk


def _snapshot(desk: Desk) -> LiveSnapshot:
    return LiveSnapshot.model_validate(live_snapshot(desk.kernel, desk.mono, WALL + desk.mono))


def test_the_snapshot_has_the_shape_of_the_contract_before_and_after_trading() -> None:
    desk = Desk()
    assert _snapshot(desk).edges.pair_id == [desk.pair.pair_id]
    ticket = desk.open_edge()
    desk.sending(ticket)
    buying = _snapshot(desk)
    assert buying.edges.status == ["buying"] and buying.packages.open == 1
    assert buying.edges.params == [{"step": "leg 1 of 2"}]


def test_columns_are_all_of_one_length() -> None:
    desk = Desk()
    desk.open_edge()
    edges = _snapshot(desk).edges
    lengths = {len(getattr(edges, name)) for name in type(edges).model_fields if name != "removed"}
    assert lengths == {1}


def test_unhedged_dollars_are_those_of_the_leg_that_stands_alone() -> None:
    desk = Desk()
    desk.book(Venue.KALSHI, 54, 56, 400)
    desk.book(Venue.POLYMARKET, 44, 46, 100)
    first = desk.tickets()[-1]
    desk.sending(first)
    desk.answer(first)
    shown = _snapshot(desk).unhedged_micros
    assert shown == first.qty * first.price_limit // ONE
    hedge = desk.tickets()[-1]
    desk.sending(hedge)
    desk.answer(hedge)
    assert _snapshot(desk).unhedged_micros == 0


def test_unknown_is_null_and_never_zero() -> None:
    desk = Desk()
    snapshot = _snapshot(desk)
    assert snapshot.edges.net_micros == [None] and snapshot.edges.age_ms == [None]


def test_trading_is_claimed_only_while_a_package_could_open() -> None:
    desk = Desk()
    assert _snapshot(desk).is_trading
    desk.give(ev.LeaseSeen(1, desk.mono + 19 * NS_PER_S))
    assert not _snapshot(desk).is_trading
    desk.renew()
    desk.give(ev.HaltTaken(ev.Halt("global", HaltReason.OPERATOR, "me", WALL)))
    halted = _snapshot(desk)
    assert not halted.is_trading and halted.halts[0].lift == "discord"


def test_sequence_numbers_outlive_a_restart() -> None:
    first, second = Desk(), Desk()
    first.pass_time(5_000, seconds=True)
    second.pass_time(9_000, seconds=True)
    assert _snapshot(second).seq > _snapshot(first).seq > WALL // NS_PER_S


def test_every_gauge_without_labels_is_explained() -> None:
    desk = Desk()
    desk.open_edge()
    names = {name.partition("{")[0] for name in gauges(desk.kernel)}
    assert names <= set(HELP)

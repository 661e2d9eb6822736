"""The evidence rules, look by look."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.adapters.venues.polymarket.evidence import EvidenceJudge, Look, trades_by_order
from shared.adapters.venues.polymarket.schemas import OpenOrder
from shared.domain.order import EvidenceKind, LegTicket
from shared.domain.units import NS_PER_S
from tests.unit.shared.adapters.venues.polymarket.test_encoding import ticket
from tests.unit.shared.adapters.venues.polymarket.test_fills import maker, read, trade

SENT: LegTicket = ticket(decided_wall_ns=1_000 * NS_PER_S)


def look(at_s: float, **more: Any) -> Look:
    base = Look(
        order=None,
        is_open=False,
        trades=(),
        fills=(),
        cash=5_000,
        wall_ns=int(at_s * NS_PER_S),
        mono_ns=int(at_s * NS_PER_S),
    )
    return replace(base, **more)


def kinds(*looks: Look, hold_s: int = 0) -> list[EvidenceKind]:
    judge = EvidenceJudge()
    return [judge.judge(SENT, hold_s * NS_PER_S, "0xaa", item).kind for item in looks]


def order(status: str, matched: str = "0") -> OpenOrder:
    return OpenOrder(id="0xaa", status=status, size_matched=matched)


def test_absence_needs_the_wait_and_two_looks_a_second_apart() -> None:
    assert kinds(look(1_004.9), look(1_005.5), look(1_006.0), look(1_006.6)) == [
        EvidenceKind.UNPROVEN,
        EvidenceKind.UNPROVEN,
        EvidenceKind.UNPROVEN,
        EvidenceKind.ABSENT,
    ]


def test_absence_waits_for_the_taker_hold() -> None:
    assert kinds(look(1_006), look(1_007.5), hold_s=3) == [EvidenceKind.UNPROVEN] * 2


def test_money_that_moved_between_the_looks_starts_again() -> None:
    looks = (look(1_010), look(1_012, cash=4_000), look(1_014, cash=4_000))
    assert kinds(*looks)[1:] == [EvidenceKind.UNPROVEN, EvidenceKind.ABSENT]


@pytest.mark.parametrize("status", ["LIVE", "DELAYED"])
def test_live_and_held_orders_live(status: str) -> None:
    assert kinds(look(1_010, order=order(status))) == [EvidenceKind.LIVE]
    assert kinds(look(1_010, is_open=True)) == [EvidenceKind.LIVE]


@pytest.mark.parametrize(
    "status", ["CANCELED", "UNMATCHED", "INVALID", "CANCELED_order couldn't be fully filled."]
)
def test_dead_with_nothing_matched_is_absent_at_once(status: str) -> None:
    assert kinds(look(1_000, order=order(status))) == [EvidenceKind.ABSENT]


def test_a_trade_with_the_digest_proves_the_fill() -> None:
    item = trade()
    found = EvidenceJudge().judge(SENT, 0, "0xaa", look(1_001, trades=[item], fills=read(item)))
    assert found.kind is EvidenceKind.FILLED and found.cum_qty == 10_000_000


def test_order_that_claims_more_than_its_trades_is_not_proven_yet() -> None:
    item = trade()
    assert (
        kinds(
            look(1_001, order=order("MATCHED", "12"), trades=[item], fills=read(item)),
            look(1_001, order=order("MATCHED", "12")),
            look(1_001, order=order("MATCHED", "")),
        )
        == [EvidenceKind.UNPROVEN] * 3
    )


def test_f053_failed_trades_void_the_attempt_after_two_looks() -> None:
    failed = look(1_020, trades=[trade(status="FAILED")])
    later = replace(failed, mono_ns=1_021 * NS_PER_S + 1)
    assert kinds(failed, failed, later) == [
        EvidenceKind.UNPROVEN,
        EvidenceKind.UNPROVEN,
        EvidenceKind.ABSENT,
    ]


def test_f058_one_failed_of_two_trades_leaves_the_surviving_sum() -> None:
    good, bad = trade(), trade(id="t-2", status="FAILED")
    found = EvidenceJudge().judge(
        SENT,
        0,
        "0xaa",
        look(1_001, order=order("MATCHED", "20"), trades=[good, bad], fills=read(good)),
    )
    assert found.kind is EvidenceKind.FILLED and found.cum_qty == 10_000_000


def test_trades_are_grouped_by_every_order_they_name() -> None:
    grouped = trades_by_order([trade(maker_orders=[maker()])])
    assert set(grouped) == {"0xaa", "0xbb"}

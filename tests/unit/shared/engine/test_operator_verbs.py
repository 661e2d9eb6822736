"""Verbs of a person: a stuck package is held, flattened or resolved; a difference adopted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.domain import commands as cm
from shared.domain import events as ev
from shared.domain.enums import Outcome, Purpose, Venue
from shared.domain.order import LegTicket, Rejected, Unknown
from shared.domain.package_table import PackageState
from shared.domain.units import MICROS, QtyMicros, UsdMicros
from shared.engine.preview import flatten_preview
from shared.engine.view import live_snapshot
from tests.support.kernel_desk import KALSHI, WALL, Desk

PS = PackageState


def unknown_leg_1() -> tuple[Desk, LegTicket]:
    """A package whose opening order is unproven for longer than anybody waits."""
    desk = Desk()
    first = desk.open_edge()
    desk.sending(first)
    desk.give(ev.AttemptAnswered(Unknown(first.attempt_id, "timeout")))
    desk.pass_time(35_000)
    assert desk.package.state is PS.STUCK_UNKNOWN
    desk.log.clear()
    return desk, first


def naked_stuck() -> tuple[Desk, LegTicket]:
    """Leg 1 filled, the other side refused for ever and no bound to unwind in."""
    desk = Desk()
    first = desk.open_edge()
    desk.sending(first)
    venue, other = (
        (Venue.KALSHI, Venue.POLYMARKET)
        if first.venue is Venue.KALSHI
        else (Venue.POLYMARKET, Venue.KALSHI)
    )
    desk.book(venue, 2, 99)
    desk.book(other, 2, 99)
    desk.answer(first)
    desk.pass_time(60_000)
    assert desk.package.state is PS.STUCK_KNOWN, desk.package.state
    return desk, first


def verb(desk: Desk, name: str, **payload: str) -> None:
    keys = {key.replace("__", ":"): value for key, value in payload.items()}
    desk.give(ev.OperatorVerb(desk.package.package_id, name, keys))


def refusals(desk: Desk) -> list[str]:
    return [d.reason for d in desk.decisions("verb") if d.verdict == "refused"]


def told(ticket: LegTicket, *, qty: int | None = None, trade: str = "T1") -> dict[str, str]:
    words = [trade, "O1", str(ticket.price_limit), str(ticket.qty if qty is None else qty), "10000"]
    return {f"filled__{ticket.attempt_id}": " ".join(words)}


# --- resolve -------------------------------------------------------------------------------


def test_resolve_nofill_ends_the_package_without_a_posting() -> None:
    desk, first = unknown_leg_1()
    verb(desk, "resolve", verdict="nofill", evidence="support mail 4711")
    assert desk.package.state is PS.ABORTED and refusals(desk) == []
    assert not any(isinstance(c, cm.WriteRows) and c.table == "fills" for c in desk.log)
    assert desk.package.attempts[first.attempt_id].reason.endswith("support mail 4711")


def test_resolve_naked_books_the_fill_once_and_asks_for_a_way_out() -> None:
    desk, first = unknown_leg_1()
    verb(desk, "resolve", verdict="naked", evidence="order page", **told(first))
    assert desk.package.state is PS.STUCK_KNOWN and refusals(desk) == []
    assert desk.package.net(first.leg) == first.qty
    cash = desk.kernel.state.ledger.balance(f"cash:{first.venue.value}")
    spent = first.price_limit * first.qty // MICROS + 10_000
    assert cash == 5_000 * MICROS - spent and desk.kernel.state.ledger.total() == 0
    # The venue's own report of the same trade is a repeat, whenever it comes.
    fill = replace(desk.fill(first), trade_id="T1", order_id="O1")
    desk.give(ev.FillSeen(fill))
    assert desk.kernel.state.ledger.balance(f"cash:{first.venue.value}") == cash
    # A minute later the stuck package tries by itself, and finds the other leg.
    desk.pass_time(59_000)
    desk.renew()
    desk.pass_time(2_000)
    assert [t.purpose for t in desk.tickets()] == [Purpose.HEDGE]


@pytest.mark.parametrize(
    ("verdict", "with_fill", "said"),
    [
        ("matched", False, "that is 'nofill'"),
        ("naked", False, "that is 'nofill'"),
        ("nofill", True, "that is 'naked'"),
        ("zero", True, "that is 'naked'"),
        ("perhaps", False, "must be one of"),
    ],
)
def test_a_verdict_that_the_figures_contradict_changes_nothing(
    verdict: str, with_fill: bool, said: str
) -> None:
    desk, first = unknown_leg_1()
    before = desk.kernel.state.ledger.balances.copy()
    verb(desk, "resolve", verdict=verdict, evidence="x", **(told(first) if with_fill else {}))
    assert desk.package.state is PS.STUCK_UNKNOWN and desk.package.has_unsettled
    assert desk.kernel.state.ledger.balances == before and said in refusals(desk)[0]


@pytest.mark.parametrize(
    "words",
    [
        "T1 O1 560000 1000000",
        "T1 O1 0 1000000 0",
        "T1 O1 1000000 1000000 0",
        "T1 O1 560000 999000000000 0",
        "T1 O1 560000 -5 0",
        "T1 O1 0.56 1000000 0",
        "T1 O1 560000 1000000 2000000",
        "T1 O1 ٣ 1000000 0",
        "",
    ],
)
def test_fills_outside_the_order_are_refused(words: str) -> None:
    desk, first = unknown_leg_1()
    verb(desk, "resolve", verdict="naked", evidence="x", **{f"filled__{first.attempt_id}": words})
    assert desk.package.state is PS.STUCK_UNKNOWN and len(refusals(desk)) == 1
    assert desk.kernel.state.fills_count == 0


def test_only_orders_of_the_package_that_were_sent_can_be_told_of() -> None:
    desk, first = unknown_leg_1()
    unused = next(a for a in desk.package.attempts.values() if a.ticket is None)
    for name in (str(unused.attempt_id), "nobody"):
        verb(desk, "resolve", verdict="naked", evidence="x", **{f"filled__{name}": "T O 1 1 0"})
    assert len(refusals(desk)) == 2 and desk.package.state is PS.STUCK_UNKNOWN
    assert first.attempt_id in desk.package.attempts


def test_without_evidence_or_outside_a_stuck_state_nothing_is_resolved() -> None:
    desk, _ = unknown_leg_1()
    verb(desk, "resolve", verdict="nofill", evidence="  ")
    assert "evidence must be stated" in refusals(desk)[0]
    other = Desk()
    ticket = other.open_edge()
    other.sending(ticket)
    verb(other, "resolve", verdict="nofill", evidence="x")
    assert "is not resolved by hand" in refusals(other)[0] and other.package.state is PS.LEG1_SENT


# --- flatten and hold ----------------------------------------------------------------------


def test_flatten_shows_its_cost_first_and_then_sends_that_order() -> None:
    desk, first = naked_stuck()
    desk.renew()
    desk.book(first.venue, 30, 90)
    preview = flatten_preview(desk.kernel.state, desk.package)
    assert preview is not None and preview["market_id"] == first.market_id
    shown = live_snapshot(desk.kernel, desk.mono, WALL + desk.mono)["open_packages"][0]
    assert shown["flatten"] == preview
    assert int(str(preview["loss_usd_micros"])) > 0
    desk.log.clear()
    verb(desk, "flatten")
    (sent,) = desk.tickets()
    assert sent.purpose.value == preview["action"] and sent.qty == preview["qty_micros"]
    assert sent.price_limit == preview["price_limit_micros"]


def test_hold_waits_for_settlement_and_sends_nothing() -> None:
    desk, _ = naked_stuck()
    desk.log.clear()
    verb(desk, "hold")
    assert desk.package.state is PS.SETTLING and desk.tickets() == []


def test_a_verb_that_the_state_does_not_know_is_refused_and_widens_nothing() -> None:
    desk = Desk()
    ticket = desk.open_edge()
    desk.sending(ticket)
    for name in ("flatten", "hold", "dance"):
        verb(desk, name)
    assert len(refusals(desk)) == 3
    assert not desk.package.unwind_any and not desk.package.stuck_retry
    assert desk.package.state is PS.LEG1_SENT


def test_a_verb_for_nobody_is_refused() -> None:
    desk = Desk()
    desk.give(ev.OperatorVerb("nobody", "hold"))  # type: ignore[arg-type]
    assert "no such package" in refusals(desk)[0]


# --- adopt ---------------------------------------------------------------------------------


def account(desk: Desk, venue: Venue, cash: int, *positions: ev.VenuePosition) -> None:
    shards = ((0, UsdMicros(cash)),)
    desk.give(ev.AccountSnapshot(venue, UsdMicros(cash), shards, positions, WALL + desk.mono))


def holding(market: str, yes: int, no: int) -> ev.VenuePosition:
    return ev.VenuePosition(market, QtyMicros(yes), QtyMicros(no))  # type: ignore[arg-type]


def halted_by_difference(cash: int, *positions: ev.VenuePosition) -> Desk:
    desk = Desk()
    for _ in range(2):
        account(desk, Venue.KALSHI, cash, *positions)
        desk.pass_time(3_000, seconds=True)
    account(desk, Venue.KALSHI, cash, *positions)
    assert ("venue:kalshi", "reconcile_difference") in desk.kernel.state.halts
    desk.log.clear()
    return desk


def differences(desk: Desk) -> list[str]:
    return [
        r for _, r in desk.kernel.state.halts if r in ("reconcile_difference", "foreign_position")
    ]


def adopt(desk: Desk, market: str, command: str = "c1") -> list[cm.RecordDecision]:
    desk.give(ev.AdoptionOrdered(Venue.KALSHI, market, command, "cli:me", "by hand"))
    return desk.decisions("adoption")


@pytest.mark.parametrize("cents", [123_45, -400_00])
def test_a_deposit_or_withdrawal_is_no_gain_and_moves_no_stop(cents: int) -> None:
    moved = cents * 10_000
    desk = halted_by_difference(5_000 * MICROS + moved)
    state = desk.kernel.state
    base, realised = dict(state.equity_base), state.ledger.realised_usd()
    assert base, "the stops have a base"
    assert adopt(desk, "cash")[-1].verdict == "adopted"
    assert state.ledger.balance("cash:kalshi") == 5_000 * MICROS + moved
    assert state.ledger.balance("foreign:kalshi") == -moved and state.ledger.total() == 0
    assert state.ledger.realised_usd() == realised
    assert state.equity_base == {key: usd + moved for key, usd in base.items()}
    assert differences(desk) == []
    desk.pass_time(3_000, seconds=True)
    assert not any(reason.startswith("stop_") for _, reason in state.halts)


def test_a_withdrawal_of_half_the_capital_trips_no_loss_stop_but_a_loss_would() -> None:
    desk = halted_by_difference(2_500 * MICROS)
    adopt(desk, "cash")
    desk.pass_time(2_000, seconds=True)
    assert not any(reason.startswith("stop_") for _, reason in desk.kernel.state.halts)


def test_contracts_bought_by_hand_cost_what_left_the_account() -> None:
    desk = halted_by_difference(4_994 * MICROS, holding(KALSHI, 10 * MICROS, 0))
    assert adopt(desk, KALSHI)[-1].verdict == "adopted"
    state = desk.kernel.state
    held = state.positions.of(KALSHI, Outcome.YES)
    assert (held.qty, held.cost_usd) == (10 * MICROS, 6 * MICROS)
    assert state.ledger.balance(f"position:{KALSHI}:yes") == 6 * MICROS
    assert state.ledger.total() == 0 and differences(desk) == []
    rows = [r for c in desk.log if isinstance(c, cm.WriteRows) for r in c.rows]
    assert any(r.get("qty_yes_micros") == 10 * MICROS for r in rows), "kept in the record"
    desk.pass_time(6_000, seconds=True)
    account(desk, Venue.KALSHI, 4_994 * MICROS, holding(KALSHI, 10 * MICROS, 0))
    assert differences(desk) == []


def test_cash_with_differing_contracts_is_not_called_a_deposit() -> None:
    desk = halted_by_difference(4_994 * MICROS, holding(KALSHI, 10 * MICROS, 0))
    assert "contracts differ first" in adopt(desk, "cash")[-1].reason
    assert differences(desk) != []


def test_what_agrees_is_not_adopted() -> None:
    desk = halted_by_difference(5_001 * MICROS)
    assert "agrees already" in adopt(desk, KALSHI)[-1].reason
    adopt(desk, "cash")
    assert "agrees already" in adopt(desk, "cash", "c2")[-1].reason


def test_contracts_of_an_open_package_are_never_given_away() -> None:
    desk = Desk()
    first = desk.open_edge()
    desk.sending(first)
    desk.answer(first)
    hedge = desk.tickets()[-1]
    desk.sending(hedge)
    desk.answer(hedge)
    desk.pass_time(10_000, seconds=True)
    assert desk.package.state is PS.HEDGED
    venue = Venue.KALSHI
    cash = desk.kernel.state.ledger.balance("cash:kalshi")
    for _ in range(2):
        account(desk, venue, cash + 40 * MICROS)  # a person sold our contracts
        desk.pass_time(3_000, seconds=True)
    account(desk, venue, cash + 40 * MICROS)
    assert "holds these contracts" in adopt(desk, KALSHI)[-1].reason
    assert desk.kernel.state.ledger.balance("cash:kalshi") == cash


def test_nothing_is_adopted_from_an_old_or_busy_reading() -> None:
    desk = halted_by_difference(5_001 * MICROS)
    desk.mono += 31 * 1_000_000_000
    assert "last 30 s" in adopt(desk, "cash")[-1].reason
    fresh = Desk()
    ticket = fresh.open_edge()
    fresh.sending(ticket)
    fresh.give(ev.AdoptionOrdered(ticket.venue, "cash", "c", "me", "x"))
    assert "under way" in fresh.decisions("adoption")[-1].reason


def test_a_foreign_fill_that_was_booked_leaves_only_its_halt_to_lift() -> None:
    desk = Desk()
    ticket = desk.open_edge()
    desk.give(ev.AttemptAnswered(Rejected(ticket.attempt_id, "no")))
    fill = replace(desk.fill(ticket, MICROS), attempt_id=None, order_id="theirs", trade_id="z")
    desk.give(ev.FillSeen(fill))
    desk.pass_time(90_000, seconds=True)
    for _ in range(95):
        desk.pass_time(1_000, seconds=True)
    scope = f"venue:{ticket.venue.value}"
    assert (scope, "foreign_position") in desk.kernel.state.halts
    cash = desk.kernel.state.ledger.balance(f"cash:{ticket.venue.value}")
    yes = ticket.outcome is Outcome.YES
    account(
        desk,
        ticket.venue,
        cash,
        holding(ticket.market_id, MICROS if yes else 0, 0 if yes else MICROS),
    )
    desk.log.clear()
    desk.give(ev.AdoptionOrdered(ticket.venue, ticket.market_id, "c", "me", "mine"))
    assert desk.decisions("adoption")[-1].verdict == "adopted"
    assert (scope, "foreign_position") not in desk.kernel.state.halts

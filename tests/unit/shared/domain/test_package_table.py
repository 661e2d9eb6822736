"""The package table against its published shape, and the rules that every table keeps."""

from __future__ import annotations

import itertools

import pytest

from shared.domain.errors import IllegalTransitionError
from shared.domain.order import ORDER_TABLE, OrderEvent, OrderState
from shared.domain.package_table import (
    ENDS,
    NAKED_STATES,
    PACKAGE_TABLE,
    PackageEvent,
    PackageState,
)

CELLS = list(itertools.product(PackageState, PackageEvent))


def test_the_table_has_its_published_size() -> None:
    moves = sum(len(row.moves) for row in PACKAGE_TABLE.rows.values())
    kept = sum(len(row.kept) for row in PACKAGE_TABLE.rows.values())
    assert (len(PackageState), len(PackageEvent), moves, kept) == (28, 42, 195, 308)
    assert len(CELLS) - moves - kept == 673


def test_i20_every_cell_moves_is_kept_or_raises_and_changes_nothing() -> None:
    for state, event in CELLS:
        row = PACKAGE_TABLE.rows[state]
        if event in row.moves:
            assert PACKAGE_TABLE.advance(state, event) is row.moves[event]
        elif event in row.kept:
            assert PACKAGE_TABLE.advance(state, event) is state
        else:
            with pytest.raises(IllegalTransitionError):
                PACKAGE_TABLE.advance(state, event)


def test_i15_every_waiting_state_has_a_deadline_edge() -> None:
    for state in PackageState:
        if state in ENDS:
            continue
        assert PACKAGE_TABLE.is_legal(state, PackageEvent.TIMEOUT), state
        if state is not PackageState.EXPOSED:
            assert PACKAGE_TABLE.rows[state].deadline_ns > 0, state


def test_every_state_reaches_an_end() -> None:
    reaches = set(ENDS)
    for _ in PackageState:
        for state in PackageState:
            if reaches & set(PACKAGE_TABLE.rows[state].moves.values()):
                reaches.add(state)
    assert reaches == set(PackageState)


def test_late_evidence_is_legal_wherever_something_may_have_executed() -> None:
    gates = {PackageState.PLANNED, PackageState.JOURNALLED, PackageState.EXPOSED}
    for state in set(PackageState) - gates:
        assert PACKAGE_TABLE.is_legal(state, PackageEvent.FILL_SEEN), state
        assert PACKAGE_TABLE.is_legal(state, PackageEvent.S_FAIL), state


def test_unknown_states_act_only_on_evidence() -> None:
    acting = {PackageState.EXPOSED}
    for state in PackageState:
        if PACKAGE_TABLE.rows[state].kind != "unknown":
            continue
        leads = {e for e, s in PACKAGE_TABLE.rows[state].moves.items() if s in acting}
        assert leads == {PackageEvent.E_NAKED}, state


def test_no_restart_and_no_kill_leads_to_a_state_that_sends() -> None:
    for state in PackageState:
        for event in (PackageEvent.RESTART, PackageEvent.KILL):
            target = PACKAGE_TABLE.rows[state].moves.get(event)
            assert target not in (PackageState.EXPOSED, PackageState.JOURNALLED), (state, event)


def test_naked_states_are_those_in_which_a_leg_may_stand_alone() -> None:
    held = {PackageState.HEDGED_PROV, PackageState.FLAT_PROV, PackageState.HEDGED}
    held |= {PackageState.EXITING, PackageState.SETTLING, PackageState.CONFIRM_UNKNOWN}
    assert set(PackageState) - ENDS - held == NAKED_STATES


@pytest.mark.parametrize("state", list(OrderState))
@pytest.mark.parametrize("event", list(OrderEvent))
def test_no_order_state_forgets_an_execution(state: OrderState, event: OrderEvent) -> None:
    """From UNKNOWN only proof or a definitive answer leaves; nothing becomes PLANNED again."""
    if not ORDER_TABLE.is_legal(state, event):
        with pytest.raises(IllegalTransitionError):
            ORDER_TABLE.advance(state, event)
        return
    after = ORDER_TABLE.advance(state, event)
    assert after is not OrderState.PLANNED or state is OrderState.PLANNED
    if state is OrderState.UNKNOWN and after is not OrderState.UNKNOWN:
        assert event in {
            OrderEvent.ACK_DONE,
            OrderEvent.REJECT,
            OrderEvent.PROVE_DONE,
            OrderEvent.PROVE_ABSENT,
            OrderEvent.REFUSED_HERE,  # our own dispatcher knows that no byte left
        }

"""The order table: every cell as published, a deadline for every wait, a way to an end."""

from __future__ import annotations

import itertools

import pytest

from shared.domain.errors import IllegalTransitionError
from shared.domain.order import ORDER_TABLE, SETTLED_ORDER_STATES, OrderEvent, OrderState

S, E = OrderState, OrderEvent
SHORT = {
    "P": S.PLANNED,
    "S": S.SENT,
    "H": S.HELD,
    "R": S.RESTING,
    "C": S.CANCELLING,
    "U": S.UNKNOWN,
    "D": S.DONE,
    "J": S.REJECTED,
    "A": S.ABSENT,
}
COLUMNS = [
    E.SEND,
    E.REFUSED_HERE,
    E.ACK_DONE,
    E.ACK_HELD,
    E.ACK_REST,
    E.REJECT,
    E.LOSE,
    E.CANCEL,
    E.PROVE_DONE,
    E.PROVE_ABSENT,
    E.PROVE_LIVE,
    E.LATE_FILL,
]
PUBLISHED = {
    S.PLANNED: "S A D H R J U - D A P U",
    S.SENT: "- A D H R J U C D A S S",
    S.HELD: "- - D H R J U C D A H H",
    S.RESTING: "- - D R R R U C D A R R",
    S.CANCELLING: "- A D C C J U C D A C C",
    S.UNKNOWN: "- A D U U J U U D A U U",
    S.DONE: "- D D D D D D D D D D D",
    S.REJECTED: "- J J J J J J J J J J U",
    S.ABSENT: "- A A A A A A A A A A U",
}
"""Row by row: the next state by each event of ``COLUMNS``; - is illegal."""


def test_the_published_table_names_every_state_and_event() -> None:
    assert set(PUBLISHED) == set(S) and set(COLUMNS) == set(E)
    assert all(len(row.split()) == len(COLUMNS) for row in PUBLISHED.values())


@pytest.mark.parametrize(("state", "event"), list(itertools.product(S, COLUMNS)))
def test_i20_every_pair_is_in_the_table_or_raises_and_changes_nothing(
    state: OrderState, event: OrderEvent
) -> None:
    word = PUBLISHED[state].split()[COLUMNS.index(event)]
    if word == "-":
        with pytest.raises(IllegalTransitionError):
            ORDER_TABLE.advance(state, event)
        assert not ORDER_TABLE.is_legal(state, event)
    else:
        assert ORDER_TABLE.advance(state, event) is SHORT[word]


def test_every_waiting_state_has_a_deadline_edge_into_doubt() -> None:
    """An order that nobody answers becomes UNKNOWN; from there only proof leads on."""
    for state in (S.SENT, S.HELD, S.RESTING, S.CANCELLING):
        assert ORDER_TABLE.advance(state, E.LOSE) is S.UNKNOWN


def test_every_state_reaches_a_settled_one() -> None:
    reaches = set(SETTLED_ORDER_STATES) - {S.PLANNED}
    for _ in S:
        reaches |= {s for s in S if reaches & set(ORDER_TABLE.rows[s].moves.values())}
    assert reaches == set(S)


def test_late_evidence_is_legal_everywhere() -> None:
    for state, event in itertools.product(S, (E.PROVE_DONE, E.PROVE_ABSENT, E.LATE_FILL)):
        assert ORDER_TABLE.is_legal(state, event), (state, event)

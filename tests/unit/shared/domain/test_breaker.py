"""The breaker: its whole table, and the hysteresis that the table alone cannot show."""

from __future__ import annotations

import itertools

import pytest

from shared.domain.breaker import (
    AGAIN_NS,
    BREAKER_TABLE,
    REST_AGAIN_NS,
    REST_NS,
    WINDOW,
    Breaker,
    BreakerEvent,
    BreakerState,
)
from shared.domain.errors import IllegalTransitionError
from shared.domain.units import NS_PER_MS, NS_PER_S

S, E = BreakerState, BreakerEvent
EXPECTED = {
    (S.CLOSED, E.OK): S.CLOSED,
    (S.CLOSED, E.TRIP): S.OPEN,
    (S.CLOSED, E.TIMER): S.CLOSED,
    (S.OPEN, E.OK): S.OPEN,
    (S.OPEN, E.TRIP): S.OPEN,
    (S.OPEN, E.TIMER): S.HALF_OPEN,
    (S.HALF_OPEN, E.OK): S.CLOSED,
    (S.HALF_OPEN, E.TRIP): S.OPEN,
    (S.HALF_OPEN, E.TIMER): S.HALF_OPEN,
}


@pytest.mark.parametrize(("state", "event"), list(itertools.product(S, E)))
def test_i20_every_pair_is_in_the_table_or_raises_and_changes_nothing(
    state: BreakerState, event: BreakerEvent
) -> None:
    if (state, event) in EXPECTED:
        assert BREAKER_TABLE.advance(state, event) is EXPECTED[state, event]
    else:
        with pytest.raises(IllegalTransitionError):
            BREAKER_TABLE.advance(state, event)


def test_every_state_has_a_deadline_and_a_way_back_to_closed() -> None:
    reaches = {S.CLOSED}
    for _ in S:
        reaches |= {s for s in S if reaches & set(BREAKER_TABLE.rows[s].moves.values())}
    assert reaches == set(S)
    assert all(BREAKER_TABLE.is_legal(s, E.TIMER) for s in S)
    assert all(BREAKER_TABLE.rows[s].deadline_ns > 0 for s in S)


def tripped(at: int = 0) -> Breaker:
    breaker = Breaker()
    for _ in range(2):
        breaker.record(ok=False, now_ns=at)
    assert breaker.state is S.OPEN and not breaker.may_open
    return breaker


def test_one_error_in_twenty_is_allowed_and_the_second_opens() -> None:
    breaker = Breaker()
    breaker.record(ok=False, now_ns=0)
    for _ in range(WINDOW - 1):
        breaker.record(ok=True, now_ns=0)
    assert breaker.may_open and breaker.error_rate_pct == 5.0
    breaker.record(ok=False, now_ns=0)
    assert breaker.may_open, "the first error has left the window by now"
    breaker.record(ok=False, now_ns=0)
    assert not breaker.may_open


def test_it_stays_open_for_its_rest_and_closes_only_after_a_success() -> None:
    breaker = tripped()
    breaker.record(ok=True, now_ns=1)
    breaker.tick(REST_NS - 1)
    assert not breaker.may_open, "a success while open closes nothing"
    breaker.tick(REST_NS)
    assert breaker.state is S.HALF_OPEN and breaker.may_open
    breaker.record(ok=True, now_ns=REST_NS + 1)
    assert breaker.state is S.CLOSED and breaker.failures == 0


def test_f092_a_second_trip_within_the_hour_rests_half_an_hour() -> None:
    breaker = tripped()
    breaker.tick(REST_NS)
    breaker.record(ok=False, now_ns=REST_NS)
    assert breaker.state is S.OPEN and breaker.rest_ns == REST_AGAIN_NS
    breaker.tick(REST_NS + REST_AGAIN_NS - 1)
    assert not breaker.may_open
    breaker.tick(REST_NS + REST_AGAIN_NS)
    assert breaker.may_open
    later = REST_NS + AGAIN_NS + 1
    breaker.record(ok=False, now_ns=later)
    assert breaker.state is S.OPEN and breaker.rest_ns == REST_NS


@pytest.mark.parametrize(("slow", "opens"), [(1, False), (2, True)])
def test_f084_a_95th_percentile_above_twice_the_budget_opens(slow: int, opens: bool) -> None:
    breaker, budget = Breaker(), 250 * NS_PER_MS
    for number in range(WINDOW):
        latency = 501 * NS_PER_MS if number < slow else 40 * NS_PER_MS
        breaker.record(ok=True, now_ns=NS_PER_S, latency_ns=latency, budget_ns=budget)
    assert breaker.may_open is not opens
    if opens:
        assert breaker.p95_ns() == 0, "after the rest it is measured anew"


def test_f084_fewer_than_twenty_answers_prove_nothing() -> None:
    breaker = Breaker()
    for _ in range(WINDOW - 1):
        breaker.record(ok=True, now_ns=0, latency_ns=10**12, budget_ns=1)
    assert breaker.may_open

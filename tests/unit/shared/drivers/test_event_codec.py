"""Every kind of event comes back equal, and nothing but events is read."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from shared.domain import commands as cm
from shared.domain import events as ev
from shared.domain.order import Rejected
from shared.drivers.event_codec import (
    LogError,
    decode_event,
    digest_of,
    digest_state,
    encode_event,
)
from tests.support.recorded_desk import recorded_desk

DESK, STEPS = recorded_desk()


def test_events_of_a_package_come_back_equal_with_their_digest() -> None:
    kinds = set()
    for event, commands in STEPS:
        again, digest = decode_event(encode_event(event, commands))
        assert again == event and type(again.body) is type(event.body)
        assert digest == (digest_of(commands) if commands else b"")
        kinds.add(type(event.body))
    assert {ev.StateLoaded, ev.ConfigChanged, ev.PairsChanged, ev.AttemptAnswered} <= kinds


@pytest.mark.parametrize("kind", get_args(ev.EventBody), ids=lambda kind: kind.__name__)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_every_kind_of_event_comes_back_equal(kind: type[Any], data: st.DataObject) -> None:
    """Values are drawn from the declared types, nested ones too."""
    if kind in (ev.StateLoaded, ev.ConfigChanged):
        pytest.skip("its value is read from the desk's own run above")
    try:
        body = data.draw(st.from_type(kind))
    except AssertionError:
        reject()  # a value that the domain itself refuses
    event = ev.Event(ev.Stamp(1, 2, 3), body)
    try:
        blob = encode_event(event, ())
    except OverflowError:
        return  # hypothesis draws integers beyond 64 bits; money has none
    assert decode_event(blob)[0] == event


@given(st.binary(max_size=200))
def test_bytes_of_a_stranger_raise_only_a_log_error(blob: bytes) -> None:
    with pytest.raises(LogError):
        decode_event(blob)


@pytest.mark.parametrize("name", ["Kernel", "Stamp", "builtins.object", ""])
def test_only_event_bodies_have_names(name: str) -> None:
    blob = msgspec.msgpack.encode((name, 1, 1, 1, {}, b""))
    with pytest.raises(LogError, match="no event is called"):
        decode_event(blob)


def test_a_digest_sees_every_field_and_the_order() -> None:
    first = cm.ArmTimer("a", 1)
    second = cm.ArmTimer("b", 1)
    digests = [
        digest_of(commands)
        for commands in (
            [first],
            [second],
            [cm.ArmTimer("a", 2)],
            [cm.DropTimer("a")],
            [first, second],
            [second, first],
            [cm.WriteRows("t", ({"a": 1},))],
            [cm.WriteRows("t", ({"a": 2},))],
        )
    ]
    assert len(set(digests)) == len(digests)
    assert digest_of([cm.WriteRows("t", ({"a": 1, "b": 2},))]) == digest_of(
        [cm.WriteRows("t", ({"b": 2, "a": 1},))]
    ), "the order of columns means nothing"


def test_the_state_digest_sees_a_change_of_one_micro_dollar() -> None:
    before = digest_state(DESK.kernel.state)
    DESK.kernel.state.ledger.balances["cash:kalshi"] += 1
    try:
        assert digest_state(DESK.kernel.state) != before
    finally:
        DESK.kernel.state.ledger.balances["cash:kalshi"] -= 1
    assert digest_state(DESK.kernel.state) == before


def test_digests_are_the_same_under_another_hash_seed() -> None:
    code = (
        "from tests.support.recorded_desk import recorded_desk\n"
        "from shared.drivers.event_codec import digest_of, digest_state\n"
        "desk, steps = recorded_desk()\n"
        "print(digest_state(desk.kernel.state), *(digest_of(c).hex() for _, c in steps))\n"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(said) == 1


def test_an_outcome_of_no_known_kind_is_refused() -> None:
    event = ev.Event(ev.Stamp(1, 1, 1), ev.AttemptAnswered(Rejected("a", "no")))  # type: ignore[arg-type]
    blob = encode_event(event, ()).replace(b"Rejected", b"Accepted")
    with pytest.raises(LogError, match="no outcome is called"):
        decode_event(blob)
    assert replace(event.stamp, seq=2) != event.stamp

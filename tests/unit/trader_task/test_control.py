"""F-087, F-089, F-096: commands act once, resumes die, halts never do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shared.contracts.events_v1 import ControlCommand
from shared.domain.enums import HaltReason, Venue
from shared.domain.events import (
    AdoptionOrdered,
    EventBody,
    HaltLifted,
    HaltTaken,
    MarketResolved,
    OperatorVerb,
)
from shared.domain.ids import PackageId
from shared.ports.messaging import Received
from tests.support.trader_fakes import MemoryControl
from tests.support.virtual_clock import VirtualClock
from trader_task.control import Control, is_scope

pytestmark = pytest.mark.usefixtures("inline_threads")


class Rig:
    def __init__(self, directory: Path) -> None:
        self.clock = VirtualClock()
        self.bodies: list[EventBody] = []
        self.reports: list[tuple[str, str, str, str | None]] = []
        self.reloads: list[str] = []
        self.log = MemoryControl()
        self.stop_file = directory / "stop"
        self.control = Control(
            self.clock,
            self.bodies.append,
            lambda *a: self.reports.append(a),
            self.log,
            self.stop_file,
            self.reloads.append,
        )

    def message(self, kind: str, command_id: str = "c1", **changes: Any) -> Received:
        fields = {
            "command_id": command_id,
            "kind": kind,
            "scope": "global",
            "reason": "r",
            "actor": "me",
            "issued_at": self.clock.wall_ns(),
            **changes,
        }
        return Received(ControlCommand(**fields).model_dump_json(), "receipt")


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


async def test_f087_a_repeated_command_acts_once(rig: Rig) -> None:
    message = rig.message("halt")
    assert await rig.control.take(message) and await rig.control.take(message)
    assert len(rig.bodies) == 1 and len(rig.log.rows) == 1


async def test_f087_a_halt_never_expires(rig: Rig) -> None:
    message = rig.message("halt", scope="venue:kalshi")
    rig.clock.move(86_400)
    assert await rig.control.take(message)
    (body,) = rig.bodies
    assert isinstance(body, HaltTaken) and body.halt.reason is HaltReason.OPERATOR


@pytest.mark.parametrize(("late_s", "acts"), [(29, True), (31, False)])
async def test_f087_a_resume_dies_after_30_s(rig: Rig, late_s: int, acts: bool) -> None:
    message = rig.message("resume")
    rig.clock.move(late_s)
    assert await rig.control.take(message), "acknowledged either way"
    assert bool(rig.bodies) is acts
    if not acts:
        assert rig.reports[0][0] == "resume_expired"


async def test_resume_cannot_outlive_its_own_end(rig: Rig) -> None:
    message = rig.message("resume", expires_at=rig.clock.wall_ns() + 5 * 10**9)
    rig.clock.move(6)
    await rig.control.take(message)
    assert not rig.bodies


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        '{"kind":"halt"}',
        '{"command_id":"1","kind":"sell_all","scope":"global","reason":"","actor":"","issued_at":1}',
    ],
)
async def test_f087_poison_is_left_for_the_dead_letter_queue(rig: Rig, body: str) -> None:
    assert not await rig.control.take(Received(body, "r"))
    assert rig.control.poison == 1 and rig.reports[0][0] == "command_unreadable"
    assert not rig.bodies


async def test_unknown_scope_is_poison_not_a_wider_halt(rig: Rig) -> None:
    assert not await rig.control.take(rig.message("halt", scope="everything"))
    assert not rig.bodies


async def test_freeze_is_global_and_a_kill(rig: Rig) -> None:
    await rig.control.take(rig.message("freeze", scope="venue:kalshi"))
    (body,) = rig.bodies
    assert isinstance(body, HaltTaken) and body.halt.is_freeze and body.halt.scope == "global"


async def test_kinds_become_their_events(rig: Rig) -> None:
    await rig.control.take(rig.message("resume", "a"))
    await rig.control.take(
        rig.message("package_verb", "b", payload={"package_id": "p", "verb": "hold"})
    )
    payload = {"market_id": "kalshi:A", "payout_micros": 1_000_000}
    await rig.control.take(rig.message("market_resolved", "c", payload=payload))
    await rig.control.take(rig.message("config_changed", "d"))
    await rig.control.take(rig.message("pairs_changed", "e"))
    kinds = [type(body) for body in rig.bodies]
    assert kinds == [HaltLifted, OperatorVerb, MarketResolved]
    assert rig.reloads == ["config", "pairs"]


async def test_payout_outside_a_dollar_is_poison(rig: Rig) -> None:
    payload = {"market_id": "kalshi:A", "payout_micros": 1_000_001}
    message = rig.message("market_resolved", payload=payload)
    for _ in range(3):
        assert not await rig.control.take(message), "never acknowledged, however often it comes"
    assert not rig.bodies


async def test_a_dead_control_log_never_stops_a_halt(rig: Rig) -> None:
    rig.log.down = True
    assert await rig.control.take(rig.message("halt"))
    assert rig.bodies


@pytest.mark.parametrize(
    ("text", "is_freeze"),
    [("", False), ("halt\n", False), ("FREEZE", True), ("what?", False), ("\x00\xff", False)],
)
def test_f089_stop_file(rig: Rig, text: str, is_freeze: bool) -> None:
    rig.control.look_at_stop_file()
    assert not rig.bodies
    rig.stop_file.write_text(text)
    rig.control.look_at_stop_file()
    rig.control.look_at_stop_file()
    (body,) = rig.bodies
    assert isinstance(body, HaltTaken) and body.halt.is_freeze is is_freeze
    rig.stop_file.unlink()
    rig.control.look_at_stop_file()
    assert len(rig.bodies) == 1, "removing the file lifts nothing"


def test_stop_file_may_get_stricter(rig: Rig) -> None:
    for text in ("halt", "freeze"):
        rig.stop_file.write_text(text)
        rig.control.look_at_stop_file()
    freezes = [b.halt.is_freeze for b in rig.bodies if isinstance(b, HaltTaken)]
    assert freezes == [False, True]


@pytest.mark.parametrize(
    ("scope", "known"),
    [("global", True), ("venue:kalshi", True), ("venue:", False), ("all", False), ("", False)],
)
def test_scopes(scope: str, known: bool) -> None:
    assert is_scope(scope) is known


async def test_verbs_reach_the_kernel_with_everything_that_was_said(rig: Rig) -> None:
    said = {"package_id": "p1", "verb": "resolve", "verdict": "nofill", "evidence": "mail"}
    assert await rig.control.take(rig.message("package_verb", "c1", payload=said))
    adopted = {"verb": "adopt", "venue": "kalshi", "market": "cash"}
    assert await rig.control.take(rig.message("package_verb", "c2", payload=adopted))
    verb, adoption = rig.bodies
    assert verb == OperatorVerb(
        PackageId("p1"), "resolve", {"verdict": "nofill", "evidence": "mail"}
    )
    assert adoption == AdoptionOrdered(Venue.KALSHI, "cash", "c2", "me", "r")


@pytest.mark.parametrize(
    "payload",
    [{}, {"verb": "hold"}, {"verb": "adopt"}, {"verb": "adopt", "venue": "mars", "market": "cash"}],
)
async def test_a_verb_that_says_too_little_goes_to_the_dead_letters(
    rig: Rig, payload: dict[str, str]
) -> None:
    assert not await rig.control.take(rig.message("package_verb", payload=payload))
    assert rig.bodies == [] and rig.control.poison == 1

"""F-071: kill -9 of the trader at every step loses no fill and sends nothing twice.

The trader trades against the simulators over their real protocols; it is killed the moment
its log shows that a package reached a state, and at random moments. Judged by the
simulators' own durable records, to the micro-dollar.
"""

from __future__ import annotations

import random
import time

import pytest

from tests.chaos.conftest import IS_LONG, Chaos
from tests.support.small_edition import SmallEdition
from tests.support.trader_record import differences

pytestmark = [
    pytest.mark.edition,
    pytest.mark.postgres,
    pytest.mark.timeout(2_700 if IS_LONG else 420),
]

MOMENTS = (
    "planned",
    "journalled",
    "leg1_sent",
    "exposed",
    "leg2_sent",
    "hedged_prov",
    "leg2_sent",
)
KILLS = 50 if IS_LONG else len(MOMENTS)
MOMENT_S = 45.0
RANDOM_S = 8.0


def test_f071_kill_9_loses_no_fill_and_sends_nothing_twice(chaos: Chaos) -> None:
    edition = chaos.edition
    draw = random.Random(71)
    reached: list[str] = []
    for number in range(KILLS):
        if number < len(MOMENTS):
            moment = MOMENTS[number]
            if kill_at(edition, moment):
                reached.append(moment)
        else:
            time.sleep(draw.uniform(0, RANDOM_S))
            edition.kill_child()
        chaos.restarted()
    print(f"{KILLS} kills; at a moment of a package:", *reached)
    assert len(reached) >= 4, f"too few packages to kill: {reached}"
    chaos.quiet()
    assert edition.stop_trader() == 0
    problems = differences(edition)
    assert not problems, "\n".join(problems) + edition.log("trader")[-4_000:]


def kill_at(edition: SmallEdition, moment: str) -> bool:
    """Kill the trader the moment a package reaches a state; False when none did in time."""
    is_there = seen_in_log(edition, moment, MOMENT_S)
    edition.kill_child()
    return is_there


def seen_in_log(edition: SmallEdition, moment: str, seconds: float) -> bool:
    """Wait until a package newly reaches a state."""
    seen = len(edition.log("trader"))
    mark = f'"verdict": "{moment}"'
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if mark in edition.log("trader")[seen:]:
            return True
        time.sleep(0.002)
    return False

"""Wording of the story of a package where things go wrong."""

from __future__ import annotations

from typing import Any

import pytest

from shared.adapters.stores.package_timeline import timeline
from shared.domain.package_table import PackageState
from tests.support.journal_rows import attempt_row, package_row


def decision(verdict: str, reason: str, kind: str = "package") -> dict[str, Any]:
    return {"wall_ns": 9 * 10**9, "kind": kind, "verdict": verdict, "reason": reason}


def told(row: dict[str, Any]) -> tuple[str, str, str]:
    last = timeline(package_row(), [], [], [], [row])[-1]
    return last.lane, last.kind, last.text


@pytest.mark.parametrize("state", list(PackageState))
def test_every_state_is_worded_or_told_by_orders(state: PackageState) -> None:
    lane, kind, text = told(decision(state.value, "event"))
    assert lane in ("decision", "leg1", "leg2", "settlement")
    assert "_" not in text
    silent = {"planned", "leg1_sent", "leg1_held", "leg1_cancelling", "exposed", "leg2_sent",
              "leg2_cancelling"}  # fmt: skip
    assert (kind == "approved") == (state.value in silent)


def test_trouble_says_why_and_what_went_as_planned_does_not() -> None:
    assert told(decision("stuck_known", "no reachable price"))[2] == (
        "stuck, needs you: no reachable price"
    )
    assert told(decision("aborted", "the edge was gone"))[2].endswith(": the edge was gone")
    assert told(decision("hedged", "every trade is final"))[2] == "hedged, every trade final"
    assert told(decision("unwind_sent", "timeout"))[2] == "unwinding"


def test_other_decisions_of_the_package_are_notes() -> None:
    assert told(decision("raised_limit", "by you", kind="operator_verb")) == (
        "decision",
        "note",
        "operator verb: raised limit, by you",
    )
    assert told(decision("buy", "x", kind="fill"))[1] == "approved"


def test_second_leg_first_swaps_the_lanes() -> None:
    order = attempt_row(1, leg=1, ts_sent_ns=2 * 10**9)
    rows = timeline(package_row(leg_first=1), [order], [], [], [])
    assert rows[-1].lane == "leg1"


def test_slots_that_were_never_sent_are_silent() -> None:
    slots = [attempt_row(1, n, purpose="unwind") for n in range(8)]
    assert len(timeline(package_row(), slots, [], [], [])) == 1

"""What hedges taught: kept once each, given back at a restart, and never across modes."""

from __future__ import annotations

from typing import Any

from shared.domain import commands as cm
from shared.domain.completion import Completion
from shared.domain.enums import Venue
from shared.engine.view import live_snapshot
from shared.services.statistics import hedge_bound_ppm
from tests.support.kernel_desk import WALL, Desk, empty_state

GOOD = 2_500_000


def outcome(number: int, mode: str, *, success: bool) -> dict[str, Any]:
    return {
        "package_id": f"{mode}-1-{number}",
        "mode": mode,
        "venue": "kalshi",
        "category": "economics",
        "coverage_ppm": GOOD,
        "chance_ppm": 996_000,
        "is_success": success,
        "at_ns": number,
    }


def chance_after(mode: str, **counts: int) -> int:
    """The chance that a kernel of venue_sim gives after outcomes of ``mode``."""
    rows = [outcome(n, mode, success=False) for n in range(counts.get("failures", 0))]
    rows += [outcome(100 + n, mode, success=True) for n in range(counts.get("successes", 0))]
    desk = Desk(recovered=empty_state(hedges=tuple(rows)))
    assert desk.kernel.state.mode == "venue_sim"
    return desk.kernel.state.completion.mean_ppm(Venue.KALSHI, "economics", GOOD)


def test_only_outcomes_of_the_very_same_mode_count() -> None:
    fresh = Completion().mean_ppm(Venue.KALSHI, "economics", GOOD)
    assert chance_after("venue_sim", failures=10) < fresh - 15_000
    assert chance_after("venue_sim", successes=100) > fresh
    for other in ("venue_live", "venue_demo", "paper_sim", "paper_live"):
        assert chance_after(other, failures=10) == fresh, other


def test_an_outcome_is_recorded_once_with_the_chance_that_was_given() -> None:
    desk = Desk()
    first = desk.open_edge()
    desk.sending(first)
    desk.fill(first)
    desk.answer(first)
    hedge = desk.tickets()[-1]
    desk.sending(hedge)
    desk.fill(hedge)
    desk.answer(hedge)
    desk.pass_time(3_000, seconds=True)
    kept = [
        dict(row)
        for c in desk.all_log
        if isinstance(c, cm.WriteRows) and c.table == "hedge_outcomes"
        for row in c.rows
    ]
    (row,) = kept
    second = desk.package.legs[1 - desk.package.leg_first]
    assert row["package_id"] == desk.package.package_id and row["is_success"] is True
    assert (row["mode"], row["venue"]) == ("venue_sim", second.venue.value)
    assert row["coverage_ppm"] == desk.package.coverage_ppm > 0
    assert 990_000 <= row["chance_ppm"] <= 1_000_000
    assert desk.kernel.state.completion.counts()[0][1:] == (1, 0)


def test_the_screen_shows_the_five_percent_bound_and_the_prior() -> None:
    desk = Desk()
    desk.book(Venue.KALSHI, 52, 54)
    desk.book(Venue.POLYMARKET, 46, 48)
    desk.pass_time(1_000, seconds=True)
    shown = live_snapshot(desk.kernel, desk.mono, WALL + desk.mono, hedge_bound_ppm)
    (mean,), (low,) = shown["edges"]["hedge_ppm"], shown["edges"]["hedge_low_ppm"]
    assert 900_000 < low < mean
    assert shown["hedge_prior"] == Completion.prior_text()
    blind = live_snapshot(desk.kernel, desk.mono, WALL + desk.mono)
    assert blind["edges"]["hedge_low_ppm"] == [None]

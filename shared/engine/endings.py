"""What a package leaves behind: measured exposure, learned completion, realised money."""

from __future__ import annotations

from shared.domain.package import Package
from shared.domain.package_table import PackageState
from shared.engine import rows, throttle
from shared.engine.state import ENDED_KEPT_MAX, State, Turn

PS = PackageState


def track_exposure(turn: Turn, package: Package) -> None:
    """Measure how much was unhedged, and for how long; shown, reported, never decided on."""
    unhedged = package.unhedged_usd() if package.is_naked else 0
    package.unhedged_max_usd = max(package.unhedged_max_usd, unhedged)
    if unhedged and package.naked_since_ns is None:
        package.naked_since_ns = turn.mono
    elif not unhedged and package.naked_since_ns is not None:
        package.unhedged_ns += turn.mono - package.naked_since_ns
        package.naked_since_ns = None


def learn_completion(state: State, turn: Turn, package: Package) -> None:
    """Feed the hedge outcome back once, and keep it: hedged inside the bound, or given up."""
    hedged = package.state is PS.HEDGED_PROV
    given_up = package.state in (PS.UNWIND_SENT, PS.STUCK_KNOWN, PS.STUCK_UNKNOWN)
    if package.is_completion_known or package.coverage_ppm == 0 or not (hedged or given_up):
        return
    package.is_completion_known = True
    second = package.legs[1 - package.leg_first]
    state.completion.update(second.venue, package.category, package.coverage_ppm, success=hedged)
    row = rows.hedge_row(package, state.mode, success=hedged, at_ns=turn.wall)
    turn.write("hedge_outcomes", row)


def end(state: State, turn: Turn, package: Package) -> None:
    turn.drop(f"pkg:{package.package_id}")
    turn.drop(f"ev:{package.package_id}")
    package.timer_due_ns = 0
    package.ended_wall_ns = turn.wall
    package.realised_usd = package.result_usd
    for period in ("day", "week", "month"):
        # Every end counts, an unwind's loss as much as a settlement's gain.
        state.realised[period] = state.realised.get(period, 0) + package.realised_usd
    if package.state is PS.ABORTED:
        throttle.note_miss(state, turn, package)
    assert package.state is not PS.FLAT or package.all_fills_final()
    ended = [p for p in state.packages.values() if p.is_ended]
    for old in ended[: max(0, len(ended) - ENDED_KEPT_MAX)]:
        del state.packages[old.package_id]
        for attempt_id in old.attempts:
            state.attempts.pop(attempt_id, None)

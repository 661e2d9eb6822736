"""Many seeds as one report: what ``twinleg simulate`` prints and the test tiers run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any, Final

from shared.domain.package_table import PACKAGE_TABLE, PackageEvent, PackageState
from shared.drivers.sim_faults import NOT_INJECTED
from shared.drivers.sim_report import SeedReport
from shared.drivers.simulate import run_seed
from shared.exchange.fault_plan import FaultKind

COVERAGE_FROM: Final = 3_000
"""Runs of at least this many seeds fail unless every fault and state occurred."""
MANY_FROM: Final = 20_000
LEAST_EACH: Final = 100
"""Runs of ``MANY_FROM`` seeds want every fault this often."""


def run_campaign(
    first: int, past: int, *, jobs: int = 1, progress: Callable[[int], None] | None = None
) -> dict[str, Any]:
    """Run seeds ``first`` to ``past - 1`` and return the merged report (CONTRACTS).

    Args:
        first: First seed.
        past: One past the last seed (half-open range).
        jobs: Processes; each seed is independent.
        progress: Called with the number of seeds done.
    """
    assert 0 <= first < past, (first, past)
    report: dict[str, Any] = {
        "seeds": past - first,
        "steps": 0,
        "packages": 0,
        "faults": {},
        "outcomes": {"hedged": 0, "flat": 0, "stuck": 0, "settled": 0},
        "exposure_seconds_max": 0.0,
        "violations": [],
    }
    states: set[str] = set()
    walked: set[tuple[str, str]] = set()
    for done, one in enumerate(_reports(range(first, past), jobs), start=1):
        _merge(report, one)
        states |= {after for _, after in one.edges}
        walked |= one.edges
        if progress is not None:
            progress(done)
    report["not_injected"] = {kind.value: why for kind, why in NOT_INJECTED.items()}
    report["edges"] = _edges(walked)
    if report["seeds"] >= COVERAGE_FROM:
        report["missing"] = missing_coverage(
            report["faults"], states, LEAST_EACH if report["seeds"] >= MANY_FROM else 1
        )
    return report


def missing_coverage(faults: dict[str, int], states: set[str], least: int = 1) -> list[str]:
    """Return the fault kinds that struck less than ``least`` times and the states never entered.

    Kinds of ``NOT_INJECTED`` are proven by scripted tests and are not asked for here.
    """
    injected = [kind for kind in FaultKind if kind not in NOT_INJECTED]
    absent = [
        f"fault {kind.value} ({faults.get(kind.value, 0)} times, {least} wanted)"
        for kind in injected
        if faults.get(kind.value, 0) < least
    ]
    absent += [f"state {s.value}" for s in PackageState if s.value not in states]
    return absent


def _edges(walked: set[tuple[str, str]]) -> dict[str, Any]:
    """Compare the state changes that were seen with those of the table, the operator's aside.

    Several events may join the same two states; a change counts as walked by any of them.
    EXPOSED is left inside the step that entered it, so a change that the table only allows
    through it counts as both of its halves.
    """
    table = {
        (before.value, after.value)
        for before in PackageState
        for event, after in PACKAGE_TABLE.rows[before].moves.items()
        if before is not after and event not in (PackageEvent.H_HOLD, PackageEvent.H_UNWIND)
    }
    exposed = PackageState.EXPOSED.value
    through = {
        edge
        for before, after in walked - table
        for edge in ((before, exposed), (exposed, after))
        if (before, exposed) in table and (exposed, after) in table
    }
    walked = walked | through
    rest = sorted(f"{before} -> {after}" for before, after in table - walked)
    return {"of": len(table), "walked": len(table & walked), "not_walked": rest}


def failed(report: dict[str, Any]) -> bool:
    return bool(report["violations"]) or bool(report.get("missing"))


def _reports(seeds: Iterable[int], jobs: int) -> Iterator[SeedReport]:
    if jobs <= 1:
        yield from map(run_seed, seeds)
        return
    with ProcessPoolExecutor(max_workers=jobs) as pool:
        yield from pool.map(run_seed, seeds, chunksize=8)


def _merge(report: dict[str, Any], one: SeedReport) -> None:
    report["steps"] += one.steps
    report["packages"] += one.packages
    for kind, count in one.faults.items():
        report["faults"][kind] = report["faults"].get(kind, 0) + count
    for group, count in one.outcomes.items():
        report["outcomes"][group] += count
    report["exposure_seconds_max"] = max(report["exposure_seconds_max"], one.exposure_seconds_max)
    for violation in one.violations:
        report["violations"].append(
            {
                "seed": one.seed,
                "checker": violation.checker,
                "replay": f"twinleg simulate --seeds {one.seed}:{one.seed + 1}",
                "text": violation.text,
            }
        )

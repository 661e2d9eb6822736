"""Many seeds as one report: what ``twinleg simulate`` prints and the test tiers run.

A campaign is cut into chunks of seeds. With a state file every finished chunk is kept, so
that a campaign that was stopped goes on where it stood, with any number of processes.
"""

from __future__ import annotations

import gc
import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any, Final

from shared.domain.package_table import PackageState
from shared.drivers.campaign_tally import EXPOSURE_MS, Tally
from shared.drivers.sim_coverage import table_cells
from shared.drivers.sim_faults import NOT_INJECTED
from shared.drivers.sim_report import stopped
from shared.drivers.simulate import run_seed
from shared.exchange.fault_plan import FaultKind

CHUNK: Final = 100
KEEP_EVERY: Final = 20
"""Chunks between two writings of the state file."""
COLLECT_AT: Final = (50_000, 20, 50)
"""Worlds die whole, one after the other: looking for garbage among the living is in vain."""
COVERAGE_FROM: Final = 3_000
"""Runs of at least this many seeds fail unless every fault, state and edge occurred."""
MANY_FROM: Final = 20_000
LEAST_EACH: Final = 100
"""Runs of ``MANY_FROM`` seeds want every fault this often."""


def run_campaign(
    first: int,
    past: int,
    *,
    jobs: int = 1,
    progress: Callable[[int], None] | None = None,
    state_file: Path | None = None,
) -> dict[str, Any]:
    """Run seeds ``first`` to ``past - 1`` and return the merged report (CONTRACTS).

    Args:
        first: First seed.
        past: One past the last seed (half-open range).
        jobs: Processes; each seed is independent.
        progress: Called with the number of seeds done.
        state_file: Where finished chunks are kept; one that exists is continued.

    Raises:
        ValueError: the state file belongs to another range of seeds.
    """
    assert 0 <= first < past, (first, past)
    total, done = _load(state_file, first, past)
    for finished, (chunk, tally) in enumerate(_tallies(_todo(first, past, done), jobs), start=1):
        total.merge(tally)
        done.add(chunk)
        if state_file is not None and finished % KEEP_EVERY == 0:
            _keep(state_file, first, past, total, done)
        if progress is not None:
            progress(total.seeds)
    if state_file is not None:
        _keep(state_file, first, past, total, done)
    assert total.seeds == past - first, (total.seeds, first, past)
    return report_of(total)


def report_of(total: Tally) -> dict[str, Any]:
    """Return the report of a tally; ``missing`` is judged from ``COVERAGE_FROM`` seeds on."""
    least = LEAST_EACH if total.seeds >= MANY_FROM else 1
    injected = [kind.value for kind in FaultKind if kind not in NOT_INJECTED]
    report: dict[str, Any] = {
        "seeds": total.seeds,
        "steps": total.steps,
        "packages": total.packages,
        "faults": dict(sorted(total.faults.items())),
        "outcomes": total.outcomes,
        "exposure_seconds_max": total.exposure_ms_max / 1000,
        "exposure_seconds": _exposure(total),
        "coverage": {
            "faults": f"{sum(k in total.faults for k in injected)} of {len(injected)}",
            "states": f"{len(total.states())} of {len(PackageState)}",
            "edges": f"{len(total.walked())} of {len(table_cells())}",
        },
        "not_injected": {kind.value: why for kind, why in NOT_INJECTED.items()},
        "violations": total.violations,
    }
    if total.seeds >= COVERAGE_FROM:
        report["missing"] = total.missing(least)
    return report


def failed(report: dict[str, Any]) -> bool:
    return bool(report["violations"]) or bool(report.get("missing"))


def _exposure(total: Tally) -> dict[str, int]:
    """Return the number of seeds by their longest exposure, ``<= seconds`` to seeds."""
    names = [f"<= {bound / 1000:g}" for bound in EXPOSURE_MS] + ["more"]
    return dict(zip(names, total.exposed, strict=True))


def run_chunk(chunk: tuple[int, int]) -> dict[str, Any]:
    """Run one half-open range of seeds in this process; the tally as plain JSON."""
    tally = Tally()
    usual = gc.get_threshold()
    gc.set_threshold(*COLLECT_AT)
    try:
        for seed in range(*chunk):
            try:
                tally.add(run_seed(seed))
            except Exception as error:
                # The process would have stopped here: a finding, and no end of the campaign.
                tally.add(stopped(seed, f"{type(error).__name__}: {error}"))
    finally:
        gc.set_threshold(*usual)
    return tally.to_json()


def _todo(first: int, past: int, done: set[tuple[int, int]]) -> list[tuple[int, int]]:
    chunks = [(at, min(at + CHUNK, past)) for at in range(first, past, CHUNK)]
    return [chunk for chunk in chunks if chunk not in done]


def _tallies(chunks: list[tuple[int, int]], jobs: int) -> Iterator[tuple[tuple[int, int], Tally]]:
    if jobs <= 1 or len(chunks) <= 1:
        for chunk in chunks:
            yield chunk, Tally.from_json(run_chunk(chunk))
        return
    with ProcessPoolExecutor(max_workers=jobs) as pool:
        running = {pool.submit(run_chunk, chunk): chunk for chunk in chunks}
        for future in as_completed(running):
            yield running.pop(future), Tally.from_json(future.result())


def _load(path: Path | None, first: int, past: int) -> tuple[Tally, set[tuple[int, int]]]:
    if path is None or not path.exists():
        return Tally(), set()
    kept = json.loads(path.read_text())
    if (kept["first"], kept["past"]) != (first, past):
        raise ValueError(f"{path.name} holds seeds {kept['first']}:{kept['past']}")
    return Tally.from_json(kept["tally"]), {(a, b) for a, b in kept["done"]}


def _keep(path: Path, first: int, past: int, total: Tally, done: set[tuple[int, int]]) -> None:
    """Write the state whole or not at all."""
    kept = {
        "first": first,
        "past": past,
        "done": sorted(done),
        "tally": total.to_json(),
        "report": report_of(total),
    }
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(kept))
    os.replace(fresh, path)

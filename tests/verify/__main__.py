"""The long tier: what `make verify` runs beyond `make test`, one part a line below.

    python -m tests.verify [PART ...]

The parts run one after another, each with its own time limit; a part that fails does not
stop the others, and one that cannot run on this machine says why. The limits together are
75 minutes. Output of a part goes to stderr; the table at the end to stdout.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Final

PYTHON: Final = sys.executable
PYTEST: Final = (PYTHON, "-m", "pytest", "-q")
SIMULATE: Final = (PYTHON, "-m", "trader_task.cli", "simulate")
SOAK: Final = ("env", "TWINLEG_SOAK_S=300", *PYTEST, "-o", "timeout=0")
BUDGET_MIN: Final = 75


@dataclass(frozen=True, slots=True)
class Part:
    """``minutes`` is the limit. Without a ``command``, ``missing`` says why it cannot run."""

    name: str
    minutes: int
    command: tuple[str, ...] = ()
    missing: str = ""


PARTS: Final = (
    Part("fuzz", 10, ("make", "fuzz", "FUZZ_SECONDS=15")),
    Part(
        "simulation",
        20,
        (PYTHON, "-m", "trader_task.cli", "simulate", "--seeds", "0:20000", "--jobs", "2"),
    ),
    Part("mutants", 10, (PYTHON, "-m", "tests.simulation.mutants")),
    Part("chaos", 10, (*PYTEST, "tests/chaos")),
    Part("soak", 8, (*SOAK, "tests/integration/venues/test_feed_soak.py")),
    Part("bench", 15, ("make", "bench")),
    Part("image", 0, missing="the container image has no build yet"),
    Part("stages", 0, missing="staging and production are not deployed from here"),
)
assert sum(part.minutes for part in PARTS) <= BUDGET_MIN


def run(part: Part) -> tuple[str, float]:
    """Return (verdict, seconds) of one part; its whole process group ends with it."""
    if not part.command:
        return f"not available: {part.missing}", 0.0
    print(f"== {part.name} (at most {part.minutes} min)", file=sys.stderr, flush=True)
    start = time.monotonic()
    process = subprocess.Popen(part.command, stdout=sys.stderr, start_new_session=True)
    try:
        code = process.wait(timeout=part.minutes * 60)
        verdict = "passed" if code == 0 else f"FAILED, exit {code}"
    except subprocess.TimeoutExpired:
        verdict = f"FAILED, not done in {part.minutes} min"
    except KeyboardInterrupt:
        _end(process)
        raise
    _end(process)
    return verdict, time.monotonic() - start


def _end(process: subprocess.Popen[bytes]) -> None:
    """End whatever the part left behind, by its own process group."""
    for kind in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, kind)
        except ProcessLookupError:
            return
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            continue


def main(names: list[str]) -> int:
    known = {part.name: part for part in PARTS}
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"unknown: {', '.join(unknown)}; parts: {', '.join(known)}", file=sys.stderr)
        return 2
    rows = [(part.name, *run(part)) for part in (known[n] for n in names or known)]
    for name, verdict, seconds in rows:
        print(f"{name:14} {seconds / 60:5.1f} min  {verdict}")
    return 1 if any(verdict.startswith("FAILED") for _, verdict, _ in rows) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

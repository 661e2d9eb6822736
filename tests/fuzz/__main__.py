"""Fuzzes every parser, each in a process of its own with bounded time and memory.

    python -m tests.fuzz [--seconds 10] [--corpus .fuzz] [NAME ...]

One line for each parser: executions, speed, verdict. Exits 1 when one of them raised
anything but its own error, broke an invariant, hung or ran out of memory; the input that
did it is kept and named. What was found to reach new code stays in the corpus folder, so
that the next run begins there.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.targets import TARGETS

GRACE_S = 60
"""Start-up with instrumentation, one slow input and the final statistics."""


@dataclass(frozen=True, slots=True)
class Result:
    name: str
    runs: int
    seconds: float
    finding: str


def fuzz(name: str, seconds: int, corpus: Path) -> Result:
    """Fuzz one target in a subprocess; a process that outlives its time is a finding."""
    folder = corpus / name
    folder.mkdir(parents=True, exist_ok=True)
    before = set(folder.glob("*-*"))
    argv = [sys.executable, "-m", "tests.fuzz.one", name]
    argv += ["--seconds", str(seconds), "--corpus", str(folder)]
    start = time.monotonic()
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, timeout=seconds + GRACE_S, check=False
        )
    except subprocess.TimeoutExpired:
        return Result(name, 0, time.monotonic() - start, "did not end in time")
    passed = time.monotonic() - start
    counted = re.search(r"number_of_executed_units:\s*(\d+)", done.stderr)
    runs = int(counted.group(1)) if counted else 0
    if done.returncode == 0 and runs > 0:
        return Result(name, runs, passed, "")
    kept = sorted(set(folder.glob("*-*")) - before)
    cause = re.search(r"Uncaught Python exception:.*?\n(.+)", done.stdout + done.stderr)
    words = cause.group(1).strip() if cause else (done.stderr.strip().splitlines() or ["?"])[-1]
    return Result(name, runs, passed, f"{words[:200]} ({', '.join(map(str, kept)) or 'no input'})")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--seconds", type=int, default=10, help="of fuzzing for each parser")
    parser.add_argument("--corpus", type=Path, default=Path(".fuzz"))
    options = parser.parse_args()
    unknown = sorted(set(options.names) - set(TARGETS))
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; known: {', '.join(sorted(TARGETS))}")
    if importlib.util.find_spec("atheris") is None:
        print("not available: atheris has no wheel for this Python or machine", file=sys.stderr)
        return 1
    findings = 0
    for name in options.names or sorted(TARGETS):
        result = fuzz(name, max(1, options.seconds), options.corpus)
        speed = result.runs / result.seconds if result.seconds else 0.0
        verdict = f"FOUND {result.finding}" if result.finding else "nothing found"
        print(f"{name:26} {result.runs:>9} inputs {speed:>8.0f}/s  {verdict}", flush=True)
        findings += bool(result.finding)
    print(f"{findings} of {len(options.names or TARGETS)} parsers have a finding")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())

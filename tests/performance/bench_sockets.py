"""Both feeds over websockets and over picows: same world, same parsers, CPU per update.

    python -m tests.performance.bench_sockets [--seconds 8] [--rounds 2] [rate ...]

The clients take turns in processes of their own, so that drift of the machine hits both.
Picows is not a dependency of the trader: install ``requirements/bench.lock`` beside it.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
from typing import Any, Final

CLIENTS: Final = ("websockets", "picows")
RATES: Final = (1_000, 4_000, 10_000)


def measure(client: str, rate: int, seconds: float) -> dict[str, Any]:
    """Run one rate with one client in a fresh process."""
    argv = [sys.executable, "-m", "tests.performance.bench_sockets", "--client", client]
    argv += ["--seconds", str(seconds), str(rate)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=True)
    row: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return row


def compare(rates: tuple[int, ...], seconds: float, rounds: int) -> dict[str, Any]:
    """Return the medians of each client at each rate, and the ratio of their CPU."""
    rows = []
    for rate in rates:
        told = {name: [] for name in CLIENTS}  # type: dict[str, list[dict[str, Any]]]
        for _ in range(rounds):
            for name in CLIENTS:
                told[name].append(measure(name, rate, seconds))
        cpu = {n: statistics.median(r["client_us"] for r in told[n]) for n in CLIENTS}
        p99 = {n: statistics.median(r["p99_ms"] for r in told[n]) for n in CLIENTS}
        ratio = cpu["picows"] / cpu["websockets"]
        rows.append({"rate": rate, "cpu_us": cpu, "p99_ms": p99, "ratio": ratio})
        print(
            f"{rate:>6}/s CPU an update: websockets {cpu['websockets']:.1f} us, picows "
            f"{cpu['picows']:.1f} us ({ratio:.2f}x); p99 {p99['websockets']:.1f} and "
            f"{p99['picows']:.1f} ms",
            flush=True,
        )
    return {"bench": "sockets", "rows": rows}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rates", type=int, nargs="*", default=list(RATES))
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--client", choices=CLIENTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if importlib.util.find_spec("picows") is None:
        print("not available: picows is not installed (requirements/bench.lock)", file=sys.stderr)
        return 1
    if options.client:
        from tests.performance import bench_load

        if options.client == "picows":
            from tests.performance.picows_feed import use_picows

            use_picows()
        print(json.dumps(bench_load.step(options.rates[0], 500, options.seconds)))
        return 0
    print(json.dumps(compare(tuple(options.rates), options.seconds, options.rounds)))
    return 0


if __name__ == "__main__":
    sys.exit(main())

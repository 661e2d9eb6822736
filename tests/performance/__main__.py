"""Runs the benchmarks one after another; each prints its ratios side by side.

    python -m tests.performance [NAME ...]

Exits 1 when one of them misses its mark.
"""

from __future__ import annotations

import importlib
import sys
from typing import Final

BENCHES: Final = ("edges", "leadlag", "matching", "signing", "orders", "packages", "crawl", "load")


def main(chosen: list[str]) -> int:
    missed = []
    for name in chosen or BENCHES:
        print(f"== {name}", flush=True)
        sys.argv[1:] = []  # the benchmarks read their own options, and get their defaults
        if importlib.import_module(f"tests.performance.bench_{name}").main() != 0:
            missed.append(name)
    print(f"missed: {', '.join(missed)}" if missed else "every mark is met")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(list(sys.argv[1:])))

"""Fuzzes one target in this process, until its time is over or it finds something.

    python -m tests.fuzz.one NAME --seconds 10 --corpus DIR

Exit code 0 means that the time passed without a finding; the fuzzer exits with another
one and leaves the input as ``DIR/crash-*``.
"""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["shared.adapters.venues", "shared.domain"]):
    from tests.fuzz.mutations import mutate
    from tests.fuzz.targets import TARGETS

MEMORY_MB = 1_024
INPUT_BYTES_MAX = 8_192


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=sorted(TARGETS))
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--corpus", type=Path, required=True)
    options = parser.parse_args()
    target = TARGETS[options.name]
    seeds = options.corpus / "seeds"
    found = options.corpus / "found"
    for folder in (seeds, found):
        folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds):
        (seeds / f"{number}").write_bytes(seed)
    arguments = [
        sys.argv[0],
        f"-max_total_time={options.seconds}",
        f"-max_len={INPUT_BYTES_MAX}",
        f"-rss_limit_mb={MEMORY_MB}",
        "-timeout=10",
        "-print_final_stats=1",
        f"-artifact_prefix={options.corpus}/",
        str(found),
        str(seeds),
    ]

    def change(data: bytes, size_max: int, seed: int) -> bytes:
        """Half of the time bytes as the fuzzer likes, else changes that stay readable."""
        rng = random.Random(seed)
        if rng.random() < 0.5:
            return bytes(atheris.Mutate(data, size_max))
        return mutate(data, rng, target.seeds)[:size_max]

    atheris.Setup(arguments, target.run, custom_mutator=change)
    atheris.Fuzz()


if __name__ == "__main__":
    main()

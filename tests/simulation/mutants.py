"""Every deliberate bug of the fault catalogue, and what must see it.

``python -m tests.simulation.mutants [--only M-0] [--seeds N]`` prints a table of fates and
exits 1 on a survivor. A mutant is killed by a checker's violation or by a failed assertion
of a named test; a crash alone is told apart and counts as a survivor. The canary is a seed
that must fail: a run that cannot see it judges nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from shared.drivers.simulate import EDITION, make_world
from shared.engine import execution, feeds, kernel, plans, reconciler
from tests.simulation.mutants_kernel import MUTANTS, Mutant, swap
from tests.simulation.mutants_source import SOURCE_MUTANTS, SourceMutant, run_apart

FIRST_SEED = 10_000
KEPT = [
    (int(line.split()[0].lstrip("+")), 1 + line.split()[0].count("+"))
    for line in Path(__file__).with_name("seeds.txt").read_text().splitlines()
    if line and not line.startswith("#")
]
"""Seeds that once found a bug, with their edition: the rarest occasions, so they go first."""
ALL = tuple(sorted({m.name for m in MUTANTS} | {m.name for m in SOURCE_MUTANTS}))


@dataclass(frozen=True, slots=True)
class Verdict:
    name: str
    what: str
    fate: str
    """killed, killed_by_other, crashed or survived"""
    by: tuple[str, ...]
    seed: int | None = None


@contextmanager
def in_force(mutant: Mutant) -> Iterator[None]:
    """Apply one mutant; the kernel's table of handlers is patched where it holds the function."""
    before = dict(kernel._HANDLERS)
    old = {module: dict(vars(module)) for module in (execution, reconciler, feeds)}
    with ExitStack() as stack:
        mutant.apply(stack)
        for module, names in old.items():
            for name, function in names.items():
                now = getattr(module, name)
                if now is not function:
                    for kind, handler in before.items():
                        if handler is function:
                            kernel._HANDLERS[kind] = now
        try:
            yield
        finally:
            kernel._HANDLERS.update(before)


def _seen(mutant: Mutant, seed: int, edition: int) -> tuple[set[str], str]:
    """Return the checkers that report the seed, and the exception that ended it, if one did.

    I-19 compares the commands of two runs. What was reported before a crash counts.
    """
    if "I-19" in mutant.killers:
        same = _digest(seed, edition) == _digest(seed, edition)
        return (set() if same else {"I-19"}), ""
    sim, crash = make_world(seed, edition), ""
    try:
        sim.run()
    except Exception as error:
        crash = type(error).__name__
    return {v.checker for v in sim.checkers.violations}, crash


def _digest(seed: int, edition: int) -> str:
    sim = make_world(seed, edition)
    whole = hashlib.sha256()
    start = sim.start_trader

    def started() -> None:
        start()
        assert sim.trader is not None
        sim.trader.commands_log = _Hashing(whole)  # type: ignore[assignment]

    sim.start_trader = started  # type: ignore[method-assign]
    sim.run()
    return whole.hexdigest()


class _Hashing(list[object]):
    """Takes commands in order and keeps only their digest."""

    def __init__(self, whole: object) -> None:
        super().__init__()
        self._whole = whole

    def extend(self, commands: object) -> None:
        self._whole.update(repr(commands).encode())  # type: ignore[attr-defined]


def judge(mutant: Mutant, seeds: int = 0, first: int = FIRST_SEED) -> Verdict:
    """Run seeds until the expected checker fires; say what saw the mutant, or that none did."""
    others: dict[str, int] = {}
    with in_force(mutant):
        fresh = range(first, first + (seeds or mutant.seeds))
        short, long = ((seed, EDITION) for seed in fresh), ((seed, EDITION - 1) for seed in fresh)
        for seed, edition in [*KEPT, *short, *long]:
            seen, crash = _seen(mutant, seed, edition)
            if crash:
                others.setdefault(crash, seed)
            hit = tuple(sorted(seen & set(mutant.killers)))
            if hit:
                return Verdict(mutant.name, mutant.what, "killed", hit, seed)
            for checker in seen:
                others.setdefault(checker, seed)
    checkers = tuple(name for name in others if name.startswith("I-"))
    if checkers:
        return Verdict(mutant.name, mutant.what, "killed_by_other", checkers, others[checkers[0]])
    if others:
        seed = next(iter(others.values()))
        return Verdict(mutant.name, mutant.what, "crashed", tuple(others), seed)
    return Verdict(mutant.name, mutant.what, "survived", ())


def judge_source(mutant: SourceMutant) -> Verdict:
    """Run the named tests against the altered module; a failed assertion kills it."""
    found = run_apart(mutant)
    if found["asserted"]:
        by = tuple(name.partition("[")[0] for name in found["asserted"])
        return Verdict(mutant.name, mutant.what, "killed", by)
    fate = "crashed" if found["crashed"] else "survived"
    return Verdict(mutant.name, mutant.what, fate, tuple(found["crashed"]))


def canary() -> Verdict:
    """A kernel that hedges twice what is missing: a seed that must fail."""

    def make(real):  # type: ignore[no-untyped-def]
        def wrong(state, package, leg, size):  # type: ignore[no-untyped-def]
            plan = real(state, package, leg, size)
            return replace(plan, qty=2 * plan.qty) if plan else None

        return wrong

    what, lie = "a hedge of twice the size", swap(plans, "hedge", make)
    return judge(Mutant("canary", what, ("I-10",), lie), 20)


def verdicts(only: str = "", seeds: int = 0) -> Iterator[Verdict]:
    """Judge every mutant whose name begins with ``only``, in order of their numbers."""
    by_name = {m.name: m for m in MUTANTS}
    sources = {m.name: m for m in SOURCE_MUTANTS}
    for name in ALL:
        if name.startswith(only):
            kernel_one = by_name.get(name)
            yield judge(kernel_one, seeds) if kernel_one else judge_source(sources[name])
    if "canary".startswith(only):
        yield canary()


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=0, help="instead of each mutant's own")
    parser.add_argument("--only", default="")
    asked = parser.parse_args(argv)
    bad = 0
    for v in verdicts(asked.only, asked.seeds):
        bad += v.fate in ("survived", "crashed")
        print(f"{v.name:<7} {v.fate:<16} {v.what:<48} {' '.join(v.by)} {v.seed or ''}", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

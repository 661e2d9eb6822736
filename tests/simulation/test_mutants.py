"""A quick part of the mutants: each deliberate bug is seen by the checker that must see it.

The whole of them, and the rarer ones with their many seeds, is
``python -m tests.simulation.mutants``.
"""

from __future__ import annotations

import pytest

from tests.simulation.mutants import ALL, MUTANTS, SOURCE_MUTANTS, canary, judge, judge_source
from tests.simulation.mutants_source import ROOT, SourceMutant

QUICK = (
    "M-01",
    "M-02",
    "M-03",
    "M-04",
    "M-07",
    "M-08",
    "M-13",
    "M-14",
    "M-19",
    "M-20",
    "M-21",
    "M-29",
    "M-30",
    "M-31",
    "M-33",
    "M-35",
    "M-38",
    "M-40",
)
QUICK_SOURCES = ("M-17",)


def test_every_mutant_of_the_catalogue_exists_once() -> None:
    numbers = [name.rstrip("p") for name in ALL]
    assert sorted(set(numbers)) == [f"M-{n:02d}" for n in range(1, 43)]
    assert not {m.name for m in MUTANTS} & {m.name for m in SOURCE_MUTANTS}


@pytest.mark.parametrize("name", QUICK)
def test_a_deliberate_bug_is_killed_by_its_checker(name: str) -> None:
    (mutant,) = (m for m in MUTANTS if m.name == name)
    verdict = judge(mutant, 120)
    assert verdict.fate == "killed", verdict


@pytest.mark.parametrize("name", QUICK_SOURCES)
def test_a_deliberate_bug_outside_the_kernel_is_killed_by_its_test(name: str) -> None:
    (mutant,) = (m for m in SOURCE_MUTANTS if m.name == name)
    verdict = judge_source(mutant)
    assert verdict.fate == "killed", verdict


def test_the_canary_dies() -> None:
    assert canary().fate == "killed"


@pytest.mark.parametrize("mutant", SOURCE_MUTANTS, ids=lambda m: m.name)
def test_the_text_that_a_mutant_alters_is_still_there_once(mutant: SourceMutant) -> None:
    file = ROOT.joinpath(*mutant.module.split(".")).with_suffix(".py")
    assert file.read_text().count(mutant.old) == 1, mutant.module
    assert (ROOT / mutant.killers[0]).is_file(), mutant.killers

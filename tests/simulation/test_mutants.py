"""A quick part of the mutants: each deliberate bug is seen by the checker that must see it."""

from __future__ import annotations

import pytest

from tests.simulation.mutants import MUTANTS, judge

QUICK = ("M-02", "M-03", "M-04", "M-13", "M-19", "M-21", "M-33", "M-38", "M-40")


@pytest.mark.parametrize("name", QUICK)
def test_a_deliberate_bug_is_killed_by_its_checker(name: str) -> None:
    (mutant,) = (m for m in MUTANTS if m.name == name)
    verdict = judge(mutant, 120)
    assert verdict.fate == "killed", verdict

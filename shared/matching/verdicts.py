"""From findings and score to a verdict. Rules decide; the ranker can only lower it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.domain.enums import Polarity, Verdict
from shared.matching import ranker
from shared.matching.hard_rules import compare
from shared.matching.propositions import Proposition
from shared.matching.rules.findings import Comparison, Finding

REVIEW_PPM: Final = 600_000
"""Pairs with open points and a lower score are not worth a person's time."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the rules say about a pair, with everything needed to check it by hand."""

    verdict: Verdict
    polarity: Polarity
    score_ppm: int
    rules_passed: bool
    reason: str
    findings: tuple[Finding, ...]


def judge(a: Proposition, b: Proposition, accept_score_ppm: int) -> Judgement:
    """Return the verdict of a pair: confirmed only if every rule passes and the score holds."""
    assert 0 < accept_score_ppm <= 1_000_000
    comparison = compare(a, b)
    points = ranker.score(a, b, comparison)
    verdict, reason = _decide(comparison, points, accept_score_ppm)
    passed = not comparison.conflicts and not comparison.open_points
    assert verdict is not Verdict.CONFIRMED or passed
    return Judgement(verdict, comparison.polarity, points, passed, reason, comparison.findings)


def _decide(comparison: Comparison, points: int, accept: int) -> tuple[Verdict, str]:
    if comparison.conflicts:
        return Verdict.REJECTED, _words(comparison.conflicts)
    if comparison.open_points:
        weak = points < REVIEW_PPM
        return (Verdict.REJECTED if weak else Verdict.REVIEW), _words(comparison.open_points)
    if points < accept:
        return Verdict.REVIEW, f"score {points / 1_000_000:.3f} is below {accept / 1_000_000:.3f}"
    tails = [f for f in comparison.findings if f.is_tail]
    if tails:
        return Verdict.CONFIRMED, f"all rules pass; {len(tails)} rare clauses differ"
    return Verdict.CONFIRMED, "all rules pass"


def _words(findings: tuple[Finding, ...]) -> str:
    return "; ".join(f"{f.code}: {f.reason}" for f in findings[:3])

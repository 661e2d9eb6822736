"""From findings and score to a verdict. Rules decide; a ranker can only lower it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from shared.domain.enums import Polarity, Verdict
from shared.matching import ranker
from shared.matching.hard_rules import compare
from shared.matching.propositions import Proposition
from shared.matching.rules.findings import SAME, UNKNOWN, Comparison, Finding, finding
from shared.ports.language_model import Agreement, Opinion

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


def judge(
    a: Proposition, b: Proposition, accept_score_ppm: int, *, source_note: str = ""
) -> Judgement:
    """Return the verdict of a pair: confirmed only if every rule passes and the score holds.

    ``source_note`` says who allowlisted the differing sources and why; empty when nobody
    did. It answers the finding about the source and no other.
    """
    assert 0 < accept_score_ppm <= 1_000_000
    comparison = compare(a, b)
    if source_note:
        comparison = _with_source(comparison, source_note)
    points = ranker.score(a, b, comparison)
    verdict, reason = _decide(comparison, points, accept_score_ppm)
    passed = not comparison.conflicts and not comparison.open_points
    assert verdict is not Verdict.CONFIRMED or passed
    return Judgement(verdict, comparison.polarity, points, passed, reason, comparison.findings)


SOURCE: Final = "SOURCE"
"""Code of the finding that compares who decides."""


def source_key(side: Proposition) -> str:
    """Return the settlement sources of a market as the allowlist names them."""
    named = ",".join(sorted(side.sources))
    return named or side.market.source.strip().lower()


def _with_source(comparison: Comparison, note: str) -> Comparison:
    return replace(
        comparison,
        findings=tuple(
            finding(SOURCE, SAME, f"allowlisted: {note}", f.span_a, f.span_b)
            if f.code == SOURCE and not f.passes
            else f
            for f in comparison.findings
        ),
    )


MODEL: Final = "MODEL"
"""Code of the finding that carries a language model's opinion."""


def accepted_tails(result: Judgement) -> tuple[str, ...]:
    """Return the codes of the rare clauses that the rules let differ, for ``RankRequest``."""
    return tuple(sorted({f.code for f in result.findings if f.is_tail and f.verdict != SAME}))


def weigh(
    result: Judgement, opinion: Opinion | None, accept_score_ppm: int, *, is_required: bool
) -> Judgement:
    """Return a judgement after a language model's opinion: the same verdict or a lower one.

    Nothing but a pair that the rules confirmed can end as confirmed. The score is the lower
    of both. Without an opinion the verdict stands, unless one ``is_required`` (live mode):
    then the pair waits for a person.
    """
    assert 0 < accept_score_ppm <= 1_000_000
    if opinion is None:
        if not is_required or result.verdict is not Verdict.CONFIRMED:
            return result
        reason = "no language model or person has looked at it"
        return _with_model(result, Verdict.REVIEW, result.score_ppm, UNKNOWN, reason)
    points = min(result.score_ppm, opinion.score_ppm)
    objection = _objection(result, opinion, accept_score_ppm)
    if objection:
        lowered = Verdict.REVIEW if result.verdict is Verdict.CONFIRMED else result.verdict
        weighed = _with_model(result, lowered, points, UNKNOWN, objection)
    else:
        said = f"{opinion.model} agrees at {opinion.score_ppm / 1_000_000:.3f}"
        weighed = _with_model(result, result.verdict, points, SAME, said)
    assert weighed.verdict is not Verdict.CONFIRMED or result.verdict is Verdict.CONFIRMED
    assert weighed.verdict is not Verdict.CONFIRMED or points >= accept_score_ppm
    return weighed


def _objection(result: Judgement, opinion: Opinion, accept: int) -> str:
    """Return why an opinion speaks against a pair, empty when it does not.

    An answer that contradicts itself counts as its worse half.
    """
    if opinion.polarity is not result.polarity:
        return f"{opinion.model} reads the pair as {opinion.polarity.value}"
    apart = sorted(n for n, value in opinion.fields.items() if value is not Agreement.SAME)
    if apart:
        return f"{opinion.model} does not find the same: {', '.join(apart)}"
    if opinion.counterexample:
        return f"{opinion.model} names a course of events that pays the two differently"
    if opinion.score_ppm < accept:
        return f"{opinion.model} is at {opinion.score_ppm / 1_000_000:.3f}, below the bar"
    return ""


def _with_model(
    result: Judgement, verdict: Verdict, points: int, said: str, reason: str
) -> Judgement:
    heard = finding(MODEL, said, reason, "", "")
    words = reason if verdict is not result.verdict else f"{result.reason}; {reason}"
    return replace(
        result,
        verdict=verdict,
        score_ppm=points,
        reason=words,
        findings=(*result.findings, heard),
    )


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

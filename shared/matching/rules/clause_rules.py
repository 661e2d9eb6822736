# ruff: noqa: E501  (tables are kept whole)
"""Rules for the clauses around a claim: clause by clause, and what no clause explains."""

from __future__ import annotations

from typing import Final

from shared.matching.propositions import Kind, Proposition
from shared.matching.propositions.clauses import Clause
from shared.matching.propositions.vocabulary import phrase_content
from shared.matching.rules.findings import CONFLICT, ONE_SIDE, SAME, UNKNOWN, Finding, finding
from shared.matching.text import fold

_TAILS: Final = {
    Kind.GAME: {"tie", "cancelled", "retired", "no_result", "eliminated", "early", "phase", "exactly", "withdrawn"},
    Kind.CONTEST: {"tie", "cancelled", "no_result", "eliminated", "early", "retired", "phase", "exactly", "withdrawn", "replaced"},
    Kind.VOTE: {"cancelled", "no_result", "eliminated", "early", "exactly", "tie", "replaced", "no_vote"},
    Kind.RATE: {"cancelled", "no_result", "early", "no_data"},
    Kind.MEASURE: {"early", "eliminated", "exactly", "cancelled"},
    Kind.EVENT: {"early", "eliminated"},
}  # fmt: skip
"""Clauses whose difference is a tail, by kind. A game or contest is played out or, in rare
cases, called off; then both venues give the stakes back in different ways, which moves a
hedged pair by cents and not by the whole stake. For an event the same words can be the
very thing that separates two questions, so nothing is a tail there."""


_LITERAL: Final = {("runoff", "counts"), ("coalition", "alone")}
"""What a claim about a contest means anyway: who wins an election wins it in the last round,
and the seats of a party are its own. Only the contrary changes the question."""


def compare_clauses(a: Proposition, b: Proposition) -> list[Finding]:
    kind = a.kind if a.kind is b.kind else Kind.EVENT
    found: list[Finding] = []
    for code in sorted(a.clauses.keys() | b.clauses.keys()):
        finding = _clause(code, a.clauses.get(code), b.clauses.get(code), kind, a, b)
        if finding is not None:
            found.append(finding)
    found.extend(_loose(a, b))
    return found


def _clause(
    code: str, x: Clause | None, y: Clause | None, kind: Kind, a: Proposition, b: Proposition
) -> Finding | None:
    tail = code in _TAILS[kind]
    name = f"CLAUSE_{code.upper()}"
    if code == "exactly" and a.values and b.values:
        return _exactly(name, x, y, a, b)
    if x is not None and y is not None:
        if x.value == y.value:
            return finding(name, SAME, f"both: {x.value}", x.span, y.span)
        reason = f"{x.value} against {y.value}"
        return finding(name, CONFLICT, reason, x.span, y.span, tail=tail)
    present = x or y
    assert present is not None
    if code == "overtime" and present.value == "all" and _has_draws(a, b):
        reason = "only one side says that extra time counts, in a sport with draws"
        return finding(name, ONE_SIDE, reason, x.span if x else "", y.span if y else "")
    spans = (x.span if x else "", y.span if y else "")
    if (code, present.value) in _LITERAL and kind is Kind.CONTEST:
        return finding(name, SAME, "one side spells out the plain meaning", *spans)
    if code == "overtime" and present.value == "all":
        return finding(name, SAME, "the winner of a game includes overtime", *spans)
    if code == "announcement" and present.value == "counts" and kind is Kind.EVENT:
        reason = "one side pays on the announcement, the other on the fact"
        return finding(name, CONFLICT, reason, *spans)
    return finding(name, ONE_SIDE, f"only one side says: {present.value}", *spans, tail=tail)


def _exactly(
    name: str, x: Clause | None, y: Clause | None, a: Proposition, b: Proposition
) -> Finding:
    """Check the clause for the exact value against its own side's comparison.

    The comparisons themselves are compared elsewhere; a text that contradicts itself
    ("above 25 ... exactly 25 resolves to Yes") means neither.
    """
    spans = (x.span if x else "", y.span if y else "")
    for clause, side in ((x, a), (y, b)):
        ends = [end for end in (side.values[0].low, side.values[0].high) if end is not None]
        if clause is not None and len(ends) == 1 and ends[0][1] != (clause.value == "yes"):
            return finding(name, UNKNOWN, "the clause contradicts the comparison", *spans)
    return finding(name, SAME, "as each side's own comparison says", *spans)


def _has_draws(a: Proposition, b: Proposition) -> bool:
    """Say whether the game can end level after normal time and the claim is not to advance."""
    advances = "phase" in a.clauses and "phase" in b.clauses
    return not advances and bool((a.context | b.context) & {"soccer", "fifa", "xworldcup"})


def _loose(a: Proposition, b: Proposition) -> list[Finding]:
    """Report binding sentences that only one side has and that no clause explains.

    What is not understood is unknown, for every kind of question.
    """
    found: list[Finding] = []
    for is_a, own, other in ((True, a, b), (False, b, a)):
        for sentence in own.loose:
            stems = phrase_content(fold(sentence))
            if not stems or len(stems - other.context) <= len(stems) * 15 // 100:
                continue
            spans = (sentence, "") if is_a else ("", sentence)
            found.append(finding("CLAUSE_OTHER", ONE_SIDE, "only one side says this", *spans))
    return found

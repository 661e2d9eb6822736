"""The rules that decide whether two markets settle on the same thing.

Each rule returns one finding with a code, a verdict, the reason in words and the two
quoted spans it compared. Verdicts: ``same``; ``conflict`` (a plausible course of events
pays the two differently); ``unknown`` (a side does not say what must be known);
``one_side`` (only one side has the clause). A finding *matters* unless it is a tail: a
clause for a course of events so rare or so symmetric that it costs score, not the pair.
What matters and is not ``same`` never confirms.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from shared.domain.enums import Polarity
from shared.matching.propositions import Kind, Proposition
from shared.matching.propositions.claims import Form
from shared.matching.rules.clause_rules import compare_clauses
from shared.matching.rules.deciders import (
    compare_deciders,
    compare_sources,
    compare_unstated_source,
)
from shared.matching.rules.findings import (
    CONFLICT,
    SAME,
    UNKNOWN,
    Comparison,
    Finding,
    finding,
)
from shared.matching.rules.games import compare_games
from shared.matching.rules.numbers import compare_thresholds
from shared.matching.rules.times import (
    compare_deadlines,
    compare_editions,
    compare_event_days,
    compare_windows,
)
from shared.matching.rules.words_said import compare_relations, compare_subjects


def compare(a: Proposition, b: Proposition) -> Comparison:
    """Return the findings of every rule that applies to the pair."""
    if a.sides is not None and b.sides is not None:
        polarity, findings = compare_games(a, b)
    else:
        polarity, findings = _statement(a, b)
    findings.append(_text_present(a, b))
    if a.has_rules or b.has_rules:
        findings.append(_claims_found(a, b))
    if Kind.EVENT in (a.kind, b.kind) and not (a.has_rules and b.has_rules):
        reason = "what counts as the event is defined by the rules, not by the title"
        findings.append(
            finding("DEFINITION", UNKNOWN, reason, a.market.question, b.market.question)
        )
    if a.has_rules and b.has_rules:
        findings.extend(compare_clauses(a, b))
    return Comparison(polarity, tuple(_quoting_both(f, a, b) for f in findings))


NOT_SAID: Final = "(not said) "
"""Stands before the sentence that pays where that side's text has nothing to quote."""


def _quoting_both(found: Finding, a: Proposition, b: Proposition) -> Finding:
    """Return a finding that quotes both sides: a side without the clause by what it does say."""
    if found.span_a and found.span_b:
        return found
    mark = "" if found.verdict == SAME else NOT_SAID
    return replace(
        found,
        span_a=found.span_a or mark + (a.claim.span or a.market.question),
        span_b=found.span_b or mark + (b.claim.span or b.market.question),
    )


def _statement(a: Proposition, b: Proposition) -> tuple[Polarity, list[Finding]]:
    polarity, thresholds = compare_thresholds(a, b)
    findings = [
        _kinds(a, b),
        compare_subjects(a, b),
        compare_relations(a, b),
        thresholds,
        compare_editions(a, b) if _is_edition_kind(a, b) else compare_windows(a, b),
    ]
    if _is_edition_kind(a, b) and a.has_rules and b.has_rules:
        findings.extend(f for f in (compare_deadlines(a, b), compare_event_days(a, b)) if f)
    if a.kind is Kind.MEASURE and b.kind is Kind.MEASURE:
        findings.append(compare_sources(a, b))
        unstated = compare_unstated_source(a, b)
        findings.extend([unstated] if unstated is not None else [])
    elif a.has_rules and b.has_rules and a.kind is not Kind.RATE:
        findings.append(compare_deciders(a, b))
    return polarity, findings


def _is_edition_kind(a: Proposition, b: Proposition) -> bool:
    return a.kind in (Kind.CONTEST, Kind.VOTE) and b.kind is a.kind


def _kinds(a: Proposition, b: Proposition) -> Finding:
    spans = (a.claim.span, b.claim.span)
    if a.kind is b.kind:
        return finding("KIND", SAME, f"both are a {a.kind.value} question", *spans)
    if (a.sides is None) != (b.sides is None):
        return finding("KIND", CONFLICT, f"{a.kind.value} against {b.kind.value}", *spans)
    return finding("KIND", UNKNOWN, f"{a.kind.value} against {b.kind.value}", *spans)


def _claims_found(a: Proposition, b: Proposition) -> Finding:
    """Demand the sentences that say when YES pays; a title alone only summarises them."""
    spans = (a.claim.span, b.claim.span)
    if any(side.claim.form is Form.TITLE and side.has_rules for side in (a, b)):
        return finding("CLAIM", UNKNOWN, "no sentence says when YES pays", *spans)
    return finding("CLAIM", SAME, "the sentences that pay were found", *spans)


def _text_present(a: Proposition, b: Proposition) -> Finding:
    if a.is_cut or b.is_cut:
        return finding("RULES", UNKNOWN, "a text is longer than what is read", "", "")
    if a.has_rules and b.has_rules:
        return finding("RULES", SAME, "both rules texts were read", "", "")
    return finding("RULES", UNKNOWN, "a rules text is missing: titles alone prove nothing", "", "")

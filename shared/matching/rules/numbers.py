"""Rules for numbers: which values pay, and whether they are exactly the other ones."""

from __future__ import annotations

from shared.domain.enums import Polarity
from shared.matching.propositions import Proposition
from shared.matching.rules.findings import CONFLICT, SAME, Finding, finding


def compare_thresholds(a: Proposition, b: Proposition) -> tuple[Polarity, Finding]:
    same, inverse = Polarity.SAME, Polarity.INVERSE
    if not a.values and not b.values:
        return same, finding("THRESHOLD", SAME, "no number is compared", "", "")
    spans = (", ".join(v.span for v in a.values), ", ".join(v.span for v in b.values))
    if not a.values or not b.values:
        return same, finding("THRESHOLD", CONFLICT, "only one side compares a number", *spans)
    x, y = a.values[0], b.values[0]
    if x.unit and y.unit and x.unit != y.unit:
        return same, finding("THRESHOLD", CONFLICT, f"unit {x.unit} against {y.unit}", *spans)
    if x.same_values(y) and len(a.values) == len(b.values) == 1:
        return same, finding("THRESHOLD", SAME, "the same values pay", *spans)
    if len(a.values) == len(b.values) and all(
        p.same_values(q) for p, q in zip(a.values, b.values, strict=True)
    ):
        return same, finding("THRESHOLD", SAME, "the same values pay", *spans)
    if len(a.values) == len(b.values) == 1 and x.complements(y):
        return inverse, finding("THRESHOLD", SAME, "exactly the other values pay", *spans)
    return same, finding("THRESHOLD", CONFLICT, "other values pay", *spans)

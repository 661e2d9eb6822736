"""Rules for who decides: the source of a number, or the public record of a fact."""

from __future__ import annotations

import re
from typing import Final

from shared.matching.propositions import Proposition
from shared.matching.rules.findings import CONFLICT, SAME, UNKNOWN, Finding, finding
from shared.matching.text import fold


def compare_sources(a: Proposition, b: Proposition) -> Finding:
    spans = (a.source_span, b.source_span)
    if a.sources & b.sources:
        return finding(
            "SOURCE", SAME, "the same source: " + ", ".join(sorted(a.sources & b.sources)), *spans
        )
    if a.sources and b.sources:
        reason = f"{', '.join(sorted(a.sources))} against {', '.join(sorted(b.sources))}"
        return finding("SOURCE", CONFLICT, f"another source: {reason}", *spans)
    return finding("SOURCE", UNKNOWN, "the source is not named on both sides", *spans)


_PUBLIC: Final = re.compile(
    r"official|credible|consensus|announce|information from|results?\b|vote count|statement|declar"
    r"|broadcast|video|government|governing body|statistics"
)


def compare_deciders(a: Proposition, b: Proposition) -> Finding:
    """Compare who decides a public fact: any report of it will do, one named body will not.

    A text that ties the result to one particular list or body, where the other side settles
    on the fact itself, can pay differently when that body is late, wrong or differs.
    """
    spans = (a.source_span, b.source_span)
    if a.sources & b.sources:
        return finding("SOURCE", SAME, "the same source", *spans)
    for side in (a, b):
        folded = fold(side.source_span)
        if "resolution source" in folded and _PUBLIC.search(folded) is None:
            return finding("SOURCE", UNKNOWN, "one side relies on one named source", *spans)
    return finding("SOURCE", SAME, "both settle on the public result", *spans)


PUBLISHED: Final = frozenset({"$", "%", "°", "°c", "jobs", "inches", "mw", "pips"})
"""Units of figures that several bodies publish, each a little differently."""


def compare_unstated_source(a: Proposition, b: Proposition) -> Finding | None:
    """Say that titles cannot name who publishes a figure; a count of events needs nobody."""
    if (a.has_rules and b.has_rules) or a.sources & b.sources:
        return None
    if not any(v.unit in PUBLISHED for v in (*a.values, *b.values)):
        return None
    reason = "several bodies publish such a figure, and a title names none"
    return finding("MEASUREMENT", UNKNOWN, reason, a.market.question, b.market.question)

"""The offline ranker: a score in ppm for how alike two markets are, without a network.

It may rank and veto, never confirm alone. The score starts from full agreement and loses
a little for every tail, and most of its value for anything that the hard rules left open.
"""

from __future__ import annotations

from typing import Final

from shared.domain.units import MICROS
from shared.matching.propositions import Proposition
from shared.matching.rules.findings import CONFLICT, Comparison

FULL_PPM: Final = 990_000
TAIL_PPM: Final = 6_000
OPEN_PPM: Final = 140_000
"""For each rule with an open point, however many sentences it found."""
CONFLICT_PPM: Final = 450_000


def score(a: Proposition, b: Proposition, comparison: Comparison) -> int:
    """Return the score in ppm of a pair, 0..1,000,000."""
    value = FULL_PPM
    open_rules: set[str] = set()
    for finding in comparison.findings:
        if finding.passes:
            value -= TAIL_PPM if finding.is_tail else 0
        elif finding.verdict == CONFLICT:
            value -= CONFLICT_PPM
        else:
            open_rules.add(finding.code)
    value -= OPEN_PPM * len(open_rules)
    shared = len(a.core & b.core)
    either = len(a.core | b.core) or 1
    value -= (either - shared) * 20_000 // either
    value = max(0, min(MICROS, value))
    assert 0 <= value <= MICROS
    return value

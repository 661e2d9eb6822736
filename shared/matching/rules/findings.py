"""What a rule returns: a finding with its evidence, and all findings of a pair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.domain.enums import Polarity
from shared.matching.text import clip

SAME: Final = "same"
CONFLICT: Final = "conflict"
UNKNOWN: Final = "unknown"
ONE_SIDE: Final = "one_side"


@dataclass(frozen=True, slots=True)
class Finding:
    """Evidence of one rule. ``is_tail``: it lowers the score but cannot refuse."""

    code: str
    verdict: str
    reason: str
    span_a: str
    span_b: str
    is_tail: bool = False

    @property
    def passes(self) -> bool:
        return self.verdict == SAME or self.is_tail

    def as_dict(self) -> dict[str, str]:
        """Return the finding as ``contracts.api_v1.PairFinding`` carries it."""
        return {
            "code": self.code,
            "verdict": self.verdict,
            "reason": self.reason,
            "span_a": clip(self.span_a),
            "span_b": clip(self.span_b),
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """All findings of a pair and the polarity that the outcome rule found."""

    polarity: Polarity
    findings: tuple[Finding, ...]

    @property
    def conflicts(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if not f.passes and f.verdict == CONFLICT)

    @property
    def open_points(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if not f.passes and f.verdict != CONFLICT)


def finding(code: str, verdict: str, reason: str, a: str, b: str, *, tail: bool = False) -> Finding:
    return Finding(code, verdict, reason, a, b, tail)

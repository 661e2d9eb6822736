# ruff: noqa: E501  (tables are kept whole)
"""The rules that decide whether two markets settle on the same thing.

Each rule returns one finding with a code, a verdict, the reason in words and the two
quoted spans it compared. Verdicts: ``same``; ``conflict`` (a plausible course of events
pays the two differently); ``unknown`` (a side does not say what must be known);
``one_side`` (only one side has the clause). A finding *matters* unless it is a tail: a
clause for a course of events so rare or so symmetric that it costs score, not the pair.
What matters and is not ``same`` never confirms.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Final

from shared.domain.enums import Polarity
from shared.matching.propositions import Kind, Proposition
from shared.matching.propositions.claims import Form
from shared.matching.propositions.clauses import Clause
from shared.matching.propositions.franchises import is_only_team
from shared.matching.propositions.sides import Sides, code_fits, likeness
from shared.matching.propositions.vocabulary import NEUTRAL, content
from shared.matching.text import clip, fold, words

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


def compare(a: Proposition, b: Proposition) -> Comparison:
    """Return the findings of every rule that applies to the pair."""
    if a.sides is not None and b.sides is not None:
        polarity, findings = _game(a, b)
    else:
        polarity, findings = _statement(a, b)
    findings.append(_text_present(a, b))
    if Kind.EVENT in (a.kind, b.kind) and not (a.has_rules and b.has_rules):
        reason = "what counts as the event is defined by the rules, not by the title"
        findings.append(
            _finding("DEFINITION", UNKNOWN, reason, a.market.question, b.market.question)
        )
    if a.has_rules and b.has_rules:
        findings.extend(_clauses(a, b))
    return Comparison(polarity, tuple(findings))


def _finding(
    code: str, verdict: str, reason: str, a: str, b: str, *, tail: bool = False
) -> Finding:
    return Finding(code, verdict, reason, a, b, tail)


# --- games ---------------------------------------------------------------------------------------


def _game(a: Proposition, b: Proposition) -> tuple[Polarity, list[Finding]]:
    assert a.sides is not None and b.sides is not None
    x, y = a.sides, b.sides
    spans = (a.market.question, b.market.question)
    findings: list[Finding] = []
    straight, crossed = _pairing(x, y)
    good = max(straight, crossed)
    if good >= TEAMS_MIN and straight != crossed:
        findings.append(_finding("SIDES", SAME, "the same two sides play", *spans))
    else:
        findings.append(_finding("SIDES", CONFLICT, "other sides play", *spans))
    if x.scope == y.scope:
        findings.append(_finding("SCOPE", SAME, f"both ask about the {x.scope}", *spans))
    else:
        findings.append(_finding("SCOPE", CONFLICT, f"{x.scope} against {y.scope}", *spans))
    findings.append(_game_day(a, b))
    polarity, outcome = _game_outcome(a, b, x, y, spans)
    findings.append(outcome)
    if x.scope in ("total", "spread", "exact_score", "props", "other"):
        findings.append(_line(a, b))
    return polarity, findings


TEAMS_MIN: Final = 60
"""Likeness that both sides of a game must reach in the weaker of the two names."""


def _pairing(x: Sides, y: Sides) -> tuple[int, int]:
    """Return how well the sides fit in the order given, and crossed."""
    if not x.second or not y.second:
        alone, other = (x, y) if not x.second else (y, x)
        fits = [likeness(alone.first, n) for n in (other.first, other.second) if n]
        best, rest = max(fits), min(fits) if len(fits) > 1 else 0
        return (best, 0) if best > rest else (0, 0)
    straight = _both(likeness(x.first, y.first), likeness(x.second, y.second))
    crossed = _both(likeness(x.first, y.second), likeness(x.second, y.first))
    return straight, crossed


def _both(one: int, two: int) -> int:
    """The weaker name counts; a sure one carries a doubtful one a little."""
    low, high = min(one, two), max(one, two)
    return low if low >= TEAMS_MIN or high < 96 else low + 20 if low >= 40 else low


def _game_day(a: Proposition, b: Proposition) -> Finding:
    spans = (a.claim.span or a.market.question, b.claim.span or b.market.question)
    if (a.day is None or b.day is None) and not (a.has_rules and b.has_rules):
        return _nominal_day(a, b, spans)
    if a.day is None or b.day is None:
        return _finding("DAY", UNKNOWN, "the day of the game is not stated on both sides", *spans)
    if a.day == b.day:
        return _finding("DAY", SAME, f"both on {date.fromordinal(a.day)}", *spans)
    days = f"{date.fromordinal(a.day)} against {date.fromordinal(b.day)}"
    return _finding("DAY", CONFLICT, f"another day: {days}", *spans)


_LINE: Final = re.compile(r"\d+(?:\.\d+)?")


def _line(a: Proposition, b: Proposition) -> Finding:
    """Compare the numbers of a total, spread or score: all of them, and there must be some."""
    texts = [
        fold(f"{p.market.question} {'' if p.market.label.startswith('~') else p.market.label}")
        for p in (a, b)
    ]
    one, two = (frozenset(_LINE.findall(t)) for t in texts)
    if one and one == two:
        return _finding("LINE", SAME, "the same line", *texts)
    verdict = CONFLICT if one and two else UNKNOWN
    return _finding("LINE", verdict, "another line, or none stated", *texts)


def _nominal_day(a: Proposition, b: Proposition, spans: tuple[str, str]) -> Finding:
    """Compare days without rules texts: a venue's nominal close stands in for a stated day.

    Good enough to rank titles; such a pair lacks its rules texts and can never trade.
    """
    first, second = a.day or a.close_day, b.day or b.close_day
    if first is None or second is None:
        return _finding("DAY", UNKNOWN, "the day of the game is not stated on both sides", *spans)
    late = second - first if a.day is not None else first - second
    if late in (0, 1):  # an evening game in America closes on the next day, UTC
        return _finding("DAY", SAME, "the nominal days agree", *spans)
    return _finding("DAY", UNKNOWN, "the nominal days differ", *spans)


def _game_outcome(
    a: Proposition, b: Proposition, x: Sides, y: Sides, spans: tuple[str, str]
) -> tuple[Polarity, Finding]:
    same, inverse = Polarity.SAME, Polarity.INVERSE
    if not x.pick and not y.pick:
        return same, _finding("OUTCOME", SAME, "both ask the same yes-or-no question", *spans)
    if "draw" in (x.pick, y.pick):
        if x.pick == y.pick:
            return same, _finding("OUTCOME", SAME, "YES is the draw on both", *spans)
        return same, _finding("OUTCOME", CONFLICT, "the draw against a winner", *spans)
    both = y if y.second else x
    picked_x, picked_y = _coded(a, x, both), _which(y.pick, both)
    if picked_x is None or picked_y is None:
        return same, _finding(
            "OUTCOME", UNKNOWN, "the side that YES means is unclear", x.pick, y.pick
        )
    if picked_x == picked_y:
        return same, _finding("OUTCOME", SAME, "YES means the same side", x.pick, y.pick)
    if x.is_two_way or y.is_two_way:
        reason = "YES means the other side; one of the two always wins"
        return inverse, _finding("OUTCOME", SAME, reason, x.pick, y.pick)
    return same, _finding("OUTCOME", CONFLICT, "YES means another side", x.pick, y.pick)


_CODE_HEAD: Final = re.compile(r"^[^-]*-\d\d[A-Z]{3}\d\d(?:\d{4})?")


def _coded(a: Proposition, x: Sides, y: Sides) -> int | None:
    """Return the side of ``y`` that A's YES means, also where only a code names it.

    An event code ends in the codes of both sides in the order of its title, so a code that
    begins or ends it names the first or second side.
    """
    if not x.pick.startswith("~"):
        return _which(x.pick, y)
    code = x.pick[1:].upper()
    tail = _CODE_HEAD.sub("", a.market.event_code).split("-")[0]
    if tail and tail.startswith(code) != tail.endswith(code):
        return _which(x.first if tail.startswith(code) else x.second, y)
    named = _which(x.pick, x)
    return None if named is None else _which((x.first, x.second)[named], y)


def _which(pick: str, sides: Sides) -> int | None:
    """Return 0 or 1: the side of ``sides`` that ``pick`` names; None when unclear."""
    names = (sides.first, sides.second)
    if pick.startswith("~"):
        fits = [code_fits(pick[1:], n) if n else 0 for n in names]
    else:
        fits = [likeness(pick, n) if n else 0 for n in names]
    if max(fits) < 40 or fits[0] == fits[1]:
        return None
    return 0 if fits[0] > fits[1] else 1


# --- everything else -----------------------------------------------------------------------------


def _statement(a: Proposition, b: Proposition) -> tuple[Polarity, list[Finding]]:
    polarity, thresholds = _thresholds(a, b)
    findings = [
        _kinds(a, b),
        _subjects(a, b),
        _relation(a, b),
        thresholds,
        _edition(a, b) if _is_edition_kind(a, b) else _windows(a, b),
    ]
    if a.kind is Kind.MEASURE and b.kind is Kind.MEASURE:
        findings.append(_sources(a, b))
    elif a.has_rules and b.has_rules and a.kind is not Kind.RATE:
        findings.append(_deciders(a, b))
    return polarity, findings


def _is_edition_kind(a: Proposition, b: Proposition) -> bool:
    return a.kind in (Kind.CONTEST, Kind.VOTE) and b.kind is a.kind


def _kinds(a: Proposition, b: Proposition) -> Finding:
    spans = (a.claim.span, b.claim.span)
    if a.kind is b.kind:
        return _finding("KIND", SAME, f"both are a {a.kind.value} question", *spans)
    if (a.sides is None) != (b.sides is None):
        return _finding("KIND", CONFLICT, f"{a.kind.value} against {b.kind.value}", *spans)
    return _finding("KIND", UNKNOWN, f"{a.kind.value} against {b.kind.value}", *spans)


_PARTS: Final = frozenset(content("jr sr iii"))


def _subjects(a: Proposition, b: Proposition) -> Finding:
    """Compare who or what the question is about: any spelling of A with any of B."""
    spans = (
        a.market.label if not a.market.label.startswith("~") else a.market.question,
        b.market.label or b.market.question,
    )
    wordy = (Kind.MEASURE, Kind.EVENT, Kind.RATE)
    if a.kind in wordy or b.kind in wordy:
        return _finding("SUBJECT", SAME, "compared word by word with the relation", *spans)
    if not a.subjects or not b.subjects:
        return _finding("SUBJECT", UNKNOWN, "no subject found in the text", *spans)
    best = max((_name_fit(x, y, a, b) for x in a.subjects for y in b.subjects), default=0)
    if best >= 2:
        return _finding("SUBJECT", SAME, "the same subject", *spans)
    if best == 1:
        return _finding("SUBJECT", UNKNOWN, "the names agree in part only", *spans)
    return _finding("SUBJECT", CONFLICT, "another subject", *spans)


def _name_fit(x: str, y: str, a: Proposition, b: Proposition) -> int:
    """Return 2 for one name, 1 for part of one, 0 for another."""
    wx = content(x) - NEUTRAL or content(x)
    wy = content(y) - NEUTRAL or content(y)
    wx, wy = (frozenset(w for w in s if len(w) > 1) for s in (wx, wy))
    if not wx or not wy:
        return 0
    if wx == wy:
        return 2
    extra = wx ^ wy
    if extra & _PARTS:
        return 0
    if wx < wy and extra <= a.core | NEUTRAL:
        return 2
    if wy < wx and extra <= b.core | NEUTRAL:
        return 2
    if (wx < wy or wy < wx) and _one_team(x, y, a, b):
        return 2
    return 1 if wx < wy or wy < wx else 0


_LEAGUES: Final = {
    "xnbatitle": "nba", "xnba": "nba", "xstanley": "nhl", "xnhl": "nhl", "xworldseries": "mlb",
    "xsuperbowl": "nfl",
}  # fmt: skip


def _one_team(x: str, y: str, a: Proposition, b: Proposition) -> bool:
    """Say whether a city alone names the same team, given the league of the contest."""
    league = next((_LEAGUES[w] for w in sorted(a.core | b.core) if w in _LEAGUES), "")
    one, two = (frozenset(words(s)) - {"the", "team"} for s in (x, y))
    few, more = (one, two) if one < two else (two, one)
    return bool(few) and is_only_team(few, more, league)


def _relation(a: Proposition, b: Proposition) -> Finding:
    """Compare what is said about the subject, word by word after equal meanings are joined."""
    spans = (a.claim.span, b.claim.span)
    if _claims_equal(a, b):
        return _finding("RELATION", SAME, "both claims say the same, word by word", *spans)
    tolerant = a.kind in (Kind.CONTEST, Kind.VOTE) and b.kind is a.kind
    only_a, only_b = _unmatched(a, b, tolerant), _unmatched(b, a, tolerant)
    if not only_a and not only_b:
        return _finding("RELATION", SAME, "the same claim, word by word", *spans)
    if (only_a | only_b) & _DECISIVE:
        only_a = only_b = only_a | only_b
    listed = ", ".join(sorted(only_a | only_b)[:8])
    verdict = CONFLICT if only_a and only_b else UNKNOWN
    return _finding("RELATION", verdict, f"only one side speaks of: {listed}", *spans)


_DECISIVE: Final = content(
    "second third fourth fifth runner seed popular round semifinal quarterfinal group conference division"
    " nominee runoff margin coalition not never without acting interim"
)
"""Words that name another rank, stage or sense: on one side only they are a contradiction."""


def _claims_equal(a: Proposition, b: Proposition) -> bool:
    """Say whether the sentences that decide YES hold the same words. Titles then only
    paraphrase them, and a paraphrase cannot overrule the sentence that pays."""
    stated = a.claim.form is Form.YES_IF and b.claim.form is Form.YES_IF
    return stated and len(a.claim_core) >= CLAIM_MIN and not (a.claim_core ^ b.claim_core) - _FILLER


CLAIM_MIN: Final = 3
"""Fewer meaningful words than this say too little to be called the same claim."""


def _unmatched(a: Proposition, b: Proposition, tolerant: bool) -> frozenset[str]:
    own = a.core
    if tolerant and a.claim.form is not Form.TITLE and len(a.claim_core) >= CLAIM_MIN:
        own = a.claim_core  # the title is a summary of the sentence that pays
    rest = own - b.core - _FILLER
    if tolerant:
        rest = rest - NEUTRAL
        rest = frozenset(
            w
            for w in rest
            if w not in b.context or (w in a.names and not w.startswith("x") and not w[0].isdigit())
        )
        return rest - a.subject - _office(a, b)
    return frozenset(w for w in rest if w not in b.context)


_FILLER: Final = content(
    "yes successfully exactly value published reported according time end 00 higher lower"
)


def _thresholds(a: Proposition, b: Proposition) -> tuple[Polarity, Finding]:
    same, inverse = Polarity.SAME, Polarity.INVERSE
    if not a.values and not b.values:
        return same, _finding("THRESHOLD", SAME, "no number is compared", "", "")
    spans = (", ".join(v.span for v in a.values), ", ".join(v.span for v in b.values))
    if not a.values or not b.values:
        return same, _finding("THRESHOLD", CONFLICT, "only one side compares a number", *spans)
    x, y = a.values[0], b.values[0]
    if x.unit and y.unit and x.unit != y.unit:
        return same, _finding("THRESHOLD", CONFLICT, f"unit {x.unit} against {y.unit}", *spans)
    if x.same_values(y) and len(a.values) == len(b.values) == 1:
        return same, _finding("THRESHOLD", SAME, "the same values pay", *spans)
    if len(a.values) == len(b.values) and all(
        p.same_values(q) for p, q in zip(a.values, b.values, strict=True)
    ):
        return same, _finding("THRESHOLD", SAME, "the same values pay", *spans)
    if len(a.values) == len(b.values) == 1 and x.complements(y):
        return inverse, _finding("THRESHOLD", SAME, "exactly the other values pay", *spans)
    return same, _finding("THRESHOLD", CONFLICT, "other values pay", *spans)


def _windows(a: Proposition, b: Proposition) -> Finding:
    x, y = a.window, b.window
    spans = (x.span or a.market.question, y.span or b.market.question)
    if not x.is_known or not y.is_known:
        if not x.is_known and not y.is_known:
            return _finding("WINDOW", UNKNOWN, "neither side states a time", *spans)
        return _finding("WINDOW", UNKNOWN, "only one side states a time", *spans)
    if x.end_day != y.end_day:
        assert x.end_day is not None and y.end_day is not None
        ends = f"{date.fromordinal(x.end_day)} against {date.fromordinal(y.end_day)}"
        return _finding("WINDOW", CONFLICT, f"another end (exclusive): {ends}", *spans)
    if "on" in (x.mode, y.mode) and x.mode != y.mode:
        return _finding("WINDOW", CONFLICT, "at one moment against within a period", *spans)
    starts_differ = None not in (x.start_day, y.start_day) and x.start_day != y.start_day
    if starts_differ and (a.kind is Kind.MEASURE or x.mode == "on"):
        return _finding("WINDOW", CONFLICT, "another start", *spans)
    if x.minute_utc != y.minute_utc:
        if x.minute_utc is not None and y.minute_utc is not None:
            return _finding("WINDOW", CONFLICT, "another time of the day", *spans)
        return _finding("WINDOW", UNKNOWN, "only one side states the time of the day", *spans)
    return _finding("WINDOW", SAME, "the same window", *spans)


def _edition(a: Proposition, b: Proposition) -> Finding:
    """Compare which holding of a recurring contest is meant."""
    spans = (a.market.question, b.market.question)
    own_a, own_b = a.years or a.context_years, b.years or b.context_years
    if not (a.has_rules and b.has_rules):
        own_a, own_b = own_a or _close_year(a), own_b or _close_year(b)
    if not own_a or not own_b:
        return _finding("EDITION", UNKNOWN, "the year of the contest is not stated", *spans)
    ends = (a.window, b.window)
    if all(w.mode == "by" and w.is_known for w in ends) and ends[0].end_day != ends[1].end_day:
        return _finding("EDITION", CONFLICT, "another deadline", *spans)
    if a.years & b.years:
        return _finding("EDITION", SAME, "the same year", *spans)
    if a.years and b.years:
        return _finding("EDITION", CONFLICT, f"{sorted(a.years)} against {sorted(b.years)}", *spans)
    if own_a & own_b:
        return _finding("EDITION", SAME, "the same year, stated elsewhere in the text", *spans)
    return _finding("EDITION", CONFLICT, f"{sorted(own_a)} against {sorted(own_b)}", *spans)


def _close_year(side: Proposition) -> frozenset[int]:
    """Return the year of the venue's nominal close: only ranks titles, never confirms."""
    if side.close_day is None:
        return frozenset()
    return frozenset({date.fromordinal(side.close_day - 2).year})


def _sources(a: Proposition, b: Proposition) -> Finding:
    spans = (a.source_span, b.source_span)
    if a.sources & b.sources:
        return _finding(
            "SOURCE", SAME, "the same source: " + ", ".join(sorted(a.sources & b.sources)), *spans
        )
    if a.sources and b.sources:
        reason = f"{', '.join(sorted(a.sources))} against {', '.join(sorted(b.sources))}"
        return _finding("SOURCE", CONFLICT, f"another source: {reason}", *spans)
    return _finding("SOURCE", UNKNOWN, "the source is not named on both sides", *spans)


_PUBLIC: Final = re.compile(
    r"official|credible|consensus|announce|information from|results?\b|vote count|statement|declar"
    r"|broadcast|video|government|governing body|statistics"
)


def _deciders(a: Proposition, b: Proposition) -> Finding:
    """Compare who decides a public fact: any report of it will do, one named body will not.

    A text that ties the result to one particular list or body, where the other side settles
    on the fact itself, can pay differently when that body is late, wrong or differs.
    """
    spans = (a.source_span, b.source_span)
    if a.sources & b.sources:
        return _finding("SOURCE", SAME, "the same source", *spans)
    for side in (a, b):
        folded = fold(side.source_span)
        if "resolution source" in folded and _PUBLIC.search(folded) is None:
            return _finding("SOURCE", UNKNOWN, "one side relies on one named source", *spans)
    return _finding("SOURCE", SAME, "both settle on the public result", *spans)


def _text_present(a: Proposition, b: Proposition) -> Finding:
    if a.has_rules and b.has_rules:
        return _finding("RULES", SAME, "both rules texts were read", "", "")
    return _finding("RULES", UNKNOWN, "a rules text is missing: titles alone prove nothing", "", "")


# --- clauses -------------------------------------------------------------------------------------

_TAILS: Final = {
    Kind.GAME: {"tie", "cancelled", "retired", "no_result", "eliminated", "early", "phase", "death", "announcement", "exactly"},
    Kind.CONTEST: {"tie", "cancelled", "no_result", "eliminated", "early", "retired", "phase", "death", "announcement", "exactly"},
    Kind.VOTE: {"cancelled", "no_result", "eliminated", "early", "announcement", "exactly", "tie"},
    Kind.RATE: {"cancelled", "no_result", "early", "no_data"},
    Kind.MEASURE: {"early", "eliminated", "exactly", "cancelled"},
    Kind.EVENT: {"early", "eliminated"},
}  # fmt: skip
"""Clauses whose difference is a tail, by kind. A game or contest is played out or, in rare
cases, called off; then both venues give the stakes back in different ways, which moves a
hedged pair by cents and not by the whole stake. For an event the same words can be the
very thing that separates two questions, so nothing is a tail there."""


def _clauses(a: Proposition, b: Proposition) -> list[Finding]:
    kind = a.kind if a.kind is b.kind else Kind.EVENT
    found: list[Finding] = []
    for code in sorted(a.clauses.keys() | b.clauses.keys()):
        finding = _clause(code, a.clauses.get(code), b.clauses.get(code), kind, a, b)
        if finding is not None:
            found.append(finding)
    found.extend(_loose(a, b, kind))
    return found


def _clause(
    code: str, x: Clause | None, y: Clause | None, kind: Kind, a: Proposition, b: Proposition
) -> Finding | None:
    tail = code in _TAILS[kind]
    name = f"CLAUSE_{code.upper()}"
    if x is not None and y is not None:
        if x.value == y.value:
            return _finding(name, SAME, f"both: {x.value}", x.span, y.span)
        reason = f"{x.value} against {y.value}"
        return _finding(name, CONFLICT, reason, x.span, y.span, tail=tail)
    present = x or y
    assert present is not None
    if code == "overtime" and present.value == "all" and _has_draws(a, b):
        reason = "only one side says that extra time counts, in a sport with draws"
        return _finding(name, ONE_SIDE, reason, x.span if x else "", y.span if y else "")
    spans = (x.span if x else "", y.span if y else "")
    if code == "overtime" and present.value == "all":
        return _finding(name, SAME, "the winner of a game includes overtime", *spans)
    if code == "announcement" and present.value == "counts" and kind is Kind.EVENT:
        reason = "one side pays on the announcement, the other on the fact"
        return _finding(name, CONFLICT, reason, *spans)
    return _finding(name, ONE_SIDE, f"only one side says: {present.value}", *spans, tail=tail)


_OFFICE: Final = re.compile(
    r" (?:as|for) (?:the )?(?:(?:secretary|director|attorney general|administrator|ambassador|chair"
    r"|commissioner|surgeon general)\b.*)$"
)


def _office(a: Proposition, b: Proposition) -> frozenset[str]:
    """Return the words of the office that a vote is about, where only one side names it.

    A nominee is put to one vote for one office; naming the office adds no condition.
    """
    if a.kind is not Kind.VOTE or _OFFICE.search(b.claim.text) is not None:
        return frozenset()
    named = _OFFICE.search(a.claim.text)
    return content(named[0]) if named is not None else frozenset()


def _has_draws(a: Proposition, b: Proposition) -> bool:
    """Say whether the game can end level after normal time and the claim is not to advance."""
    advances = "phase" in a.clauses and "phase" in b.clauses
    return not advances and bool((a.context | b.context) & {"soccer", "fifa", "xworldcup"})


def _loose(a: Proposition, b: Proposition, kind: Kind) -> list[Finding]:
    """Report binding sentences that only one side has and that no clause explains."""
    found: list[Finding] = []
    tolerant = kind in (Kind.GAME, Kind.CONTEST, Kind.VOTE, Kind.RATE)
    for is_a, own, other in ((True, a, b), (False, b, a)):
        for sentence in own.loose:
            stems = content(fold(sentence))
            if not stems or len(stems - other.context) <= len(stems) * 15 // 100:
                continue
            spans = (sentence, "") if is_a else ("", sentence)
            found.append(
                _finding("CLAUSE_OTHER", ONE_SIDE, "only one side says this", *spans, tail=tolerant)
            )
    return found

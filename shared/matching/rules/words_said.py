"""Rules for what is said: the subject of a claim and, word by word, the rest of it."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from shared.matching.propositions import Kind, Proposition
from shared.matching.propositions.claims import Form
from shared.matching.propositions.franchises import is_only_team, leagues_of
from shared.matching.propositions.vocabulary import NEUTRAL, content
from shared.matching.rules.findings import CONFLICT, SAME, UNKNOWN, Finding, finding
from shared.matching.text import words

_PARTS: Final = frozenset(content("jr sr iii"))


def compare_subjects(a: Proposition, b: Proposition) -> Finding:
    """Compare who or what the question is about: any spelling of A with any of B."""
    spans = (
        a.market.label if not a.market.label.startswith("~") else a.market.question,
        b.market.label or b.market.question,
    )
    wordy = (Kind.MEASURE, Kind.EVENT, Kind.RATE)
    if a.kind in wordy or b.kind in wordy:
        return finding("SUBJECT", SAME, "compared word by word with the relation", *spans)
    if not a.subjects or not b.subjects:
        return finding("SUBJECT", UNKNOWN, "no subject found in the text", *spans)
    best = max((_name_fit(x, y, a, b) for x in a.subjects for y in b.subjects), default=0)
    if best >= 2:
        return finding("SUBJECT", SAME, "the same subject", *spans)
    if best == 1:
        return finding("SUBJECT", UNKNOWN, "the names agree in part only", *spans)
    return finding("SUBJECT", CONFLICT, "another subject", *spans)


def _name_fit(x: str, y: str, a: Proposition, b: Proposition) -> int:
    """Return 2 for one name, 1 for part of one, 0 for another."""
    wx, wy = _name_words(x), _name_words(y)
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


@lru_cache(maxsize=65_536)
def _name_words(name: str) -> frozenset[str]:
    """Return the words of a name that identify it, its initials left out."""
    found = content(name)
    return frozenset(w for w in found - NEUTRAL or found if len(w) > 1)


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


def compare_relations(a: Proposition, b: Proposition) -> Finding:
    """Compare what is said about the subject, word by word after equal meanings are joined."""
    spans = (a.claim.span, b.claim.span)
    if _claims_equal(a, b) and not (a.core ^ b.core) & _DECISIVE:
        return finding("RELATION", SAME, "both claims say the same, word by word", *spans)
    tolerant = a.kind in (Kind.CONTEST, Kind.VOTE) and b.kind is a.kind
    only_a, only_b = _unmatched(a, b, tolerant), _unmatched(b, a, tolerant)
    if not only_a and not only_b:
        return finding("RELATION", SAME, "the same claim, word by word", *spans)
    if (only_a | only_b) & _DECISIVE:
        only_a = only_b = only_a | only_b
    listed = ", ".join(sorted(only_a | only_b)[:8])
    verdict = CONFLICT if only_a and only_b else UNKNOWN
    return finding("RELATION", verdict, f"only one side speaks of: {listed}", *spans)


_DECISIVE: Final = content(
    "second third fourth fifth runner seed popular round semifinal quarterfinal group conference"
    " division nominee runoff margin coalition not never without acting interim vice lieutenant"
    " deputy shadow junior youth half quarter popular special recall recount"
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
        rest = rest - NEUTRAL - _known_league(a, b)
        decisive = (a.core & _DECISIVE) - b.core  # the title must not contradict either
        open_words = frozenset(w for w in rest if w not in b.context or _is_name(w, a))
        return (open_words - a.subject - _office(a, b)) | decisive
    return frozenset(w for w in rest if w not in b.context)


def _known_league(a: Proposition, b: Proposition) -> frozenset[str]:
    """Return the token of the league that both subjects belong to by their full team name.

    Naming the league adds nothing to "the Miami Heat win the Eastern Conference".
    """
    one, two = (
        leagues_of(frozenset(w for name in p.subjects for w in words(name))) for p in (a, b)
    )
    shared = one & two
    return frozenset(f"x{league}" for league in shared) if len(shared) == 1 else frozenset()


def _is_name(word: str, a: Proposition) -> bool:
    """Names must stand in the other claim itself; a mention elsewhere explains nothing."""
    return word in a.names and not word.startswith("x") and not word[0].isdigit()


_FILLER: Final = content(
    "yes successfully exactly value published reported according time end 00 higher lower"
)


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

# ruff: noqa: E501  (patterns are kept whole)
"""Rules for games: who plays, what is asked of the game, on which day, and who YES is."""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from shared.domain.enums import Polarity
from shared.domain.units import NS_PER_S
from shared.matching.propositions import Proposition
from shared.matching.propositions.sides import Sides, code_fits, likeness
from shared.matching.rules.findings import CONFLICT, SAME, UNKNOWN, Finding, finding
from shared.matching.text import fold


def compare_games(a: Proposition, b: Proposition) -> tuple[Polarity, list[Finding]]:
    assert a.sides is not None and b.sides is not None
    x, y = a.sides, b.sides
    spans = (a.market.question, b.market.question)
    findings: list[Finding] = []
    straight, crossed = _pairing(x, y)
    good = max(straight, crossed)
    is_alone = not x.second or not y.second
    if is_alone and a.has_rules and b.has_rules and TEAMS_MIN <= good < ALONE_MIN:
        reason = "one side names no opponent, and the names are not the same word for word"
        findings.append(finding("SIDES", UNKNOWN, reason, *spans))
    elif good >= TEAMS_MIN and straight != crossed:
        findings.append(finding("SIDES", SAME, "the same two sides play", *spans))
    else:
        findings.append(finding("SIDES", CONFLICT, "other sides play", *spans))
    if x.scope == y.scope:
        findings.append(finding("SCOPE", SAME, f"both ask about the {x.scope}", *spans))
    else:
        findings.append(finding("SCOPE", CONFLICT, f"{x.scope} against {y.scope}", *spans))
    if a.has_rules and b.has_rules:
        findings.append(_women_or_men(a, b))
        findings.append(_manner(a, b))
    findings.append(_game_day(a, b))
    findings.extend(_start(a, b))
    polarity, outcome = _game_outcome(a, b, x, y, spans)
    findings.append(outcome)
    if x.scope in ("total", "spread", "exact_score", "props", "other"):
        findings.append(_line(a, b))
    return polarity, findings


TEAMS_MIN: Final = 60
"""Likeness that both sides of a game must reach in the weaker of the two names."""


ALONE_MIN: Final = 96
"""Likeness demanded of the only name known, where no opponent backs it up."""


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
    return low + 20 if 40 <= low < TEAMS_MIN and high >= 88 else low


def _game_day(a: Proposition, b: Proposition) -> Finding:
    spans = (a.claim.span or a.market.question, b.claim.span or b.market.question)
    if (a.day is None or b.day is None) and not (a.has_rules and b.has_rules):
        return _nominal_day(a, b, spans)
    if a.day is None or b.day is None:
        return finding("DAY", UNKNOWN, "the day of the game is not stated on both sides", *spans)
    if a.day == b.day:
        return finding("DAY", SAME, f"both on {date.fromordinal(a.day)}", *spans)
    days = f"{date.fromordinal(a.day)} against {date.fromordinal(b.day)}"
    return finding("DAY", CONFLICT, f"another day: {days}", *spans)


START_MIN: Final = 120
"""Minutes that two stated starts of one game may lie apart: a delay, not another game."""


def _start(a: Proposition, b: Proposition) -> list[Finding]:
    """Compare starting times where both are known: two sides may meet twice in a day."""
    if a.start_minute is None or b.start_minute is None:
        return []
    spans = (a.market.event_code or a.claim.span, b.market.event_code or b.claim.span)
    if abs(a.start_minute - b.start_minute) <= START_MIN:
        return [finding("START", SAME, "the game starts at the same time", *spans)]
    return [finding("START", UNKNOWN, "the games start hours apart", *spans)]


_LINE: Final = re.compile(r"\d+(?:\.\d+)?")


def _line(a: Proposition, b: Proposition) -> Finding:
    """Compare the numbers of a total, spread or score: all of them, and there must be some."""
    texts = [
        fold(f"{p.market.question} {'' if p.market.label.startswith('~') else p.market.label}")
        for p in (a, b)
    ]
    one, two = (frozenset(_LINE.findall(t)) for t in texts)
    if one and one == two:
        return finding("LINE", SAME, "the same line", *texts)
    verdict = CONFLICT if one and two else UNKNOWN
    return finding("LINE", verdict, "another line, or none stated", *texts)


_MANNER: Final = re.compile(
    r"\bby (?!\d)(?:way of )?(?:an? |the )?[a-z]+(?: [a-z]+)?|\bwith(?:out)? (?:an? )?[a-z]+(?: [a-z]+)?"
    r"|\bin (?:straight|overtime|extra|under|fewer|less|exactly|the \w+ (?:round|set|inning|period)|\w+ (?:sets|rounds))\b"
    r"|\bafter (?:trailing|losing|conceding|being)\b|\bto nil\b|\bshut-?outs?\b|\bclean sheets?\b|\bwhile\b|\bboth\b"
)
"""Words that say how a game must be won, not only that it is."""


def _manner(a: Proposition, b: Proposition) -> Finding:
    """Compare how the game must be won; silence means in whatever way."""
    said = [frozenset(_MANNER.findall(p.claim.text)) for p in (a, b)]
    spans = (a.claim.span, b.claim.span)
    if said[0] == said[1]:
        return finding("MANNER", SAME, "won in whatever way, or in the same", *spans)
    words = ", ".join(sorted(said[0] ^ said[1]))
    return finding("MANNER", UNKNOWN, f"only one side says how it is won: {words}", *spans)


_WOMEN: Final = re.compile(
    r"\bwom[ae]n(?:'?s)?\b|\(w\)|\bwbb\b|\bwnba\b|\bwta\b|\bnwsl\b|\bladies\b"
)
_MEN: Final = re.compile(r"\bmen'?s\b|\(m\)|\batp\b|\bcbb\b")


def _women_or_men(a: Proposition, b: Proposition) -> Finding:
    """Compare whether women or men play: one club may have both play on one day.

    Players of single sports are known by their names, so silence is nothing there.
    """
    texts = [fold(f"{p.market.question} {p.market.event_title} {p.market.rules}") for p in (a, b)]
    women = [_WOMEN.search(text) for text in texts]
    spans = tuple(found[0] if found else "" for found in women)
    if bool(women[0]) == bool(women[1]) or any("tennis" in text for text in texts):
        return finding("COMPETITION", SAME, "women's or men's alike", spans[0], spans[1])
    other = texts[0] if women[1] else texts[1]
    verdict = CONFLICT if _MEN.search(other) else UNKNOWN
    return finding("COMPETITION", verdict, "only one side is a women's game", spans[0], spans[1])


_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_BEHIND_NS: Final = 5 * 3_600 * NS_PER_S
"""Eastern winter time; an hour more or less moves no game to another day."""


def _american_day(side: Proposition) -> int:
    """Return the ordinal of the day in New York on which a market closes."""
    return (side.market.close_ns - _BEHIND_NS) // (86_400 * NS_PER_S) + _EPOCH_DAY


def _nominal_day(a: Proposition, b: Proposition, spans: tuple[str, str]) -> Finding:
    """Compare days without rules texts: a venue's nominal close stands in for a stated day.

    Good enough to rank titles; such a pair lacks its rules texts and can never trade.
    """
    first, second = a.day or a.close_day, b.day or b.close_day
    if first is None or second is None:
        return finding("DAY", UNKNOWN, "the day of the game is not stated on both sides", *spans)
    late = second - first if a.day is not None else first - second
    closing = b if a.day is not None else a
    is_before = closing.day is None and _american_day(closing) < (first if closing is b else second)
    if late in (0, 1) and not is_before:  # an evening game in America closes on the next day, UTC
        return finding("DAY", SAME, "the nominal days agree", *spans)
    return finding("DAY", UNKNOWN, "the nominal days differ", *spans)


def _game_outcome(
    a: Proposition, b: Proposition, x: Sides, y: Sides, spans: tuple[str, str]
) -> tuple[Polarity, Finding]:
    same, inverse = Polarity.SAME, Polarity.INVERSE
    if not x.pick and not y.pick:
        return same, finding("OUTCOME", SAME, "both ask the same yes-or-no question", *spans)
    if "draw" in (x.pick, y.pick):
        if x.pick == y.pick:
            return same, finding("OUTCOME", SAME, "YES is the draw on both", *spans)
        return same, finding("OUTCOME", CONFLICT, "the draw against a winner", *spans)
    picked_x = picked_y = None
    names_one = not any(" vs" in pick for pick in (x.pick, y.pick))
    for both in (y, x):
        if names_one and both.second and (picked_x is None or picked_y is None):
            picked_x, picked_y = _coded(a, x, both), _coded(b, y, both)
    if picked_x is None or picked_y is None:
        return same, finding(
            "OUTCOME", UNKNOWN, "the side that YES means is unclear", x.pick, y.pick
        )
    if picked_x == picked_y:
        return same, finding("OUTCOME", SAME, "YES means the same side", x.pick, y.pick)
    if x.is_two_way or y.is_two_way:
        reason = "YES means the other side; one of the two always wins"
        return inverse, finding("OUTCOME", SAME, reason, x.pick, y.pick)
    return same, finding("OUTCOME", CONFLICT, "YES means another side", x.pick, y.pick)


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

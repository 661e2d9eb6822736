# ruff: noqa: E501  (patterns are kept whole)
"""Games between two sides: who plays, what is asked about it, and which side YES is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from shared.matching.market_text import MarketText
from shared.matching.propositions.franchises import are_one_franchise
from shared.matching.propositions.vocabulary import canonical
from shared.matching.text import fold, words

_VERSUS: Final = re.compile(r"^(?P<a>.+?)\s+(?:vs\.?|v\.|versus|at|against|@)\s+(?P<b>.+)$")
_AT_FORM: Final = re.compile(r"^[^:]+ at [^:]+(?: winner\b|: (?:both teams|spread|total|winner))")
"""``A at B`` is only a game with such an ending; "at the Oscars" is none."""
_LOSING: Final = re.compile(r"\bnot win|\bnot wins|\bloses?\b|\bfails? to\b|n't win")
_WINNING: Final = re.compile(
    r"\bwins?\b|\bwon\b|\badvances?\b|\bbeats?\b|\bdefeats?\b|victor|\bwinner\b"
)
_WILL_WIN: Final = re.compile(
    r"^will (?:the )?(?P<s>.+?) (?:win|beat) (?:the |map \d in the |game \d in the )?(?P<rest>.+)$"
)
_WIN_ON: Final = re.compile(r"^will (?:the )?(?P<s>.+?) win on (?P<when>.+)$")
_DRAW: Final = re.compile(r"end in a (?:draw|tie)")
_SPLIT_TAIL: Final = re.compile(
    r"\s+-{1,2}\s+|: | \(|\)|, |\?| professional | originally | match\b| game\b| soccer | ufc | league of legends| cs2 | counter-strike| valorant| dota| in hall | mens? | womens? | college | head to head| winner\b"
)
_SCOPES: Final[tuple[tuple[str, re.Pattern[str]], ...]] = (
    ("exact_score", re.compile(r"exact score|correct score|\bscore \d")),
    ("both_score", re.compile(r"both teams to score|\bbtts\b")),
    ("corners", re.compile(r"corner")),
    ("cards", re.compile(r"(?:total|yellow|red|most) cards?\b|\bbookings?\b")),
    ("props", re.compile(r"most (?:kills|points|goals|corners)|\d\+ (?:points|rebounds|assists|goals|strikeouts|hits|kills|yards)|first (?:blood|goal|to)|any player|odd/even|odd or even|penta|quadra|completed match|method of|by (?:ko|submission|decision)|go the distance|in round|most sixes|toss")),
    ("series", re.compile(r"\b(?:wins?|won|winner of) (?:the |their )?(?:[\w-]+ ){0,3}(?<!world )series\b|\b(?:play-?off|best[- ]of[- ]\w+) series\b|\bseries winner\b")),
    ("total", re.compile(r"\bo/u\b|over/under|total|over \d|under \d|\bmaps be played|goals be scored|more than \d")),
    ("spread", re.compile(r"spread|handicap|\bw[io]ns? by\b|\bby (?:more than|at least|over) \d|\([+-]\d")),
    ("first_half", re.compile(r"\b1h\b|first half|halftime|1st half")),
    ("second_half", re.compile(r"\b2h\b|second half|2nd half")),
    ("quarter", re.compile(r"\b[1-4]q\b|(?:first|second|third|fourth|1st|2nd|3rd|4th) quarter|\bperiod\b|inning|\bf5\b")),
    ("part", re.compile(r"\b(?:game|map|set) (\d)\b")),
)  # fmt: skip
_RESERVES: Final = frozenset(
    "youth academy reserves reserve challengers women womens ladies ii iii u17 u18 u19 u20 u21 u23".split()
)
"""Words that make another team of a club's name; on one side only they are never nothing."""
_GENERIC: Final = frozenset(
    "fc cf sc afc ac as cd ud rc rcd sv ssc us ca cr ec fk nk sk kk bc cb bk hc ks club"
    " de the team esports esport gaming e-sports saudi football futbol calcio basketball"
    " basket associacao w wfc ii b jr baloncesto al".split()
)
"""Words that many club names share; they identify nobody alone."""


@dataclass(frozen=True, slots=True)
class Sides:
    """A game. ``scope`` is match, part 1..9, spread, total and so on; ``pick`` is the name
    that YES stands for, ``draw``, or empty when the question is not about who wins."""

    first: str
    second: str
    scope: str
    pick: str
    is_two_way: bool
    """True when the outcomes themselves are the two sides (no third outcome)."""


def scope_of(folded: str) -> str:
    """Return what of a game a title asks about."""
    for name, pattern in _SCOPES:
        found = pattern.search(folded)
        if found is not None:
            if name == "part":
                return f"part {found[1]}"
            return name
    return "match"


def _scope(title: str, claim: str) -> str:
    """Return what is asked, from the title and from the sentence that pays."""
    found = scope_of(title)
    if found != "match":
        return found
    if re.search(
        r"\bby (?:more than |at least |over |exactly )?\d+(?![\d:])|\bmost (?:kills|points|goals)",
        claim,
    ):
        return "spread"
    for name in ("series", "first_half", "second_half", "part"):
        pattern = dict(_SCOPES)[name]
        part = pattern.search(claim)
        if part is not None:
            return f"part {part[1]}" if name == "part" else name
    asks_draw = re.search(r"\b(?:in a|the) (?:draw|tie)\b|^(?:the )?(?:draw|tie) wins", claim)
    asks_win = _WINNING.search(claim) and not _LOSING.search(claim)
    return found if asks_win or asks_draw else "other"


def read_sides(market: MarketText, claim: str) -> Sides | None:
    """Return the game that a market is about, or None when it is not about one."""
    title = fold(market.question).replace("**", "")
    label = fold(market.label) if not market.label.startswith("~") else market.label.lower()
    scope = _scope(title, claim) if market.rules else scope_of(title)
    on_day = _WIN_ON.match(title)
    if on_day is not None:
        name = _clean(on_day["s"])
        return Sides(name, _opponent(name, market), scope, name, False)
    pair = _pair_of(title) or _pair_of(fold(market.event_title)) or None
    if pair is None and market.rules:
        pair = _pair_of(_core_of(claim))
    if pair is None:
        return None
    first, second, picked = pair
    if not market.is_yes_no:
        names = tuple(_clean(fold(o)) for o in market.outcomes)
        if names[0] in ("over", "under", "odd", "even"):
            return Sides(first, second, "total", "", False)
        return Sides(names[0], names[1], scope, names[0], True)
    if scope in ("both_score", "total", "exact_score", "corners", "cards"):
        return Sides(first, second, scope, "", False)
    if _DRAW.search(title) or label in ("tie", "draw") or label.startswith("draw ("):
        return Sides(first, second, scope, "draw", False)
    if label == "~tie":
        return Sides(first, second, scope, "draw", False)
    pick = label or picked or title.rsplit(" - ", 1)[-1]
    pick = re.sub(r" (?:advances?|wins?|to advance|to win)$", "", pick)
    return Sides(first, second, scope, _clean(pick) if not pick.startswith("~") else pick, False)


def _opponent(name: str, market: MarketText) -> str:
    """Return who plays against ``name``, where the title of the event tells it."""
    pair = _pair_of(fold(market.event_title))
    if pair is None:
        return ""
    fits = [likeness(name, side) for side in pair[:2]]
    if max(fits) < 60 or fits[0] == fits[1]:
        return ""
    return pair[1] if fits[0] > fits[1] else pair[0]


def _core_of(claim: str) -> str:
    found = re.match(r"^(?:the )?(?P<s>.+?) wins? (?:the )?(?P<rest>.+)$", claim)
    return found["rest"] if found else claim


def _pair_of(title: str) -> tuple[str, str, str] | None:
    picked = ""
    winner = _WILL_WIN.match(title)
    if winner is not None and re.search(r" vs\.? | against | at ", winner["rest"]):
        picked, title = winner["s"], winner["rest"]
    elif title.startswith("will "):
        title = title[5:]
    between = re.search(r"between (?P<a>[^,]+?) and (?P<b>[^,]+?)(?: in | on |,|\(|$)", title)
    if between is not None and "match" in title:
        return _clean(between["a"]), _clean(between["b"]), picked
    found = _VERSUS.match(title)
    if found is None:
        return None
    is_named = re.search(r" vs\.? | v\. ", title) is not None
    if not is_named and not _AT_FORM.match(title):
        return None
    a = found["a"].rsplit(": ", 1)[-1]
    b = _SPLIT_TAIL.split(found["b"])[0]
    b = re.sub(r" (?:end in a (?:draw|tie)|winner|be the matchup).*$", "", b)
    if len(words(a)) > 7 or len(words(b)) > 7 or not words(a) or not words(b):
        return None
    return _clean(a), _clean(b), picked


def _clean(name: str) -> str:
    name = re.sub(r"\s*\([^)]*\)", "", name)
    return re.sub(r"^the ", "", name.strip(" .,:;?\"'-"))


@lru_cache(maxsize=65_536)
def name_words(name: str) -> frozenset[str]:
    return frozenset(words(name.replace("-", " ")))


@lru_cache(maxsize=65_536)
def likeness(a: str, b: str) -> int:
    """Return 0..100: how surely two written names are one team or player."""
    if not a or not b:
        return 0
    if a == b:
        return 100
    a, b = _country(a), _country(b)
    if a == b:
        return 100
    full_a, full_b = name_words(a), name_words(b)
    if (full_a ^ full_b) & _RESERVES:
        return 0
    core_a, core_b = full_a - _GENERIC or full_a, full_b - _GENERIC or full_b
    if full_a == full_b or core_a == core_b:
        return 98
    if are_one_franchise(full_a, full_b):
        return 96
    shared = core_a & core_b
    if shared and (core_a <= core_b or core_b <= core_a):
        return 90
    letters = {w for w in core_a ^ core_b if len(w) <= 3}
    close = {x for x in core_a - core_b for y in core_b - core_a if _akin(x, y)}
    count = len(shared) + len(close)
    if count:
        smaller = min(len(core_a), len(core_b))
        return 88 if count >= smaller else (50 if letters or count * 2 >= smaller else 40)
    joined_a, joined_b = "".join(sorted(core_a)), "".join(sorted(core_b))
    if min(len(joined_a), len(joined_b)) <= 5 and (_initials(a, b) or _initials(b, a)):
        return 70
    return 0


@lru_cache(maxsize=16_384)
def _country(name: str) -> str:
    """Return a name with the spellings of countries and cities made one."""
    return " ".join(canonical(name).split())


def _akin(x: str, y: str) -> bool:
    if min(len(x), len(y)) >= 4 and (x.startswith(y) or y.startswith(x)):
        return True
    return len(x) > 5 and len(y) > 5 and x[:5] == y[:5] and abs(len(x) - len(y)) <= 2


def _initials(short: str, long: str) -> bool:
    letters = short.replace(" ", "")
    parts = long.replace("-", " ").split()
    return 2 <= len(letters) <= 4 and letters == "".join(p[0] for p in parts if p)


def code_fits(code: str, name: str) -> int:
    """Return 0..100: how well a ticker ending abbreviates a name."""
    letters = re.sub(r"[^a-z]", "", code.lower())
    flat = re.sub(r"[^a-z0-9 ]", "", name.replace("-", " "))
    if not letters or not flat:
        return 0
    if any(part.startswith(letters) for part in flat.split()):
        return 100
    initials = "".join(p[0] for p in flat.split())
    if initials.startswith(letters) or letters == initials:
        return 90
    at = 0
    for letter in letters:
        at = flat.find(letter, at) + 1
        if at == 0:
            return 0
    return 60 if flat[0] == letters[0] else 40

# ruff: noqa: E501  (patterns are kept whole)
"""A proposition: everything that one market claims, read from its texts once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Final

from shared.matching.market_text import MarketText, bounded, tagged_date
from shared.matching.propositions import moments as when
from shared.matching.propositions.claims import Claim, Form, find_claim, split_rules
from shared.matching.propositions.clauses import Clause, read_clauses
from shared.matching.propositions.said_times import (
    contradicts,
    deadline,
    event_days,
    other_month,
    start_minute,
    tag_year,
)
from shared.matching.propositions.sides import Sides, read_sides
from shared.matching.propositions.sources import read_sources
from shared.matching.propositions.thresholds import Interval, intervals
from shared.matching.propositions.vocabulary import canonical, content
from shared.matching.text import SENTENCE_MAX, fold, plain

FED_STEP: Final = Fraction(25)
"""The central bank moves its target range in steps of 25 basis points."""


class Kind(StrEnum):
    """What sort of question it is; decides which differences are tails and which matter."""

    GAME = "game"
    CONTEST = "contest"
    VOTE = "vote"
    RATE = "rate"
    """The decision of a central bank at one scheduled meeting."""
    MEASURE = "measure"
    EVENT = "event"


@dataclass(frozen=True, slots=True)
class Proposition:
    """One market as the hard rules see it. Every span quotes the venue's own words."""

    market: MarketText
    claim: Claim
    kind: Kind
    subject: frozenset[str]
    """Words of the names that may stand for the subject (label, title, claim together)."""
    subjects: tuple[str, ...]
    claim_core: frozenset[str]
    """Stems of the claim sentence alone, without dates and compared numbers."""
    core: frozenset[str]
    """Stems of claim, title and label, without dates and compared numbers."""
    names: frozenset[str]
    """Stems written with a capital: they are never explained by context."""
    context: frozenset[str]
    """Stems of every text of the market."""
    values: tuple[Interval, ...]
    window: when.Window
    years: frozenset[int]
    """Editions that title and claim name."""
    contradicts_itself: bool
    """Title and claim name editions, and none of them is the same."""
    event_days: frozenset[int]
    """Ordinals of the days on which the text says that the thing itself takes place."""
    deadline: int | None
    """First day on which an open question is no longer waited for, where a text says so."""
    context_years: frozenset[int]
    sides: Sides | None
    day: int | None
    """Ordinal of the day of a game, where the texts or the event's code tell it."""
    start_minute: int | None
    """Start of a game in UTC minutes after eastern midnight, where code or text tells it."""
    close_day: int | None
    """Ordinal of the UTC day on which the venue closes the market; nominal on some venues."""
    clauses: dict[str, Clause]
    loose: tuple[str, ...]
    sources: frozenset[str]
    source_span: str
    has_rules: bool
    is_cut: bool
    """A text was longer than what is read: such a market is never confirmed."""


_VOTE_FOR_NAME: Final = re.compile(r"\bvotes? for [A-Z]")
_EPOCH_DAY: Final = 719_163
"""Ordinal of 1970-01-01."""
_ASIDE: Final = re.compile(r"\((?!not|inclu|exclu|does|only|at least|or )[^()]{0,160}\)")
"""An apposition in brackets: another name of what stands before it. Brackets that begin
with a limiting word are kept: they change what counts."""
_AWARD_FOR: Final = re.compile(r" for ['\"][^'\"]+['\"]\??")
_FED_MOVE: Final = re.compile(
    r"(?P<no>no change|maintains?|remain(?:s)? unchanged|hike rates by 0 ?bps|hike of 0 ?bps)"
    r"|(?P<cut>\bcuts?\b|decreases?d?|lower(?:s|ed)?|below the level)|(?P<hike>\bhikes?\b|increases?d?|raises?d?)"
)
_SUBJECT: Final = re.compile(
    r"^(?:.{3,60}: (?=will ))?(?:will )?(?:the )?(?P<s>.+?) (?:xwin|xnominee|be the|be xwin|xtop\d+|is the|is xfirst|be xfirst|xvotefor|receive|be elected|finish|be named|be inaugurated|advance)\b"
)
_NAME_WORD: Final = re.compile(r"(?<![.!?:\"] )(?<!^)\b[A-Z0-9][\w'.&-]*")


def parse(market: MarketText) -> Proposition:
    """Read one market. Pure and bounded; never raises on any text."""
    market, is_cut = bounded(market)
    split = split_rules(market.rules)
    claim = find_claim(market, split)
    title = _AWARD_FOR.sub("", fold(market.question).replace("**", ""))
    label = "" if market.label.startswith("~") else fold(market.label)
    close = market.close_ns
    claim_dates = when.moments(claim.text, close)
    title_dates = when.moments(title, close)
    window = when.window(claim.text, claim_dates)
    if not window.is_known:
        window = when.window(title, title_dates)
    everything = fold(" . ".join((market.question, market.event_title, market.label, market.rules)))
    values, claim_rest = _values(claim.text, claim_dates)
    claim_rest = _ASIDE.sub(" ", claim_rest)
    title_values, title_rest = _values(title, title_dates)
    if claim.form in (Form.TITLE, Form.WINNER_OF) or not values:
        values = values or title_values
    _, label_rest = _values(label, when.moments(label, close))
    core_text = " . ".join((claim_rest, title_rest, label_rest))
    core = content(core_text)
    kind = _kind(core_text, values)
    if kind is Kind.EVENT and _VOTE_FOR_NAME.search(market.question) is not None:
        kind = Kind.VOTE
    clauses, loose = read_clauses(split, claim.sentence_no)
    sources, source_span = read_sources(split, claim.text, market.source)
    sides = read_sides(market, claim.text)
    if sides is not None:
        kind = Kind.GAME
    if "xfed" in core and re.search(
        r"\d\+? ?bps|basis points", title + claim.text + _no_change(title)
    ):
        values, window, kind = _fed_move(claim, title, values, window, title_dates)
        core = frozenset(w for w in core if w not in _FED_WORDS and not _BPS.match(w))
    claim_core = core if kind is Kind.RATE else content(claim_rest)
    subjects = _subjects(market, claim, title, label)
    return Proposition(
        market=market,
        claim=claim,
        kind=kind,
        subject=frozenset(w for s in subjects for w in content(s)),
        subjects=subjects,
        claim_core=claim_core,
        core=core,
        names=_names(market, claim),
        context=content(everything),
        values=values,
        window=window,
        years=when.editions(claim_dates + title_dates)
        | when.numbered_editions(f"{claim.text} {title}"),
        contradicts_itself=contradicts(market, claim.text, claim_dates, title_dates)
        or (kind is Kind.RATE and other_month(claim_dates, title_dates)),
        event_days=event_days(split, close),
        deadline=deadline(window, clauses, close),
        context_years=when.editions(when.moments(everything, close)) | tag_year(market),
        sides=sides,
        day=_game_day(market, everything) if sides is not None else None,
        start_minute=start_minute(market, everything) if sides is not None else None,
        close_day=close // (86_400 * 10**9) + _EPOCH_DAY if close else None,
        clauses=clauses,
        loose=loose,
        sources=sources,
        source_span=source_span,
        has_rules=bool(market.rules.strip()),
        is_cut=is_cut or any(len(s) > SENTENCE_MAX for s in split),
    )


def _kind(core_text: str, values: tuple[Interval, ...]) -> Kind:
    text = canonical(core_text)
    if "xvotefor" in text and re.search(r"senate|\byea\b|to confirm", core_text + text):
        return Kind.VOTE
    if re.search(r"\bxwin\b|\bxnominee\b|most seats|\bxtop\d", text):
        return Kind.CONTEST
    if values:
        return Kind.MEASURE
    return Kind.EVENT


def _values(folded: str, dates: tuple[when.Moment, ...]) -> tuple[tuple[Interval, ...], str]:
    """Return the compared numbers of a text and the text without dates, times and them."""
    blank = list(folded)
    for moment in dates:
        blank[moment.start : moment.end] = " " * (moment.end - moment.start)
    without = re.sub(
        r"\b\d{1,2}:\d\d(?::\d\d)?\s*(?:am|pm)?\s*(?:et|utc|est|gmt|edt)?\b|\butc\b|\(et\)| et\b",
        " ",
        "".join(blank),
    )
    return intervals(without)


_BPS: Final = re.compile(r"\d+(?:bps)?$")
_FED_WORDS: Final = frozenset(
    content("cut hike decrease increase lower raise change maintain bps rate interest target funds federal upper"
            " bound level range after following meeting changed prior versus amount of new their"
            " below above do does doe more rates maintains xrate no same exactly")
)  # fmt: skip


def _no_change(title: str) -> str:
    return " 0 bps" if re.search(r"no change|maintain|unchanged", title) else ""


def _fed_move(
    claim: Claim,
    title: str,
    values: tuple[Interval, ...],
    window: when.Window,
    title_dates: tuple[when.Moment, ...],
) -> tuple[tuple[Interval, ...], when.Window, Kind]:
    """Return a rate decision as a signed change in steps and the month of its meeting."""
    text = claim.text if claim.form is Form.YES_IF else title
    move = _FED_MOVE.search(text)
    if move is None:
        return values, window, Kind.MEASURE
    if move["no"]:
        zero = (Fraction(0), True)
        change: tuple[Interval, ...] = (Interval(zero, zero, "bps", move[0]),)
    else:
        change = tuple(_signed(v, -1 if move["cut"] else 1) for v in values or _bare_bps(text))
    month = next((m for m in title_dates if m.month), None)
    if month is not None:
        first = when.Moment(month.year, month.month, 0, 0, 0, "")
        window = when.Window("on", first.first_day(), first.after_day(), None, title)
    return change, window, Kind.RATE


def _bare_bps(text: str) -> tuple[Interval, ...]:
    found = re.search(r"(\d+) ?(\+)? ?bps", text)
    if found is None:
        return ()
    value = (Fraction(int(found[1])), True)
    return (Interval(value, None if found[2] else value, "bps", found[0]),)


def _signed(value: Interval, sign: int) -> Interval:
    stepped = value.on_steps(FED_STEP)
    if sign > 0:
        return Interval(stepped.low, stepped.high, "bps", value.span)
    low, high = stepped.low, stepped.high
    return Interval(
        (-high[0], high[1]) if high else None, (-low[0], low[1]) if low else None, "bps", value.span
    )


def _subjects(market: MarketText, claim: Claim, title: str, label: str) -> tuple[str, ...]:
    found: list[str] = []
    for text in (claim.text, title):
        match = _SUBJECT.match(re.sub(r"\s+", " ", canonical(text)).strip())
        if match is not None and len(match["s"]) < 160:
            found.extend(_spellings(match["s"]))
    if label and label not in ("yes", "no") and len(label) < 60:
        found.append(re.sub(r"\s+", " ", canonical(label)).strip())
    return tuple(dict.fromkeys(found))


def _spellings(subject: str) -> list[str]:
    """Return the spellings of one subject: "Alliance 90/The Greens (Die Grünen)" has three."""
    inside = re.findall(r"\(([^()]*)\)", subject)
    outside = re.sub(r"\([^()]*\)", " ", subject)
    parts = [p for text in (outside, *inside) for p in re.split(r"[/,]", text)]
    whole = [outside] if "/" in outside else []
    return [p.strip() for p in (*parts, *whole) if p.strip()]


def _names(market: MarketText, claim: Claim) -> frozenset[str]:
    raw = " ".join(("x " + plain(market.question), "x " + plain(claim.span)))
    return content(" ".join(w.lower() for w in _NAME_WORD.findall(raw)))


def _game_day(market: MarketText, everything: str) -> int | None:
    """Return the day a game is played: stated by the text, else by the event's code."""
    dated = [m for m in when.moments(everything, market.close_ns) if m.day]
    scheduled = re.search(
        r"scheduled (?:for|on) (?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|20\d\d-)",
        everything,
    )
    if scheduled is not None:
        after = [m for m in dated if m.start >= scheduled.start()]
        if after:
            return after[0].first_day()
    year, month, day = tagged_date(market.event_code)
    if day:
        return when.Moment(year, month, day, 0, 0, "").first_day()
    title_dated = [m for m in when.moments(fold(market.question), market.close_ns) if m.day]
    if title_dated:
        return title_dated[0].first_day()
    if dated:
        return dated[0].first_day()
    return None

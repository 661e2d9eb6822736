# ruff: noqa: E501  (patterns are kept whole)
"""Sentences around the claim: what each does to the settlement.

Every sentence of a rules text falls into one of four sorts:
1. *clause*: recognised, with a value that can be compared (``CLAUSES``);
2. *source*: says who decides (``sources.py``);
3. *idle*: changes no payout (disclaimers, context, repetition of the claim);
4. *loose*: sounds binding ("must", "will count", "is defined as") and is not recognised.
A loose sentence is never assumed to be harmless; the hard rules decide what it costs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from shared.matching.propositions.sources import is_source_sentence
from shared.matching.text import SENTENCE_MAX, clip, fold


@dataclass(frozen=True, slots=True)
class Clause:
    """One recognised clause: what kind, what it says, and where."""

    code: str
    value: str
    span: str


_NO: Final = r"(?:will not|does not|do not|won't|not)"
CLAUSES: Final[tuple[tuple[str, str, re.Pattern[str]], ...]] = (
    ("overtime", "regulation", re.compile(r"(?:only|applies).{0,60}first 90 minutes|90 minutes (?:of regular play )?plus stoppage time|(?:does not|do not|not) include extra time|extra time and penalties do not count|regulation time only")),
    ("overtime", "all", re.compile(r"includ\w+ (?:any )?overtime|extra time and penalties included|after regulation, extra time|overtime (?:periods? )?(?:and shootouts? )?(?:will )?count")),
    ("phase", "advance", re.compile(r"advances? (?:from|past|to the next)")),
    ("death", "fair_price", re.compile(r"(?:die|died|dies|death).{0,200}(?:last (?:traded|fair)|fair (?:market )?(?:price|value))|(?:last traded|fair) price.{0,120}(?:death|died|dies)")),
    ("death", "excluded", re.compile(r"(?:death|dies|died|passing away).{0,60}" + _NO + r" (?:count|qualify|be considered)")),
    ("death", "counts", re.compile(r"(?:death|dies|died|passing away)")),
    ("announcement", "counts", re.compile(r"announcement.{0,140}(?:immediately )?(?:resolve|suffice|encompass|qualif|count)|announc\w+ (?:that )?(?:\w+ ){0,4}(?:will|intent|resign|a resign)|announcement .{0,80}(?:is also encompassed|alone counts|by that time immediately)")),
    ("announcement", "excluded", re.compile(r"announcement (?:alone )?(?:does|do|will) not (?:count|qualify)|announcement.{0,60}" + _NO + r" (?:be )?(?:count|qualify|considered|sufficient)")),
    ("contact", "in_person", re.compile(r"in[- ]person")),
    ("contact", "any", re.compile(r"(?:phone|video|virtual).{0,60}(?:count|qualif|includ|encompass)")),
    ("tie", "half", re.compile(r"(?:tie|draw).{0,120}50[-/ ]50|50[-/ ]50.{0,80}(?:tie|draw)")),
    ("tie", "alphabetical", re.compile(r"\btie\b.{0,260}alphabet|alphabetical order|abbreviat.{0,80}order|if several .{0,60}share .{0,80}alphabet")),
    ("tie", "shared", re.compile(r"\$1/n|tie for .{0,80}(?:payout|split)|divided by the number of")),
    ("tie", "own", re.compile(r"ends? in a tie, the market called|\btie\b|ends in a draw")),
    ("cancelled", "fair_price", re.compile(r"(?:cancel|postpone|rescheduled|not occur|forfeit|walkover|abandon).{0,260}(?:fair (?:market )?(?:price|value)|last (?:traded|fair))")),
    ("cancelled", "half", re.compile(r"(?:cancel|postpone|delayed|walkover|forfeit|abandon).{0,260}50[-/ ]50")),
    ("cancelled", "open", re.compile(r"(?:postponed|delayed|suspended).{0,60}(?:remain open|stay open)")),
    ("cancelled", "no", re.compile(r"(?:cancel|postpone|not (?:take|occur)|no (?:[\w'-]+ ){0,12}(?:takes place|is held)|does not occur).{0,200}resolves? (?:to )?\"?no\b")),
    ("cancelled", "yes", re.compile(r"cancel.{0,120}resolve (?:to )?\"?yes\b")),
    ("cancelled", "other", re.compile(r"(?:cancel|postpone|not been completed|no winner|no leader).{0,240}\"?other\b")),
    ("retired", "loses", re.compile(r"retires? or is disqualified loses|retirement, default, or disqualification|opponent's (?:forfeit|retirement|default)")),
    ("eliminated", "no", re.compile(r"becomes? impossible|is eliminated|takes any official action that removes|not officially nominated|forfeits, withdraws")),
    ("replaced", "no", re.compile(r"^if (?:another|a different|any other|some other) (?:individual|person|candidate|nominee|party|team|player|film|company)\b.{0,160}resolves? (?:to )?[\"']?no\b")),
    ("no_vote", "no", re.compile(r"without (?:a|any) (?:\w+ )?vote\b.{0,80}resolves? (?:to )?[\"']?no\b")),
    ("runoff", "counts", re.compile(r"includ\w+ (?:any )?(?:potential |possible )?(?:second round|run-?off)")),
    ("runoff", "excluded", re.compile(r"(?:second round|run-?off)s?.{0,60}" + _NO + r" (?:be )?(?:count|considered|included)|exclud\w+ (?:any )?(?:second round|run-?off)")),
    ("coalition", "alone", re.compile(r"\bnot any coalition\b|\bnot (?:by )?(?:any|the) coalition of which")),
    ("coalition", "counts", re.compile(r"coalitions? (?:will|of which .{0,60} will) (?:be )?(?:count|considered)")),
    ("withdrawn", "farthest", re.compile(r"withdraws?,? (?:or )?(?:forfeits?|is disqualified).{0,200}(?:farthest|furthest|reached)")),
    ("no_result", "date", re.compile(r"(?:no |isn't |is not |not ).{0,80}(?:released|issued|published|declared|known|announced|occurs?|determined|elected|takes place|take place|nominated|chosen|confirmed).{0,120}(?:by|before|after|within).{0,100}(?:resolve|no\b|other)")),
    ("no_data", "last", re.compile(r"(?:no (?:value|data|report|figure)|publishes no|not (?:published|available|released)).{0,160}(?:last|most recent|previous).{0,60}(?:used|value)")),
    ("no_data", "no", re.compile(r"(?:if )?no (?:value|data|report|figure|\w+ estimate).{0,80}(?:published|available|released).{0,100}resolves? (?:to )?\"?no\b")),
    ("revision", "first", re.compile(r"first (?:published|released|reported)|(?:revis\w+|second and third).{0,60}" + _NO + r" (?:be )?(?:count|considered|used|taken|affect)|initial (?:release|print)|as first published")),
    ("revision", "counts", re.compile(r"revis\w+ .{0,60}(?:will )?(?:count|be considered|be used)")),
    ("exactly", "no", re.compile(r"exactly .{0,60}(?:resolves? (?:to )?\"?no\b|does not count)")),
    ("exactly", "yes", re.compile(r"exactly .{0,60}resolves? (?:to )?\"?yes\b")),
    ("early", "close", re.compile(r"close (?:and expire )?early|expire early")),
)  # fmt: skip
"""(code, value, pattern) on the folded sentence; the first that fits a code gives its value."""

_IDLE: Final = tuple(
    re.compile(p)
    for p in (
        r"not affiliated|not been endorsed|not endorsed|trademarks?, logos|descriptive only|do not indicate an endorsement",
        r"^(?:the following|this) market (?:refers|relates) to",
        r"otherwise,? (?:this market|the market|it) (?:will )?resolves? to \"?no",
        r"^otherwise\b",
        r"mutually exclusive|only one bucket|displayed options|at maximum, can resolve",
        r"(?:is|are) scheduled (?:to|for)|will be held|will be presented|is an upcoming|are given every year|to be announced on",
        r"^in the upcoming (?:\w+ ){0,3}(?:game|match)|^in the (?:\w+ ){0,3}game between",
        r"no bearing on|for clarity|upper bound of the target federal funds|may resolve as soon as",
        r"you can find|more information|for reference|see:? https?",
        r"^(?:host nations|applicable stages|note):?$",
        r"one goal will be added|the result will be determined based on the final score",
        r"if \w[^.]{0,60} wins?, (?:this market|the market) (?:will )?resolves? to",
        r"^if [^,.]{2,80} (?:wins?|advances?|(?:is|are) declared the winner)[^,.]{0,60}, (?:this|the) market (?:will )?resolves? to [\"'](?!yes|no)",
        r"^(?:this|the) market will resolve to [\"'](?!yes|no)[^\"']{1,60}[\"'] if [^,;.]{2,80} (?:wins?|advances?|(?:is|are) declared the winner)[^,;.]{0,60}\.?$",
        r"is also known as|also known as|more commonly known",
        r"^for example\b|\bthe market (?:titled|called) [\"']",
        r"^the match has exactly one winner",
    )
)
_BINDING: Final = re.compile(
    r"\bmust\b|\bcounts?\b|\bcounted\b|qualif|\bonly\b|defined|definition|considered|purposes? of|refers? to|includ|exclud"
    r"|regardless|unless|however|encompass|resolve|required|\bif\b|solely|rounded|determined|sufficient|\bany\b|eligible|even if|\bused\b|\bno longer\b"
)


def read_clauses(split: tuple[str, ...], skip: int) -> tuple[dict[str, Clause], tuple[str, ...]]:
    """Return (clauses by code, loose sentences). ``skip`` is the number of the claim sentence.

    The claim sentence is searched for clauses too, but is never loose.
    """
    clauses: dict[str, Clause] = {}
    loose: list[str] = []
    for number, sentence in enumerate(split):
        folded = fold(sentence[:SENTENCE_MAX])
        hits = 0
        says_source = is_source_sentence(folded)
        for code, value, pattern in CLAUSES:
            if pattern.search(folded) is None:
                continue
            if code == "announcement" and says_source:
                continue  # the announcement of a result is who decides, not what counts
            hits += 1
            if code not in clauses:
                clauses[code] = Clause(code, value, clip(sentence))
        if hits or number == skip or _is_idle(folded) or says_source:
            continue
        if _BINDING.search(folded) is not None:
            loose.append(sentence)
    return clauses, tuple(loose)


def _is_idle(folded: str) -> bool:
    return len(folded) < 12 or any(p.search(folded) is not None for p in _IDLE)

# ruff: noqa: E501  (patterns are kept whole)
"""Phrases that mean the same, by what they mean. Data only; applied to folded text.

Derivation: each group is common English or the public name of an institution; none names
a single market. Longer phrases stand before shorter ones.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from shared.matching.text import stem, words

_PHRASES: Final[tuple[tuple[str, str, str], ...]] = (
    (r"(?<=[a-z] )[a-z]\. (?=[a-z]{3})", "", ". "),  # an initial between names
    # leagues whose names hold other words below
    (r"american league(?= xm| |$)|\bal\b(?= (?:east|west|central|champ|mvp|manager|rookie|moty|roty|cy))", "xal", "al|american league"),
    (r"national league(?= xm| |$)|\bnl\b(?= (?:east|west|central|champ|mvp|manager|rookie|moty|roty|cy))", "xnl", "national league|nl"),
    # institutions
    (r"federal open market committee|\bfomc\b|federal reserve(?: board| system)?|\bthe fed\b|\bfed\b", "xfed", "fed|fomc"),
    (r"bureau of labor statistics|\bbls\b", "xbls", "bls|bureau of labor statistics"),
    (r"bureau of economic analysis|\bbea\b", "xbea", "bea|bureau of economic analysis"),
    (r"national weather service|\bnws\b", "xnws", "national weather service|nws"),
    (r"united nations|\bun\b", "xun", "un"),
    (r"united states of america|united states|\bu\.s\.a?\.?(?=\W|$)|\busa?\b|american", "xus", "american|u.s.|united states|us"),
    (r"united kingdom|\bu\.k\.?(?=\W|$)|\buk\b|british", "xuk", "british|u.k|uk|united kingdom"),
    (r"united arab emirates|\buae\b", "xuae", "uae|united arab emirates"),
    (r"european union|\beu\b", "xeu", "eu"),
    (r"new york city|\bnyc\b", "xnyc", "new york city|nyc"),
    (r"los angeles international airport|\blax\b", "xlax", "lax|los angeles international airport"),
    (r"\blabour\b", "labor", "labour"),
    (r"turkiye|turkey", "turkiye", "turk"),
    (r"south korea|korea republic|republic of korea", "xkorea", "korea republic|republic of korea|south korea"),
    (r"czech republic|czechia", "czechia", "czech"),
    (r"cote d'?ivoire|ivory coast", "xivory", "cote d|ivory coast"),
    (r"cape verde|cabo verde", "xcaboverde", "bo verde|pe verde"),
    (r"congo dr|dr congo|democratic republic of (?:the )?congo|drc", "xdrcongo", "congo dr|democratic republic of |dr congo|drc"),
    (r"bosnia and herzegovina|bosnia-herzegovina|bosnia & herzegovina", "bosnia", " & herzegovina| and herzegovina|-herzegovina"),
    (r"ir iran", "iran", "ir iran"),
    # competitions and prizes
    (r"academy awards?|\boscars?\b", "xoscar", "academy award|oscar"),
    (r"(?:british academy film|bafta(?: film)?) awards?|\bbaftas?\b", "xbafta", " award|bafta"),
    (r"screen actors guild(?: awards?)?|\bsag(?: awards?)?\b|actor awards?(?= presented by)", "xsag", "actor award|sag|screen actors guild"),
    (r"golden globes?(?: awards?)?", "xglobe", "golden globe"),
    (r"grammy(?: awards?)?s?|\bgrammys\b", "xgrammy", "grammy"),
    (r"emmy(?: awards?)?s?|\bemmys\b", "xemmy", "emmy"),
    (r"critics'? choice(?: movie)?(?: awards?)?", "xcritics", "critics"),
    (r"the game awards|game awards", "xgameawards", "game awards"),
    (r"fifa (?:men'?s )?world cup|men'?s (?:fifa )?world cup|\bworld cup\b", "xworldcup", "world cup"),
    (r"uefa champions league(?: winner)?|\bchampions league(?: winner)?\b|\bucl\b", "xucl", "champions league|ucl"),
    (r"uefa europa league|europa league", "xeuropa", "europa league"),
    (r"english premier league|premier league|\bepl\b", "xepl", "epl|premier league"),
    (r"pro basketball (?:championship|finals)|nba (?:championship|finals|champions?)|(?<!men's )pro basketball men'?s championship", "xnbatitle", "champion|finals|pro basketball "),
    (r"pro basketball(?: men'?s)?|\bnba\b", "xnba", "nba|pro basketball"),
    (r"(?:nhl )?stanley cup(?: finals?)?|pro hockey (?:championship|finals)", "xstanley", "pro hockey |stanley cup"),
    (r"formula (?:1|one)\b|\bf1\b", "xf1", "formula|f1"),
    (r"eurovision(?: song contest)?", "xeurovision", "eurovision"),
    (r"super bowl(?: [ivxlc]+\b)?|pro football championship", "xsuperbowl", "pro football championship|super bowl"),
    (r"world series|pro baseball championship", "xworldseries", "pro baseball championship|world series"),
    (r"(?:eastern|east) conference(?: finals?| championship| champions?)*", "xeastconf", " conference"),
    (r"(?:western|west) conference(?: finals?| championship| champions?)*", "xwestconf", " conference"),
    (r"most valuable player|\bmvp\b", "xmvp", "most valuable player|mvp"),
    (r"rookie of the year|\broty\b", "xroty", "rookie of the year|roty"),
    (r"manager of the year|\bmoty\b", "xmoty", "manager of the year|moty"),
    (r"wimbledon(?: championships?)?", "wimbledon", "wimbledon"),
    (r"french open|roland garros", "xrolandgarros", "french open|roland garros"),
    # prize categories
    (r"(?:best )?\b(?:actress in a (?:leading|lead) role|female actor in a (?:leading|lead) role|lead(?:ing)? actress|(?<=best )actress)\b", "xleadactress", "actress|female actor in a lead"),
    (r"(?:best )?\b(?:(?:male )?actor in a (?:leading|lead) role|lead(?:ing)? actor|(?<=best )actor)\b", "xleadactor", "actor"),
    (r"(?:best )?\b(?:actress in a supporting role|female actor in a supporting role|supporting actress)\b", "xsupactress", "actress in a supporting role|female actor in a supporting role|supporting actress"),
    (r"(?:best )?\b(?:(?:male )?actor in a supporting role|supporting actor)\b", "xsupactor", "actor in a supporting role|supporting actor"),
    (r"outstanding performance by an? ", "", "outstanding performance by a"),
    (r"best picture|best film", "xbestpicture", "best "),
    (r"motion picture", "film", "motion picture"),
    # ballots
    (r"(?:is |be )?(?:the )?first person to win", "win", "first person to win"),
    (r"\b(?:in|on) the first roll-call vote (?:on|over) (?:(?:his|her|their) )?confirmation", "", " the first roll-call vote o"),
    (r"prime ministry|prime ministership|prime minister(?:ship)?|\bpm\b(?! et)", "xpm", "pm|prime minister|prime ministry"),
    (r"mayorship|mayoral|mayoralty|mayor", "mayor", "mayor"),
    (r"governorship|gubernatorial|governor", "governor", "overnor|ubernatorial"),
    (r"presidency|presidential|\bpresident\b", "president", "presidency|president"),
    (r"chancellorship|chancellor", "chancellor", "chancellor"),
    (r"senatorial|senators?", "senate", "senator"),
    (r"house seat|house race|congressional seat", "houserace", "congressional seat|house race|house seat"),
    (r"(?:wins?|won|win) the nomination (?:for|of) the|nomination for the|nominee|nominated|nomination|primary(?: election)?", "xnominee", "nominated|nomination|nominee|primary"),
    (r"democratic party|democratics?|democrats?", "xdem", "democrat"),
    (r"republican party|republicans?|\bgop\b", "xrep", "gop|republican"),
    (r"lower house|house of representatives|bundestag|parliamentary|parliament|federal election", "xparliament", "bundestag|federal election|house of representatives|lower house|parliament"),
    (r"votes? (?:yea for|to confirm|for the confirmation of|in favou?r of|for)", "xvotefor", "vote"),
    (r"\bevery(?=\s+\w+\s+senate)|\ball\s+senate\s+in\b|\ball(?=\s+senate)", "xevery", "all|every|senate"),
    # units and things
    (r"basis points?", "bps", "basis point"),
    (r"funds rate|interest rates?|federal funds (?:rate|range)|target federal funds", "xrate", "federal funds ra|funds rate|interest rate|target federal funds"),
    (r"consumer price index|\bcpi\b|inflation", "xcpi", "consumer price index|cpi|inflation"),
    (r"(?:total )?non-?farm payroll(?: employment)?s?|payrolls?|jobs (?:be )?added", "xpayrolls", "jobs |payroll"),
    (r"bitcoin|\bbtc\b", "xbtc", "bitcoin|btc"),
    (r"ethereum|\bether\b|\beth\b", "xeth", "eth"),
    (r"solana|\bsol\b", "xsol", "sol"),
    (r"grand theft auto|\bgta\b", "xgta", "grand theft auto|gta"),
    (r"\b6\b(?= |$)|\bvi\b", "6", "6|vi"),
    (r"legislation|\bbill\b", "bill", "bill|legislation"),
    # doing things
    (r"(?:an )?altitude of (?:62 miles|100 ?km|100 kilometers)(?: above sea level)?", "space", "altitude of "),
    (r"spacex(?:'s)? starship", "starship", " starship"),
    (r"\bwins? the finals? (?:of|at|in)\b", "win", " the final"),
    (r"ceases? to be|leaves?(?: office)?|left office|is out|\bout as\b|\bout\b|departs?|steps? down|no longer", "xleave", " down| to be|depart|leave|left office|no longer|out"),
    (r"resigns?|resignation", "xresign", "resign"),
    (r"\b(?:is the winner of|be the winner of|has won|winner|winning|wins?|won|crowned|championships?|champions?(?! league))\b", "xwin", "champion|crowned|win|won"),
    (r"controls the", "xwin the", "controls the"),
    (r"has been |have been ", "", "s been |ve been "),
    (r"at any (?:time|point)", "", "at any "),
    (r"first person to", "xfirst", "first person to"),
)  # fmt: skip
"""(pattern, token, parts): every match holds one of the parts, which is looked for first."""
_COMPILED: Final = tuple(
    (re.compile(pattern).sub, f" {token} ", tuple(parts.split("|")))
    for pattern, token, parts in _PHRASES
)
_TOP: Final = re.compile(
    r"\btop (\d+) finish(?:ers?|es)?\b|\bfinish(?:es)? (?:in the )?top (\d+)\b"
)

STOPWORDS: Final = frozenset(
    form
    for w in (
    "a an the of for to in on at by with from as is are was were be been being will would shall it its this that"
    " these those there their his her he she they them if then than and or only any some such which who whom"
    " whose what when where does do did has have had so into over per according about between during before after"
    " until end market resolve yes otherwise following contract question listed"
    " refer relevant least most's also within up out s"
    ).split()
    for form in (w, stem(w))
)  # fmt: skip

NEUTRAL: Final = frozenset(
    stem(w)
    for w in (
        "official officially professional annual award awards event tournament tournaments competition"
        " men mens male party candidate player team club fc game match election elections held season"
        " year date next upcoming results result xwin winner named declared country individual person"
        " time et utc successfully successful listed new get become receive receives take place series"
        " association football soccer basketball hockey baseball tennis golf fifa uefa day contest film"
        " best singles championship tour formally gets officially be again role"
    ).split()
)
"""Words that describe what another word already names; alone they separate nothing in the
name of a contest. Not used for the subject."""


@lru_cache(maxsize=16_384)
def canonical(folded: str) -> str:
    """Return a folded text with phrases of one meaning replaced by one token."""
    folded = _TOP.sub(lambda m: f" xtop{m[1] or m[2]} ", folded)
    for replaced, token, parts in _COMPILED:
        for part in parts:
            if part in folded:
                folded = replaced(token, folded)
                break
    return folded


def content(folded: str) -> frozenset[str]:
    """Return the stems that carry meaning in a folded text, after ``canonical``."""
    found = (w if w.startswith("x") else stem(w) for w in words(canonical(folded)))
    return frozenset(w for w in found if w not in STOPWORDS and w)


@lru_cache(maxsize=65_536)
def phrase_content(folded: str) -> frozenset[str]:
    """Return ``content`` of a name or a sentence, remembered: rules ask it for every pair."""
    return content(folded)

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

_PHRASES: Final[tuple[tuple[str, str], ...]] = (
    (r"(?<=[a-z] )[a-z]\. (?=[a-z]{3})", ""),  # an initial between names
    # leagues whose names hold other words below
    (r"american league(?= xm| |$)|\bal\b(?= (?:east|west|central|champ|mvp|manager|rookie|moty|roty|cy))", "xal"),
    (r"national league(?= xm| |$)|\bnl\b(?= (?:east|west|central|champ|mvp|manager|rookie|moty|roty|cy))", "xnl"),
    # institutions
    (r"federal open market committee|\bfomc\b|federal reserve(?: board| system)?|\bthe fed\b|\bfed\b", "xfed"),
    (r"bureau of labor statistics|\bbls\b", "xbls"),
    (r"bureau of economic analysis|\bbea\b", "xbea"),
    (r"national weather service|\bnws\b", "xnws"),
    (r"united nations|\bun\b", "xun"),
    (r"united states of america|united states|\bu\.s\.a?\.?(?=\W|$)|\busa?\b|american", "xus"),
    (r"united kingdom|\bu\.k\.?(?=\W|$)|\buk\b|british", "xuk"),
    (r"united arab emirates|\buae\b", "xuae"),
    (r"european union|\beu\b", "xeu"),
    (r"new york city|\bnyc\b", "xnyc"),
    (r"los angeles international airport|\blax\b", "xlax"),
    (r"turkiye|turkey", "turkiye"),
    (r"south korea|korea republic|republic of korea", "xkorea"),
    (r"czech republic|czechia", "czechia"),
    (r"cote d'?ivoire|ivory coast", "xivory"),
    (r"cape verde|cabo verde", "xcaboverde"),
    (r"congo dr|dr congo|democratic republic of (?:the )?congo|drc", "xdrcongo"),
    (r"bosnia and herzegovina|bosnia-herzegovina|bosnia & herzegovina", "bosnia"),
    (r"ir iran", "iran"),
    # competitions and prizes
    (r"academy awards?|\boscars?\b", "xoscar"),
    (r"(?:british academy film|bafta(?: film)?) awards?|\bbaftas?\b", "xbafta"),
    (r"screen actors guild(?: awards?)?|\bsag(?: awards?)?\b|actor awards?(?= presented by)", "xsag"),
    (r"golden globes?(?: awards?)?", "xglobe"),
    (r"grammy(?: awards?)?s?|\bgrammys\b", "xgrammy"),
    (r"emmy(?: awards?)?s?|\bemmys\b", "xemmy"),
    (r"critics'? choice(?: movie)?(?: awards?)?", "xcritics"),
    (r"the game awards|game awards", "xgameawards"),
    (r"fifa (?:men'?s )?world cup|men'?s (?:fifa )?world cup|\bworld cup\b", "xworldcup"),
    (r"uefa champions league(?: winner)?|\bchampions league(?: winner)?\b|\bucl\b", "xucl"),
    (r"uefa europa league|europa league", "xeuropa"),
    (r"english premier league|premier league|\bepl\b", "xepl"),
    (r"pro basketball (?:championship|finals)|nba (?:championship|finals|champions?)|(?<!men's )pro basketball men'?s championship", "xnbatitle"),
    (r"pro basketball(?: men'?s)?|\bnba\b", "xnba"),
    (r"(?:nhl )?stanley cup(?: finals?)?|pro hockey (?:championship|finals)", "xstanley"),
    (r"super bowl|pro football championship", "xsuperbowl"),
    (r"world series|pro baseball championship", "xworldseries"),
    (r"(?:eastern|east) conference(?: finals?| championship| champions?)*", "xeastconf"),
    (r"(?:western|west) conference(?: finals?| championship| champions?)*", "xwestconf"),
    (r"most valuable player|\bmvp\b", "xmvp"),
    (r"rookie of the year|\broty\b", "xroty"),
    (r"manager of the year|\bmoty\b", "xmoty"),
    (r"wimbledon(?: championships?)?", "wimbledon"),
    (r"french open|roland garros", "xrolandgarros"),
    # prize categories
    (r"(?:best )?\b(?:actress in a (?:leading|lead) role|female actor in a (?:leading|lead) role|lead(?:ing)? actress|(?<=best )actress)\b", "xleadactress"),
    (r"(?:best )?\b(?:(?:male )?actor in a (?:leading|lead) role|lead(?:ing)? actor|(?<=best )actor)\b", "xleadactor"),
    (r"(?:best )?\b(?:actress in a supporting role|female actor in a supporting role|supporting actress)\b", "xsupactress"),
    (r"(?:best )?\b(?:(?:male )?actor in a supporting role|supporting actor)\b", "xsupactor"),
    (r"outstanding performance by an? ", ""),
    (r"best picture|best film", "xbestpicture"),
    (r"motion picture", "film"),
    # ballots
    (r"(?:is |be )?(?:the )?first person to win", "win"),
    (r"\b(?:in|on) the first roll-call vote (?:on|over) (?:(?:his|her|their) )?confirmation", ""),
    (r"prime ministry|prime ministership|prime minister(?:ship)?|\bpm\b(?! et)", "xpm"),
    (r"mayorship|mayoral|mayoralty|mayor", "mayor"),
    (r"governorship|gubernatorial|governor", "governor"),
    (r"presidency|presidential|\bpresident\b", "president"),
    (r"chancellorship|chancellor", "chancellor"),
    (r"senatorial|senators?", "senate"),
    (r"house seat|house race|congressional seat", "houserace"),
    (r"(?:wins?|won|win) the nomination (?:for|of) the|nomination for the|nominee|nominated|nomination|primary(?: election)?", "xnominee"),
    (r"democratic party|democratics?|democrats?", "xdem"),
    (r"republican party|republicans?|\bgop\b", "xrep"),
    (r"lower house|house of representatives|bundestag|parliamentary|parliament|federal election", "xparliament"),
    (r"votes? (?:yea for|to confirm|for the confirmation of|in favou?r of|for)", "xvotefor"),
    (r"\bevery(?=\s+\w+\s+senate)|\ball\s+senate\s+in\b|\ball(?=\s+senate)", "xevery"),
    # units and things
    (r"basis points?", "bps"),
    (r"funds rate|interest rates?|federal funds (?:rate|range)|target federal funds", "xrate"),
    (r"consumer price index|\bcpi\b|inflation", "xcpi"),
    (r"(?:total )?non-?farm payroll(?: employment)?s?|payrolls?|jobs (?:be )?added", "xpayrolls"),
    (r"bitcoin|\bbtc\b", "xbtc"),
    (r"ethereum|\bether\b|\beth\b", "xeth"),
    (r"solana|\bsol\b", "xsol"),
    (r"grand theft auto|\bgta\b", "xgta"),
    (r"\b6\b(?= |$)|\bvi\b", "6"),
    (r"legislation|\bbill\b", "bill"),
    # doing things
    (r"(?:an )?altitude of (?:62 miles|100 ?km|100 kilometers)(?: above sea level)?", "space"),
    (r"spacex(?:'s)? starship", "starship"),
    (r"\bwins? the finals? (?:of|at|in)\b", "win"),
    (r"ceases? to be|leaves?(?: office)?|left office|is out|\bout as\b|\bout\b|departs?|steps? down|no longer", "xleave"),
    (r"resigns?|resignation", "xresign"),
    (r"\b(?:is the winner of|be the winner of|has won|winner|winning|wins?|won|crowned|championships?|champions?(?! league))\b",
        "xwin"),
    (r"controls the", "xwin the"),
    (r"has been |have been ", ""),
    (r"at any (?:time|point)", ""),
    (r"first person to", "xfirst"),
)  # fmt: skip
_COMPILED: Final = tuple((re.compile(pattern), f" {token} ") for pattern, token in _PHRASES)
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
    for pattern, token in _COMPILED:
        folded = pattern.sub(token, folded)
    return folded


def content(folded: str) -> frozenset[str]:
    """Return the stems that carry meaning in a folded text, after ``canonical``."""
    found = (w if w.startswith("x") else stem(w) for w in words(canonical(folded)))
    return frozenset(w for w in found if w not in STOPWORDS and w)

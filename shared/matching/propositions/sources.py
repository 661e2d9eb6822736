# ruff: noqa: E501  (patterns are kept whole)
"""Who decides: the settlement sources that a text names, as comparable keys."""

from __future__ import annotations

import re
from typing import Final

from shared.matching.text import fold

_HOST: Final = re.compile(
    r"https?://(?:www\.)?([a-z0-9.-]+)|\b((?:[a-z0-9-]+\.)+(?:com|org|gov|net|io|ca|uk|fr|edu))\b"
)
_NAMES: Final[tuple[tuple[str, str], ...]] = (
    ("bls", r"bureau of labor statistics|\bbls\b"),
    ("bea", r"bureau of economic analysis"),
    ("fed", r"federal reserve|\bfomc\b|federalreserve"),
    ("nws", r"national weather service|\bnws\b|weather\.gov|climatological report"),
    ("wunderground", r"wunderground|weather underground"),
    ("coinbase", r"coinbase"),
    ("binance", r"binance"),
    ("cfbenchmarks", r"cf ?benchmarks|bitcoin real-?time index|\bbrti\b"),
    ("chainlink", r"chainlink|data\.chain\.link"),
    ("pyth", r"\bpyth\b"),
    ("aaa", r"\baaa\b|gasprices\.aaa"),
    ("cdc", r"centers for disease control|\bcdc\b"),
    ("usgs", r"\busgs\b|earthquake\.usgs|geological survey"),
    ("gallup", r"gallup"),
    ("rcp", r"realclear"),
    ("silver", r"silver bulletin|natesilver"),
    ("votehub", r"votehub"),
    ("billboard", r"billboard"),
    ("spotify", r"spotify"),
    ("luminate", r"luminate"),
    ("lmarena", r"lmarena|chatbot arena|text arena"),
    ("rottentomatoes", r"rotten ?tomatoes|tomatometer"),
    ("un", r"united nations|press\.un\.org"),
    ("whitehouse", r"white house|whitehouse\.gov"),
    ("opm", r"office of personnel management|opm\.gov"),
    ("premierleague", r"premier league|premierleague\.com"),
    ("xtracker", r"xtracker|post counter"),
    ("xapi", r"\bx api\b"),
    ("imo", r"imo grand challenge|aimoprize|artificial intelligence math olympiad"),
    ("eiu", r"economist intelligence unit"),
    ("portwatch", r"portwatch"),
    ("oanda", r"oanda"),
    ("ercot", r"\bercot\b"),
    ("caiso", r"california iso\b|caiso"),
    ("steam", r"steam(?:powered)?\b"),
    ("twitch", r"twitch ?tracker"),
    ("flightradar", r"flightradar"),
    ("github", r"github"),
    ("liquipedia", r"liquipedia"),
    ("fifa", r"\bfifa\b"),
)  # fmt: skip
_COMPILED: Final = tuple((key, re.compile(p)) for key, p in _NAMES)
_ABOUT: Final = re.compile(
    r"resolution sources?|according to|as (?:reported|published|indicated|determined) by|source for this market|candle|reference rate"
    r"|based on (?:the )?(?:official|data|information|reports?)|\bapi\b|official information from|on the .{2,60}(?:leaderboard|index|chart|200)|trade of .{2,20} on|trade on"
)
CREDIBLE: Final = re.compile(
    r"credible (?:media )?reporting|credible (?:news )?sources|official (?:information|announcements?|results|vote count)"
)


_ONLY_SOURCE: Final = re.compile(
    r"resolution sources?\b|\bresolve (?:solely |only )?based (?:solely |only )?(?:off|on|upon) (?:the )?(?:first )?official (?:results?|announcements?|information)|credible (?:media |news )?(?:reporting|sources)|\bsources? (?:from which|will be|used)"
)


def is_source_sentence(folded: str) -> bool:
    """Say whether a sentence only names who decides; ``hard_rules`` compares that apart."""
    return _ONLY_SOURCE.search(folded) is not None


def read_sources(
    split: tuple[str, ...], claim: str, source_field: str
) -> tuple[frozenset[str], str]:
    """Return (keys, quoted sentence). Keys are names of ``_NAMES``, else host names."""
    keys: set[str] = set()
    span = source_field
    places = [fold(s) for s in split]
    chosen = [(s, f) for s, f in zip(split, places, strict=True) if _ABOUT.search(f)]
    texts = [f for _, f in chosen] + [claim, fold(source_field)]
    if chosen:
        span = chosen[-1][0]
    for text in texts:
        named = {key for key, pattern in _COMPILED if pattern.search(text)}
        keys |= named
        if not named:
            keys |= {h for pair in _HOST.findall(text) for h in pair if h}
    if not keys and source_field and len(source_field) < 80:
        keys.add(fold(source_field))
    return frozenset(keys), span

"""Words and sentences of market texts: folding, splitting, canonical phrases.

Market text is untrusted input: nothing here evaluates it, and every loop is bounded by
the length of the text. ``TEXT_MAX`` cuts what is longer; a cut text says so by its flag.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

TEXT_MAX: Final = 12_000
"""Characters of a rules text that are read; the longest real one has about 9,000."""
SENTENCE_MAX: Final = 1_600
"""Characters of one sentence that are read; a longer one marks its market as cut."""
SPAN_MAX: Final = 240
"""Characters of a quoted span kept as evidence."""

_QUOTES: Final = str.maketrans(
    {"“": '"', "”": '"', "‘": "'", "’": "'", "–": "-", "—": "-", "−": "-", "\u00a0": " "}
)
_COMBINING: Final = re.compile("[\u0300-\u036f]")
_UNSEEN: Final = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
"""Characters that nobody sees: inside a word they would make it another word."""
_SPACE: Final = re.compile(r"\s+")
_WORD: Final = re.compile(r"[a-z0-9]+(?:['.][a-z0-9]+)*")
_STOPS: Final = re.compile(
    r"\b(?:U\.S|U\.K|vs|Jr|Sr|St|No|Dr|Mr|Mrs|Inc|e\.g|i\.e|a\.m|p\.m|approx|Fla|D\.C|B\.C|[A-Z])\.$"
)
_BREAK: Final = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[\"'(\[]?[A-Z0-9])|[\r\n]+|\s*•\s*")


def plain(text: str) -> str:
    """Return ``text`` with typographic quotes and dashes replaced, accents and what nobody
    sees removed."""
    text = text[:TEXT_MAX]
    if text.isascii():
        return text
    text = _UNSEEN.sub("", text)
    decomposed = unicodedata.normalize("NFKD", text.translate(_QUOTES))
    if decomposed.isascii():
        return decomposed
    kept = _COMBINING.sub("", decomposed)
    return kept.replace("Ø", "O").replace("ø", "o").replace("ł", "l").replace("ß", "ss")


@lru_cache(maxsize=16_384)
def fold(text: str) -> str:
    """Return ``text`` plain, in lower case, with single spaces."""
    return _SPACE.sub(" ", plain(text)).strip().lower()


def sentences(text: str) -> tuple[str, ...]:
    """Split a rules text into sentences, as they were written (for quoting).

    A full stop after a known abbreviation or a single capital ends no sentence.
    """
    pieces: list[str] = []
    start = 0
    text = text[:TEXT_MAX]
    for gap in _BREAK.finditer(text):
        piece = text[start : gap.start()].strip()
        if piece and "\n" not in gap.group() and _STOPS.search(piece[-12:]):
            continue
        if piece:
            closing = gap.group().strip()
            pieces.append(piece + (closing if closing in ('"', "'", ")", "]") else ""))
        start = gap.end()
    last = text[start:].strip()
    if last:
        pieces.append(last)
    return tuple(pieces)


def words(folded: str) -> list[str]:
    """Return the words of a folded text; a possessive ``'s`` is dropped, hyphens separate."""
    return [w.removesuffix("'s").replace("'", "") for w in _WORD.findall(folded)]


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """Return a word without its English ending, enough to compare two texts on one thing."""
    if len(word) <= 3 or word[0].isdigit():
        return word
    for ending, put in (("ies", "y"), ("sses", "ss"), ("ches", "ch"), ("shes", "sh")):
        if word.endswith(ending) and len(word) > len(ending) + 2:
            return word[: -len(ending)] + put
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ing", "ed"):
        if word.endswith(ending) and len(word) > len(ending) + 3:
            base = word[: -len(ending)]
            return base[:-1] if base[-1] == base[-2] and base[-1] not in "sl" else base
    return word.removesuffix("e") if len(word) > 4 else word


def clip(span: str) -> str:
    """Return a span cut to what evidence keeps, on one line."""
    one_line = _SPACE.sub(" ", span).strip()
    return one_line if len(one_line) <= SPAN_MAX else one_line[: SPAN_MAX - 1].rstrip() + "…"

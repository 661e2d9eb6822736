# ruff: noqa: E501  (patterns are kept whole)
"""The sentence that says when YES pays, found and cut out of a rules text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shared.matching.market_text import MarketText
from shared.matching.text import SENTENCE_MAX, fold, sentences


class Form(StrEnum):
    """How a text states its claim."""

    YES_IF = "yes_if"
    """YES if a sentence comes true."""
    WINNER_OF = "winner_of"
    """One market of a family that resolves to whoever wins something."""
    NAMED_SIDE = "named_side"
    """The outcomes are the names of two sides."""
    TITLE = "title"
    """No such sentence: only the title says it."""


@dataclass(frozen=True, slots=True)
class Claim:
    """``text`` is folded and without the frame words; ``span`` quotes the sentence."""

    form: Form
    text: str
    span: str
    sentence_no: int


_TO_YES: Final = r"(?:this |the |these )?(?:corresponding |associated )?(?:market|strike)s?(?: will| shall)?(?: immediately)? resolves?(?: immediately)? to \"?yes\b[\",.]*"
_YES_IF: Final = (
    re.compile(r"^if (?P<x>.+?),? (?:then )?" + _TO_YES),
    re.compile(_TO_YES + r" if,? (?P<x>.+?)$"),
)  # fmt: skip
_WINNER: Final = re.compile(
    r"market will resolve (?:immediately )?(?:according )?to (?:the )?"
    r"(?:(?P<who>[^,.]{2,60}?) (?:who|that|which) (?P<x>.+)|(?P<y>(?:winner|number|amount|next|most) .+))$"
)


def find_claim(market: MarketText, split: tuple[str, ...]) -> Claim:
    """Return the claim of a market. ``split`` is its rules text in sentences."""
    folded = [fold(s[:SENTENCE_MAX]) for s in split]
    if not market.is_yes_no:
        named = _named_side(market, split, folded)
        if named is not None:
            return named
    for number, sentence in enumerate(folded):
        for pattern in _YES_IF:
            found = pattern.search(sentence)
            if found is not None and not found["x"].startswith(("the market", "no ")):
                return Claim(Form.YES_IF, _strip(found["x"]), split[number], number)
    for number, sentence in enumerate(folded):
        found = _WINNER.search(sentence)
        if found is not None:
            text = found["x"] or f"is the {found['y']}"
            return Claim(Form.WINNER_OF, _strip(text), split[number], number)
    return Claim(Form.TITLE, fold(market.question).rstrip("?"), market.question, -1)


def _named_side(market: MarketText, split: tuple[str, ...], folded: list[str]) -> Claim | None:
    name = fold(market.outcomes[0])
    pattern = re.compile(
        r"resolve (?:immediately )?to [\"']"
        + re.escape(name)
        + r"[\"'],? if (?P<x>[^;]+?)(?:, and to [\"']|$)"
    )
    other = re.compile(
        r"^if (?P<x>[^;]*?), (?:the|this) market will resolve to [\"']" + re.escape(name) + r"[\"']"
    )
    for number, sentence in enumerate(folded):
        found = pattern.search(sentence) or other.search(sentence)
        if found is not None:
            return Claim(Form.NAMED_SIDE, _strip(found["x"]), split[number], number)
    return None


def _strip(text: str) -> str:
    return text.strip(" .,;:\"'")


def split_rules(rules: str) -> tuple[str, ...]:
    return sentences(rules)

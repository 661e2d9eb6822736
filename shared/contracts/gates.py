"""Why a pair is not traded, in words: one sentence per gate code, for web, CLI and log.

A gate carries raw parameters (see ``gate_words``). ``display`` turns them into the few words
that the sentence names, so that every surface fills in the same text; a parameter that is
missing shows as ``?``, never as 0.
Rule: rendering never raises; a screen that cannot say why must still say that it cannot.
"""

from __future__ import annotations

from typing import Final

from shared.contracts.gate_words import NAME, GateText, Raw, Word
from shared.contracts.gates_catalogue import GATES
from shared.domain.enums import GateCode

__all__ = ["GATES", "UNKNOWN", "GateText", "display", "render", "rows"]

UNKNOWN: Final = "?"


def display(code: GateCode, raw: Raw) -> dict[str, str]:
    """Return the display parameters of a sentence; what is unknown is left out.

    A display parameter given directly (``{"x": "2.36"}``) stands where its raw numbers
    are missing.
    """
    entry = GATES[code]
    shown: dict[str, str] = {}
    for name in entry.names:
        word = entry.words.get(name)
        said = _apply(word, raw) if word is not None else None
        if said is None:
            said = raw.get(name)
        if said is not None:
            shown[name] = said
    return shown


def render(code: GateCode, raw: Raw, *, short: bool = False) -> str:
    """Return the sentence (or its short form) with ``?`` for whatever is unknown."""
    entry = GATES[code]
    shown = display(code, raw)
    template = entry.short if short else entry.sentence
    return NAME.sub(lambda match: shown.get(match.group(1), UNKNOWN), template)


def rows() -> list[tuple[str, dict[str, str]]]:
    """Return the catalogue as plain text, in the order in which gates are checked."""
    return [
        (
            code.value,
            {
                "sentence": GATES[code].sentence,
                "short": GATES[code].short,
                "severity": GATES[code].severity,
                "advice": GATES[code].advice,
            },
        )
        for code in GateCode
    ]


def _apply(word: Word, raw: Raw) -> str | None:
    try:
        return word(raw)
    except (KeyError, ValueError, ArithmeticError, OSError):
        return None

"""How commands answer: stdout carries the answer, stderr everything else.

Exit codes: 0 done, 1 a finding or failure (a bad row too), 2 wrong use.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import typer

from shared.domain.errors import TwinlegError

DONE: Final = 0
FAILED: Final = 1
WRONG_USE: Final = 2

Row = Mapping[str, Any]


class Failed(TwinlegError):
    """A command failed for a reason that one line says; exit 1."""


class WrongUse(TwinlegError):
    """The arguments cannot mean anything; one line, exit 2."""


def say(text: str) -> None:
    """Tell the person something that is not the answer."""
    print(text, file=sys.stderr, flush=True)


def print_json(answer: Any) -> None:
    print(json.dumps(answer, ensure_ascii=False), flush=True)


def answer_rows(source: str, answer: Callable[[Row], Mapping[str, Any]]) -> None:
    """Answer each JSON line of ``source`` (``-`` is stdin) with one JSON line, in order.

    A bad row answers ``{"error": …}`` and the rest goes on; then the exit code is 1.
    """
    has_bad = False
    for line in _lines(source):
        try:
            row = json.loads(line)
            if not isinstance(row, dict):
                raise ValueError("a row is a JSON object")
            answered: Mapping[str, Any] = answer(row)
        except (TwinlegError, ValueError, RecursionError) as error:
            has_bad = True
            answered = {"error": " ".join(str(error).split()) or type(error).__name__}
        print_json(answered)
    if has_bad:
        raise typer.Exit(FAILED)


def _lines(source: str) -> Iterator[str]:
    """Yield the lines that hold something. Raises WrongUse when the file cannot be read."""
    if source == "-":
        yield from (line for line in sys.stdin if line.strip())
        return
    try:
        with open(Path(source), encoding="utf-8", errors="replace") as file:
            yield from (line for line in file if line.strip())
    except OSError as error:
        raise WrongUse(f"cannot read {source}: {error.strerror}") from None


def yes_no(question: str) -> bool:
    """Ask on the terminal; no terminal means no."""
    if not sys.stdin.isatty():
        return False
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")

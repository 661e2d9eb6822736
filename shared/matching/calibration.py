"""What a score of the offline ranker meant on labelled rows, and whether it means that elsewhere.

The curve gives for each band of the score the share of pairs that truly are the same, with the
95 % bound. Two halves by series answer whether rules and score carry over: families of one
series share their wording, so a series belongs to one half as a whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

BANDS_PPM: Final = (0, 200_000, 400_000, 600_000, 700_000, 800_000, 920_000, 960_000, 1_000_001)


@dataclass(frozen=True, slots=True)
class Scored:
    """One judged row with both texts. ``is_same``: label and polarity agree."""

    series: str
    score_ppm: int
    is_positive: bool
    is_same: bool
    is_confirmed: bool
    is_kept: bool
    """Confirmed or sent to review."""


def curve(rows: Iterable[Scored]) -> list[dict[str, Any]]:
    """Return the share of truly same pairs by band of the score, lowest band first."""
    held: list[list[Scored]] = [[] for _ in BANDS_PPM[1:]]
    for row in rows:
        band = next(n for n, top in enumerate(BANDS_PPM[1:]) if row.score_ppm < top)
        held[band].append(row)
    return [
        {
            "from": BANDS_PPM[n] / 1_000_000,
            "to": min(1.0, BANDS_PPM[n + 1] / 1_000_000),
            "rows": len(band),
            "same": round(sum(r.is_same for r in band) / len(band), 4),
        }
        for n, band in enumerate(held)
        if band
    ]


def halves(rows: Sequence[Scored]) -> dict[str, dict[str, Any]]:
    """Return what confirms and what is kept in each half of the series."""
    return {
        name: _summary([r for r in rows if half_of(r.series) == n])
        for n, name in enumerate(("first", "second"))
    }


def half_of(series: str) -> int:
    """Return 0 or 1 for a series, by its name alone: the same in every run and every file."""
    return hashlib.sha256(series.encode()).digest()[0] & 1


def _summary(rows: Sequence[Scored]) -> dict[str, Any]:
    positive = [r for r in rows if r.is_positive]
    confirmed = [r for r in rows if r.is_confirmed]
    kept = [r for r in rows if r.is_kept]
    return {
        "rows": len(rows),
        "series": len({r.series for r in rows}),
        "confirmed": len(confirmed),
        "wrong": sum(not r.is_same for r in confirmed),
        "recall": _share(sum(r.is_confirmed and r.is_same for r in positive), len(positive)),
        "kept_precision": _share(sum(r.is_positive for r in kept), len(kept)),
        "kept_recall": _share(sum(r.is_kept for r in positive), len(positive)),
    }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None

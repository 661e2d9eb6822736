"""Top-of-book tapes of real pairs: who quoted what, when it was received.

The two venues were polled one after the other; each side keeps its own receive time. A
price of 0 or 1 is "no quote" (a placeholder), never a level. Sizes that the recorder did
not note are filled with ``ASSUMED_SIZE`` by the player, which says so.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final

from shared.domain.units import MICROS

ASSUMED_SIZE: Final = 100_000_000
"""Contracts (x 1e6) at the touch where a tape has no sizes: 100."""


@dataclass(frozen=True, slots=True)
class Touch:
    """Best bid and ask of one market as received; None = no quote on that side."""

    at_ms: int
    native_id: str
    bid: tuple[int, int] | None
    ask: tuple[int, int] | None
    has_sizes: bool
    complete_ms: int = 0
    """When the recorder had both venues' books of this row: the later receive time."""


@dataclass(frozen=True, slots=True)
class Tape:
    """One file. Touches are sorted by receive time; ids are a ticker or a Gamma id or
    ``token:<id>``."""

    name: str
    kalshi: tuple[Touch, ...]
    polymarket: tuple[Touch, ...]

    @property
    def start_ms(self) -> int:
        return min(side[0].at_ms for side in (self.kalshi, self.polymarket) if side)

    @property
    def end_ms(self) -> int:
        return max(side[-1].at_ms for side in (self.kalshi, self.polymarket) if side)

    @property
    def has_sizes(self) -> bool:
        return all(touch.has_sizes for touch in (*self.kalshi, *self.polymarket))


def read_tapes(folder: Path) -> list[Tape]:
    """Read every ``*.csv.gz`` of a folder; rows that cannot be read are skipped."""
    return [read_tape(path) for path in sorted(folder.glob("*.csv.gz"))]


def read_tape(path: Path) -> Tape:
    kalshi: dict[tuple[int, str], Touch] = {}
    polymarket: dict[tuple[int, str], Touch] = {}
    with gzip.open(path, "rt", newline="") as stream:
        for row in csv.DictReader(stream):
            for prefix, id_column, found in (
                ("k", "kalshi_ticker", kalshi),
                ("p", "polymarket_market_id", polymarket),
            ):
                touch = _touch(row, prefix, id_column)
                if touch is not None:
                    found[touch.at_ms, touch.native_id] = touch
    name = path.name.removesuffix(".csv.gz")
    return Tape(name, tuple(_ordered(kalshi)), tuple(_ordered(polymarket)))


def _ordered(found: dict[tuple[int, str], Touch]) -> Iterator[Touch]:
    for key in sorted(found):
        yield found[key]


def _touch(row: dict[str, str], prefix: str, id_column: str) -> Touch | None:
    try:
        at_ms = int(row.get(f"{prefix}_recv_ms") or row["ts_ms"])
        times = [row.get(f"{letter}_recv_ms") or row["ts_ms"] for letter in ("k", "p")]
        complete_ms = max(int(time) for time in times)
        bid, ask = micros(row[f"{prefix}_bid"]), micros(row[f"{prefix}_ask"])
        sizes = row[f"{prefix}_bid_size"], row[f"{prefix}_ask_size"]
        bid_size, ask_size = (micros(text) if text else 0 for text in sizes)
    except (KeyError, ValueError, InvalidOperation):
        return None
    if bid >= ask:
        return None
    return Touch(
        at_ms,
        row[id_column],
        _level(bid, bid_size),
        _level(ask, ask_size),
        has_sizes=bool(sizes[0] or sizes[1]),
        complete_ms=complete_ms,
    )


def _level(price: int, size: int) -> tuple[int, int] | None:
    return (price, size or ASSUMED_SIZE) if 0 < price < MICROS else None


def micros(text: str) -> int:
    """Return decimal text in millionths, cut below one millionth (tapes hold float text)."""
    return int(Decimal(text) * MICROS)

"""The state that a starting trader read from its record, as one event body.

Rows carry the column names of the schema, so that a replayed log does not depend on
Python classes of an older build. The kernel believes the venues over these rows: every
package in flight re-enters as RECOVERING whatever its row says (I-13, M-12).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.domain.events import Halt

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RecoveredState:
    """Everything ``Journal.load_open`` returns, plus who we are now.

    ``balances`` maps ledger account to micro-dollars; it sums to zero or the trader
    pauses. ``realised`` maps ``day``, ``week``, ``month`` to realised micro-dollars so
    far in that period of ``period_wall_ns``.
    """

    run_id: str
    epoch: int
    package_number: int
    packages: tuple[Row, ...]
    attempts: tuple[Row, ...]
    fills: tuple[Row, ...]
    positions: tuple[Row, ...]
    balances: Mapping[str, int]
    realised: Mapping[str, int]
    payouts_posted: frozenset[str]
    proven_pairs: frozenset[str]
    halts: tuple[Halt, ...]
    hedges: tuple[Row, ...] = ()
    """Outcomes of hedges of every mode, for the completion probability (``hedge_outcomes``)."""
    is_clean_start: bool = True
    """False after five exits in ten minutes: recovery only, then PAUSE (F-072)."""

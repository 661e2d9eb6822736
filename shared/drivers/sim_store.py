"""The record in simulation: commits are durable, asynchronous writes lag and die in a crash.

One step's rows land together or not at all, in order, as the real writer promises; a
commit made while the database is "down" fails, and a follow-up goes to the local wire log.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from shared.domain.events import Halt
from shared.domain.package_table import ENDS
from shared.domain.recovered import RecoveredState

Row = Mapping[str, Any]
_KEYS: Final = {
    "packages": ("package_id",),
    "orders": ("attempt_id",),
    "fills": ("fill_key",),
    "fill_states": ("fill_key", "state"),
    "positions": ("venue", "market_id"),
    "ledger_postings": ("posting_id",),
    "payouts": ("reference",),
    "hedge_outcomes": ("package_id",),
}
_INSERT_ONLY: Final = frozenset(
    {"fills", "fill_states", "ledger_postings", "payouts", "hedge_outcomes"}
)
_ENDED: Final = frozenset(state.value for state in ENDS)


@dataclass(slots=True)
class SimStore:
    """Tables by name, keyed by primary key; only tables that recovery reads are kept."""

    tables: dict[str, dict[tuple[Any, ...], dict[str, Any]]] = field(
        default_factory=lambda: {name: {} for name in _KEYS}
    )
    pending: deque[list[tuple[str, tuple[Row, ...]]]] = field(default_factory=deque)
    wire_log: dict[str, Row] = field(default_factory=dict)
    halts: dict[tuple[str, str], Halt] = field(default_factory=dict)
    proven: set[str] = field(default_factory=set)
    envelope_ids: set[str] = field(default_factory=set)
    epoch: int = 0
    is_down: bool = False

    def commit_envelope(self, package: Row, attempts: tuple[Row, ...]) -> None:
        """Durable at once: the rows of the intent, before any byte."""
        self._apply("packages", (package,))
        self._apply("orders", attempts)
        self.envelope_ids |= {row["attempt_id"] for row in attempts}

    def write_later(self, batch: list[tuple[str, tuple[Row, ...]]]) -> None:
        if batch:
            self.pending.append(batch)

    def flush(self, batches: int) -> None:
        """Let the writer catch up by some whole steps."""
        if self.is_down:
            return
        for _ in range(min(batches, len(self.pending))):
            for table, rows in self.pending.popleft():
                self._apply(table, rows)

    def crash(self) -> None:
        """What was not written is gone; the wire log is fsynced and stays."""
        self.pending.clear()

    def _apply(self, table: str, rows: tuple[Row, ...]) -> None:
        keys = _KEYS.get(table)
        if keys is None:
            return
        target = self.tables[table]
        for row in rows:
            key = tuple(row[name] for name in keys)
            if table in _INSERT_ONLY and key in target:
                continue
            target[key] = {**target.get(key, {}), **row}

    def all_rows(self, table: str) -> list[dict[str, Any]]:
        """Return the rows of a table as they will stand once the writer has caught up."""
        self.flush(1 << 30)
        return list(self.tables[table].values())

    def recovered(self, run_id: str, epoch: int) -> RecoveredState:
        """Return what a starting trader reads, the wire log merged over lagging rows."""
        packages = list(self.tables["packages"].values())
        # As the real record does: what ended lately comes too, so that a late fill finds it.
        live = {
            p["package_id"]
            for p in packages
            if p["state"] not in _ENDED or p["void_reason"] is None
        }
        orders = dict(self.tables["orders"])
        for attempt_id, row in self.wire_log.items():
            stored = orders.get((attempt_id,))
            if stored is None or stored["state"] == "planned":
                orders[(attempt_id,)] = {**(stored or {}), **row}
        states: dict[str, str] = {}
        rank = {"provisional": 0, "confirmed": 1, "failed": 2}
        for row in self.tables["fill_states"].values():
            known = states.get(row["fill_key"])
            if known is None or rank[row["state"]] > rank[known]:
                states[row["fill_key"]] = row["state"]
        fills = [
            {**row, "state": states.get(row["fill_key"])} for row in self.tables["fills"].values()
        ]
        balances: dict[str, int] = {}
        for row in self.tables["ledger_postings"].values():
            balances[row["account"]] = balances.get(row["account"], 0) + row["usd_micros"]
        return RecoveredState(
            run_id=run_id,
            epoch=epoch,
            package_number=max((p["number"] for p in packages), default=0),
            packages=tuple(p for p in packages if p["package_id"] in live),
            attempts=tuple(o for o in orders.values() if o["package_id"] in live),
            fills=tuple(fills),
            positions=tuple(self.tables["positions"].values()),
            balances=balances,
            realised={},
            payouts_posted=frozenset(row["reference"] for row in self.tables["payouts"].values()),
            proven_pairs=frozenset(self.proven),
            halts=tuple(self.halts.values()),
            hedges=tuple(self.tables["hedge_outcomes"].values()),
        )

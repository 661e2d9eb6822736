"""The trader's record in memory (port Journal): same refusals and the same reads as Postgres."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.adapters.stores.postgres_reading import FILLS_S, LATE_S
from shared.adapters.stores.postgres_rows import INSERT_ONLY, JOURNAL_TABLES, check, shape_of
from shared.domain.errors import FencedError, JournalError, RowRefusedError
from shared.domain.ids import PackageId
from shared.domain.units import NS_PER_S

Row = Mapping[str, Any]
Table = dict[tuple[Any, ...], dict[str, Any]]


class MemoryJournal:
    """Port ``Journal`` in memory. ``wall_ns`` stands for the database's own clock.

    ``is_down`` makes every call fail as an absent database does.
    """

    def __init__(self, wall_ns: Callable[[], int] = lambda: NS_PER_S) -> None:
        self.tables: dict[str, Table] = {name: {} for name in JOURNAL_TABLES}
        self.fencing: dict[str, Any] | None = None
        self.is_down = False
        self._wall_ns = wall_ns

    async def open(self) -> None:
        self._answer()

    async def close(self) -> None:
        return

    async def ping(self) -> None:
        self._answer()

    async def take_fencing(self, epoch: int, holder: str, versions: Mapping[str, str]) -> int:
        assert epoch > 0 and holder
        self._answer()
        current = self.fencing
        if current is None or current["number"] < epoch:
            self.fencing = {"number": epoch, "holder": holder, "versions": dict(versions)}
            return epoch
        if current["number"] == epoch and current["holder"] != holder:
            return epoch + 1
        number: int = current["number"]
        return number

    async def commit_envelope(self, package: Row, attempts: Sequence[Row], fencing: int) -> None:
        row = {**package, "fencing": fencing}
        check(shape_of("packages"), row)
        for attempt in attempts:
            check(shape_of("orders"), attempt)
        self._fence(fencing)
        known = self.tables["packages"].get((row["package_id"],))
        if known is not None and known["ended_wall_ns"] is not None:
            raise RowRefusedError(
                f"refused: package {row['package_id']} exists and is not open for it"
            )
        self._store(self.tables["packages"], "packages", row)
        for attempt in attempts:
            self.tables["orders"].setdefault((attempt["attempt_id"],), _filled("orders", attempt))

    async def write(self, table: str, rows: Sequence[Row], fencing: int) -> None:
        await self.write_batch([(table, rows)], fencing)

    async def write_batch(self, batches: Sequence[tuple[str, Sequence[Row]]], fencing: int) -> None:
        for table, rows in batches:
            for row in rows:
                check(shape_of(table), row)
        self._fence(fencing)
        after = {table: dict(self.tables[table]) for table, _ in batches}
        for table, rows in batches:
            for row in rows:
                stored = {**row, "fencing": fencing} if table == "packages" else row
                self._store(after[table], table, stored)
        _check_sums(after.get("ledger_postings", {}))
        self.tables.update(after)

    async def void_envelope(self, package: PackageId, reason: str, fencing: int) -> None:
        assert reason
        self._fence(fencing)
        row = self.tables["packages"].get((package,))
        if row is not None and row["ended_wall_ns"] is None:
            now = self._wall_ns()
            row.update(state="aborted", void_reason=reason, ended_wall_ns=now, updated_wall_ns=now)

    async def load_open(self) -> Mapping[str, Sequence[Row]]:
        self._answer()
        packages = self._rows("packages")
        now = self._wall_ns()
        late = now - LATE_S * NS_PER_S
        open_ids = {
            r["package_id"]
            for r in packages
            if r["ended_wall_ns"] is None
            or (r["void_reason"] is None and r["ended_wall_ns"] > late)
        }
        recent = now - FILLS_S * NS_PER_S
        fills = [
            r
            for r in self._rows("fills")
            if r["package_id"] in open_ids or r["ts_recorded_ns"] > recent
        ]
        keys = {r["fill_key"] for r in fills}
        orders = [r for r in self._rows("orders") if r["package_id"] in open_ids]
        payouts = sorted(self._rows("payouts"), key=lambda r: -r["posted_wall_ns"])
        return copy.deepcopy(
            {
                "packages": sorted(
                    (r for r in packages if r["package_id"] in open_ids),
                    key=lambda r: r["number"],
                ),
                "orders": sorted(
                    orders, key=lambda r: (r["package_id"], r["purpose"], r["attempt"])
                ),
                "fills": sorted(fills, key=lambda r: (r["ts_fill_ns"], r["fill_key"])),
                "fill_states": sorted(
                    (r for r in self._rows("fill_states") if r["fill_key"] in keys),
                    key=lambda r: r["ts_ns"],
                ),
                "positions": sorted(
                    self._rows("positions"), key=lambda r: (r["venue"], r["market_id"])
                ),
                "ledger_balances": self._balances(),
                "realised": self._realised(packages),
                "package_number": [{"number": max([0, *(r["number"] for r in packages)])}],
                "payouts": payouts,
                "pair_proofs": sorted(self._rows("pair_proofs"), key=lambda r: r["pair_id"]),
                "hedge_outcomes": sorted(self._rows("hedge_outcomes"), key=lambda r: -r["at_ns"]),
                "fencing": [self.fencing] if self.fencing else [],
            }
        )

    def _answer(self) -> None:
        if self.is_down:
            raise JournalError("database: no answer")

    def _fence(self, ours: int) -> None:
        self._answer()
        highest = self.fencing["number"] if self.fencing else None
        if highest is not None and highest > ours:
            raise FencedError(f"fencing number {ours} is over: {highest} has taken over")
        if highest is None or highest < ours:
            raise JournalError(f"fencing number {ours} was never taken (highest: {highest})")

    def _store(self, target: Table, table: str, row: Row) -> None:
        shape = shape_of(table)
        key = tuple(row[name] for name in shape.key)
        known = target.get(key)
        if known is not None and table in INSERT_ONLY:
            return
        if known is None and not shape.required <= row.keys():
            raise RowRefusedError(f"refused: {table} has no such row yet")
        missing = {name for name in shape.required & row.keys() if row[name] is None}
        if missing:
            raise RowRefusedError(f"refused: {table} needs {', '.join(sorted(missing))}")
        target[key] = {**known, **copy.deepcopy(dict(row))} if known else _filled(table, row)

    def _rows(self, table: str) -> list[dict[str, Any]]:
        return list(self.tables[table].values())

    def _balances(self) -> list[dict[str, Any]]:
        sums: dict[str, int] = {}
        for row in self._rows("ledger_postings"):
            sums[row["account"]] = sums.get(row["account"], 0) + row["usd_micros"]
        return [{"account": a, "usd_micros": usd} for a, usd in sorted(sums.items())]

    def _realised(self, packages: Sequence[Row]) -> list[dict[str, Any]]:
        return [
            {
                "period": period,
                "usd_micros": sum(
                    r["realised_usd_micros"] or 0
                    for r in packages
                    if r["ended_wall_ns"] is not None and r["ended_wall_ns"] >= start
                ),
            }
            for period, start in _period_starts(self._wall_ns()).items()
        ]


def _filled(table: str, row: Row) -> dict[str, Any]:
    """A new row with every column of its table; absent ones are None."""
    return {**dict.fromkeys(sorted(shape_of(table).columns)), **copy.deepcopy(dict(row))}


def _check_sums(postings: Table) -> None:
    sums: dict[str, int] = {}
    for row in postings.values():
        sums[row["txn_id"]] = sums.get(row["txn_id"], 0) + row["usd_micros"]
    for txn, total in sums.items():
        if total:
            raise RowRefusedError(
                f"refused: postings of transaction {txn} sum to {total} micro-dollars, not 0"
            )


def _period_starts(wall_ns: int) -> dict[str, int]:
    today = datetime.fromtimestamp(wall_ns // NS_PER_S, UTC).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    starts = {
        "day": today,
        "week": today - timedelta(days=today.weekday()),
        "month": today.replace(day=1),
    }
    return {name: int(start.timestamp()) * NS_PER_S for name, start in starts.items()}

"""Read models of the dashboard over the record. Sync, read only, pages by cursor.

A cursor names the last row seen (instant and key), so that new rows never shift a page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, bindparam, text

from shared.adapters.stores import view_rows
from shared.adapters.stores.package_figures import Figures, figures_of
from shared.adapters.stores.package_timeline import timeline
from shared.adapters.stores.postgres_engine import open_engine, transaction
from shared.contracts.api_v1 import (
    EdgeView,
    FillsPage,
    FillsSummary,
    PackageCounts,
    PackagesPage,
    PackageView,
    PairsPage,
)
from shared.domain.package_table import ENDS, STATUS_GROUPS
from shared.domain.units import format_micros

Record = dict[str, Any]
LIMIT_MAX: Final = 200
_PINNED_MAX: Final = 50
_END_KEY: Final = "\U0010ffff"
_RESTING: Final = sorted(
    {s.value for s in STATUS_GROUPS["hedged"] | STATUS_GROUPS["flat"] | set(ENDS)}
)
"""States of packages that ask for nothing; every other one is pinned to the first page."""

_FILLS: Final = text(
    "SELECT * FROM fills WHERE (ts_fill_ns, fill_key) < (:ns, :key)"
    " ORDER BY ts_fill_ns DESC, fill_key DESC LIMIT :limit"
)
_TODAY: Final = text(
    "SELECT count(*) AS fills, coalesce(sum(fee_usd_micros), 0)::bigint AS fees,"
    " coalesce(sum(cost_usd_micros), 0)::bigint AS cost,"
    " (sum(slippage_micros::numeric * qty_micros) FILTER (WHERE slippage_micros IS NOT NULL)"
    "  / nullif(sum(qty_micros) FILTER (WHERE slippage_micros IS NOT NULL), 0)) AS slippage"
    " FROM fills WHERE ts_fill_ns >="
    " (extract(epoch FROM date_trunc('day', now(), 'UTC')) * 1000000000)::bigint"
)
_PACKAGES: Final = text(
    "SELECT * FROM packages WHERE state IN :resting AND (created_wall_ns, package_id) < (:ns, :key)"
    " ORDER BY created_wall_ns DESC, package_id DESC LIMIT :limit"
).bindparams(bindparam("resting", expanding=True))
_PINNED: Final = text(
    "SELECT * FROM packages WHERE ended_wall_ns IS NULL AND state NOT IN :resting"
    " ORDER BY created_wall_ns DESC, package_id DESC LIMIT :limit"
).bindparams(bindparam("resting", expanding=True))
_PAIRS: Final = (
    "SELECT p.*, a.title AS title_a, b.title AS title_b FROM market_pairs p"
    " LEFT JOIN markets a ON a.id = p.market_a_id LEFT JOIN markets b ON b.id = p.market_b_id"
    " WHERE (p.updated_ns, p.id) < (:ns, :key) {verdict}"
    " ORDER BY p.updated_ns DESC, p.id DESC LIMIT :limit"
)
_EDGE: Final = text(
    "SELECT e.*, p.name, p.market_a_id, p.market_b_id, a.title AS title_a, b.title AS title_b"
    " FROM edges e LEFT JOIN market_pairs p ON p.id = e.pair_id"
    " LEFT JOIN markets a ON a.id = p.market_a_id LEFT JOIN markets b ON b.id = p.market_b_id"
    " WHERE e.pair_id = :pair ORDER BY e.ts_ns DESC LIMIT 1"
)


class PostgresViews:
    """Everything that ``dashboard_api`` reads from Postgres; limits are capped at 200 rows."""

    def __init__(self, dsn: str, *, engine: Engine | None = None) -> None:
        self._engine = engine or open_engine(dsn)

    def close(self) -> None:
        self._engine.dispose()

    def fills_page(self, limit: int = 50, cursor: str | None = None) -> FillsPage:
        """Newest fills first, and the sums of the UTC day."""
        bounds = _bounds(limit, cursor)
        with transaction(self._engine) as connection:
            fills = _all(connection, _FILLS, bounds)
            ids = {f["package_id"] for f in fills if f["package_id"]}
            packages = {p["package_id"]: p for p in _by_ids(connection, "packages", ids)}
            figures, states = _figures(connection, packages)
            states |= _states(connection, fills)
            today = connection.execute(_TODAY).one()
        rows = [
            view_rows.fill_row(
                f, packages.get(f["package_id"]), figures.get(f["package_id"]), states
            )
            for f in fills
        ]
        return FillsPage(
            rows=rows,
            next_cursor=_next(fills, bounds, "ts_fill_ns", "fill_key"),
            today=_summary(today),
        )

    def packages_page(self, limit: int = 50, cursor: str | None = None) -> PackagesPage:
        """The first page begins with every package that is under way or stuck."""
        bounds = _bounds(limit, cursor) | {"resting": _RESTING}
        with transaction(self._engine) as connection:
            pinned: list[Record] = []
            if cursor is None:
                pinned = _all(connection, _PINNED, {"resting": _RESTING, "limit": _PINNED_MAX})
            packages = _all(connection, _PACKAGES, bounds)
            shown = [*pinned, *packages]
            figures, _ = _figures(connection, {p["package_id"]: p for p in shown})
        return PackagesPage(
            rows=[view_rows.package_row(p, figures[p["package_id"]]) for p in shown],
            next_cursor=_next(packages, bounds, "created_wall_ns", "package_id"),
        )

    def package(self, package_id: str) -> PackageView | None:
        """One package with its legs and its whole timeline; None when there is none."""
        ids = {package_id}
        with transaction(self._engine) as connection:
            found = _by_ids(connection, "packages", ids)
            if not found:
                return None
            package = found[0]
            orders = _by_ids(connection, "orders", ids)
            fills = _by_ids(connection, "fills", ids)
            decisions = _by_ids(connection, "decisions", ids)
            fill_states = _fill_states(connection, [f["fill_key"] for f in fills])
            titles = _titles(connection, [package["market_a"], package["market_b"]])
            total = connection.execute(
                text(
                    "SELECT coalesce(sum(usd_micros), 0) FROM ledger_postings WHERE package_id=:id"
                ),
                {"id": package_id},
            ).scalar_one()
        failed = {s["fill_key"] for s in fill_states if s["state"] == "failed"}
        figures = figures_of(package, fills, failed)
        row = view_rows.package_row(package, figures)
        return PackageView(
            package_id=row.package_id,
            number=row.number,
            pair_id=package["pair_id"],
            name=row.name,
            state=row.state,
            started_ns=row.started_ns,
            qty=row.qty,
            entry_edge_cents=row.entry_edge_cents,
            realised_edge_cents=row.realised_edge_cents,
            expected=format_micros(package["expected_usd_micros"] or 0),
            realised=row.result,
            unhedged_max_micros=package["unhedged_max_usd_micros"],
            unhedged_ms=package["unhedged_ms"],
            breakdown={str(k): str(v) for k, v in package["breakdown"].items()},
            versions={str(k): str(v) for k, v in package["versions"].items()},
            legs=view_rows.leg_views(package, orders, figures, titles),
            timeline=timeline(package, orders, fills, fill_states, decisions),
            postings_sum=format_micros(int(total)),
        )

    def pairs_page(
        self, verdict: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> PairsPage:
        """Pairs of one verdict (all by default), newest first, and how many there are of each."""
        bounds: Record = _bounds(limit, cursor)
        query = _PAIRS.format(verdict="AND p.verdict = :verdict" if verdict else "")
        if verdict:
            bounds["verdict"] = verdict
        with transaction(self._engine) as connection:
            pairs = _all(connection, text(query), bounds)
            counted = connection.execute(
                text("SELECT verdict, count(*) FROM market_pairs GROUP BY verdict")
            ).all()
        return PairsPage(
            rows=[view_rows.pair_row(p) for p in pairs],
            counts={str(name): int(number) for name, number in counted},
            next_cursor=_next(pairs, bounds, "updated_ns", "id"),
        )

    def edge(self, pair_id: str) -> EdgeView | None:
        """The newest stored edge of a pair; None when none was stored yet."""
        with transaction(self._engine) as connection:
            found = _all(connection, _EDGE, {"pair": pair_id})
        return view_rows.edge_view(found[0]) if found else None

    def counts(self) -> PackageCounts:
        """Packages by group of states (repairs and exits are packages too)."""
        with transaction(self._engine) as connection:
            rows = connection.execute(
                text("SELECT state, count(*) FROM packages GROUP BY state")
            ).all()
        return view_rows.count_states({str(state): int(number) for state, number in rows})

    def ledger_sum(self) -> str:
        """Dollars over all postings; anything but "0" is an alarm."""
        with transaction(self._engine) as connection:
            total = connection.execute(
                text("SELECT coalesce(sum(usd_micros), 0) FROM ledger_postings")
            ).scalar_one()
        return format_micros(int(total))


def _bounds(limit: int, cursor: str | None) -> Record:
    """Raises DomainError for a cursor that is not one of ours."""
    if cursor is None:
        ns, key = 2**63 - 1, _END_KEY
    else:
        ns, key = view_rows.decode_cursor(cursor)
    return {"ns": ns, "key": key, "limit": max(1, min(limit, LIMIT_MAX))}


def _next(rows: Sequence[Record], bounds: Record, ns: str, key: str) -> str | None:
    if len(rows) < bounds["limit"]:
        return None
    return view_rows.encode_cursor(rows[-1][ns], rows[-1][key])


def _all(connection: Connection, query: Any, parameters: Mapping[str, Any]) -> list[Record]:
    return [dict(row) for row in connection.execute(query, parameters).mappings()]


_BY_PACKAGE: Final = {
    "packages": "SELECT * FROM packages WHERE package_id = ANY(:ids)",
    "orders": "SELECT * FROM orders WHERE package_id = ANY(:ids) ORDER BY purpose, attempt",
    "fills": "SELECT * FROM fills WHERE package_id = ANY(:ids) ORDER BY ts_fill_ns, fill_key",
    "decisions": "SELECT * FROM decisions WHERE package_id = ANY(:ids) ORDER BY seq, event_id",
}


def _by_ids(connection: Connection, table: str, ids: set[str]) -> list[Record]:
    if not ids:
        return []
    return _all(connection, text(_BY_PACKAGE[table]), {"ids": sorted(ids)})


def _fill_states(connection: Connection, keys: Sequence[str]) -> list[Record]:
    query = "SELECT * FROM fill_states WHERE fill_key = ANY(:keys) ORDER BY ts_ns"
    return _all(connection, text(query), {"keys": list(keys)}) if keys else []


def _states(connection: Connection, fills: Sequence[Record]) -> dict[str, set[str]]:
    states: dict[str, set[str]] = {}
    for row in _fill_states(connection, [f["fill_key"] for f in fills]):
        states.setdefault(row["fill_key"], set()).add(row["state"])
    return states


def _figures(
    connection: Connection, packages: Mapping[str, Record]
) -> tuple[dict[str, Figures], dict[str, set[str]]]:
    """Return what the fills of each package add up to, and the states of those fills."""
    fills = _by_ids(connection, "fills", set(packages))
    states = _states(connection, fills)
    failed = {key for key, known in states.items() if "failed" in known}
    by_package: dict[str, list[Record]] = {package_id: [] for package_id in packages}
    for fill in fills:
        by_package[fill["package_id"]].append(fill)
    figures = {
        package_id: figures_of(package, by_package[package_id], failed)
        for package_id, package in packages.items()
    }
    return figures, states


def _titles(connection: Connection, markets: Sequence[str]) -> dict[str, str]:
    query = text("SELECT id, title FROM markets WHERE id = ANY(:ids)")
    return {row["id"]: row["title"] for row in _all(connection, query, {"ids": list(markets)})}


def _summary(row: Row[Any]) -> FillsSummary:
    slippage = None if row.slippage is None else round(row.slippage)
    return FillsSummary(
        fills=int(row.fills),
        cost=format_micros(int(row.cost)),
        fees=format_micros(int(row.fees)),
        slippage_mean_cents=view_rows.cents_text(slippage),
    )

"""A year of the record as rows for a spreadsheet or a tax return. Sync, read only, streamed.

A year is a UTC year, from its first to its last nanosecond, by the venue's own time for
fills and settlements and by the posting time for the ledger. Amounts are exact decimal text.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Engine, TextClause, text

from shared.adapters.stores.postgres_engine import open_engine, transaction
from shared.domain.errors import DomainError
from shared.domain.units import NS_PER_S, format_micros

YEAR_FIRST: Final = 2018
YEAR_LAST: Final = 2261
"""The last whole year that nanoseconds in a signed 64-bit column can hold."""
_BLOCK: Final = 1_000

_FILLS: Final = text(
    "SELECT f.ts_fill_ns AS time_ns, f.venue, f.market_id, m.title, f.outcome, f.side,"
    " f.qty_micros, f.px_micros, f.cost_usd_micros, f.fee_usd_micros, f.liquidity,"
    " CASE WHEN bool_or(s.state = 'failed') THEN 'failed'"
    "  WHEN f.is_final OR bool_or(s.state = 'confirmed') THEN 'final'"
    "  ELSE 'provisional' END AS state,"
    " f.trade_id, f.order_id, f.package_id, f.pair_id"
    " FROM fills f LEFT JOIN markets m ON m.id = f.market_id"
    " LEFT JOIN fill_states s ON s.fill_key = f.fill_key"
    " WHERE f.ts_fill_ns >= :start AND f.ts_fill_ns < :end"
    " GROUP BY f.fill_key, m.title ORDER BY f.ts_fill_ns, f.fill_key"
)
# The gain is what the ledger realised in the settlement's own transaction.
_SETTLEMENTS: Final = text(
    "SELECT p.venue_ts_ns AS time_ns, p.venue, p.market_id, m.title, p.payout_micros,"
    " p.qty_yes_micros, p.qty_no_micros, p.cash_usd_micros, p.reference,"
    " coalesce((SELECT -sum(l.usd_micros) FROM ledger_postings l"
    "  WHERE l.txn_id = 'payout/' || p.venue || '/' || p.reference"
    "  AND l.account = 'realised:' || p.venue), 0)::bigint AS gain_usd_micros"
    " FROM payouts p LEFT JOIN markets m ON m.id = p.market_id"
    " WHERE p.venue_ts_ns >= :start AND p.venue_ts_ns < :end"
    " ORDER BY p.venue_ts_ns, p.reference"
)
_LEDGER: Final = text(
    "SELECT wall_ns AS time_ns, txn_id, kind, account, usd_micros, ref, package_id"
    " FROM ledger_postings WHERE wall_ns >= :start AND wall_ns < :end"
    " ORDER BY wall_ns, txn_id, posting_id"
)


@dataclass(frozen=True, slots=True)
class Export:
    """Columns of one export in order, and the query behind it.

    A column ``x`` of money, price or quantity comes from the column ``x_micros`` or
    ``x_usd_micros`` of the query; ``time_utc`` from ``time_ns``.
    """

    query: TextClause
    columns: tuple[str, ...]


EXPORTS: Final[Mapping[str, Export]] = {
    "fills": Export(
        _FILLS,
        (
            "time_utc",
            "venue",
            "market_id",
            "title",
            "outcome",
            "side",
            "qty",
            "px",
            "cost_usd",
            "fee_usd",
            "liquidity",
            "state",
            "trade_id",
            "order_id",
            "package_id",
            "pair_id",
        ),
    ),
    "settlements": Export(
        _SETTLEMENTS,
        (
            "time_utc",
            "venue",
            "market_id",
            "title",
            "payout",
            "qty_yes",
            "qty_no",
            "cash_usd",
            "cost_usd",
            "gain_usd",
            "reference",
        ),
    ),
    "ledger": Export(
        _LEDGER,
        ("time_utc", "txn_id", "kind", "account", "usd", "ref", "package_id"),
    ),
}


def year_bounds_ns(year: int) -> tuple[int, int]:
    """Return the first nanosecond of a UTC year and of the next.

    Raises:
        DomainError: a year outside 2018..2261.
    """
    if not YEAR_FIRST <= year <= YEAR_LAST:
        raise DomainError(f"the year must be {YEAR_FIRST}..{YEAR_LAST}, not {year}")
    start, end = (dt.datetime(y, 1, 1, tzinfo=dt.UTC) for y in (year, year + 1))
    return int(start.timestamp()) * NS_PER_S, int(end.timestamp()) * NS_PER_S


class PostgresExports:
    """Streams whole years; the memory it takes does not grow with them."""

    def __init__(self, dsn: str, *, engine: Engine | None = None) -> None:
        self._engine = engine or open_engine(dsn)

    def columns(self, what: str) -> tuple[str, ...]:
        """Return the keys of every row, in order. Raises DomainError for an unknown export."""
        return _export(what).columns

    def rows(self, what: str, year: int) -> Iterator[dict[str, str]]:
        """Yield one row per fill, settlement or posting, oldest first.

        Raises:
            DomainError: an unknown export or year.
            StoreError: the database did not answer.
        """
        export = _export(what)
        start, end = year_bounds_ns(year)
        with transaction(self._engine) as connection:
            found = connection.execution_options(yield_per=_BLOCK).execute(
                export.query, {"start": start, "end": end}
            )
            for row in found.mappings():
                yield {column: _value(row, column) for column in export.columns}


def _export(what: str) -> Export:
    export = EXPORTS.get(what)
    if export is None:
        raise DomainError(f"{what!r} cannot be exported; known: {' '.join(EXPORTS)}")
    return export


def _value(row: Any, column: str) -> str:
    """Return one cell as exact text; what is unknown is empty."""
    if column == "time_utc":
        return _instant(row["time_ns"])
    if column == "cost_usd" and "gain_usd_micros" in row:
        return format_micros(row["cash_usd_micros"] - row["gain_usd_micros"])
    for name in (f"{column}_micros", f"{column.removesuffix('_usd')}_usd_micros"):
        if name in row:
            micros = row[name]
            return "" if micros is None else format_micros(int(micros))
    value = row[column]
    return "" if value is None else str(value)


def _instant(ns: int) -> str:
    """Return ISO 8601 in UTC to the microsecond, cut, never rounded into another year."""
    seconds, rest = divmod(ns, NS_PER_S)
    moment = dt.datetime.fromtimestamp(seconds, tz=dt.UTC).replace(microsecond=rest // 1_000)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")

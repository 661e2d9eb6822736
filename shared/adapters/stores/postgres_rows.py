"""Rows (column name to value) as statements: upsert, update, insert-only, from the schema.

Rows travel as one JSON array and are typed by the database (``jsonb_populate_recordset``),
so a batch of any size is one statement with one parameter, prepared once per column set.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Final

import msgspec
from sqlalchemy import Table

from shared.adapters.stores.postgres_schema import metadata
from shared.domain.errors import RowRefusedError

Row = Mapping[str, Any]

JOURNAL_TABLES: Final = (
    "packages",
    "orders",
    "fills",
    "fill_states",
    "positions",
    "ledger_postings",
    "edges",
    "orderbooks",
    "decisions",
    "payouts",
    "pair_proofs",
    "divergences",
    "cost_versions",
    "hedge_outcomes",
)
"""Tables that the trader alone writes."""
INSERT_ONLY: Final = frozenset(
    {"fills", "fill_states", "ledger_postings", "payouts", "cost_versions", "hedge_outcomes"}
)
"""A repeated key is ignored in these, never changed."""

_encoder: Final = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class TableShape:
    """What writing a table needs to know of it."""

    name: str
    key: tuple[str, ...]
    columns: frozenset[str]
    required: frozenset[str]
    """Columns that a new row must carry."""


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with one parameter: the rows as JSON text."""

    sql: str
    rows: str
    count: int
    must_match: bool
    """An update of part of the columns: every row has to exist already."""


@cache
def shape_of(name: str) -> TableShape:
    """Raises RowRefusedError for a table that the journal does not write."""
    if name not in JOURNAL_TABLES:
        raise RowRefusedError(f"refused: {name} is not a table of the journal")
    table: Table = metadata.tables[name]
    writable = [c for c in table.columns if c.identity is None and c.computed is None]
    required = {c.name for c in writable if not c.nullable and c.server_default is None}
    return TableShape(
        name,
        tuple(c.name for c in table.primary_key.columns),
        frozenset(c.name for c in writable),
        frozenset(required),
    )


def statements(table: str, rows: Sequence[Row]) -> Iterator[Statement]:
    """Yield the statements that store ``rows``, in their order, one per set of columns.

    Of a key that repeats, the last row counts (the first in insert-only tables).

    Raises:
        RowRefusedError: an unknown column, or no key.
    """
    shape = shape_of(table)
    group: dict[tuple[Any, ...], Row] = {}
    columns: frozenset[str] | None = None
    for row in rows:
        check(shape, row)
        if columns is not None and columns != row.keys():
            yield _statement(shape, columns, list(group.values()))
            group = {}
        columns = frozenset(row)
        key = tuple(row[name] for name in shape.key)
        if table in INSERT_ONLY:
            group.setdefault(key, row)
        else:
            group[key] = row
    if columns is not None:
        yield _statement(shape, columns, list(group.values()))


def check(shape: TableShape, row: Row) -> None:
    """Raises RowRefusedError for a column that the table lacks, or a missing key."""
    if not row.keys() <= shape.columns:
        unknown = ", ".join(sorted(row.keys() - shape.columns))
        raise RowRefusedError(f"refused: {shape.name} has no column {unknown}")
    for name in shape.key:
        if row.get(name) is None:
            raise RowRefusedError(f"refused: a row of {shape.name} lacks its key {name}")


def _statement(shape: TableShape, columns: frozenset[str], rows: list[Row]) -> Statement:
    partial = not shape.required <= columns and shape.name not in INSERT_ONLY
    make = update_sql if partial else insert_sql
    return Statement(make(shape, columns), encode(rows), len(rows), partial)


@lru_cache(maxsize=512)
def insert_sql(shape: TableShape, columns: frozenset[str]) -> str:
    names = sorted(columns)
    changes = [f"{name} = excluded.{name}" for name in names if name not in shape.key]
    action = "DO NOTHING"
    if shape.name not in INSERT_ONLY and changes:
        action = f"DO UPDATE SET {', '.join(changes)}"
    listed = ", ".join(names)
    return (
        f"INSERT INTO {shape.name} ({listed}) SELECT {listed}"  # noqa: S608 - names of the schema
        f" FROM jsonb_populate_recordset(NULL::{shape.name}, %s::jsonb)"
        f" ON CONFLICT ({', '.join(shape.key)}) {action}"
    )


@lru_cache(maxsize=512)
def update_sql(shape: TableShape, columns: frozenset[str]) -> str:
    names = sorted(columns - set(shape.key))
    if not names:
        raise RowRefusedError(f"refused: a row of {shape.name} carries its key and nothing else")
    changes = ", ".join(f"{name} = r.{name}" for name in names)
    match = " AND ".join(f"t.{name} = r.{name}" for name in shape.key)
    return (
        f"UPDATE {shape.name} t SET {changes}"  # noqa: S608 - names of the schema
        f" FROM jsonb_populate_recordset(NULL::{shape.name}, %s::jsonb) r WHERE {match}"
    )


def encode(value: Any) -> str:
    """Return JSON text that Postgres takes: no NUL and no lone surrogate in any text."""
    try:
        text = _encoder.encode(value).decode()
    except (UnicodeEncodeError, TypeError, ValueError, OverflowError):
        return _encoder.encode(clean(value)).decode()
    if "\\u0000" in text:
        return _encoder.encode(clean(value)).decode()
    return text


def clean(value: Any) -> Any:
    """Return a JSON value whose texts hold nothing that Postgres refuses.

    Raises:
        RowRefusedError: a value that JSON does not have.
    """
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {str(clean(k)): clean(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [clean(v) for v in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    raise RowRefusedError(f"refused: a {type(value).__name__} cannot be stored")

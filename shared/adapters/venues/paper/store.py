"""Where a paper venue keeps its records: Postgres, or memory for tests.

Contract: ``save`` is one transaction; when it returns, the records survive kill -9. The
venue answers nobody before that. Tables: ``paper_*``, one row a record.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final, Protocol

import psycopg
from psycopg.sql import SQL, Identifier
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from shared.domain.enums import Venue
from shared.domain.errors import StoreError
from shared.exchange.records import ACCOUNTS, FILLS, ORDERS, PAYOUTS, Record

ATTEMPTS: Final = "attempts"
"""Refusals: attempts that the venue saw and that never became an order."""

_TABLES: Final = {
    ACCOUNTS: "paper_balances",
    ORDERS: "paper_orders",
    FILLS: "paper_fills",
    PAYOUTS: "paper_payouts",
    ATTEMPTS: "paper_attempts",
}

_SELECT: Final = SQL("SELECT key, document FROM {table} WHERE venue = %s")
_UPSERT: Final = SQL(
    "INSERT INTO {table} (venue, key, document, updated_ns) VALUES (%s, %s, %s, %s)"
    " ON CONFLICT (venue, key) DO UPDATE"
    " SET document = excluded.document, updated_ns = excluded.updated_ns"
)


class PaperStore(Protocol):
    async def load(self, venue: Venue) -> list[Record]:
        """Return every record of a venue. Raises StoreError."""
        ...

    async def save(self, venue: Venue, records: Sequence[Record]) -> None:
        """Insert or replace records by (table, key) in one transaction. Raises StoreError."""
        ...


class MemoryPaperStore:
    """Keeps records in memory; ``is_down`` makes every call fail."""

    def __init__(self) -> None:
        self.rows: dict[tuple[Venue, str, str], dict[str, Any]] = {}
        self.is_down = False

    async def load(self, venue: Venue) -> list[Record]:
        self._check()
        return [
            Record(table, key, document)
            for (at, table, key), document in self.rows.items()
            if at is venue
        ]

    async def save(self, venue: Venue, records: Sequence[Record]) -> None:
        self._check()
        for record in records:
            self.rows[venue, record.table, record.key] = record.document

    def _check(self) -> None:
        if self.is_down:
            raise StoreError("the paper store is away")


class PostgresPaperStore:
    """Keeps records in Postgres through an open psycopg pool."""

    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool

    async def load(self, venue: Venue) -> list[Record]:
        try:
            async with self._pool.connection() as connection:
                found: list[Record] = []
                for kind, table in _TABLES.items():
                    query = _SELECT.format(table=Identifier(table))
                    cursor = await connection.execute(query, (venue.value,))
                    found += [Record(kind, key, document) async for key, document in cursor]
                return found
        except psycopg.Error as error:
            raise StoreError(f"paper records could not be read: {error}") from error

    async def save(self, venue: Venue, records: Sequence[Record]) -> None:
        by_table: dict[str, list[tuple[Any, ...]]] = {}
        now_ns = time.time_ns()
        for record in records:
            row = (venue.value, record.key, Jsonb(record.document), now_ns)
            by_table.setdefault(_TABLES[record.table], []).append(row)
        try:
            async with self._pool.connection() as connection, connection.cursor() as cursor:
                for table, rows in by_table.items():
                    await cursor.executemany(_UPSERT.format(table=Identifier(table)), rows)
        except psycopg.Error as error:
            raise StoreError(f"paper records could not be written: {error}") from error

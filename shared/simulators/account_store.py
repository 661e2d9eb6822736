"""Account state of the simulated venues on disk: one SQLite file, safe at kill -9.

Every mutating exchange call commits its changed records before it returns. WAL with
``synchronous=NORMAL`` survives the death of the process at any instant (a power cut may
lose the last commits, which a simulator may).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from shared.exchange.matching_core import Exchange
from shared.exchange.records import Record, drain


class AccountStore:
    """Records of both exchanges; table, key and venue name a row."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS records (venue TEXT NOT NULL, kind TEXT NOT NULL,"
            " key TEXT NOT NULL, document TEXT NOT NULL, PRIMARY KEY (venue, kind, key))"
        )

    def load(self, venue: str) -> list[Record]:
        rows = self._db.execute(
            "SELECT kind, key, document FROM records WHERE venue = ? ORDER BY kind, key", (venue,)
        )
        return [Record(kind, key, json.loads(document)) for kind, key, document in rows]

    def commit(self, exchange: Exchange) -> None:
        """Write what changed since the last commit, in one transaction."""
        records = drain(exchange)
        if not records:
            return
        self._write(exchange.rules.venue.value, records)

    def _write(self, venue: str, records: Sequence[Record]) -> None:
        values: list[tuple[Any, ...]] = [
            (venue, r.table, r.key, json.dumps(r.document, separators=(",", ":"))) for r in records
        ]
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._db.executemany(
                "INSERT INTO records VALUES (?, ?, ?, ?) ON CONFLICT (venue, kind, key)"
                " DO UPDATE SET document = excluded.document",
                values,
            )
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def close(self) -> None:
        self._db.close()

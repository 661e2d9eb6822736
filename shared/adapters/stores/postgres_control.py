"""Halts and the log of control commands in Postgres (port ControlLog). Sync.

DynamoDB holds the same halts for quick polling; of the two the stricter wins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Engine, func, select
from sqlalchemy.dialects.postgresql import insert

from shared.adapters.stores.postgres_engine import open_engine, transaction
from shared.adapters.stores.postgres_schema import control_log, halts
from shared.domain.enums import HaltReason
from shared.domain.errors import StoreError
from shared.domain.events import Halt

Row = Mapping[str, Any]

_RENAMED: Final = {"issued_at": "issued_at_ns", "expires_at": "expires_at_ns"}
"""Names of a ControlCommand to names of columns."""
_COLUMNS: Final = frozenset(c.name for c in control_log.columns if c.name != "entry_id")


class PostgresControl:
    """Port ``ControlLog``. Nothing is deleted: a lifted halt keeps who, when and why."""

    def __init__(self, dsn: str, *, engine: Engine | None = None) -> None:
        self._engine = engine or open_engine(dsn)

    def close(self) -> None:
        self._engine.dispose()

    def record(self, row: Row) -> None:
        """Log a command or an act; keys as ``ControlCommand`` and ``note``.

        ``kind`` and ``actor`` are required. A repeated ``command_id`` is logged once.

        Raises:
            StoreError: an unknown key, or no answer.
        """
        values = {_RENAMED.get(key, key): value for key, value in row.items()}
        unknown = values.keys() - _COLUMNS
        if unknown or not values.get("kind") or not values.get("actor"):
            listed = ", ".join(sorted(unknown)) or "kind or actor is missing"
            raise StoreError(f"refused: control log: {listed}")
        values.setdefault("issued_at_ns", func.twinleg_now_ns())
        statement = insert(control_log).values(values)
        with transaction(self._engine) as connection:
            connection.execute(statement.on_conflict_do_nothing(index_elements=["command_id"]))

    def read_log(self, limit: int = 100) -> Sequence[Row]:
        """Return the newest entries first."""
        query = select(control_log).order_by(control_log.c.entry_id.desc()).limit(limit)
        with transaction(self._engine) as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def read_halts(self) -> Sequence[Halt]:
        """Return the halts in force, oldest first."""
        query = select(halts).where(halts.c.lifted_wall_ns.is_(None))
        query = query.order_by(halts.c.since_wall_ns, halts.c.halt_id)
        with transaction(self._engine) as connection:
            rows = connection.execute(query).mappings().all()
        return [
            Halt(
                scope=row["scope"],
                reason=HaltReason(row["reason"]),
                actor=row["actor"],
                since_wall_ns=row["since_wall_ns"],
                is_freeze=row["is_freeze"],
                note=row["note"],
            )
            for row in rows
        ]

    def put_halt(self, halt: Halt) -> None:
        """Put a halt in force. One already in force only gets stricter: freeze stays freeze."""
        statement = insert(halts).values(
            scope=halt.scope,
            reason=halt.reason.value,
            actor=halt.actor,
            since_wall_ns=halt.since_wall_ns,
            is_freeze=halt.is_freeze,
            note=halt.note,
        )
        stricter = statement.on_conflict_do_update(
            index_elements=["scope", "reason"],
            index_where=halts.c.lifted_wall_ns.is_(None),
            set_={"is_freeze": halts.c.is_freeze | statement.excluded.is_freeze},
        )
        with transaction(self._engine) as connection:
            connection.execute(stricter)

    def lift_halt(self, scope: str, reason: str, actor: str, note: str, at_ns: int) -> None:
        """End a halt and log it; one that is not in force is no error."""
        lift = halts.update().where(
            halts.c.scope == scope, halts.c.reason == reason, halts.c.lifted_wall_ns.is_(None)
        )
        with transaction(self._engine) as connection:
            done = connection.execute(
                lift.values(lifted_wall_ns=at_ns, lifted_by=actor, lift_note=note)
            )
            if done.rowcount:
                connection.execute(
                    insert(control_log).values(
                        kind="lift",
                        scope=scope,
                        reason=reason,
                        actor=actor,
                        issued_at_ns=at_ns,
                        note=note,
                    )
                )

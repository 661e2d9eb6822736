"""Versions of the configuration in Postgres (port ConfigStore). Sync; rows never change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.dialects.postgresql import insert

from shared.adapters.stores.postgres_engine import open_engine, transaction
from shared.adapters.stores.postgres_schema import configs
from shared.contracts.config_v1 import default_document
from shared.domain.errors import StoreError

Row = Mapping[str, Any]


class PostgresConfig:
    """Port ``ConfigStore``. The highest version is the active one.

    An empty store begins with the defaults as version 1, so that history starts there.
    """

    def __init__(self, dsn: str, *, engine: Engine | None = None) -> None:
        self._engine = engine or open_engine(dsn)

    def close(self) -> None:
        self._engine.dispose()

    def load_active(self) -> tuple[int, Mapping[str, Any]]:
        with transaction(self._engine) as connection:
            return _active(connection)

    def load_version(self, version: int) -> Mapping[str, Any]:
        query = select(configs.c.document).where(configs.c.version == version)
        with transaction(self._engine) as connection:
            document = connection.execute(query).scalar_one_or_none()
        if document is None:
            raise StoreError(f"there is no configuration version {version}")
        return dict(document)

    def save(self, document: Mapping[str, Any], *, actor: str, reason: str, base: int) -> int:
        assert actor and reason
        with transaction(self._engine) as connection:
            active, _ = _active(connection)
            if active != base:
                raise StoreError(f"version {active} is active, not {base}: nothing was stored")
            stored = connection.execute(
                insert(configs)
                .values(
                    version=base + 1,
                    base_version=base,
                    ts_ns=func.twinleg_now_ns(),
                    actor=actor,
                    reason=reason,
                    document=dict(document),
                )
                .on_conflict_do_nothing()
                .returning(configs.c.version)
            ).scalar_one_or_none()
            if stored is None:
                raise StoreError(f"version {base} is not active any more: nothing was stored")
        return int(stored)

    def history(self, limit: int = 50) -> Sequence[Row]:
        """Return the newest versions first, with actor, reason and document."""
        query = select(configs).order_by(configs.c.version.desc()).limit(limit)
        with transaction(self._engine) as connection:
            _active(connection)
            return [dict(row) for row in connection.execute(query).mappings()]


def _active(connection: Connection) -> tuple[int, dict[str, Any]]:
    query = select(configs.c.version, configs.c.document).order_by(configs.c.version.desc())
    row = connection.execute(query.limit(1)).one_or_none()
    if row is None:
        connection.execute(
            insert(configs)
            .values(
                version=1,
                base_version=0,
                ts_ns=func.twinleg_now_ns(),
                actor="build",
                reason="defaults",
                document=default_document(),
            )
            .on_conflict_do_nothing()
        )
        row = connection.execute(query.limit(1)).one()
    return int(row.version), dict(row.document)

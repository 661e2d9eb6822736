"""Bring a database to the newest revision: ``python -m shared.adapters.stores.migrate --dsn …``.

Idempotent, one transaction, safe to start twice at once (advisory lock). A database that a
newer build has migrated is refused with words and left as it is.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from shared.adapters.stores.postgres_engine import sqlalchemy_url
from shared.domain.errors import StoreError

_LOCK: Final = 0x7477696E  # any number that only we use


@dataclass(frozen=True, slots=True)
class Migrated:
    """What a run did; ``before`` is None for an empty database."""

    before: str | None
    after: str


def newest_revision() -> str:
    head = _scripts(_config()).get_current_head()
    assert head is not None
    return head


def migrate(dsn: str) -> Migrated:
    """Upgrade ``dsn`` to the newest revision of this build.

    Raises:
        StoreError: the database is newer than this build, or does not answer.
    """
    engine = create_engine(sqlalchemy_url(dsn), poolclass=NullPool)
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            return _migrate(connection)
    except (SQLAlchemyError, psycopg.Error) as error:
        raise StoreError(f"migration failed, nothing was changed: {_first_line(error)}") from error


def _migrate(connection: Connection) -> Migrated:
    config = _config()
    scripts = _scripts(config)
    before = MigrationContext.configure(connection).get_current_revision()
    after = scripts.get_current_head()
    assert after is not None
    if before is not None and before not in {s.revision for s in scripts.walk_revisions()}:
        raise StoreError(
            f"the database is at revision {before}, newer than this build ({after}): start the"
            " newer build, or restore a backup of this one; nothing was changed"
        )
    if before != after:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return Migrated(before, after)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


def _scripts(config: Config) -> ScriptDirectory:
    return ScriptDirectory.from_config(config)


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0]


def main(arguments: list[str] | None = None) -> int:
    """Print one JSON line of what was done. Exit 0 done, 1 refused or failed, 2 wrong use."""
    parser = argparse.ArgumentParser(prog="migrate", description="Migrate the record")
    parser.add_argument("--dsn", required=True, help="postgresql://… of the database")
    options = parser.parse_args(arguments)
    try:
        done = migrate(options.dsn)
    except StoreError as error:
        print(str(error), file=sys.stderr)
        return 1
    print(json.dumps({"before": done.before, "after": done.after}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

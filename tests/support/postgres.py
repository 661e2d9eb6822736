"""Pytest fixtures: one embedded Postgres a session, one fresh migrated database a test.

Import into a ``conftest.py``: ``from tests.support.postgres import *``. The session's server
runs without fsync (nothing here survives the session); durability tests start their own.
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from shared.adapters.stores.embedded_postgres import EmbeddedPostgres
from shared.domain.errors import StoreError

__all__ = ["empty_dsn", "module_dsn", "postgres_dsn", "postgres_server", "postgres_template"]

_FAST = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[EmbeddedPostgres]:
    """A running server in a temporary folder; skipped with the reason where none can run."""
    folder = Path(tempfile.mkdtemp(prefix="tlpg-"))  # short: a socket path has a limit
    server = EmbeddedPostgres(folder / "pg", settings=_FAST)
    try:
        server.start()
    except StoreError as error:
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(f"no embedded Postgres here: {error}")
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_template(postgres_server: EmbeddedPostgres) -> str:
    """Name of a migrated, empty database from which tests copy theirs."""
    from shared.adapters.stores.migrate import migrate

    name = "template_twinleg"
    _admin(postgres_server, f'CREATE DATABASE "{name}"')
    migrate(postgres_server.dsn(name))
    return name


@pytest.fixture
def postgres_dsn(postgres_server: EmbeddedPostgres, postgres_template: str) -> Iterator[str]:
    """A migrated database of its own for one test."""
    yield from _database(postgres_server, postgres_template)


@pytest.fixture(scope="module")
def module_dsn(postgres_server: EmbeddedPostgres, postgres_template: str) -> Iterator[str]:
    """A migrated database shared by the tests of one module."""
    yield from _database(postgres_server, postgres_template)


@pytest.fixture
def empty_dsn(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """A database without any table, for migrations."""
    yield from _database(postgres_server, "template1")


def _database(server: EmbeddedPostgres, template: str) -> Iterator[str]:
    name = f"test_{next(_numbers)}"
    _admin(server, f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
    yield server.dsn(name)
    _admin(server, f'DROP DATABASE "{name}" WITH (FORCE)')


def _admin(server: EmbeddedPostgres, statement: str) -> None:
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
        connection.execute(statement.encode())

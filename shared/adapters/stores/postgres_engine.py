"""SQLAlchemy engines over psycopg 3 for the synchronous stores, and their errors as ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import SQLAlchemyError

from shared.domain.errors import StoreError

_CONNECT_S: Final = 5
_STATEMENT_MS: Final = 15_000


def sqlalchemy_url(dsn: str) -> str:
    """Return a libpq URL as SQLAlchemy wants it.

    Raises:
        StoreError: not a ``postgresql://`` URL.
    """
    scheme, separator, rest = dsn.partition("://")
    if separator != "://" or scheme not in ("postgresql", "postgres", "postgresql+psycopg"):
        raise StoreError("the database address must start with postgresql://")
    return f"postgresql+psycopg://{rest}"


def open_engine(dsn: str, *, pool_size: int = 2) -> Engine:
    """Return an engine with a small pool; a dead connection is replaced, not reported."""
    assert pool_size > 0
    return create_engine(
        sqlalchemy_url(dsn),
        pool_size=pool_size,
        max_overflow=2,
        pool_pre_ping=True,
        connect_args={"connect_timeout": _CONNECT_S},
    )


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One transaction; commits at the end.

    Raises:
        StoreError: the database did not answer or refused, in one line.
    """
    try:
        with engine.begin() as connection:
            # Not a start-up option: connection proxies refuse those.
            connection.exec_driver_sql(f"SET LOCAL statement_timeout = {_STATEMENT_MS}")
            yield connection
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        said = str(cause).strip().splitlines()
        raise StoreError(f"database: {said[0] if said else type(error).__name__}") from error

"""One warm asynchronous connection with a deadline on everything it does.

Rule 1: whatever a deadline or a cancellation interrupts is over: the socket is cut, so that
    nothing half-done can be mistaken for an answer, and the next call connects anew.
Rule 2: errors are sorted by blame: ``FencedError`` (a successor), ``RowRefusedError`` (what
    was sent), ``JournalError`` (everything else: treat as not done).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import socket
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import psycopg
from psycopg import AsyncConnection

from shared.domain.errors import FencedError, JournalError, RowRefusedError

T = TypeVar("T")
Connection = AsyncConnection[tuple[Any, ...]]

_CONNECT_S: Final = 5
_FENCED: Final = "TW001"
_ROW_CLASSES: Final = ("22", "23", "42")
"""SQLSTATE classes that blame the data or the statement, never the connection."""
_ROW_STATES: Final = ("TW003", "TW004")
_PLANS: Final = "SET plan_cache_mode = force_generic_plan"
"""Statements here touch rows by key: planning them anew each time buys nothing."""


def sort_error(error: psycopg.Error) -> JournalError:
    """Return the error of ours that says who is to blame for one of the driver's."""
    lines = str(error).strip().splitlines()
    said = lines[0] if lines else type(error).__name__
    state = error.sqlstate or ""
    if state == _FENCED:
        return FencedError(said)
    if state in _ROW_STATES or state[:2] in _ROW_CLASSES:
        return RowRefusedError(f"refused: {said}")
    return JournalError(f"database: {said}")


class WarmConnection:
    """A connection that is opened when needed and replaced when broken; one user at a time."""

    def __init__(self, dsn: str, *, timeout_s: float) -> None:
        assert timeout_s > 0
        self._dsn = dsn
        self._timeout_s = timeout_s
        self._connection: Connection | None = None
        self._turn = asyncio.Lock()

    @property
    def is_open(self) -> bool:
        return self._connection is not None and not self._connection.closed

    async def run(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Do ``work`` on the connection within the deadline.

        Raises:
            FencedError, RowRefusedError, JournalError: see rule 2.
        """
        async with self._turn:
            connection = await self._open()
            return await self._within(connection, work)

    async def close(self) -> None:
        async with self._turn:
            connection, self._connection = self._connection, None
            if connection is not None:
                await connection.close()

    async def _open(self) -> Connection:
        if self._connection is not None and not self._connection.closed:
            if _is_quiet(self._connection.fileno()):
                return self._connection
            await self._connection.close()
        self._connection = None
        try:
            connection = await AsyncConnection.connect(
                self._dsn, autocommit=True, connect_timeout=_CONNECT_S
            )
            # Not start-up options: connection proxies refuse those.
            await connection.execute(_PLANS)
        except psycopg.Error as error:
            raise sort_error(error) from error
        connection.prepare_threshold = 0
        self._connection = connection
        return connection

    async def _within(
        self, connection: Connection, work: Callable[[Connection], Awaitable[T]]
    ) -> T:
        task: asyncio.Future[T] = asyncio.ensure_future(work(connection))
        try:
            done, _ = await asyncio.wait({task}, timeout=self._timeout_s)
        except asyncio.CancelledError:
            await self._cut(connection, task)
            raise
        if not done:
            await self._cut(connection, task)
            raise JournalError(f"database: no answer within {self._timeout_s:g} s")
        try:
            return task.result()
        except psycopg.Error as error:
            await self._leave_transaction(connection)
            raise sort_error(error) from error
        except JournalError:
            await self._leave_transaction(connection)
            raise

    async def _leave_transaction(self, connection: Connection) -> None:
        """Roll back what an error left open; cut the connection when that does not work."""
        if connection.closed:
            self._connection = None
            return
        if connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE:
            return
        task = asyncio.ensure_future(connection.rollback())
        done, _ = await asyncio.wait({task}, timeout=self._timeout_s)
        if not done or task.exception() is not None:
            await self._cut(connection, task)

    async def _cut(self, connection: Connection, task: asyncio.Future[Any]) -> None:
        """Shut the socket so that the pending call ends now, and forget the connection."""
        self._connection = None
        with contextlib.suppress(psycopg.Error, OSError):
            _shut(os.dup(connection.fileno()))
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait({task}, timeout=1.0)
        if not task.done():
            task.cancel()
        elif not task.cancelled():
            task.exception()  # retrieved: an interrupted call has nothing more to say
        with contextlib.suppress(psycopg.Error):
            await connection.close()


def _is_quiet(descriptor: int) -> bool:
    """Whether an idle connection has nothing to read: a server that left us says goodbye."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return not poll.poll(0)


def _shut(descriptor: int) -> None:
    with socket.socket(fileno=descriptor) as shadow:
        shadow.shutdown(socket.SHUT_RDWR)

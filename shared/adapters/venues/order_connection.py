"""The connection of the order path: opened beforehand, one write, one answer, no retry.

An ordinary client may open a connection after it was told to send; then the first byte
leaves long after permission was given. Here permission is asked with the connection in
hand, and the very next thing is the write. Whatever fails after that aborts the
connection, so that a request cannot linger in a buffer and land later (F-017, F-082).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import Callable, Mapping
from typing import Final, Protocol
from urllib.parse import urlsplit

import h11

OPEN_TIMEOUT_S: Final = 2.0
ANSWER_TIMEOUT_S: Final = 2.0
"""An order request is cut off here; what became of it is then a matter of evidence."""
SPARE_MAX: Final = 3
"""Idle connections kept: one for each leg that may be under way, and one for reducing."""
READ_BYTES: Final = 65_536
ANSWER_BYTES_MAX: Final = 1_048_576
_LINGER_NOT: Final = struct.pack("ii", 1, 0)


class NotConnectedError(Exception):
    """No connection could be opened; not a single byte was sent."""


class NoAnswerError(Exception):
    """Bytes were sent and no whole answer came back: the outcome is unknown."""


class OrderWire(Protocol):
    """What an adapter needs of the connection of its order path."""

    async def send(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        may_send: Callable[[], str | None],
    ) -> tuple[int, bytes] | None: ...

    async def warm(self, path: str, headers: Mapping[str, str]) -> int: ...

    async def aclose(self) -> None: ...


class _Line:
    """One open connection with its protocol state."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.http = h11.Connection(h11.CLIENT)

    def is_usable(self) -> bool:
        return not (self.writer.is_closing() or self.reader.at_eof())

    def abort(self) -> None:
        """Close with a reset: bytes that the kernel still holds are dropped, not delivered."""
        raw = self.writer.get_extra_info("socket")
        if raw is not None:
            with contextlib.suppress(OSError):
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        self.writer.transport.abort()


class OrderConnection:
    """A small pool of kept-alive HTTP/1.1 connections to one host."""

    def __init__(self, base: str) -> None:
        parts = urlsplit(base)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"not an http address: {base!r:.80}")
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._host = parts.hostname
        self._port = parts.port or (443 if self._tls else 80)
        self._authority = parts.netloc
        self._prefix = parts.path.rstrip("/")
        self._idle: list[_Line] = []

    async def aclose(self) -> None:
        while self._idle:
            self._idle.pop().abort()

    async def send(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        may_send: Callable[[], str | None],
    ) -> tuple[int, bytes] | None:
        """Ask ``may_send`` with an open connection, write once, return (status, body).

        Returns None when permission was refused; the connection is kept then.

        Raises:
            NotConnectedError: nothing was sent.
            NoAnswerError: something may have been sent and executed.
        """
        line = await self._take()
        data = self._encode(line, method, path, headers, body)
        if may_send() is not None:
            # The protocol state has begun a request that never left: it cannot be reused.
            line.abort()
            return None
        is_kept = False
        try:
            line.writer.write(data)
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                answer = await self._read(line)
            is_kept = self._keep(line)
            return answer
        except (OSError, TimeoutError, h11.ProtocolError, asyncio.IncompleteReadError) as error:
            raise NoAnswerError(f"{type(error).__name__}: {error}") from error
        finally:
            if not is_kept:
                line.abort()

    async def warm(self, path: str, headers: Mapping[str, str]) -> int:
        """Use one connection for a harmless GET, so that it stays open; returns the status.

        Raises:
            NotConnectedError, NoAnswerError: the host is not there.
        """
        answer = await self.send("GET", path, headers, b"", lambda: None)
        assert answer is not None
        return answer[0]

    async def _take(self) -> _Line:
        while self._idle:
            line = self._idle.pop()
            if line.is_usable():
                return line
            line.abort()
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                reader, writer = await asyncio.open_connection(
                    self._host, self._port, ssl=self._tls, limit=ANSWER_BYTES_MAX
                )
        except (OSError, TimeoutError) as error:
            raise NotConnectedError(f"{type(error).__name__}: {error}") from error
        return _Line(reader, writer)

    def _encode(
        self, line: _Line, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> bytes:
        rows = [("Host", self._authority), ("Content-Length", str(len(body))), *headers.items()]
        request = h11.Request(method=method, target=self._prefix + path, headers=rows)
        parts = [line.http.send(request)]
        if body:
            parts.append(line.http.send(h11.Data(data=body)))
        parts.append(line.http.send(h11.EndOfMessage()))
        return b"".join(part for part in parts if part)

    async def _read(self, line: _Line) -> tuple[int, bytes]:
        status, chunks, size = 0, [], 0
        while True:
            event = line.http.next_event()
            if event is h11.NEED_DATA:
                line.http.receive_data(await line.reader.read(READ_BYTES))
            elif isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                chunks.append(bytes(event.data))
                size += len(event.data)
                if size > ANSWER_BYTES_MAX:
                    raise h11.RemoteProtocolError("the answer is too large")
            elif isinstance(event, h11.EndOfMessage):
                assert status >= 200, status
                return status, b"".join(chunks)
            elif isinstance(event, h11.ConnectionClosed):
                raise h11.RemoteProtocolError("closed before the answer")

    def _keep(self, line: _Line) -> bool:
        """Put a connection back for the next request, when both sides are done with this one."""
        is_done = line.http.our_state is h11.DONE and line.http.their_state is h11.DONE
        if not is_done or not line.is_usable() or len(self._idle) >= SPARE_MAX:
            return False
        line.http.start_next_cycle()
        self._idle.append(line)
        return True

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
from typing import Final, Protocol, cast
from urllib.parse import urlsplit

import h11

OPEN_TIMEOUT_S: Final = 2.0
ANSWER_TIMEOUT_S: Final = 2.0
"""An order request is cut off here; what became of it is then a matter of evidence."""
SPARE_MAX: Final = 3
"""Idle connections kept: one for each leg that may be under way, and one for reducing."""
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


class _Line(asyncio.Protocol):
    """One open connection with its protocol state; one question at a time.

    A bare protocol: bytes go from the socket into h11 and the answer to whoever waits for
    it in the same call, without a stream, a buffer or a task in between.
    """

    def __init__(self) -> None:
        self.http = h11.Connection(h11.CLIENT)
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[tuple[int, bytes]] | None = None
        self._is_over = False
        self._status, self._size = 0, 0
        self._chunks: list[bytes] = []

    # --- what the loop calls ----------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have all the methods and none of the base classes.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self._waiting is None or self._waiting.done():
            # Nobody asked: a farewell, or the rest of an answer that is given up already.
            self._is_over = True
            return
        try:
            self.http.receive_data(data)
            self._read()
        except h11.ProtocolError as error:
            self._fail(error)

    def eof_received(self) -> bool:
        self._is_over = True
        if self._waiting is not None and not self._waiting.done():
            try:
                # An answer without a length ends here, and is whole.
                self.http.receive_data(b"")
                self._read()
            except h11.ProtocolError as error:
                self._fail(error)
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self._is_over = True
        self._fail(error or h11.RemoteProtocolError("closed before the answer"))

    # --- what the pool calls ----------------------------------------------------------------

    def is_usable(self) -> bool:
        return not (self._is_over or self._transport is None or self._transport.is_closing())

    def ask(self, data: bytes) -> asyncio.Future[tuple[int, bytes]]:
        """Write a request and return what becomes of it: (status, body), or an error."""
        assert self._transport is not None and (self._waiting is None or self._waiting.done())
        self._waiting = asyncio.get_running_loop().create_future()
        self._status, self._size, self._chunks = 0, 0, []
        self._transport.write(data)
        return self._waiting

    def abort(self) -> None:
        """Close with a reset: bytes that the kernel still holds are dropped, not delivered."""
        self._is_over = True
        if self._waiting is not None:
            # Whoever waited has gone; an error that nobody reads would be logged as lost.
            self._waiting.cancel()
        if self._transport is None:
            return
        raw = self._transport.get_extra_info("socket")
        if raw is not None:
            with contextlib.suppress(OSError):
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        self._transport.abort()

    # --- inside -----------------------------------------------------------------------------

    def _read(self) -> None:
        """Take every event that is whole; the end of the message answers the question."""
        assert self._waiting is not None
        while True:
            event = self.http.next_event()
            if event is h11.NEED_DATA or event is h11.PAUSED:
                return
            if isinstance(event, h11.Response):
                self._status = event.status_code
            elif isinstance(event, h11.Data):
                self._chunks.append(bytes(event.data))
                self._size += len(event.data)
                if self._size > ANSWER_BYTES_MAX:
                    raise h11.RemoteProtocolError("the answer is too large")
            elif isinstance(event, h11.EndOfMessage):
                assert self._status >= 200, self._status
                self._waiting.set_result((self._status, b"".join(self._chunks)))
                return
            elif isinstance(event, h11.ConnectionClosed):
                raise h11.RemoteProtocolError("closed before the answer")

    def _fail(self, error: Exception) -> None:
        self._is_over = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)


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
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                answer = await line.ask(data)
            is_kept = self._keep(line)
            return answer
        except (OSError, TimeoutError, h11.ProtocolError) as error:
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
                loop = asyncio.get_running_loop()
                _, line = await loop.create_connection(_Line, self._host, self._port, ssl=self._tls)
        except (OSError, TimeoutError) as error:
            raise NotConnectedError(f"{type(error).__name__}: {error}") from error
        return line

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

    def _keep(self, line: _Line) -> bool:
        """Put a connection back for the next request, when both sides are done with this one."""
        is_done = line.http.our_state is h11.DONE and line.http.their_state is h11.DONE
        if line.http.trailing_data[0]:
            # More came than was asked for: it would be read as the answer to the next order.
            return False
        if not is_done or not line.is_usable() or len(self._idle) >= SPARE_MAX:
            return False
        line.http.start_next_cycle()
        self._idle.append(line)
        return True

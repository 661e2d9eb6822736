"""One websocket connection kept up: signed handshake, reader, sender, own ping, backoff.

What the frames mean, and how a venue signs, is not known here: ``headers`` signs anew for
every handshake. The owner is told through three callbacks, all called on the event loop and
never awaited, so a slow owner cannot stop the reading. Our own ping each second tells a dead
peer from a quiet one.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from typing import Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from shared.domain.units import NS_PER_S
from shared.ports.clock import Clock

log = logging.getLogger("twinleg.venues.signed_socket")

PING_EVERY_S: Final = 1.0
SILENCE_MAX_NS: Final = 5 * NS_PER_S
"""Neither frame nor pong for so long: the socket is replaced."""
_BACKOFF_MIN_S: Final = 0.2
_BACKOFF_MAX_S: Final = 10.0
_STEADY_NS: Final = 10 * NS_PER_S


class _ReplaceError(Exception):
    """Inside only: the owner or the watchdog wants a new connection."""


class SignedSocket:
    """Runs until cancelled.

    ``opened()`` begins each life and may call ``send``; ``frame(life, data)`` carries the
    number of the life it was read in, counted from 1; ``lost(reason)`` ends it.
    """

    def __init__(
        self,
        url: str,
        headers: Callable[[], Mapping[str, str]],
        frame_bytes_max: int,
        clock: Clock,
        rng: random.Random,
        *,
        opened: Callable[[], None],
        frame: Callable[[int, str | bytes], None],
        lost: Callable[[str], None],
    ) -> None:
        self._url, self._headers, self._frame_bytes_max = url, headers, frame_bytes_max
        self._clock, self._rng = clock, rng
        self._opened, self._frame, self._lost = opened, frame, lost
        self._outbox: asyncio.Queue[str] = asyncio.Queue()
        self._replace = asyncio.Event()
        self._replace_reason = ""
        self.is_open = False
        self.life = 0
        self.alive_ns = clock.mono_ns()
        """Monotonic time of the last frame or pong."""
        self.round_trip: Callable[[int], None] = lambda _: None

    def send(self, command: bytes) -> None:
        """Queue one command for the connection that is open now."""
        self._outbox.put_nowait(command.decode())

    def replace(self, reason: str) -> None:
        """Drop the connection and open a new one."""
        self._replace_reason = reason
        self._replace.set()

    async def run(self) -> None:
        failures = 0
        while True:
            started = self._clock.mono_ns()
            reason = await self._live()
            if self._clock.mono_ns() - started > _STEADY_NS:
                failures = 0
            log.info("ws_lost url=%s reason=%s", self._url, reason)
            ceiling = min(_BACKOFF_MAX_S, _BACKOFF_MIN_S * 2.0**failures)
            failures = min(failures + 1, 10)
            await self._clock.sleep(ceiling * (0.5 + self._rng.random() / 2))

    async def _live(self) -> str:
        """One life of the connection; returns why it ended."""
        reason = "cancelled"
        try:
            async with connect(
                self._url,
                additional_headers=self._headers(),
                ping_interval=None,
                open_timeout=5,
                close_timeout=1,
                max_size=self._frame_bytes_max,
                max_queue=1024,
                compression=None,
                proxy=None,
            ) as socket:
                reason = await self._talk(socket)
        except (WebSocketException, OSError, TimeoutError) as error:
            reason = f"{type(error).__name__}"
        finally:
            if self.is_open:
                self.is_open = False
                self._lost(reason)
        return reason

    async def _talk(self, socket: ClientConnection) -> str:
        while not self._outbox.empty():  # commands meant for the former connection
            self._outbox.get_nowait()
        self._replace.clear()
        self.is_open = True
        self.life += 1
        self.alive_ns = self._clock.mono_ns()
        self._opened()
        work = (self._read(socket), self._write(socket), self._ping(socket), self._watch())
        jobs = [asyncio.create_task(job) for job in work]
        try:
            done, _ = await asyncio.wait(jobs, return_when=asyncio.FIRST_COMPLETED)
            for job in done:
                error = job.exception()
                if isinstance(error, (WebSocketException, OSError, _ReplaceError)):
                    return str(error) or type(error).__name__
                if error is not None:
                    raise error
            return "closed by the venue"
        finally:
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, return_exceptions=True)
            # No closing handshake with a peer that may be gone: the state is void anyway.
            socket.transport.abort()

    async def _read(self, socket: ClientConnection) -> None:
        life = self.life
        async for message in socket:
            self.alive_ns = self._clock.mono_ns()
            self._frame(life, message)

    async def _write(self, socket: ClientConnection) -> None:
        while True:
            await socket.send(await self._outbox.get())

    async def _ping(self, socket: ClientConnection) -> None:
        while True:
            pong = asyncio.ensure_future(await socket.ping())
            pong.add_done_callback(self._on_pong)
            await self._clock.sleep(PING_EVERY_S)
            if self._clock.mono_ns() - self.alive_ns > SILENCE_MAX_NS:
                raise _ReplaceError("silent for 5 s")

    def _on_pong(self, pong: asyncio.Future[float]) -> None:
        if not pong.cancelled() and pong.exception() is None:
            self.alive_ns = self._clock.mono_ns()
            self.round_trip(int(pong.result() * NS_PER_S))

    async def _watch(self) -> None:
        await self._replace.wait()
        raise _ReplaceError(self._replace_reason)

"""Market data of the venue as the kernel wants it: verified books, states, heartbeats.

Four loops beside the sockets: a heartbeat a second; a prover that reads REST books of
markets in doubt, of markets asked for, and in turn of those not proved lately; a reader
of metadata (fees, ticks, delays, texts, results); and the clock comparison.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

from shared.adapters.venues.polymarket.book_keeper import Track
from shared.adapters.venues.polymarket.capabilities import (
    ASSETS_PER_CONNECTION,
    BOOKS_PER_REQUEST,
    SILENT_AFTER_NS,
)
from shared.adapters.venues.polymarket.catalogue import PolymarketCatalogue
from shared.adapters.venues.polymarket.connection import MarketConnection
from shared.adapters.venues.polymarket.metadata import Metadata
from shared.adapters.venues.polymarket.rest import Hosts, PolymarketRest
from shared.adapters.venues.polymarket.stream import MarketChannel
from shared.adapters.venues.polymarket.timing import ClockOffset
from shared.domain.enums import BookState, Venue
from shared.domain.errors import StoreError, WireError
from shared.domain.events import EventBody, FeedStatus
from shared.domain.ids import MarketId
from shared.domain.instrument import Instrument
from shared.domain.units import NS_PER_MS, NS_PER_S
from shared.ports.clock import Clock
from shared.ports.venue import Sink

_LOG = logging.getLogger("twinleg.polymarket.market_data")

PROVE_EVERY_S: Final = 1.5
PROVE_MIN_S: Final = 0.1
PROVED_LATELY_NS: Final = 1_200 * NS_PER_MS
PROVED_PER_ROUND: Final = 16
SNAPSHOT_GRACE_NS: Final = NS_PER_S
"""How long a fresh connection may take to send initial books before REST is asked."""
SETTLE_EVERY_S: Final = 0.05
TIME_EVERY_S: Final = 10.0
LATENCY_KEPT_NS: Final = 10 * NS_PER_S
"""Without a change for this long there is no latency to speak of, only silence."""

__all__ = ["PolymarketCatalogue", "PolymarketMarketData"]


class PolymarketMarketData:
    """Implements ``MarketData`` over one or more market-channel sockets and REST."""

    venue = Venue.POLYMARKET

    def __init__(self, hosts: Hosts, clock: Clock, rest: PolymarketRest | None = None) -> None:
        self.channel = MarketChannel()
        self._clock = clock
        self._rest = rest or PolymarketRest(hosts, clock)
        self._url = f"{hosts.ws}/market"
        self._connections: list[MarketConnection] = []
        self._running: dict[int, asyncio.Task[None]] = {}
        self._home: dict[str, MarketConnection] = {}
        self._sink: Sink | None = None
        self._requested: set[MarketId] = set()
        self._kick = asyncio.Event()
        self._metadata = Metadata(self.channel, self._rest, clock, self._emit, self._report_errors)
        self._offset = ClockOffset()
        self._rest_ok_mono_ns = 0
        self._latency: tuple[int, int] | None = None
        """(monotonic time of the measurement, receive minus venue time), nanoseconds."""

    async def aclose(self) -> None:
        await self._rest.aclose()

    # --- the port ----------------------------------------------------------------------------

    async def run(self, sink: Sink) -> None:
        """Keep everything up until cancelled; a loop that fails restarts after a second."""
        self._sink = sink
        loops = (
            self._heartbeats,
            self._settle_hashes,
            self._prove,
            self._metadata.run,
            self._compare_clocks,
        )
        tasks = [asyncio.create_task(self._forever(loop)) for loop in loops]
        try:
            self._start_connections()
            await asyncio.gather(*tasks)
        finally:
            self._sink = None
            every = [*tasks, *self._running.values()]
            for task in every:
                task.cancel()
            await asyncio.gather(*every, return_exceptions=True)
            self._running.clear()

    async def watch(self, instruments: Sequence[Instrument]) -> None:
        """Replace the watched markets; new ones are subscribed, dropped ones unsubscribed."""
        self.channel.watch(instruments)
        wanted = self.channel.tracks
        gone: dict[MarketConnection, list[str]] = {}
        for token, home in list(self._home.items()):
            if token not in wanted:
                gone.setdefault(home, []).append(token)
                del self._home[token]
        for home, tokens in gone.items():
            await home.unsubscribe(tokens)
        fresh: dict[MarketConnection, list[str]] = {}
        for token in wanted:
            if token not in self._home:
                home = self._with_room(fresh)
                self._home[token] = home
                fresh.setdefault(home, []).append(token)
        for home, tokens in fresh.items():
            await home.subscribe(tokens)
        assert set(self._home) == set(wanted)
        self._start_connections()
        # Whoever gave us this set may hold older facts: tell ours again at once.
        self._metadata.tell_again()

    async def request_snapshot(self, market: MarketId) -> None:
        """Have the market's book proved or repaired in the next prover round (at once)."""
        if market in self.channel.by_market:
            self._requested.add(market)
            self._kick.set()

    # --- connections -------------------------------------------------------------------------

    def _with_room(self, planned: dict[MarketConnection, list[str]]) -> MarketConnection:
        for connection in self._connections:
            load = len(connection.tokens) + len(planned.get(connection, ()))
            if load < ASSETS_PER_CONNECTION:
                return connection
        connection = MarketConnection(self._url, self._clock, self._on_frame, self._on_lost)
        self._connections.append(connection)
        return connection

    def _start_connections(self) -> None:
        if self._sink is None:
            return
        for index, connection in enumerate(self._connections):
            if index not in self._running:
                self._running[index] = asyncio.create_task(self._forever(connection.run))

    async def _forever(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        while True:
            try:
                await work()
            except Exception:
                # One broken loop must not take the others down; it is logged with its trace.
                _LOG.exception("polymarket market data: a loop failed and is started again")
            await self._clock.sleep(1.0)

    def _on_frame(self, connection: MarketConnection, raw: str | bytes) -> None:
        before = self.channel.last_venue_ts_ns
        known = sum(self.channel.errors.values())
        self._emit(self.channel.feed(raw, self._clock.mono_ns(), connection.tokens))
        if sum(self.channel.errors.values()) != known:
            self._report_errors()
        if self.channel.last_venue_ts_ns > before:
            late = self._clock.wall_ns() - self.channel.last_venue_ts_ns
            now = self._clock.mono_ns()
            self._latency = (now, late + (self._offset.value_ns(now) or 0))
        if self.channel.wanted:
            self._kick.set()

    def _on_lost(self, connection: MarketConnection, reason: str) -> None:
        self._emit(self.channel.lost(connection.tokens, reason))
        self._status()

    def _emit(self, bodies: Sequence[EventBody]) -> None:
        if self._sink is not None:
            for body in bodies:
                self._sink(body)

    def _report_errors(self) -> None:
        """Log each kind of unreadable input once, with its sample."""
        for kind in self.channel.take_new_kinds():
            _LOG.warning(
                "unreadable input %s, first sample: %s", kind, self.channel.sample_of(kind)
            )

    # --- hashes that waited ------------------------------------------------------------------

    async def _settle_hashes(self) -> None:
        while True:
            await self._clock.sleep(SETTLE_EVERY_S)
            self._emit(self.channel.settle(self._clock.mono_ns()))

    def is_book_true(self, market: MarketId) -> bool:
        """Check now whatever hash of this market still waits; right before a submit.

        A market that is not watched has no book here to be wrong about.
        """
        track = self.channel.by_market.get(market)
        if track is None:
            return True
        self._emit(self.channel.settle_one(track, self._clock.mono_ns()))
        return track.state is BookState.SYNCED

    # --- heartbeat ---------------------------------------------------------------------------

    async def _heartbeats(self) -> None:
        while True:
            self._status()
            await self._clock.sleep(1.0)

    def _status(self) -> None:
        now = self._clock.mono_ns()
        used = [c for c in self._connections if c.tokens]
        if used:
            age = max(now - c.last_frame_mono_ns for c in used)
            is_up = all(c.is_up for c in used) and age <= SILENT_AFTER_NS
        else:
            # Nothing is watched: the venue counts as reachable while its clock answers.
            age = now - self._rest_ok_mono_ns
            is_up = self._rest_ok_mono_ns > 0 and age <= 3 * int(TIME_EVERY_S) * NS_PER_S
        offset = self._offset.value_ns(now)
        latency_ns = None
        if self._latency is not None and now - self._latency[0] < LATENCY_KEPT_NS:
            latency_ns = self._latency[1]
        self._emit([FeedStatus(Venue.POLYMARKET, is_up, age, latency_ns, offset)])

    async def _compare_clocks(self) -> None:
        while True:
            sent = self._clock.wall_ns()
            try:
                seconds = await self._rest.server_time()
            except (StoreError, WireError) as error:
                _LOG.info("polymarket /time: %s", error)
            else:
                now = self._clock.mono_ns()
                self._offset.saw(seconds, sent, self._clock.wall_ns(), now)
                self._rest_ok_mono_ns = now
            await self._clock.sleep(TIME_EVERY_S)

    # --- prover ------------------------------------------------------------------------------

    async def _prove(self) -> None:
        while True:
            self._kick.clear()
            tracks = self._to_prove()
            for start in range(0, len(tracks), BOOKS_PER_REQUEST):
                await self._prove_some(tracks[start : start + BOOKS_PER_REQUEST])
            for token in list(self.channel.frozen):
                self.channel.frozen.discard(token)
                if token in self._home:
                    self._home[token].abort("data frozen while the connection answers")
            await self._clock.sleep(PROVE_MIN_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PROVE_EVERY_S):
                    await self._kick.wait()

    def _to_prove(self) -> list[Track]:
        """Return markets asked for or in doubt, then those longest without a proof."""
        now = self._clock.mono_ns()
        asked = self._requested | self.channel.wanted
        self._requested = set()
        first: list[Track] = []
        rest: list[Track] = []
        for track in self.channel.by_market.values():
            home = self._home.get(track.instrument.yes_token)
            if home is None or not home.is_up or now < track.benched_until:
                # Without a stream a REST book would be true once and silent afterwards.
                continue
            if track.book is None and now - home.since_mono_ns < SNAPSHOT_GRACE_NS:
                continue
            if track.market in asked:
                first.append(track)
            elif track.state is BookState.SYNCED and now - track.proved_mono_ns > PROVED_LATELY_NS:
                rest.append(track)
        rest.sort(key=lambda track: track.proved_mono_ns)
        return first + rest[:PROVED_PER_ROUND]

    async def _prove_some(self, tracks: Sequence[Track]) -> None:
        try:
            books = await self._rest.books([t.instrument.yes_token for t in tracks])
        except (StoreError, WireError) as error:
            _LOG.info("polymarket /books: %s", error)
            return
        now = self._clock.mono_ns()
        for book in books:
            try:
                self._emit(self.channel.judge_rest(book, now))
            except WireError as error:
                self.channel.count_error(error)
        self._report_errors()

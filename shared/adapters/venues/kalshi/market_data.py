"""The live feed: books and market facts of any number of markets, over as many sockets
as they need.

One ``_Link`` is one connection with its ``BookStream``; the first one also carries the
market lifecycle of the whole exchange. REST is used for what the stream cannot tell:
market objects, proof that a quiet book is still true, the exchange's own status.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine, Sequence
from typing import Any, Final

from shared.adapters.venues.kalshi import capabilities as cap
from shared.adapters.venues.kalshi.catalogue import KalshiCatalogue
from shared.adapters.venues.kalshi.connection import Connection
from shared.adapters.venues.kalshi.errors import WireTally
from shared.adapters.venues.kalshi.market_board import MarketBoard
from shared.adapters.venues.kalshi.proofs import BookProofs
from shared.adapters.venues.kalshi.rest import KalshiRest
from shared.adapters.venues.kalshi.schemas import ExchangeStatus
from shared.adapters.venues.kalshi.signing import Signer
from shared.adapters.venues.kalshi.stream import BookStream, Step
from shared.adapters.venues.kalshi.timing import ClockWatch
from shared.domain.enums import BookState, Venue
from shared.domain.errors import StoreError, WireError
from shared.domain.events import EventBody, FeedBody, FeedStatus
from shared.domain.ids import MarketId, native_of
from shared.domain.instrument import Instrument
from shared.ports.clock import Clock
from shared.ports.venue import Sink

_TICK_S: Final = 0.25
_SWEEP_EVERY_S: Final = 60.0
_SWEEPS_PER_EVENT_READ: Final = 10
_STATUS_EVERY_S: Final = 10.0


class KalshiMarketData:
    """Implements ``MarketData``."""

    venue = Venue.KALSHI

    def __init__(
        self,
        endpoints: cap.Endpoints,
        signer: Signer,
        rest: KalshiRest,
        catalogue: KalshiCatalogue,
        clock: Clock,
        tally: WireTally,
        *,
        rng: random.Random | None = None,
        markets_per_connection: int = cap.MARKETS_PER_CONNECTION,
    ) -> None:
        self._endpoints, self._signer = endpoints, signer
        self._rest, self._catalogue = rest, catalogue
        self._clock, self._tally = clock, tally
        self._rng = rng or random.Random()  # jitter of reconnects only
        self._per_link = markets_per_connection
        self._board = MarketBoard(tally)
        self._watch_clock = ClockWatch()
        self._links: list[_Link] = []
        self._sink: Sink | None = None
        self._jobs: set[asyncio.Task[None]] = set()
        self._refresh: dict[str, bool] = {}
        self._refresh_ready = asyncio.Event()
        self._proofs = BookProofs(rest, clock, tally)
        self._add_link()

    # --- port -------------------------------------------------------------------------------

    async def run(self, sink: Sink) -> None:
        """Keep everything up until cancelled; an unexpected error ends it loudly."""
        assert self._sink is None, "already running"
        self._sink = sink
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                for link in self._links:
                    group.create_task(link.connection.run())
                for loop in (self._tick_loop, self._refresh_loop, self._status_loop):
                    group.create_task(loop())
        finally:
            self._sink = None
            for job in self._jobs:
                job.cancel()

    async def watch(self, instruments: Sequence[Instrument]) -> None:
        """Replace the set of watched markets; markets keep their connection."""
        wanted = {i.native_id: i for i in instruments if i.venue is Venue.KALSHI}
        fresh = [ticker for ticker in wanted if ticker not in self._board.instruments]
        self._emit(self._board.watch(wanted, self._clock.wall_ns()))
        placed: set[str] = set()
        shares: list[dict[str, Instrument]] = []
        for link in self._links:
            kept = [t for t in link.stream.instruments if t in wanted and t not in placed]
            placed.update(kept)
            shares.append({t: self._board.instruments[t] for t in kept})
        for ticker in wanted:
            if ticker in placed:
                continue
            share = next((s for s in shares if len(s) < self._per_link), None)
            if share is None:
                self._add_link()
                share = {}
                shares.append(share)
            share[ticker] = self._board.instruments[ticker]
        now = self._clock.mono_ns()
        for link, share in zip(self._links, shares, strict=True):
            link.apply(link.stream.watch(share, now))
        self._ask_refresh(fresh, with_event=True)

    async def request_snapshot(self, market: MarketId) -> None:
        """Prove a synced book by a REST read, or have a doubtful one sent again."""
        ticker = native_of(market)
        link = self._link_of(ticker)
        if link is None or self._proofs.is_running(ticker):
            return
        if link.stream.books[ticker].state is not BookState.SYNCED:
            link.apply(link.stream.ask_snapshot([ticker], self._clock.mono_ns()))
            return
        self._start(self._proofs.prove(link.stream, ticker, self._emit_one, link.apply))

    # --- loops ------------------------------------------------------------------------------

    async def _tick_loop(self) -> None:
        count = 0
        while True:
            await self._clock.sleep(_TICK_S)
            for link in self._links:
                link.apply(link.stream.tick(self._clock.mono_ns()))
            count += 1
            if count % 4 == 0:
                self._emit(self._board.on_time(self._clock.wall_ns()))
                self.say_status()

    def say_status(self) -> None:
        """Say how the connections are: once a second and whenever one opens or is lost."""
        now = self._clock.mono_ns()
        is_connected = all(link.connection.is_open for link in self._links)
        age = max(now - link.connection.alive_ns for link in self._links)
        latency = self._watch_clock.latency_ns(now)
        offset = self._watch_clock.clock_offset_ns(now)
        self._emit([FeedStatus(Venue.KALSHI, is_connected, max(0, age), latency, offset)])

    async def _refresh_loop(self) -> None:
        """Read market objects again: those asked for at once, all of them once a minute."""
        sweeps = 0
        while True:
            try:
                # Not wait_for: before Python 3.12 it can swallow a cancellation.
                async with asyncio.timeout(_SWEEP_EVERY_S):
                    await self._refresh_ready.wait()
            except TimeoutError:
                sweeps += 1
                is_event_turn = sweeps % _SWEEPS_PER_EVENT_READ == 0
                self._ask_refresh(self._board.instruments, with_event=is_event_turn)
            self._refresh_ready.clear()
            wanted, self._refresh = self._refresh, {}
            for with_event in (True, False):
                tickers = [t for t, flag in wanted.items() if flag is with_event]
                if not await self._refresh_now(tickers, with_event=with_event):
                    self._ask_refresh(tickers, with_event=with_event)
                    await self._clock.sleep(1.0)

    async def _refresh_now(self, tickers: list[str], *, with_event: bool) -> bool:
        """Read some markets; False when the venue did not answer."""
        try:
            rows = await self._catalogue.refresh(tickers, with_event=with_event)
        except (WireError, StoreError) as error:
            self._tally.note("refresh_failed", str(error))
            return False
        for instrument, payout in rows:
            self._emit(self._board.on_refreshed(instrument, payout, self._clock.wall_ns()))
            self._push_instrument(instrument.native_id)
        return True

    async def _status_loop(self) -> None:
        while True:
            try:
                status = await self._rest.get("/exchange/status", ExchangeStatus)
                self._emit(self._board.on_exchange(status))
            except (WireError, StoreError) as error:
                self._tally.note("status_unread", str(error))
            await self._clock.sleep(_STATUS_EVERY_S)

    # --- inside -----------------------------------------------------------------------------

    def _add_link(self) -> None:
        link = _Link(self, is_first=not self._links)
        self._links.append(link)
        if self._sink is not None:
            self._group.create_task(link.connection.run())

    def _link_of(self, ticker: str) -> _Link | None:
        return next((link for link in self._links if ticker in link.stream.books), None)

    def _push_instrument(self, ticker: str) -> None:
        """Give the stream the instrument as the board knows it now (its grid above all)."""
        link, instrument = self._link_of(ticker), self._board.instruments.get(ticker)
        if link is not None and instrument is not None:
            link.apply(link.stream.set_instrument(instrument, self._clock.mono_ns()))

    def _ask_refresh(self, tickers: Sequence[str] | dict[str, Any], *, with_event: bool) -> None:
        for ticker in tickers:
            self._refresh[ticker] = self._refresh.get(ticker, False) or with_event
        if tickers:
            self._refresh_ready.set()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something beside the loops; its unexpected end is not swallowed."""
        job = asyncio.get_running_loop().create_task(work)
        self._jobs.add(job)
        job.add_done_callback(self._finish)

    def _finish(self, job: asyncio.Task[None]) -> None:
        self._jobs.discard(job)
        if not job.cancelled() and job.exception() is not None:
            self._tally.note("task_died", repr(job.exception()))

    def _emit_one(self, body: EventBody) -> None:
        if self._sink is not None:
            self._sink(body)

    def _emit(self, bodies: Sequence[FeedBody]) -> None:
        if self._sink is not None:
            for body in bodies:
                self._sink(body)

    def carry_out(self, link: _Link, step: Step) -> None:
        """Do what a stream step asks for, bodies first."""
        self._emit(step.bodies)
        for command in step.sends:
            link.connection.send(command)
        for msg in step.lifecycle:
            bodies, tickers, with_event = self._board.on_lifecycle(msg)
            self._emit(bodies)
            for ticker in tickers:
                self._push_instrument(ticker)
            self._ask_refresh(sorted(tickers), with_event=with_event)
        if step.refresh:
            self._ask_refresh(sorted(step.refresh), with_event=False)
        if step.refresh_all:
            self._ask_refresh(self._board.instruments, with_event=True)
        if step.venue_ts_ns:
            wall, mono = self._clock.wall_ns(), self._clock.mono_ns()
            self._watch_clock.saw_stamp(step.venue_ts_ns, wall, mono)
        if step.reconnect:
            link.connection.replace(step.reconnect)

    def make_connection(self, link: _Link) -> Connection:
        connection = Connection(
            self._endpoints,
            self._signer,
            self._clock,
            self._rng,
            opened=link.on_opened,
            frame=link.on_frame,
            lost=link.on_lost,
        )
        connection.round_trip = lambda trip: self._watch_clock.saw_round_trip(
            trip, self._clock.mono_ns()
        )
        return connection

    def link_opened(self, link: _Link) -> None:
        link.apply(link.stream.open(self._clock.mono_ns()))
        assert link.stream.generation == link.connection.life
        self._start(self._proofs.verify_convention(link.stream, link.apply))
        # Lifecycle frames of the time without a connection are lost for good.
        self._ask_refresh(list(link.stream.instruments), with_event=False)
        self.say_status()

    def new_stream(self, *, is_first: bool) -> BookStream:
        return BookStream(self._tally, with_lifecycle=is_first)

    def mono_ns(self) -> int:
        return self._clock.mono_ns()


class _Link:
    """One connection and its continuity core."""

    def __init__(self, owner: KalshiMarketData, *, is_first: bool) -> None:
        self._owner = owner
        self.stream = owner.new_stream(is_first=is_first)
        self.connection = owner.make_connection(self)

    def apply(self, step: Step) -> None:
        self._owner.carry_out(self, step)

    def on_opened(self) -> None:
        self._owner.link_opened(self)

    def on_frame(self, life: int, data: str | bytes) -> None:
        self.apply(self.stream.receive(life, data, self._owner.mono_ns()))

    def on_lost(self, reason: str) -> None:
        self.apply(self.stream.close(reason))
        self._owner.say_status()

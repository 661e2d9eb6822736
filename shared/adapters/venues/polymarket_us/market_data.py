"""The live feed: books and market facts of any number of markets, over as many sockets
as they need.

One ``_Link`` is one connection with its ``BookStream``. REST, which is throttled hard on
the public host, serves what the socket cannot tell: market objects, a first book where no
frame comes, and a slow round over all books that finds a frozen feed.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine, Sequence
from typing import Any, Final

from shared.adapters.venues.polymarket_us import capabilities as cap
from shared.adapters.venues.polymarket_us.catalogue import PolymarketUsCatalogue
from shared.adapters.venues.polymarket_us.connection import Connection
from shared.adapters.venues.polymarket_us.errors import WireTally
from shared.adapters.venues.polymarket_us.market_board import MarketBoard
from shared.adapters.venues.polymarket_us.rest import PolymarketUsRest
from shared.adapters.venues.polymarket_us.schemas import BookReply
from shared.adapters.venues.polymarket_us.signing import Signer
from shared.adapters.venues.polymarket_us.stream import BookStream, Step
from shared.adapters.venues.polymarket_us.timing import StampFilter
from shared.domain.enums import BookState, Venue
from shared.domain.errors import StoreError, WireError
from shared.domain.events import EventBody, FeedBody, FeedStatus
from shared.domain.ids import MarketId, native_of
from shared.domain.instrument import Instrument
from shared.domain.token_bucket import TokenBucket
from shared.domain.units import NS_PER_S
from shared.ports.clock import Clock
from shared.ports.venue import Sink

_TICK_S: Final = 0.25
_SWEEP_EVERY_S: Final = 60.0
_RESULT_EVERY_S: Final = 15.0
_WITNESS_EVERY_S: Final = 5.0
"""One book a turn is read over REST, so a round over n books takes 5n seconds."""
_DOUBT_S: Final = 0.5


class PolymarketUsMarketData:
    """Implements ``MarketData``."""

    venue = Venue.POLYMARKET_US

    def __init__(
        self,
        endpoints: cap.Endpoints,
        signer: Signer,
        rest: PolymarketUsRest,
        catalogue: PolymarketUsCatalogue,
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
        self._board = MarketBoard()
        self._stamps = StampFilter()
        per_s = cap.COMMANDS_PER_S
        self._commands = TokenBucket(per_s, 2 * per_s, clock.mono_ns())
        self._links: list[_Link] = []
        self._sink: Sink | None = None
        self._jobs: set[asyncio.Task[None]] = set()
        self._reading: set[str] = set()
        self._refresh: set[str] = set()
        self._refresh_ready = asyncio.Event()
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
                for loop in (self._tick_loop, self._refresh_loop, self._witness_loop):
                    group.create_task(loop())
        finally:
            self._sink = None
            for job in self._jobs:
                job.cancel()

    async def watch(self, instruments: Sequence[Instrument]) -> None:
        """Replace the set of watched markets; markets keep their connection."""
        wanted = {i.native_id: i for i in instruments if i.venue is Venue.POLYMARKET_US}
        fresh = [slug for slug in wanted if slug not in self._board.instruments]
        self._emit(self._board.watch(wanted, self._clock.wall_ns()))
        placed: set[str] = set()
        shares: list[dict[str, Instrument]] = []
        for link in self._links:
            kept = [s for s in link.stream.instruments if s in wanted and s not in placed]
            placed.update(kept)
            shares.append({slug: self._board.instruments[slug] for slug in kept})
        for slug in wanted:
            if slug in placed:
                continue
            share = next((s for s in shares if len(s) < self._per_link), None)
            if share is None:
                self._add_link()
                share = {}
                shares.append(share)
            share[slug] = self._board.instruments[slug]
        now = self._clock.mono_ns()
        for link, share in zip(self._links, shares, strict=True):
            link.apply(link.stream.watch(share, now))
        self._ask_refresh(fresh)

    async def request_snapshot(self, market: MarketId) -> None:
        """Have a book told again over the socket, or read it where commands are used up."""
        slug, now = native_of(market), self._clock.mono_ns()
        link = self._link_of(slug)
        if link is None or link.stream.books[slug].asked_ns is not None:
            return
        if self._commands.take(2, now):
            link.apply(link.stream.ask_book(slug, now))
        else:
            self._read_book(slug)

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
        latency = self._stamps.watch.latency_ns(now)
        offset = self._stamps.watch.clock_offset_ns(now)
        self._emit([FeedStatus(self.venue, is_connected, max(0, age), latency, offset)])

    async def _refresh_loop(self) -> None:
        """Read market objects again: those asked for at once, all of them once a minute.

        Markets that ended are asked for their result four times as often.
        """
        waited = 0.0
        while True:
            try:
                # Not wait_for: before Python 3.12 it can swallow a cancellation.
                async with asyncio.timeout(_RESULT_EVERY_S):
                    await self._refresh_ready.wait()
            except TimeoutError:
                waited += _RESULT_EVERY_S
                whole = waited >= _SWEEP_EVERY_S
                waited = 0.0 if whole else waited
                self._ask_refresh(
                    list(self._board.instruments) if whole else self._board.awaits_result()
                )
            self._refresh_ready.clear()
            wanted, self._refresh = sorted(self._refresh), set()
            if wanted and not await self._refresh_now(wanted):
                self._ask_refresh(wanted)
                await self._clock.sleep(2.0)

    async def _refresh_now(self, slugs: list[str]) -> bool:
        """Read some markets; False when the venue did not answer."""
        try:
            rows = await self._catalogue.refresh(slugs)
        except (WireError, StoreError) as error:
            self._tally.note("refresh_failed", str(error))
            return False
        for instrument, payout in rows:
            self._emit(self._board.on_refreshed(instrument, payout, self._clock.wall_ns()))
            link = self._link_of(instrument.native_id)
            if link is not None:
                link.stream.set_instrument(instrument)
        return True

    async def _witness_loop(self) -> None:
        """Read one book after the other over REST, for ever: only this sees a frozen feed."""
        at = 0
        while True:
            await self._clock.sleep(_WITNESS_EVERY_S)
            slugs = [slug for link in self._links for slug in link.stream.books]
            if slugs:
                at = (at + 1) % len(slugs)
                self._read_book(slugs[at])

    # --- inside -----------------------------------------------------------------------------

    def _read_book(self, slug: str, *, after_s: float = 0.0) -> None:
        """Read a book over REST unless that is under way already."""
        if slug not in self._reading and self._link_of(slug) is not None:
            self._reading.add(slug)
            self._start(self._read_book_now(slug, after_s))

    async def _read_book_now(self, slug: str, after_s: float) -> None:
        step: Step | None = None
        link: _Link | None = None
        try:
            if after_s:
                await self._clock.sleep(after_s)
            link = self._link_of(slug)
            if link is None:
                return
            book, generation = link.stream.books[slug], link.stream.generation
            version = book.version
            reply = await self._rest.get_public(f"/v1/markets/{slug}/book", BookReply)
            now = self._clock.mono_ns()
            step = link.stream.on_rest_book(reply.market_data, version, generation, now)
        except WireError as error:
            self._tally.note_error(error)
        except StoreError as error:
            self._tally.note("proof_failed", str(error))
        finally:
            self._reading.discard(slug)
        if step is not None and link is not None:
            link.apply(step)

    def _add_link(self) -> None:
        link = _Link(self)
        self._links.append(link)
        if self._sink is not None:
            self._group.create_task(link.connection.run())

    def _link_of(self, slug: str) -> _Link | None:
        return next((link for link in self._links if slug in link.stream.books), None)

    def _ask_refresh(self, slugs: Sequence[str]) -> None:
        self._refresh.update(slugs)
        if slugs:
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

    def _emit(self, bodies: Sequence[FeedBody | EventBody]) -> None:
        if self._sink is not None:
            for body in bodies:
                self._sink(body)

    def carry_out(self, link: _Link, step: Step) -> None:
        """Do what a stream step asks for, bodies first."""
        self._emit(step.bodies)
        for command in step.sends:
            link.connection.send(command)
        for slug, status in step.statuses:
            bodies = self._board.on_state(slug, status)
            self._emit(bodies)
            if bodies:
                self._ask_refresh([slug])
        for slug, ts_ns in step.stamps:
            self._stamps.saw(slug, ts_ns, self._clock.wall_ns(), self._clock.mono_ns())
        for slug in step.reads:
            is_doubt = link.stream.books[slug].state is BookState.SYNCED
            self._read_book(slug, after_s=_DOUBT_S if is_doubt else 0.0)
        if step.reconnect:
            link.connection.replace(step.reconnect)

    def make_connection(self, link: _Link) -> Connection:
        connection = Connection(
            self._endpoints,
            cap.WS_MARKETS,
            self._signer,
            self._clock,
            self._rng,
            opened=link.on_opened,
            frame=link.on_frame,
            lost=link.on_lost,
        )
        connection.round_trip = lambda trip: self._stamps.watch.saw_round_trip(
            min(trip, 60 * NS_PER_S), self._clock.mono_ns()
        )
        return connection

    def link_opened(self, link: _Link) -> None:
        self._stamps.forget()
        link.apply(link.stream.open(self._clock.mono_ns()))
        assert link.stream.generation == link.connection.life
        self.say_status()

    def new_stream(self) -> BookStream:
        return BookStream(self._tally)

    def mono_ns(self) -> int:
        return self._clock.mono_ns()


class _Link:
    """One connection and its continuity core."""

    def __init__(self, owner: PolymarketUsMarketData) -> None:
        self._owner = owner
        self.stream = owner.new_stream()
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

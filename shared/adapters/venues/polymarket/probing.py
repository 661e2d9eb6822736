"""The questions that Polymarket's documents leave open, asked of the venue (POLYMARKET 11).

All of them are answered by reading: listings, one token's prices, and the market channel
for some seconds. None sends an order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import msgspec

from shared.adapters.venues.polymarket.access import Hosts
from shared.adapters.venues.polymarket.connection import MarketConnection
from shared.adapters.venues.polymarket.instruments import parse_market_page
from shared.adapters.venues.polymarket.parsing import decode, micros
from shared.adapters.venues.polymarket.rest import PolymarketRest
from shared.adapters.venues.polymarket.schemas import Frame
from shared.adapters.venues.polymarket.stream import MarketChannel
from shared.domain.enums import Venue
from shared.domain.errors import StoreError, WireError
from shared.domain.instrument import Instrument
from shared.domain.units import NS_PER_MS
from shared.ports.clock import Clock
from shared.ports.inspection import Answer
from shared.ports.venue import CatalogueMarket

PAGES_READ: Final = 10
WATCHED: Final = 50
WATCH_S: Final = 20.0
_FRAMES: Final = msgspec.json.Decoder(list[Frame] | Frame)


class PolymarketProbe:
    """Asks once; every question that fails is answered with the reason."""

    def __init__(
        self, hosts: Hosts, rest: PolymarketRest, clock: Clock, *, watch_s: float = WATCH_S
    ) -> None:
        self._hosts, self._rest, self._clock = hosts, rest, clock
        self._watch_s = watch_s
        self._listed: list[CatalogueMarket] = []

    async def run(self) -> Sequence[Answer]:
        asks: tuple[tuple[str, bool, Callable[[], Awaitable[str]]], ...] = (
            ("markets of protocol 2", False, self._second_protocol),
            ("taker delays in use", False, self._delays),
            ("meaning of the side in /price", False, self._price_side),
            ("hashes of messages with several changes", True, self._hashes),
        )
        answers = []
        for question, gates, ask in asks:
            try:
                answers.append(Answer(Venue.POLYMARKET, question, await ask(), gates_live=gates))
            except (StoreError, WireError) as error:
                answers.append(Answer(Venue.POLYMARKET, question, "", str(error)[:160], gates))
        return answers

    async def _markets(self) -> list[CatalogueMarket]:
        """Return the first pages of open markets, read once."""
        cursor = ""
        while not self._listed or (cursor and len(self._listed) < PAGES_READ * 100):
            rows, cursor, _ = parse_market_page(
                await self._rest.market_page(cursor), self._clock.wall_ns()
            )
            self._listed += rows
            if not rows:
                break
        if not self._listed:
            raise StoreError("no open market is listed")
        return self._listed

    async def _second_protocol(self) -> str:
        rows = await self._markets()
        found = [row.raw.get("conditionId", "?") for row in rows if row.raw.get("version") == "v2"]
        return f"{len(found)} of {len(rows)} open markets{': ' + found[0] if found else ''}"

    async def _delays(self) -> str:
        rows = await self._markets()
        counted: dict[int, int] = {}
        for row in rows:
            delay = row.instrument.taker_delay_ns // NS_PER_MS
            counted[delay] = counted.get(delay, 0) + 1
        return ", ".join(f"{ms} ms on {n}" for ms, n in sorted(counted.items()))

    async def _price_side(self) -> str:
        """``/price?side=BUY`` is either what a buyer pays or what a buyer bids."""
        for instrument in await self._tradeable(20):
            book = await self._rest.book(instrument.yes_token)
            bids = [micros(row.price, "polymarket.probe") for row in book.bids]
            asks = [micros(row.price, "polymarket.probe") for row in book.asks]
            if not bids or not asks or max(bids) == min(asks):
                continue
            told = await self._rest.price(instrument.yes_token, "BUY")
            if told == max(bids):
                return "BUY is the best bid"
            if told == min(asks):
                return "BUY is the best ask"
        raise StoreError("no quiet market with offers on both sides")

    async def _tradeable(self, most: int) -> list[Instrument]:
        rows = [row.instrument for row in await self._markets() if row.instrument.tradeable]
        return rows[:most]

    async def _hashes(self) -> str:
        """Watch some markets and verify every message, those with several changes apart."""
        watched = await self._tradeable(WATCHED)
        channel, counts = MarketChannel(), _Counts()
        channel.watch(watched)

        def on_frame(connection: MarketConnection, raw: str | bytes) -> None:
            before = channel.errors["polymarket.ws.hash"]
            channel.feed(raw, self._clock.mono_ns(), connection.tokens)
            failed = channel.errors["polymarket.ws.hash"] - before
            counts.take(_changes_in(raw, channel), failed)

        connection = MarketConnection(
            f"{self._hosts.ws}/market", self._clock, on_frame, lambda *_: None
        )
        await connection.subscribe([i.yes_token for i in watched])
        task = asyncio.create_task(connection.run())
        try:
            await self._clock.sleep(self._watch_s)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        if not counts.messages:
            raise StoreError(f"no change within {self._watch_s:.0f} s")
        return (
            f"{counts.messages - counts.failed} of {counts.messages} messages verified, "
            f"{counts.several - counts.several_failed} of {counts.several} with several changes"
        )


class _Counts:
    def __init__(self) -> None:
        self.messages = self.failed = self.several = self.several_failed = 0

    def take(self, most_changes: int, failed: int) -> None:
        if most_changes == 0:
            return
        self.messages += 1
        self.failed += bool(failed)
        if most_changes > 1:
            self.several += 1
            self.several_failed += bool(failed)


def _changes_in(raw: str | bytes, channel: MarketChannel) -> int:
    """Return how many changes a message has of that watched token which has the most."""
    if raw in ("PONG", b"PONG"):
        return 0
    try:
        decoded: Any = decode(_FRAMES, raw, "polymarket.probe")
    except WireError:
        return 0
    most = 0
    for frame in decoded if isinstance(decoded, list) else (decoded,):
        tokens = [row.asset_id for row in frame.price_changes or ()]
        most = max([most, *(tokens.count(t) for t in set(tokens) if t in channel.tracks)])
    return most

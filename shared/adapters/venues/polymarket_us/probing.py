"""The questions that nothing published answers, asked of the venue where reads can ask them.

Nothing here sends an order. What only an order could show stays unanswered, and an
unanswered question that gates real money keeps it refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from shared.adapters.venues.polymarket_us import capabilities as cap
from shared.adapters.venues.polymarket_us.parsing import decode, read_decimal
from shared.adapters.venues.polymarket_us.rest import PolymarketUsRest, Query
from shared.adapters.venues.polymarket_us.schemas import Market, MarketFrame, MarketsPage
from shared.adapters.venues.polymarket_us.signing import Signer
from shared.adapters.venues.polymarket_us.stream import KIND, subscribe_command
from shared.domain.enums import Venue
from shared.domain.errors import StoreError, WireError
from shared.domain.units import MICROS, NS_PER_S, format_micros
from shared.ports.clock import Clock
from shared.ports.inspection import Answer

SKEWS_S: Final = (1, 5, 20, 29, 31)
MARKETS_READ: Final = 20
FIRST_FRAME_S: Final = 5.0
_BALANCES: Final = "/v1/account/balances"


class PolymarketUsProbe:
    """Asks once; every question that fails is answered with the reason."""

    def __init__(
        self, endpoints: cap.Endpoints, signer: Signer, rest: PolymarketUsRest, clock: Clock
    ) -> None:
        self._endpoints, self._signer = endpoints, signer
        self._rest, self._clock = rest, clock

    async def run(self) -> Sequence[Answer]:
        asks: tuple[tuple[str, bool, Callable[[], Awaitable[str]]], ...] = (
            ("fee coefficient of the market objects", False, self._coefficients),
            ("accepted clock skew", True, self._skew),
            (cap.WHOLE_BOOK_FIRST, True, self._first_frame),
        )
        answers = []
        for question, gates, ask in asks:
            try:
                answers.append(Answer(Venue.POLYMARKET_US, question, await ask(), gates_live=gates))
            except (StoreError, WireError) as error:
                why = str(error)[:160]
                answers.append(Answer(Venue.POLYMARKET_US, question, "", why, gates))
        asked = {question for question, _, _ in asks}
        why = "this build asks no order for it"
        return answers + [
            Answer(Venue.POLYMARKET_US, question, "", why, gates_live=True)
            for question in cap.NOT_CONFIRMED
            if question not in asked
        ]

    async def _markets(self) -> list[Market]:
        query: Query = {"limit": MARKETS_READ, "active": "true", "closed": "false"}
        page = await self._rest.get_public("/v1/markets", MarketsPage, query)
        return [decode(raw, Market, "market") for raw in page.markets]

    async def _coefficients(self) -> str:
        """What the venue's own objects say; the operator compares it with what he confirmed."""
        markets = await self._markets()
        stated = {
            format_micros(read_decimal(m.fee_coefficient, "fee_coefficient"))
            for m in markets
            if m.fee_coefficient is not None
        }
        silent = sum(m.fee_coefficient is None for m in markets)
        return f"{', '.join(sorted(stated)) or 'none'} in {len(markets)} markets, {silent} silent"

    async def _skew(self) -> str:
        """Sign with a clock that is ever further ahead and behind, until refused."""
        reached = []
        for sign, word in ((-1, "behind"), (1, "ahead")):
            accepted = 0
            for skew in SKEWS_S:
                wall = self._clock.wall_ns() + sign * skew * NS_PER_S
                if not await self._rest.is_signature_accepted(wall, _BALANCES):
                    break
                accepted = skew
            reached.append(f"{word} at least {accepted} s")
        return ", ".join(reached)

    async def _first_frame(self) -> str:
        """Subscribe to one market and wait for its book."""
        markets = await self._markets()
        if not markets:
            raise StoreError("no open market is listed")
        slug = markets[0].slug
        headers = self._signer.headers(self._clock.wall_ns(), "GET", cap.WS_MARKETS)
        start = self._clock.mono_ns()
        try:
            async with (
                asyncio.timeout(FIRST_FRAME_S),
                connect(
                    self._endpoints.ws_url(cap.WS_MARKETS),
                    additional_headers=headers,
                    max_size=cap.FRAME_BYTES_MAX,
                    proxy=None,
                ) as socket,
            ):
                await socket.send(subscribe_command("first-book", KIND, [slug]).decode())
                async for data in socket:
                    raw = data.encode() if isinstance(data, str) else data
                    frame = decode(raw, MarketFrame, "frame")
                    if frame.market_data is not None and frame.market_data.market_slug == slug:
                        spent = (self._clock.mono_ns() - start) // MICROS
                        return f"yes, within {spent} ms"
        except TimeoutError:
            raise StoreError(f"{slug}: no book within {FIRST_FRAME_S:.0f} s") from None
        except (WebSocketException, OSError) as error:
            raise StoreError(f"{slug}: {type(error).__name__}") from error
        raise StoreError(f"{slug}: the stream was closed")

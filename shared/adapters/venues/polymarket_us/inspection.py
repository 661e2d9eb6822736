"""A Polymarket US account before the first order: key, cash, clock, market data, stream."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from email.utils import parsedate_to_datetime

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from shared.adapters.venues.measuring import OFFSET_MAX_NS, measure
from shared.adapters.venues.polymarket_us import capabilities as cap
from shared.adapters.venues.polymarket_us.errors import WireTally
from shared.adapters.venues.polymarket_us.parsing import read_cash
from shared.adapters.venues.polymarket_us.probing import PolymarketUsProbe
from shared.adapters.venues.polymarket_us.rest import PolymarketUsRest, Query
from shared.adapters.venues.polymarket_us.schemas import BalancesReply, MarketsPage
from shared.adapters.venues.polymarket_us.signing import Signer
from shared.domain.eligibility import find_refusal
from shared.domain.enums import Venue
from shared.domain.errors import StoreError, WireError
from shared.domain.units import NS_PER_MS, format_micros
from shared.ports.clock import Clock
from shared.ports.inspection import Answer, Finding, Light, SetupStep


class PolymarketUsInspector:
    """Implements ``Inspector``."""

    venue = Venue.POLYMARKET_US

    def __init__(
        self, endpoints: cap.Endpoints, signer: Signer, clock: Clock, jurisdiction: str
    ) -> None:
        self._endpoints, self._signer, self._clock = endpoints, signer, clock
        self._jurisdiction = jurisdiction
        self._rest = PolymarketUsRest(endpoints, signer, clock, WireTally())

    async def aclose(self) -> None:
        await self._rest.close()

    async def check(self) -> Sequence[Finding]:
        """Ask item by item; one that fails does not hide the others."""
        items: tuple[tuple[str, Callable[[], Awaitable[Finding]]], ...] = (
            ("jurisdiction", self._check_jurisdiction),
            ("orders", self._check_orders),
            ("market data", self._check_market_data),
            ("key", self._check_key),
            ("clock", self._check_clock),
            ("stream", self._check_stream),
        )
        found = []
        for item, ask in items:
            try:
                found.append(await ask())
            except (StoreError, WireError) as error:
                found.append(self._say(item, Light.RED, str(error)[:160]))
        return found

    def _say(self, item: str, light: Light, text: str) -> Finding:
        return Finding(self.venue, item, light, text)

    async def _check_jurisdiction(self) -> Finding:
        reason = find_refusal(self.venue, self._jurisdiction, must_be_stated=True)
        light = Light.RED if reason else Light.GREEN
        return self._say("jurisdiction", light, reason or f"{self._jurisdiction} may trade here")

    async def _check_orders(self) -> Finding:
        """At the venue's own hosts this build sends no order; the reason belongs in the table."""
        if self._endpoints == cap.LIVE:
            return self._say("orders", Light.RED, cap.NO_LIVE_ORDERS)
        return self._say("orders", Light.GREEN, "simulated venue")

    async def _check_market_data(self) -> Finding:
        query: Query = {"limit": 1, "active": "true", "closed": "false"}
        page = await self._rest.get_public("/v1/markets", MarketsPage, query)
        if not page.markets:
            return self._say("market data", Light.RED, "no open market is listed")
        return self._say("market data", Light.GREEN, "open markets are listed")

    async def _check_key(self) -> Finding:
        """The venue has no question for a key's rights: the balances show that it may read."""
        reply = await self._rest.get("/v1/account/balances", BalancesReply)
        rows = [row for row in reply.balances if row.currency == "USD"]
        if len(rows) != 1:
            return self._say("key", Light.RED, f"{len(rows)} dollar balances")
        cash = read_cash(rows[0].current_balance, "current_balance")
        light = Light.GREEN if cash > 0 else Light.RED
        return self._say("key", light, f"reads the account: ${format_micros(cash)}")

    async def _check_clock(self) -> Finding:
        async def second() -> int:
            text = await self._rest.date_header()
            try:
                return int(parsedate_to_datetime(text).timestamp())
            except ValueError:
                raise WireError("polymarket_us.date", text[:60]) from None

        got = await measure(second, self._clock)
        is_near = abs(got.offset_ns) <= OFFSET_MAX_NS
        text = (
            f"offset {got.offset_ns / NS_PER_MS:+.0f} ms, "
            f"round trip {got.round_trip_ns / NS_PER_MS:.1f} ms"
        )
        return self._say("clock", Light.GREEN if is_near else Light.RED, text)

    async def _check_stream(self) -> Finding:
        """Open both streams with our signature; nothing is subscribed."""
        spent = []
        for path in (cap.WS_MARKETS, cap.WS_PRIVATE):
            headers = self._signer.headers(self._clock.wall_ns(), "GET", path)
            start = self._clock.mono_ns()
            try:
                async with connect(
                    self._endpoints.ws_url(path),
                    additional_headers=headers,
                    open_timeout=5,
                    proxy=None,
                ) as socket:
                    pong = await socket.ping()
                    async with asyncio.timeout(5):
                        await pong
            except (WebSocketException, OSError, TimeoutError) as error:
                return self._say("stream", Light.RED, f"{path}: {type(error).__name__}")
            spent.append((self._clock.mono_ns() - start) / NS_PER_MS)
        text = f"markets in {spent[0]:.0f} ms, own orders in {spent[1]:.0f} ms"
        return self._say("stream", Light.GREEN, text)

    # --- setup --------------------------------------------------------------------------------

    async def plan_setup(self) -> Sequence[SetupStep]:
        """Nothing: accounts and keys are made, and money is moved, on the venue's own pages."""
        return []

    async def carry_out(self, step: SetupStep) -> Finding:
        return self._say(step.name, Light.UNKNOWN, f"not available: {step.missing}")

    async def probe(self, *, may_order: bool) -> Sequence[Answer]:
        del may_order  # no question here is asked with an order
        probe = PolymarketUsProbe(self._endpoints, self._signer, self._rest, self._clock)
        return await probe.run()

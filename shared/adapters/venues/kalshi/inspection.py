"""A Kalshi account before the first order: key, scopes, shards, clock, stream, limits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from email.utils import parsedate_to_datetime

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from shared.adapters.venues.kalshi.account import read_balance
from shared.adapters.venues.kalshi.capabilities import WS_PATH, Endpoints
from shared.adapters.venues.kalshi.errors import WireTally
from shared.adapters.venues.kalshi.key_scopes import judge_key
from shared.adapters.venues.kalshi.probing import KalshiProbe
from shared.adapters.venues.kalshi.rest import KalshiRest
from shared.adapters.venues.kalshi.schemas import (
    ApiKeysReply,
    BalanceReply,
    ExchangeStatus,
    LimitsReply,
)
from shared.adapters.venues.kalshi.signing import Signer
from shared.adapters.venues.measuring import OFFSET_MAX_NS, measure
from shared.domain.eligibility import find_refusal
from shared.domain.enums import Venue
from shared.domain.errors import StoreError, WireError
from shared.domain.units import NS_PER_MS, format_micros
from shared.ports.clock import Clock
from shared.ports.inspection import Answer, Finding, Light, SetupStep


class KalshiInspector:
    """Implements ``Inspector``."""

    venue = Venue.KALSHI

    def __init__(
        self, endpoints: Endpoints, signer: Signer, clock: Clock, jurisdiction: str
    ) -> None:
        self._endpoints, self._signer, self._clock = endpoints, signer, clock
        self._jurisdiction = jurisdiction
        self._rest = KalshiRest(endpoints, signer, clock, WireTally())

    async def aclose(self) -> None:
        await self._rest.close()

    async def check(self) -> Sequence[Finding]:
        """Ask item by item; one that fails does not hide the others."""
        items: tuple[tuple[str, Callable[[], Awaitable[Finding]]], ...] = (
            ("jurisdiction", self._check_jurisdiction),
            ("exchange", self._check_exchange),
            ("key", self._check_key),
            ("clock", self._check_clock),
            ("balances", self._check_balances),
            ("rate tier", self._check_limits),
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

    async def _check_exchange(self) -> Finding:
        status = await self._rest.get("/exchange/status", ExchangeStatus)
        rows = status.exchange_index_statuses or []
        paused = [r.exchange_index for r in rows if not (r.exchange_active and r.trading_active)]
        is_open = status.exchange_active and status.trading_active and not paused
        text = "open" if is_open else f"paused; shards {paused or 'all'}"
        return self._say("exchange", Light.GREEN if is_open else Light.RED, text)

    async def _check_key(self) -> Finding:
        """The venue lists its keys with their scopes; ours must read and trade."""
        reply = await self._rest.get("/api_keys", ApiKeysReply)
        key = judge_key(reply, self._signer.key_id)
        light = Light.GREEN if key.may_trade else Light.RED
        return self._say("key", light, f"{self._signer.kind}, {key.text}")

    async def _check_clock(self) -> Finding:
        async def second() -> int:
            text = await self._rest.date_header()
            try:
                return int(parsedate_to_datetime(text).timestamp())
            except ValueError:
                raise WireError("kalshi.date", text[:60]) from None

        got = await measure(second, self._clock)
        is_near = abs(got.offset_ns) <= OFFSET_MAX_NS
        text = (
            f"offset {got.offset_ns / NS_PER_MS:+.0f} ms, "
            f"round trip {got.round_trip_ns / NS_PER_MS:.1f} ms"
        )
        return self._say("clock", Light.GREEN if is_near else Light.RED, text)

    async def _check_balances(self) -> Finding:
        reply = await self._rest.get("/portfolio/balance", BalanceReply)
        total, shards = read_balance(reply)
        text = ", ".join(f"shard {shard}: ${format_micros(usd)}" for shard, usd in shards)
        return self._say("balances", Light.GREEN if total > 0 else Light.RED, text or "none")

    async def _check_limits(self) -> Finding:
        limits = await self._rest.get("/account/limits", LimitsReply)
        text = (
            f"{limits.usage_tier}: {limits.read.refill_rate} reads, "
            f"{limits.write.refill_rate} writes a second in tokens"
        )
        return self._say("rate tier", Light.GREEN, text)

    async def _check_stream(self) -> Finding:
        """Open the stream with our signature; nothing is subscribed."""
        headers = self._signer.headers(self._clock.wall_ns(), "GET", WS_PATH)
        start = self._clock.mono_ns()
        try:
            async with connect(
                self._endpoints.ws_url, additional_headers=headers, open_timeout=5, proxy=None
            ) as socket:
                pong = await socket.ping()
                async with asyncio.timeout(5):
                    await pong
        except (WebSocketException, OSError, TimeoutError) as error:
            return self._say("stream", Light.RED, type(error).__name__)
        spent = (self._clock.mono_ns() - start) / NS_PER_MS
        return self._say("stream", Light.GREEN, f"opened and answered in {spent:.0f} ms")

    # --- setup --------------------------------------------------------------------------------

    async def plan_setup(self) -> Sequence[SetupStep]:
        """Name the shards without money: moving it is the owner's business, never ours."""
        try:
            _, shards = read_balance(await self._rest.get("/portfolio/balance", BalanceReply))
            status = await self._rest.get("/exchange/status", ExchangeStatus)
        except (StoreError, WireError) as error:
            raise StoreError(f"kalshi setup: {error}") from error
        funded = {shard for shard, usd in shards if usd > 0}
        known = {row.exchange_index for row in status.exchange_index_statuses or []} or {0}
        return [
            SetupStep(
                f"fund shard {shard}",
                f"shard {shard} holds no money: its markets cannot be traded",
                missing="money is moved by its owner on the venue's own pages",
            )
            for shard in sorted(known - funded)
        ]

    async def carry_out(self, step: SetupStep) -> Finding:
        return self._say(step.name, Light.UNKNOWN, f"not available: {step.missing}")

    async def probe(self, *, may_order: bool) -> Sequence[Answer]:
        probe = KalshiProbe(self._endpoints, self._signer, self._rest, self._clock)
        return await probe.run(may_order=may_order)

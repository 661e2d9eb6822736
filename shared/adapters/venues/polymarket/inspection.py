"""A Polymarket account before the first order: keys, wallet, allowances, region, state."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from shared.adapters.venues.measuring import OFFSET_MAX_NS, measure
from shared.adapters.venues.polymarket.access import Credentials, Hosts
from shared.adapters.venues.polymarket.account import find_missing_allowances
from shared.adapters.venues.polymarket.approvals import list_approvals
from shared.adapters.venues.polymarket.capabilities import CLOB_VERSION
from shared.adapters.venues.polymarket.parsing import read_balance
from shared.adapters.venues.polymarket.probing import PolymarketProbe
from shared.adapters.venues.polymarket.rest import USER_AGENT, PolymarketRest
from shared.domain.eligibility import find_refusal
from shared.domain.enums import Venue
from shared.domain.errors import StoreError, WireError
from shared.domain.units import NS_PER_MS, format_micros
from shared.ports.clock import Clock
from shared.ports.inspection import Answer, Finding, Light, SetupStep

API_KEY_STEP = "api key"
CACHE_STEP = "balance cache"
_OUTSIDE = "needs a Polygon node or the venue's relayer; send it from the wallet's own page"

StoreFields = Callable[[Mapping[str, str]], None]


class PolymarketInspector:
    """Implements ``Inspector``; ``store`` keeps fields of the account's secret."""

    venue = Venue.POLYMARKET

    def __init__(
        self,
        hosts: Hosts,
        secret: Mapping[str, Any],
        clock: Clock,
        jurisdiction: str,
        store: StoreFields,
    ) -> None:
        self._hosts, self._clock, self._store = hosts, clock, store
        self._jurisdiction = jurisdiction
        names = ("api_key", "api_secret", "api_passphrase")
        self._lacks_api_key = not all(secret.get(name) for name in names)
        whole = {**secret, **(dict.fromkeys(names, "") if self._lacks_api_key else {})}
        self._credentials = Credentials.from_secret(whole)
        self._rest = PolymarketRest(hosts, clock, self._credentials)

    async def aclose(self) -> None:
        await self._rest.aclose()

    async def check(self) -> Sequence[Finding]:
        """Ask item by item; one that fails does not hide the others."""
        items: tuple[tuple[str, Callable[[], Awaitable[Finding]]], ...] = (
            ("jurisdiction", self._check_jurisdiction),
            ("geoblock", self._check_region),
            ("order version", self._check_version),
            ("wallet", self._check_wallet),
            ("api key", self._check_api_key),
            ("account state", self._check_state),
            ("allowances", self._check_allowances),
            ("balance", self._check_balance),
            ("clock", self._check_clock),
            ("rate tier", self._check_tier),
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

    def _judge(self, item: str, is_good: bool, good: str, bad: str) -> Finding:
        return self._say(item, Light.GREEN if is_good else Light.RED, good if is_good else bad)

    async def _check_jurisdiction(self) -> Finding:
        reason = find_refusal(self.venue, self._jurisdiction, must_be_stated=True)
        return self._judge(
            "jurisdiction", not reason, f"{self._jurisdiction} may trade here", reason
        )

    async def _check_region(self) -> Finding:
        region = await self._rest.geoblock()
        where = region.country or "?"
        return self._judge(
            "geoblock",
            not region.blocked,
            f"this address ({where}) is let in",
            f"the venue refuses this address ({where})",
        )

    async def _check_version(self) -> Finding:
        version = await self._rest.version()
        text = f"version {version}, this build signs {CLOB_VERSION}"
        return self._judge("order version", version == CLOB_VERSION, text, text)

    async def _check_wallet(self) -> Finding:
        kind = self._credentials.signature_type
        words = kind.name.lower().replace("_", " ")
        text = f"{words} {self._credentials.wallet}, signed by {self._credentials.signer.address}"
        return self._say("wallet", Light.GREEN, text)

    async def _check_api_key(self) -> Finding:
        if self._lacks_api_key:
            return self._say("api key", Light.RED, "none stored; `twinleg venues setup` makes it")
        live = await self._rest.open_orders()
        return self._say("api key", Light.GREEN, f"accepted; {len(live)} orders live")

    async def _check_state(self) -> Finding:
        is_restricted = await self._rest.is_closed_only()
        return self._judge(
            "account state", not is_restricted, "may open and close", "closing only (or banned)"
        )

    async def _check_allowances(self) -> Finding:
        missing = find_missing_allowances(await self._rest.collateral_answer())
        return self._judge(
            "allowances", not missing, "both exchanges", f"missing for {', '.join(missing)}"
        )

    async def _check_balance(self) -> Finding:
        micros = read_balance(await self._rest.collateral())
        return self._judge("balance", micros > 0, f"${format_micros(micros)}", "no pUSD")

    async def _check_clock(self) -> Finding:
        got = await measure(self._rest.server_time, self._clock)
        text = (
            f"offset {got.offset_ns / NS_PER_MS:+.0f} ms, "
            f"round trip {got.round_trip_ns / NS_PER_MS:.1f} ms"
        )
        return self._judge("clock", abs(got.offset_ns) <= OFFSET_MAX_NS, text, text)

    async def _check_tier(self) -> Finding:
        try:
            return self._say("rate tier", Light.GREEN, await self._rest.rate_limit_tier())
        except StoreError as error:
            # Nothing depends on it: the smallest tier is assumed.
            return self._say("rate tier", Light.UNKNOWN, f"standard assumed ({error})"[:160])

    async def _check_stream(self) -> Finding:
        start = self._clock.mono_ns()
        url = f"{self._hosts.ws}/market"
        try:
            async with (
                connect(url, open_timeout=5, proxy=None, user_agent_header=USER_AGENT) as socket,
                asyncio.timeout(5),
            ):
                await socket.send("PING")
                while await socket.recv() not in ("PONG", b"PONG"):
                    continue
        except (WebSocketException, OSError, TimeoutError) as error:
            return self._say("stream", Light.RED, type(error).__name__)
        spent = (self._clock.mono_ns() - start) / NS_PER_MS
        return self._say("stream", Light.GREEN, f"opened and answered in {spent:.0f} ms")

    # --- setup --------------------------------------------------------------------------------

    async def plan_setup(self) -> Sequence[SetupStep]:
        """Return what is missing. Raises StoreError when the venue does not answer."""
        if self._lacks_api_key:
            text = "create (or derive) the API key of this wallet and store it in the secret"
            return [SetupStep(API_KEY_STEP, text)]
        try:
            missing = find_missing_allowances(await self._rest.collateral_answer())
        except WireError as error:
            raise StoreError(f"polymarket setup: {error}") from error
        steps = [
            SetupStep(a.name, f"approve: send {a.data} to {a.to}", missing=_OUTSIDE)
            for a in list_approvals(missing)
        ]
        refresh = "have the venue read balance and allowances from the chain again"
        return [*steps, SetupStep(CACHE_STEP, refresh)]

    async def carry_out(self, step: SetupStep) -> Finding:
        """Do a step that needs nobody but the venue; the others name what to send."""
        try:
            if step.missing:
                return self._say(step.name, Light.UNKNOWN, f"not available: {step.missing}")
            if step.name == API_KEY_STEP:
                api = await self._rest.create_or_derive_api_key()
                self._store(
                    {
                        "api_key": api.api_key,
                        "api_secret": api.secret,
                        "api_passphrase": api.passphrase,
                    }
                )
                self._lacks_api_key = False
                self._credentials = replace(self._credentials, api=api)
                await self._rest.aclose()
                self._rest = PolymarketRest(self._hosts, self._clock, self._credentials)
                return self._say(step.name, Light.GREEN, f"stored {api.api_key}")
            await self._rest.refresh_balance_cache()
            return self._say(step.name, Light.GREEN, "asked for")
        except (StoreError, WireError) as error:
            return self._say(step.name, Light.RED, str(error)[:160])

    async def probe(self, *, may_order: bool) -> Sequence[Answer]:
        del may_order  # none of the questions here needs an order
        return await PolymarketProbe(self._hosts, self._rest, self._clock).run()

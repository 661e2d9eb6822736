"""HTTP to the CLOB, Gamma and the data API: plumbing, and what needs no account.

Reads raise ``StoreError`` when the venue does not answer with 200 and ``WireError`` when
the answer cannot be read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import httpx
import msgspec

from shared.adapters.venues.order_connection import (
    OrderConnection,
)
from shared.adapters.venues.polymarket.access import PRODUCTION, Credentials, Hosts
from shared.adapters.venues.polymarket.free_cash import FreeCash
from shared.adapters.venues.polymarket.parsing import decode, micros
from shared.adapters.venues.polymarket.rate_limits import PolymarketBudget
from shared.adapters.venues.polymarket.schemas import (
    ClobMarketInfo,
    GammaMarket,
    GeoblockAnswer,
    RestBook,
)
from shared.adapters.venues.polymarket.signing import (
    l2_headers,
)
from shared.domain.errors import DomainError, StoreError, WireError
from shared.domain.units import NS_PER_S
from shared.ports.clock import Clock

__all__ = ["PRODUCTION", "USER_AGENT", "Credentials", "Hosts", "PublicRest"]

USER_AGENT: Final = "twinleg/1"
"""The venue's edge answers 403 to the default agents of some libraries."""
READ_TIMEOUT_S: Final = 5.0
KEEPALIVE_S: Final = 20.0
"""Idle connections are kept this long."""


_BOOKS: Final = msgspec.json.Decoder(list[RestBook])
_BOOK: Final = msgspec.json.Decoder(RestBook)
_INFO: Final = msgspec.json.Decoder(ClobMarketInfo)
_MARKETS: Final = msgspec.json.Decoder(list[GammaMarket])
_GEOBLOCK: Final = msgspec.json.Decoder(GeoblockAnswer)
_VERSION: Final = msgspec.json.Decoder(dict[str, Any])


class PublicRest:
    """One HTTP client with the public endpoints, and the plumbing of all of them."""

    def __init__(self, hosts: Hosts, clock: Clock, credentials: Credentials | None = None) -> None:
        self.hosts = hosts
        self._clock = clock
        self._credentials = credentials
        self._orders = OrderConnection(hosts.clob)
        self.budget = PolymarketBudget(clock.mono_ns())
        self.free_cash = FreeCash()
        # No proxy from the environment: an order must not take a route nobody configured.
        self._http = httpx.AsyncClient(
            headers={"User-Agent": USER_AGENT},
            timeout=READ_TIMEOUT_S,
            trust_env=False,
            limits=httpx.Limits(
                max_connections=40,
                max_keepalive_connections=20,
                keepalive_expiry=KEEPALIVE_S,
            ),
        )

    async def aclose(self) -> None:
        await self._orders.aclose()
        await self._http.aclose()

    # --- plumbing ----------------------------------------------------------------------------

    def _auth(self, method: str, path: str, body: str = "") -> dict[str, str]:
        if self._credentials is None:
            raise DomainError(f"{method} {path} needs credentials")
        seconds = self._clock.wall_ns() // NS_PER_S
        return l2_headers(
            self._credentials.api, self._credentials.signer.address, seconds, method, path, body
        )

    def _host_of(self, base: str) -> str:
        hosts = {self.hosts.clob: "clob", self.hosts.gamma: "gamma", self.hosts.data: "data"}
        return hosts.get(base, "other")

    async def _read(
        self,
        base: str,
        path: str,
        params: Mapping[str, str] | Sequence[tuple[str, str]] = (),
        *,
        auth: bool = False,
        method: str = "GET",
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """Return the body of a 200 answer; raises StoreError for everything else."""
        status, body = await self._ask(
            base, path, params, auth=auth, method=method, content=content, headers=headers
        )
        if status != 200:
            text = body[:120].decode("utf-8", "replace")
            raise StoreError(f"{method} {path}: HTTP {status} {text}")
        return body

    async def _exchange(self, method: str, path: str, content: bytes) -> tuple[int, bytes]:
        """Authenticated call of the CLOB whose other statuses mean something too."""
        return await self._ask(self.hosts.clob, path, auth=True, method=method, content=content)

    async def _ask(
        self,
        base: str,
        path: str,
        params: Mapping[str, str] | Sequence[tuple[str, str]] = (),
        *,
        auth: bool = False,
        method: str = "GET",
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, bytes]:
        """Send one request and return (status, body). Raises StoreError without an answer.

        Waits for the tokens of its rate limits, so that it does not earn a 429.
        """
        sent = dict(headers or {})
        if content is not None:
            sent["Content-Type"] = "application/json"
        pairs: list[tuple[str, str | int | float | bool | None]] = list(
            params.items() if isinstance(params, Mapping) else params
        )
        buckets = self.budget.buckets(self._host_of(base), method, path, self._clock.mono_ns())
        while (wait := self.budget.take_or_wait_ns(buckets, self._clock.mono_ns())) > 0:
            await self._clock.sleep(wait / NS_PER_S)
        if auth:
            sent |= self._auth(method, path, (content or b"").decode())
        try:
            answer = await self._http.request(
                method, base + path, params=pairs or None, content=content, headers=sent
            )
        except httpx.HTTPError as error:
            raise StoreError(f"{method} {path}: {type(error).__name__}") from error
        self.budget.answered(buckets, answer.status_code, self._clock.mono_ns())
        return answer.status_code, answer.content

    # --- public ------------------------------------------------------------------------------

    async def market_page(self, cursor: str) -> bytes:
        params = {"limit": "100", "closed": "false", "include_tag": "true"}
        if cursor:
            params["after_cursor"] = cursor
        return await self._read(self.hosts.gamma, "/markets/keyset", params)

    async def gamma_markets(self, conditions: Sequence[str]) -> list[GammaMarket]:
        """Return the present objects of some markets, open and closed ones."""
        rows: list[GammaMarket] = []
        for closed in ("false", "true"):
            params = [("condition_ids", c) for c in conditions]
            params += [("closed", closed), ("limit", str(len(conditions)))]
            raw = await self._read(self.hosts.gamma, "/markets", params)
            found = decode(_MARKETS, raw, "polymarket.gamma.markets")
            rows.extend(found)
        return rows

    async def book(self, token: str) -> RestBook:
        raw = await self._read(self.hosts.clob, "/book", {"token_id": token})
        return decode(_BOOK, raw, "polymarket.rest.book")

    async def books(self, tokens: Sequence[str]) -> list[RestBook]:
        content = msgspec.json.encode([{"token_id": t} for t in tokens])
        raw = await self._read(self.hosts.clob, "/books", method="POST", content=content)
        return decode(_BOOKS, raw, "polymarket.rest.books")

    async def server_time(self) -> int:
        """Return the venue's unix seconds."""
        raw = (await self._read(self.hosts.clob, "/time")).strip().strip(b'"')
        if not raw.isdigit() or len(raw) > 11:
            raise WireError("polymarket.rest.time", raw[:40].decode("latin-1"))
        return int(raw)

    async def version(self) -> int:
        raw = await self._read(self.hosts.clob, "/version")
        text = str(decode(_VERSION, raw, "polymarket.rest.version").get("version", ""))
        if not text.isascii() or not text.isdigit():
            raise WireError("polymarket.rest.version", text)
        return int(text)

    async def price(self, token: str, side: str) -> int:
        """Return ``/price`` of one token in micros; what its side means is for probes to say."""
        params = {"token_id": token, "side": side}
        raw = await self._read(self.hosts.clob, "/price", params)
        return micros(str(decode(_VERSION, raw, "polymarket.price").get("price")), "price")

    async def clob_market(self, condition: str) -> ClobMarketInfo:
        raw = await self._read(self.hosts.clob, f"/clob-markets/{condition}")
        return decode(_INFO, raw, "polymarket.clob_market")

    async def geoblock(self) -> GeoblockAnswer:
        """Say whether this host's address may trade; asked from the trading host itself."""
        raw = await self._read(self.hosts.geoblock, "")
        return decode(_GEOBLOCK, raw, "polymarket.geoblock")

"""The account's endpoints: balances, records, keys, and orders on connections of their own.

The calls of the order path return status and body as they came, because deciding what
they mean is the business of ``execution``; nothing is retried.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar

import msgspec

from shared.adapters.venues.order_connection import (
    NoAnswerError,
    NotConnectedError,
)
from shared.adapters.venues.polymarket.parsing import decode
from shared.adapters.venues.polymarket.public_rest import (
    PRODUCTION,
    USER_AGENT,
    Credentials,
    Hosts,
    PublicRest,
)
from shared.adapters.venues.polymarket.schemas import (
    ActivityRow,
    ApiKeyAnswer,
    BalanceAnswer,
    CancelAnswer,
    ClosedOnlyAnswer,
    OpenOrder,
    OrderPage,
    PositionRow,
    Trade,
    TradePage,
)
from shared.adapters.venues.polymarket.signing import (
    ApiCredentials,
    l1_headers,
)
from shared.domain.errors import StoreError, WireError
from shared.domain.units import NS_PER_S

T = TypeVar("T")

__all__ = ["PRODUCTION", "USER_AGENT", "Credentials", "Hosts", "PolymarketRest"]

FIRST_CURSOR: Final = "MA=="
LAST_CURSOR: Final = "LTE="
PAGES_MAX: Final = 1_000
POSITIONS_PER_PAGE: Final = 500
ACTIVITY_PER_PAGE: Final = 500


_CANCEL: Final = msgspec.json.Decoder(CancelAnswer)
_ORDER: Final = msgspec.json.Decoder(OpenOrder)
_ORDERS: Final = msgspec.json.Decoder(OrderPage)
_TRADES: Final = msgspec.json.Decoder(TradePage)
_BALANCE: Final = msgspec.json.Decoder(BalanceAnswer)
_POSITIONS: Final = msgspec.json.Decoder(list[PositionRow])
_ACTIVITY: Final = msgspec.json.Decoder(list[ActivityRow])
_API_KEY: Final = msgspec.json.Decoder(ApiKeyAnswer)
_CLOSED_ONLY: Final = msgspec.json.Decoder(ClosedOnlyAnswer)
_ANY: Final = msgspec.json.Decoder(dict[str, Any])


class PolymarketRest(PublicRest):
    """The client of one account; without credentials only the public part works."""

    # --- account -----------------------------------------------------------------------------

    async def collateral(self) -> str:
        """Return the pUSD balance text of the trading wallet."""
        return (await self.collateral_answer()).balance

    async def collateral_answer(self) -> BalanceAnswer:
        """Return balance and allowances of the trading wallet's pUSD."""
        assert self._credentials is not None
        params = {
            "asset_type": "COLLATERAL",
            "signature_type": str(int(self._credentials.signature_type)),
        }
        raw = await self._read(self.hosts.clob, "/balance-allowance", params, auth=True)
        return decode(_BALANCE, raw, "polymarket.balance")

    async def refresh_collateral(self) -> None:
        """Ask the venue to reckon the wallet's pUSD anew (F-047)."""
        assert self._credentials is not None
        params = {
            "asset_type": "COLLATERAL",
            "signature_type": str(int(self._credentials.signature_type)),
        }
        await self._read(self.hosts.clob, "/balance-allowance/update", params, auth=True)

    async def conditional(self, token: str) -> str:
        """Return the share balance text of one token, as the chain has it."""
        assert self._credentials is not None
        params = {
            "asset_type": "CONDITIONAL",
            "token_id": token,
            "signature_type": str(int(self._credentials.signature_type)),
        }
        raw = await self._read(self.hosts.clob, "/balance-allowance", params, auth=True)
        return decode(_BALANCE, raw, "polymarket.balance").balance

    async def refresh_balance_cache(self) -> None:
        """Have the venue read the wallet's pUSD and allowances from the chain again."""
        assert self._credentials is not None
        kind = str(int(self._credentials.signature_type))
        params = {"asset_type": "COLLATERAL", "signature_type": kind}
        await self._read(self.hosts.clob, "/balance-allowance/update", params, auth=True)

    async def rate_limit_tier(self) -> str:
        """Return the venue's own words on the account's tier, at most 80 characters."""
        raw = await self._read(self.hosts.clob, "/v1/user/rate-limit-tier", auth=True)
        row = decode(_ANY, raw, "polymarket.rate_tier")
        return str(row.get("tier") or raw.decode("utf-8", "replace"))[:80]

    async def positions(self) -> list[PositionRow]:
        assert self._credentials is not None
        base = {"user": self._credentials.wallet, "sizeThreshold": "0"}
        return await self._offset_pages("/positions", base, _POSITIONS, POSITIONS_PER_PAGE)

    async def redemptions(self, since_s: int) -> list[ActivityRow]:
        assert self._credentials is not None
        base = {"user": self._credentials.wallet, "type": "REDEEM", "start": str(since_s)}
        return await self._offset_pages("/activity", base, _ACTIVITY, ACTIVITY_PER_PAGE)

    async def _offset_pages(
        self,
        path: str,
        base: Mapping[str, str],
        decoder: msgspec.json.Decoder[list[T]],
        limit: int,
    ) -> list[T]:
        """Read every page; a page that fails fails the whole read (F-065)."""
        rows: list[T] = []
        for page in range(PAGES_MAX):
            params = {**base, "limit": str(limit), "offset": str(page * limit)}
            raw = await self._read(self.hosts.data, path, params)
            chunk = decode(decoder, raw, f"polymarket.data{path}")
            rows += chunk
            if len(chunk) < limit:
                return rows
        raise StoreError(f"{path}: more than {PAGES_MAX} pages")

    async def is_closed_only(self) -> bool:
        raw = await self._read(self.hosts.clob, "/auth/ban-status/closed-only", auth=True)
        return decode(_CLOSED_ONLY, raw, "polymarket.closed_only").closed_only

    async def create_or_derive_api_key(self, nonce: int = 0) -> ApiCredentials:
        """Create the API key of (wallet, nonce), or derive it when it exists already."""
        assert self._credentials is not None
        seconds = self._clock.wall_ns() // NS_PER_S
        headers = l1_headers(self._credentials.signer, seconds, nonce)
        try:
            raw = await self._read(self.hosts.clob, "/auth/api-key", method="POST", headers=headers)
        except StoreError:
            raw = await self._read(self.hosts.clob, "/auth/derive-api-key", headers=headers)
        row = decode(_API_KEY, raw, "polymarket.api_key")
        return ApiCredentials(row.api_key, row.secret, row.passphrase)

    # --- orders ------------------------------------------------------------------------------

    async def post_order(
        self, body: bytes, may_send: Callable[[], str | None]
    ) -> tuple[int, bytes] | None:
        """Sign the request, ask ``may_send``, write. None when permission was refused.

        Raises:
            NotConnectedError: nothing was sent.
            NoAnswerError: nothing readable came back; the order is unknown then.
        """
        headers = self.sign_order_request(body)
        answer = await self._orders.send("POST", "/order", headers, body, may_send)
        if answer is not None:
            now_ns = self._clock.mono_ns()
            buckets = self.budget.buckets("clob", "POST", "/order", now_ns)
            self.budget.answered(buckets, answer[0], now_ns)
        return answer

    def sign_order_request(self, body: bytes) -> dict[str, str]:
        """Return the headers of ``POST /order`` with this body, signed now."""
        return {
            **self._auth("POST", "/order", body.decode()),
            "Content-Type": "application/json",
            "User-Agent": USER_AGENT,
        }

    async def warm_orders(self) -> None:
        """Keep a connection of the order path open. Raises StoreError when that fails."""
        try:
            status = await self._orders.warm("/time", {"User-Agent": USER_AGENT})
        except (NotConnectedError, NoAnswerError) as error:
            raise StoreError(f"order connection: {error}") from error
        if status != 200:
            raise StoreError(f"order connection: HTTP {status}")

    async def heartbeat(self, beat_id: str) -> tuple[str, bool]:
        """Send one heartbeat; returns (id to send next, whether this one was taken).

        Raises:
            StoreError, WireError: no answer, or one that names no id.
        """
        content = msgspec.json.encode({"heartbeat_id": beat_id})
        status, body = await self._exchange("POST", "/v1/heartbeats", content)
        if status not in (200, 400):
            raise StoreError(f"POST /v1/heartbeats: HTTP {status}")
        row = decode(_ANY, body, "polymarket.heartbeat")
        following = row.get("heartbeat_id")
        if not isinstance(following, str) or not following:
            raise WireError("polymarket.heartbeat", body[:80].decode("latin-1"))
        return following, status == 200

    async def cancel_order(self, order_id: str) -> CancelAnswer:
        content = msgspec.json.encode({"orderID": order_id})
        raw = await self._read(
            self.hosts.clob, "/order", auth=True, method="DELETE", content=content
        )
        return decode(_CANCEL, raw, "polymarket.cancel")

    async def cancel_all(self) -> CancelAnswer:
        raw = await self._read(self.hosts.clob, "/cancel-all", auth=True, method="DELETE")
        return decode(_CANCEL, raw, "polymarket.cancel_all")

    async def order(self, order_id: str) -> OpenOrder | None:
        """Return an order that the venue still shows; None proves nothing (it may be done)."""
        try:
            raw = await self._read(self.hosts.clob, f"/data/order/{order_id}", auth=True)
        except StoreError as error:
            if "HTTP 404" in str(error):
                return None
            raise
        if raw.strip() in (b"", b"null", b"{}", b'""'):
            return None
        return decode(_ORDER, raw, "polymarket.order")

    async def open_orders(self) -> list[OpenOrder]:
        async def page(cursor: str) -> tuple[list[OpenOrder], str | None]:
            raw = await self._read(
                self.hosts.clob, "/data/orders", {"next_cursor": cursor}, auth=True
            )
            row = decode(_ORDERS, raw, "polymarket.orders")
            return row.data, row.next_cursor

        return await _cursor_pages(page, "/data/orders")

    async def trades(self, **filters: str) -> list[Trade]:
        """Return trades of the account to the last page; filters: id, market, after (s)."""

        async def page(cursor: str) -> tuple[list[Trade], str | None]:
            params = {**filters, "next_cursor": cursor}
            raw = await self._read(self.hosts.clob, "/data/trades", params, auth=True)
            row = decode(_TRADES, raw, "polymarket.trades")
            return row.data, row.next_cursor

        return await _cursor_pages(page, "/data/trades")


async def _cursor_pages(
    page: Callable[[str], Awaitable[tuple[list[T], str | None]]], path: str
) -> list[T]:
    """Follow ``next_cursor`` to its end mark; a repeated cursor is an error, not an end."""
    rows: list[T] = []
    cursor, seen = FIRST_CURSOR, set[str]()
    while cursor not in ("", LAST_CURSOR):
        if cursor in seen or len(seen) > PAGES_MAX:
            raise StoreError(f"{path}: cursor {cursor!r} repeats")
        seen.add(cursor)
        chunk, following = await page(cursor)
        rows += chunk
        cursor = following or LAST_CURSOR
    return rows

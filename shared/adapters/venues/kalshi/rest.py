"""Signed HTTPS to the REST API: a pool for reads, warm connections for writes.

Rule 1: reads wait for rate-limit tokens; writes never wait, they are told "no" at once.
Rule 2: redirects are never followed (a followed redirect would resend a signature for
another path) and nothing is retried, but for a read that was answered 429: it never ran.
Rule 3: a read raises ``WireError`` (unreadable) or ``StoreError`` (no good answer);
a write returns what happened on the wire and never raises for I/O.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

import httpx

from shared.adapters.venues.kalshi import capabilities as cap
from shared.adapters.venues.kalshi.errors import WireTally
from shared.adapters.venues.kalshi.parsing import decode, sample_of
from shared.adapters.venues.kalshi.rate_limits import KalshiBudget
from shared.adapters.venues.kalshi.schemas import LimitsReply
from shared.adapters.venues.kalshi.signing import PreparedHeaders, Signer
from shared.adapters.venues.order_connection import (
    NoAnswerError,
    NotConnectedError,
    OrderConnection,
    OrderWire,
)
from shared.domain.errors import StoreError, WireError
from shared.domain.units import NS_PER_S
from shared.ports.clock import Clock

T = TypeVar("T")
Query = Mapping[str, str | int] | None

ORDERS_PATH = "/portfolio/events/orders"
PAGES_MAX = 2_000
READ_TRIES = 4
"""A read answered 429 is asked again this often in all, later and later."""
_BODY_MAX = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back of a write. ``status`` 0: no complete answer, ``failure`` says why."""

    status: int
    body: bytes
    failure: str = ""
    is_unsent: bool = False
    """No connection could be opened: not a byte left."""


@dataclass(frozen=True, slots=True)
class WriteRequest:
    """A signed write, ready to be sent at once. ``target`` is path and query."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    is_prepared: bool = False
    """Signed a moment ago with a key that signs slowly, not for this very request."""


class KalshiRest:
    """REST client of one account (``signer``) or of the public data (None)."""

    def __init__(
        self,
        endpoints: cap.Endpoints,
        signer: Signer | None,
        clock: Clock,
        tally: WireTally,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        read_timeout_s: float = 10.0,
        wire: OrderWire | None = None,
    ) -> None:
        self._signer = signer
        self._prepared = (
            PreparedHeaders(signer, "POST", cap.API_PATH + ORDERS_PATH)
            if signer is not None and signer.is_slow
            else None
        )
        self.clock = clock
        self.tally = tally
        self.budget = KalshiBudget(clock.mono_ns())
        self._read_timeout = httpx.Timeout(read_timeout_s, connect=5.0)
        self._wire: OrderWire = wire or OrderConnection(endpoints.rest)
        self._client = httpx.AsyncClient(
            base_url=endpoints.rest,
            follow_redirects=False,
            transport=transport,
            headers={"Accept": "application/json", "Accept-Language": "en"},
            limits=httpx.Limits(
                max_connections=16, max_keepalive_connections=16, keepalive_expiry=120.0
            ),
            trust_env=False,
        )

    @property
    def key_id(self) -> str:
        """The id of the key that signs; empty for the public client."""
        return self._signer.key_id if self._signer is not None else ""

    async def close(self) -> None:
        await self._wire.aclose()
        await self._client.aclose()

    # --- reads -----------------------------------------------------------------------------

    async def get_bytes(self, path: str, query: Query = None, *, background: bool = False) -> bytes:
        """GET one object (path without ``/trade-api/v2``); waits for rate-limit tokens.

        ``background`` reads (catalogue, book proofs) leave tokens for reads that an open
        package waits for.

        Raises:
            StoreError: no answer, or any status but 200. The text names status and path.
        """
        for _ in range(READ_TRIES):
            await self._await_read_tokens(background)
            try:
                answer = await self._client.get(
                    cap.API_PATH + path,
                    params=query,
                    headers=self._sign("GET", path),
                    timeout=self._read_timeout,
                )
            except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
                raise StoreError(f"kalshi GET {path}: {type(error).__name__}") from error
            if answer.status_code != 429:
                self.budget.reads.accepted()
                break
            self.budget.refused(self.budget.reads, cap.COST_DEFAULT, self.clock.mono_ns())
        if answer.status_code != 200:
            sample = sample_of(answer.content)
            self.tally.note(f"http_{answer.status_code}", f"{path} {sample}")
            raise NotOkError(path, answer.status_code, sample)
        if len(answer.content) > _BODY_MAX:
            raise StoreError(f"kalshi GET {path}: body over {_BODY_MAX} bytes")
        return answer.content

    async def date_header(self) -> str:
        """Return the ``Date`` of one cheap answer (whole seconds). Raises StoreError."""
        answer = await self._probe_get("/exchange/status", self.clock.wall_ns())
        return str(answer.headers.get("Date", ""))

    async def is_signature_accepted(self, wall_ns: int, path: str) -> bool:
        """Say whether a read signed as if it were ``wall_ns`` is let in. Raises StoreError."""
        status = (await self._probe_get(path, wall_ns)).status_code
        if status not in (200, 401):
            raise StoreError(f"kalshi GET {path}: HTTP {status}")
        return status == 200

    async def _probe_get(self, path: str, wall_ns: int) -> httpx.Response:
        """One GET outside the ordinary reads, signed for a given time; any status."""
        await self._await_read_tokens(background=True)
        assert self._signer is not None, "needs a key"
        headers = self._signer.headers(wall_ns, "GET", cap.API_PATH + path)
        try:
            return await self._client.get(
                cap.API_PATH + path, headers=headers, timeout=self._read_timeout
            )
        except (httpx.HTTPError, OSError) as error:
            raise StoreError(f"kalshi GET {path}: {type(error).__name__}") from error

    async def _await_read_tokens(self, background: bool) -> None:
        reads = self.budget.reads
        need = cap.COST_DEFAULT + (min(cap.READ_RESERVED, reads.capacity // 2) * background)
        while (wait := reads.wait_ns(need, self.clock.mono_ns())) > 0:
            await self.clock.sleep(wait / NS_PER_S)
        reads.take(cap.COST_DEFAULT, self.clock.mono_ns())

    async def learn_limits(self) -> None:
        """Adopt the account's own limits. Raises StoreError or WireError: Basic stays."""
        limits = await self.get("/account/limits", LimitsReply)
        self.budget.adopt(limits, self.clock.mono_ns())

    async def get(
        self, path: str, kind: type[T], query: Query = None, *, background: bool = False
    ) -> T:
        """GET and decode. Raises StoreError or WireError (counted here)."""
        body = await self.get_bytes(path, query, background=background)
        try:
            return decode(body, kind, f"body.{kind.__name__}")
        except WireError as error:
            self.tally.note_error(error)
            raise

    async def pages(
        self,
        path: str,
        kind: type[T],
        query: Query = None,
        *,
        cursor: str = "",
        background: bool = False,
    ) -> AsyncIterator[tuple[str, T]]:
        """Yield ``(cursor that fetched it, page)`` to the end; stops on an empty cursor.

        Raises:
            StoreError: a page failed, or the venue repeats a cursor for ever.
        """
        seen: set[str] = set()
        for _ in range(PAGES_MAX):
            params = {**(query or {}), **({"cursor": cursor} if cursor else {})}
            page = await self.get(path, kind, params, background=background)
            yield cursor, page
            following: Any = getattr(page, "cursor", None)
            if not following:
                return
            if following in seen:
                raise StoreError(f"kalshi GET {path}: the cursor repeats")
            seen.add(following)
            cursor = following
        raise StoreError(f"kalshi GET {path}: more than {PAGES_MAX} pages")

    # --- writes ----------------------------------------------------------------------------

    def take_write(self, shard: int, cost: int, *, is_opening: bool) -> bool:
        """Take write tokens of a shard's bucket; an opening must leave 20 % (F-024)."""
        now_ns = self.clock.mono_ns()
        return self.budget.take_write(shard, cost, now_ns, is_opening=is_opening)

    def note_write(self, shard: int, cost: int, status: int) -> None:
        """Tell the bucket how the venue answered: a 429 empties it and backs off (F-024)."""
        now_ns = self.clock.mono_ns()
        bucket = self.budget.writes(shard, now_ns)
        if status == 429:
            self.budget.refused(bucket, cost, now_ns)
        elif status:
            bucket.accepted()

    def build(
        self, method: str, path: str, *, query: Query = None, body: bytes = b""
    ) -> WriteRequest:
        """Build and sign a write, ready to be sent at once."""
        prepared = None
        if self._prepared is not None and (method, path) == ("POST", ORDERS_PATH):
            prepared = self._prepared.take(self.clock.mono_ns())
        signed = self._sign(method, path) if prepared is None else prepared
        headers = {"Accept": "application/json", **signed}
        if body:
            headers["Content-Type"] = "application/json"
        target = cap.API_PATH + path + (f"?{urlencode(query)}" if query else "")
        return WriteRequest(method, target, headers, body, prepared is not None)

    def sign_again(self, request: WriteRequest) -> WriteRequest:
        """Return the same write signed inline, now."""
        path = request.target.split("?", 1)[0].removeprefix(cap.API_PATH)
        headers = {**request.headers, **self._sign(request.method, path)}
        return WriteRequest(request.method, request.target, headers, request.body)

    def prepare_orders(self) -> None:
        """Sign the headers of the next order ahead; nothing for a key that signs fast."""
        if self._prepared is not None:
            self._prepared.refresh(self.clock.wall_ns(), self.clock.mono_ns())

    async def send(
        self, request: WriteRequest, may_send: Callable[[], str | None] = lambda: None
    ) -> Answer | None:
        """Send a built request once over a warm connection; failures are ``Answer``s.

        ``may_send`` is asked with an open connection, right before the first byte; None
        when it gave a reason against (nothing was sent).
        """
        try:
            answer = await self._wire.send(
                request.method, request.target, request.headers, request.body, may_send
            )
        except NotConnectedError as error:
            return Answer(0, b"", f"connection: {error}", is_unsent=True)
        except NoAnswerError as error:
            kind = "timeout" if "Timeout" in str(error) else "connection"
            return Answer(0, b"", f"{kind}: {error}")
        return None if answer is None else Answer(*answer)

    async def warm_orders(self) -> None:
        """Keep a connection of the order path open. Raises StoreError when that fails."""
        path = cap.API_PATH + "/exchange/status"
        try:
            status = await self._wire.warm(path, {"Accept": "application/json"})
        except (NotConnectedError, NoAnswerError) as error:
            raise StoreError(f"kalshi order connection: {error}") from error
        if status != 200:
            raise StoreError(f"kalshi order connection: HTTP {status}")

    def _sign(self, method: str, path: str) -> dict[str, str]:
        if self._signer is None:
            return {}
        return self._signer.headers(self.clock.wall_ns(), method, cap.API_PATH + path)


class NotOkError(StoreError):
    """A read was answered with another status than 200."""

    def __init__(self, path: str, status: int, sample: str) -> None:
        super().__init__(f"kalshi GET {path}: HTTP {status} {sample[:120]}")
        self.status = status

"""HTTPS to both hosts: public reads, signed reads, and orders over warm connections.

Rule 1: reads wait for rate-limit tokens; orders never wait, they are told "no" at once.
Rule 2: redirects are never followed and nothing is retried, but for a read that was
answered 429: it never ran. There is no idempotency key, so an order is sent once (V).
Rule 3: a read raises ``WireError`` (unreadable) or ``StoreError`` (no good answer);
a write returns what happened on the wire and never raises for I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import httpx

from shared.adapters.venues.order_connection import (
    NoAnswerError,
    NotConnectedError,
    OrderConnection,
    OrderWire,
)
from shared.adapters.venues.polymarket_us import capabilities as cap
from shared.adapters.venues.polymarket_us.errors import STOPGAP_TEXT, WireTally, read_message
from shared.adapters.venues.polymarket_us.parsing import decode, sample_of
from shared.adapters.venues.polymarket_us.rate_limits import PolymarketUsBudget
from shared.adapters.venues.polymarket_us.signing import Signer
from shared.domain.errors import StoreError, WireError
from shared.domain.units import NS_PER_S
from shared.ports.clock import Clock

T = TypeVar("T")
Query = Mapping[str, str | int | Sequence[str]] | None

READ_TRIES: Final = 4
AGENT: Final = "twinleg/1"
CORRELATION: Final = "poly-correlation-id"
"""Header that the venue keeps for tracing (V); it can not be asked for afterwards."""
_BODY_MAX: Final = 32 * 1024 * 1024


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
    """A signed write, ready to be sent at once."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


class NotOkError(StoreError):
    """A read was answered with another status than 200."""

    def __init__(self, path: str, status: int, sample: str) -> None:
        super().__init__(f"polymarket_us GET {path}: HTTP {status} {sample[:120]}")
        self.status = status


class PolymarketUsRest:
    """REST client of one account (``signer``) or of the public data alone (None)."""

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
        self._endpoints, self._signer = endpoints, signer
        self.clock, self.tally = clock, tally
        self.budget = PolymarketUsBudget(clock.mono_ns())
        self._wire: OrderWire = wire or OrderConnection(endpoints.api)
        self._client = httpx.AsyncClient(
            follow_redirects=False,
            transport=transport,
            timeout=httpx.Timeout(read_timeout_s, connect=5.0),
            headers={"Accept": "application/json", "User-Agent": AGENT},
            limits=httpx.Limits(
                max_connections=8, max_keepalive_connections=8, keepalive_expiry=60.0
            ),
            trust_env=False,
        )

    async def close(self) -> None:
        await self._wire.aclose()
        await self._client.aclose()

    # --- reads -------------------------------------------------------------------------------

    async def get_public(self, path: str, kind: type[T], query: Query = None) -> T:
        """GET from the gateway; waits for the slow public bucket. Raises StoreError, WireError."""
        for _ in range(READ_TRIES):
            while not self.budget.take_public(self.clock.mono_ns()):
                wait = self.budget.wait_public_ns(self.clock.mono_ns())
                await self.clock.sleep(max(wait, 1_000_000) / NS_PER_S)
            answer = await self._get(self._endpoints.gateway + path, path, query, {})
            if answer.status_code != 429:
                self.budget.public.accepted()
                break
            self.tally.note("public_429", path)
            self.budget.public_refused(_retry_after(answer), self.clock.mono_ns())
        return self._read(answer, path, kind)

    async def get(self, path: str, kind: type[T], query: Query = None) -> T:
        """GET with a key; waits so that orders keep their reserve. Raises StoreError, WireError."""
        for _ in range(READ_TRIES):
            answer = await self._keyed_get(path, query, self.clock.wall_ns())
            if answer.status_code != 429:
                self.budget.keyed.accepted()
                break
            self.budget.keyed_refused(self.clock.mono_ns())
        return self._read(answer, path, kind)

    async def _get(
        self, url: str, path: str, query: Query, headers: Mapping[str, str]
    ) -> httpx.Response:
        try:
            params = {k: list(v) if isinstance(v, list) else v for k, v in (query or {}).items()}
            return await self._client.get(url, params=params, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise StoreError(f"polymarket_us GET {path}: {type(error).__name__}") from error

    async def date_header(self) -> str:
        """Return the ``Date`` of one keyed answer (whole seconds). Raises StoreError."""
        answer = await self._keyed_get("/v1/account/balances", None, self.clock.wall_ns())
        return str(answer.headers.get("Date", ""))

    async def is_signature_accepted(self, wall_ns: int, path: str) -> bool:
        """Say whether a read signed as if it were ``wall_ns`` is let in. Raises StoreError."""
        answer = await self._keyed_get(path, None, wall_ns)
        if answer.status_code not in (200, 401):
            raise NotOkError(path, answer.status_code, sample_of(answer.content))
        return answer.status_code == 200

    async def _keyed_get(self, path: str, query: Query, wall_ns: int) -> httpx.Response:
        """One GET signed for a given time, when the bucket has room for it; any status."""
        while (wait := self.budget.wait_read_ns(self.clock.mono_ns())) > 0:
            await self.clock.sleep(wait / NS_PER_S)
        self.budget.keyed.take(1, self.clock.mono_ns())
        headers = self._sign("GET", path, wall_ns)
        return await self._get(self._endpoints.api + path, path, query, headers)

    def _read(self, answer: httpx.Response, path: str, kind: type[T]) -> T:
        if answer.status_code != 200:
            sample = sample_of(answer.content)
            self.tally.note(f"http_{answer.status_code}", f"{path} {sample}")
            raise NotOkError(path, answer.status_code, sample)
        if len(answer.content) > _BODY_MAX:
            raise StoreError(f"polymarket_us GET {path}: body over {_BODY_MAX} bytes")
        try:
            return decode(answer.content, kind, f"body.{kind.__name__}")
        except WireError as error:
            self.tally.note_error(error)
            raise

    # --- writes --------------------------------------------------------------------------------

    def build(self, path: str, body: bytes, correlation: str = "") -> WriteRequest:
        """Build and sign a POST, ready to be sent at once."""
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/json",
            "User-Agent": AGENT,
            **self._sign("POST", path, self.clock.wall_ns()),
        }
        if correlation:
            headers[CORRELATION] = correlation
        return WriteRequest("POST", path, headers, body)

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
        if answer is None:
            return None
        self._note(*answer)
        return Answer(*answer)

    def _note(self, status: int, body: bytes) -> None:
        """A 429 empties our bucket too; the stopgap carries the words of one and is none."""
        if status != 429:
            self.budget.keyed.accepted()
        elif STOPGAP_TEXT not in (read_message(body) or "").casefold():
            self.budget.keyed_refused(self.clock.mono_ns())

    async def warm_orders(self) -> None:
        """Keep a connection of the order path open. Raises StoreError when that fails."""
        path = "/v1/account/balances"
        if not self.budget.take_order(self.clock.mono_ns(), is_opening=True):
            return
        signed = self._sign("GET", path, self.clock.wall_ns())
        headers = {"Accept": "application/json", "User-Agent": AGENT, **signed}
        try:
            status = await self._wire.warm(path, headers)
        except (NotConnectedError, NoAnswerError) as error:
            raise StoreError(f"polymarket_us order connection: {error}") from error
        if status != 200:
            raise StoreError(f"polymarket_us order connection: HTTP {status}")

    def _sign(self, method: str, path: str, wall_ns: int) -> dict[str, str]:
        if self._signer is None:
            raise StoreError(f"polymarket_us {method} {path}: there is no key")
        return self._signer.headers(wall_ns, method, path)


def _retry_after(answer: httpx.Response) -> int:
    text = answer.headers.get("Retry-After", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 5 else cap.RETRY_AFTER_S

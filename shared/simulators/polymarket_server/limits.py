"""Rate limits as the venue meters them: sliding windows an address, buckets a signer.

Written apart from the adapter's budget: here the requests of a window are counted, there
tokens refill. Answers of order and cancel routes carry the venue's limit headers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from shared.domain.token_bucket import TokenBucket
from shared.domain.units import NS_PER_S
from shared.simulators.polymarket_server.desk import refusal

_M10: Final = 600
WINDOWS: Final[tuple[tuple[str, str, tuple[tuple[int, int], ...]], ...]] = (
    ("POST", "/orders", ((2_000, 10), (21_000, _M10))),
    ("DELETE", "/orders", ((2_000, 10), (15_000, _M10))),
    ("POST", "/order", ((5_000, 10), (120_000, _M10))),
    ("DELETE", "/order", ((5_000, 10), (120_000, _M10))),
    ("DELETE", "/cancel-all", ((250, 10), (6_000, _M10))),
    ("DELETE", "/cancel-market-orders", ((1_500, 10), (21_000, _M10))),
    ("POST", "/books", ((500, 10),)),
    ("GET", "/book", ((1_500, 10),)),
    ("GET", "/balance-allowance/update", ((50, 10),)),
    ("GET", "/balance-allowance", ((200, 10),)),
    ("POST", "/auth/api-key", ((100, 10),)),
    ("GET", "/data/orders", ((500, 10),)),
    ("GET", "/data/trades", ((500, 10),)),
    ("GET", "/gamma/markets", ((300, 10),)),
    ("GET", "/gamma/markets/keyset", ((300, 10),)),
    ("GET", "/gamma/events", ((500, 10),)),
    ("GET", "/data-api/positions", ((150, 10),)),
)
SIGNER_ORDERS: Final = (40, 60)
SIGNER_CANCELS: Final = (80, 120)
"""The Standard tier: tokens a second, burst."""


class Meter:
    """Counts requests of each address and tokens of each API key."""

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self._rules = {(method, path): limits for method, path, limits in WINDOWS}
        self._seen: dict[tuple[str, str, str, int], deque[int]] = {}
        self._signers: dict[tuple[str, bool], TokenBucket] = {}
        self.refused = 0

    def refuse_after_s(self, request: web.Request) -> int | None:
        """Count one request; returns the seconds to wait when it is over a window."""
        limits = self._rules.get((request.method, request.path), ())
        now, full = self._now_ns(), []
        windows = [
            (
                self._seen.setdefault(
                    (request.remote or "", request.method, request.path, s), deque()
                ),
                limit,
                s,
            )
            for limit, s in limits
        ]
        for seen, limit, window_s in windows:
            while seen and now - seen[0] >= window_s * NS_PER_S:
                seen.popleft()
            if len(seen) >= limit:
                full.append(-(-(seen[0] + window_s * NS_PER_S - now) // NS_PER_S))
        if full:
            self.refused += 1
            return max(1, *full)
        for seen, _, _ in windows:
            seen.append(now)
        return None

    def charge_signer(self, api_key: str, cost: int, *, is_cancel: bool) -> tuple[bool, int]:
        """Return (allowed, tokens left); refused takes nothing."""
        now = self._now_ns()
        rate = SIGNER_CANCELS if is_cancel else SIGNER_ORDERS
        bucket = self._signers.setdefault((api_key, is_cancel), TokenBucket(*rate, now))
        allowed = bucket.take(cost, now)
        self.refused += not allowed
        return allowed, max(0, bucket.level(now))


def make_middleware(meter: Meter) -> Middleware:
    """Return the middleware that answers 429 before anything else happens."""

    @web.middleware
    async def limit(request: web.Request, handler: Handler) -> web.StreamResponse:
        wait_s = meter.refuse_after_s(request)
        if wait_s is not None:
            raise too_many(wait_s)
        signer = await _signer_cost(request)
        if signer is None:
            return await handler(request)
        cost, is_cancel = signer
        key = request.headers.get("POLY_API_KEY", "")
        allowed, left = meter.charge_signer(key, cost, is_cancel=is_cancel)
        if not allowed:
            raise too_many(1)
        answer = await handler(request)
        answer.headers["Poly-RateLimit-Remaining"] = str(left)
        answer.headers["Poly-RateLimit-Tier"] = "standard"
        return answer

    return limit


async def _signer_cost(request: web.Request) -> tuple[int, bool] | None:
    """Return (tokens, is a cancel) of a trading request, None for any other."""
    is_cancel = request.method == "DELETE"
    if request.path == "/order" and request.method in ("POST", "DELETE"):
        return 1, is_cancel
    if request.path == "/orders" and request.method in ("POST", "DELETE"):
        body = await request.read()
        # Elements of the batch; a body that is no list is refused by its handler anyway.
        return max(1, body.count(b'"order"') if not is_cancel else body.count(b'"0x')), is_cancel
    if request.path in ("/cancel-all", "/cancel-market-orders") and is_cancel:
        return 1, True
    return None


def too_many(wait_s: int) -> web.HTTPException:
    error = refusal(429, "Too Many Requests")
    error.headers["Retry-After"] = str(wait_s)
    return error

"""How often we may ask Polymarket: limits of our address, and of our signer (POLYMARKET 6).

Every request belongs to one rule of the table; it is charged to that rule's windows and to
those of its host. Orders and cancels are charged to the signer's buckets too, which the
venue announced in warning mode: they count here as enforced. Openings leave a fifth of
every bucket to hedges and cancels (F-024, I-23). Reads and cancels wait, orders never do.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

from shared.domain.token_bucket import TokenBucket, take_all, wait_all_ns, window_bucket

_JITTER_PPM: Final = 500_000


@dataclass(frozen=True, slots=True)
class WindowLimit:
    """At most ``limit`` requests in ``window_s`` seconds."""

    limit: int
    window_s: int = 10


@dataclass(frozen=True, slots=True)
class Rule:
    """Requests of one method whose path begins so; ``group`` is the host they count for."""

    method: str
    prefix: str
    group: str
    limits: tuple[WindowLimit, ...]


def _rule(method: str, prefix: str, group: str, *limits: int | tuple[int, int]) -> Rule:
    rows = (WindowLimit(*x) if isinstance(x, tuple) else WindowLimit(x) for x in limits)
    return Rule(method, prefix, group, tuple(rows))


_TEN_MINUTES: Final = 600
GROUPS: Final = {
    "clob": WindowLimit(9_000),
    "gamma": WindowLimit(4_000),
    "data": WindowLimit(1_000),
    "ledger": WindowLimit(900),
    "other": WindowLimit(15_000),
}
# The first match counts: longer paths stand before the shorter ones they begin with.
RULES: Final[tuple[Rule, ...]] = (
    _rule("POST", "/orders", "clob", 2_000, (21_000, _TEN_MINUTES)),
    _rule("DELETE", "/orders", "clob", 2_000, (15_000, _TEN_MINUTES)),
    _rule("POST", "/order", "clob", 5_000, (120_000, _TEN_MINUTES)),
    _rule("DELETE", "/order", "clob", 5_000, (120_000, _TEN_MINUTES)),
    _rule("DELETE", "/cancel-all", "clob", 250, (6_000, _TEN_MINUTES)),
    _rule("DELETE", "/cancel-market-orders", "clob", 1_500, (21_000, _TEN_MINUTES)),
    _rule("POST", "/books", "clob", 500),
    _rule("GET", "/book", "clob", 1_500),
    _rule("GET", "/balance-allowance/update", "clob", 50),
    _rule("GET", "/balance-allowance", "clob", 200),
    _rule("POST", "/auth", "clob", 100),
    _rule("GET", "/auth", "clob", 100),
    _rule("GET", "/data/order", "ledger", 500),
    _rule("GET", "/data/trades", "ledger", 500),
)
GAMMA_RULES: Final = (_rule("GET", "/markets", "gamma", 300), _rule("GET", "/events", "gamma", 500))
DATA_RULES: Final = (
    _rule("GET", "/trades", "data", 200),
    _rule("GET", "/positions", "data", 150),
    _rule("GET", "/activity", "data", 1_000),
)


@dataclass(frozen=True, slots=True)
class SignerTier:
    """Orders and cancels a second of one signer, and their bursts."""

    name: str
    orders: int
    orders_burst: int
    cancels: int
    cancels_burst: int


STANDARD: Final = SignerTier("standard", 40, 60, 80, 120)
TIERS: Final = (
    STANDARD,
    SignerTier("copper", 60, 90, 120, 180),
    SignerTier("bronze", 80, 120, 160, 240),
    SignerTier("silver", 200, 300, 400, 600),
    SignerTier("gold", 400, 600, 800, 1_200),
)


class PolymarketBudget:
    """The buckets of one address and one signer. Every call takes the monotonic time."""

    def __init__(
        self, now_ns: int, *, tier: SignerTier = STANDARD, rng: random.Random | None = None
    ) -> None:
        self._rng = rng or random.Random()
        self._windows: dict[tuple[str, str, int], TokenBucket] = {}
        self._tier = tier
        # One request of margin: two that we space out may arrive closer together.
        self.orders = TokenBucket(tier.orders, tier.orders_burst - 1, now_ns)
        self.cancels = TokenBucket(tier.cancels, tier.cancels_burst - 1, now_ns)
        self.refusals = 0

    def buckets(self, host: str, method: str, path: str, now_ns: int) -> list[TokenBucket]:
        """Return every bucket that a request is charged to. ``host``: clob, gamma, data."""
        tables = {"clob": RULES, "gamma": GAMMA_RULES, "data": DATA_RULES}
        found: list[TokenBucket] = []
        group = host if host in GROUPS else "other"
        for rule in tables.get(host, ()):
            if rule.method == method and path.startswith(rule.prefix):
                name = f"{method} {rule.prefix}"
                found += [self._window(host, name, limit, now_ns) for limit in rule.limits]
                group = rule.group
                break
        found.append(self._window(group, "", GROUPS[group], now_ns))
        if host == "clob" and (method, path) == ("POST", "/order"):
            found.append(self.orders)
        if host == "clob" and method == "DELETE":
            found.append(self.cancels)
        return found

    def _window(self, host: str, name: str, limit: WindowLimit, now_ns: int) -> TokenBucket:
        key = (host, name, limit.window_s)
        bucket = self._windows.get(key)
        if bucket is None:
            bucket = self._windows[key] = window_bucket(limit.limit, limit.window_s, now_ns)
        return bucket

    def take_order(self, now_ns: int, *, is_opening: bool) -> bool:
        """Take what one order costs, at once or not at all."""
        buckets = self.buckets("clob", "POST", "/order", now_ns)
        return take_all(buckets, 1, now_ns, is_reserved=is_opening)

    def take_or_wait_ns(self, buckets: list[TokenBucket], now_ns: int) -> int:
        """Take one request from every bucket and return 0, or return how long to wait."""
        if take_all(buckets, 1, now_ns):
            return 0
        return max(1, wait_all_ns(buckets, 1, now_ns))

    def answered(self, buckets: list[TokenBucket], status: int, now_ns: int) -> None:
        """A 429 empties the narrowest bucket: cost/refill, doubled in a row, with jitter."""
        if status == 429:
            self.refusals += 1
            narrowest = max(buckets, key=lambda bucket: bucket.wait_ns(bucket.capacity, now_ns))
            narrowest.refused(1, now_ns, jitter_ppm=self._rng.randrange(_JITTER_PPM))
        elif status:
            for bucket in buckets:
                bucket.accepted()

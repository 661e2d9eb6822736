"""Rate limits as the venue documents them, and the harder throttle that others met.

Documented: 20 requests a second for a key, and for an address without one. Seen: public
reads were refused after six or seven at one a second, with ``Retry-After: 10``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.domain.token_bucket import TokenBucket
from shared.simulators.polymarket_us_server.problems import Problem

TEXT: Final = "Too Many Requests"
STOPGAP: Final = "Global Rate Limit Exceeded"


@dataclass(frozen=True, slots=True)
class Throttle:
    """How public reads are metered: ``burst``, refilled by ``refill`` every ``per_s`` seconds."""

    burst: int = 20
    refill: int = 20
    per_s: int = 1
    retry_after_s: int = 0
    """0: the answer names no wait, as the SDK says of this venue."""


DOCUMENTED: Final = Throttle()
OBSERVED: Final = Throttle(burst=6, refill=6, per_s=10, retry_after_s=10)


class Meter:
    """Buckets per key and per address. Raises Problem (429); nothing is charged for one."""

    def __init__(self, public: Throttle, key_per_s: int = 20) -> None:
        self._throttle, self._key_per_s = public, key_per_s
        self._keys: dict[str, TokenBucket] = {}
        self._addresses: dict[str, TokenBucket] = {}
        self.refused = 0

    def charge_key(self, key_id: str, now_ns: int) -> None:
        fresh = TokenBucket(self._key_per_s, self._key_per_s, now_ns)
        if not self._keys.setdefault(key_id, fresh).take(1, now_ns):
            self.refused += 1
            raise Problem(429, TEXT)

    def charge_address(self, address: str, now_ns: int) -> None:
        rule = self._throttle
        fresh = TokenBucket(rule.refill, rule.burst, now_ns, per_s=rule.per_s)
        if not self._addresses.setdefault(address, fresh).take(1, now_ns):
            self.refused += 1
            wait = rule.retry_after_s
            raise Problem(429, TEXT, {"Retry-After": str(wait)} if wait else None)

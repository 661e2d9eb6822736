"""Rate limits as the venue meters them: tokens of reads and writes, a bucket a shard.

An order that names shard 1 or higher is charged to that shard's bucket, shard 0 to the
unscoped one, and an order that names none to every bucket (the stricter of the two texts
that the venue has published). Nothing is charged for a request that is answered 429.
Requests without credentials are not metered: the buckets are an account's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import msgspec
from aiohttp import web

from shared.domain.token_bucket import TokenBucket, take_all
from shared.simulators.kalshi_server.problems import answer

COST_DEFAULT: Final = 10
COST_CANCEL: Final = 2
ALL_SHARDS: Final = -1


@dataclass(frozen=True, slots=True)
class Tier:
    """One usage level, tokens a second and seconds of burst."""

    name: str
    read: int
    write: int
    read_burst_s: int = 1
    write_burst_s: int = 2


TIERS: Final = {
    tier.name: tier
    for tier in (
        Tier("basic", 200, 100, read_burst_s=2, write_burst_s=1),
        Tier("advanced", 300, 300, read_burst_s=2),
        Tier("expert", 600, 600),
        Tier("premier", 1_200, 1_200),
        Tier("paragon", 2_400, 2_400),
        Tier("prime", 4_800, 4_800),
        Tier("prestige", 12_000, 9_600),
    )
}


class TooManyRequests(Exception):
    """Not enough tokens; the answer is 429 and says nothing else."""


def answer_too_many() -> web.Response:
    """Return the documented body: a plain string and no Retry-After."""
    return answer({"error": "too many requests"}, 429)


class _AccountMeter:
    def __init__(self, tier: Tier, now_ns: int) -> None:
        self._tier = tier
        self.read = TokenBucket(tier.read, tier.read * tier.read_burst_s, now_ns)
        self.write: dict[int, TokenBucket] = {}

    def bucket(self, shard: int, now_ns: int) -> TokenBucket:
        tier = self._tier
        fresh = TokenBucket(tier.write, tier.write * tier.write_burst_s, now_ns)
        return self.write.setdefault(shard, fresh)


class Meter:
    """Charges every authenticated request of every account."""

    def __init__(self, tier: Tier) -> None:
        self.tier = tier
        self.refused = 0
        self._accounts: dict[str, _AccountMeter] = {}

    def charge(self, account: str, request: web.Request, body: bytes, now_ns: int) -> None:
        """Charge one request. Raises TooManyRequests, and then charges nothing."""
        meter = self._accounts.get(account)
        if meter is None:
            meter = self._accounts[account] = _AccountMeter(self.tier, now_ns)
        if request.method == "GET":
            buckets, cost = [meter.read], COST_DEFAULT
        else:
            shard = shard_of(request, body)
            meter.bucket(max(0, shard), now_ns)
            shards = sorted(meter.write) if shard == ALL_SHARDS else [shard]
            buckets = [meter.bucket(one, now_ns) for one in shards]
            is_one_cancel = request.method == "DELETE" and "order_id" in request.match_info
            cost = COST_CANCEL if is_one_cancel else COST_DEFAULT
        if not take_all(buckets, cost, now_ns):
            self.refused += 1
            raise TooManyRequests

    def limits_object(self) -> dict[str, Any]:
        tier = self.tier
        return {
            "usage_tier": tier.name,
            "read": {"refill_rate": tier.read, "bucket_capacity": tier.read * tier.read_burst_s},
            "write": {
                "refill_rate": tier.write,
                "bucket_capacity": tier.write * tier.write_burst_s,
            },
            "grants": [],
        }


def costs_object() -> dict[str, Any]:
    """Return what the venue lists as differing from the default cost."""
    order = "/trade-api/v2/portfolio/events/orders/{order_id}"
    return {
        "default_cost": COST_DEFAULT,
        "endpoint_costs": [{"method": "DELETE", "path": order, "cost": COST_CANCEL}],
    }


def shard_of(request: web.Request, body: bytes) -> int:
    """Return the shard that a write names, 0 or higher; ``ALL_SHARDS`` when it names none."""
    if request.method == "DELETE":
        if "order_id" not in request.match_info:
            return 0
        text = request.query.get("exchange_index", "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 5 else ALL_SHARDS
    try:
        fields = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ALL_SHARDS
    shard = fields.get("exchange_index") if isinstance(fields, dict) else None
    if isinstance(shard, int) and not isinstance(shard, bool) and 0 <= shard < 10_000:
        return shard
    return ALL_SHARDS

"""What this account may ask and do each second: read and write tokens (KALSHI 6).

A new process assumes the Basic tier and then adopts what ``GET /account/limits`` states.
An order that names shard 1 or higher uses that shard's own write bucket, shard 0 the
unscoped one. Our buckets hold a little less than the venue's: two requests that we space
out may arrive closer together, and then the venue's bucket would be the emptier one.
"""

from __future__ import annotations

import random

from shared.adapters.venues.kalshi import capabilities as cap
from shared.adapters.venues.kalshi.schemas import LimitsReply
from shared.domain.errors import WireError
from shared.domain.token_bucket import TokenBucket

_JITTER_PPM = 500_000


class KalshiBudget:
    """The buckets of one account. Every call takes the monotonic time."""

    def __init__(self, now_ns: int, rng: random.Random | None = None) -> None:
        self._rng = rng or random.Random()
        self._write_rate = (cap.WRITE_REFILL, cap.WRITE_CAPACITY - cap.WRITE_MARGIN)
        self._writes: dict[int, TokenBucket] = {}
        self.reads = TokenBucket(cap.READ_REFILL, cap.READ_CAPACITY - cap.READ_MARGIN, now_ns)
        self.tier = "basic"
        self.refusals = 0

    def writes(self, shard: int, now_ns: int) -> TokenBucket:
        """Return the write bucket of a shard, full at first use."""
        assert shard >= 0, "the shard is always named"
        bucket = self._writes.get(shard)
        if bucket is None:
            bucket = self._writes[shard] = TokenBucket(*self._write_rate, now_ns)
        return bucket

    def take_write(self, shard: int, cost: int, now_ns: int, *, is_opening: bool) -> bool:
        """Take write tokens; an opening must leave a fifth for hedges and cancels (F-024)."""
        bucket = self.writes(shard, now_ns)
        return bucket.take(cost, now_ns, leave=bucket.reserve if is_opening else 0)

    def refused(self, bucket: TokenBucket, cost: int, now_ns: int) -> None:
        """A 429 came: wait cost/refill, doubled each time in a row, with jitter."""
        self.refusals += 1
        bucket.refused(cost, now_ns, jitter_ppm=self._rng.randrange(_JITTER_PPM))

    def adopt(self, limits: LimitsReply, now_ns: int) -> None:
        """Take the venue's own figures.

        Raises:
            WireError: a figure that no bucket can have; the former ones stay in force.
        """
        rows = (limits.read, limits.write)
        if any(r.refill_rate <= 0 or r.bucket_capacity < 2 * cap.READ_MARGIN for r in rows):
            raise WireError("account_limits", f"{limits.read} {limits.write}")
        read = (limits.read.refill_rate, limits.read.bucket_capacity - cap.READ_MARGIN)
        write_capacity = limits.write.bucket_capacity - cap.WRITE_MARGIN
        self._write_rate = (limits.write.refill_rate, write_capacity)
        self.reads.change_rate(*read, now_ns)
        for bucket in self._writes.values():
            bucket.change_rate(*self._write_rate, now_ns)
        self.tier = limits.usage_tier

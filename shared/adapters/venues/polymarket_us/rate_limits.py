"""What a key and an address may ask each second, kept a little below what is documented.

One bucket for everything with a key (20 a second), one for the public gateway, which is
asked far more slowly than its documents allow: others were refused at one request a
second (T), and a refusal there costs ten seconds.
"""

from __future__ import annotations

import random

from shared.adapters.venues.polymarket_us import capabilities as cap
from shared.domain.token_bucket import TokenBucket
from shared.domain.units import NS_PER_S

_JITTER_PPM = 500_000


class PolymarketUsBudget:
    """The buckets of one process. Every call takes the monotonic time."""

    def __init__(self, now_ns: int, rng: random.Random | None = None) -> None:
        self._rng = rng or random.Random()
        per_s = cap.KEY_PER_S - cap.KEY_MARGIN
        self.keyed = TokenBucket(per_s, per_s, now_ns)
        self.public = TokenBucket(cap.PUBLIC_PER_10_S, cap.PUBLIC_BURST, now_ns, per_s=10)
        self._public_shut_until_ns = 0
        self.refusals = 0

    def take_order(self, now_ns: int, *, is_opening: bool) -> bool:
        """Take one request; an opening leaves a fifth for hedges and cancels (F-024)."""
        return self.keyed.take(1, now_ns, leave=self.keyed.reserve if is_opening else 0)

    def wait_read_ns(self, now_ns: int) -> int:
        """Return how long a keyed read waits, so that the reserve stays for orders."""
        return self.keyed.wait_ns(1 + self.keyed.reserve, now_ns)

    def wait_public_ns(self, now_ns: int) -> int:
        return max(self._public_shut_until_ns - now_ns, self.public.wait_ns(1, now_ns))

    def take_public(self, now_ns: int) -> bool:
        """Take one public read if it may go now."""
        return self._public_shut_until_ns <= now_ns and self.public.take(1, now_ns)

    def keyed_refused(self, now_ns: int) -> None:
        """429 on a keyed request: wait, doubled each time in a row, with jitter."""
        self.refusals += 1
        self.keyed.refused(self.keyed.capacity, now_ns, jitter_ppm=self._rng.randrange(_JITTER_PPM))

    def public_refused(self, retry_after_s: int, now_ns: int) -> None:
        """429 on a public read: nothing for as long as the venue said, 1 to 120 s."""
        self.refusals += 1
        wait = min(120, max(1, retry_after_s))
        self._public_shut_until_ns = max(self._public_shut_until_ns, now_ns + wait * NS_PER_S)
        self.public.refused(1, now_ns, jitter_ppm=self._rng.randrange(_JITTER_PPM))

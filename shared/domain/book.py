"""One market's order book in YES terms: absolute quantities on sorted price levels.

Theory: both venues reduce to one YES ladder per market. A NO bid at ``q`` *is* a YES ask
at ``1 - q`` of the same size, so buying NO means taking YES bids, best (highest) first.
Rule 1: nothing enters that could not be traded: a price of 0 or 1 (the venues' "empty"
placeholders), a negative quantity or a repeated level is refused, the book unchanged.
Rule 2: this class never judges freshness; it only remembers what it was told.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from typing import Final

from shared.domain.enums import BookSide, BookState, Outcome, Side
from shared.domain.errors import DomainError, OffGridError
from shared.domain.events import Level
from shared.domain.ids import MarketId
from shared.domain.units import MICROS, PriceMicros, QtyMicros

__all__ = ["Book", "Level"]

# Bound once: looking a member up on its enum costs ten times the comparison (Python 3.11),
# and these run on every book change of every pair.
_YES: Final = Outcome.YES
_BUY: Final = Side.BUY
_BID: Final = BookSide.BID


class _Ladder:
    """Price to quantity plus the sorted prices of one side, best level last.

    ``sign`` +1 keeps bids, -1 keeps asks: prices are stored times ``sign``, so that the
    best level is always at the end, where Python lists insert and remove cheaply.
    """

    __slots__ = ("keys", "qty", "sign")

    def __init__(self, sign: int) -> None:
        assert sign in (1, -1)
        self.sign = sign
        self.keys: list[int] = []
        self.qty: dict[int, int] = {}

    def load(self, levels: Iterable[Level]) -> None:
        self.qty = {self.sign * price: qty for price, qty in levels}
        self.keys = sorted(self.qty)
        assert len(self.keys) == len(self.qty)

    def put(self, price: int, qty: int) -> None:
        key = self.sign * price
        if qty == 0:
            if self.qty.pop(key, None) is not None:
                del self.keys[bisect_left(self.keys, key)]
            return
        if key not in self.qty:
            self.keys.insert(bisect_left(self.keys, key), key)
        self.qty[key] = qty

    def best(self) -> Level | None:
        if not self.keys:
            return None
        key = self.keys[-1]
        return PriceMicros(self.sign * key), QtyMicros(self.qty[key])

    def best_first(self) -> list[Level]:
        sign, qty = self.sign, self.qty
        return [(PriceMicros(sign * k), QtyMicros(qty[k])) for k in reversed(self.keys)]


class Book:
    """Mutable book of one market.

    ``state`` is continuity as the feed reported it: STALE until the first ``replace``,
    which carries a whole verified book and therefore sets SYNCED; afterwards the owner
    sets it. ``proved_mono_ns`` is the monotonic time of the last proof (set by the owner;
    -1 = never) and ``venue_ts_ns`` the venue's own time of the newest content. ``version``
    counts changes of content: two reads under one version saw the same levels.
    """

    __slots__ = (
        "_asks",
        "_bids",
        "_buy_no",
        "_buy_yes",
        "market_id",
        "proved_mono_ns",
        "state",
        "venue_ts_ns",
        "version",
    )

    def __init__(self, market_id: MarketId) -> None:
        self.market_id = market_id
        self.state = BookState.STALE
        self.proved_mono_ns = -1
        self.venue_ts_ns = 0
        self.version = 0
        self._bids = _Ladder(1)
        self._asks = _Ladder(-1)
        # Ladders as the taker sees them, rebuilt on demand after a change.
        self._buy_yes: list[Level] | None = None
        self._buy_no: list[Level] | None = None

    def replace(self, bids: Iterable[Level], asks: Iterable[Level], venue_ts_ns: int) -> None:
        """Take a whole book (any order). All or nothing.

        Raises:
            OffGridError: a price outside (0, 1).
            DomainError: a quantity that is not positive, or a price listed twice.
        """
        bids, asks = tuple(bids), tuple(asks)
        for levels in (bids, asks):
            _check_levels(self.market_id, levels)
        self._bids.load(bids)
        self._asks.load(asks)
        self._buy_yes = self._buy_no = None
        self.version += 1
        self.venue_ts_ns = venue_ts_ns
        self.state = BookState.SYNCED
        assert len(self._bids.keys) == len(bids) and len(self._asks.keys) == len(asks)

    def apply(self, side: BookSide, price: PriceMicros, qty: QtyMicros, venue_ts_ns: int) -> None:
        """Set the absolute quantity of one YES level; zero removes it (absent is no error).

        Raises:
            OffGridError: a price outside (0, 1).
            DomainError: a negative quantity.
        """
        if not 0 < price < MICROS:
            raise OffGridError(f"{self.market_id}: level price {price} is not inside (0, 1)")
        if qty < 0:
            raise DomainError(f"{self.market_id}: level quantity {qty} is negative")
        if side is _BID:
            self._bids.put(price, qty)
            self._buy_no = None
        else:
            self._asks.put(price, qty)
            self._buy_yes = None
        self.version += 1
        self.venue_ts_ns = venue_ts_ns

    def best_bid(self) -> Level | None:
        """Return the best (price, quantity) bid for YES, or None."""
        return self._bids.best()

    def best_ask(self) -> Level | None:
        """Return the best (price, quantity) offer of YES, or None."""
        return self._asks.best()

    def buy_levels(self, outcome: Outcome) -> list[Level]:
        """Return where ``outcome`` can be bought, in prices of that outcome, cheapest first.

        The list is shared until the next change: read it, never alter it.
        """
        if outcome is _YES:
            if self._buy_yes is None:
                self._buy_yes = self._asks.best_first()
            return self._buy_yes
        if self._buy_no is None:
            self._buy_no = [(PriceMicros(MICROS - p), q) for p, q in self._bids.best_first()]
        return self._buy_no

    def sell_levels(self, outcome: Outcome) -> list[Level]:
        """Return where ``outcome`` can be sold, in prices of that outcome, dearest first."""
        return [(PriceMicros(MICROS - p), q) for p, q in self.buy_levels(outcome.other)]

    def touch(self, outcome: Outcome, side: Side) -> Level | None:
        """Return the best level for a taker that buys or sells ``outcome``, or None."""
        lifts_asks = (outcome is _YES) is (side is _BUY)
        level = self._asks.best() if lifts_asks else self._bids.best()
        if level is None or outcome is _YES:
            return level
        return PriceMicros(MICROS - level[0]), level[1]

    def is_crossed(self) -> bool:
        """Say whether the best bid is at or above the best ask (no real book is)."""
        bid, ask = self._bids.best(), self._asks.best()
        return bid is not None and ask is not None and bid[0] >= ask[0]

    def mid2_micros(self) -> int | None:
        """Return twice the mid price (bid + ask, exact), or None if a side is empty."""
        bid, ask = self._bids.best(), self._asks.best()
        return None if bid is None or ask is None else bid[0] + ask[0]

    def depth(self, side: BookSide, levels_max: int) -> list[Level]:
        """Return the best ``levels_max`` YES levels of one side, best first (records, screens)."""
        assert levels_max > 0
        ladder = self._bids if side is _BID else self._asks
        return ladder.best_first()[:levels_max]


def _check_levels(market_id: MarketId, levels: tuple[Level, ...]) -> None:
    seen: set[int] = set()
    for price, qty in levels:
        if not 0 < price < MICROS:
            raise OffGridError(f"{market_id}: level price {price} is not inside (0, 1)")
        if qty <= 0:
            raise DomainError(f"{market_id}: level quantity {qty} is not positive")
        if price in seen:
            raise DomainError(f"{market_id}: level price {price} is listed twice")
        seen.add(price)

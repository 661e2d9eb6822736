"""What goes wrong around one order beyond the older swarm: slow steps, echoes, orders that rest.

For the dense world only, with draws of its own: a commit or a dispatch takes its time, the
dispatcher fails before the first byte, a venue lets an immediate order rest, says a second
word after its answer, busts a trade, or never tells a result on its stream.
"""

from __future__ import annotations

from functools import partial
from random import Random
from typing import TYPE_CHECKING, Final

from shared.domain.enums import BookSide, Venue
from shared.domain.events import AttemptAnswered
from shared.domain.order import (
    Acked,
    AckStatus,
    LegTicket,
    Rejected,
    SubmitOutcome,
    Unknown,
)
from shared.domain.units import NS_PER_MS, NS_PER_S, QtyMicros
from shared.exchange.orders import FillRecord, OrderRecord, OrderStatus

if TYPE_CHECKING:
    from shared.drivers.sim_dense import DenseWorld
    from shared.drivers.sim_venue import SimVenue

RATES: Final = {
    "slow_commit": 0.25,
    "slow_dispatch": 0.4,
    "no_bytes": 0.08,
    "rests": 0.15,
    "echo": 0.5,
    "held_fades": 0.5,
    "bust": 0.06,
    "untold": 0.5,
}
"""Chance an occasion, where the seed has the lapse at all (two seeds in five)."""
COMMITS_MS: Final = (5, 20, 60, 110, 180)
DISPATCHES_MS: Final = (2, 8, 20, 45, 90)
ECHOES_MS: Final = (1, 5, 30, 120, 400)


class Lapses:
    def __init__(self, world: DenseWorld, rng: Random) -> None:
        self.world = world
        self.rng = rng
        self.rates = dict(RATES)
        self.enabled = frozenset(key for key in RATES if rng.random() < 0.4)
        if world.theme.value == "by_hand":
            self.enabled |= {"slow_commit", "slow_dispatch"}
        for venue in world.venues.values():
            venue.lapses = self

    def hits(self, lapse: str, counted_as: str) -> bool:
        """Draw one occasion; a hit counts under a key of the table of injections."""
        if lapse not in self.enabled or self.world.swarm.is_quiet:
            return False
        if self.rng.random() >= self.rates[lapse]:
            return False
        self.world.swarm.count(counted_as)
        return True

    # --- inside the trader ------------------------------------------------------------------

    def stall_ns(self, what: str) -> int:
        """How long a commit or a dispatch takes beyond its usual time."""
        if what == "commit" and self.hits("slow_commit", "lat"):
            return self.rng.choice(COMMITS_MS) * NS_PER_MS
        if what == "dispatch" and self.hits("slow_dispatch", "p.itode"):
            return self.rng.choice(DISPATCHES_MS) * NS_PER_MS
        return 0

    def early_failure(self, ticket: LegTicket) -> SubmitOutcome | None:
        """What the adapter answers when it never got to the first byte."""
        if not self.hits("no_bytes", "tcp"):
            return None
        if self.rng.random() < 0.5:
            return Unknown(ticket.attempt_id, "no connection")
        return Rejected(ticket.attempt_id, "not signed")

    # --- at the venue -----------------------------------------------------------------------

    def rests(self, venue: SimVenue, ticket: LegTicket) -> bool:
        """Whether the venue takes an immediate order as one that may rest (F-031, F-051)."""
        key = "k.stp" if venue.venue is Venue.KALSHI else "p.rest"
        return self.hits("rests", key)

    def on_result(self, venue: SimVenue, order: OrderRecord) -> None:
        """An order was taken: perhaps a second word about it follows the answer."""
        if order.status is OrderStatus.HELD:
            self._after_hold(venue, order)
        elif order.status is OrderStatus.RESTING and self.hits("echo", "p.user.dup"):
            wait = self.rng.choice(ECHOES_MS) * NS_PER_MS
            self.world.schedule(wait, partial(self._echo, venue, order))

    def _after_hold(self, venue: SimVenue, order: OrderRecord) -> None:
        """What the book showed may be gone when the hold ends, and the stream says the end."""
        left = max(0, order.due_ns - venue.now())
        if self.hits("held_fades", "fade"):
            self.world.schedule(left * 3 // 4, partial(self._clear, venue, order))
        if self.hits("echo", "p.user.dup"):
            self.world.schedule(left // 2, partial(self._babble, venue, order))
        if self.hits("echo", "p.user.dup"):
            wait = left + self.rng.choice(ECHOES_MS) * NS_PER_MS
            self.world.schedule(wait, partial(self._echo, venue, order))

    def _babble(self, venue: SimVenue, order: OrderRecord) -> None:
        """A word in between that proves nothing."""
        word = Unknown(venue.acked(order).attempt_id, "an unreadable word")
        venue.deliver(NS_PER_MS, AttemptAnswered(word))

    def _clear(self, venue: SimVenue, order: OrderRecord) -> None:
        book = venue.exchange.book(order.market_id)
        for side, levels in ((BookSide.BID, book.bids), (BookSide.ASK, book.asks)):
            for price, _ in levels:
                venue.exchange.set_level(order.market_id, side, price, QtyMicros(0), venue.now())

    def _echo(self, venue: SimVenue, order: OrderRecord) -> None:
        """Say what is true now, or something that proves nothing."""
        venue.exchange.advance(venue.now())
        truth = venue.exchange.order(order.order_id)
        assert truth is not None
        word: SubmitOutcome = venue.acked(truth)
        if truth.is_live and self.rng.random() < 0.6:
            attempt = word.attempt_id
            held = Acked(attempt, truth.order_id, AckStatus.HELD, truth.qty_filled, truth.cost_usd)
            word = self.rng.choice((held, Unknown(attempt, "an unreadable word")))
        venue.deliver(NS_PER_MS, AttemptAnswered(word))

    def on_fill(self, venue: SimVenue, fill: FillRecord) -> None:
        """A Kalshi trade may be taken back some seconds after it (F-032)."""
        if venue.venue is Venue.KALSHI and self.hits("bust", "k.bust"):
            wait = self.rng.choice((100, 1_000, 4_000, 15_000)) * NS_PER_MS
            self.world.schedule(wait, partial(self.bust, venue, fill.trade_id))

    def bust(self, venue: SimVenue, trade_id: str) -> None:
        fills = venue.exchange.clearing.fills_of_trade(trade_id)
        markets = [venue.exchange.market(fill.market_id) for fill in fills]
        if any(market is not None and market.payout is not None for market in markets):
            return  # what has a result is corrected by a payout, never by a bust
        venue.exchange.bust_trade(trade_id, venue.now())

    def is_untold(self) -> bool:
        """Whether a result never comes on the stream; the payout is found by the poll."""
        return self.hits("untold", "k.ws.drop")

    def clog(self, seconds: int) -> None:
        """Neither venue can be reached for a long while: even unknowns reach their deadline."""
        world = self.world
        world.swarm.count("partition")
        for venue in world.venues.values():
            venue.is_reachable = False
            world.schedule(seconds * NS_PER_S, partial(setattr, venue, "is_reachable", True))

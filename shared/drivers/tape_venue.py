"""A venue whose books are recorded ones: what an order of ours would have met.

An order reaches the venue after its outbound latency and walks the book that the tape held
at that moment, less what we took lately (``exchange.fill_model`` says what that cannot
know). No fault is injected; latency is drawn from the attempt, so that a run repeats.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.domain.enums import BookSide, Liquidity, Venue
from shared.domain.ids import MarketId
from shared.domain.order import LegTicket, Rejected
from shared.drivers.sim_venue import SimVenue
from shared.exchange.fill_model import Depletion, LatencySettings
from shared.exchange.happenings import FillMade, Happening
from shared.exchange.orders import Refused

Levels = dict[int, int]
"""YES price x 1e6 -> contracts x 1e6."""


@dataclass(slots=True)
class TapeVenue(SimVenue):
    """``show`` moves its books on; ``submit`` answers from them."""

    seed: int = 1
    times: LatencySettings = field(default_factory=LatencySettings)
    depletion: Depletion = field(default_factory=Depletion)
    books: dict[MarketId, tuple[Levels, Levels]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        SimVenue.__post_init__(self)
        self.exchange.subscribe(self._note_taken)

    def show(self, market: MarketId, bids: Levels, asks: Levels) -> None:
        """The tape says that these are the levels now."""
        self.books[market] = (bids, asks)
        self.refresh(market)

    def refresh(self, market: MarketId) -> None:
        """Put the recorded book, less what we took, before the exchange."""
        bids, asks = self.books.get(market, ({}, {}))
        now = self.now()
        self.exchange.set_book(
            market,
            self.depletion.remaining(market, BookSide.BID, bids, now),
            self.depletion.remaining(market, BookSide.ASK, asks, now),
            now,
        )

    def submit(self, ticket: LegTicket) -> None:
        attempt = ticket.attempt_id
        self.sent[attempt] = self.now()
        self.in_transit.add(attempt)
        out, back = self.times.draw(self.seed, str(attempt))

        def arrive() -> None:
            self.in_transit.discard(attempt)
            self.executions[attempt] = self.executions.get(attempt, 0) + 1
            self.refresh(ticket.market_id)
            result = self.exchange.submit(self._request(ticket), self.now())
            if isinstance(result, Refused):
                self._answer(back, Rejected(attempt, result.code.value))
            else:
                self._answer(back, self.acked(result))

        self.schedule(out, arrive)

    def _latency(self) -> int:
        """Time of a read or of a message on the user stream, drawn from its count."""
        self.reads += 1
        return sum(self.times.draw(self.seed, f"{self.venue.value}/{self.reads}")) // 2

    reads: int = 0

    def _note_taken(self, happening: Happening) -> None:
        if not isinstance(happening, FillMade) or happening.fill.liquidity is not Liquidity.TAKER:
            return
        fill = happening.fill
        side = BookSide.ASK if fill.book_side is BookSide.BID else BookSide.BID
        self.depletion.take(fill.market_id, side, fill.yes_price, fill.qty, happening.ts_ns)


__all__ = ["Levels", "TapeVenue", "Venue"]

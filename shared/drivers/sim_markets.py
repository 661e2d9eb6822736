"""The markets of one simulated world: what is listed, the crowd that quotes, how they end."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Final

from shared.domain.enums import BookState, FeeType, MarketStatus, Polarity, Venue, Verdict
from shared.domain.events import BookMarked, BookReplaced, MarketResolved, MarketStatusChanged
from shared.domain.ids import MarketId, PairId, derive_pair_id, market_id
from shared.domain.instrument import LINEAR_CENT, FeeSchedule, Instrument
from shared.domain.pairing import MatchedPair
from shared.domain.units import NS_PER_MS, NS_PER_S, PriceMicros, QtyMicros, UsdMicros

if TYPE_CHECKING:
    from shared.drivers.sim_world import Simulation

WALL_START: Final = 1_795_000_000 * NS_PER_S


def make_instrument(venue: Venue, number: int, *, held: bool) -> Instrument:
    """Return the market of question ``number`` at a venue; ``held`` gives it a taker delay."""
    fees = (
        FeeSchedule(FeeType.KALSHI_QUADRATIC, 70_000, 17_500)
        if venue is Venue.KALSHI
        else FeeSchedule(FeeType.POLYMARKET_CURVE, 40_000, precision=10, trade_fee_quantum=10)
    )
    is_poly = venue is Venue.POLYMARKET
    return Instrument(
        market_id=market_id(venue, f"M{number}"),
        venue=venue,
        native_id=f"M{number}",
        title=f"Question {number}",
        category=f"cat{number}",
        series_id=f"series{number}",
        event_id=f"event{number}",
        grid=LINEAR_CENT,
        qty_step=QtyMicros(10_000),
        min_qty=QtyMicros(5_000_000 if is_poly else 10_000),
        min_notional_usd=UsdMicros(1_000_000 if is_poly else 0),
        fees=fees,
        status=MarketStatus.ACTIVE,
        close_ns=WALL_START + 10_000 * NS_PER_S,
        settle_expected_ns=WALL_START + 20_000 * NS_PER_S,
        settle_worst_ns=WALL_START + 90_000 * NS_PER_S,
        rules_hash="r",
        settlement_source=f"source{number}",
        taker_delay_ns=NS_PER_S if held else 0,
        yes_token=f"y{number}",
        no_token=f"n{number}",
    )


class Markets:
    """Two questions, each listed at both venues around one hidden price.

    All draws come from the world's own generator, in a fixed order.
    """

    def __init__(self, sim: Simulation) -> None:
        self.sim = sim
        self.rng = sim.rng
        self.instruments: dict[MarketId, Instrument] = {}
        self.truth: dict[MarketId, int] = {}
        """Hidden YES price of each question, in cents."""
        self.pairs: list[MatchedPair] = []
        self.gaps: tuple[int, ...] = (0, 0, 0, 4, -4, 6, -6, 9)
        """Cents by which a quote may stand off the hidden price."""
        self.resolve_at = (
            self.rng.randint(30, 120) * NS_PER_S if self.rng.random() < 0.6 else 1 << 62
        )
        self.is_resolved = False
        self._ended: set[PairId] = set()
        self.unsettled = 0
        """Markets that are closed and have still to pay."""

    def set_worst_settlement(self, wall_ns: int) -> None:
        """Let every market be due to settle at the latest by then."""
        for market, instrument in list(self.instruments.items()):
            changed = replace(instrument, settle_worst_ns=wall_ns)
            self.instruments[market] = changed
            venue = self.sim.venues[instrument.venue]
            venue.exchange.list_market(changed, self.sim.exchange_now())

    def want_whole_lots(self) -> None:
        """Our own smallest buy on Kalshi is one contract: parts below it are dust."""
        for market, instrument in list(self.instruments.items()):
            if instrument.venue is Venue.KALSHI:
                self.instruments[market] = replace(instrument, min_qty=QtyMicros(1_000_000))

    def open_all(self) -> None:
        for number in range(self.sim.questions):
            held = self.sim.swarm.has("p.hold") and number == 1
            kalshi = make_instrument(Venue.KALSHI, number, held=False)
            poly = make_instrument(Venue.POLYMARKET, number, held=held)
            cents = self.rng.randint(25, 75)
            self.truth[kalshi.market_id] = self.truth[poly.market_id] = cents
            self.pairs.append(
                MatchedPair(
                    pair_id=derive_pair_id(kalshi.market_id, poly.market_id),
                    a=kalshi.market_id,
                    b=poly.market_id,
                    polarity=Polarity.SAME,
                    verdict=Verdict.CONFIRMED,
                    name=f"Question {number}",
                    rules_hash_a="r",
                    rules_hash_b="r",
                    score_ppm=990_000,
                    category=f"cat{number}",
                    series_id=f"series{number}",
                    settlement_source=f"source{number}",
                    is_proven=self.rng.random() < 0.7,
                )
            )
            for instrument in (kalshi, poly):
                self.instruments[instrument.market_id] = instrument
                exchange = self.sim.venues[instrument.venue].exchange
                exchange.list_market(instrument, self.sim.exchange_now())
                self.move_book(instrument.market_id)

    # --- the crowd -------------------------------------------------------------------------

    def move_book(self, market: MarketId) -> None:
        """Requote one market around its hidden price, sometimes far enough to be an edge."""
        instrument = self.instruments[market]
        exchange = self.sim.venues[instrument.venue].exchange
        listed = exchange.market(market)
        if listed is None or listed.status is not MarketStatus.ACTIVE:
            return
        gap = self.rng.choice(self.gaps)
        centre = min(max(self.truth[market] + gap, 4), 95)
        bids = {
            (centre - 1 - k) * 10_000: self.rng.randint(5, 400) * 1_000_000
            for k in range(3)
            if centre - 1 - k > 0
        }
        asks = {
            (centre + 1 + k) * 10_000: self.rng.randint(5, 400) * 1_000_000
            for k in range(3)
            if centre + 1 + k < 100
        }
        exchange.set_book(market, bids, asks, self.sim.exchange_now())

    def publish(self, market: MarketId, delay: int | None = None) -> None:
        """Send the trader the book as it stands, unless its feed is cut or the frame is lost."""
        sim = self.sim
        instrument = self.instruments[market]
        silent = sim.late is not None and sim.late.is_silent(instrument.venue)
        if silent or sim.now < sim.cut_until[instrument.venue]:
            return
        if sim.swarm.hits("k.ws.drop"):
            sim.deliver(0, BookMarked(market, BookState.GAPPED, "a frame was lost"))
            return
        view = sim.venues[instrument.venue].exchange.book(market)
        if not view.bids and not view.asks:
            return
        body = BookReplaced(market, view.bids, view.asks, sim.exchange_now())
        sim.deliver(delay if delay is not None else self.rng.randint(5, 60) * NS_PER_MS, body)

    def refresh(self, market: MarketId) -> None:
        """Answer a request for the whole book."""
        self.publish(market, self.rng.randint(20, 90) * NS_PER_MS)

    # --- their end -------------------------------------------------------------------------

    def live_on(self) -> None:
        """At its hour the first question closes, resolves and pays on both venues."""
        if self.sim.now < self.resolve_at or self.is_resolved:
            return
        self.is_resolved = True
        self._resolve_pair(self.pairs[0], self.rng, (40, 60))

    def resolve_now(self, pair_id: PairId, rng: Random) -> None:
        """End the question of a pair within a second or so, unless it has ended already."""
        pair = next(p for p in self.pairs if p.pair_id == pair_id)
        self._resolve_pair(pair, rng, (0, 2))

    def _resolve_pair(self, pair: MatchedPair, rng: Random, wait_s: tuple[int, int]) -> None:
        if pair.pair_id in self._ended:
            return
        self._ended.add(pair.pair_id)
        yes = rng.random() < 0.5
        for market in (pair.a, pair.b):
            pays_yes = yes
            if market == pair.b and self.sim.swarm.hits("settle"):
                pays_yes = not yes
            self._resolve(market, PriceMicros(1_000_000 if pays_yes else 0), rng, wait_s)

    def _resolve(
        self, market: MarketId, payout: PriceMicros, rng: Random, wait_s: tuple[int, int]
    ) -> None:
        sim = self.sim
        self.unsettled += 1
        exchange = sim.venues[self.instruments[market].venue].exchange
        exchange.change_status(market, MarketStatus.CLOSED, sim.exchange_now())
        self.instruments[market] = replace(self.instruments[market], status=MarketStatus.CLOSED)
        sim.deliver(20 * NS_PER_MS, MarketStatusChanged(market, MarketStatus.CLOSED))

        def determine() -> None:
            exchange.change_status(market, MarketStatus.DETERMINED, sim.exchange_now(), payout)
            if not sim.is_result_untold():
                sim.deliver(0, MarketResolved(market, payout))

        def settle() -> None:
            exchange.change_status(market, MarketStatus.SETTLED, sim.exchange_now(), payout)
            self.unsettled -= 1

        first = rng.randint(*wait_s) * NS_PER_S
        sim.schedule(first, determine)
        sim.schedule(first + rng.randint(1, 5) * NS_PER_S, settle)

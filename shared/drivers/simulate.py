"""Seeded simulation: the real kernel against two real exchanges in virtual time, under faults.

One seed is one run: a swarm of faults for a while, then faults off and time to heal, then
the end checks. The driver has no clock; a heap of due times is its only time.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Final

from shared.domain.config import Config
from shared.domain.enums import (
    BookState,
    FeeType,
    MarketStatus,
    Polarity,
    Venue,
    Verdict,
)
from shared.domain.events import (
    BookMarked,
    BookProved,
    BookReplaced,
    ConfigChanged,
    EventBody,
    FeedStatus,
    JournalHealth,
    LeaseSeen,
    MarketResolved,
    MarketStatusChanged,
    PairsChanged,
    RecoveryFinished,
    SecondTicked,
    StateLoaded,
)
from shared.domain.ids import MarketId, derive_pair_id, market_id
from shared.domain.instrument import LINEAR_CENT, FeeSchedule, Instrument
from shared.domain.pairing import MatchedPair
from shared.domain.units import NS_PER_MS, NS_PER_S, PriceMicros, QtyMicros, UsdMicros
from shared.drivers.checkers import Checkers, Violation
from shared.drivers.sim_extras import Extras
from shared.drivers.sim_faults import Swarm
from shared.drivers.sim_store import SimStore
from shared.drivers.sim_trader import SimTrader
from shared.drivers.sim_venue import ACCOUNT, SimVenue
from shared.engine.kernel import Kernel
from shared.exchange.matching_core import Exchange
from shared.exchange.venue_rules import KALSHI_RULES, POLYMARKET_RULES, FinalitySettings

WALL_START: Final = 1_795_000_000 * NS_PER_S
FAULTY_NS: Final = 45 * NS_PER_S
HEAL_NS: Final = 95 * NS_PER_S
FAULTY_SHORT_NS: Final = 30 * NS_PER_S
HEAL_SHORT_NS: Final = 75 * NS_PER_S
GRACE_MINUTES: Final = 4
"""A stuck package retries once a minute, and what it then trades must become final."""
LAST_OPEN_NS: Final = 60 * NS_PER_S
"""Openings end this long before the judgement, so that every trade can become final."""
MODE: Final = "venue_sim"
_DEPOSIT: Final = UsdMicros(5_000_000_000)
_SETTLED: Final = frozenset({"settling", "settled", "diverged"})
_FLAT: Final = frozenset({"flat_prov", "flat", "aborted", "exited_early"})
_HEDGED: Final = frozenset({"hedged_prov", "hedged", "exiting"})


@dataclass(slots=True)
class SeedReport:
    """What one seed did. ``outcomes`` are states at the end, grouped as the command prints."""

    seed: int
    steps: int
    packages: int
    faults: dict[str, int]
    outcomes: dict[str, int]
    exposure_seconds_max: float
    edges: set[tuple[str, str]]
    violations: list[Violation] = field(default_factory=list)


class Simulation:
    """The world of one seed."""

    def __init__(self, seed: int, edition: int = 2) -> None:
        more = Random(f"second/{seed}") if edition > 1 else None
        self.edition = edition
        self.seed = seed
        self.rng = Random(seed)
        self.now = 0
        self.wall_offset = WALL_START
        self.swarm = Swarm.draw(self.rng, more)
        self.store = SimStore()
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._count = 0
        self.trader: SimTrader | None = None
        self.generation = 0
        self.last_renewal = 0
        self.aws_until = 0
        self.cut_until = {Venue.KALSHI: 0, Venue.POLYMARKET: 0}
        self.instruments: dict[MarketId, Instrument] = {}
        self.truth: dict[MarketId, int] = {}
        """Hidden YES price of each question, in cents."""
        self.pairs: list[MatchedPair] = []
        self.venues = {venue: self._venue(venue) for venue in self.cut_until}
        self.checkers = Checkers(self.venues)
        self.resolve_at = (
            self.rng.randint(30, 120) * NS_PER_S if self.rng.random() < 0.6 else 1 << 62
        )
        self.is_resolved = False
        self.may_open = True
        self._list_markets()
        self.extras = Extras(self, more) if more is not None else None

    # --- time ------------------------------------------------------------------------------

    def schedule(self, delay: int, action: Callable[[], None]) -> None:
        assert delay >= 0
        self._count += 1
        heapq.heappush(self._heap, (self.now + delay, self._count, action))

    def mono(self) -> int:
        return self.now

    def wall(self) -> int:
        return self.now + self.wall_offset

    def exchange_now(self) -> int:
        return self.now + WALL_START

    def run_until(self, end: int) -> None:
        while self._heap and self._heap[0][0] <= end:
            due, _, action = heapq.heappop(self._heap)
            self.now = due
            action()
        self.now = end

    # --- set-up ----------------------------------------------------------------------------

    def _venue(self, venue: Venue) -> SimVenue:
        rules = KALSHI_RULES
        if venue is Venue.POLYMARKET:
            failed = self.rng.choice((0, 15_000, 150_000, 400_000))
            finality = FinalitySettings(
                confirmed_min_ns=5 * NS_PER_S,
                confirmed_max_ns=30 * NS_PER_S,
                failed_ppm=failed if "p.fail" in self.swarm.enabled else 0,
            )
            rules = replace(POLYMARKET_RULES, finality=finality)
        exchange = Exchange(rules, self.seed)
        exchange.deposit(ACCOUNT, _DEPOSIT)
        sim = SimVenue(
            venue, exchange, self.swarm, self.rng, self.schedule, self._deliver, self.exchange_now
        )
        return sim

    def _deliver(self, delay: int, body: EventBody) -> None:
        """Route a message to whoever is the living trader when it arrives."""
        generation = self.generation

        def arrive() -> None:
            if self.trader is not None and self.generation == generation:
                self.trader.give(body)

        self.schedule(delay, arrive)

    def _list_markets(self) -> None:
        for number in range(2):
            held = self.swarm.has("p.hold") and number == 1
            kalshi = self._instrument(Venue.KALSHI, number, held=False)
            poly = self._instrument(Venue.POLYMARKET, number, held=held)
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
                exchange = self.venues[instrument.venue].exchange
                exchange.list_market(instrument, self.exchange_now())
                self._move_book(instrument.market_id)

    def _instrument(self, venue: Venue, number: int, *, held: bool) -> Instrument:
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

    # --- the crowd -------------------------------------------------------------------------

    def _move_book(self, market: MarketId) -> None:
        """Requote one market around its hidden price, sometimes far enough to be an edge."""
        instrument = self.instruments[market]
        exchange = self.venues[instrument.venue].exchange
        listed = exchange.market(market)
        if listed is None or listed.status is not MarketStatus.ACTIVE:
            return
        gap = self.rng.choice((0, 0, 0, 4, -4, 6, -6, 9))
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
        exchange.set_book(market, bids, asks, self.exchange_now())

    def publish(self, market: MarketId, delay: int | None = None) -> None:
        instrument = self.instruments[market]
        if self.now < self.cut_until[instrument.venue]:
            return
        if self.swarm.hits("k.ws.drop"):
            self._deliver(0, BookMarked(market, BookState.GAPPED, "a frame was lost"))
            return
        view = self.venues[instrument.venue].exchange.book(market)
        if not view.bids and not view.asks:
            return
        body = BookReplaced(market, view.bids, view.asks, self.exchange_now())
        self._deliver(delay if delay is not None else self.rng.randint(5, 60) * NS_PER_MS, body)

    def refresh(self, market: MarketId) -> None:
        self.publish(market, self.rng.randint(20, 90) * NS_PER_MS)

    # --- the trader process ----------------------------------------------------------------

    def start_trader(self) -> None:
        """Start (or restart) the process: record, config, pairs, lease, sweep, recovered."""
        self.generation += 1
        self.store.epoch += 1
        epoch = self.store.epoch
        trader = SimTrader(
            Kernel("sim"),
            self.generation,
            self.store,
            self.venues,
            self.schedule,
            self.mono,
            self.wall,
            self.checkers,
            self.refresh,
            epoch=epoch,
            hits=self.swarm.hits_more,
            die=self.kill_trader,
            freeze=lambda: self.freeze_trader(self.rng.randint(200, 3_000) * NS_PER_MS),
        )
        self.trader = trader
        self.checkers.last_states.clear()
        run_id = f"{MODE}-{epoch}"
        trader.give(StateLoaded(self.store.recovered(run_id, epoch)))
        self.checkers.after_restart(trader)
        self._give_config()
        trader.give(PairsChanged(tuple(self.pairs), tuple(self.instruments.values())))
        self._renew_lease()
        for venue in self.venues.values():
            venue.sweep()
            venue.poll_account()
            self._feed_status(venue.venue)
        for market in self.instruments:
            self.publish(market)
        self._deliver(NS_PER_S, RecoveryFinished())

    def _give_config(self) -> None:
        if self.trader is not None:
            config = Config(taker_delay_max_ms=2_000, flag_trade=self.may_open)
            self.trader.give(ConfigChanged(config))

    def freeze_trader(self, length: int) -> None:
        """Stop the process for a while, without killing it (F-068)."""
        frozen = self.trader
        if frozen is None or frozen.is_paused:
            return
        frozen.pause()
        self.checkers.allowance_ns += length
        self.schedule(length, frozen.wake)

    def kill_trader(self) -> None:
        if self.trader is None:
            return
        self.swarm.count("crash")
        self.trader.is_dead = True
        self.trader = None
        self.generation += 1
        self.store.crash()
        self.schedule(self.rng.randint(300, 3_000) * NS_PER_MS, self.start_trader)

    def _renew_lease(self) -> None:
        if self.trader is None or self.trader.is_paused or self.now < self.aws_until:
            return
        self.trader.lease_until = self.now + 30 * NS_PER_S
        self.checkers.lease_truth[self.trader.epoch] = self.trader.lease_until
        self.trader.give(LeaseSeen(self.store.epoch, self.trader.lease_until))

    def _feed_status(self, venue: Venue) -> None:
        up = self.now >= self.cut_until[venue]
        age = 100 * NS_PER_MS if up else 3 * NS_PER_S
        self._deliver(0, FeedStatus(venue, up, age, 20 * NS_PER_MS, 0))

    # --- the passing second ----------------------------------------------------------------

    def second(self) -> None:
        """Once a simulated second: crowd, faults, housekeeping of the process."""
        self._strike()
        if self.extras is not None:
            self.extras.strike()
        for market in self.instruments:
            if self._is_calm() and self.now // NS_PER_S % 5:
                self._deliver(NS_PER_MS, BookProved(market))
                continue
            if self.rng.random() < 0.7:
                self._move_book(market)
            self.publish(market)
        for venue in self.venues.values():
            venue.exchange.advance(self.exchange_now())
            self._feed_status(venue.venue)
        number = self.now // NS_PER_S
        if number % 2 == 0:
            self._renew_lease()
        if number % 5 == 0:
            for venue in self.venues.values():
                venue.sweep()
                venue.poll_account()
        self.store.flush(50)
        if self.trader is not None:
            self.trader.give(SecondTicked())
        self._life_of_markets()
        self.schedule(NS_PER_S, self.second)

    def _is_calm(self) -> bool:
        """Whether books may rest: faults are off and no opening is wanted any more."""
        return self.edition > 1 and not self.may_open

    def _strike(self) -> None:
        swarm = self.swarm
        for venue, key in ((Venue.KALSHI, "k.ws.cut"), (Venue.POLYMARKET, "p.ws.cut")):
            if swarm.hits(key, 3.0):
                self.cut_until[venue] = self.now + 10 * NS_PER_S
        if swarm.hits("p.ws.freeze", 3.0):
            self.cut_until[Venue.POLYMARKET] = self.now + 5 * NS_PER_S
        if swarm.hits("aws.down", 3.0):
            self.aws_until = self.now + 40 * NS_PER_S
        if swarm.hits("pg.down", 3.0) and not self.store.is_down:
            self.store.is_down = True
            self._deliver(0, JournalHealth(False))
            self.schedule(self.rng.randint(1, 8) * NS_PER_S, self._database_back)
        if swarm.hits("clock.step", 3.0):
            self.wall_offset += self.rng.randint(-3_600, 3_600) * NS_PER_S
        if swarm.hits("k.close") and not self.is_resolved:
            self.resolve_at = self.now + 5 * NS_PER_S
        if self.trader is not None and swarm.hits("crash", 2.0):
            at = self.rng.randint(0, 999) * NS_PER_MS
            self.schedule(at, lambda: self.kill_trader() if self.trader else None)

    def _database_back(self) -> None:
        self.store.is_down = False
        self._deliver(0, JournalHealth(True))

    def _life_of_markets(self) -> None:
        """At its hour the first question closes, resolves and pays on both venues."""
        if self.now < self.resolve_at or self.is_resolved:
            return
        self.is_resolved = True
        yes = self.rng.random() < 0.5
        for market in (self.pairs[0].a, self.pairs[0].b):
            pays_yes = yes
            if market == self.pairs[0].b and self.swarm.hits("settle"):
                pays_yes = not yes
            self._resolve(market, PriceMicros(1_000_000 if pays_yes else 0))

    def _resolve(self, market: MarketId, payout: PriceMicros) -> None:
        exchange = self.venues[self.instruments[market].venue].exchange
        exchange.change_status(market, MarketStatus.CLOSED, self.exchange_now())
        self.instruments[market] = replace(self.instruments[market], status=MarketStatus.CLOSED)
        self._deliver(20 * NS_PER_MS, MarketStatusChanged(market, MarketStatus.CLOSED))

        def determine() -> None:
            exchange.change_status(market, MarketStatus.DETERMINED, self.exchange_now(), payout)
            self._deliver(0, MarketResolved(market, payout))

        def settle() -> None:
            exchange.change_status(market, MarketStatus.SETTLED, self.exchange_now(), payout)

        first = self.rng.randint(40, 60) * NS_PER_S
        self.schedule(first, determine)
        self.schedule(first + self.rng.randint(1, 5) * NS_PER_S, settle)

    # --- the run ---------------------------------------------------------------------------

    def run(self) -> SeedReport:
        """Faults, then healing, then the judgement."""
        self.start_trader()
        self.schedule(0, self.second)
        faulty, heal = FAULTY_NS, HEAL_NS
        if self.edition > 1:
            faulty, heal = FAULTY_SHORT_NS, HEAL_SHORT_NS
        self.run_until(faulty)
        self.swarm.is_quiet = True
        self.aws_until = 0
        self.run_until(faulty + heal - LAST_OPEN_NS)
        self.may_open = False
        self._give_config()
        self.run_until(faulty + heal)
        for _ in range(GRACE_MINUTES):
            if self.checkers.is_at_rest(self.trader):
                break
            self.run_until(self.now + 60 * NS_PER_S)
        assert self.trader is not None
        self.checkers.at_end(self.trader)
        return self._report()

    def _report(self) -> SeedReport:
        assert self.trader is not None
        self.store.flush(1 << 30)
        rows = [r for r in self.store.tables["packages"].values() if r["kind"] == "normal"]
        outcomes = {"hedged": 0, "flat": 0, "stuck": 0, "settled": 0}
        for row in rows:
            outcomes[outcome_of(row["state"])] += 1
        return SeedReport(
            self.seed,
            self.trader.steps,
            len(rows),
            self.swarm.kinds(),
            outcomes,
            self.checkers.active_max_ns / NS_PER_S,
            self.checkers.edges,
            self.checkers.violations,
        )


def outcome_of(state: str) -> str:
    """Return the group that the command prints for a final state."""
    if state in _SETTLED:
        return "settled"
    if state in _HEDGED:
        return "hedged"
    return "flat" if state in _FLAT else "stuck"


def run_seed(seed: int, edition: int = 2) -> SeedReport:
    """Run one seed to the end; the same seed gives the same report."""
    return Simulation(seed, edition).run()

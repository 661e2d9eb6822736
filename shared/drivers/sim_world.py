"""The world of one seed: two exchanges, a trader process that can die, and virtual time.

The driver has no clock; a heap of due times is its only time. This module is the world of
the first three editions, which tick through every second; ``sim_dense`` builds on it.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Final

from shared.domain.config import Config
from shared.domain.enums import Venue
from shared.domain.events import (
    BookProved,
    ConfigChanged,
    EventBody,
    FeedStatus,
    LeaseSeen,
    PairsChanged,
    RecoveryFinished,
    SecondTicked,
    StateLoaded,
)
from shared.domain.units import NS_PER_MS, NS_PER_S, UsdMicros
from shared.drivers import sim_strikes
from shared.drivers.checkers import Checkers
from shared.drivers.sim_coverage import Coverage, Move
from shared.drivers.sim_extras import Extras
from shared.drivers.sim_faults import Swarm
from shared.drivers.sim_lapses import Lapses
from shared.drivers.sim_late import Late
from shared.drivers.sim_markets import WALL_START, Markets
from shared.drivers.sim_report import OUTCOMES, SeedReport, outcome_of
from shared.drivers.sim_store import SimStore
from shared.drivers.sim_trader import SimTrader
from shared.drivers.sim_venue import ACCOUNT, SimVenue
from shared.engine.kernel import Kernel
from shared.exchange.matching_core import Exchange
from shared.exchange.venue_rules import KALSHI_RULES, POLYMARKET_RULES, FinalitySettings

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


class Simulation:
    """The world of one seed."""

    recovery_ns = NS_PER_S
    """From the start of a process until it has read both venues."""
    questions = 2

    def __init__(self, seed: int, edition: int = 3) -> None:
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
        self.venues = {venue: self._venue(venue) for venue in self.cut_until}
        self.checkers = Checkers(self.venues)
        self.coverage = Coverage()
        self.lapses: Lapses | None = None
        self.markets = Markets(self)
        self.may_open = True
        self.markets.open_all()
        self.extras = Extras(self, more) if more is not None else None
        self.late = Late(self, Random(f"third/{seed}")) if edition > 2 else None

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

    def next_due(self) -> int:
        """Return when the next action is due; there always is one, the beat's own."""
        return self._heap[0][0]

    def run_until(self, end: int) -> None:
        while self._heap and self._heap[0][0] <= end:
            due, _, action = heapq.heappop(self._heap)
            self.now = due
            action()
        self.now = end

    # --- set-up ----------------------------------------------------------------------------

    finality_ns = (5 * NS_PER_S, 30 * NS_PER_S)
    """Least and longest time until the chain has a trade for good."""

    def _venue(self, venue: Venue) -> SimVenue:
        rules = KALSHI_RULES
        if venue is Venue.POLYMARKET:
            failed = self.rng.choice((0, 15_000, 150_000, 400_000))
            finality = FinalitySettings(
                confirmed_min_ns=self.finality_ns[0],
                confirmed_max_ns=self.finality_ns[1],
                failed_ppm=failed if "p.fail" in self.swarm.enabled else 0,
            )
            rules = replace(POLYMARKET_RULES, finality=finality)
        exchange = Exchange(rules, self.seed)
        exchange.deposit(ACCOUNT, _DEPOSIT)
        sim = SimVenue(
            venue, exchange, self.swarm, self.rng, self.schedule, self.deliver, self.exchange_now
        )
        return sim

    def deliver(self, delay: int, body: EventBody) -> None:
        """Route a message to whoever is the living trader when it arrives."""
        generation = self.generation

        def arrive() -> None:
            if self.trader is not None and self.generation == generation:
                self.trader.give(body)

        self.schedule(delay, arrive)

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
            self.markets.refresh,
            epoch=epoch,
            hits=self.swarm.hits_more,
            die=self.kill_trader,
            freeze=lambda: self.freeze_trader(self.rng.randint(200, 3_000) * NS_PER_MS),
            on_moves=self.on_moves,
            lapses=self.lapses,
        )
        self.trader = trader
        self.checkers.on_start(epoch)
        run_id = f"{MODE}-{epoch}"
        trader.give(StateLoaded(self.store.recovered(run_id, epoch)))
        self.checkers.after_restart(trader)
        self.give_config()
        trader.give(
            PairsChanged(tuple(self.markets.pairs), tuple(self.markets.instruments.values()))
        )
        self.renew_lease()
        for venue in self.venues.values():
            venue.sweep()
            venue.poll_account()
            self.tell_feed(venue.venue)
        for market in self.markets.instruments:
            self.markets.publish(market)
        self.deliver(self.recovery_ns, RecoveryFinished())

    def give_config(self) -> None:
        if self.trader is not None:
            config = Config(taker_delay_max_ms=2_000, flag_trade=self.may_open)
            if self.late is not None:
                config = self.late.config(config)
            self.trader.give(ConfigChanged(config))

    def is_result_untold(self) -> bool:
        """Whether the result of a market never comes on its stream."""
        return False

    def on_moves(self, moves: list[Move]) -> None:
        """Hear every package move of one kernel step, before its commands are carried out."""
        self.coverage.note(moves)

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

    def renew_lease(self) -> None:
        if self.trader is None or self.trader.is_paused or self.now < self.aws_until:
            return
        self.trader.lease_until = self.now + 30 * NS_PER_S
        self.checkers.lease_truth[self.trader.epoch] = self.trader.lease_until
        self.trader.give(LeaseSeen(self.store.epoch, self.trader.lease_until))

    def feed_body(self, venue: Venue) -> FeedStatus:
        up = self.now >= self.cut_until[venue]
        age = 100 * NS_PER_MS if up else 3 * NS_PER_S
        return FeedStatus(venue, up, age, 20 * NS_PER_MS, 0)

    def tell_feed(self, venue: Venue) -> None:
        self.deliver(0, self.feed_body(venue))

    # --- the passing second ----------------------------------------------------------------

    def second(self) -> None:
        """Once a simulated second: crowd, faults, housekeeping of the process."""
        sim_strikes.strike(self)
        if self.extras is not None:
            self.extras.strike()
        if self.late is not None:
            self.late.strike()
        for market in self.markets.instruments:
            if self._is_calm() and self.now // NS_PER_S % 5:
                self.deliver(NS_PER_MS, BookProved(market))
                continue
            if self.rng.random() < 0.7:
                self.markets.move_book(market)
            self.markets.publish(market)
        for venue in self.venues.values():
            venue.exchange.advance(self.exchange_now())
            self.tell_feed(venue.venue)
        number = self.now // NS_PER_S
        if number % 2 == 0:
            self.renew_lease()
        if number % 5 == 0:
            for venue in self.venues.values():
                venue.sweep()
                venue.poll_account()
        self.store.flush(50)
        if self.trader is not None:
            self.trader.give(SecondTicked())
        self.markets.live_on()
        self.schedule(NS_PER_S, self.second)

    def _is_calm(self) -> bool:
        """Whether books may rest: faults are off and no opening is wanted any more."""
        return self.edition > 1 and not self.may_open

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
        if self.late is not None:
            self.late.heal()
        self.aws_until = 0
        self.run_until(faulty + heal - LAST_OPEN_NS)
        self.may_open = False
        self.give_config()
        self.run_until(faulty + heal)
        for _ in range(GRACE_MINUTES):
            if self.checkers.is_at_rest(self.trader):
                break
            self.run_until(self.now + 60 * NS_PER_S)
        return self.judge()

    def judge(self) -> SeedReport:
        """Run the end checks over the living process and report."""
        assert self.trader is not None
        self.checkers.at_end(self.trader)
        return self._report()

    def _report(self) -> SeedReport:
        assert self.trader is not None
        self.store.flush(1 << 30)
        rows = [r for r in self.store.tables["packages"].values() if r["kind"] == "normal"]
        outcomes = dict.fromkeys(OUTCOMES, 0)
        for row in rows:
            outcomes[outcome_of(row["state"])] += 1
        return SeedReport(
            self.seed,
            self.trader.steps,
            len(rows),
            self.swarm.kinds(),
            outcomes,
            self.checkers.active_max_ns / NS_PER_S,
            self.coverage.moves,
            self.checkers.violations,
        )

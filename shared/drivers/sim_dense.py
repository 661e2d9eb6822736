"""The fourth edition of the world: short, dense, and quick through quiet time.

Differences to the first three: faults crowd into the first seconds; a disturbance may strike
at the very step in which a package enters a state; once faults are off, time advances in
long beats while nothing is naked; and the run ends when nothing can move any more, which
is judged as strictly as the end of a run that lasted to its bound.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from random import Random
from typing import Final

from shared.domain.enums import Venue
from shared.domain.events import BookProved, EventBody, SecondTicked
from shared.domain.package_table import PackageState
from shared.domain.units import NS_PER_MS, NS_PER_S
from shared.drivers import sim_aims, sim_strikes
from shared.drivers.sim_coverage import Move
from shared.drivers.sim_disturb import Disturber
from shared.drivers.sim_lapses import Lapses
from shared.drivers.sim_markets import WALL_START
from shared.drivers.sim_records import ACCOUNT
from shared.drivers.sim_report import SeedReport
from shared.drivers.sim_themes import (
    BY_HAND_NS,
    CLOG_AT,
    CLOGGED_NS,
    HAND_FIRST_NS,
    HEAL_OF,
    OVERDUE_FROM_NS,
    OVERDUE_NS,
    QUICK_FINALITY_NS,
    QUICK_NS,
    SLOW_FINALITY_NS,
    THEME_WEIGHTS,
    Theme,
)
from shared.drivers.sim_world import Simulation
from shared.exchange.venue_rules import FinalitySettings

FAULTY_MIN_S: Final = 7
FAULTY_MAX_S: Final = 12
OPEN_ON_S: Final = 3
"""Openings go on for this long after the faults ended."""
HEAL_NS: Final = 75 * NS_PER_S
GRACE_NS: Final = 240 * NS_PER_S
"""A stuck package retries once a minute, and what it then trades must become final."""
BEAT_CALM_NS: Final = 8 * NS_PER_S
BEAT_LONG_NS: Final = 10 * NS_PER_S
BEAT_SLOW_NS: Final = 20 * NS_PER_S
BEAT_HOUR_NS: Final = 3_600 * NS_PER_S
STILL_BEATS: Final = 2
"""Both venues are read whole between two beats: what a message lost comes to light first."""
LOTS_CHANCE: Final = 0.15
STRIKE_FROM_NS: Final = 3 * NS_PER_S
GAPS: Final = (0, 0, 4, -4, 6, -6, 9)
"""Edges come more often, so that most seeds open a package before their faults begin."""
LATE_DENSITY: Final = 2.0
DENSITIES: Final = (0.5, 2.0, 2.0)
"""Orders are few in a short run: in most seeds each meets its faults more often, in the
others more packages come to be held."""
MOVE_CHANCE: Final = 0.4
STRIKE_CHANCE: Final = 0.3
_STUCK: Final = frozenset({PackageState.STUCK_KNOWN, PackageState.STUCK_UNKNOWN})


class DenseWorld(Simulation):
    """One seed of the fourth edition."""

    recovery_ns = 300 * NS_PER_MS

    def __init__(self, seed: int) -> None:
        self.flying = 0
        """Messages under way to the trader."""
        first = Random(f"questions/{seed}")
        self.questions = first.choice((1, 2))
        self.theme = Theme(first.choices(list(Theme), THEME_WEIGHTS)[0])
        self.aim = sim_aims.Aim(first.choices(list(sim_aims.Aim), sim_aims.WEIGHTS)[0])
        if self.aim in (sim_aims.Aim.PAID, sim_aims.Aim.EXIT):
            self.theme = Theme.QUICK_CHAIN
        self._clog_at = first.choice(CLOG_AT)
        if self.theme is Theme.SLOW_CHAIN:
            self.finality_ns = SLOW_FINALITY_NS
        elif self.theme is Theme.QUICK_CHAIN:
            self.finality_ns = QUICK_FINALITY_NS
        super().__init__(seed, 4)
        self.swarm.density = first.choice(DENSITIES)
        assert self.late is not None
        self.late.density = LATE_DENSITY
        self.markets.gaps = GAPS
        self.markets.resolve_at = (
            self.rng.randint(3, 14) * NS_PER_S if self.rng.random() < 0.3 else 1 << 62
        )
        self.lapses = Lapses(self, Random(f"lapses/{seed}"))
        self.disturber = Disturber(self, Random(f"disturb/{seed}"))
        if first.random() < LOTS_CHANCE:
            self.markets.want_whole_lots()
        if self.theme is Theme.OVERDUE:
            self.markets.set_worst_settlement(WALL_START + 60 * NS_PER_S)
        sim_aims.take(self)
        keys = [key for key in sim_strikes.ACTIONS if key in self.swarm.enabled]
        assert self.extras is not None
        keys += [key for key in self.extras.actions if f"+{key}" in self.swarm.enabled]
        self._strikes = keys
        self._was_clogged = False
        self._still_beats = 0
        self._is_over = False

    def deliver(self, delay: int, body: EventBody) -> None:
        generation = self.generation
        self.flying += 1

        def arrive() -> None:
            self.flying -= 1
            if self.trader is not None and self.generation == generation:
                self.trader.give(body)

        self.schedule(delay, arrive)

    def on_moves(self, moves: list[Move]) -> None:
        self.coverage.note(moves)
        if not self.swarm.is_quiet:
            self.disturber.look(moves)
        if self.theme is Theme.CLOGGED and not self._was_clogged:
            self._perhaps_clog(moves)

    def _perhaps_clog(self, moves: list[Move]) -> None:
        """Both venues go out of reach where an order is about to be in doubt."""
        if any(move.cell[2] == self._clog_at for move in moves):
            assert self.lapses is not None
            self._was_clogged = True
            self.lapses.clog(self.rng.randint(32, 40))

    def is_result_untold(self) -> bool:
        return self.lapses is not None and self.lapses.is_untold()

    # --- beats -----------------------------------------------------------------------------

    def second(self) -> None:
        """One beat: crowd, faults, the venues' clocks, housekeeping, and the kernel's tick."""
        is_quiet = self.swarm.is_quiet
        if not is_quiet and self._may_strike() and self.rng.random() < STRIKE_CHANCE:
            self._strike(self.rng.choice(self._strikes))
        assert self.late is not None
        self.late.strike()
        if not self._is_calm() or self._is_naked():
            self._move_books()
        for venue in self.venues.values():
            venue.exchange.advance(self.exchange_now())
        wait = self._beat_ns()
        if self.now // NS_PER_S % 2 == 0 or wait > NS_PER_S:
            self.renew_lease()
        if self.now // NS_PER_S % 3 == 0 or wait > NS_PER_S:
            for venue in self.venues.values():
                venue.sweep()
                venue.poll_account()
        self.store.flush(50)
        self._tick()
        self.markets.live_on()
        self._still_beats = self._still_beats + 1 if is_quiet and self._is_still() else 0
        is_due = self.theme is not Theme.OVERDUE or self.now >= OVERDUE_NS
        self._is_over = self._still_beats >= STILL_BEATS and is_due
        self.schedule(wait, self.second)

    def _tick(self) -> None:
        """Feeds first, then the kernel's second; the process may die over any of them."""
        bodies: list[EventBody] = [self.feed_body(venue) for venue in self.cut_until]
        for body in (*bodies, SecondTicked()):
            if self.trader is not None:
                self.trader.give(body)

    def _may_strike(self) -> bool:
        """Faults wait for something to strike: the first package, but not for long."""
        has_begun = bool(self.store.envelope_ids) or self.now >= STRIKE_FROM_NS
        return has_begun and bool(self._strikes)

    def _strike(self, key: str) -> None:
        self.swarm.count(key)
        if key in sim_strikes.ACTIONS:
            sim_strikes.ACTIONS[key][1](self)
        else:
            assert self.extras is not None
            self.extras.actions[key]()

    def _move_books(self) -> None:
        for market in self.markets.instruments:
            if self.rng.random() < MOVE_CHANCE:
                self.markets.move_book(market)
                self.markets.publish(market)
            elif not self._is_cut(self.markets.instruments[market].venue):
                self.deliver(NS_PER_MS, BookProved(market))

    def _is_cut(self, venue: Venue) -> bool:
        assert self.late is not None
        return self.late.is_silent(venue) or self.now < self.cut_until[venue]

    def _is_naked(self) -> bool:
        return self.trader is not None and any(
            package.is_naked and package.state not in _STUCK
            for package in self.trader.kernel.state.live_packages()
        )

    def _beat_ns(self) -> int:
        """A second while anything may act; longer once faults are off and all is covered."""
        if not self._is_calm() or self.trader is None or self._is_naked():
            return NS_PER_S
        stuck = any(p.state in _STUCK for p in self.trader.kernel.state.live_packages())
        if self.theme is Theme.OVERDUE and self.now > OVERDUE_FROM_NS:
            return BEAT_HOUR_NS
        if self.theme is Theme.SLOW_CHAIN and self.now > 60 * NS_PER_S:
            return BEAT_SLOW_NS
        return BEAT_LONG_NS if stuck else BEAT_CALM_NS

    def _holds_anything(self) -> bool:
        """Whether a market that ends could still pay us, or concern a package."""
        assert self.trader is not None
        return bool(self.trader.kernel.state.live_packages()) or any(
            held.yes or held.no
            for venue in self.venues.values()
            for held in venue.exchange.positions(ACCOUNT).values()
        )

    def _is_still(self) -> bool:
        """Whether nothing under way, alive or due could move money or a package any more."""
        trader = self.trader
        if (
            self.may_open
            or trader is None
            or trader.is_paused
            or trader.kernel.state.orphans
            or self.flying
            or self.store.pending
            or self.store.is_down
        ):
            return False
        if not self.checkers.is_at_rest(trader):
            return False
        if any(p.state in _STUCK for p in trader.kernel.state.live_packages()):
            return False
        if self.markets.unsettled and self._holds_anything():
            return False
        for venue in self.venues.values():
            exchange = venue.exchange
            if venue.in_transit or exchange.live_orders() or exchange.next_due_ns() is not None:
                return False
        return True

    # --- the run ---------------------------------------------------------------------------

    def _heal_chain(self) -> None:
        """Trades made from now on become final, within half a minute."""
        clearing = self.venues[Venue.POLYMARKET].exchange.clearing
        assert clearing.rules.finality is not None
        sound = FinalitySettings(
            confirmed_min_ns=5 * NS_PER_S, confirmed_max_ns=30 * NS_PER_S, failed_ppm=0
        )
        clearing.rules = replace(clearing.rules, finality=sound)

    def run(self) -> SeedReport:
        self.start_trader()
        self.schedule(0, self.second)
        faulty = self.rng.randint(FAULTY_MIN_S, FAULTY_MAX_S) * NS_PER_S
        if self.theme is Theme.CLOGGED:
            faulty = CLOGGED_NS
        elif self.theme is Theme.QUICK_CHAIN:
            is_long = self.aim is sim_aims.Aim.EXIT
            faulty = sim_aims.EXIT_S * NS_PER_S if is_long else QUICK_NS
        elif self.theme is Theme.BY_HAND:
            faulty = BY_HAND_NS
            for market in self.markets.instruments:
                self.schedule(HAND_FIRST_NS, partial(self.disturber.trade_by_hand, market))
        self.run_until(faulty)
        self.swarm.is_quiet = True
        assert self.late is not None
        self.late.heal()
        self._heal_chain()
        self.aws_until = 0
        self.run_until(faulty + OPEN_ON_S * NS_PER_S)
        self.may_open = False
        self.give_config()
        heal = HEAL_OF.get(self.theme, HEAL_NS)
        for bound in (faulty + heal, faulty + heal + GRACE_NS):
            while self.now < bound and not self._is_over:
                self.run_until(min(bound, max(self.now + NS_PER_S, self.next_due())))
            if self._is_over or self.checkers.is_at_rest(self.trader):
                break
        return self.judge()

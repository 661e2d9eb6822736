"""Disturbances at the step in which a package enters a state: the cells of the table on purpose.

The moves of the package table say which events could strike a state; one of them is brought
about by its real cause (a venue that goes, a market that closes, a halt, a crash), at once or
some milliseconds later. Nothing is fed to the kernel that the world does not really do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Final

from shared.domain.enums import HaltReason, MarketStatus, Outcome, Side, TimeInForce, Venue
from shared.domain.events import (
    FeedStatus,
    Halt,
    HaltLifted,
    HaltTaken,
    LeaseSeen,
    MarketStatusChanged,
    SecondTicked,
)
from shared.domain.ids import MarketId, PackageId
from shared.domain.package import Package
from shared.domain.package_table import PACKAGE_TABLE, PackageEvent, PackageState
from shared.domain.units import MICROS, NS_PER_MS, NS_PER_S, PriceMicros, QtyMicros
from shared.drivers.sim_aims import EXIT_CLOG_S, PAID_AT, Aim
from shared.drivers.sim_coverage import Move
from shared.drivers.sim_records import ACCOUNT
from shared.exchange.orders import OrderRequest, Refused

if TYPE_CHECKING:
    from shared.drivers.sim_dense import DenseWorld

PE = PackageEvent
CHANCE: Final = 0.12
RARE_CHANCE: Final = 0.6
"""Of a disturbance at one move; more where packages seldom are."""
RARE: Final = frozenset(
    "planned leg1_cancelling leg2_cancelling retry_wait hedged settling exiting stuck_known"
    " stuck_unknown leg1_held confirm_unknown".split()
)
DELAYS_MS: Final = (0, 0, 1, 3, 20, 120, 400)
ACTOR: Final = "simulated operator"


class Disturber:
    """Strikes where packages are, with draws of its own."""

    def __init__(self, world: DenseWorld, rng: Random) -> None:
        self.world = world
        self.rng = rng
        self.is_on = rng.random() < 0.7
        self.causes: dict[PackageEvent, Callable[[Package], None]] = {
            PE.V_DOWN: self._drop_venue,
            PE.V_UP: self._blink_venue,
            PE.M_CLOSED: self._pause_market,
            PE.M_RESOLVED: self._resolve,
            PE.TICK: self._change_grid,
            PE.PAUSE: self._pause,
            PE.KILL: self._kill,
            PE.LEASE_LOST: self._lose_lease,
            PE.RESTART: self._crash,
        }
        assert world.lapses is not None
        if "bust" in world.lapses.enabled:
            self.causes[PE.S_FAIL] = self._bust
        if world.theme.value == "by_hand":
            self.is_on = True
            self.causes[PE.RECON_DIFF] = self._trade_by_hand

    def look(self, moves: list[Move]) -> None:
        """Perhaps disturb a package that has just moved."""
        if not self.is_on:
            return
        for move in moves:
            self._aim(move)
            chance = RARE_CHANCE if move.cell[2] in RARE else CHANCE
            if self.rng.random() >= chance:
                continue
            row = PACKAGE_TABLE.rows[PackageState(move.cell[2])]
            events = [event for event in self.causes if event in row.moves]
            if not events:
                continue
            event = self.rng.choice(events)
            if PE.RECON_DIFF in events and self.rng.random() < 0.5:
                event = PE.RECON_DIFF
            delay = self.rng.choice(DELAYS_MS) * NS_PER_MS
            self.world.schedule(delay, partial(self._strike, event, move.package_id))

    def _aim(self, move: Move) -> None:
        """What a seed that aims at something, or dwells on it, does at a move of its own."""
        world, entered = self.world, move.cell[2]
        if world.aim is Aim.PAID and entered in PAID_AT and self.rng.random() < 0.6:
            wait = self.rng.choice(DELAYS_MS) * NS_PER_MS
            world.schedule(wait, partial(self._strike, PE.M_RESOLVED, move.package_id))
        elif world.aim is Aim.EXIT and entered == "exiting" and self.rng.random() < 0.5:
            assert world.lapses is not None
            world.lapses.clog(EXIT_CLOG_S)
        elif world.theme.value == "by_hand" and entered == "retry_wait":
            # A second that comes at the very moment: what is overdue is booked now.
            world.deliver(NS_PER_MS, SecondTicked())

    def _strike(self, event: PackageEvent, package_id: PackageId) -> None:
        trader = self.world.trader
        if trader is None or trader.is_paused or self.world.swarm.is_quiet:
            return
        package = trader.kernel.state.packages.get(package_id)
        if package is not None:
            self.causes[event](package)

    def _count(self, key: str) -> None:
        self.world.swarm.count(key)

    # --- causes ----------------------------------------------------------------------------

    def _feed(self, venue: Venue, seconds: int, milliseconds: int = 0) -> None:
        """Cut one venue's feed; both ends are told at once."""
        world = self.world
        length = seconds * NS_PER_S + milliseconds * NS_PER_MS
        world.cut_until[venue] = world.now + length
        world.deliver(0, FeedStatus(venue, False, 3 * NS_PER_S, None, 0))
        world.schedule(length, partial(world.tell_feed, venue))
        self._count("k.ws.cut" if venue is Venue.KALSHI else "p.ws.cut")

    def _drop_venue(self, package: Package) -> None:
        self._feed(self.rng.choice(package.legs).venue, self.rng.randint(1, 6))

    def _blink_venue(self, package: Package) -> None:
        self._feed(self.rng.choice(package.legs).venue, 0, self.rng.choice((2, 30, 200, 900)))

    def _pause_market(self, package: Package) -> None:
        """A market stops trading for some seconds between the legs (F-028, F-029)."""
        world = self.world
        market = self.rng.choice(package.legs).market_id
        if not self._set_status(market, MarketStatus.PAUSED):
            return
        self._count("k.pause")
        back = self.rng.randint(1, 5) * NS_PER_S
        world.schedule(back, partial(self._reopen, market))

    def _reopen(self, market: MarketId) -> None:
        self._set_status(market, MarketStatus.ACTIVE)

    def _set_status(self, market: MarketId, status: MarketStatus) -> bool:
        world = self.world
        instrument = world.markets.instruments[market]
        open_ones = (MarketStatus.ACTIVE, MarketStatus.PAUSED)
        if instrument.status not in open_ones or instrument.status is status:
            return False
        exchange = world.venues[instrument.venue].exchange
        exchange.change_status(market, status, world.exchange_now())
        world.markets.instruments[market] = replace(instrument, status=status)
        world.deliver(0, MarketStatusChanged(market, status))
        return True

    def _resolve(self, package: Package) -> None:
        self.world.markets.resolve_now(package.pair_id, self.rng)
        self._count("k.close")

    def _change_grid(self, package: Package) -> None:
        assert self.world.extras is not None
        self.world.extras.change_grid(self.rng.choice(package.legs).market_id)
        self._count("tick_change")

    def _halt(self, halt: Halt) -> None:
        world = self.world
        world.deliver(0, HaltTaken(halt))
        length = self.rng.choice((50, 700, 2_500)) * NS_PER_MS
        world.schedule(length, partial(self._lift, halt.scope))

    def _lift(self, scope: str) -> None:
        """The person lifts it in whichever process lives; one that starts later reads it."""
        world = self.world
        if world.trader is None:
            world.schedule(NS_PER_S, partial(self._lift, scope))
            return
        world.deliver(0, HaltLifted(scope, ACTOR, "drill over"))

    def _pause(self, package: Package) -> None:
        self._halt(Halt("global", HaltReason.OPERATOR, ACTOR, self.world.wall()))
        self._count("halt")

    def _kill(self, package: Package) -> None:
        halt = Halt("global", HaltReason.FREEZE, ACTOR, self.world.wall(), is_freeze=True)
        self._halt(halt)
        self._count("halt")

    def _lose_lease(self, package: Package) -> None:
        """The lease cannot be renewed and is given up; the next renewal takes it again."""
        world = self.world
        trader = world.trader
        assert trader is not None
        trader.lease_until = world.now
        world.checkers.lease_truth[trader.epoch] = world.now
        world.deliver(0, LeaseSeen(world.store.epoch, 0))
        self._count("aws.down")

    def _trade_by_hand(self, package: Package) -> None:
        """A person buys some contracts of a leg's market in our account (F-064)."""
        self.trade_by_hand(self.rng.choice(package.legs).market_id)

    def trade_by_hand(self, market: MarketId) -> None:
        world = self.world
        venue = world.venues[world.markets.instruments[market].venue]
        book = venue.exchange.book(market)
        outcome = self.rng.choice(list(Outcome))
        levels = book.asks if outcome is Outcome.YES else book.bids
        if not levels:
            return
        price = levels[0][0] if outcome is Outcome.YES else PriceMicros(MICROS - levels[0][0])
        qty = QtyMicros(self.rng.randint(5, 9) * MICROS)
        request = OrderRequest(ACCOUNT, market, outcome, Side.BUY, price, qty, TimeInForce.IOC)
        done = venue.exchange.submit(request, world.exchange_now())
        if not isinstance(done, Refused) and (done.qty_filled or done.is_live):
            world.checkers.truth.note_foreign(market, qty)
            self._count("foreign_fill")

    def _bust(self, package: Package) -> None:
        """Kalshi takes one of the package's trades back (F-032)."""
        assert self.world.lapses is not None
        kalshi = self.world.venues[Venue.KALSHI]
        trades = [
            fill.trade_id
            for attempt in package.attempts.values()
            for fill in attempt.fills.values()
            if fill.venue is Venue.KALSHI
        ]
        if trades:
            self.world.lapses.bust(kalshi, self.rng.choice(trades))
            self._count("k.bust")

    def _crash(self, package: Package) -> None:
        self.world.kill_trader()

"""The live kernel over recorded books, in virtual time, against a stated fill model.

The same kernel, order path and checkers as in simulation; only the books are a tape's and
nothing is broken on purpose. Between two rows of the tape, while nothing is open, under
way or due, time is skipped: the seconds in between could not act, because a book that was
not proved fresh opens nothing. ``skip=False`` ticks through every second, for the proof.
Twin: tests/unit/shared/services/test_backtest.py
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Final

from shared.domain.config import Config
from shared.domain.enums import Venue
from shared.domain.events import (
    BookProved,
    BookReplaced,
    ConfigChanged,
    EventBody,
    FeedStatus,
    LeaseSeen,
    PairsChanged,
    RecoveryFinished,
    SecondTicked,
    StateLoaded,
)
from shared.domain.ids import MarketId, PairId, venue_of
from shared.domain.instrument import Instrument
from shared.domain.pairing import MatchedPair
from shared.domain.units import NS_PER_MS, NS_PER_S, PriceMicros, QtyMicros, UsdMicros
from shared.drivers.checkers import Checkers, Violation
from shared.drivers.sim_faults import Swarm
from shared.drivers.sim_store import SimStore
from shared.drivers.sim_trader import SimTrader
from shared.drivers.sim_venue import ACCOUNT
from shared.drivers.tape_venue import Levels, TapeVenue
from shared.engine.kernel import Kernel
from shared.exchange.fill_model import Depletion, LatencySettings
from shared.exchange.matching_core import Exchange
from shared.exchange.venue_rules import KALSHI_RULES, POLYMARKET_RULES, FinalitySettings

WARM_NS: Final = 5 * NS_PER_S
"""From the start of the process to the first row."""
LEAD_S: Final = 1
"""Seconds before a row that are ticked through again."""
SETTLE_NS: Final = 180 * NS_PER_S
"""After the last row: what is open is worked off and becomes final."""


@dataclass(frozen=True, slots=True)
class BookRow:
    """One book as a recorder received it. ``levels`` are bids and asks in YES terms."""

    wall_ns: int
    market_id: MarketId
    bids: Levels
    asks: Levels


@dataclass(frozen=True, slots=True)
class BacktestSettings:
    """Everything that is assumed about the world; all of it is printed with the result."""

    seed: int = 1
    latency: LatencySettings = LatencySettings()
    feed_ns: int = 20 * NS_PER_MS
    """From the venue's book to our kernel, one way."""
    fresh_ns: int = 0
    """A row proves its books for this long (polled tapes); 0: by its own arrival only."""
    recovery_ns: int = 5 * NS_PER_S
    finality: FinalitySettings = FinalitySettings()
    cash_usd: UsdMicros = UsdMicros(5_000_000_000)
    commit_ns: int = 2 * NS_PER_MS


@dataclass(slots=True)
class BacktestRun:
    """What came of it, in the rows of the record."""

    events: int = 0
    rows: int = 0
    seconds_skipped: int = 0
    packages: list[dict[str, Any]] = field(default_factory=list)
    orders: list[dict[str, Any]] = field(default_factory=list)
    fills: list[dict[str, Any]] = field(default_factory=list)
    ledger_sum: int = 0
    best_edge_micros: dict[PairId, int] = field(default_factory=dict)
    """Best net edge a contract that was shown, per pair, fillable or not."""
    chance_ppm: dict[str, int] = field(default_factory=dict)
    """Package to the hedge completion probability that it was opened under."""
    profit_usd: dict[str, int] = field(default_factory=dict)
    """Package to its result: realised where it ended, else a dollar for every pair of legs
    that it holds, less what it cost."""
    violations: list[Violation] = field(default_factory=list)


class Backtest:
    """One run over one tape."""

    def __init__(
        self,
        rows: Sequence[BookRow],
        pairs: Sequence[MatchedPair],
        instruments: Sequence[Instrument],
        *,
        config: Config,
        settings: BacktestSettings,
        skip: bool = True,
    ) -> None:
        assert rows, "a tape has at least one row"
        assert all(a.wall_ns <= b.wall_ns for a, b in itertools.pairwise(rows))
        self._rows = rows
        self._pairs = tuple(pairs)
        self._instruments = tuple(instruments)
        self._config = config
        self._settings = settings
        self._skip = skip
        self._origin = rows[0].wall_ns - WARM_NS
        self._now = 0
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._count = 0
        self._next_second = 0
        self._seen: dict[MarketId, int] = {}
        self._store = SimStore(epoch=1)
        self._venues = {venue: self._venue(venue) for venue in self._venue_set()}
        self._checkers = Checkers(self._venues)  # type: ignore[arg-type]
        self._trader = self._make_trader()
        self.run_ = BacktestRun()

    def _venue_set(self) -> list[Venue]:
        return sorted({i.venue for i in self._instruments}, key=lambda venue: venue.value)

    def _venue(self, venue: Venue) -> TapeVenue:
        rules = KALSHI_RULES
        if venue is not Venue.KALSHI:
            rules = replace(POLYMARKET_RULES, finality=self._settings.finality)
        exchange = Exchange(rules, self._settings.seed)
        exchange.deposit(ACCOUNT, self._settings.cash_usd)
        for instrument in self._instruments:
            if instrument.venue is venue:
                exchange.list_market(instrument, self._origin)
        return TapeVenue(
            venue,
            exchange,
            Swarm(Random(0), frozenset()),
            Random(0),
            self._schedule,
            self._deliver,
            self._wall,
            seed=self._settings.seed,
            times=self._settings.latency,
            depletion=Depletion(self._settings.recovery_ns),
        )

    def _make_trader(self) -> SimTrader:
        return SimTrader(
            Kernel("backtest"),
            1,
            self._store,
            self._venues,  # type: ignore[arg-type]
            self._schedule,
            lambda: self._now,
            self._wall,
            self._checkers,
            self._publish,
            epoch=1,
            on_moves=lambda moves: self._note_chances(),
        )

    # --- time ------------------------------------------------------------------------------

    def _wall(self) -> int:
        return self._origin + self._now

    def _schedule(self, delay: int, action: Callable[[], None]) -> None:
        assert delay >= 0
        self._count += 1
        heapq.heappush(self._heap, (self._now + delay, self._count, action))

    def _deliver(self, delay: int, body: EventBody) -> None:
        self._schedule(delay, lambda: self._trader.give(body))

    def _run_until(self, end: int) -> None:
        """Let everything due happen, a second's tick between the others where one is needed."""
        while True:
            due = self._heap[0][0] if self._heap else end + 1
            if self._next_second <= min(due, end):
                self._now = max(self._now, self._next_second)
                self._second()
                self._next_second = self._now + NS_PER_S
                continue
            if due > end:
                break
            self._now, _, action = heapq.heappop(self._heap)
            action()
        self._now = end

    def _is_idle(self, until: int) -> bool:
        """Whether no second before ``until`` could act: nothing open, under way or due."""
        if self._heap and self._heap[0][0] <= until:
            return False
        if any(venue.in_transit for venue in self._venues.values()):
            return False
        return not any(p.is_naked or not p.all_fills_final() for p in _live(self._trader))

    # --- what happens ----------------------------------------------------------------------

    def _second(self) -> None:
        self._trader.lease_until = self._now + 30 * NS_PER_S
        self._checkers.lease_truth[1] = self._trader.lease_until
        self._trader.give(LeaseSeen(1, self._trader.lease_until))
        for venue in self._venues.values():
            venue.exchange.advance(self._wall())
            self._trader.give(FeedStatus(venue.venue, True, 50 * NS_PER_MS, 20 * NS_PER_MS, 0))
            self._trader.give(venue.snapshot())
        if self._settings.fresh_ns:
            for market, seen in self._seen.items():
                if self._now - seen <= self._settings.fresh_ns:
                    self._trader.give(BookProved(market))
        self._store.flush(1 << 30)
        self._trader.give(SecondTicked())

    def _publish(self, market: MarketId) -> None:
        """The book of a market reaches the kernel after the feed's latency."""
        bids, asks = self._venues[venue_of(market)].books.get(market, ({}, {}))
        body = BookReplaced(market, _levels(bids), _levels(asks), self._wall())
        self._deliver(self._settings.feed_ns, body)

    def _row(self, row: BookRow) -> None:
        self.run_.rows += 1
        self._seen[row.market_id] = self._now
        self._venues[venue_of(row.market_id)].show(row.market_id, row.bids, row.asks)
        self._publish(row.market_id)
        if self._settings.fresh_ns:
            for market, seen in self._seen.items():
                if market != row.market_id and self._now - seen <= self._settings.fresh_ns:
                    self._deliver(self._settings.feed_ns, BookProved(market))
        self._schedule(self._settings.feed_ns, self._note_edges)

    def _note_edges(self) -> None:
        best = self.run_.best_edge_micros
        for pair_id, view in self._trader.kernel.state.pairs.items():
            if view.best_micros is not None:
                best[pair_id] = max(best.get(pair_id, view.best_micros), view.best_micros)

    def _note_chances(self) -> None:
        """Keep the hedge completion probability that each package was opened under."""
        state = self._trader.kernel.state
        for package in state.live_packages():
            view = state.pairs.get(package.pair_id)
            if view is not None and view.hedge_ppm is not None:
                self.run_.chance_ppm.setdefault(package.package_id, view.hedge_ppm)

    def run(self, progress: Callable[[int], None] = lambda rows: None) -> BacktestRun:
        """Go through the tape; ``progress`` hears the rows done, now and then."""
        trader = self._trader
        trader.give(StateLoaded(self._store.recovered("paper_sim-1", 1)))
        trader.give(ConfigChanged(self._config))
        trader.give(PairsChanged(self._pairs, self._instruments))
        self._second()
        self._next_second = NS_PER_S
        trader.give(RecoveryFinished())
        for index, row in enumerate(self._rows):
            at = row.wall_ns - self._origin
            self._run_until(max(self._now, min(at, self._idle_from())))
            if self._skip and self._is_idle(at) and at - self._now > 2 * NS_PER_S:
                # On the same beat as without skipping, so that both see the same seconds.
                whole = max(0, (at - self._next_second) // NS_PER_S - LEAD_S)
                self.run_.seconds_skipped += whole
                self._next_second += whole * NS_PER_S
            self._run_until(at)
            self._row(row)
            if index % 1_000 == 0:
                progress(index)
        self._run_until(self._now + SETTLE_NS)
        return self._finish()

    def _idle_from(self) -> int:
        """Where skipping may begin: after what the last row started has had its time."""
        return self._now + 2 * NS_PER_S

    def _finish(self) -> BacktestRun:
        run = self.run_
        run.events = self._trader.steps
        run.packages = self._store.all_rows("packages")
        run.orders = self._store.all_rows("orders")
        run.fills = self._store.all_rows("fills")
        run.ledger_sum = self._trader.kernel.state.ledger.total()
        run.violations = list(self._checkers.violations)
        for row in run.packages:
            if row["realised_usd_micros"] is not None:
                run.profit_usd[row["package_id"]] = int(row["realised_usd_micros"])
        for package in _live(self._trader):
            matched = max(0, min(package.net(0), package.net(1)))
            run.profit_usd[package.package_id] = matched + package.cash_usd
        return run


def _live(trader: SimTrader) -> list[Any]:
    return list(trader.kernel.state.live_packages())


def _levels(levels: Levels) -> tuple[tuple[PriceMicros, QtyMicros], ...]:
    return tuple((PriceMicros(price), QtyMicros(qty)) for price, qty in levels.items())


def in_order(rows: Iterable[BookRow]) -> list[BookRow]:
    """Return rows sorted by receive time; ties keep the order given."""
    return sorted(rows, key=lambda row: row.wall_ns)

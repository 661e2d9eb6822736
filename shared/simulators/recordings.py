"""The world as it was recorded: real objects, real full-depth books, real tapes.

Nothing is invented but what ``assumptions`` says. Full-depth books are shown one capture
at a time (both venues of one day together), each for ``SHOW_NS``. After the first round
every tape plays its touches at the chosen speed, each venue at its own receive times, and
starts over when it ends; markets without a tape go on with the captures.
Rule: between two recorded moments both venues show nothing for ``BLANK_NS``, so that a
      book of one moment never stands against a book of another.
Nothing settles: the recordings end before any of these markets does.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from shared.domain.enums import MarketStatus, Venue
from shared.domain.ids import MarketId, native_of, venue_of
from shared.domain.ids import market_id as derive_market_id
from shared.domain.units import NS_PER_MS, NS_PER_S
from shared.drivers.tapes import ASSUMED_SIZE, Tape, Touch, read_tapes
from shared.exchange.matching_core import Exchange
from shared.simulators.catalogue import SimEvent, SimMarket, parse_rfc3339
from shared.simulators.recorded_objects import (
    Book,
    RecordedCatalogue,
    kalshi_event_object,
    kalshi_series_listing,
    kalshi_series_object,
    kalshi_sim_market,
    load_catalogue,
    polymarket_event_object,
    polymarket_sim_market,
    series_of,
)
from shared.simulators.world import World

REFERENCE: Final = "2026-07-04T15:00:00Z"
"""The recorded moment that is shown as the start: before it every market was open."""
SHOW_NS: Final = 60 * NS_PER_S
BLANK_NS: Final = 3 * NS_PER_S


@dataclass(slots=True)
class _Reel:
    """One tape being played: its touches in receive order and where it stands."""

    name: str
    touches: list[tuple[int, MarketId, Touch]]
    length_ns: int
    loop_start_ns: int = 0
    position: int = 0


class Recordings:
    """A ``LifeSource`` over a folder of recordings; see the module docstring."""

    name = "recordings"

    def __init__(
        self, catalogue: RecordedCatalogue, tapes: Sequence[Tape], speed: float, shift_ns: int
    ) -> None:
        assert speed > 0
        self._catalogue = catalogue
        self._tapes = tapes
        # Speed as a ratio of integers, so that times stay exact.
        self._slow, self._fast = 1_000_000, round(speed * 1_000_000)
        self._shift_ns = shift_ns
        self._world: World | None = None
        self._books: dict[MarketId, Book] = {}
        self._reels: list[_Reel] = []
        self._rounds: list[list[MarketId]] = []
        self._round = 0
        self._round_due_ns = 0
        self._is_shown = False
        self._tapes_start_ns = 0
        self._closes: list[tuple[int, MarketId]] = []
        self.assumptions: Sequence[str] = self._tell(speed)

    def _tell(self, speed: float) -> list[str]:
        days = self._shift_ns / (86_400 * NS_PER_S)
        lines = [
            f"All recorded times are moved by a constant {days:.2f} days, so that markets"
            " are open; dates inside rule texts stay as they were.",
            f"Tapes play at {speed:g} times real time and loop; positions outlive a loop.",
            "Venues were polled one after the other; each side appears at its own receive time,"
            " and an edge inside that skew is not fillable profit.",
            "Full-depth books are shown one capture day at a time, not one second at a time: an"
            " edge between them may never have stood. Kalshi's undated books are taken to be of"
            " the first capture after their object's last edit.",
            "A tape has the touch only: during a tape a book is one level a side.",
            "Fees come from the recorded objects and series list, else from the fee schedule of"
            " July 2026; no recorded market settles.",
        ]
        for tape in self._tapes:
            if not tape.has_sizes:
                lines.append(
                    f"{tape.name}: sizes were not recorded; {ASSUMED_SIZE // 1_000_000} contracts"
                    " are assumed at each touch."
                )
        return lines + self._catalogue.assumptions

    # --- LifeSource ----------------------------------------------------------------------

    def start(self, world: World, now_ns: int) -> None:
        self._world = world
        self._list_kalshi(world, now_ns)
        self._list_polymarket(world, now_ns)
        days = sorted(set(self._catalogue.captures.values()))
        by_day: dict[int, list[MarketId]] = {day: [] for day in days}
        for market_id in self._books:
            by_day[self._catalogue.captures[native_of(market_id)]].append(market_id)
        self._rounds = [by_day[day] for day in days]
        self._round_due_ns = now_ns
        self._tapes_start_ns = now_ns + len(days) * (SHOW_NS + BLANK_NS)
        for tape in self._tapes:
            reel = self._reel(tape)
            if reel is not None:
                reel.loop_start_ns = self._tapes_start_ns
                self._reels.append(reel)
        self._closes.sort()

    def next_due_ns(self) -> int | None:
        dues = [self._due(reel) for reel in self._reels]
        if self._closes:
            dues.append(self._closes[0][0])
        if self._rounds:
            dues.append(self._round_due_ns)
        return min(dues, default=None)

    def step(self, now_ns: int) -> None:
        while self._closes and self._closes[0][0] <= now_ns:
            at_ns, market_id = self._closes.pop(0)
            self._exchange_of(market_id).change_status(market_id, MarketStatus.CLOSED, at_ns)
        while True:
            reel = min(self._reels, key=self._due, default=None)
            reel_ns = self._due(reel) if reel is not None else now_ns + 1
            round_ns = self._round_due_ns if self._rounds else now_ns + 1
            if min(reel_ns, round_ns) > now_ns:
                return
            if reel is not None and reel_ns < round_ns:
                self._play(reel, reel_ns)
            else:
                self._turn(round_ns)

    def recall(self, market_ids: Sequence[MarketId]) -> None:
        """Every recorded market is always listed; there is nothing to recall."""

    # --- playing ---------------------------------------------------------------------------

    def _due(self, reel: _Reel) -> int:
        if reel.position == len(reel.touches):
            offset_ns = reel.length_ns + NS_PER_S
        else:
            offset_ns = reel.touches[reel.position][0]
        return reel.loop_start_ns + BLANK_NS + offset_ns * self._slow // self._fast

    def _play(self, reel: _Reel, at_ns: int) -> None:
        """Show the next touch, or begin the tape's next loop on blank books."""
        if reel.position == len(reel.touches):
            reel.loop_start_ns, reel.position = at_ns, 0
            for market_id in sorted({market for _, market, _ in reel.touches}):
                self._show(market_id, {}, {}, at_ns)
            return
        _, market_id, touch = reel.touches[reel.position]
        reel.position += 1
        bids = dict([touch.bid]) if touch.bid else {}
        asks = dict([touch.ask]) if touch.ask else {}
        self._show(market_id, bids, asks, at_ns)

    def _turn(self, at_ns: int) -> None:
        """Show one capture's books, or clear them before the next one."""
        markets = self._rounds[self._round % len(self._rounds)]
        if at_ns >= self._tapes_start_ns:
            taped = {market for reel in self._reels for _, market, _ in reel.touches}
            markets = [market for market in markets if market not in taped]
        for market_id in markets:
            bids, asks = self._books[market_id] if not self._is_shown else ({}, {})
            self._show(market_id, bids, asks, at_ns)
        if self._is_shown:
            self._round += 1
        self._round_due_ns = at_ns + (BLANK_NS if self._is_shown else SHOW_NS)
        self._is_shown = not self._is_shown

    def _show(
        self, market_id: MarketId, bids: dict[int, int], asks: dict[int, int], at_ns: int
    ) -> None:
        exchange = self._exchange_of(market_id)
        market = exchange.market(market_id)
        if market is not None and market.status is MarketStatus.ACTIVE:
            exchange.set_book(market_id, bids, asks, at_ns)

    def _reel(self, tape: Tape) -> _Reel | None:
        """Join the tape's ids to listed markets; unknown ones are not played."""
        touches: list[tuple[int, MarketId, Touch]] = []
        start_ms = tape.start_ms
        for touch in tape.kalshi:
            if touch.native_id in self._catalogue.kalshi:
                market = derive_market_id(Venue.KALSHI, touch.native_id)
                touches.append(((touch.at_ms - start_ms) * NS_PER_MS, market, touch))
        conditions: dict[str, str | None] = {}
        for touch in tape.polymarket:
            if touch.native_id not in conditions:
                conditions[touch.native_id] = self._catalogue.condition_of(touch.native_id)
            condition = conditions[touch.native_id]
            if condition is not None:
                market = derive_market_id(Venue.POLYMARKET, condition)
                touches.append(((touch.at_ms - start_ms) * NS_PER_MS, market, touch))
        touches.sort(key=lambda item: (item[0], item[1]))
        if not touches:
            return None
        return _Reel(tape.name, touches, (tape.end_ms - start_ms) * NS_PER_MS)

    # --- listing ---------------------------------------------------------------------------

    def _list_kalshi(self, world: World, now_ns: int) -> None:
        for ticker, raw in sorted(self._catalogue.kalshi.items()):
            series = kalshi_series_object(series_of(ticker), self._catalogue)
            market = kalshi_sim_market(raw, series, self._shift_ns)
            world.add_series(kalshi_series_listing(series))
            self._add(world, market, kalshi_event_object(market, series), now_ns)
            if ticker in self._catalogue.kalshi_books:
                self._books[market.market_id] = self._catalogue.kalshi_books[ticker]

    def _list_polymarket(self, world: World, now_ns: int) -> None:
        for condition, raw in sorted(self._catalogue.polymarket.items()):
            market = polymarket_sim_market(raw, self._shift_ns)
            self._add(world, market, polymarket_event_object(market), now_ns)
            if condition in self._catalogue.polymarket_books:
                self._books[market.market_id] = self._catalogue.polymarket_books[condition]

    def _add(self, world: World, market: SimMarket, event: SimEvent | None, now_ns: int) -> None:
        if event is not None:
            known = world.event(event.venue, event.event_id)
            if known is not None:
                event = replace(known, market_ids=(*known.market_ids, market.market_id))
            world.add_event(event)
        is_open = market.close_ns > now_ns
        status = MarketStatus.ACTIVE if is_open else MarketStatus.CLOSED
        world.add_market(market, now_ns, status=status)
        if is_open:
            self._closes.append((market.close_ns, market.market_id))

    def _exchange_of(self, market_id: MarketId) -> Exchange:
        assert self._world is not None, "start() was not called"
        return self._world.exchanges[venue_of(market_id)]


def open_recordings(
    root: Path, speed: float, *, anchor_file: Path | None = None, now_ns: int | None = None
) -> Recordings:
    """Load a folder of recordings as a source of life.

    ``anchor_file`` keeps the shift of times over restarts, so that close times of listed
    markets do not move under a pair that was confirmed.

    Raises:
        OSError: the folder or its snapshot is not there.
    """
    tapes = read_tapes(root / "books")
    tickers = {touch.native_id for tape in tapes for touch in tape.kalshi}
    tokens = {touch.native_id.removeprefix("token:") for tape in tapes for touch in tape.polymarket}
    catalogue = load_catalogue(root, tickers, tokens)
    return Recordings(catalogue, tapes, speed, _shift(anchor_file, now_ns))


def _shift(anchor_file: Path | None, now_ns: int | None) -> int:
    if anchor_file is not None and anchor_file.exists():
        return int(json.loads(anchor_file.read_text())["shift_ns"])
    start_ns = time.time_ns() if now_ns is None else now_ns
    shift_ns = start_ns - start_ns % (3_600 * NS_PER_S) - parse_rfc3339(REFERENCE)
    if anchor_file is not None:
        anchor_file.parent.mkdir(parents=True, exist_ok=True)
        anchor_file.write_text(json.dumps({"shift_ns": shift_ns}))
    return shift_ns

"""Faults that strike with the clock: cut sockets, pauses, edits, bursts, strangers.

``step`` is called with every step of the world; each key that is open has one occasion a
step. A window's ``only`` names the market, else one is drawn from the seed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from shared.domain.enums import BookSide, MarketStatus, Outcome, Side, TimeInForce, Venue
from shared.domain.ids import MarketId
from shared.domain.units import MICROS, NS_PER_S, PriceMicros, QtyMicros
from shared.exchange.fault_plan import FaultSwitches, FaultWindow
from shared.exchange.matching_core import Exchange
from shared.exchange.orders import OrderRequest
from shared.exchange.seeded import draw, draw_below, stream_key

if TYPE_CHECKING:
    from shared.simulators.world import World

EASTERN: Final = ZoneInfo("America/New_York")
CENT: Final = 10_000
CUTS: Final = (
    (Venue.KALSHI, "k.ws.cut"),
    (Venue.POLYMARKET, "p.ws.cut"),
    (Venue.POLYMARKET_US, "u.ws.cut"),
)
BURST_MAX: Final = 2_000
"""Most level changes of one step: a step that fell behind does not make up for hours."""


class WorldFaults:
    """The clock's own faults of one world."""

    def __init__(self, world: World, faults: FaultSwitches) -> None:
        self._world, self._faults = world, faults
        self._seed = world.seed
        self._draws = 0
        self._burst_ns = 0
        self._paused: set[int] = set()
        self.edited: list[Callable[[MarketId], None]] = []
        """Told of every market whose texts were edited."""

    def step(self, now_ns: int) -> None:
        if not self._faults.is_on and not self._paused:
            return
        for venue, key in CUTS:
            if self._faults.fires(key, now_ns):
                self._world.drop_connections(venue)
        self._pause(now_ns)
        self._burst(now_ns)
        for key, strike in (
            ("p.fee", self._change_fee),
            ("metadata_updated", self._edit),
            ("bait", self._bait),
            ("foreign_fill", self._trade_as_stranger),
        ):
            if window := self._hit(key, now_ns):
                strike(window, now_ns)

    def _hit(self, key: str, now_ns: int) -> FaultWindow | None:
        """Draw a clock occasion; what the window names is its target, not a filter."""
        window = self._faults.open_window(key, now_ns)
        return window and self._faults.hit(key, now_ns, window.only)

    def _pick(self, window: FaultWindow, now_ns: int) -> tuple[Exchange, MarketId] | None:
        """Return the market that a window names, else an active one drawn from the seed."""
        exchanges: Mapping[Venue, Exchange] = self._world.exchanges
        own = Venue.POLYMARKET if window.key.startswith("p.") else None
        venues = [venue for venue in exchanges if own in (None, venue)]
        active = [
            (exchanges[market.venue], market.market_id)
            for venue in venues
            for market in self._world.markets(venue)
            if market.close_ns > now_ns
            and (
                not window.only or window.only in (market.native_id, market.market_id, venue.value)
            )
            and (state := exchanges[market.venue].market(market.market_id)) is not None
            and state.status is MarketStatus.ACTIVE
        ]
        if not active:
            return None
        self._draws += 1
        return active[draw_below(stream_key(self._seed, window.key), self._draws, len(active))]

    # --- pauses ------------------------------------------------------------------------------

    def is_exchange_paused(self, now_ns: int) -> bool:
        window = self._faults.open_window("k.pause", now_ns)
        return window is not None and window.shape in ("exchange", "maintenance")

    def _pause(self, now_ns: int) -> None:
        """Keep the shards paused that the fault pauses now, and no others of its own."""
        exchange = self._world.exchanges[Venue.KALSHI]
        wanted: set[int] = set()
        window = self._faults.open_window("k.pause", now_ns)
        if window is not None:
            every = {m.instrument.shard for m in self._world.markets(Venue.KALSHI)} | {0}
            is_over = window.shape == "thursday" and not is_thursday_pause(now_ns)
            if window.shape == "shard":
                wanted = {window.size}
            elif not is_over:
                wanted = every
        if wanted - self._paused:
            self._faults.fires("k.pause", now_ns)
        exchange.paused_shards -= self._paused - wanted
        exchange.paused_shards |= wanted
        self._paused = wanted

    # --- books -------------------------------------------------------------------------------

    def _burst(self, now_ns: int) -> None:
        """Move levels as often as the window says, spread over all open markets."""
        window = self._faults.open_window("burst", now_ns)
        if window is None:
            self._burst_ns = 0
            return
        since = self._burst_ns or max(window.from_ns, now_ns - NS_PER_S // 20)
        count = min(BURST_MAX, (now_ns - since) * window.size // NS_PER_S)
        if count == 0:
            return
        self._burst_ns = now_ns
        self._faults.fires("burst", now_ns)
        for _ in range(count):
            picked = self._pick(window, now_ns)
            if picked is None:
                return
            exchange, market = picked
            roll = draw(stream_key(self._seed, "burst"), self._draws)
            side = BookSide.BID if roll & 1 else BookSide.ASK
            levels = exchange.book(market).bids if roll & 1 else exchange.book(market).asks
            if not levels:
                continue
            price = levels[(roll >> 1) % len(levels)][0]
            size = QtyMicros((roll >> 8) % 5_000 * MICROS // 100 * 100 + MICROS)
            exchange.set_level(market, side, price, size, now_ns)

    def _bait(self, window: FaultWindow, now_ns: int) -> None:
        """Show one contract's worth of liquidity far inside the book (F-097)."""
        picked = self._pick(window, now_ns)
        if picked is None:
            return
        exchange, market = picked
        book = exchange.book(market)
        if not book.asks:
            return
        floor = book.bids[0][0] + CENT if book.bids else CENT
        price = max(floor, book.asks[0][0] - window.size * CENT)
        exchange.set_level(market, BookSide.ASK, PriceMicros(price), QtyMicros(5 * MICROS), now_ns)

    # --- what markets are ----------------------------------------------------------------------

    def _change_fee(self, window: FaultWindow, now_ns: int) -> None:
        """Charge another taker rate; the market objects say so from now on (F-052)."""
        picked = self._pick(window, now_ns)
        market = self._world.find(picked[1]) if picked else None
        if picked is None or market is None:
            return
        exchange, key = picked
        state = exchange.market(key)
        assert state is not None
        exchange.change_fees(key, replace(state.instrument.fees, rate_ppm=window.size), now_ns)
        schedule = dict(market.raw.get("feeSchedule") or {"exponent": 1, "takerOnly": True})
        market.raw["feeSchedule"] = {**schedule, "rate": window.size / 1_000_000}

    def _edit(self, window: FaultWindow, now_ns: int) -> None:
        """Edit a market's rule text (F-100)."""
        picked = self._pick(window, now_ns)
        market = self._world.find(picked[1]) if picked else None
        if market is None:
            return
        field = "rules_secondary" if market.venue is Venue.KALSHI else "description"
        market.raw[field] = f"{market.raw.get(field, '')} Clarification {self._draws}."
        for tell in self.edited:
            tell(market.market_id)

    # --- accounts ------------------------------------------------------------------------------

    def _trade_as_stranger(self, window: FaultWindow, now_ns: int) -> None:
        """Buy YES at the market in the first account that can (F-064)."""
        picked = self._pick(replace(window, only=""), now_ns)
        if picked is None:
            return
        exchange, market = picked
        book = exchange.book(market)
        names = [window.only] if window.only else exchange.clearing.accounts.names()
        if not book.asks or not names:
            return
        exchange.submit(
            OrderRequest(
                account=sorted(names)[0],
                market_id=market,
                outcome=Outcome.YES,
                side=Side.BUY,
                price_limit=book.asks[0][0],
                qty=QtyMicros(window.size * MICROS),
                tif=TimeInForce.IOC,
            ),
            now_ns,
        )


def is_thursday_pause(now_ns: int) -> bool:
    """Say whether it is Thursday 03:00 to 05:00 in New York (KALSHI 8)."""
    there = datetime.fromtimestamp(now_ns / NS_PER_S, EASTERN)
    return there.weekday() == 3 and 3 <= there.hour < 5

"""Markets of an exchange: listing, the crowd's book, statuses, results.

A layer of ``matching_core.Exchange``. Rule: what vanishes from a book goes before what is
added, so that a moving market never looks crossed to a listener.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from shared.domain.enums import BookSide, MarketStatus
from shared.domain.ids import MarketId, native_of
from shared.domain.instrument import FeeSchedule, Instrument, PriceRange
from shared.domain.units import MICROS, NS_PER_MS, PriceMicros, QtyMicros
from shared.exchange.corrections import amend
from shared.exchange.exchange_state import OPEN_STATUSES, ExchangeMarket
from shared.exchange.happenings import InstrumentMoved, MarketMoved
from shared.exchange.ladder import Ladder
from shared.exchange.order_matching import OrderMatching


class MarketLife(OrderMatching):
    """What happens to whole markets; nothing here is an account's doing."""

    # --- markets and the crowd -----------------------------------------------------------

    def list_market(
        self, instrument: Instrument, now_ns: int, status: MarketStatus = MarketStatus.ACTIVE
    ) -> None:
        """Add a market, or replace the instrument of one that is listed."""
        known = self._markets.get(instrument.market_id)
        if known is not None:
            known.instrument = instrument
            return
        self._markets[instrument.market_id] = ExchangeMarket(
            instrument, status, Ladder(), changed_ns=now_ns
        )
        self._emit(MarketMoved(instrument.market_id, status, now_ns, is_new=True))

    def set_level(
        self, market_id: MarketId, side: BookSide, price: PriceMicros, qty: QtyMicros, now_ns: int
    ) -> None:
        """Make the crowd's quantity at a YES price ``qty``; crossing orders of ours trade first."""
        market = self._markets[market_id]
        wanted = int(qty)
        if wanted > 0 and market.ladder.crosses(side, price):
            wanted = self._crowd_takes(market, side, price, wanted, now_ns)
        delta = market.ladder.set_crowd(side, price, wanted)
        if delta:
            self._level_moved(market, side, price, delta, now_ns, None)

    def set_book(
        self,
        market_id: MarketId,
        bids: Mapping[int, int],
        asks: Mapping[int, int],
        now_ns: int,
    ) -> None:
        """Make the crowd's whole book equal to ``bids`` and ``asks`` (price -> quantity).

        What vanishes is removed before anything is added, so that a moving market never
        looks crossed to a listener.
        """
        assert not bids or not asks or max(bids) < min(asks), (market_id, max(bids), min(asks))
        ladder = self._markets[market_id].ladder
        for side, wanted in ((BookSide.BID, bids), (BookSide.ASK, asks)):
            for price, _ in ladder.levels(side):
                if ladder.crowd_total(side, price) > wanted.get(price, 0):
                    level = QtyMicros(wanted.get(price, 0))
                    self.set_level(market_id, side, PriceMicros(price), level, now_ns)
        for side, wanted in ((BookSide.BID, bids), (BookSide.ASK, asks)):
            for price, qty in wanted.items():
                if qty > ladder.crowd_total(side, price):
                    self.set_level(market_id, side, PriceMicros(price), QtyMicros(qty), now_ns)

    def change_status(
        self,
        market_id: MarketId,
        status: MarketStatus,
        now_ns: int,
        payout: PriceMicros | None = None,
    ) -> None:
        """Move a market through its life; DETERMINED needs the payout, SETTLED pays it."""
        market = self._markets[market_id]
        if market.status is status:
            return
        if self.faults.is_on and payout is not None:
            payout = self._strike_result(market_id, payout, now_ns)
        if payout is not None:
            assert market.payout in (None, payout), "a result is amended by amend_payout"
            market.payout = payout
        market.status = status
        if status is MarketStatus.DETERMINED:
            assert market.payout is not None
            market.determined_ns = now_ns
        if status not in OPEN_STATUSES:
            self._clear_book(market, now_ns)
        self._emit(MarketMoved(market_id, status, now_ns, payout=market.payout))
        if status is MarketStatus.SETTLED:
            assert market.payout is not None
            market.settled_ns = now_ns
            if not self.faults.is_on or not self._is_payment_late(market_id, now_ns):
                self.clearing.settle(market_id, market.payout, market.instrument.shard, now_ns)
        self._commit()

    def settle_late(self, market_id: MarketId, now_ns: int) -> None:
        """Pay a settled market whose payment a fault held back."""
        market = self._markets[market_id]
        assert market.status is MarketStatus.SETTLED and market.payout is not None
        self.clearing.settle(market_id, market.payout, market.instrument.shard, now_ns)
        self._commit()

    def _strike_result(self, market_id: MarketId, payout: PriceMicros, now_ns: int) -> PriceMicros:
        """Return the result as the fault ``settle`` makes it; plans an amendment."""
        window = self.faults.open_window("settle", now_ns)
        if window is None or window.shape == "delay":
            return payout
        if not self.faults.fires("settle", now_ns, market_id, native_of(market_id)):
            return payout
        if window.shape == "half":
            return PriceMicros(MICROS // 2)
        if window.shape == "flip":
            return PriceMicros(MICROS - payout)
        due = now_ns + max(1, window.size) * NS_PER_MS
        self.plan(due, "amend", market_id, MICROS - payout)
        return payout

    def _is_payment_late(self, market_id: MarketId, now_ns: int) -> bool:
        """Say whether a fault holds the payment back; then it is planned for later."""
        names = (market_id, native_of(market_id))
        late = self.faults.open_window("settle", now_ns)
        is_late = late is not None and late.shape == "delay"
        if late is not None and is_late and self.faults.fires("settle", now_ns, *names):
            self.plan(now_ns + max(1, late.size) * NS_PER_MS, "settle", market_id)
            return True
        relayer = self.faults.open_window("relayer", now_ns)
        if relayer is None or self.rules.is_netting or relayer.shape == "repeat":
            return False
        if not self.faults.fires("relayer", now_ns, *names):
            return False
        self.plan(relayer.until_ns, "settle", market_id)
        return True

    def follow_status(self, market_id: MarketId, status: MarketStatus, now_ns: int) -> None:
        """Take over the status that a real venue reports, short of its result."""
        market = self._markets[market_id]
        is_over = market.status in (MarketStatus.DETERMINED, MarketStatus.SETTLED)
        if not is_over and status in (*OPEN_STATUSES, MarketStatus.CLOSED):
            self.change_status(market_id, status, now_ns)

    def resolve(self, market_id: MarketId, payout: PriceMicros, now_ns: int) -> None:
        """Pay a market whose result a real venue reported, listed here or not.

        The first result stands; ``amend_payout`` changes one.
        """
        if market_id in self.clearing.settled:
            return
        market = self._markets.get(market_id)
        if market is not None:
            self.change_status(market_id, MarketStatus.DETERMINED, now_ns, payout)
            self.change_status(market_id, MarketStatus.SETTLED, now_ns)
        else:
            shards = [o.shard for o in self._orders.values() if o.market_id == market_id]
            self.clearing.settle(market_id, payout, shards[-1] if shards else 0, now_ns)
        self.clearing.note_result(market_id, payout, now_ns)
        self._commit()

    def _clear_book(self, market: ExchangeMarket, now_ns: int) -> None:
        for order_id in sorted(self._live_by_market.get(market.instrument.market_id, set())):
            self._end_order(self._orders[order_id], now_ns, "market_closed")
        for side in BookSide:
            for price, _ in market.ladder.levels(side):
                delta = market.ladder.set_crowd(side, price, 0)
                self._level_moved(market, side, price, delta, now_ns, None)

    # --- changes of what a market is ---------------------------------------------------------

    def change_step(self, market_id: MarketId, step: int, now_ns: int) -> None:
        """Make the price grid one step throughout; resting orders stay.

        What the crowd shows off the new grid stays: the venues keep such levels as well.
        """
        assert step > 0 and 1_000_000 % step == 0, step
        market = self._markets[market_id]
        grid = (PriceRange(PriceMicros(0), PriceMicros(1_000_000), step),)
        if market.instrument.grid == grid:
            return
        before = market.instrument
        market.instrument = replace(before, grid=grid)
        self._emit(InstrumentMoved(market_id, before, market.instrument, now_ns))

    def change_fees(self, market_id: MarketId, fees: FeeSchedule, now_ns: int) -> None:
        """Charge by another schedule from now on (F-052)."""
        market = self._markets[market_id]
        before = market.instrument
        if before.fees != fees:
            market.instrument = replace(before, fees=fees)
            self._emit(InstrumentMoved(market_id, before, market.instrument, now_ns))

    def amend_payout(self, market_id: MarketId, payout: PriceMicros, now_ns: int) -> int:
        """Change the result of a settled market; returns how many accounts were corrected.

        An account that cannot pay back what it got keeps it: the venue would have to claim
        it, which is not simulated.
        """
        market = self._markets[market_id]
        if market_id not in self.clearing.settled:
            return 0
        market.payout = payout
        changed = amend(self.clearing, market_id, payout, market.instrument.shard, now_ns)
        self._emit(MarketMoved(market_id, market.status, now_ns, payout=payout))
        self._commit()
        return changed

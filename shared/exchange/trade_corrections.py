"""Trades after their match: the fate that a fault gives them, busts, forced finality.

A layer of ``matching_core.Exchange``. Rule: every correction moves cash and contracts the
way the first booking did, backwards, so that the sum over all parties never changes.
"""

from __future__ import annotations

from typing import Final

from shared.domain.enums import Outcome, Side, Venue
from shared.domain.ids import MarketId, native_of
from shared.domain.units import MICROS, NS_PER_MS, PriceMicros
from shared.exchange.corrections import can_correct, correct, corrected_order
from shared.exchange.happenings import FinalityMoved
from shared.exchange.ladder import other
from shared.exchange.order_faults import MICROS_PER_CENT, OrderFaults
from shared.exchange.orders import FillRecord, OrderStatus, RefusalCode, Refused, TradeStatus

_BUSTS: Final = {Venue.KALSHI: "k.bust", Venue.POLYMARKET_US: "u.bust"}
_FATES: Final = ("p.fail", "p.ghost", "p.retry", "p.no_tx", "p.reorg", "p.settle_lag")


class TradeCorrections(OrderFaults):
    """What becomes of a trade that was told already."""

    def _choose_fate(self, fill: FillRecord) -> str:
        """Return the fate of a trade as text (see ``finality.plan_finality``), "" for none."""
        if not self.faults.is_on or self.rules.venue is not Venue.POLYMARKET:
            return ""
        names = (
            fill.market_id,
            native_of(fill.market_id),
            fill.account,
            fill.order_id,
            fill.trade_id,
        )
        is_first = not self.clearing.fills_of_order(fill.order_id)
        if is_first and self.faults.fires("p.fail_part", fill.ts_ns, *names):
            return "fail"
        for key in _FATES:
            window = self.faults.hit(key, fill.ts_ns, *names)
            if window is None:
                continue
            if key in ("p.retry", "p.no_tx", "p.settle_lag"):
                return f"{key[2:]}:{window.size}"
            return f"reorg:{window.shape}" if key == "p.reorg" else key[2:]
        return ""

    def _is_against_maker(self, fill: FillRecord) -> bool:
        """Say whether the other side would now rather not have traded (F-054).

        The taker is better off when the best price that he would have to pay (or would
        get) now is worse than the one he got.
        """
        market = self._markets.get(fill.market_id)
        if market is None:
            return False
        bids, asks = self.book(fill.market_id).bids, self.book(fill.market_id).asks
        buys_yes = (fill.side is Side.BUY) is (fill.outcome is Outcome.YES)
        if buys_yes:
            return bool(asks) and asks[0][0] > fill.yes_price
        return bool(bids) and bids[0][0] < fill.yes_price

    def decide_trade(self, trade_id: str, status: TradeStatus, now_ns: int) -> bool | Refused:
        """Move a pending trade at once: an adversary's choice of the moment.

        Returns:
            True when something moved. ``Refused``: unknown, or final already.
        """
        self.advance(now_ns)
        fills = self.clearing.fills_of_trade(trade_id)
        if not fills:
            return Refused(RefusalCode.UNKNOWN_ORDER, "no such trade")
        if any(fill.status.is_final for fill in fills):
            return Refused(RefusalCode.NOT_CANCELLABLE, "the trade is final")
        for fill in fills:
            self.clearing.move_to(fill.key, status, now_ns)
        self._commit()
        return True

    def bust_trade(self, trade_id: str, now_ns: int, cents: int | None = None) -> bool | Refused:
        """Take a matched trade back, or re-price it by ``cents`` of its YES price (F-032).

        Only on a venue whose trades are final at the match. Refused when an account could
        not pay for the correction.
        """
        assert self.rules.is_netting, "a chain trade fails, it is not busted"
        fills = self.clearing.fills_of_trade(trade_id)
        fills = [fill for fill in fills if fill.status is not TradeStatus.FAILED]
        if not fills:
            return Refused(RefusalCode.UNKNOWN_ORDER, "no such trade")
        for fill in fills:
            shard = self._markets[fill.market_id].instrument.shard
            price = _moved_price(fill, cents)
            if price is not None and not 0 < price < MICROS:
                return Refused(RefusalCode.OFF_GRID, "no such price")
            if not can_correct(self.clearing, fill, shard, price):
                return Refused(RefusalCode.NO_CASH, "the account cannot pay the correction")
        for fill in fills:
            shard = self._markets[fill.market_id].instrument.shard
            moved = correct(self.clearing, fill, shard, _moved_price(fill, cents), now_ns)
            order = self._orders.get(fill.order_id)
            if order is not None:
                self._save(corrected_order(order, fill, moved, now_ns))
            self._emit(FinalityMoved(fill.account, moved, now_ns))
        self._commit()
        return True

    def _plan_bust(self, fill: FillRecord) -> None:
        """Plan the bust of a fresh trade when the fault asks for it."""
        key = _BUSTS.get(self.rules.venue)
        if not self.faults.is_on or key is None:
            return
        names = (fill.market_id, native_of(fill.market_id), fill.account, fill.trade_id)
        window = self.faults.hit(key, fill.ts_ns, *names)
        if window is not None:
            # Re-pricing moves the price by two cents against the account; 0 is a bust.
            against = 2 if (fill.side is Side.BUY) is (fill.outcome is Outcome.YES) else -2
            due = fill.ts_ns + max(1, window.size) * NS_PER_MS
            self.plan(due, "bust", fill.trade_id, against if window.shape == "reprice" else 0)

    def _carry_out(self, what: str, subject: str, detail: int, at_ns: int) -> None:
        """Do what a fault planned for this moment."""
        if what in self._carriers:
            self._carriers[what](subject)
        elif what == "bust":
            self.bust_trade(subject, at_ns, detail or None)
        elif what == "fill":
            self._fill_resting(subject, at_ns)
        elif what == "amend":
            self.amend_payout(MarketId(subject), PriceMicros(detail), at_ns)
        else:
            assert what == "settle", what
            self.settle_late(MarketId(subject), at_ns)

    def _fill_resting(self, order_id: str, now_ns: int) -> None:
        """Let the crowd take what rests of an order: the match that overtook its cancel."""
        order = self._orders.get(order_id)
        if order is None or order.status is not OrderStatus.RESTING or order.qty_open == 0:
            return
        market = self._markets[order.market_id]
        side = other(order.book_side)
        self._crowd_takes(market, side, order.yes_limit, order.qty_open, now_ns)


def _moved_price(fill: FillRecord, cents: int | None) -> PriceMicros | None:
    return None if cents is None else PriceMicros(fill.yes_price + cents * MICROS_PER_CENT)

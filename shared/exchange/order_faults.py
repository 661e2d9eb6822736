"""Faults that strike one order as it enters: refused, capped, held, met by another book.

A layer of ``matching_core.Exchange``; nothing here runs while no fault is switched on.
Rule: a fault uses the exchange's own means (levels, statuses, caps), so that money and
contracts add up whatever it does.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from shared.domain.enums import BookSide, MarketStatus, Side, TimeInForce, Venue
from shared.domain.ids import native_of
from shared.domain.units import MICROS, NS_PER_MS, NS_PER_S, PriceMicros, QtyMicros, ceil_div
from shared.exchange.exchange_state import ExchangeMarket
from shared.exchange.fault_plan import FaultWindow
from shared.exchange.ladder import other
from shared.exchange.market_life import MarketLife
from shared.exchange.orders import (
    OrderRecord,
    OrderRequest,
    RefusalCode,
    Refused,
    of_other,
)

SWEEP_NS: Final = 60 * NS_PER_S
MICROS_PER_CENT: Final = 10_000


class OrderFaults(MarketLife):
    """What a fault makes of an order; see the injection table."""

    def _names(self, request: OrderRequest) -> tuple[str, ...]:
        """Return what a window may name: market, its own id, account, order, client id."""
        return (
            request.market_id,
            native_of(request.market_id),
            request.account,
            request.order_id,
            request.client_id,
            self.rules.venue.value,
        )

    # --- before the order is looked at ---------------------------------------------------

    def _strike_market(self, request: OrderRequest, now_ns: int) -> None:
        """Change the market under the order: closed, another grid, another book."""
        market = self._markets.get(request.market_id)
        if market is None:
            return
        names, key = self._names(request), request.market_id
        is_kalshi = self.rules.venue is Venue.KALSHI
        if is_kalshi and self.faults.fires("k.close", now_ns, *names):
            self.change_status(key, MarketStatus.CLOSED, now_ns)
        if window := self.faults.hit("tick_change", now_ns, *names):
            self.change_step(key, window.size, now_ns)
        if self.faults.fires("fade", now_ns, *names):
            self._fade(request, market, now_ns)
        is_polymarket = self.rules.venue is Venue.POLYMARKET
        if is_polymarket and request.budget_usd is not None:
            window = self.faults.hit("p.over", now_ns, *names)
            if window is not None:
                self._improve(request, market, window.size, now_ns)

    def _fade(self, request: OrderRequest, market: ExchangeMarket, now_ns: int) -> None:
        """Take away the crowd's whole liquidity that the order would reach (F-014)."""
        resting = other(request.book_side)
        for price, _ in market.ladder.levels(resting):
            is_reached = (
                price <= request.yes_limit
                if request.book_side is BookSide.BID
                else price >= request.yes_limit
            )
            if is_reached:
                self.set_level(request.market_id, resting, PriceMicros(price), QtyMicros(0), now_ns)

    def _improve(
        self, request: OrderRequest, market: ExchangeMarket, percent: int, now_ns: int
    ) -> None:
        """Put liquidity for the whole budget at a price ``percent`` better than the limit.

        The price is rounded up to the grid and never worse than the limit (F-035, F-036).
        """
        assert request.budget_usd is not None and percent > 0, (request, percent)
        step = market.instrument.grid[0].step
        price = ceil_div(request.price_limit * 100, (100 + percent) * step) * step
        price = max(step, min(price, int(request.price_limit)))
        qty = QtyMicros(ceil_div(request.budget_usd * MICROS, price) + MICROS)
        yes_price = PriceMicros(price)
        if request.outcome.value != "yes":
            yes_price = of_other(yes_price)
        resting = other(request.book_side)
        # What stands in between would otherwise cross the new level.
        for at, _ in market.ladder.levels(request.book_side):
            crosses = at >= yes_price if resting is BookSide.ASK else at <= yes_price
            if crosses:
                self.set_level(
                    request.market_id, request.book_side, PriceMicros(at), QtyMicros(0), now_ns
                )
        self.set_level(request.market_id, resting, yes_price, qty, now_ns)

    # --- refusals --------------------------------------------------------------------------

    def _refuse_by_fault(self, request: OrderRequest, now_ns: int) -> Refused | None:
        names = self._names(request)
        if self.rules.venue is Venue.POLYMARKET:
            return self._refuse_buys(request, now_ns)
        if self.rules.venue is not Venue.KALSHI:
            return None
        for key, code, text in (
            ("k.limit", RefusalCode.MARKET_LIMIT, "per-market risk limit exceeded"),
            ("k.group", RefusalCode.GROUP_LIMIT, "order group risk limit exceeded"),
        ):
            if self.faults.fires(key, now_ns, *names):
                return Refused(code, text)
        window = self.faults.hit("k.shard_cash", now_ns, *names)
        if window is not None:
            is_new = window.shape == "unprovisioned"
            code = RefusalCode.UNKNOWN_ACCOUNT if is_new else RefusalCode.NO_CASH
            return Refused(code, "the shard has no money")
        if self._prevents_self_trade("refused", names, now_ns):
            return Refused(RefusalCode.SELF_CROSS, "the order would meet its own account's")
        return None

    def _prevents_self_trade(
        self, form: str, names: tuple[str, ...], now_ns: int
    ) -> FaultWindow | None:
        window = self.faults.open_window("k.stp", now_ns)
        if window is None or window.shape != form:
            return None
        return self.faults.hit("k.stp", now_ns, *names)

    def _refuse_buys(self, request: OrderRequest, now_ns: int) -> Refused | None:
        """The venue counts matched orders against cash that is free already (F-047)."""
        if request.side is not Side.BUY:
            return None
        window = self.faults.hit("p.counter_stuck", now_ns, *self._names(request))
        if window is None:
            return None
        cash, stuck = int(self.cash(request.account)), window.size * MICROS_PER_CENT
        wanted = request.budget_usd
        if wanted is None:
            wanted_usd = request.price_limit * request.qty // MICROS
        else:
            wanted_usd = int(wanted)
        if wanted_usd <= max(0, cash - stuck):
            return None
        return Refused(
            RefusalCode.COUNTER_STUCK,
            f"the balance is not enough -> balance: {cash}, sum of matched orders: {stuck},"
            f" order amount: {wanted_usd}",
        )

    # --- the order itself --------------------------------------------------------------------

    def _strike_order(
        self, order: OrderRecord, delay_ns: int, now_ns: int
    ) -> tuple[OrderRecord, int]:
        """Return the order and its taker delay as the faults make them; may set a cap."""
        names = (
            order.market_id,
            native_of(order.market_id),
            order.account,
            order.order_id,
            order.client_id,
        )
        if self.rules.venue is Venue.KALSHI:
            if order.tif is not TimeInForce.GTC:
                self._cap_kalshi(order, names, now_ns)
            elif self._is_swept(order, names, now_ns):
                order = replace(order, tif=TimeInForce.IOC)
            return order, delay_ns
        if self.rules.venue is not Venue.POLYMARKET:
            return order, delay_ns
        is_immediate = order.tif is not TimeInForce.GTC
        if is_immediate and (window := self.faults.hit("p.partial", now_ns, *names)):
            self._cap(order, window.size)
        if window := self.faults.hit("p.itode", now_ns, *names):
            delay_ns = max(delay_ns, window.size * NS_PER_MS)
        if window := self.faults.hit("p.hold", now_ns, *names):
            delay_ns = max(delay_ns, window.size * NS_PER_MS)
            if window.shape != "matched":
                self._hold_ends[order.order_id] = window.shape
        return order, delay_ns

    def _cap_kalshi(self, order: OrderRecord, names: tuple[str, ...], now_ns: int) -> None:
        if self.faults.fires("k.ioc_zero", now_ns, *names) or self._is_swept(order, names, now_ns):
            self._caps[order.order_id] = 0
        elif window := self.faults.hit("k.partial", now_ns, *names):
            self._cap(order, window.size)
        elif window := self._prevents_self_trade("kept", names, now_ns):
            self._cap(order, window.size)
            self._kept.add(order.order_id)

    def _cap(self, order: OrderRecord, percent: int) -> None:
        """Let at most ``percent`` of an order fill, floored to a hundredth of a contract."""
        assert 0 <= percent <= 100, percent
        qty = order.qty
        if order.budget_usd is not None:
            qty = QtyMicros(order.budget_usd * MICROS // order.price_limit)
        self._caps[order.order_id] = qty * percent // 100 // MICROS_PER_CENT * MICROS_PER_CENT

    def _is_swept(self, order: OrderRecord, names: tuple[str, ...], now_ns: int) -> bool:
        swept_ns = self._cancelled_all_ns.get(order.account)
        if swept_ns is None or now_ns - swept_ns >= SWEEP_NS:
            return False
        return self.faults.fires("k.sweep", now_ns, *names)

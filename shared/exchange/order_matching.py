"""How orders meet: planning a take, paying for it, trading, resting what is left.

Rule 1: best price first, oldest entry first at a price, at the resting price.
Rule 2: everything is planned and paid for on paper before anything moves.
"""

from __future__ import annotations

import heapq
import uuid
from dataclasses import dataclass, replace
from typing import Final

from shared.domain.enums import BookSide, Liquidity, MarketStatus, Outcome, Side, TimeInForce
from shared.domain.ids import MarketId
from shared.domain.instrument import Instrument
from shared.domain.units import MICROS, PriceMicros, QtyMicros, UsdMicros, cost_ceil
from shared.exchange.accounts import Position
from shared.exchange.exchange_state import ExchangeMarket, ExchangeState
from shared.exchange.happenings import OrderMoved, TradePrinted
from shared.exchange.ladder import CROWD, Entry, Ladder, other
from shared.exchange.orders import OrderRecord, OrderStatus, RefusalCode, Refused, SelfTrade

NAMES: Final = uuid.UUID("3c0f1f0e-5a4e-5b5d-8f46-1b7f3c1d9a10")
"""Name space of order and trade ids."""


@dataclass(slots=True)
class Take:
    """What one order would take now."""

    steps: list[tuple[int, str, int]]
    """(YES price, resting order id, quantity) in order."""
    qty: int = 0
    spent: int = 0
    is_self_stopped: bool = False


class OrderMatching(ExchangeState):
    """The middle layer of ``matching_core.Exchange``."""

    def _plan_take(self, order: OrderRecord, ladder: Ladder) -> Take:
        """Return what the order takes now: best price first, oldest first at a price."""
        take = Take([])
        budget = order.budget_usd
        cap = self._caps.get(order.order_id) if self._caps else None
        for yes_price, entry in ladder.walk(order.book_side, order.yes_limit):
            left = order.qty - order.qty_filled - take.qty
            price = yes_price if order.outcome is Outcome.YES else MICROS - yes_price
            if budget is not None:
                # The whole budget is spent: a better price buys more, not cheaper.
                left = (budget - order.cost_usd - take.spent) * MICROS // price
            if cap is not None:
                left = min(left, cap - order.qty_filled - take.qty)
            qty = min(entry.qty, left)
            if qty <= 0:
                break
            if self._is_own(entry, order):
                if order.reason == SelfTrade.CANCEL_MAKER.value:
                    continue
                take.is_self_stopped = True
                break
            take.steps.append((yes_price, entry.order_id, qty))
            take.qty += qty
            take.spent += cost_ceil(PriceMicros(price), QtyMicros(qty))
        assert budget is None or take.spent <= budget, (take.spent, budget)
        return take

    def _is_own(self, entry: Entry, order: OrderRecord) -> bool:
        return entry.order_id != CROWD and self._orders[entry.order_id].account == order.account

    def _check_fill_or_kill(self, order: OrderRecord, market: ExchangeMarket) -> Refused | None:
        if order.tif is TimeInForce.GTC:
            return None
        take = self._plan_take(order, market.ladder)
        is_full = take.qty >= order.qty
        if order.budget_usd is not None:
            # Dust of a cent may be left by flooring shares at each level.
            is_full = order.budget_usd - take.spent < 10_000
        is_kept = take.is_self_stopped or order.order_id in self._kept
        if order.tif is TimeInForce.FOK and not is_full and not is_kept:
            return Refused(RefusalCode.FOK_NOT_FILLED, "the order could not be fully filled")
        if take.qty == 0 and self.rules.unmatched_ioc_is_refused:
            return Refused(RefusalCode.FAK_NOT_FILLED, "no orders found to match")
        return None

    def _check_affordable(self, order: OrderRecord, market: ExchangeMarket) -> Refused | None:
        """Refuse when cash would fall below zero at any step, or shares are not there."""
        state = self.clearing.accounts.state(order.account)
        if order.side is Side.SELL and not self.rules.is_netting:
            if state.available_shares(order.market_id, order.outcome) < order.qty:
                return Refused(RefusalCode.NO_SHARES, "not enough balance / allowance")
            return None
        cash = int(state.available_cash(order.shard))
        position, accumulator = state.position(order.market_id), 0
        take = self._plan_take(order, market.ladder)
        for yes_price, _, qty in take.steps:
            price = yes_price if order.outcome is Outcome.YES else MICROS - yes_price
            _, fee, accumulator = self.clearing.price_fill(
                order,
                market.instrument,
                PriceMicros(price),
                QtyMicros(qty),
                Liquidity.TAKER,
                accumulator,
            )
            need, change = self.clearing.cash_need(order, position, yes_price, qty, fee)
            net = position.net_yes + change
            position = Position(QtyMicros(max(0, net)), QtyMicros(max(0, -net)))
            cash -= need
            if cash < 0:
                return Refused(RefusalCode.NO_CASH, "insufficient balance")
        rest = order.qty - take.qty
        can_rest = order.tif is TimeInForce.GTC and rest > 0 and order.budget_usd is None
        if can_rest and cash < self._resting_need(order, market.instrument, position, rest):
            return Refused(RefusalCode.NO_CASH, "insufficient balance")
        return None

    def _resting_need(
        self, order: OrderRecord, instrument: Instrument, position: Position, qty: int
    ) -> int:
        """Return the cash that a remainder may need at its limit, fee included."""
        _, fee, _ = self.clearing.price_fill(
            order, instrument, order.price_limit, QtyMicros(qty), Liquidity.MAKER, 0
        )
        need, _ = self.clearing.cash_need(order, position, order.yes_limit, qty, fee)
        return max(0, need)

    def _reserve(self, order: OrderRecord, instrument: Instrument) -> None:
        """Set aside what the live part of an order may need."""
        state = self.clearing.accounts.state(order.account)
        state.release(order.order_id)
        open_qty = order.qty_open if order.status is OrderStatus.RESTING else order.qty
        if order.side is Side.SELL and not self.rules.is_netting:
            state.reserved_shares[order.order_id] = (order.market_id, order.outcome, open_qty)
            return
        need = self._resting_need(order, instrument, state.position(order.market_id), open_qty)
        if order.budget_usd is not None:
            need = max(need, order.budget_usd)
        need = min(need, max(0, int(state.available_cash(order.shard))))
        state.reserved_cash[order.order_id] = (order.shard, need)

    def _execute(self, order: OrderRecord, now_ns: int, *, was_held: bool) -> OrderRecord:
        """Match now, then rest or end the remainder."""
        market = self._markets[order.market_id]
        if was_held:
            refusal: Refused | None = None
            if market.status is not MarketStatus.ACTIVE:
                refusal = Refused(RefusalCode.MARKET_INACTIVE, "market closed during the delay")
            refusal = refusal or self._check_affordable(order, market)
            refusal = refusal or self._check_fill_or_kill(order, market)
            if refusal is not None:
                return self._end_order(order, now_ns, refusal.code.value)
        if order.reason == SelfTrade.CANCEL_MAKER.value:
            self._cancel_own_crossing(order, market, now_ns)
        take = self._plan_take(order, market.ladder)
        for number, (yes_price, resting_id, qty) in enumerate(take.steps):
            trade_id = str(uuid.uuid5(NAMES, f"{order.order_id}/{number}"))
            order = self._trade(order, market, yes_price, resting_id, qty, trade_id, now_ns)
        rest = order.qty - order.qty_filled
        can_rest = order.tif is TimeInForce.GTC and rest > 0 and order.budget_usd is None
        if can_rest and not take.is_self_stopped:
            order = replace(
                order, status=OrderStatus.RESTING, qty_open=QtyMicros(rest), updated_ns=now_ns
            )
            self._save(order)
            self._reserve(order, market.instrument)
            market.ladder.add(order.book_side, order.yes_limit, order.order_id, rest)
            self._level_moved(market, order.book_side, order.yes_limit, rest, now_ns, order)
            if order.expires_ns:
                heapq.heappush(self._due, (order.expires_ns, order.seq, order.order_id))
            self._emit(OrderMoved(order.account, order, now_ns))
            return order
        return self._end_order(order, now_ns, "self_trade" if take.is_self_stopped else "")

    def _cancel_own_crossing(self, order: OrderRecord, market: ExchangeMarket, now_ns: int) -> None:
        for _, entry in list(market.ladder.walk(order.book_side, order.yes_limit)):
            if self._is_own(entry, order):
                self._end_order(self._orders[entry.order_id], now_ns, "self_trade")

    def _trade(
        self,
        order: OrderRecord,
        market: ExchangeMarket,
        yes_price: int,
        resting_id: str,
        qty: int,
        trade_id: str,
        now_ns: int,
    ) -> OrderRecord:
        """Exchange ``qty`` between a taker and a resting entry at the resting price."""
        side = other(order.book_side)
        price = PriceMicros(yes_price)
        if resting_id != CROWD and not self._maker_can_pay(resting_id, market, yes_price, qty):
            self._end_order(self._orders[resting_id], now_ns, "no_cash")
            return order
        market.ladder.reduce(side, yes_price, resting_id, qty)
        self._level_moved(market, side, yes_price, -qty, now_ns, order)
        self.print_trade(order.market_id, trade_id, price, QtyMicros(qty), order.book_side, now_ns)
        order = self._booked(
            order, market, price, qty, Liquidity.TAKER, trade_id, resting_id, now_ns
        )
        if resting_id != CROWD:
            maker = self._orders[resting_id]
            self._maker_filled(maker, market, price, qty, trade_id, order.order_id, now_ns)
        return order

    def _booked(
        self,
        order: OrderRecord,
        market: ExchangeMarket,
        price: PriceMicros,
        qty: int,
        liquidity: Liquidity,
        trade_id: str,
        counter: str,
        now_ns: int,
    ) -> OrderRecord:
        fill, accumulator = self.clearing.book_fill(
            order, market.instrument, price, QtyMicros(qty), liquidity, trade_id, counter, now_ns
        )
        if self.faults.is_on:
            self._plan_bust(fill)
        is_taker = liquidity is Liquidity.TAKER
        taker_fee = order.taker_fee_usd + (fill.fee_usd if is_taker else 0)
        taker_cost = order.taker_cost_usd + (fill.amount_usd if is_taker else 0)
        order = replace(
            order,
            qty_filled=QtyMicros(order.qty_filled + qty),
            cost_usd=UsdMicros(order.cost_usd + fill.amount_usd),
            fee_usd=UsdMicros(order.fee_usd + fill.fee_usd),
            taker_fee_usd=UsdMicros(taker_fee),
            taker_cost_usd=UsdMicros(taker_cost),
            accumulator=accumulator,
            updated_ns=now_ns,
        )
        self._save(order)
        return order

    def _maker_filled(
        self,
        maker: OrderRecord,
        market: ExchangeMarket,
        price: PriceMicros,
        qty: int,
        trade_id: str,
        counter: str,
        now_ns: int,
    ) -> None:
        """Book the resting side of a trade; its reserve pays for it."""
        state = self.clearing.accounts.state(maker.account)
        state.release(maker.order_id)
        maker = self._booked(maker, market, price, qty, Liquidity.MAKER, trade_id, counter, now_ns)
        left = QtyMicros(maker.qty_open - qty)
        assert left >= 0
        maker = replace(maker, qty_open=left)
        if left == 0:
            maker = replace(maker, status=OrderStatus.EXECUTED)
            self._save(maker)
        else:
            self._save(maker)
            self._reserve(maker, market.instrument)
        self._emit(OrderMoved(maker.account, maker, now_ns))

    def _maker_can_pay(
        self, order_id: str, market: ExchangeMarket, yes_price: int, qty: int
    ) -> bool:
        """Say whether a resting order can still pay (its reserve included).

        It may not when contracts that it was to close were sold by another order.
        """
        order = self._orders[order_id]
        state = self.clearing.accounts.state(order.account)
        if order.side is Side.SELL and not self.rules.is_netting:
            return state.position(order.market_id).final_of(order.outcome) >= qty
        _, reserved = state.reserved_cash.get(order_id, (order.shard, 0))
        price = yes_price if order.outcome is Outcome.YES else MICROS - yes_price
        _, fee, _ = self.clearing.price_fill(
            order,
            market.instrument,
            PriceMicros(price),
            QtyMicros(qty),
            Liquidity.MAKER,
            order.accumulator,
        )
        position = state.position(order.market_id)
        need, _ = self.clearing.cash_need(order, position, yes_price, qty, fee)
        return need <= state.available_cash(order.shard) + reserved

    def _crowd_takes(
        self, market: ExchangeMarket, side: BookSide, price: int, qty: int, now_ns: int
    ) -> int:
        """Let crowd liquidity that crosses the book trade; return what is left to rest."""
        left = qty
        for at, entry in list(market.ladder.walk(side, price)):
            if left == 0:
                break
            resting = other(side)
            if entry.order_id == CROWD:
                # The crowd does not hold a crossed book against itself.
                delta = market.ladder.set_crowd(resting, at, 0)
                self._level_moved(market, resting, at, delta, now_ns, None)
                continue
            taken = min(left, entry.qty)
            maker = self._orders[entry.order_id]
            if not self._maker_can_pay(entry.order_id, market, at, taken):
                self._end_order(maker, now_ns, "no_cash")
                continue
            number = len(self.clearing.fills_of_order(maker.order_id))
            trade_id = str(uuid.uuid5(NAMES, f"{maker.order_id}/maker/{number}"))
            market.ladder.reduce(resting, at, entry.order_id, taken)
            self._level_moved(market, resting, at, -taken, now_ns, maker)
            at_price = PriceMicros(at)
            self.print_trade(maker.market_id, trade_id, at_price, QtyMicros(taken), side, now_ns)
            self._maker_filled(maker, market, at_price, taken, trade_id, CROWD, now_ns)
            left -= taken
        self._commit()
        if market.ladder.crosses(side, price):
            return 0
        return left

    def print_trade(
        self,
        market_id: MarketId,
        trade_id: str,
        yes_price: PriceMicros,
        qty: QtyMicros,
        taker_side: BookSide,
        now_ns: int,
    ) -> None:
        """Publish a trade inside the crowd; no account takes part."""
        market = self._markets[market_id]
        market.last_yes_price = yes_price
        market.volume = QtyMicros(market.volume + qty)
        self._emit(TradePrinted(trade_id, market_id, yes_price, qty, taker_side, now_ns))

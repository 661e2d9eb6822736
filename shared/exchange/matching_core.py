"""One venue's exchange without clock or I/O: books, orders, fills, holds, settlement.

Everything that paper trading, backtests, simulation and the venue simulators stand on.
Every call takes ``now_ns`` (unix nanoseconds) and first carries out what fell due before
it (holds, finality, expiries), so the result depends on the calls and their times only.
Rule 1: a refusal changes nothing.
Rule 2: an order takes the best price first and, at a price, the oldest entry first; it
        trades at the resting price.
Rule 3: no account goes below zero in cash or contracts, at any moment.
"""

from __future__ import annotations

import heapq
import uuid
from dataclasses import replace

from shared.domain.enums import BookSide, MarketStatus, Outcome
from shared.domain.ids import MarketId
from shared.domain.instrument import Instrument
from shared.domain.units import QtyMicros, UsdMicros
from shared.exchange.accounts import HOUSE
from shared.exchange.admission import check_request
from shared.exchange.exchange_state import OPEN_STATUSES, BookView, ExchangeMarket
from shared.exchange.happenings import OrderMoved
from shared.exchange.order_matching import NAMES
from shared.exchange.orders import (
    OrderRecord,
    OrderRequest,
    OrderStatus,
    RefusalCode,
    Refused,
    SelfTrade,
)
from shared.exchange.trade_corrections import TradeCorrections

__all__ = ["BookView", "Exchange", "ExchangeMarket"]


class Exchange(TradeCorrections):
    """Markets, accounts and orders of one venue; see the module docstring for the rules."""

    # --- accounts ------------------------------------------------------------------------

    def deposit(self, account: str, usd: UsdMicros, shard: int = 0) -> None:
        """Fund an account (and open it, or the shard, when new)."""
        self.clearing.accounts.deposit(account, shard, usd)
        self._commit()

    def transfer(
        self, account: str, from_shard: int, to_shard: int, usd: UsdMicros, now_ns: int
    ) -> bool | Refused:
        """Move cash between shards at once (the venue does it asynchronously)."""
        state = self.clearing.accounts.get(account)
        if state is None or from_shard == to_shard or usd <= 0:
            return Refused(RefusalCode.UNKNOWN_ACCOUNT, "no such account or transfer")
        if state.available_cash(from_shard) < usd:
            return Refused(RefusalCode.NO_CASH, "not enough free cash on the source shard")
        self.clearing.accounts.pay(account, HOUSE, usd, shard=from_shard)
        self.clearing.accounts.pay(HOUSE, account, usd, shard=to_shard)
        self._commit()
        return True

    def hold_transfer(self, account: str, shard: int, usd: UsdMicros) -> bool | Refused:
        """Take cash off a shard for a transfer that never arrives (F-063); it is the house's."""
        state = self.clearing.accounts.get(account)
        if state is None or usd <= 0 or state.available_cash(shard) < usd:
            return Refused(RefusalCode.NO_CASH, "not enough free cash on the source shard")
        self.clearing.accounts.pay(account, HOUSE, usd, shard=shard)
        self._commit()
        return True

    def merge(
        self, account: str, market_id: MarketId, qty: QtyMicros, now_ns: int
    ) -> bool | Refused:
        """Turn ``qty`` final YES and NO of one market into a dollar each."""
        self.advance(now_ns)
        state = self.clearing.accounts.get(account)
        if state is None or qty <= 0:
            return Refused(RefusalCode.UNKNOWN_ACCOUNT, "no such account or quantity")
        if any(state.available_shares(market_id, side) < qty for side in Outcome):
            return Refused(RefusalCode.NO_SHARES, "not enough final shares of both outcomes")
        position = state.position(market_id).moved(Outcome.YES, -qty).moved(Outcome.NO, -qty)
        state.set_position(market_id, position)
        self.clearing.accounts.pay(HOUSE, account, qty, shard=0)
        self._commit()
        return True

    # --- time ----------------------------------------------------------------------------

    def next_due_ns(self) -> int | None:
        """Return when the next hold, expiry or finality step falls due."""
        times = [at for at in (self.clearing.next_due_ns(),) if at is not None]
        if self._due:
            times.append(self._due[0][0])
        if self._planned:
            times.append(self._planned[0][0])
        return min(times) if times else None

    def advance(self, now_ns: int) -> None:
        """Carry out, in time order, everything that fell due at or before ``now_ns``."""
        is_changed = False
        while self._planned and self._planned[0][0] <= now_ns:
            at_ns, _, what, subject, detail = heapq.heappop(self._planned)
            self._carry_out(what, subject, detail, at_ns)
        while True:
            stage_ns = self.clearing.next_due_ns()
            due_ns = self._due[0][0] if self._due else None
            if due_ns is not None and due_ns <= now_ns and (stage_ns is None or due_ns <= stage_ns):
                at_ns, _, order_id = heapq.heappop(self._due)
                self._fall_due(order_id, at_ns)
            elif not self.clearing.advance_one(now_ns):
                break
            is_changed = True
        if is_changed:
            self._commit()

    def _fall_due(self, order_id: str, at_ns: int) -> None:
        order = self._orders[order_id]
        if order.status is OrderStatus.HELD:
            self.clearing.accounts.state(order.account).release(order_id)
            how = self._hold_ends.pop(order_id, "")
            if how == "rejected":
                self._end_order(order, at_ns, RefusalCode.NO_CASH.value)
                return
            if how == "unmatched":
                self._caps[order_id] = 0
            self._execute(replace(order, due_ns=0), at_ns, was_held=True)
            self._caps.pop(order_id, None)
        elif order.status is OrderStatus.RESTING and 0 < order.expires_ns <= at_ns:
            self._end_order(order, at_ns, "expired")

    # --- orders --------------------------------------------------------------------------

    def submit(self, request: OrderRequest, now_ns: int) -> OrderRecord | Refused:
        """Take one order; returns its record right after everything it did at once.

        Returns:
            The record: EXECUTED, CANCELED (an unfilled or part-filled immediate order),
            RESTING or HELD. Or ``Refused``, and then nothing changed.
        """
        self.advance(now_ns)
        if self.faults.is_on:
            self._strike_market(request, now_ns)
        market = self._markets.get(request.market_id)
        state = self.clearing.accounts.get(request.account)
        refusal = self._check_ids(request) or check_request(
            request,
            market.instrument if market else None,
            market.status if market else None,
            state,
            self.rules,
            self.paused_shards,
            now_ns,
        )
        if refusal is None and self.faults.is_on:
            refusal = self._refuse_by_fault(request, now_ns)
        if refusal is not None:
            return refusal
        assert market is not None and state is not None
        qty = request.qty
        if request.reduce_only:
            net = state.position(request.market_id).net_yes
            held = max(0, -net) if request.book_side is BookSide.BID else max(0, net)
            qty = QtyMicros(min(qty, held))
        order = self._new_order(request, qty, market.instrument, now_ns)
        delay = market.instrument.taker_delay_ns
        if self.faults.is_on:
            order, delay = self._strike_order(order, delay, now_ns)
        crosses = market.ladder.crosses(order.book_side, order.yes_limit)
        if request.post_only and crosses:
            return Refused(RefusalCode.POST_ONLY_CROSS, "post-only order would cross")
        refusal = self._check_affordable(order, market)
        if refusal is not None:
            return refusal
        if delay > 0 and crosses:
            order = replace(order, status=OrderStatus.HELD, due_ns=now_ns + delay)
            self._register(order)
            self._reserve(order, market.instrument)
            heapq.heappush(self._due, (order.due_ns, order.seq, order.order_id))
            self._emit(OrderMoved(order.account, order, now_ns))
            self._commit()
            return order
        refusal = self._check_fill_or_kill(order, market)
        if refusal is not None:
            return refusal
        self._register(order)
        done = self._execute(order, now_ns, was_held=False)
        self._caps.pop(order.order_id, None)
        self._kept.discard(order.order_id)
        self._commit()
        return done

    def cancel(self, account: str, order_id: str, now_ns: int) -> OrderRecord | Refused:
        """Cancel a resting order; a held one cannot be cancelled (F-039)."""
        self.advance(now_ns)
        order = self._orders.get(order_id)
        if order is None or order.account != account:
            return Refused(RefusalCode.UNKNOWN_ORDER, "order not found")
        if order.status is not OrderStatus.RESTING:
            return Refused(RefusalCode.NOT_CANCELLABLE, "already canceled or matched")
        ended = self._end_order(order, now_ns, "canceled")
        self._commit()
        return ended

    def cancel_all(
        self, account: str, now_ns: int, market_id: MarketId | None = None
    ) -> list[OrderRecord]:
        """Cancel every resting order of an account (of one market when given)."""
        self.advance(now_ns)
        self._cancelled_all_ns[account] = now_ns
        live = [
            order
            for order in self.orders(account)
            if order.status is OrderStatus.RESTING and market_id in (None, order.market_id)
        ]
        ended = [self._end_order(order, now_ns, "canceled") for order in live]
        self._commit()
        return ended

    def _check_ids(self, request: OrderRequest) -> Refused | None:
        if request.order_id and request.order_id in self._orders:
            return Refused(RefusalCode.DUPLICATE, "the order exists already")
        if request.client_id:
            known = self.order_by_client_id(request.account, request.client_id)
            if known is not None and (known.is_live or not self.rules.client_ids_unique_while_open):
                return Refused(RefusalCode.DUPLICATE, "the client order id was used")
        return None

    def _new_order(
        self, request: OrderRequest, qty: QtyMicros, instrument: Instrument, now_ns: int
    ) -> OrderRecord:
        self._seq += 1
        name = f"{self.rules.venue.value}/{self.seed}/{request.account}/{self._seq}/{now_ns}"
        return OrderRecord(
            seq=self._seq,
            order_id=request.order_id or str(uuid.uuid5(NAMES, name)),
            client_id=request.client_id,
            account=request.account,
            market_id=request.market_id,
            outcome=request.outcome,
            side=request.side,
            price_limit=request.price_limit,
            qty=qty,
            tif=request.tif,
            status=OrderStatus.RESTING,
            qty_filled=QtyMicros(0),
            qty_open=QtyMicros(0),
            cost_usd=UsdMicros(0),
            fee_usd=UsdMicros(0),
            accumulator=0,
            created_ns=now_ns,
            updated_ns=now_ns,
            budget_usd=request.budget_usd,
            reduce_only=request.reduce_only,
            expires_ns=request.expires_ns,
            shard=instrument.shard,
            reason=request.self_trade.value if request.self_trade is SelfTrade.CANCEL_MAKER else "",
        )

    # --- durability (see records.py) -------------------------------------------------------

    def restore_order(self, order: OrderRecord) -> None:
        """Put a stored order back; live ones rest or wait again in their old sequence."""
        self._seq = max(self._seq, order.seq)
        self._register(order)
        self._dirty_orders.discard(order.order_id)
        if not order.is_live:
            return
        market = self._markets.get(order.market_id)
        if market is None or market.status not in OPEN_STATUSES:
            # Closed while we were away: the venue has cancelled it.
            self._save(
                replace(
                    order,
                    status=OrderStatus.CANCELED,
                    qty_open=QtyMicros(0),
                    reason="market_closed",
                )
            )
            return
        self._reserve(order, market.instrument)
        if order.status is OrderStatus.HELD:
            heapq.heappush(self._due, (order.due_ns, order.seq, order.order_id))
            return
        market.ladder.add(order.book_side, order.yes_limit, order.order_id, order.qty_open)
        if order.expires_ns:
            heapq.heappush(self._due, (order.expires_ns, order.seq, order.order_id))

    def settle_again(self) -> None:
        """Pay what settled while these accounts were stored away; pays nothing twice."""
        for market_id, market in self._markets.items():
            if market.status is MarketStatus.SETTLED and market.payout is not None:
                shard = market.instrument.shard
                self.clearing.settle(market_id, market.payout, shard, market.settled_ns)
        self._commit()

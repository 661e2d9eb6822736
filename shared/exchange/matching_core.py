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
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from shared.domain.enums import BookSide, Liquidity, MarketStatus, Outcome, Side, TimeInForce
from shared.domain.ids import MarketId
from shared.domain.instrument import Instrument
from shared.domain.units import MICROS, PriceMicros, QtyMicros, UsdMicros, cost_ceil
from shared.exchange.accounts import HOUSE, Position
from shared.exchange.admission import check_request
from shared.exchange.clearing import Clearing
from shared.exchange.happenings import Happening, LevelMoved, MarketMoved, OrderMoved, TradePrinted
from shared.exchange.ladder import CROWD, Entry, Ladder, other
from shared.exchange.orders import (
    FillRecord,
    OrderRecord,
    OrderRequest,
    OrderStatus,
    PayoutRecord,
    RefusalCode,
    Refused,
    SelfTrade,
)
from shared.exchange.venue_rules import VenueRules

_NAMES: Final = uuid.UUID("3c0f1f0e-5a4e-5b5d-8f46-1b7f3c1d9a10")
_OPEN: Final = (MarketStatus.ACTIVE, MarketStatus.PAUSED)


@dataclass(slots=True)
class ExchangeMarket:
    """One listed market. ``payout`` is of one YES contract, None until it is determined."""

    instrument: Instrument
    status: MarketStatus
    ladder: Ladder
    payout: PriceMicros | None = None
    determined_ns: int = 0
    settled_ns: int = 0
    last_yes_price: PriceMicros = PriceMicros(0)
    volume: QtyMicros = QtyMicros(0)
    changed_ns: int = 0


@dataclass(frozen=True, slots=True)
class BookView:
    """Displayed levels in YES terms, best first."""

    bids: tuple[tuple[PriceMicros, QtyMicros], ...]
    asks: tuple[tuple[PriceMicros, QtyMicros], ...]
    ts_ns: int


@dataclass(slots=True)
class _Take:
    """What one order would take now."""

    steps: list[tuple[int, str, int]]
    """(YES price, resting order id, quantity) in order."""
    qty: int = 0
    spent: int = 0
    is_self_stopped: bool = False


class Exchange:
    """Markets, accounts and orders of one venue; see the module docstring for the rules."""

    def __init__(self, rules: VenueRules, seed: int = 1) -> None:
        self.rules = rules
        self.seed = seed
        self.paused_shards: set[int] = set()
        self._markets: dict[MarketId, ExchangeMarket] = {}
        self._orders: dict[str, OrderRecord] = {}
        self._orders_by_account: dict[str, list[str]] = {}
        self._live_by_market: dict[MarketId, set[str]] = {}
        self._client_ids: dict[tuple[str, str], str] = {}
        self._due: list[tuple[int, int, str]] = []
        self._listeners: list[Callable[[Happening], None]] = []
        self._dirty_orders: set[str] = set()
        self._seq = 0
        self.clearing = Clearing(rules, seed, self._emit)
        self.on_commit: Callable[[Exchange], None] | None = None
        """Called after every mutating call that touched an account, before it returns."""

    # --- listeners -----------------------------------------------------------------------

    def subscribe(self, listener: Callable[[Happening], None]) -> Callable[[], None]:
        """Deliver happenings synchronously; the listener must neither block nor call back."""
        self._listeners.append(listener)

        def unsubscribe() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return unsubscribe

    def _emit(self, happening: Happening) -> None:
        for listener in tuple(self._listeners):
            listener(happening)

    def _commit(self) -> None:
        if self.on_commit is not None:
            self.on_commit(self)

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
        if payout is not None:
            assert market.payout in (None, payout), "amended payouts are not simulated"
            market.payout = payout
        market.status = status
        if status is MarketStatus.DETERMINED:
            assert market.payout is not None
            market.determined_ns = now_ns
        if status not in _OPEN:
            self._clear_book(market, now_ns)
        self._emit(MarketMoved(market_id, status, now_ns, payout=market.payout))
        if status is MarketStatus.SETTLED:
            assert market.payout is not None
            market.settled_ns = now_ns
            self.clearing.settle(market_id, market.payout, market.instrument.shard, now_ns)
        self._commit()

    def follow_status(self, market_id: MarketId, status: MarketStatus, now_ns: int) -> None:
        """Take over the status that a real venue reports, short of its result."""
        market = self._markets[market_id]
        is_over = market.status in (MarketStatus.DETERMINED, MarketStatus.SETTLED)
        if not is_over and status in (*_OPEN, MarketStatus.CLOSED):
            self.change_status(market_id, status, now_ns)

    def resolve(self, market_id: MarketId, payout: PriceMicros, now_ns: int) -> None:
        """Pay a market whose result a real venue reported, listed here or not.

        The first result stands: amended results are not simulated.
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

    def _level_moved(
        self,
        market: ExchangeMarket,
        side: BookSide,
        price: int,
        delta: int,
        now_ns: int,
        order: OrderRecord | None,
    ) -> None:
        market.changed_ns = now_ns
        self._emit(
            LevelMoved(
                market.instrument.market_id,
                side,
                PriceMicros(price),
                QtyMicros(market.ladder.total(side, price)),
                delta,
                now_ns,
                account=order.account if order else "",
                client_id=order.client_id if order else "",
            )
        )

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

    def cash(self, account: str, shard: int | None = None) -> UsdMicros:
        state = self.clearing.accounts.get(account)
        if state is None:
            return UsdMicros(0)
        return UsdMicros(sum(state.cash.values()) if shard is None else state.cash.get(shard, 0))

    def cash_by_shard(self, account: str) -> dict[int, UsdMicros]:
        state = self.clearing.accounts.get(account)
        return {} if state is None else {s: UsdMicros(c) for s, c in sorted(state.cash.items())}

    def available_cash(self, account: str, shard: int = 0) -> UsdMicros:
        state = self.clearing.accounts.get(account)
        return UsdMicros(0) if state is None else state.available_cash(shard)

    def open_orders_collateral(self, account: str) -> UsdMicros:
        state = self.clearing.accounts.get(account)
        return UsdMicros(0 if state is None else sum(c for _, c in state.reserved_cash.values()))

    def position(self, account: str, market_id: MarketId) -> Position:
        state = self.clearing.accounts.get(account)
        return Position() if state is None else state.position(market_id)

    def positions(self, account: str) -> dict[MarketId, Position]:
        state = self.clearing.accounts.get(account)
        return {} if state is None else dict(state.positions)

    # --- reading -------------------------------------------------------------------------

    def market_ids(self) -> list[MarketId]:
        return list(self._markets)

    def market(self, market_id: MarketId) -> ExchangeMarket | None:
        return self._markets.get(market_id)

    def book(self, market_id: MarketId) -> BookView:
        market = self._markets[market_id]
        bids = tuple((PriceMicros(p), QtyMicros(q)) for p, q in market.ladder.levels(BookSide.BID))
        asks = tuple((PriceMicros(p), QtyMicros(q)) for p, q in market.ladder.levels(BookSide.ASK))
        return BookView(bids, asks, market.changed_ns)

    def order(self, order_id: str) -> OrderRecord | None:
        return self._orders.get(order_id)

    def order_by_client_id(self, account: str, client_id: str) -> OrderRecord | None:
        order_id = self._client_ids.get((account, client_id))
        return None if order_id is None else self._orders[order_id]

    def live_orders(self) -> list[OrderRecord]:
        """Return every resting or held order of every account, oldest first."""
        live = [self._orders[i] for ids in self._live_by_market.values() for i in ids]
        return sorted(live, key=lambda order: order.seq)

    def orders(self, account: str) -> list[OrderRecord]:
        return [self._orders[order_id] for order_id in self._orders_by_account.get(account, ())]

    def fills(self, account: str) -> list[FillRecord]:
        return self.clearing.fills_of_account(account)

    def fills_of(self, order_id: str) -> list[FillRecord]:
        return self.clearing.fills_of_order(order_id)

    def payouts(self, account: str) -> list[PayoutRecord]:
        return [p for p in self.clearing.payouts.values() if p.account == account]

    # --- time ----------------------------------------------------------------------------

    def next_due_ns(self) -> int | None:
        """Return when the next hold, expiry or finality step falls due."""
        times = [at for at in (self.clearing.next_due_ns(),) if at is not None]
        if self._due:
            times.append(self._due[0][0])
        return min(times) if times else None

    def advance(self, now_ns: int) -> None:
        """Carry out, in time order, everything that fell due at or before ``now_ns``."""
        is_changed = False
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
            self._execute(replace(order, due_ns=0), at_ns, was_held=True)
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
        if refusal is not None:
            return refusal
        assert market is not None and state is not None
        qty = request.qty
        if request.reduce_only:
            net = state.position(request.market_id).net_yes
            held = max(0, -net) if request.book_side is BookSide.BID else max(0, net)
            qty = QtyMicros(min(qty, held))
        order = self._new_order(request, qty, market.instrument, now_ns)
        crosses = market.ladder.crosses(order.book_side, order.yes_limit)
        if request.post_only and crosses:
            return Refused(RefusalCode.POST_ONLY_CROSS, "post-only order would cross")
        refusal = self._check_affordable(order, market)
        if refusal is not None:
            return refusal
        delay = market.instrument.taker_delay_ns
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
            order_id=request.order_id or str(uuid.uuid5(_NAMES, name)),
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

    def _register(self, order: OrderRecord) -> None:
        self._orders_by_account.setdefault(order.account, []).append(order.order_id)
        if order.client_id:
            self._client_ids[(order.account, order.client_id)] = order.order_id
        self._save(order)

    def _save(self, order: OrderRecord) -> None:
        self._orders[order.order_id] = order
        self._dirty_orders.add(order.order_id)
        live = self._live_by_market.setdefault(order.market_id, set())
        if order.is_live:
            live.add(order.order_id)
        else:
            live.discard(order.order_id)

    # --- matching ------------------------------------------------------------------------

    def _plan_take(self, order: OrderRecord, ladder: Ladder) -> _Take:
        """Return what the order takes now: best price first, oldest first at a price."""
        take = _Take([])
        budget = order.budget_usd
        for yes_price, entry in ladder.walk(order.book_side, order.yes_limit):
            left = order.qty - order.qty_filled - take.qty
            price = yes_price if order.outcome is Outcome.YES else MICROS - yes_price
            if budget is not None:
                # The whole budget is spent: a better price buys more, not cheaper.
                left = (budget - order.cost_usd - take.spent) * MICROS // price
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
        if order.tif is TimeInForce.FOK and not is_full and not take.is_self_stopped:
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
            trade_id = str(uuid.uuid5(_NAMES, f"{order.order_id}/{number}"))
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
            trade_id = str(uuid.uuid5(_NAMES, f"{maker.order_id}/maker/{number}"))
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

    def _end_order(self, order: OrderRecord, now_ns: int, reason: str) -> OrderRecord:
        """Remove what rests of an order and close its record."""
        market = self._markets[order.market_id]
        if order.status is OrderStatus.RESTING and order.qty_open > 0:
            gone = market.ladder.remove(order.book_side, order.yes_limit, order.order_id)
            if gone:
                self._level_moved(market, order.book_side, order.yes_limit, -gone, now_ns, order)
        self.clearing.accounts.state(order.account).release(order.order_id)
        is_full = order.qty_filled >= order.qty or (
            order.budget_usd is not None and order.qty_filled > 0
        )
        status = OrderStatus.EXECUTED if is_full and order.qty_filled else OrderStatus.CANCELED
        order = replace(
            order, status=status, qty_open=QtyMicros(0), updated_ns=now_ns, reason=reason, due_ns=0
        )
        self._save(order)
        self._emit(OrderMoved(order.account, order, now_ns))
        return order

    # --- durability (see records.py) -------------------------------------------------------

    def take_dirty_orders(self) -> Iterable[OrderRecord]:
        dirty = [self._orders[order_id] for order_id in sorted(self._dirty_orders)]
        self._dirty_orders.clear()
        return dirty

    def restore_order(self, order: OrderRecord) -> None:
        """Put a stored order back; live ones rest or wait again in their old sequence."""
        self._seq = max(self._seq, order.seq)
        self._register(order)
        self._dirty_orders.discard(order.order_id)
        if not order.is_live:
            return
        market = self._markets.get(order.market_id)
        if market is None or market.status not in _OPEN:
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

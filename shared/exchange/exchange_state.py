"""What an exchange knows: markets, orders, accounts, and how to read them.

The lowest layer of ``matching_core.Exchange``: nothing here decides, it keeps and tells.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

from shared.domain.enums import BookSide, MarketStatus
from shared.domain.ids import MarketId
from shared.domain.instrument import Instrument
from shared.domain.units import PriceMicros, QtyMicros, UsdMicros
from shared.exchange.accounts import Position
from shared.exchange.clearing import Clearing
from shared.exchange.fault_plan import FaultSwitches
from shared.exchange.happenings import Happening, LevelMoved, OrderMoved
from shared.exchange.ladder import Ladder
from shared.exchange.orders import FillRecord, OrderRecord, OrderStatus, PayoutRecord
from shared.exchange.venue_rules import VenueRules

OPEN_STATUSES: Final = (MarketStatus.ACTIVE, MarketStatus.PAUSED)


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


class ExchangeState:
    """Markets, orders and accounts of one venue; read by servers, changed by subclasses."""

    def __init__(self, rules: VenueRules, seed: int = 1) -> None:
        self.rules = rules
        self.seed = seed
        self.paused_shards: set[int] = set()
        self.faults = FaultSwitches(seed)
        """The plan in force; the world of a simulator puts its own here."""
        self._caps: dict[str, int] = {}
        """Order id -> the most that it may fill, while it is being executed."""
        self._kept: set[str] = set()
        """Orders that keep a part although they are fill-or-kill (self-trade prevention)."""
        self._hold_ends: dict[str, str] = {}
        """Held order -> how a fault ends its hold: unmatched or rejected."""
        self._cancelled_all_ns: dict[str, int] = {}
        self._planned: list[tuple[int, int, str, str, int]] = []
        """What faults left for later: (when, number, what, subject, detail)."""
        self._plans = 0
        self._carriers: dict[str, Callable[[str], None]] = {}
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
        self.clearing.choose_fate = self._choose_fate
        self.clearing.is_against_maker = self._is_against_maker
        self.on_commit: Callable[[], None] | None = None
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
            self.on_commit()

    # --- filled in by the layers above -----------------------------------------------------

    def advance(self, now_ns: int) -> None:
        raise NotImplementedError

    def _plan_bust(self, fill: FillRecord) -> None:
        raise NotImplementedError

    def on_planned(self, what: str, carry_out: Callable[[str], None]) -> None:
        """Let a server carry out plans of a kind of its own."""
        self._carriers[what] = carry_out

    def plan(self, at_ns: int, what: str, subject: str, detail: int = 0) -> None:
        """Leave something for ``advance`` to carry out at a time (see trade_corrections)."""
        heapq.heappush(
            self._planned, (at_ns, len(self._planned) + self._seq, what, subject, detail)
        )

    def _choose_fate(self, fill: FillRecord) -> str:
        raise NotImplementedError

    def _is_against_maker(self, fill: FillRecord) -> bool:
        raise NotImplementedError

    # --- accounts ------------------------------------------------------------------------

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

    # --- markets and orders -----------------------------------------------------------------

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

    # --- keeping ---------------------------------------------------------------------------

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

    def take_dirty_orders(self) -> Iterable[OrderRecord]:
        dirty = [self._orders[order_id] for order_id in sorted(self._dirty_orders)]
        self._dirty_orders.clear()
        return dirty

"""After the match: fees, money, contracts, finality and payouts of one exchange.

Rule 1: a fill is booked whole or not at all; the caller has checked that it is affordable.
Rule 2: fees come from ``shared.domain.fees`` alone, so a simulator cannot disagree with
        the bot's own arithmetic by accident; the formula's tests use real charges.
Rule 3: a settled market pays final contracts at once, pending ones when they confirm.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import replace

from shared.domain.enums import Liquidity, Outcome, Side
from shared.domain.fees import charge
from shared.domain.ids import MarketId
from shared.domain.instrument import Instrument
from shared.domain.units import MICROS, PriceMicros, QtyMicros, UsdMicros, cost_ceil, cost_floor
from shared.exchange.accounts import FEES, HOUSE, Accounts, Position
from shared.exchange.finality import plan_finality
from shared.exchange.happenings import FillMade, FinalityMoved, Happening, PayoutMade
from shared.exchange.orders import FillRecord, OrderRecord, PayoutRecord, TradeStatus, of_other
from shared.exchange.venue_rules import VenueRules

Emit = Callable[[Happening], None]


def leg_amount(side: Side, price: PriceMicros, qty: QtyMicros) -> UsdMicros:
    """Return the cash of a leg: rounded up when it is paid, down when it is received."""
    return cost_ceil(price, qty) if side is Side.BUY else cost_floor(price, qty)


class Clearing:
    """Books fills, moves trades to finality, pays settled markets."""

    def __init__(self, rules: VenueRules, seed: int, emit: Emit) -> None:
        self.rules = rules
        self.accounts = Accounts()
        self.fills: dict[str, FillRecord] = {}
        self.payouts: dict[str, PayoutRecord] = {}
        self.settled: dict[MarketId, PriceMicros] = {}
        self.dirty_fills: set[str] = set()
        self.dirty_payouts: set[str] = set()
        self._fills_by_order: dict[str, list[str]] = {}
        self._fills_by_account: dict[str, list[str]] = {}
        self._stages: list[tuple[int, int, str, TradeStatus]] = []
        self._stage_number = 0
        self._fill_seq = 0
        self._seed = seed
        self.emit = emit
        self.choose_fate: Callable[[FillRecord], str] = lambda _fill: ""
        """What a fault makes of a fresh trade; asked once a trade."""
        self.is_against_maker: Callable[[FillRecord], bool] = lambda _fill: False
        self._fate_of_trade: dict[str, str] = {}

    # --- reading -------------------------------------------------------------------------

    def fills_of_order(self, order_id: str) -> list[FillRecord]:
        return [self.fills[key] for key in self._fills_by_order.get(order_id, ())]

    def fills_of_account(self, account: str) -> list[FillRecord]:
        return [self.fills[key] for key in self._fills_by_account.get(account, ())]

    def fills_of_trade(self, trade_id: str) -> list[FillRecord]:
        return [fill for fill in self.fills.values() if fill.trade_id == trade_id]

    def next_due_ns(self) -> int | None:
        return self._stages[0][0] if self._stages else None

    # --- fills ---------------------------------------------------------------------------

    def price_fill(
        self,
        order: OrderRecord,
        instrument: Instrument,
        price: PriceMicros,
        qty: QtyMicros,
        liquidity: Liquidity,
        accumulator: int,
        side: Side | None = None,
    ) -> tuple[UsdMicros, UsdMicros, int]:
        """Return (leg amount, fee, new accumulator) of a fill without booking it."""
        amount = leg_amount(side or order.side, price, qty)
        fee = charge(
            instrument.fees, liquidity, side or order.side, price, qty, accumulator=accumulator
        )
        assert amount >= 0 and fee.fee_usd >= 0, (amount, fee)
        return amount, fee.fee_usd, fee.accumulator

    def cash_need(
        self, order: OrderRecord, position: Position, yes_price: int, qty: int, fee: int
    ) -> tuple[int, int]:
        """Return (cash that a fill takes, net YES change); negative cash is a receipt.

        On a netting venue the closing part pays its dollar back; elsewhere a sale gives
        nothing before it is confirmed.
        """
        yes_change = qty if (order.side is Side.BUY) is (order.outcome is Outcome.YES) else -qty
        if not self.rules.is_netting:
            if order.side is Side.SELL:
                return 0, yes_change
            price = yes_price if order.outcome is Outcome.YES else MICROS - yes_price
            return cost_ceil(PriceMicros(price), QtyMicros(qty)) + fee, yes_change
        before, after = position.net_yes, position.net_yes + yes_change
        posted = max(0, -after) - max(0, -before)
        is_up = yes_change > 0
        amount = leg_amount(
            Side.BUY if is_up else Side.SELL, PriceMicros(yes_price), QtyMicros(qty)
        )
        return (amount if is_up else -amount) + posted + fee, yes_change

    def book_fill(
        self,
        order: OrderRecord,
        instrument: Instrument,
        yes_price: PriceMicros,
        qty: QtyMicros,
        liquidity: Liquidity,
        trade_id: str,
        counter_order_id: str,
        now_ns: int,
    ) -> tuple[FillRecord, int]:
        """Move cash and contracts for one fill; return its record and the new accumulator."""
        price = yes_price if order.outcome is Outcome.YES else of_other(yes_price)
        amount, fee, accumulator = self.price_fill(
            order, instrument, price, qty, liquidity, order.accumulator
        )
        is_final = self.rules.finality is None
        if self.rules.is_netting:
            is_up = (order.side is Side.BUY) is (order.outcome is Outcome.YES)
            yes_amount = leg_amount(Side.BUY if is_up else Side.SELL, yes_price, qty)
            change = qty if is_up else -qty
            self.accounts.apply_netted(
                order.account, order.market_id, change, yes_amount, fee, instrument.shard
            )
        else:
            self.accounts.apply_shares(
                order.account,
                order.market_id,
                order.outcome,
                order.side,
                qty,
                amount,
                fee,
                is_final=is_final,
            )
        self._fill_seq += 1
        net_yes = self.accounts.state(order.account).position(order.market_id).net_yes
        status = TradeStatus.CONFIRMED if is_final else TradeStatus.MATCHED
        fill = FillRecord(
            trade_id=trade_id,
            order_id=order.order_id,
            client_id=order.client_id,
            account=order.account,
            market_id=order.market_id,
            outcome=order.outcome,
            side=order.side,
            price=price,
            qty=qty,
            amount_usd=amount,
            fee_usd=fee,
            liquidity=liquidity,
            ts_ns=now_ns,
            status=status,
            counter_order_id=counter_order_id,
            seq=self._fill_seq,
            net_yes_after=net_yes,
            status_ns=now_ns,
        )
        if not is_final and (fate := self._fate(fill)):
            fill = replace(fill, fate=fate)
        self.store_fill(fill)
        if not is_final:
            self._plan_stages(fill)
        self.emit(FillMade(order.account, fill, now_ns))
        return fill, accumulator

    def store_fill(self, fill: FillRecord) -> None:
        if fill.key not in self.fills:
            self._fills_by_order.setdefault(fill.order_id, []).append(fill.key)
            self._fills_by_account.setdefault(fill.account, []).append(fill.key)
        self.fills[fill.key] = fill
        self.dirty_fills.add(fill.key)

    # --- finality ------------------------------------------------------------------------

    def _fate(self, fill: FillRecord) -> str:
        """Draw the fate of a trade once; its second side shares it."""
        if fill.trade_id not in self._fate_of_trade:
            fate = self.choose_fate(fill)
            if not fate:
                return ""
            self._fate_of_trade[fill.trade_id] = fate
        return self._fate_of_trade[fill.trade_id]

    def _plan_stages(self, fill: FillRecord) -> None:
        settings = self.rules.finality
        assert settings is not None
        stages = plan_finality(settings, self._seed, fill.trade_id, fill.ts_ns, fill.fate)
        for at_ns, status in stages:
            if at_ns > fill.status_ns or fill.status is TradeStatus.MATCHED:
                self._stage_number += 1
                heapq.heappush(self._stages, (at_ns, self._stage_number, fill.key, status))

    def advance_one(self, now_ns: int) -> bool:
        """Carry out the earliest due stage; return False when nothing is due."""
        if not self._stages or self._stages[0][0] > now_ns:
            return False
        at_ns, _, key, status = heapq.heappop(self._stages)
        self.move_to(key, status, at_ns)
        return True

    def move_to(self, key: str, status: TradeStatus, at_ns: int) -> None:
        """Give a trade that is not final yet its next status, with what it does to money."""
        fill = self.fills[key]
        if fill.status.is_final or fill.status is status:
            return
        if status is TradeStatus.CONFIRMED and fill.fate == "ghost":
            status = TradeStatus.FAILED if self.is_against_maker(fill) else status
        args = (fill.account, fill.market_id, fill.outcome, fill.side, fill.qty)
        if status is TradeStatus.CONFIRMED:
            self.accounts.confirm(*args, max(0, fill.amount_usd - fill.fee_usd))
        elif status is TradeStatus.FAILED:
            self.accounts.revert(*args, fill.amount_usd, fill.fee_usd)
        moved = replace(fill, status=status, status_ns=at_ns)
        self.store_fill(moved)
        self.emit(FinalityMoved(fill.account, moved, at_ns))
        if status.is_final and fill.market_id in self.settled:
            self._pay_account(fill.account, fill.market_id, 0, at_ns)

    # --- payouts -------------------------------------------------------------------------

    def settle(self, market: MarketId, payout: PriceMicros, shard: int, now_ns: int) -> None:
        """Pay every account's final contracts of a market; repeats pay nothing twice."""
        assert 0 <= payout <= MICROS
        assert self.settled.get(market, payout) == payout, "a settled payout does not change"
        self.settled[market] = payout
        for name in self.accounts.names():
            self._pay_account(name, market, shard, now_ns)

    def note_result(self, market: MarketId, payout: PriceMicros, now_ns: int) -> None:
        """Keep a result as a record of nobody's, so that it outlives a restart."""
        nothing = QtyMicros(0)
        reference = f"result/{market}"
        self.payouts[reference] = PayoutRecord(
            reference, "", market, payout, nothing, nothing, UsdMicros(0), now_ns
        )
        self.dirty_payouts.add(reference)

    def _pay_account(self, name: str, market: MarketId, shard: int, now_ns: int) -> None:
        payout = self.settled[market]
        state = self.accounts.state(name)
        position = state.position(market)
        yes, no = position.final_of(Outcome.YES), position.final_of(Outcome.NO)
        if yes == 0 and no == 0:
            return
        cash = cost_floor(payout, yes) + cost_floor(of_other(payout), no)
        left = position.moved(Outcome.YES, -yes).moved(Outcome.NO, -no)
        state.set_position(market, left)
        self.accounts.pay(HOUSE, name, cash, shard=shard)
        count = sum(1 for p in self.payouts.values() if (p.account, p.market_id) == (name, market))
        reference = f"{name}/{market}" if count == 0 else f"{name}/{market}/{count + 1}"
        record = PayoutRecord(reference, name, market, payout, yes, no, UsdMicros(cash), now_ns)
        assert reference not in self.payouts
        self.payouts[reference] = record
        self.dirty_payouts.add(reference)
        self.emit(PayoutMade(name, record, now_ns))

    # --- restoring -----------------------------------------------------------------------

    def restore_fill(self, fill: FillRecord) -> None:
        self._fill_seq = max(self._fill_seq, fill.seq)
        self.store_fill(fill)
        self.dirty_fills.discard(fill.key)
        if not fill.status.is_final:
            self._plan_stages(fill)

    def restore_payout(self, payout: PayoutRecord) -> None:
        self.payouts[payout.reference] = payout
        self.settled[payout.market_id] = payout.payout


__all__ = ["FEES", "HOUSE", "Clearing", "Emit", "leg_amount"]

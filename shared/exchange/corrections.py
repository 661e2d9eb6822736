"""Corrections of what was booked: a trade taken back or re-priced, a result amended.

Rule: cash and contracts go back the way they came, and nobody pays what he has not got.
"""

from __future__ import annotations

from dataclasses import replace

from shared.domain.enums import Outcome, Side
from shared.domain.ids import MarketId
from shared.domain.units import MICROS, PriceMicros, QtyMicros, UsdMicros, cost_floor
from shared.exchange.accounts import FEES, HOUSE
from shared.exchange.clearing import Clearing, leg_amount
from shared.exchange.happenings import PayoutMade
from shared.exchange.orders import FillRecord, OrderRecord, TradeStatus, of_other


def can_correct(
    clearing: Clearing, fill: FillRecord, shard: int, yes_price: PriceMicros | None
) -> bool:
    """Say whether the account can pay for taking a fill back, or for its new price."""
    state = clearing.accounts.state(fill.account)
    is_up, amount = _yes_terms(fill, fill.yes_price)
    before = state.position(fill.market_id).net_yes
    if yes_price is not None:
        extra = _yes_terms(fill, yes_price)[1] - amount
        return state.available_cash(shard) >= (extra if is_up else -extra)
    after = before - fill.qty if is_up else before + fill.qty
    posted = max(0, -after) - max(0, -before)
    need = (-amount if is_up else amount) + posted - fill.fee_usd
    return state.available_cash(shard) >= need


def _yes_terms(fill: FillRecord, yes_price: PriceMicros) -> tuple[bool, int]:
    """Return (the fill gained YES, its money at a YES price) as it was booked."""
    is_up = (fill.side is Side.BUY) is (fill.outcome is Outcome.YES)
    return is_up, leg_amount(Side.BUY if is_up else Side.SELL, yes_price, fill.qty)


def correct(
    clearing: Clearing, fill: FillRecord, shard: int, yes_price: PriceMicros | None, now_ns: int
) -> FillRecord:
    """Take a fill of a netting venue back (None), or move it to another price.

    A bust returns the fee; a new price keeps the fee that was charged.
    """
    assert clearing.rules.is_netting and can_correct(clearing, fill, shard, yes_price)
    is_up, amount = _yes_terms(fill, fill.yes_price)
    if yes_price is None:
        clearing.accounts.pay(FEES, fill.account, fill.fee_usd, shard=shard)
        change = -fill.qty if is_up else fill.qty
        clearing.accounts.apply_netted(fill.account, fill.market_id, change, amount, 0, shard)
        moved = replace(fill, status=TradeStatus.FAILED, status_ns=now_ns)
    else:
        extra = _yes_terms(fill, yes_price)[1] - amount
        owes = extra if is_up else -extra
        payer, taker = (fill.account, HOUSE) if owes > 0 else (HOUSE, fill.account)
        if owes:
            clearing.accounts.pay(payer, taker, abs(owes), shard=shard)
        price = yes_price if fill.outcome is Outcome.YES else of_other(yes_price)
        paid = leg_amount(fill.side, price, fill.qty)
        moved = replace(fill, price=price, amount_usd=paid, status_ns=now_ns)
    clearing.store_fill(moved)
    return moved


def corrected_order(
    order: OrderRecord, fill: FillRecord, moved: FillRecord, now_ns: int
) -> OrderRecord:
    """Return the order's record after one of its fills was taken back or re-priced."""
    gone = moved.status is TradeStatus.FAILED
    qty = fill.qty if gone else 0
    money = fill.amount_usd if gone else fill.amount_usd - moved.amount_usd
    fee = fill.fee_usd if gone else 0
    return replace(
        order,
        qty_filled=QtyMicros(order.qty_filled - qty),
        cost_usd=UsdMicros(order.cost_usd - money),
        taker_cost_usd=UsdMicros(order.taker_cost_usd - money),
        fee_usd=UsdMicros(order.fee_usd - fee),
        taker_fee_usd=UsdMicros(order.taker_fee_usd - fee),
        updated_ns=now_ns,
    )


def amend(
    clearing: Clearing, market: MarketId, payout: PriceMicros, shard: int, now_ns: int
) -> int:
    """Move every payout of a market to another result; returns how many moved."""
    assert 0 <= payout <= MICROS and market in clearing.settled
    clearing.settled[market] = payout
    changed = 0
    for reference, old in sorted(clearing.payouts.items()):
        if old.market_id != market or not old.account:
            continue
        cash = cost_floor(payout, old.qty_yes) + cost_floor(of_other(payout), old.qty_no)
        owes = old.cash_usd - cash
        if owes > clearing.accounts.state(old.account).available_cash(shard):
            continue
        payer, taker = (old.account, HOUSE) if owes > 0 else (HOUSE, old.account)
        if owes:
            clearing.accounts.pay(payer, taker, abs(owes), shard=shard)
        moved = replace(old, payout=payout, cash_usd=UsdMicros(cash))
        clearing.payouts[reference] = moved
        clearing.dirty_payouts.add(reference)
        clearing.emit(PayoutMade(old.account, moved, now_ns))
        changed += 1
    return changed

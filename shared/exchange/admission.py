"""May this order enter at all? Checked before anything is reserved or matched.

Order of the checks is that of a careful venue: who, what, open?, grid, size, kind.
Sources: the venues' fact sheets (refusal texts are made by the servers).
"""

from __future__ import annotations

from collections.abc import Set

from shared.domain.enums import MarketStatus, Side, TimeInForce
from shared.domain.instrument import Instrument
from shared.domain.units import MICROS, cost_floor
from shared.exchange.accounts import AccountState
from shared.exchange.orders import OrderRequest, RefusalCode, Refused
from shared.exchange.venue_rules import VenueRules

_CENT = 10_000


def check_request(
    request: OrderRequest,
    instrument: Instrument | None,
    status: MarketStatus | None,
    account: AccountState | None,
    rules: VenueRules,
    paused_shards: Set[int],
    now_ns: int,
) -> Refused | None:
    """Return the reason why the order may not enter, or None."""
    if account is None:
        return Refused(RefusalCode.UNKNOWN_ACCOUNT, "no such account")
    if instrument is None or status is None:
        return Refused(RefusalCode.UNKNOWN_MARKET, f"market not found: {request.market_id}")
    if request.shard >= 0 and request.shard != instrument.shard:
        return Refused(RefusalCode.WRONG_SHARD, "the market lives on another shard")
    if instrument.shard not in account.cash:
        return Refused(RefusalCode.UNKNOWN_ACCOUNT, "the shard was never funded")
    if status is MarketStatus.PAUSED or instrument.shard in paused_shards:
        return Refused(RefusalCode.TRADING_PAUSED, "trading is paused")
    if status is not MarketStatus.ACTIVE:
        return Refused(RefusalCode.MARKET_INACTIVE, "the market is not open")
    return (
        _check_price(request, instrument)
        or _check_size(request, instrument, rules)
        or _check_kind(request, rules, now_ns)
    )


def _check_price(request: OrderRequest, instrument: Instrument) -> Refused | None:
    if not 0 < request.price_limit < MICROS or not instrument.is_on_grid(request.yes_limit):
        return Refused(RefusalCode.OFF_GRID, f"price {request.price_limit} is off the grid")
    return None


def _check_size(request: OrderRequest, instrument: Instrument, rules: VenueRules) -> Refused | None:
    may_rest = request.tif is TimeInForce.GTC
    if request.budget_usd is not None:
        if request.budget_usd <= 0 or request.budget_usd % _CENT:
            return Refused(RefusalCode.BAD_SIZE, "a budget is a positive number of cents")
        notional = int(request.budget_usd)
    else:
        if request.qty <= 0 or request.qty % instrument.qty_step:
            return Refused(RefusalCode.BAD_SIZE, f"quantity {request.qty} is not a size")
        if request.qty < instrument.min_qty and (may_rest or not rules.min_qty_rests_only):
            return Refused(RefusalCode.BELOW_MIN_SIZE, f"minimum is {instrument.min_qty}")
        notional = cost_floor(request.price_limit, request.qty)
    if request.side is Side.BUY and notional < instrument.min_notional_usd:
        return Refused(RefusalCode.BELOW_MIN_NOTIONAL, f"minimum is {instrument.min_notional_usd}")
    return None


def _check_kind(request: OrderRequest, rules: VenueRules, now_ns: int) -> Refused | None:
    is_immediate = request.tif is not TimeInForce.GTC
    if request.reduce_only and (request.tif is not TimeInForce.IOC or not rules.is_netting):
        return Refused(RefusalCode.REDUCE_ONLY_IOC, "reduce only is for immediate orders")
    if request.post_only and is_immediate:
        return Refused(RefusalCode.POST_ONLY_CROSS, "post only needs a resting order")
    if request.expires_ns and (is_immediate or request.expires_ns <= now_ns):
        return Refused(RefusalCode.EXPIRED, "invalid expiration")
    if request.budget_usd is not None and (request.side is not Side.BUY or not is_immediate):
        return Refused(RefusalCode.BAD_SIZE, "a budget needs an immediate buy")
    return None

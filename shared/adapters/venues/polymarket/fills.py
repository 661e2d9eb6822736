"""Trades of the venue to fills of ours, the same from every source.

A trade is told by the answer to our order, by the user channel and by REST, each more
than once; ``(trade id, order id)`` names the fill, so that it is posted once. As maker our
price, side and token are those of our entry in ``maker_orders``, not the top-level ones.
Fees are reckoned by the market's schedule: the ``fee_rate_bps`` of trades is a relic.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from shared.adapters.venues.polymarket.parsing import micros, parse_time
from shared.adapters.venues.polymarket.schemas import MakerOrder, Trade
from shared.domain.enums import Liquidity, Outcome, Side, Venue
from shared.domain.errors import UnknownFeeError, WireError
from shared.domain.fees import charge
from shared.domain.ids import AttemptId
from shared.domain.instrument import Instrument
from shared.domain.order import Fill
from shared.domain.units import (
    MICROS,
    PriceMicros,
    QtyMicros,
    UsdMicros,
    ceil_div,
    complement,
    cost_ceil,
    cost_floor,
    floor_div,
)

CONFIRMED: Final = "CONFIRMED"
FAILED: Final = "FAILED"
PENDING: Final = frozenset({"MATCHED_NOT_BROADCASTED", "MATCHED", "MINED", "RETRYING"})

PRICE_SLACK: Final = 3
"""Micro-dollars by which the chain's whole amounts may miss price x shares of one level."""

Owner = Callable[[str], AttemptId | None]
"""Order id (lower case) to the attempt that it belongs to, when we remember it."""


def trade_state(trade: Trade) -> str:
    """Return the status word without its occasional prefix; unknown words stay themselves."""
    return trade.status.upper().removeprefix("TRADE_STATUS_")


def _outcome(token: str, instrument: Instrument) -> Outcome:
    if token == instrument.yes_token:
        return Outcome.YES
    if token == instrument.no_token:
        return Outcome.NO
    raise WireError("polymarket.trade.token", f"{instrument.market_id} {token}")


def _side(text: str) -> Side:
    sides = {"BUY": Side.BUY, "SELL": Side.SELL}
    if text.upper() not in sides:
        raise WireError("polymarket.trade.side", text)
    return sides[text.upper()]


def make_fill(
    *,
    trade_id: str,
    order_id: str,
    attempt: AttemptId | None,
    instrument: Instrument,
    outcome: Outcome,
    side: Side,
    qty: int,
    cost: int | None,
    price: int | None,
    liquidity: Liquidity,
    ts_ns: int,
    is_final: bool,
) -> Fill:
    """Return a fill from a quantity and either its exact money or its price.

    A price reckoned from money is rounded against us, unless the money is a tick price's
    own product but for the chain's rounding: then it is that price.
    """
    if qty <= 0 or not trade_id or (cost is None and price is None):
        raise WireError("polymarket.trade.amounts", f"{trade_id} qty {qty}")
    if price is None:
        assert cost is not None
        price = price_of(cost, qty, side, instrument)
    if not 0 < price < MICROS:
        raise WireError("polymarket.trade.price", f"{trade_id} {price}")
    if cost is None:
        exact = cost_ceil if side is Side.BUY else cost_floor
        cost = exact(PriceMicros(price), QtyMicros(qty))
    try:
        fee = charge(instrument.fees, liquidity, side, PriceMicros(price), QtyMicros(qty)).fee_usd
    except UnknownFeeError as error:
        raise WireError("polymarket.trade.fee", f"{trade_id}: {error}") from error
    assert cost >= 0 and fee >= 0, (cost, fee)
    return Fill(
        venue=Venue.POLYMARKET,
        trade_id=trade_id,
        order_id=order_id,
        attempt_id=attempt,
        market_id=instrument.market_id,
        outcome=outcome,
        side=side,
        price=PriceMicros(price),
        qty=QtyMicros(qty),
        fee=fee,
        liquidity=liquidity,
        venue_ts_ns=ts_ns,
        is_final=is_final,
        cost_usd=UsdMicros(cost),
    )


def price_of(cost: int, qty: int, side: Side, instrument: Instrument) -> int:
    """Return the price at which ``qty`` cost ``cost``, in micros."""
    assert cost > 0 and qty > 0, (cost, qty)
    step = instrument.grid[0].step if instrument.grid else 1
    near = (cost * MICROS // qty + step // 2) // step * step
    if abs(near * qty - cost * MICROS) <= PRICE_SLACK * MICROS:
        return near
    if side is Side.BUY:
        return ceil_div(cost * MICROS, qty)
    return floor_div(cost * MICROS, qty)


def fills_of_trade(
    trade: Trade, instrument: Instrument, owner: Owner, api_key: str, wallet: str
) -> list[Fill]:
    """Return our fills in a trade: one as taker, or one for each of our maker orders.

    Raises:
        WireError: unreadable amounts, sides or tokens.
    """
    state = trade_state(trade)
    ts_ns = parse_time(
        trade.match_time or trade.matchtime or trade.timestamp, "polymarket.trade.time"
    )
    taker_side = _side(trade.side)
    fills: list[Fill] = []
    taker_id = trade.taker_order_id.lower()
    claims_taker = (trade.trader_side or "TAKER").upper() == "TAKER" and trade.owner in (
        api_key,
        "",
    )
    if owner(taker_id) is not None or claims_taker:
        qty = micros(trade.size, "polymarket.trade.size")
        fills.append(
            make_fill(
                trade_id=trade.id,
                order_id=taker_id,
                attempt=owner(taker_id),
                instrument=instrument,
                outcome=_outcome(trade.asset_id, instrument),
                side=taker_side,
                qty=qty,
                cost=_taker_cost(trade, qty),
                price=micros(trade.price, "polymarket.trade.price"),
                liquidity=Liquidity.TAKER,
                ts_ns=ts_ns,
                is_final=state == CONFIRMED,
            )
        )
    for entry in trade.maker_orders or ():
        maker_id = entry.order_id.lower()
        is_ours = entry.owner == api_key or entry.maker_address.lower() == wallet.lower()
        if not is_ours and owner(maker_id) is None:
            continue
        side = _maker_side(entry, trade.asset_id, taker_side)
        fills.append(
            make_fill(
                trade_id=trade.id,
                order_id=maker_id,
                attempt=owner(maker_id),
                instrument=instrument,
                outcome=_outcome(entry.asset_id, instrument),
                side=side,
                qty=micros(entry.matched_amount, "polymarket.trade.matched_amount"),
                cost=None,
                price=micros(entry.price, "polymarket.trade.price"),
                liquidity=Liquidity.MAKER,
                ts_ns=ts_ns,
                is_final=state == CONFIRMED,
            )
        )
    return fills


def _maker_side(entry: MakerOrder, taker_token: str, taker_side: Side) -> Side:
    """Return the maker's side; where it is not said, it follows from the two tokens."""
    if entry.side:
        return _side(entry.side)
    if entry.asset_id != taker_token:
        # Two buys of complementary tokens (or two sales) meet by minting (or merging).
        return taker_side
    return Side.SELL if taker_side is Side.BUY else Side.BUY


def _taker_cost(trade: Trade, qty: int) -> int | None:
    """Return the exact money of a taker over its makers, where they add up; else None."""
    entries: Sequence[MakerOrder] = trade.maker_orders or ()
    total, scaled = 0, 0
    for entry in entries:
        amount = micros(entry.matched_amount, "polymarket.trade.matched_amount")
        price = micros(entry.price, "polymarket.trade.price")
        if amount < 0 or not 0 <= price <= MICROS:
            raise WireError("polymarket.trade.matched_amount", entry.matched_amount)
        total += amount
        own = price if entry.asset_id == trade.asset_id else complement(PriceMicros(price))
        scaled += amount * own
    if not entries or total != qty or scaled <= 0:
        return None
    return ceil_div(scaled, MICROS) if trade.side.upper() == "BUY" else floor_div(scaled, MICROS)

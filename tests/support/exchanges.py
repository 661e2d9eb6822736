"""Small exchanges for tests: one market, one funded account, orders in short words."""

from __future__ import annotations

from dataclasses import replace

from shared.domain.enums import Outcome, Side, TimeInForce, Venue
from shared.domain.instrument import LINEAR_CENT, Instrument
from shared.domain.units import QtyMicros, UsdMicros
from shared.exchange.matching_core import Exchange
from shared.exchange.orders import OrderRecord, OrderRequest, Refused
from shared.exchange.venue_rules import VenueRules, rules_of
from tests.support.markets import (
    ct,
    kalshi_market,
    polymarket_market,
    polymarket_us_market,
    px,
    usd,
)

ME = "me"
RIVAL = "rival"
START = 1_800_000_000 * 10**9
SECOND = 10**9


def market_of(venue: Venue, **changes: object) -> Instrument:
    made = {
        Venue.KALSHI: kalshi_market,
        Venue.POLYMARKET: lambda: polymarket_market(grid=LINEAR_CENT),
        Venue.POLYMARKET_US: polymarket_us_market,
    }[venue]()
    return replace(made, **changes)  # type: ignore[arg-type]


def open_exchange(
    venue: Venue,
    *,
    bids: str = "0.40x50 0.39x10",
    asks: str = "0.42x30 0.43x90",
    cash: str = "100",
    rules: VenueRules | None = None,
    market: Instrument | None = None,
) -> tuple[Exchange, Instrument]:
    """Return an exchange with one market, the crowd's book and two funded accounts."""
    exchange = Exchange(rules or rules_of(venue), seed=7)
    market = market or market_of(venue)
    exchange.list_market(market, START)
    for name in (ME, RIVAL):
        exchange.deposit(name, usd(cash), market.shard)
    show(exchange, market, bids, asks, START)
    return exchange, market


def levels(text: str) -> dict[int, int]:
    pairs = (item.split("x") for item in text.split())
    return {px(price): ct(size) for price, size in pairs}


def show(exchange: Exchange, market: Instrument, bids: str, asks: str, now_ns: int) -> None:
    exchange.set_book(market.market_id, levels(bids), levels(asks), now_ns)


def ask_for(
    market: Instrument,
    words: str,
    *,
    account: str = ME,
    budget: str | None = None,
    **more: object,
) -> OrderRequest:
    """Return a request from words such as ``buy yes 10 @ 0.42 ioc``."""
    side, outcome, qty, _, price, tif = words.split()
    budget_usd: UsdMicros | None = None if budget is None else usd(budget)
    request = OrderRequest(
        account=account,
        market_id=market.market_id,
        outcome=Outcome(outcome),
        side=Side(side),
        price_limit=px(price),
        qty=QtyMicros(ct(qty)),
        tif=TimeInForce(tif),
        budget_usd=budget_usd,
    )
    return replace(request, **more)  # type: ignore[arg-type]


def done(result: OrderRecord | Refused) -> OrderRecord:
    assert isinstance(result, OrderRecord), result
    return result


def refused(result: OrderRecord | Refused) -> Refused:
    assert isinstance(result, Refused), result
    return result

"""Polymarket's side of the exchange: budgets, provisional shares, finality, taker delays."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.domain.enums import Liquidity, MarketStatus, Side, Venue
from shared.domain.fees import charge
from shared.domain.units import MICROS, PriceMicros
from shared.exchange.finality import plan_finality
from shared.exchange.happenings import FinalityMoved
from shared.exchange.orders import OrderStatus, RefusalCode, TradeStatus
from shared.exchange.venue_rules import POLYMARKET_RULES, FinalitySettings
from tests.support.exchanges import (
    ME,
    SECOND,
    START,
    ask_for,
    done,
    market_of,
    open_exchange,
    refused,
    show,
)
from tests.support.markets import ct, px, usd

P = Venue.POLYMARKET
SURE = replace(POLYMARKET_RULES, finality=FinalitySettings(retry_ppm=0, failed_ppm=0))
DOOMED = replace(POLYMARKET_RULES, finality=FinalitySettings(retry_ppm=0, failed_ppm=1_000_000))


def test_a_budget_buys_more_shares_when_the_price_is_better() -> None:
    exchange, market = open_exchange(P, asks="0.40x500", bids="")
    words = ask_for(market, "buy yes 20 @ 0.50 ioc", budget="10", order_id="0x1")
    order = done(exchange.submit(words, START))
    assert order.qty_filled == ct("25") and order.cost_usd == usd("10")
    fee = charge(market.fees, Liquidity.TAKER, Side.BUY, px("0.40"), ct("25")).fee_usd
    assert order.fee_usd == fee
    assert exchange.cash(ME) == usd("90") - fee


def test_a_budget_is_never_overspent_over_uneven_levels() -> None:
    exchange, market = open_exchange(P, asks="0.37x7.123456 0.41x3.3 0.43x400", bids="")
    words = ask_for(market, "buy yes 20 @ 0.43 ioc", budget="8.57", order_id="0x1")
    order = done(exchange.submit(words, START))
    assert usd("8.56") < order.cost_usd <= usd("8.57")
    assert order.cost_usd == sum(f.amount_usd for f in exchange.fills(ME))


def test_bought_shares_cannot_be_sold_before_they_are_confirmed() -> None:
    exchange, market = open_exchange(P, rules=SURE)
    done(exchange.submit(ask_for(market, "buy no 20 @ 0.60 ioc", order_id="0x1"), START))
    assert exchange.position(ME, market.market_id).pending_no == ct("20")
    sale = ask_for(market, "sell no 20 @ 0.50 ioc", order_id="0x2")
    no = refused(exchange.submit(sale, START + SECOND))
    assert no.code is RefusalCode.NO_SHARES
    exchange.advance(START + 51 * SECOND)
    assert exchange.position(ME, market.market_id).pending_no == 0
    cash = exchange.cash(ME)
    order = done(exchange.submit(sale, START + 60 * SECOND))
    # The proceeds come with the confirmation, the fee is deducted from them.
    assert order.qty_filled == ct("20") and exchange.cash(ME) == cash
    exchange.advance(START + 120 * SECOND)
    assert exchange.cash(ME) == cash + order.cost_usd - order.fee_usd


def test_a_failed_trade_gives_cash_and_fee_back_and_takes_the_shares() -> None:
    exchange, market = open_exchange(P, rules=DOOMED)
    heard: list[object] = []
    exchange.subscribe(heard.append)
    order = done(exchange.submit(ask_for(market, "buy yes 20 @ 0.42 ioc", order_id="0x1"), START))
    assert exchange.cash(ME) == usd("100") - order.cost_usd - order.fee_usd
    exchange.advance(START + 60 * SECOND)
    assert exchange.cash(ME) == usd("100")
    assert exchange.position(ME, market.market_id).is_empty
    stages = [h.fill.status for h in heard if isinstance(h, FinalityMoved)]
    assert stages == [TradeStatus.RETRYING, TradeStatus.FAILED]
    assert exchange.clearing.accounts.total() == usd("200")


def test_finality_takes_ten_to_fifty_seconds_and_about_one_in_a_thousand_fails() -> None:
    settings = FinalitySettings()
    failed = 0
    for number in range(5_000):
        stages = plan_finality(settings, 3, f"trade-{number}", START)
        end_ns, status = stages[-1]
        failed += status is TradeStatus.FAILED
        extra = settings.retry_extra_ns if stages[0][1] is TradeStatus.RETRYING else 0
        assert 10 * SECOND <= end_ns - START <= 50 * SECOND + extra
    assert 1 <= failed <= 15


@pytest.mark.parametrize(
    ("words", "budget", "code"),
    [
        ("buy yes 2 @ 0.42 ioc", None, RefusalCode.BELOW_MIN_NOTIONAL),
        ("buy yes 2 @ 0.42 ioc", "0.99", RefusalCode.BELOW_MIN_NOTIONAL),
        ("buy yes 4 @ 0.41 gtc", None, RefusalCode.BELOW_MIN_SIZE),
        ("buy yes 9 @ 0.41 ioc", None, RefusalCode.FAK_NOT_FILLED),
        ("buy yes 40 @ 0.42 fok", None, RefusalCode.FOK_NOT_FILLED),
        ("buy yes 9 @ 0.415 ioc", None, RefusalCode.OFF_GRID),
        ("sell yes 9 @ 0.40 ioc", None, RefusalCode.NO_SHARES),
        ("buy yes 9 @ 0.42 ioc", "4.005", RefusalCode.BAD_SIZE),
        ("buy yes 400 @ 0.43 ioc", "100000", RefusalCode.NO_CASH),
    ],
)
def test_the_venue_refuses(words: str, budget: str | None, code: RefusalCode) -> None:
    exchange, market = open_exchange(P, cash="30", asks="0.42x30 0.43x90")
    result = exchange.submit(ask_for(market, words, budget=budget, order_id="0x1"), START)
    assert refused(result).code is code


def test_immediate_orders_may_be_below_five_shares() -> None:
    exchange, market = open_exchange(P)
    words = ask_for(market, "buy yes 3 @ 0.42 ioc", order_id="0x1")
    assert done(exchange.submit(words, START)).qty_filled == ct("3")


def test_the_same_digest_is_a_duplicate() -> None:
    exchange, market = open_exchange(P)
    words = ask_for(market, "buy yes 9 @ 0.42 ioc", order_id="0x1")
    done(exchange.submit(words, START))
    assert refused(exchange.submit(words, START)).code is RefusalCode.DUPLICATE


def test_a_taker_delay_holds_the_order_and_makers_may_leave_meanwhile() -> None:
    market = market_of(P, taker_delay_ns=SECOND)
    exchange, market = open_exchange(P, market=market)
    order = done(exchange.submit(ask_for(market, "buy yes 9 @ 0.42 ioc", order_id="0x1"), START))
    assert order.status is OrderStatus.HELD and order.qty_filled == 0
    assert exchange.available_cash(ME) < exchange.cash(ME)
    no = refused(exchange.cancel(ME, "0x1", START))
    assert no.code is RefusalCode.NOT_CANCELLABLE
    show(exchange, market, "0.40x50", "0.47x30", START + SECOND // 2)
    exchange.advance(START + SECOND)
    ended = exchange.order("0x1")
    assert ended is not None and ended.status is OrderStatus.CANCELED
    assert exchange.available_cash(ME) == usd("100")
    done(exchange.submit(ask_for(market, "buy yes 9 @ 0.47 ioc", order_id="0x2"), START + SECOND))
    exchange.advance(START + 2 * SECOND)
    filled = exchange.order("0x2")
    assert filled is not None and filled.qty_filled == ct("9")


def test_resting_orders_expire() -> None:
    exchange, market = open_exchange(P)
    words = ask_for(market, "buy yes 9 @ 0.41 gtc", order_id="0x1", expires_ns=START + SECOND)
    done(exchange.submit(words, START))
    exchange.advance(START + SECOND)
    ended = exchange.order("0x1")
    assert ended is not None and ended.reason == "expired"
    assert exchange.available_cash(ME) == usd("100")


def test_yes_and_no_merge_into_a_dollar_when_final() -> None:
    exchange, market = open_exchange(P, rules=SURE)
    done(exchange.submit(ask_for(market, "buy yes 9 @ 0.42 ioc", order_id="0x1"), START))
    done(exchange.submit(ask_for(market, "buy no 9 @ 0.60 ioc", order_id="0x2"), START))
    assert exchange.merge(ME, market.market_id, ct("9"), START) is not True
    exchange.advance(START + 60 * SECOND)
    cash = exchange.cash(ME)
    assert exchange.merge(ME, market.market_id, ct("9"), START + 60 * SECOND) is True
    assert exchange.cash(ME) == cash + usd("9")
    assert exchange.position(ME, market.market_id).is_empty


def test_shares_that_confirm_after_settlement_are_paid_then() -> None:
    exchange, market = open_exchange(P, rules=SURE)
    done(exchange.submit(ask_for(market, "buy yes 9 @ 0.42 ioc", order_id="0x1"), START))
    cash = exchange.cash(ME)
    exchange.change_status(market.market_id, MarketStatus.CLOSED, START + 1)
    exchange.change_status(
        market.market_id, MarketStatus.DETERMINED, START + 2, PriceMicros(MICROS)
    )
    exchange.change_status(market.market_id, MarketStatus.SETTLED, START + 3)
    assert exchange.cash(ME) == cash
    exchange.advance(START + 60 * SECOND)
    assert exchange.cash(ME) == cash + usd("9")

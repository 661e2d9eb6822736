"""Kalshi's side of the exchange: one net number, shards, immediate finality."""

from __future__ import annotations

import pytest

from shared.domain.enums import BookSide, Liquidity, MarketStatus, Side, Venue
from shared.domain.fees import charge
from shared.domain.units import MICROS, PriceMicros
from shared.exchange.happenings import FillMade, LevelMoved, OrderMoved, TradePrinted
from shared.exchange.orders import OrderStatus, RefusalCode, SelfTrade, TradeStatus
from tests.support.exchanges import (
    ME,
    RIVAL,
    SECOND,
    START,
    ask_for,
    done,
    levels,
    market_of,
    open_exchange,
    refused,
    show,
)
from tests.support.markets import ct, px, usd

K = Venue.KALSHI


def test_a_taker_pays_resting_prices_and_the_exact_fees_of_each_fill() -> None:
    exchange, market = open_exchange(K)
    order = done(exchange.submit(ask_for(market, "buy yes 40 @ 0.43 ioc"), START))
    first = charge(market.fees, Liquidity.TAKER, Side.BUY, px("0.42"), ct("30"))
    second = charge(market.fees, Liquidity.TAKER, Side.BUY, px("0.43"), ct("10"), first.accumulator)
    assert order.status is OrderStatus.EXECUTED
    assert order.cost_usd == usd("16.9")
    assert order.fee_usd == first.fee_usd + second.fee_usd
    assert exchange.cash(ME) == usd("100") - order.cost_usd - order.fee_usd
    assert [f.status for f in exchange.fills(ME)] == [TradeStatus.CONFIRMED] * 2


def test_buying_no_is_selling_yes_and_one_signed_number_is_kept() -> None:
    exchange, market = open_exchange(K)
    done(exchange.submit(ask_for(market, "buy yes 30 @ 0.42 ioc"), START))
    cash = exchange.cash(ME)
    order = done(exchange.submit(ask_for(market, "buy no 50 @ 0.60 ioc"), START))
    position = exchange.position(ME, market.market_id)
    assert (position.yes, position.no) == (0, ct("20"))
    # 50 NO at 0.60 cost $30; thirty closed pairs pay a dollar each at once.
    assert exchange.cash(ME) == cash - usd("30") - order.fee_usd + usd("30")
    assert exchange.fills(ME)[-1].net_yes_after == -ct("20")


def test_a_sale_of_yes_that_is_not_held_needs_the_cash_of_the_no() -> None:
    exchange, market = open_exchange(K, cash="10")
    assert refused(exchange.submit(ask_for(market, "sell yes 50 @ 0.40 ioc"), START)).code is (
        RefusalCode.NO_CASH
    )
    assert exchange.cash(ME) == usd("10") and not exchange.orders(ME)


def test_an_unfilled_ioc_is_an_order_with_nothing_filled() -> None:
    exchange, market = open_exchange(K)
    order = done(exchange.submit(ask_for(market, "buy yes 5 @ 0.41 ioc"), START))
    assert (order.status, order.qty_filled, order.qty_open) == (OrderStatus.CANCELED, 0, 0)


def test_fill_or_kill_fills_whole_or_changes_nothing() -> None:
    exchange, market = open_exchange(K)
    no = refused(exchange.submit(ask_for(market, "buy yes 31 @ 0.42 fok"), START))
    assert no.code is RefusalCode.FOK_NOT_FILLED and exchange.cash(ME) == usd("100")
    assert done(exchange.submit(ask_for(market, "buy yes 30 @ 0.42 fok"), START)).qty_filled == (
        ct("30")
    )


def test_reduce_only_is_capped_at_the_position_and_never_flips_it() -> None:
    exchange, market = open_exchange(K)
    done(exchange.submit(ask_for(market, "buy yes 10 @ 0.42 ioc"), START))
    words = ask_for(market, "sell yes 25 @ 0.39 ioc", reduce_only=True)
    assert done(exchange.submit(words, START)).qty_filled == ct("10")
    assert exchange.position(ME, market.market_id).is_empty
    again = done(exchange.submit(ask_for(market, "sell yes 5 @ 0.39 ioc", reduce_only=True), START))
    assert again.qty_filled == 0 and again.status is OrderStatus.CANCELED


@pytest.mark.parametrize(
    ("words", "more", "code"),
    [
        ("buy yes 1 @ 0.425 ioc", {}, RefusalCode.OFF_GRID),
        ("buy yes 0.001 @ 0.42 ioc", {}, RefusalCode.BAD_SIZE),
        ("buy yes 1 @ 0.42 ioc", {"account": "nobody"}, RefusalCode.UNKNOWN_ACCOUNT),
        ("buy yes 1 @ 0.42 ioc", {"shard": 2}, RefusalCode.WRONG_SHARD),
        ("buy yes 1 @ 0.42 gtc", {"post_only": True}, RefusalCode.POST_ONLY_CROSS),
        ("buy yes 1 @ 0.42 gtc", {"reduce_only": True}, RefusalCode.REDUCE_ONLY_IOC),
        ("buy yes 1 @ 0.42 ioc", {"expires_ns": START + 1}, RefusalCode.EXPIRED),
    ],
)
def test_refusals_change_nothing(words: str, more: dict[str, object], code: RefusalCode) -> None:
    exchange, market = open_exchange(K)
    before = exchange.book(market.market_id)
    assert refused(exchange.submit(ask_for(market, words, **more), START)).code is code
    assert exchange.book(market.market_id) == before and exchange.cash(ME) == usd("100")


def test_a_client_id_is_taken_once() -> None:
    exchange, market = open_exchange(K)
    words = ask_for(market, "buy yes 1 @ 0.42 ioc", client_id="a")
    done(exchange.submit(words, START))
    assert refused(exchange.submit(words, START)).code is RefusalCode.DUPLICATE
    assert len(exchange.fills(ME)) == 1


def test_cash_lies_per_shard() -> None:
    market = market_of(K, shard=2)
    exchange, market = open_exchange(K, market=market)
    exchange.deposit("poor", usd("50"), 0)
    words = ask_for(market, "buy yes 1 @ 0.42 ioc", account="poor")
    assert refused(exchange.submit(words, START)).code is RefusalCode.UNKNOWN_ACCOUNT
    assert exchange.transfer("poor", 0, 2, usd("20"), START) is True
    done(exchange.submit(words, START))
    assert exchange.cash("poor", 0) == usd("30")
    assert exchange.cash("poor", 2) < usd("19.58")


def test_a_paused_shard_takes_cancels_only() -> None:
    exchange, market = open_exchange(K)
    resting = done(exchange.submit(ask_for(market, "buy yes 1 @ 0.30 gtc"), START))
    exchange.paused_shards.add(market.shard)
    no = refused(exchange.submit(ask_for(market, "buy yes 1 @ 0.42 ioc"), START))
    assert no.code is RefusalCode.TRADING_PAUSED
    assert done(exchange.cancel(ME, resting.order_id, START)).status is OrderStatus.CANCELED


def test_a_resting_order_reserves_rests_and_is_filled_as_maker_by_the_crowd() -> None:
    exchange, market = open_exchange(K)
    order = done(exchange.submit(ask_for(market, "buy yes 10 @ 0.41 gtc"), START))
    assert order.status is OrderStatus.RESTING
    assert exchange.available_cash(ME) == usd("100") - usd("4.1")
    exchange.set_level(market.market_id, BookSide.ASK, px("0.41"), ct("4"), START + SECOND)
    order = exchange.order(order.order_id)
    assert order is not None and order.qty_open == ct("6")
    assert exchange.fills(ME)[0].liquidity is Liquidity.MAKER
    assert exchange.fills(ME)[0].fee_usd == 0
    exchange.set_level(market.market_id, BookSide.ASK, px("0.41"), ct("9"), START + SECOND)
    assert exchange.position(ME, market.market_id).yes == ct("10")
    # Three of the crowd's nine are left and rest at their price.
    assert exchange.book(market.market_id).asks[0] == (px("0.41"), ct("3"))


def test_two_accounts_trade_with_each_other_at_the_resting_price() -> None:
    exchange, market = open_exchange(K, bids="", asks="")
    done(exchange.submit(ask_for(market, "buy yes 10 @ 0.45 gtc", account=RIVAL), START))
    order = done(exchange.submit(ask_for(market, "buy no 4 @ 0.60 ioc"), START))
    assert order.qty_filled == ct("4") and order.cost_usd == usd("2.2")
    assert exchange.position(RIVAL, market.market_id).yes == ct("4")
    assert exchange.position(ME, market.market_id).no == ct("4")
    mine, theirs = exchange.fills(ME)[0], exchange.fills(RIVAL)[0]
    assert mine.trade_id == theirs.trade_id and mine.counter_order_id == theirs.order_id


def test_self_trade_stops_the_taker_or_cancels_the_maker() -> None:
    exchange, market = open_exchange(K, asks="0.43x90")
    done(exchange.submit(ask_for(market, "sell yes 5 @ 0.42 gtc"), START))
    stopped = done(exchange.submit(ask_for(market, "buy yes 10 @ 0.43 ioc"), START))
    assert stopped.qty_filled == 0 and stopped.reason == "self_trade"
    words = ask_for(market, "buy yes 10 @ 0.43 ioc", self_trade=SelfTrade.CANCEL_MAKER)
    assert done(exchange.submit(words, START)).qty_filled == ct("10")
    assert exchange.live_orders() == []


def test_a_maker_that_can_no_longer_pay_is_cancelled_not_overdrawn() -> None:
    exchange, market = open_exchange(K, cash="5", asks="0.42x9")
    done(exchange.submit(ask_for(market, "buy yes 9 @ 0.42 ioc"), START))
    # Resting at a closing price needs no cash; then the contracts are sold elsewhere.
    resting = done(exchange.submit(ask_for(market, "sell yes 9 @ 0.44 gtc"), START))
    assert resting.status is OrderStatus.RESTING
    done(exchange.submit(ask_for(market, "sell yes 9 @ 0.40 ioc"), START))
    exchange.set_level(market.market_id, BookSide.BID, px("0.44"), ct("9"), START)
    ended = exchange.order(resting.order_id)
    assert ended is not None
    assert exchange.cash(ME) >= 0
    assert (ended.status, ended.reason) == (OrderStatus.CANCELED, "no_cash")


def test_closing_cancels_what_rests_and_settlement_pays_once() -> None:
    exchange, market = open_exchange(K)
    done(exchange.submit(ask_for(market, "buy yes 10 @ 0.42 ioc"), START))
    done(exchange.submit(ask_for(market, "buy yes 10 @ 0.30 gtc"), START))
    exchange.change_status(market.market_id, MarketStatus.CLOSED, START + 1)
    assert exchange.live_orders() == [] and exchange.book(market.market_id).bids == ()
    no = refused(exchange.submit(ask_for(market, "buy yes 1 @ 0.42 ioc"), START + 1))
    assert no.code is RefusalCode.MARKET_INACTIVE
    cash = exchange.cash(ME)
    exchange.change_status(
        market.market_id, MarketStatus.DETERMINED, START + 2, PriceMicros(MICROS)
    )
    assert exchange.cash(ME) == cash
    exchange.change_status(market.market_id, MarketStatus.SETTLED, START + 3)
    exchange.settle_again()
    assert exchange.cash(ME) == cash + usd("10")
    assert [(p.qty_yes, p.cash_usd) for p in exchange.payouts(ME)] == [(ct("10"), usd("10"))]
    assert exchange.position(ME, market.market_id).is_empty


def test_listeners_hear_the_level_the_print_and_then_the_fill() -> None:
    exchange, market = open_exchange(K)
    heard: list[object] = []
    exchange.subscribe(heard.append)
    done(exchange.submit(ask_for(market, "buy yes 30 @ 0.42 ioc", client_id="c"), START))
    assert [type(h) for h in heard] == [LevelMoved, TradePrinted, FillMade, OrderMoved]
    level = heard[0]
    assert isinstance(level, LevelMoved)
    assert (level.qty, level.delta, level.client_id) == (0, -ct("30"), "c")


def test_a_moving_book_is_never_shown_crossed() -> None:
    exchange, market = open_exchange(K)
    crossed = []

    def watch(_happening: object) -> None:
        book = exchange.book(market.market_id)
        if book.bids and book.asks:
            crossed.append(book.bids[0][0] >= book.asks[0][0])

    exchange.subscribe(watch)
    show(exchange, market, "0.50x10 0.49x5", "0.52x10", START)
    show(exchange, market, "0.30x10", "0.31x10 0.35x5", START)
    assert crossed and not any(crossed)
    assert dict(exchange.book(market.market_id).asks) == levels("0.31x10 0.35x5")

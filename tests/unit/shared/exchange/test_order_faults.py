"""Each fault of an order does what the table says, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.domain.enums import BookSide, Venue
from shared.exchange.fault_plan import FaultWindow
from shared.exchange.happenings import InstrumentMoved
from shared.exchange.matching_core import Exchange
from shared.exchange.orders import OrderStatus, RefusalCode
from shared.exchange.venue_rules import KALSHI_RULES
from tests.support.exchanges import (
    ME,
    RIVAL,
    SECOND,
    START,
    ask_for,
    done,
    open_exchange,
    refused,
)
from tests.support.markets import ct, px, usd

K, P = Venue.KALSHI, Venue.POLYMARKET
END = START + 10**6 * SECOND


def on(exchange: Exchange, key: str, **more: object) -> None:
    exchange.faults.switch_on(FaultWindow(key, START, END, **more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("key", "form", "code"),
    [
        ("k.limit", "", RefusalCode.MARKET_LIMIT),
        ("k.group", "", RefusalCode.GROUP_LIMIT),
        ("k.stp", "refused", RefusalCode.SELF_CROSS),
        ("k.shard_cash", "empty", RefusalCode.NO_CASH),
        ("k.shard_cash", "unprovisioned", RefusalCode.UNKNOWN_ACCOUNT),
        ("k.close", "", RefusalCode.MARKET_INACTIVE),
    ],
)
def test_refusals_change_nothing(key: str, form: str, code: RefusalCode) -> None:
    exchange, market = open_exchange(K)
    before = exchange.cash(ME)
    on(exchange, key, form=form, most=1)
    order = ask_for(market, "buy yes 10 @ 0.42 ioc")
    assert refused(exchange.submit(order, START)).code is code
    assert exchange.cash(ME) == before and not exchange.orders(ME)
    if key != "k.close":
        assert done(exchange.submit(order, START + 1)).qty_filled == ct("10")


def test_a_window_names_its_victim() -> None:
    exchange, market = open_exchange(K)
    on(exchange, "k.limit", only=RIVAL)
    assert done(exchange.submit(ask_for(market, "buy yes 1 @ 0.42 ioc"), START)).qty_filled
    rival = ask_for(market, "buy yes 1 @ 0.42 ioc", account=RIVAL)
    assert refused(exchange.submit(rival, START)).code is RefusalCode.MARKET_LIMIT


def test_part_of_an_immediate_order_fills_and_a_resting_one_is_left_alone() -> None:
    exchange, market = open_exchange(K)
    on(exchange, "k.partial", amount=30)
    part = done(exchange.submit(ask_for(market, "buy yes 10 @ 0.42 ioc"), START))
    assert part.status is OrderStatus.CANCELED and part.qty_filled == ct("3")
    killed = refused(exchange.submit(ask_for(market, "buy yes 10 @ 0.42 fok"), START))
    assert killed.code is RefusalCode.FOK_NOT_FILLED
    rests = done(exchange.submit(ask_for(market, "buy yes 40 @ 0.42 gtc"), START))
    assert rests.status is OrderStatus.RESTING and rests.qty_filled == ct("27")


def test_self_trade_prevention_keeps_part_of_a_fill_or_kill() -> None:
    exchange, market = open_exchange(K)
    on(exchange, "k.stp")
    kept = done(exchange.submit(ask_for(market, "buy yes 10 @ 0.42 fok"), START))
    assert kept.status is OrderStatus.CANCELED and kept.qty_filled == ct("5")


def test_an_immediate_order_that_meets_nothing_is_no_refusal_at_kalshi() -> None:
    exchange, market = open_exchange(K)
    on(exchange, "k.ioc_zero", most=1)
    zero = done(exchange.submit(ask_for(market, "buy yes 10 @ 0.42 ioc"), START))
    assert zero.status is OrderStatus.CANCELED and zero.qty_filled == 0
    assert exchange.book(market.market_id).asks[0] == (px("0.42"), ct("30"))


def test_depth_fades_before_the_order() -> None:
    exchange, market = open_exchange(K)
    on(exchange, "fade", most=1)
    zero = done(exchange.submit(ask_for(market, "buy yes 10 @ 0.42 ioc"), START))
    assert zero.qty_filled == 0
    assert exchange.book(market.market_id).asks[0] == (px("0.43"), ct("90"))


def test_orders_within_a_minute_of_a_cancel_all_are_swept() -> None:
    exchange, market = open_exchange(K)
    on(exchange, "k.sweep")
    words = ask_for(market, "buy yes 10 @ 0.41 gtc")
    assert done(exchange.submit(words, START)).status is OrderStatus.RESTING
    exchange.cancel_all(ME, START + SECOND)
    swept = done(exchange.submit(words, START + 30 * SECOND))
    assert swept.status is OrderStatus.CANCELED and swept.qty_filled == 0
    later = done(exchange.submit(words, START + 62 * SECOND))
    assert later.status is OrderStatus.RESTING


@pytest.mark.parametrize(("percent", "price"), [(5, "0.48"), (4_900, "0.01")])
def test_a_budget_meets_a_better_price(percent: int, price: str) -> None:
    exchange, market = open_exchange(P, asks="0.50x500", bids="0.47x50")
    on(exchange, "p.over", amount=percent)
    words = ask_for(market, "buy yes 20 @ 0.50 ioc", budget="10", order_id="0x1")
    order = done(exchange.submit(words, START))
    assert order.cost_usd <= usd("10") < order.cost_usd + 10_000
    assert exchange.fills(ME)[0].price == px(price)
    book = exchange.book(market.market_id)
    assert not book.bids or book.bids[0][0] < book.asks[0][0]


@pytest.mark.parametrize(
    ("form", "status", "filled"),
    [
        ("matched", OrderStatus.EXECUTED, "10"),
        ("unmatched", OrderStatus.CANCELED, "0"),
        ("rejected", OrderStatus.CANCELED, "0"),
    ],
)
def test_a_hold_comes_whatever_the_metadata_say(
    form: str, status: OrderStatus, filled: str
) -> None:
    exchange, market = open_exchange(P)
    on(exchange, "p.hold", form=form, amount=3_000)
    words = ask_for(market, "buy yes 10 @ 0.42 fok", order_id="0x1")
    held = done(exchange.submit(words, START))
    assert held.status is OrderStatus.HELD and held.due_ns == START + 3 * SECOND
    assert refused(exchange.cancel(ME, "0x1", START + SECOND)).code is RefusalCode.NOT_CANCELLABLE
    exchange.advance(START + 3 * SECOND)
    ended = exchange.order("0x1")
    assert ended is not None and ended.status is status and ended.qty_filled == ct(filled)
    assert exchange.available_cash(ME) == exchange.cash(ME), "nothing stays reserved"


def test_the_counter_refuses_buys_that_cash_would_cover() -> None:
    exchange, market = open_exchange(P)
    on(exchange, "p.counter_stuck", amount=9_500)
    words = ask_for(market, "buy yes 20 @ 0.42 ioc", budget="8", order_id="0x1")
    answer = refused(exchange.submit(words, START))
    assert answer.code is RefusalCode.COUNTER_STUCK
    assert "balance: 100000000, sum of matched orders: 95000000" in answer.message
    small = ask_for(market, "buy yes 10 @ 0.42 ioc", budget="4.20", order_id="0x2")
    assert done(exchange.submit(small, START)).qty_filled == ct("10")


def test_the_grid_changes_before_the_order_and_is_told() -> None:
    exchange, market = open_exchange(K)
    heard: list[object] = []
    exchange.subscribe(heard.append)
    on(exchange, "tick_change", amount=100_000)
    off = refused(exchange.submit(ask_for(market, "buy yes 10 @ 0.42 ioc"), START))
    assert off.code is RefusalCode.OFF_GRID
    [moved] = [h for h in heard if isinstance(h, InstrumentMoved)]
    assert moved.after.grid[0].step == 100_000 and moved.before.grid[0].step == 10_000
    assert done(exchange.submit(ask_for(market, "buy yes 10 @ 0.50 ioc"), START)).qty_filled


def test_both_documented_policies_of_duplicate_ids() -> None:
    for is_open_only, executions in ((False, 1), (True, 2)):
        rules = replace(KALSHI_RULES, client_ids_unique_while_open=is_open_only)
        exchange, market = open_exchange(K, rules=rules)
        words = ask_for(market, "buy yes 10 @ 0.42 ioc", client_id="one")
        done(exchange.submit(words, START))
        exchange.submit(words, START + 1)
        assert len({f.order_id for f in exchange.fills(ME)}) == executions


def test_the_same_seed_strikes_the_same_orders() -> None:
    def run(seed: int) -> list[bool]:
        exchange, market = open_exchange(K, cash="10000")
        exchange.faults._seed = seed
        on(exchange, "k.ioc_zero", ppm=400_000)
        for _ in range(30):
            exchange.set_level(market.market_id, BookSide.ASK, px("0.42"), ct("30"), START)
            exchange.submit(ask_for(market, "buy yes 1 @ 0.42 ioc"), START)
        return [order.qty_filled == 0 for order in exchange.orders(ME)]

    assert run(3) == run(3) != run(4)

"""Trades after their match: fates, an adversary's choice, busts, amended results."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.domain.enums import MarketStatus, Venue
from shared.domain.units import MICROS, PriceMicros
from shared.exchange.fault_plan import FaultWindow
from shared.exchange.happenings import FinalityMoved
from shared.exchange.matching_core import Exchange
from shared.exchange.orders import Refused, TradeStatus
from shared.exchange.records import drain, restore
from shared.exchange.venue_rules import POLYMARKET_RULES, FinalitySettings
from tests.support.exchanges import ME, SECOND, START, ask_for, done, open_exchange, show
from tests.support.markets import ct, usd

K, P = Venue.KALSHI, Venue.POLYMARKET
END = START + 10**6 * SECOND
SURE = replace(POLYMARKET_RULES, finality=FinalitySettings(retry_ppm=0, failed_ppm=0))
S = TradeStatus


def on(exchange: Exchange, key: str, **more: object) -> None:
    exchange.faults.switch_on(FaultWindow(key, START, END, **more))  # type: ignore[arg-type]


def statuses(key: str, seconds: int = 700, **more: object) -> list[tuple[TradeStatus, int]]:
    exchange, market = open_exchange(P, rules=SURE)
    on(exchange, key, **more)
    told: list[tuple[TradeStatus, int]] = []

    def hear(happening: object) -> None:
        if isinstance(happening, FinalityMoved):
            told.append((happening.fill.status, (happening.ts_ns - START) // SECOND))

    exchange.subscribe(hear)
    done(exchange.submit(ask_for(market, "buy yes 10 @ 0.42 ioc", order_id="0x1"), START))
    exchange.advance(START + seconds * SECOND)
    total = exchange.clearing.accounts.total()
    assert total == 2 * usd("100"), "no fate makes or loses money"
    return told


def test_fates_take_their_course() -> None:
    assert [s for s, _ in statuses("p.fail")] == [S.RETRYING, S.FAILED]
    retried = statuses("p.retry", amount=240_000)
    assert [s for s, _ in retried] == [S.RETRYING, S.CONFIRMED] and retried[1][1] == 240
    never = statuses("p.no_tx", amount=600_000)
    assert never == [(S.FAILED, 600)]
    lag = statuses("p.settle_lag", amount=50_000)
    assert [s for s, _ in lag] == [S.MINED, S.CONFIRMED] and lag[1][1] == 50
    assert [s for s, _ in statuses("p.reorg")] == [S.MINED, S.RETRYING, S.FAILED]
    again = statuses("p.reorg", form="confirmed")
    assert [s for s, _ in again] == [S.MINED, S.RETRYING, S.CONFIRMED]


@pytest.mark.parametrize(("asks", "last"), [("0.44x50", S.FAILED), ("0.42x50", S.CONFIRMED)])
def test_a_ghost_reverts_only_when_the_price_went_against_it(asks: str, last: S) -> None:
    exchange, market = open_exchange(P, rules=SURE)
    on(exchange, "p.ghost")
    done(exchange.submit(ask_for(market, "buy yes 10 @ 0.42 ioc", order_id="0x1"), START))
    show(exchange, market, "0.40x50", asks, START + SECOND)
    exchange.advance(START + 100 * SECOND)
    assert exchange.fills(ME)[0].status is last


def test_only_the_first_of_several_trades_fails() -> None:
    exchange, market = open_exchange(P, rules=SURE)
    on(exchange, "p.fail_part")
    done(exchange.submit(ask_for(market, "buy yes 60 @ 0.43 ioc", order_id="0x1"), START))
    exchange.advance(START + 100 * SECOND)
    assert [f.status for f in exchange.fills(ME)] == [S.FAILED, S.CONFIRMED]
    assert exchange.position(ME, market.market_id).yes == ct("30")


def test_an_adversary_fails_one_trade_at_his_moment() -> None:
    exchange, market = open_exchange(P, rules=SURE)
    for number in (1, 2):
        words = ask_for(market, "buy yes 5 @ 0.42 ioc", order_id=f"0x{number}")
        done(exchange.submit(words, START))
    chosen = exchange.fills(ME)[1]
    assert exchange.decide_trade(chosen.trade_id, S.FAILED, START + 9 * SECOND) is True
    assert isinstance(exchange.decide_trade(chosen.trade_id, S.CONFIRMED, START), Refused)
    exchange.advance(START + 100 * SECOND)
    assert [f.status for f in exchange.fills(ME)] == [S.CONFIRMED, S.FAILED]
    assert exchange.position(ME, market.market_id).yes == ct("5")


def test_a_fate_survives_a_restart() -> None:
    exchange, market = open_exchange(P, rules=SURE)
    on(exchange, "p.fail", most=1)
    done(exchange.submit(ask_for(market, "buy yes 10 @ 0.42 ioc", order_id="0x1"), START))
    again = Exchange(SURE, seed=7)
    again.list_market(market, START)
    restore(again, drain(exchange))
    again.advance(START + 100 * SECOND)
    assert again.fills(ME)[0].status is S.FAILED


def test_a_bust_takes_the_trade_back_to_the_cent() -> None:
    exchange, market = open_exchange(K)
    before = exchange.cash(ME)
    on(exchange, "k.bust", amount=2_000)
    bought = done(exchange.submit(ask_for(market, "buy yes 10 @ 0.42 ioc"), START))
    assert exchange.position(ME, market.market_id).yes == ct("10")
    exchange.advance(START + 3 * SECOND)
    assert exchange.position(ME, market.market_id).is_empty and exchange.cash(ME) == before
    order = exchange.order(bought.order_id)
    assert order is not None and order.qty_filled == 0 and order.cost_usd == 0
    assert exchange.fills(ME)[0].status is S.FAILED


def test_a_bust_of_a_closing_trade_restores_the_position() -> None:
    exchange, market = open_exchange(K)
    done(exchange.submit(ask_for(market, "buy no 10 @ 0.60 ioc"), START))
    cash = exchange.cash(ME)
    done(exchange.submit(ask_for(market, "buy yes 10 @ 0.42 ioc"), START))
    assert exchange.position(ME, market.market_id).is_empty
    last = exchange.fills(ME)[-1]
    assert exchange.bust_trade(last.trade_id, START + SECOND) is True
    assert exchange.position(ME, market.market_id).no == ct("10") and exchange.cash(ME) == cash


def test_a_trade_is_repriced_against_the_account() -> None:
    exchange, market = open_exchange(K)
    on(exchange, "k.bust", form="reprice", amount=1_000)
    done(exchange.submit(ask_for(market, "buy yes 10 @ 0.42 ioc"), START))
    cash = exchange.cash(ME)
    exchange.advance(START + 2 * SECOND)
    assert exchange.cash(ME) == cash - usd("0.20")
    fill = exchange.fills(ME)[0]
    assert (fill.price, fill.amount_usd, fill.qty) == (440_000, usd("4.40"), ct("10"))


def settle(exchange: Exchange, market: object, payout: int) -> None:
    key = market.market_id  # type: ignore[attr-defined]
    exchange.change_status(key, MarketStatus.CLOSED, START + SECOND)
    exchange.change_status(key, MarketStatus.DETERMINED, START + SECOND, PriceMicros(payout))
    exchange.change_status(key, MarketStatus.SETTLED, START + SECOND)


@pytest.mark.parametrize(
    ("form", "at_once", "later"),
    [("flip", 0, 0), ("half", 5, 5), ("delay", 0, 10), ("amend", 10, 0)],
)
def test_results_differ_come_late_or_are_amended(form: str, at_once: int, later: int) -> None:
    exchange, market = open_exchange(K)
    done(exchange.submit(ask_for(market, "buy yes 10 @ 0.42 ioc"), START))
    cash = exchange.cash(ME)
    on(exchange, "settle", form=form, amount=5_000)
    settle(exchange, market, MICROS)
    assert exchange.cash(ME) - cash == usd(str(at_once))
    exchange.advance(START + 10 * SECOND)
    assert exchange.cash(ME) - cash == usd(str(later))
    assert exchange.clearing.accounts.total() == 2 * usd("100")


def test_a_stalled_relayer_pays_when_it_is_over() -> None:
    exchange, market = open_exchange(P, rules=SURE)
    done(exchange.submit(ask_for(market, "buy yes 10 @ 0.42 ioc", order_id="0x1"), START))
    exchange.advance(START + 60 * SECOND)
    cash = exchange.cash(ME)
    late = FaultWindow("relayer", START, START + 90 * SECOND, form="stall")
    exchange.faults.switch_on(late)
    settle(exchange, market, MICROS)
    assert exchange.cash(ME) == cash and not exchange.payouts(ME)
    exchange.advance(START + 91 * SECOND)
    assert exchange.cash(ME) == cash + usd("10") and len(exchange.payouts(ME)) == 1

"""Whatever happens on an exchange: no cash is made or lost, nobody goes below zero.

Random orders, cancels, books, time and settlements on both venues. Checked after every
step, against sums that do not use the exchange's own bookkeeping.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.enums import MarketStatus, Outcome, Side, Venue
from shared.domain.units import MICROS, PriceMicros
from shared.exchange import records
from shared.exchange.fault_plan import INJECTIONS, WIRED, FaultWindow, Injection, Where
from shared.exchange.matching_core import Exchange
from shared.exchange.orders import TradeStatus
from shared.exchange.venue_rules import FinalitySettings, rules_of
from tests.support.exchanges import ME, RIVAL, SECOND, START, ask_for, market_of

CASH = 40_000_000
ACCOUNTS = (ME, RIVAL)

cents = st.integers(1, 99)
lots = st.integers(1, 3_000)
orders = st.fixed_dictionaries(
    {
        "kind": st.just("order"),
        "account": st.sampled_from(ACCOUNTS),
        "side": st.sampled_from(["buy", "sell"]),
        "outcome": st.sampled_from(["yes", "no"]),
        "cents": cents,
        "lots": lots,
        "tif": st.sampled_from(["ioc", "fok", "gtc", "gtc"]),
        "has_budget": st.booleans(),
    }
)
books = st.fixed_dictionaries(
    {
        "kind": st.just("book"),
        "mid": st.integers(3, 96),
        "bids": st.lists(lots, max_size=3),
        "asks": st.lists(lots, max_size=3),
    }
)
others = st.fixed_dictionaries(
    {"kind": st.sampled_from(["time", "cancel"]), "seconds": st.integers(1, 30)}
)
steps = st.lists(st.one_of(orders, orders, books, others), min_size=1, max_size=25)


def build(venue: Venue, delay_s: int) -> tuple[Exchange, object]:
    rules = rules_of(venue)
    if rules.finality is not None:
        rules = replace(rules, finality=FinalitySettings(retry_ppm=200_000, failed_ppm=300_000))
    exchange = Exchange(rules, seed=11)
    market = market_of(venue, taker_delay_ns=delay_s * SECOND)
    exchange.list_market(market, START)
    for name in ACCOUNTS:
        exchange.deposit(name, CASH)  # type: ignore[arg-type]
    return exchange, market


def play(exchange: Exchange, market, step: dict, number: int, now_ns: int) -> int:  # type: ignore[no-untyped-def,type-arg]
    if step["kind"] == "time":
        exchange.advance(now_ns + step["seconds"] * SECOND)
        return now_ns + step["seconds"] * SECOND
    if step["kind"] == "cancel":
        exchange.cancel_all(ACCOUNTS[step["seconds"] % 2], now_ns)
    elif step["kind"] == "book":
        mid = step["mid"]
        bids = {(mid - 1 - i) * 10_000: q * 10_000 for i, q in enumerate(step["bids"])}
        asks = {(mid + 1 + i) * 10_000: q * 10_000 for i, q in enumerate(step["asks"])}
        inside = ({p: q for p, q in side.items() if 0 < p < MICROS} for side in (bids, asks))
        exchange.set_book(market.market_id, *inside, now_ns)
    else:
        words = (
            f"{step['side']} {step['outcome']} {step['lots'] / 100:.2f} @"
            f" {step['cents'] / 100:.2f} {step['tif']}"
        )
        is_budget = (
            step["has_budget"]
            and step["tif"] != "gtc"
            and step["side"] == "buy"
            and exchange.rules.venue is Venue.POLYMARKET
        )
        budget = f"{step['lots'] / 100:.2f}" if is_budget else None
        request = ask_for(
            market, words, account=step["account"], budget=budget, order_id=f"o{number}"
        )
        exchange.submit(request, now_ns)
    return now_ns + 1


def check(exchange: Exchange, market) -> None:  # type: ignore[no-untyped-def]
    check_money(exchange, market)
    check_books_and_truth(exchange, market)


def check_money(exchange: Exchange, market) -> None:  # type: ignore[no-untyped-def]
    accounts = exchange.clearing.accounts
    assert accounts.total() == CASH * len(ACCOUNTS)
    for name in ACCOUNTS:
        state = accounts.state(name)
        assert all(cash >= 0 for cash in state.cash.values()) and state.provisional >= 0
        assert state.available_cash(0) >= 0
        position = state.position(market.market_id)
        assert min(position.final_of(o) for o in Outcome) >= 0
        if exchange.rules.is_netting:
            assert position.yes == 0 or position.no == 0
        else:
            assert state.cash[0] + state.provisional == shares_cash(exchange, name)


def check_books_and_truth(exchange: Exchange, market) -> None:  # type: ignore[no-untyped-def]
    book = exchange.book(market.market_id)
    assert not book.bids or not book.asks or book.bids[0][0] < book.asks[0][0]


def shares_cash(exchange: Exchange, name: str) -> int:
    """Fold fills and payouts: what the account's cash must be on a venue of shares."""
    cash = CASH
    for fill in exchange.fills(name):
        if fill.status is not TradeStatus.FAILED:
            amount = -fill.amount_usd if fill.side is Side.BUY else fill.amount_usd
            cash += amount - fill.fee_usd
    return cash + sum(payout.cash_usd for payout in exchange.payouts(name))


def run(venue: Venue, delay_s: int, plan: list[dict], payout: int) -> list[object]:  # type: ignore[type-arg]
    exchange, market = build(venue, delay_s)
    heard: list[object] = []
    exchange.subscribe(heard.append)
    now_ns = START
    for number, step in enumerate(plan):
        now_ns = play(exchange, market, step, number, now_ns)
        check(exchange, market)
    settle(exchange, market, PriceMicros(payout), now_ns + 1)
    check(exchange, market)
    exchange.advance(now_ns + 200 * SECOND)
    check(exchange, market)
    for name in ACCOUNTS:
        assert exchange.position(name, market.market_id).is_empty  # type: ignore[attr-defined]
        if exchange.rules.is_netting:
            check_netted_result(exchange, name, payout)
    return heard


def settle(exchange: Exchange, market, payout: PriceMicros, now_ns: int) -> None:  # type: ignore[no-untyped-def]
    exchange.change_status(market.market_id, MarketStatus.CLOSED, now_ns)
    exchange.change_status(market.market_id, MarketStatus.DETERMINED, now_ns, payout)
    exchange.change_status(market.market_id, MarketStatus.SETTLED, now_ns)


def check_netted_result(exchange: Exchange, name: str, payout: int) -> None:
    """At the end each contract bought at p has won payout - p, whatever was netted between."""
    exact = CASH * MICROS
    for fill in exchange.fills(name):
        is_up = (fill.side is Side.BUY) is (fill.outcome is Outcome.YES)
        exact += (1 if is_up else -1) * fill.qty * (payout - fill.yes_price)
        exact -= fill.fee_usd * MICROS
    assert exact % MICROS == 0 and exchange.cash(name) == exact // MICROS


@settings(max_examples=150, deadline=None)
@given(steps, st.sampled_from([0, MICROS]))
def test_kalshi_conserves_cash(plan: list[dict], payout: int) -> None:  # type: ignore[type-arg]
    run(Venue.KALSHI, 0, plan, payout)


@settings(max_examples=150, deadline=None)
@given(steps, st.sampled_from([0, 500_000, MICROS]), st.sampled_from([0, 0, 2]))
def test_polymarket_conserves_cash(plan: list[dict], payout: int, delay_s: int) -> None:  # type: ignore[type-arg]
    run(Venue.POLYMARKET, delay_s, plan, payout)


@settings(max_examples=100, deadline=None)
@given(steps, st.sampled_from([0, 500_000, MICROS]))
def test_polymarket_us_conserves_cash(plan: list[dict], payout: int) -> None:  # type: ignore[type-arg]
    run(Venue.POLYMARKET_US, 0, plan, payout)


FAULTS = [
    row
    for row in INJECTIONS
    if row.key in WIRED and row.where in (Where.ORDER, Where.TRADE) and row.key != "k.close"
]
plans = st.lists(
    st.tuples(st.sampled_from(FAULTS), st.integers(0, 2), st.sampled_from([300_000, 1_000_000])),
    min_size=1,
    max_size=6,
)


@settings(max_examples=200, deadline=None)
@given(steps, plans, st.sampled_from([Venue.KALSHI, Venue.POLYMARKET]))
def test_no_fault_of_the_table_makes_or_loses_cash(
    plan: list[dict],  # type: ignore[type-arg]
    windows: list[tuple[Injection, int, int]],
    venue: Venue,
) -> None:
    exchange, market = build(venue, 0)
    for row, form, ppm in windows:
        name = row.forms[form % len(row.forms)] if row.forms else ""
        amount = 3_000 if row.unit == "ms" else None
        exchange.faults.switch_on(
            FaultWindow(row.key, START, START + 10**6 * SECOND, ppm, amount, name)
        )
    now_ns = START
    for number, step in enumerate(plan):
        now_ns = play(exchange, market, step, number, now_ns)
        check_money(exchange, market)
        check_books_and_truth(exchange, market)
    exchange.advance(now_ns + 2_000 * SECOND)
    check_money(exchange, market)
    if not exchange.rules.is_netting:
        assert all(f.status.is_final for name in ACCOUNTS for f in exchange.fills(name))


@settings(max_examples=40, deadline=None)
@given(steps, st.sampled_from(list(Venue)))
def test_the_same_calls_make_the_same_happenings(plan: list[dict], venue: Venue) -> None:  # type: ignore[type-arg]
    assert repr(run(venue, 1, plan, MICROS)) == repr(run(venue, 1, plan, MICROS))


@settings(max_examples=60, deadline=None)
@given(steps, st.sampled_from(list(Venue)), st.integers(0, 24))
def test_a_restart_at_any_moment_changes_no_account(
    plan: list[dict],  # type: ignore[type-arg]
    venue: Venue,
    cut: int,
) -> None:
    exchange, market = build(venue, 1)
    kept: dict[tuple[str, str], records.Record] = {}
    now_ns = START
    for number, step in enumerate(plan[: cut + 1]):
        now_ns = play(exchange, market, step, number, now_ns)
        for record in records.drain(exchange):
            kept[record.table, record.key] = record
    again = Exchange(exchange.rules, seed=11)
    again.list_market(market, now_ns)  # type: ignore[arg-type]
    records.restore(again, kept.values())
    for name in ACCOUNTS:
        assert again.orders(name) == exchange.orders(name)
        assert again.fills(name) == exchange.fills(name)
        assert again.positions(name) == exchange.positions(name)
        assert again.cash_by_shard(name) == exchange.cash_by_shard(name)
    later = now_ns + 200 * SECOND
    for one in (exchange, again):
        settle(one, market, PriceMicros(MICROS), now_ns + 1)
        one.advance(later)
    assert [again.cash(n) for n in ACCOUNTS] == [exchange.cash(n) for n in ACCOUNTS]

"""The paper venue: fills by the seen book, durable before told, evidence, finality, payouts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from shared.adapters.venues.paper.settings import PaperSettings, starting_cash
from shared.adapters.venues.paper.store import MemoryPaperStore
from shared.adapters.venues.paper.venue import PaperVenue
from shared.domain.book import Book
from shared.domain.enums import (
    FeeType,
    Liquidity,
    Outcome,
    Purpose,
    RunMode,
    Side,
    TimeInForce,
    Venue,
)
from shared.domain.errors import DomainError, OffGridError, StoreError
from shared.domain.events import EventBody, FillSeen, TradeFinality
from shared.domain.fees import charge, kalshi_schedule
from shared.domain.ids import derive_attempt_id, derive_package_id, derive_run_id
from shared.domain.instrument import LINEAR_CENT, Instrument
from shared.domain.order import (
    Acked,
    AckStatus,
    EvidenceKind,
    LegTicket,
    Rejected,
    SubmitOutcome,
    Unknown,
)
from shared.domain.units import MICROS, PriceMicros
from shared.exchange.venue_rules import FinalitySettings
from shared.ports.venue import EncodedOrder
from tests.support.markets import book_of, ct, kalshi_market, polymarket_market, px, usd
from tests.support.virtual_clock import VirtualClock
from trader_task.gate import decoded_difference

K, P = Venue.KALSHI, Venue.POLYMARKET
SURE = FinalitySettings(retry_ppm=0, failed_ppm=0)
DOOMED = FinalitySettings(retry_ppm=0, failed_ppm=1_000_000)
PACKAGE = derive_package_id(derive_run_id(RunMode.PAPER_SIM, 1), 1)


def instrument(venue: Venue) -> Instrument:
    if venue is K:
        return kalshi_market(kalshi_schedule(FeeType.KALSHI_QUADRATIC))
    return polymarket_market(grid=LINEAR_CENT)


class Desk:
    """A paper venue with a book that the test sets and a clock that the test turns."""

    def __init__(
        self,
        venue: Venue,
        store: MemoryPaperStore | None = None,
        settings: PaperSettings | None = None,
        **changes: object,
    ) -> None:
        self.market = replace(instrument(venue), **changes)  # type: ignore[arg-type]
        self.book: Book | None = book_of(self.market, "0.40x50 0.39x10", "0.42x30 0.43x90")
        self.clock = VirtualClock()
        self.store = store or MemoryPaperStore()
        self.events: list[EventBody] = []
        self.number = 0
        self.venue = PaperVenue(
            venue,
            lambda _market: self.book,
            lambda _market: self.market,
            self.clock,
            self.store,
            settings or PaperSettings(finality=SURE),
        )

    def ticket(self, words: str, *, budget: str | None = None, **more: object) -> LegTicket:
        """Return a ticket from words such as ``buy yes 10 @ 0.42 ioc``."""
        side, outcome, qty, _, price, tif = words.split()
        self.number += 1
        made = LegTicket(
            attempt_id=derive_attempt_id(PACKAGE, 0, Purpose.OPEN, self.number),
            package_id=PACKAGE,
            leg=0,
            purpose=Purpose.OPEN,
            attempt=self.number,
            venue=self.market.venue,
            market_id=self.market.market_id,
            outcome=Outcome(outcome),
            side=Side(side),
            price_limit=px(price),
            qty=ct(qty),
            qty_max=ct(qty),
            tif=TimeInForce(tif),
            decided_mono_ns=0,
            decided_wall_ns=0,
            send_by_mono_ns=0,
            budget_usd=None if budget is None else usd(budget),
            shard=self.market.shard,
        )
        return replace(made, **more)  # type: ignore[arg-type]

    def encoded(self, words: str, *, budget: str | None = None, **more: object) -> EncodedOrder:
        return self.venue.encode(self.ticket(words, budget=budget, **more), self.market)

    async def send(
        self,
        order: EncodedOrder | str,
        meanwhile: Callable[[], None] | None = None,
        may_send: Callable[[], str | None] = lambda: None,
    ) -> SubmitOutcome | None:
        """Send an order and let its latency pass; ``meanwhile`` happens on the way."""
        if isinstance(order, str):
            order = self.encoded(order)
        task = asyncio.create_task(self.venue.send(order, may_send))
        await self.clock.advance(0.001)
        if meanwhile is not None:
            meanwhile()
        await self.clock.advance(0.2)
        return await task

    @asynccontextmanager
    async def stream(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.venue.run_user_stream(self.events.append))
        try:
            await self.clock.advance(0)
            yield
        finally:
            task.cancel()


async def desk(venue: Venue, **more: object) -> Desk:
    made = Desk(venue, **more)  # type: ignore[arg-type]
    await made.venue.open()
    return made


def acked(outcome: SubmitOutcome | None) -> Acked:
    assert isinstance(outcome, Acked), outcome
    return outcome


# --- encoding -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("venue", "words", "budget"),
    [
        (K, "buy no 12.5 @ 0.60 ioc", None),
        (K, "sell yes 3 @ 0.39 ioc", None),
        (P, "buy yes 20 @ 0.42 ioc", "8.40"),
        (P, "buy yes 7 @ 0.42 gtc", None),
    ],
)
def test_the_order_read_back_is_the_ticket(venue: Venue, words: str, budget: str | None) -> None:
    made = Desk(venue)
    order = made.encoded(words, budget=budget)
    assert decoded_difference(order.ticket, order.decoded) is None
    assert (order.order_hash != "") is (venue is P)
    assert made.venue.encode(order.ticket, made.market) == order


@pytest.mark.parametrize(
    ("words", "more", "error"),
    [
        ("buy yes 1 @ 0.425 ioc", {}, OffGridError),
        ("buy yes 0.005 @ 0.42 ioc", {}, OffGridError),
        ("buy yes 1 @ 0.42 ioc", {"budget": "4.20"}, DomainError),
        ("buy yes 1 @ 0.42 ioc", {"shard": 9}, DomainError),
    ],
)
def test_impossible_orders_are_not_encoded(
    words: str, more: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        Desk(K).encoded(words, **more)  # type: ignore[arg-type]


# --- fills ----------------------------------------------------------------------------------


async def test_fills_walk_the_seen_book_at_its_prices_with_exact_fees() -> None:
    made = await desk(K)
    outcome = acked(await made.send("buy yes 40 @ 0.43 ioc"))
    assert (outcome.status, outcome.cum_qty, outcome.cost_usd) == (
        AckStatus.DONE,
        ct("40"),
        usd("16.9"),
    )
    first = charge(made.market.fees, Liquidity.TAKER, Side.BUY, px("0.42"), ct("30"))
    assert outcome.fills[0].fee == first.fee_usd
    assert all(fill.is_final for fill in outcome.fills)
    snapshot = await made.venue.fetch_snapshot()
    paid = outcome.cost_usd + sum(fill.fee for fill in outcome.fills)
    assert snapshot.cash == usd("5000") - paid
    assert [(p.qty_yes, p.qty_no) for p in snapshot.positions] == [(ct("40"), 0)]


async def test_the_book_of_the_arrival_counts_not_that_of_the_decision() -> None:
    made = await desk(K)

    def book_moves() -> None:
        made.book = book_of(made.market, "0.44x50", "0.46x30")

    outcome = acked(await made.send("buy yes 40 @ 0.43 ioc", meanwhile=book_moves))
    assert outcome.cum_qty == 0 and outcome.fills == ()


async def test_a_level_that_we_took_is_not_there_again_at_once() -> None:
    made = await desk(K)
    assert acked(await made.send("buy yes 30 @ 0.42 ioc")).cum_qty == ct("30")
    assert acked(await made.send("buy yes 30 @ 0.42 ioc")).cum_qty == 0
    await made.clock.advance(6)
    assert acked(await made.send("buy yes 30 @ 0.42 ioc")).cum_qty == ct("30")


@pytest.mark.parametrize("kind", ["none", "crossed"])
async def test_a_book_in_doubt_fills_nothing(kind: str) -> None:
    made = await desk(K)
    made.book = None if kind == "none" else book_of(made.market, "0.43x5", "0.42x5")
    assert acked(await made.send("buy yes 5 @ 0.45 ioc")).cum_qty == 0


async def test_a_budget_buys_more_when_the_price_improved() -> None:
    made = await desk(P)
    made.book = book_of(made.market, "", "0.40x500")
    order = made.encoded("buy yes 20 @ 0.50 ioc", budget="10")
    outcome = acked(await made.send(order))
    assert outcome.cum_qty == ct("25") and outcome.order_id == order.order_hash
    assert not outcome.fills[0].is_final


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("buy yes 2 @ 0.42 ioc", "below_min_notional"),
        ("buy yes 4 @ 0.41 gtc", "below_min_size"),
        ("buy yes 9 @ 0.41 ioc", "fak_not_filled"),
        ("sell yes 9 @ 0.40 ioc", "no_shares"),
    ],
)
async def test_the_venue_refuses_like_the_venue(words: str, reason: str) -> None:
    made = await desk(P)
    outcome = await made.send(words)
    assert isinstance(outcome, Rejected) and outcome.reason == reason


async def test_nothing_leaves_when_the_last_gate_says_no() -> None:
    made = await desk(K)
    order = made.encoded("buy yes 5 @ 0.42 ioc")
    assert await made.venue.send(order, lambda: "lease_short") is None
    evidence = await made.venue.find_evidence([order.ticket])
    assert evidence[0].kind is EvidenceKind.ABSENT


async def test_resting_and_cancelling() -> None:
    made = await desk(P)
    order = made.encoded("buy yes 9 @ 0.41 gtc")
    outcome = acked(await made.send(order))
    assert outcome.status is AckStatus.RESTING
    assert (await made.venue.find_evidence([order.ticket]))[0].kind is EvidenceKind.LIVE
    task = asyncio.create_task(made.venue.cancel(order, outcome.order_id))
    await made.clock.advance(0.2)
    assert await task is True
    assert (await made.venue.find_evidence([order.ticket]))[0].kind is EvidenceKind.ABSENT
    assert await made.venue.cancel_everything() == 0


async def test_a_resting_order_fills_when_the_seen_book_comes_to_it() -> None:
    made = await desk(P)
    async with made.stream():
        acked(await made.send("buy yes 9 @ 0.41 gtc"))
        made.book = book_of(made.market, "0.39x50", "0.40x4")
        await made.clock.advance(0.2)
        fills = [e.fill for e in made.events if isinstance(e, FillSeen)]
        assert [(f.qty, f.price, f.liquidity) for f in fills] == [
            (ct("4"), px("0.41"), Liquidity.MAKER)
        ]


async def test_a_taker_delay_is_held_and_then_matched_against_the_later_book() -> None:
    made = await desk(P, taker_delay_ns=10**9)
    async with made.stream():
        outcome = acked(await made.send("buy yes 9 @ 0.45 ioc"))
        assert outcome.status is AckStatus.HELD and outcome.cum_qty == 0
        made.book = book_of(made.market, "0.40x50", "0.44x30")
        await made.clock.advance(1.2)
        fills = [e.fill for e in made.events if isinstance(e, FillSeen)]
        assert [(f.qty, f.price) for f in fills] == [(ct("9"), px("0.44"))]


# --- finality and settlement -----------------------------------------------------------------


async def test_fills_are_provisional_and_then_confirmed_on_the_stream() -> None:
    made = await desk(P)
    async with made.stream():
        outcome = acked(await made.send("buy no 20 @ 0.60 ioc"))
        await made.clock.advance(1)
        assert not any(isinstance(e, TradeFinality) for e in made.events)
        sale = await made.send("sell no 20 @ 0.50 ioc")
        assert isinstance(sale, Rejected) and sale.reason == "no_shares"
        await made.clock.advance(60)
        finality = [e for e in made.events if isinstance(e, TradeFinality)]
        assert [(f.trade_id, f.is_final) for f in finality] == [(outcome.fills[0].trade_id, True)]
        assert acked(await made.send("sell no 20 @ 0.50 ioc")).cum_qty == ct("20")


async def test_a_failed_trade_is_told_and_undone() -> None:
    made = await desk(P, settings=PaperSettings(finality=DOOMED))
    order = made.encoded("buy yes 20 @ 0.42 ioc")
    async with made.stream():
        acked(await made.send(order))
        await made.clock.advance(60)
        assert [e.is_final for e in made.events if isinstance(e, TradeFinality)] == [False]
    snapshot = await made.venue.fetch_snapshot()
    assert snapshot.cash == usd("5000") and snapshot.positions == ()
    assert (await made.venue.find_evidence([order.ticket]))[0].kind is EvidenceKind.ABSENT


async def test_a_result_of_the_real_venue_is_credited_once() -> None:
    made = await desk(K)
    acked(await made.send("buy no 20 @ 0.60 ioc"))
    before = (await made.venue.fetch_snapshot()).cash
    for _ in range(2):
        await made.venue.on_resolved(made.market.market_id, PriceMicros(0))
    snapshot = await made.venue.fetch_snapshot()
    assert snapshot.cash == before + usd("20") and snapshot.positions == ()
    payouts = await made.venue.fetch_payouts(0)
    assert [(p.payout, p.qty_yes, p.qty_no, p.cash) for p in payouts] == [
        (0, 0, ct("20"), usd("20"))
    ]
    assert await made.venue.fetch_payouts(made.clock.wall_ns() + 1) == []


# --- durability -----------------------------------------------------------------------------


async def test_a_restart_knows_every_order_fill_and_dollar() -> None:
    made = await desk(P)
    filled = made.encoded("buy no 20 @ 0.60 ioc")
    missed = made.encoded("buy yes 9 @ 0.41 ioc")
    acked(await made.send(filled))
    assert isinstance(await made.send(missed), Rejected)
    before = await made.venue.fetch_snapshot()
    again = Desk(P, store=made.store)
    again.clock.move(5)
    await again.venue.open()
    after = await again.venue.fetch_snapshot()
    assert (after.cash, after.positions) == (before.cash, before.positions)
    evidence = await again.venue.find_evidence([filled.ticket, missed.ticket])
    assert [e.kind for e in evidence] == [EvidenceKind.FILLED, EvidenceKind.ABSENT]
    assert evidence[0].cum_qty == ct("20")
    async with again.stream():
        assert [e.fill.qty for e in again.events if isinstance(e, FillSeen)] == [ct("20")]
        await again.clock.advance(60)
        assert [e.is_final for e in again.events if isinstance(e, TradeFinality)] == [True]


async def test_a_result_that_came_before_finality_is_paid_after_a_restart() -> None:
    made = await desk(P)
    acked(await made.send("buy yes 20 @ 0.42 ioc"))
    await made.venue.on_resolved(made.market.market_id, PriceMicros(MICROS))
    assert await made.venue.fetch_payouts(0) == []
    again = Desk(P, store=made.store)
    again.clock.move(100)
    await again.venue.open()
    await again.venue.fetch_snapshot()
    assert [p.cash for p in await again.venue.fetch_payouts(0)] == [usd("20")]


async def test_opening_may_be_repeated_until_the_store_is_there() -> None:
    made = Desk(K)
    made.store.is_down = True
    for _ in range(2):
        with pytest.raises(StoreError):
            await made.venue.open()
    made.store.is_down = False
    await made.venue.open()
    await made.venue.open()
    assert (await made.venue.fetch_snapshot()).cash == usd("5000")


async def test_nobody_hears_of_a_fill_that_is_not_stored() -> None:
    made = await desk(K)
    order = made.encoded("buy yes 5 @ 0.42 ioc")
    async with made.stream():

        def store_goes() -> None:
            made.store.is_down = True

        outcome = await made.send(order, meanwhile=store_goes)
        assert isinstance(outcome, Unknown)
        evidence = await made.venue.find_evidence([order.ticket])
        assert evidence[0].kind is EvidenceKind.UNPROVEN
        with pytest.raises(StoreError):
            await made.venue.fetch_snapshot()
        refused = await made.send("buy yes 5 @ 0.42 ioc")
        assert isinstance(refused, Rejected) and refused.reason == "paper_store_away"
        assert made.events == []
        made.store.is_down = False
        evidence = await made.venue.find_evidence([order.ticket])
        assert (evidence[0].kind, evidence[0].cum_qty) == (EvidenceKind.FILLED, ct("5"))
        assert [e.fill.qty for e in made.events if isinstance(e, FillSeen)] == [ct("5")]


async def test_an_attempt_in_flight_is_unproven() -> None:
    made = await desk(K)
    order = made.encoded("buy yes 5 @ 0.42 ioc")
    task = asyncio.create_task(made.venue.send(order, lambda: None))
    await made.clock.advance(0.001)
    assert (await made.venue.find_evidence([order.ticket]))[0].kind is EvidenceKind.UNPROVEN
    await made.clock.advance(0.2)
    await task
    assert (await made.venue.find_evidence([order.ticket]))[0].kind is EvidenceKind.FILLED


async def test_the_same_attempt_is_never_executed_twice() -> None:
    made = await desk(K)
    order = made.encoded("buy yes 5 @ 0.42 ioc")
    acked(await made.send(order))
    assert isinstance(await made.send(order), Unknown)
    assert (await made.venue.fetch_snapshot()).positions[0].qty_yes == ct("5")


def test_starting_cash_lies_on_the_shards_that_trade() -> None:
    total = usd("5000")
    assert starting_cash(P, total) == {0: total}
    split = starting_cash(K, total)
    assert sum(split.values()) == total and set(split) == {0, 2, 3}

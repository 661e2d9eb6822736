"""I-29: a full queue collapses levels, and nothing else is dropped, merged or reordered."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.enums import BookSide, BookState
from shared.domain.events import (
    AttemptSending,
    BookChanged,
    BookMarked,
    BookReplaced,
    EventBody,
    LevelChanged,
)
from shared.domain.ids import AttemptId, MarketId
from shared.domain.units import PriceMicros, QtyMicros
from tests.support.virtual_clock import VirtualClock
from trader_task.ingress import Ingress

MARKETS = [MarketId("kalshi:A"), MarketId("kalshi:B")]
markets = st.sampled_from(MARKETS)
prices = st.integers(1, 4).map(lambda n: PriceMicros(n * 10_000))
sizes = st.integers(0, 3).map(lambda n: QtyMicros(n * 1_000_000))
levels = st.dictionaries(prices, sizes.filter(bool), max_size=3).map(lambda d: tuple(d.items()))
changes = st.lists(
    st.builds(LevelChanged, st.sampled_from(list(BookSide)), prices, sizes), min_size=1, max_size=3
).map(tuple)
bodies = st.one_of(
    st.builds(BookChanged, markets, changes, st.integers(0, 9)),
    st.builds(BookReplaced, markets, levels, levels, st.integers(0, 9)),
    st.builds(BookMarked, markets, st.sampled_from(list(BookState)), st.just("")),
    st.integers(0, 10**6).map(lambda n: AttemptSending(AttemptId(str(n)))),
)
TAKE = "take"
steps = st.lists(st.one_of(bodies, st.just(TAKE)), max_size=60)

Book = dict[tuple[BookSide, int], int]


def apply(books: dict[MarketId, Book], body: EventBody) -> None:
    if isinstance(body, BookReplaced):
        book: Book = {(BookSide.BID, p): q for p, q in body.bids}
        books[body.market_id] = book | {(BookSide.ASK, p): q for p, q in body.asks}
    elif isinstance(body, BookChanged):
        book = books.setdefault(body.market_id, {})
        for change in body.changes:
            if change.qty:
                book[change.side, change.price] = change.qty
            else:
                book.pop((change.side, change.price), None)


@settings(max_examples=400, deadline=None)
@given(steps=steps, capacity=st.integers(1, 5))
def test_i29_collapse_keeps_books_orders_and_order(
    steps: list[EventBody | str], capacity: int
) -> None:
    clock = VirtualClock()
    ingress = Ingress(clock, capacity)
    raw: dict[MarketId, Book] = {}
    raw_at_mark: list[tuple[MarketId, Book]] = []
    seen: dict[MarketId, Book] = {}
    seen_at_mark: list[tuple[MarketId, Book]] = []
    put_orders: list[EventBody] = []
    got_orders: list[EventBody] = []
    last_seq = 0

    def take() -> bool:
        nonlocal last_seq
        event = ingress.take()
        if event is None:
            return False
        assert event.stamp.seq > last_seq
        last_seq = event.stamp.seq
        apply(seen, event.body)
        if isinstance(event.body, BookMarked):
            seen_at_mark.append((event.body.market_id, dict(seen.get(event.body.market_id, {}))))
        if isinstance(event.body, AttemptSending):
            got_orders.append(event.body)
        return True

    for step in steps:
        clock.move(0.001)
        if isinstance(step, str):
            take()
            continue
        ingress.put(step)
        apply(raw, step)
        if isinstance(step, BookMarked):
            raw_at_mark.append((step.market_id, dict(raw.get(step.market_id, {}))))
        if isinstance(step, AttemptSending):
            put_orders.append(step)
    while take():
        pass
    assert seen == raw or {m: b for m, b in seen.items() if b} == {
        m: b for m, b in raw.items() if b
    }
    assert seen_at_mark == raw_at_mark  # nothing moved to the other side of a mark
    assert got_orders == put_orders


@settings(max_examples=50, deadline=None)
@given(count=st.integers(100, 2_000))
def test_i29_memory_is_bounded_by_markets_not_by_messages(count: int) -> None:
    ingress = Ingress(VirtualClock(), capacity=10)
    for number in range(count):
        change = LevelChanged(BookSide.BID, PriceMicros(10_000), QtyMicros(number))
        ingress.put(BookChanged(MARKETS[number % 2], (change,), number))
        ingress.put(BookReplaced(MARKETS[number % 2], (), (), number))
    assert len(ingress) <= 10 + len(MARKETS)

"""Busts need two complete readings, re-pricing is told once, amendments are differences."""

from __future__ import annotations

from dataclasses import replace

from shared.adapters.venues.kalshi.corrections import KnownPayouts, ToldFills
from shared.domain.enums import Liquidity, Outcome, Side, Venue
from shared.domain.events import PayoutSeen
from shared.domain.ids import market_id
from shared.domain.order import Fill
from shared.domain.units import NS_PER_S, PriceMicros, QtyMicros, UsdMicros

WALL = 1_800_000_000 * NS_PER_S
MARKET = market_id(Venue.KALSHI, "KXRATE-26DEC-H0")
FILL = Fill(
    venue=Venue.KALSHI,
    trade_id="t-1",
    order_id="o-1",
    attempt_id=None,
    market_id=MARKET,
    outcome=Outcome.YES,
    side=Side.BUY,
    price=PriceMicros(420_000),
    qty=QtyMicros(5_000_000),
    fee=UsdMicros(90_000),
    liquidity=Liquidity.TAKER,
    venue_ts_ns=WALL,
    is_final=True,
)
NOTHING: tuple[list[Fill], list[Fill]] = ([], [])


def told() -> ToldFills:
    fills = ToldFills()
    fills.note(FILL)
    return fills


def at(fills: ToldFills, shown: list[Fill], second: float) -> tuple[list[Fill], list[Fill]]:
    after = int(second * NS_PER_S)
    return fills.compare(shown, WALL + after, after)


def test_f032_one_reading_without_it_is_a_lagging_record() -> None:
    fills = told()
    assert at(fills, [], 2) == NOTHING, "too fresh to be missed"
    assert at(fills, [], 10) == NOTHING
    assert at(fills, [FILL], 12) == NOTHING, "it was only late"
    assert at(fills, [], 20) == NOTHING
    assert at(fills, [], 20.5) == NOTHING, "two readings must be a second apart"
    assert at(fills, [], 21) == ([FILL], [])
    assert at(fills, [], 30) == NOTHING and fills.is_empty()


def test_f032_another_price_or_fee_is_told_once_and_is_no_bust() -> None:
    dearer = replace(FILL, price=PriceMicros(440_000))
    fills = told()
    assert at(fills, [dearer], 10) == ([], [dearer])
    assert at(fills, [dearer], 15) == NOTHING
    other = told()
    assert at(other, [replace(FILL, fee=UsdMicros(1))], 10)[1]


def test_f032_nothing_is_looked_for_after_the_review_time() -> None:
    fills = told()
    assert at(fills, [FILL], 15 * 60 + 1) == NOTHING and fills.is_empty()
    assert at(fills, [], 16 * 60) == NOTHING


def paid(cash: int, when: str = "a") -> PayoutSeen:
    return PayoutSeen(
        venue=Venue.KALSHI,
        market_id=MARKET,
        payout=PriceMicros(1_000_000),
        qty_yes=QtyMicros(5_000_000),
        qty_no=QtyMicros(0),
        cash=UsdMicros(cash),
        venue_ts_ns=WALL,
        reference=f"kalshi/KXRATE-26DEC-H0/{when}",
    )


def test_f032_amendments_add_up_to_the_newest_amount_whatever_their_time() -> None:
    known = KnownPayouts()
    first = paid(5_000_000)
    assert known.told(first) == [first] == known.told(first)
    assert [p.cash for p in known.told(paid(0, "b"))] == [5_000_000, -5_000_000]
    rows = known.told(paid(2_500_000, "c"))
    assert [p.cash for p in rows] == [5_000_000, -5_000_000, 2_500_000]
    assert len({p.reference for p in rows}) == 3 and rows[1].qty_yes == 0
    assert known.told(paid(2_500_000, "c")) == rows

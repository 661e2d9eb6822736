"""Small builders of instruments, books and schedules for tests of the money code."""

from __future__ import annotations

from pathlib import Path

from shared.domain.book import Book
from shared.domain.enums import FeeType, MarketStatus, Venue
from shared.domain.fee_schedules import polymarket_us_schedule
from shared.domain.fees import kalshi_schedule, polymarket_schedule
from shared.domain.ids import market_id
from shared.domain.instrument import (
    DECI_CENT,
    LINEAR_CENT,
    FeeSchedule,
    Instrument,
    PriceRange,
)
from shared.domain.units import MICROS, PriceMicros, QtyMicros, UsdMicros, parse_micros

SHARED = Path(__file__).resolve().parents[3] / "shared"
"""Facts and recordings beside the repository; tests that need them skip when absent."""

KALSHI_FEES = kalshi_schedule(FeeType.KALSHI_QUADRATIC)
POLYMARKET_FEES = polymarket_schedule(50_000)
POLYMARKET_US_FEES = polymarket_us_schedule(69_500)


def px(text: str) -> PriceMicros:
    return PriceMicros(parse_micros(text))


def ct(text: str) -> QtyMicros:
    return QtyMicros(parse_micros(text))


def usd(text: str) -> UsdMicros:
    return UsdMicros(parse_micros(text))


def kalshi_market(
    fees: FeeSchedule = KALSHI_FEES, grid: tuple[PriceRange, ...] = LINEAR_CENT
) -> Instrument:
    return _market(Venue.KALSHI, fees, grid, min_qty=ct("0.01"), min_notional=usd("0"))


def polymarket_market(
    fees: FeeSchedule = POLYMARKET_FEES, grid: tuple[PriceRange, ...] = DECI_CENT
) -> Instrument:
    return _market(Venue.POLYMARKET, fees, grid, min_qty=ct("5"), min_notional=usd("1"))


def polymarket_us_market(
    fees: FeeSchedule = POLYMARKET_US_FEES, grid: tuple[PriceRange, ...] = LINEAR_CENT
) -> Instrument:
    return _market(Venue.POLYMARKET_US, fees, grid, min_qty=ct("0.01"), min_notional=usd("0"))


def even_grid(step: str) -> tuple[PriceRange, ...]:
    return (PriceRange(PriceMicros(0), PriceMicros(MICROS), parse_micros(step)),)


def book_of(market: Instrument, bids: str = "", asks: str = "") -> Book:
    """Return a book from text such as ``book_of(m, "0.45x100 0.44x50", "0.46x100")``."""
    book = Book(market.market_id)
    book.replace(_levels(bids), _levels(asks), 1)
    return book


def _levels(text: str) -> list[tuple[PriceMicros, QtyMicros]]:
    pairs = (item.split("x") for item in text.split())
    return [(px(price), ct(size)) for price, size in pairs]


def _market(
    venue: Venue,
    fees: FeeSchedule,
    grid: tuple[PriceRange, ...],
    *,
    min_qty: QtyMicros,
    min_notional: UsdMicros,
) -> Instrument:
    return Instrument(
        market_id=market_id(venue, "TEST"),
        venue=venue,
        native_id="TEST",
        title="Test market",
        category="economics",
        series_id="TEST",
        event_id="TEST-1",
        grid=grid,
        qty_step=ct("0.01"),
        min_qty=min_qty,
        min_notional_usd=min_notional,
        fees=fees,
        status=MarketStatus.ACTIVE,
        close_ns=10**18,
        settle_expected_ns=10**18,
        settle_worst_ns=10**18,
        rules_hash="h",
        settlement_source="test",
    )

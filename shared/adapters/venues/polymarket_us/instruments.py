"""A market object as a domain ``Instrument``. Pure.

Rule 1: doubt about what a market pays, costs or takes makes it untradeable with a named
refusal; it never makes it disappear.
Rule 2: each slug has a book of its own. Where an event lists two slugs for its two sides,
their tops mirror each other and their depth does not (T): nothing is derived from a sibling.
Rule 3: tick and smallest quantity are the market's own words, never guessed.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

import msgspec

from shared.adapters.venues.polymarket_us.capabilities import PRICE_MAX, PRICE_MIN
from shared.adapters.venues.polymarket_us.parsing import decode, read_decimal, read_time_ns
from shared.adapters.venues.polymarket_us.schemas import Market
from shared.domain.config import Config
from shared.domain.enums import FeeType, MarketStatus, Venue
from shared.domain.errors import WireError
from shared.domain.fee_schedules import polymarket_us_schedule
from shared.domain.ids import market_id
from shared.domain.instrument import FeeSchedule, Instrument, PriceRange
from shared.domain.units import NS_PER_S, PriceMicros, QtyMicros, UsdMicros
from shared.ports.venue import CatalogueMarket

_SETTLE_NS: Final = 24 * 3_600 * NS_PER_S
_SETTLE_WORST_NS: Final = 14 * 86_400 * NS_PER_S
"""The venue names no settlement time: a day is expected, two weeks are reckoned with."""

_CONFIRMED_NS: Final = 183 * 86_400 * NS_PER_S

_STATUS: Final = {
    "MARKET_STATUS_OPEN": MarketStatus.ACTIVE,
    "MARKET_STATUS_HALTED": MarketStatus.PAUSED,
    "MARKET_STATUS_CLOSED": MarketStatus.CLOSED,
    "MARKET_STATUS_RESOLVING": MarketStatus.CLOSED,
    "MARKET_STATUS_RESOLVED": MarketStatus.DETERMINED,
}
_STATE: Final = {
    "MARKET_STATE_OPEN": MarketStatus.ACTIVE,
    "MARKET_STATE_PREOPEN": MarketStatus.PAUSED,
    "MARKET_STATE_SUSPENDED": MarketStatus.PAUSED,
    "MARKET_STATE_HALTED": MarketStatus.PAUSED,
    "MARKET_STATE_MATCH_AND_CLOSE_AUCTION": MarketStatus.PAUSED,
    "MARKET_STATE_CLOSED": MarketStatus.CLOSED,
    "MARKET_STATE_EXPIRED": MarketStatus.CLOSED,
    "MARKET_STATE_TERMINATED": MarketStatus.CLOSED,
}


@dataclass(frozen=True, slots=True)
class FeeTerms:
    """The operator's word on the taker fee: coefficient, its date, and whether he stands by it.

    ``coefficient_ppm`` is theta of theta x contracts x p x (1 - p), in millionths.
    """

    coefficient_ppm: int
    as_of_ns: int = 0
    is_confirmed: bool = False


def terms_of(config: Config) -> FeeTerms:
    """Return the fee terms that a configuration states; its day begins at midnight UTC."""
    day = config.polymarket_us_fee_date
    as_of_ns = 0
    if day:
        moment = datetime(day // 10_000, day // 100 % 100, day % 100, tzinfo=UTC)
        as_of_ns = int(moment.timestamp()) * NS_PER_S
    return FeeTerms(config.polymarket_us_fee_ppm, as_of_ns, config.polymarket_us_fee_confirmed)


def read_state(word: str) -> MarketStatus:
    """Return our word for the state in a book; an unknown word is PAUSED (not tradeable)."""
    return _STATE.get(word, MarketStatus.PAUSED)


def read_status(market: Market) -> MarketStatus:
    """Return the status of a market object; the strictest of its own words wins."""
    if market.status:
        said = _STATUS.get(market.status, MarketStatus.PAUSED)
        if said is not MarketStatus.ACTIVE:
            return said
    if market.closed or market.archived:
        return MarketStatus.CLOSED
    return MarketStatus.ACTIVE if market.active else MarketStatus.PAUSED


def read_fees(market: Market, terms: FeeTerms, read_ns: int) -> FeeSchedule:
    """Return the fee schedule: the configured coefficient, or the market's own where higher.

    A market that names another one than the operator confirmed is not confirmed. A dated
    schedule ages from ``read_ns``, when the market was read; what a person confirmed half a
    year ago is to be confirmed again.
    """
    assert read_ns >= 0, read_ns
    own: int | None = None
    if market.fee_coefficient is not None:
        try:
            own = read_decimal(market.fee_coefficient, "fee_coefficient")
        except WireError:
            return FeeSchedule(FeeType.UNKNOWN, source="unreadable", as_of_ns=terms.as_of_ns)
    if own is not None and own < 0:
        return FeeSchedule(FeeType.UNKNOWN, source="negative", as_of_ns=terms.as_of_ns)
    is_agreed = own is None or own == terms.coefficient_ppm
    schedule = polymarket_us_schedule(
        max(terms.coefficient_ppm, own or 0),
        is_confirmed=terms.is_confirmed and is_agreed,
        source="configuration" if is_agreed else f"market {market.slug}",
        as_of_ns=read_ns if terms.as_of_ns else 0,
    )
    if schedule.is_confirmed:
        return replace(schedule, expires_ns=terms.as_of_ns + _CONFIRMED_NS)
    return schedule


def read_grid(market: Market) -> tuple[PriceRange, ...]:
    """Return the grid between the exchange's limits. Raises WireError without a usable tick."""
    tick = read_decimal(market.order_price_min_tick_size, "tick")
    if not 0 < tick <= PRICE_MIN or PRICE_MIN % tick:
        raise WireError("tick", str(market.order_price_min_tick_size))
    return (PriceRange(PriceMicros(PRICE_MIN), PriceMicros(PRICE_MAX), tick),)


def sides_of(market: Market) -> tuple[str, str]:
    """Return what the long and the short side are called; ("", "") when that is not said once."""
    sides = market.market_sides or []
    longs = [side.description or "" for side in sides if side.long is True]
    shorts = [side.description or "" for side in sides if side.long is False]
    if len(longs) != 1 or len(shorts) > 1:
        return "", ""
    return longs[0], shorts[0] if shorts else ""


def hash_rules(market: Market) -> str:
    """Return sha256 over everything that defines the bet, in a fixed order."""
    texts = [
        market.question or "",
        market.title or "",
        market.subtitle or "",
        market.description or "",
        *sides_of(market),
    ]
    packed = msgspec.json.encode([texts, market.asset_price_terms], order="deterministic")
    return hashlib.sha256(packed).hexdigest()


def choose_refusal(market: Market, fees: FeeSchedule, min_qty: int) -> str:
    """Return why the adapter refuses to trade a market, or an empty text."""
    if market.market_sides and not sides_of(market)[0]:
        return "which side is long is not said"
    if market.status and market.status not in _STATUS:
        return f"status {market.status:.20}"
    if min_qty <= 0:
        return "no smallest quantity"
    if fees.fee_type is FeeType.UNKNOWN:
        return "fee coefficient unreadable"
    return ""


def build_instrument(market: Market, terms: FeeTerms, as_of_ns: int) -> Instrument:
    """Return the domain view of one market.

    Raises:
        WireError: no slug or question, or a time or the tick cannot be read.
    """
    if not market.slug or not (market.question or market.title):
        raise WireError("market_ids", market.slug[:60])
    min_qty = 0
    if market.minimum_trade_qty is not None:
        min_qty = read_decimal(market.minimum_trade_qty, "minimum_trade_qty")
    fees = read_fees(market, terms, as_of_ns)
    refusal = choose_refusal(market, fees, min_qty)
    close_ns = read_time_ns(market.end_date, "end_date")
    step = QtyMicros(min_qty if min_qty > 0 else 1_000_000)
    assert as_of_ns >= 0 and step > 0
    return Instrument(
        market_id=market_id(Venue.POLYMARKET_US, market.slug),
        venue=Venue.POLYMARKET_US,
        native_id=market.slug,
        title=market.question or market.title or "",
        category=market.category or "",
        series_id=market.event_slug or "",
        event_id=market.event_slug or market.slug,
        grid=read_grid(market),
        qty_step=step,
        min_qty=step,
        min_notional_usd=UsdMicros(0),
        fees=fees,
        status=read_status(market),
        close_ns=close_ns,
        settle_expected_ns=close_ns + _SETTLE_NS if close_ns else 0,
        settle_worst_ns=close_ns + _SETTLE_WORST_NS if close_ns else 0,
        rules_hash=hash_rules(market),
        settlement_source="",
        tradeable=not refusal,
        refusal=refusal,
    )


def build_listing(raw: msgspec.Raw, terms: FeeTerms, as_of_ns: int) -> CatalogueMarket:
    """Return one catalogue entry with the raw object beside it. Raises WireError."""
    market = decode(raw, Market, "market")
    whole = decode(raw, dict, "market")
    instrument = build_instrument(market, terms, as_of_ns)
    tags = [t["label"] for t in market.tags or () if isinstance(t, dict) and _is_label(t)]
    return CatalogueMarket(
        instrument=instrument,
        event_title=market.title or "",
        question=instrument.title,
        outcome_label=sides_of(market)[0],
        rules_text=market.description or "",
        resolution_source="",
        tags=tuple(tags),
        raw=whole,
    )


def _is_label(tag: dict[object, object]) -> bool:
    return isinstance(tag.get("label"), str)

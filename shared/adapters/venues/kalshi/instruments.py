"""A market object with its event and series, as a domain ``Instrument``.

Pure. Rule 1: doubt about what a market pays or costs makes it untradeable with a named
refusal; it never makes it disappear. Rule 2: the rules hash covers every text and figure
that defines the bet, the settlement sources included, so any edit changes it (F-100).
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Final

import msgspec

from shared.adapters.venues.kalshi.capabilities import QTY_STEP
from shared.adapters.venues.kalshi.parsing import (
    MICROS_PER_CENT,
    decode,
    read_amount,
    read_grid,
    read_ratio_ppm,
    read_time_ns,
)
from shared.adapters.venues.kalshi.schemas import EventRow, Market, SeriesRow, SettlementSource
from shared.domain.enums import FeeType, MarketStatus, Venue
from shared.domain.errors import WireError
from shared.domain.fees import kalshi_schedule
from shared.domain.ids import market_id
from shared.domain.instrument import FeeSchedule, Instrument
from shared.domain.units import MICROS, NS_PER_S, PriceMicros, UsdMicros
from shared.ports.venue import CatalogueMarket

_QUADRATIC: Final = frozenset(
    {
        FeeType.KALSHI_QUADRATIC,
        FeeType.KALSHI_QUADRATIC_MAKER,
        FeeType.KALSHI_QUADRATIC_COMBO_MAKER,
    }
)
_STATUS: Final = {
    "initialized": MarketStatus.UNOPENED,
    "active": MarketStatus.ACTIVE,
    "inactive": MarketStatus.PAUSED,
    "closed": MarketStatus.CLOSED,
    "determined": MarketStatus.DETERMINED,
    "disputed": MarketStatus.DETERMINED,
    "amended": MarketStatus.DETERMINED,
    "finalized": MarketStatus.SETTLED,
}


def read_status(word: str) -> MarketStatus:
    """Return our word for a market's status; an unknown word is PAUSED (not tradeable)."""
    return _STATUS.get(word, MarketStatus.PAUSED)


def read_fees(
    series: SeriesRow | None, event: EventRow | None, waived_until_ns: int, as_of_ns: int
) -> FeeSchedule:
    """Return the fee schedule: the event's override wins over the series, value by value.

    Unknown words, unknown multipliers and a missing series give ``FeeType.UNKNOWN``;
    a multiplier of zero is a free market (KALSHI 5.2).
    """
    unknown = FeeSchedule(FeeType.UNKNOWN, source="unknown", as_of_ns=as_of_ns)
    if series is None:
        return unknown
    word, multiplier, source = series.fee_type, series.fee_multiplier, f"series {series.ticker}"
    if event is not None and event.fee_type_override is not None:
        word, source = event.fee_type_override, f"event {event.event_ticker}"
    if event is not None and event.fee_multiplier_override is not None:
        multiplier, source = event.fee_multiplier_override, f"event {event.event_ticker}"
    if word == FeeType.KALSHI_FLAT.value:
        return replace(unknown, fee_type=FeeType.KALSHI_FLAT, source=source)
    try:
        fee_type = FeeType(word)
        ppm = read_ratio_ppm(multiplier, "fee_multiplier")
    except (ValueError, WireError):
        return unknown
    if fee_type not in _QUADRATIC:
        return unknown
    schedule = kalshi_schedule(
        fee_type if ppm > 0 else FeeType.KALSHI_FREE,
        ppm,
        source=source,
        as_of_ns=as_of_ns,
        waived_until_ns=waived_until_ns,
    )
    return replace(schedule, venue=Venue.KALSHI.value, scope=source.replace(" ", ":", 1))


def hash_rules(market: Market, sources: list[SettlementSource]) -> str:
    """Return sha256 over everything that defines the bet, in a fixed order.

    ``title`` is left out: the venue has announced its end, and it is a template shared
    by all markets of an event.
    """
    texts = [
        market.yes_sub_title,
        market.no_sub_title,
        market.rules_primary,
        market.rules_secondary,
        market.early_close_condition or "",
        market.market_type,
        market.strike_type or "",
        market.functional_strike or "",
        market.settlement_bounds_type or "default",
    ]
    values = [market.floor_strike, market.cap_strike, market.custom_strike]
    named = sorted([(source.name or "", source.url or "") for source in sources])
    packed = msgspec.json.encode([texts, values, named], order="deterministic")
    return hashlib.sha256(packed).hexdigest()


def choose_refusal(market: Market, fees: FeeSchedule) -> str:
    """Return why the adapter refuses to trade a market, or an empty text."""
    if market.market_type != "binary":
        return f"market type {market.market_type:.20}"
    if market.settlement_bounds_type not in (None, "", "default"):
        return f"settlement bounds {market.settlement_bounds_type:.20}"
    if market.mve_collection_ticker:
        return "combination market"
    if market.is_provisional:
        return "provisional market"
    if market.status not in _STATUS:
        return f"status {market.status:.20}"
    if market.exchange_index is not None and market.exchange_index < 0:
        return "no exchange shard"
    if market.notional_value_dollars is not None and (
        read_amount(market.notional_value_dollars, "notional") != MICROS
    ):
        return "notional is not one dollar"
    if fees.fee_type in (FeeType.UNKNOWN, FeeType.KALSHI_FLAT):
        return "fee formula unknown"
    return ""


def choose_sources(event: EventRow | None, series: SeriesRow | None) -> list[SettlementSource]:
    """Return the event's settlement sources, else the series'."""
    if event is not None and event.settlement_sources:
        return event.settlement_sources
    if series is not None and series.settlement_sources:
        return series.settlement_sources
    return []


def build_instrument(
    market: Market, event: EventRow | None, series: SeriesRow | None, as_of_ns: int
) -> Instrument:
    """Return the domain view of one market.

    Expected settlement falls back to the worst case where the venue names none.

    Raises:
        WireError: a time, the grid or the notional cannot be read, or no ticker.
    """
    if not market.ticker or not market.event_ticker:
        raise WireError("market_ids", market.ticker)
    timer_ns = max(0, market.settlement_timer_seconds) * NS_PER_S
    waived = read_time_ns(market.fee_waiver_expiration_time, "fee_waiver")
    fees = read_fees(series, event, waived, as_of_ns)
    latest = read_time_ns(market.latest_expiration_time or market.expiration_time, "latest")
    expected = read_time_ns(market.expected_expiration_time, "expected") or latest
    sources = choose_sources(event, series)
    refusal = choose_refusal(market, fees)
    title = event.title if event is not None and event.title else market.title
    label = market.yes_sub_title
    return Instrument(
        market_id=market_id(Venue.KALSHI, market.ticker),
        venue=Venue.KALSHI,
        native_id=market.ticker,
        title=f"{title}: {label}" if label and label not in title else title,
        category=choose_category(event, series),
        series_id=event.series_ticker if event is not None else "",
        event_id=market.event_ticker,
        grid=read_grid(market.price_ranges),
        qty_step=QTY_STEP,
        min_qty=QTY_STEP,
        min_notional_usd=UsdMicros(0),
        fees=fees,
        status=read_status(market.status),
        close_ns=read_time_ns(market.close_time, "close_time"),
        settle_expected_ns=expected + timer_ns if expected else 0,
        settle_worst_ns=max(latest, expected) + timer_ns if latest or expected else 0,
        rules_hash=hash_rules(market, sources),
        settlement_source="; ".join(sorted({s.name or s.url or "" for s in sources} - {""})),
        shard=market.exchange_index or 0,
        tradeable=not refusal,
        refusal=refusal,
    )


def choose_category(event: EventRow | None, series: SeriesRow | None) -> str:
    """Return the first category of the series; the event's own word is deprecated."""
    if series is not None and series.categories:
        return series.categories[0]
    if series is not None and series.category:
        return series.category
    return (event.category if event is not None else None) or ""


def build_listing(
    raw: msgspec.Raw, event: EventRow | None, series: SeriesRow | None, as_of_ns: int
) -> CatalogueMarket:
    """Return one catalogue entry with the raw object beside it. Raises WireError."""
    market = decode(raw, Market, "market")
    whole = decode(raw, dict, "market")
    instrument = build_instrument(market, event, series, as_of_ns)
    tags = list((series.tags if series else None) or ())
    tags += [word for word in ((series.categories if series else None) or ()) if word not in tags]
    event_title = event.title if event is not None else ""
    if event is not None and event.sub_title and event.sub_title not in event_title:
        event_title = f"{event_title} ({event.sub_title})"
    rules = "\n\n".join(t for t in (market.rules_primary, market.rules_secondary) if t)
    return CatalogueMarket(
        instrument=instrument,
        event_title=event_title,
        question=market.title or instrument.title,
        outcome_label=market.yes_sub_title,
        rules_text=rules,
        resolution_source=instrument.settlement_source,
        tags=tuple(tags),
        raw=whole,
    )


def read_payout(market: Market) -> PriceMicros | None:
    """Return what one YES contract pays once determined, else None.

    Raises:
        WireError: the value is not between 0 and 1 dollar, or contradicts the result.
    """
    if read_status(market.status) not in (MarketStatus.DETERMINED, MarketStatus.SETTLED):
        return None
    by_word = {"yes": MICROS, "no": 0}.get(market.result)
    if not market.settlement_value_dollars:
        return None if by_word is None else PriceMicros(by_word)
    value = read_amount(market.settlement_value_dollars, "settlement_value")
    if not 0 <= value <= MICROS or (by_word is not None and by_word != value):
        raise WireError("settlement_value", f"{market.result} {market.settlement_value_dollars}")
    return PriceMicros(value)


def payout_from_cents(value: int) -> PriceMicros:
    """Return the payout of one YES given in cents. Raises WireError outside 0 to 100."""
    if not 0 <= value <= 100:
        raise WireError("settlement_cents", str(value))
    return PriceMicros(value * MICROS_PER_CENT)

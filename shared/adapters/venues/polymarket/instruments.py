"""Gamma's objects to instruments and catalogue entries; the CLOB's own figures over them.

A market that can be read but must not be traded comes out with ``tradeable`` False and
the reason in ``refusal``; one that cannot be read raises ``WireError``.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

import msgspec

from shared.adapters.venues.polymarket.capabilities import (
    DISPUTE_WORST_S,
    IMMEDIATE_DELAY_NS,
    LIVENESS_DEFAULT_S,
    MIN_MARKETABLE_USD,
    QTY_STEP,
    ROUNDING,
)
from shared.adapters.venues.polymarket.parsing import decode, micros, parse_texts, parse_time
from shared.adapters.venues.polymarket.schemas import (
    ClobMarketInfo,
    EventRow,
    FeeScheduleRow,
    GammaMarket,
    MarketPage,
)
from shared.domain.enums import FeeType, MarketStatus, Venue
from shared.domain.errors import WireError
from shared.domain.ids import market_id
from shared.domain.instrument import FeeSchedule, Instrument, PriceRange
from shared.domain.units import MICROS, NS_PER_S, PriceMicros, QtyMicros
from shared.ports.venue import CatalogueMarket

_CONDITION = re.compile(r"0x[0-9a-fA-F]{1,64}\Z", re.ASCII)
_TOKEN = re.compile(r"\d{1,78}\Z", re.ASCII)
_PLACEHOLDER = re.compile(
    r"(?:(?:another|other|any other)\b.*|.*\bother\)?|"
    r"(?:person|player|team|candidate|company|party|country|option|actor|film|movie|song|artist|"
    r"club|coach|individual)\s+[A-Z]{1,2}\d{0,2})\Z",
    re.IGNORECASE,
)
"""Names that an augmented neg-risk event may re-assign: their meaning is not fixed."""


_CATEGORIES: Final = (
    "sports",
    "crypto",
    "economics",
    "finance",
    "politics",
    "mentions",
    "tech",
    "culture",
    "weather",
    "geopolitics",
    "elections",
    "world",
)


_MARKET: Final = msgspec.json.Decoder(GammaMarket)
_PAGE: Final = msgspec.json.Decoder(MarketPage)


def parse_market_page(
    raw: bytes, seen_ns: int
) -> tuple[list[CatalogueMarket], str, list[WireError]]:
    """Return (markets, next cursor or empty, errors of the markets that were left out)."""
    page = decode(_PAGE, raw, "polymarket.gamma.page")
    markets: list[CatalogueMarket] = []
    errors: list[WireError] = []
    for item in page.markets:
        try:
            markets.append(parse_market(bytes(item), seen_ns))
        except WireError as error:
            errors.append(error)
    return markets, page.next_cursor or "", errors


def parse_market(raw: bytes, seen_ns: int) -> CatalogueMarket:
    """Return one Gamma market with its texts; ``seen_ns`` dates the fee schedule."""
    market = decode(_MARKET, raw, "polymarket.gamma.market")
    instrument = build_instrument(market, seen_ns)
    outcomes = parse_texts(market.outcomes, "polymarket.gamma.outcomes")
    event = market.events[0] if market.events else EventRow()
    label = outcomes[0]
    if label.lower() == "yes":
        label = market.group_item_title or label
    tags = [*(market.tags or ()), *(event.tags or ())]
    try:
        whole: Any = json.loads(raw)
    except (ValueError, RecursionError):
        raise WireError("polymarket.gamma.market", raw[:200].decode("latin-1")) from None
    assert isinstance(whole, dict)
    return CatalogueMarket(
        instrument=instrument,
        event_title=event.title or "",
        question=market.question or "",
        outcome_label=label,
        rules_text=market.description or "",
        resolution_source=market.resolution_source or "",
        tags=tuple(dict.fromkeys(t.label or t.slug or "" for t in tags)),
        raw=whole,
    )


def build_instrument(market: GammaMarket, seen_ns: int) -> Instrument:
    """Return the tradeable facts of a market. YES is its FIRST outcome, whatever its name."""
    if not _CONDITION.match(market.condition_id):
        raise WireError("polymarket.gamma.condition", market.condition_id)
    outcomes = parse_texts(market.outcomes, "polymarket.gamma.outcomes")
    tokens = parse_texts(market.clob_token_ids, "polymarket.gamma.tokens")
    if len(outcomes) != 2:
        raise WireError("polymarket.gamma.outcomes", market.outcomes)
    if tokens and (len(tokens) != 2 or not all(_TOKEN.match(t) for t in tokens)):
        raise WireError("polymarket.gamma.tokens", market.clob_token_ids or "")
    tick = micros(market.order_price_min_tick_size or Decimal(0), "polymarket.gamma.tick")
    min_qty = micros(market.order_min_size or Decimal(5), "polymarket.gamma.min_size")
    if min_qty <= 0:
        raise WireError("polymarket.gamma.min_size", str(market.order_min_size))
    event = market.events[0] if market.events else EventRow()
    series = event.series[0] if event.series else None
    close_ns = parse_time(market.end_date, "polymarket.gamma.end_date")
    liveness_s = market.custom_liveness or LIVENESS_DEFAULT_S
    if not 0 <= liveness_s <= DISPUTE_WORST_S or not 0 <= (market.seconds_delay or 0) <= 3_600:
        raise WireError("polymarket.gamma.delays", f"{liveness_s} {market.seconds_delay}")
    fees = parse_fees(market.fees_enabled, market.fee_schedule, seen_ns)
    fees = replace(fees, scope=f"market:{market.condition_id}")
    refusal = _refusal(market, event, tokens, tick, fees)
    return Instrument(
        market_id=market_id(Venue.POLYMARKET, market.condition_id),
        venue=Venue.POLYMARKET,
        native_id=market.condition_id,
        title=market.question or market.slug,
        category=_category(market, event),
        series_id=(series.slug or series.id or "") if series else event.slug,
        event_id=event.id,
        grid=(grid_of(tick),) if tick in ROUNDING else (),
        qty_step=QTY_STEP,
        min_qty=QtyMicros(min_qty),
        min_notional_usd=MIN_MARKETABLE_USD,
        fees=fees,
        status=parse_status(market),
        close_ns=close_ns,
        settle_expected_ns=close_ns + liveness_s * NS_PER_S if close_ns else 0,
        settle_worst_ns=close_ns + DISPUTE_WORST_S * NS_PER_S if close_ns else 0,
        rules_hash=rules_hash(market),
        settlement_source=market.resolution_source or "",
        taker_delay_ns=(market.seconds_delay or 0) * NS_PER_S,
        yes_token=tokens[0] if tokens else "",
        no_token=tokens[1] if tokens else "",
        neg_risk=bool(market.neg_risk),
        tradeable=not refusal,
        refusal=refusal,
        game_start_ns=parse_time(market.game_start_time, "polymarket.gamma.game_start"),
    )


def grid_of(tick: int) -> PriceRange:
    assert tick > 0 and MICROS % tick == 0, tick
    return PriceRange(PriceMicros(0), PriceMicros(MICROS), tick)


def _refusal(
    market: GammaMarket, event: EventRow, tokens: list[str], tick: int, fees: FeeSchedule
) -> str:
    """Return why the market must not be traded; empty when nothing speaks against it."""
    if market.version not in (None, "", "v1"):
        return f"protocol {market.version} market: not supported"
    if not tokens or not market.enable_order_book:
        return "the market has no order book"
    if tick not in ROUNDING:
        return f"unknown tick {market.order_price_min_tick_size}"
    if market.neg_risk_other:
        return "the 'other' outcome of a neg-risk set may change its meaning"
    if event.neg_risk_augmented and _PLACEHOLDER.match((market.group_item_title or "").strip()):
        return "placeholder of an augmented neg-risk set may change its meaning"
    if fees.fee_type is FeeType.UNKNOWN:
        return "the fee schedule is missing or of an unknown form"
    return ""


def parse_fees(enabled: bool | None, row: FeeScheduleRow | None, seen_ns: int) -> FeeSchedule:
    """Return the taker schedule; UNKNOWN when the fields do not say it beyond doubt."""
    unknown = FeeSchedule(
        FeeType.UNKNOWN, source="gamma", as_of_ns=seen_ns, venue=Venue.POLYMARKET.value
    )
    if enabled is False:
        return replace(unknown, fee_type=FeeType.POLYMARKET_CURVE)
    if enabled is not True or row is None or not row.taker_only:
        return unknown
    rate = micros(row.rate, "polymarket.fee.rate")
    exponent = micros(row.exponent, "polymarket.fee.exponent")
    if not 0 <= rate <= MICROS or exponent not in (MICROS, 2 * MICROS):
        return unknown
    return replace(
        unknown,
        fee_type=FeeType.POLYMARKET_CURVE,
        rate_ppm=rate,
        exponent=exponent // MICROS,
    )


def parse_status(market: GammaMarket) -> MarketStatus:
    """Return our word for the market's state; a proposed result stops openings (PAUSED)."""
    resolution = (market.uma_resolution_status or "").lower()
    if market.closed or market.archived:
        return MarketStatus.SETTLED if resolution == "resolved" else MarketStatus.CLOSED
    if not market.active:
        return MarketStatus.UNOPENED
    if not market.accepting_orders:
        return MarketStatus.CLOSED if resolution else MarketStatus.PAUSED
    return MarketStatus.PAUSED if resolution else MarketStatus.ACTIVE


def parse_payout(market: GammaMarket) -> PriceMicros | None:
    """Return what one YES pays once the market is resolved, else None.

    Final prices are "0", "1" or, for a 50-50 result, "0.5"; they must sum to a dollar.
    """
    if not market.closed or (market.uma_resolution_status or "").lower() != "resolved":
        return None
    prices = parse_texts(market.outcome_prices, "polymarket.gamma.outcome_prices")
    values = [micros(p, "polymarket.gamma.outcome_prices") for p in prices]
    if len(values) != 2 or sum(values) != MICROS or not 0 <= values[0] <= MICROS:
        raise WireError("polymarket.gamma.outcome_prices", market.outcome_prices or "")
    return PriceMicros(values[0])


def rules_hash(market: GammaMarket) -> str:
    """Return 16 hex digits over every text and date that decide what the market means."""
    parts = (
        market.question,
        market.description,
        market.resolution_source,
        market.outcomes,
        market.group_item_title,
        market.end_date,
        bool(market.neg_risk),
    )
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _category(market: GammaMarket, event: EventRow) -> str:
    """Return a category word from the fee family, else from the tags; never used for fees."""
    family = (market.fee_type or "").split("_")[0]
    if family in _CATEGORIES:
        return family
    for tag in (*(market.tags or ()), *(event.tags or ())):
        for word in (tag.slug or tag.label or "").lower().split("-"):
            if word in _CATEGORIES:
                return word
    return "other"


def apply_clob_info(instrument: Instrument, info: ClobMarketInfo, seen_ns: int) -> Instrument:
    """Return the instrument with the CLOB's own tick, fee, delay and open flag.

    The CLOB is what charges and delays, so its figures win over Gamma's. A market that
    stops accepting orders becomes PAUSED; a fee that cannot be read makes it untradeable.
    """
    tokens = [row.t for row in info.t]
    if tokens != [instrument.yes_token, instrument.no_token]:
        raise WireError("polymarket.clob_market.tokens", f"{instrument.market_id} {tokens}")
    row = None
    if info.fd is not None and info.fd.r is not None and info.fd.e is not None:
        taker_only = True if info.fd.to is None else info.fd.to
        row = FeeScheduleRow(exponent=info.fd.e, rate=info.fd.r, taker_only=taker_only)
    fees = (
        instrument.fees if row is None else replace(parse_fees(True, row, seen_ns), source="clob")
    )
    tick = micros(info.mts, "polymarket.clob_market.tick") if info.mts is not None else 0
    if not 0 <= (info.sd or 0) <= 3_600:
        raise WireError("polymarket.clob_market.delay", str(info.sd))
    delay_ns = (info.sd or 0) * NS_PER_S or (IMMEDIATE_DELAY_NS if info.itode else 0)
    status = instrument.status
    if info.ao is False and status is MarketStatus.ACTIVE:
        status = MarketStatus.PAUSED
    if info.ao and status is MarketStatus.PAUSED:
        status = MarketStatus.ACTIVE
    refusal = instrument.refusal
    if fees.fee_type is FeeType.UNKNOWN:
        refusal = "the fee schedule is missing or of an unknown form"
    return replace(
        instrument,
        fees=replace(fees, as_of_ns=seen_ns, scope=f"market:{instrument.native_id}"),
        grid=(grid_of(tick),) if tick in ROUNDING else instrument.grid,
        taker_delay_ns=delay_ns,
        status=status,
        neg_risk=bool(info.nr) if info.nr is not None else instrument.neg_risk,
        tradeable=not refusal,
        refusal=refusal,
    )

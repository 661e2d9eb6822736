"""Venue objects from a question: Kalshi market, event and series, Gamma market and event.

Field names, text formats and habits are those of real objects (decimal strings on
Kalshi, JSON-encoded strings for lists on Gamma, ``no_sub_title`` equal to
``yes_sub_title``, legacy fee fields that mean nothing).
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

from shared.domain.enums import MarketStatus, Venue
from shared.domain.fees import kalshi_schedule, polymarket_schedule
from shared.domain.ids import market_id as derive_market_id
from shared.domain.instrument import LINEAR_CENT, FeeSchedule, Instrument, PriceRange
from shared.domain.units import MICROS, NS_PER_S, PriceMicros, QtyMicros, UsdMicros
from shared.simulators.catalogue import SimEvent, SimMarket, SimSeries, rfc3339
from shared.simulators.questions import KalshiSide, PolymarketSide, Question

SETTLEMENT_TIMER_S: Final = 60
_ZERO_FEE: Final = "zero_fees"
_REBATE: Final = {"crypto_fees_v2": 0.2, "sports_fees_v3": 0.15}


def _hex(seed: int, *words: str) -> str:
    return hashlib.sha256("/".join((str(seed), *words)).encode()).hexdigest()


def _number(seed: int, *words: str) -> int:
    return int(_hex(seed, *words)[:12], 16)


def rules_hash_of(*texts: str) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]


# --- Kalshi ----------------------------------------------------------------------------------


def kalshi_market(question: Question, side: KalshiSide) -> SimMarket:
    """Return the listed Kalshi market of a question."""
    timer_ns = SETTLEMENT_TIMER_S * NS_PER_S
    expected_ns = question.close_ns + (15 if question.is_rolling else 14_400) * NS_PER_S
    latest_ns = question.close_ns + (3_600 if question.is_rolling else 7 * 86_400) * NS_PER_S
    raw = _kalshi_raw(question, side, expected_ns, latest_ns)
    instrument = Instrument(
        market_id=derive_market_id(Venue.KALSHI, side.ticker),
        venue=Venue.KALSHI,
        native_id=side.ticker,
        title=side.title,
        category=side.category,
        series_id=side.series,
        event_id=side.event,
        grid=LINEAR_CENT,
        qty_step=QtyMicros(10_000),
        min_qty=QtyMicros(10_000),
        min_notional_usd=UsdMicros(0),
        fees=kalshi_schedule(side.fee_type, side.multiplier_ppm, source="simulated series"),
        status=MarketStatus.ACTIVE,
        close_ns=question.close_ns,
        settle_expected_ns=expected_ns + timer_ns,
        settle_worst_ns=latest_ns + timer_ns,
        rules_hash=rules_hash_of(side.rules_primary, side.rules_secondary),
        settlement_source=side.source_name,
        shard=side.shard,
    )
    return SimMarket(
        market_id=instrument.market_id,
        venue=Venue.KALSHI,
        native_id=side.ticker,
        instrument=instrument,
        event_id=side.event,
        series_id=side.series,
        opened_ns=question.open_ns,
        close_ns=question.close_ns,
        expected_ns=expected_ns,
        latest_ns=latest_ns,
        settlement_timer_ns=timer_ns,
        raw=raw,
    )


def _kalshi_raw(
    question: Question, side: KalshiSide, expected_ns: int, latest_ns: int
) -> dict[str, Any]:
    created_ns = question.open_ns - 600 * NS_PER_S
    raw: dict[str, Any] = {
        "ticker": side.ticker,
        "event_ticker": side.event,
        "market_type": "binary",
        "title": side.title,
        "subtitle": side.yes_sub_title,
        "yes_sub_title": side.yes_sub_title,
        "no_sub_title": side.yes_sub_title,
        "created_time": rfc3339(created_ns),
        "updated_time": rfc3339(created_ns),
        "open_time": rfc3339(question.open_ns),
        "close_time": rfc3339(question.close_ns),
        "expected_expiration_time": rfc3339(expected_ns),
        "expiration_time": rfc3339(latest_ns),
        "latest_expiration_time": rfc3339(latest_ns),
        "settlement_timer_seconds": SETTLEMENT_TIMER_S,
        "can_close_early": not question.is_rolling,
        "notional_value_dollars": "1.0000",
        "strike_type": side.strike_type,
        "rules_primary": side.rules_primary,
        "rules_secondary": side.rules_secondary,
        "price_level_structure": "linear_cent",
        "price_ranges": [{"start": "0.0000", "end": "1.0000", "step": "0.0100"}],
        "exchange_index": side.shard,
        "settlement_bounds_type": "default",
        "expiration_value": "",
        "result": "",
    }
    if not question.is_rolling:
        raw["early_close_condition"] = (
            "This market will close and expire early if the event occurs."
        )
    if side.floor_strike is not None:
        raw["floor_strike"] = side.floor_strike
    if side.cap_strike is not None:
        raw["cap_strike"] = side.cap_strike
    if side.strike_type == "custom":
        raw["custom_strike"] = {"Outcome": side.yes_sub_title}
    return raw


def kalshi_event(side: KalshiSide, market: SimMarket) -> SimEvent:
    raw = {
        "event_ticker": side.event,
        "series_ticker": side.series,
        "title": side.event_title,
        "sub_title": side.yes_sub_title,
        "category": side.category,
        "collateral_return_type": "",
        "mutually_exclusive": False,
        "strike_date": rfc3339(market.close_ns),
        "settlement_sources": [{"name": side.source_name, "url": side.source_url}],
        "fee_type_override": None,
        "fee_multiplier_override": None,
        "exchange_index": side.shard,
        "last_updated_ts": market.raw["updated_time"],
    }
    return SimEvent(side.event, Venue.KALSHI, raw, (market.market_id,))


def kalshi_series(side: KalshiSide) -> SimSeries:
    multiplier = side.multiplier_ppm / MICROS
    raw = {
        "ticker": side.series,
        "title": side.series_title,
        "frequency": side.frequency,
        "category": side.category,
        "categories": [side.category],
        "tags": list(side.tags) or None,
        "settlement_sources": [{"name": side.source_name, "url": side.source_url}],
        "contract_url": f"https://contracts.example/{side.series}.pdf",
        "contract_terms_url": f"https://contracts.example/{side.series}-terms.pdf",
        "fee_type": side.fee_type.value,
        "fee_multiplier": int(multiplier) if multiplier.is_integer() else multiplier,
        "additional_prohibitions": [],
        "exchange_index": side.shard,
    }
    return SimSeries(side.series, raw)


# --- Polymarket ---------------------------------------------------------------------------------


def polymarket_market(seed: int, question: Question, side: PolymarketSide) -> SimMarket:
    """Return the listed Polymarket market of a question."""
    condition = "0x" + _hex(seed, "condition", side.slug)
    tokens = tuple(str(int(_hex(seed, "token", side.slug, name), 16)) for name in side.outcomes)
    event_id = str(100_000 + _number(seed, "event", side.event_slug) % 900_000)
    grid = (PriceRange(PriceMicros(0), PriceMicros(MICROS), side.tick_micros),)
    settle_s = 60 if question.is_rolling else 2 * 86_400
    worst_s = 3_600 if question.is_rolling else 9 * 86_400
    instrument = Instrument(
        market_id=derive_market_id(Venue.POLYMARKET, condition),
        venue=Venue.POLYMARKET,
        native_id=condition,
        title=side.question,
        category=side.tags[0],
        series_id=side.event_slug,
        event_id=event_id,
        grid=grid,
        qty_step=QtyMicros(10_000),
        min_qty=QtyMicros(5_000_000),
        min_notional_usd=UsdMicros(1_000_000),
        fees=_polymarket_fees(side),
        status=MarketStatus.ACTIVE,
        close_ns=question.close_ns,
        settle_expected_ns=question.close_ns + settle_s * NS_PER_S,
        settle_worst_ns=question.close_ns + worst_s * NS_PER_S,
        rules_hash=rules_hash_of(side.question, side.description, side.resolution_source),
        settlement_source=side.resolution_source,
        yes_token=tokens[0],
        no_token=tokens[1],
        neg_risk=side.neg_risk,
    )
    return SimMarket(
        market_id=instrument.market_id,
        venue=Venue.POLYMARKET,
        native_id=condition,
        instrument=instrument,
        event_id=event_id,
        series_id=side.event_slug,
        opened_ns=question.open_ns,
        close_ns=question.close_ns,
        expected_ns=instrument.settle_expected_ns,
        latest_ns=instrument.settle_worst_ns,
        settlement_timer_ns=0,
        raw=_gamma_raw(seed, question, side, condition, tokens, event_id),
    )


def _polymarket_fees(side: PolymarketSide) -> FeeSchedule:
    rate = 0 if side.fee_type in ("", _ZERO_FEE) else side.rate_ppm
    return polymarket_schedule(rate, source=side.fee_type)


def _gamma_raw(
    seed: int,
    question: Question,
    side: PolymarketSide,
    condition: str,
    tokens: tuple[str, ...],
    event_id: str,
) -> dict[str, Any]:
    created = rfc3339(question.open_ns - 900 * NS_PER_S)
    rate = 0 if side.fee_type in ("", _ZERO_FEE) else side.rate_ppm
    schedule = {
        "exponent": 1,
        "rate": rate / MICROS,
        "takerOnly": True,
        "rebateRate": _REBATE.get(side.fee_type, 0.25),
    }
    market = {
        "id": str(1_000_000 + _number(seed, "market", side.slug) % 9_000_000),
        "question": side.question,
        "conditionId": condition,
        "slug": side.slug,
        "resolutionSource": side.resolution_source,
        "endDate": rfc3339(question.close_ns),
        "startDate": rfc3339(question.open_ns),
        "image": "",
        "icon": "",
        "description": side.description,
        "outcomes": json.dumps(list(side.outcomes)),
        "outcomePrices": json.dumps(["0.5", "0.5"]),
        "active": True,
        "closed": False,
        "archived": False,
        "restricted": True,
        "createdAt": created,
        "updatedAt": created,
        "groupItemTitle": side.group_item_title,
        "questionID": "0x" + _hex(seed, "question", side.slug),
        "enableOrderBook": True,
        "acceptingOrders": True,
        "orderPriceMinTickSize": side.tick_micros / MICROS,
        "orderMinSize": 5,
        "endDateIso": rfc3339(question.close_ns)[:10],
        "startDateIso": rfc3339(question.open_ns)[:10],
        "clobTokenIds": json.dumps(list(tokens)),
        "umaBond": "500",
        "umaReward": "5",
        "customLiveness": 0,
        "makerBaseFee": 1000,
        "takerBaseFee": 1000,
        "negRisk": side.neg_risk,
        "feesEnabled": side.fee_type != "",
        "feeType": side.fee_type or None,
        "feeSchedule": schedule,
        "version": "v1",
        "holdingRewardsEnabled": False,
    }
    if side.neg_risk:
        market["negRiskMarketID"] = "0x" + _hex(seed, "negrisk", side.event_slug)
    market["events"] = [_gamma_event(seed, question, side, event_id)]
    market["tags"] = [_gamma_tag(seed, tag) for tag in side.tags]
    return market


def _gamma_tag(seed: int, label: str) -> dict[str, Any]:
    slug = label.lower().replace(" ", "-")
    return {"id": str(_number(0, "tag", slug) % 100_000), "label": label, "slug": slug}


def _gamma_event(
    seed: int, question: Question, side: PolymarketSide, event_id: str
) -> dict[str, Any]:
    return {
        "id": event_id,
        "ticker": side.event_slug,
        "slug": side.event_slug,
        "title": side.event_title,
        "description": side.description,
        "resolutionSource": side.resolution_source,
        "startDate": rfc3339(question.open_ns),
        "creationDate": rfc3339(question.open_ns - 900 * NS_PER_S),
        "endDate": rfc3339(question.close_ns),
        "active": True,
        "closed": False,
        "archived": False,
        "restricted": True,
        "enableOrderBook": True,
        "negRisk": side.neg_risk,
        "negRiskAugmented": False,
        "category": side.tags[0],
        "tags": [_gamma_tag(seed, tag) for tag in side.tags],
    }


def polymarket_event(market: SimMarket) -> SimEvent:
    return SimEvent(market.event_id, Venue.POLYMARKET, market.raw["events"][0], (market.market_id,))

"""Polymarket US objects from a question: market and event, as its gateway lists them.

The texts are those of the question's Polymarket side; the fields are the venue's own.
Amounts here are JSON numbers where the venue's documents say so.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

from shared.domain.enums import MarketStatus, Venue
from shared.domain.fee_schedules import polymarket_us_schedule
from shared.domain.ids import market_id as derive_market_id
from shared.domain.instrument import Instrument, PriceRange
from shared.domain.units import MICROS, NS_PER_S, PriceMicros, QtyMicros, UsdMicros
from shared.simulators.catalogue import SimEvent, SimMarket, rfc3339
from shared.simulators.questions import PolymarketSide, Question

FEE_PPM: Final = 69_500
"""Theta of the venue's fee page of September 2026."""
LOT: Final = QtyMicros(1_000_000)
"""Whole contracts, which is what the venue's help pages say of ordinary markets."""
_LOW, _HIGH = PriceMicros(10_000), PriceMicros(990_000)


def _number(*words: str) -> int:
    return int(hashlib.sha256("/".join(words).encode()).hexdigest()[:12], 16)


def polymarket_us_market(seed: int, question: Question, side: PolymarketSide) -> SimMarket:
    """Return the listed Polymarket US market of a question; its slug names it."""
    settle_s = 60 if question.is_rolling else 2 * 86_400
    worst_s = 3_600 if question.is_rolling else 9 * 86_400
    tick = min(side.tick_micros, 10_000)
    instrument = Instrument(
        market_id=derive_market_id(Venue.POLYMARKET_US, side.slug),
        venue=Venue.POLYMARKET_US,
        native_id=side.slug,
        title=side.question,
        category=side.tags[0],
        series_id=side.event_slug,
        event_id=side.event_slug,
        grid=(PriceRange(_LOW, _HIGH, tick),),
        qty_step=LOT,
        min_qty=LOT,
        min_notional_usd=UsdMicros(0),
        fees=polymarket_us_schedule(FEE_PPM, source="simulated"),
        status=MarketStatus.ACTIVE,
        close_ns=question.close_ns,
        settle_expected_ns=question.close_ns + settle_s * NS_PER_S,
        settle_worst_ns=question.close_ns + worst_s * NS_PER_S,
        rules_hash="",
        settlement_source=side.resolution_source,
    )
    return SimMarket(
        market_id=instrument.market_id,
        venue=Venue.POLYMARKET_US,
        native_id=side.slug,
        instrument=instrument,
        event_id=side.event_slug,
        series_id=side.event_slug,
        opened_ns=question.open_ns,
        close_ns=question.close_ns,
        expected_ns=instrument.settle_expected_ns,
        latest_ns=instrument.settle_worst_ns,
        settlement_timer_ns=0,
        raw=_raw(seed, question, side, tick),
    )


def _raw(seed: int, question: Question, side: PolymarketSide, tick: int) -> dict[str, Any]:
    created = rfc3339(question.open_ns - 900 * NS_PER_S)
    identity = 10_000 + _number(str(seed), side.slug) % 9_000_000
    return {
        "id": str(identity),
        "question": side.question,
        "slug": side.slug,
        "eventSlug": side.event_slug,
        "title": side.event_title,
        "description": side.description,
        "category": side.tags[0].lower(),
        "startDate": rfc3339(question.open_ns),
        "endDate": rfc3339(question.close_ns),
        "createdAt": created,
        "updatedAt": created,
        "active": True,
        "closed": False,
        "archived": False,
        "hidden": False,
        "status": "MARKET_STATUS_OPEN",
        "orderPriceMinTickSize": tick / MICROS,
        "minimumTradeQty": LOT // MICROS,
        "feeCoefficient": FEE_PPM / MICROS,
        "marketSides": [
            {
                "id": f"{identity}-{name}",
                "marketSideType": "MARKET_SIDE_TYPE_INSTRUMENT",
                "identifier": side.slug,
                "description": label,
                "long": name == "long",
                "tradable": True,
            }
            for name, label in zip(("long", "short"), side.outcomes, strict=True)
        ],
        "tags": [
            {"id": _number("tag", tag) % 100_000, "slug": tag.lower(), "label": tag}
            for tag in side.tags
        ],
        "assetPriceTerms": None,
        "comboEnabled": False,
    }


def polymarket_us_event(market: SimMarket) -> SimEvent:
    raw = {
        "id": 10_000 + _number("event", market.event_id) % 9_000_000,
        "slug": market.event_id,
        "title": market.raw["title"],
        "description": market.raw["description"],
        "startTime": market.raw["startDate"],
        "endTime": market.raw["endDate"],
        "active": True,
        "closed": False,
        "archived": False,
        "tags": market.raw["tags"],
    }
    return SimEvent(market.event_id, Venue.POLYMARKET_US, raw, (market.market_id,))

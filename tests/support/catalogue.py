"""Small listed markets and verdict rows for tests of the catalogue."""

from __future__ import annotations

from typing import Any

from shared.domain.enums import FeeType, MarketStatus, Venue
from shared.domain.ids import derive_pair_id, market_id
from shared.domain.instrument import DECI_CENT, LINEAR_CENT, FeeSchedule, Instrument
from shared.domain.units import QtyMicros, UsdMicros
from shared.ports.venue import CatalogueMarket


def listed(venue: Venue, native: str, **changes: Any) -> CatalogueMarket:
    """Return a listed market; ``changes`` are fields of the instrument or of the listing."""
    is_kalshi = venue is Venue.KALSHI
    fields: dict[str, Any] = {
        "market_id": market_id(venue, native),
        "venue": venue,
        "native_id": native,
        "title": f"CPI above 3 % in September? {native}",
        "category": "Economics",
        "series_id": "KXCPI",
        "event_id": "KXCPI-25SEP",
        "grid": LINEAR_CENT if is_kalshi else DECI_CENT,
        "qty_step": QtyMicros(1_000_000 if is_kalshi else 10_000),
        "min_qty": QtyMicros(1_000_000 if is_kalshi else 5_000_000),
        "min_notional_usd": UsdMicros(0 if is_kalshi else 1_000_000),
        "fees": FeeSchedule(
            fee_type=FeeType.KALSHI_QUADRATIC if is_kalshi else FeeType.POLYMARKET_CURVE,
            rate_ppm=70_000 if is_kalshi else 50_000,
            as_of_ns=7,
        ),
        "status": MarketStatus.ACTIVE,
        "close_ns": 1_900_000_000_000_000_000,
        "settle_expected_ns": 1_900_000_100_000_000_000,
        "settle_worst_ns": 1_900_000_900_000_000_000,
        "rules_hash": "a" * 16,
        "settlement_source": "bls.gov",
        "yes_token": "" if is_kalshi else "111",
        "no_token": "" if is_kalshi else "222",
    }
    listing: dict[str, Any] = {
        "event_title": "CPI in September",
        "question": "Will CPI be above 3 %?",
        "outcome_label": "Above 3.0 %",
        "rules_text": "If the Bureau of Labor Statistics reports …",
        "resolution_source": "https://www.bls.gov",
        "tags": ("economics", "inflation"),
        "raw": {"ticker": native, "nested": {"list": [1, "2", None]}},
    }
    for name, value in changes.items():
        (listing if name in listing else fields)[name] = value
    return CatalogueMarket(instrument=Instrument(**fields), **listing)


def verdict_row(a: CatalogueMarket, b: CatalogueMarket, **changes: Any) -> dict[str, Any]:
    one, two = a.instrument, b.instrument
    row = {
        "id": derive_pair_id(one.market_id, two.market_id),
        "market_a_id": one.market_id,
        "market_b_id": two.market_id,
        "polarity": "same",
        "verdict": "confirmed",
        "llm_score_ppm": 970_000,
        "rules_passed": True,
        "evidence": [
            {"code": "window", "verdict": "same", "reason": "", "span_a": "Sep", "span_b": "Sep"}
        ],
        "rules_hash_a": one.rules_hash,
        "rules_hash_b": two.rules_hash,
        "actor": "rules",
        "reason": "every rule holds",
        "name": "CPI ≥ 3.0 · Sep 25",
        "category": "Economics",
        "series_id": "KXCPI",
        "settlement_source": "bls.gov",
        "updated_ns": 100,
    }
    return row | changes

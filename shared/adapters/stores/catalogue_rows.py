"""Markets and pairs as rows of the record, and back, without loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from shared.domain.enums import FeeType, MarketStatus, Polarity, Venue, Verdict
from shared.domain.ids import MarketId, PairId
from shared.domain.instrument import FeeSchedule, Instrument, PriceRange
from shared.domain.pairing import MatchedPair
from shared.domain.units import PriceMicros, QtyMicros, UsdMicros
from shared.ports.venue import CatalogueMarket

Row = Mapping[str, Any]

CLOSED: Final = (
    MarketStatus.CLOSED.value,
    MarketStatus.DETERMINED.value,
    MarketStatus.SETTLED.value,
)
"""Statuses that ``only_open`` leaves out."""


def market_row(market: CatalogueMarket, seen_ns: int) -> dict[str, Any]:
    """Return the row of ``markets``; ``first_seen_ns`` counts for a new market only."""
    i = market.instrument
    return {
        "id": i.market_id,
        "venue": i.venue.value,
        "ticker_or_token": i.native_id,
        "title": i.title,
        "event_id": i.event_id,
        "event_title": market.event_title,
        "question": market.question,
        "outcome_label": market.outcome_label,
        "rules_text": market.rules_text,
        "rules_hash": i.rules_hash,
        "resolution_source": market.resolution_source,
        "settlement_source": i.settlement_source,
        "category": i.category,
        "series_id": i.series_id,
        "tags": list(market.tags),
        "binary_flag": True,  # an Instrument is a binary market; others never become one
        "status": i.status.value,
        "close_time_ns": i.close_ns,
        "settle_expected_ns": i.settle_expected_ns,
        "settle_worst_ns": i.settle_worst_ns,
        "grid": [[piece.start, piece.end, piece.step] for piece in i.grid],
        "qty_step_micros": i.qty_step,
        "min_qty_micros": i.min_qty,
        "min_notional_usd_micros": i.min_notional_usd,
        "fees": asdict(i.fees),
        "taker_delay_ns": i.taker_delay_ns,
        "shard": i.shard,
        "yes_token": i.yes_token,
        "no_token": i.no_token,
        "neg_risk": i.neg_risk,
        "tradeable": i.tradeable,
        "refusal": i.refusal,
        "raw": market.raw,
        "first_seen_ns": seen_ns,
        "last_seen_ns": seen_ns,
    }


def event_row(market: CatalogueMarket, seen_ns: int) -> dict[str, Any]:
    """Return the row of ``events`` that a market belongs to; its start is not known here."""
    i = market.instrument
    return {
        "id": f"{i.venue.value}:{i.event_id}",
        "venue": i.venue.value,
        "slug_or_ticker": i.event_id,
        "title": market.event_title,
        "start_time_ns": None,
        "end_time_ns": i.close_ns or None,
        "last_seen_ns": seen_ns,
    }


def instrument_of(row: Row) -> Instrument:
    return Instrument(
        market_id=MarketId(row["id"]),
        venue=Venue(row["venue"]),
        native_id=row["ticker_or_token"],
        title=row["title"],
        category=row["category"],
        series_id=row["series_id"],
        event_id=row["event_id"],
        grid=tuple(PriceRange(PriceMicros(a), PriceMicros(b), step) for a, b, step in row["grid"]),
        qty_step=QtyMicros(row["qty_step_micros"]),
        min_qty=QtyMicros(row["min_qty_micros"]),
        min_notional_usd=UsdMicros(row["min_notional_usd_micros"]),
        fees=FeeSchedule(**{**row["fees"], "fee_type": FeeType(row["fees"]["fee_type"])}),
        status=MarketStatus(row["status"]),
        close_ns=row["close_time_ns"],
        settle_expected_ns=row["settle_expected_ns"],
        settle_worst_ns=row["settle_worst_ns"],
        rules_hash=row["rules_hash"],
        settlement_source=row["settlement_source"],
        taker_delay_ns=row["taker_delay_ns"],
        shard=row["shard"],
        yes_token=row["yes_token"],
        no_token=row["no_token"],
        neg_risk=row["neg_risk"],
        tradeable=row["tradeable"],
        refusal=row["refusal"],
    )


def market_of(row: Row) -> CatalogueMarket:
    return CatalogueMarket(
        instrument=instrument_of(row),
        event_title=row["event_title"],
        question=row["question"],
        outcome_label=row["outcome_label"],
        rules_text=row["rules_text"],
        resolution_source=row["resolution_source"],
        tags=tuple(row["tags"]),
        raw=dict(row["raw"]),
    )


def pair_of(row: Row, *, is_proven: bool) -> MatchedPair:
    return MatchedPair(
        pair_id=PairId(row["id"]),
        a=MarketId(row["market_a_id"]),
        b=MarketId(row["market_b_id"]),
        polarity=Polarity(row["polarity"]),
        verdict=Verdict(row["verdict"]),
        name=row["name"],
        rules_hash_a=row["rules_hash_a"],
        rules_hash_b=row["rules_hash_b"],
        score_ppm=row["llm_score_ppm"],
        category=row["category"],
        series_id=row["series_id"],
        settlement_source=row["settlement_source"],
        reason=row["reason"],
        open_clauses=sum(1 for found in row["evidence"] or () if found["verdict"] != "same"),
        is_proven=is_proven,
    )


PAIR_REQUIRED: Final = frozenset(
    "id market_a_id market_b_id polarity verdict llm_score_ppm rules_passed evidence rules_hash_a"
    " rules_hash_b actor reason name category series_id settlement_source updated_ns".split()
)
"""Columns that every row given to ``save_verdicts`` carries; ``created_ns`` is optional."""


def pair_row(row: Row) -> dict[str, Any]:
    """Return a checked row of ``market_pairs``.

    Raises:
        ValueError: a column is missing or unknown, or an enum value is.
    """
    unknown = row.keys() - PAIR_REQUIRED - {"created_ns"}
    missing = PAIR_REQUIRED - row.keys()
    if unknown or missing:
        listed = ", ".join(sorted(unknown | missing))
        raise ValueError(f"market_pairs: {'unknown' if unknown else 'missing'} column {listed}")
    Verdict(row["verdict"])
    Polarity(row["polarity"])
    return {"created_ns": row["updated_ns"], **row}

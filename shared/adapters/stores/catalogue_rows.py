"""Markets and pairs as rows of the record, and back, without loss."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, Final

import msgspec

from shared.domain.enums import FeeType, MarketStatus, Polarity, Venue, Verdict
from shared.domain.ids import MarketId, PairId
from shared.domain.instrument import FeeSchedule, Instrument, PriceRange
from shared.domain.pairing import MatchedPair, Terms
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
    row = {
        **instrument_columns(market.instrument),
        "event_title": market.event_title,
        "question": market.question,
        "outcome_label": market.outcome_label,
        "rules_text": market.rules_text,
        "resolution_source": market.resolution_source,
        "tags": list(market.tags),
        "binary_flag": True,  # an Instrument is a binary market; others never become one
    }
    digest = digest_of(row)
    seen = {"first_seen_ns": seen_ns, "last_seen_ns": seen_ns}
    return {**row, "digest": digest, "raw": market.raw, **seen}


def digest_of(row: Row) -> str:
    """Return a digest of everything that a listing says but when and where its fees were read.

    The venue's raw object is left out: it carries prices and volumes, which always move.
    """
    fees = {k: v for k, v in row["fees"].items() if k not in ("as_of_ns", "source")}
    said = {**row, "fees": fees}
    return hashlib.sha256(msgspec.json.encode(said, order="deterministic")).hexdigest()[:32]


def instrument_columns(i: Instrument) -> dict[str, Any]:
    """Return the columns of ``markets`` that an instrument alone decides."""
    return {
        "id": i.market_id,
        "venue": i.venue.value,
        "ticker_or_token": i.native_id,
        "title": i.title,
        "event_id": i.event_id,
        "rules_hash": i.rules_hash,
        "settlement_source": i.settlement_source,
        "category": i.category,
        "series_id": i.series_id,
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
        "game_start_ns": i.game_start_ns,
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
        game_start_ns=row["game_start_ns"],
    )


def undated(instrument: Instrument) -> Instrument:
    """Return an instrument without when and where its fees were read, for comparing."""
    return replace(instrument, fees=replace(instrument.fees, as_of_ns=0, source=""))


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


def terms_row(terms: Terms) -> dict[str, Any]:
    grid = [[piece.start, piece.end, piece.step] for piece in terms.grid]
    return {**asdict(terms), "grid": grid}


def terms_of(row: Row | None) -> Terms | None:
    """Return the terms of a stored pair; None where only the hash of its text is known."""
    if row is None:
        return None
    grid = tuple(PriceRange(PriceMicros(a), PriceMicros(b), step) for a, b, step in row["grid"])
    return Terms(row["rules_hash"], row["source"], row["close_ns"], grid, row["fees"])


def pair_of(row: Row, *, is_proven: bool, divergence_ppm: int = 0) -> MatchedPair:
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
        terms_a=terms_of(row["terms_a"]),
        terms_b=terms_of(row["terms_b"]),
        divergence_ppm=divergence_ppm,
        open_clauses=sum(1 for found in row["evidence"] or () if found["verdict"] != "same"),
        is_proven=is_proven,
    )


PAIR_REQUIRED: Final = frozenset(
    "id market_a_id market_b_id polarity verdict llm_score_ppm rules_passed evidence rules_hash_a"
    " rules_hash_b actor reason name category series_id settlement_source updated_ns".split()
)
"""Columns that every row given to ``save_verdicts`` carries."""
PAIR_OPTIONAL: Final[Row] = {"terms_a": None, "terms_b": None, "needs_person": False}
"""What is stored of the other columns where a row does not carry them, ``created_ns`` apart."""


def pair_row(row: Row) -> dict[str, Any]:
    """Return a checked row of ``market_pairs``.

    Raises:
        ValueError: a column is missing or unknown, or an enum value is.
    """
    unknown = row.keys() - PAIR_REQUIRED - PAIR_OPTIONAL.keys() - {"created_ns"}
    missing = PAIR_REQUIRED - row.keys()
    if unknown or missing:
        listed = ", ".join(sorted(unknown | missing))
        raise ValueError(f"market_pairs: {'unknown' if unknown else 'missing'} column {listed}")
    Verdict(row["verdict"])
    Polarity(row["polarity"])
    return {"created_ns": row["updated_ns"], **PAIR_OPTIONAL, **row}

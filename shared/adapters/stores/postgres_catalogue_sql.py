"""Statements that store listings: what changed is written, what did not is only seen again."""

from __future__ import annotations

from typing import Final

from sqlalchemy import text

from shared.adapters.stores.postgres_schema import markets

_MATERIAL: Final = (
    "status rules_hash settlement_source category series_id grid qty_step_micros min_qty_micros"
    " min_notional_usd_micros fees close_time_ns settle_expected_ns settle_worst_ns taker_delay_ns"
    " shard yes_token no_token neg_risk tradeable refusal title game_start_ns"
).split()
"""Columns of a market that the kernel trades by: a change makes a new version of the pair set."""


def _upsert_markets_sql() -> str:
    columns = [c.name for c in markets.columns]
    listed = ", ".join(columns)
    kept = ("id", "first_seen_ns")
    changes = ", ".join(f"{c} = excluded.{c}" for c in columns if c not in kept)
    old = ", ".join(f"m.{c}" for c in _MATERIAL)
    new = ", ".join(f"i.{c}" for c in _MATERIAL)
    return (
        "WITH incoming AS (SELECT * FROM jsonb_populate_recordset(NULL::markets, :rows)),"  # noqa: S608
        " differing AS (SELECT i.id FROM incoming i LEFT JOIN markets m ON m.id = i.id"
        "  WHERE m.id IS NULL OR m.digest <> i.digest),"
        " touched AS (UPDATE markets m SET last_seen_ns = i.last_seen_ns, fees = i.fees"
        "  FROM incoming i WHERE m.id = i.id AND m.digest = i.digest),"
        " changed AS (SELECT i.id FROM incoming i JOIN markets m ON m.id = i.id"
        f" WHERE ({old}) IS DISTINCT FROM ({new})),"
        f" stored AS (INSERT INTO markets ({listed}) SELECT {listed} FROM incoming"
        "  WHERE id IN (SELECT id FROM differing)"
        f" ON CONFLICT (id) DO UPDATE SET {changes}),"
        " moved AS (UPDATE pair_set SET version = version + 1 WHERE EXISTS ("
        "   SELECT 1 FROM market_pairs p JOIN changed c ON c.id IN (p.market_a_id, p.market_b_id)"
        "   WHERE p.verdict IN ('confirmed', 'review')))"
        " SELECT id FROM differing"
    )


UPSERT_MARKETS: Final = text(_upsert_markets_sql())
UPSERT_EVENTS: Final = text(
    "INSERT INTO events (id, venue, slug_or_ticker, title, start_time_ns, end_time_ns,"
    " last_seen_ns) SELECT id, venue, slug_or_ticker, title, start_time_ns, end_time_ns,"
    " last_seen_ns FROM jsonb_populate_recordset(NULL::events, :rows)"
    " ON CONFLICT (id) DO UPDATE SET title = excluded.title,"
    " end_time_ns = greatest(events.end_time_ns, excluded.end_time_ns),"
    " last_seen_ns = greatest(events.last_seen_ns, excluded.last_seen_ns)"
)


CLOSE_UNSEEN: Final = text(
    "WITH closed AS (UPDATE markets SET status = 'closed', digest = ''"
    "  WHERE venue = :venue AND last_seen_ns < :since AND NOT status = ANY(:closed)"
    "  RETURNING id),"
    " moved AS (UPDATE pair_set SET version = version + 1 WHERE EXISTS ("
    "   SELECT 1 FROM market_pairs p JOIN closed c ON c.id IN (p.market_a_id, p.market_b_id)"
    "   WHERE p.verdict IN ('confirmed', 'review')))"
    " SELECT count(*) FROM closed"
)


def _apply_instrument_sql() -> str:
    kept = {"id", "first_seen_ns", "raw", "digest"}
    texts = {"event_title", "question", "outcome_label", "rules_text", "resolution_source"}
    names = [c.name for c in markets.columns if c.name not in kept | texts]
    names = [name for name in names if name not in ("tags", "binary_flag")]
    changes = ", ".join(f"{name} = i.{name}" for name in names)
    return (
        f"UPDATE markets m SET {changes}, digest = '',"  # noqa: S608 - names of the schema
        " rules_text = CASE WHEN m.rules_hash = i.rules_hash THEN m.rules_text ELSE '' END"
        " FROM jsonb_populate_recordset(NULL::markets, CAST(:row AS jsonb)) i"
        " WHERE m.id = :id"
    )


APPLY_INSTRUMENT: Final = text(_apply_instrument_sql())
